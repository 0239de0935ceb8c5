//! Layers, mistakes and origins; the documented files against the structs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use secrecy::ExposeSecret;
use serde_json::json;
use tempfile::TempDir;

use super::names::{FIXED, Use};
use super::*;
use crate::operations::settings::Stored;

/// A folder with settings.
struct Place(TempDir);

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("config")).unwrap();
        for (name, text) in files {
            fs::write(place.path().join(name), text).unwrap();
        }
        Self(place)
    }

    fn sources(
        &self,
        environment: &[(&str, &str)],
        flags: &[(&'static str, &'static str, &str)],
    ) -> Sources {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let flag = |(name, key, value): &(&'static str, &'static str, &str)| Flag {
            name,
            key,
            value: (*value).to_owned(),
        };
        Sources {
            config_dir: self.0.path().join("config"),
            env_file: self.0.path().join(".env"),
            environment: environment.iter().map(owned).collect(),
            flags: flags.iter().map(flag).collect(),
            stored: Stored::new(),
        }
    }

    fn load(&self, environment: &[(&str, &str)]) -> Loaded {
        load(&self.sources(environment, &[])).unwrap()
    }

    /// Mistakes, with the folder's name left out.
    fn mistakes(&self, environment: &[(&str, &str)]) -> Vec<String> {
        let ConfigError(mistakes) = load(&self.sources(environment, &[])).unwrap_err();
        let folder = format!("{}/", self.0.path().display());
        let line = |Mistake { place, what }| format!("{place}: {what}").replace(&folder, "");
        mistakes.into_iter().map(line).collect()
    }
}

fn row<'a>(loaded: &'a Loaded, key: &str) -> &'a Effective {
    loaded.effective.iter().find(|row| row.key == key).unwrap()
}

#[test]
fn without_any_source_the_defaults_hold() {
    let loaded = Place::new(&[]).load(&[]);
    assert_eq!(
        (loaded.settings.server.host.as_str(), loaded.settings.server.port),
        ("0.0.0.0", 8001)
    );
    assert_eq!(loaded.settings.storage.data_dir, Path::new("data"));
    assert!(loaded.settings.database_url.is_none());
    assert!(loaded.effective.iter().all(|row| row.origin == "default"));
    assert_eq!(loaded.notices, Vec::<String>::new());
}

#[test]
fn flags_win_over_environment_over_env_file_over_files_over_defaults() {
    let place = Place::new(&[
        ("config/a.toml", "[server]\nport = 1001\nhost = \"::1\"\nstop_patience_s = 1\n"),
        ("config/b.toml", "[server]\nport = 1002\nhost = \"127.0.0.2\"\n[jobs]\nworkers = 7\n"),
        (".env", "API_PORT=1003\nLUNA_JOBS__POLL_S=3\n"),
    ]);
    let environment = [("API_PORT", "1004"), ("LUNA_SERVER__PORT", "1005"), ("PATH", "/bin")];
    let flags = [("--port", "server.port", "1006")];
    let port = |loaded: &Loaded| loaded.settings.server.port;

    let with_flags = load(&place.sources(&environment, &flags)).unwrap();
    assert_eq!(
        (port(&with_flags), row(&with_flags, "server.port").origin.as_str()),
        (1006, "flag --port")
    );
    let without = place.load(&environment);
    assert_eq!(port(&without), 1004, "the fixed name counts more than the general one");
    assert_eq!(row(&without, "server.port").origin, "environment API_PORT");
    let from_files = place.load(&[]);
    assert_eq!(port(&from_files), 1003);
    assert!(row(&from_files, "server.port").origin.ends_with(".env API_PORT"));
    assert_eq!(from_files.settings.server.host, "127.0.0.2");
    assert!(row(&from_files, "server.host").origin.ends_with("config/b.toml"));
    assert!(row(&from_files, "server.stop_patience_s").origin.ends_with("config/a.toml"));
    assert_eq!((from_files.settings.jobs.workers, from_files.settings.jobs.poll_s), (7, 3));
    assert_eq!(row(&from_files, "jobs.lease_s").origin, "default");
}

