//! SQL of the table `ml_models`; of what serves, of settings and history in the files beside it.

mod life;
mod working;

use chrono::{DateTime, Utc};
use diesel::dsl::max;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

pub(super) use self::life::{
    History, after, golden, history, latest_of_name, put_golden, put_settings, serving_changes,
    settings, settings_of,
};
pub(super) use self::working::{
    activate, active, champion, deactivate, delete_idle, fail_unfinished, hold_series, idle,
    working,
};
use super::life::{Format, ModelFilter, Origin, Role, State};
use super::model::{ImportedModel, ModelMetrics, ModelRecord, ModelStatus, NewModel};
use crate::platform::db::Conn;
use crate::platform::db::schema::active_models;
use crate::platform::db::schema::ml_models;

diesel::joinable!(active_models -> ml_models (model_id));
diesel::allow_tables_to_appear_in_same_query!(active_models, ml_models);

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = ml_models)]
struct Row {
    model_id: Uuid,
    name: String,
    version: i32,
    model_type: String,
    target_variable: String,
    train_start: DateTime<Utc>,
    train_end: DateTime<Utc>,
    features: serde_json::Value,
    future_minutes: i32,
    params: serde_json::Value,
    dataset_id: Option<Uuid>,
    dataset_sha256: Option<String>,
    artifact_key: Option<String>,
    artifact_sha256: Option<String>,
    metrics: serde_json::Value,
    status: String,
    error: Option<String>,
    created_at: DateTime<Utc>,
    trained_at: Option<DateTime<Utc>>,
    state: String,
    origin: String,
    format: String,
    task: String,
    missing_values: serde_json::Value,
    event: Option<serde_json::Value>,
    signed_by: Option<String>,
    regime: Option<serde_json::Value>,
}

/// A row with what the model does.
type Found = (Row, Option<String>);

/// The next free version of a name, kept for this transaction: two of one name at once must not take
/// the same one.
pub(super) async fn free_version(conn: &mut Conn, name: &str) -> QueryResult<i32> {
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtext('ml_models:' || $1))")
        .bind::<diesel::sql_types::Text, _>(name)
        .execute(conn)
        .await?;
    let newest: Option<i32> = ml_models::table
        .filter(ml_models::name.eq(name))
        .select(max(ml_models::version))
        .first(conn)
        .await?;
    Ok(newest.unwrap_or(0) + 1)
}

/// Registers a model that was made elsewhere; the caller holds a transaction.
pub(super) async fn insert_imported(
    conn: &mut Conn,
    (model_id, at): (Uuid, DateTime<Utc>),
    new: &ImportedModel,
    (key, sha256): (&str, &str),
) -> QueryResult<i32> {
    let version = free_version(conn, &new.name).await?;
    let task = if new.event.is_some() { "event" } else { "value" };
    diesel::insert_into(ml_models::table)
        .values((
            (
                ml_models::model_id.eq(model_id),
                ml_models::name.eq(&new.name),
                ml_models::version.eq(version),
                ml_models::model_type.eq(&new.model_type),
                ml_models::target_variable.eq(&new.target_variable),
                ml_models::task.eq(task),
                ml_models::train_start.eq(new.train_start),
                ml_models::train_end.eq(new.train_end),
                ml_models::features.eq(serde_json::json!(new.features)),
                ml_models::future_minutes.eq(new.future_minutes),
                ml_models::params.eq(&new.params),
            ),
            (
                ml_models::artifact_key.eq(key),
                ml_models::artifact_sha256.eq(sha256),
                ml_models::metrics.eq(&new.metrics),
                ml_models::status.eq(ModelStatus::Ready.name()),
                ml_models::state.eq(State::Imported.name()),
                ml_models::origin.eq(new.origin.name()),
                ml_models::format.eq(new.format.name()),
                ml_models::event.eq(new.event.map(|event| serde_json::json!(event))),
                ml_models::missing_values.eq(serde_json::json!(new.missing_values)),
                ml_models::signed_by.eq(&new.signed_by),
                ml_models::regime.eq(new.regime.as_ref().map(|regime| serde_json::json!(regime))),
                ml_models::created_at.eq(at),
                ml_models::trained_at.eq(at),
            ),
        ))
        .execute(conn)
        .await?;
    Ok(version)
}

