//! What upkeep did.

use std::fmt;

use serde::Serialize;

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Which one.
    pub step: &'static str,
    /// What it is about, in words.
    pub what: &'static str,
    /// Rows removed, or tables looked after; of a rehearsal those that would be.
    pub count: u64,
    /// Why it was left out; absent where it was done.
    pub skipped: Option<String>,
    /// Why it failed; the others are done all the same.
    pub failed: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// What a round of upkeep did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UpkeepReport {
    /// Whether it only told what would be done.
    pub dry_run: bool,
    /// Step by step.
    pub steps: Vec<Outcome>,
}

impl UpkeepReport {
    /// Whether every step was done or left out on purpose.
    pub fn is_sound(&self) -> bool {
        self.steps.iter().all(|step| step.failed.is_none())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, what, count, .. } = self;
        match (&self.failed, &self.skipped) {
            (Some(why), _) => write!(f, "{step}: failed, {why}"),
            (None, Some(why)) => write!(f, "{step}: {why}"),
            (None, None) => write!(f, "{step}: {count} {what}"),
        }
    }
}
