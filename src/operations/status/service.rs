//! Asks every part how it is; a part that is down is an answer, not an error.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::base::timeline::Clock;
use crate::facts::market::Coverage;
use crate::facts::market::Prices;
use crate::learning::prediction::Forecasts;
use crate::learning::registry::Registry;
use crate::platform::db::Db;

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
    /// `ok` or `down`.
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
    pub(super) data_dir: PathBuf,
    readiness: Readiness,
    prices: Prices,
    registry: Registry,
    forecasts: Forecasts,
    clock: Clock,
}

impl Status {
    /// Status of these parts.
    pub const fn new(
        db: Db,
        data_dir: PathBuf,
        readiness: Readiness,
        prices: Prices,
        registry: Registry,
        forecasts: Forecasts,
        clock: Clock,
    ) -> Self {
        Self { db, data_dir, readiness, prices, registry, forecasts, clock }
    }

    /// Whether the box can serve; asks the database.
    pub async fn health(&self) -> Health {
        let place = self.db.describe();
        let ping = self.db.ping().await;
        metrics::gauge!("ml_db_connected").set(f64::from(u8::from(ping.is_ok())));
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
        Health {
            status: if ready { "ok" } else { "down" },
            live: true,
            ready,
            checks: vec![database, schema],
        }
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
        let folder =
            Component { role: "object_store", active: "data folder".to_owned(), reachable: true };
        StatusSummary {
            version: env!("CARGO_PKG_VERSION"),
            now: self.clock.now(),
            health,
            components: vec![database, folder],
            counts,
            markets,
        }
    }

    async fn counts(&self) -> Option<Counts> {
        Some(Counts {
            market_prices: self.prices.count().await.ok()?,
            models: self.registry.count().await.ok()?,
            forecast_runs: self.forecasts.count().await.ok()?,
        })
    }
}
