//! The `[upkeep]` section.

use serde::{Deserialize, Serialize};

/// Longest time that makes sense, in days: a hundred years.
const DAYS_MAX: u32 = 36_500;
/// Readings younger than this are needed: forecasts learn from a year, the quality from four weeks.
const READINGS_DAYS_MIN: u32 = 60;
/// Predictions younger than this are needed: drift looks at the errors of so many days.
const PREDICTIONS_DAYS_MIN: u32 = 120;

/// How long what is kept, in days; 0 is for ever. Prices and what is added up are never removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the unit belongs to the name of a setting")]
pub struct Settings {
    /// Readings of meters; their sums per hour and local day stay.
    pub readings_days: u32,
    /// Observed and forecast values that are no prices.
    pub observations_days: u32,
    /// What models said, but for what an alert rests on.
    pub predictions_days: u32,
    /// What people asked their documents, with the answers.
    pub questions_days: u32,
    /// What happened.
    pub events_days: u32,
    /// What sources sent, before anybody made sense of it.
    pub raw_files_days: u32,
    /// Reports about the quality of batches; how each day stands stays.
    pub reports_days: u32,
    /// Values and payloads that somebody has decided about.
    pub settled_days: u32,
    /// Jobs that have ended.
    pub jobs_days: u32,
    /// Age from which on `TimescaleDB` stores values compressed.
    pub compress_after_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            readings_days: 0,
            observations_days: 0,
            predictions_days: 0,
            questions_days: 0,
            events_days: 0,
            raw_files_days: 0,
            reports_days: 0,
            settled_days: 365,
            jobs_days: 0,
            compress_after_days: 0,
        }
    }
}

impl Settings {
    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (key, days) in [
            ("readings_days", self.readings_days),
            ("observations_days", self.observations_days),
            ("predictions_days", self.predictions_days),
            ("questions_days", self.questions_days),
            ("events_days", self.events_days),
            ("raw_files_days", self.raw_files_days),
            ("reports_days", self.reports_days),
            ("settled_days", self.settled_days),
            ("jobs_days", self.jobs_days),
            ("compress_after_days", self.compress_after_days),
        ] {
            if days > DAYS_MAX {
                all.push(format!("{key} = {days} is more than {DAYS_MAX}; 0 is for ever"));
            }
        }
        for (key, days) in
            [("readings_days", self.readings_days), ("observations_days", self.observations_days)]
        {
            if (1..READINGS_DAYS_MIN).contains(&days) {
                all.push(format!(
                    "{key} = {days} is less than {READINGS_DAYS_MIN}: forecasts and checks look \
                     that far back; 0 is for ever"
                ));
            }
        }
        if (1..PREDICTIONS_DAYS_MIN).contains(&self.predictions_days) {
            all.push(format!(
                "predictions_days = {} is less than {PREDICTIONS_DAYS_MIN}: drift looks that far \
                 back; 0 is for ever",
                self.predictions_days
            ));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_off_or_long_enough() {
        assert_eq!(Settings::default().mistakes(), [""; 0]);
        let short = Settings { readings_days: 59, events_days: 1, ..Settings::default() };
        assert_eq!(short.mistakes().len(), 1);
        let long = Settings { events_days: 40_000, ..Settings::default() };
        assert!(long.mistakes()[0].starts_with("events_days = 40000"));
    }
}
