//! HTTP: sources by day, reports, what is kept apart, what nobody can read.

use actix_web::web::{Data, Json};
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::records::{DeadLetter, Filter, Matrix, Quarantined, StoredReport};
use super::service::{MATRIX_DAYS_MAX, Quality, QualityError};
use crate::access::audit::By;
use crate::platform::web::{
    AdminOnly, Analyst, Conflict, Cursor, Limit, NotFound, Page, Params, Path, Problem, Refusals,
    Require, Viewer,
};

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(get_matrix)
        .service(list_reports)
        .service(list_quarantine)
        .service(release_row)
        .service(discard_row)
        .service(list_dead_letters)
        .service(resolve_dead_letter);
}

/// How many days.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MatrixQuery {
    /// Local days up to today.
    #[param(minimum = 1, maximum = 90, default = 14)]
    days: u16,
}

impl Default for MatrixQuery {
    fn default() -> Self {
        Self { days: 14 }
    }
}

/// How the days of each subject of each source stand: complete, late, partial, missing.
#[utoipa::path(tag = "quality", params(MatrixQuery), responses((status = 200, body = Matrix,
    example = json!({"days": ["2026-03-28"], "rows": [{"source": "energy_charts", "subject": "price:CH:day_ahead", "time_zone": "Europe/Zurich", "interval_s": 3600, "is_simulated": false, "cells": [{"day": "2026-03-28", "state": "complete", "expected": 24, "found": 24, "revised": 0, "verdict": "good", "expected_by": "2026-03-27T14:00:00Z", "first_complete_at": "2026-03-27T12:05:00Z", "late_s": 0, "report_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d"}]}]})), Refusals),
    security(("bearer" = ["viewer"]), ("cookie" = ["viewer"]), ("api_key" = ["read"])))]
#[get("/api/quality/matrix")]
async fn get_matrix(
    _: Require<Viewer>,
    quality: Data<Quality>,
    query: Params<MatrixQuery>,
) -> Result<Json<Matrix>, Problem> {
    let days = query.0.days;
    if !(1..=MATRIX_DAYS_MAX).contains(&days) {
        let text = format!("must be between 1 and {MATRIX_DAYS_MAX}, not {days}");
        return Err(Problem::invalid("days", text));
    }
    Ok(Json(quality.matrix(days).await?))
}

/// Which reports to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReportQuery {
    /// Only about batches of this source.
    source: Option<String>,
    /// Only about values of this subject.
    subject: Option<String>,
    /// Only those that are not good.
    #[param(required = false)]
    odd: bool,
    /// Rows per page.
    #[param(value_type = u16, required = false)]
    limit: Limit,
    /// Where to go on: `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// A page of reports.
#[derive(Debug, Serialize, ToSchema)]
struct ReportPage {
    /// Newest first.
    reports: Vec<StoredReport>,
    /// Where the next page begins; absent on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

/// List what was found about batches, newest first.
#[utoipa::path(tag = "quality", params(ReportQuery), responses((status = 200, body = ReportPage,
    example = json!({"reports": [report_example()], "next_cursor": null})), Refusals),
    security(("bearer" = ["viewer"]), ("cookie" = ["viewer"]), ("api_key" = ["read"])))]
#[get("/api/quality/reports")]
async fn list_reports(
    _: Require<Viewer>,
    quality: Data<Quality>,
    query: Params<ReportQuery>,
) -> Result<Json<ReportPage>, Problem> {
    let query = query.0;
    let page = Page { limit: query.limit, cursor: query.cursor };
    let filter = Filter {
        source: query.source,
        subject: query.subject,
        is_open: query.odd,
        after: page.position()?,
        ..Filter::default()
    };
    let rows = quality.reports(&filter, page.fetch_limit()).await?;
    let (reports, next_cursor) =
        page.cut(rows, |report| Cursor::new(report.created_at, report.report_id));
    Ok(Json(ReportPage { reports, next_cursor }))
}

/// Which rows of a list that people work off.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OpenQuery {
    /// Only of this source.
    source: Option<String>,
    /// Also what has been decided.
    #[param(required = false)]
    all: bool,
    /// Rows per page.
    #[param(value_type = u16, required = false)]
    limit: Limit,
    /// Where to go on: `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

impl OpenQuery {
    fn parts(self) -> Result<(Page, Filter), Problem> {
        let page = Page { limit: self.limit, cursor: self.cursor };
        let filter = Filter {
            source: self.source,
            is_open: !self.all,
            after: page.position()?,
            ..Filter::default()
        };
        Ok((page, filter))
    }
}

/// A page of values that are kept apart.
#[derive(Debug, Serialize, ToSchema)]
struct QuarantinePage {
    /// Newest arrival first.
    rows: Vec<Quarantined>,
    /// Where the next page begins; absent on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

/// List values that were not stored and wait for a decision, newest arrival first.
#[utoipa::path(tag = "quality", params(OpenQuery), responses((status = 200, body = QuarantinePage,
    example = json!({"rows": [row_example()], "next_cursor": null})), Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[get("/api/quality/quarantine")]
async fn list_quarantine(
    _: Require<Analyst>,
    quality: Data<Quality>,
    query: Params<OpenQuery>,
) -> Result<Json<QuarantinePage>, Problem> {
    let (page, filter) = query.0.parts()?;
    let rows = quality.quarantine(&filter, page.fetch_limit()).await?;
    let (rows, next_cursor) = page.cut(rows, |row| Cursor::new(row.arrived_at, row.row_id));
    Ok(Json(QuarantinePage { rows, next_cursor }))
}

