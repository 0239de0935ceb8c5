//! `GET /api/windows`: when to run something.

use actix_web::get;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::model::{Window, WindowQuery};
use super::service::{Windows, WindowsError};
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::platform::web::{NotFound, Params, Problem, Reader, Refusals, Require};

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list_windows);
}

/// The cheapest windows.
#[derive(Debug, Serialize, ToSchema)]
struct WindowList {
    /// Market.
    market: Market,
    /// Product.
    product: Product,
    /// Whether Luna made the prices up.
    simulated: bool,
    /// End of the published prices; behind it stands the forecast.
    published_until: Option<DateTime<Utc>>,
    /// The windows, cheapest first; fewer than asked for when no more fit.
    windows: Vec<Window>,
}

/// List the cheapest windows of a duration before a deadline, cheapest first.
#[utoipa::path(tag = "forecast", params(WindowQuery), responses((status = 200, body = WindowList,
    example = json!({"market": "CH", "product": "day_ahead", "simulated": false, "published_until": "2026-03-29T22:00:00Z", "windows": [{"from": "2026-03-29T11:00:00Z", "to": "2026-03-29T14:00:00Z", "blocks": [{"from": "2026-03-29T11:00:00Z", "to": "2026-03-29T14:00:00Z"}], "mean_price_eur_mwh": 12.4, "provenance": "published", "saving_vs_now_eur_mwh": 48.1, "saving_vs_day_mean_eur_mwh": 39.0, "vs_day_mean_percent": -75.9, "saving_vs_now_eur": null, "saving_vs_day_mean_eur": null}]})), Refusals, NotFound),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/windows")]
async fn list_windows(
    _: Require<Reader>,
    windows: Data<Windows>,
    query: Params<WindowQuery>,
) -> Result<Json<WindowList>, Problem> {
    check(&query.0)?;
    let (outlook, windows) = windows.cheapest(&query.0).await?;
    Ok(Json(WindowList {
        simulated: outlook.market.is_simulated(),
        market: outlook.market,
        product: outlook.product,
        published_until: outlook.published_until,
        windows,
    }))
}

fn check(query: &WindowQuery) -> Result<(), Problem> {
    if let Some(count) = query.count
        && !(1..=50).contains(&count)
    {
        return Err(Problem::invalid("count", format!("{count} is not between 1 and 50")));
    }
    if let Some(energy) = query.energy_kwh
        && !(0.0..=100_000.0).contains(&energy)
    {
        let message = format!("{energy} is not between 0 and 100000");
        return Err(Problem::invalid("energy_kwh", message));
    }
    if let (Some(earliest), Some(deadline)) = (query.earliest, query.deadline)
        && deadline <= earliest
    {
        let message = format!("{deadline} is not after earliest ({earliest})");
        return Err(Problem::invalid("deadline", message));
    }
    Ok(())
}

impl From<WindowsError> for Problem {
    fn from(error: WindowsError) -> Self {
        match error {
            WindowsError::NoAnswer(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "no-window", &error)
            }
            WindowsError::NoPrices { .. } => Self::not_found(&error),
            WindowsError::Prices(error) => error.into(),
            WindowsError::Forecast(error) => error.into(),
        }
    }
}