#[test]
fn what_admins_stored_stands_between_the_environment_and_the_files() {
    let place = Place::new(&[
        (
            "config/a.toml",
            "[server]\nrequests_per_minute = 1\nlogins_per_minute = 2\n[jobs]\nworkers = 3\n",
        ),
        (".env", "LUNA_SERVER__LOGINS_PER_MINUTE=20\n"),
    ]);
    let stored = [
        ("server.requests_per_minute", json!(100)),
        ("server.logins_per_minute", json!(200)),
        ("server.admin_addresses", json!(["192.0.2.0/24"])),
        ("market.default", json!("AT")),
    ];
    let stored: Stored = stored.map(|(key, value)| (key.to_owned(), value)).into();
    let loaded = place.load(&[]).settings.with_stored(&stored).unwrap();
    let origin = |key| row(&loaded, key).origin.clone();
    assert_eq!(loaded.settings.server.requests_per_minute, 100);
    assert_eq!(origin("server.requests_per_minute"), "database");
    assert_eq!(loaded.settings.server.logins_per_minute, 20, "the environment wins");
    assert!(origin("server.logins_per_minute").ends_with(".env LUNA_SERVER__LOGINS_PER_MINUTE"));
    assert_eq!(loaded.settings.jobs.workers, 3);
    assert!(loaded.settings.server.admin_addresses.contains("192.0.2.7".parse().unwrap()));
    assert!(loaded.show(true).contains("\"AT\""), "{}", loaded.show(true));
    assert!(loaded.show(true).contains("# database\n"));

    let bad = [
        ("server.requests_per_minute", json!("many")),
        ("server.cors_origins", json!(["*"])),
        ("server.admin_addresses", json!("here")),
        ("jobs.renew_s", json!(31)),
        ("accounts.access_token_minutes", json!(0)),
        ("market.colour", json!("red")),
    ];
    let bad: Stored = bad.map(|(key, value)| (key.to_owned(), value)).into();
    let ConfigError(mistakes) = place.load(&[]).settings.with_stored(&bad).unwrap_err();
    assert!(mistakes.iter().all(|mistake| mistake.place == "database"), "{mistakes:?}");
    assert_eq!(mistakes.len(), bad.len(), "{mistakes:?}");
}

#[test]
fn all_mistakes_are_named_at_once_each_with_its_place() {
    let place = Place::new(&[
        (
            "config/luna.toml",
            "[server]\nprot = 80\nport = \"many\"\nhost = \"here\"\n[job]\nworkers = 1\n[jobs]\nrenew_s = 50\n",
        ),
        (".env", "API_PROT=8001\nLUNA_JOBS__WORKER=3\nLUNA_DATADIR=/srv\n"),
    ]);
    let environment = [("LUNA_JOBS__LEASE_S", "-1"), ("LUNA_TELEMETRY__FORMAT", "yaml")];
    let mut mistakes = place.mistakes(&environment);
    mistakes.sort();
    let expected = [
        ".env LUNA_JOBS__WORKER: jobs.worker is not a setting; did you mean jobs.workers?",
        ".env: API_PROT is not known; did you mean API_PORT?",
        ".env: LUNA_DATADIR is not known; did you mean LUNA_DATA_DIR?",
        "config/luna.toml: job.workers is not a setting; did you mean jobs.workers?",
        "config/luna.toml: jobs.renew_s = 50 is not between 1 and half of lease_s = 60",
        "config/luna.toml: server.host = \"here\" is not an address; write e.g. 0.0.0.0 or ::",
        "config/luna.toml: server.port = \"many\": invalid type: found string \"many\", expected u16",
        "config/luna.toml: server.prot is not a setting; did you mean server.port?",
        "environment LUNA_JOBS__LEASE_S: jobs.lease_s = -1: invalid value signed int `-1`, expected u32",
        "environment LUNA_TELEMETRY__FORMAT: telemetry.format = \"yaml\": is none of json, human, auto",
    ];
    assert_eq!(mistakes, expected);
}

#[test]
fn a_file_that_cannot_be_read_is_a_mistake_with_its_line() {
    let broken = Place::new(&[("config/luna.toml", "[server]\nport = \n"), (".env", "A LINE\n")]);
    let mistakes = broken.mistakes(&[]);
    assert_eq!(mistakes.len(), 2, "{mistakes:?}");
    assert!(
        mistakes[0].starts_with("config/luna.toml: TOML parse error at line 2"),
        "{mistakes:?}"
    );
    assert!(mistakes[1].starts_with(".env: "), "{mistakes:?}");
    let loose = Place::new(&[("config/luna.toml", "port = 1\n")]);
    assert_eq!(
        loose.mistakes(&[]),
        ["config/luna.toml: port stands before the first [section]; it belongs into one"]
    );
}

