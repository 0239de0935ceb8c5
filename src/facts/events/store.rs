//! SQL of the table `events`.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
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

type Row = (Uuid, Option<Uuid>, DateTime<Utc>, String, Option<Uuid>, Value);

/// Up to `limit` events whose kind begins with `kind`, newest first.
pub(super) async fn list(conn: &mut Conn, kind: &str, limit: i64) -> QueryResult<Vec<Event>> {
    // `kind` is a constant of the program: letters and dots, nothing that LIKE reads otherwise but
    // the underscore, which stands for itself too.
    let rows: Vec<Row> = events::table
        .filter(events::type_.like(format!("{kind}%")))
        .order((events::ts.desc(), events::event_id.desc()))
        .limit(limit)
        .select((
            events::event_id,
            events::user_id,
            events::ts,
            events::type_,
            events::item_id,
            events::meta,
        ))
        .load(conn)
        .await?;
    let event = |(event_id, user_id, ts, kind, item_id, meta)| Event {
        event_id,
        user_id,
        ts,
        kind,
        item_id,
        meta,
    };
    Ok(rows.into_iter().map(event).collect())
}
