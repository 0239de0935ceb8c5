//! Changes, how far somebody is with them, and what somebody could not take.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::base::timeline::TimeRange;

/// What kind of series changed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Prices of a product of a market, `price:CH:day_ahead`.
    Price,
    /// A series that is observed or forecast, by its own name.
    Observation,
    /// What a meter reads, `load:<meter>`.
    Meter,
    /// Prices of a tariff, `tariff:ekz:400D`.
    Tariff,
}

impl ChangeKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Price, Self::Observation, Self::Meter, Self::Tariff];

    /// The name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Observation => "observation",
            Self::Meter => "meter",
            Self::Tariff => "tariff",
        }
    }

    /// The kind of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Values of a series were added, replaced or taken away somewhere in a range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// What kind of series.
    pub kind: ChangeKind,
    /// Which one.
    #[schema(example = "price:CH:day_ahead")]
    pub name: String,
    /// Where: outside of it nothing changed.
    pub range: TimeRange,
}

impl Change {
    /// A change of values whose intervals begin between `first` and `last`, the last one
    /// `interval_s` long.
    pub fn of(
        kind: ChangeKind,
        name: impl Into<String>,
        (first, last): (DateTime<Utc>, DateTime<Utc>),
        interval_s: i32,
    ) -> Self {
        let to = last + Duration::seconds(interval_s.max(1).into());
        Self { kind, name: name.into(), range: TimeRange::new(first, to) }
    }

    /// Readings of a meter changed.
    pub fn of_meter(meter_id: &str, range: TimeRange) -> Self {
        Self { kind: ChangeKind::Meter, name: format!("load:{meter_id}"), range }
    }

    /// The meter that changed, if one did.
    pub fn meter_id(&self) -> Option<&str> {
        self.name.strip_prefix("load:").filter(|_| self.kind == ChangeKind::Meter)
    }

    /// The same changes with those of one series put together where they overlap or touch, by
    /// series, oldest range first.
    pub fn united(changes: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut by_series: BTreeMap<(ChangeKind, String), Vec<TimeRange>> = BTreeMap::new();
        for Self { kind, name, range } in changes {
            by_series.entry((kind, name)).or_default().push(range);
        }
        let mut all = Vec::new();
        for ((kind, name), ranges) in by_series {
            let ranges = united(ranges).into_iter();
            all.extend(ranges.map(|range| Self { kind, name: name.clone(), range }));
        }
        all
    }
}

/// Ranges put together where they overlap or touch, oldest first.
pub fn united(mut ranges: Vec<TimeRange>) -> Vec<TimeRange> {
    ranges.sort_by_key(|range| range.from);
    let mut all: Vec<TimeRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match all.last_mut() {
            Some(last) if range.from <= last.to => last.to = last.to.max(range.to),
            _ => all.push(range),
        }
    }
    all
}

/// A place in the order of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Position {
    /// Number of the transaction.
    pub writer: i64,
    /// Number of the change.
    pub change_id: i64,
}

/// A change that may be taken.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    pub at: Position,
    pub change: Change,
    /// How long ago it was told, in seconds.
    pub age_s: f64,
}

/// Where a consumer is.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct CursorRow {
    pub at: Position,
    /// Failed attempts at what comes next.
    pub attempts: i32,
    /// Seconds until the next one.
    pub pause_s: f64,
    /// Whether somebody else works on it now.
    pub is_leased: bool,
}

/// How far a consumer is.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ConsumerState {
    /// Who.
    #[schema(example = "meters.rollups")]
    pub consumer: String,
    /// Changes that it has not taken yet.
    pub lag_rows: i64,
    /// Age of the oldest of them, in seconds; 0 when there is none.
    pub lag_s: f64,
    /// Failed attempts at what comes next.
    pub attempts: i32,
    /// Why the last attempt failed; absent when it did not.
    pub error: Option<String>,
    /// When it last took something.
    pub moved_at: DateTime<Utc>,
    /// Changes that it could not take and that wait for a person.
    pub dead_letters: i64,
}

/// A change that a consumer could not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadChange {
    /// Identifier.
    pub letter_id: Uuid,
    /// Who could not take it.
    #[schema(example = "meters.rollups")]
    pub consumer: String,
    /// What changed.
    pub change: Change,
    /// Why it could not.
    pub reason: String,
    /// How often it tried.
    pub attempts: i32,
    /// When it gave up.
    pub created_at: DateTime<Utc>,
    /// How it ended: `retried` or `discarded`; absent while it waits.
    #[schema(example = "retried")]
    pub resolution: Option<String>,
    /// When.
    pub resolved_at: Option<DateTime<Utc>>,
    /// By whom.
    pub resolved_by: Option<Uuid>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_one_series_are_put_together_where_they_touch() {
        let at = |hour: i64| DateTime::UNIX_EPOCH + Duration::hours(hour);
        let change =
            |name: &str, from, to| Change::of_meter(name, TimeRange::new(at(from), at(to)));
        let all = [
            change("b", 5, 6),
            change("a", 3, 4),
            change("a", 0, 2),
            change("a", 2, 3),
            change("a", 6, 7),
            change("a", 1, 2),
        ];
        let expected = [change("a", 0, 4), change("a", 6, 7), change("b", 5, 6)];
        assert_eq!(Change::united(all), expected);
        assert_eq!(expected[0].meter_id(), Some("a"));
        let last = Change::of(ChangeKind::Price, "price:CH:day_ahead", (at(0), at(23)), 3_600);
        assert_eq!((last.range, last.meter_id()), (TimeRange::new(at(0), at(24)), None));
    }
}
