//! The unit in which a reader wants prices, and what a price of the exchange is in it.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::base::ids::Market;
use crate::base::timeline::local_date;
use crate::facts::rates::RateTable;

/// How prices are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Unit {
    /// Rappen for a kilowatt hour, as on a Swiss bill.
    #[serde(rename = "rp")]
    Rappen,
    /// Cents of a euro for a kilowatt hour.
    #[default]
    #[serde(rename = "ct")]
    Cents,
    /// Euro for a megawatt hour, as at the exchange.
    #[serde(rename = "eur")]
    EurMwh,
}

impl Unit {
    /// Every unit, in the order of the switch.
    pub const ALL: &'static [Self] = &[Self::Rappen, Self::Cents, Self::EurMwh];

    /// Name in cookies and links.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rappen => "rp",
            Self::Cents => "ct",
            Self::EurMwh => "eur",
        }
    }

    /// The unit of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|unit| unit.name() == name)
    }

    /// As people write it.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Rappen => "Rp./kWh",
            Self::Cents => "ct/kWh",
            Self::EurMwh => "EUR/MWh",
        }
    }
}

/// A unit with the rates that lead to it.
#[derive(Debug, Clone)]
pub struct Money {
    unit: Unit,
    /// Zone whose days have the rates.
    zone: Tz,
    rates: Option<RateTable>,
}

impl Money {
    /// The unit that `wanted` leads to for prices of `market` from `first` on: what the reader
    /// wants, else francs in Switzerland and euro elsewhere; euro where no rate is known from
    /// `first` on.
    pub fn new(
        wanted: Option<Unit>,
        market: &Market,
        rates: Option<RateTable>,
        first: DateTime<Utc>,
    ) -> Self {
        let zone = market.time_zone();
        let rates = rates.filter(|rates| rates.on(local_date(first, zone)).is_some());
        let home = if market.country() == "CH" { Unit::Rappen } else { Unit::Cents };
        let unit = match wanted.unwrap_or(home) {
            Unit::Rappen if rates.is_none() => Unit::Cents,
            unit => unit,
        };
        Self { unit, zone, rates }
    }

    /// The unit in force.
    pub const fn unit(&self) -> Unit {
        self.unit
    }

    /// The rates; `None` when francs are not on offer.
    pub const fn rates(&self) -> Option<&RateTable> {
        self.rates.as_ref()
    }

    /// What one EUR/MWh at `at` is in the unit.
    pub fn factor(&self, at: DateTime<Utc>) -> f64 {
        match self.unit {
            Unit::EurMwh => 1.0,
            Unit::Cents => 0.1,
            Unit::Rappen => 0.1 * self.chf_per_eur(at).unwrap_or(f64::NAN),
        }
    }

    /// Francs for one euro at `at`.
    pub fn chf_per_eur(&self, at: DateTime<Utc>) -> Option<f64> {
        let rates = self.rates.as_ref()?;
        Some(rates.on(local_date(at, self.zone))?.chf_per_eur)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::rates::Origin;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn market(code: &str) -> Market {
        Market::parse(code).unwrap()
    }

    fn published() -> RateTable {
        let origin = Origin::Published { source: "ecb".into(), attribution: String::new() };
        let rates = [("2026-03-26", 0.95), ("2026-03-27", 0.90)];
        let rates = rates.map(|(day, rate)| (day.parse().unwrap(), rate));
        RateTable::published(origin, &rates).unwrap()
    }

    #[test]
    fn each_local_day_has_its_rate() {
        let first = at("2026-03-25T23:00:00Z"); // midnight of the 26th in Zürich
        let money = Money::new(Some(Unit::Rappen), &market("CH"), Some(published()), first);
        // 100 EUR/MWh are 9.5 Rp./kWh until midnight, then 9.0.
        for (instant, rappen) in [
            ("2026-03-25T23:00:00Z", 9.5),
            ("2026-03-26T22:59:59Z", 9.5),
            ("2026-03-26T23:00:00Z", 9.0),
            ("2026-04-03T12:00:00Z", 9.0),
        ] {
            assert!((100.0 * money.factor(at(instant)) - rappen).abs() < 1e-12, "{instant}");
        }
    }

    #[test]
    fn francs_need_a_rate_and_are_what_the_swiss_see_first() {
        let (known, before) = (at("2026-03-26T12:00:00Z"), at("2026-03-24T12:00:00Z"));
        for (wanted, code, rates, first, unit) in [
            (None, "CH", Some(published()), known, Unit::Rappen),
            (None, "SIM-CH", Some(published()), known, Unit::Rappen),
            (None, "DE-LU", Some(published()), known, Unit::Cents),
            (None, "CH", None, known, Unit::Cents),
            (Some(Unit::Rappen), "CH", None, known, Unit::Cents),
            // Before the first rate nobody knows what a euro was worth.
            (Some(Unit::Rappen), "CH", Some(published()), before, Unit::Cents),
            (Some(Unit::Rappen), "CH", Some(RateTable::manual(0.9)), before, Unit::Rappen),
            (Some(Unit::Rappen), "DE-LU", Some(published()), known, Unit::Rappen),
            (Some(Unit::EurMwh), "CH", Some(published()), known, Unit::EurMwh),
        ] {
            let given = format!("{wanted:?} {code} {rates:?} {first}");
            let money = Money::new(wanted, &market(code), rates, first);
            assert_eq!(money.unit(), unit, "{given}");
        }
    }

    #[test]
    fn names_lead_back_to_units() {
        for unit in Unit::ALL {
            assert_eq!(Unit::parse(unit.name()), Some(*unit));
            assert_eq!(serde_json::to_value(unit).unwrap(), unit.name());
        }
        assert_eq!(Unit::parse("chf"), None);
    }
}
