//! The `[telemetry]` section.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

/// Names of levels, the quietest first.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Form of the log lines on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One JSON object per line.
    Json,
    /// For people.
    Human,
    /// For people on a terminal, JSON otherwise.
    #[default]
    Auto,
}

/// The `[telemetry]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Form of the log lines on standard error.
    pub format: Format,
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,luna::facts=debug`.
    pub level: String,
    /// File that gets the log too, as JSON lines.
    pub file: Option<PathBuf>,
    /// Size at which the log file is put aside and a new one begun, in bytes.
    pub file_bytes_max: u64,
    /// Log files put aside that are kept.
    pub files_kept: u32,
    /// Address of a collector that takes spans over OTLP, as HTTP, e.g. `http://127.0.0.1:4318`.
    pub otlp_endpoint: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            format: Format::Auto,
            level: "info".to_owned(),
            file: None,
            file_bytes_max: 10 << 20,
            files_kept: 5,
            otlp_endpoint: None,
        }
    }
}

impl Settings {
    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let mut found = Vec::new();
        if let Some(endpoint) = &self.otlp_endpoint
            && !is_http(endpoint)
        {
            found.push(format!(
                "otlp_endpoint = \"{endpoint}\" is not an address; write e.g. http://127.0.0.1:4318"
            ));
        }
        let level = self.level.trim();
        let is_word = level.chars().all(char::is_alphanumeric);
        // A word that is no level would be taken for the name of a module, and nothing be logged.
        let is_level = LEVELS.contains(&level.to_ascii_lowercase().as_str());
        if is_level || (!is_word && EnvFilter::try_new(self.directives()).is_ok()) {
            return found;
        }
        found.push(format!("level = \"{level}\" is none of {}", LEVELS.join(", ")));
        found
    }

    /// The level as directives: a bare level is about Luna; of the libraries only warnings, or, when
    /// someone searches for a fault, what they do in general.
    pub(super) fn directives(&self) -> String {
        // A request that is no HTTP is its sender's mistake; the library calls it an error of ours.
        // A broker that is away or has no record is told once, by whoever wanted something from it.
        // The index's engine warns of switches of its server that the library has none of.
        const QUIET: &str = "actix_http::h1::dispatcher=off,rskafka=off,qdrant_edge::common=error";
        let level = self.level.trim().to_ascii_lowercase();
        match level.as_str() {
            "off" => level,
            "error" => format!("error,{QUIET}"),
            "warn" | "info" => format!("warn,{QUIET},luna={level}"),
            "debug" | "trace" => format!("info,luna={level}"),
            _ => self.level.clone(),
        }
    }
}

fn is_http(address: &str) -> bool {
    let parsed = address.parse::<http::Uri>();
    parsed
        .is_ok_and(|uri| uri.host().is_some() && matches!(uri.scheme_str(), Some("http" | "https")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_has_an_address() {
        let with = |endpoint: &str| Settings {
            otlp_endpoint: Some(endpoint.to_owned()),
            ..Settings::default()
        };
        for good in ["http://127.0.0.1:4318", "https://collector.example/otlp"] {
            assert_eq!(with(good).mistakes(), [""; 0], "{good}");
        }
        for bad in ["", "collector:4318", "ftp://collector", "http://"] {
            assert_eq!(with(bad).mistakes().len(), 1, "{bad}");
        }
    }

    #[test]
    fn a_level_is_a_known_word_or_a_list_of_directives() {
        let with = |level: &str| Settings { level: level.to_owned(), ..Settings::default() };
        for good in ["info", " DEBUG ", "off", "warn,luna::facts=debug", "luna=trace"] {
            assert_eq!(with(good).mistakes(), [""; 0], "{good}");
        }
        for bad in ["", "loud", "luna=loud", "warn,=="] {
            assert_eq!(with(bad).mistakes().len(), 1, "{bad}");
        }
    }
}
