//! Published forecasts next to what came, and what is said about them.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::base::timeline::TimeRange;
use crate::learning::prediction::RunHead;

/// Which forecast of a delivery period is held against its price.
pub(super) const RULE: &str = "Of the forecasts of a delivery period and a lead day the last one \
     counts that was issued before the price was published and before delivery began.";
/// What «naive» is.
pub(super) const NAIVE: &str = "The price of the same local time one week before, two weeks from \
     lead day 8 on, and so on; rmae = MAE / MAE of that on the same delivery periods.";
/// What a lead hour is.
pub(super) const LEAD_HOUR: &str =
    "Hours behind the last published price the forecast stands on: hour 1 begins where it ends.";

/// A forecast of a delivery period next to the price that came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// Start of delivery.
    pub ts: DateTime<Utc>,
    /// Days behind the last day that was published when it was issued.
    pub lead_day: i16,
    /// Place of its run in [`Evidence::runs`].
    pub run: usize,
    /// Hours behind the last published price, from 1 on.
    pub lead_hour: i32,
    /// Hours from issue to delivery.
    pub hours_ahead: f64,
    /// What was forecast.
    pub forecast_eur_mwh: f64,
    /// Quantiles .05 .10 .25 .50 .75 .90 .95 of the forecast.
    pub quantiles_eur_mwh: [f64; 7],
    /// What came, as it is known now.
    pub actual_eur_mwh: f64,
    /// What the naive forecast says; absent where the price of the week before is missing.
    pub naive_eur_mwh: Option<f64>,
}

/// Everything that can be held against truth in some local days.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// Market.
    pub market: Market,
    /// Product.
    pub product: Product,
    /// First local day.
    pub first_day: NaiveDate,
    /// Last local day.
    pub last_day: NaiveDate,
    /// The instants of these days.
    pub range: TimeRange,
    /// Runs that were issued about these days.
    pub runs_issued: usize,
    /// When the newest of them was.
    pub last_issued_at: Option<DateTime<Utc>>,
    /// Those of them that count somewhere.
    pub runs: Vec<RunHead>,
    /// The scored forecasts, by delivery and lead day; one for each pair at most.
    pub rows: Vec<Scored>,
    /// End of the last published price.
    pub truth_until: Option<DateTime<Utc>>,
}

/// Errors and bands of some forecasts; EUR/MWh unless the name says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ForecastMeasures)]
pub struct Measures {
    /// Delivery periods scored.
    pub n: usize,
    /// Mean absolute error.
    pub mae: f64,
    /// Root mean squared error.
    pub rmse: f64,
    /// Mean of forecast minus price: above zero when too high was forecast.
    pub bias: f64,
    /// Mean pinball loss over the seven quantiles; about half of the CRPS.
    pub pinball: f64,
    /// Share of the prices within the 25–75 % quantiles, in percent; 50 is right.
    pub coverage_50_percent: f64,
    /// Share of the prices within the 10–90 % quantiles, in percent; 80 is right.
    pub coverage_80_percent: f64,
    /// Share of the prices within the 5–95 % quantiles, in percent; 90 is right.
    pub coverage_90_percent: f64,
    /// Mean width of the 50 % band.
    pub width_50: f64,
    /// Mean width of the 80 % band.
    pub width_80: f64,
    /// Mean width of the 90 % band.
    pub width_90: f64,
    /// Mean hours from issue to delivery.
    pub hours_ahead: f64,
    /// Delivery periods for which there is a naive forecast too.
    pub n_naive: usize,
    /// Mean absolute error of the naive forecast on those.
    pub naive_mae: Option<f64>,
    /// MAE over MAE of the naive forecast, both on those; below 1 is better than naive.
    pub rmae: Option<f64>,
    /// 100 · (1 − rmae): percent by which the error is smaller than that of the naive forecast.
    pub skill_percent: Option<f64>,
}

/// Errors of one lead day.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LeadAccuracy {
    /// Days behind the last published day.
    pub lead_day: i16,
    /// `day_ahead` for the first, then `d+2`, `d+3` …
    #[schema(example = "day_ahead")]
    pub name: String,
    /// The errors.
    #[serde(flatten)]
    pub measures: Measures,
}

/// Errors of one lead hour.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct HourAccuracy {
    /// Hours behind the last published price, 1 to 168; more where it ended long ago.
    pub lead_hour: i32,
    /// Delivery periods scored.
    pub n: usize,
    /// Mean absolute error.
    pub mae: f64,
    /// Mean absolute error of the naive forecast on the same delivery periods; absent where there is none.
    pub naive_mae: Option<f64>,
}