/// Store a value that was kept apart where it belongs; it counts as known from now on.
#[utoipa::path(tag = "quality", params(("id" = Uuid, Path, description = "The value")),
    responses((status = 200, body = Quarantined, example = json!(row_example())), NotFound, Conflict, Refusals),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[post("/api/quality/quarantine/{id}/release")]
async fn release_row(
    who: Require<AdminOnly>,
    quality: Data<Quality>,
    id: Path<Uuid>,
) -> Result<Json<Quarantined>, Problem> {
    Ok(Json(quality.release(*id, &By::of(&who)).await?))
}

/// Leave a value that was kept apart where it is, for good.
#[utoipa::path(tag = "quality", params(("id" = Uuid, Path, description = "The value")),
    responses((status = 200, body = Quarantined, example = json!(row_example())), NotFound, Conflict, Refusals),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[post("/api/quality/quarantine/{id}/discard")]
async fn discard_row(
    who: Require<AdminOnly>,
    quality: Data<Quality>,
    id: Path<Uuid>,
) -> Result<Json<Quarantined>, Problem> {
    Ok(Json(quality.discard(*id, &By::of(&who)).await?))
}

/// A page of payloads.
#[derive(Debug, Serialize, ToSchema)]
struct LetterPage {
    /// The last come first.
    dead_letters: Vec<DeadLetter>,
    /// Where the next page begins; absent on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

/// List payloads that cannot be read, the last come first.
#[utoipa::path(tag = "quality", params(OpenQuery), responses((status = 200, body = LetterPage,
    example = json!({"dead_letters": [letter_example()], "next_cursor": null})), Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[get("/api/dead-letters")]
async fn list_dead_letters(
    _: Require<Analyst>,
    quality: Data<Quality>,
    query: Params<OpenQuery>,
) -> Result<Json<LetterPage>, Problem> {
    let (page, filter) = query.0.parts()?;
    let rows = quality.dead_letters(&filter, page.fetch_limit()).await?;
    let (dead_letters, next_cursor) =
        page.cut(rows, |letter| Cursor::new(letter.last_at, letter.letter_id));
    Ok(Json(LetterPage { dead_letters, next_cursor }))
}

/// Mark a payload that cannot be read as dealt with.
#[utoipa::path(tag = "quality", params(("id" = Uuid, Path, description = "The dead letter")),
    responses((status = 200, body = DeadLetter, example = json!(letter_example())), NotFound, Refusals),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[post("/api/dead-letters/{id}/resolve")]
async fn resolve_dead_letter(
    who: Require<AdminOnly>,
    quality: Data<Quality>,
    id: Path<Uuid>,
) -> Result<Json<DeadLetter>, Problem> {
    Ok(Json(quality.resolve(*id, &By::of(&who)).await?))
}

fn report_example() -> Value {
    json!({
        "report_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "source": "energy_charts",
        "subject": "price:CH:day_ahead", "raw_file_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7e",
        "from": "2026-03-27T23:00:00Z", "to": "2026-03-28T23:00:00Z", "interval_s": 3600,
        "counts": {"expected": 24, "found": 22, "duplicates": 1, "conflicts": 0, "out_of_order": 0,
            "outside": 0, "off_grid": 0, "not_finite": 0, "outliers": 0, "spikes": 0, "revised": 0},
        "missing_rate": 0.083, "quarantined": 0, "longest_equal_s": 7200, "outlier_score": 2.4,
        "gaps": [{"from": "2026-03-28T03:00:00Z", "slots": 2}], "verdict": "suspect",
        "reasons": [{"code": "missing", "weight": "suspect", "day": "2026-03-28", "at": null,
            "count": 2, "figure": 24.0, "sentence": "2026-03-28: 2 of 24 values are missing"}],
        "created_at": "2026-03-27T12:05:00Z",
    })
}

fn row_example() -> Value {
    json!({
        "row_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "source": "energy_charts",
        "subject": "price:CH:day_ahead", "ts": "2026-03-28T03:00:00Z", "interval_s": 3600,
        "value": 81.5, "reason": "conflicts",
        "sentence": "the source gives this instant different values",
        "raw_file_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7e",
        "report_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7f", "arrived_at": "2026-03-27T12:05:00Z",
        "decision": null, "decided_at": null, "decided_by": null,
    })
}

fn letter_example() -> Value {
    json!({
        "letter_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "source": "energy_charts",
        "subject": "CH", "raw_file_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7e",
        "excerpt": "<!doctype html> <title>Maintenance</title>",
        "reason": "the answer is a web page, not JSON", "attempts": 3,
        "created_at": "2026-03-27T12:05:00Z", "last_at": "2026-03-27T12:25:00Z",
        "resolution": null, "resolved_at": null, "resolved_by": null,
    })
}

impl From<QualityError> for Problem {
    fn from(error: QualityError) -> Self {
        match error {
            QualityError::NotFound(..) => Self::not_found(error),
            QualityError::Decided { .. }
            | QualityError::NoNumber(_)
            | QualityError::NoKeeper(_)
            | QualityError::Refused(_) => Self::conflict(error),
            QualityError::Prices(error) => error.into(),
            QualityError::Series(error) => error.into(),
            QualityError::Meters(error) => error.into(),
            QualityError::Tariffs(error) => error.into(),
            QualityError::Db(error) => error.into(),
        }
    }
}
