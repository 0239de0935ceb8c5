//! How a file is read, and the word to store it.

use actix_web::http::StatusCode;
use actix_web::web::ServiceConfig;
use actix_web::{HttpResponse, get, post};
use serde::Serialize;
use uuid::Uuid;

use super::done::{stored_prices, stored_readings, stored_weather};
use super::mapping::{
    Fields, kinds, natures, price_fields, price_options, price_roles, price_units, reading_fields,
    reading_options, reading_roles, reading_units, weather_fields, weather_options, weather_roles,
    zones,
};
use super::room::Room;
use super::values::{
    Choice, ColumnRow, Count, Finding, Hidden, RowView, brings_all, column_rows, findings,
    kind_text, layout, left_out, row_views, whole,
};
use crate::access::audit::By;
use crate::base::ids::Market;
use crate::facts::consumption::ConsumptionError;
use crate::facts::imports::{
    BadRow, Dropped, ImportError, ImportFailure, SampleRow, TableLook, look_at_prices,
    look_at_readings, look_at_weather, parse_prices, parse_weather,
};
use crate::facts::uploads::{FileKind, StagedFile};
use crate::platform::web::{Form, Params, Path, Person, Principal, Problem, Require};
use crate::surfaces::dashboards::format::Format;

/// Registers the pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config.service(get_check).service(post_store);
}

/// How a file is read.
#[derive(Debug, Serialize)]
struct CheckView {
    path: String,
    file_name: String,
    subject: String,
    kind: &'static str,
    kind_name: &'static str,
    lead: String,
    soft: String,
    layout: String,
    columns: Vec<ColumnRow>,
    rows: Vec<RowView>,
    /// Selects beneath the columns.
    picks: Vec<Pick>,
    marks_end: Option<bool>,
    skip: bool,
    counts: Vec<Count>,
    findings: Vec<Finding>,
    more_findings: String,
    notes: Vec<String>,
    left_out: Vec<String>,
    /// Why the file cannot be read as it stands.
    problem: String,
    hidden: Vec<Hidden>,
    store: String,
    may_store: bool,
}

/// A select that is about the whole file.
#[derive(Debug, Serialize)]
struct Pick {
    name: &'static str,
    label: &'static str,
    all: Vec<Choice>,
}

/// What the preview of any kind of file tells.
struct Seen {
    table: TableLook,
    rows: Vec<SampleRow>,
    wrong: (Vec<BadRow>, u64),
    outcome: Result<Outcome, ImportError>,
    columns: Vec<ColumnRow>,
    picks: Vec<Pick>,
    marks_end: Option<bool>,
    hidden: Vec<Hidden>,
}

/// What would be stored.
struct Outcome {
    rows_read: u64,
    stored: u64,
    unchanged: u64,
    refused: u64,
    dropped: Vec<Dropped>,
    notes: Vec<String>,
}

/// How the file would be read with these choices; nothing is stored.
#[get("/upload/{staged_file_id}")]
async fn get_check(
    who: Require<Person>,
    room: Room,
    staged_file_id: Path<Uuid>,
    query: Params<Fields>,
) -> Result<HttpResponse, Problem> {
    let staged = room.staged.get(who.user_id, *staged_file_id).await?;
    show(StatusCode::OK, &room, &who, &staged, &query.0).await
}

async fn show(
    status: StatusCode,
    room: &Room,
    who: &Principal,
    staged: &StagedFile,
    fields: &Fields,
) -> Result<HttpResponse, Problem> {
    let format = room.format(who);
    let skip = fields.get("skip").is_some_and(|value| value == "true");
    let seen = match staged.file.kind {
        FileKind::Readings => readings(room, who, staged, fields, &format).await,
        FileKind::Prices => prices(room, who, staged, fields, &format).await,
        FileKind::Weather => weather(room, who, staged, fields, &format).await,
    };
    let seen = match seen {
        Ok(seen) => seen,
        // Bytes that are no table cannot be looked at either.
        Err(Failure::File(error)) => {
            let view = refused(staged, &error, &format);
            return Ok(room.show(
                StatusCode::UNPROCESSABLE_ENTITY,
                who,
                "upload_check.html",
                &view,
            ));
        }
        Err(Failure::Other(problem)) => return Err(problem),
    };
    let view = view(staged, seen, skip, &format);
    Ok(room.show(status, who, "upload_check.html", &view))
}

