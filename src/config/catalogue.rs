//! Every setting with what it is for, what it is without anybody's doing, and when it can change.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use super::layers::{Effective, MASK};
use super::sections::{Loaded, load_anyway};
use super::sources::Sources;
use crate::operations::settings::{Applies, Setting};

/// The documented file: the comment above a setting says what it is for.
const DOCUMENTED: &str = include_str!("../../config/luna.toml");
/// The documented file of the simulation, whose keys stand without a section.
const SIMULATION: &str = include_str!("../../config/sim.yml");

/// Sections and settings that are needed before there is a database, or that each process has for itself.
const IN_FILES_ONLY: &[&str] = &[
    "server.host",
    "server.port",
    "server.roles",
    "server.apply_migrations",
    "server.stop_patience_s",
    "storage.",
    "objects.",
    "database.",
    "telemetry.",
    "mqtt.",
    "simulation.market",
    "simulation.market_seed_file",
    "simulation.meters",
    "simulation.profiles",
    "kafka.",
    "simulation.sites",
    "sources.energy_charts_url",
    "sources.entsoe_url",
    "sources.entsoe_token",
    "sources.open_meteo_url",
    "sources.open_meteo_history_url",
    "sources.ecb_url",
    "sources.awattar_at_url",
    "sources.awattar_de_url",
    "sources.bfe_url",
    "sources.meteoswiss_url",
    "sources.meteoswiss_forecast_url",
    "sources.swissgrid_url",
    "sources.elcom_url",
    "tariffs.urls",
    "tariffs.custom",
    "drops.",
    "alerts.webhook_secret",
    "vectors.",
    "extraction.",
    "embedding.",
    "answers.provider",
    "answers.url",
    "answers.api_key",
    "answers.allow_cloud",
];
/// Sections and settings that are read anew each time; of those the exceptions below are not.
const AT_ONCE: &[&str] = &[
    "server.trusted_proxies",
    "server.admin_addresses",
    "server.requests_per_minute",
    "server.logins_per_minute",
    "market.",
    "meters.",
    "simulation.",
    "sources.",
    "tariffs.",
    "accounts.",
    "models.",
    "alerts.",
    "site_forecasts.",
    "documents.",
    "answers.",
    "upkeep.",
];
/// What is made once: the pool that hashes, the workers that read documents, the turns of a model.
const NOT_AT_ONCE: [&str; 3] =
    ["accounts.hashing_parallel", "documents.workers", "answers.parallel"];

static DEFAULTS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let (loaded, _) = load_anyway(&Sources::default());
    loaded.effective.into_iter().map(|row| (row.key.clone(), value(&row))).collect()
});

static DESCRIPTIONS: LazyLock<BTreeMap<String, String>> =
    LazyLock::new(|| descriptions(DOCUMENTED, SIMULATION));

impl Loaded {
    /// The settings in force as people see them.
    pub fn catalogue(&self) -> Vec<Setting> {
        let setting = |row: &Effective| Setting {
            key: row.key.clone(),
            value: value(row),
            default: DEFAULTS.get(&row.key).cloned().unwrap_or_default(),
            origin: row.origin.clone(),
            applies: applies(&row.key),
            description: DESCRIPTIONS.get(&row.key).cloned().unwrap_or_default(),
            stored: None,
        };
        self.effective.iter().map(setting).collect()
    }
}

/// The value behind the form in which a file would write it; a mask stays one, nothing is `null`.
fn value(row: &Effective) -> Value {
    match row.value.as_str() {
        MASK => MASK.into(),
        written => serde_json::from_str(written).unwrap_or_default(),
    }
}

fn applies(key: &str) -> Applies {
    let listed = |list: &[&str]| {
        list.iter().any(|entry| key == *entry || entry.ends_with('.') && key.starts_with(entry))
    };
    if listed(IN_FILES_ONLY) {
        Applies::InFilesOnly
    } else if listed(AT_ONCE) && !listed(&NOT_AT_ONCE) {
        Applies::AtOnce
    } else {
        Applies::AtNextStart
    }
}

/// The comment above each `# key = value` of the one file, by `section.key`, and above each
/// `# key: value` of the other.
fn descriptions(text: &str, simulation: &str) -> BTreeMap<String, String> {
    let mut found = descriptions_by(text, ("", " = "));
    found.extend(descriptions_by(simulation, ("simulation", ":")));
    found
}

fn descriptions_by<'a>(
    text: &'a str,
    (mut section, separator): (&'a str, &str),
) -> BTreeMap<String, String> {
    let (mut comment, mut found) = (Vec::new(), BTreeMap::new());
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
            comment.clear();
            continue;
        }
        let Some(said) = line.strip_prefix("# ") else {
            comment.clear();
            continue;
        };
        match said.split_once(separator).filter(|(key, _)| !key.contains(' ')) {
            Some((key, _)) => {
                found.insert(format!("{section}.{key}"), comment.join(" "));
                comment.clear();
            }
            None => comment.push(said),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_says_what_it_is_for_and_when_it_changes() {
        let (loaded, _) = load_anyway(&Sources::default());
        let all = loaded.catalogue();
        assert!(all.len() > 30, "{}", all.len());
        for setting in &all {
            assert!(setting.description.ends_with('.'), "{setting:?}");
            assert_eq!(setting.value, setting.default, "{}", setting.key);
        }
        let of = |key: &str| all.iter().find(|setting| setting.key == key).unwrap();
        assert_eq!(of("server.port").applies, Applies::InFilesOnly);
        assert_eq!(of("database.url").applies, Applies::InFilesOnly);
        assert_eq!(of("accounts.registration").applies, Applies::AtOnce);
        assert_eq!(of("accounts.hashing_parallel").applies, Applies::AtNextStart);
        assert_eq!(of("server.cors_origins").applies, Applies::AtNextStart);
        assert_eq!(
            of("jobs.renew_s").description,
            "How often a worker renews its lease, in seconds; at most half of lease_s."
        );
        assert_eq!(of("market.default").default, "auto");
        assert_eq!(of("server.logins_per_minute").default, 20);
    }
}
