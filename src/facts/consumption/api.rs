//! `/api/consumption`: a month's total or a utility's file in, what became of it out.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::model::{ConsumptionAnswer, ConsumptionPreview, MonthTotal, NewTotal};
use super::service::{Consumption, ConsumptionError};
use crate::facts::imports::{ReadingKind, ReadingOptions, ReadingUnit};
use crate::facts::meters::check_meter_id;
use crate::platform::web::{
    BadBody, Flow, LoggedIn, NotFound, Params, Path, Problem, Refusals, Require, Sender,
    UPLOAD_BYTES_MAX, Upload, parse_value,
};

/// Media types under which files come.
const FILES: [&str; 6] = [
    "",
    "text/csv",
    "application/octet-stream",
    "application/gzip",
    "application/x-gzip",
    "application/vnd.apache.parquet",
];

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(bring_consumption)
        .service(preview_consumption)
        .service(list_totals)
        .service(delete_total);
}

/// How to read a file; what is left open is found out from it.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FileQuery {
    /// The meter that a file is about; a total names its own.
    #[param(example = "house-1")]
    meter_id: Option<String>,
    /// Make the meter known when nobody knows it; admins and analysts only.
    #[param(required = false)]
    create: bool,
    /// Headers of the columns with what is taken, separated by `|`; they are added up.
    column: Option<String>,
    /// Headers of the columns with what is given, separated by `|`; they are added up.
    production_column: Option<String>,
    /// Header of the column with the start of the interval.
    time_column: Option<String>,
    /// `power`, `energy` or `counter`; the unit decides unless said.
    #[param(inline)]
    kind: Option<ReadingKind>,
    /// `kW`, `W`, `kWh` or `Wh`; the header's unless said.
    #[param(inline)]
    unit: Option<ReadingUnit>,
    /// Zone of times without offset; Europe/Zurich unless said.
    #[param(value_type = Option<String>, example = "Europe/Zurich")]
    zone: Option<Tz>,
    /// Read and check, store nothing.
    #[param(required = false)]
    dry_run: bool,
    /// Leave rows that cannot be read out instead of refusing the file.
    #[param(required = false)]
    skip_bad_rows: bool,
}

impl FileQuery {
    /// The options of a file; the meter must be named.
    fn options(self) -> Result<ReadingOptions, Problem> {
        let names = |text: Option<String>| -> Vec<String> {
            let names = text.iter().flat_map(|text| text.split('|')).map(str::trim);
            names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
        };
        let meter_id = self
            .meter_id
            .ok_or_else(|| Problem::invalid("meter_id", "is missing; a file is about one meter"))?;
        Ok(ReadingOptions {
            meter_id,
            create: self.create,
            columns: names(self.column),
            production_columns: names(self.production_column),
            time_column: self.time_column,
            kind: self.kind,
            unit: self.unit,
            zone: self.zone,
            dry_run: self.dry_run,
            skip_bad_rows: self.skip_bad_rows,
        })
    }

    fn check(&self) -> Result<(), Problem> {
        self.meter_id.as_deref().map_or(Ok(()), |meter_id| {
            check_meter_id(meter_id).map_err(|reason| Problem::invalid("meter_id", reason))
        })
    }
}

/// Enter a month's total of your own meter as JSON, or send your utility's file as the body.
///
/// A total stands for a whole local month and is never spread over its hours; entered again it
/// replaces the one before. A file is read as `POST /api/consumption/preview` shows, with the same
/// parameters: all rows or none are stored, and sending it again changes nothing.
#[utoipa::path(tag = "meters", params(FileQuery),
    request_body(content(
        (NewTotal = "application/json", example = json!(total_body_example())),
        (Vec<u8> = "text/csv"), (Vec<u8> = "application/octet-stream"))),
    responses((status = 200, body = ConsumptionAnswer, example = json!({"total": total_example(), "dry_run": false})),
        Refusals, NotFound, BadBody),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["ingest"])))]
#[post("/api/consumption")]
async fn bring_consumption(
    who: Require<Sender>,
    consumption: Data<Consumption>,
    query: Params<FileQuery>,
    body: Flow,
) -> Result<Json<ConsumptionAnswer>, Problem> {
    let query = query.0;
    query.check()?;
    let dry_run = query.dry_run;
    let media_type = body.media_type.clone();
    if media_type == "application/json" {
        let total: NewTotal = total_of(&bytes_of(body, 64 << 10).await?)?;
        let total = consumption.enter(&who, &total, dry_run).await?;
        return Ok(Json(ConsumptionAnswer { total: Some(total), readings: None, dry_run }));
    }
    if !FILES.contains(&media_type.as_str()) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            format_args!(
                "the content type must be application/json for a total, or text/csv or \
                 application/octet-stream for a file, not '{media_type}'"
            ),
        ));
    }
    let options = query.options()?;
    let bytes = bytes_of(body, UPLOAD_BYTES_MAX).await?;
    let report = consumption.take_file(&who, bytes, options).await?;
    Ok(Json(ConsumptionAnswer { total: None, readings: Some(report), dry_run }))
}

async fn bytes_of(body: Flow, most: usize) -> Result<bytes::Bytes, Problem> {
    match body.bytes.to_bytes_limited(most).await {
        Ok(bytes) => bytes.map_err(|error| Problem::malformed(format_args!("body: {error}"))),
        Err(_) => Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            format_args!("the body is longer than {most} bytes"),
        )),
    }
}

