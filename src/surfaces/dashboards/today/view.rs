//! What the template of the page of the day prints: ready texts, no arithmetic left.

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;

use super::chart::{Chart, ChartSlot, range};
use super::chart_svg::svg;
use super::model::{TodayInput, Window, WindowProvenance};
use super::points::{Point, Points, Situation, mean};
use super::sentence::{Status, status};
use super::state::{Fact, Note, facts, notes, warnings};
use super::table::PriceTable;
use crate::base::timeline::{day_range, local_date};
use crate::surfaces::dashboards::catalogue::Language;
use crate::surfaces::dashboards::format::{Format, about, cents, signed_percent};
use crate::surfaces::dashboards::levels::Level;

/// The page of the day.
#[derive(Debug, Clone, Serialize)]
pub struct TodayView {
    /// `Heute, Freitag, 27. Oktober 2023`.
    pub date_line: String,
    /// What the price does and what to do.
    pub status: Status,
    /// What a reader must know before trusting the page.
    pub notes: Vec<Note>,
    /// The price of the present.
    pub now: NowStat,
    /// The day's 24 hours as five heights.
    pub band: DayBand,
    /// The chart, if there is any value.
    pub chart: Option<ChartPart>,
    /// Cheap windows in the order of their numbers.
    pub windows: Vec<WindowRow>,
    /// Why there are none.
    pub windows_empty: &'static str,
    /// State of the data.
    pub facts: Vec<Fact>,
    /// Wall-clock time of the page.
    pub as_of: String,
    /// Sentences about what is missing or odd.
    pub warnings: Vec<String>,
    /// Small print.
    pub foot: Vec<String>,
    /// Whether every value is simulated.
    pub simulated: bool,
}

/// The big number.
#[derive(Debug, Clone, Serialize)]
pub struct NowStat {
    /// What it is.
    pub label: &'static str,
    /// Its hours.
    pub span: String,
    /// ct/kWh; `None` when unknown.
    pub value: Option<String>,
    /// 1 to 5.
    pub level: u8,
    /// Name of the level, or why there is no value.
    pub level_name: &'static str,
    /// What follows.
    pub next: Option<NextPrice>,
}

/// The price after the present one.
#[derive(Debug, Clone, Serialize)]
pub struct NextPrice {
    /// `ab 15:00`.
    pub from: String,
    /// ct/kWh, `~` before a forecast.
    pub value: String,
    /// Icon: `up`, `dn` or `same`.
    pub icon: &'static str,
    /// The direction in a word.
    pub word: &'static str,
}

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

/// The chart with everything around it.
#[derive(Debug, Clone, Serialize)]
pub struct ChartPart {
    /// `CH, ohne Netz und Abgaben`.
    pub scope: String,
    /// Accessible name.
    pub name: String,
    /// The short view as SVG.
    pub svg_h36: String,
    /// The long view as SVG.
    pub svg_d8: String,
    /// The short view in words.
    pub summary_h36: String,
    /// The long view in words.
    pub summary_d8: String,
    /// Numbers for the canvas, safe inside a script element.
    pub json: String,
    /// Readout of the present.
    pub home: ChartSlot,
    /// Name of its level.
    pub home_level: &'static str,
    /// The same numbers as a table.
    pub table: PriceTable,
    /// Whether a day inside has 23 or 25 hours.
    pub has_clock_change: bool,
    /// Entries of the key, without those that have no data.
    pub key: Vec<KeyEntry>,
}

/// One entry of the key.
#[derive(Debug, Clone, Serialize)]
pub struct KeyEntry {
    /// Class of its swatch.
    pub swatch: &'static str,
    /// What it means.
    pub text: &'static str,
    /// Class that hides it in the view without such data.
    pub views: &'static str,
}

/// One cheap window.
#[derive(Debug, Clone, Serialize)]
pub struct WindowRow {
    /// Number as in the plot.
    pub number: usize,
    /// `Sa 28.10. 12:00–16:00`.
    pub when: String,
    /// `4 h`.
    pub length: String,
    /// `pub`, `fc` or `sim`.
    pub badge: &'static str,
    /// Provenance in a word.
    pub badge_text: &'static str,
    /// ct/kWh, `~` where a forecast is in it.
    pub price: String,
    /// Against the day's mean.
    pub difference: String,
}

