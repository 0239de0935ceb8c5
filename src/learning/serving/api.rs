//! `/api/predict` and `/api/predictions`.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use actix_web::{get, post};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::api_models;
use super::model::{
    PredictAnswer, PredictRequest, PredictionFilter, PredictionRecord,
};
use super::predictor::{PredictError, Predictor};
use super::prepare::PrepareError;
use crate::learning::features::HistoryError;
use crate::platform::web::{
    BadBody, Body, Conflict, Cursor, Limit, LoggedIn, NotFound, Page, Params, Path, Problem,
    Reader, Refusals, Require, optional_instant,
};

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(predict)
        .service(list_predictions)
        .service(latest_predictions)
        .configure(api_models::routes);
}

/// Ask a model, or all models that work for a series: a value with its quantiles, or the probability
/// of an event. What is answered is kept.
#[utoipa::path(tag = "predictions", request_body(content = PredictRequest,
        example = json!({"series": "price:CH:day_ahead", "target_ts": "2026-03-30T10:00:00Z"})),
    responses((status = 200, body = PredictAnswer, example = json!(answer_example())),
        Refusals, BadBody, NotFound, Conflict),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[post("/api/predict")]
async fn predict(
    _: Require<LoggedIn>,
    predictor: Data<Predictor>,
    request: Body<PredictRequest>,
) -> Result<Json<PredictAnswer>, Problem> {
    Ok(Json(predictor.predict(request.0).await?))
}

/// Which predictions to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PredictionQuery {
    /// Only those of this series.
    series: Option<String>,
    /// Only those of this model.
    model_id: Option<Uuid>,
    /// Only those made since.
    #[serde(deserialize_with = "optional_instant")]
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<DateTime<Utc>>,
    /// Only those made before.
    #[serde(deserialize_with = "optional_instant")]
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<DateTime<Utc>>,
    /// Rows per page.
    #[param(value_type = u16, required = false)]
    limit: Limit,
    /// Where to go on: `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// Predictions, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct PredictionList {
    /// The predictions.
    predictions: Vec<PredictionRecord>,
    /// Give it as `cursor` for the next page; absent on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

/// List predictions as they were made, newest first, with what came true.
#[utoipa::path(tag = "predictions", params(PredictionQuery), responses((status = 200, body = PredictionList,
    example = json!({"predictions": [record_example()], "next_cursor": null})), Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/predictions")]
async fn list_predictions(
    _: Require<Reader>,
    predictor: Data<Predictor>,
    query: Params<PredictionQuery>,
) -> Result<Json<PredictionList>, Problem> {
    let PredictionQuery { series, model_id, from, to, limit, cursor } = query.0;
    let page = Page { limit, cursor };
    let filter = PredictionFilter { series, model_id, from, to };
    let rows = predictor.list(&filter, page.position()?, page.fetch_limit()).await?;
    let (predictions, next_cursor) =
        page.cut(rows, |row| Cursor::new(row.made_at, row.prediction_id));
    Ok(Json(PredictionList { predictions, next_cursor }))
}

/// What was said last about a series.
#[derive(Debug, Serialize, ToSchema)]
struct LatestPredictions {
    /// Series.
    #[schema(example = "price:CH:day_ahead")]
    series: String,
    /// What each model that works for it said last, champions first, by delivery period.
    predictions: Vec<PredictionRecord>,
}

/// Get what the models that work for a series said last about it.
#[utoipa::path(tag = "predictions", params(("series" = String, Path, description = "Series", example = "price:CH:day_ahead")),
    responses((status = 200, body = LatestPredictions,
        example = json!({"series": "price:CH:day_ahead", "predictions": [record_example()]})), Refusals, NotFound),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/predictions/latest/{series}")]
async fn latest_predictions(
    _: Require<Reader>,
    predictor: Data<Predictor>,
    series: Path<String>,
) -> Result<Json<LatestPredictions>, Problem> {
    let series = series.into_inner();
    let predictions = predictor.latest(&series).await?;
    Ok(Json(LatestPredictions { series, predictions }))
}

fn answer_example() -> serde_json::Value {
    json!({
        "prediction_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b81",
        "model_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "model": "price-CH-day_ahead-lightgbm v3",
        "role": "champion", "series": "price:CH:day_ahead", "target_ts": "2026-03-30T10:00:00Z",
        "made_at": "2026-03-28T12:00:00Z", "value": 64.2,
        "quantiles": {"0.05": 41.0, "0.10": 48.5, "0.25": 57.0, "0.50": 64.2, "0.75": 71.0,
            "0.90": 80.1, "0.95": 88.0},
        "features_hash": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "others": [], "failed": [],
    })
}

fn record_example() -> serde_json::Value {
    json!({
        "prediction_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b81",
        "model_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "series": "price:CH:day_ahead",
        "role": "champion", "made_at": "2026-03-28T12:00:00Z", "target_ts": "2026-03-30T10:00:00Z",
        "value": 64.2, "quantiles": [41.0, 48.5, 57.0, 64.2, 71.0, 80.1, 88.0], "prediction": null,
        "probability": null, "threshold": null,
        "features_hash": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "actual": 61.9, "scored_at": "2026-03-29T11:00:00Z",
    })
}

impl From<PredictError> for Problem {
    fn from(error: PredictError) -> Self {
        match error {
            PredictError::Invalid { field, what } => Self::invalid(field, what),
            PredictError::NoModel(what) => Self::not_found(what),
            PredictError::Unusable { .. } => Self::conflict(&error),
            PredictError::AllFailed { ref failed } => {
                // What a caller sent can be mended by the caller; the rest is Luna's.
                if failed.iter().all(|it| it.kind == "features") {
                    Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-input", &error)
                } else {
                    Self::busy(&error)
                }
            }
            PredictError::Prepare(error) => match error {
                PrepareError::History(HistoryError::Prices(error)) => error.into(),
                PrepareError::History(HistoryError::Series(error)) => error.into(),
                PrepareError::Pool(_) => Self::unavailable(error),
                _ => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "no-history", &error),
            },
            PredictError::Registry(error) => error.into(),
            PredictError::Db(error) => error.into(),
            PredictError::Ledger(error) if error.is_passing() => Self::unavailable(error),
            PredictError::Ledger(error) => Self::internal(error),
        }
    }
}
