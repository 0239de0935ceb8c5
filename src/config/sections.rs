//! The sections of the settings put together: those of the areas and the few that belong to none.

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::layers::{ConfigError, Effective, Mistake};
use super::sources::Sources;
use crate::access::accounts;
use crate::decisions::alerts;
use crate::facts::drops;
use crate::facts::ingest;
use crate::facts::kafka;
use crate::facts::market;
use crate::facts::meters;
use crate::facts::mqtt;
use crate::facts::simulation;
use crate::facts::tariffs;
use crate::knowledge::ask;
use crate::knowledge::documents;
use crate::knowledge::embedding;
use crate::knowledge::extract;
use crate::knowledge::index;
use crate::learning::serving;
use crate::learning::site_forecasts;
use crate::operations::settings::Stored;
use crate::operations::upkeep;
use crate::platform::db;
use crate::platform::jobs;
use crate::platform::objects;
use crate::platform::telemetry;
use crate::platform::web;

/// The `[storage]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageSettings {
    /// Folder of the private database, datasets and models.
    pub data_dir: PathBuf,
}

impl Default for StorageSettings {
    fn default() -> Self {
        Self { data_dir: "data".into() }
    }
}

/// Every setting of the program.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address, port, start and stop, whom it answers.
    pub server: web::Settings,
    /// Where files are.
    pub storage: StorageSettings,
    /// Where files are kept.
    pub objects: objects::Settings,
    /// Connection string of a database server; absent: a private one in the data folder.
    pub database_url: Option<SecretString>,
    /// Pool and encryption.
    pub database: db::Settings,
    /// Log lines.
    pub telemetry: telemetry::Settings,
    /// Workers, leases, retries.
    pub jobs: jobs::Settings,
    /// The market shown first.
    pub market: market::Settings,
    /// The meter shown first.
    pub meters: meters::Settings,
    /// The broker whose messages become readings.
    pub mqtt: Box<mqtt::Settings>,
    /// A market and houses that do not exist.
    pub simulation: simulation::Settings,
    /// What a kilowatt hour costs at home.
    pub tariffs: tariffs::Settings,
    /// Where files of grid operators come from.
    pub drops: drops::Settings,
    /// Whom Luna asks for prices.
    pub ingest: ingest::Settings,
    /// Logs that readings come from.
    pub kafka: kafka::Settings,
    /// Sessions, registration, passwords.
    pub accounts: accounts::Settings,
    /// How models are taken in, asked and replaced.
    pub models: serving::Settings,
    /// When alerts end, and where they are sent.
    pub alerts: alerts::Settings,
    /// What is forecast of meters.
    pub site_forecasts: site_forecasts::Settings,
    /// What takes the text out of files.
    pub extraction: extract::Settings,
    /// What makes vectors of texts.
    pub embedding: embedding::Settings,
    /// Where chunks are indexed.
    pub vectors: index::Settings,
    /// How documents are cut, how many come in at once, who may read them.
    pub documents: documents::Settings,
    /// How questions about documents are answered.
    pub answers: ask::Settings,
    /// How long what is kept.
    pub upkeep: upkeep::Settings,
    /// Where they come from.
    sources: Arc<Sources>,
}

impl Settings {
    /// The settings that the same sources make together with `stored`.
    pub fn with_stored(&self, stored: &Stored) -> Result<Loaded, ConfigError> {
        load(&Sources { stored: stored.clone(), ..Sources::clone(&self.sources) })
    }
}

/// The settings with where they come from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Every value in force with its origin, section by section; secrets are masked.
    pub effective: Vec<Effective>,
    /// What should be said once but stops nothing.
    pub notices: Vec<String>,
}

/// The settings that `sources` make.
///
/// # Errors
///
/// Every mistake in every source, when there is one; nothing starts half-configured.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let (loaded, mistakes) = load_anyway(sources);
    if mistakes.is_empty() { Ok(loaded) } else { Err(ConfigError(mistakes)) }
}

