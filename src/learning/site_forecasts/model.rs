//! Forecasts of meters as they were published, and what became of them.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::algorithms::forecasting::site::FitReport;
use crate::algorithms::forecasting::site::Kind;
use crate::algorithms::forecasting::site::PeakReport;

/// Name of a meter's series, e.g. `load:house-1`.
pub fn series_of(kind: Kind, meter_id: &str) -> String {
    format!("{}:{meter_id}", kind.name())
}

/// Kind and meter of a series; absent for one that is no meter's.
pub fn kind_of(series: &str) -> Option<(Kind, &str)> {
    let (kind, meter_id) = series.split_once(':')?;
    Some((Kind::parse(kind)?, meter_id))
}

/// A forecast of one quarter hour.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct SitePoint {
    /// Start of the quarter hour.
    pub ts: DateTime<Utc>,
    /// Mean power, in kW.
    pub power_kw: f64,
    /// Quantiles .05 .10 .25 .50 .75 .90 .95 of the mean power, ascending, in kW.
    pub quantiles_kw: [f32; 7],
}

/// What a forecast looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Used {
    /// What the meter read before.
    Readings,
    /// Weekdays, public holidays and bridge days.
    Calendar,
    /// Where the sun stands.
    Sun,
    /// Forecasts of the outdoor temperature.
    TemperatureForecast,
    /// Forecasts of the radiation.
    RadiationForecast,
}

/// What should be known about a forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SiteNote {
    /// The last reading ended more than a day before the forecast was made.
    OldReadings,
    /// The meter gives power while the sun is down, so nights are not taken to be zero: something else
    /// than a roof feeds in, or the place in the settings is another one.
    PowerAtNight,
}

/// How likely one day brings a new highest quarter hour of its month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PeakChance {
    /// Local day; of today only what is ahead counts.
    pub date: NaiveDate,
    /// Highest quarter-hour mean of the month so far, in kW; absent in a month that has not begun,
    /// whose first quarter hour is a new peak whatever it is.
    pub threshold_kw: Option<f64>,
    /// Probability that it is exceeded on this day, 0 to 1.
    pub probability: Option<f64>,
}

/// The event `peak:month`, day by day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Peaks {
    /// Name of the event.
    #[schema(example = "peak:month")]
    pub event: String,
    /// Whether trees answer, not the base rate.
    pub by_trees: bool,
    /// How that was decided.
    pub report: Option<PeakReport>,
    /// Why there are no probabilities, where there are none.
    pub missing: Option<String>,
    /// Today and the six days behind it.
    pub days: Vec<PeakChance>,
}

/// What a run has to say besides its values; stored with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SiteDetail {
    /// When the model was fitted.
    pub fitted_at: DateTime<Utc>,
    /// How it was chosen, with its error and the baseline's on the hold-out.
    pub model: FitReport,
    /// What it looks at.
    pub uses: Vec<Used>,
    /// What should be known about it.
    pub notes: Vec<SiteNote>,
    /// New monthly peaks; of loads only.
    pub peaks: Option<Peaks>,
}

/// A forecast as it was published.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PublishedForecast {
    /// Identifier of the run.
    pub run_id: Uuid,
    /// Series.
    #[schema(example = "load:house-1")]
    pub series: String,
    /// Model in words.
    #[schema(example = "lightgbm")]
    pub model_label: String,
    /// Nothing that became known later entered it.
    pub issued_at: DateTime<Utc>,
    /// End of the last reading it stands on.
    pub known_until: DateTime<Utc>,
    /// SHA-256 over what it was computed from.
    pub inputs_hash: String,
    /// How it came about.
    #[serde(flatten)]
    pub detail: SiteDetail,
    /// Its own errors, once something came.
    pub score: Option<SiteScore>,
    /// Unit of power.
    #[schema(example = "kW")]
    pub unit: &'static str,
    /// Length of an interval, in seconds.
    pub interval_s: i32,
    /// Levels of `quantiles_kw`.
    pub quantile_levels: [f64; 7],
    /// Quarter hours, oldest first; empty for a run so old that only its score was kept.
    pub points: Vec<SitePoint>,
    /// How good the published forecasts of the last thirty days were.
    pub accuracy: Option<SiteScore>,
}

/// Errors against what was read since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SiteScore {
    /// Runs that are counted.
    pub runs: usize,
    /// Quarter hours that were read.
    pub n: usize,
    /// Mean absolute error, in kW.
    pub mae_kw: f64,
    /// Mean of forecast less what came, in kW.
    pub bias_kw: f64,
    /// Sum of absolute errors as a share of the energy, in percent; absent where there was none.
    pub wape_percent: Option<f64>,
    /// Share within the 80 % band, in percent.
    pub coverage_80_percent: f64,
    /// Mean power that came, in kW.
    pub mean_kw: f64,
    /// The same by lead, nearest first.
    pub by_lead: Vec<SiteLeadScore>,
    /// Mean squared distance of the probabilities of new peaks from what came, with their number.
    pub peaks: Option<PeakScore>,
}

/// Errors of one group of leads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SiteLeadScore {
    /// Hours ahead at which the group ends; it begins where the one before ends.
    pub to_h: i64,
    /// Quarter hours.
    pub n: usize,
    /// Mean absolute error, in kW.
    pub mae_kw: f64,
    /// Share within the 80 % band, in percent.
    pub coverage_80_percent: f64,
}

/// How the probabilities of new monthly peaks held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PeakScore {
    /// Days that are over.
    pub n: usize,
    /// Those with a new peak.
    pub events: usize,
    /// Mean squared distance of the probability from what came, 1 or 0.
    pub brier: f64,
}
