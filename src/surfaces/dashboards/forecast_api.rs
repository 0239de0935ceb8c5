//! The pages about forecasts over HTTP.

use actix_web::http::StatusCode;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, get};
use chrono::{Duration, NaiveDate};
use serde::Deserialize;

use super::api::{page, shell};
use super::forecast::{MeterInput, forecast, forecast_day, meter};
use super::gather::{AskedForecast, Gather};
use super::templates::Templates;
use crate::algorithms::forecasting::site::Kind;
use crate::base::ids::{Market, Product};
use crate::base::timeline::{Clock, TimeRange};
use crate::facts::meters::Meters;
use crate::facts::meters::Resolution;
use crate::learning::site_forecasts::SiteForecastError;
use crate::learning::site_forecasts::SiteForecasts;
use crate::platform::web::{CsrfToken, Params, Problem, Reader, Require};

/// Registers the pages.
pub(super) fn forecast_pages(config: &mut ServiceConfig) {
    config.service(get_forecast_page).service(get_forecast_day).service(get_forecast_meter);
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

/// Meters to choose from.
const METERS_MAX: i64 = 50;
/// Days of readings before the forecast.
const DAYS_READ: i64 = 2;

/// Which meter is shown, and what of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MeterQuery {
    meter: Option<String>,
    kind: Option<Kind>,
}

/// The coming week of a meter behind its last readings.
#[get("/forecast/meter")]
#[expect(clippy::too_many_arguments, reason = "actix hands each of them over by its type")]
async fn get_forecast_meter(
    reader: Require<Reader>,
    request: HttpRequest,
    templates: Data<Templates>,
    meters: Data<Meters>,
    forecasts: Data<SiteForecasts>,
    clock: Data<Clock>,
    csrf: CsrfToken,
    query: Params<MeterQuery>,
) -> Result<HttpResponse, Problem> {
    let shell = shell(&request, Some(reader.0.clone()), &csrf);
    let kind = query.0.kind.unwrap_or(Kind::Load);
    let asked = match query.0.meter {
        Some(meter_id) => Some(meter_id),
        None => meters.shown(&reader.0).await?,
    };
    let shown = match asked {
        Some(meter_id) => Some(meters.get(&reader.0, &meter_id).await?),
        None => None,
    };
    let mut input = MeterInput {
        meters: meters.list(&reader.0, "", METERS_MAX).await?,
        meter: shown,
        kind,
        forecast: Err(None),
        readings: Vec::new(),
    };
    if let Some(meter) = &input.meter {
        let zone = meter.time_zone.parse().unwrap_or(chrono_tz::Tz::UTC);
        input.forecast = match forecasts.latest(meter, kind, None).await {
            Ok(forecast) => Ok(forecast),
            Err(SiteForecastError::TooShort { days, .. }) => Err(Some(days)),
            Err(SiteForecastError::None { .. }) => Err(None),
            Err(error) => return Err(error.into()),
        };
        if let Ok(forecast) = &input.forecast {
            let until = forecast.issued_at + Duration::minutes(15);
            let range = TimeRange::new(until - Duration::days(DAYS_READ), until);
            let rollups = meters.rollups(&meter.meter_id, zone, range, Resolution::Quarter);
            input.readings = rollups.await?;
        }
    }
    let view = meter(&input, shell.language, clock.now());
    Ok(page(StatusCode::OK, templates.forecast_meter(&shell, &view)))
}
