//! `POST /api/ingest/telemetry`: events in, what became of them out; with and without the prefix `/api`.

use actix_web::http::StatusCode;
use actix_web::post;
use actix_web::web::{Data, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::model::{SentEvent, TelemetryReport};
use super::telemetry::{Telemetry, TelemetryError};
use crate::platform::web::{BadBody, Flow, Params, Principal, Problem, Refusals, Require, Sender};

/// Longest body, in bytes: ten thousand events with as much `meta` as most need.
const BODY_BYTES_MAX: usize = 16 << 20;

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config.service(ingest_telemetry).service(ingest_telemetry_alias);
}

/// How to take the events.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TelemetryQuery {
    /// Store the good events although others are faulty, and list the faulty ones.
    #[param(required = false)]
    partial: bool,
}

async fn ingest(
    telemetry: &Telemetry,
    who: &Principal,
    query: &TelemetryQuery,
    body: Flow,
) -> Result<Json<TelemetryReport>, Problem> {
    let is_lines = match body.media_type.as_str() {
        "application/json" => false,
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => true,
        other => {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                format_args!(
                    "the content type must be application/json or application/x-ndjson, not '{other}'"
                ),
            ));
        }
    };
    let bytes = match body.bytes.to_bytes_limited(BODY_BYTES_MAX).await {
        Ok(bytes) => bytes.map_err(|error| Problem::malformed(format_args!("body: {error}")))?,
        Err(_) => {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body-too-large",
                format_args!("the body is longer than {BODY_BYTES_MAX} bytes"),
            ));
        }
    };
    let events = if is_lines { lines(&bytes) } else { list(&bytes) }?;
    Ok(Json(telemetry.take(who, events, query.partial).await?))
}

/// The events of a JSON list; a single object is a list of one.
fn list(bytes: &[u8]) -> Result<Vec<Value>, Problem> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        Problem::malformed(format_args!("the body is not valid JSON: {error}"))
            .with_field("body", error)
    })?;
    match value {
        Value::Array(events) => Ok(events),
        Value::Object(_) => Ok(vec![value]),
        _ => Err(Problem::invalid("body", "is no list of events")),
    }
}

/// The events of lines of JSON; empty ones are passed over.
fn lines(bytes: &[u8]) -> Result<Vec<Value>, Problem> {
    let lines = bytes.split(|byte| *byte == b'\n').zip(1_u64..);
    let filled = lines.filter(|(line, _)| !line.iter().all(u8::is_ascii_whitespace));
    filled
        .map(|(line, number)| {
            serde_json::from_slice(line).map_err(|error| {
                Problem::malformed(format_args!("line {number} is not valid JSON: {error}"))
                    .with_field(format!("line {number}"), error)
            })
        })
        .collect()
}

/// Send anonymous events: a JSON list or one JSON object a line, up to ten thousand.
///
/// All events or none are stored, unless `partial` is set; when the answer arrives they are
/// committed. Sent again an event changes nothing. Events hold no personal data: fields and texts
/// that tell who somebody is are refused.
#[utoipa::path(tag = "ingest", params(TelemetryQuery),
    request_body(content(
        (Vec<SentEvent> = "application/json", example = json!(events_example())),
        (String = "application/x-ndjson"))),
    responses((status = 200, body = TelemetryReport, example = json!(report_example())), Refusals, BadBody),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["ingest"])))]
#[post("/api/ingest/telemetry")]
async fn ingest_telemetry(
    who: Require<Sender>,
    telemetry: Data<Telemetry>,
    query: Params<TelemetryQuery>,
    body: Flow,
) -> Result<Json<TelemetryReport>, Problem> {
    ingest(&telemetry, &who, &query.0, body).await
}

/// Send anonymous events; the same as under `/api`.
#[utoipa::path(tag = "ingest", params(TelemetryQuery),
    request_body(content(
        (Vec<SentEvent> = "application/json", example = json!(events_example())),
        (String = "application/x-ndjson"))),
    responses((status = 200, body = TelemetryReport, example = json!(report_example())), Refusals, BadBody),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["ingest"])))]
#[post("/ingest/telemetry")]
async fn ingest_telemetry_alias(
    who: Require<Sender>,
    telemetry: Data<Telemetry>,
    query: Params<TelemetryQuery>,
    body: Flow,
) -> Result<Json<TelemetryReport>, Problem> {
    ingest(&telemetry, &who, &query.0, body).await
}

fn events_example() -> Value {
    json!([{"event_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "type": "view",
        "ts": "2026-03-28T11:00:00Z", "meta": {"page": "/prices", "seconds": 12}}])
}

fn report_example() -> Value {
    json!({"read": 1, "stored": 1, "unchanged": 0, "refused": 0, "findings": []})
}

impl From<TelemetryError> for Problem {
    fn from(error: TelemetryError) -> Self {
        match error {
            TelemetryError::Empty => Self::invalid("body", &error),
            TelemetryError::TooMany { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", &error)
            }
            TelemetryError::Faulty { ref first, .. } => {
                let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
                first
                    .iter()
                    .fold(Self::new(unprocessable, "invalid-input", &error), |problem, finding| {
                        problem.with_field(finding.path(), &finding.reason)
                    })
            }
            TelemetryError::Accounts(error) => error.into(),
            TelemetryError::Db(error) => error.into(),
        }
    }
}
