//! Prices ahead, known and expected, and the windows found in them.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::facts::market::Quality;
use crate::learning::prediction::ForecastRun;
use crate::platform::web::optional_instant;

/// What a price rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// Published prices only.
    Published,
    /// Luna's forecast only.
    Forecast,
    /// Partly published, partly forecast.
    Mixed,
}

/// One delivery period of an [`Outlook`].
#[derive(Debug, Clone)]
pub struct OutlookSlot {
    /// Start of delivery.
    pub ts: DateTime<Utc>,
    /// Length in seconds.
    pub interval_s: i32,
    /// Published price, or the forecast; absent where a published value is missing.
    pub price_eur_mwh: Option<f64>,
    /// Published or forecast, never mixed.
    pub provenance: Provenance,
    /// Quantiles of a forecast.
    pub quantiles_eur_mwh: Option<[f32; 7]>,
    /// How far to trust a published price.
    pub quality: Quality,
}

/// Known prices first, the forecast behind them, the seam visible.
#[derive(Debug, Clone)]
pub struct Outlook {
    /// Market.
    pub market: Market,
    /// Product.
    pub product: Product,
    /// Delivery periods, oldest first, without overlap.
    pub slots: Vec<OutlookSlot>,
    /// End of the last published price.
    pub published_until: Option<DateTime<Utc>>,
    /// When the newest published price became known.
    pub prices_known_at: Option<DateTime<Utc>>,
    /// Who published it.
    pub source: Option<String>,
    /// Everybody who published one of the prices.
    pub sources: Vec<String>,
    /// The forecast behind the published prices.
    pub forecast: Option<ForecastRun>,
}

/// Which windows are looked for.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WindowQuery {
    /// Market code or alias; the configured one unless said.
    #[param(value_type = Option<String>, example = "CH")]
    pub market: Option<Market>,
    /// Product; the preferred one with the newest prices unless said.
    #[param(value_type = Option<String>, example = "day_ahead")]
    pub product: Option<Product>,
    /// How long something has to run, ISO 8601; three hours unless said.
    #[param(value_type = Option<String>, example = "PT3H")]
    pub duration: Option<IsoDuration>,
    /// How many windows that do not overlap, 1 to 50; 3 unless said.
    #[param(minimum = 1, maximum = 50)]
    pub count: Option<u8>,
    /// No window begins before; now unless said.
    #[serde(deserialize_with = "optional_instant")]
    pub earliest: Option<DateTime<Utc>>,
    /// Every window has ended by then; the end of what is known and forecast unless said.
    #[serde(deserialize_with = "optional_instant")]
    pub deadline: Option<DateTime<Utc>>,
    /// Whether a window is one piece; true unless said.
    pub contiguous: Option<bool>,
    /// Energy used during a window; savings are then given in EUR too.
    #[param(minimum = 0.0, maximum = 100_000.0)]
    pub energy_kwh: Option<f64>,
}

/// An uninterrupted stretch of a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Block {
    /// Start.
    pub from: DateTime<Utc>,
    /// End.
    pub to: DateTime<Utc>,
}

/// A cheap time to run something.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Window {
    /// Start of its first block.
    pub from: DateTime<Utc>,
    /// End of its last block.
    pub to: DateTime<Utc>,
    /// Its uninterrupted stretches; one when it is contiguous.
    pub blocks: Vec<Block>,
    /// Mean price, weighted by time.
    pub mean_price_eur_mwh: f64,
    /// What the mean rests on.
    pub provenance: Provenance,
    /// Mean price when started at once minus that of the window; absent where prices for now are missing.
    pub saving_vs_now_eur_mwh: Option<f64>,
    /// Mean price of the window's local day minus that of the window.
    pub saving_vs_day_mean_eur_mwh: Option<f64>,
    /// Difference from the mean of the window's local day in percent, negative when cheaper; absent
    /// where that mean is not positive.
    pub vs_day_mean_percent: Option<f64>,
    /// `saving_vs_now_eur_mwh` times the energy asked about.
    pub saving_vs_now_eur: Option<f64>,
    /// `saving_vs_day_mean_eur_mwh` times the energy asked about.
    pub saving_vs_day_mean_eur: Option<f64>,
}

/// A duration in ISO 8601 form without calendar units, e.g. `PT3H`, `PT1H30M`, `P1DT2H`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct IsoDuration(pub Duration);

impl TryFrom<String> for IsoDuration {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        parse(&text)
            .filter(|seconds| (1..=7 * 86_400).contains(seconds))
            .map(|seconds| Self(Duration::seconds(seconds)))
            .ok_or_else(|| {
                format!("'{text}' is not an ISO 8601 duration from PT1S to P7D, such as PT3H")
            })
    }
}

/// Seconds of `P[nD][T[nH][nM][nS]]`; at least one part, in this order, whole numbers.
fn parse(text: &str) -> Option<i64> {
    let rest = text.strip_prefix('P')?;
    let (days, time) = match rest.split_once('T') {
        Some((days, time)) if !time.is_empty() => (days, time),
        Some(_) => return None,
        None => (rest, ""),
    };
    let mut total: i64 = 0;
    let mut parts = 0;
    for (mut section, units) in
        [(days, &[('D', 86_400)][..]), (time, &[('H', 3_600), ('M', 60), ('S', 1)][..])]
    {
        for (unit, seconds) in units {
            let Some((number, after)) = section.split_once(*unit) else { continue };
            if number.is_empty() || number.len() > 9 || !number.bytes().all(|b| b.is_ascii_digit())
            {
                return None;
            }
            total += number.parse::<i64>().ok()? * seconds;
            section = after;
            parts += 1;
        }
        if !section.is_empty() {
            return None;
        }
    }
    (parts > 0).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_or_refused() {
        for (text, seconds) in [
            ("PT3H", 10_800),
            ("PT1H30M", 5_400),
            ("P1DT2H", 93_600),
            ("PT45S", 45),
            ("P7D", 604_800),
        ] {
            let read = IsoDuration::try_from(text.to_owned()).unwrap();
            assert_eq!(read.0.num_seconds(), seconds, "{text}");
        }
        for text in
            ["", "P", "PT", "3H", "PT-3H", "PT3", "PTH", "PT1M1H", "P8D", "PT0S", "PT1.5H", "P1W"]
        {
            assert!(IsoDuration::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
