//! Bulk upsert with revisions, through the pool or through COPY; the same SQL decides in both.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Double, Integer, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;

use super::rows::{Batch, Taken};
use crate::base::timeline::TimeRange;
use crate::facts::changes::{Change, record};
use crate::facts::meters::model::{Reading, Stored};
use crate::platform::db::Conn;

/// Rows per statement: larger ones are not faster, and hold eight arrays in memory on both sides.
const STATEMENT_ROWS_MAX: usize = 20_000;

/// Where the rows of a statement come from when they travel as arrays.
const ARRAYS: &str = "unnest($1::text[], $2::timestamptz[], $3::int[], $4::float8[], $5::float8[], \
     $6::float8[], $7::text[], $8::timestamptz[]) \
     AS n (meter_id, ts, interval_s, consumption_kw, production_kw, voltage, quality, known_at)";
/// Writers of one meter take turns until their transaction ends, so that two of them can neither
/// lose a revision nor wait for each other's rows in a circle; meters are locked in their order.
pub(super) const TAKE_TURNS: &str = "SELECT pg_advisory_xact_lock(hashtextextended(\
     'readings:' || m.meter_id, 0)) FROM (SELECT unnest($1::text[]) AS meter_id ORDER BY 1) AS m";

const COLUMNS: &str =
    "meter_id, ts, interval_s, consumption_kw, production_kw, voltage, quality, known_at";

/// Quarter hours near those of a batch in which readings of another length begin; bounds come as
/// arrays, one stretch of one meter each.
pub(super) const TAKEN: &str = "SELECT DISTINCT other.meter_id, other.interval_s, \
         date_bin('15 minutes', other.ts, 'epoch') AS quarter \
     FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) AS b (meter_id, first, last) \
     JOIN smart_meter_readings AS other ON other.meter_id = b.meter_id \
         AND other.ts BETWEEN b.first AND b.last AND other.interval_s <> $4::int";

/// New instants; those that exist are left for [`replace`].
pub(super) fn insert(source: &str) -> String {
    format!(
        "INSERT INTO smart_meter_readings ({COLUMNS})
         SELECT {COLUMNS} FROM {source}
         ON CONFLICT (meter_id, ts) DO NOTHING"
    )
}

/// Values that give way: the old row becomes a revision, the new one takes its place. A value that
/// is stated again keeps the instant since which it is known, and notes when it was stated last:
/// what was published in between came before it, whenever it arrives.
///
/// All parts of the statement see the table as it was before, so `old` is what is replaced, and a
/// row that [`insert`] has just written equals its own reading. Answers with the counts of rows
/// replaced, refused because they were known earlier, and equal. Each row finds its old one by key
/// (`OFFSET 0` keeps the look-up a look-up), whatever the planner believes of a table that nobody has
/// analysed yet.
pub(super) fn replace(source: &str) -> String {
    format!(
        "WITH judged AS MATERIALIZED (
             SELECT n.*, old.interval_s AS old_interval_s, old.consumption_kw AS old_consumption_kw,
                 old.production_kw AS old_production_kw, old.voltage AS old_voltage,
                 old.quality AS old_quality, old.known_at AS old_known_at,
                 (n.consumption_kw, n.production_kw, n.voltage, n.quality) IS DISTINCT FROM
                     (old.consumption_kw, old.production_kw, old.voltage, old.quality) AS differs,
                 n.known_at < coalesce(old.confirmed_at, old.known_at) AS is_older,
                 n.known_at > coalesce(old.confirmed_at, old.known_at) AS is_newer
             FROM {source} CROSS JOIN LATERAL (
                 SELECT * FROM smart_meter_readings r
                 WHERE r.meter_id = n.meter_id AND r.ts = n.ts OFFSET 0
             ) AS old
         ), kept AS (
             INSERT INTO meter_reading_revisions ({COLUMNS})
             SELECT meter_id, ts, old_interval_s, old_consumption_kw, old_production_kw,
                 old_voltage, old_quality, old_known_at
             FROM judged WHERE differs AND NOT is_older
         ), written AS (
             INSERT INTO smart_meter_readings ({COLUMNS}, confirmed_at)
             SELECT meter_id, ts, interval_s, consumption_kw, production_kw, voltage, quality,
                 CASE WHEN differs THEN known_at ELSE old_known_at END,
                 CASE WHEN NOT differs THEN known_at END
             FROM judged WHERE CASE WHEN differs THEN NOT is_older ELSE is_newer END
             ON CONFLICT (meter_id, ts) DO UPDATE
             SET interval_s = excluded.interval_s, consumption_kw = excluded.consumption_kw,
                 production_kw = excluded.production_kw, voltage = excluded.voltage,
                 quality = excluded.quality, known_at = excluded.known_at,
                 confirmed_at = excluded.confirmed_at
         )
         SELECT count(*) FILTER (WHERE differs AND NOT is_older) AS replaced,
             count(*) FILTER (WHERE differs AND is_older) AS refused,
             count(*) FILTER (WHERE NOT differs) AS equal
         FROM judged"
    )
}

