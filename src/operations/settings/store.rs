//! SQL of the table `settings`.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use super::model::StoredValue;
use crate::platform::db::Conn;
use crate::platform::db::schema::settings;

/// Lets one change after the other happen until the end of the transaction; readers go on.
pub(super) async fn lock(conn: &mut Conn) -> QueryResult<()> {
    diesel::sql_query("LOCK TABLE settings IN SHARE ROW EXCLUSIVE MODE")
        .execute(conn)
        .await
        .map(drop)
}

/// Every row, by key.
pub(super) async fn all(conn: &mut Conn) -> QueryResult<Vec<(String, StoredValue)>> {
    let rows: Vec<(String, Value, Uuid, DateTime<Utc>)> =
        settings::table.order(settings::key).load(conn).await?;
    let stored =
        |(key, value, changed_by, changed_at)| (key, StoredValue { value, changed_by, changed_at });
    Ok(rows.into_iter().map(stored).collect())
}

pub(super) async fn put(conn: &mut Conn, key: &str, new: &StoredValue) -> QueryResult<()> {
    let values = (
        settings::value.eq(&new.value),
        settings::changed_by.eq(new.changed_by),
        settings::changed_at.eq(new.changed_at),
    );
    diesel::insert_into(settings::table)
        .values((settings::key.eq(key), values))
        .on_conflict(settings::key)
        .do_update()
        .set(values)
        .execute(conn)
        .await
        .map(drop)
}

pub(super) async fn remove(conn: &mut Conn, key: &str) -> QueryResult<()> {
    diesel::delete(settings::table.find(key)).execute(conn).await.map(drop)
}
