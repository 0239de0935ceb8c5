//! SQL of what serves: `active_models`, with the models behind it.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::Row;
use crate::learning::registry::life::{Role, State};
use crate::learning::registry::model::{ModelRecord, ModelStatus};
use crate::platform::db::Conn;
use crate::platform::db::schema::active_models;
use crate::platform::db::schema::ml_models;

/// Every champion, by series.
pub(in crate::learning::registry) async fn active(conn: &mut Conn) -> QueryResult<Vec<ModelRecord>> {
    let champions = working(conn).await?.into_iter();
    Ok(champions.filter(|model| model.role == Some(Role::Champion)).collect())
}

/// Every model that predicts for its series, champions first.
pub(in crate::learning::registry) async fn working(
    conn: &mut Conn,
) -> QueryResult<Vec<ModelRecord>> {
    let rows: Vec<(Row, String)> = ml_models::table
        .inner_join(active_models::table)
        .select((Row::as_select(), active_models::role))
        .order((active_models::series, active_models::role, active_models::activated_at))
        .limit(1_000)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|(row, role)| ModelRecord::from((row, Some(role)))).collect())
}

/// The newest models that are ready and do nothing.
pub(in crate::learning::registry) async fn idle(
    conn: &mut Conn,
    limit: i64,
) -> QueryResult<Vec<ModelRecord>> {
    let working = active_models::table.filter(active_models::model_id.eq(ml_models::model_id));
    let rows: Vec<Row> = ml_models::table
        .filter(ml_models::is_deleted.eq(false))
        .filter(ml_models::status.eq(ModelStatus::Ready.name()))
        .filter(diesel::dsl::not(diesel::dsl::exists(working)))
        .order((ml_models::created_at.desc(), ml_models::model_id.desc()))
        .limit(limit)
        .select(Row::as_select())
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|row| ModelRecord::from((row, None))).collect())
}

/// The champion of a series and purpose.
pub(in crate::learning::registry) async fn champion(
    conn: &mut Conn,
    series: &str,
    purpose: &str,
) -> QueryResult<Option<ModelRecord>> {
    let found: Option<(Row, String)> = ml_models::table
        .inner_join(active_models::table)
        .filter(active_models::series.eq(series))
        .filter(active_models::purpose.eq(purpose))
        .filter(active_models::role.eq(Role::Champion.name()))
        .select((Row::as_select(), active_models::role))
        .first(conn)
        .await
        .optional()?;
    Ok(found.map(|(row, role)| ModelRecord::from((row, Some(role)))))
}

/// Keeps others from changing what serves a series until the transaction ends.
pub(in crate::learning::registry) async fn hold_series(
    conn: &mut Conn,
    series: &str,
) -> QueryResult<usize> {
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtext('active_models:' || $1))")
        .bind::<diesel::sql_types::Text, _>(series)
        .execute(conn)
        .await
}

/// Gives a model a role for its series; the caller has taken the champion before it away.
pub(in crate::learning::registry) async fn activate(
    conn: &mut Conn,
    model: &ModelRecord,
    role: Role,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::insert_into(active_models::table)
        .values((
            active_models::series.eq(&model.target_variable),
            active_models::purpose.eq(model.purpose()),
            active_models::model_id.eq(model.model_id),
            active_models::role.eq(role.name()),
            active_models::activated_at.eq(at),
        ))
        .on_conflict(active_models::model_id)
        .do_update()
        .set((active_models::role.eq(role.name()), active_models::activated_at.eq(at)))
        .execute(conn)
        .await
}

pub(in crate::learning::registry) async fn deactivate(
    conn: &mut Conn,
    model_id: Uuid,
) -> QueryResult<usize> {
    let serving = active_models::table.filter(active_models::model_id.eq(model_id));
    diesel::delete(serving).execute(conn).await
}

/// Marks a model as deleted unless it works; whether it did.
pub(in crate::learning::registry) async fn delete_idle(
    conn: &mut Conn,
    model_id: Uuid,
) -> QueryResult<bool> {
    let working = active_models::table.filter(active_models::model_id.eq(model_id));
    let deleted = diesel::update(ml_models::table.find(model_id))
        .filter(diesel::dsl::not(diesel::dsl::exists(working)))
        .set(ml_models::is_deleted.eq(true))
        .execute(conn)
        .await?;
    Ok(deleted > 0)
}

/// Marks what has been training since before `before` as failed.
pub(in crate::learning::registry) async fn fail_unfinished(
    conn: &mut Conn,
    before: DateTime<Utc>,
    why: &str,
) -> QueryResult<usize> {
    diesel::update(ml_models::table)
        .filter(ml_models::status.eq(ModelStatus::Training.name()))
        .filter(ml_models::created_at.lt(before))
        .set((
            ml_models::status.eq(ModelStatus::Failed.name()),
            ml_models::state.eq(State::Failed.name()),
            ml_models::error.eq(why),
        ))
        .execute(conn)
        .await
}
