//! Four figures under the sentence: now, today's mean, tomorrow's, and the hours below zero.

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;

use super::model::PricesInput;
use crate::base::timeline::{TimeRange, add_days, day_range, local_date};
use crate::surfaces::dashboards::format::{Format, NBSP, about, amount, number};
use crate::surfaces::dashboards::pricing::{Point, Points};

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub struct Stat {
    /// What it is.
    pub label: String,
    /// The number; `None` when unknown.
    pub value: Option<String>,
    /// Its unit.
    pub unit: &'static str,
    /// One line of context.
    pub text: String,
}

/// The figures of the page; none while there is no price at all.
pub fn stats(
    input: &PricesInput,
    points: &Points,
    format: &Format,
    now: DateTime<Utc>,
) -> Vec<Stat> {
    if points.all.is_empty() {
        return Vec::new();
    }
    let zone = input.present.zone;
    let today = local_date(now, zone);
    let day = |days| day_range(add_days(today, days), zone);
    vec![
        price_now(points, format, now),
        mean_of_today(points, (day(-1), day(0)), format),
        mean_of_tomorrow(points, day(1), input.present.simulated, format),
        negative(points, TimeRange::new(day(0).from, day(1).to), format),
    ]
}

fn price_now(points: &Points, format: &Format, now: DateTime<Utc>) -> Stat {
    let point = points.at(now);
    let key =
        if point.is_some_and(Point::is_forecast) { "price_now_forecast" } else { "price_now" };
    let next = point.and_then(|point| points.all.iter().find(|later| later.from == point.to));
    let text = match (point, next) {
        (Some(_), Some(next)) => {
            let from = format.fill("price_next", &[("time", &format.time(next.from))]);
            format!("{from} {}", next.written())
        }
        (Some(point), None) => format.text(point.level.key()).to_owned(),
        (None, _) => format.text("price_none_why").to_owned(),
    };
    let hours = point.map(|point| format.hours(point.from, point.to));
    let label = format.text(key).to_owned();
    Stat {
        label: hours.map_or_else(|| label.clone(), |hours| format!("{label}, {hours}")),
        value: point.map(Point::written),
        unit: format.unit(),
        text,
    }
}

/// The mean of a range, with a `~` when a forecast is in it.
fn mean_written(points: &Points, range: TimeRange) -> Option<String> {
    let mean = amount(points.mean_shown(range.from, range.to)?);
    let is_guess = points.within(range.from, range.to).any(Point::is_forecast);
    Some(if is_guess { about(&mean) } else { mean })
}

fn mean_of_today(
    points: &Points,
    (yesterday, today): (TimeRange, TimeRange),
    format: &Format,
) -> Stat {
    let before = mean_written(points, yesterday);
    let text = match &before {
        Some(mean) => format.fill("stat_yesterday", &[("mean", mean)]),
        None => format.text("stat_no_yesterday").to_owned(),
    };
    Stat {
        label: format.text("stat_today").to_owned(),
        value: mean_written(points, today),
        unit: format.unit(),
        text,
    }
}

fn mean_of_tomorrow(points: &Points, day: TimeRange, simulated: bool, format: &Format) -> Stat {
    let published = points.within(day.from, day.to).filter(|point| !point.is_forecast());
    let seconds: i64 = published.map(|point| (point.to - point.from).num_seconds()).sum();
    let (found, all) = (seconds / 3_600, day.length().num_hours());
    let values = [("n", found.to_string()), ("all", all.to_string())];
    let values = values.each_ref().map(|(key, text)| (*key, text.as_str()));
    let text = match found {
        0 if points.within(day.from, day.to).next().is_some() => {
            format.text(if simulated { "forecast" } else { "stat_forecast" }).to_owned()
        }
        0 => format.text("stat_not_yet").to_owned(),
        _ if simulated => format.fill("stat_simulated", &values),
        _ => format.fill("stat_published", &values),
    };
    Stat {
        label: format.text("stat_tomorrow").to_owned(),
        value: mean_written(points, day),
        unit: format.unit(),
        text,
    }
}

/// Hours of `range` with a price below zero, and when the first stretch of them is.
fn negative(points: &Points, range: TimeRange, format: &Format) -> Stat {
    let below: Vec<&Point> =
        points.within(range.from, range.to).filter(|point| point.price < 0.0).collect();
    let seconds: i64 = below.iter().map(|point| (point.to - point.from).num_seconds()).sum();
    let hours = Duration::seconds(seconds).num_minutes() as f64 / 60.0;
    let known = points.within(range.from, range.to).next().is_some();
    let written = number(hours, if seconds % 3_600 == 0 { 0 } else { 2 });
    let is_guess = below.iter().any(|point| point.is_forecast());
    let text = match below.first() {
        None if !known => format.text("stat_not_yet").to_owned(),
        None => format.text("stat_none_negative").to_owned(),
        Some(first) => {
            let end = below.windows(2).find(|pair| pair[0].to != pair[1].from).map(|pair| pair[0]);
            let last = end.or_else(|| below.last().copied()).unwrap_or(first);
            let lowest = below.iter().min_by(|a, b| a.shown.total_cmp(&b.shown)).unwrap_or(first);
            let span = format.span(first.from, last.to);
            format.fill("stat_lowest", &[("span", &span), ("low", &lowest.written())])
        }
    };
    Stat {
        label: format.text("stat_negative").to_owned(),
        value: known.then(|| if is_guess { about(&written) } else { written }),
        unit: "h",
        text: text.replace(" h", &format!("{NBSP}h")),
    }
}
