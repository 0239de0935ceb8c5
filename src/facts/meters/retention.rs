//! Readings that are older than anybody wants to keep: their sums stay.

use chrono::{DateTime, Duration, Utc};

use super::rollups::NAME;
use super::service::{MeterError, Meters};
use super::store;
use crate::base::timeline::TimeRange;
use crate::facts::changes::{Change, ChangeKind, pending};

/// Time that one statement removes: a statement must not take longer than statements may.
const AT_ONCE: Duration = Duration::days(7);
/// Meters that are looked at in one go.
const METERS_AT_ONCE: i64 = 200;

impl Meters {
    /// Removes readings that begin before the hour of `before`, and what they replaced; answers how
    /// many readings, or would be when it is only asked. What they add up to is brought up to date
    /// first and stays.
    pub async fn forget(&self, before: DateTime<Utc>, dry_run: bool) -> Result<u64, MeterError> {
        let before = before - Duration::seconds(before.timestamp().rem_euclid(3_600));
        let mut conn = self.db.conn().await?;
        if dry_run {
            return Ok(store::count_before(&mut conn, before).await?);
        }
        let Some(oldest) = store::oldest(&mut conn).await?.filter(|oldest| *oldest < before) else {
            return Ok(0);
        };
        drop(conn);
        self.settle(before).await?;
        let mut conn = self.db.conn().await?;
        store::set_horizon(&mut conn, before).await?;
        let (mut from, mut removed) = (oldest, 0);
        while from < before {
            let to = (from + AT_ONCE).min(before);
            removed += store::remove(&mut conn, TimeRange::new(from, to)).await?;
            from = to;
        }
        Ok(removed)
    }

    /// Makes the sums before an instant anew that are not up to date.
    async fn settle(&self, before: DateTime<Utc>) -> Result<(), MeterError> {
        let mut after = String::new();
        loop {
            let mut conn = self.db.conn().await?;
            let meters = store::list(&mut conn, None, None, (&after, METERS_AT_ONCE)).await?;
            let Some(last) = meters.last() else { return Ok(()) };
            last.meter_id.clone_into(&mut after);
            let mut changed = Vec::new();
            for meter in &meters {
                let range = TimeRange::new(before, before);
                let series = Change::of_meter(&meter.meter_id, range).name;
                let ranges = pending(&mut conn, NAME, (ChangeKind::Meter, &series)).await?;
                let old = ranges.into_iter().filter(|range| range.from < before);
                changed.extend(old.map(|range| (meter.meter_id.clone(), range)));
            }
            drop(conn);
            for (meter_id, range) in changed {
                self.refresh_rollups(&meter_id, range).await?;
            }
        }
    }
}