/// The model with these bytes under this name, if it is here already.
pub(super) async fn by_content(
    conn: &mut Conn,
    name: &str,
    sha256: &str,
) -> QueryResult<Option<ModelRecord>> {
    let found: Option<Found> = ml_models::table
        .left_join(active_models::table)
        .filter(ml_models::name.eq(name))
        .filter(ml_models::artifact_sha256.eq(sha256))
        .filter(ml_models::is_deleted.eq(false))
        .filter(ml_models::state.ne(State::Failed.name()))
        .order((ml_models::created_at.desc(), ml_models::model_id.desc()))
        .select((Row::as_select(), active_models::role.nullable()))
        .first(conn)
        .await
        .optional()?;
    Ok(found.map(ModelRecord::from))
}

/// Puts a model into a state; `error` says why it cannot be used.
pub(super) async fn set_state(
    conn: &mut Conn,
    model_id: Uuid,
    state: State,
    error: Option<&str>,
) -> QueryResult<usize> {
    diesel::update(ml_models::table.find(model_id))
        .set((ml_models::state.eq(state.name()), ml_models::error.eq(error)))
        .execute(conn)
        .await
}

/// Calls a model otherwise.
pub(super) async fn rename(
    conn: &mut Conn,
    model_id: Uuid,
    (name, version): (&str, i32),
) -> QueryResult<usize> {
    diesel::update(ml_models::table.find(model_id))
        .set((ml_models::name.eq(name), ml_models::version.eq(version)))
        .execute(conn)
        .await
}

/// Registers a model in training under the next free version of its name; the caller holds a transaction.
pub(super) async fn insert(
    conn: &mut Conn,
    model_id: Uuid,
    new: &NewModel,
    at: DateTime<Utc>,
) -> QueryResult<i32> {
    let version = free_version(conn, &new.name).await?;
    diesel::insert_into(ml_models::table)
        .values((
            (
                ml_models::model_id.eq(model_id),
                ml_models::name.eq(&new.name),
                ml_models::version.eq(version),
                ml_models::model_type.eq(new.model_type),
                ml_models::target_variable.eq(&new.target_variable),
                ml_models::train_start.eq(new.train_start),
                ml_models::train_end.eq(new.train_end),
            ),
            (
                ml_models::features.eq(serde_json::json!(new.features)),
                ml_models::future_minutes.eq(new.future_minutes),
                ml_models::params.eq(&new.params),
                ml_models::dataset_id.eq(new.dataset.0),
                ml_models::dataset_sha256.eq(&new.dataset.1),
                ml_models::regime.eq(new.regime.as_ref().map(|regime| serde_json::json!(regime))),
                ml_models::status.eq(ModelStatus::Training.name()),
                ml_models::created_at.eq(at),
            ),
        ))
        .execute(conn)
        .await?;
    Ok(version)
}

pub(super) async fn mark_ready(
    conn: &mut Conn,
    model_id: Uuid,
    artifact: (&str, &str),
    metrics: &ModelMetrics,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::update(ml_models::table.find(model_id))
        .set((
            ml_models::artifact_key.eq(artifact.0),
            ml_models::artifact_sha256.eq(artifact.1),
            ml_models::metrics.eq(serde_json::json!(metrics)),
            ml_models::status.eq(ModelStatus::Ready.name()),
            ml_models::state.eq(State::Validated.name()),
            ml_models::trained_at.eq(at),
        ))
        .execute(conn)
        .await
}

pub(super) async fn mark_failed(conn: &mut Conn, model_id: Uuid, why: &str) -> QueryResult<usize> {
    diesel::update(ml_models::table.find(model_id))
        .set((
            ml_models::status.eq(ModelStatus::Failed.name()),
            ml_models::state.eq(State::Failed.name()),
            ml_models::error.eq(why),
        ))
        .execute(conn)
        .await
}

pub(super) async fn by_id(conn: &mut Conn, id: Uuid) -> QueryResult<Option<ModelRecord>> {
    let found: Option<Found> = ml_models::table
        .left_join(active_models::table)
        .filter(ml_models::model_id.eq(id))
        .filter(ml_models::is_deleted.eq(false))
        .select((Row::as_select(), active_models::role.nullable()))
        .first(conn)
        .await
        .optional()?;
    Ok(found.map(ModelRecord::from))
}

