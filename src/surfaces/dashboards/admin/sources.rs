//! `/admin/sources`: how each source is, what it delivered day by day, what waits for a decision.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::changes::{ChangeRow, FollowerRow};
use super::desk::{Answer, Desk, Link, Note, Place};
use super::jobs::Empty;
use super::kafka_view::KafkaView;
use super::matrix::{self, MatrixView};
use super::said::Said;
use super::sources_view::{SourceView, fails};
use super::waiting::{ApartDay, LetterRow};
use super::words;
use crate::access::audit::By;
use crate::base::timeline::local_date;
use crate::facts::archive::Archive;
use crate::facts::changes::Changes;
use crate::facts::ingest::FetchJob;
use crate::facts::ingest::Ingest;
use crate::facts::ingest::Part;
use crate::facts::ingest::SourceStatus;
use crate::facts::kafka::Kafka;
use crate::facts::quality::{
    DayCell, DayState, Filter, Matrix, MatrixRow, Quality, QualityError, Quarantined, Waiting,
};
use crate::operations::jobs::Queue;
use crate::platform::web::{AdminOnly, Form, Params, Path, Problem, Require};
use crate::surfaces::dashboards::format::Format;

/// Days that the matrix shows, and those of the long view.
const DAYS: u16 = 14;
const DAYS_LONG: u16 = 90;
/// Values that wait that the page counts; what is beyond shows when these are decided.
const APART: i64 = 5_000;
/// Dead letters that the page shows.
const LETTERS: i64 = 20;

/// Where on the page that is which waits, and what leads there.
const APART_AT: (&str, &str) = ("#apart", "adm_apart_to");
const LETTERS_AT: (&str, &str) = ("#letters", "adm_letters_to");
const CHANGES_AT: (&str, &str) = ("#changes", "adm_chg_to");
/// What is said of payloads that nobody can read: of one, of many, and what to do.
const LETTERS_SAID: [&str; 3] = ["adm_letters_one", "adm_letters_many", "adm_letters_advice"];

/// Registers the pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config
        .service(get_sources)
        .service(fetch_now)
        .service(release_row)
        .service(discard_row)
        .service(resolve_letter);
}

/// How many days.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SourcesQuery {
    days: String,
}

#[derive(Debug, Serialize)]
struct SourcesView {
    sources: Vec<SourceView>,
    /// Sources that nobody has set up and that have never delivered anything.
    idle: Vec<SourceView>,
    next: String,
    spans: Vec<Link>,
    matrix: MatrixView,
    apart: Vec<ApartDay>,
    letters: Vec<LetterRow>,
    followers: Vec<FollowerRow>,
    changes: Vec<ChangeRow>,
    kafka: Option<KafkaView>,
}

#[get("/admin/sources")]
async fn get_sources(
    who: Require<AdminOnly>,
    desk: Desk,
    (ingest, archive, quality, queue): (Data<Ingest>, Data<Archive>, Data<Quality>, Data<Queue>),
    changes: Data<Changes>,
    kafka: Data<Kafka>,
    query: Params<SourcesQuery>,
) -> Result<HttpResponse, Problem> {
    let (format, now) = (desk.format(&who), desk.now());
    let is_long = query.0.days == DAYS_LONG.to_string();
    let sources = ingest.sources().await?;
    let answers = archive.answers_today().await.map_err(Problem::internal)?;
    let matrix = quality.matrix(if is_long { DAYS_LONG } else { DAYS }).await?;
    let open = Filter { is_open: true, ..Filter::default() };
    let apart = quality.quarantine(&open, APART).await?;
    let letters = quality.dead_letters(&open, LETTERS).await?;
    let planned = queue.schedules().await?.into_iter().find(|it| it.name == FetchJob::PRICES);
    let next = planned.as_ref().filter(|it| it.is_enabled).and_then(|it| it.next_at);
    let followers = changes.states().await?;
    let dead: i64 = followers.iter().map(|state| state.dead_letters).sum();
    let waiting = (quality.waiting().await?, dead);
    let dead = changes.letters(false, None, LETTERS).await?;
    let answer = answer(&sources, &matrix, waiting, (next, now), &format);
    let link = |days: u16, key| {
        let days = if days == DAYS { String::new() } else { days.to_string() };
        Link::query(Place::Sources, &[("days", &days)], format.text(key))
    };
    let is_idle = |it: &&SourceStatus| !it.is_enabled && it.subjects.is_empty();
    let (idle, used): (Vec<_>, Vec<_>) = sources.iter().partition(is_idle);
    let views = |all: Vec<&SourceStatus>| -> Vec<SourceView> {
        all.into_iter().map(|it| SourceView::of(it, &answers, now, &format)).collect()
    };
    let view = SourcesView {
        sources: views(used),
        idle: views(idle),
        next: match (&planned, next) {
            (_, Some(at)) => format.fill("adm_src_next", &[("time", &format.moment(at))]),
            (Some(_), None) => format.text("adm_src_paused").to_owned(),
            (None, None) => format.text("adm_src_unplanned").to_owned(),
        },
        spans: vec![
            link(DAYS, "adm_mx_14").current(!is_long),
            link(DAYS_LONG, "adm_mx_90").current(is_long),
        ],
        matrix: matrix::view(&matrix, now, &format),
        apart: ApartDay::all(&apart, &format),
        kafka: KafkaView::of(&kafka.status().await?, now, &format),
        letters: letters.iter().map(|letter| LetterRow::of(letter, &format)).collect(),
        followers: followers.iter().map(|state| FollowerRow::of(state, &format)).collect(),
        changes: dead.iter().map(|letter| ChangeRow::of(letter, &format)).collect(),
    };
    Ok(desk.show(&who, (Place::Sources, "admin/sources.html"), &answer, &view))
}

