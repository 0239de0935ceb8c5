//! SQL of changes, cursors and letters.
//!
//! Times are those of the database's clock: several processes share the cursors.

mod letters; // what could not be taken

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use tokio_postgres::Transaction;

pub(super) use self::letters::{bury, forget_letters, letters, resolve};
use super::model::{Change, ChangeKind, ConsumerState, CursorRow, Position, Told, united};
use crate::base::timeline::TimeRange;
use crate::platform::db::Conn;

/// One statement for the rows and the notice; of equal notices of a transaction one is sent.
const RECORD: &str = "WITH told AS (
        INSERT INTO series_changes (kind, name, range_from, range_to)
        SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[])
        RETURNING change_id)
    SELECT pg_notify('luna_series_changed', '') FROM (SELECT count(*) FROM told) AS counted";

/// Kinds, names, starts and ends.
type Columns<'a> = (Vec<&'a str>, Vec<&'a str>, Vec<DateTime<Utc>>, Vec<DateTime<Utc>>);

/// Columns of changes as arrays.
fn columns(changes: &[Change]) -> Columns<'_> {
    (
        changes.iter().map(|change| change.kind.name()).collect(),
        changes.iter().map(|change| change.name.as_str()).collect(),
        changes.iter().map(|change| change.range.from).collect(),
        changes.iter().map(|change| change.range.to).collect(),
    )
}

/// Tells that `changes` were made by the transaction open on `conn`: one row per series and batch,
/// one notice per transaction.
pub async fn record(conn: &mut Conn, changes: &[Change]) -> QueryResult<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let (kinds, names, from, to) = columns(changes);
    diesel::sql_query(RECORD)
        .bind::<Array<Text>, _>(kinds)
        .bind::<Array<Text>, _>(names)
        .bind::<Array<Timestamptz>, _>(from)
        .bind::<Array<Timestamptz>, _>(to)
        .execute(conn)
        .await
        .map(drop)
}

/// The same for a transaction that copies.
pub async fn record_in(
    transaction: &Transaction<'_>,
    changes: &[Change],
) -> Result<(), tokio_postgres::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let (kinds, names, from, to) = columns(changes);
    transaction.execute(RECORD, &[&kinds, &names, &from, &to]).await.map(drop)
}

#[derive(QueryableByName)]
struct RangeRow {
    #[diesel(sql_type = Timestamptz)]
    range_from: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    range_to: DateTime<Utc>,
}

/// Where a series has changed without `consumer` having taken it, as the transaction on `conn`
/// sees it: what waits, and what it could not take. Ranges that overlap or touch are one.
pub async fn pending(
    conn: &mut Conn,
    consumer: &str,
    (kind, name): (ChangeKind, &str),
) -> QueryResult<Vec<TimeRange>> {
    let rows: Vec<RangeRow> = diesel::sql_query(
        "WITH place AS (SELECT coalesce(max(writer), 0) AS writer,
                 coalesce(max(change_id), 0) AS change_id
             FROM change_cursors WHERE consumer = $1)
         SELECT c.range_from, c.range_to FROM series_changes AS c, place
         WHERE (c.writer, c.change_id) > (place.writer, place.change_id)
             AND c.kind = $2 AND c.name = $3
         UNION ALL
         SELECT range_from, range_to FROM change_dead_letters
         WHERE consumer = $1 AND kind = $2 AND name = $3
             AND resolution IS DISTINCT FROM 'retried'",
    )
    .bind::<Text, _>(consumer)
    .bind::<Text, _>(kind.name())
    .bind::<Text, _>(name)
    .load(conn)
    .await?;
    Ok(united(rows.iter().map(|row| TimeRange::new(row.range_from, row.range_to)).collect()))
}

#[derive(QueryableByName)]
struct Cursor {
    #[diesel(sql_type = BigInt)]
    writer: i64,
    #[diesel(sql_type = BigInt)]
    change_id: i64,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = Double)]
    pause_s: f64,
    #[diesel(sql_type = Bool)]
    is_leased: bool,
}

/// Where `consumer` is; at the beginning, as long as it has taken nothing.
pub(super) async fn cursor(
    conn: &mut Conn,
    (consumer, owner): (&str, &str),
) -> QueryResult<CursorRow> {
    let row: Option<Cursor> = diesel::sql_query(
        "SELECT writer, change_id, attempts,
             coalesce(greatest(0, extract(epoch FROM retry_at - clock_timestamp())), 0)::float8
                 AS pause_s,
             coalesce(lease_until > clock_timestamp() AND lease_owner <> $2, false) AS is_leased
         FROM change_cursors WHERE consumer = $1",
    )
    .bind::<Text, _>(consumer)
    .bind::<Text, _>(owner)
    .get_result(conn)
    .await
    .optional()?;
    Ok(row.map_or_else(CursorRow::default, |row| CursorRow {
        at: Position { writer: row.writer, change_id: row.change_id },
        attempts: row.attempts,
        pause_s: row.pause_s,
        is_leased: row.is_leased,
    }))
}