/// Turns data into the page of the day.
pub fn today(input: &TodayInput, language: Language, now: DateTime<Utc>) -> TodayView {
    let format = Format::new(language, input.zone).read_at(now);
    let points = Points::new(input, now);
    let windows: Vec<WindowRow> = if points.situation.may_advise() {
        input
            .windows
            .iter()
            .enumerate()
            .map(|(i, window)| window_row(i, window, input.simulated, &format))
            .collect()
    } else {
        Vec::new()
    };
    let stale = !points.situation.may_advise();
    TodayView {
        date_line: format
            .fill("today_date", &[("date", &format.date_long(local_date(now, input.zone)))]),
        status: status(&points, &input.windows, input.simulated, &format, input.zone, now),
        notes: notes(input, &points, &format),
        now: now_stat(&points, &format, now),
        band: day_band(&points, input, &format, now),
        chart: chart_part(&points, input, &format, now),
        windows,
        windows_empty: format.text(if stale { "windows_stale" } else { "windows_none" }),
        facts: facts(input, &points, &format, now),
        as_of: format.time(now),
        warnings: warnings(input, &points, &format, now),
        foot: foot(input, &points, &format),
        simulated: input.simulated,
    }
}

fn foot(input: &TodayInput, points: &Points, format: &Format) -> Vec<String> {
    let has_levels = !matches!(points.situation, Situation::Empty | Situation::Past { .. });
    let levels = has_levels
        .then(|| format.fill("foot_levels", &[("mean", &format.price(points.reference))]));
    let zone = format.fill("foot_zone", &[("zone", input.zone.name())]);
    [Some(format.text("foot_scope").to_owned()), levels, Some(zone)].into_iter().flatten().collect()
}

fn now_stat(points: &Points, format: &Format, now: DateTime<Utc>) -> NowStat {
    let Some(point) = points.at(now) else {
        return NowStat {
            label: format.text("price_now"),
            span: format.time(now),
            value: None,
            level: 3,
            level_name: format.text("price_none_why"),
            next: None,
        };
    };
    let next = points.all.iter().find(|later| later.from == point.to);
    NowStat {
        label: format.text(if point.is_forecast() { "price_now_forecast" } else { "price_now" }),
        span: format.hours(point.from, point.to),
        value: Some(approximate(point)),
        level: point.level.number(),
        level_name: format.text(point.level.key()),
        next: next.map(|next| {
            let (icon, word) = match next.price.total_cmp(&point.price) {
                std::cmp::Ordering::Greater => ("up", "rising"),
                std::cmp::Ordering::Less => ("dn", "falling"),
                std::cmp::Ordering::Equal => ("same", "steady"),
            };
            NextPrice {
                from: format.fill("price_next", &[("time", &format.time(next.from))]),
                value: approximate(next),
                icon,
                word: format.text(word),
            }
        }),
    }
}

fn approximate(point: &Point) -> String {
    let price = cents(point.price);
    if point.is_forecast() { about(&price) } else { price }
}

fn day_band(points: &Points, input: &TodayInput, format: &Format, now: DateTime<Utc>) -> DayBand {
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
                ("low", &format.price(low.1)),
                ("high_at", &format.time(high.0)),
                ("high", &format.price(high.1)),
            ],
        ),
        _ => format.text("band_empty").to_owned(),
    };
    DayBand { label, bars, now: format!("{:.3}", place(now)), hours: count }
}

