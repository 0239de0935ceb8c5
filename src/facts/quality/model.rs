//! Batches as they come, and what is found about them.

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveTime, Utc, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::reason::{Code, Reason, Weight};
use crate::base::timeline::{TimeRange, add_days, at_local, day_range, local_date};

/// A value of an instant.
pub type Sample = (DateTime<Utc>, f64);

/// Local days of history that a batch is compared with.
pub(super) const HISTORY_DAYS: i64 = 28;

/// Length of a daily interval, in seconds; on two days of the year it is another one.
pub(super) const DAY_S: i32 = 86_400;

/// Length of a weekly interval, in seconds; it begins on Monday.
pub(super) const WEEK_S: i32 = 7 * DAY_S;

/// The starts of the intervals of `interval_s` seconds in `range`.
pub(super) fn slots(range: TimeRange, interval_s: i32, zone: Tz) -> Vec<DateTime<Utc>> {
    if interval_s < DAY_S {
        return range.slots(interval_s).collect();
    }
    let first = local_date(range.from, zone);
    let midnights = first.iter_days().map(|day| day_range(day, zone).from);
    midnights
        .skip_while(|at| *at < range.from)
        .take_while(|at| *at < range.to)
        .filter(|at| begins_on(local_date(*at, zone), interval_s))
        .collect()
}

/// Whether an interval of `interval_s` seconds begins on a day: a week does on Monday only.
pub(super) fn begins_on(day: NaiveDate, interval_s: i32) -> bool {
    interval_s < WEEK_S || day.weekday() == Weekday::Mon
}

/// What kind of values a subject has: how they may behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Wholesale prices: may be negative, may repeat for some hours.
    Price,
    /// What end users pay: may be the same for days.
    Tariff,
    /// Demand and generation of a whole zone: never zero all day, never quite the same twice.
    Load,
    /// What the sun gives: zero at night, on some days little.
    Solar,
    /// What the plants of one kind give: may be the same for days.
    Plants,
    /// What a house or a device takes or gives: zero for days, peaks at any hour.
    Meter,
    /// Anything else: weather, levels, rates.
    Other,
}

impl Kind {
    /// The kind of values that the name of a subject promises.
    pub fn of(subject: &str) -> Self {
        let (head, _) = subject.split_once(':').unwrap_or((subject, ""));
        let has = |word: &str| subject.to_ascii_lowercase().contains(word);
        match head {
            "price" => Self::Price,
            "tariff" => Self::Tariff,
            _ if has("solar") || has("radiation") || head == "pv" => Self::Solar,
            "load" | "load_forecast" => Self::Load,
            "generation" | "consumption" => Self::Plants,
            _ => Self::Other,
        }
    }
}

/// When the values of a local day should be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Days after the day itself; negative for what is known ahead.
    pub days: i64,
    /// Wall-clock time.
    pub time: NaiveTime,
}

impl Due {
    /// Wall-clock time on the day that is `days` after the day itself.
    pub fn at(days: i64, hour: u32, minute: u32) -> Self {
        Self { days, time: NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or(NaiveTime::MIN) }
    }

    /// The instant for a day.
    pub(super) fn of(self, day: NaiveDate, zone: Tz) -> DateTime<Utc> {
        at_local(add_days(day, self.days), self.time, zone)
    }
}

/// Values of one subject as a source sent them.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Who sent them.
    pub source: String,
    /// What they are values of: `price:CH:day_ahead`, or the name of a series.
    pub subject: String,
    /// What kind of values they are.
    pub kind: Kind,
    /// Zone in which days begin and end.
    pub zone: Tz,
    /// Length of an interval, in seconds.
    pub interval_s: i32,
    /// What was asked for.
    pub asked: TimeRange,
    /// In the order in which they came; absent where the source says that there is none.
    pub values: Vec<(DateTime<Utc>, Option<f64>)>,
    /// When they came.
    pub came_at: DateTime<Utc>,
    /// When a day should be complete; absent where nobody promises anything.
    pub due: Option<Due>,
    /// Differences up to this are none.
    pub tolerance: f64,
    /// Greatest magnitude that there is.
    pub limit: f64,
    /// Whether it is made anew again and again, so that another value is no revision.
    pub is_rolling: bool,
    /// Whether there is nothing at weekends.
    pub rests_at_weekends: bool,
    /// Whether Luna made them up.
    pub is_simulated: bool,
}

