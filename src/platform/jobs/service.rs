//! The queue's rules: enqueue, claim, renew, finish, cancel.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::model::{Claim, Ending, Enqueued, Job, JobCounts, JobFilter, JobState, NewJob, Run};
use super::schedule::Planned;
use super::settings::Settings;
use super::store;
use super::store::definitions::{self, Definition};
use crate::base::timeline::Clock;
use crate::platform::db::{Conn, Db, DbError};

/// Attempts that somebody who asks for another try gives a job.
const RETRY_ATTEMPTS: i32 = 3;
/// Runs of one job that [`Jobs::runs`] shows.
const RUNS_SHOWN_MAX: i64 = 100;

/// The durable queue; clones share it.
#[derive(Clone)]
pub struct Jobs {
    db: Db,
    clock: Clock,
    settings: Settings,
    wake: Arc<Notify>,
    /// Tokens of jobs that run in this process, so that a request to end reaches them at once.
    running_here: Arc<Mutex<HashMap<Uuid, CancellationToken>>>,
}

/// Why the queue did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum JobsError {
    /// No such job.
    #[error("there is no job {0}")]
    NotFound(Uuid),
    /// A job must be named and must be tried at least once.
    #[error("a job needs a name and at least one attempt; got '{name}' and {attempts_max}")]
    Invalid {
        /// The name given.
        name: String,
        /// The attempts given.
        attempts_max: u16,
    },
    /// No such schedule.
    #[error("there is no schedule '{0}'")]
    NoSchedule(String),
    /// The job has not failed; there is nothing to try again.
    #[error("job {job_id} cannot be tried again, it is {}", state.name())]
    NotEnded {
        /// Which job.
        job_id: Uuid,
        /// Where it is.
        state: JobState,
    },
    /// The job has ended; there is nothing to end.
    #[error("job {job_id} cannot be cancelled, it is {} already", state.name())]
    Ended {
        /// Which job.
        job_id: Uuid,
        /// How it ended.
        state: JobState,
    },
    /// The database did not answer.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for JobsError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// What renewing a lease tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lease {
    /// The worker may go on.
    Held,
    /// The worker may go on, but somebody asked for the end.
    CancelRequested,
    /// Another worker has the job, or it was ended.
    Lost,
}

impl From<Option<bool>> for Lease {
    fn from(held: Option<bool>) -> Self {
        match held {
            None => Self::Lost,
            Some(true) => Self::CancelRequested,
            Some(false) => Self::Held,
        }
    }
}

impl Jobs {
    /// The queue in `db`.
    pub fn new(db: Db, clock: Clock, settings: Settings) -> Self {
        Self { db, clock, settings, wake: Arc::default(), running_here: Arc::default() }
    }

    /// Stores `job` and wakes a worker; when its slot is taken, names the job that has it.
    pub async fn enqueue(&self, job: NewJob) -> Result<Enqueued, JobsError> {
        let mut conn = self.db.conn().await?;
        let enqueued = self.enqueue_on(&mut conn, &job).await?;
        if enqueued.is_new {
            self.wake();
        }
        Ok(enqueued)
    }

    /// Stores `job` in the transaction open on `conn`; [`Jobs::wake`] after its commit.
    pub async fn enqueue_on(&self, conn: &mut Conn, job: &NewJob) -> Result<Enqueued, JobsError> {
        if job.name.trim().is_empty() || job.attempts_max == 0 {
            let (name, attempts_max) = (job.name.clone(), job.attempts_max);
            return Err(JobsError::Invalid { name, attempts_max });
        }
        let enqueued = store::enqueue(conn, job, self.clock.now()).await?;
        if enqueued.is_new {
            let (name, job_id) = (job.name.as_str(), enqueued.job_id);
            tracing::debug!(job = name, %job_id, "Stored job {name} {job_id}");
        }
        Ok(enqueued)
    }

    /// Stores a job of this name unless one waits that will run as soon; tells whether it did. Two
    /// processes that ask in the same moment may both.
    pub async fn enqueue_unless_due(&self, name: &str) -> Result<bool, JobsError> {
        let mut conn = self.db.conn().await?;
        if store::age::is_due(&mut conn, name, self.clock.now()).await? {
            return Ok(false);
        }
        let enqueued = self.enqueue_on(&mut conn, &NewJob::new(name)).await?;
        self.wake();
        Ok(enqueued.is_new)
    }

