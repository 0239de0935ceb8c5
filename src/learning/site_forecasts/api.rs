//! `GET /api/meters/{meter_id}/forecast`.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::model::PublishedForecast;
use super::service::SiteForecasts;
use crate::algorithms::forecasting::site::Kind;
use crate::facts::meters::Meters;
use crate::platform::web::{
    LoggedIn, NotFound, Params, Path, Problem, Refusals, Require, optional_instant,
};

/// Registers the operation of this area.
pub fn routes(config: &mut ServiceConfig) {
    config.service(get_meter_forecast);
}

/// Which forecast to return.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MeterForecastQuery {
    /// `load` (unless said) or `pv`.
    #[param(inline)]
    kind: Option<Kind>,
    /// The forecast that was the newest at this instant, as it was published then; the newest of all
    /// unless said.
    #[serde(deserialize_with = "optional_instant")]
    #[param(example = "2026-03-28T10:00:00Z")]
    as_of: Option<DateTime<Utc>>,
}

/// Get what a meter is expected to take or to give in each quarter hour of the coming week, how good
/// such forecasts were, and how likely new monthly peaks are.
#[utoipa::path(tag = "meters", params(("meter_id" = String, Path, description = "The meter"), MeterForecastQuery),
    responses((status = 200, body = PublishedForecast, example = json!(example())), Refusals, NotFound),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/meters/{meter_id}/forecast")]
async fn get_meter_forecast(
    who: Require<LoggedIn>,
    meters: Data<Meters>,
    forecasts: Data<SiteForecasts>,
    meter_id: Path<String>,
    query: Params<MeterForecastQuery>,
) -> Result<Json<PublishedForecast>, Problem> {
    let meter = meters.get(&who, &meter_id).await?;
    let kind = query.0.kind.unwrap_or(Kind::Load);
    Ok(Json(forecasts.latest(&meter, kind, query.0.as_of).await?))
}

fn example() -> serde_json::Value {
    json!({
        "run_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "series": "load:house-1",
        "model_label": "lightgbm", "issued_at": "2026-03-28T12:05:00Z",
        "known_until": "2026-03-28T12:00:00Z",
        "inputs_hash": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "fitted_at": "2026-03-28T02:37:00Z",
        "model": {
            "days": 400, "holdout_from_s": 1_772_150_400, "holdout_to_s": 1_774_569_600,
            "holdout_rows": 9_200, "rows": 120_000, "mae_kw": 0.21, "baseline_mae_kw": 0.26,
            "week_ago_mae_kw": 0.31, "trees_mae_kw": 0.21, "coverage_80_percent": 80.4,
            "verdict": "LightGBM serves: mean error 0.210 kW of LightGBM against 0.260 of the mean of the last days and 0.310 of the week before, on the 28 days before 2026-03-27.",
            "features": ["slot_28d", "baseline", "lead_h"]
        },
        "uses": ["readings", "calendar"], "notes": [],
        "peaks": {
            "event": "peak:month", "by_trees": true, "report": null, "missing": null,
            "days": [{"date": "2026-03-28", "threshold_kw": 6.4, "probability": 0.04}]
        },
        "score": null, "unit": "kW", "interval_s": 900,
        "quantile_levels": [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95],
        "points": [{
            "ts": "2026-03-28T12:15:00Z", "power_kw": 0.62,
            "quantiles_kw": [0.2, 0.28, 0.41, 0.62, 0.88, 1.4, 2.1]
        }],
        "accuracy": null
    })
}
