//! Sources against a real server on this box: well-behaved, hostile, away. All prices are made up.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, NaiveDate, Utc};

mod prices; // well-behaved, hostile, away, restated
mod grid; // load and generation
mod weather; // forecasts that are made anew, rates, back-fills
mod tariffs; // what a kilowatt hour costs at home
mod fallback; // prices by the hour when the others have none
mod office; // statistics in files of a whole history
mod stations; // measured weather
mod municipality; // tariffs of municipalities
mod local_forecast; // large files of which rows are kept
mod overview; // workbooks of the control area
mod reservoirs; // weeks
mod anything; // bytes that make no sense

use super::connectors::ALL;
use super::model::{Ask, Finding, ReadError, Reading};
use super::sift::sift;
use super::source::Source;
use super::*;
use crate::base::ids::{Market, Product};
use crate::base::timeline::{TimeRange, days_range};
use crate::facts::market::Quality;
use crate::facts::quality::Filter;
use crate::platform::jobs::{NewJob, Runner};
use crate::platform::runtime::Tasks;
use crate::platform::web::Role;
use crate::testing::{Server, TestApp, ch, utc};

const TOKEN: &str = "c4n4ry-token";

/// A box that asks `server`, as both sources; 13:05 in Zürich, on the day before the clock goes forward.
async fn app(server: &Server) -> TestApp {
    let url = server.url.clone();
    TestApp::with(utc("2026-03-28T12:05:00Z"), move |settings| {
        settings.ingest.enabled = true;
        settings.ingest.history_days = 3;
        (settings.ingest.weather, settings.ingest.rates) = (false, false);
        settings.ingest.energy_charts_url = format!("{url}/ec");
        settings.ingest.entsoe_url = format!("{url}/entsoe");
        settings.ingest.entsoe_token = Some(TOKEN.into());
        settings.simulation.enabled = false;
    })
    .await
}

/// The question about day-ahead prices of Switzerland.
fn ask(range: TimeRange) -> Ask {
    Ask { subject: prices_of_ch(), range, at: utc("2026-03-28T12:05:00Z") }
}

fn prices_of_ch() -> Subject {
    Subject::Prices(ch())
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn range(first: &str, last: &str) -> TimeRange {
    days_range(day(first), day(last), ch().time_zone())
}

/// Flat arrays with a price for each slot.
fn first_form(range: TimeRange, step: i32, price: impl Fn(usize) -> Option<f64>) -> String {
    let times: Vec<i64> = range.slots(step).map(|ts| ts.timestamp()).collect();
    let prices: Vec<Option<f64>> = (0..times.len()).map(price).collect();
    serde_json::json!({"license_info": "CC BY 4.0", "unix_seconds": times, "price": prices,
        "unit": "EUR / MWh", "deprecated": false})
    .to_string()
}

/// What Energy-Charts would answer to a request: hourly prices of the days asked for.
fn energy_charts(line: &str) -> String {
    let number = |name: &str| {
        let rest = line.split_once(name)?.1;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        DateTime::from_timestamp(digits.parse().ok()?, 0)
    };
    // Who is asked about something else has nothing to say.
    let Some((from, to)) = number("start=").zip(number("end=")) else { return String::new() };
    // The same hour has the same price, whatever else is asked for.
    let first = from.timestamp() / 3_600;
    let price = |hour: usize| ((first + i64::try_from(hour).unwrap()) % 500) as f64 + 0.5;
    first_form(TimeRange::new(from, to), 3_600, |hour| Some(price(hour)))
}

fn entsoe(points: &str, curve: &str, extra: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><Publication_MarketDocument xmlns=\"urn:x:7:9\"><TimeSeries>\
         <in_Domain.mRID>10YCH-SWISSGRIDZ</in_Domain.mRID>{extra}\
         <currency_Unit.name>EUR</currency_Unit.name><price_Measure_Unit.name>MWH</price_Measure_Unit.name>\
         <curveType>{curve}</curveType><Period><timeInterval><start>2026-03-28T23:00Z</start>\
         <end>2026-03-29T22:00Z</end></timeInterval><resolution>PT60M</resolution>{points}</Period>\
         </TimeSeries></Publication_MarketDocument>"
    )
}

fn points(all: &[(&str, &str)]) -> String {
    let point = |(position, price): &(&str, &str)| {
        format!(
            "<Point><position>{position}</position><price.amount>{price}</price.amount></Point>"
        )
    };
    all.iter().map(point).collect()
}

fn source(name: &str) -> &'static dyn Source {
    *ALL.iter().find(|source| source.name() == name).unwrap()
}

fn read(name: &str, status: u16, body: &str, range: TimeRange) -> Result<Reading, ReadError> {
    source(name).read(status, body.as_bytes(), &ask(range))
}

async fn stored(app: &TestApp) -> Vec<(DateTime<Utc>, f64)> {
    let all = TimeRange::new(utc("2026-01-01T00:00:00Z"), utc("2026-12-31T00:00:00Z"));
    let prices = app.services.prices.prices(&ch(), Product::DayAhead, all).await.unwrap();
    prices.into_iter().map(|point| (point.ts, point.price_eur_mwh.unwrap())).collect()
}
