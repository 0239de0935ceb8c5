//! SQL of the table `webhook_deliveries`.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::decisions::alerts::model::{Delivery, DeliveryState};
use crate::decisions::alerts::settings::host_of;
use crate::platform::db::Conn;
use crate::platform::db::schema::webhook_deliveries;

/// A message that is yet to be sent.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = webhook_deliveries)]
pub(in crate::decisions::alerts) struct NewDelivery {
    pub delivery_id: Uuid,
    pub model_id: Uuid,
    pub url: String,
    pub body: String,
    pub predictions: i32,
    pub alerts: i32,
    pub created_at: DateTime<Utc>,
}

/// What is posted, and how often that was tried.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = webhook_deliveries)]
pub(in crate::decisions::alerts) struct Posted {
    pub delivery_id: Uuid,
    pub url: String,
    pub body: String,
    pub state: String,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = webhook_deliveries)]
struct Row {
    delivery_id: Uuid,
    model_id: Uuid,
    url: String,
    predictions: i32,
    alerts: i32,
    state: String,
    attempts: i32,
    last_status: Option<i32>,
    last_error: Option<String>,
    created_at: DateTime<Utc>,
    attempted_at: Option<DateTime<Utc>>,
}

/// Writes a message down; the caller enqueues its job in the same transaction.
pub(in crate::decisions::alerts) async fn put_delivery(
    conn: &mut Conn,
    new: &NewDelivery,
) -> QueryResult<usize> {
    diesel::insert_into(webhook_deliveries::table).values(new).execute(conn).await
}

/// What is to be posted.
pub(in crate::decisions::alerts) async fn posted(
    conn: &mut Conn,
    delivery_id: Uuid,
) -> QueryResult<Option<Posted>> {
    webhook_deliveries::table
        .find(delivery_id)
        .select(Posted::as_select())
        .first(conn)
        .await
        .optional()
}

/// Notes what became of an attempt.
pub(in crate::decisions::alerts) async fn note_attempt(
    conn: &mut Conn,
    delivery_id: Uuid,
    state: DeliveryState,
    (status, error): (Option<u16>, Option<&str>),
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::update(webhook_deliveries::table.find(delivery_id))
        .set((
            webhook_deliveries::state.eq(state.name()),
            webhook_deliveries::attempts.eq(webhook_deliveries::attempts + 1),
            webhook_deliveries::last_status.eq(status.map(i32::from)),
            webhook_deliveries::last_error.eq(error),
            webhook_deliveries::attempted_at.eq(now),
        ))
        .execute(conn)
        .await
}

/// Messages, newest first, after the position `before`.
pub(in crate::decisions::alerts) async fn deliveries(
    conn: &mut Conn,
    (model_id, state): (Option<Uuid>, Option<DeliveryState>),
    before: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<Delivery>> {
    let mut query = webhook_deliveries::table.select(Row::as_select()).into_boxed();
    if let Some(model_id) = model_id {
        query = query.filter(webhook_deliveries::model_id.eq(model_id));
    }
    if let Some(state) = state {
        query = query.filter(webhook_deliveries::state.eq(state.name()));
    }
    if let Some((at, id)) = before {
        query =
            query.filter(webhook_deliveries::created_at.lt(at).or(
                webhook_deliveries::created_at.eq(at).and(webhook_deliveries::delivery_id.lt(id)),
            ));
    }
    let rows: Vec<Row> = query
        .order((webhook_deliveries::created_at.desc(), webhook_deliveries::delivery_id.desc()))
        .limit(limit)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(Delivery::from).collect())
}

/// Removes messages that were delivered or given up before an instant, or only counts them.
pub(in crate::decisions::alerts) async fn forget_deliveries(
    conn: &mut Conn,
    before: DateTime<Utc>,
    dry_run: bool,
) -> QueryResult<usize> {
    let ended = [DeliveryState::Delivered.name(), DeliveryState::Dead.name()];
    let old = webhook_deliveries::table
        .filter(webhook_deliveries::created_at.lt(before))
        .filter(webhook_deliveries::state.eq_any(ended));
    if dry_run {
        let count: i64 = old.count().get_result(conn).await?;
        return Ok(usize::try_from(count).unwrap_or(0));
    }
    diesel::delete(old).execute(conn).await
}

impl From<Row> for Delivery {
    fn from(row: Row) -> Self {
        Self {
            delivery_id: row.delivery_id,
            model_id: row.model_id,
            host: host_of(&row.url),
            predictions: row.predictions,
            alerts: row.alerts,
            state: DeliveryState::parse(&row.state),
            attempts: row.attempts,
            last_status: row.last_status,
            last_error: row.last_error,
            created_at: row.created_at,
            attempted_at: row.attempted_at,
        }
    }
}
