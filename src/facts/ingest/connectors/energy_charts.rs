//! Energy-Charts of Fraunhofer ISE: day-ahead prices without a key.
//!
//! Licence: CC BY 4.0 from Bundesnetzagentur | SMARD.de for most zones, told with each answer. Prices
//! appear soon after the auction. Instants are UTC (version 1: Unix seconds; version 2: with offset)
//! and mark the start of delivery. The step is not told by version 1 and differs by zone and year; a
//! day without prices is a 404; a whole day of zeros has been seen. Rarely asked: a strict limit,
//! nowhere written down, answers 429.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::Value;

use crate::base::ids::Product;
use crate::base::timeline::local_date;
use crate::facts::ingest::Subject;
use crate::facts::ingest::model::{Ask, Quote, ReadError, Reading};
use crate::facts::ingest::settings::{ENERGY_CHARTS, Settings};
use crate::facts::ingest::source::{Request, Source, kind, quoted, reach, refusal};

/// The connector.
pub(super) struct EnergyCharts;

/// Flat arrays.
#[derive(Deserialize)]
struct First {
    unix_seconds: Vec<i64>,
    price: Vec<Option<f64>>,
    unit: String,
    #[serde(default)]
    license_info: Value,
}

/// Rows.
#[derive(Deserialize)]
struct Second {
    bidding_zone: Option<String>,
    unit: String,
    data: Vec<Row>,
    #[serde(default)]
    license: Value,
}

#[derive(Deserialize)]
struct Row {
    timestamp: String,
    values: BTreeMap<String, Option<f64>>,
}

impl Source for EnergyCharts {
    fn name(&self) -> &'static str {
        "energy_charts"
    }

    fn what(&self) -> &'static str {
        "Day-ahead prices"
    }

    fn attribution(&self) -> &'static str {
        "energy-charts.info, CC BY 4.0 from Bundesnetzagentur | SMARD.de"
    }

    fn subjects(&self, settings: &Settings) -> Vec<Subject> {
        settings.markets.iter().cloned().map(Subject::Prices).collect()
    }

    fn days_max(&self, _: &Subject) -> i64 {
        1_100
    }

    fn pause_s(&self) -> u64 {
        31
    }

    fn needs(&self, _: &Settings) -> Option<String> {
        None
    }

    fn request(&self, settings: &Settings, ask: &Ask) -> Option<Request> {
        let zone = zone(ask)?;
        let base = settings.energy_charts_url.trim_end_matches('/');
        let (from, to) = (ask.range.from.timestamp(), ask.range.to.timestamp() - 1);
        Some(Request {
            url: format!("{base}/price?bzn={zone}&start={from}&end={to}"),
            secret: None,
            reach: reach(base, ENERGY_CHARTS),
            accept: None,
            sifting: None,
        })
    }

    fn read(&self, status: u16, body: &[u8], ask: &Ask) -> Result<Reading, ReadError> {
        match status {
            200 => {}
            404 if quoted(body).to_ascii_lowercase().contains("no content") => {
                return Ok(Reading::default());
            }
            _ => return Err(refusal(status, body)),
        }
        let found = kind(body);
        if found != "JSON" {
            return Err(ReadError::NotExpected { expected: "JSON", found });
        }
        let broken = |error: serde_json::Error| ReadError::Broken(error.to_string());
        let value: Value = serde_json::from_slice(body).map_err(broken)?;
        if value.get("data").is_some() {
            second(serde_json::from_value(value).map_err(broken)?, ask)
        } else {
            first(serde_json::from_value(value).map_err(broken)?, ask)
        }
    }
}

/// What the source calls the market whose prices are asked for.
fn zone(ask: &Ask) -> Option<&'static str> {
    let Subject::Prices(market) = &ask.subject else { return None };
    match market.code() {
        "CH" => Some("CH"),
        "DE-LU" => Some("DE-LU"),
        "AT" => Some("AT"),
        "FR" => Some("FR"),
        "IT-NORTH" => Some("IT-North"),
        _ => None,
    }
}

