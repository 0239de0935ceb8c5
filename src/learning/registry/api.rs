//! `/api/models`: what is registered, what serves, and changes to both.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::model::ModelRecord;
use super::service::{Registry, RegistryError};
use crate::access::audit::By;
use crate::algorithms::forecasting::Algorithm;
use crate::algorithms::forecasting::Params as HyperParams;
use crate::platform::web::{
    AdminOnly, Analyst, Conflict, Cursor, NotFound, Page, Params, Path, Problem, Reader, Refusals,
    Require,
};

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(list_available)
        .service(list_active)
        .service(list_models)
        .service(get_model)
        .service(activate_model)
        .service(deactivate_model)
        .service(delete_model);
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

/// Algorithms that can be trained.
#[derive(Debug, Serialize, ToSchema)]
struct AvailableList {
    /// One entry per algorithm, simplest first.
    models: Vec<AvailableAlgorithm>,
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
#[serde(default)]
#[into_params(parameter_in = Query)]
struct ModelQuery {
    /// Only models of this series.
    #[param(example = "price:CH:day_ahead")]
    target: Option<String>,
}

/// List the algorithms that can be trained, with their hyper-parameters.
#[utoipa::path(tag = "models", responses((status = 200, body = AvailableList,
    example = json!({"models": [{"name": "naive", "defaults": {"lag": "standard"}}]})), Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/models/available")]
async fn list_available(_: Require<Reader>) -> Json<AvailableList> {
    let models = Algorithm::ALL.into_iter().map(|algorithm| {
        // No given key can be wrong, so the defaults are always there.
        let defaults = HyperParams::default().filled(algorithm).unwrap_or_default();
        AvailableAlgorithm { name: algorithm.name(), defaults: defaults.0.into() }
    });
    Json(AvailableList { models: models.collect() })
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
#[utoipa::path(tag = "models", params(ModelQuery, Page), responses((status = 200, body = ModelList,
    example = json!({"models": [model_example()], "next_cursor": null})), Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/models")]
async fn list_models(
    _: Require<Reader>,
    registry: Data<Registry>,
    query: Params<PagedModels>,
) -> Result<Json<ModelList>, Problem> {
    let PagedModels { target, limit, cursor } = query.0;
    let page = Page { limit, cursor };
    let rows = registry.list(target.as_deref(), page.position()?, page.fetch_limit()).await?;
    let (models, next_cursor) =
        page.cut(rows, |model| Cursor::new(model.created_at, model.model_id));
    Ok(Json(ModelList { models, next_cursor }))
}

/// [`ModelQuery`] and [`Page`] in one, as a query string is read whole.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PagedModels {
    target: Option<String>,
    limit: crate::platform::web::Limit,
    cursor: Option<Cursor>,
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

/// Let a model serve its series; refused when it is not better than the naive model.
#[utoipa::path(tag = "models", params(("id" = Uuid, Path, description = "Identifier of the model")),
    responses((status = 200, body = ModelRecord, example = json!(model_example())), Refusals, NotFound, Conflict),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[post("/api/models/{id}/activate")]
async fn activate_model(
    who: Require<Analyst>,
    registry: Data<Registry>,
    id: Path<Uuid>,
) -> Result<Json<ModelRecord>, Problem> {
    Ok(Json(registry.activate(*id, &By::of(&who)).await?))
}

/// Take a model out of service; the naive model stands in.
#[utoipa::path(tag = "models", params(("id" = Uuid, Path, description = "Identifier of the model")),
    responses((status = 200, body = ModelRecord, example = json!(model_example())), Refusals, NotFound),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[post("/api/models/{id}/deactivate")]
async fn deactivate_model(
    who: Require<Analyst>,
    registry: Data<Registry>,
    id: Path<Uuid>,
) -> Result<Json<ModelRecord>, Problem> {
    Ok(Json(registry.deactivate(*id, &By::of(&who)).await?))
}

/// Delete a model that does not serve; its scores stay for the record.
#[utoipa::path(tag = "models", params(("id" = Uuid, Path, description = "Identifier of the model")),
    responses((status = 204, description = "Deleted"), Refusals, NotFound, Conflict),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[delete("/api/models/{id}")]
async fn delete_model(
    who: Require<AdminOnly>,
    registry: Data<Registry>,
    id: Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    registry.delete(*id, &By::of(&who)).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn model_example() -> serde_json::Value {
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
        "status": "READY", "error": null, "is_active": true,
        "created_at": "2023-07-01T08:00:00Z", "trained_at": "2023-07-01T08:00:42Z",
    })
}

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        match &error {
            RegistryError::Unknown(_) => Self::not_found(&error),
            RegistryError::NotReady { .. }
            | RegistryError::GateClosed { .. }
            | RegistryError::Serving { .. } => Self::conflict(&error),
            RegistryError::Db(database) if database.is_passing() => Self::unavailable(error),
            RegistryError::Object(object) if object.is_passing() => Self::unavailable(error),
            RegistryError::Object(_) | RegistryError::Db(_) => Self::internal(error),
        }
    }
}