    /// Removes jobs that ended well or were cancelled before an instant, or only counts them; what
    /// died waits for a person.
    pub async fn forget(&self, before: DateTime<Utc>, dry_run: bool) -> Result<usize, JobsError> {
        let mut conn = self.db.conn().await?;
        Ok(store::age::forget(&mut conn, before, dry_run).await?)
    }

    /// One job.
    pub async fn job(&self, job_id: Uuid) -> Result<Job, JobsError> {
        let mut conn = self.db.conn().await?;
        store::job(&mut conn, job_id).await?.ok_or(JobsError::NotFound(job_id))
    }

    /// The attempts at a job, first one first; of very many the latest.
    pub async fn runs(&self, job_id: Uuid) -> Result<Vec<Run>, JobsError> {
        let mut conn = self.db.conn().await?;
        Ok(store::runs(&mut conn, job_id, RUNS_SHOWN_MAX).await?)
    }

    /// Up to `limit` jobs, newest first.
    pub async fn list(&self, filter: &JobFilter, limit: i64) -> Result<Vec<Job>, JobsError> {
        let mut conn = self.db.conn().await?;
        Ok(store::list(&mut conn, filter, limit).await?)
    }

    /// How many jobs wait, run, and died after `dead_since`.
    pub async fn counts(&self, dead_since: DateTime<Utc>) -> Result<JobCounts, JobsError> {
        let mut conn = self.db.conn().await?;
        Ok(store::counts(&mut conn, dead_since).await?)
    }

    /// Ends a queued job and asks a running one to end, in the transaction open on `conn`; says in
    /// which state it was and what it is then. [`Jobs::stop_here`] after its commit.
    ///
    /// # Errors
    ///
    /// [`JobsError::Ended`] for a job that is done or dead; a cancelled one stays cancelled.
    pub async fn cancel_on(
        &self,
        conn: &mut Conn,
        job_id: Uuid,
    ) -> Result<(JobState, Job), JobsError> {
        let state = store::cancel(conn, job_id, self.clock.now()).await?;
        match state.ok_or(JobsError::NotFound(job_id))? {
            state @ (JobState::Done | JobState::Dead) => Err(JobsError::Ended { job_id, state }),
            state @ (JobState::Queued | JobState::Running | JobState::Cancelled) => {
                let job = store::job(conn, job_id).await?.ok_or(JobsError::NotFound(job_id))?;
                Ok((state, job))
            }
        }
    }

    /// Tells a job that runs in this process at once that it should end.
    pub fn stop_here(&self, job_id: Uuid) {
        if let Some(token) = self.lock_running_here().get(&job_id) {
            token.cancel();
        }
    }

    /// Puts a dead or cancelled job back into the queue in the transaction open on `conn`; says in
    /// which state it was and what it is then. [`Jobs::wake`] after its commit.
    ///
    /// # Errors
    ///
    /// [`JobsError::NotEnded`] for a job that waits, runs or is done.
    pub async fn retry_on(
        &self,
        conn: &mut Conn,
        job_id: Uuid,
    ) -> Result<(JobState, Job), JobsError> {
        let state = store::retry(conn, job_id, RETRY_ATTEMPTS, self.clock.now()).await?;
        match state.ok_or(JobsError::NotFound(job_id))? {
            state @ (JobState::Queued | JobState::Running | JobState::Done) => {
                Err(JobsError::NotEnded { job_id, state })
            }
            state @ (JobState::Dead | JobState::Cancelled) => {
                let job = store::job(conn, job_id).await?.ok_or(JobsError::NotFound(job_id))?;
                Ok((state, job))
            }
        }
    }

    /// Every schedule, by name.
    pub async fn schedules(&self) -> Result<Vec<Planned>, JobsError> {
        let mut conn = self.db.conn().await?;
        let now = self.clock.now();
        let stored = definitions::all(&mut conn).await?;
        Ok(stored.into_iter().map(|stored| Planned::of(stored, now)).collect())
    }

    /// Pauses a schedule or lets it go on, in the transaction open on `conn`; says what it was.
    pub async fn set_enabled_on(
        &self,
        conn: &mut Conn,
        name: &str,
        is_enabled: bool,
    ) -> Result<bool, JobsError> {
        let before = definitions::set_enabled(conn, name, is_enabled, self.clock.now()).await?;
        before.ok_or_else(|| JobsError::NoSchedule(name.to_owned()))
    }

