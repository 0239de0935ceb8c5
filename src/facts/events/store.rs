//! SQL of the table `events`.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use super::model::{Event, NewEvent};
use crate::platform::db::Conn;
use crate::platform::db::schema::events;

/// Writes an event down.
pub(super) async fn insert(
    conn: &mut Conn,
    event_id: Uuid,
    ts: DateTime<Utc>,
    event: &NewEvent,
) -> QueryResult<()> {
    let values = (
        events::event_id.eq(event_id),
        events::user_id.eq(event.user_id),
        events::ts.eq(ts),
        events::type_.eq(event.kind),
        events::item_id.eq(event.item_id),
        events::meta.eq(event.stored_meta()),
    );
    diesel::insert_into(events::table).values(values).execute(conn).await.map(drop)
}

/// Removes events from before an instant, or only counts them.
pub(super) async fn forget(
    conn: &mut Conn,
    before: DateTime<Utc>,
    dry_run: bool,
) -> QueryResult<usize> {
    let old = events::table.filter(events::ts.lt(before));
    if dry_run {
        let rows: i64 = old.count().get_result(conn).await?;
        return Ok(usize::try_from(rows).unwrap_or_default());
    }
    diesel::delete(old).execute(conn).await
}

/// Events per statement: six parameters each, of 65,535 that a statement may have.
const STATEMENT_ROWS_MAX: usize = 5_000;

/// Makes other senders of events of `user_id` wait until the transaction ends: an identifier is
/// looked for before it is written.
pub(super) async fn take_turn(conn: &mut Conn, user_id: Uuid) -> QueryResult<()> {
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 21))")
        .bind::<sql_types::Text, _>(format!("events {user_id}"))
        .execute(conn)
        .await
        .map(drop)
}

/// Writes events down; what is stored under the same identifier and instant stays as it is.
pub(super) async fn insert_all(conn: &mut Conn, fresh: &[Event]) -> QueryResult<()> {
    for some in fresh.chunks(STATEMENT_ROWS_MAX) {
        let rows: Vec<_> = some
            .iter()
            .map(|event| {
                (
                    events::event_id.eq(event.event_id),
                    events::user_id.eq(event.user_id),
                    events::ts.eq(event.ts),
                    events::type_.eq(&event.kind),
                    events::item_id.eq(event.item_id),
                    events::meta.eq(&event.meta),
                )
            })
            .collect();
        diesel::insert_into(events::table)
            .values(rows)
            .on_conflict_do_nothing()
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// Stored events with the identifiers of `sound`.
pub(super) async fn known(
    conn: &mut Conn,
    sound: &[(usize, Event)],
) -> QueryResult<HashMap<Uuid, Event>> {
    let ids: Vec<Uuid> = sound.iter().map(|(_, event)| event.event_id).collect();
    let rows: Vec<Row> =
        events::table.filter(events::event_id.eq_any(ids)).select(COLUMNS).load(conn).await?;
    Ok(rows.into_iter().map(event_of).map(|event| (event.event_id, event)).collect())
}

type Row = (Uuid, Option<Uuid>, DateTime<Utc>, String, Option<Uuid>, Value);

type Columns =
    (events::event_id, events::user_id, events::ts, events::type_, events::item_id, events::meta);
const COLUMNS: Columns =
    (events::event_id, events::user_id, events::ts, events::type_, events::item_id, events::meta);

fn event_of((event_id, user_id, ts, kind, item_id, meta): Row) -> Event {
    Event { event_id, user_id, ts, kind, item_id, meta }
}

/// Up to `limit` events whose kind begins with `kind`, newest first.
pub(super) async fn list(conn: &mut Conn, kind: &str, limit: i64) -> QueryResult<Vec<Event>> {
    // `kind` is a constant of the program: letters and dots, nothing that LIKE reads otherwise but
    // the underscore, which stands for itself too.
    let rows: Vec<Row> = events::table
        .filter(events::type_.like(format!("{kind}%")))
        .order((events::ts.desc(), events::event_id.desc()))
        .limit(limit)
        .select(COLUMNS)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(event_of).collect())
}
