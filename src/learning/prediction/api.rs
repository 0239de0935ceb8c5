//! `/api/forecast`: what Luna expects behind the published prices, now and at any instant before.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::model::{ForecastRun, ForecastValue};
use super::service::{ForecastError, Forecasts};
use crate::algorithms::forecasting::QUANTILES;
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::facts::market::Shown;
use crate::platform::web::{
    Cursor, Limit, NotFound, Page, Params, Problem, Reader, Refusals, Require, optional_instant,
};

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config.service(get_forecast).service(list_runs);
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
    /// The forecast that was the newest at this instant, as it was published then; the newest of all
    /// unless said.
    #[serde(deserialize_with = "optional_instant")]
    #[param(example = "2026-03-28T10:00:00Z")]
    as_of: Option<DateTime<Utc>>,
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

/// Get the newest forecast of a market with its band, or the one that was the newest at an instant.
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
    let forecast = match query.0.as_of {
        Some(as_of) => forecasts.valid_at(&market, product, as_of).await?,
        None => forecasts.latest(&market, product).await?,
    };
    let Some(forecast) = forecast else {
        let when = query.0.as_of.map_or("yet".to_owned(), |at| format!("issued by {at}"));
        let product = product.name();
        let none = format!("there is no forecast of {product} prices of {market} {when}");
        return Err(Problem::not_found(none));
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