fn first(answer: First, ask: &Ask) -> Result<Reading, ReadError> {
    let (times, prices) = (answer.unix_seconds, answer.price);
    if times.len() != prices.len() {
        let what = format!("{} instants and {} prices", times.len(), prices.len());
        return Err(ReadError::Contradiction(what));
    }
    let rows = times.into_iter().zip(prices).map(|(seconds, price)| {
        let ts = DateTime::from_timestamp(seconds, 0);
        let ts = ts.ok_or_else(|| ReadError::Broken(format!("{seconds} is no instant")))?;
        Ok((ts, price))
    });
    reading(rows, &answer.unit, &answer.license_info, ask)
}

fn second(answer: Second, ask: &Ask) -> Result<Reading, ReadError> {
    if let Some(given) = answer.bidding_zone
        && !zone(ask).is_some_and(|asked| asked.eq_ignore_ascii_case(&given))
    {
        let what = format!("asked for {}, answered for {}", ask.subject, quoted(given.as_bytes()));
        return Err(ReadError::Contradiction(what));
    }
    let rows = answer.data.into_iter().map(|Row { timestamp, values }| {
        let ts = DateTime::parse_from_rfc3339(&timestamp).map_err(|_| {
            ReadError::Broken(format!("'{}' is no instant", quoted(timestamp.as_bytes())))
        })?;
        let price = values.get("day_ahead_price").copied();
        let price = price.ok_or_else(|| ReadError::Broken("no day_ahead_price".to_owned()))?;
        Ok((ts.to_utc(), price))
    });
    reading(rows, &answer.unit, &answer.license, ask)
}

fn reading(
    rows: impl Iterator<Item = Result<(DateTime<Utc>, Option<f64>), ReadError>>,
    unit: &str,
    licence: &Value,
    ask: &Ask,
) -> Result<Reading, ReadError> {
    if unit.replace(' ', "") != "EUR/MWh" {
        let given = quoted(unit.as_bytes());
        return Err(ReadError::WrongUnit { given, expected: "EUR/MWh" });
    }
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let zone = ask.subject.time_zone();
    let products = products(rows.iter().map(|(ts, _)| *ts), zone)?;
    let quotes = rows.into_iter().filter_map(|(ts, price)| {
        let product = *products.get(&local_date(ts, zone))?;
        Some(Quote { ts, product, price })
    });
    Ok(Reading { quotes: quotes.collect(), licence: words(licence), ..Reading::default() })
}

/// The product of each local day, by the smallest step between its instants: the market time unit
/// changed between two days, never within one.
fn products(
    times: impl Iterator<Item = DateTime<Utc>>,
    zone: Tz,
) -> Result<BTreeMap<NaiveDate, Product>, ReadError> {
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    times.dedup();
    let mut smallest: BTreeMap<NaiveDate, Option<Duration>> = BTreeMap::new();
    let mut before: Option<DateTime<Utc>> = None;
    for ts in times {
        let day = local_date(ts, zone);
        let step = before.filter(|at| local_date(*at, zone) == day).map(|at| ts - at);
        let known = smallest.entry(day).or_default();
        *known = match (*known, step) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        before = Some(ts);
    }
    // A day with a single price has no step of its own.
    let usual = smallest.values().flatten().min().copied();
    let product = |(day, step): (NaiveDate, Option<Duration>)| {
        let seconds = step.or(usual).map(|step| step.num_seconds());
        let product = Product::ALL
            .iter()
            .find(|product| seconds == Some(i64::from(product.interval_s())))
            .copied();
        let what = || format!("prices of {day} are neither hourly nor quarter-hourly");
        Ok((day, product.ok_or_else(|| ReadError::Contradiction(what()))?))
    };
    smallest.into_iter().map(product).collect()
}

/// A licence as text or as whatever else the source makes of it.
fn words(licence: &Value) -> Option<String> {
    let text = match licence {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(quoted(text.as_bytes())).filter(|text| !text.is_empty())
}
