//! What the template of the page of the day prints: ready texts, no arithmetic left.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::sentence::status;
use crate::base::timeline::local_date;
use crate::surfaces::dashboards::catalogue::Language;
use crate::surfaces::dashboards::format::Format;
use crate::surfaces::dashboards::pricing::{
    ChartPart, DayBand, Fact, Frame, Note, Points, PriceInput, RateLine, Situation, Status, Unit,
    WindowRow, chart_part, day_band, facts, notes, rate_line, warnings, window_rows,
};

/// The page of the day.
#[derive(Debug, Clone, Serialize)]
pub struct TodayView {
    /// `Heute, Freitag, 27. Oktober 2023`.
    pub date_line: String,
    /// Code of the market.
    pub market: String,
    /// What the price does and what to do.
    pub status: Status,
    /// What a reader must know before trusting the page.
    pub notes: Vec<Note>,
    /// The price of the present.
    pub now: NowStat,
    /// The rate behind prices in francs.
    pub rate: Option<RateLine>,
    /// The day's 24 hours as five heights.
    pub band: DayBand,
    /// The chart, if there is any value.
    pub chart: Option<ChartPart>,
    /// Cheap windows in the order of their numbers.
    pub windows: Vec<WindowRow>,
    /// What their numbers are.
    pub windows_sub: String,
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
    /// What its price is in.
    pub unit: &'static str,
    /// Its hours.
    pub span: String,
    /// Price; `None` when unknown.
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
    /// Price, `~` before a forecast.
    pub value: String,
    /// Icon: `up`, `dn` or `same`.
    pub icon: &'static str,
    /// The direction in a word.
    pub word: &'static str,
}

/// Turns data into the page of the day.
pub fn today(input: &PriceInput, language: Language, now: DateTime<Utc>) -> TodayView {
    let unit = input.money.unit().symbol();
    let format = Format::new(language, input.zone).read_at(now).in_unit(unit);
    let points = Points::new(input, now);
    let stale = !points.situation.may_advise();
    TodayView {
        date_line: format
            .fill("today_date", &[("date", &format.date_long(local_date(now, input.zone)))]),
        market: input.market.clone(),
        status: status(&points, &input.windows, input.simulated, &format, input.zone, now),
        notes: notes(input, &points, &format),
        now: now_stat(&points, &format, now),
        rate: rate_line(input, &format, now),
        band: day_band(&points, input, &format, now),
        chart: Frame::of_today(&points, now)
            .and_then(|frame| chart_part(&points, input, frame, &format, now)),
        windows: window_rows(input, &points, &format),
        windows_sub: format.fill("windows_sub", &[("unit", unit)]),
        windows_empty: format.text(if stale { "windows_stale" } else { "windows_none" }),
        facts: facts(input, &points, &format, now),
        as_of: format.time(now),
        warnings: warnings(input, &points, &format, now),
        foot: foot(input, &points, &format, now),
        simulated: input.simulated,
    }
}

fn foot(input: &PriceInput, points: &Points, format: &Format, now: DateTime<Utc>) -> Vec<String> {
    let has_levels = !matches!(points.situation, Situation::Empty | Situation::Past { .. });
    let mean = format.price(points.reference * input.money.factor(now));
    let levels = has_levels.then(|| format.fill("foot_levels", &[("mean", &mean)]));
    let zone = format.fill("foot_zone", &[("zone", input.zone.name())]);
    let cents = input.money.unit() == Unit::Cents;
    let unit = cents.then(|| format.text("foot_cents").to_owned());
    let scope = Some(format.text("foot_scope").to_owned());
    [scope, unit, levels, Some(zone)].into_iter().flatten().collect()
}

fn now_stat(points: &Points, format: &Format, now: DateTime<Utc>) -> NowStat {
    let Some(point) = points.at(now) else {
        return NowStat {
            label: format.text("price_now"),
            unit: format.unit(),
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
        unit: format.unit(),
        span: format.hours(point.from, point.to),
        value: Some(point.written()),
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
                value: next.written(),
                icon,
                word: format.text(word),
            }
        }),
    }
}
