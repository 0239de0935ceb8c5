//! Lines of the log that somebody looks for.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Logs;

/// What lines must be like; whatever is absent does not matter.
#[derive(Debug, Clone, Default)]
pub struct LogFilter {
    /// This grave, or graver.
    pub level: Option<LogLevel>,
    /// With this text anywhere, whatever its case.
    pub text: Option<String>,
    /// Of this request.
    pub request_id: Option<String>,
    /// Not earlier.
    pub from: Option<DateTime<Utc>>,
    /// Earlier.
    pub to: Option<DateTime<Utc>>,
}

/// Levels, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Somebody should look.
    Error,
    /// Something was off, and the program went on.
    Warn,
    /// What the program does.
    Info,
    /// Details.
    Debug,
    /// Every step.
    Trace,
}

impl LogLevel {
    /// Names as requests write them.
    pub const NAMES: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

    /// The level of a name, whatever its case.
    pub fn parse(name: &str) -> Option<Self> {
        let all = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];
        let at = Self::NAMES.iter().position(|known| known.eq_ignore_ascii_case(name))?;
        all.get(at).copied()
    }
}

impl LogFilter {
    fn wants(&self, line: &str) -> bool {
        let Ok(parsed) = serde_json::from_str::<Value>(line) else { return false };
        let field = |name: &str| parsed[name].as_str().unwrap_or_default();
        let at = || field("timestamp").parse::<DateTime<Utc>>().ok();
        let level = || LogLevel::parse(field("level"));
        self.level.is_none_or(|wanted| level().is_some_and(|level| level <= wanted))
            && self.request_id.as_deref().is_none_or(|wanted| field("request_id") == wanted)
            && self.from.is_none_or(|from| at().is_some_and(|at| at >= from))
            && self.to.is_none_or(|to| at().is_some_and(|at| at < to))
            && self
                .text
                .as_ref()
                .is_none_or(|wanted| line.to_lowercase().contains(&wanted.to_lowercase()))
    }
}

impl Logs {
    /// At most `count` of the latest lines that `filter` wants, oldest first.
    pub fn find(&self, filter: &LogFilter, count: usize) -> Vec<String> {
        let lines = self.recent(usize::MAX);
        let wanted = lines.into_iter().rev().filter(|line| filter.wants(line));
        let mut found: Vec<String> = wanted.take(count).collect();
        found.reverse();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs() -> Logs {
        let logs = Logs::default();
        for (second, level, request, message) in [
            (1, "INFO", "r-1", "Stored 24 prices"),
            (2, "ERROR", "r-1", "The disk is full"),
            (3, "WARN", "r-2", "The DISK is slow"),
            (4, "DEBUG", "r-2", "detail"),
        ] {
            logs.push(
                &serde_json::json!({"timestamp": format!("2026-03-01T12:00:0{second}.000000Z"),
                    "level": level, "request_id": request, "message": message})
                .to_string(),
            );
        }
        logs
    }

    fn messages(filter: &LogFilter, count: usize) -> Vec<String> {
        let found = logs().find(filter, count);
        let parsed = found.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        parsed.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn lines_are_found_by_level_text_request_and_time() {
        let any = LogFilter::default();
        assert_eq!(messages(&any, 10).len(), 4);
        assert_eq!(messages(&any, 1), ["detail"]);
        let graver = LogFilter { level: LogLevel::parse("WARN"), ..LogFilter::default() };
        assert_eq!(messages(&graver, 10), ["The disk is full", "The DISK is slow"]);
        let text = LogFilter { text: Some("dIsK".into()), ..LogFilter::default() };
        assert_eq!(messages(&text, 10), ["The disk is full", "The DISK is slow"]);
        let request = LogFilter { request_id: Some("r-1".into()), ..LogFilter::default() };
        assert_eq!(messages(&request, 10), ["Stored 24 prices", "The disk is full"]);
        let at = |second: u32| format!("2026-03-01T12:00:0{second}Z").parse().ok();
        let time = LogFilter { from: at(2), to: at(4), ..LogFilter::default() };
        assert_eq!(messages(&time, 10), ["The disk is full", "The DISK is slow"]);
        let none = LogFilter { text: Some("disk".into()), ..request };
        assert_eq!(messages(&none, 10), ["The disk is full"]);
        assert_eq!(LogLevel::parse("loud"), None);
    }
}
