//! SQL of answers by key and of the marks of counters.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Double, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use super::counters::Mark;
use crate::base::timeline::TimeRange;
use crate::platform::db::Conn;
use crate::platform::db::schema::reading_requests;

/// How long an answer is kept for its key.
const KEPT: Duration = Duration::hours(24);

/// Requests with the same key take turns until their transaction ends.
const TAKE_TURN: &str =
    "SELECT pg_advisory_xact_lock(hashtextextended('reading-request:' || $1, 0))";

/// The digest and the answer of the request that came with this key, after its turn; what is older
/// than a day is forgotten.
pub(super) async fn answered(
    conn: &mut Conn,
    user_id: Uuid,
    key: &str,
    now: DateTime<Utc>,
) -> QueryResult<Option<(String, Value)>> {
    let turn = format!("{user_id} {key}");
    diesel::sql_query(TAKE_TURN).bind::<Text, _>(turn).execute(conn).await?;
    let old = reading_requests::table.filter(reading_requests::created_at.lt(now - KEPT));
    diesel::delete(old).execute(conn).await?;
    reading_requests::table
        .filter(reading_requests::user_id.eq(user_id))
        .filter(reading_requests::request_key.eq(key))
        .select((reading_requests::body_sha256, reading_requests::answer))
        .first(conn)
        .await
        .optional()
}

/// Forgets answers that are older than they are kept, or only counts them.
pub(super) async fn forget_answers(
    conn: &mut Conn,
    now: DateTime<Utc>,
    dry_run: bool,
) -> QueryResult<usize> {
    let old = reading_requests::table.filter(reading_requests::created_at.lt(now - KEPT));
    if dry_run {
        let rows: i64 = old.count().get_result(conn).await?;
        return Ok(usize::try_from(rows).unwrap_or_default());
    }
    diesel::delete(old).execute(conn).await
}

/// Keeps an answer for its key.
pub(super) async fn keep_answer(
    conn: &mut Conn,
    (user_id, key): (Uuid, &str),
    (digest, answer): (&str, &Value),
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let row = (
        reading_requests::user_id.eq(user_id),
        reading_requests::request_key.eq(key),
        reading_requests::body_sha256.eq(digest),
        reading_requests::answer.eq(answer),
        reading_requests::created_at.eq(now),
    );
    diesel::insert_into(reading_requests::table).values(row).execute(conn).await.map(drop)
}

/// Writes marks of one meter, one per instant; of two numbers for one the later known stays.
pub(super) async fn put_marks(conn: &mut Conn, meter_id: &str, marks: &[Mark]) -> QueryResult<()> {
    let query = "INSERT INTO meter_counters AS old (meter_id, ts, consumption_kwh_total, \
             production_kwh_total, known_at)
         SELECT $1, n.ts, n.taken, n.given, n.known_at
         FROM unnest($2::timestamptz[], $3::float8[], $4::float8[], $5::timestamptz[])
             AS n (ts, taken, given, known_at)
         ON CONFLICT (meter_id, ts) DO UPDATE SET
             consumption_kwh_total = CASE WHEN excluded.known_at >= old.known_at
                 THEN coalesce(excluded.consumption_kwh_total, old.consumption_kwh_total)
                 ELSE coalesce(old.consumption_kwh_total, excluded.consumption_kwh_total) END,
             production_kwh_total = CASE WHEN excluded.known_at >= old.known_at
                 THEN coalesce(excluded.production_kwh_total, old.production_kwh_total)
                 ELSE coalesce(old.production_kwh_total, excluded.production_kwh_total) END,
             known_at = greatest(excluded.known_at, old.known_at)";
    let at: Vec<DateTime<Utc>> = marks.iter().map(|mark| mark.ts).collect();
    let taken: Vec<Option<f64>> = marks.iter().map(|mark| mark.consumption_kwh_total).collect();
    let given: Vec<Option<f64>> = marks.iter().map(|mark| mark.production_kwh_total).collect();
    let known: Vec<DateTime<Utc>> = marks.iter().map(|mark| mark.known_at).collect();
    diesel::sql_query(query)
        .bind::<Text, _>(meter_id)
        .bind::<Array<Timestamptz>, _>(at)
        .bind::<Array<Nullable<Double>>, _>(taken)
        .bind::<Array<Nullable<Double>>, _>(given)
        .bind::<Array<Timestamptz>, _>(known)
        .execute(conn)
        .await
        .map(drop)
}

#[derive(QueryableByName)]
struct Ends {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    first: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last: Option<DateTime<Utc>>,
}

/// `range` widened to the nearest marks of both counters at or outside of its ends.
pub(super) async fn widened(
    conn: &mut Conn,
    meter_id: &str,
    range: TimeRange,
) -> QueryResult<TimeRange> {
    let query = "SELECT
            least((SELECT max(ts) FROM meter_counters WHERE meter_id = $1 AND ts <= $2
                    AND consumption_kwh_total IS NOT NULL),
                (SELECT max(ts) FROM meter_counters WHERE meter_id = $1 AND ts <= $2
                    AND production_kwh_total IS NOT NULL)) AS first,
            greatest((SELECT min(ts) FROM meter_counters WHERE meter_id = $1 AND ts >= $3
                    AND consumption_kwh_total IS NOT NULL),
                (SELECT min(ts) FROM meter_counters WHERE meter_id = $1 AND ts >= $3
                    AND production_kwh_total IS NOT NULL)) AS last";
    let ends: Ends = diesel::sql_query(query)
        .bind::<Text, _>(meter_id)
        .bind::<Timestamptz, _>(range.from)
        .bind::<Timestamptz, _>(range.to)
        .get_result(conn)
        .await?;
    Ok(TimeRange::new(ends.first.unwrap_or(range.from), ends.last.unwrap_or(range.to)))
}

#[derive(QueryableByName)]
struct MarkRow {
    #[diesel(sql_type = Timestamptz)]
    ts: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Double>)]
    consumption_kwh_total: Option<f64>,
    #[diesel(sql_type = Nullable<Double>)]
    production_kwh_total: Option<f64>,
    #[diesel(sql_type = Timestamptz)]
    known_at: DateTime<Utc>,
}

/// Marks of a meter in `range`, both ends included, oldest first.
pub(super) async fn marks(
    conn: &mut Conn,
    (meter_id, interval_s): (&str, i32),
    range: TimeRange,
) -> QueryResult<Vec<Mark>> {
    let query = "SELECT ts, consumption_kwh_total, production_kwh_total, known_at \
         FROM meter_counters WHERE meter_id = $1 AND ts BETWEEN $2 AND $3 ORDER BY ts";
    let rows: Vec<MarkRow> = diesel::sql_query(query)
        .bind::<Text, _>(meter_id)
        .bind::<Timestamptz, _>(range.from)
        .bind::<Timestamptz, _>(range.to)
        .load(conn)
        .await?;
    let mark = |row: MarkRow| Mark {
        meter_id: meter_id.to_owned(),
        ts: row.ts,
        interval_s,
        consumption_kwh_total: row.consumption_kwh_total,
        production_kwh_total: row.production_kwh_total,
        known_at: row.known_at,
    };
    Ok(rows.into_iter().map(mark).collect())
}
