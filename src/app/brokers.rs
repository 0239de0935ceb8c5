//! The brokers that simulated readings can be sent to.

use std::sync::Arc;

use crate::config::Settings;
use crate::facts::kafka::Kafka;
use crate::facts::mqtt;
use crate::facts::simulation::Broker;
use crate::facts::simulation::Brokers;

/// What simulated readings can be sent to: the brokers that are set up.
pub(super) fn brokers(settings: &Settings, kafka: &Kafka) -> Brokers {
    let mqtt = settings.mqtt.url.is_some().then(|| {
        let publisher = Arc::new(mqtt::Publisher::new((*settings.mqtt).clone()));
        Broker::new(move |rows| {
            let publisher = Arc::clone(&publisher);
            async move { publisher.publish(&rows).await }
        })
    });
    let kafka = (!settings.kafka.broker_list().is_empty()).then(|| {
        let publisher = Arc::new(kafka.publisher());
        Broker::new(move |rows| {
            let publisher = Arc::clone(&publisher);
            async move { publisher.publish(&rows).await.map(drop) }
        })
    });
    Brokers { mqtt, kafka }
}
