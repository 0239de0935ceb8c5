//! `/admin/sources/day`: one day of one subject: what came, what is odd, what was revised, what is
//! kept apart.

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::desk::{Answer, Desk, Place};
use super::jobs::Empty;
use super::matrix::{day_href, told};
use super::said::Said;
use super::sources_view::bytes;
use super::waiting::ApartRow;
use super::words;
use crate::access::audit::By;
use crate::base::ids::{Market, Product};
use crate::base::timeline::{TimeRange, day_range};
use crate::facts::archive::Archive;
use crate::facts::market::{PricePoint, Prices};
use crate::facts::quality::{DayCell, DayState, Filter, Quality, StoredReport};
use crate::platform::web::{AdminOnly, Form, Params, Problem, Require};
use crate::surfaces::dashboards::format::{Format, number};

/// Reports that the page shows.
const REPORTS: i64 = 10;
/// Values that the page shows: a day of minutes, and what was said twice.
const ROWS: i64 = 2_000;
/// Gaps that a report names.
const GAPS: usize = 12;

/// Registers the pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config.service(get_day).service(release_day).service(discard_day);
}

/// Which day of what.
#[derive(Debug, Deserialize)]
struct DayQuery {
    source: String,
    subject: String,
    day: NaiveDate,
}

impl DayQuery {
    fn range(&self) -> TimeRange {
        day_range(self.day, words::zone(&self.subject))
    }
}

#[derive(Debug, Serialize)]
struct DayView {
    facts: Vec<Fact>,
    reports: Vec<ReportView>,
    revisions: Vec<Revision>,
    apart: Vec<ApartRow>,
    /// Whether anything waits for a decision.
    is_open: bool,
    /// Where all of it is decided about.
    release: String,
    discard: String,
}

#[derive(Debug, Serialize)]
struct Fact {
    name: &'static str,
    value: String,
}

#[derive(Debug, Serialize)]
struct ReportView {
    came: String,
    badge: (&'static str, &'static str),
    counts: String,
    reasons: Vec<String>,
    gaps: Vec<String>,
    score: String,
    file: Option<FileView>,
}

#[derive(Debug, Serialize)]
struct FileView {
    id: String,
    url: String,
    size: String,
    result: String,
}

#[derive(Debug, Serialize)]
struct Revision {
    time: String,
    before: String,
    after: String,
    known: String,
}

#[get("/admin/sources/day")]
async fn get_day(
    who: Require<AdminOnly>,
    desk: Desk,
    (quality, archive, prices): (Data<Quality>, Data<Archive>, Data<Prices>),
    query: Params<DayQuery>,
) -> Result<HttpResponse, Problem> {
    let (format, now, query) = (desk.format(&who), desk.now(), query.0);
    let range = query.range();
    let of = (query.source.as_str(), query.subject.as_str());
    let cell = quality.day(of, query.day).await?;
    let reports = quality.reports_about(of, range, REPORTS).await?;
    let filter = Filter {
        source: Some(query.source.clone()),
        subject: Some(query.subject.clone()),
        from: Some(range.from),
        to: Some(range.to),
        ..Filter::default()
    };
    let apart = quality.quarantine(&filter, ROWS).await?;
    let mut shown = Vec::new();
    for report in &reports {
        let file = match report.raw_file_id {
            Some(id) => archive.find(id).await.map_err(Problem::internal)?,
            None => None,
        };
        let file = file.map(|file| FileView {
            id: file.raw_file_id.to_string(),
            url: file.arrival.url,
            size: bytes(file.size_bytes),
            result: file.parse_result.unwrap_or_default(),
        });
        shown.push(report_view(report, range, file, &format));
    }
    let is_open = apart.iter().any(|row| row.decision.is_none());
    let answer = answer(&query, (cell.as_ref(), is_open), &format);
    let href = day_href(&query.source, &query.subject, query.day);
    let act = |what: &str| href.replacen("/day?", &format!("/day/{what}?"), 1);
    let view = DayView {
        facts: facts(&query, cell.as_ref(), now, &format),
        reports: shown,
        revisions: revisions(&query.subject, range, &prices, &format).await?,
        is_open,
        apart: apart.iter().map(|row| ApartRow::of(row, &format)).collect(),
        release: act("release"),
        discard: act("discard"),
    };
    Ok(desk.show(&who, (Place::Sources, "admin/source_day.html"), &answer, &view))
}

fn answer(query: &DayQuery, (cell, is_open): (Option<&DayCell>, bool), format: &Format) -> Answer {
    let name = words::subject(&query.subject, format);
    let title = format!("{name}, {}", format.day(query.day));
    let Some(cell) = cell else {
        let lead = format.fill("adm_day_nothing", &[("title", &title)]);
        return Answer::new(lead, format.text("adm_day_nothing_advice"));
    };
    let lead = format!("{title}: {}.", told(cell, false, format));
    let advice = match cell.state {
        _ if is_open => format.text("adm_apart_advice"),
        DayState::Missing | DayState::Partial => format.text("adm_day_missing_advice"),
        _ => "",
    };
    Answer::new(lead, advice)
}

