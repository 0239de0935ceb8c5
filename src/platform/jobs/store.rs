//! SQL of the tables `jobs` and `job_runs`.

pub mod age; // those that are due, those that ended long ago
pub mod definitions; // SQL of `job_definitions`

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::model::{
    Claim, Due, Ending, Enqueued, Job, JobCounts, JobFilter, JobState, NewJob, Run,
};
use crate::platform::db::schema::{job_runs, jobs};
use crate::platform::db::{Conn, later_of};

/// More than the clocks of two machines differ that share a database.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(1);
/// Longer than any worker holds a job without a sign of life.
const LEASE_MAX: TimeDelta = TimeDelta::hours(1);

#[derive(Queryable, Selectable)]
#[diesel(table_name = jobs, check_for_backend(diesel::pg::Pg))]
struct JobRow {
    job_id: Uuid,
    name: String,
    slot: Option<String>,
    payload: Value,
    state: String,
    attempts: i32,
    attempts_max: i32,
    run_after: DateTime<Utc>,
    cancel_requested: bool,
    progress: f64,
    progress_note: String,
    result: Option<Value>,
    error: Option<String>,
    requested_by: Option<Uuid>,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

impl TryFrom<JobRow> for Job {
    type Error = diesel::result::Error;

    fn try_from(row: JobRow) -> QueryResult<Self> {
        Ok(Self {
            job_id: row.job_id,
            name: row.name,
            slot: row.slot,
            payload: row.payload,
            state: state_of(&row.state)?,
            attempts: row.attempts,
            attempts_max: row.attempts_max,
            run_after: row.run_after,
            cancel_requested: row.cancel_requested,
            progress: row.progress,
            progress_note: row.progress_note,
            result: row.result,
            error: row.error,
            requested_by: row.requested_by,
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = job_runs, check_for_backend(diesel::pg::Pg))]
struct RunRow {
    run_id: Uuid,
    attempt: i32,
    worker: String,
    started_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    outcome: Option<String>,
    error: Option<String>,
    log_excerpt: String,
}

impl From<RunRow> for Run {
    fn from(row: RunRow) -> Self {
        Self {
            run_id: row.run_id,
            attempt: row.attempt,
            worker: row.worker,
            started_at: row.started_at,
            finished_at: row.finished_at,
            outcome: row.outcome,
            error: row.error,
            log_excerpt: row.log_excerpt,
        }
    }
}

fn state_of(name: &str) -> QueryResult<JobState> {
    let unknown = || format!("'{name}' is not a state of a job");
    JobState::parse(name)
        .ok_or_else(|| diesel::result::Error::DeserializationError(unknown().into()))
}

/// Stores `job` unless its slot is taken; then says by which job.
pub async fn enqueue(conn: &mut Conn, job: &NewJob, now: DateTime<Utc>) -> QueryResult<Enqueued> {
    let stored: Option<Uuid> = diesel::insert_into(jobs::table)
        .values((
            jobs::job_id.eq(Uuid::now_v7()),
            jobs::name.eq(&job.name),
            jobs::slot.eq(&job.slot),
            jobs::payload.eq(&job.payload),
            jobs::attempts_max.eq(i32::from(job.attempts_max)),
            jobs::run_after.eq(job.run_after.unwrap_or(now)),
            jobs::requested_by.eq(job.requested_by),
            jobs::created_at.eq(now),
        ))
        .on_conflict((jobs::name, jobs::slot))
        .do_nothing()
        .returning(jobs::job_id)
        .get_result(conn)
        .await
        .optional()?;
    if let Some(job_id) = stored {
        return Ok(Enqueued { job_id, is_new: true });
    }
    let holder = jobs::table
        .filter(jobs::name.eq(&job.name))
        .filter(jobs::slot.is_not_distinct_from(&job.slot))
        .select(jobs::job_id);
    Ok(Enqueued { job_id: holder.first(conn).await?, is_new: false })
}

/// Who claims, for how long, and what it can run.
#[derive(Clone, Copy)]
pub struct Claimant<'a> {
    /// The worker's name.
    pub worker: &'a str,
    /// Names of jobs it has handlers for.
    pub names: &'a [&'a str],
    /// The present instant.
    pub now: DateTime<Utc>,
    /// End of the lease.
    pub lease_until: DateTime<Utc>,
    /// Jobs that run in the claimant's process: it need not wait for its own signs of life.
    pub running_here: &'a [Uuid],
}

/// What became of the first due job.
pub enum Taken {
    /// It is the claimant's.
    Claimed(Claim),
    /// It was ended instead; there may be more.
    Ended,
    /// Nothing is due.
    Nothing,
}

/// Takes the job that has been due longest: queued, or with a lease that ran out.
pub async fn take(conn: &mut Conn, claimant: Claimant<'_>) -> QueryResult<Taken> {
    conn.transaction(async |conn| {
        // What comes from further ahead than two machines' clocks differ was written before the clock was
        // put back, and would wait until it is there again.
        let ahead = claimant.now + CLOCKS_DIFFER;
        let is_due = jobs::state
            .eq(JobState::Queued.name())
            .and(jobs::run_after.le(claimant.now).or(jobs::created_at.gt(ahead)))
            .or(jobs::state.eq(JobState::Running.name()).and(
                jobs::lease_until
                    .assume_not_null()
                    .lt(claimant.now)
                    .or(jobs::lease_until.assume_not_null().gt(ahead + LEASE_MAX)),
            ));
        let due: Option<JobRow> = jobs::table
            .filter(jobs::name.eq_any(claimant.names))
            .filter(jobs::job_id.ne_all(claimant.running_here))
            .filter(is_due)
            .order((jobs::run_after, jobs::created_at))
            .select(JobRow::as_select())
            .for_update()
            .skip_locked()
            .first(conn)
            .await
            .optional()?;
        let Some(due) = due else { return Ok(Taken::Nothing) };
        let job = Job::try_from(due)?;
        if job.state == JobState::Running {
            close_runs(conn, job.job_id, claimant.now).await?;
        }
        match Due::of(job.state, job.attempts, job.attempts_max, job.cancel_requested) {
            Due::Run => Ok(Taken::Claimed(begin(conn, job, claimant).await?)),
            Due::Bury => {
                let error = "its worker vanished during the last attempt".to_owned();
                end(conn, job.job_id, &Ending::Dead { error }, claimant.now).await?;
                Ok(Taken::Ended)
            }
            Due::Cancel => {
                end(conn, job.job_id, &Ending::Cancelled, claimant.now).await?;
                Ok(Taken::Ended)
            }
        }
    })
    .await
}

/// Marks runs whose worker vanished.
async fn close_runs(conn: &mut Conn, job_id: Uuid, now: DateTime<Utc>) -> QueryResult<usize> {
    diesel::update(job_runs::table)
        .filter(job_runs::job_id.eq(job_id))
        .filter(job_runs::finished_at.is_null())
        .set((
            job_runs::finished_at.eq(later_of(job_runs::started_at.nullable(), Some(now))),
            job_runs::outcome.eq("lease_lost"),
        ))
        .execute(conn)
        .await
}

async fn begin(conn: &mut Conn, job: Job, claimant: Claimant<'_>) -> QueryResult<Claim> {
    let (run_id, attempt) = (Uuid::now_v7(), job.attempts + 1);
    let owner = format!("{}/{run_id}", claimant.worker);
    diesel::update(jobs::table.find(job.job_id))
        .set((
            jobs::state.eq(JobState::Running.name()),
            jobs::attempts.eq(attempt),
            jobs::lease_owner.eq(&owner),
            jobs::lease_until.eq(claimant.lease_until),
            jobs::started_at.eq(job.started_at.unwrap_or(claimant.now.max(job.created_at))),
            jobs::progress.eq(0.0),
            jobs::progress_note.eq(""),
        ))
        .execute(conn)
        .await?;
    diesel::insert_into(job_runs::table)
        .values((
            job_runs::run_id.eq(run_id),
            job_runs::job_id.eq(job.job_id),
            job_runs::attempt.eq(attempt),
            job_runs::worker.eq(claimant.worker),
            job_runs::started_at.eq(claimant.now),
        ))
        .execute(conn)
        .await?;
    let Job { job_id, name, payload, attempts_max, .. } = job;
    Ok(Claim { job_id, name, payload, attempt, attempts_max, run_id, owner })
}

/// Prolongs the lease of `claim`; says whether somebody asked the job to end, or nothing when the
/// lease is lost.
pub async fn renew(
    conn: &mut Conn,
    claim: &Claim,
    lease_until: DateTime<Utc>,
) -> QueryResult<Option<bool>> {
    diesel::update(jobs::table.find(claim.job_id))
        .filter(jobs::lease_owner.eq(&claim.owner))
        .filter(jobs::state.eq(JobState::Running.name()))
        .set(jobs::lease_until.eq(lease_until))
        .returning(jobs::cancel_requested)
        .get_result(conn)
        .await
        .optional()
}

/// Stores how far the job is, as [`renew`] does with its lease.
pub async fn progress(
    conn: &mut Conn,
    claim: &Claim,
    fraction: f64,
    note: &str,
) -> QueryResult<Option<bool>> {
    diesel::update(jobs::table.find(claim.job_id))
        .filter(jobs::lease_owner.eq(&claim.owner))
        .filter(jobs::state.eq(JobState::Running.name()))
        .set((jobs::progress.eq(fraction), jobs::progress_note.eq(note)))
        .returning(jobs::cancel_requested)
        .get_result(conn)
        .await
        .optional()
}

/// Ends the attempt `claim`; false, and nothing changed, when its lease was lost.
pub async fn finish(
    conn: &mut Conn,
    claim: &Claim,
    ending: &Ending,
    log_excerpt: &str,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    conn.transaction(async |conn| {
        let held: Option<Uuid> = jobs::table
            .find(claim.job_id)
            .filter(jobs::lease_owner.eq(&claim.owner))
            .filter(jobs::state.eq(JobState::Running.name()))
            .select(jobs::job_id)
            .for_update()
            .first(conn)
            .await
            .optional()?;
        let accepted = held.is_some();
        if accepted {
            end(conn, claim.job_id, ending, now).await?;
        }
        let outcome = if accepted { ending.outcome() } else { "lease_lost" };
        diesel::update(job_runs::table.find(claim.run_id))
            .set((
                job_runs::finished_at.eq(later_of(job_runs::started_at.nullable(), Some(now))),
                job_runs::outcome.eq(outcome),
                job_runs::error.eq(ending.error()),
                job_runs::log_excerpt.eq(log_excerpt),
            ))
            .execute(conn)
            .await?;
        Ok(accepted)
    })
    .await
}

/// Gives the lease of a job back and writes what became of it.
async fn end(
    conn: &mut Conn,
    job_id: Uuid,
    ending: &Ending,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    let job = diesel::update(jobs::table.find(job_id));
    let freed = (jobs::lease_owner.eq(None::<String>), jobs::lease_until.eq(None::<DateTime<Utc>>));
    let error = jobs::error.eq(ending.error());
    let begun = later_of(jobs::created_at.nullable(), jobs::started_at);
    let finished = jobs::finished_at.eq(later_of(begun, Some(now)));
    match ending {
        Ending::Done(result) => {
            let state = jobs::state.eq(JobState::Done.name());
            let brought = (jobs::result.eq(result), jobs::progress.eq(1.0));
            let set = (state, freed, error, brought, finished);
            job.set(set).execute(conn).await
        }
        Ending::Retry { run_after, .. } => {
            let state = jobs::state.eq(JobState::Queued.name());
            job.set((state, freed, error, jobs::run_after.eq(run_after))).execute(conn).await
        }
        Ending::Released => {
            let state = jobs::state.eq(JobState::Queued.name());
            job.set((state, freed, jobs::attempts.eq(jobs::attempts - 1))).execute(conn).await
        }
        Ending::Dead { .. } => {
            let state = jobs::state.eq(JobState::Dead.name());
            job.set((state, freed, error, finished)).execute(conn).await
        }
        Ending::Cancelled => {
            let state = jobs::state.eq(JobState::Cancelled.name());
            job.set((state, freed, error, finished)).execute(conn).await
        }
    }
}

/// Ends a queued job, asks a running one to end; ended ones stay. Says the state before.
pub async fn cancel(
    conn: &mut Conn,
    job_id: Uuid,
    now: DateTime<Utc>,
) -> QueryResult<Option<JobState>> {
    conn.transaction(async |conn| {
        let state: Option<String> = jobs::table
            .find(job_id)
            .select(jobs::state)
            .for_update()
            .first(conn)
            .await
            .optional()?;
        let Some(state) = state else { return Ok(None) };
        let state = state_of(&state)?;
        match state {
            JobState::Queued => {
                end(conn, job_id, &Ending::Cancelled, now).await?;
            }
            JobState::Running => {
                diesel::update(jobs::table.find(job_id))
                    .set(jobs::cancel_requested.eq(true))
                    .execute(conn)
                    .await?;
            }
            JobState::Done | JobState::Dead | JobState::Cancelled => {}
        }
        Ok(Some(state))
    })
    .await
}

/// Puts a dead or cancelled job back into the queue with `attempts` more; says the state before.
pub async fn retry(
    conn: &mut Conn,
    job_id: Uuid,
    attempts: i32,
    now: DateTime<Utc>,
) -> QueryResult<Option<JobState>> {
    let state: Option<String> =
        jobs::table.find(job_id).select(jobs::state).for_update().first(conn).await.optional()?;
    let Some(state) = state else { return Ok(None) };
    let state = state_of(&state)?;
    if matches!(state, JobState::Dead | JobState::Cancelled) {
        diesel::update(jobs::table.find(job_id))
            .set((
                jobs::state.eq(JobState::Queued.name()),
                jobs::attempts_max.eq(jobs::attempts + attempts),
                jobs::run_after.eq(now),
                jobs::cancel_requested.eq(false),
                jobs::error.eq(None::<String>),
                jobs::finished_at.eq(None::<DateTime<Utc>>),
            ))
            .execute(conn)
            .await?;
    }
    Ok(Some(state))
}

/// One job.
pub async fn job(conn: &mut Conn, job_id: Uuid) -> QueryResult<Option<Job>> {
    let row: Option<JobRow> =
        jobs::table.find(job_id).select(JobRow::as_select()).first(conn).await.optional()?;
    row.map(Job::try_from).transpose()
}

/// Up to `limit` jobs, newest first.
pub async fn list(conn: &mut Conn, filter: &JobFilter, limit: i64) -> QueryResult<Vec<Job>> {
    let mut query = jobs::table
        .select(JobRow::as_select())
        .order((jobs::created_at.desc(), jobs::job_id))
        .limit(limit)
        .into_boxed();
    if let Some(name) = &filter.name {
        query = query.filter(jobs::name.eq(name));
    }
    if let Some(state) = filter.state {
        query = query.filter(jobs::state.eq(state.name()));
    }
    if let Some((created_at, job_id)) = filter.after {
        let further = jobs::created_at.eq(created_at).and(jobs::job_id.gt(job_id));
        query = query.filter(jobs::created_at.lt(created_at).or(further));
    }
    let rows: Vec<JobRow> = query.load(conn).await?;
    rows.into_iter().map(Job::try_from).collect()
}

/// The latest attempts at a job, up to `limit`, first one first.
pub async fn runs(conn: &mut Conn, job_id: Uuid, limit: i64) -> QueryResult<Vec<Run>> {
    let rows: Vec<RunRow> = job_runs::table
        .filter(job_runs::job_id.eq(job_id))
        .order((job_runs::started_at.desc(), job_runs::run_id.desc()))
        .limit(limit)
        .select(RunRow::as_select())
        .load(conn)
        .await?;
    Ok(rows.into_iter().rev().map(Run::from).collect())
}

/// When the job that has waited longest became due, if one waits.
pub async fn due_since(conn: &mut Conn, now: DateTime<Utc>) -> QueryResult<Option<DateTime<Utc>>> {
    jobs::table
        .filter(jobs::state.eq(JobState::Queued.name()))
        .filter(jobs::run_after.le(now))
        .select(diesel::dsl::min(jobs::run_after))
        .first(conn)
        .await
}

/// How many jobs wait, run, and died after `dead_since`.
pub async fn counts(conn: &mut Conn, dead_since: DateTime<Utc>) -> QueryResult<JobCounts> {
    let ended = jobs::state.eq_any([JobState::Done.name(), JobState::Cancelled.name()]);
    let long_dead = jobs::state
        .eq(JobState::Dead.name())
        .and(jobs::finished_at.is_null().or(jobs::finished_at.le(dead_since)).assume_not_null());
    let rows: Vec<(String, i64)> = jobs::table
        .filter(diesel::dsl::not(ended))
        .filter(diesel::dsl::not(long_dead))
        .group_by(jobs::state)
        .select((jobs::state, diesel::dsl::count_star()))
        .load(conn)
        .await?;
    let of = |state: JobState| {
        rows.iter().find(|(name, _)| name == state.name()).map_or(0, |(_, count)| *count)
    };
    Ok(JobCounts {
        queued: of(JobState::Queued),
        running: of(JobState::Running),
        dead: of(JobState::Dead),
    })
}
