//! aWATTar: hourly day-ahead prices of Austria and Germany without a key, when the others have none.
//!
//! Licence: free to use, at most 100 requests a day and address. Prices of the next day appear at about
//! 14:00. Instants are UTC in milliseconds since 1970 and come as start and end. The auction is made in
//! quarter hours since October 2025: what is told here is the hour, so that a source of quarter hours
//! goes first. What is not published yet is just not there.

use chrono::DateTime;
use serde::Deserialize;

use crate::base::ids::Product;
use crate::facts::ingest::Subject;
use crate::facts::ingest::model::{Ask, Quote, ReadError, Reading};
use crate::facts::ingest::settings::{AWATTAR_AT, AWATTAR_DE, Settings};
use crate::facts::ingest::source::{Request, Source, kind, quoted, reach, refusal};

/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;

/// The connector.
pub(super) struct Awattar;

#[derive(Deserialize)]
struct Answer {
    data: Vec<Row>,
    /// The path that was asked, with the country.
    url: Option<String>,
}

#[derive(Deserialize)]
struct Row {
    start_timestamp: i64,
    end_timestamp: i64,
    marketprice: Option<f64>,
    unit: String,
}

impl Source for Awattar {
    fn name(&self) -> &'static str {
        "awattar"
    }

    fn what(&self) -> &'static str {
        "Day-ahead prices of Austria and Germany by the hour"
    }

    fn attribution(&self) -> &'static str {
        "aWATTar, prices of EPEX Spot"
    }

    fn subjects(&self, settings: &Settings) -> Vec<Subject> {
        let known = settings.markets.iter().filter(|market| country(market.code()).is_some());
        known.cloned().map(Subject::Prices).collect()
    }

    fn days_max(&self, _: &Subject) -> i64 {
        100
    }

    fn pause_s(&self) -> u64 {
        10
    }

    fn needs(&self, settings: &Settings) -> Option<String> {
        (!settings.awattar).then(|| "Set sources.awattar = true.".to_owned())
    }

    fn request(&self, settings: &Settings, ask: &Ask) -> Option<Request> {
        let Subject::Prices(market) = &ask.subject else { return None };
        let (base, usual) = match country(market.code())? {
            "at" => (&settings.awattar_at_url, AWATTAR_AT),
            _ => (&settings.awattar_de_url, AWATTAR_DE),
        };
        let base = base.trim_end_matches('/');
        let (from, to) = (ask.range.from.timestamp_millis(), ask.range.to.timestamp_millis());
        Some(Request {
            url: format!("{base}/v1/marketdata?start={from}&end={to}"),
            secret: None,
            reach: reach(base, usual),
            accept: None,
            sifting: None,
        })
    }

    fn read(&self, status: u16, body: &[u8], ask: &Ask) -> Result<Reading, ReadError> {
        if status != 200 {
            return Err(refusal(status, body));
        }
        let found = kind(body);
        if found != "JSON" {
            return Err(ReadError::NotExpected { expected: "JSON", found });
        }
        let answer: Answer =
            serde_json::from_slice(body).map_err(|error| ReadError::Broken(error.to_string()))?;
        let asked = ask.market().and_then(|market| country(market.code())).unwrap_or_default();
        let given = answer.url.as_deref().unwrap_or_default();
        let given = given.trim_start_matches('/').split('/').next().unwrap_or_default();
        if matches!(given, "at" | "de") && given != asked {
            let what = format!("asked for {}, answered for {given}", ask.subject);
            return Err(ReadError::Contradiction(what));
        }
        let quotes = answer.data.iter().map(quote).collect::<Result<Vec<_>, _>>()?;
        Ok(Reading { quotes, ..Reading::default() })
    }
}

/// The country of a market in the addresses of the source.
fn country(market: &str) -> Option<&'static str> {
    match market {
        "AT" => Some("at"),
        "DE-LU" => Some("de"),
        _ => None,
    }
}

fn quote(row: &Row) -> Result<Quote, ReadError> {
    if !row.unit.trim().eq_ignore_ascii_case("EUR/MWh") {
        let given = quoted(row.unit.as_bytes());
        return Err(ReadError::WrongUnit { given, expected: "EUR/MWh" });
    }
    let start = row.start_timestamp;
    let ts = DateTime::from_timestamp_millis(start)
        .ok_or_else(|| ReadError::Broken(format!("{start} is no instant")))?;
    if row.end_timestamp.checked_sub(start) != Some(HOUR_MS) {
        return Err(ReadError::Contradiction(format!("the price of {ts} is not of an hour")));
    }
    Ok(Quote { ts, product: Product::DayAhead, price: row.marketprice })
}