/// The settings that `sources` make where they are sound, and every mistake, for whoever looks for
/// them; defaults stand in for what is wrong.
#[expect(clippy::too_many_lines, reason = "one entry for each section")]
pub fn load_anyway(sources: &Sources) -> (Loaded, Vec<Mistake>) {
    let mut layers = sources.read();
    let entsoe_token = layers.secret("sources.entsoe_token");
    let [access_key, secret_key] =
        ["objects.access_key", "objects.secret_key"].map(|key| layers.secret(key));
    let mqtt_password = layers.secret("mqtt.password");
    let with_mqtt_password =
        |section: mqtt::Settings| mqtt::Settings { password: mqtt_password.clone(), ..section };
    let [sftp_password, sftp_key_passphrase] =
        ["drops.sftp_password", "drops.sftp_key_passphrase"].map(|key| layers.secret(key));
    let kafka_password = layers.secret("kafka.password");
    let with_password =
        |section: kafka::Settings| kafka::Settings { password: kafka_password.clone(), ..section };
    let webhook_secret = layers.secret("alerts.webhook_secret");
    let with_secret = |section: alerts::Settings| alerts::Settings {
        webhook_secret: webhook_secret.clone(),
        ..section
    };
    let [embedding_key, vectors_key, answers_key] =
        ["embedding.api_key", "vectors.api_key", "answers.api_key"].map(|key| layers.secret(key));
    let with_embedding_key = |section: embedding::Settings| embedding::Settings {
        api_key: embedding_key.clone(),
        ..section
    };
    let with_vectors_key =
        |section: index::Settings| index::Settings { api_key: vectors_key.clone(), ..section };
    let with_keys = |section: objects::Settings| objects::Settings {
        access_key: access_key.clone(),
        secret_key: secret_key.clone(),
        ..section
    };
    let mut settings = Settings {
        server: layers.section("server", web::Settings::mistakes),
        storage: layers.section("storage", no_rules::<StorageSettings>),
        objects: with_keys(layers.section("objects", |section: &objects::Settings| {
            with_keys(section.clone()).mistakes()
        })),
        database_url: layers.secret("database.url"),
        database: layers.section("database", db::Settings::mistakes),
        telemetry: layers.section("telemetry", telemetry::Settings::mistakes),
        jobs: layers.section("jobs", jobs::Settings::mistakes),
        market: layers.section("market", market::Settings::mistakes),
        meters: layers.section("meters", meters::Settings::mistakes),
        mqtt: Box::new(with_mqtt_password(layers.section("mqtt", |section: &mqtt::Settings| {
            with_mqtt_password(section.clone()).mistakes()
        }))),
        simulation: layers.section("simulation", simulation::Settings::mistakes),
        tariffs: layers.section("tariffs", tariffs::Settings::mistakes),
        drops: drops::Settings {
            sftp_password,
            sftp_key_passphrase,
            ..layers.section("drops", drops::Settings::mistakes)
        },
        ingest: ingest::Settings {
            entsoe_token,
            ..layers.section("sources", ingest::Settings::mistakes)
        },
        kafka: with_password(layers.section("kafka", |section: &kafka::Settings| {
            with_password(section.clone()).mistakes()
        })),
        accounts: layers.section("accounts", accounts::Settings::mistakes),
        models: layers.section("models", serving::Settings::mistakes),
        alerts: with_secret(layers.section("alerts", |section: &alerts::Settings| {
            with_secret(section.clone()).mistakes()
        })),
        site_forecasts: layers.section("site_forecasts", site_forecasts::Settings::mistakes),
        extraction: layers.section("extraction", extract::Settings::mistakes),
        embedding: with_embedding_key(
            layers.section("embedding", |section: &embedding::Settings| {
                with_embedding_key(section.clone()).mistakes()
            }),
        ),
        vectors: with_vectors_key(layers.section("vectors", |section: &index::Settings| {
            with_vectors_key(section.clone()).mistakes()
        })),
        documents: layers.section("documents", documents::Settings::mistakes),
        answers: ask::Settings {
            api_key: answers_key,
            ..layers.section("answers", ask::Settings::mistakes)
        },
        upkeep: layers.section("upkeep", upkeep::Settings::mistakes),
        sources: Arc::new(sources.clone()),
    };
    settings.ingest.tariffs = settings.tariffs.clone();
    // One Ollama is enough: where vectors come from, answers may, too.
    if settings.answers.url.is_none() {
        settings.answers.url.clone_from(&settings.embedding.url);
    }
    let brokers = (settings.mqtt.url.is_some(), !settings.kafka.broker_list().is_empty());
    if let Some(what) = settings.simulation.output_mistake(brokers.0, brokers.1) {
        layers.mistake("simulation.output", what);
    }
    layers.finish();
    let (effective, notices) = (layers.effective, layers.notices);
    (Loaded { settings, effective, notices }, layers.mistakes)
}

/// For sections whose types say everything that can be wrong.
fn no_rules<T>(_: &T) -> Vec<String> {
    Vec::new()
}

impl Loaded {
    /// The values in force, one `key = value` a line, with their origins if wanted.
    pub fn show(&self, with_origin: bool) -> String {
        let widest = self.effective.iter().map(|row| row.key.len() + row.value.len()).max();
        let width = widest.unwrap_or(0) + 3;
        let lines = self.effective.iter().map(|Effective { key, value, origin }| {
            let pair = format!("{key} = {value}");
            if with_origin { format!("{pair:<width$}  # {origin}\n") } else { format!("{pair}\n") }
        });
        lines.collect()
    }
}
