//! Readings staged in a temporary table of the open transaction, and judged there all at once.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use uuid::Uuid;

use super::write::{Judged, TAKE_TURNS, insert, replace};
use crate::base::timeline::TimeRange;
use crate::facts::changes::{Change, record};
use crate::facts::meters::model::{Reading, Stored};
use crate::platform::db::Conn;

/// The table, gone at the end of the transaction; a long upload may take longer than a statement.
const CREATE: &str = "SET LOCAL statement_timeout = '10min';
    CREATE TEMP TABLE readings_staging (place bigint, meter_id text, ts timestamptz, \
        interval_s int, consumption_kw float8, production_kw float8, voltage float8, \
        quality text, known_at timestamptz) ON COMMIT DROP";

const ADD: &str = "INSERT INTO pg_temp.readings_staging
    SELECT $9 + n.place, n.meter_id, n.ts, n.interval_s, n.consumption_kw, n.production_kw,
        n.voltage, n.quality, n.known_at
    FROM unnest($1::text[], $2::timestamptz[], $3::int[], $4::float8[], $5::float8[],
        $6::float8[], $7::text[], $8::timestamptz[]) WITH ORDINALITY
        AS n (meter_id, ts, interval_s, consumption_kw, production_kw, voltage, quality, known_at, place)";

/// Of several readings for one interval the last known one stays, of those the last in order.
const UNITE: &str = "DELETE FROM pg_temp.readings_staging AS gone USING (
        SELECT ctid, row_number() OVER (
            PARTITION BY meter_id, ts, interval_s ORDER BY known_at DESC, place DESC) AS rank
        FROM pg_temp.readings_staging) AS ranked
    WHERE gone.ctid = ranked.ctid AND ranked.rank > 1";

/// First whether anything near is of another length at all: that is one look per meter.
const NEAR: &str = "SELECT EXISTS (
        SELECT FROM (
            SELECT meter_id, min(ts) - interval '75 minutes' AS first,
                max(ts) + interval '75 minutes' AS last
            FROM pg_temp.readings_staging WHERE interval_s = $1 GROUP BY meter_id) AS b
        JOIN smart_meter_readings AS r ON r.meter_id = b.meter_id
            AND r.ts BETWEEN b.first AND b.last AND r.interval_s <> $1) AS found";

/// Readings for quarter hours that hold readings of another length.
const LEAVE_OUT: &str = "DELETE FROM pg_temp.readings_staging AS n
    WHERE n.interval_s = $1 AND EXISTS (
        SELECT FROM smart_meter_readings AS r
        WHERE r.meter_id = n.meter_id AND r.interval_s <> n.interval_s
            AND r.ts > date_bin('15 minutes', n.ts, 'epoch') - interval '75 minutes'
            AND r.ts < date_bin('15 minutes', n.ts + make_interval(secs => n.interval_s - 1), 'epoch')
                + interval '15 minutes'
            AND date_bin('15 minutes', date_bin('15 minutes', r.ts, 'epoch')
                    + make_interval(secs => r.interval_s - 1), 'epoch')
                >= date_bin('15 minutes', n.ts, 'epoch'))";

/// Makes the empty table.
pub(in crate::facts::meters) async fn create_stage(conn: &mut Conn) -> QueryResult<()> {
    conn.batch_execute(CREATE).await
}

/// Adds readings behind the `before` that are there.
pub(in crate::facts::meters) async fn add_to_stage(
    conn: &mut Conn,
    before: i64,
    readings: &[Reading],
) -> QueryResult<()> {
    fn column<'a, T>(readings: &'a [Reading], field: impl Fn(&'a Reading) -> T) -> Vec<T> {
        readings.iter().map(field).collect()
    }
    diesel::sql_query(ADD)
        .bind::<Array<Text>, _>(column(readings, |one| one.meter_id.as_str()))
        .bind::<Array<Timestamptz>, _>(column(readings, |one| one.ts))
        .bind::<Array<Integer>, _>(column(readings, |one| one.interval_s))
        .bind::<Array<Nullable<Double>>, _>(column(readings, |one| one.consumption_kw))
        .bind::<Array<Nullable<Double>>, _>(column(readings, |one| one.production_kw))
        .bind::<Array<Nullable<Double>>, _>(column(readings, |one| one.voltage))
        .bind::<Array<Text>, _>(column(readings, |one| one.quality.name()))
        .bind::<Array<Timestamptz>, _>(column(readings, |one| one.known_at))
        .bind::<BigInt, _>(before)
        .execute(conn)
        .await
        .map(drop)
}