#[derive(Debug, Default, QueryableByName)]
pub(super) struct Judged {
    #[diesel(sql_type = BigInt)]
    pub(super) replaced: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) refused: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) equal: i64,
}

impl Judged {
    /// The counts when every row was new and nothing is left to judge.
    pub(super) fn all_new(inserted: u64) -> Self {
        Self { equal: inserted.cast_signed(), ..Self::default() }
    }

    /// What a write did that inserted `inserted` of its rows before the rest was judged.
    pub(super) fn counts(&self, inserted: u64) -> Stored {
        Stored {
            inserted,
            replaced: self.replaced.unsigned_abs(),
            unchanged: self.equal.unsigned_abs().saturating_sub(inserted),
            refused_older: self.refused.unsigned_abs(),
            duplicates: 0,
            overlapping: 0,
        }
    }
}

/// A statement on a part of a batch, its rows bound as arrays.
macro_rules! with_arrays {
    ($statement:expr, $readings:expr) => {
        diesel::sql_query(&$statement)
            .bind::<Array<Text>, _>(column($readings, |reading| reading.meter_id.as_str()))
            .bind::<Array<Timestamptz>, _>(column($readings, |reading| reading.ts))
            .bind::<Array<Integer>, _>(column($readings, |reading| reading.interval_s))
            .bind::<Array<Nullable<Double>>, _>(column($readings, |reading| reading.consumption_kw))
            .bind::<Array<Nullable<Double>>, _>(column($readings, |reading| reading.production_kw))
            .bind::<Array<Nullable<Double>>, _>(column($readings, |reading| reading.voltage))
            .bind::<Array<Text>, _>(column($readings, |reading| reading.quality.name()))
            .bind::<Array<Timestamptz>, _>(column($readings, |reading| reading.known_at))
    };
}

fn column<'a, T>(readings: &[&'a Reading], field: impl Fn(&'a Reading) -> T) -> Vec<T> {
    readings.iter().map(|reading| field(reading)).collect()
}

/// Writes `batch`, which is of one length, in statements of bounded size; the caller's transaction
/// holds them together. Readings for quarter hours that hold another length are left out.
pub(in crate::facts::meters) async fn put(
    conn: &mut Conn,
    mut batch: Batch<'_>,
) -> QueryResult<Stored> {
    let meters = batch.meters();
    diesel::sql_query(TAKE_TURNS).bind::<Array<Text>, _>(&meters).execute(conn).await?;
    let taken: Vec<Taken> = {
        let bounds = batch.bounds();
        diesel::sql_query(TAKEN)
            .bind::<Array<Text>, _>(bounds.meter_ids)
            .bind::<Array<Timestamptz>, _>(bounds.first)
            .bind::<Array<Timestamptz>, _>(bounds.last)
            .bind::<Integer, _>(bounds.interval_s)
            .load(conn)
            .await?
    };
    let mut stored = Stored { overlapping: batch.leave_out(&taken), ..Stored::default() };
    let (insert, replace) = (insert(ARRAYS), replace(ARRAYS));
    for readings in batch.readings.chunks(STATEMENT_ROWS_MAX) {
        let inserted = with_arrays!(insert, readings).execute(conn).await? as u64;
        let judged = if inserted == readings.len() as u64 {
            Judged::all_new(inserted)
        } else {
            with_arrays!(replace, readings).get_result(conn).await?
        };
        stored.add(&judged.counts(inserted));
    }
    if stored.changed() {
        record(conn, &batch.changes()).await?;
    }
    Ok(stored)
}

/// Moves readings of another length than `kept_s` to the revisions.
pub(in crate::facts::meters) async fn retire(
    conn: &mut Conn,
    meter_id: &str,
    range: TimeRange,
    kept_s: i32,
) -> QueryResult<usize> {
    diesel::sql_query(TAKE_TURNS).bind::<Array<Text>, _>(vec![meter_id]).execute(conn).await?;
    let moved = diesel::sql_query(format!(
        "WITH gone AS (
             DELETE FROM smart_meter_readings
             WHERE meter_id = $1 AND ts >= $2 AND ts < $3 AND interval_s <> $4
             RETURNING {COLUMNS}
         )
         INSERT INTO meter_reading_revisions ({COLUMNS}) SELECT {COLUMNS} FROM gone"
    ));
    let moved = moved
        .bind::<Text, _>(meter_id)
        .bind::<Timestamptz, _>(range.from)
        .bind::<Timestamptz, _>(range.to)
        .bind::<Integer, _>(kept_s)
        .execute(conn)
        .await?;
    if moved > 0 {
        record(conn, &[Change::of_meter(meter_id, range)]).await?;
    }
    Ok(moved)
}
