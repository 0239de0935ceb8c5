//! Features against tables made by hand, and what may never enter them.

mod columns; // against the definition
mod edges;
mod hand;
mod leakage;
mod reference; // the definition

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;

use super::*;
use crate::base::ids::Market;
use crate::base::timeline::AsOf;
use crate::base::timeline::add_days;
use crate::base::timeline::at_local;
use crate::base::timeline::day_range;

const ZONE: Tz = Tz::Europe__Zurich;

/// A value: slot start, when it became known, value.
type Point = (DateTime<Utc>, DateTime<Utc>, f64);

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn time(hour: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, 0, 0).unwrap()
}

/// Forecasts of a day are issued at ten o'clock on its anchor.
fn issue(anchor: NaiveDate) -> AsOf {
    AsOf(at_local(anchor, time(10), ZONE))
}

/// Points of the days `first..=last`, published at one o'clock on the day before.
fn published(
    first: NaiveDate,
    last: NaiveDate,
    interval_s: i32,
    value: impl Fn(DateTime<Utc>) -> f64,
) -> Vec<Point> {
    let days = first.iter_days().take_while(|day| *day <= last);
    days.flat_map(|day| {
        let known_at = at_local(add_days(day, -1), time(13), ZONE);
        day_range(day, ZONE).slots(interval_s).map(move |ts| (ts, known_at)).collect::<Vec<_>>()
    })
    .map(|(ts, known_at)| (ts, known_at, value(ts)))
    .collect()
}

fn history(
    interval_s: i32,
    prices: Vec<Point>,
    exogenous: Vec<(i32, Vec<Point>)>,
) -> MarketHistory {
    MarketHistory {
        market: Market::parse("CH").unwrap(),
        prices: Vintages::new(interval_s, prices),
        exogenous: exogenous
            .into_iter()
            .map(|(step, points)| Vintages::new(step, points))
            .collect(),
    }
}

/// The value of column `name` in the row of `ts`.
fn value(rows: &FeatureTable, ts: DateTime<Utc>, name: &str) -> f32 {
    let row = rows.ts.iter().position(|at| *at == ts).unwrap_or_else(|| panic!("no row of {ts}"));
    rows.table.x[[row, rows.table.column(name).unwrap_or_else(|| panic!("no column {name}"))]]
}

fn bits(rows: &FeatureTable) -> Vec<u32> {
    rows.table.x.iter().map(|value| value.to_bits()).collect()
}
