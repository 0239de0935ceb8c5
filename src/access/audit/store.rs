//! SQL of the table `audit_log`: rows are added and read, nothing else.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use super::model::{Actor, AuditFilter, Entry};
use crate::platform::db::Conn;
use crate::platform::db::schema::audit_log;

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_log, check_for_backend(diesel::pg::Pg))]
struct Row {
    audit_id: Uuid,
    occurred_at: DateTime<Utc>,
    actor: String,
    user_id: Option<Uuid>,
    key_id: Option<Uuid>,
    action: String,
    subject_kind: String,
    subject_id: String,
    address: Option<String>,
    request_id: Option<String>,
    before: Option<Value>,
    after: Option<Value>,
}

impl From<Row> for Entry {
    fn from(row: Row) -> Self {
        Self {
            audit_id: row.audit_id,
            occurred_at: row.occurred_at,
            // The table admits known actors only.
            actor: Actor::parse(&row.actor).unwrap_or(Actor::Nobody),
            user_id: row.user_id,
            key_id: row.key_id,
            action: row.action,
            subject_kind: row.subject_kind,
            subject_id: row.subject_id,
            address: row.address,
            request_id: row.request_id,
            before: row.before,
            after: row.after,
        }
    }
}

pub(super) async fn insert(conn: &mut Conn, entry: &Entry) -> QueryResult<()> {
    diesel::insert_into(audit_log::table)
        .values((
            audit_log::audit_id.eq(entry.audit_id),
            audit_log::occurred_at.eq(entry.occurred_at),
            audit_log::actor.eq(entry.actor.name()),
            audit_log::user_id.eq(entry.user_id),
            audit_log::key_id.eq(entry.key_id),
            audit_log::action.eq(&entry.action),
            audit_log::subject_kind.eq(&entry.subject_kind),
            audit_log::subject_id.eq(&entry.subject_id),
            audit_log::address.eq(&entry.address),
            audit_log::request_id.eq(&entry.request_id),
            audit_log::before.eq(&entry.before),
            audit_log::after.eq(&entry.after),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// Up to `limit` rows, newest first.
pub(super) async fn list(
    conn: &mut Conn,
    filter: &AuditFilter,
    limit: i64,
) -> QueryResult<Vec<Entry>> {
    let mut query = audit_log::table
        .select(Row::as_select())
        .order((audit_log::occurred_at.desc(), audit_log::audit_id.desc()))
        .limit(limit)
        .into_boxed();
    if let Some(actor) = filter.actor {
        query = query.filter(audit_log::actor.eq(actor.name()));
    }
    if let Some(user_id) = filter.user_id {
        query = query.filter(audit_log::user_id.eq(user_id));
    }
    match filter.action.as_deref() {
        Some(area) if area.ends_with('.') => {
            let area = area.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            query = query.filter(audit_log::action.like(format!("{area}%")));
        }
        Some(action) => query = query.filter(audit_log::action.eq(action.to_owned())),
        None => {}
    }
    if let Some(kind) = &filter.subject_kind {
        query = query.filter(audit_log::subject_kind.eq(kind.clone()));
    }
    if let Some(id) = &filter.subject_id {
        query = query.filter(audit_log::subject_id.eq(id.clone()));
    }
    if let Some(from) = filter.from {
        query = query.filter(audit_log::occurred_at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(audit_log::occurred_at.lt(to));
    }
    if let Some((at, id)) = filter.after {
        let same_instant = audit_log::occurred_at.eq(at).and(audit_log::audit_id.lt(id));
        query = query.filter(audit_log::occurred_at.lt(at).or(same_instant));
    }
    let rows: Vec<Row> = query.load(conn).await?;
    Ok(rows.into_iter().map(Entry::from).collect())
}
