//! A declared device, days, and what they would have cost.

use chrono::{DateTime, NaiveDate, NaiveTime, Timelike, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::facts::tariffs::TariffId;

/// How the device and the tariffs are compared.
pub(super) const BASELINE: &str = "The device runs once a day in one piece. Followed: at the time \
     the forecast called cheapest, chosen before the market's prices were published. Perfect: at \
     the cheapest time of the dynamic tariff, known afterwards. Usual: at its usual start. The \
     standard tariff is paid at the usual start, and at its own cheapest time. With VAT, without \
     the monthly fee. The battery is charged once and discharged once later, without losses.";

/// The device that a comparison is about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Device {
    /// Power in watts.
    pub power_w: i64,
    /// Hours it runs, in one piece.
    pub hours: i64,
    /// When it is started by whoever looks at no price; local.
    pub usual_start: NaiveTime,
}

impl Default for Device {
    fn default() -> Self {
        let usual_start = NaiveTime::from_hms_opt(18, 0, 0).unwrap_or_default();
        Self { power_w: 2_000, hours: 3, usual_start }
    }
}

impl Device {
    /// Seconds it runs.
    pub const fn duration_s(&self) -> i64 {
        self.hours * 3_600
    }

    /// What it uses in a run.
    pub fn energy_kwh(&self) -> f64 {
        (self.power_w * self.hours) as f64 / 1_000.0
    }

    /// Whether a run from the usual start on ends on the same day.
    pub fn fits_a_day(&self) -> bool {
        i64::from(self.usual_start.num_seconds_from_midnight()) + self.duration_s() <= 86_400
    }
}

/// Seconds for which the battery is charged, and discharged.
pub(super) const BATTERY_S: i64 = 2 * 3_600;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Market.
    pub market: Market,
    /// Product.
    pub product: Product,
    /// Local days of delivery up to the newest published one.
    pub days: i64,
    /// Lead day whose forecasts are followed on the tariff.
    pub lead_day: i16,
    /// What runs.
    pub device: Device,
    /// Dynamic tariff; the household's, or the first one with prices, unless said.
    pub tariff: Option<TariffId>,
    /// What it is compared with; the tariff that stands in for it unless said.
    pub standard: Option<TariffId>,
}

/// The device as it is declared in an answer.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DeviceView {
    /// Power in kW, of the battery too.
    pub power_kw: f64,
    /// Hours it runs, in one piece.
    pub hours: i64,
    /// What it uses on a day.
    pub energy_kwh: f64,
    /// When it is started by whoever looks at no price; local.
    #[schema(example = "18:00")]
    pub usual_start: String,
    /// Hours for which the battery is charged, and discharged.
    pub battery_hours: i64,
}

/// What forecasts of one lead day were worth at market prices.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MarketValue {
    /// Days behind the last published day.
    pub lead_day: i16,
    /// Days that were forecast whole.
    pub n_days: usize,
    /// Mean absolute error of the forecasts on these days.
    pub mae_eur_mwh: f64,
    /// Mean price the device paid.
    pub paid_eur_mwh: f64,
    /// Mean price at the cheapest times.
    pub cheapest_eur_mwh: f64,
    /// Mean price of the days.
    pub day_mean_eur_mwh: f64,
    /// (day mean − paid) / (day mean − cheapest) over all days, in percent; absent when prices were flat.
    pub capture_percent: Option<f64>,
    /// Mean of paid − cheapest.
    pub regret_eur_mwh: f64,
    /// Share of the days on which nothing cheaper was there, in percent.
    pub best_window_percent: f64,
    /// Mean over the days of the correlation of ranks of forecasts and prices; absent when none varied.
    pub spearman: Option<f64>,
    /// Share of the profit of a battery that had known the prices, in percent; absent when that had none.
    pub battery_percent: Option<f64>,
}

/// One day on the tariff, in CHF.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TariffDay {
    /// Local day.
    pub day: NaiveDate,
    /// When the forecast said to start.
    pub start: DateTime<Utc>,
    /// When it was cheapest to start.
    pub best_start: DateTime<Utc>,
    /// On the dynamic tariff at the time the forecast chose.
    pub followed_chf: f64,
    /// On the dynamic tariff at its cheapest time.
    pub perfect_chf: f64,
    /// On the dynamic tariff at the usual start.
    pub usual_chf: f64,
    /// On the standard tariff at the usual start.
    pub standard_chf: Option<f64>,
    /// On the standard tariff at its cheapest time.
    pub standard_best_chf: Option<f64>,
    /// What the battery gained by the forecast.
    pub battery_chf: f64,
    /// What it would have gained, had it known the prices.
    pub battery_perfect_chf: f64,
    /// Whether the standard tariff stood in, because nothing was published.
    pub is_stand_in: bool,
}

/// What it was worth on a tariff, in CHF over all days.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TariffValue {
    /// The dynamic tariff.
    pub tariff: TariffId,
    /// What people call it.
    #[schema(example = "EKZ 400D")]
    pub tariff_name: String,
    /// What it is compared with; absent when no prices of it are stored.
    pub standard: Option<TariffId>,
    /// What people call that.
    pub standard_name: Option<String>,
    /// Whom to name for the prices.
    pub attribution: String,
    /// Lead day of the forecasts that were followed.
    pub lead_day: i16,
    /// Days compared.
    pub n_days: usize,
    /// Days without a forecast for every delivery period.
    pub days_without_forecast: usize,
    /// Days with a forecast that lack prices of a tariff.
    pub days_without_prices: usize,
    /// Days on which the standard tariff stood in, because nothing was published.
    pub stand_in_days: usize,
    /// Mean absolute error of the forecasts that were followed.
    pub mae_eur_mwh: f64,
    /// On the dynamic tariff at the times the forecast chose.
    pub followed_chf: f64,
    /// On the dynamic tariff at its cheapest times.
    pub perfect_chf: f64,
    /// On the dynamic tariff at the usual start.
    pub usual_chf: f64,
    /// On the standard tariff at the usual start.
    pub standard_chf: Option<f64>,
    /// On the standard tariff at its cheapest times.
    pub standard_best_chf: Option<f64>,
    /// Standard tariff less followed: below zero when following cost more.
    pub saved_vs_standard_chf: Option<f64>,
    /// Usual start on the dynamic tariff less followed.
    pub saved_vs_usual_chf: f64,
    /// Followed less perfect: what a perfect forecast would have saved beyond.
    pub missed_chf: f64,
    /// What the battery gained by the forecasts.
    pub battery_chf: f64,
    /// What it would have gained, had it known the prices.
    pub battery_perfect_chf: f64,
    /// Day by day, oldest first.
    pub days: Vec<TariffDay>,
}

/// What following the forecasts was worth.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Value {
    /// Series that is forecast.
    #[schema(example = "price:CH:day_ahead")]
    pub series: String,
    /// Market.
    pub market: Market,
    /// Product.
    pub product: Product,
    /// Whether Luna made the market's prices up.
    pub simulated: bool,
    /// First local day looked at.
    pub first_day: NaiveDate,
    /// Last one.
    pub last_day: NaiveDate,
    /// What runs.
    pub device: DeviceView,
    /// What is compared with what.
    pub baseline: &'static str,
    /// At market prices, by lead day, nearest first.
    pub by_lead: Vec<MarketValue>,
    /// On the tariff; absent when there is nothing to compare.
    pub tariff: Option<TariffValue>,
    /// Why there is nothing, and what to set.
    pub tariff_missing: Option<String>,
}
