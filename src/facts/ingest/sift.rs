//! What of an answer is fit to be stored: whole days, each price once, nothing that nobody asked for.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use super::model::{Ask, Finding, Quote, ReadError};
use crate::base::ids::Product;
use crate::base::timeline::{day_range, local_date};

/// Prices by product, oldest first.
pub(super) type Sifted = BTreeMap<Product, Vec<(DateTime<Utc>, f64)>>;

/// The prices of `quotes` that may be stored at `now`, and what is odd about the rest.
///
/// A day whose delivery is not over comes whole or not at all: it will be complete later. A past day
/// with gaps stays as it is.
pub(super) fn sift(
    quotes: &[Quote],
    ask: &Ask,
    now: DateTime<Utc>,
) -> Result<(Sifted, Vec<Finding>), ReadError> {
    let zone = ask.subject.time_zone();
    let (mut outside, mut duplicates) = (0, 0);
    let mut days: BTreeMap<(Product, NaiveDate), BTreeMap<DateTime<Utc>, Option<f64>>> =
        BTreeMap::new();
    for Quote { ts, product, price } in quotes {
        if !ask.range.contains(*ts) {
            outside += 1;
            continue;
        }
        if ts.timestamp() % i64::from(product.interval_s()) != 0 {
            return Err(ReadError::Contradiction(format!("{ts} begins no {}", product.name())));
        }
        if price.is_some_and(|price| !price.is_finite()) {
            return Err(ReadError::Broken(format!("the price of {ts} is not a number")));
        }
        let day = days.entry((*product, local_date(*ts, zone))).or_default();
        match (day.insert(*ts, *price), price) {
            (None, _) | (Some(None), Some(_)) => {}
            (Some(before), now) if before == *now => duplicates += 1,
            (Some(_), _) => {
                return Err(ReadError::Contradiction(format!("{ts} has two different prices")));
            }
        }
    }
    let mut findings = Vec::new();
    findings.extend((outside > 0).then_some(Finding::Outside(outside)));
    findings.extend((duplicates > 0).then_some(Finding::Duplicates(duplicates)));
    let mut sifted = Sifted::new();
    for ((product, day), prices) in days {
        let range = day_range(day, zone);
        let expected = range.slots(product.interval_s()).count();
        let prices: Vec<(DateTime<Utc>, f64)> =
            prices.into_iter().filter_map(|(ts, price)| Some((ts, price?))).collect();
        let found = prices.len();
        if found > 1 && prices.iter().all(|(_, price)| *price == 0.0) {
            findings.push(Finding::AllZero { day });
            continue;
        }
        if found < expected && range.to > now {
            findings.push(Finding::Incomplete { day, product, found, expected });
            continue;
        }
        if found < expected {
            findings.push(Finding::Gaps { day, product, found, expected });
        }
        if found > 0 {
            sifted.entry(product).or_default().extend(prices);
        }
    }
    Ok((sifted, findings))
}