/// Why there is no preview.
enum Failure {
    File(ImportError),
    Other(Problem),
}

impl From<ImportFailure> for Failure {
    fn from(failure: ImportFailure) -> Self {
        match failure {
            ImportFailure::File(error) => Self::File(error),
            other => Self::Other(other.into()),
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Other(problem)
    }
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        Self::File(error)
    }
}

async fn readings(
    room: &Room,
    who: &Principal,
    staged: &StagedFile,
    fields: &Fields,
    format: &Format,
) -> Result<Seen, Failure> {
    let asked = reading_options(fields, &staged.file.subject, brings_all(who))?;
    let skip = asked.skip_bad_rows;
    let bytes = room.staged.bytes(staged).await.map_err(Problem::from)?;
    let looked = room.pool.run("import", move || look_at_readings(&bytes, &asked)).await;
    let looked = looked.map_err(Problem::unavailable)??;
    let seen = room.imports.rehearse_readings(looked, &By::of(who)).await?;
    let options = seen.options;
    Ok(Seen {
        columns: column_rows(&seen.table, format, |name| reading_roles(name, &options, format)),
        picks: vec![
            pick("kind", "up_kind", kinds(options.kind, format), format),
            pick("unit", "up_unit", reading_units(options.unit, format), format),
            pick("zone", "up_zone", zones(options.zone, format), format),
        ],
        marks_end: None,
        hidden: reading_fields(&options, skip),
        outcome: seen.outcome.map(|report| Outcome {
            rows_read: report.rows_read,
            stored: report.stored,
            unchanged: report.unchanged,
            refused: report.refused,
            dropped: report.dropped,
            notes: report.notes,
        }),
        table: seen.table,
        rows: seen.rows,
        wrong: seen.wrong,
    })
}

fn market_of(staged: &StagedFile) -> Result<Market, Problem> {
    Market::parse(&staged.file.subject).map_err(|error| Problem::invalid("market", error))
}

async fn prices(
    room: &Room,
    who: &Principal,
    staged: &StagedFile,
    fields: &Fields,
    format: &Format,
) -> Result<Seen, Failure> {
    let asked = price_options(fields, market_of(staged)?)?;
    let skip = asked.skip_bad_rows;
    let (bytes, name) =
        (room.staged.bytes(staged).await.map_err(Problem::from)?, staged.file.file_name.clone());
    let looked = room.pool.run("import", move || look_at_prices(&bytes, &name, &asked)).await;
    let looked = looked.map_err(Problem::unavailable)??;
    let seen = room.imports.rehearse_prices(looked, &By::of(who)).await?;
    let options = seen.options;
    Ok(Seen {
        columns: column_rows(&seen.table, format, |name| price_roles(name, &options, format)),
        picks: vec![
            pick("unit", "up_unit", price_units(options.unit, format), format),
            pick("zone", "up_zone", zones(options.zone, format), format),
        ],
        marks_end: None,
        hidden: price_fields(&options, skip),
        outcome: seen.outcome.map(|report| Outcome {
            rows_read: report.rows_read,
            stored: report.stored,
            unchanged: report.unchanged,
            refused: 0,
            dropped: report.dropped,
            notes: report.notes,
        }),
        table: seen.table,
        rows: seen.rows,
        wrong: seen.wrong,
    })
}

