//! Orders of people: stored as jobs, together with who gave them.

use diesel_async::AsyncConnection;
use serde_json::Value;
use uuid::Uuid;

use super::jobs::TrainingJob;
use crate::access::audit::{Audit, By, Event};
use crate::platform::db::Db;
use crate::platform::jobs::{Jobs, JobsError, NewJob};

/// Takes orders of trainings and evaluations. Cloning is cheap.
#[derive(Clone)]
pub struct Orders {
    db: Db,
    jobs: Jobs,
    audit: Audit,
}

impl Orders {
    /// Orders for the queue in `db`.
    pub const fn new(db: Db, jobs: Jobs, audit: Audit) -> Self {
        Self { db, jobs, audit }
    }

    /// Queues a checked order of `user_id`; returns the job.
    pub async fn queue(&self, order: Value, user_id: Uuid, by: &By) -> Result<Uuid, JobsError> {
        let mut job = NewJob::new(TrainingJob::NAME).payload(order);
        job.requested_by = Some(user_id);
        let mut conn = self.db.conn().await?;
        let job_id = conn
            .transaction(async |conn| {
                let job_id = self.jobs.enqueue_on(conn, &job).await?.job_id;
                let event = Event::new("training.order", ("job", job_id)).after(&job.payload);
                self.audit.record(conn, by, event).await?;
                Ok::<_, JobsError>(job_id)
            })
            .await?;
        self.jobs.wake();
        Ok(job_id)
    }
}
