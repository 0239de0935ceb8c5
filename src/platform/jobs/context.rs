//! What a running job may ask and tell.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::model::Claim;
use super::service::{Jobs, Lease};

/// Lines of a run's log that are kept, and letters of one line.
const LOG_LINES_MAX: usize = 100;
const LOG_LINE_LETTERS_MAX: usize = 500;

/// Handed to a handler with its job; clones speak of the same run.
#[derive(Clone)]
pub struct JobContext {
    jobs: Jobs,
    claim: Arc<Claim>,
    cancel: CancellationToken,
    log: Arc<Mutex<VecDeque<String>>>,
}

impl JobContext {
    pub(super) fn new(jobs: Jobs, claim: Arc<Claim>, cancel: CancellationToken) -> Self {
        Self { jobs, claim, cancel, log: Arc::default() }
    }

    /// Whether the job should end: somebody asked for it, the program stops, or another worker has it.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// The job.
    pub fn job_id(&self) -> Uuid {
        self.claim.job_id
    }

    /// Whether no further attempt follows when this one fails.
    pub fn is_last_attempt(&self) -> bool {
        self.claim.attempt >= self.claim.attempts_max
    }

    /// Token that is cancelled when the job should end; for handlers that wait.
    pub fn cancel_token(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Tells how far the job is, from 0 to 1, and what it is doing.
    ///
    /// A database that does not answer is logged and does not end the job.
    pub async fn progress(&self, fraction: f64, note: &str) {
        match self.jobs.progress(&self.claim, fraction, note).await {
            Ok(Lease::Held) => {}
            Ok(Lease::CancelRequested | Lease::Lost) => self.cancel.cancel(),
            Err(error) => {
                let job_id = self.claim.job_id;
                tracing::warn!(%job_id, %error, "Could not store the progress of job {job_id}");
            }
        }
    }

    /// Writes a line to the log and to the run's excerpt, which keeps the last hundred.
    pub fn log(&self, line: impl Into<String>) {
        let (line, job_id) = (line.into(), self.claim.job_id);
        tracing::info!(job = self.claim.name, %job_id, "{line}");
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() == LOG_LINES_MAX {
            log.pop_front();
        }
        log.push_back(line.chars().take(LOG_LINE_LETTERS_MAX).collect());
    }

    /// The excerpt so far, one line each.
    pub(super) fn log_excerpt(&self) -> String {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}