fn chart_part(
    points: &Points,
    input: &TodayInput,
    format: &Format,
    now: DateTime<Utc>,
) -> Option<ChartPart> {
    let chart = Chart::new(points, input, format, now)?;
    let whole = range(points, now)?;
    let home = chart.slots.get(chart.home)?.clone();
    let [short, long] = chart.views.as_slice() else {
        return None;
    };
    let ends = [("from", format.day(format.date_of(whole.from))), ("to", format.end(whole.to))];
    let [from, to] = ends.each_ref().map(|(key, text)| (*key, text.as_str()));
    Some(ChartPart {
        scope: format.fill("chart_scope", &[("market", &input.market)]),
        name: format.fill("chart_name", &[("market", &input.market), from, to]),
        svg_h36: svg(&chart, short, "chart-name", "sum-h36"),
        svg_d8: svg(&chart, long, "chart-name", "sum-d8"),
        summary_h36: short.summary.clone(),
        summary_d8: long.summary.clone(),
        json: script_safe_json(&chart),
        home_level: chart.levels.get(usize::from(home.level.max(1)) - 1).copied().unwrap_or(""),
        home,
        table: PriceTable::new(points, whole, input, format, now),
        has_clock_change: chart.days.iter().any(|day| day.note.is_some()),
        key: key(&chart, input.simulated, format),
    })
}

/// Entries of the key that have data behind them.
fn key(chart: &Chart, simulated: bool, format: &Format) -> Vec<KeyEntry> {
    let short_end = chart.views.first().map_or(i64::MAX, |short| short.to);
    let first_forecast = chart.slots.iter().find(|slot| slot.forecast).map(|slot| slot.from);
    let views = if first_forecast.is_some_and(|at| at < short_end) { "" } else { "for-d8" };
    let solid = if simulated { "simulated" } else { "published" };
    let has_solid = chart.slots.iter().any(|slot| !slot.forecast);
    let has_band = chart.slots.iter().any(|slot| slot.band80.is_some());
    [
        (has_solid, "kp", solid, ""),
        (first_forecast.is_some(), "kf", "forecast", views),
        (has_band, "k5", "key_50", views),
        (has_band, "k8", "key_80", views),
        (!chart.windows.is_empty(), "kw", "key_window", ""),
    ]
    .into_iter()
    .filter(|(is_there, ..)| *is_there)
    .map(|(_, swatch, text, views)| KeyEntry { swatch, text: format.text(text), views })
    .collect()
}

/// JSON that can stand in a script element: no text in it can end the element.
fn script_safe_json(chart: &Chart) -> String {
    let json = serde_json::to_string(chart).expect("plain structs with finite numbers serialise");
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn window_row(index: usize, window: &Window, simulated: bool, format: &Format) -> WindowRow {
    let is_published = window.provenance == WindowProvenance::Published;
    let minutes = (window.to - window.from).num_minutes();
    let key = if minutes % 60 == 0 { "window_hours" } else { "window_minutes" };
    let count = if minutes % 60 == 0 { minutes / 60 } else { minutes };
    let mut length = format.fill(key, &[("n", &count.to_string())]).replace(' ', "\u{a0}");
    if format.offset(window.from) != format.offset(window.to) {
        length = format.fill("window_clock", &[("length", &length)]);
    }
    WindowRow {
        number: index + 1,
        when: format.span(window.from, window.to),
        length,
        badge: match (is_published, simulated) {
            (true, false) => "pub",
            (true, true) => "sim",
            (false, _) => "fc",
        },
        badge_text: format.text(match window.provenance {
            WindowProvenance::Published if simulated => "simulated",
            WindowProvenance::Published => "published",
            WindowProvenance::Forecast => "forecast",
            WindowProvenance::Mixed => "mixed",
        }),
        price: {
            let price = cents(window.mean_price_eur_mwh);
            if is_published { price } else { about(&price) }
        },
        difference: window
            .day_mean_eur_mwh
            .map(|day| difference(window.mean_price_eur_mwh, day, format))
            .unwrap_or_default(),
    }
}

/// `−19 %`; shares of and below zero say nothing, there it is `−9.02 ct/kWh`.
fn difference(mean: f64, day_mean: f64, format: &Format) -> String {
    if mean >= 0.0 && day_mean > 0.0 {
        return signed_percent(100.0 * (mean - day_mean) / day_mean);
    }
    let plus = if mean > day_mean { "+" } else { "" };
    format!("{plus}{}", format.price(mean - day_mean))
}
