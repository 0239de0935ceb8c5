//! What pages about prices are made from: plain values, put together by whoever asks the services.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::money::Money;

/// The prices that a page shows, as of one instant.
#[derive(Debug, Clone)]
pub struct PriceInput {
    /// Code of the market, e.g. `CH` or `SIM-CH`.
    pub market: String,
    /// Whether the values come from Luna's own simulation.
    pub simulated: bool,
    /// Zone of the market: days begin and end there.
    pub zone: Tz,
    /// What prices are shown in.
    pub money: Money,
    /// Prices of the time that the page shows, any order; where a published and a forecast slot
    /// start at the same instant the published one counts.
    pub slots: Vec<Slot>,
    /// Mean of the published prices of the last 7 days, in EUR/MWh; without it the mean of `slots`.
    pub reference_mean_eur_mwh: Option<f64>,
    /// Cheap windows in the order of their numbers.
    pub windows: Vec<Window>,
    /// How old and how complete the data are.
    pub state: DataState,
    /// Whether nobody has created the first account yet.
    pub setup_open: bool,
}

/// One price of one market time unit.
#[derive(Debug, Clone)]
pub struct Slot {
    /// Start.
    pub ts: DateTime<Utc>,
    /// Length in seconds, e.g. 3600 or 900.
    pub interval_s: i32,
    /// Price in EUR/MWh (the median of a forecast); `None` when it is missing.
    pub price_eur_mwh: Option<f64>,
    /// Known or guessed.
    pub kind: SlotKind,
    /// Quantiles .05 .10 .25 .50 .75 .90 .95 in EUR/MWh; only forecasts have them.
    pub quantiles: Option<[f32; 7]>,
    /// Mark of the value.
    pub quality: Quality,
}

/// Known or guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotKind {
    /// Result of the auction.
    Published,
    /// Luna's forecast.
    Forecast,
}

/// What a value is besides being there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quality {
    /// As published.
    Ok,
    /// Filled in, e.g. the doubled hour of a levelled file.
    Estimated,
    /// Made by the simulation.
    Simulated,
}

/// A stretch of time in which electricity is cheap.
#[derive(Debug, Clone)]
pub struct Window {
    /// Start.
    pub from: DateTime<Utc>,
    /// End, exclusive.
    pub to: DateTime<Utc>,
    /// Mean price in EUR/MWh.
    pub mean_price_eur_mwh: f64,
    /// What the mean rests on.
    pub provenance: WindowProvenance,
    /// Mean price of the window's local day in EUR/MWh.
    pub day_mean_eur_mwh: Option<f64>,
}

/// What a window rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowProvenance {
    /// Published prices only.
    Published,
    /// Forecast only.
    Forecast,
    /// Both.
    Mixed,
}

/// How old and how complete the data are.
#[derive(Debug, Clone, Default)]
pub struct DataState {
    /// End of the last published price.
    pub published_until: Option<DateTime<Utc>>,
    /// When the newest published price became known.
    pub prices_known_at: Option<DateTime<Utc>>,
    /// Where the prices come from, e.g. `import:prices.csv`.
    pub source: Option<String>,
    /// Whom the sources of what is shown want named, and under which licence.
    pub attribution: Vec<String>,
    /// Since when the source of the market has not answered; absent while it does.
    pub source_away_since: Option<DateTime<Utc>>,
    /// When the forecast was made.
    pub forecast_issued_at: Option<DateTime<Utc>>,
    /// Name of the model that made it.
    pub model_label: Option<String>,
    /// Mean absolute error of the last 30 days, in EUR/MWh.
    pub mean_abs_error_eur_mwh: Option<f64>,
    /// Sentences about what is missing or odd, in the language of the page.
    pub warnings: Vec<String>,
}
