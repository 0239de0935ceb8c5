//! Where simulated readings go: into the database, or to a broker that Luna reads like any other
//! program, so that the whole way of a reading can be rehearsed.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::SimulationError;
use super::settings::Settings;
use crate::facts::meters::Reading;
use crate::facts::readings::Delivery;
use crate::facts::readings::ReadingRow;
use crate::facts::readings::Readings;
use crate::facts::readings::Stamp;
use crate::platform::db::Conn;

/// Rows that a broker is given at once.
const PUBLISHED_ROWS: usize = 500;
/// How long a broker may take to say that it has such rows; whoever stops the simulation waits too.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most rows of a batch for the database, and for a broker.
const DATABASE_ROWS: i64 = 20_000;
const BROKER_ROWS: i64 = 2_000;

/// Where simulated readings go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// Into the tables of this box.
    Database,
    /// To the MQTT broker of the settings.
    Mqtt,
    /// To the Kafka cluster of the settings.
    Kafka,
}

impl Output {
    /// The name in the settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Mqtt => "mqtt",
            Self::Kafka => "kafka",
        }
    }

    /// Most rows of one batch.
    pub(super) const fn batch_rows(self) -> i64 {
        match self {
            Self::Database => DATABASE_ROWS,
            Self::Mqtt | Self::Kafka => BROKER_ROWS,
        }
    }
}

/// What takes rows and answers once it has them for good.
///
/// What was not acknowledged is delivered again, in the same order and with the same values: a sink
/// may see a row twice. A meter and an instant name a row, so nothing is counted twice.
pub trait Sink: Send + Sync {
    /// Takes `rows`; answers with how many were new or are on their way. What it writes into the
    /// transaction open on `conn` is committed together with the instant up to which is written.
    fn deliver<'a>(
        &'a self,
        conn: &'a mut Conn,
        rows: Vec<ReadingRow>,
    ) -> BoxFuture<'a, Result<u64, SimulationError>>;
}

/// The tables of this box, written as adapters write them.
pub(super) struct Tables(pub Readings);

impl Sink for Tables {
    fn deliver<'a>(
        &'a self,
        conn: &'a mut Conn,
        rows: Vec<ReadingRow>,
    ) -> BoxFuture<'a, Result<u64, SimulationError>> {
        Box::pin(async move {
            let delivery = Delivery { rows, is_simulated: true, ..Delivery::default() };
            let report = self.0.deliver_in(conn, delivery).await?;
            Ok(report.inserted + report.replaced)
        })
    }
}

type Publish = dyn Fn(Vec<ReadingRow>) -> BoxFuture<'static, Result<(), String>> + Send + Sync;

/// A broker: something that publishes rows and answers when they are acknowledged. Cloning is cheap.
#[derive(Clone)]
pub struct Broker(Arc<Publish>);

impl Broker {
    /// A broker that is given rows by `publish`, which answers once all of them are acknowledged.
    pub fn new<Published, Refused>(
        publish: impl Fn(Vec<ReadingRow>) -> Published + Send + Sync + 'static,
    ) -> Self
    where
        Published: Future<Output = Result<(), Refused>> + Send + 'static,
        Refused: Display,
    {
        Self(Arc::new(move |rows| {
            let published = publish(rows);
            Box::pin(async move { published.await.map_err(|reason| reason.to_string()) })
        }))
    }
}

impl Sink for Broker {
    fn deliver<'a>(
        &'a self,
        _: &'a mut Conn,
        rows: Vec<ReadingRow>,
    ) -> BoxFuture<'a, Result<u64, SimulationError>> {
        Box::pin(async move {
            let count = rows.len() as u64;
            for part in rows.chunks(PUBLISHED_ROWS) {
                let answer = tokio::time::timeout(PATIENCE, (self.0)(part.to_vec())).await;
                let silent = |_| Err(format!("no answer for {} s", PATIENCE.as_secs()));
                answer.unwrap_or_else(silent).map_err(SimulationError::Unacknowledged)?;
            }
            Ok(count)
        })
    }
}

/// The brokers that are set up.
#[derive(Clone, Default)]
pub struct Brokers {
    /// That of `[mqtt]`.
    pub mqtt: Option<Broker>,
    /// That of `[kafka]`.
    pub kafka: Option<Broker>,
}

impl Settings {
    /// Why readings cannot go where `output` says, if they cannot: the service is not set up.
    pub fn output_mistake(&self, has_mqtt: bool, has_kafka: bool) -> Option<String> {
        let (is_there, service, variable) = match self.output {
            Output::Database => (true, "", ""),
            Output::Mqtt => (has_mqtt, "MQTT broker", "MQTT_URL"),
            Output::Kafka => (has_kafka, "Kafka cluster", "KAFKA_BROKERS"),
        };
        let name = self.output.name();
        (!is_there).then(|| {
            format!(
                "output = '{name}', but no {service} is set up; set {variable}, or write \
                 simulation.output = \"database\""
            )
        })
    }
}

/// A reading as adapters deliver it.
pub(super) fn row(reading: Reading) -> ReadingRow {
    ReadingRow {
        interval_s: Some(reading.interval_s),
        consumption_kw: reading.consumption_kw,
        production_kw: reading.production_kw,
        voltage: reading.voltage,
        quality: Some(reading.quality),
        known_at: Some(Stamp(reading.known_at)),
        ..ReadingRow::new(reading.meter_id, reading.ts)
    }
}
