//! What a source can be asked about, and how it is written in commands, logs and the archive.

use std::fmt;
use std::str::FromStr;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize, Serializer};

use super::municipal::Municipality;
use super::points::Points;
use crate::base::ids::Market;
use crate::facts::tariffs::TariffId;

/// What a source is asked about, e.g. `price:CH`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// Day-ahead prices of a bidding zone, in EUR/MWh.
    Prices(Market),
    /// Day-ahead forecast of a zone's load, in MW.
    LoadForecast(Market),
    /// Day-ahead forecast of a zone's wind and solar generation, in MW.
    WindSolarForecast(Market),
    /// Measured load of a zone, in MW.
    Load(Market),
    /// Measured generation of a zone by kind of plant, in MW.
    Generation(Market),
    /// Weather forecast for a zone: the mean over places where its people live.
    Weather(Market),
    /// Reference rates of the euro.
    Rates,
    /// Prices of a retail tariff, in CHF/kWh.
    Tariff(TariffId),
    /// Statistics that an office publishes about the country of a market.
    Statistic(Statistic, Market),
    /// Hours that a weather station has measured since yesterday.
    Station(StationId),
    /// Hours that a weather station has measured up to yesterday, corrected where it was wrong.
    StationDays(StationId),
    /// Weather that is forecast hour by hour at places.
    LocalForecast(Points),
    /// Energy stored in the water of a zone's reservoirs, in `MWh`, week by week.
    Reservoirs(Market),
    /// What electricity costs in a municipality in a year; asked only when somebody wants to know.
    Municipality(Municipality),
}

/// What an office publishes about a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Statistic {
    /// Electricity consumed a day, in `GWh`.
    Consumption,
    /// Electricity produced a day by kind of plant, in `GWh`.
    Production,
    /// Energy in the storage lakes at the beginning of a week, in `GWh`.
    Reservoirs,
    /// Day-ahead price of a day's base load, in EUR/MWh.
    BasePrice,
    /// Electricity that crosses each border an hour or a day, in `MWh` or `GWh`.
    Exchange,
    /// Power that flows in the control area, into it and out of it, by the quarter hour, in MW.
    Overview,
}

impl Statistic {
    /// Every statistic.
    pub const ALL: [Self; 6] = [
        Self::Consumption,
        Self::Production,
        Self::Reservoirs,
        Self::BasePrice,
        Self::Exchange,
        Self::Overview,
    ];

    /// How it begins in the text of a subject.
    const fn name(self) -> &'static str {
        match self {
            Self::Consumption => "daily_consumption",
            Self::Production => "daily_production",
            Self::Reservoirs => "reservoirs",
            Self::BasePrice => "base_price",
            Self::Exchange => "exchange",
            Self::Overview => "energy_overview",
        }
    }
}

/// The short name of a weather station, e.g. `KLO`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StationId(String);

/// A text that is no short name of a weather station.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{given}' names no weather station; write its three letters, e.g. KLO or SMA")]
pub struct UnknownStation {
    /// What was written.
    pub given: String,
}

impl StationId {
    /// The station of a short name, in letters of either case.
    pub fn parse(text: &str) -> Result<Self, UnknownStation> {
        let name = text.trim().to_ascii_uppercase();
        let is_name = name.len() == 3 && name.bytes().all(|letter| letter.is_ascii_alphanumeric());
        if is_name { Ok(Self(name)) } else { Err(UnknownStation { given: text.to_owned() }) }
    }

    /// The short name, in capitals.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for StationId {
    type Error = UnknownStation;

    fn try_from(text: String) -> Result<Self, UnknownStation> {
        Self::parse(&text)
    }
}

impl From<StationId> for String {
    fn from(station: StationId) -> Self {
        station.0
    }
}

impl fmt::Display for StationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that names no subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{given}' is nothing that sources are asked about; write e.g. price:CH, weather:CH, fx:EUR or tariff:ekz:400D"
)]
pub struct UnknownSubject {
    /// What was written.
    pub given: String,
}

