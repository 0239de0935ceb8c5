//! The switches of the page: links, so that they work without script and can be shared.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::model::PricesInput;
use crate::base::ids::{Market, Product};
use crate::base::timeline::{add_days, local_date};
use crate::surfaces::dashboards::format::Format;
use crate::surfaces::dashboards::pricing::Unit;

/// Days by which the period moves: a week, so that weekdays stay in their places.
const STEP_DAYS: i64 = 7;

/// One choice of a switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// What it says.
    pub label: String,
    /// Where it leads; empty when it cannot be chosen.
    pub href: String,
    /// Whether it is in force.
    pub current: bool,
}

/// A unit that can be chosen or not.
#[derive(Debug, Clone, Serialize)]
pub struct UnitChoice {
    /// Name in the link that keeps it.
    pub name: &'static str,
    /// As people write it.
    pub label: &'static str,
    /// Whether it is in force.
    pub current: bool,
    /// Whether it can be chosen.
    pub on_offer: bool,
}

/// The days that are shown and the ways to others.
#[derive(Debug, Clone, Serialize)]
pub struct PeriodLinks {
    /// `Sa 21.3. – Sa 4.4.`.
    pub label: String,
    /// A week earlier.
    pub earlier: String,
    /// A week later; empty when nothing can be there yet.
    pub later: String,
    /// The days around the present; empty when they are shown.
    pub present: String,
}

/// The address of the page for other choices.
fn address(
    path: &str,
    market: &Market,
    product: Option<Product>,
    from: Option<NaiveDate>,
) -> String {
    let mut pairs = vec![("market", market.code().to_owned())];
    pairs.extend(product.map(|product| ("product", product.name().to_owned())));
    pairs.extend(from.map(|from| ("from", from.to_string())));
    format!("{path}?{}", serde_urlencoded::to_string(pairs).unwrap_or_default())
}

/// The days that somebody chose stay when market or product change.
fn chosen(input: &PricesInput) -> Option<NaiveDate> {
    input.period.is_chosen.then_some(input.period.first)
}

/// The markets; none when there is only the one that is shown.
pub fn markets(input: &PricesInput) -> Vec<Choice> {
    let others = input.offers.iter().any(|offer| offer.market != input.market);
    let offers = input.offers.iter().filter(|_| others);
    offers
        .map(|offer| Choice {
            label: offer.market.code().to_owned(),
            href: address("/prices", &offer.market, None, chosen(input)),
            current: offer.market == input.market,
        })
        .collect()
}

/// The products of the market; none when there is only one.
pub fn products(input: &PricesInput, format: &Format) -> Vec<Choice> {
    let offer = input.offers.iter().find(|offer| offer.market == input.market);
    let products = offer.map(|offer| offer.products.as_slice()).unwrap_or_default();
    let several = products.iter().any(|product| *product != input.product);
    products
        .iter()
        .filter(|_| several)
        .map(|product| Choice {
            label: product_words(*product, format).to_owned(),
            href: address("/prices", &input.market, Some(*product), chosen(input)),
            current: *product == input.product,
        })
        .collect()
}

/// A product in words.
pub fn product_words(product: Product, format: &Format) -> &'static str {
    format.text(match product {
        Product::DayAhead => "product_hourly",
        Product::DayAhead15min => "product_quarter",
    })
}

/// The units, those in francs only where a rate is known.
pub fn units(input: &PricesInput) -> Vec<UnitChoice> {
    let money = &input.shown().money;
    Unit::ALL
        .iter()
        .map(|unit| UnitChoice {
            name: unit.name(),
            label: unit.symbol(),
            current: *unit == money.unit(),
            on_offer: *unit != Unit::Rappen || money.rates().is_some(),
        })
        .collect()
}

/// The ways to other days.
pub fn period(input: &PricesInput, format: &Format, now: DateTime<Utc>) -> PeriodLinks {
    let to = |first| address("/prices", &input.market, Some(input.product), first);
    let period = &input.period;
    let later = add_days(period.first, STEP_DAYS);
    // Behind today only what is published for tomorrow and the forecast follow.
    let is_ahead = later > local_date(now, input.present.zone);
    let values = [
        ("from", format.day_of_any_year(period.first)),
        ("to", format.day_of_any_year(period.last)),
    ];
    let values = values.each_ref().map(|(key, text)| (*key, text.as_str()));
    PeriodLinks {
        label: format.fill("period", &values),
        earlier: to(Some(add_days(period.first, -STEP_DAYS))),
        later: if is_ahead { String::new() } else { to(Some(later)) },
        present: if period.is_chosen { to(None) } else { String::new() },
    }
}

/// The same days as a file.
pub fn csv(input: &PricesInput) -> String {
    let period = &input.period;
    let days =
        [("to", period.last.to_string()), ("unit", input.shown().money.unit().name().into())];
    let rest = serde_urlencoded::to_string(days).unwrap_or_default();
    let address = address("/prices.csv", &input.market, Some(input.product), Some(period.first));
    format!("{address}&{rest}")
}