#[test]
fn the_connection_string_is_never_shown() {
    let url = "postgres://luna:geheim@localhost/luna";
    for name in ["DATABASE_URL", "DB_DSN", "LUNA_DATABASE__URL"] {
        let loaded = Place::new(&[]).load(&[(name, url)]);
        let given = loaded.settings.database_url.as_ref().unwrap();
        assert_eq!(given.expose_secret(), url);
        let shown = loaded.show(true);
        let expected = format!("# environment {name}\n");
        assert!(shown.contains("database.url = ********") && shown.contains(&expected), "{shown}");
        assert!(!format!("{loaded:?}{shown}").contains("geheim"));
    }
    let both = Place::new(&[]).load(&[("DATABASE_URL", url), ("DB_DSN", "postgres://old")]);
    assert_eq!(row(&both, "database.url").origin, "environment DATABASE_URL");
    let number = Place::new(&[("config/luna.toml", "[database]\nurl = 5\n")]);
    assert_eq!(number.mistakes(&[]), ["config/luna.toml: database.url must be text in quotes"]);
}

#[test]
fn a_known_but_unused_variable_is_said_once() {
    let loaded = Place::new(&[]).load(&[("REDIS_PORT", "6379")]);
    assert_eq!(
        loaded.notices,
        ["environment REDIS_PORT has no effect: caches live in the process"]
    );
}

#[test]
fn text_that_looks_like_a_number_stays_text_where_text_is_wanted() {
    let loaded = Place::new(&[]).load(&[("LUNA_DATA_DIR", "2026"), ("LUNA_MARKET__DEFAULT", "de")]);
    assert_eq!(loaded.settings.storage.data_dir, Path::new("2026"));
    let market = crate::base::ids::Market::parse("DE-LU").unwrap();
    assert_eq!(loaded.settings.market.default, crate::facts::market::Choice::Fixed(market));
}