impl Batch {
    /// First and last local day that was asked for.
    pub(super) fn days(&self) -> (NaiveDate, NaiveDate) {
        let last = self.asked.to - Duration::microseconds(1);
        (local_date(self.asked.from, self.zone), local_date(last.max(self.asked.from), self.zone))
    }

    /// The starts of the intervals of a range; days begin at midnight on the clocks of the zone.
    pub(super) fn slots(&self, range: TimeRange) -> Vec<DateTime<Utc>> {
        slots(range, self.interval_s, self.zone)
    }

    /// Whether an interval begins at an instant.
    pub(super) fn is_on_grid(&self, ts: DateTime<Utc>) -> bool {
        if self.interval_s >= DAY_S {
            let day = local_date(ts, self.zone);
            return ts == day_range(day, self.zone).from && begins_on(day, self.interval_s);
        }
        let interval_s = i64::from(self.interval_s.max(1));
        ts.timestamp().rem_euclid(interval_s) == 0 && ts.timestamp_subsec_nanos() == 0
    }

    /// Whether nothing is to be expected on a day.
    pub(super) fn rests_on(&self, day: NaiveDate) -> bool {
        !begins_on(day, self.interval_s)
            || self.rests_at_weekends && matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
    }

    /// The stored values that help to judge the batch: four weeks before, and the days around.
    pub fn history_range(&self) -> TimeRange {
        let (first, last) = self.days();
        let from = day_range(add_days(first, -HISTORY_DAYS - 1), self.zone).from;
        TimeRange::new(from, day_range(add_days(last, 1), self.zone).to)
    }
}

/// What somebody may do with a batch or a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Use it.
    Good,
    /// It is stored, or a part of it; somebody should look.
    Suspect,
    /// Nothing of it is stored.
    Refused,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 3] = [Self::Good, Self::Suspect, Self::Refused];

    /// The name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Suspect => "suspect",
            Self::Refused => "refused",
        }
    }

    /// The verdict of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.name() == name)
    }
}

/// Consecutive intervals without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Gap {
    /// Start of the first of them.
    pub from: DateTime<Utc>,
    /// How many.
    pub slots: usize,
}

/// How many values of a batch are odd in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BatchCounts {
    /// Intervals in what was asked for.
    pub expected: usize,
    /// Of these, with a value that is fit to be stored.
    pub found: usize,
    /// Came more than once, the same each time.
    pub duplicates: usize,
    /// Contradict another value of the same instant.
    pub conflicts: usize,
    /// Came after a later one.
    pub out_of_order: usize,
    /// Outside of what was asked for.
    pub outside: usize,
    /// Begin where no interval begins.
    pub off_grid: usize,
    /// Are no numbers.
    pub not_finite: usize,
    /// Unusual for their hour.
    pub outliers: usize,
    /// Stand apart from their neighbours, too.
    pub spikes: usize,
    /// Differ from what was stored.
    pub revised: usize,
}

/// A value that is not stored, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Refused {
    /// Start of its interval.
    pub ts: DateTime<Utc>,
    /// What the source says; absent where that is no number.
    pub value: Option<f64>,
    /// Why.
    pub code: Code,
}

/// How a local day stands after a batch.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DayReport {
    pub day: NaiveDate,
    pub expected: usize,
    pub found: usize,
    pub revised: usize,
    pub verdict: Verdict,
    pub expected_by: Option<DateTime<Utc>>,
}

/// What is found about a batch.
#[derive(Debug, Clone)]
pub(super) struct Report {
    pub counts: BatchCounts,
    pub gaps: Vec<Gap>,
    /// Longest time for which a value stays the same, zeros of the sun aside, in seconds.
    pub longest_equal_s: i64,
    /// Greatest robust z of a value for its hour; absent without history.
    pub outlier_score: Option<f64>,
    pub days: Vec<DayReport>,
    pub reasons: Vec<Reason>,
    /// Fit to be stored, oldest first.
    pub accepted: Vec<Sample>,
    /// To be kept apart, oldest first.
    pub refused: Vec<Refused>,
}

impl Report {
    /// The worst that a reason means; refused only when nothing is left to be stored.
    pub fn verdict(&self) -> Verdict {
        match self.reasons.iter().map(|reason| reason.weight).max() {
            Some(Weight::Refused) if self.accepted.is_empty() => Verdict::Refused,
            Some(Weight::Refused | Weight::Suspect) => Verdict::Suspect,
            Some(Weight::Note) | None => Verdict::Good,
        }
    }
}
