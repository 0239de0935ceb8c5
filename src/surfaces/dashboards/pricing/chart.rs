//! One set of numbers for the drawing without script, the canvas and the readout line.
//!
//! Prices are in the unit of the page, instants in seconds since 1970, ascending.

use chrono::{DateTime, Duration, NaiveTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::axis::{Tick, axis, rounded};
use super::model::{PriceInput, Quality};
use super::points::{Point, Points, Situation};
use crate::base::timeline::{TimeRange, add_days, at_local, day_range, local_date};
use crate::surfaces::dashboards::format::{Format, about, amount, number};

/// A point in this lowest share of the axis gets more room below, for its label.
const FOOT_SHARE: f64 = 0.1;

/// A range longer than this has many days side by side.
const DENSE: Duration = Duration::days(10);

/// A near view longer than this has room for hours without minutes only.
const CROWDED: Duration = Duration::hours(40);

/// The chart of the page.
#[derive(Debug, Clone, Serialize)]
pub struct Chart {
    /// The present instant.
    pub now: i64,
    /// The present as a wall-clock time.
    pub now_label: String,
    /// Index of the slot the readout rests on: the present one, or the last before it.
    pub home: usize,
    /// First instant that is not published, if a forecast follows there.
    pub seam: Option<i64>,
    /// Word at the seam.
    pub seam_label: &'static str,
    /// Unit of the value axis.
    pub unit: &'static str,
    /// Names of the levels 1 to 5.
    pub levels: Vec<&'static str>,
    /// Name of the slider for assistive technology.
    pub slider_label: String,
    /// What is drawn and read out.
    pub slots: Vec<ChartSlot>,
    /// Cheap windows inside the range.
    pub windows: Vec<ChartWindow>,
    /// Local days that touch the range.
    pub days: Vec<ChartDay>,
    /// The whole range, and before it the nearer view, where there is one.
    pub views: Vec<ChartView>,
}

/// Which time a chart shows.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// Everything.
    pub whole: TimeRange,
    /// Two days or less around the present, with hours on the axis.
    pub near: Option<TimeRange>,
}

impl Frame {
    /// From 24 h back to 7 days ahead, and 36 h around the present; old data are shown where they
    /// are. `None` without any value.
    pub fn of_today(points: &Points, now: DateTime<Utc>) -> Option<Self> {
        let whole = range(points, now)?;
        Some(Self { whole, near: Some(short_range(whole, points.situation, now)) })
    }
}

/// One price with its words.
#[derive(Debug, Clone, Serialize)]
pub struct ChartSlot {
    /// Start.
    pub from: i64,
    /// End.
    pub to: i64,
    /// Price.
    pub price: f64,
    /// Whether it is a forecast.
    pub forecast: bool,
    /// Whether Luna's simulation made it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
    /// Lower and upper end of the 80 % band.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub band80: Option<[f64; 2]>,
    /// Lower and upper end of the 50 % band.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub band50: Option<[f64; 2]>,
    /// 1 to 5.
    pub level: u8,
    /// Weekday and date.
    pub day: String,
    /// Span of hours.
    pub hours: String,
    /// Offset from UTC.
    pub offset: String,
    /// Price with unit.
    pub value: String,
    /// Provenance, or the forecast's range.
    pub note: String,
}

/// A numbered cheap window.
#[derive(Debug, Clone, Serialize)]
pub struct ChartWindow {
    /// Number, the same as in the list.
    pub number: usize,
    /// Start.
    pub from: i64,
    /// End.
    pub to: i64,
}

/// One local day.
#[derive(Debug, Clone, Serialize)]
pub struct ChartDay {
    /// Midnight.
    pub from: i64,
    /// Next midnight.
    pub to: i64,
    /// Short weekday.
    pub weekday: &'static str,
    /// Day and month.
    pub date: String,
    /// Day alone, for narrow screens.
    pub tiny: String,
    /// `25 h` or `23 h` when the clock changes.
    pub note: Option<String>,
}

/// One range of the chart with its own value axis.
#[derive(Debug, Clone, Serialize)]
pub struct ChartView {
    /// `near` or `wide`.
    pub id: &'static str,
    /// First instant.
    pub from: i64,
    /// Last instant.
    pub to: i64,
    /// Lowest value of the axis.
    pub low: f64,
    /// Highest value of the axis.
    pub high: f64,
    /// Values with a hairline.
    pub ticks: Vec<Tick>,
    /// Hours with a label; only the near view has them.
    pub hours: Vec<HourTick>,
    /// Highest and lowest price.
    pub marks: Vec<Mark>,
    /// The view in a sentence or two.
    pub summary: String,
}

/// An hour with its label.
#[derive(Debug, Clone, Serialize)]
pub struct HourTick {
    /// Where.
    pub at: i64,
    /// What it says.
    pub label: String,
}

