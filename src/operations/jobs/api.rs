//! HTTP: what the queue holds, and a request to end a job.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::service::Queue;
use crate::access::audit::By;
use crate::platform::jobs::{Job, JobFilter, JobState, Jobs, Planned, Run};
use crate::platform::web::{
    AdminOnly, Analyst, BadBody, Body, Conflict, Cursor, Limit, NotFound, Page, Params, Path,
    Problem, Refusals, Require,
};

/// Which jobs to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct JobQuery {
    /// Only jobs of this name.
    #[param(example = "training.fit")]
    name: Option<String>,
    /// Only jobs in this state.
    #[param(inline)]
    state: Option<JobState>,
    /// Rows per page.
    #[param(value_type = u16, required = false)]
    limit: Limit,
    /// Where to go on: `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// A page of jobs.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct JobPage {
    /// Newest first.
    jobs: Vec<Job>,
    /// Where the next page begins; absent on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

/// A job with its history.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct JobDetail {
    /// The job.
    job: Job,
    /// Its attempts, first one first; of very many the latest.
    runs: Vec<Run>,
}

/// Jobs of the queue, newest first.
#[utoipa::path(tag = "jobs", params(JobQuery), responses((status = 200, body = JobPage,
    example = json!({"jobs": [job_example()], "next_cursor": null})), Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[get("/api/jobs")]
async fn list_jobs(
    _: Require<Analyst>,
    jobs: Data<Jobs>,
    query: Params<JobQuery>,
) -> Result<Json<JobPage>, Problem> {
    let Params(JobQuery { name, state, limit, cursor }) = query;
    let page = Page { limit, cursor };
    let after = page.position()?;
    let listed = jobs.list(&JobFilter { name, state, after }, page.fetch_limit()).await?;
    let (jobs, next_cursor) = page.cut(listed, |job| Cursor::new(job.created_at, job.job_id));
    Ok(Json(JobPage { jobs, next_cursor }))
}

/// One job with its attempts and what they logged.
#[utoipa::path(tag = "jobs", params(("job_id" = Uuid, Path, description = "The job")),
    responses((status = 200, body = JobDetail, example = json!({"job": job_example(), "runs": [run_example()]})), NotFound, Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[get("/api/jobs/{job_id}")]
async fn get_job(
    _: Require<Analyst>,
    jobs: Data<Jobs>,
    job_id: Path<Uuid>,
) -> Result<Json<JobDetail>, Problem> {
    let (job, runs) = (jobs.job(*job_id).await?, jobs.runs(*job_id).await?);
    Ok(Json(JobDetail { job, runs }))
}

/// End a queued job at once; ask a running one to end.
#[utoipa::path(tag = "jobs", params(("job_id" = Uuid, Path, description = "The job")),
    responses((status = 200, body = Job, example = json!(job_example())), NotFound, Conflict, Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[post("/api/jobs/{job_id}/cancel")]
async fn cancel_job(
    who: Require<Analyst>,
    queue: Data<Queue>,
    job_id: Path<Uuid>,
) -> Result<Json<Job>, Problem> {
    Ok(Json(queue.cancel(*job_id, &By::of(&who)).await?))
}

/// Put a dead or cancelled job back into the queue.
#[utoipa::path(tag = "jobs", params(("job_id" = Uuid, Path, description = "The job")),
    responses((status = 200, body = Job, example = json!(job_example())), NotFound, Conflict, Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[post("/api/jobs/{job_id}/retry")]
async fn retry_job(
    who: Require<Analyst>,
    queue: Data<Queue>,
    job_id: Path<Uuid>,
) -> Result<Json<Job>, Problem> {
    Ok(Json(queue.retry(*job_id, &By::of(&who)).await?))
}

/// Schedules by name.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ScheduleList {
    /// What the program does by the clock.
    schedules: Vec<Planned>,
}

/// List what the program does by the clock, and when it does it next.
#[utoipa::path(tag = "jobs", responses((status = 200, body = ScheduleList,
    example = json!({"schedules": [schedule_example()]})), Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[get("/api/schedules")]
async fn list_schedules(
    _: Require<Analyst>,
    queue: Data<Queue>,
) -> Result<Json<ScheduleList>, Problem> {
    Ok(Json(ScheduleList { schedules: queue.schedules().await? }))
}

/// What to change about a schedule.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ScheduleChange {
    /// Whether it is kept; what comes due while it is not is not made up for.
    is_enabled: bool,
}

/// Pause a schedule or let it go on.
#[utoipa::path(tag = "jobs", params(("name" = String, Path, description = "The schedule", example = "learning.retrain")),
    request_body(content = ScheduleChange, example = json!({"is_enabled": false})),
    responses((status = 200, body = Planned, example = json!(schedule_example())), NotFound, Refusals, BadBody),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[patch("/api/schedules/{name}")]
async fn change_schedule(
    who: Require<AdminOnly>,
    queue: Data<Queue>,
    name: Path<String>,
    body: Body<ScheduleChange>,
) -> Result<Json<Planned>, Problem> {
    Ok(Json(queue.set_enabled(&name, body.0.is_enabled, &By::of(&who)).await?))
}

/// Do now what a schedule does.
#[utoipa::path(tag = "jobs", params(("name" = String, Path, description = "The schedule", example = "learning.retrain")),
    responses((status = 202, description = "The job is queued", body = Job, example = json!(job_example())), NotFound, Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[post("/api/schedules/{name}/run")]
async fn run_schedule(
    who: Require<Analyst>,
    queue: Data<Queue>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    let job = queue.run_now(&name, &By::of(&who), Some(who.user_id)).await?;
    Ok(HttpResponse::Accepted().json(job))
}

/// The queue's routes.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_jobs)
        .service(get_job)
        .service(cancel_job)
        .service(retry_job)
        .service(list_schedules)
        .service(change_schedule)
        .service(run_schedule);
}

fn schedule_example() -> serde_json::Value {
    serde_json::json!({
        "name": "learning.retrain", "cron": "0 17 3 * * *", "time_zone": "Europe/Zurich",
        "is_enabled": true, "next_at": "2026-03-29T01:17:00Z",
    })
}

fn job_example() -> serde_json::Value {
    serde_json::json!({
        "job_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "name": "learning.refresh",
        "slot": "2026-03-29T08:02Z", "payload": {}, "state": "done", "attempts": 1,
        "attempts_max": 5, "run_after": "2026-03-29T08:02:00Z", "cancel_requested": false,
        "progress": 1.0, "progress_note": "", "result": {"issued": ["price:CH:day_ahead"]},
        "error": null, "requested_by": null, "created_at": "2026-03-29T08:02:00Z",
        "started_at": "2026-03-29T08:02:01Z", "finished_at": "2026-03-29T08:02:03Z",
    })
}

fn run_example() -> serde_json::Value {
    serde_json::json!({
        "run_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7e", "attempt": 1, "worker": "box:812:5f3a4f1c",
        "started_at": "2026-03-29T08:02:01Z", "finished_at": "2026-03-29T08:02:03Z",
        "outcome": "done", "error": null, "log_excerpt": "",
    })
}