/// The subjects of which today is not as it should be, whoever delivers them, with the best there is.
fn stale(matrix: &Matrix) -> Vec<(&MatrixRow, &DayCell)> {
    let mut best: BTreeMap<&str, (&MatrixRow, &DayCell)> = BTreeMap::new();
    for row in matrix.rows.iter().filter(|row| !row.is_simulated) {
        let Some(cell) = row.cells.last().filter(|cell| cell.state != DayState::NotAsked) else {
            continue;
        };
        let known = best.entry(&row.subject).or_insert((row, cell));
        if cell.found > known.1.found {
            *known = (row, cell);
        }
    }
    let is_stale = |cell: &DayCell| matches!(cell.state, DayState::Missing | DayState::Partial);
    best.into_values().filter(|(_, cell)| is_stale(cell)).collect()
}

/// What waits for a person: how much, what to do, where.
fn waits(
    (waiting, dead_changes): (Waiting, i64),
    format: &Format,
) -> Vec<(String, String, (&'static str, &'static str))> {
    let all = [
        (waiting.quarantined, ["adm_apart_one", "adm_apart_many", "adm_apart_advice"], APART_AT),
        (waiting.dead_letters, LETTERS_SAID, LETTERS_AT),
        (dead_changes, ["adm_chg_one", "adm_chg_many", "adm_chg_advice"], CHANGES_AT),
    ];
    let told = all.into_iter().filter(|(n, ..)| *n > 0).map(|(n, [one, many, advice], anchor)| {
        let title = if n == 1 {
            format.text(one).to_owned()
        } else {
            format.fill(many, &[("n", &n.to_string())])
        };
        (title, format.text(advice).to_owned(), anchor)
    });
    told.collect()
}

