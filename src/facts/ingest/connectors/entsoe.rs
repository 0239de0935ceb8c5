//! ENTSO-E Transparency Platform: day-ahead prices (A44) of every zone, with a token.
//!
//! Licence: free of charge under Regulation (EU) 543/2013, with the platform named. Prices appear
//! after the auction, before 14:00 as a rule. Instants are UTC and mark the start of delivery. In
//! variable blocks (A03) a price that repeats is left out; zones with a second auction publish it as
//! sequence 2, which is not the spot price; whole documents come that touch the days asked for.
//! «Nothing published» is an acknowledgement with reason 999, whatever the status.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use roxmltree::{Document, Node, ParsingOptions};

use crate::base::ids::Product;
use crate::base::timeline::TimeRange;
use crate::facts::ingest::model::{Ask, Finding, Quote, ReadError, Reading};
use crate::facts::ingest::settings::{ENTSOE, Settings};
use crate::facts::ingest::source::{Request, Source, kind, quoted, reach, refusal};

/// Nodes of the largest document that is read: a year of quarter hours has a tenth of it.
const NODES_MAX: u32 = 4_000_000;
/// Longest period of one series.
const PERIOD_DAYS_MAX: i64 = 400;
/// The reason «nothing published».
const NOTHING: &str = "999";

/// The connector.
pub(super) struct Entsoe;

impl Source for Entsoe {
    fn name(&self) -> &'static str {
        "entsoe"
    }

    fn what(&self) -> &'static str {
        "Day-ahead prices"
    }

    fn attribution(&self) -> &'static str {
        "ENTSO-E Transparency Platform"
    }

    fn days_max(&self) -> i64 {
        360
    }

    fn pause_s(&self) -> u64 {
        1
    }

    fn needs(&self, settings: &Settings) -> Option<String> {
        let needs = "Set LUNA_SOURCES__ENTSOE_TOKEN to the token of your account at ENTSO-E.";
        settings.entsoe_token.is_none().then(|| needs.to_owned())
    }

    fn request(&self, settings: &Settings, ask: &Ask) -> Option<Request> {
        let zone = zone(ask)?;
        let token = settings.entsoe_token.clone()?;
        // The documents at the edges may be incomplete.
        let wider = [ask.range.from - Duration::days(1), ask.range.to + Duration::days(1)];
        let [from, to] = wider.map(|at| at.format("%Y%m%d%H%M"));
        let base = settings.entsoe_url.as_str();
        Some(Request {
            url: format!(
                "{base}?documentType=A44&in_Domain={zone}&out_Domain={zone}\
                 &contract_MarketAgreement.type=A01&periodStart={from}&periodEnd={to}"
            ),
            secret: Some(("securityToken", token)),
            reach: reach(base, ENTSOE),
        })
    }

    fn read(&self, status: u16, body: &[u8], ask: &Ask) -> Result<Reading, ReadError> {
        let found = kind(body);
        if found != "XML" {
            let wrong = ReadError::NotExpected { expected: "XML", found };
            return Err(if status == 200 { wrong } else { refusal(status, body) });
        }
        let text = std::str::from_utf8(body)
            .map_err(|_| ReadError::Broken("it is not UTF-8".to_owned()))?;
        let options =
            ParsingOptions { allow_dtd: false, nodes_limit: NODES_MAX, ..Default::default() };
        let document = Document::parse_with_options(text.trim_start_matches('\u{feff}'), options)
            .map_err(|error| match status {
            200 => ReadError::Broken(error.to_string()),
            _ => refusal(status, body),
        })?;
        let root = document.root_element();
        match root.tag_name().name() {
            "Publication_MarketDocument" => publication(root, ask),
            "Acknowledgement_MarketDocument" => acknowledgement(root, status),
            _ if status != 200 => Err(refusal(status, body)),
            _ => Err(ReadError::NotExpected {
                expected: "a document of prices",
                found: "another document",
            }),
        }
    }
}

/// What the platform calls the market.
fn zone(ask: &Ask) -> Option<&'static str> {
    match ask.market.code() {
        "CH" => Some("10YCH-SWISSGRIDZ"),
        "DE-LU" => Some("10Y1001A1001A82H"),
        "AT" => Some("10YAT-APG------L"),
        "FR" => Some("10YFR-RTE------C"),
        "IT-NORTH" => Some("10Y1001A1001A73I"),
        _ => None,
    }
}

fn acknowledgement(root: Node<'_, '_>, status: u16) -> Result<Reading, ReadError> {
    let reason = child(root, "Reason");
    let said = |name| reason.and_then(|reason| text(reason, name)).unwrap_or_default();
    if said("code") == NOTHING {
        let what = said("text");
        if what.starts_with("No matching data") {
            return Ok(Reading::default());
        }
    }
    match status {
        429 => Err(ReadError::TooOften),
        _ => Err(ReadError::Refused { status, reason: quoted(said("text").as_bytes()) }),
    }
}

