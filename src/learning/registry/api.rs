//! `/api/models`: what is registered, what serves, what happened; changes stand in `verbs.rs`.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::life::{HistoryEntry, ModelFilter, ModelSettings, NamedAt, State};
use super::model::ModelRecord;
use super::service::{Registry, RegistryError};
use super::verbs;
use crate::algorithms::forecasting::Algorithm;
use crate::algorithms::forecasting::Params as HyperParams;
use crate::platform::web::{
    Cursor, Limit, NotFound, Page, Params, Path, Problem, Reader, Refusals, Require, Viewer,
    instant,
};

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(list_available)
        .service(list_active)
        .service(list_models)
        .service(get_model)
        .service(get_model_settings)
        .service(list_model_history)
        .service(get_model_at)
        .configure(verbs::routes);
}

/// An algorithm that can be trained.
#[derive(Debug, Serialize, ToSchema)]
struct AvailableAlgorithm {
    /// Name to give as `model`.
    #[schema(example = "lightgbm")]
    name: &'static str,
    /// Hyper-parameters with their defaults.
    #[schema(value_type = Object)]
    defaults: serde_json::Value,
}

/// What can be trained, and what can be put to work.
#[derive(Debug, Serialize, ToSchema)]
struct AvailableList {
    /// One entry per algorithm, simplest first.
    algorithms: Vec<AvailableAlgorithm>,
    /// Models that are here and do nothing yet, newest first, 200 at most: import one by its
    /// identifier, then activate it.
    models: Vec<ModelRecord>,
}

/// Models, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct ModelList {
    /// The models.
    models: Vec<ModelRecord>,
    /// Give it as `cursor` for the next page; absent on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

/// Which models to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ModelQuery {
    /// Only models of this series.
    #[param(example = "price:CH:day_ahead")]
    target: Option<String>,
    /// Only versions of this name.
    #[param(example = "price-CH-day_ahead-lightgbm")]
    name: Option<String>,
    /// Only models of this algorithm.
    model_type: Option<String>,
    /// Only models that stand there.
    #[param(value_type = Option<State>, inline)]
    state: Option<State>,
    /// Rows per page.
    #[param(value_type = u16, required = false)]
    limit: Limit,
    /// Where to go on: `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List the algorithms that can be trained, with their hyper-parameters, and the models that are
/// here and could be put to work.
#[utoipa::path(tag = "models", responses((status = 200, body = AvailableList,
    example = json!({"algorithms": [{"name": "naive", "defaults": {"lag": "standard"}}], "models": []})), Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/models/available")]
async fn list_available(
    _: Require<Reader>,
    registry: Data<Registry>,
) -> Result<Json<AvailableList>, Problem> {
    let algorithms = Algorithm::ALL.into_iter().map(|algorithm| {
        // No given key can be wrong, so the defaults are always there.
        let defaults = HyperParams::default().filled(algorithm).unwrap_or_default();
        AvailableAlgorithm { name: algorithm.name(), defaults: defaults.0.into() }
    });
    Ok(Json(AvailableList { algorithms: algorithms.collect(), models: registry.idle(200).await? }))
}

/// List the models that serve, one per series at most.
#[utoipa::path(tag = "models", responses((status = 200, body = ModelList,
    example = json!({"models": [model_example()], "next_cursor": null})), Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/models/active")]
async fn list_active(
    _: Require<Reader>,
    registry: Data<Registry>,
) -> Result<Json<ModelList>, Problem> {
    Ok(Json(ModelList { models: registry.active().await?, next_cursor: None }))
}

/// List registered models, newest first.
#[utoipa::path(tag = "models", params(ModelQuery), responses((status = 200, body = ModelList,
    example = json!({"models": [model_example()], "next_cursor": null})), Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/models")]
