//! `/api/forecast`: what Luna expects behind the published prices, and how good it was.

use actix_web::get;
use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::model::{Accuracy, ForecastRun, ForecastValue};
use super::service::{ForecastError, Forecasts};
use crate::algorithms::forecasting::QUANTILES;
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::facts::market::Shown;
use crate::platform::web::{
    Cursor, Limit, NotFound, Page, Params, Problem, Reader, Refusals, Require,
};

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config.service(get_forecast).service(list_runs).service(get_accuracy);
}

/// Which forecast to return.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ForecastQuery {
    /// Market code or alias; the configured one unless said.
    #[param(value_type = Option<String>, example = "CH")]
    market: Option<Market>,
    /// Product; the preferred one with the newest prices unless said.
    #[param(value_type = Option<String>, example = "day_ahead")]
    product: Option<Product>,
}

/// A forecast behind the published prices.
#[derive(Debug, Serialize, ToSchema)]
struct ForecastAnswer {
    /// What was computed when, from what.
    #[serde(flatten)]
    run: ForecastRun,
    /// Unit of prices and quantiles.
    #[schema(example = "EUR/MWh")]
    unit: &'static str,
    /// Whether it rests on simulated prices.
    simulated: bool,
    /// Levels of `quantiles_eur_mwh`.
    quantile_levels: [f64; 7],
    /// One value per delivery period, oldest first.
    points: Vec<ForecastValue>,
}

/// Which runs to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RunQuery {
    /// Market code or alias; the configured one unless said.
    #[param(value_type = Option<String>, example = "CH")]
    market: Option<Market>,
    /// Product; the preferred one with the newest prices unless said.
    #[param(value_type = Option<String>, example = "day_ahead")]
    product: Option<Product>,
    /// Rows per page.
    #[param(value_type = u16, required = false)]
    limit: Limit,
    /// Where to go on: `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// Forecast runs, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct RunList {
    /// The runs.
    runs: Vec<ForecastRun>,
    /// Give it as `cursor` for the next page; absent on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

/// How far to look back.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AccuracyQuery {
    /// Market code or alias; the configured one unless said.
    #[param(value_type = Option<String>, example = "CH")]
    market: Option<Market>,
    /// Product; the preferred one with the newest prices unless said.
    #[param(value_type = Option<String>, example = "day_ahead")]
    product: Option<Product>,
    /// Days to look back, 1 to 400; 30 unless said.
    #[param(minimum = 1, maximum = 400)]
    days: Option<u16>,
}

/// Get the newest forecast of a market with its band.
#[utoipa::path(tag = "forecast", params(ForecastQuery), responses((status = 200, body = ForecastAnswer,
    example = json!({"run_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "series": "price:CH:day_ahead", "market": "CH", "product": "day_ahead", "model_id": null, "model_label": "naive (stand-in)", "issued_at": "2026-03-28T12:05:00Z", "known_until": "2026-03-29T22:00:00Z", "is_stale": false, "created_at": "2026-03-28T12:05:00Z", "inputs_hash": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "score": null, "scored_at": null, "unit": "EUR/MWh", "simulated": false, "quantile_levels": [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95], "points": [{"ts": "2026-03-29T22:00:00Z", "interval_s": 3600, "lead_day": 1, "price_eur_mwh": 64.2, "quantiles_eur_mwh": [41.0, 48.5, 57.0, 64.2, 71.0, 80.1, 88.0]}]})), Refusals, NotFound),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/forecast")]
async fn get_forecast(
    _: Require<Reader>,
    forecasts: Data<Forecasts>,
    shown: Data<Shown>,
    query: Params<ForecastQuery>,
) -> Result<Json<ForecastAnswer>, Problem> {
    let (market, product) = shown.choose(query.0.market, query.0.product).await?;
    let Some(forecast) = forecasts.latest(&market, product).await? else {
        return Err(Problem::not_found(format!(
            "there is no forecast of {} prices of {market} yet",
            product.name()
        )));
    };
    Ok(Json(ForecastAnswer {
        unit: "EUR/MWh",
        simulated: market.is_simulated(),
        quantile_levels: QUANTILES,
        points: forecast.values,
        run: forecast.run,
    }))
}

/// List forecast runs of a market with their scores, newest first.
#[utoipa::path(tag = "forecast", params(RunQuery), responses((status = 200, body = RunList,
    example = json!({"runs": [], "next_cursor": null})), Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/forecast/runs")]
async fn list_runs(
    _: Require<Reader>,
    forecasts: Data<Forecasts>,
    shown: Data<Shown>,
    query: Params<RunQuery>,
) -> Result<Json<RunList>, Problem> {
    let (market, product) = shown.choose(query.0.market, query.0.product).await?;
    let page = Page { limit: query.0.limit, cursor: query.0.cursor };
    let rows = forecasts.runs(&market, product, page.position()?, page.fetch_limit()).await?;
    let (runs, next_cursor) = page.cut(rows, |run| Cursor::new(run.created_at, run.run_id));
    Ok(Json(RunList { runs, next_cursor }))
}

/// Get the errors of the published forecasts against the prices that came.
#[utoipa::path(tag = "forecast", params(AccuracyQuery), responses((status = 200, body = Accuracy,
    example = json!({"market": "CH", "product": "day_ahead", "days": 30, "runs": 29, "by_lead": [{"lead_day": 1, "n": 696, "mae": 11.4}]})), Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/forecast/accuracy")]
async fn get_accuracy(
    _: Require<Reader>,
    forecasts: Data<Forecasts>,
    shown: Data<Shown>,
    query: Params<AccuracyQuery>,
) -> Result<Json<Accuracy>, Problem> {
    let days = query.0.days.unwrap_or(30);
    if !(1..=400).contains(&days) {
        return Err(Problem::invalid("days", format!("{days} is not between 1 and 400")));
    }
    let (market, product) = shown.choose(query.0.market, query.0.product).await?;
    Ok(Json(forecasts.accuracy(&market, product, days.into()).await?))
}

impl From<ForecastError> for Problem {
    fn from(error: ForecastError) -> Self {
        match error {
            ForecastError::History(_) | ForecastError::TooShort { .. } => Self::not_found(&error),
            ForecastError::Prices(error) => error.into(),
            ForecastError::Registry(error) => error.into(),
            ForecastError::Pool(_) => Self::unavailable(error),
            ForecastError::Db(ref database) if database.is_passing() => Self::unavailable(error),
            ForecastError::Model(_) | ForecastError::Db(_) => Self::internal(error),
        }
    }
}
