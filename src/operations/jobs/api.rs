//! HTTP: what the queue holds, and a request to end a job.

use actix_web::web::{Data, Json};
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::service::Queue;
use crate::access::audit::By;
use crate::platform::jobs::{Job, JobFilter, JobState, Jobs, Run};
use crate::platform::web::{
    Analyst, Conflict, Cursor, Limit, NotFound, Page, Params, Path, Problem, Refusals, Require,
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

/// The queue's routes.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_jobs).service(get_job).service(cancel_job);
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