/// Models that fit `filter` and were registered before `before`, newest first.
pub(super) async fn list(
    conn: &mut Conn,
    filter: &ModelFilter,
    before: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<ModelRecord>> {
    let mut query = ml_models::table
        .left_join(active_models::table)
        .filter(ml_models::is_deleted.eq(false))
        .select((Row::as_select(), active_models::role.nullable()))
        .into_boxed();
    if let Some(target) = &filter.target {
        query = query.filter(ml_models::target_variable.eq(target.clone()));
    }
    if let Some(name) = &filter.name {
        query = query.filter(ml_models::name.eq(name.clone()));
    }
    if let Some(model_type) = &filter.model_type {
        query = query.filter(ml_models::model_type.eq(model_type.clone()));
    }
    if let Some(state) = filter.state {
        query = query.filter(ml_models::state.eq(state.name()));
    }
    if let Some((at, id)) = before {
        query = query.filter(
            ml_models::created_at
                .lt(at)
                .or(ml_models::created_at.eq(at).and(ml_models::model_id.lt(id))),
        );
    }
    let rows: Vec<Found> = query
        .order((ml_models::created_at.desc(), ml_models::model_id.desc()))
        .limit(limit)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(ModelRecord::from).collect())
}

/// The newest ready model of the values of a series, of all days, fitted here or brought in.
pub(super) async fn newest_ready(
    conn: &mut Conn,
    target: &str,
) -> QueryResult<Option<ModelRecord>> {
    let found: Option<Found> = ml_models::table
        .left_join(active_models::table)
        .filter(ml_models::is_deleted.eq(false))
        .filter(ml_models::target_variable.eq(target))
        .filter(ml_models::task.eq("value"))
        .filter(ml_models::regime.is_null())
        .filter(ml_models::status.eq(ModelStatus::Ready.name()))
        .order((ml_models::created_at.desc(), ml_models::model_id.desc()))
        .select((Row::as_select(), active_models::role.nullable()))
        .first(conn)
        .await
        .optional()?;
    Ok(found.map(ModelRecord::from))
}

/// The newest thousand ready models of all series.
pub(super) async fn ready(conn: &mut Conn) -> QueryResult<Vec<ModelRecord>> {
    let rows: Vec<Found> = ml_models::table
        .left_join(active_models::table)
        .filter(ml_models::is_deleted.eq(false))
        .filter(ml_models::status.eq(ModelStatus::Ready.name()))
        .order((ml_models::created_at.desc(), ml_models::model_id.desc()))
        .limit(1_000)
        .select((Row::as_select(), active_models::role.nullable()))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(ModelRecord::from).collect())
}

/// Holds a model that is not deleted until the transaction ends; false when there is none.
pub(super) async fn lock(conn: &mut Conn, model_id: Uuid) -> QueryResult<bool> {
    let found: Option<Uuid> = ml_models::table
        .find(model_id)
        .filter(ml_models::is_deleted.eq(false))
        .select(ml_models::model_id)
        .for_update()
        .first(conn)
        .await
        .optional()?;
    Ok(found.is_some())
}

pub(super) async fn count(conn: &mut Conn) -> QueryResult<i64> {
    ml_models::table.filter(ml_models::is_deleted.eq(false)).count().get_result(conn).await
}

impl From<Found> for ModelRecord {
    fn from((row, role): Found) -> Self {
        let role = role.as_deref().map(Role::parse);
        Self {
            model_id: row.model_id,
            name: row.name,
            version: row.version,
            model_type: row.model_type,
            target_variable: row.target_variable,
            train_start: row.train_start,
            train_end: row.train_end,
            features: serde_json::from_value(row.features).unwrap_or_default(),
            future_minutes: row.future_minutes,
            params: row.params,
            dataset_id: row.dataset_id,
            dataset_sha256: row.dataset_sha256,
            artifact_sha256: row.artifact_sha256,
            metrics: serde_json::from_value(row.metrics).ok(),
            status: ModelStatus::parse(&row.status),
            error: row.error,
            state: State::parse(&row.state).unwrap_or(State::Failed),
            origin: Origin::parse(&row.origin),
            format: Format::parse(&row.format),
            task: row.task,
            event: row.event.and_then(|event| serde_json::from_value(event).ok()),
            missing_values: serde_json::from_value(row.missing_values)
                .unwrap_or(super::life::MissingValues::Refuse),
            regime: row.regime.and_then(|regime| serde_json::from_value(regime).ok()),
            signed_by: row.signed_by,
            is_active: role == Some(Role::Champion),
            role,
            created_at: row.created_at,
            trained_at: row.trained_at,
            artifact_key: row.artifact_key,
        }
    }
}

/// Datasets that models were trained on, those of deleted models among them: their rows stay.
pub(super) async fn datasets_in_use(conn: &mut Conn) -> QueryResult<Vec<Uuid>> {
    let all = ml_models::table.select(ml_models::dataset_id).distinct();
    let ids: Vec<Option<Uuid>> = all.load(conn).await?;
    Ok(ids.into_iter().flatten().collect())
}
