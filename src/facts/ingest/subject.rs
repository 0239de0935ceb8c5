//! What a source can be asked about, and how it is written in commands, logs and the archive.

use std::fmt;
use std::str::FromStr;

use chrono_tz::Tz;
use serde::{Serialize, Serializer};

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
            | Self::Weather(market) => Some(market),
            Self::Rates | Self::Tariff(_) => None,
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
        }
    }
}

impl FromStr for Subject {
    type Err = UnknownSubject;

    fn from_str(text: &str) -> Result<Self, UnknownSubject> {
        let unknown = || UnknownSubject { given: text.to_owned() };
        let (kind, of) = text.split_once(':').ok_or_else(unknown)?;
        let market = || Market::parse(of).map_err(|_| unknown());
        match kind {
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
            Subject::Weather(at),
            Subject::Rates,
            Subject::Tariff(TariffId::parse("ekz:400D").unwrap()),
        ] {
            assert_eq!(subject.to_string().parse(), Ok(subject));
        }
        for text in ["", "tariff:400D", "AT", "price", "price:XX", "fx:CHF", "tide:AT"] {
            assert!(text.parse::<Subject>().is_err(), "{text}");
        }
    }
}
