//! Bulk upsert of observations, through the pool or through COPY; the same SQL decides in both.

use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Double, Integer, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;

use crate::facts::changes::{Change, ChangeKind, record};
use crate::facts::series::model::{Observation, Stored};
use crate::platform::db::Conn;

/// Rows per statement: larger ones are not faster, and hold their arrays in memory on both sides.
const STATEMENT_ROWS_MAX: usize = 20_000;

/// Where the rows of a statement come from when they travel as arrays.
const ARRAYS: &str = "unnest($2::timestamptz[], $3::timestamptz[], $4::bool[], $5::float8[]) \
     AS n (ts, known_at, known_at_assumed, value)";
/// Writers of one series take turns until their transaction ends, so that they cannot wait for
/// each other's rows in a circle. Answers with what the series is called.
pub(super) const TAKE_TURN: &str = "SELECT s.name, s.resolution_s
     FROM pg_advisory_xact_lock(hashtextextended('observations', $1::int)) AS turn
     LEFT JOIN series AS s ON s.series_id = $1";

/// What a series is called, and the length of its intervals; neither of one that is not there.
#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Nullable<Integer>)]
    resolution_s: Option<i32>,
}

/// Where a write of `rows` changes the series.
pub(super) fn change(
    name: Option<String>,
    resolution_s: Option<i32>,
    rows: &[Observation],
) -> Vec<Change> {
    let ends = rows.first().zip(rows.last()).map(|(first, last)| (first.ts, last.ts));
    let change = name.zip(ends).map(|(name, ends)| {
        Change::of(ChangeKind::Observation, name, ends, resolution_s.unwrap_or(1))
    });
    change.into_iter().collect()
}

/// New pairs of instant and publication.
pub(super) fn insert(source: &str) -> String {
    format!(
        "INSERT INTO observations (series_id, ts, known_at, known_at_assumed, value)
         SELECT $1::int, n.ts, n.known_at, n.known_at_assumed, n.value FROM {source}
         ON CONFLICT (series_id, ts, known_at) DO NOTHING"
    )
}

/// Pairs that are stored with something else; after [`insert`] every pair exists.
///
/// Each row finds its old one by key: as a join, the planner could take a table that nobody has
/// analysed yet for a tiny one and compare every row with every other.
pub(super) fn replace(source: &str) -> String {
    format!(
        "INSERT INTO observations AS o (series_id, ts, known_at, known_at_assumed, value)
         SELECT $1::int, n.ts, n.known_at, n.known_at_assumed, n.value FROM {source}
         ON CONFLICT (series_id, ts, known_at) DO UPDATE
         SET value = excluded.value, known_at_assumed = excluded.known_at_assumed
         WHERE (o.value, o.known_at_assumed)
             IS DISTINCT FROM (excluded.value, excluded.known_at_assumed)"
    )
}

/// A statement on rows of a series, bound as arrays.
macro_rules! with_arrays {
    ($statement:expr, $series_id:expr, $rows:expr) => {
        diesel::sql_query(&$statement)
            .bind::<Integer, _>($series_id)
            .bind::<Array<Timestamptz>, _>(column($rows, |row| row.ts))
            .bind::<Array<Timestamptz>, _>(column($rows, |row| row.known_at))
            .bind::<Array<Bool>, _>(column($rows, |row| row.known_at_assumed))
            .bind::<Array<Double>, _>(column($rows, |row| row.value))
    };
}

fn column<T>(rows: &[Observation], field: impl Fn(&Observation) -> T) -> Vec<T> {
    rows.iter().map(field).collect()
}

/// Writes `rows`, sorted by key and without duplicates; the caller's transaction holds it together.
pub(in crate::facts::series) async fn put(
    conn: &mut Conn,
    series_id: i32,
    rows: &[Observation],
) -> QueryResult<Stored> {
    let Named { name, resolution_s } =
        diesel::sql_query(TAKE_TURN).bind::<Integer, _>(series_id).get_result(conn).await?;
    let told = change(name, resolution_s, rows);
    let (insert, replace) = (insert(ARRAYS), replace(ARRAYS));
    let mut stored = Stored::default();
    for rows in rows.chunks(STATEMENT_ROWS_MAX) {
        let all = rows.len() as u64;
        let inserted = with_arrays!(insert, series_id, rows).execute(conn).await? as u64;
        let replaced = if inserted == all {
            0
        } else {
            with_arrays!(replace, series_id, rows).execute(conn).await? as u64
        };
        stored.inserted += inserted;
        stored.replaced += replaced;
        stored.unchanged += all - inserted - replaced;
    }
    if stored.inserted + stored.replaced > 0 {
        record(conn, &told).await?;
    }
    Ok(stored)
}
