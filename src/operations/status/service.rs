//! Asks every part how it is; a part that is down is an answer, not an error.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::base::timeline::Clock;
use crate::facts::kafka::Kafka;
use crate::facts::market::Coverage;
use crate::facts::market::Prices;
use crate::facts::mqtt::ConsumerState;
use crate::facts::mqtt::Mqtt;
use crate::knowledge::ask::Ask;
use crate::knowledge::documents::{Documents, Standing as OfDocuments};
use crate::learning::prediction::Forecasts;
use crate::learning::registry::Registry;
use crate::platform::db::Db;
use crate::platform::jobs::Jobs;
use crate::platform::objects::{Objects, Space, Standing, space};

/// Less room than this stops the database at the next busy moment.
const SPACE_MIN: u64 = 200 << 20;

/// Whether the start has come to its end; shared with whoever drives it.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// The database has this program's schema and the services may be used.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How one part is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Check {
    /// What was asked.
    #[schema(example = "database")]
    pub name: &'static str,
    /// Whether it works.
    pub ok: bool,
    /// What it is or why it does not work, as a sentence.
    #[schema(example = "private PostgreSQL in the data folder")]
    pub detail: String,
}

/// Whether the box can serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Health {
    /// `ok`, `degraded` (it serves, but a part needs somebody) or `down`.
    #[schema(example = "ok")]
    pub status: &'static str,
    /// The process answers.
    pub live: bool,
    /// Requests that need the database can be served.
    pub ready: bool,
    /// One entry per part.
    pub checks: Vec<Check>,
}

/// A service of its own that Luna can use, or what stands in for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Component {
    /// The role.
    #[schema(example = "object_store")]
    pub role: &'static str,
    /// What fills it now.
    #[schema(example = "data folder")]
    pub active: String,
    /// Whether that is reachable.
    pub reachable: bool,
}

/// Counts of what is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct Counts {
    /// Day-ahead prices, all markets.
    pub market_prices: i64,
    /// Models that are not deleted.
    pub models: i64,
    /// Published forecasts.
    pub forecast_runs: i64,
    /// Documents, all versions of them.
    pub items: i64,
    /// Chunks of documents.
    pub chunks: i64,
}

/// Reachability and counts.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StatusSummary {
    /// Version of the program.
    pub version: &'static str,
    /// When this answer was made.
    pub now: DateTime<Utc>,
    /// Whether the box can serve.
    pub health: Health,
    /// What fills which role.
    pub components: Vec<Component>,
    /// What is stored; absent while the database is away.
    pub counts: Option<Counts>,
    /// Prices per market and product; empty while the database is away.
    pub markets: Vec<Coverage>,
}

/// Health and status of this installation.
#[derive(Clone)]
pub struct Status {
    pub(super) db: Db,
    readiness: Readiness,
    prices: Prices,
    registry: Registry,
    forecasts: Forecasts,
    objects: Objects,
    data_dir: PathBuf,
    pub(super) jobs: Jobs,
    mqtt: Mqtt,
    kafka: Kafka,
    documents: Documents,
    ask: Ask,
    pub(super) clock: Clock,
    pub(super) started_at: DateTime<Utc>,
    started: Duration,
}

/// The parts that are asked.
#[derive(Clone)]
pub struct Asked {
    /// The database.
    pub db: Db,
    /// Whether the start has come to its end.
    pub readiness: Readiness,
    /// Prices.
    pub prices: Prices,
    /// Models.
    pub registry: Registry,
    /// Published forecasts.
    pub forecasts: Forecasts,
    /// Files.
    pub objects: Objects,
    /// Folder of the private database, of files without a store of their own, of secrets.
    pub data_dir: PathBuf,
    /// The queue.
    pub jobs: Jobs,
    /// The broker that is read.
    pub mqtt: Mqtt,
    /// Logs that readings come from.
    pub kafka: Kafka,
    /// Documents.
    pub documents: Documents,
    /// Answers from them.
    pub ask: Ask,
}

impl Status {
    /// Status of these parts, from now on.
    pub fn new(asked: Asked, clock: Clock) -> Self {
        let Asked {
            db,
            readiness,
            prices,
            registry,
            forecasts,
            objects,
            data_dir,
            jobs,
            kafka,
            mqtt,
            documents,
            ask,
        } = asked;
        let (started_at, started) = (clock.now(), clock.elapsed());
        Self {
            db,
            readiness,
            prices,
            registry,
            forecasts,
            objects,
            data_dir,
            jobs,
            mqtt,
            kafka,
            documents,
            ask,
            clock,
            started_at,
            started,
        }
    }

    /// How everything is that documents and their answers stand on.
    async fn standings(&self) -> Vec<OfDocuments> {
        let mut all = self.documents.standings().await;
        all.push(self.ask.standing().await);
        all
    }

    /// How long the process has been running, whatever was done to the machine's clock.
    pub(super) fn uptime(&self) -> Duration {
        self.clock.elapsed().saturating_sub(self.started)
    }

