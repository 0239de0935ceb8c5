//! `/admin/jobs/{id}`: one job with its attempts and what they logged; end it, try it again.

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::desk::{Answer, Desk, Link, Place};
use super::jobs::{Empty, Standing, href, label, may_cancel, may_retry, progress, took};
use super::said::Said;
use crate::access::audit::By;
use crate::operations::jobs::Queue;
use crate::platform::jobs::{Job, JobState, Jobs, JobsError, Run};
use crate::platform::web::{AdminOnly, Form, Path, Problem, Require};
use crate::surfaces::dashboards::format::{Format, duration};

/// Registers the pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config.service(get_job).service(cancel_job).service(retry_job);
}

#[derive(Debug, Serialize)]
pub(super) struct JobView {
    href: String,
    label: String,
    standing: Standing,
    progress: Option<u8>,
    note: String,
    facts: Vec<Fact>,
    payload: String,
    result: String,
    error: String,
    runs: Vec<RunRow>,
    may_cancel: bool,
    may_retry: bool,
    same: Link,
}

#[derive(Debug, Serialize)]
struct Fact {
    name: &'static str,
    value: String,
}

#[derive(Debug, Serialize)]
struct RunRow {
    attempt: i32,
    standing: Standing,
    started: String,
    took: String,
    worker: String,
    error: String,
    log: String,
}

impl RunRow {
    fn of(run: Run, format: &Format) -> Self {
        let (kind, key) = match run.outcome.as_deref() {
            None => ("pub", "adm_job_running"),
            Some("done") => ("ok", "adm_job_done"),
            Some("dead") => ("err", "adm_job_dead"),
            Some("cancelled") => ("off", "adm_job_cancelled"),
            Some("lease_lost") => ("stale", "adm_run_lost"),
            Some(_) => ("stale", "adm_run_failed"),
        };
        Self {
            attempt: run.attempt,
            standing: Standing { kind, text: format.text(key).to_owned() },
            started: format.second(run.started_at),
            took: run
                .finished_at
                .map_or_else(|| "–".to_owned(), |end| duration(end - run.started_at)),
            worker: run.worker,
            error: run.error.unwrap_or_default(),
            log: run.log_excerpt,
        }
    }
}

/// The page of `job` with its attempts, first one first.
pub(super) fn view(job: Job, runs: Vec<Run>, now: DateTime<Utc>, format: &Format) -> JobView {
    let or_none =
        |at: Option<DateTime<Utc>>| at.map_or_else(|| "–".to_owned(), |at| format.second(at));
    let by = if job.requested_by.is_some() { "adm_job_by_person" } else { "adm_job_by_clock" };
    let facts = [
        ("adm_col_created", format.second(job.created_at)),
        ("adm_job_by", format.text(by).to_owned()),
        ("adm_job_started", or_none(job.started_at)),
        ("adm_job_finished", or_none(job.finished_at)),
        ("adm_col_took", took(&job, now)),
        ("adm_col_attempts", format!("{} / {}", job.attempts, job.attempts_max)),
        ("adm_job_slot", job.slot.clone().unwrap_or_else(|| "–".to_owned())),
        ("adm_job_id", job.job_id.to_string()),
    ];
    let same = [("name", job.name.as_str())];
    JobView {
        href: href(&job),
        label: label(&job.name, format),
        standing: Standing::of(&job, format),
        progress: progress(&job),
        facts: facts.map(|(key, value)| Fact { name: format.text(key), value }).into(),
        payload: indented(Some(&job.payload)),
        result: indented(job.result.as_ref()),
        runs: runs.into_iter().rev().map(|run| RunRow::of(run, format)).collect(),
        may_cancel: may_cancel(&job),
        may_retry: may_retry(&job),
        same: Link::query(Place::Jobs, &same, format.text("adm_job_same")),
        note: job.progress_note,
        error: job.error.unwrap_or_default(),
    }
}

/// JSON over several lines; empty for what says nothing.
fn indented(value: Option<&Value>) -> String {
    let said =
        value.filter(|it| !it.is_null() && !it.as_object().is_some_and(serde_json::Map::is_empty));
    said.and_then(|it| serde_json::to_string_pretty(it).ok()).unwrap_or_default()
}

/// How the job stands, and whether somebody has to do something about it.
fn answer(job: &Job, format: &Format) -> Answer {
    let label = label(&job.name, format);
    let (lead, advice) = match job.state {
        JobState::Queued if job.attempts > 0 => ("adm_one_again", "adm_one_again_advice"),
        JobState::Queued => ("adm_one_queued", "adm_one_calm"),
        JobState::Running if job.cancel_requested => ("adm_one_ending", "adm_one_calm"),
        JobState::Running => ("adm_one_running", "adm_one_calm"),
        JobState::Done => ("adm_one_done", "adm_one_calm"),
        JobState::Dead => ("adm_one_dead", "adm_one_dead_advice"),
        JobState::Cancelled => ("adm_one_cancelled", "adm_one_cancelled_advice"),
    };
    let at = format.time(job.run_after);
    Answer::new(format.fill(lead, &[("label", &label)]), format.fill(advice, &[("time", &at)]))
}

#[get("/admin/jobs/{job_id}")]
async fn get_job(
    who: Require<AdminOnly>,
    desk: Desk,
    jobs: Data<Jobs>,
    job_id: Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let (job, runs) = (jobs.job(*job_id).await?, jobs.runs(*job_id).await?);
    let format = desk.format(&who);
    let answer = answer(&job, &format);
    let view = view(job, runs, desk.now(), &format);
    Ok(desk.show(&who, (Place::Jobs, "admin/job.html"), &answer, &view))
}

#[post("/admin/jobs/{job_id}/cancel")]
async fn cancel_job(
    who: Require<AdminOnly>,
    queue: Data<Queue>,
    job_id: Path<Uuid>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    let said = match queue.cancel(*job_id, &By::of(&who)).await {
        Ok(job) if job.state == JobState::Cancelled => Said::JobCancelled,
        Ok(_) => Said::JobCancelRequested,
        // Somebody was faster, or the job was: the page shows how it ended.
        Err(JobsError::Ended { .. }) => Said::JobEnded,
        Err(error) => return Err(error.into()),
    };
    Ok(said.then(&format!("{}/{}", Place::Jobs.path(), *job_id)))
}

#[post("/admin/jobs/{job_id}/retry")]
async fn retry_job(
    who: Require<AdminOnly>,
    queue: Data<Queue>,
    job_id: Path<Uuid>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    let said = match queue.retry(*job_id, &By::of(&who)).await {
        Ok(_) => Said::JobRetried,
        Err(JobsError::NotEnded { .. }) => Said::JobNotFailed,
        Err(error) => return Err(error.into()),
    };
    Ok(said.then(&format!("{}/{}", Place::Jobs.path(), *job_id)))
}
