//! The table of topics and their last messages.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;
use serde_json::Value;

use crate::facts::mqtt::model::{Shown, Topic};
use crate::platform::db::Conn;
use crate::platform::db::schema::mqtt_topics as topics;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = topics, check_for_backend(diesel::pg::Pg))]
struct Row {
    topic: String,
    last_at: DateTime<Utc>,
    messages: i64,
    refused: i64,
    last: Value,
    reason: Option<String>,
    refused_at: Option<DateTime<Utc>>,
}

impl From<Row> for Topic {
    fn from(row: Row) -> Self {
        Self {
            topic: row.topic,
            last_at: row.last_at,
            messages: row.messages.cast_unsigned(),
            refused: row.refused.cast_unsigned(),
            last: serde_json::from_value::<Vec<Shown>>(row.last).unwrap_or_default(),
            reason: row.reason,
            refused_at: row.refused_at,
        }
    }
}

impl From<&Topic> for Row {
    fn from(topic: &Topic) -> Self {
        Self {
            topic: topic.topic.clone(),
            last_at: topic.last_at,
            messages: topic.messages.cast_signed(),
            refused: topic.refused.cast_signed(),
            last: serde_json::to_value(&topic.last).unwrap_or_default(),
            reason: topic.reason.clone(),
            refused_at: topic.refused_at,
        }
    }
}

/// Up to `limit` topics, by name.
pub(in crate::facts::mqtt) async fn topics(conn: &mut Conn, limit: i64) -> QueryResult<Vec<Topic>> {
    topics_like(conn, "", limit).await
}

/// The same of those whose name holds `text`.
pub(in crate::facts::mqtt) async fn topics_like(
    conn: &mut Conn,
    text: &str,
    limit: i64,
) -> QueryResult<Vec<Topic>> {
    let mut query =
        topics::table.select(Row::as_select()).order(topics::topic).limit(limit).into_boxed();
    if !text.is_empty() {
        let text = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        query = query.filter(topics::topic.ilike(format!("%{text}%")));
    }
    let rows: Vec<Row> = query.load(conn).await?;
    Ok(rows.into_iter().map(Topic::from).collect())
}

/// Writes down what is known about some topics, and takes others away.
pub(in crate::facts::mqtt) async fn write_topics(
    conn: &mut Conn,
    changed: &[Topic],
    gone: &[String],
) -> QueryResult<()> {
    let rows: Vec<Row> = changed.iter().map(Row::from).collect();
    diesel::insert_into(topics::table)
        .values(rows)
        .on_conflict(topics::topic)
        .do_update()
        .set((
            topics::last_at.eq(excluded(topics::last_at)),
            topics::messages.eq(excluded(topics::messages)),
            topics::refused.eq(excluded(topics::refused)),
            topics::last.eq(excluded(topics::last)),
            topics::reason.eq(excluded(topics::reason)),
            topics::refused_at.eq(excluded(topics::refused_at)),
        ))
        .execute(conn)
        .await?;
    let gone = topics::table.filter(topics::topic.eq_any(gone));
    diesel::delete(gone).execute(conn).await.map(drop)
}