/// Highest or lowest price of a view.
#[derive(Debug, Clone, Serialize)]
pub struct Mark {
    /// Middle of the slot.
    pub at: i64,
    /// Price.
    pub value: f64,
    /// Price as text, `~` before a forecast.
    pub label: String,
    /// Whether the label stands below the point.
    pub below: bool,
}

impl Chart {
    /// The chart of the `points` within `frame`.
    pub fn new(
        points: &Points,
        input: &PriceInput,
        frame: Frame,
        format: &Format,
        now: DateTime<Utc>,
    ) -> Self {
        let whole = frame.whole;
        let shown: Vec<&Point> = points.within(whole.from, whole.to).collect();
        let home = shown.iter().rposition(|point| point.from <= now).unwrap_or(0);
        let view = |id, range| view(id, range, points, input, format);
        let near = frame.near.map(|range| view("near", range));
        Self {
            now: now.timestamp(),
            now_label: format.time(now),
            home,
            seam: points.seam().map(|at| at.timestamp()),
            seam_label: format.text("forecast"),
            unit: format.unit(),
            levels: ["level_1", "level_2", "level_3", "level_4", "level_5"]
                .map(|key| format.text(key))
                .into(),
            slider_label: format.fill("chart_slider", &[("market", &input.market)]),
            slots: shown.iter().map(|point| slot(point, format)).collect(),
            windows: input
                .windows
                .iter()
                .enumerate()
                .filter(|(_, window)| window.to > whole.from && window.from < whole.to)
                .filter(|_| points.situation.may_advise())
                .map(|(index, window)| ChartWindow {
                    number: index + 1,
                    from: window.from.timestamp(),
                    to: window.to.timestamp(),
                })
                .collect(),
            days: days(whole, format, input.zone),
            views: near.into_iter().chain([view("wide", whole)]).collect(),
        }
    }
}

/// From 24 h back to the end of the values, at most 7 days ahead; old data are shown where they are.
fn range(points: &Points, now: DateTime<Utc>) -> Option<TimeRange> {
    let (first, last) = (points.all.first()?, points.all.last()?);
    let range = if let Situation::Past { until } = points.situation {
        let end = now.min(until + Duration::hours(24));
        TimeRange::new(first.from.max(until - Duration::days(7)), end)
    } else {
        TimeRange::new(
            first.from.max(full_hour(now) - Duration::hours(24)),
            last.to
                .min(full_hour(now) + Duration::days(7))
                .max(full_hour(now) + Duration::hours(1)),
        )
    };
    (range.from < range.to).then_some(range)
}

fn short_range(whole: TimeRange, situation: Situation, now: DateTime<Utc>) -> TimeRange {
    let from = if let Situation::Past { until } = situation {
        until - Duration::hours(30)
    } else {
        full_hour(now) - Duration::hours(6)
    };
    let from = from.max(whole.from);
    TimeRange::new(from, (from + Duration::hours(36)).min(whole.to))
}

fn full_hour(at: DateTime<Utc>) -> DateTime<Utc> {
    at - Duration::seconds(at.timestamp().rem_euclid(3_600))
}

fn slot(point: &Point, format: &Format) -> ChartSlot {
    let band =
        |low: usize, high: usize| point.quantiles.map(|q| [rounded(q[low]), rounded(q[high])]);
    ChartSlot {
        from: point.from.timestamp(),
        to: point.to.timestamp(),
        price: rounded(point.shown),
        forecast: point.is_forecast(),
        simulated: point.quality == Quality::Simulated,
        band80: band(1, 5),
        band50: band(2, 4),
        level: point.level.number(),
        day: format.day(format.date_of(point.from)),
        hours: format.hours(point.from, point.to),
        offset: format.offset(point.from),
        value: known_or_about(point, format.price(point.shown)),
        note: note(point, format),
    }
}

fn note(point: &Point, format: &Format) -> String {
    let mut words = vec![match (point.quality, point.is_forecast()) {
        (_, true) => format.text("forecast").to_owned(),
        (Quality::Simulated, false) => format.text("simulated").to_owned(),
        (Quality::Estimated, false) => format.text("estimated").to_owned(),
        (Quality::Ok, false) => format.text("published").to_owned(),
    }];
    if let Some(q) = point.quantiles {
        let (low, high) = (amount(q[1]), format.price(q[5]));
        words.push(format.fill("range_80", &[("low", &low), ("high", &high)]));
    }
    if point.is_forecast() && point.quality == Quality::Simulated {
        words.push(format.text("simulated").to_owned());
    }
    words.join(", ")
}

