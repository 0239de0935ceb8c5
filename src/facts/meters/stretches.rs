//! Which part of a range can be read from sums that are kept, and which must be added up.

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;

use super::model::Resolution;
use crate::base::timeline::{TimeRange, day_range, days_range, local_date};

/// A range in two parts that have no instant in common.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// Whole stretches of which nothing has changed.
    pub kept: Vec<TimeRange>,
    /// The rest: begun stretches at the ends, and what has changed.
    pub added_up: Vec<TimeRange>,
}

/// The smallest range of whole hours or local days around `range`.
pub(super) fn widened(range: TimeRange, zone: Tz, resolution: Resolution) -> TimeRange {
    let moment = Duration::microseconds(1);
    if resolution == Resolution::Day {
        let last = (range.to - moment).max(range.from);
        return days_range(local_date(range.from, zone), local_date(last, zone), zone);
    }
    let (from, to) = (hour_of(range.from), hour_of(range.to));
    TimeRange::new(from, if to < range.to { to + Duration::hours(1) } else { to })
}

/// The greatest range of whole hours or local days in `range`; empty where there is none.
fn narrowed(range: TimeRange, zone: Tz, resolution: Resolution) -> TimeRange {
    let stretch = |at: DateTime<Utc>| match resolution {
        Resolution::Day => day_range(local_date(at, zone), zone),
        _ => TimeRange::new(hour_of(at), hour_of(at) + Duration::hours(1)),
    };
    let (first, last) = (stretch(range.from), stretch(range.to));
    let from = if first.from < range.from { first.to } else { first.from };
    TimeRange::new(from, last.from.max(from))
}

fn hour_of(at: DateTime<Utc>) -> DateTime<Utc> {
    let begun = at.timestamp().rem_euclid(3_600);
    at - Duration::seconds(begun) - Duration::nanoseconds(at.timestamp_subsec_nanos().into())
}

/// Divides `range`, where `changed` are parts, oldest first, of which sums are not up to date.
pub(super) fn divide(
    range: TimeRange,
    changed: &[TimeRange],
    (zone, resolution): (Tz, Resolution),
) -> Parts {
    let whole = narrowed(range, zone, resolution);
    if whole.from >= whole.to || whole.to > range.to {
        return Parts { kept: Vec::new(), added_up: vec![range] };
    }
    let mut parts = Parts { kept: Vec::new(), added_up: Vec::new() };
    let add = |list: &mut Vec<TimeRange>, from: DateTime<Utc>, to: DateTime<Utc>| {
        if from < to {
            list.push(TimeRange::new(from, to));
        }
    };
    add(&mut parts.added_up, range.from, whole.from);
    let mut at = whole.from;
    for change in changed {
        let change = widened(*change, zone, resolution);
        let (from, to) = (change.from.clamp(at, whole.to), change.to.clamp(at, whole.to));
        add(&mut parts.kept, at, from);
        add(&mut parts.added_up, from, to);
        at = to;
    }
    add(&mut parts.kept, at, whole.to);
    add(&mut parts.added_up, whole.to, range.to);
    parts
}

/// Whether the local days of a range begin with hours of UTC: zones with half hours do not.
pub(super) fn has_whole_hours(range: TimeRange) -> bool {
    hour_of(range.from) == range.from && hour_of(range.to) == range.to
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONE: Tz = Tz::Europe__Zurich;

    fn range(from: &str, to: &str) -> TimeRange {
        TimeRange::new(from.parse().unwrap(), to.parse().unwrap())
    }

    #[test]
    fn begun_hours_and_changes_are_added_up() {
        let asked = range("2026-03-28T10:20:00Z", "2026-03-28T20:10:00Z");
        let changed = [
            range("2026-03-28T09:00:00Z", "2026-03-28T10:30:00Z"),
            range("2026-03-28T12:59:00Z", "2026-03-28T13:00:01Z"),
            range("2026-03-28T13:50:00Z", "2026-03-28T13:55:00Z"),
            range("2026-03-28T20:00:00Z", "2026-03-29T00:00:00Z"),
        ];
        let parts = divide(asked, &changed, (ZONE, Resolution::Hour));
        let kept = [
            range("2026-03-28T11:00:00Z", "2026-03-28T12:00:00Z"),
            range("2026-03-28T14:00:00Z", "2026-03-28T20:00:00Z"),
        ];
        let added_up = [
            range("2026-03-28T10:20:00Z", "2026-03-28T11:00:00Z"),
            range("2026-03-28T12:00:00Z", "2026-03-28T14:00:00Z"),
            range("2026-03-28T20:00:00Z", "2026-03-28T20:10:00Z"),
        ];
        assert_eq!((&parts.kept[..], &parts.added_up[..]), (&kept[..], &added_up[..]));
    }

    #[test]
    fn days_are_those_of_the_zone() {
        // The clock goes forward on the 29th, whose day has 23 hours.
        let asked = range("2026-03-28T23:00:00Z", "2026-03-31T22:00:00Z");
        let changed = [range("2026-03-30T21:59:00Z", "2026-03-30T22:00:00Z")];
        let parts = divide(asked, &changed, (ZONE, Resolution::Day));
        let kept = [
            range("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            range("2026-03-30T22:00:00Z", "2026-03-31T22:00:00Z"),
        ];
        assert_eq!(parts.kept, kept);
        assert_eq!(parts.added_up, [range("2026-03-29T22:00:00Z", "2026-03-30T22:00:00Z")]);
        let short = range("2026-03-28T10:20:00Z", "2026-03-28T10:40:00Z");
        for resolution in [Resolution::Hour, Resolution::Day] {
            let parts = divide(short, &[], (ZONE, resolution));
            assert_eq!((parts.kept.len(), parts.added_up), (0, vec![short]));
        }
    }

    #[test]
    fn zones_with_half_hours_have_days_without_whole_hours() {
        let day = "2026-03-28".parse().unwrap();
        assert!(has_whole_hours(day_range(day, ZONE)));
        assert!(!has_whole_hours(day_range(day, Tz::Asia__Kolkata)));
    }
}
