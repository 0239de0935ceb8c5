//! Changes to the queue that people ask for, written down with their author.

use diesel_async::AsyncConnection;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::access::audit::{Audit, By, Event};
use crate::platform::db::Db;
use crate::platform::jobs::{Job, JobState, Jobs, JobsError, NewJob, Planned};

/// The queue as people change it. Cloning is cheap.
#[derive(Clone)]
pub struct Queue {
    db: Db,
    jobs: Jobs,
    audit: Audit,
}

impl Queue {
    /// Changes to `jobs`, which live in `db`.
    pub const fn new(db: Db, jobs: Jobs, audit: Audit) -> Self {
        Self { db, jobs, audit }
    }

    /// Ends a queued job at once and asks a running one to end; see [`Jobs::cancel_on`].
    pub async fn cancel(&self, job_id: Uuid, by: &By) -> Result<Job, JobsError> {
        let mut conn = self.db.conn().await?;
        let job = conn
            .transaction(async |conn| {
                let (before, job) = self.jobs.cancel_on(conn, job_id).await?;
                if before != JobState::Cancelled {
                    let event = Event::new("job.cancel", ("job", job_id))
                        .before(&json!({"name": job.name, "state": before}))
                        .after(&json!({"name": job.name, "state": job.state}));
                    self.audit.record(conn, by, event).await?;
                }
                Ok::<_, JobsError>(job)
            })
            .await?;
        self.jobs.stop_here(job_id);
        Ok(job)
    }

    /// Puts a dead or cancelled job back into the queue; see [`Jobs::retry_on`].
    pub async fn retry(&self, job_id: Uuid, by: &By) -> Result<Job, JobsError> {
        let mut conn = self.db.conn().await?;
        let job = conn
            .transaction(async |conn| {
                let (before, job) = self.jobs.retry_on(conn, job_id).await?;
                let event = Event::new("job.retry", ("job", job_id))
                    .before(&json!({"name": job.name, "state": before}))
                    .after(&json!({"name": job.name, "state": job.state}));
                self.audit.record(conn, by, event).await?;
                Ok::<_, JobsError>(job)
            })
            .await?;
        self.jobs.wake();
        Ok(job)
    }

    /// Every schedule, by name.
    pub async fn schedules(&self) -> Result<Vec<Planned>, JobsError> {
        self.jobs.schedules().await
    }

    /// Pauses a schedule or lets it go on; what comes due meanwhile is not made up for.
    pub async fn set_enabled(
        &self,
        name: &str,
        is_enabled: bool,
        by: &By,
    ) -> Result<Planned, JobsError> {
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            let before = self.jobs.set_enabled_on(conn, name, is_enabled).await?;
            if before == is_enabled {
                return Ok(());
            }
            let event = Event::new("schedule.switch", ("schedule", name))
                .before(&json!({"is_enabled": before}))
                .after(&json!({"is_enabled": is_enabled}));
            Ok::<_, JobsError>(self.audit.record(conn, by, event).await?)
        })
        .await?;
        drop(conn);
        self.schedule(name).await
    }

    /// Enqueues the job of a schedule now, whether or not the schedule is kept.
    pub async fn run_now(
        &self,
        name: &str,
        by: &By,
        requested_by: Option<Uuid>,
    ) -> Result<Job, JobsError> {
        self.run_with(name, json!({}), by, requested_by).await
    }

    /// The same with an input for the job.
    pub async fn run_with(
        &self,
        name: &str,
        payload: Value,
        by: &By,
        requested_by: Option<Uuid>,
    ) -> Result<Job, JobsError> {
        let planned = self.schedule(name).await?;
        let new = NewJob { payload: payload.clone(), requested_by, ..NewJob::new(planned.name) };
        let mut conn = self.db.conn().await?;
        let job_id = conn
            .transaction(async |conn| {
                let job_id = self.jobs.enqueue_on(conn, &new).await?.job_id;
                let event =
                    Event::new("schedule.run", ("schedule", name)).after(&asked(job_id, &payload));
                self.audit.record(conn, by, event).await?;
                Ok::<_, JobsError>(job_id)
            })
            .await?;
        drop(conn);
        self.jobs.wake();
        self.jobs.job(job_id).await
    }

    async fn schedule(&self, name: &str) -> Result<Planned, JobsError> {
        let mut all = self.jobs.schedules().await?.into_iter();
        all.find(|it| it.name == name).ok_or_else(|| JobsError::NoSchedule(name.to_owned()))
    }
}

/// What is written down of a job that somebody asked for.
fn asked(job_id: Uuid, payload: &Value) -> Value {
    if *payload == json!({}) {
        json!({"job_id": job_id})
    } else {
        json!({"job_id": job_id, "input": payload})
    }
}
