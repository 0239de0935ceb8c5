//! Sums per hour and local day: kept for long ranges, made anew where readings changed, and never
//! read where they may be old.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use diesel_async::AsyncConnection;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::model::{Resolution, Rollup};
use super::service::{MeterError, Meters};
use super::store;
use super::stretches::{divide, has_whole_hours, widened};
use crate::base::timeline::{TimeRange, add_days, day_range, local_date};
use crate::facts::changes::{Change, ChangeKind, Consumer, pending};
use crate::platform::db::{Conn, count_written};

/// Name of the consumer that keeps the sums.
pub(super) const NAME: &str = RollupKeeper::NAME;
/// Ranges up to this are added up: that is no slower, and needs one statement.
const ADDED_UP_HOURS: i64 = 48;
/// Days that are made anew in one transaction.
const DAYS_AT_ONCE: i64 = 60;

impl Meters {
    /// Sums of a range from those that are kept, where they are up to date, and from readings where
    /// they are not: what it answers is what adding up everything would.
    pub(super) async fn kept_rollups(
        &self,
        (meter_id, zone): (&str, Tz),
        range: TimeRange,
        resolution: Resolution,
    ) -> Result<Vec<Rollup>, MeterError> {
        let mut conn = self.db.conn().await?;
        let is_kept = matches!(resolution, Resolution::Hour | Resolution::Day);
        // What has been removed because of its age can only be read from its sums.
        let horizon = if is_kept { store::horizon(&mut conn).await? } else { None };
        let is_whole = horizon.is_none_or(|horizon| horizon <= range.from);
        let is_short = range.length().num_hours() <= ADDED_UP_HOURS;
        if !is_kept || is_short && is_whole {
            let of = (meter_id, zone.name());
            return Ok(store::rollups(&mut conn, of, &[range], resolution).await?);
        }
        // One snapshot: a change is told in the transaction of its readings, so that readings whose
        // change is not seen are not seen either.
        let mut snapshot = conn.build_transaction().read_only().repeatable_read();
        let rows = snapshot.run(async |conn| {
            let series = Change::of_meter(meter_id, range);
            let changed = pending(conn, NAME, (ChangeKind::Meter, &series.name)).await?;
            let is_own_zone = store::zone_of(conn, meter_id).await?.as_deref() == Some(zone.name());
            let changed = if is_own_zone { changed } else { vec![range] };
            let changed: Vec<TimeRange> =
                changed.into_iter().filter_map(|change| behind(change, horizon)).collect();
            let parts = divide(range, &changed, (zone, resolution));
            let mut rows = store::kept(conn, meter_id, &parts.kept, resolution).await?;
            let of = (meter_id, zone.name());
            rows.extend(store::rollups(conn, of, &parts.added_up, resolution).await?);
            rows.sort_by_key(|row| row.ts);
            Ok::<_, diesel::result::Error>(rows)
        });
        Ok(rows.await?)
    }

    /// Makes the sums of a meter anew that a change in `range` may have touched; of a meter that
    /// is gone there are none. What readings added up to that were removed because of their age
    /// stays as it was.
    pub async fn refresh_rollups(
        &self,
        meter_id: &str,
        range: TimeRange,
    ) -> Result<(), MeterError> {
        let mut conn = self.db.conn().await?;
        let Some(zone) = store::zone_of(&mut conn, meter_id).await? else { return Ok(()) };
        let zone: Tz = zone.parse().unwrap_or(Tz::UTC);
        let days = widened(range, zone, Resolution::Day);
        let mut day = local_date(days.from, zone);
        let mut written = 0;
        while day_range(day, zone).from < days.to {
            let next = add_days(day, DAYS_AT_ONCE);
            let from = day_range(day, zone).from;
            let to = day_range(next, zone).from.min(days.to);
            let part = (zone, TimeRange::new(from, to), range);
            written += conn.transaction(async |conn| refresh(conn, meter_id, part).await).await?;
            day = next;
        }
        count_written("meter_rollups", written as u64);
        Ok(())
    }
}

/// The part of a range behind the horizon: before it nothing can be added up any more.
fn behind(range: TimeRange, horizon: Option<DateTime<Utc>>) -> Option<TimeRange> {
    let from = horizon.map_or(range.from, |horizon| horizon.max(range.from));
    (from < range.to).then(|| TimeRange::new(from, range.to))
}

/// Makes the hours of `changed` in `days` anew, and the days.
async fn refresh(
    conn: &mut Conn,
    meter_id: &str,
    (zone, days, changed): (Tz, TimeRange, TimeRange),
) -> Result<usize, diesel::result::Error> {
    store::take_rollup_turn(conn, meter_id).await?;
    let horizon = store::horizon(conn).await?;
    let hours = widened(changed, zone, Resolution::Hour);
    let first = horizon.map_or(days.from, |horizon| horizon.max(days.from));
    let hours = TimeRange::new(hours.from.max(first), hours.to.min(days.to));
    let mut written = 0;
    // In zones with half hours a day ends within an hour, which belongs to both.
    let hours = widened(hours, zone, Resolution::Hour);
    if hours.from < hours.to {
        written += store::refresh_hours(conn, meter_id, hours).await?;
    }
    let whole_hours = has_whole_hours(days);
    if !whole_hours && horizon.is_some_and(|horizon| days.from < horizon) {
        return Ok(written);
    }
    let of = (meter_id, zone.name());
    written += store::refresh_days(conn, of, days, whole_hours).await?;
    Ok(written)
}

/// Keeps the sums of meters up to date as their readings change.
#[derive(Clone)]
pub struct RollupKeeper(pub Meters);

impl RollupKeeper {
    /// Under which name its place is kept.
    pub const NAME: &'static str = "meters.rollups";
}

impl Consumer for RollupKeeper {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wants(&self, change: &Change) -> bool {
        change.kind == ChangeKind::Meter
    }

    fn take(&self, changes: Vec<Change>) -> BoxFuture<'_, anyhow::Result<()>> {
        async move {
            for change in Change::united(changes) {
                let Some(meter_id) = change.meter_id() else { continue };
                self.0.refresh_rollups(meter_id, change.range).await?;
            }
            Ok(())
        }
        .boxed()
    }
}
