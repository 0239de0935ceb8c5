//! `GET /api/forecast/value`: what following the forecasts was worth.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::NaiveTime;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::model::{Asked, Device, Value};
use super::service::{ValueError, Values};
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::facts::market::Shown;
use crate::facts::tariffs::TariffId;
use crate::platform::web::{NotFound, Params, Problem, Reader, Refusals, Require};

/// Longest look back, in days.
const DAYS_MAX: u16 = 400;

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config.service(get_value);
}

/// What is followed, with what, on which tariff.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ValueQuery {
    /// Market code or alias; the configured one unless said.
    #[param(value_type = Option<String>, example = "CH")]
    market: Option<Market>,
    /// Product; the preferred one with the newest prices unless said.
    #[param(value_type = Option<String>, example = "day_ahead")]
    product: Option<Product>,
    /// Local days of delivery to look back, 1 to 400; 30 unless said.
    #[param(minimum = 1, maximum = 400)]
    days: Option<u16>,
    /// Lead day of the forecasts that are followed on the tariff, 1 to 7; 1, the day ahead, unless said.
    #[param(minimum = 1, maximum = 7)]
    lead_day: Option<i16>,
    /// Hours the device runs a day, in one piece, 1 to 12; 3 unless said.
    #[param(minimum = 1, maximum = 12)]
    hours: Option<i64>,
    /// Power of the device and of the battery, 0.1 to 100 kW; 2 unless said.
    #[param(minimum = 0.1, maximum = 100.0)]
    power_kw: Option<f64>,
    /// When the device is started by whoever looks at no price, local; 18:00 unless said.
    #[param(example = "18:00")]
    usual_start: Option<String>,
    /// Dynamic tariff; the household's, or the first one with prices, unless said.
    #[param(value_type = Option<String>, example = "ekz:400D")]
    tariff: Option<TariffId>,
    /// Tariff to compare with; the one that stands in for the dynamic one unless said.
    #[param(value_type = Option<String>, example = "ekz:400ST")]
    standard: Option<TariffId>,
}

/// Get what following the published forecasts was worth: capture, regret and ranks at market prices,
/// and francs on a dynamic tariff against a standard one and against perfect foresight.
#[utoipa::path(tag = "forecast", params(ValueQuery), responses((status = 200, body = Value,
    example = json!({"series": "price:CH:day_ahead", "market": "CH", "product": "day_ahead", "simulated": false, "first_day": "2026-03-28", "last_day": "2026-03-28", "device": {"power_kw": 2.0, "hours": 3, "energy_kwh": 6.0, "usual_start": "18:00", "battery_hours": 2}, "baseline": "The device runs once a day in one piece. …", "by_lead": [{"lead_day": 1, "n_days": 1, "mae_eur_mwh": 11.4, "paid_eur_mwh": 41.0, "cheapest_eur_mwh": 40.0, "day_mean_eur_mwh": 80.0, "capture_percent": 97.5, "regret_eur_mwh": 1.0, "best_window_percent": 0.0, "spearman": 0.91, "battery_percent": 93.0}], "tariff": null, "tariff_missing": "No prices of ekz:400D are stored for these days: set tariffs.active = [\"ekz:400D\", \"ekz:400ST\"] in the settings, and they are fetched."})), Refusals, NotFound),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/forecast/value")]
async fn get_value(
    _: Require<Reader>,
    values: Data<Values>,
    shown: Data<Shown>,
    query: Params<ValueQuery>,
) -> Result<Json<Value>, Problem> {
    let query = query.0;
    let (days, lead_day) = (query.days.unwrap_or(30), query.lead_day.unwrap_or(1));
    if !(1..=DAYS_MAX).contains(&days) {
        let message = format!("{days} is not between 1 and {DAYS_MAX}");
        return Err(Problem::invalid("days", message));
    }
    if !(1..=7).contains(&lead_day) {
        return Err(Problem::invalid("lead_day", format!("{lead_day} is not between 1 and 7")));
    }
    let device = device(&query)?;
    let (market, product) = shown.choose(query.market, query.product).await?;
    let (tariff, standard) = (query.tariff, query.standard);
    let asked =
        Asked { market, product, days: days.into(), lead_day, device, tariff, standard };
    Ok(Json(values.value(&asked).await?))
}

fn device(query: &ValueQuery) -> Result<Device, Problem> {
    let mut device = Device::default();
    if let Some(hours) = query.hours {
        if !(1..=12).contains(&hours) {
            return Err(Problem::invalid("hours", format!("{hours} is not between 1 and 12")));
        }
        device.hours = hours;
    }
    if let Some(power_kw) = query.power_kw {
        if !(0.1..=100.0).contains(&power_kw) {
            let message = format!("{power_kw} is not between 0.1 and 100");
            return Err(Problem::invalid("power_kw", message));
        }
        device.power_w = watts(power_kw);
    }
    if let Some(text) = &query.usual_start {
        let Ok(start) = NaiveTime::parse_from_str(text, "%H:%M") else {
            let shown: String = text.chars().take(20).collect();
            let message = format!("'{shown}' is no time; one is written like 18:00");
            return Err(Problem::invalid("usual_start", message));
        };
        device.usual_start = start;
    }
    if !device.fits_a_day() {
        let message = format!("a run of {} hours from {} on ends behind midnight", device.hours, device.usual_start.format("%H:%M"));
        return Err(Problem::invalid("usual_start", message));
    }
    Ok(device)
}

#[expect(clippy::cast_possible_truncation, reason = "the caller has checked the bounds")]
fn watts(power_kw: f64) -> i64 {
    (power_kw * 1_000.0).round() as i64
}

impl From<ValueError> for Problem {
    fn from(error: ValueError) -> Self {
        match error {
            ValueError::Accuracy(error) => error.into(),
            ValueError::Tariff(error) => error.into(),
        }
    }
}