fn publication(root: Node<'_, '_>, ask: &Ask) -> Result<Reading, ReadError> {
    let mut reading = Reading::default();
    for series in root.children().filter(|node| node.tag_name().name() == "TimeSeries") {
        if let Some(why) = other(series, ask)? {
            reading.findings.push(Finding::OtherSeries(why));
            continue;
        }
        let is_variable = text(series, "curveType") == Some("A03");
        for period in series.children().filter(|node| node.tag_name().name() == "Period") {
            match product(period)? {
                Ok(product) => quotes(period, product, is_variable, &mut reading.quotes)?,
                Err(resolution) => reading
                    .findings
                    .push(Finding::OtherSeries(format!("its resolution is {resolution}"))),
            }
        }
    }
    Ok(reading)
}

/// Why a series does not hold the prices asked for, if it does not.
fn other(series: Node<'_, '_>, ask: &Ask) -> Result<Option<String>, ReadError> {
    if let Some(given) = text(series, "in_Domain.mRID")
        && zone(ask) != Some(given)
    {
        let what = format!("asked for {}, answered for {}", ask.market, quoted(given.as_bytes()));
        return Err(ReadError::Contradiction(what));
    }
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
        let unit = quoted(format!("{currency}/{unit}").as_bytes());
        return Err(ReadError::WrongUnit(unit));
    }
    Ok(None)
}

/// The product of a period, or its resolution when there is no such product.
fn product(period: Node<'_, '_>) -> Result<Result<Product, String>, ReadError> {
    match needed(period, "resolution")? {
        "PT60M" | "PT1H" => Ok(Ok(Product::DayAhead)),
        "PT15M" => Ok(Ok(Product::DayAhead15min)),
        other => Ok(Err(quoted(other.as_bytes()))),
    }
}

/// The prices of one period; in variable blocks one that is left out repeats the one before.
fn quotes(
    period: Node<'_, '_>,
    product: Product,
    is_variable: bool,
    quotes: &mut Vec<Quote>,
) -> Result<(), ReadError> {
    let interval = child(period, "timeInterval")
        .ok_or_else(|| ReadError::Broken("a period has no timeInterval".to_owned()))?;
    let range = TimeRange::new(instant(interval, "start")?, instant(interval, "end")?);
    let length = range.length();
    let step = i64::from(product.interval_s());
    if length > Duration::days(PERIOD_DAYS_MAX) || length.num_seconds() % step != 0 {
        let what = format!("a period lasts from {} to {}", range.from, range.to);
        return Err(ReadError::Contradiction(what));
    }
    let steps = usize::try_from(length.num_seconds() / step).unwrap_or_default();
    let points = points(period, steps)?;
    if is_variable && steps > 0 && !points.contains_key(&1) {
        return Err(ReadError::Contradiction("a period begins without a price".to_owned()));
    }
    let mut last = None;
    for (position, ts) in (1..).zip(range.slots(product.interval_s())) {
        let own = points.get(&position).copied();
        last = if is_variable { own.or(last) } else { own };
        quotes.extend(last.map(|price| Quote { ts, product, price: Some(price) }));
    }
    Ok(())
}

/// The prices that a period names, by position from 1 on.
fn points(period: Node<'_, '_>, steps: usize) -> Result<BTreeMap<usize, f64>, ReadError> {
    let mut points = BTreeMap::new();
    for point in period.children().filter(|node| node.tag_name().name() == "Point") {
        let position = needed(point, "position")?;
        let price = needed(point, "price.amount")?;
        // Thousands come with a comma now and then.
        let position = match position.replace(',', "").parse() {
            Ok(position) if (1..=steps).contains(&position) => position,
            _ => {
                let what = format!("position {} of {steps}", quoted(position.as_bytes()));
                return Err(ReadError::Contradiction(what));
            }
        };
        let price =
            price.parse::<f64>().ok().filter(|price| price.is_finite()).ok_or_else(|| {
                ReadError::Broken(format!("'{}' is no price", quoted(price.as_bytes())))
            })?;
        if points.insert(position, price).is_some_and(|before| (before - price).abs() > 0.0) {
            let what = format!("position {position} has two different prices");
            return Err(ReadError::Contradiction(what));
        }
    }
    Ok(points)
}

/// Child of this local name: the version in the namespace changes.
fn child<'a, 'd>(node: Node<'a, 'd>, name: &str) -> Option<Node<'a, 'd>> {
    node.children().find(|child| child.tag_name().name() == name)
}

fn text<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    child(node, name)?.text().map(str::trim)
}

fn needed<'a>(node: Node<'a, '_>, name: &str) -> Result<&'a str, ReadError> {
    let what = || format!("a {} has no {name}", node.tag_name().name());
    text(node, name).ok_or_else(|| ReadError::Broken(what()))
}

/// An instant of minutes, `2026-07-01T22:00Z`.
fn instant(node: Node<'_, '_>, name: &str) -> Result<DateTime<Utc>, ReadError> {
    let written = needed(node, name)?;
    let what = || ReadError::Broken(format!("'{}' is no instant", quoted(written.as_bytes())));
    let minutes = NaiveDateTime::parse_from_str(written, "%Y-%m-%dT%H:%MZ");
    minutes.map(|at| at.and_utc()).map_err(|_| what())
}