async fn weather(
    room: &Room,
    who: &Principal,
    staged: &StagedFile,
    fields: &Fields,
    format: &Format,
) -> Result<Seen, Failure> {
    let asked = weather_options(fields, &staged.file.subject, &staged.file.file_name)?;
    let skip = asked.skip_bad_rows;
    let bytes = room.staged.bytes(staged).await.map_err(Problem::from)?;
    let looked = room.pool.run("import", move || look_at_weather(&bytes, &asked)).await;
    let looked = looked.map_err(Problem::unavailable)??;
    let seen = room.imports.rehearse_weather(looked, &By::of(who)).await?;
    let options = seen.options;
    Ok(Seen {
        columns: column_rows(&seen.table, format, |name| weather_roles(name, &options, format)),
        picks: vec![
            pick("nature", "up_nature", natures(options.nature, format), format),
            pick("zone", "up_zone", zones(options.zone, format), format),
        ],
        marks_end: Some(options.marks_end),
        hidden: weather_fields(&options, skip),
        outcome: seen.outcome.map(|report| Outcome {
            rows_read: report.rows_read,
            stored: report.stored,
            unchanged: report.unchanged,
            refused: 0,
            dropped: report.dropped,
            notes: report.notes,
        }),
        table: seen.table,
        rows: seen.rows,
        wrong: seen.wrong,
    })
}

fn pick(name: &'static str, label: &'static str, all: Vec<Choice>, format: &Format) -> Pick {
    Pick { name, label: format.text(label), all }
}

fn view(staged: &StagedFile, seen: Seen, skip: bool, format: &Format) -> CheckView {
    let (first, faulty) = &seen.wrong;
    let held_up = *faulty > 0 && !skip;
    let shown = first.len() as u64;
    let more = faulty.saturating_sub(shown);
    let base = frame(staged, format);
    let (lead, soft, counts, problem) = match &seen.outcome {
        Ok(outcome) => {
            let stored = whole(outcome.stored);
            let lead = match (outcome.stored, held_up) {
                (_, true) => format.fill("up_check_held", &[("n", &whole(*faulty))]),
                (0, false) => format.text("up_check_nothing").to_owned(),
                (_, false) => format.fill("up_check_ready", &[("n", &stored)]),
            };
            let soft = if held_up { "up_check_held_soft" } else { "up_check_soft" };
            (lead, format.text(soft).to_owned(), counts(outcome, *faulty, format), String::new())
        }
        Err(error) => (
            format.text("up_check_unreadable").to_owned(),
            format.text("up_check_unreadable_soft").to_owned(),
            Vec::new(),
            error.to_string(),
        ),
    };
    let (notes, dropped, store) = match &seen.outcome {
        Ok(outcome) => (
            outcome.notes.clone(),
            left_out(&outcome.dropped),
            format.fill("up_store", &[("n", &whole(outcome.stored))]),
        ),
        Err(_) => (Vec::new(), Vec::new(), String::new()),
    };
    CheckView {
        lead,
        soft,
        layout: layout(&seen.table, format),
        columns: seen.columns,
        rows: row_views(&seen.rows, format),
        picks: seen.picks,
        marks_end: seen.marks_end,
        skip,
        counts,
        findings: findings(first),
        more_findings: match more {
            0 => String::new(),
            more => format.fill("up_more_findings", &[("n", &whole(more))]),
        },
        notes,
        left_out: dropped,
        problem,
        hidden: seen.hidden,
        store,
        may_store: seen.outcome.is_ok() && !held_up,
        ..base
    }
}

fn counts(outcome: &Outcome, faulty: u64, format: &Format) -> Vec<Count> {
    let count = |name, value: u64, text| Count {
        name: format.text(name),
        value: whole(value),
        text: format.text(text).to_owned(),
    };
    let dropped: u64 = outcome.dropped.iter().map(|dropped| dropped.rows).sum();
    vec![
        count("up_count_stored", outcome.stored, "up_count_stored_text"),
        count("up_count_unchanged", outcome.unchanged, "up_count_unchanged_text"),
        count("up_count_refused", outcome.refused + dropped.max(faulty), "up_count_refused_text"),
        count("up_count_rows", outcome.rows_read, "up_count_rows_text"),
    ]
}

