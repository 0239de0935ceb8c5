//! `/admin/jobs`: what waits, runs and failed, and what the clock starts.

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::desk::{Answer, Desk, Link, Place};
use super::said::Said;
use crate::access::audit::By;
use crate::operations::jobs::Queue;
use crate::platform::jobs::{Job, JobCounts, JobFilter, JobState, Jobs, Planned};
use crate::platform::web::{AdminOnly, Cursor, Form, Page, Params, Path, Problem, Require};
use crate::surfaces::dashboards::format::{Format, duration};

/// Days for which a dead job asks for a person.
const DEAD_DAYS: i64 = 7;

/// Registers the pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config.service(get_jobs).service(run_schedule).service(pause_schedule).service(resume_schedule);
}

/// Which jobs to show; a state that is none means all.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct JobsQuery {
    state: String,
    name: String,
    cursor: Option<Cursor>,
}

/// A form without fields of its own.
#[derive(Debug, Deserialize)]
pub(super) struct Empty {}

/// Since when dead jobs count as needing a person.
pub(super) fn dead_since(now: DateTime<Utc>) -> DateTime<Utc> {
    now - Duration::days(DEAD_DAYS)
}

/// How a job stands, as a badge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Standing {
    pub(super) kind: &'static str,
    pub(super) text: String,
}

impl Standing {
    pub(super) fn of(job: &Job, format: &Format) -> Self {
        let (kind, key) = match job.state {
            JobState::Queued if job.attempts > 0 => {
                let at = format.time(job.run_after);
                let text = format.fill("adm_job_again", &[("time", &at)]);
                return Self { kind: "stale", text };
            }
            JobState::Running if job.cancel_requested => ("stale", "adm_job_ending"),
            JobState::Dead => ("err", state_key(job.state)),
            JobState::Done => ("ok", state_key(job.state)),
            JobState::Running => ("pub", state_key(job.state)),
            JobState::Queued | JobState::Cancelled => ("off", state_key(job.state)),
        };
        Self { kind, text: format.text(key).to_owned() }
    }
}

const fn state_key(state: JobState) -> &'static str {
    match state {
        JobState::Queued => "adm_job_queued",
        JobState::Running => "adm_job_running",
        JobState::Done => "adm_job_done",
        JobState::Dead => "adm_job_dead",
        JobState::Cancelled => "adm_job_cancelled",
    }
}

/// What a job does, in words where there are some.
pub(super) fn label(name: &str, format: &Format) -> String {
    format.find(&format!("adm_job_{name}")).unwrap_or(name).to_owned()
}

/// Whether a job can still be ended.
pub(super) const fn may_cancel(job: &Job) -> bool {
    matches!(job.state, JobState::Queued | JobState::Running) && !job.cancel_requested
}

/// Whether a job can be tried again.
pub(super) const fn may_retry(job: &Job) -> bool {
    matches!(job.state, JobState::Dead | JobState::Cancelled)
}

/// How long a job has worked so far, or did.
pub(super) fn took(job: &Job, now: DateTime<Utc>) -> String {
    let end = job.finished_at.or_else(|| (job.state == JobState::Running).then_some(now));
    match (job.started_at, end) {
        (Some(start), Some(end)) => duration(end - start),
        _ => "–".to_owned(),
    }
}

#[derive(Debug, Serialize)]
struct JobsView {
    states: Vec<Link>,
    rows: Vec<JobRow>,
    empty: &'static str,
    only: Option<String>,
    /// To the newest jobs, to older ones.
    pages: Vec<Link>,
    schedules: Vec<ScheduleRow>,
}

#[derive(Debug, Serialize)]
struct JobRow {
    href: String,
    label: String,
    slot: String,
    standing: Standing,
    /// Whole per cent, while it runs.
    progress: Option<u8>,
    attempts: String,
    created: String,
    took: String,
    may_cancel: bool,
    may_retry: bool,
}

#[derive(Debug, Serialize)]
struct ScheduleRow {
    href: String,
    label: String,
    name: String,
    cron: String,
    zone: String,
    next: String,
    is_enabled: bool,
}

impl JobRow {
    fn of(job: &Job, now: DateTime<Utc>, format: &Format) -> Self {
        Self {
            href: href(job),
            label: label(&job.name, format),
            slot: job.slot.clone().unwrap_or_else(|| short(&job.job_id.to_string())),
            standing: Standing::of(job, format),
            progress: progress(job),
            attempts: format!("{} / {}", job.attempts, job.attempts_max),
            created: format.moment(job.created_at),
            took: took(job, now),
            may_cancel: may_cancel(job),
            may_retry: may_retry(job),
        }
    }
}

/// The page of a job.
pub(super) fn href(job: &Job) -> String {
    format!("{}/{}", Place::Jobs.path(), job.job_id)
}

