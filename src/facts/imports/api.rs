//! `POST /api/import/prices`, `/api/import/readings` and `/api/import/weather`: a file in, a report of every row out.

use actix_web::http::StatusCode;
use actix_web::post;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::ImportError;
use super::metering::ReadingReport;
use super::model::{ImportOptions, KnownAtRule, PriceUnit};
use super::prices::parse_prices;
use super::readings::{ReadingKind, ReadingOptions, ReadingUnit, parse_readings};
use super::service::{ImportFailure, ImportReport, Imports};
use super::weather::{WeatherNature, WeatherOptions, check_place, parse_weather};
use super::weather_columns::WeatherAsk;
use super::weather_store::WeatherReport;
use crate::access::audit::By;
use crate::base::ids::{Market, Product};
use crate::facts::meters::check_meter_id;
use crate::facts::readings::FileOrder;
use crate::facts::readings::IngestReport;
use crate::platform::runtime::CpuPool;
use crate::platform::web::{
    BadBody, Conflict, Flow, Importer, NotFound, Params, Problem, Refusals, Require,
    UPLOAD_BYTES_MAX, Upload, optional_instant,
};

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config.service(import_prices).service(import_readings).service(import_weather);
}

/// How to read the file; what is left open is found out from it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ImportQuery {
    /// Market code or alias.
    #[param(value_type = String, example = "CH")]
    market: Market,
    /// Name of the file, kept as the source of its rows.
    #[serde(default)]
    #[param(example = "prices.csv", max_length = 200)]
    file_name: Option<String>,
    /// Header of the column with the price.
    #[serde(default)]
    column: Option<String>,
    /// Header of the column with the start of the interval.
    #[serde(default)]
    time_column: Option<String>,
    /// Unit of the price; the header's unit or EUR/MWh unless said.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "EUR/MWh")]
    unit: Option<PriceUnit>,
    /// Zone of times without offset; the market's unless said.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "Europe/Zurich")]
    zone: Option<Tz>,
    /// Product; the spacing of the rows decides unless said.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "day_ahead")]
    product: Option<Product>,
    /// Instant at which all prices became known; 13:00 local on the day before delivery unless said.
    #[serde(default, deserialize_with = "optional_instant")]
    known_at: Option<DateTime<Utc>>,
    /// Header of the column with the instant of publication.
    #[serde(default)]
    known_at_column: Option<String>,
    /// Read and check, store nothing.
    #[serde(default)]
    #[param(required = false)]
    dry_run: bool,
    /// Leave rows that cannot be read out instead of refusing the file.
    #[serde(default)]
    #[param(required = false)]
    skip_bad_rows: bool,
}

/// Import day-ahead prices from a CSV or Parquet file sent as the body, plain or gzipped.
///
/// All rows or none are stored; sending a file again changes nothing.
#[utoipa::path(tag = "market", params(ImportQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream",
        description = "The file's bytes: CSV with a header, or Parquet; CSV may be gzipped"),
    responses((status = 200, body = ImportReport, example = json!(report_example())), Refusals,
        (status = 413, description = "The file is too large",
            body = inline(crate::platform::web::ProblemDocument),
            content_type = "application/problem+json"),
        (status = 415, description = "The body has a content encoding",
            body = inline(crate::platform::web::ProblemDocument),
            content_type = "application/problem+json")),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["ingest"])))]
#[post("/api/import/prices")]
async fn import_prices(
    who: Require<Importer>,
    imports: Data<Imports>,
    pool: Data<CpuPool>,
    query: Params<ImportQuery>,
    file: Upload,
) -> Result<Json<ImportReport>, Problem> {
    let query = query.0;
    let name = query.file_name.unwrap_or_else(|| "upload".to_owned());
    check_file_name(&name)?;
    let options = ImportOptions {
        time_column: query.time_column,
        column: query.column,
        unit: query.unit,
        zone: query.zone,
        product: query.product,
        known_at: KnownAtRule::of(query.known_at, query.known_at_column),
        dry_run: query.dry_run,
        skip_bad_rows: query.skip_bad_rows,
        ..ImportOptions::new(query.market)
    };
    let dry_run = options.dry_run;
    let parsed = pool.run("import", move || parse_prices(&file.0, &name, &options)).await;
    let parsed = parsed.map_err(Problem::unavailable)?.map_err(ImportFailure::File)?;
    Ok(Json(imports.store(parsed, dry_run, &By::of(&who)).await?))
}