async fn list_models(
    _: Require<Reader>,
    registry: Data<Registry>,
    query: Params<ModelQuery>,
) -> Result<Json<ModelList>, Problem> {
    let ModelQuery { target, name, model_type, state, limit, cursor } = query.0;
    let page = Page { limit, cursor };
    let filter = ModelFilter { target, name, model_type, state };
    let rows = registry.list(filter, page.position()?, page.fetch_limit()).await?;
    let (models, next_cursor) =
        page.cut(rows, |model| Cursor::new(model.created_at, model.model_id));
    Ok(Json(ModelList { models, next_cursor }))
}

/// Get one model with its scores.
#[utoipa::path(tag = "models", params(("id" = Uuid, Path, description = "Identifier of the model")),
    responses((status = 200, body = ModelRecord, example = json!(model_example())), Refusals, NotFound),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/models/{id}")]
async fn get_model(
    _: Require<Reader>,
    registry: Data<Registry>,
    id: Path<Uuid>,
) -> Result<Json<ModelRecord>, Problem> {
    Ok(Json(registry.get(*id).await?))
}

/// Get what people have set for a model: alerts, webhook, times it is ignored.
#[utoipa::path(tag = "models", params(("id" = Uuid, Path, description = "Identifier of the model")),
    responses((status = 200, body = ModelSettings, example = json!(settings_example())), Refusals, NotFound),
    security(("bearer" = ["viewer"]), ("cookie" = ["viewer"]), ("api_key" = ["read"])))]
#[get("/api/models/{id}/settings")]
async fn get_model_settings(
    _: Require<Viewer>,
    registry: Data<Registry>,
    id: Path<Uuid>,
) -> Result<Json<ModelSettings>, Problem> {
    Ok(Json(registry.settings(*id).await?))
}

/// What happened to a model.
#[derive(Debug, Serialize, ToSchema)]
struct HistoryList {
    /// Newest first.
    history: Vec<HistoryEntry>,
    /// Give it as `cursor` for the next page; absent on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

/// List what happened to a model: who, when, from where to where, why.
#[utoipa::path(tag = "models", params(("id" = Uuid, Path, description = "Identifier of the model"), Page),
    responses((status = 200, body = HistoryList,
    example = json!({"history": [entry_example()], "next_cursor": null})), Refusals, NotFound),
    security(("bearer" = ["viewer"]), ("cookie" = ["viewer"]), ("api_key" = ["read"])))]
#[get("/api/models/{id}/history")]
async fn list_model_history(
    _: Require<Viewer>,
    registry: Data<Registry>,
    id: Path<Uuid>,
    page: Params<Page>,
) -> Result<Json<HistoryList>, Problem> {
    let page = page.0;
    let rows = registry.history(*id, page.position()?, page.fetch_limit()).await?;
    let (history, next_cursor) = page.cut(rows, |entry| Cursor::new(entry.at, entry.history_id));
    Ok(Json(HistoryList { history, next_cursor }))
}

/// Which instant is meant.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AtQuery {
    /// The instant.
    #[param(value_type = String, example = "2026-03-28T12:00:00Z")]
    #[serde(deserialize_with = "instant")]
    t: DateTime<Utc>,
}

/// Get which model of a name served at an instant, and who had made it so.
#[utoipa::path(tag = "models", params(("name" = String, Path, description = "Name that versions share"), AtQuery),
    responses((status = 200, body = NamedAt, example = json!({"name": "price-CH-day_ahead-lightgbm",
        "t": "2026-03-28T12:00:00Z", "served": true, "model_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d",
        "state": "active", "entry": entry_example()})), Refusals, NotFound),
    security(("bearer" = ["viewer"]), ("cookie" = ["viewer"]), ("api_key" = ["read"])))]
#[get("/api/models/{name}/at")]
async fn get_model_at(
    _: Require<Viewer>,
    registry: Data<Registry>,
    name: Path<String>,
    query: Params<AtQuery>,
) -> Result<Json<NamedAt>, Problem> {
    Ok(Json(registry.named_at(&name, query.0.t).await?))
}

