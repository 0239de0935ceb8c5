//! The day's hours as five heights: the state of the day on every page for people at home.

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;

use super::model::PriceInput;
use super::points::{Points, mean};
use crate::base::timeline::{day_range, local_date};
use crate::surfaces::dashboards::format::Format;
use crate::surfaces::dashboards::levels::Level;

/// Hours of the local day as bars.
#[derive(Debug, Clone, Serialize)]
pub struct DayBand {
    /// Accessible name.
    pub label: String,
    /// One per hour with a price.
    pub bars: Vec<Bar>,
    /// Place of the present, in per cent.
    pub now: String,
    /// Hours of the day: 23, 24 or 25.
    pub hours: i64,
}

/// One hour of the band, in per cent of its box.
#[derive(Debug, Clone, Serialize)]
pub struct Bar {
    /// Left edge.
    pub x: String,
    /// Width.
    pub width: String,
    /// Height and level: 1 to 5.
    pub level: u8,
    /// Whether the hour is over.
    pub past: bool,
}

/// The band of the local day of `now`.
pub fn day_band(
    points: &Points,
    input: &PriceInput,
    format: &Format,
    now: DateTime<Utc>,
) -> DayBand {
    let shown = |(at, price): (DateTime<Utc>, f64)| format.price(price * points.money.factor(at));
    let day = day_range(local_date(now, input.zone), input.zone);
    let length_s = day.length().num_seconds().max(1) as f64;
    let place = |at: DateTime<Utc>| (at - day.from).num_seconds() as f64 / length_s * 100.0;
    let mut hours: Vec<(DateTime<Utc>, f64)> = Vec::new();
    let mut bars = Vec::new();
    for from in day.slots(3_600) {
        let to = from + Duration::hours(1);
        let mut inside = points.within(from, to).peekable();
        if inside.peek().is_none() {
            continue;
        }
        let price = mean(inside.map(|point| point.price));
        hours.push((from, price));
        bars.push(Bar {
            x: format!("{:.3}", place(from)),
            width: format!("{:.3}", place(to) - place(from) - 0.12),
            level: Level::of(price, points.reference).number(),
            past: to <= now,
        });
    }
    let count = day.length().num_hours();
    let low = hours.iter().min_by(|a, b| a.1.total_cmp(&b.1));
    let high = hours.iter().max_by(|a, b| a.1.total_cmp(&b.1));
    let label = match (low, high) {
        (Some(low), Some(high)) => format.fill(
            "band_label",
            &[
                ("hours", &count.to_string()),
                ("low_at", &format.time(low.0)),
                ("low", &shown(*low)),
                ("high_at", &format.time(high.0)),
                ("high", &shown(*high)),
            ],
        ),
        _ => format.text("band_empty").to_owned(),
    };
    DayBand { label, bars, now: format!("{:.3}", place(now)), hours: count }
}