/// How often prices came out at or below a quantile.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct QuantileReliability {
    /// The level, in percent: so many prices should lie at or below the quantile.
    pub level_percent: f64,
    /// So many did, in percent.
    pub below_percent: f64,
    /// Delivery periods counted.
    pub n: usize,
}

/// Reliability of the quantiles of one lead day.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Calibration {
    /// Days behind the last published day.
    pub lead_day: i16,
    /// Per quantile, lowest first.
    pub quantiles: Vec<QuantileReliability>,
}

/// Errors on one local day of delivery.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DayAccuracy {
    /// Local day of delivery.
    pub day: NaiveDate,
    /// Its delivery periods: 23 to 25 hours, or 92 to 100 quarter hours.
    pub periods: usize,
    /// The errors; absent when nothing was scored.
    pub measures: Option<Measures>,
}

/// A run that counted on a day.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CaseRun {
    /// The run.
    pub run_id: Uuid,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
    /// End of the published prices it stood on.
    pub known_until: DateTime<Utc>,
    /// Registered model behind it; absent for the naive stand-in.
    pub model_id: Option<Uuid>,
    /// Model in words.
    pub model_label: String,
    /// SHA-256 over the feature rows it was computed from.
    pub inputs_hash: String,
    /// Delivery periods of the day for which it counted.
    pub n: usize,
    /// The forecast as it was published.
    #[schema(example = "/api/forecast?market=CH&product=day_ahead&as_of=2026-03-28T10:00:00Z")]
    pub link: String,
}

/// What a forecast knew of a series on the day it was about.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct KnownInput {
    /// The series.
    #[schema(example = "load_forecast:CH")]
    pub series: String,
    /// Its unit.
    pub unit: String,
    /// Values for the day that were known at issue; none when it knew nothing of the day.
    pub n: usize,
    /// Their mean; absent without any.
    pub mean_then: Option<f64>,
    /// When the newest of them had become known.
    pub known_at: Option<DateTime<Utc>>,
    /// Mean over the day as it is known now.
    pub mean_now: Option<f64>,
}

/// The best or the worst day with what the forecast stood on.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DayCase {
    /// Local day of delivery.
    pub day: NaiveDate,
    /// The errors.
    pub measures: Measures,
    /// Mean price of the day.
    pub actual_mean: f64,
    /// Mean forecast for the day.
    pub forecast_mean: f64,
    /// The runs that counted, the one with the most delivery periods first.
    pub runs: Vec<CaseRun>,
    /// What the first of them knew of the day.
    pub knew: Vec<KnownInput>,
}

/// How good the published forecasts of a market were.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AccuracyReport {
    /// Series that is forecast.
    #[schema(example = "price:CH:day_ahead")]
    pub series: String,
    /// Market.
    pub market: Market,
    /// Product.
    pub product: Product,
    /// Unit of the errors.
    #[schema(example = "EUR/MWh")]
    pub unit: &'static str,
    /// Whether Luna made the prices up.
    pub simulated: bool,
    /// Zone in which the days begin.
    #[schema(example = "Europe/Zurich")]
    pub time_zone: String,
    /// Local days of delivery looked at.
    pub days: i64,
    /// First of them.
    pub first_day: NaiveDate,
    /// Last of them.
    pub last_day: NaiveDate,
    /// End of the last published price.
    pub truth_until: Option<DateTime<Utc>>,
    /// When the newest forecast was issued.
    pub last_issued_at: Option<DateTime<Utc>>,
    /// Runs that were issued about these days.
    pub runs_issued: usize,
    /// Those of them that count somewhere.
    pub runs: usize,
    /// Which forecasts count.
    pub rule: &'static str,
    /// What the naive forecast is.
    pub naive: &'static str,
    /// What a lead hour is.
    pub lead_hours: &'static str,
    /// Errors by lead day, nearest first.
    pub by_lead: Vec<LeadAccuracy>,
    /// Errors by lead hour, nearest first.
    pub by_hour: Vec<HourAccuracy>,
    /// The lead day that the rest is about.
    pub lead_day: i16,
    /// Reliability of its quantiles; absent when nothing was scored.
    pub calibration: Option<Calibration>,
    /// Its errors day by day, oldest first.
    pub daily: Vec<DayAccuracy>,
    /// The day with the smallest error, of those that were scored whole.
    pub best_day: Option<DayCase>,
    /// The day with the greatest error; absent when it would be the best one too.
    pub worst_day: Option<DayCase>,
}

impl Evidence {
    /// The local days, oldest first.
    pub fn days(&self) -> impl Iterator<Item = NaiveDate> + use<> {
        let last = self.last_day;
        self.first_day.iter_days().take_while(move |day| *day <= last)
    }
}