/// How to read the file; what is left open is found out from it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReadingQuery {
    /// The meter; absent for a file of many meters, whose columns have the names of
    /// `POST /api/ingest/readings`.
    #[serde(default)]
    #[param(example = "house-1")]
    meter_id: Option<String>,
    /// Make the meter known when nobody knows it.
    #[serde(default)]
    #[param(required = false)]
    create: bool,
    /// Headers of the columns with what is taken, separated by `|`; they are added up.
    #[serde(default)]
    column: Option<String>,
    /// Headers of the columns with what is given, separated by `|`; they are added up.
    #[serde(default)]
    production_column: Option<String>,
    /// Header of the column with the start of the interval.
    #[serde(default)]
    time_column: Option<String>,
    /// `power`, `energy` or `counter`; the unit decides unless said.
    #[serde(default)]
    #[param(inline)]
    kind: Option<ReadingKind>,
    /// `kW`, `W`, `kWh` or `Wh`; the header's unless said.
    #[serde(default)]
    #[param(inline)]
    unit: Option<ReadingUnit>,
    /// Zone of times without offset; Europe/Zurich unless said.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "Europe/Zurich")]
    zone: Option<Tz>,
    /// Read and check, store nothing.
    #[serde(default)]
    #[param(required = false)]
    dry_run: bool,
    /// Leave rows that cannot be read out instead of refusing the file.
    #[serde(default)]
    #[param(required = false)]
    skip_bad_rows: bool,
}

impl ReadingQuery {
    /// How the file of one meter is read.
    fn options(self, meter_id: String) -> ReadingOptions {
        let names = |text: Option<String>| {
            let parts = text.iter().flat_map(|text| text.split('|'));
            parts.map(|name| name.trim().to_owned()).collect()
        };
        ReadingOptions {
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
        }
    }

    /// A field that says how the file of one meter is read.
    fn of_one_meter(&self) -> Option<&'static str> {
        [
            ("column", self.column.is_some()),
            ("production_column", self.production_column.is_some()),
            ("time_column", self.time_column.is_some()),
            ("kind", self.kind.is_some()),
            ("unit", self.unit.is_some()),
            ("zone", self.zone.is_some()),
        ]
        .into_iter()
        .find_map(|(name, is_given)| is_given.then_some(name))
    }
}

/// What an import of readings did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum ImportedReadings {
    /// A file of one meter.
    One(Box<ReadingReport>),
    /// A file of many meters.
    Many(Box<IngestReport>),
}

/// Import readings from a file sent as the body: of one meter, named by `meter_id`, or of many.
///
/// All rows or none are stored; sending a file again changes nothing. A file of one meter is CSV,
/// plain or gzipped, or Parquet of up to 64 MiB: lines before the header are passed over, columns of
/// high and low tariff added up, energies turned into mean power. A file of many meters is CSV (or
/// NDJSON, or a JSON list, by its media type) with the fields of `POST /api/ingest/readings`; it is
/// read as it arrives, up to 50 million rows and 4 GiB.
#[utoipa::path(tag = "meters", params(ReadingQuery),
    request_body(content(
        (Vec<u8> = "application/octet-stream"), (String = "text/csv"),
        (String = "application/x-ndjson")),
        description = "The file's bytes"),
    responses((status = 200, body = ImportedReadings, example = json!(reading_report_example())),
        Refusals, NotFound, BadBody),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["ingest"])))]
