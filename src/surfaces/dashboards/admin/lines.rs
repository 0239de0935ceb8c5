//! Log lines as people read them: the time on their clock, the level in words, what was said.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::surfaces::dashboards::format::Format;

/// How grave a line is; the graver first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Level {
    /// Every level.
    pub(super) const ALL: &'static [Self] =
        &[Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// The name in log lines and in addresses, lower case.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    /// The level of a name, in either case.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|level| level.name().eq_ignore_ascii_case(name))
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Error => "adm_line_error",
            Self::Warn => "adm_line_warn",
            Self::Info => "adm_line_info",
            Self::Debug => "adm_line_debug",
            Self::Trace => "adm_line_trace",
        }
    }

    const fn badge(self) -> &'static str {
        match self {
            Self::Error => "err",
            Self::Warn => "stale",
            Self::Info | Self::Debug | Self::Trace => "off",
        }
    }
}

/// A line that the program wrote.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) at: DateTime<Utc>,
    pub(super) level: Level,
    target: String,
    message: String,
    /// Its other fields as `name=value`, in the order of their names.
    fields: String,
}

/// A line as the template sees it.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    time: String,
    level: &'static str,
    badge: &'static str,
    message: String,
    origin: String,
}

impl Line {
    /// Reads a line of [`crate::platform::telemetry::Logs`]; none when it is not one.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut fields: Map<String, Value> = serde_json::from_str(text).ok()?;
        let mut take = |name: &str| match fields.remove(name) {
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
            None => String::new(),
        };
        let at = take("timestamp").parse().ok()?;
        let level = Level::parse(&take("level"))?;
        let (target, message) = (take("target"), take("message"));
        let mut rest = String::new();
        for (name, value) in fields {
            let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            // Writing into a String cannot fail.
            write!(rest, " {name}={value}").ok();
        }
        Some(Self { at, level, target, message, fields: rest.trim_start().to_owned() })
    }

    /// Whether `text` (lower case) stands anywhere in the line.
    pub(super) fn holds(&self, text: &str) -> bool {
        [&self.message, &self.target, &self.fields]
            .iter()
            .any(|part| part.to_lowercase().contains(text))
    }

    /// The line for the page.
    pub(super) fn row(self, format: &Format) -> Row {
        Row {
            time: format.second(self.at),
            level: format.text(self.level.text()),
            badge: self.level.badge(),
            message: self.message,
            origin: format!("{} {}", self.target, self.fields).trim_end().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"timestamp":"2026-03-28T12:00:04.250000Z","level":"WARN","target":"luna::x","message":"Could not","request_id":"r-1","n":3}"#;

    #[test]
    fn a_line_is_read_with_its_fields() {
        let line = Line::read(LINE).unwrap();
        assert_eq!((line.level, line.fields.as_str()), (Level::Warn, "n=3 request_id=r-1"));
        assert!(line.holds("r-1") && line.holds("could") && !line.holds("timestamp"));
        assert_eq!(Line::read("not a line"), None);
        assert_eq!(Line::read(r#"{"timestamp":"yesterday","level":"WARN"}"#), None);
    }

    #[test]
    fn levels_are_ordered_by_gravity() {
        assert!(Level::Error < Level::Warn && Level::Debug < Level::Trace);
        assert_eq!(Level::parse("Info"), Some(Level::Info));
        assert_eq!(Level::parse(""), None);
    }
}