fn total_of(bytes: &[u8]) -> Result<NewTotal, Problem> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        Problem::malformed(format_args!("the body is not valid JSON: {error}"))
            .with_field("body", error)
    })?;
    if !value.is_object() {
        return Err(Problem::invalid("body", "expected a JSON object"));
    }
    parse_value(value)
}

/// Show how a utility's file would be read and what storing it would do; nothing is stored.
///
/// Separator, columns and units are found out from the file; parameters that are given count more.
/// What `mapping` says can be sent to `POST /api/consumption` as it is.
#[utoipa::path(tag = "meters", params(FileQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream",
        description = "The file's bytes: CSV with a header, or Parquet; CSV may be gzipped"),
    responses((status = 200, body = ConsumptionPreview, example = json!(preview_example())),
        Refusals, NotFound, BadBody),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["ingest"])))]
#[post("/api/consumption/preview")]
async fn preview_consumption(
    who: Require<Sender>,
    consumption: Data<Consumption>,
    query: Params<FileQuery>,
    file: Upload,
) -> Result<Json<ConsumptionPreview>, Problem> {
    query.0.check()?;
    let options = query.0.options()?;
    Ok(Json(consumption.preview(&who, file.0, options).await?))
}

/// Whose totals to return.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TotalQuery {
    /// The meter.
    #[param(example = "house-1")]
    meter_id: String,
}

/// Monthly totals of one meter.
#[derive(Debug, Serialize, ToSchema)]
struct TotalList {
    /// The meter.
    #[schema(example = "house-1")]
    meter_id: String,
    /// Totals, newest month first.
    totals: Vec<MonthTotal>,
}

/// List the monthly totals that were entered for a meter, newest first.
#[utoipa::path(tag = "meters", params(TotalQuery),
    responses((status = 200, body = TotalList,
        example = json!({"meter_id": "house-1", "totals": [total_example()]})), Refusals, NotFound),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/consumption")]
async fn list_totals(
    who: Require<LoggedIn>,
    consumption: Data<Consumption>,
    query: Params<TotalQuery>,
) -> Result<Json<TotalList>, Problem> {
    let meter_id = query.0.meter_id;
    let totals = consumption.totals(&who, &meter_id).await?;
    Ok(Json(TotalList { meter_id, totals }))
}

/// Take back the total that was entered for a month.
#[utoipa::path(tag = "meters",
    params(("meter_id" = String, Path, description = "The meter"),
        ("month" = String, Path, description = "The month", example = "2026-02")),
    responses((status = 204, description = "It is gone"), Refusals, NotFound),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["ingest"])))]
#[delete("/api/consumption/{meter_id}/{month}")]
async fn delete_total(
    who: Require<Sender>,
    consumption: Data<Consumption>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (meter_id, month) = path.into_inner();
    consumption.take_back(&who, &meter_id, &month).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn total_body_example() -> Value {
    json!({"meter_id": "house-1", "month": "2026-02", "consumption_kwh": 412.5})
}

fn total_example() -> Value {
    json!({"meter_id": "house-1", "month": "2026-02", "from": "2026-01-31T23:00:00Z",
        "to": "2026-02-28T23:00:00Z", "consumption_kwh": 412.5, "production_kwh": null,
        "entered_at": "2026-03-28T12:00:00Z"})
}

fn preview_example() -> Value {
    json!({
        "meter_id": "house-1",
        "table": {"format": "csv", "separator": ";", "lines_before_header": 2,
            "columns": [{"name": "Zeit", "holds": "times", "samples": ["27.03.2026 10:00"]},
                {"name": "kWh", "holds": "numbers", "samples": ["0,25"]}]},
        "mapping": {"time_column": "Zeit", "columns": ["kWh"], "production_columns": [],
            "kind": "energy", "unit": "kWh", "zone": "Europe/Zurich"},
        "rows": [{"line": 4, "cells": [
            {"text": "27.03.2026 10:00", "instants": ["2026-03-27T09:00:00Z"]},
            {"text": "0,25", "number": 0.25}]}],
        "findings": [{"line": 9, "column": "kWh", "reason": "'x' is not a number"}],
        "faulty": 1,
        "would_store": {"meter_id": "house-1", "kind": "energy", "interval_s": 900,
            "rows_read": 96, "stored": 95, "unchanged": 0, "refused": 0, "dropped": [],
            "first": "2026-03-27T09:00:00Z", "last": "2026-03-28T08:45:00Z",
            "columns": ["Zeit", "kWh"], "consumption_kwh": 12.4, "production_kwh": 0.0,
            "notes": [], "dry_run": true},
        "problem": null,
    })
}

impl From<ConsumptionError> for Problem {
    fn from(error: ConsumptionError) -> Self {
        match error {
            ConsumptionError::Meters(error) => error.into(),
            ConsumptionError::Viewer => Self::forbidden(&error),
            ConsumptionError::Bad { field, reason } => Self::invalid(field, reason),
            ConsumptionError::NoTotal { .. } => Self::not_found(&error),
            ConsumptionError::Import(error) => error.into(),
            ConsumptionError::Pool(error) => Self::unavailable(error),
            ConsumptionError::Db(error) => error.into(),
        }
    }
}