#[derive(QueryableByName)]
struct ToldRow {
    #[diesel(sql_type = BigInt)]
    writer: i64,
    #[diesel(sql_type = BigInt)]
    change_id: i64,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Timestamptz)]
    range_from: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    range_to: DateTime<Utc>,
    #[diesel(sql_type = Double)]
    age_s: f64,
}

fn kind(name: &str) -> QueryResult<ChangeKind> {
    ChangeKind::parse(name).ok_or_else(|| {
        let text = format!("'{name}' is no kind of a change");
        diesel::result::Error::DeserializationError(text.into())
    })
}

/// Up to `limit` changes behind `after` that may be taken, in order: those of transactions before
/// the oldest that is still open. Any later transaction has a greater number, so nothing can turn
/// up in front of them.
pub(super) async fn next(conn: &mut Conn, after: Position, limit: i64) -> QueryResult<Vec<Told>> {
    let rows: Vec<ToldRow> = diesel::sql_query(
        "SELECT writer, change_id, kind, name, range_from, range_to,
             greatest(0, extract(epoch FROM clock_timestamp() - created_at))::float8 AS age_s
         FROM series_changes
         WHERE (writer, change_id) > ($1, $2)
             AND writer < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
         ORDER BY writer, change_id LIMIT $3",
    )
    .bind::<BigInt, _>(after.writer)
    .bind::<BigInt, _>(after.change_id)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let range = TimeRange::new(row.range_from, row.range_to);
            Ok(Told {
                at: Position { writer: row.writer, change_id: row.change_id },
                change: Change { kind: kind(&row.kind)?, name: row.name, range },
                age_s: row.age_s,
            })
        })
        .collect()
}

/// Whether there are changes behind `after`, which open transactions keep from being taken.
pub(super) async fn is_held(conn: &mut Conn, after: Position) -> QueryResult<bool> {
    let rows = diesel::sql_query(
        "SELECT 1 FROM series_changes WHERE (writer, change_id) > ($1, $2) LIMIT 1",
    )
    .bind::<BigInt, _>(after.writer)
    .bind::<BigInt, _>(after.change_id)
    .execute(conn)
    .await?;
    Ok(rows > 0)
}

/// Takes the lease on a consumer that stands at `at`; false when somebody else has it or has moved.
pub(super) async fn lease(
    conn: &mut Conn,
    (consumer, owner): (&str, &str),
    at: Position,
    seconds: f64,
) -> QueryResult<bool> {
    let rows = diesel::sql_query(
        "INSERT INTO change_cursors AS c (consumer, lease_owner, lease_until)
         VALUES ($1, $2, clock_timestamp() + make_interval(secs => $5))
         ON CONFLICT (consumer) DO UPDATE
         SET lease_owner = excluded.lease_owner, lease_until = excluded.lease_until
         WHERE (c.lease_until IS NULL OR c.lease_until <= clock_timestamp()
                 OR c.lease_owner = excluded.lease_owner)
             AND (c.writer, c.change_id) = ($3, $4)",
    )
    .bind::<Text, _>(consumer)
    .bind::<Text, _>(owner)
    .bind::<BigInt, _>(at.writer)
    .bind::<BigInt, _>(at.change_id)
    .bind::<Double, _>(seconds)
    .execute(conn)
    .await?;
    Ok(rows > 0)
}

/// Moves a consumer on and gives the lease back; false when the lease was lost.
pub(super) async fn advance(
    conn: &mut Conn,
    (consumer, owner): (&str, &str),
    to: Position,
) -> QueryResult<bool> {
    let rows = diesel::sql_query(
        "UPDATE change_cursors SET writer = $3, change_id = $4, attempts = 0, retry_at = NULL,
             error = NULL, lease_owner = NULL, lease_until = NULL, moved_at = clock_timestamp()
         WHERE consumer = $1 AND lease_owner = $2 AND (writer, change_id) < ($3, $4)",
    )
    .bind::<Text, _>(consumer)
    .bind::<Text, _>(owner)
    .bind::<BigInt, _>(to.writer)
    .bind::<BigInt, _>(to.change_id)
    .execute(conn)
    .await?;
    Ok(rows > 0)
}

