//! The chart as a table: hours as rows, days as columns, the doubled hour in a row of its own.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Timelike, Utc};
use serde::Serialize;

use super::model::{PriceInput, Window};
use super::points::{Point, Points, mean};
use crate::base::timeline::{TimeRange, day_range};
use crate::surfaces::dashboards::format::{Format, amount};
use crate::surfaces::dashboards::levels::Level;

/// Hourly prices in the unit of the page.
#[derive(Debug, Clone, Serialize)]
pub struct PriceTable {
    /// What the table shows, and which day has 23 or 25 hours.
    pub caption: String,
    /// Heads of the columns.
    pub days: Vec<String>,
    /// One per hour of the clock.
    pub rows: Vec<TableRow>,
    /// Hours with a price.
    pub hours: usize,
}

/// One hour of the clock.
#[derive(Debug, Clone, Serialize)]
pub struct TableRow {
    /// `02:00` or `02:00 (2.)`.
    pub label: String,
    /// One per day; `None` without a price.
    pub cells: Vec<Option<Cell>>,
}

/// One price.
#[derive(Debug, Clone, Serialize)]
pub struct Cell {
    /// Price.
    pub value: String,
    /// 1 to 5.
    pub level: u8,
    /// Name of the level.
    pub level_name: &'static str,
    /// Whether any part of the hour is a forecast.
    pub forecast: bool,
    /// Whether the hour begins in a cheap window.
    pub in_window: bool,
    /// Whether it is the present hour.
    pub now: bool,
}

/// Hour of the clock and whether it is the second pass.
type ClockHour = (u32, bool);

impl PriceTable {
    /// Hours of `range` that have a price.
    pub fn new(
        points: &Points,
        range: TimeRange,
        input: &PriceInput,
        format: &Format,
        now: DateTime<Utc>,
    ) -> Self {
        let mut hours: BTreeMap<(ClockHour, NaiveDate), Vec<&Point>> = BTreeMap::new();
        for point in points.within(range.from, range.to) {
            let local = point.from.with_timezone(&input.zone);
            let clock = (local.hour(), format.is_second_pass(point.from));
            hours.entry((clock, local.date_naive())).or_default().push(point);
        }
        let days: BTreeSet<NaiveDate> = hours.keys().map(|(_, date)| *date).collect();
        let mut clocks: BTreeSet<ClockHour> = hours.keys().map(|(clock, _)| *clock).collect();
        clocks.extend((0..24).map(|hour| (hour, false)));
        let windows = if points.situation.may_advise() { &*input.windows } else { &[] };
        let rows = clocks
            .into_iter()
            .map(|clock| TableRow {
                label: label(clock, format),
                cells: days
                    .iter()
                    .map(|date| {
                        let points_of_hour = hours.get(&(clock, *date))?;
                        let is_now = points_of_hour.iter().any(|point| point.contains(now));
                        let cell = cell(points_of_hour, points.reference, windows, format);
                        Some(Cell { now: is_now, ..cell })
                    })
                    .collect(),
            })
            .collect();
        Self {
            caption: caption(&days, &hours, input, format),
            days: days.iter().map(|date| format.day(*date)).collect(),
            rows,
            hours: hours.len(),
        }
    }
}

fn label((hour, second): ClockHour, format: &Format) -> String {
    let time = format!("{hour:02}:00");
    if second { format.fill("second_hour", &[("time", &time)]) } else { time }
}

fn cell(points: &[&Point], reference: f64, windows: &[Window], format: &Format) -> Cell {
    let price = mean(points.iter().map(|point| point.price));
    let level = Level::of(price, reference);
    let starts = points.first().map(|point| point.from);
    Cell {
        value: amount(mean(points.iter().map(|point| point.shown))),
        level: level.number(),
        level_name: format.text(level.key()),
        forecast: points.iter().any(|point| point.is_forecast()),
        in_window: windows
            .iter()
            .any(|window| starts.is_some_and(|at| window.from <= at && at < window.to)),
        now: false,
    }
}

fn caption(
    days: &BTreeSet<NaiveDate>,
    hours: &BTreeMap<(ClockHour, NaiveDate), Vec<&Point>>,
    input: &PriceInput,
    format: &Format,
) -> String {
    let mut sentences = vec![format.fill("table_caption", &[("unit", format.unit())])];
    if hours.values().any(|points| points.len() > 1) {
        sentences.push(format.text("table_caption_mean").to_owned());
    }
    for date in days {
        let length = day_range(*date, input.zone).length().num_hours();
        if length != 24 {
            let values = [("date", format.day(*date)), ("hours", length.to_string())];
            let values = values.each_ref().map(|(key, text)| (*key, text.as_str()));
            sentences.push(format.fill("table_caption_day", &values));
        }
    }
    sentences.join(" ")
}