/// Whole per cent of a running job; nothing where it has not said.
pub(super) fn progress(job: &Job) -> Option<u8> {
    let percent = (job.progress.clamp(0.0, 1.0) * 100.0).floor();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0 to 100 above"
    )]
    let percent = percent as u8;
    (job.state == JobState::Running && percent > 0).then_some(percent)
}

/// The end of an identifier, which differs where its beginning is the time.
pub(super) fn short(id: &str) -> String {
    id.rsplit('-').next().unwrap_or(id).to_owned()
}

impl ScheduleRow {
    fn of(planned: Planned, format: &Format) -> Self {
        let next = planned.next_at.map(|at| format.moment(at));
        Self {
            href: format!("/admin/schedules/{}", planned.name),
            label: label(&planned.name, format),
            next: next.unwrap_or_else(|| "–".to_owned()),
            cron: planned.cron,
            zone: planned.time_zone,
            is_enabled: planned.is_enabled,
            name: planned.name,
        }
    }
}

#[get("/admin/jobs")]
async fn get_jobs(
    who: Require<AdminOnly>,
    desk: Desk,
    jobs: Data<Jobs>,
    queue: Data<Queue>,
    query: Params<JobsQuery>,
) -> Result<HttpResponse, Problem> {
    let (format, now) = (desk.format(&who), desk.now());
    let JobsQuery { state, name, cursor } = query.0;
    let state = JobState::parse(&state);
    let page = Page { cursor, ..Page::default() };
    let only = (!name.is_empty()).then(|| label(&name, &format));
    let link = |state: Option<JobState>, cursor: &str, key: &'static str| {
        let state = state.map_or("", JobState::name);
        let parameters = [("state", state), ("name", name.as_str()), ("cursor", cursor)];
        Link::query(Place::Jobs, &parameters, format.text(key))
    };
    let states = std::iter::once((None, "adm_jobs_all"))
        .chain(JobState::ALL.map(|state| (Some(state), state_key(state))))
        .map(|(other, key)| link(other, "", key).current(other == state))
        .collect();
    let newest = page.cursor.is_some().then(|| link(state, "", "adm_newest"));
    let after = page.position()?;
    let filter = JobFilter { name: only.is_some().then(|| name.clone()), state, after };
    let listed = jobs.list(&filter, page.fetch_limit()).await?;
    let (rows, next) = page.cut(listed, |job| Cursor::new(job.created_at, job.job_id));
    let older = next.map(|next| link(state, &next.encode(), "adm_older"));
    let view = JobsView {
        states,
        rows: rows.iter().map(|job| JobRow::of(job, now, &format)).collect(),
        empty: format.text(if state.is_some() || only.is_some() {
            "adm_jobs_none_such"
        } else {
            "adm_jobs_none"
        }),
        only,
        pages: newest.into_iter().chain(older).collect(),
        schedules: queue
            .schedules()
            .await?
            .into_iter()
            .map(|planned| ScheduleRow::of(planned, &format))
            .collect(),
    };
    let answer = answer(jobs.counts(dead_since(now)).await?, &format);
    Ok(desk.show(&who, (Place::Jobs, "admin/jobs.html"), &answer, &view))
}

/// `n` dead jobs in words.
pub(super) fn dead(n: i64, format: &Format) -> String {
    if n == 1 {
        return format.text("adm_jobs_dead_one").to_owned();
    }
    format.fill("adm_jobs_dead", &[("n", &n.to_string())])
}

fn answer(counts: JobCounts, format: &Format) -> Answer {
    let (running, queued) = (counts.running.to_string(), counts.queued.to_string());
    if counts.dead > 0 {
        return Answer::new(dead(counts.dead, format), format.text("adm_jobs_advice"));
    }
    let parts = [("running", running.as_str()), ("queued", queued.as_str())];
    Answer::new(format.text("adm_jobs_calm"), format.fill("adm_jobs_counts", &parts))
}

#[post("/admin/schedules/{name}/run")]
async fn run_schedule(
    who: Require<AdminOnly>,
    queue: Data<Queue>,
    name: Path<String>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    let job = queue.run_now(&name, &By::of(&who), Some(who.user_id)).await?;
    Ok(Said::ScheduleRan.then(&href(&job)))
}

#[post("/admin/schedules/{name}/pause")]
async fn pause_schedule(
    who: Require<AdminOnly>,
    queue: Data<Queue>,
    name: Path<String>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    queue.set_enabled(&name, false, &By::of(&who)).await?;
    Ok(Said::SchedulePaused.then(Place::Jobs.path()))
}

#[post("/admin/schedules/{name}/resume")]
async fn resume_schedule(
    who: Require<AdminOnly>,
    queue: Data<Queue>,
    name: Path<String>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    queue.set_enabled(&name, true, &By::of(&who)).await?;
    Ok(Said::ScheduleResumed.then(Place::Jobs.path()))
}
