//! What readings add up to, kept per hour and local day: made anew where readings changed, read for
//! long ranges.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Timestamptz};
use diesel_async::RunQueryDsl;

use super::rollup::{Row, ends, starts, statement};
use crate::base::timeline::TimeRange;
use crate::facts::meters::model::{Resolution, Rollup};
use crate::platform::db::Conn;
use crate::platform::db::schema::{meters, reading_horizon};

/// Whoever makes rollups of a meter anew takes turns with others who do.
const TAKE_TURN: &str = "SELECT pg_advisory_xact_lock(hashtextextended('rollups:' || $1::text, 0))";

/// Sums of hours as sums of local days, where days are made of whole hours.
const DAYS_OF_HOURS: &str = "
    SELECT d.ts, extract(epoch FROM ((d.ts AT TIME ZONE $4) + interval '1 day') AT TIME ZONE $4
            - d.ts)::int AS interval_s,
        d.consumption_kwh, d.production_kwh, d.consumption_s, d.production_s, d.covered_s,
        d.missing_s
    FROM (
        SELECT date_trunc('day', h.ts AT TIME ZONE $4) AT TIME ZONE $4 AS ts,
            sum(h.consumption_kwh) AS consumption_kwh, sum(h.production_kwh) AS production_kwh,
            sum(h.consumption_s)::bigint AS consumption_s,
            sum(h.production_s)::bigint AS production_s,
            sum(h.covered_s)::bigint AS covered_s, sum(h.missing_s)::bigint AS missing_s
        FROM unnest($2::timestamptz[], $3::timestamptz[]) AS s (first, after)
        JOIN meter_hourly AS h ON h.meter_id = $1 AND h.ts >= s.first AND h.ts < s.after
        GROUP BY 1
    ) AS d";

const SUMS: &str = "consumption_kwh, production_kwh, consumption_s, production_s, covered_s, \
     missing_s";

/// Zone of the days of a meter, by its name; absent where there is no such meter.
pub(in crate::facts::meters) async fn zone_of(
    conn: &mut Conn,
    meter_id: &str,
) -> QueryResult<Option<String>> {
    meters::table.find(meter_id).select(meters::time_zone).first(conn).await.optional()
}

/// Up to when readings have been removed because of their age, if any have.
pub(in crate::facts::meters) async fn horizon(
    conn: &mut Conn,
) -> QueryResult<Option<DateTime<Utc>>> {
    reading_horizon::table.select(reading_horizon::before).first(conn).await.optional()
}

/// Makes other refreshers of the meter wait until the transaction ends.
pub(in crate::facts::meters) async fn take_turn(
    conn: &mut Conn,
    meter_id: &str,
) -> QueryResult<()> {
    diesel::sql_query(TAKE_TURN).bind::<Text, _>(meter_id).execute(conn).await.map(drop)
}

/// Makes the sums of the hours in `range` anew, which begins and ends with an hour.
pub(in crate::facts::meters) async fn refresh_hours(
    conn: &mut Conn,
    meter_id: &str,
    range: TimeRange,
) -> QueryResult<usize> {
    let source = statement(Resolution::Hour);
    let insert = format!(
        "INSERT INTO meter_hourly (meter_id, ts, {SUMS})
         SELECT $1, n.ts, {SUMS} FROM ({source}) AS n"
    );
    replace(conn, ("meter_hourly", &insert), (meter_id, "UTC"), range).await
}

/// Makes the sums of the local days in `range` anew, which begins and ends with such a day; from
/// the hours, where days are made of whole ones.
pub(in crate::facts::meters) async fn refresh_days(
    conn: &mut Conn,
    (meter_id, zone): (&str, &str),
    range: TimeRange,
    of_whole_hours: bool,
) -> QueryResult<usize> {
    let source = if of_whole_hours { DAYS_OF_HOURS.to_owned() } else { statement(Resolution::Day) };
    let insert = format!(
        "INSERT INTO meter_daily (meter_id, ts, interval_s, {SUMS})
         SELECT $1, n.ts, n.interval_s, {SUMS} FROM ({source}) AS n"
    );
    replace(conn, ("meter_daily", &insert), (meter_id, zone), range).await
}

async fn replace(
    conn: &mut Conn,
    (table, insert): (&str, &str),
    (meter_id, zone): (&str, &str),
    range: TimeRange,
) -> QueryResult<usize> {
    let old = format!("DELETE FROM {table} WHERE meter_id = $1 AND ts >= $2 AND ts < $3");
    diesel::sql_query(old)
        .bind::<Text, _>(meter_id)
        .bind::<Timestamptz, _>(range.from)
        .bind::<Timestamptz, _>(range.to)
        .execute(conn)
        .await?;
    diesel::sql_query(insert)
        .bind::<Text, _>(meter_id)
        .bind::<Array<Timestamptz>, _>(vec![range.from])
        .bind::<Array<Timestamptz>, _>(vec![range.to])
        .bind::<Text, _>(zone)
        .execute(conn)
        .await
}

/// Sums that are kept of the stretches in `ranges`, oldest first.
pub(in crate::facts::meters) async fn kept(
    conn: &mut Conn,
    meter_id: &str,
    ranges: &[TimeRange],
    resolution: Resolution,
) -> QueryResult<Vec<Rollup>> {
    let (table, interval_s) = match resolution {
        Resolution::Day => ("meter_daily", "k.interval_s"),
        Resolution::Hour | Resolution::Quarter | Resolution::Raw => ("meter_hourly", "3600"),
    };
    let query = format!(
        "SELECT k.ts, {interval_s} AS interval_s, {SUMS}
         FROM unnest($2::timestamptz[], $3::timestamptz[]) AS s (first, after)
         JOIN {table} AS k ON k.meter_id = $1 AND k.ts >= s.first AND k.ts < s.after
         ORDER BY k.ts"
    );
    let rows: Vec<Row> = diesel::sql_query(query)
        .bind::<Text, _>(meter_id)
        .bind::<Array<Timestamptz>, _>(starts(ranges))
        .bind::<Array<Timestamptz>, _>(ends(ranges))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(Rollup::from).collect())
}
