//! The program's settings with those from the database among them, and who is told when they change.

use std::sync::Arc;
use std::time::Duration;

use crate::access::accounts;
use crate::config::{ConfigError, Loaded, Mistake, Settings};
use crate::decisions::alerts;
use crate::facts::ingest;
use crate::facts::market;
use crate::facts::meters;
use crate::facts::simulation;
use crate::facts::tariffs;
use crate::knowledge::ask;
use crate::knowledge::documents;
use crate::learning::serving;
use crate::learning::site_forecasts;
use crate::operations::settings;
use crate::operations::settings::{Book, Setting, Stored};
use crate::operations::upkeep;
use crate::platform::db::Db;
use crate::platform::runtime::Live;
use crate::platform::web::Protections;

/// Longest wait for stored settings at a start: a database that is away must not hold it up.
const READ_MAX: Duration = Duration::from_secs(2);

/// The settings of this process.
pub(super) struct ProgramSettings {
    /// As sources without the database make them.
    pub base: Settings,
    /// What accounts read.
    pub accounts: Live<accounts::Settings>,
    /// What the choice of a market reads.
    pub market: Live<market::Settings>,
    /// What the choice of a meter reads.
    pub meters: Live<meters::Settings>,
    /// What the simulation reads.
    pub simulation: Live<simulation::Settings>,
    /// What tariffs read.
    pub tariffs: Live<tariffs::Settings>,
    /// What asking sources reads.
    pub ingest: Live<ingest::Settings>,
    /// What models are served by.
    pub models: Live<serving::Settings>,
    /// When alerts end, and where they are sent.
    pub alerts: Live<alerts::Settings>,
    /// What forecasts of meters read.
    pub site_forecasts: Live<site_forecasts::Settings>,
    /// What documents read.
    pub documents: Live<documents::Settings>,
    /// What answering reads.
    pub answers: Live<ask::Settings>,
    /// What upkeep reads.
    pub upkeep: Live<upkeep::Settings>,
    /// What requests meet first.
    pub protections: Arc<Protections>,
}

impl Book for ProgramSettings {
    fn read(&self, stored: &Stored) -> Result<Vec<Setting>, Vec<String>> {
        let loaded = self.base.with_stored(stored).map_err(|ConfigError(mistakes)| mistakes);
        loaded.map(|loaded| loaded.catalogue()).map_err(|all| all.iter().map(said).collect())
    }

    fn sound(&self, stored: Stored) -> Stored {
        sound(&self.base, stored)
    }

    fn apply(&self, stored: &Stored) {
        let Ok(Loaded { settings, .. }) = self.base.with_stored(stored) else { return };
        self.accounts.set(settings.accounts);
        self.market.set(settings.market);
        self.meters.set(settings.meters);
        self.simulation.set(settings.simulation);
        self.tariffs.set(settings.tariffs);
        self.ingest.set(settings.ingest);
        self.models.set(settings.models);
        self.alerts.set(settings.alerts);
        self.site_forecasts.set(settings.site_forecasts);
        self.documents.set(settings.documents);
        self.answers.set(settings.answers);
        self.upkeep.set(settings.upkeep);
        self.protections.apply(&settings.server);
    }
}

/// A mistake in words; of those in the database everybody knows the place.
fn said(Mistake { place, what }: &Mistake) -> String {
    if place == "database" { what.clone() } else { format!("{place}: {what}") }
}

/// `stored` without what is unsound, each of which is said: values that a mistake is about, or else
/// those of its section.
fn sound(base: &Settings, mut stored: Stored) -> Stored {
    while let Err(ConfigError(mistakes)) = base.with_stored(&stored) {
        let before = stored.len();
        for mistake in mistakes {
            let key = mistake.what.split([' ', ':']).next().unwrap_or_default();
            let section = key.split_inclusive('.').next().unwrap_or_default();
            if stored.remove(key).is_none() {
                stored.retain(|other, _| !other.starts_with(section));
            }
            let what = mistake.what;
            tracing::warn!("What the database says is left out, because {what}");
        }
        if stored.len() == before {
            return Stored::new();
        }
    }
    stored
}

/// What is stored in `db`, as far as it can be read and is sound.
pub(crate) async fn stored_in(db: &Db, settings: &Settings) -> Stored {
    match tokio::time::timeout(READ_MAX, settings::stored(db)).await {
        Ok(Ok(stored)) => sound(settings, stored),
        Ok(Err(error)) => {
            // A new database has no such table yet.
            tracing::debug!(%error, "Settings in the database cannot be read: {error}");
            Stored::new()
        }
        Err(_) => Stored::new(),
    }
}

/// `settings` with what is stored in `db`.
pub(crate) async fn with_stored(settings: &Settings, db: &Db) -> Settings {
    let stored = stored_in(db, settings).await;
    settings.with_stored(&stored).map_or_else(|_| settings.clone(), |loaded| loaded.settings)
}
