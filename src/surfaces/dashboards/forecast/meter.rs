//! The coming week of a meter behind its last readings, with how good such forecasts are.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::plot::{Plot, Step};
use super::tables::Row;
use super::view::Choice;
use crate::algorithms::forecasting::site::DAYS_MIN;
use crate::algorithms::forecasting::site::Kind;
use crate::base::timeline::{TimeRange, add_days, day_range, local_date};
use crate::facts::meters::Meter;
use crate::facts::meters::Rollup;
use crate::learning::site_forecasts::PublishedForecast;
use crate::learning::site_forecasts::SiteNote;
use crate::surfaces::dashboards::catalogue::Language;
use crate::surfaces::dashboards::format::{Format, number};
use crate::surfaces::dashboards::pricing::Status;

/// Unit of power.
const UNIT: &str = "kW";

/// What the page of a meter's coming week is made from.
pub struct MeterInput {
    /// Meters that the reader sees.
    pub meters: Vec<Meter>,
    /// The one that is shown; absent where there is none.
    pub meter: Option<Meter>,
    /// Load or production.
    pub kind: Kind,
    /// The forecast, or the days with readings that there are where those are too few.
    pub forecast: Result<PublishedForecast, Option<usize>>,
    /// Its readings of the last days, by quarter hour.
    pub readings: Vec<Rollup>,
}

/// The page of a meter's coming week.
#[derive(Debug, Clone, Serialize)]
pub struct MeterView {
    status: Status,
    title: String,
    meters: Vec<Choice>,
    kinds: Vec<Choice>,
    notes: Vec<String>,
    /// The drawing; empty without a forecast.
    svg: String,
    summary: String,
    rows: Vec<Row>,
    peaks: Vec<Row>,
    peaks_text: String,
    model: Vec<Row>,
    model_text: String,
    leads: Vec<Row>,
    simulated: bool,
    foot: Vec<String>,
}

/// Turns a meter's forecast into its page.
pub fn meter(input: &MeterInput, language: Language, now: DateTime<Utc>) -> MeterView {
    let zone = input.meter.as_ref().and_then(|meter| meter.time_zone.parse().ok());
    let zone: Tz = zone.unwrap_or(Tz::UTC);
    let format = Format::new(language, zone).read_at(now).in_unit(UNIT);
    let mut view = MeterView {
        status: status(input, &format),
        title: input.meter.as_ref().map_or_else(String::new, |meter| meter.name.clone()),
        meters: meters(input),
        kinds: kinds(input, &format),
        notes: Vec::new(),
        svg: String::new(),
        summary: String::new(),
        rows: Vec::new(),
        peaks: Vec::new(),
        peaks_text: String::new(),
        model: Vec::new(),
        model_text: String::new(),
        leads: Vec::new(),
        simulated: input.meter.as_ref().is_some_and(|meter| meter.is_simulated),
        foot: vec![
            format.text("fm_foot").to_owned(),
            format.fill("foot_zone", &[("zone", zone.name())]),
        ],
    };
    if let Ok(forecast) = &input.forecast {
        view.notes = forecast
            .detail
            .notes
            .iter()
            .map(|note| match note {
                SiteNote::OldReadings => format.text("fm_note_old").to_owned(),
                SiteNote::PowerAtNight => format.text("fm_note_night").to_owned(),
            })
            .collect();
        view.svg = drawing(input, forecast, &format);
        view.summary = summary(forecast, &format);
        view.rows = days(forecast, &format).iter().map(|day| day.row(&format)).collect();
        (view.peaks_text, view.peaks) = peaks(forecast, &format);
        view.model = model(forecast, &format);
        view.model_text = verdict(forecast, &format);
        view.leads = leads(forecast, &format);
    }
    view
}

/// Address of the page for other choices.
fn address(meter_id: &str, kind: Kind) -> String {
    let pairs = [("meter", meter_id), ("kind", kind.name())];
    format!("/forecast/meter?{}", serde_urlencoded::to_string(pairs).unwrap_or_default())
}

fn meters(input: &MeterInput) -> Vec<Choice> {
    let shown = input.meter.as_ref().map(|meter| meter.meter_id.as_str());
    let several = input.meters.len() > 1;
    let choice = |meter: &Meter| {
        let href = address(&meter.meter_id, input.kind);
        Choice::new(meter.name.clone(), href, shown == Some(meter.meter_id.as_str()))
    };
    input.meters.iter().filter(|_| several).map(choice).collect()
}

const fn kind_key(kind: Kind) -> &'static str {
    match kind {
        Kind::Load => "fm_load",
        Kind::Pv => "fm_pv",
    }
}

