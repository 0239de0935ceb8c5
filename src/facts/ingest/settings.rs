//! The `[sources]` section.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::base::ids::Market;
use crate::facts::tariffs;

/// Longest history that a fresh box asks for, in days.
const HISTORY_DAYS_MAX: u16 = 3_600;

/// Whom Luna asks for data.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether sources are asked at all.
    pub enabled: bool,
    /// Markets whose prices, forecasts and weather are fetched.
    pub markets: Vec<Market>,
    /// Days of history that a fresh box fetches.
    pub history_days: u16,
    /// Whether weather forecasts are fetched; the free service is for non-commercial use.
    pub weather: bool,
    /// Whether exchange rates are fetched.
    pub rates: bool,
    /// Where Energy-Charts answers.
    pub energy_charts_url: String,
    /// Where ENTSO-E answers.
    pub entsoe_url: String,
    /// Where Open-Meteo answers.
    pub open_meteo_url: String,
    /// Where Open-Meteo keeps what was forecast some weeks ago and earlier.
    pub open_meteo_history_url: String,
    /// Where the European Central Bank keeps its rates.
    pub ecb_url: String,
    /// Token of an account at ENTSO-E; without one it is not asked.
    #[serde(skip)]
    pub entsoe_token: Option<SecretString>,
    /// Which tariffs are fetched; what their own section says.
    #[serde(skip)]
    pub tariffs: tariffs::Settings,
}

/// Where Energy-Charts is at home.
pub(super) const ENERGY_CHARTS: &str = "https://api.energy-charts.info";
/// Where ENTSO-E is at home.
pub(super) const ENTSOE: &str = "https://web-api.tp.entsoe.eu/api";
/// Where Open-Meteo is at home.
pub(super) const OPEN_METEO: &str = "https://api.open-meteo.com";
/// Where Open-Meteo keeps old forecasts.
pub(super) const OPEN_METEO_HISTORY: &str = "https://historical-forecast-api.open-meteo.com";
/// Where the European Central Bank is at home.
pub(super) const ECB: &str = "https://www.ecb.europa.eu/stats/eurofxref";

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            markets: Market::parse("CH").into_iter().collect(),
            history_days: 400,
            weather: true,
            rates: true,
            energy_charts_url: ENERGY_CHARTS.to_owned(),
            entsoe_url: ENTSOE.to_owned(),
            open_meteo_url: OPEN_METEO.to_owned(),
            open_meteo_history_url: OPEN_METEO_HISTORY.to_owned(),
            ecb_url: ECB.to_owned(),
            entsoe_token: None,
            tariffs: tariffs::Settings::default(),
        }
    }
}

impl Settings {
    /// Who is asked with these settings, by name and address.
    pub fn addresses(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("energy_charts", self.energy_charts_url.as_str(), true),
            ("entsoe", self.entsoe_url.as_str(), self.entsoe_token.is_some()),
            ("open_meteo", self.open_meteo_url.as_str(), self.weather),
            ("ecb", self.ecb_url.as_str(), self.rates),
        ];
        let asked = all.into_iter().filter(|(_, _, is_asked)| *is_asked);
        asked.map(|(name, url, _)| (name, url)).chain(self.tariffs.addresses()).collect()
    }

    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let mut all = Vec::new();
        let days = self.history_days;
        if !(2..=HISTORY_DAYS_MAX).contains(&days) {
            all.push(format!("history_days = {days} is not between 2 and {HISTORY_DAYS_MAX}"));
        }
        let urls = [
            ("energy_charts_url", &self.energy_charts_url),
            ("entsoe_url", &self.entsoe_url),
            ("open_meteo_url", &self.open_meteo_url),
            ("open_meteo_history_url", &self.open_meteo_history_url),
            ("ecb_url", &self.ecb_url),
        ];
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
