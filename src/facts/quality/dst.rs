//! Faults that come of counting hours that do not exist, or that exist twice, as one.

use chrono::{DateTime, Duration, NaiveDate, Offset, Utc};
use chrono_tz::Tz;

use super::model::Gap;
use crate::base::timeline::day_range;

/// Whether a gap on a local day is what a source leaves that does not know of the clock's change:
/// one hour, beside the change or at the end of the day.
pub(super) fn is_fault(gap: &Gap, interval_s: i32, (day, zone): (NaiveDate, Tz)) -> bool {
    let hour = Duration::hours(1);
    let length_s = i64::try_from(gap.slots).unwrap_or(0) * i64::from(interval_s);
    if length_s != hour.num_seconds() {
        return false;
    }
    let range = day_range(day, zone);
    let Some(change) = change_of((range.from, range.to), zone) else { return false };
    // Forward: the hour behind is told as the one that was skipped, or the day ends an hour early.
    // Back: of the hour that comes twice one is missing.
    [change - hour, change, range.to - hour].contains(&gap.from)
}

/// The instant between two others at which the clock changes by whole hours, if it does.
fn change_of((from, to): (DateTime<Utc>, DateTime<Utc>), zone: Tz) -> Option<DateTime<Utc>> {
    let offset = |at: DateTime<Utc>| at.with_timezone(&zone).offset().fix();
    let quarters = std::iter::successors(Some(from), |at| Some(*at + Duration::minutes(15)));
    quarters
        .take_while(|at| *at < to)
        .find(|at| offset(*at) != offset(*at - Duration::minutes(15)) && *at > from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONE: Tz = Tz::Europe__Zurich;

    #[test]
    fn an_hour_beside_the_change_is_a_fault_and_no_other_gap_is() {
        let gap = |from: &str, slots| Gap { from: from.parse().unwrap(), slots };
        for (day, from, interval_s, slots, is_fault_of_clock) in [
            ("2026-10-25", "2026-10-25T00:00:00Z", 3_600, 1, true),
            ("2026-10-25", "2026-10-25T01:00:00Z", 3_600, 1, true),
            ("2026-10-25", "2026-10-25T01:00:00Z", 900, 4, true),
            ("2026-10-25", "2026-10-25T22:00:00Z", 900, 4, true),
            ("2026-10-25", "2026-10-25T01:00:00Z", 900, 3, false),
            ("2026-10-25", "2026-10-25T02:00:00Z", 900, 4, false),
            ("2026-03-29", "2026-03-29T01:00:00Z", 900, 4, true),
            ("2026-03-29", "2026-03-29T21:00:00Z", 3_600, 1, true),
            ("2026-03-29", "2026-03-29T10:00:00Z", 3_600, 1, false),
            ("2026-03-30", "2026-03-30T01:00:00Z", 3_600, 1, false),
        ] {
            let day = day.parse().unwrap();
            let found = is_fault(&gap(from, slots), interval_s, (day, ZONE));
            assert_eq!(found, is_fault_of_clock, "{from} {slots}");
        }
    }
}
