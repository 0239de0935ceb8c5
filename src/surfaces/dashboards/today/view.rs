//! What the template of the page of the day prints: ready texts, no arithmetic left.

use chrono::{DateTime, Duration, NaiveTime, Utc};
use serde::Serialize;

use super::chart::{Chart, ChartSlot, range};
use super::chart_svg::svg;
use super::model::{TodayInput, Window, WindowProvenance};
use super::points::{Point, Points, Situation, mean};
use super::sentence::{Status, status};
use super::table::PriceTable;
use crate::base::timeline::{add_days, at_local, day_range, local_date};
use crate::surfaces::dashboards::catalogue::Language;
use crate::surfaces::dashboards::format::{Format, cents, signed_percent};
use crate::surfaces::dashboards::levels::Level;

/// A forecast older than this is marked as stale.
const FORECAST_STALE: Duration = Duration::hours(36);

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

/// A sentence with a rule at its left.
#[derive(Debug, Clone, Serialize)]
pub struct Note {
    /// `stale`, `err` or empty.
    pub kind: &'static str,
    /// First words, bold.
    pub title: String,
    /// The rest.
    pub text: String,
    /// A command to type.
    pub command: Option<String>,
    /// Target and words of one action.
    pub link: Option<(&'static str, &'static str)>,
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
    /// Icon: `up`, `dn` or `lv3`.
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
    /// What the solid line is called; `None` when there is none.
    pub solid_name: Option<&'static str>,
    /// Whether the key needs the forecast.
    pub has_forecast: bool,
    /// Whether the short view holds a forecast.
    pub has_forecast_h36: bool,
    /// Whether the key needs the bands.
    pub has_band: bool,
    /// Whether the key needs the windows.
    pub has_windows: bool,
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

/// One line of the state of the data.
#[derive(Debug, Clone, Serialize)]
pub struct Fact {
    /// What it is about.
    pub name: String,
    /// Age or value.
    pub value: String,
    /// `stale` with its words instead of a value.
    pub badge: Option<(&'static str, String)>,
    /// One line of context.
    pub text: String,
}

/// Turns data into the page of the day.
pub fn today(input: &TodayInput, language: Language, now: DateTime<Utc>) -> TodayView {
    let format = Format::new(language, input.zone);
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
    let levels = (points.situation != Situation::Empty)
        .then(|| format.fill("foot_levels", &[("mean", &format.price(points.reference))]));
    let zone = format.fill("foot_zone", &[("zone", input.zone.name())]);
    [Some(format.text("foot_scope").to_owned()), levels, Some(zone)].into_iter().flatten().collect()
}

fn notes(input: &TodayInput, points: &Points, format: &Format) -> Vec<Note> {
    let plain = |kind, title: String, key| Note {
        kind,
        title,
        text: format.text(key).to_owned(),
        command: None,
        link: None,
    };
    let mut notes = Vec::new();
    if input.setup_open {
        let mut note = plain("", format.text("note_setup_title").to_owned(), "note_setup");
        note.link = Some(("/setup", format.text("setup_link")));
        notes.push(note);
    }
    let missing_since = input.state.published_until.or_else(|| points.published_until());
    let only_title = || match missing_since {
        Some(since) => format.fill("note_only_title", &[("since", &format.end(since))]),
        None => format.text("note_only_never").to_owned(),
    };
    match points.situation {
        Situation::Empty => {
            let mut note = plain("", format.text("note_empty_title").to_owned(), "note_empty");
            note.command = Some(format.fill("note_empty_command", &[("market", &input.market)]));
            notes.push(note);
        }
        Situation::Past { until } => {
            let title = format.fill("note_past_title", &[("since", &format.end(until))]);
            notes.push(plain("stale", title, "note_past"));
        }
        Situation::ForecastOnly => notes.push(plain("stale", only_title(), "note_only")),
        Situation::ForecastOld { age } => {
            let title = format.fill("note_old_title", &[("age", &format.age(age))]);
            notes.push(plain("stale", title, "note_old"));
        }
        Situation::Published => {}
    }
    if input.simulated {
        let title = format.text("note_simulated_title").to_owned();
        notes.push(plain("sim", title, "note_simulated"));
    }
    notes
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
                std::cmp::Ordering::Equal => ("lv3", "steady"),
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
    format!("{}{}", if point.is_forecast() { "~" } else { "" }, cents(point.price))
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
        table: PriceTable::new(points, whole, input, format),
        has_clock_change: chart.days.iter().any(|day| day.note.is_some()),
        solid_name: chart
            .slots
            .iter()
            .any(|slot| !slot.forecast)
            .then(|| format.text(if input.simulated { "simulated" } else { "published" })),
        has_forecast_h36: chart.slots.iter().any(|slot| slot.forecast && slot.from < short.to),
        has_forecast: chart.slots.iter().any(|slot| slot.forecast),
        has_band: chart.slots.iter().any(|slot| slot.band80.is_some()),
        has_windows: !chart.windows.is_empty(),
    })
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
        price: format!(
            "{}{}",
            if is_published { "" } else { "~" },
            cents(window.mean_price_eur_mwh)
        ),
        difference: window.vs_day_mean_percent.map(signed_percent).unwrap_or_default(),
    }
}