/// The page of a file that is no table.
fn refused(staged: &StagedFile, error: &ImportError, format: &Format) -> CheckView {
    CheckView {
        lead: format.text("up_check_no_table").to_owned(),
        soft: format.text("up_check_no_table_soft").to_owned(),
        problem: error.to_string(),
        ..frame(staged, format)
    }
}

/// What a preview says whatever came of it.
fn frame(staged: &StagedFile, format: &Format) -> CheckView {
    CheckView {
        path: format!("/upload/{}", staged.staged_file_id),
        file_name: staged.file.file_name.clone(),
        subject: staged.file.subject.clone(),
        kind: staged.file.kind.name(),
        kind_name: kind_text(staged.file.kind, format),
        lead: String::new(),
        soft: String::new(),
        layout: String::new(),
        columns: Vec::new(),
        rows: Vec::new(),
        picks: Vec::new(),
        marks_end: None,
        skip: false,
        counts: Vec::new(),
        findings: Vec::new(),
        more_findings: String::new(),
        notes: Vec::new(),
        left_out: Vec::new(),
        problem: String::new(),
        hidden: Vec::new(),
        store: String::new(),
        may_store: false,
    }
}

/// Stores what the page showed. Sent twice, the second time changes nothing.
#[post("/upload/{staged_file_id}/store")]
async fn post_store(
    who: Require<Person>,
    room: Room,
    staged_file_id: Path<Uuid>,
    form: Form<Fields>,
) -> Result<HttpResponse, Problem> {
    let staged = room.staged.get(who.user_id, *staged_file_id).await?;
    let bytes = room.staged.bytes(&staged).await?;
    let (fields, by) = (&form.0, By::of(&who));
    let done = match staged.file.kind {
        FileKind::Readings => {
            let options = reading_options(fields, &staged.file.subject, brings_all(&who))?;
            match room.consumption.take_file(&who, bytes, options).await {
                Ok(report) => Ok(stored_readings(&room, &who, &staged, &report).await?),
                Err(ConsumptionError::Import(failure)) => Err(failure),
                Err(error) => return Err(error.into()),
            }
        }
        FileKind::Prices if brings_all(&who) => {
            let options = price_options(fields, market_of(&staged)?)?;
            let name = staged.file.file_name.clone();
            let parsed = room.pool.run("import", move || parse_prices(&bytes, &name, &options));
            match parsed.await.map_err(Problem::unavailable)? {
                Ok(parsed) => match room.imports.store(parsed, false, &by).await {
                    Ok(report) => Ok(stored_prices(&room, &who, &staged, &report)),
                    Err(failure) => Err(failure),
                },
                Err(error) => Err(error.into()),
            }
        }
        FileKind::Weather if brings_all(&who) => {
            let options = weather_options(fields, &staged.file.subject, &staged.file.file_name)?;
            let asked = options.clone();
            let parsed = room.pool.run("import", move || parse_weather(&bytes, &asked));
            match parsed.await.map_err(Problem::unavailable)? {
                Ok(parsed) => match room.imports.store_weather(parsed, &options, &by).await {
                    Ok(report) => Ok(stored_weather(&room, &who, &staged, &report)),
                    Err(failure) => Err(failure),
                },
                Err(error) => Err(error.into()),
            }
        }
        FileKind::Prices | FileKind::Weather => {
            return Err(Problem::forbidden("files of prices and weather are brought by analysts"));
        }
    };
    match done {
        Ok(response) => Ok(response),
        Err(ImportFailure::File(_)) => {
            show(StatusCode::UNPROCESSABLE_ENTITY, &room, &who, &staged, fields).await
        }
        Err(failure) => Err(failure.into()),
    }
}
