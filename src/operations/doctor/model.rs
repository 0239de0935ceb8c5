//! What the doctor says: numbered checks, each with its result, its reason and the command that mends it.

use std::path::Path;

use serde::Serialize;

use super::repair::Repair;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Luna runs, but somebody should look.
    Warn,
    /// Something will not work.
    Fail,
    /// Could not or need not be looked at.
    Skipped,
}

impl Verdict {
    /// As it stands in a line for people.
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
            Self::Skipped => "skip",
        }
    }
}

/// What was found out about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    pub(super) reason: String,
    pub(super) fix: Option<String>,
    pub(super) repair: Option<Repair>,
}

impl Finding {
    pub(super) fn ok(reason: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ok, reason: reason.into(), fix: None, repair: None }
    }

    pub(super) fn skipped(reason: impl Into<String>) -> Self {
        Self { verdict: Verdict::Skipped, ..Self::ok(reason) }
    }

    pub(super) fn warn(reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, fix: Some(fix.into()), ..Self::ok(reason) }
    }

    pub(super) fn fail(reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, ..Self::warn(reason, fix) }
    }

    /// The same, which `--fix` may mend by itself.
    pub(super) fn mended_by(self, repair: Repair) -> Self {
        Self { repair: Some(repair), ..self }
    }
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Counted from 1; the same check has the same number in every run.
    pub number: usize,
    /// Its name for programs.
    pub id: &'static str,
    /// What was looked at.
    pub title: String,
    /// How it ended.
    pub result: Verdict,
    /// What was seen, as a sentence.
    pub reason: String,
    /// What to type to mend it; absent where there is nothing to mend.
    pub fix: Option<String>,
    #[serde(skip)]
    pub(super) repair: Option<Repair>,
}

/// Everything that was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What `--fix` has mended before the checks were made (again).
    pub fixed: Vec<String>,
    /// The checks.
    pub checks: Vec<Check>,
}

impl Report {
    pub(super) fn add(&mut self, id: &'static str, title: impl Into<String>, finding: Finding) {
        let Finding { verdict, reason, fix, repair } = finding;
        let number = self.checks.len() + 1;
        let title = title.into();
        self.checks.push(Check { number, id, title, result: verdict, reason, fix, repair });
    }

    /// How many checks ended like this.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.checks.iter().filter(|check| check.result == verdict).count()
    }

    /// The counts in words.
    pub fn counts(&self) -> String {
        let count = |verdict| self.count(verdict);
        format!(
            "{} checks: {} ok, {} to look at, {} failed, {} skipped",
            self.checks.len(),
            count(Verdict::Ok),
            count(Verdict::Warn),
            count(Verdict::Fail),
            count(Verdict::Skipped)
        )
    }

    /// The report for people.
    pub fn words(&self) -> String {
        let width = self.checks.iter().map(|check| check.title.chars().count()).max().unwrap_or(0);
        let mut lines: Vec<String> =
            self.fixed.iter().map(|fixed| format!("fixed: {fixed}")).collect();
        for Check { number, title, result, reason, fix, .. } in &self.checks {
            lines.push(format!("{number:>2}  {:<4}  {title:<width$}  {reason}", result.word()));
            lines.extend(fix.as_ref().map(|fix| format!("          fix: {fix}")));
        }
        lines.push(self.counts());
        lines.join("\n") + "\n"
    }
}

/// A path as a shell takes it.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+:@".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A size for people.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64 / 1_024.0;
    let mut unit = 0;
    while value >= 1_024.0 && unit + 1 < UNITS.len() {
        value /= 1_024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_numbered_and_counts_its_verdicts() {
        let mut report = Report::default();
        report.add("disk", "disk space", Finding::ok("40.0 GiB are free"));
        report.add("port", "port", Finding::fail("8001 is taken", "echo API_PORT=18000 >>.env"));
        report.add("ntp", "NTP", Finding::skipped("nobody tells"));
        let words = report.words();
        let lines: Vec<&str> = words.lines().collect();
        assert_eq!(lines[0], " 1  ok    disk space  40.0 GiB are free");
        assert_eq!(lines[1], " 2  FAIL  port        8001 is taken");
        assert_eq!(lines[2], "          fix: echo API_PORT=18000 >>.env");
        assert_eq!(lines[4], "3 checks: 1 ok, 0 to look at, 1 failed, 1 skipped");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["checks"][1]["result"], "fail");
        assert_eq!(json["checks"][0]["fix"], serde_json::Value::Null);
    }

    #[test]
    fn paths_and_sizes_are_written_as_people_type_and_read_them() {
        assert_eq!(quoted(Path::new("/srv/luna-1/data")), "/srv/luna-1/data");
        assert_eq!(quoted(Path::new("/my data/it's")), r"'/my data/it'\''s'");
        assert_eq!(size(1_536), "1.5 KiB");
        assert_eq!(size(5 << 40), "5.0 TiB");
    }
}
