//! `POST /api/ingest/readings`: rows in, what became of them out; with and without the prefix `/api`.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, post};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::model::{IngestReport, Order, ReadingRow, ReadingsError};
use super::service::Readings;
use super::split::Format;
use crate::platform::web::{BadBody, Flow, Params, Principal, Problem, Refusals, Require, Sender};

/// Header with the caller's own key of a request.
const KEY_HEADER: &str = "idempotency-key";
/// Longest key, in characters.
const KEY_CHARS_MAX: usize = 200;

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config.service(ingest_readings).service(ingest_readings_alias);
}

/// How to take the rows.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct IngestQuery {
    /// Make unknown meters known, as houses of the default site; admins and analysts only.
    #[param(required = false)]
    create: bool,
    /// Store the good rows although others are faulty, and list the faulty ones.
    #[param(required = false)]
    partial: bool,
}

async fn ingest(
    readings: &Readings,
    who: &Principal,
    request: &HttpRequest,
    (query, body): (IngestQuery, Flow),
) -> Result<Json<IngestReport>, Problem> {
    let Some(format) = Format::of(&body.media_type) else {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            format_args!(
                "the content type must be application/json, application/x-ndjson or text/csv, not '{}'",
                body.media_type
            ),
        ));
    };
    let key = key_of(request)?;
    let order = Order { create: query.create, partial: query.partial, key, ..Order::default() };
    let author = readings.author(who).await?;
    Ok(Json(readings.take(&author, &order, (format, body.bytes)).await?))
}

fn key_of(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get(KEY_HEADER) else { return Ok(None) };
    let key = value.to_str().unwrap_or_default().trim();
    if key.is_empty() || key.chars().count() > KEY_CHARS_MAX {
        let reason = format!("must be 1 to {KEY_CHARS_MAX} printable ASCII characters");
        return Err(Problem::invalid("Idempotency-Key", reason));
    }
    Ok(Some(key.to_owned()))
}

/// Send meter readings: a JSON list, one JSON object a line, or CSV with a header; up to a million rows.
///
/// All rows or none are stored, unless `partial` is set; when the answer arrives they are committed.
/// Sending rows again changes nothing, whatever their order. Rows bring mean power or counters; what
/// flowed between two marks of a counter becomes mean power.
#[utoipa::path(tag = "meters", params(IngestQuery,
    ("Idempotency-Key" = Option<String>, Header, description = "A key of yours for this request: \
        sent again within 24 hours it gets the same answer and writes nothing", example = "box-7-2026-03-28T12")),
    request_body(content(
        (Vec<ReadingRow> = "application/json", example = json!(rows_example())),
        (String = "application/x-ndjson"), (String = "text/csv"))),
    responses((status = 200, body = IngestReport, example = json!(report_example())), Refusals, BadBody),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["ingest"])))]
#[post("/api/ingest/readings")]
async fn ingest_readings(
    who: Require<Sender>,
    readings: Data<Readings>,
    request: HttpRequest,
    query: Params<IngestQuery>,
    body: Flow,
) -> Result<Json<IngestReport>, Problem> {
    ingest(&readings, &who, &request, (query.0, body)).await
}

/// Send meter readings; the same as under `/api`.
#[utoipa::path(tag = "meters", params(IngestQuery,
    ("Idempotency-Key" = Option<String>, Header, description = "A key of yours for this request: \
        sent again within 24 hours it gets the same answer and writes nothing", example = "box-7-2026-03-28T12")),
    request_body(content(
        (Vec<ReadingRow> = "application/json", example = json!(rows_example())),
        (String = "application/x-ndjson"), (String = "text/csv"))),
    responses((status = 200, body = IngestReport, example = json!(report_example())), Refusals, BadBody),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["ingest"])))]
#[post("/ingest/readings")]
async fn ingest_readings_alias(
    who: Require<Sender>,
    readings: Data<Readings>,
    request: HttpRequest,
    query: Params<IngestQuery>,
    body: Flow,
) -> Result<Json<IngestReport>, Problem> {
    ingest(&readings, &who, &request, (query.0, body)).await
}

fn rows_example() -> Value {
    json!([{"meter_id": "house-1", "ts": "2026-03-28T11:00:00Z", "interval_s": 900,
        "consumption_kw": 0.42, "production_kw": 2.8, "voltage": 231.5, "quality": "ok"}])
}

fn report_example() -> Value {
    json!({"read": 1, "inserted": 1, "replaced": 0, "unchanged": 0, "refused": 0, "duplicates": 0,
        "counters": 0, "derived": 0, "refused_older": 0, "overlapping": 0, "created": [],
        "findings": []})
}

impl From<ReadingsError> for Problem {
    fn from(error: ReadingsError) -> Self {
        match error {
            ReadingsError::Unreadable(reason) => Self::malformed(reason),
            ReadingsError::NoReadings(reason) => Self::invalid("body", reason),
            ReadingsError::TooLarge(reason) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", reason)
            }
            ReadingsError::BadRows { ref first, .. } => {
                let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
                first
                    .iter()
                    .fold(Self::new(unprocessable, "invalid-input", &error), |problem, finding| {
                        problem.with_field(finding.path(), &finding.reason)
                    })
            }
            ReadingsError::KeyReused => Self::invalid("Idempotency-Key", &error),
            ReadingsError::GivenUp | ReadingsError::DryRun(_) => Self::busy(&error),
            ReadingsError::Meters(error) => error.into(),
            ReadingsError::Db(error) => error.into(),
        }
    }
}