/// Whether something needs a person. Nothing is called well while what it rests on is stale.
fn answer(
    sources: &[SourceStatus],
    matrix: &Matrix,
    waiting: (Waiting, i64),
    (next, now): (Option<DateTime<Utc>>, DateTime<Utc>),
    format: &Format,
) -> Answer {
    let mut found: Vec<(String, Note)> = Vec::new();
    let mut add = |kind, title: String, text: String, anchor: Option<(&str, &'static str)>| {
        let link = anchor.map(|(at, key)| Link::new(at, format.text(key)));
        found.push((title.clone(), Note { kind, title, text, link }));
    };
    for (row, cell) in stale(matrix) {
        let (held, expected) = (cell.found.to_string(), cell.expected.to_string());
        let name = words::subject(&row.subject, format);
        let parts = [("name", name.as_str()), ("found", &held), ("expected", &expected)];
        let href = matrix::day_href(&row.source, &row.subject, cell.day);
        let advice = match next {
            Some(at) => format.fill("adm_src_next", &[("time", &format.moment(at))]),
            None => format.text("adm_src_stale_advice").to_owned(),
        };
        add("err", format.fill("adm_src_stale", &parts), advice, Some((&href, "adm_src_to_day")));
    }
    for source in sources.iter().filter(|source| fails(source)) {
        let name = words::source(source.name, format);
        let failed = source.subjects.iter().filter(|subject| subject.failure.is_some());
        let since = failed.filter_map(|subject| subject.last_success_at).min();
        let text = since.map_or_else(
            || format.text("adm_src_never").to_owned(),
            |at| format.fill("adm_src_since", &[("age", &format.age(now - at))]),
        );
        let title = format.fill("adm_src_failing", &[("name", &name)]);
        add("stale", title, text, Some(("#sources-title", "adm_src_to_source")));
    }
    for (title, text, anchor) in waits(waiting, format) {
        add("stale", title, text, Some(anchor));
    }
    if let Some((lead, first)) = found.first() {
        let advice = first.text.clone();
        return Answer {
            lead: lead.clone(),
            advice,
            notes: found.into_iter().map(|(_, note)| note).collect(),
        };
    }
    let complete =
        |row: &MatrixRow| row.cells.last().is_some_and(|cell| cell.state == DayState::Complete);
    let has_real = matrix.rows.iter().any(|row| !row.is_simulated && complete(row));
    let (lead, advice) = if has_real {
        ("adm_src_calm", "adm_src_calm_advice")
    } else if sources.iter().any(|source| source.is_enabled) {
        ("adm_src_none_yet", "adm_src_none_yet_advice")
    } else {
        ("adm_src_all_off", "adm_src_all_off_advice")
    };
    Answer::new(format.text(lead), format.text(advice))
}

#[post("/admin/sources/{name}/fetch")]
async fn fetch_now(
    who: Require<AdminOnly>,
    queue: Data<Queue>,
    ingest: Data<Ingest>,
    name: Path<String>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    let subjects = ingest.subjects(Some(&name))?;
    let wish = json!({"force": true, "source": name.as_str()});
    for part in subjects.iter().map(Part::of).collect::<BTreeSet<_>>() {
        queue.run_with(part.job(), wish.clone(), &By::of(&who), Some(who.user_id)).await?;
    }
    let said = if subjects.is_empty() { Said::FetchNothing } else { Said::FetchAsked };
    Ok(said.then(Place::Sources.path()))
}

/// What to say when a decision was not carried out; what is a fault of its own stays one.
pub(super) fn undecided(error: QualityError) -> Result<Said, Problem> {
    match error {
        QualityError::Decided { .. } => Ok(Said::RowDecided),
        QualityError::NoNumber(_) | QualityError::NoKeeper(_) | QualityError::Refused(_) => {
            Ok(Said::RowKept)
        }
        error => Err(error.into()),
    }
}

/// The page of the day of a value.
fn day_of(row: &Quarantined) -> String {
    let day = local_date(row.ts, words::zone(&row.subject));
    matrix::day_href(&row.source, &row.subject, day)
}

#[post("/admin/sources/quarantine/{row_id}/release")]
async fn release_row(
    who: Require<AdminOnly>,
    quality: Data<Quality>,
    row_id: Path<Uuid>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    match quality.release(*row_id, &By::of(&who)).await {
        Ok(row) => Ok(Said::RowReleased.then(&day_of(&row))),
        Err(error) => Ok(undecided(error)?.then(Place::Sources.path())),
    }
}

#[post("/admin/sources/quarantine/{row_id}/discard")]
async fn discard_row(
    who: Require<AdminOnly>,
    quality: Data<Quality>,
    row_id: Path<Uuid>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    match quality.discard(*row_id, &By::of(&who)).await {
        Ok(row) => Ok(Said::RowDiscarded.then(&day_of(&row))),
        Err(error) => Ok(undecided(error)?.then(Place::Sources.path())),
    }
}

#[post("/admin/sources/letters/{letter_id}/resolve")]
async fn resolve_letter(
    who: Require<AdminOnly>,
    quality: Data<Quality>,
    letter_id: Path<Uuid>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    let said = match quality.resolve(*letter_id, &By::of(&who)).await {
        Ok(_) => Said::LetterResolved,
        Err(QualityError::NotFound(..)) => Said::LetterGone,
        Err(error) => return Err(error.into()),
    };
    Ok(said.then(Place::Sources.path()))
}
