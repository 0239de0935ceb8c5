//! Documents of auctions: the day-ahead prices among their series.

use roxmltree::Node;

use super::xml::{blocks, check_zone, children, step, text};
use super::zone;
use crate::base::ids::Product;
use crate::facts::ingest::model::{Ask, Finding, Quote, ReadError, Reading};
use crate::facts::ingest::source::quoted;

/// The prices of a document; series of other auctions are left out with a note.
pub(super) fn read(root: Node<'_, '_>, ask: &Ask) -> Result<Reading, ReadError> {
    let mut reading = Reading::default();
    for series in children(root, "TimeSeries") {
        if let Some(why) = other(series, ask)? {
            reading.findings.push(Finding::OtherSeries(why));
            continue;
        }
        let is_variable = text(series, "curveType") == Some("A03");
        for period in children(series, "Period") {
            let product = match step(period)? {
                Ok(3_600) => Product::DayAhead,
                Ok(900) => Product::DayAhead15min,
                Ok(seconds) => {
                    let why = format!("its steps last {seconds} s");
                    reading.findings.push(Finding::OtherSeries(why));
                    continue;
                }
                Err(written) => {
                    let why = format!("its resolution is {written}");
                    reading.findings.push(Finding::OtherSeries(why));
                    continue;
                }
            };
            let prices = blocks(period, product.interval_s(), is_variable, "price.amount")?;
            let quote = |(ts, price)| Quote { ts, product, price: Some(price) };
            reading.quotes.extend(prices.into_iter().map(quote));
        }
    }
    Ok(reading)
}

/// Why a series does not hold the prices asked for, if it does not.
fn other(series: Node<'_, '_>, ask: &Ask) -> Result<Option<String>, ReadError> {
    check_zone(series, "in_Domain.mRID", zone(&ask.subject))?;
    let sequence = text(series, "classificationSequence_AttributeInstanceComponent.position");
    if let Some(sequence) = sequence.filter(|sequence| *sequence != "1") {
        return Ok(Some(format!("it is of auction {}", quoted(sequence.as_bytes()))));
    }
    if let Some(contract) = text(series, "contract_MarketAgreement.type")
        && contract != "A01"
    {
        return Ok(Some(format!("its contract is {}", quoted(contract.as_bytes()))));
    }
    let currency = text(series, "currency_Unit.name").unwrap_or("no currency");
    let unit = text(series, "price_Measure_Unit.name").unwrap_or("no unit");
    if (currency, unit) != ("EUR", "MWH") {
        let given = quoted(format!("{currency}/{unit}").as_bytes());
        return Err(ReadError::WrongUnit { given, expected: "EUR/MWh" });
    }
    Ok(None)
}