/// Notes a failed attempt and gives the lease back.
pub(super) async fn fail(
    conn: &mut Conn,
    (consumer, owner): (&str, &str),
    error: &str,
    pause_s: f64,
) -> QueryResult<()> {
    diesel::sql_query(
        "UPDATE change_cursors SET attempts = attempts + 1, error = $3,
             retry_at = clock_timestamp() + make_interval(secs => $4),
             lease_owner = NULL, lease_until = NULL
         WHERE consumer = $1 AND lease_owner = $2",
    )
    .bind::<Text, _>(consumer)
    .bind::<Text, _>(owner)
    .bind::<Text, _>(error)
    .bind::<Double, _>(pause_s)
    .execute(conn)
    .await
    .map(drop)
}

/// What comes from another server has numbers that mean nothing here: it counts as told before all
/// else, and who stood there begins anew.
pub(super) async fn adopt(conn: &mut Conn) -> QueryResult<usize> {
    let foreign = "writer >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint";
    let rows = diesel::sql_query(format!("UPDATE series_changes SET writer = 0 WHERE {foreign}"));
    let rows = rows.execute(conn).await?;
    let back = format!("UPDATE change_cursors SET writer = 0, change_id = 0 WHERE {foreign}");
    Ok(rows + diesel::sql_query(back).execute(conn).await?)
}

/// Removes what every one of `consumers` has taken, or only counts it; nothing while one of them
/// has never begun.
pub(super) async fn prune(
    conn: &mut Conn,
    consumers: &[&str],
    dry_run: bool,
) -> QueryResult<usize> {
    let last = "WITH last AS (SELECT writer, change_id FROM change_cursors
             WHERE consumer = ANY($1)
                 AND (SELECT count(*) FROM change_cursors WHERE consumer = ANY($1)) = $2
             ORDER BY writer, change_id LIMIT 1)";
    let work = if dry_run {
        "SELECT c.change_id FROM series_changes AS c, last"
    } else {
        "DELETE FROM series_changes AS c USING last"
    };
    let taken = "WHERE (c.writer, c.change_id) <= (last.writer, last.change_id)";
    diesel::sql_query(format!("{last} {work} {taken}"))
        .bind::<Array<Text>, _>(consumers)
        .bind::<BigInt, _>(i64::try_from(consumers.len()).unwrap_or(i64::MAX))
        .execute(conn)
        .await
}

#[derive(QueryableByName)]
struct StateRow {
    #[diesel(sql_type = Text)]
    consumer: String,
    #[diesel(sql_type = BigInt)]
    lag_rows: i64,
    #[diesel(sql_type = Double)]
    lag_s: f64,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = Nullable<Text>)]
    error: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    moved_at: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    dead_letters: i64,
}

/// How far every consumer is that has ever begun, by name.
pub(super) async fn states(conn: &mut Conn) -> QueryResult<Vec<ConsumerState>> {
    let rows: Vec<StateRow> = diesel::sql_query(
        "SELECT c.consumer, c.attempts, c.error, c.moved_at, waiting.lag_rows, waiting.lag_s,
             (SELECT count(*) FROM change_dead_letters AS d
                 WHERE d.consumer = c.consumer AND d.resolution IS NULL) AS dead_letters
         FROM change_cursors AS c, LATERAL (
             SELECT count(*) AS lag_rows, coalesce(
                 greatest(0, extract(epoch FROM clock_timestamp() - min(s.created_at))), 0)::float8
                 AS lag_s
             FROM series_changes AS s WHERE (s.writer, s.change_id) > (c.writer, c.change_id)
         ) AS waiting
         ORDER BY c.consumer",
    )
    .load(conn)
    .await?;
    let state = |row: StateRow| ConsumerState {
        consumer: row.consumer,
        lag_rows: row.lag_rows,
        lag_s: row.lag_s,
        attempts: row.attempts,
        error: row.error,
        moved_at: row.moved_at,
        dead_letters: row.dead_letters,
    };
    Ok(rows.into_iter().map(state).collect())
}

#[cfg(test)]
#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// Changes that `consumer` has not taken.
#[cfg(test)]
pub(super) async fn waiting(conn: &mut Conn, consumer: &str) -> QueryResult<i64> {
    let at = cursor(conn, (consumer, "")).await?.at;
    let count: Count = diesel::sql_query(
        "SELECT count(*) AS rows FROM series_changes WHERE (writer, change_id) > ($1, $2)",
    )
    .bind::<BigInt, _>(at.writer)
    .bind::<BigInt, _>(at.change_id)
    .get_result(conn)
    .await?;
    Ok(count.rows)
}
