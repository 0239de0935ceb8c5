//! SQL of the tables `ml_models` and `active_models`.

use chrono::{DateTime, Utc};
use diesel::dsl::max;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::model::{ModelMetrics, ModelRecord, ModelStatus, NewModel};
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
}

/// Registers a model in training under the next free version of its name; the caller holds a transaction.
pub(super) async fn insert(
    conn: &mut Conn,
    model_id: Uuid,
    new: &NewModel,
    at: DateTime<Utc>,
) -> QueryResult<i32> {
    // Two trainings of one name at once must not take the same version.
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtext('ml_models:' || $1))")
        .bind::<diesel::sql_types::Text, _>(&new.name)
        .execute(conn)
        .await?;
    let newest: Option<i32> = ml_models::table
        .filter(ml_models::name.eq(&new.name))
        .select(max(ml_models::version))
        .first(conn)
        .await?;
    let version = newest.unwrap_or(0) + 1;
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
            ml_models::trained_at.eq(at),
        ))
        .execute(conn)
        .await
}

pub(super) async fn mark_failed(conn: &mut Conn, model_id: Uuid, why: &str) -> QueryResult<usize> {
    diesel::update(ml_models::table.find(model_id))
        .set((ml_models::status.eq(ModelStatus::Failed.name()), ml_models::error.eq(why)))
        .execute(conn)
        .await
}

pub(super) async fn by_id(conn: &mut Conn, id: Uuid) -> QueryResult<Option<ModelRecord>> {
    let found: Option<(Row, Option<String>)> = ml_models::table
        .left_join(active_models::table)
        .filter(ml_models::model_id.eq(id))
        .filter(ml_models::is_deleted.eq(false))
        .select((Row::as_select(), active_models::series.nullable()))
        .first(conn)
        .await
        .optional()?;
    Ok(found.map(ModelRecord::from))
}

/// Models registered before `before`, newest first; only those of `target` when given.
pub(super) async fn list(
    conn: &mut Conn,
    target: Option<&str>,
    before: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<ModelRecord>> {
    let mut query = ml_models::table
        .left_join(active_models::table)
        .filter(ml_models::is_deleted.eq(false))
        .select((Row::as_select(), active_models::series.nullable()))
        .into_boxed();
    if let Some(target) = target {
        query = query.filter(ml_models::target_variable.eq(target.to_owned()));
    }
    if let Some((at, id)) = before {
        query = query.filter(
            ml_models::created_at
                .lt(at)
                .or(ml_models::created_at.eq(at).and(ml_models::model_id.lt(id))),
        );
    }
    let rows: Vec<(Row, Option<String>)> = query
        .order((ml_models::created_at.desc(), ml_models::model_id.desc()))
        .limit(limit)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(ModelRecord::from).collect())
}

/// The newest ready model of a series.
pub(super) async fn newest_ready(
    conn: &mut Conn,
    target: &str,
) -> QueryResult<Option<ModelRecord>> {
    let found: Option<(Row, Option<String>)> = ml_models::table
        .left_join(active_models::table)
        .filter(ml_models::is_deleted.eq(false))
        .filter(ml_models::target_variable.eq(target))
        .filter(ml_models::status.eq(ModelStatus::Ready.name()))
        .order((ml_models::created_at.desc(), ml_models::model_id.desc()))
        .select((Row::as_select(), active_models::series.nullable()))
        .first(conn)
        .await
        .optional()?;
    Ok(found.map(ModelRecord::from))
}

/// The newest thousand ready models of all series.
pub(super) async fn ready(conn: &mut Conn) -> QueryResult<Vec<ModelRecord>> {
    let rows: Vec<(Row, Option<String>)> = ml_models::table
        .left_join(active_models::table)
        .filter(ml_models::is_deleted.eq(false))
        .filter(ml_models::status.eq(ModelStatus::Ready.name()))
        .order((ml_models::created_at.desc(), ml_models::model_id.desc()))
        .limit(1_000)
        .select((Row::as_select(), active_models::series.nullable()))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(ModelRecord::from).collect())
}

/// Every model that serves, by series.
pub(super) async fn active(conn: &mut Conn) -> QueryResult<Vec<ModelRecord>> {
    let rows: Vec<(Row, String)> = ml_models::table
        .inner_join(active_models::table)
        .select((Row::as_select(), active_models::series))
        .order(active_models::series)
        .limit(1_000)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|(row, series)| ModelRecord::from((row, Some(series)))).collect())
}

pub(super) async fn activate(
    conn: &mut Conn,
    series: &str,
    model_id: Uuid,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::insert_into(active_models::table)
        .values((
            active_models::series.eq(series),
            active_models::model_id.eq(model_id),
            active_models::activated_at.eq(at),
        ))
        .on_conflict(active_models::series)
        .do_update()
        .set((active_models::model_id.eq(model_id), active_models::activated_at.eq(at)))
        .execute(conn)
        .await
}

pub(super) async fn deactivate(conn: &mut Conn, model_id: Uuid) -> QueryResult<usize> {
    let serving = active_models::table.filter(active_models::model_id.eq(model_id));
    diesel::delete(serving).execute(conn).await
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

/// Marks a model as deleted unless it serves; whether it did.
pub(super) async fn delete_idle(conn: &mut Conn, model_id: Uuid) -> QueryResult<bool> {
    let serving = active_models::table.filter(active_models::model_id.eq(model_id));
    let deleted = diesel::update(ml_models::table.find(model_id))
        .filter(diesel::dsl::not(diesel::dsl::exists(serving)))
        .set(ml_models::is_deleted.eq(true))
        .execute(conn)
        .await?;
    Ok(deleted > 0)
}

/// Marks what has been training since before `before` as failed.
pub(super) async fn fail_unfinished(
    conn: &mut Conn,
    before: DateTime<Utc>,
    why: &str,
) -> QueryResult<usize> {
    diesel::update(ml_models::table)
        .filter(ml_models::status.eq(ModelStatus::Training.name()))
        .filter(ml_models::created_at.lt(before))
        .set((ml_models::status.eq(ModelStatus::Failed.name()), ml_models::error.eq(why)))
        .execute(conn)
        .await
}

pub(super) async fn count(conn: &mut Conn) -> QueryResult<i64> {
    ml_models::table.filter(ml_models::is_deleted.eq(false)).count().get_result(conn).await
}

impl From<(Row, Option<String>)> for ModelRecord {
    fn from((row, serves): (Row, Option<String>)) -> Self {
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
            is_active: serves.is_some(),
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
