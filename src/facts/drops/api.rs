//! HTTP: the history of dropped files, looking at once, reading again, metering points.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post, put};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::model::{DroppedFile, DropsError, Filter, MeteringPoint, Outcome};
use super::service::Drops;
use crate::access::audit::By;
use crate::platform::web::{
    AdminOnly, Analyst, BadBody, Body, Conflict, Cursor, Limit, NotFound, Page, Params, Path,
    Problem, Refusals, Require,
};

/// Most metering points of one answer.
const POINTS_MAX: i64 = 1_000;

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(list_drops)
        .service(scan_drops)
        .service(list_points)
        .service(assign_point)
        .service(forget_point)
        .service(retry_drop);
}

/// Which files to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DropQuery {
    /// Only files of this outcome.
    #[param(inline)]
    outcome: Option<Outcome>,
    /// Rows per page.
    #[param(value_type = u16, required = false)]
    limit: Limit,
    /// Where to go on: `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// A page of dropped files.
#[derive(Debug, Serialize, ToSchema)]
struct DropPage {
    /// The last met first.
    files: Vec<DroppedFile>,
    /// Where the next page begins; absent on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

/// List files of grid operators and what became of them, the last met first.
#[utoipa::path(tag = "drops", params(DropQuery), responses((status = 200, body = DropPage,
    example = json!({"files": [file_example()], "next_cursor": null})), Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[get("/api/drops")]
async fn list_drops(
    _: Require<Analyst>,
    drops: Data<Drops>,
    query: Params<DropQuery>,
) -> Result<Json<DropPage>, Problem> {
    let Params(DropQuery { outcome, limit, cursor }) = query;
    let page = Page { limit, cursor };
    let filter = Filter { outcome, after: page.position()? };
    let rows = drops.list(&filter, page.fetch_limit()).await?;
    let (files, next_cursor) =
        page.cut(rows, |file| Cursor::new(file.last_at, file.dropped_file_id));
    Ok(Json(DropPage { files, next_cursor }))
}

/// A job that was asked for.
#[derive(Debug, Serialize, ToSchema)]
struct ScanOrder {
    /// The job; `GET /api/jobs/{job_id}` tells how it goes.
    job_id: Uuid,
}

/// Look at the watched folder and the servers now, without waiting for the minute.
///
/// A file counts as complete once it stayed as it is between two looks.
#[utoipa::path(tag = "drops", responses((status = 200, body = ScanOrder,
    example = json!({"job_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d"})), Conflict, Refusals),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[post("/api/drops/scan")]
async fn scan_drops(
    who: Require<AdminOnly>,
    drops: Data<Drops>,
) -> Result<Json<ScanOrder>, Problem> {
    let job_id = drops.order_scan(&By::of(&who), Some(who.user_id)).await?;
    Ok(Json(ScanOrder { job_id }))
}

/// Read the bytes of a file once more, as they are kept in the archive.
#[utoipa::path(tag = "drops", params(("id" = Uuid, Path, description = "The dropped file")),
    responses((status = 200, body = DroppedFile, example = json!(file_example())), NotFound, Conflict, Refusals),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[post("/api/drops/{id}/retry")]
async fn retry_drop(
    who: Require<AdminOnly>,
    drops: Data<Drops>,
    id: Path<Uuid>,
) -> Result<Json<DroppedFile>, Problem> {
    Ok(Json(drops.retry(*id, &By::of(&who)).await?))
}

/// Which metering points to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PointQuery {
    /// Where to go on: `next` of the page before.
    after: Option<String>,
}

/// A page of metering points.
#[derive(Debug, Serialize, ToSchema)]
struct PointPage {
    /// By name.
    points: Vec<MeteringPoint>,
    /// Where the next page begins; absent on the last one.
    next: Option<String>,
}

/// List the metering points of grid operators and the meters that they are.
#[utoipa::path(tag = "drops", params(PointQuery), responses((status = 200, body = PointPage,
    example = json!({"points": [point_example()], "next": null})), Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[get("/api/drops/points")]
async fn list_points(
    _: Require<Analyst>,
    drops: Data<Drops>,
    query: Params<PointQuery>,
) -> Result<Json<PointPage>, Problem> {
    let after = query.0.after.unwrap_or_default();
    let mut points = drops.points(&after, POINTS_MAX + 1).await?;
    let has_more = i64::try_from(points.len()).is_ok_and(|count| count > POINTS_MAX);
    if has_more {
        points.pop();
    }
    let next = points.last().filter(|_| has_more).map(|point| point.point.clone());
    Ok(Json(PointPage { points, next }))
}

/// Which meter a metering point is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Assignment {
    /// The meter, which must be known.
    #[schema(example = "house-1")]
    meter_id: String,
}

/// Say which meter a metering point is from now on; what was stored of it stays where it is.
#[utoipa::path(tag = "drops",
    params(("key" = String, Path, description = "The metering point", example = "CH1012301234500000000000000000001")),
    request_body(content = Assignment, example = json!({"meter_id": "house-1"})),
    responses((status = 200, body = MeteringPoint, example = json!(point_example())), NotFound, Refusals, BadBody),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[put("/api/drops/points/{key}")]
async fn assign_point(
    who: Require<AdminOnly>,
    drops: Data<Drops>,
    key: Path<String>,
    body: Body<Assignment>,
) -> Result<Json<MeteringPoint>, Problem> {
    Ok(Json(drops.assign(&key, &body.0.meter_id, &By::of(&who)).await?))
}

/// Forget which meter a metering point is.
#[utoipa::path(tag = "drops",
    params(("key" = String, Path, description = "The metering point", example = "CH1012301234500000000000000000001")),
    responses((status = 204, description = "It is forgotten"), NotFound, Refusals),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[delete("/api/drops/points/{key}")]
async fn forget_point(
    who: Require<AdminOnly>,
    drops: Data<Drops>,
    key: Path<String>,
) -> Result<HttpResponse, Problem> {
    drops.forget(&key, &By::of(&who)).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn file_example() -> Value {
    json!({"dropped_file_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "road": "folder",
        "name": "20260328_E66.xml",
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "size_bytes": 24310, "modified_at": "2026-03-28T05:10:00Z", "format": "sdat",
        "outcome": "stored", "rows_read": 96, "inserted": 96, "replaced": 0, "unchanged": 0,
        "left_out": 0, "reason": null, "raw_file_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7e",
        "attempts": 1, "first_at": "2026-03-28T05:12:00Z", "last_at": "2026-03-28T05:12:00Z"})
}

fn point_example() -> Value {
    json!({"point": "CH1012301234500000000000000000001", "meter_id": "house-1",
        "created_at": "2026-03-28T12:00:00Z"})
}

impl From<DropsError> for Problem {
    fn from(error: DropsError) -> Self {
        match error {
            DropsError::NotFound(_) | DropsError::NoPoint(_) => Self::not_found(error),
            DropsError::BadPoint(_) => Self::invalid("key", error),
            DropsError::NoBytes(_) | DropsError::Off => Self::conflict(error),
            DropsError::Meters(error) => error.into(),
            DropsError::Jobs(error) => error.into(),
            DropsError::Quality(error) => error.into(),
            DropsError::Db(error) => error.into(),
            DropsError::Folder { .. }
            | DropsError::Server(_)
            | DropsError::Archive(_)
            | DropsError::Broken(_) => Self::internal(error),
        }
    }
}