    /// Whether the box can serve; asks the database.
    pub async fn health(&self) -> Health {
        let place = self.db.describe();
        let ping = self.db.ping().await;
        metrics::gauge!("ml_db_connected").set(f64::from(u8::from(ping.is_ok())));
        if ping.is_err() {
            metrics::counter!("ml_errors_total", "kind" => "database").increment(1);
        }
        let database = match &ping {
            Ok(()) => Check { name: "database", ok: true, detail: format!("answers at {place}") },
            Err(error) => Check { name: "database", ok: false, detail: error.to_string() },
        };
        let migrated = self.readiness.is_set();
        let detail = if migrated {
            "is this program's"
        } else {
            "is not checked yet: waiting for the database"
        };
        let schema = Check { name: "schema", ok: migrated, detail: detail.to_owned() };
        let ready = database.ok && migrated;
        let files = self.object_store().await;
        let can_look = ready && files.ok;
        let mut checks = vec![database, schema, self.disk(), files];
        if can_look {
            checks.push(self.model_store().await);
        }
        if ready && let Some(broker) = self.broker().await {
            checks.push(broker);
        }
        // Without brokers there is nothing that could be away.
        if ready && let Some(kafka) = self.kafka.standing().await {
            checks.push(Check { name: "kafka", ok: kafka.ok, detail: kafka.detail });
        }
        if ready {
            let standings = self.standings().await.into_iter();
            // A box without a model is sound: words find passages, too.
            checks.extend(standings.filter(|standing| standing.is_set).map(|standing| Check {
                name: standing.role,
                ok: standing.is_reachable,
                detail: standing.detail,
            }));
        }
        let status = match (ready, checks.iter().all(|check| check.ok)) {
            (false, _) => "down",
            (true, false) => "degraded",
            (true, true) => "ok",
        };
        Health { status, live: true, ready, checks }
    }

    /// Brings the metrics up to date that nobody else moves: whether the database answers, and how
    /// far the queue is behind, also while every worker is busy.
    pub async fn measure(&self) {
        if self.health().await.ready
            && let Ok(lag_s) = self.jobs.lag_s().await
        {
            metrics::gauge!("luna_jobs_queue_lag_seconds").set(lag_s);
            if let Err(error) = self.documents.measure().await {
                tracing::debug!(%error, "Documents cannot be counted: {error}");
            }
        }
    }

    /// Room for data; absent where the disk cannot be asked.
    pub fn space(&self) -> Option<Space> {
        space(&self.data_dir).ok()
    }

    /// Whether files can be kept and handed out.
    async fn object_store(&self) -> Check {
        let Standing { ok, detail } = self.objects.standing().await;
        Check { name: "object_store", ok, detail }
    }

    /// Whether the broker is read; absent where none is set.
    async fn broker(&self) -> Option<Check> {
        self.mqtt.settings().broker()?;
        let (ok, detail) = match self.mqtt.standing().await {
            Ok(standing) => (standing.state == ConsumerState::Connected, standing.detail),
            Err(error) => (false, error.to_string()),
        };
        Some(Check { name: "mqtt", ok, detail })
    }

    fn disk(&self) -> Check {
        match space(&self.data_dir) {
            Ok(space) => disk_check(space),
            Err(error) => Check { name: "disk", ok: false, detail: error.to_string() },
        }
    }

    /// Whether the files of the models that serve are there; their content is checked when they load.
    async fn model_store(&self) -> Check {
        let (ok, detail) = match self.registry.without_file().await {
            Ok(missing) if missing.is_empty() => {
                (true, "holds the file of every serving model".to_owned())
            }
            Ok(missing) => (false, format!("the file of {} is not there", missing.join(", "))),
            Err(error) => (false, error.to_string()),
        };
        Check { name: "model_store", ok, detail }
    }

    /// Reachability and counts of everything.
    pub async fn summary(&self) -> StatusSummary {
        let health = self.health().await;
        let counts = if health.ready { self.counts().await } else { None };
        let markets =
            if health.ready { self.prices.markets().await.unwrap_or_default() } else { Vec::new() };
        let database = Component {
            role: "database",
            active: if self.db.has_timescale() {
                format!("TimescaleDB at {}", self.db.describe())
            } else {
                format!(
                    "PostgreSQL without TimescaleDB at {}: plain tables stand in",
                    self.db.describe()
                )
            },
            reachable: health.ready,
        };
        let files = Component {
            role: "object_store",
            active: self.objects.describe(),
            reachable: health.checks.iter().any(|check| check.name == "object_store" && check.ok),
        };
        let read = health.checks.iter().find(|check| check.name == "mqtt");
        let broker = Component {
            role: "mqtt_broker",
            active: read.map_or_else(
                || self.mqtt.settings().broker().unwrap_or_else(|| "none is set".to_owned()),
                |check| check.detail.clone(),
            ),
            reachable: read.is_some_and(|check| check.ok),
        };
        let standings = self.standings().await.into_iter();
        let of_documents = standings.map(|standing| Component {
            role: standing.role,
            active: standing.detail,
            reachable: standing.is_set && standing.is_reachable,
        });
        StatusSummary {
            version: env!("CARGO_PKG_VERSION"),
            now: self.clock.now(),
            health,
            components: [database, files, broker].into_iter().chain(of_documents).collect(),
            counts,
            markets,
        }
    }

    pub(super) async fn counts(&self) -> Option<Counts> {
        let documents = self.documents.counts().await.ok()?;
        Some(Counts {
            items: documents.total(),
            chunks: documents.chunks,
            market_prices: self.prices.count().await.ok()?,
            models: self.registry.count().await.ok()?,
            forecast_runs: self.forecasts.count().await.ok()?,
        })
    }
}

fn disk_check(space: Space) -> Check {
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    let (free, total) = (gib(space.free_bytes), gib(space.total_bytes));
    Check {
        name: "disk",
        ok: space.free_bytes >= SPACE_MIN,
        detail: format!("{free:.1} of {total:.1} GiB are free for data"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_sound_while_the_database_has_room() {
        let with = |free_bytes| disk_check(Space { free_bytes, total_bytes: 100 << 30 });
        assert!(!with(199 << 20).ok && with(200 << 20).ok);
        assert_eq!(with(50 << 30).detail, "50.0 of 100.0 GiB are free for data");
    }
}
