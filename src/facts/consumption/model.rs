//! Months, totals, and how a file is read.

use std::fmt;

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base::timeline::{TimeRange, add_days, days_range};
use crate::facts::imports::{
    BadRow, Previewed, ReadingKind, ReadingOptions, ReadingReport, ReadingUnit, SampleRow,
    TableLook,
};

/// Greatest energy of a month that is believed, in kWh: a large factory is within it.
pub(super) const ENERGY_KWH_MAX: f64 = 100_000_000.0;
/// First year that totals may be about.
const YEAR_MIN: i32 = 2000;

/// A calendar month, written `2026-02`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month(NaiveDate);

impl Month {
    /// The month of a text such as `2026-02`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let refuse = || {
            let shown: String = text.chars().take(20).collect();
            format!("'{shown}' is no month like 2026-02, from 2000 on")
        };
        let (year, month) = text.split_once('-').ok_or_else(refuse)?;
        let is_plain = |digits: &str, count| {
            digits.len() == count && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !is_plain(year, 4) || !is_plain(month, 2) {
            return Err(refuse());
        }
        let (year, month) = (year.parse().unwrap_or_default(), month.parse().unwrap_or_default());
        let first = NaiveDate::from_ymd_opt(year, month, 1);
        first.filter(|first| first.year() >= YEAR_MIN).map(Self).ok_or_else(refuse)
    }

    /// The month that begins with this day.
    pub(super) const fn of_first_day(first: NaiveDate) -> Self {
        Self(first)
    }

    /// Its first day.
    pub const fn first_day(self) -> NaiveDate {
        self.0
    }

    /// From its first local midnight to that of the next month.
    pub fn range(self, zone: Tz) -> TimeRange {
        let next = self.0.checked_add_months(Months::new(1)).unwrap_or(self.0);
        days_range(self.0, add_days(next, -1), zone)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m"))
    }
}

impl TryFrom<String> for Month {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

/// What a person says a meter took and gave in a whole month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTotal {
    /// The meter.
    #[schema(example = "house-1")]
    pub meter_id: String,
    /// The calendar month, in the meter's zone.
    #[schema(value_type = String, example = "2026-02")]
    pub month: Month,
    /// Energy taken in it, in kWh.
    #[schema(minimum = 0, maximum = 100_000_000)]
    pub consumption_kwh: f64,
    /// Energy given in it, in kWh.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 100_000_000)]
    pub production_kwh: Option<f64>,
}

/// A month's total as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MonthTotal {
    /// The meter.
    #[schema(example = "house-1")]
    pub meter_id: String,
    /// The calendar month.
    #[schema(value_type = String, example = "2026-02")]
    pub month: Month,
    /// Its first local midnight.
    pub from: DateTime<Utc>,
    /// The first local midnight of the next month.
    pub to: DateTime<Utc>,
    /// Energy taken in it, in kWh.
    pub consumption_kwh: f64,
    /// Energy given in it, in kWh.
    pub production_kwh: Option<f64>,
    /// When it was entered.
    pub entered_at: DateTime<Utc>,
}

/// What became of a request: one of the two.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ConsumptionAnswer {
    /// The month's total that was entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<MonthTotal>,
    /// What became of the file that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readings: Option<ReadingReport>,
    /// Whether nothing was written on purpose.
    pub dry_run: bool,
}

/// How a file is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReadingMapping {
    /// Header of the column with the start of the interval.
    #[schema(example = "Zeitstempel")]
    pub time_column: Option<String>,
    /// Headers of the columns with what is taken; several are added up.
    pub columns: Vec<String>,
    /// Headers of the columns with what is given; several are added up.
    pub production_columns: Vec<String>,
    /// What the numbers are; absent when that cannot be told.
    pub kind: Option<ReadingKind>,
    /// Unit of the numbers; absent when that cannot be told.
    pub unit: Option<ReadingUnit>,
    /// Zone of times without offset.
    #[schema(value_type = Option<String>, example = "Europe/Zurich")]
    pub zone: Option<Tz>,
}

/// What storing a file would do.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ConsumptionPreview {
    /// The meter.
    #[schema(example = "house-1")]
    pub meter_id: String,
    /// The file as a table.
    pub table: TableLook,
    /// How it is read: what was asked for, and what was found out.
    pub mapping: ReadingMapping,
    /// Its first rows, and how they are read.
    pub rows: Vec<SampleRow>,
    /// The first twenty rows that cannot be read.
    pub findings: Vec<BadRow>,
    /// Rows that cannot be read: with any, nothing is stored unless `skip_bad_rows` is set.
    pub faulty: u64,
    /// What would be stored without them; absent when the file cannot be read.
    pub would_store: Option<ReadingReport>,
    /// Why the file cannot be read as it stands.
    pub problem: Option<String>,
}

impl ConsumptionPreview {
    pub(super) fn of(meter_id: String, seen: Previewed<ReadingOptions, ReadingReport>) -> Self {
        let options = seen.options;
        let (findings, faulty) = seen.wrong;
        let (would_store, problem) = match seen.outcome {
            Ok(report) => (Some(report), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Self {
            meter_id,
            table: seen.table,
            mapping: ReadingMapping {
                time_column: options.time_column,
                columns: options.columns,
                production_columns: options.production_columns,
                kind: options.kind,
                unit: options.unit,
                zone: options.zone,
            },
            rows: seen.rows,
            findings,
            faulty,
            would_store,
            problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_written_in_one_way() {
        assert_eq!(Month::parse("2026-02").unwrap().to_string(), "2026-02");
        for text in ["", "2026", "2026-13", "2026-2", "26-02", "1999-12", "2026-02-01", "+026-02"] {
            assert!(Month::parse(text).unwrap_err().contains("is no month like 2026-02"), "{text}");
        }
    }

    #[test]
    fn a_month_begins_and_ends_at_local_midnights() {
        // March 2026 loses an hour in Zürich: 31 days less one hour.
        let range = Month::parse("2026-03").unwrap().range(Tz::Europe__Zurich);
        assert_eq!(range.from.to_rfc3339(), "2026-02-28T23:00:00+00:00");
        assert_eq!(range.to.to_rfc3339(), "2026-03-31T22:00:00+00:00");
        assert_eq!(range.length().num_hours(), 31 * 24 - 1);
        let december = Month::parse("2025-12").unwrap().range(Tz::UTC);
        assert_eq!(december.to.to_rfc3339(), "2026-01-01T00:00:00+00:00");
    }
}