impl Subject {
    /// What it is, in words that a list can show.
    pub const fn what(&self) -> &'static str {
        match self {
            Self::Prices(_) => "Day-ahead prices",
            Self::LoadForecast(_) => "Load forecast",
            Self::WindSolarForecast(_) => "Wind and solar forecast",
            Self::Load(_) => "Load",
            Self::Generation(_) => "Generation",
            Self::Weather(_) => "Weather forecast",
            Self::Rates => "Exchange rates",
            Self::Tariff(_) => "Retail tariff",
            Self::Statistic(Statistic::Consumption, _) => "Electricity consumption a day",
            Self::Statistic(Statistic::Production, _) => "Electricity production a day",
            Self::Statistic(Statistic::Reservoirs, _) => "Content of the storage lakes",
            Self::Statistic(Statistic::BasePrice, _) => "Price of base load",
            Self::Statistic(Statistic::Exchange, _) => "Exchange across borders",
            Self::Statistic(Statistic::Overview, _) => "Energy overview of the control area",
            Self::LocalForecast(_) => "Weather forecast of places",
            Self::Reservoirs(_) => "Energy in reservoirs",
            Self::Station(_) => "Measured weather",
            Self::StationDays(_) => "Measured weather of past days",
            Self::Municipality(_) => "Tariffs of a municipality",
        }
    }

    /// The market it belongs to, if to one.
    pub const fn market(&self) -> Option<&Market> {
        match self {
            Self::Prices(market)
            | Self::LoadForecast(market)
            | Self::WindSolarForecast(market)
            | Self::Load(market)
            | Self::Generation(market)
            | Self::Weather(market)
            | Self::Reservoirs(market)
            | Self::Statistic(_, market) => Some(market),
            Self::Rates
            | Self::Tariff(_)
            | Self::Station(_)
            | Self::StationDays(_)
            | Self::LocalForecast(_)
            | Self::Municipality(_) => None,
        }
    }

    /// On whose clocks its days begin and end.
    pub fn time_zone(&self) -> Tz {
        match self {
            // The central bank that publishes them is in Frankfurt.
            Self::Rates => Tz::Europe__Berlin,
            other => other.market().map_or(Tz::Europe__Zurich, Market::time_zone),
        }
    }

    /// Whether prices follow from it at once, so that it may not wait behind anything else.
    pub const fn is_price(&self) -> bool {
        matches!(self, Self::Prices(_))
    }

    /// Whether it is what a kilowatt hour costs at home.
    pub const fn is_tariff(&self) -> bool {
        matches!(self, Self::Tariff(_))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prices(market) => write!(f, "price:{market}"),
            Self::LoadForecast(market) => write!(f, "load_forecast:{market}"),
            Self::WindSolarForecast(market) => write!(f, "wind_solar_forecast:{market}"),
            Self::Load(market) => write!(f, "load:{market}"),
            Self::Generation(market) => write!(f, "generation:{market}"),
            Self::Weather(market) => write!(f, "weather:{market}"),
            Self::Rates => f.write_str("fx:EUR"),
            Self::Tariff(id) => write!(f, "tariff:{id}"),
            Self::Statistic(statistic, market) => write!(f, "{}:{market}", statistic.name()),
            Self::Station(station) => write!(f, "station:{station}"),
            Self::StationDays(station) => write!(f, "station_days:{station}"),
            Self::LocalForecast(points) => write!(f, "local_forecast:{points}"),
            Self::Reservoirs(market) => write!(f, "water_reservoirs:{market}"),
            Self::Municipality(of) => write!(f, "elcom:{of}"),
        }
    }
}

impl FromStr for Subject {
    type Err = UnknownSubject;

    fn from_str(text: &str) -> Result<Self, UnknownSubject> {
        let unknown = || UnknownSubject { given: text.to_owned() };
        let (kind, of) = text.split_once(':').ok_or_else(unknown)?;
        let market = || Market::parse(of).map_err(|_| unknown());
        let station = || StationId::parse(of).map_err(|_| unknown());
        if let Some(statistic) = Statistic::ALL.into_iter().find(|one| one.name() == kind) {
            return Ok(Self::Statistic(statistic, market()?));
        }
        match kind {
            "station" => Ok(Self::Station(station()?)),
            "elcom" => of.parse().map(Self::Municipality).map_err(|_| unknown()),
            "station_days" => Ok(Self::StationDays(station()?)),
            "local_forecast" => of.parse().map(Self::LocalForecast).map_err(|_| unknown()),
            "water_reservoirs" => Ok(Self::Reservoirs(market()?)),
            "price" => Ok(Self::Prices(market()?)),
            "load_forecast" => Ok(Self::LoadForecast(market()?)),
            "wind_solar_forecast" => Ok(Self::WindSolarForecast(market()?)),
            "load" => Ok(Self::Load(market()?)),
            "generation" => Ok(Self::Generation(market()?)),
            "weather" => Ok(Self::Weather(market()?)),
            "tariff" => TariffId::parse(of).map(Self::Tariff).map_err(|_| unknown()),
            "fx" if of.eq_ignore_ascii_case("EUR") => Ok(Self::Rates),
            _ => Err(unknown()),
        }
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_read_as_they_are_written() {
        let at = Market::parse("AT").unwrap();
        for subject in [
            Subject::Prices(at.clone()),
            Subject::LoadForecast(at.clone()),
            Subject::WindSolarForecast(at.clone()),
            Subject::Load(at.clone()),
            Subject::Generation(at.clone()),
            Subject::Weather(at.clone()),
            Subject::Rates,
            Subject::Statistic(Statistic::Consumption, at.clone()),
            Subject::Statistic(Statistic::Production, at.clone()),
            Subject::Statistic(Statistic::Reservoirs, at.clone()),
            Subject::Statistic(Statistic::BasePrice, at.clone()),
            Subject::Statistic(Statistic::Exchange, at.clone()),
            Subject::Statistic(Statistic::Overview, at.clone()),
            Subject::Reservoirs(at),
            Subject::LocalForecast("1-48,8001".parse().unwrap()),
            Subject::Station(StationId::parse("klo").unwrap()),
            Subject::StationDays(StationId::parse("KLO").unwrap()),
            Subject::Municipality(Municipality::new(261, 2026).unwrap()),
            Subject::Tariff(TariffId::parse("ekz:400D").unwrap()),
        ] {
            assert_eq!(subject.to_string().parse(), Ok(subject));
        }
        for text in [
            "",
            "tariff:400D",
            "AT",
            "price",
            "price:XX",
            "fx:CHF",
            "tide:AT",
            "station:../x",
            "reservoirs",
            "elcom:0:2026",
            "elcom:261",
            "local_forecast:",
            "local_forecast:8001,",
        ] {
            assert!(text.parse::<Subject>().is_err(), "{text}");
        }
    }
}