fn days(range: TimeRange, format: &Format, zone: Tz) -> Vec<ChartDay> {
    let mut days = Vec::new();
    let mut date = local_date(range.from, zone);
    // Where many stand side by side, a dot behind each would touch the next number.
    let is_dense = range.length() > DENSE;
    loop {
        let day = day_range(date, zone);
        if day.from >= range.to || day.from >= day.to {
            return days;
        }
        let hours = day.length().num_hours();
        days.push(ChartDay {
            from: day.from.timestamp(),
            to: day.to.timestamp(),
            weekday: format.weekday(date),
            date: format.date_short(date),
            tiny: if is_dense {
                format.date_tiny(date).trim_end_matches('.').to_owned()
            } else {
                format.date_tiny(date)
            },
            note: (hours != 24).then(|| format.fill("window_hours", &[("n", &hours.to_string())])),
        });
        date = add_days(date, 1);
    }
}

fn view(
    id: &'static str,
    range: TimeRange,
    points: &Points,
    input: &PriceInput,
    format: &Format,
) -> ChartView {
    let shown: Vec<&Point> = points.within(range.from, range.to).collect();
    let lowest = shown.iter().map(|p| p.quantiles.map_or(p.shown, |q| q[1].min(p.shown)));
    let highest = shown.iter().map(|p| p.quantiles.map_or(p.shown, |q| q[5].max(p.shown)));
    let low = lowest.fold(0.0, f64::min);
    let high = highest.fold(1.0, f64::max);
    let (ticks, low, high) = axis(low, high);
    let least = shown.iter().min_by(|a, b| a.shown.total_cmp(&b.shown)).copied();
    let most = shown.iter().max_by(|a, b| a.shown.total_cmp(&b.shown)).copied();
    let distinct = least.zip(most).is_some_and(|(a, b)| a.shown < b.shown);
    // A label below a point near the foot would lie across the words of the axis.
    let room = FOOT_SHARE * (high - low);
    let low = match least.filter(|point| distinct && point.shown < low + room) {
        Some(point) => rounded(point.shown - room),
        None => low,
    };
    let marks = if distinct {
        [(most, false), (least, true)]
            .into_iter()
            .filter_map(|(point, below)| Some(mark(point?, below)))
            .collect()
    } else {
        Vec::new()
    };
    ChartView {
        id,
        from: range.from.timestamp(),
        to: range.to.timestamp(),
        low,
        high,
        ticks,
        hours: if id == "near" { hour_ticks(range, format, input.zone) } else { Vec::new() },
        marks,
        summary: summary(least, most, range, points, input.simulated, format),
    }
}

/// A published number as it is, a forecast one marked as a guess.
fn known_or_about(point: &Point, number: String) -> String {
    if point.is_forecast() { about(&number) } else { number }
}

fn mark(point: &Point, below: bool) -> Mark {
    Mark {
        at: i64::midpoint(point.from.timestamp(), point.to.timestamp()),
        value: rounded(point.shown),
        label: known_or_about(point, number(point.shown, 1)),
        below,
    }
}

fn summary(
    least: Option<&Point>,
    most: Option<&Point>,
    range: TimeRange,
    points: &Points,
    simulated: bool,
    format: &Format,
) -> String {
    let (Some(least), Some(most)) = (least, most) else {
        return String::new();
    };
    let told = |point: &Point| known_or_about(point, format.price(point.shown));
    let (low, high) = (told(least), told(most));
    let extremes = if least.shown < most.shown {
        let (low_at, high_at) =
            (format.span(least.from, least.to), format.span(most.from, most.to));
        let values = [("low", &*low), ("low_at", &low_at), ("high", &*high), ("high_at", &high_at)];
        format.fill("sum_extremes", &values)
    } else {
        format.fill("sum_flat", &[("low", &low)])
    };
    if matches!(points.situation, Situation::Past { until } if until >= range.to) {
        return extremes; // all of it is known: nothing ends or begins here
    }
    let until = points.published_until().map(|until| format.end(until));
    let key = match (points.situation, points.seam().is_some()) {
        (Situation::Past { .. }, _) => "sum_past",
        (_, true) if simulated => "sum_both_simulated",
        (_, true) => "sum_both",
        (_, false) if until.is_some() && simulated => "sum_published_simulated",
        (_, false) if until.is_some() => "sum_published",
        (_, false) => "sum_forecast",
    };
    let until = until.unwrap_or_default();
    format!("{extremes} {}", format.fill(key, &[("until", &until)]))
}

/// Labels at 00, 06, 12 and 18 o'clock.
fn hour_ticks(range: TimeRange, format: &Format, zone: Tz) -> Vec<HourTick> {
    let first = local_date(range.from, zone);
    let is_crowded = range.length() > CROWDED;
    (0..3)
        .flat_map(|day| [0, 6, 12, 18].map(|hour| (add_days(first, day), hour)))
        .filter_map(|(date, hour)| Some(at_local(date, NaiveTime::from_hms_opt(hour, 0, 0)?, zone)))
        .filter(|at| range.contains(*at))
        .map(|at| {
            let time = format.time(at);
            let hour = time.split(':').next().unwrap_or(&time);
            let label = if is_crowded { hour.to_owned() } else { time };
            HourTick { at: at.timestamp(), label }
        })
        .collect()
}