fn kinds(input: &MeterInput, format: &Format) -> Vec<Choice> {
    let Some(meter) = &input.meter else { return Vec::new() };
    let choice = |kind: Kind| {
        let label = format.text(kind_key(kind)).to_owned();
        Choice::new(label, address(&meter.meter_id, kind), kind == input.kind)
    };
    Kind::ALL.map(choice).to_vec()
}

fn status(input: &MeterInput, format: &Format) -> Status {
    let say = |lead: String, advice: Option<String>| Status { lead, advice };
    if input.meter.is_none() {
        return say(
            format.text("fm_no_meter").to_owned(),
            Some(format.text("fm_no_meter_do").to_owned()),
        );
    }
    match &input.forecast {
        Err(Some(days)) => {
            let values = [("days", days.to_string()), ("least", DAYS_MIN.to_string())];
            let values = values.each_ref().map(|(key, text)| (*key, text.as_str()));
            say(format.text("fm_none").to_owned(), Some(format.fill("fm_too_short", &values)))
        }
        Err(None) => {
            say(format.text("fm_none").to_owned(), Some(format.text("fm_none_do").to_owned()))
        }
        Ok(forecast) => {
            let days = days(forecast, format);
            let tomorrow = days.get(1).or_else(|| days.first());
            let values = tomorrow.map(|day| (format.day(day.date), number(day.energy_kwh, 1)));
            let (day, energy) = values.unwrap_or_default();
            let key = match input.kind {
                Kind::Load => "fm_say_load",
                Kind::Pv => "fm_say_pv",
            };
            say(format.fill(key, &[("day", &day), ("energy", &energy)]), None)
        }
    }
}

/// One local day of a forecast.
struct Day {
    date: NaiveDate,
    energy_kwh: f64,
    highest_kw: f64,
    highest_at: DateTime<Utc>,
    /// Highest upper end of the 80 % band.
    at_most_kw: f64,
}

impl Day {
    fn row(&self, format: &Format) -> Row {
        Row {
            name: format.day(self.date),
            href: String::new(),
            cells: vec![
                number(self.energy_kwh, 1),
                number(self.highest_kw, 2),
                format.time(self.highest_at),
                number(self.at_most_kw, 2),
            ],
        }
    }
}

/// The days of a forecast; the first and the last may be parts.
fn days(forecast: &PublishedForecast, format: &Format) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for point in &forecast.points {
        let date = format.date_of(point.ts);
        let at_most_kw = f64::from(point.quantiles_kw[5]);
        match days.last_mut().filter(|day| day.date == date) {
            Some(day) => {
                day.energy_kwh += point.power_kw / 4.0;
                day.at_most_kw = day.at_most_kw.max(at_most_kw);
                if point.power_kw > day.highest_kw {
                    (day.highest_kw, day.highest_at) = (point.power_kw, point.ts);
                }
            }
            None => days.push(Day {
                date,
                energy_kwh: point.power_kw / 4.0,
                highest_kw: point.power_kw,
                highest_at: point.ts,
                at_most_kw,
            }),
        }
    }
    days
}

fn summary(forecast: &PublishedForecast, format: &Format) -> String {
    let energy: f64 = forecast.points.iter().map(|point| point.power_kw / 4.0).sum();
    let values = [
        ("issued", format.moment(forecast.issued_at)),
        ("known", format.moment(forecast.known_until)),
        ("energy", number(energy, 0)),
    ];
    format.fill("fm_sum", &values.each_ref().map(|(key, text)| (*key, text.as_str())))
}

fn peaks(forecast: &PublishedForecast, format: &Format) -> (String, Vec<Row>) {
    let Some(peaks) = &forecast.detail.peaks else { return (String::new(), Vec::new()) };
    let row = |day: &crate::learning::site_forecasts::PeakChance| Row {
        name: format.day(day.date),
        href: String::new(),
        cells: vec![
            day.threshold_kw.map_or("–".to_owned(), |it| number(it, 2)),
            day.probability.map_or("–".to_owned(), |it| number(100.0 * it, 0)),
        ],
    };
    let text = peaks.report.as_ref().map_or_else(
        || format.text("fm_peaks_none").to_owned(),
        |report| {
            let key = match (peaks.by_trees, report.brier) {
                (true, _) => "fm_peaks_trees",
                (false, Some(_)) => "fm_peaks_base",
                (false, None) => "fm_peaks_rare",
            };
            let values = [
                ("brier", number(report.brier.unwrap_or_default(), 3)),
                ("base", number(report.brier_base_rate, 3)),
                ("n", report.n.to_string()),
                ("events", report.events.to_string()),
            ];
            format.fill(key, &values.each_ref().map(|(key, text)| (*key, text.as_str())))
        },
    );
    let known = peaks.missing.is_none();
    (text, peaks.days.iter().filter(|_| known).map(row).collect())
}

