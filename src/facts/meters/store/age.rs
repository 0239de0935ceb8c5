//! Readings by their age.

use chrono::{DateTime, Utc};
use diesel::dsl::min;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::base::timeline::TimeRange;
use crate::platform::db::Conn;
use crate::platform::db::schema::{meter_reading_revisions, reading_horizon, smart_meter_readings};

/// Start of the oldest reading.
pub(in crate::facts::meters) async fn oldest(
    conn: &mut Conn,
) -> QueryResult<Option<DateTime<Utc>>> {
    smart_meter_readings::table.select(min(smart_meter_readings::ts)).first(conn).await
}

/// The length of reading that tells most of a range, in seconds.
pub(in crate::facts::meters) async fn usual_interval_s(
    conn: &mut Conn,
    meter_id: &str,
    range: TimeRange,
) -> QueryResult<Option<i32>> {
    use smart_meter_readings as readings;
    readings::table
        .filter(readings::meter_id.eq(meter_id))
        .filter(readings::ts.ge(range.from))
        .filter(readings::ts.lt(range.to))
        .group_by(readings::interval_s)
        .order(diesel::dsl::sum(readings::interval_s).desc())
        .select(readings::interval_s)
        .first(conn)
        .await
        .optional()
}

/// How many readings begin before an instant.
pub(in crate::facts::meters) async fn count_before(
    conn: &mut Conn,
    before: DateTime<Utc>,
) -> QueryResult<u64> {
    let old = smart_meter_readings::table.filter(smart_meter_readings::ts.lt(before));
    let rows: i64 = old.count().get_result(conn).await?;
    Ok(rows.unsigned_abs())
}

/// From now on nothing before an instant is added up.
pub(in crate::facts::meters) async fn set_horizon(
    conn: &mut Conn,
    before: DateTime<Utc>,
) -> QueryResult<()> {
    use crate::platform::db::later_of;
    let known = reading_horizon::before.nullable();
    diesel::insert_into(reading_horizon::table)
        .values((reading_horizon::only_row.eq(true), reading_horizon::before.eq(before)))
        .on_conflict(reading_horizon::only_row)
        .do_update()
        .set(reading_horizon::before.eq(later_of(known, Some(before)).assume_not_null()))
        .execute(conn)
        .await
        .map(drop)
}

/// Removes the readings of a range with what they replaced; answers how many readings.
pub(in crate::facts::meters) async fn remove(
    conn: &mut Conn,
    range: TimeRange,
) -> QueryResult<u64> {
    use {meter_reading_revisions as revisions, smart_meter_readings as readings};
    let replaced =
        revisions::table.filter(revisions::ts.ge(range.from)).filter(revisions::ts.lt(range.to));
    diesel::delete(replaced).execute(conn).await?;
    let old = readings::table.filter(readings::ts.ge(range.from)).filter(readings::ts.lt(range.to));
    Ok(diesel::delete(old).execute(conn).await? as u64)
}
