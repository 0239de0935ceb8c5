//! The `[sources]` section.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::points::{PointId, Points};
use super::subject::StationId;
use crate::base::ids::Market;
use crate::facts::tariffs;

/// Longest history that a fresh box asks for, in days.
const HISTORY_DAYS_MAX: u16 = 3_600;

/// Whom Luna asks for data.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each source is switched on by itself")]
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
    /// Whether aWATTar may be asked for prices of AT and DE-LU when the others have none.
    pub awattar: bool,
    /// Whether the statistics of the Swiss Federal Office of Energy are fetched.
    pub bfe: bool,
    /// Whether the yearly energy overview of Swissgrid is fetched.
    pub swissgrid: bool,
    /// Weather stations of MeteoSwiss whose measured hours are fetched.
    pub meteoswiss_stations: Vec<StationId>,
    /// Places whose local forecast of MeteoSwiss is fetched; about 100 MB each time, however many.
    pub meteoswiss_points: Vec<PointId>,
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
    /// Where aWATTar answers about Austria.
    pub awattar_at_url: String,
    /// Where aWATTar answers about Germany.
    pub awattar_de_url: String,
    /// Where the Swiss Federal Office of Energy keeps its files.
    pub bfe_url: String,
    /// Where MeteoSwiss keeps the files of its stations.
    pub meteoswiss_url: String,
    /// Where MeteoSwiss lists the files of its local forecast.
    pub meteoswiss_forecast_url: String,
    /// Where Swissgrid keeps its energy overviews.
    pub swissgrid_url: String,
    /// Where the linked data of the Confederation answer about the tariffs of municipalities.
    pub elcom_url: String,
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
/// Where aWATTar is at home in Austria.
pub(super) const AWATTAR_AT: &str = "https://api.awattar.at";
/// Where aWATTar is at home in Germany.
pub(super) const AWATTAR_DE: &str = "https://api.awattar.de";
/// Where the Swiss Federal Office of Energy is at home.
pub(super) const BFE: &str = "https://www.bfe-ogd.ch";
/// Where MeteoSwiss keeps the files of its stations.
pub(super) const METEOSWISS: &str = "https://data.geo.admin.ch/ch.meteoschweiz.ogd-smn";
/// Where MeteoSwiss lists the files of its local forecast.
pub(super) const METEOSWISS_FORECAST: &str =
    "https://data.geo.admin.ch/api/stac/v1/collections/ch.meteoschweiz.ogd-local-forecasting";
/// Where Swissgrid keeps its energy overviews.
pub(super) const SWISSGRID: &str = "https://www.swissgrid.ch/dam/dataimport/energy-statistic";
/// Where the linked data of the Confederation answer.
pub(super) const ELCOM: &str = "https://lindas.admin.ch/query";

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            markets: Market::parse("CH").into_iter().collect(),
            history_days: 400,
            weather: true,
            rates: true,
            awattar: true,
            bfe: true,
            swissgrid: true,
            meteoswiss_stations: Vec::new(),
            meteoswiss_points: Vec::new(),
            energy_charts_url: ENERGY_CHARTS.to_owned(),
            entsoe_url: ENTSOE.to_owned(),
            open_meteo_url: OPEN_METEO.to_owned(),
            open_meteo_history_url: OPEN_METEO_HISTORY.to_owned(),
            ecb_url: ECB.to_owned(),
            awattar_at_url: AWATTAR_AT.to_owned(),
            awattar_de_url: AWATTAR_DE.to_owned(),
            bfe_url: BFE.to_owned(),
            meteoswiss_url: METEOSWISS.to_owned(),
            meteoswiss_forecast_url: METEOSWISS_FORECAST.to_owned(),
            swissgrid_url: SWISSGRID.to_owned(),
            elcom_url: ELCOM.to_owned(),
            entsoe_token: None,
            tariffs: tariffs::Settings::default(),
        }
    }
}

impl Settings {
    /// Who is asked with these settings, by name and address.
    pub fn addresses(&self) -> Vec<(&'static str, &str)> {
        let is_kept = |code: &str| self.markets.iter().any(|market| market.code() == code);
        let all = [
            ("energy_charts", self.energy_charts_url.as_str(), true),
            ("entsoe", self.entsoe_url.as_str(), self.entsoe_token.is_some()),
            ("open_meteo", self.open_meteo_url.as_str(), self.weather),
            ("ecb", self.ecb_url.as_str(), self.rates),
            ("awattar", self.awattar_at_url.as_str(), self.awattar && is_kept("AT")),
            ("awattar", self.awattar_de_url.as_str(), self.awattar && is_kept("DE-LU")),
            ("bfe", self.bfe_url.as_str(), self.bfe && is_kept("CH")),
            ("meteoswiss", self.meteoswiss_url.as_str(), !self.meteoswiss_stations.is_empty()),
            (
                "meteoswiss_forecast",
                self.meteoswiss_forecast_url.as_str(),
                !self.meteoswiss_points.is_empty(),
            ),
            ("swissgrid", self.swissgrid_url.as_str(), self.swissgrid && is_kept("CH")),
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
            ("awattar_at_url", &self.awattar_at_url),
            ("awattar_de_url", &self.awattar_de_url),
            ("bfe_url", &self.bfe_url),
            ("meteoswiss_url", &self.meteoswiss_url),
            ("meteoswiss_forecast_url", &self.meteoswiss_forecast_url),
            ("swissgrid_url", &self.swissgrid_url),
            ("elcom_url", &self.elcom_url),
        ];
        for (key, url) in urls {
            if !url.starts_with("https://") && !url.starts_with("http://") || url.contains('?') {
                all.push(format!("{key} must be an address like https://host/path"));
            }
        }
        let points = self.meteoswiss_points.len();
        if points > Points::max() {
            let max = Points::max();
            all.push(format!("meteoswiss_points: {points} places are more than {max}"));
        }
        let made_up = self.markets.iter().filter(|market| market.is_simulated());
        all.extend(
            made_up.map(|market| format!("markets: {market} is simulated, nobody sells it")),
        );
        all
    }
}