fn facts(input: &TodayInput, points: &Points, format: &Format, now: DateTime<Utc>) -> Vec<Fact> {
    let state = &input.state;
    let ago = |at: DateTime<Utc>| format.fill("ago", &[("age", &format.age(now - at))]);
    let stale = |since: DateTime<Utc>| {
        Some(("stale", format.fill("badge_stale", &[("age", &format.age(now - since))])))
    };
    let until = state.published_until.or_else(|| points.published_until());
    let until_key = if input.simulated { "data_until_simulated" } else { "data_until" };
    let mut facts = vec![Fact {
        name: format.fill("data_prices", &[("market", &input.market)]),
        value: state.prices_known_at.map(ago).unwrap_or_default(),
        badge: until.filter(|until| *until <= now).and_then(stale),
        text: until.map_or_else(
            || format.text("data_no_prices").to_owned(),
            |until| format.fill(until_key, &[("until", &format.end(until))]),
        ),
    }];
    let mut about = Vec::new();
    about.extend(state.model_label.as_ref().map(|m| format.fill("data_model", &[("model", m)])));
    about.extend(
        state
            .mean_abs_error_eur_mwh
            .map(|error| format.fill("data_error", &[("error", &format.price(error))])),
    );
    facts.push(Fact {
        name: format.text("data_forecast").to_owned(),
        value: state.forecast_issued_at.map(ago).unwrap_or_default(),
        badge: state
            .forecast_issued_at
            .and_then(|issued| if now - issued > FORECAST_STALE { stale(issued) } else { None }),
        text: if state.forecast_issued_at.is_some() {
            about.join("; ")
        } else {
            format.text("data_no_forecast").to_owned()
        },
    });
    if input.simulated || state.source.is_some() || state.attribution.is_some() {
        let simulated = input.simulated.then(|| format.text("data_simulated").to_owned());
        facts.push(Fact {
            name: format.text("data_source").to_owned(),
            value: state.source.clone().unwrap_or_default(),
            badge: None,
            text: simulated
                .into_iter()
                .chain(state.attribution.clone())
                .collect::<Vec<_>>()
                .join(" "),
        });
    }
    facts
}

/// Warnings of the input, and a word about tomorrow's prices while they are not there.
fn warnings(
    input: &TodayInput,
    points: &Points,
    format: &Format,
    now: DateTime<Utc>,
) -> Vec<String> {
    let mut warnings = input.state.warnings.clone();
    let today = local_date(now, input.zone);
    let due = NaiveTime::from_hms_opt(14, 0, 0).unwrap_or_default();
    let late_from = at_local(today, due, input.zone);
    let tomorrow = day_range(add_days(today, 1), input.zone);
    let known = points.published_until();
    if points.situation == Situation::Published
        && !input.simulated
        && known.is_some_and(|until| until <= tomorrow.from)
    {
        let key = if now < late_from { "waiting_tomorrow" } else { "late_tomorrow" };
        warnings.push(format.text(key).to_owned());
    }
    warnings
}
