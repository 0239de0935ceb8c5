//! SQL of the table `simulation_streams`.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;

use super::model::{Stream, StreamState};
use crate::platform::db::Conn;
use crate::platform::db::schema::simulation_streams as streams;

#[derive(Queryable, Selectable)]
#[diesel(table_name = streams, check_for_backend(diesel::pg::Pg))]
struct Row {
    is_running: bool,
    started_at: Option<DateTime<Utc>>,
    stopped_at: Option<DateTime<Utc>>,
    interval_s: Option<i32>,
    written_until: Option<DateTime<Utc>>,
    rows_written: i64,
    written_at: Option<DateTime<Utc>>,
    writer: Option<String>,
}

impl From<Row> for StreamState {
    fn from(row: Row) -> Self {
        Self {
            is_running: row.is_running,
            started_at: row.started_at,
            stopped_at: row.stopped_at,
            interval_s: row.interval_s,
            written_until: row.written_until,
            rows_written: row.rows_written,
            written_at: row.written_at,
            writer: row.writer,
        }
    }
}

/// How a stream stands; nothing while nobody ever started or stopped it.
pub(super) async fn state(conn: &mut Conn, stream: Stream) -> QueryResult<Option<StreamState>> {
    let row: Option<Row> =
        streams::table.find(stream.name()).select(Row::as_select()).first(conn).await.optional()?;
    Ok(row.map(StreamState::from))
}

/// The same, held until the transaction ends: whoever starts or stops the stream waits so long.
pub(super) async fn state_held(
    conn: &mut Conn,
    stream: Stream,
) -> QueryResult<Option<StreamState>> {
    let row: Option<Row> = streams::table
        .find(stream.name())
        .select(Row::as_select())
        .for_update()
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(StreamState::from))
}

/// The same if the stream runs and nobody else holds it: one process writes at a time, the others
/// do not wait for it.
pub(super) async fn state_to_write(
    conn: &mut Conn,
    stream: Stream,
) -> QueryResult<Option<StreamState>> {
    let row: Option<Row> = streams::table
        .filter(streams::stream.eq(stream.name()))
        .filter(streams::is_running)
        .select(Row::as_select())
        .for_update()
        .skip_locked()
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(StreamState::from))
}

/// Writes down that a stream runs since `now`, from `written_until` on.
pub(super) async fn start(
    conn: &mut Conn,
    stream: Stream,
    now: DateTime<Utc>,
    interval_s: Option<i32>,
    written_until: Option<DateTime<Utc>>,
) -> QueryResult<()> {
    let values = (
        streams::stream.eq(stream.name()),
        streams::is_running.eq(true),
        streams::started_at.eq(now),
        streams::stopped_at.eq(None::<DateTime<Utc>>),
        streams::interval_s.eq(interval_s),
        streams::written_until.eq(written_until),
        streams::rows_written.eq(0),
    );
    let changed = (
        streams::is_running.eq(excluded(streams::is_running)),
        streams::started_at.eq(excluded(streams::started_at)),
        streams::stopped_at.eq(excluded(streams::stopped_at)),
        streams::interval_s.eq(excluded(streams::interval_s)),
        streams::written_until.eq(excluded(streams::written_until)),
        streams::rows_written.eq(excluded(streams::rows_written)),
    );
    let insert = diesel::insert_into(streams::table).values(values);
    insert.on_conflict(streams::stream).do_update().set(changed).execute(conn).await.map(drop)
}

/// Writes down that a stream stands still since `now`.
pub(super) async fn stop(conn: &mut Conn, stream: Stream, now: DateTime<Utc>) -> QueryResult<()> {
    let values = (
        streams::stream.eq(stream.name()),
        streams::is_running.eq(false),
        streams::stopped_at.eq(now),
    );
    let changed = (
        streams::is_running.eq(excluded(streams::is_running)),
        streams::stopped_at.eq(excluded(streams::stopped_at)),
    );
    let insert = diesel::insert_into(streams::table).values(values);
    insert.on_conflict(streams::stream).do_update().set(changed).execute(conn).await.map(drop)
}

/// Writes down how far a stream has come.
pub(super) async fn advance(
    conn: &mut Conn,
    stream: Stream,
    until: Option<DateTime<Utc>>,
    (rows, writer): (u64, &str),
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(streams::table.find(stream.name()))
        .set((
            streams::written_until.eq(until),
            streams::rows_written.eq(streams::rows_written + rows.cast_signed()),
            streams::written_at.eq(now),
            streams::writer.eq(writer),
        ))
        .execute(conn)
        .await
        .map(drop)
}