    /// Writes the program's schedules down; see [`Planned`].
    pub(super) async fn define(&self, all: &[Definition]) -> Result<(), JobsError> {
        let mut conn = self.db.conn().await?;
        definitions::put(&mut conn, all).await?;
        Ok(())
    }

    /// Names of the schedules that are paused.
    pub(super) async fn paused(&self) -> Result<HashSet<String>, JobsError> {
        let mut conn = self.db.conn().await?;
        Ok(definitions::paused(&mut conn).await?)
    }

    /// How long the job that has waited longest is due, in seconds; 0 when none waits.
    pub async fn lag_s(&self) -> Result<f64, JobsError> {
        let now = self.clock.now();
        let mut conn = self.db.conn().await?;
        let since = store::due_since(&mut conn, now).await?;
        let lag = since.map_or(0, |since| (now - since).num_milliseconds().max(0));
        Ok(lag as f64 / 1_000.0)
    }

    /// Lets the workers of this process look for jobs now: one was stored, here or by another process.
    pub fn wake(&self) {
        // Not every worker takes every job, so all that wait look; one that is just about to wait is
        // remembered.
        self.wake.notify_waiters();
        self.wake.notify_one();
    }

    /// The workers' settings.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Waits until a job was stored in this process.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Takes the job that has been due longest among those named; none when nothing is due.
    pub(super) async fn claim(
        &self,
        worker: &str,
        names: &[&str],
    ) -> Result<Option<Claim>, JobsError> {
        let now = self.clock.now();
        let lease_until = now + self.settings.lease();
        let running_here: Vec<Uuid> = self.lock_running_here().keys().copied().collect();
        let running_here = running_here.as_slice();
        let claimant = store::Claimant { worker, names, now, lease_until, running_here };
        let mut conn = self.db.conn().await?;
        loop {
            match store::take(&mut conn, claimant).await? {
                store::Taken::Claimed(claim) => return Ok(Some(claim)),
                store::Taken::Ended => {}
                store::Taken::Nothing => return Ok(None),
            }
        }
    }

    /// Prolongs the lease of `claim`.
    pub(super) async fn renew(&self, claim: &Claim) -> Result<Lease, JobsError> {
        let lease_until = self.clock.now() + self.settings.lease();
        let mut conn = self.db.conn().await?;
        Ok(store::renew(&mut conn, claim, lease_until).await?.into())
    }

    /// Stores how far `claim` is; `fraction` outside 0 to 1 is brought to the nearer end.
    pub(super) async fn progress(
        &self,
        claim: &Claim,
        fraction: f64,
        note: &str,
    ) -> Result<Lease, JobsError> {
        let fraction = if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 0.0 };
        let mut conn = self.db.conn().await?;
        Ok(store::progress(&mut conn, claim, fraction, note).await?.into())
    }

    /// Ends the attempt `claim`; false when its lease was lost and its result therefore refused.
    pub(super) async fn finish(
        &self,
        claim: &Claim,
        ending: &Ending,
        log_excerpt: &str,
    ) -> Result<bool, JobsError> {
        let mut conn = self.db.conn().await?;
        let now = self.clock.now();
        let accepted = store::finish(&mut conn, claim, ending, log_excerpt, now).await?;
        if matches!(ending, Ending::Released) {
            self.wake();
        }
        Ok(accepted)
    }

    /// The ending of a failed attempt: another one after a pause, or none after the last.
    pub(super) fn after_failure(&self, claim: &Claim, error: String) -> Ending {
        if claim.attempt >= claim.attempts_max {
            return Ending::Dead { error };
        }
        // Without jitter, jobs that failed together would come back together.
        let pause = self.settings.pause_after(claim.attempt, rand::random_range(0.5..=1.0));
        Ending::Retry { error, run_after: self.clock.now() + pause }
    }

    /// Makes `token` reachable for requests to end `job_id`, until the guard drops.
    pub(super) fn register(&self, job_id: Uuid, token: CancellationToken) -> RunningHere {
        self.lock_running_here().insert(job_id, token);
        RunningHere { jobs: self.clone(), job_id }
    }

    fn lock_running_here(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, CancellationToken>> {
        self.running_here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job that runs in this process.
pub(super) struct RunningHere {
    jobs: Jobs,
    job_id: Uuid,
}

impl Drop for RunningHere {
    fn drop(&mut self) {
        self.jobs.lock_running_here().remove(&self.job_id);
    }
}
