//! `GET /api/forecast/accuracy`: how good the published forecasts were.

use actix_web::get;
use actix_web::web::{Data, Json};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::model::AccuracyReport;
use super::service::{Accuracy, AccuracyError, Asked};
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::facts::market::Shown;
use crate::platform::web::{Params, Problem, Reader, Refusals, Require};

/// Longest look back, in days.
const DAYS_MAX: u16 = 400;
/// Lead days that may be asked for.
const LEADS: std::ops::RangeInclusive<i16> = 1..=14;

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config.service(get_accuracy);
}

/// Which forecasts are looked at.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AccuracyQuery {
    /// Series that is forecast, instead of market and product.
    #[param(example = "price:CH:day_ahead")]
    series: Option<String>,
    /// Market code or alias; the configured one unless said.
    #[param(value_type = Option<String>, example = "CH")]
    market: Option<Market>,
    /// Product; the preferred one with the newest prices unless said.
    #[param(value_type = Option<String>, example = "day_ahead")]
    product: Option<Product>,
    /// Local days of delivery to look back, 1 to 400; 30 unless said.
    #[param(minimum = 1, maximum = 400)]
    days: Option<u16>,
    /// Lead day whose calibration and single days are told, 1 to 14; 1, the day ahead, unless said.
    #[param(minimum = 1, maximum = 14)]
    lead_day: Option<i16>,
}

/// Get the errors of the published forecasts against the prices that came.
#[utoipa::path(tag = "forecast", params(AccuracyQuery), responses((status = 200, body = AccuracyReport,
    example = json!({"series": "price:CH:day_ahead", "market": "CH", "product": "day_ahead", "unit": "EUR/MWh", "simulated": false, "time_zone": "Europe/Zurich", "days": 1, "first_day": "2026-03-28", "last_day": "2026-03-28", "truth_until": "2026-03-28T23:00:00Z", "last_issued_at": "2026-03-28T12:05:00Z", "runs_issued": 40, "runs": 8, "rule": "Of the forecasts of a delivery period …", "naive": "The price of the same local time one week before …", "lead_hours": "Hours behind the last published price …", "by_lead": [{"lead_day": 1, "name": "day_ahead", "n": 24, "mae": 11.4, "rmse": 15.0, "bias": -1.2, "pinball": 4.1, "coverage_50_percent": 52.0, "coverage_80_percent": 81.0, "coverage_90_percent": 92.0, "width_50": 18.0, "width_80": 36.0, "width_90": 50.0, "hours_ahead": 26.0, "n_naive": 24, "naive_mae": 19.3, "rmae": 0.59, "skill_percent": 41.0}], "by_hour": [{"lead_hour": 1, "n": 1, "mae": 8.0, "naive_mae": 12.1}], "lead_day": 1, "calibration": {"lead_day": 1, "quantiles": [{"level_percent": 5.0, "below_percent": 4.2, "n": 24}]}, "daily": [{"day": "2026-03-28", "periods": 24, "measures": null}], "best_day": null, "worst_day": null})), Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/forecast/accuracy")]
async fn get_accuracy(
    _: Require<Reader>,
    accuracy: Data<Accuracy>,
    shown: Data<Shown>,
    query: Params<AccuracyQuery>,
) -> Result<Json<AccuracyReport>, Problem> {
    let AccuracyQuery { series, market, product, days, lead_day } = query.0;
    let (market, product) = named(series.as_deref(), market, product)?;
    let days = days.unwrap_or(30);
    if !(1..=DAYS_MAX).contains(&days) {
        let message = format!("{days} is not between 1 and {DAYS_MAX}");
        return Err(Problem::invalid("days", message));
    }
    let lead_day = lead_day.unwrap_or(1);
    if !LEADS.contains(&lead_day) {
        let message = format!("{lead_day} is not between {} and {}", LEADS.start(), LEADS.end());
        return Err(Problem::invalid("lead_day", message));
    }
    let (market, product) = shown.choose(market, product).await?;
    let asked = Asked::newest(market, product, days.into());
    Ok(Json(accuracy.report(&asked, lead_day).await?))
}

/// Market and product, from the name of a series where one is given.
fn named(
    series: Option<&str>,
    market: Option<Market>,
    product: Option<Product>,
) -> Result<(Option<Market>, Option<Product>), Problem> {
    let Some(series) = series else { return Ok((market, product)) };
    if market.is_some() || product.is_some() {
        let message = "name either the series, or market and product";
        return Err(Problem::invalid("series", message));
    }
    let parts: Vec<&str> = series.split(':').collect();
    if let ["price", market, product] = parts[..]
        && let (Ok(market), Some(product)) = (Market::parse(market), Product::parse(product))
    {
        return Ok((Some(market), Some(product)));
    }
    let shown: String = series.chars().take(80).collect();
    let message =
        format!("'{shown}' is no series that is forecast; one is written like price:CH:day_ahead");
    Err(Problem::invalid("series", message))
}

impl From<AccuracyError> for Problem {
    fn from(error: AccuracyError) -> Self {
        match error {
            AccuracyError::Prices(error) => error.into(),
            AccuracyError::Forecasts(error) => error.into(),
            AccuracyError::Series(error) => error.into(),
        }
    }
}
