//! Changes to the queue that people ask for, written down with their author.

use diesel_async::AsyncConnection;
use serde_json::json;
use uuid::Uuid;

use crate::access::audit::{Audit, By, Event};
use crate::platform::db::Db;
use crate::platform::jobs::{Job, JobState, Jobs, JobsError};

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
}
