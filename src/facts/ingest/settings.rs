//! The `[sources]` section.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::base::ids::Market;

/// Longest history that a fresh box asks for, in days.
const HISTORY_DAYS_MAX: u16 = 3_600;

/// Whom Luna asks for prices.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether sources are asked at all.
    pub enabled: bool,
    /// Whose prices are fetched.
    pub markets: Vec<Market>,
    /// Days of history that a fresh box fetches.
    pub history_days: u16,
    /// Where Energy-Charts answers.
    pub energy_charts_url: String,
    /// Where ENTSO-E answers.
    pub entsoe_url: String,
    /// Token of an account at ENTSO-E; without one it is not asked.
    #[serde(skip)]
    pub entsoe_token: Option<SecretString>,
}

/// Where Energy-Charts is at home.
pub(super) const ENERGY_CHARTS: &str = "https://api.energy-charts.info";
/// Where ENTSO-E is at home.
pub(super) const ENTSOE: &str = "https://web-api.tp.entsoe.eu/api";

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            markets: Market::parse("CH").into_iter().collect(),
            history_days: 400,
            energy_charts_url: ENERGY_CHARTS.to_owned(),
            entsoe_url: ENTSOE.to_owned(),
            entsoe_token: None,
        }
    }
}

impl Settings {
    /// Who is asked with these settings, by name and address.
    pub fn addresses(&self) -> Vec<(&'static str, &str)> {
        let entsoe = ("entsoe", self.entsoe_url.as_str());
        let with_token = self.entsoe_token.is_some().then_some(entsoe);
        [("energy_charts", self.energy_charts_url.as_str())].into_iter().chain(with_token).collect()
    }

    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let mut all = Vec::new();
        let days = self.history_days;
        if !(2..=HISTORY_DAYS_MAX).contains(&days) {
            all.push(format!("history_days = {days} is not between 2 and {HISTORY_DAYS_MAX}"));
        }
        let urls =
            [("energy_charts_url", &self.energy_charts_url), ("entsoe_url", &self.entsoe_url)];
        for (key, url) in urls {
            if !url.starts_with("https://") && !url.starts_with("http://") || url.contains('?') {
                all.push(format!("{key} must be an address like https://host/path"));
            }
        }
        let made_up = self.markets.iter().filter(|market| market.is_simulated());
        all.extend(
            made_up.map(|market| format!("markets: {market} is simulated, nobody sells it")),
        );
        all
    }
}