#[post("/api/import/readings")]
async fn import_readings(
    who: Require<Importer>,
    imports: Data<Imports>,
    pool: Data<CpuPool>,
    query: Params<ReadingQuery>,
    file: Flow,
) -> Result<Json<ImportedReadings>, Problem> {
    let query = query.0;
    let Some(meter_id) = query.meter_id.clone() else {
        if let Some(field) = query.of_one_meter() {
            let reason = "says how the file of one meter is read; name the meter with meter_id";
            return Err(Problem::invalid(field, reason));
        }
        let order = FileOrder {
            create: query.create,
            partial: query.skip_bad_rows,
            dry_run: query.dry_run,
        };
        let report = imports.readings().take_file(&who, order, file).await;
        let report = report.map_err(ImportFailure::Readings)?;
        return Ok(Json(ImportedReadings::Many(Box::new(report))));
    };
    check_meter_id(&meter_id).map_err(|reason| Problem::invalid("meter_id", reason))?;
    let bytes = file.whole(UPLOAD_BYTES_MAX).await?;
    let options = query.options(meter_id);
    let for_reading = options.clone();
    let parsed = pool.run("import", move || parse_readings(&bytes, &for_reading)).await;
    let parsed = parsed.map_err(Problem::unavailable)?.map_err(ImportFailure::File)?;
    let report = imports.store_readings(parsed, &options, &By::of(&who)).await?;
    Ok(Json(ImportedReadings::One(Box::new(report))))
}

/// How to read the file; what is left open is found out from it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WeatherQuery {
    /// Station or place: what stands behind the colon of the series' names.
    #[param(example = "basel")]
    series: String,
    /// Market that the series belong to; its models learn from forecasts, not from measurements.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "CH")]
    market: Option<Market>,
    /// `measured`, known at the end of each interval, or `forecast`, known at 09:30 on the day before.
    #[serde(default)]
    #[param(inline)]
    nature: WeatherNature,
    /// Columns as `VARIABLE:UNIT:HEADER`, separated by `|`; those whose headers tell unless said.
    /// Variables are `temperature`, `solar_radiation`, `wind_speed`, `cloud_cover`, `precipitation`,
    /// `humidity`, `pressure` and `sunshine`.
    #[serde(default)]
    #[param(example = "temperature:°C:t2m|wind_speed:km/h:Wind")]
    columns: Option<String>,
    /// Header of the column with the start of the interval.
    #[serde(default)]
    time_column: Option<String>,
    /// Header of the column with the instant of publication.
    #[serde(default)]
    known_at_column: Option<String>,
    /// Times mark the end of their interval.
    #[serde(default)]
    #[param(required = false)]
    marks_end: bool,
    /// Zone of times without offset; the header's hint, else the market's, else Europe/Zurich.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "Europe/Zurich")]
    zone: Option<Tz>,
    /// Name of the file, kept as the source of new series.
    #[serde(default)]
    #[param(example = "weather.csv", max_length = 200)]
    file_name: Option<String>,
    /// Read and check, store nothing.
    #[serde(default)]
    #[param(required = false)]
    dry_run: bool,
    /// Leave rows that cannot be read out instead of refusing the file.
    #[serde(default)]
    #[param(required = false)]
    skip_bad_rows: bool,
}

/// Import weather from a CSV or Parquet file sent as the body, plain or gzipped.
///
/// Each column becomes a series of its own, named `imported_VARIABLE:SERIES`: it never mixes with
/// what a source fetches. Numbers are turned into °C, W/m², m/s, %, mm, hPa and minutes, and must be
/// plausible there. All rows or none are stored; sending a file again changes nothing.
#[utoipa::path(tag = "market", params(WeatherQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream",
        description = "The file's bytes: CSV with a header, or Parquet; CSV may be gzipped"),
    responses((status = 200, body = WeatherReport, example = json!(weather_report_example())),
        Refusals, Conflict, BadBody),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["ingest"])))]
