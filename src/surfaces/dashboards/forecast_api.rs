//! The pages about forecasts over HTTP.

use actix_web::http::StatusCode;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, get};
use chrono::NaiveDate;
use serde::Deserialize;

use super::api::{page, shell};
use super::forecast::{forecast, forecast_day};
use super::gather::{AskedForecast, Gather};
use super::templates::Templates;
use crate::base::ids::{Market, Product};
use crate::base::timeline::Clock;
use crate::platform::web::{CsrfToken, Params, Problem, Reader, Require};

/// Registers the pages.
pub(super) fn forecast_pages(config: &mut ServiceConfig) {
    config.service(get_forecast_page).service(get_forecast_day);
}

/// Which forecasts are judged.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ForecastPageQuery {
    market: Option<Market>,
    product: Option<Product>,
    days: Option<i64>,
    lead: Option<i16>,
}

/// Page about forecasts: how good they were, and what following them was worth.
#[get("/forecast")]
async fn get_forecast_page(
    reader: Require<Reader>,
    request: HttpRequest,
    templates: Data<Templates>,
    gather: Data<Gather>,
    clock: Data<Clock>,
    csrf: CsrfToken,
    query: Params<ForecastPageQuery>,
) -> Result<HttpResponse, Problem> {
    let shell = shell(&request, Some(reader.0.clone()), &csrf);
    let ForecastPageQuery { market, product, days, lead } = query.0;
    let input = gather.forecast(AskedForecast { market, product, days, lead_day: lead }).await?;
    let view = forecast(&input, shell.language, clock.now());
    Ok(page(StatusCode::OK, templates.forecast(&shell, &view)))
}

/// Which day is shown; today unless said.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DayQuery {
    market: Option<Market>,
    product: Option<Product>,
    lead: Option<i16>,
    date: Option<NaiveDate>,
}

/// One day's forecast, as it was published in time, next to what came.
#[get("/forecast/day")]
async fn get_forecast_day(
    reader: Require<Reader>,
    request: HttpRequest,
    templates: Data<Templates>,
    gather: Data<Gather>,
    clock: Data<Clock>,
    csrf: CsrfToken,
    query: Params<DayQuery>,
) -> Result<HttpResponse, Problem> {
    let shell = shell(&request, Some(reader.0.clone()), &csrf);
    let DayQuery { market, product, lead, date } = query.0;
    let day = date.unwrap_or_else(|| clock.now().date_naive());
    let asked = AskedForecast { market, product, days: None, lead_day: lead };
    let input = gather.forecast_day(asked, day).await?;
    let view = forecast_day(&input, shell.language, clock.now());
    Ok(page(StatusCode::OK, templates.forecast_day(&shell, &view)))
}
