//! What the program connects to before it has services: the database, brokers.

use std::sync::Arc;

use crate::config::Settings;
use crate::facts::kafka::Kafka;
use crate::facts::mqtt;
use crate::facts::simulation::Broker;
use crate::facts::simulation::Brokers;
use crate::platform::db::Db;
use crate::platform::db::DbError;
use crate::platform::db::embedded::EmbeddedError;
use crate::platform::db::embedded::EmbeddedPostgres;
use crate::platform::db::embedded::Mode;

/// Why there is no database to work with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The private database could not be started.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The settings of the connection make no sense.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The configured database, or the private one, which is started or joined.
pub(crate) async fn connect(
    settings: &Settings,
    mode: Mode,
) -> Result<(Db, Option<EmbeddedPostgres>), ConnectError> {
    if let Some(url) = &settings.database_url {
        return Ok((Db::new(&settings.database, url)?, None));
    }
    let folder = std::path::absolute(&settings.storage.data_dir)
        .unwrap_or_else(|_| settings.storage.data_dir.clone());
    let bin = settings.database.postgres_bin.as_deref();
    let private = EmbeddedPostgres::start(&folder, mode, bin).await?;
    Ok((Db::new(&settings.database, &private.url())?, Some(private)))
}

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