fn facts(
    query: &DayQuery,
    cell: Option<&DayCell>,
    now: DateTime<Utc>,
    format: &Format,
) -> Vec<Fact> {
    let fact = |key: &'static str, value: String| Fact { name: format.text(key), value };
    let at = |at: Option<DateTime<Utc>>| at.map_or_else(|| "–".to_owned(), |at| format.moment(at));
    let mut facts = vec![
        fact("adm_day_source", words::source(&query.source, format)),
        fact("adm_day_subject", query.subject.clone()),
    ];
    let Some(cell) = cell else { return facts };
    let missing = cell.expected.saturating_sub(cell.found);
    let late = match (cell.late_s, cell.expected_by) {
        (Some(0), _) => format.text("adm_day_in_time").to_owned(),
        (Some(late_s), _) => words::late(late_s, format),
        (None, Some(by)) if cell.state == DayState::Missing && by < now => format.age(now - by),
        (None, _) => "–".to_owned(),
    };
    facts.extend([
        fact("adm_day_expected", number(cell.expected as f64, 0)),
        fact("adm_day_found", number(cell.found as f64, 0)),
        fact("adm_day_missing", number(missing as f64, 0)),
        fact("adm_day_revised", number(cell.revised as f64, 0)),
        fact("adm_day_due", at(cell.expected_by)),
        fact("adm_day_complete", at(cell.first_complete_at)),
        fact("adm_day_late", late),
    ]);
    facts
}

fn report_view(
    report: &StoredReport,
    day: TimeRange,
    file: Option<FileView>,
    format: &Format,
) -> ReportView {
    let counts = report.counts;
    let missing = counts.expected.saturating_sub(counts.found);
    let all = [
        ("adm_day_found", counts.found),
        ("adm_day_missing", missing),
        ("adm_n_duplicates", counts.duplicates),
        ("adm_n_conflicts", counts.conflicts),
        ("adm_n_order", counts.out_of_order),
        ("adm_n_outside", counts.outside),
        ("adm_n_off_grid", counts.off_grid),
        ("adm_n_not_finite", counts.not_finite),
        ("adm_n_outliers", counts.outliers),
        ("adm_day_revised", counts.revised),
        ("adm_n_apart", report.quarantined),
    ];
    let told = all.iter().enumerate().filter(|(place, (_, count))| *place == 0 || *count > 0);
    let told =
        told.map(|(_, (key, count))| format!("{} {}", format.text(key), number(*count as f64, 0)));
    let batch = format.fill(
        "adm_day_batch",
        &[("from", &format.day(format.date_of(report.from))), ("to", &format.end(report.to))],
    );
    let step = chrono::Duration::seconds(report.interval_s.into());
    let ends =
        |from: DateTime<Utc>, slots: usize| from + step * i32::try_from(slots).unwrap_or(i32::MAX);
    let gaps =
        report.gaps.iter().filter(|gap| gap.from < day.to && ends(gap.from, gap.slots) > day.from);
    let date = format.date_of(day.from + chrono::Duration::hours(12));
    let own = report.reasons.iter().filter(|it| it.day.is_none_or(|other| other == date));
    ReportView {
        came: format.second(report.created_at),
        badge: words::verdict(report.verdict, format),
        counts: format!("{batch}: {}", told.collect::<Vec<_>>().join(" · ")),
        reasons: own.map(|reason| words::reason(reason, format)).collect(),
        gaps: gaps.take(GAPS).map(|gap| format.span(gap.from, ends(gap.from, gap.slots))).collect(),
        score: report.outlier_score.map_or_else(String::new, |score| {
            format.fill("adm_day_score", &[("score", &number(score, 1))])
        }),
        file,
    }
}

/// The prices of the day that were replaced, with what stands there now.
async fn revisions(
    subject: &str,
    range: TimeRange,
    prices: &Prices,
    format: &Format,
) -> Result<Vec<Revision>, Problem> {
    let Some((market, product)) = subject.strip_prefix("price:").and_then(|it| it.split_once(':'))
    else {
        return Ok(Vec::new());
    };
    let (Ok(market), Some(product)) = (Market::parse(market), Product::parse(product)) else {
        return Ok(Vec::new());
    };
    let history = prices.history(&market, product, range).await?;
    let value = |price: Option<f64>| price.map_or_else(|| "–".to_owned(), |price| number(price, 2));
    let row = |(place, old): (usize, &PricePoint)| {
        let later = history.revisions.get(place + 1).filter(|next| next.ts == old.ts);
        let now = history.latest.iter().find(|point| point.ts == old.ts);
        let new = later.or(now);
        Revision {
            time: format.time(old.ts),
            before: value(old.price_eur_mwh),
            after: value(new.and_then(|point| point.price_eur_mwh)),
            known: new.map_or_else(|| "–".to_owned(), |point| format.moment(point.known_at)),
        }
    };
    Ok(history.revisions.iter().enumerate().map(row).collect())
}

async fn decide(
    who: &Require<AdminOnly>,
    quality: &Quality,
    query: DayQuery,
    release: bool,
) -> Result<HttpResponse, Problem> {
    let of = (query.source.as_str(), query.subject.as_str());
    let range = query.range();
    let said = match quality.decide_day(of, range, release, &By::of(who)).await {
        Ok(0) => Said::DayNothing,
        Ok(_) if release => Said::DayReleased,
        Ok(_) => Said::DayDiscarded,
        Err(error) => super::sources::undecided(error)?,
    };
    Ok(said.then(&day_href(&query.source, &query.subject, query.day)))
}

#[post("/admin/sources/day/release")]
async fn release_day(
    who: Require<AdminOnly>,
    quality: Data<Quality>,
    query: Params<DayQuery>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    decide(&who, &quality, query.0, true).await
}

#[post("/admin/sources/day/discard")]
async fn discard_day(
    who: Require<AdminOnly>,
    quality: Data<Quality>,
    query: Params<DayQuery>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    decide(&who, &quality, query.0, false).await
}
