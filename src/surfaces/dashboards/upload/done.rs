//! What became of a file, with a way to where its values are seen.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::room::Room;
use super::values::{left_out, whole};
use crate::base::timeline::{TimeRange, add_days, day_range, local_date};
use crate::facts::imports::{Dropped, ImportReport, ReadingReport, WeatherReport};
use crate::facts::meters::{Resolution, Rollup};
use crate::facts::uploads::StagedFile;
use crate::platform::web::{Principal, Problem};
use crate::surfaces::dashboards::format::{Format, number};

/// Days that are shown.
const DAYS_SHOWN: i64 = 14;

#[derive(Debug, Serialize)]
struct DoneView {
    lead: String,
    soft: String,
    file_name: String,
    subject: String,
    span: String,
    links: Vec<Link>,
    left_out: Vec<String>,
    notes: Vec<String>,
    days: Vec<Day>,
    series: Vec<SeriesRow>,
}

#[derive(Debug, Serialize)]
struct Link {
    href: String,
    text: String,
}

/// What a meter took and gave in a day.
#[derive(Debug, Serialize)]
struct Day {
    date: String,
    consumption: String,
    production: String,
    covered: String,
    /// Consumption against that of the greatest day, in per cent.
    share: u8,
}

/// A series of weather.
#[derive(Debug, Serialize)]
struct SeriesRow {
    name: String,
    header: String,
    href: String,
    values: String,
    range: String,
}

/// What any report tells.
struct Told<'r> {
    stored: u64,
    unchanged: u64,
    span: (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    dropped: &'r [Dropped],
    notes: &'r [String],
}

fn view(staged: &StagedFile, told: &Told<'_>, format: &Format) -> DoneView {
    let parts = [("n", whole(told.stored)), ("unchanged", whole(told.unchanged))];
    let parts: Vec<(&str, &str)> =
        parts.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let lead = match told.stored {
        0 => format.fill("up_done_nothing", &parts),
        _ => format.fill("up_done", &parts),
    };
    let span = match told.span {
        (Some(first), Some(last)) => {
            let text =
                |at| format!("{} {}", format.date_whole(format.date_of(at)), format.time(at));
            format.fill("up_done_span", &[("from", &text(first)), ("to", &text(last))])
        }
        _ => String::new(),
    };
    DoneView {
        lead,
        soft: format.text("up_done_soft").to_owned(),
        file_name: staged.file.file_name.clone(),
        subject: staged.file.subject.clone(),
        span,
        links: Vec::new(),
        left_out: left_out(told.dropped),
        notes: told.notes.to_vec(),
        days: Vec::new(),
        series: Vec::new(),
    }
}

/// The page about stored readings, with the last days of the file.
pub(super) async fn stored_readings(
    room: &Room,
    who: &Principal,
    staged: &StagedFile,
    report: &ReadingReport,
) -> Result<HttpResponse, Problem> {
    let format = room.format(who);
    let told = Told {
        stored: report.stored,
        unchanged: report.unchanged,
        span: (report.first, report.last),
        dropped: &report.dropped,
        notes: &report.notes,
    };
    let mut view = view(staged, &told, &format);
    if let Some(last) = report.last {
        let meter = room.meters.get(who, &report.meter_id).await?;
        let zone: Tz = meter.time_zone.parse().unwrap_or(Tz::UTC);
        let last_day = local_date(last, zone);
        let first_day = add_days(last_day, 1 - DAYS_SHOWN);
        let range = TimeRange::new(day_range(first_day, zone).from, day_range(last_day, zone).to);
        let rollups = room.meters.rollups(&report.meter_id, zone, range, Resolution::Day).await?;
        view.days = days(&rollups, &format, zone);
        view.links.push(Link {
            href: format!(
                "/api/meters/{}/readings?from={first_day}&to={last_day}&resolution=15min",
                report.meter_id
            ),
            text: format.text("up_see_readings").to_owned(),
        });
    }
    Ok(room.show(StatusCode::OK, who, "upload_done.html", &view))
}

fn days(rollups: &[Rollup], format: &Format, zone: Tz) -> Vec<Day> {
    let energy = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |kwh| number(kwh, 1));
    let most = rollups.iter().filter_map(|day| day.consumption_kwh).fold(0.0, f64::max);
    rollups
        .iter()
        .map(|day| Day {
            date: format.day_of_any_year(local_date(day.ts, zone)),
            consumption: energy(day.consumption_kwh),
            production: energy(day.production_kwh),
            covered: {
                let share = day.covered_s as f64 / f64::from(day.interval_s) * 100.0;
                format!("{}\u{a0}%", number(share.floor(), 0))
            },
            share: share(day.consumption_kwh.unwrap_or_default(), most),
        })
        .collect()
}

/// `part` of `whole` in whole per cent.
fn share(part: f64, whole: f64) -> u8 {
    if whole <= 0.0 {
        return 0;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "is 0 to 100")]
    let share = (part / whole * 100.0).round().clamp(0.0, 100.0) as u8;
    share
}

/// The page about stored prices.
pub(super) fn stored_prices(
    room: &Room,
    who: &Principal,
    staged: &StagedFile,
    report: &ImportReport,
) -> HttpResponse {
    let format = room.format(who);
    let told = Told {
        stored: report.stored,
        unchanged: report.unchanged,
        span: (report.first, report.last),
        dropped: &report.dropped,
        notes: &report.notes,
    };
    let mut view = view(staged, &told, &format);
    if let Some(first) = report.first {
        let day = local_date(first, report.market.time_zone());
        let (market, product) = (report.market.code(), report.product.name());
        view.links.push(Link {
            href: format!("/prices?market={market}&product={product}&from={day}"),
            text: format.fill("up_see_prices", &[("market", market)]),
        });
    }
    room.show(StatusCode::OK, who, "upload_done.html", &view)
}

/// The page about stored weather.
pub(super) fn stored_weather(
    room: &Room,
    who: &Principal,
    staged: &StagedFile,
    report: &WeatherReport,
) -> HttpResponse {
    let format = room.format(who);
    let told = Told {
        stored: report.stored,
        unchanged: report.unchanged,
        span: (report.first, report.last),
        dropped: &report.dropped,
        notes: &report.notes,
    };
    let mut view = view(staged, &told, &format);
    let last = report.last.unwrap_or(room.now);
    let day = |at: DateTime<Utc>| at.format("%Y-%m-%dT00:00:00Z").to_string();
    let (from, to) =
        (day(last - chrono::Duration::days(DAYS_SHOWN)), day(last + chrono::Duration::days(1)));
    view.series = report
        .series
        .iter()
        .map(|series| SeriesRow {
            name: series.name.clone(),
            header: series.header.clone(),
            href: format!("/api/grid/{}?from={from}&to={to}", series.name),
            values: whole(series.stored + series.unchanged),
            range: format.fill(
                "up_range",
                &[
                    ("least", &number(series.least, 1)),
                    ("most", &number(series.most, 1)),
                    ("unit", series.unit),
                ],
            ),
        })
        .collect();
    room.show(StatusCode::OK, who, "upload_done.html", &view)
}
