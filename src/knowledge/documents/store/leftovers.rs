//! SQL of the table `item_leftovers`.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::platform::db::Conn;
use crate::platform::db::schema::item_leftovers;

/// What must still be removed outside of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "keys are named after what they point at")]
pub struct Leftover {
    /// Identifier.
    pub leftover_id: Uuid,
    /// The document whose points must go.
    pub item_id: Uuid,
    /// The bytes that must go when no document has them any more.
    pub sha256: Option<String>,
}

/// Notes what must be removed from `due_at` on.
pub async fn insert(
    conn: &mut Conn,
    leftover: &Leftover,
    due_at: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::insert_into(item_leftovers::table)
        .values((
            item_leftovers::leftover_id.eq(leftover.leftover_id),
            item_leftovers::item_id.eq(leftover.item_id),
            item_leftovers::sha256.eq(&leftover.sha256),
            item_leftovers::due_at.eq(due_at),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// Up to `limit` of those that are due, the oldest first, after one.
pub async fn due(
    conn: &mut Conn,
    now: DateTime<Utc>,
    after: Uuid,
    limit: i64,
) -> QueryResult<Vec<Leftover>> {
    let rows: Vec<(Uuid, Uuid, Option<String>)> = item_leftovers::table
        .filter(item_leftovers::due_at.le(now))
        .filter(item_leftovers::leftover_id.gt(after))
        .order(item_leftovers::leftover_id)
        .limit(limit)
        .select((item_leftovers::leftover_id, item_leftovers::item_id, item_leftovers::sha256))
        .load(conn)
        .await?;
    let leftover = |(leftover_id, item_id, sha256)| Leftover { leftover_id, item_id, sha256 };
    Ok(rows.into_iter().map(leftover).collect())
}

/// Forgets one.
pub async fn delete(conn: &mut Conn, leftover_id: Uuid) -> QueryResult<()> {
    diesel::delete(item_leftovers::table.find(leftover_id)).execute(conn).await.map(drop)
}

/// Documents whose points must go and may still be found.
pub async fn leaving(conn: &mut Conn, now: DateTime<Utc>) -> QueryResult<Vec<Uuid>> {
    item_leftovers::table
        .filter(item_leftovers::due_at.le(now))
        .select(item_leftovers::item_id)
        .distinct()
        .load(conn)
        .await
}