fn verdict(forecast: &PublishedForecast, format: &Format) -> String {
    let report = &forecast.detail.model;
    let Some(trees) = report.trees_mae_kw else {
        return format.text("fm_verdict_early").to_owned();
    };
    let key =
        if report.mae_kw < report.baseline_mae_kw { "fm_verdict_trees" } else { "fm_verdict_base" };
    let values = [
        ("trees", number(trees, 3)),
        ("baseline", number(report.baseline_mae_kw, 3)),
        ("days", ((report.holdout_to_s - report.holdout_from_s) / 86_400).to_string()),
    ];
    format.fill(key, &values.each_ref().map(|(key, text)| (*key, text.as_str())))
}

fn model(forecast: &PublishedForecast, format: &Format) -> Vec<Row> {
    let report = &forecast.detail.model;
    let row = |key: &'static str, cell: String| Row {
        name: format.text(key).to_owned(),
        href: String::new(),
        cells: vec![cell],
    };
    let kw = |value: f64| format!("{} {UNIT}", number(value, 3));
    let mut rows = vec![
        row("fm_model", forecast.model_label.clone()),
        row("fm_mae", kw(report.mae_kw)),
        row("fm_baseline", kw(report.baseline_mae_kw)),
        row("fm_week_ago", kw(report.week_ago_mae_kw)),
        row("fm_band", format!("{} %", number(report.coverage_80_percent, 0))),
        row("fm_days", report.days.to_string()),
    ];
    if let Some(accuracy) = &forecast.accuracy {
        rows.push(row("fm_accuracy", kw(accuracy.mae_kw)));
    }
    rows
}

fn leads(forecast: &PublishedForecast, format: &Format) -> Vec<Row> {
    let Some(accuracy) = &forecast.accuracy else { return Vec::new() };
    let row = |lead: &crate::learning::site_forecasts::SiteLeadScore| Row {
        name: format.fill("fm_to_h", &[("h", &lead.to_h.to_string())]),
        href: String::new(),
        cells: vec![
            number(lead.mae_kw, 3),
            number(lead.coverage_80_percent, 0),
            lead.n.to_string(),
        ],
    };
    accuracy.by_lead.iter().map(row).collect()
}

/// Readings, and behind them the forecast with its bands.
fn drawing(input: &MeterInput, forecast: &PublishedForecast, format: &Format) -> String {
    let points = &forecast.points;
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return String::new() };
    let quarter = Duration::minutes(15);
    let begin = input.readings.first().map_or(first.ts, |reading| reading.ts.min(first.ts));
    let shown = TimeRange::new(begin, last.ts + quarter);
    let length_s = shown.length().num_seconds().max(1) as f64;
    let x = |at: DateTime<Utc>| (at - shown.from).num_seconds() as f64 / length_s * 100.0;
    let power = |reading: &Rollup| match input.kind {
        Kind::Load => reading.consumption_kw,
        Kind::Pv => reading.production_kw,
    };
    let read: Vec<Step> = input
        .readings
        .iter()
        .filter(|reading| reading.ts < first.ts)
        .filter_map(|reading| Some((x(reading.ts), x(reading.ts + quarter), power(reading)?)))
        .collect();
    let band = |low: usize, high: usize| -> Vec<(f64, f64, f64, f64)> {
        let of = |point: &crate::learning::site_forecasts::SitePoint| {
            let ends = [low, high].map(|level| f64::from(point.quantiles_kw[level]));
            (x(point.ts), x(point.ts + quarter), ends[0], ends[1])
        };
        points.iter().map(of).collect()
    };
    let ends = points.iter().map(|point| f64::from(point.quantiles_kw[5]).max(point.power_kw));
    let mut plot = Plot::new(("week-title", "week-sum"), UNIT, {
        read.iter().map(|(.., value)| *value).chain(ends)
    });
    let mut day = add_days(local_date(shown.from, format.zone()), 1);
    while day_range(day, format.zone()).from < shown.to {
        let at = day_range(day, format.zone()).from;
        plot.upright(x(at));
        let middle = x(at + Duration::hours(12));
        if middle < 98.0 {
            plot.below("yl", middle, format.weekday(day));
        }
        day = add_days(day, 1);
    }
    plot.band("b8", &band(1, 5));
    plot.band("b5", &band(2, 4));
    let steps = points.iter().map(|it| (x(it.ts), x(it.ts + quarter), it.power_kw));
    plot.steps("f", &steps.collect::<Vec<Step>>());
    plot.steps("p", &read);
    plot.finish()
}
