//! What to train: market, algorithm, days, phases.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::service::TrainingError;
use super::split::DAYS_MIN;
use crate::algorithms::forecasting::Algorithm;
use crate::algorithms::forecasting::Params;
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::base::timeline::local_date;
use crate::learning::features::FeatureTable;
use crate::learning::features::Regime;

/// Days a model learns from when nothing else is asked: the long window of Lago et al. 2021.
pub const CALIBRATION_WINDOW_DAYS: u16 = 1_092;
/// Most days a model may learn from, ten years.
const WINDOW_DAYS_MAX: u16 = 3_650;

/// What to train.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainRequest {
    /// Market whose day-ahead price is forecast.
    pub market: Market,
    /// Product; `day_ahead` unless said.
    #[serde(default = "default_product")]
    pub product: Product,
    /// Algorithm.
    pub model: Algorithm,
    /// Last local delivery day to learn from; the newest one unless said.
    #[serde(default)]
    pub until: Option<NaiveDate>,
    /// Local days to learn from, counted back from `until`; 1092 unless said.
    #[serde(default)]
    pub window_days: Option<u16>,
    /// Phases to learn from; all days unless said. A model of phases that end serves only when
    /// somebody activates it.
    #[serde(default)]
    pub regime: Option<Regime>,
    /// Hyper-parameters; the algorithm's defaults unless said.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub params: serde_json::Map<String, serde_json::Value>,
    /// Whether the model should serve when it passes the gate and the one that serves is not better.
    #[serde(default = "yes")]
    pub activate: bool,
}

impl TrainRequest {
    /// Refuses what cannot be trained before anything is computed.
    pub(super) fn check(&self) -> Result<(), TrainingError> {
        window_days(self.window_days)?;
        if self.model.is_daily() && self.phases().is_some() {
            return Err(TrainingError::BadRegime(self.model));
        }
        Ok(Params(self.params.clone()).check(self.model)?)
    }

    /// Name that versions of such a model share: models of some phases have one of their own.
    pub(super) fn name(&self) -> String {
        let Self { market, product, model, .. } = self;
        let name = format!("price-{market}-{}-{model}", product.name());
        match self.phases() {
            Some(regime) => {
                format!("{name}-{}", regime.words().replace(['=', ','], "_").replace(' ', "-"))
            }
            None => name,
        }
    }

    /// The phases that are learned from, where it is not all days.
    pub(super) fn phases(&self) -> Option<&Regime> {
        self.regime.as_ref().filter(|regime| !regime.is_empty())
    }
}

const fn yes() -> bool {
    true
}

/// The product meant when none is named.
pub const fn default_product() -> Product {
    Product::DayAhead
}

/// Local days to learn from, checked.
pub(super) fn window_days(asked: Option<u16>) -> Result<i64, TrainingError> {
    let days = asked.unwrap_or(CALIBRATION_WINDOW_DAYS);
    let least = u16::try_from(DAYS_MIN).unwrap_or_default();
    if (least..=WINDOW_DAYS_MAX).contains(&days) {
        return Ok(days.into());
    }
    let range = format!("{least} and {WINDOW_DAYS_MAX}");
    Err(TrainingError::BadRange(format!("window_days is {days}, not between {range}")))
}

/// Rows whose delivery day is of the phases.
pub(super) fn of_phases(table: &FeatureTable, regime: &Regime, market: &Market) -> FeatureTable {
    let (zone, country) = (market.time_zone(), market.country());
    let days = table.ts.iter().map(|ts| local_date(*ts, zone));
    let counts: Vec<bool> = days.map(|day| regime.holds(country, day)).collect();
    table.filtered(|row| counts[row])
}