pub(super) fn settings_example() -> serde_json::Value {
    serde_json::json!({
        "model_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "alert_threshold": 150.0,
        "alert_config": {"enabled": true, "direction": "above", "severity": "warning",
            "consecutive": 2, "cooldown_minutes": 60},
        "webhook": {"enabled": true, "webhook_url": "https://n8n.example.ch/webhook/prices",
            "send_mode": "alerts_only"},
        "ignore_windows": [{"from": "2026-03-28T12:00:00Z", "to": "2026-03-29T12:00:00Z",
            "reason": "maintenance of the meter"}],
        "updated_at": "2026-03-28T12:00:00Z",
    })
}

fn entry_example() -> serde_json::Value {
    serde_json::json!({
        "history_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7f", "at": "2026-03-28T11:00:00Z",
        "model_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "name": "price-CH-day_ahead-lightgbm",
        "series": "price:CH:day_ahead", "purpose": "value", "action": "activate",
        "from_state": "validated", "to_state": "active", "replaced_id": null, "actor": "user",
        "user_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7c", "address": "192.168.1.20",
        "reason": "better on the last two weeks",
    })
}

pub fn model_example() -> serde_json::Value {
    let scores = |mae: f64| {
        serde_json::json!({"n": 9_408, "mae": mae, "rmse": 1.4 * mae, "smape_percent": 21.4,
            "mape": {"percent": 38.2, "warning": null}, "wape_percent": 19.8,
            "rmae": {"value": mae / 24.9, "naive_mae": 24.9,
                "definition": "MAE / MAE of p(t − 168 h) on the same instants"},
            "bands": null})
    };
    serde_json::json!({
        "model_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d",
        "name": "price-CH-day_ahead-lightgbm", "version": 3, "model_type": "lightgbm",
        "target_variable": "price:CH:day_ahead",
        "train_start": "2020-07-03T22:00:00Z", "train_end": "2023-05-05T22:00:00Z",
        "features": ["hour", "lag_24h", "lag_168h"], "future_minutes": 10_080,
        "params": {"num_leaves": 31, "learning_rate": 0.05},
        "dataset_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7e",
        "dataset_sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "artifact_sha256": "cb8379ac2098aa165029e3938a51da0bcecfc008fd6795f401178647f96c5b34",
        "metrics": {"train_rows": 174_216, "validation_rows": 9_408, "validation": scores(18.2),
            "naive": scores(24.9), "training_s": 41.7,
            "by_lead": [{"lead_day": 1, "n": 1_344, "mae": 12.1, "naive_mae": 16.3}], "later_days_by": "lightgbm", "importance": [["lag_24h", 0.31]],
            "gate": {"passed": true,
                "reason": "MAE 18.20 EUR/MWh against 24.90 of the naive model on the validation days"}},
        "status": "READY", "state": "active", "origin": "trained", "format": "luna", "task": "value",
        "event": null, "missing_values": {"policy": "native"},
        "regime": {"crisis": "without"}, "signed_by": null, "error": null, "is_active": true,
        "created_at": "2023-07-01T08:00:00Z", "trained_at": "2023-07-01T08:00:42Z",
    })
}

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        match &error {
            RegistryError::Unknown(_) | RegistryError::UnknownName(_) => Self::not_found(&error),
            RegistryError::Invalid { field, what } => Self::invalid(field, what),
            RegistryError::NotReady { .. }
            | RegistryError::GateClosed { .. }
            | RegistryError::WrongState { .. }
            | RegistryError::Unproven { .. }
            | RegistryError::NoPredecessor { .. }
            | RegistryError::PredecessorGone { .. }
            | RegistryError::Serving { .. } => Self::conflict(&error),
            RegistryError::Db(database) if database.is_passing() => Self::unavailable(error),
            RegistryError::Object(object) if object.is_passing() => Self::unavailable(error),
            RegistryError::Object(_) | RegistryError::Db(_) => Self::internal(error),
        }
    }
}
