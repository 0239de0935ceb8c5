//! Names of bidding zones and products as the outside writes them, in one canonical form.

use std::fmt;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A bidding zone or benchmark market, e.g. `CH`, `DE-LU`, `SIM-CH`, `EPF-DE`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "CH")]
pub struct Market(String);

/// A text that names no market.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{given}' is not a market; known are {}", Market::KNOWN.join(", "))]
pub struct UnknownMarket {
    /// What was written.
    pub given: String,
}

impl Market {
    /// Every market that can be named, in the order in which lists show them.
    pub const KNOWN: &'static [&'static str] = &[
        "CH", "DE-LU", "AT", "FR", "IT-NORTH", "SIM-CH", "EPF-DE", "EPF-BE", "EPF-FR", "EPF-NP",
        "EPF-PJM",
    ];

    /// The market of a code or one of its aliases (`DE_LU`, `de`, `DE-AT-LU`, `IT_NORD`).
    pub fn parse(text: &str) -> Result<Self, UnknownMarket> {
        let upper = text.trim().to_ascii_uppercase().replace('_', "-");
        let canonical = match upper.as_str() {
            "DE" | "DE-LU" | "DE-AT-LU" | "LU" => "DE-LU",
            "IT-NORTH" | "IT-NORD" | "IT" => "IT-NORTH",
            other => other,
        };
        Self::KNOWN
            .iter()
            .find(|known| **known == canonical)
            .map(|known| Self((*known).to_owned()))
            .ok_or_else(|| UnknownMarket { given: text.to_owned() })
    }

    /// The market of Luna's own simulation.
    pub fn sim_ch() -> Self {
        Self("SIM-CH".to_owned())
    }

    /// The code, e.g. `DE-LU`.
    pub fn code(&self) -> &str {
        &self.0
    }

    /// Zone in which the market's delivery days begin and end.
    pub fn time_zone(&self) -> Tz {
        match self.0.as_str() {
            "DE-LU" | "EPF-DE" => Tz::Europe__Berlin,
            "AT" => Tz::Europe__Vienna,
            "FR" | "EPF-FR" => Tz::Europe__Paris,
            "IT-NORTH" => Tz::Europe__Rome,
            "EPF-BE" => Tz::Europe__Brussels,
            "EPF-NP" => Tz::Europe__Oslo,
            "EPF-PJM" => Tz::America__New_York,
            _ => Tz::Europe__Zurich,
        }
    }

    /// Country whose public holidays shape the market's demand, as ISO 3166 code.
    pub fn country(&self) -> &'static str {
        match self.0.as_str() {
            "DE-LU" | "EPF-DE" => "DE",
            "AT" => "AT",
            "FR" | "EPF-FR" => "FR",
            "IT-NORTH" => "IT",
            "EPF-BE" => "BE",
            "EPF-NP" => "NO",
            "EPF-PJM" => "US",
            _ => "CH",
        }
    }

    /// Whether the values come from Luna's own simulation.
    pub fn is_simulated(&self) -> bool {
        self.0.starts_with("SIM-")
    }

    /// Name of the price series of a product, e.g. `price:CH:day_ahead`.
    pub fn price_series(&self, product: Product) -> String {
        format!("price:{}:{}", self.0, product.name())
    }
}

impl fmt::Display for Market {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Market {
    type Error = UnknownMarket;

    fn try_from(text: String) -> Result<Self, UnknownMarket> {
        Self::parse(&text)
    }
}

impl From<Market> for String {
    fn from(market: Market) -> Self {
        market.0
    }
}

impl std::str::FromStr for Market {
    type Err = UnknownMarket;

    fn from_str(text: &str) -> Result<Self, UnknownMarket> {
        Self::parse(text)
    }
}

/// Auction and market time unit of a price, e.g. `day_ahead` (hourly) or `day_ahead_15min`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Product {
    /// Day-ahead auction, 60-minute market time unit.
    DayAhead,
    /// Day-ahead auction, 15-minute market time unit (coupled market since 2025-10-01).
    #[serde(rename = "day_ahead_15min")]
    DayAhead15min,
}

impl Product {
    /// Every product, preferred ones first.
    pub const ALL: &'static [Self] = &[Self::DayAhead, Self::DayAhead15min];

    /// The name in tables, files and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DayAhead => "day_ahead",
            Self::DayAhead15min => "day_ahead_15min",
        }
    }

    /// Length of one market time unit, in seconds.
    pub const fn interval_s(self) -> i32 {
        match self {
            Self::DayAhead => 3_600,
            Self::DayAhead15min => 900,
        }
    }

    /// The product of a name in a table or a request.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|product| product.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_lead_to_one_code() {
        for (text, code) in
            [("DE_LU", "DE-LU"), ("de", "DE-LU"), ("it_nord", "IT-NORTH"), (" ch ", "CH")]
        {
            assert_eq!(Market::parse(text).unwrap().code(), code, "{text}");
        }
        let refusal = Market::parse("XX").unwrap_err().to_string();
        assert!(refusal.starts_with("'XX' is not a market; known are CH, DE-LU"), "{refusal}");
    }

    #[test]
    fn product_names_round_trip() {
        for product in Product::ALL {
            assert_eq!(Product::parse(product.name()), Some(*product));
            assert_eq!(serde_json::to_value(product).unwrap(), product.name());
        }
    }
}