#[post("/api/import/weather")]
async fn import_weather(
    who: Require<Importer>,
    imports: Data<Imports>,
    pool: Data<CpuPool>,
    query: Params<WeatherQuery>,
    file: Upload,
) -> Result<Json<WeatherReport>, Problem> {
    let query = query.0;
    check_place(&query.series).map_err(|reason| Problem::invalid("series", reason))?;
    let columns = query.columns.iter().flat_map(|text| text.split('|'));
    let columns: Result<Vec<WeatherAsk>, String> = columns.map(str::parse).collect();
    let options = WeatherOptions {
        place: query.series,
        market: query.market,
        nature: query.nature,
        columns: columns.map_err(|reason| Problem::invalid("columns", reason))?,
        time_column: query.time_column,
        known_at_column: query.known_at_column,
        marks_end: query.marks_end,
        zone: query.zone,
        file_name: query.file_name.unwrap_or_else(|| "upload".to_owned()),
        dry_run: query.dry_run,
        skip_bad_rows: query.skip_bad_rows,
    };
    check_file_name(&options.file_name)?;
    let parsed = {
        let options = options.clone();
        pool.run("import", move || parse_weather(&file.0, &options)).await
    };
    let parsed = parsed.map_err(Problem::unavailable)?.map_err(ImportFailure::File)?;
    Ok(Json(imports.store_weather(parsed, &options, &By::of(&who)).await?))
}

fn check_file_name(name: &str) -> Result<(), Problem> {
    if name.chars().count() > 200 || name.chars().any(char::is_control) {
        let reason = "is longer than 200 characters or has control characters";
        return Err(Problem::invalid("file_name", reason));
    }
    Ok(())
}

fn weather_report_example() -> serde_json::Value {
    serde_json::json!({
        "place": "basel", "nature": "measured", "interval_s": 3_600, "rows_read": 8_760,
        "stored": 17_520, "unchanged": 0, "dropped": [], "first": "2017-01-01T00:00:00Z",
        "last": "2017-12-31T23:00:00Z",
        "series": [{"name": "imported_temperature:basel", "variable": "temperature",
            "header": "tre200h0", "read_in": "°C", "unit": "°C", "rows": 8_760, "stored": 8_760,
            "unchanged": 0, "least": -12.4, "most": 35.9}],
        "notes": [], "dry_run": false,
    })
}

fn reading_report_example() -> serde_json::Value {
    serde_json::json!({
        "meter_id": "house-1", "kind": "energy", "interval_s": 900, "rows_read": 35_040,
        "stored": 35_040, "unchanged": 0, "refused": 0, "dropped": [],
        "first": "2024-12-31T23:00:00Z", "last": "2025-12-31T22:45:00Z",
        "columns": ["Zeitstempel", "HT kWh", "NT kWh"], "consumption_kwh": 4512.3,
        "production_kwh": 0.0, "notes": ["4 lines before the header were passed over"],
        "dry_run": false,
    })
}

fn report_example() -> serde_json::Value {
    serde_json::json!({
        "market": "CH", "product": "day_ahead", "rows_read": 8_760, "stored": 8_759,
        "unchanged": 0,
        "dropped": [{"reason": "hour does not exist (clock change in spring)", "rows": 1,
            "lines": [2_020]}],
        "first": "2022-12-31T23:00:00Z", "last": "2023-12-31T22:00:00Z",
        "columns": {"time": "time_local", "price": "CH", "unit": "EUR/MWh",
            "zone": "Europe/Zurich"},
        "series": [], "notes": [], "dry_run": false,
    })
}

impl From<ImportFailure> for Problem {
    fn from(failure: ImportFailure) -> Self {
        match failure {
            ImportFailure::File(error) => refused(&error),
            ImportFailure::Prices(error) => error.into(),
            ImportFailure::Series(error) => error.into(),
            ImportFailure::Readings(error) => error.into(),
            ImportFailure::Audit(error) => error.into(),
        }
    }
}

fn refused(error: &ImportError) -> Problem {
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unusable-file", error);
    match error {
        ImportError::BadRows { first, .. } => first.iter().fold(problem, |problem, row| {
            problem.with_field(format!("line {}, {}", row.line, row.column), &row.reason)
        }),
        _ => problem,
    }
}