fn project_file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The lines of the documented file that are settings, without the mark that makes them none.
fn opened_yaml(text: &str) -> String {
    let lines = text.lines().filter_map(|line| line.strip_prefix("# "));
    let is_setting = |line: &&str| {
        line.trim().split_once(':').is_some_and(|(key, _)| !key.is_empty() && !key.contains(' '))
    };
    lines.filter(is_setting).flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn the_file_of_the_simulation_stands_among_the_files() {
    let place = Place::new(&[
        ("config/luna.toml", "[simulation]\nseed = 1\nhistory_days = 50\n"),
        (
            "config/sim.yml",
            "seed: 2\nlatitude_deg: 46.9\nmarket: {noise_eur_mwh: 3}\nmeters:\n  sim-flat:\n    \
             profile: flat\n    house: 2\n",
        ),
    ]);
    let stored: Stored = [("simulation.seed".to_owned(), json!(3))].into();
    let loaded = place.load(&[]).settings.with_stored(&stored).unwrap();
    let simulation = &loaded.settings.simulation;
    assert_eq!((simulation.seed, simulation.history_days), (3, 50));
    assert_eq!((simulation.market.noise_eur_mwh, simulation.market.waves), (3.0, 1.0));
    let names: Vec<&String> = simulation.meters.keys().collect();
    assert_eq!(names, ["sim-flat", "sim-grid", "sim-house"]);
    assert_eq!(
        (simulation.meters["sim-flat"].house, simulation.meters["sim-flat"].interval_s),
        (2, 5)
    );
    assert!(row(&loaded, "simulation.meters").origin.ends_with("config/sim.yml"));
    assert!(row(&loaded, "simulation.market").origin.ends_with("config/sim.yml"));
    assert_eq!(row(&loaded, "simulation.profiles").origin, "default");
    assert_eq!(place.load(&[]).settings.simulation.seed, 2, "the file of its own wins");
    let environment = [("LUNA_SIMULATION__MARKET__WAVES", "0.5")];
    assert!((place.load(&environment).settings.simulation.market.waves - 0.5).abs() < 1e-12);
}

#[test]
fn every_mistake_in_the_file_of_the_simulation_is_named_at_once() {
    let place = Place::new(&[(
        "config/sim.yml",
        "sed: 1\nlatitude_deg: 90\nmarket:\n  noise: 1\n  waves: high\nmeters:\n  house: {}\n  \
         sim-a: {profile: househld, interval_s: 7, outage_rate: 0.5}\n  sim-b: {intervall_s: 5}\n\
         profiles:\n  flat: {pv_kwp: -1}\n1: x\n",
    )]);
    let mut mistakes = place.mistakes(&[]);
    mistakes.sort();
    let expected = [
        "config/sim.yml: simulation has a key that is no text; put it in quotes",
        "config/sim.yml: simulation.latitude_deg = 90 is not between -66 and 66",
        "config/sim.yml: simulation.market.noise = 1: has no 'noise'; it may have waves, noise_eur_mwh, spike_rate; did you mean noise_eur_mwh?",
        "config/sim.yml: simulation.market.waves = \"high\": invalid type: found string \"high\", expected f64",
        "config/sim.yml: simulation.meters.sim-a.interval_s = 7 does not fill a minute; write 1, 2, 3, 4, 5 or another divisor of 60",
        "config/sim.yml: simulation.meters.sim-a.outage_rate = 0.5 is not between 0 and 0.15",
        "config/sim.yml: simulation.meters.sim-a.profile = 'househld' is none of the profiles flat, household, household_pv, sme; did you mean household?",
        "config/sim.yml: simulation.meters.sim-b.intervall_s = 5: has no 'intervall_s'; it may have enabled, profile, house, measures, interval_s, history_interval_s, outage_rate; did you mean interval_s?",
        "config/sim.yml: simulation.profiles.flat.pv_kwp = -1 is not between 0 and 1000",
        "config/sim.yml: simulation.sed is not a setting; did you mean simulation.seed?",
    ];
    assert_eq!(mistakes, expected);
    let loose = |text: &str| Place::new(&[("config/sim.yml", text)]).mistakes(&[]).join("; ");
    assert!(loose("- a\n").contains("holds no settings"));
    assert!(loose("a: [1\n").contains("config/sim.yml: YAML: "), "{}", loose("a: [1\n"));
    assert!(loose("seed: 1\nseed: 2\n").contains("duplicate"), "{}", loose("seed: 1\nseed: 2\n"));
    assert!(
        loose("meters: {house: {enabled: true}}\n").contains("simulation.meters.house is no name")
    );
}

#[test]
fn the_documented_file_lists_every_setting_with_its_default() {
    let text = project_file("config/luna.toml");
    let opened: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(setting)
                if setting.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ')) =>
            {
                setting
            }
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n");
    let simulation = project_file("config/sim.yml");
    let opened_simulation = opened_yaml(&simulation);
    let files = [("config/luna.toml", &*opened), ("config/sim.yml", &*opened_simulation)];
    let (documented, defaults) = (Place::new(&files).load(&[]), Place::new(&[]).load(&[]));
    for (given, default) in documented.effective.iter().zip(&defaults.effective) {
        let is_there = ["luna.toml", "sim.yml"].iter().any(|file| given.origin.ends_with(file));
        assert!(is_there, "{} is in neither file, but {}", given.key, given.origin);
        // Where nothing is the default, the file shows an example.
        if !default.value.is_empty() {
            assert_eq!(given.value, default.value, "{}", given.key);
        }
    }
    let as_it_is = [("config/luna.toml", &*text), ("config/sim.yml", &*simulation)];
    let as_it_is = Place::new(&as_it_is).load(&[]);
    assert_eq!(as_it_is.effective, defaults.effective, "every line is commented out");
}

#[test]
fn the_example_of_variables_names_those_that_are_known_with_their_defaults() {
    let text = project_file(".env.example");
    let listed: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.trim_start_matches("# ").split_once('='))
        .map(|(name, _)| name)
        .filter(|name| {
            name.chars().all(|letter| letter.is_ascii_uppercase() || "_0123456789".contains(letter))
        })
        .collect();
    let known: BTreeSet<&str> = FIXED.iter().map(|(name, _)| *name).collect();
    assert_eq!(listed, known);

    let place = Place::new(&[(".env", &text)]);
    let (loaded, defaults) = (place.load(&[]), Place::new(&[]).load(&[]));
    for (given, default) in loaded.effective.iter().zip(&defaults.effective) {
        assert_eq!(given.value, default.value, "{}", given.key);
    }
    let settings: BTreeSet<&str> = defaults.effective.iter().map(|row| row.key.as_str()).collect();
    for (name, used) in FIXED {
        if let Use::Setting(key) = used {
            assert!(settings.contains(key), "{name} means {key}, which is not a setting");
        }
    }
}