/// Makes other writers of these meters wait until the transaction ends.
pub(in crate::facts::meters) async fn take_turns(
    conn: &mut Conn,
    meter_ids: &[&str],
) -> QueryResult<()> {
    diesel::sql_query(TAKE_TURNS).bind::<Array<Text>, _>(meter_ids).execute(conn).await.map(drop)
}

/// Writes what is staged, shorter readings first; the meters take turns already.
pub(in crate::facts::meters) async fn put_stage(conn: &mut Conn) -> QueryResult<Stored> {
    conn.batch_execute("ANALYZE pg_temp.readings_staging").await?;
    let duplicates = diesel::sql_query(UNITE).execute(conn).await? as u64;
    let mut all = Stored { duplicates, ..Stored::default() };
    for length in lengths(conn).await? {
        let interval_s = length.interval_s;
        let near: Near =
            diesel::sql_query(NEAR).bind::<Integer, _>(interval_s).get_result(conn).await?;
        let overlapping = if near.found {
            diesel::sql_query(LEAVE_OUT).bind::<Integer, _>(interval_s).execute(conn).await? as u64
        } else {
            0
        };
        let source = format!(
            "(SELECT * FROM pg_temp.readings_staging WHERE interval_s = {interval_s}) AS n"
        );
        let inserted = diesel::sql_query(insert(&source)).execute(conn).await? as u64;
        let judged = if inserted + overlapping == length.rows.unsigned_abs() {
            Judged::all_new(inserted)
        } else {
            diesel::sql_query(replace(&source)).get_result(conn).await?
        };
        all.add(&Stored { overlapping, ..judged.counts(inserted) });
    }
    if all.changed() {
        let changes = staged(conn).await?;
        record(conn, &changes).await?;
    }
    Ok(all)
}

#[derive(QueryableByName)]
struct Staged {
    #[diesel(sql_type = Text)]
    meter_id: String,
    #[diesel(sql_type = Timestamptz)]
    first: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    last: DateTime<Utc>,
}

/// Where what is staged changes which meter.
async fn staged(conn: &mut Conn) -> QueryResult<Vec<Change>> {
    let query = "SELECT meter_id, min(ts) AS first, \
             max(ts + make_interval(secs => interval_s)) AS last \
         FROM pg_temp.readings_staging GROUP BY meter_id ORDER BY meter_id";
    let rows: Vec<Staged> = diesel::sql_query(query).load(conn).await?;
    let change = |row: Staged| Change::of_meter(&row.meter_id, TimeRange::new(row.first, row.last));
    Ok(rows.into_iter().map(change).collect())
}

#[derive(QueryableByName)]
struct Near {
    #[diesel(sql_type = Bool)]
    found: bool,
}

#[derive(QueryableByName)]
struct Length {
    #[diesel(sql_type = Integer)]
    interval_s: i32,
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

async fn lengths(conn: &mut Conn) -> QueryResult<Vec<Length>> {
    let query = "SELECT interval_s, count(*) AS rows FROM pg_temp.readings_staging \
         GROUP BY interval_s ORDER BY interval_s";
    diesel::sql_query(query).load(conn).await
}

/// A meter that readings are meant for.
#[derive(Debug, Clone, QueryableByName)]
pub struct Target {
    /// The meter.
    #[diesel(sql_type = Text)]
    pub meter_id: String,
    /// The site it belongs to.
    #[diesel(sql_type = SqlUuid)]
    pub site_id: Uuid,
    /// Length of its newest reading, in seconds; absent before the first.
    #[diesel(sql_type = Nullable<Integer>)]
    pub interval_s: Option<i32>,
}

/// Those of `meter_ids` that are meters.
pub(in crate::facts::meters) async fn targets(
    conn: &mut Conn,
    meter_ids: &[&str],
) -> QueryResult<Vec<Target>> {
    diesel::sql_query(
        "SELECT m.meter_id, m.site_id, (
             SELECT interval_s FROM smart_meter_readings AS r
             WHERE r.meter_id = m.meter_id ORDER BY ts DESC LIMIT 1) AS interval_s
         FROM meters AS m WHERE m.meter_id = ANY($1)",
    )
    .bind::<Array<Text>, _>(meter_ids)
    .load(conn)
    .await
}
