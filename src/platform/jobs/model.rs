//! Jobs, their runs and their states.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

/// Where a job is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits for a worker, or for its next attempt.
    Queued,
    /// A worker holds it.
    Running,
    /// Ended well.
    Done,
    /// Failed for good; stays visible and can be run again.
    Dead,
    /// Ended because somebody asked for it.
    Cancelled,
}

impl JobState {
    /// Every state, in the order in which jobs pass them.
    pub const ALL: [Self; 5] =
        [Self::Queued, Self::Running, Self::Done, Self::Dead, Self::Cancelled];

    /// The name in the table and in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of a name in the table.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A job to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Which handler runs it.
    pub name: String,
    /// What makes it unique among the jobs of this name; without one every request is a new job.
    pub slot: Option<String>,
    /// Input of the handler: ids and ranges, not data.
    pub payload: Value,
    /// Attempts after which it is dead.
    pub attempts_max: u16,
    /// Earliest instant at which it runs; absent: at once.
    pub run_after: Option<DateTime<Utc>>,
    /// The account that asked for it.
    pub requested_by: Option<Uuid>,
}

impl NewJob {
    /// A job that runs at once, without a slot, up to five times.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            slot: None,
            payload: json!({}),
            attempts_max: 5,
            run_after: None,
            requested_by: None,
        }
    }

    /// The job, once per `slot`.
    #[must_use]
    pub fn slot(self, slot: impl Into<String>) -> Self {
        Self { slot: Some(slot.into()), ..self }
    }

    /// The job with an input.
    #[must_use]
    pub fn payload(self, payload: Value) -> Self {
        Self { payload, ..self }
    }
}

/// What became of a request to store a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enqueued {
    /// The job, or the one that has its slot already.
    pub job_id: Uuid,
    /// Whether it was stored now.
    pub is_new: bool,
}

/// A stored job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "keys are named after what they point at")]
pub struct Job {
    /// Identifier.
    pub job_id: Uuid,
    /// Which handler runs it.
    #[schema(example = "training.fit")]
    pub name: String,
    /// What makes it unique among the jobs of this name.
    #[schema(example = "2026-03-29")]
    pub slot: Option<String>,
    /// Input of the handler.
    #[schema(value_type = Object)]
    pub payload: Value,
    /// Where it is on its way.
    pub state: JobState,
    /// Attempts begun.
    pub attempts: i32,
    /// Attempts after which it is dead.
    pub attempts_max: i32,
    /// Earliest instant of its next attempt.
    pub run_after: DateTime<Utc>,
    /// Whether somebody asked the running job to end.
    pub cancel_requested: bool,
    /// How far it is, from 0 to 1.
    #[schema(example = 0.4)]
    pub progress: f64,
    /// What it is doing.
    #[schema(example = "fold 2 of 5")]
    pub progress_note: String,
    /// What it brought, once it is done.
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
    /// Why its last attempt failed.
    pub error: Option<String>,
    /// The account that asked for it; absent for the schedule.
    pub requested_by: Option<Uuid>,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
    /// When its first attempt began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// One attempt at a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "keys are named after what they point at")]
pub struct Run {
    /// Identifier.
    pub run_id: Uuid,
    /// Number of the attempt, from 1.
    pub attempt: i32,
    /// The worker that made it.
    pub worker: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended; absent while it runs.
    pub finished_at: Option<DateTime<Utc>>,
    /// `done`, `retry`, `dead`, `cancelled` or `lease_lost`; absent while it runs.
    #[schema(example = "done")]
    pub outcome: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// The last lines it logged.
    pub log_excerpt: String,
}

/// How many jobs there are that have not ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobCounts {
    /// Waiting, for a worker or for another attempt.
    pub queued: i64,
    /// Held by a worker.
    pub running: i64,
    /// Dead.
    pub dead: i64,
}

/// Which jobs a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Only jobs of this name.
    pub name: Option<String>,
    /// Only jobs in this state.
    pub state: Option<JobState>,
    /// Only jobs after this one in the list, by its creation and identifier.
    pub after: Option<(DateTime<Utc>, Uuid)>,
}

/// Why a handler brought no result.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Another attempt can help.
    #[error("{0:#}")]
    Retry(anyhow::Error),
    /// No further attempt can help.
    #[error("{0:#}")]
    Fatal(anyhow::Error),
    /// It saw the request to end and followed it.
    #[error("the job was cancelled")]
    Cancelled,
}

/// A job that a worker holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Claim {
    /// The job.
    pub job_id: Uuid,
    /// Which handler runs it.
    pub name: String,
    /// Input of the handler.
    pub payload: Value,
    /// Number of this attempt, from 1.
    pub attempt: i32,
    /// Attempts after which the job is dead.
    pub attempts_max: i32,
    /// This attempt; together with the worker it owns the lease.
    pub run_id: Uuid,
    /// Who holds the lease.
    pub owner: String,
}

/// What becomes of a job when its attempt ends.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ending {
    /// It brought this.
    Done(Value),
    /// It failed; the next attempt is due then.
    Retry { error: String, run_after: DateTime<Utc> },
    /// It failed for good.
    Dead { error: String },
    /// It was asked to end and did.
    Cancelled,
    /// The worker stops; the attempt does not count.
    Released,
}

impl Ending {
    /// Name in the table of runs.
    pub(super) const fn outcome(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Retry { .. } | Self::Released => "retry",
            Self::Dead { .. } => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    /// What went wrong, if something did.
    pub(super) fn error(&self) -> Option<&str> {
        match self {
            Self::Retry { error, .. } | Self::Dead { error } => Some(error),
            Self::Released => Some("the worker stopped"),
            Self::Done(_) | Self::Cancelled => None,
        }
    }
}

/// What a due job needs: not every one that can be taken should run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// An attempt.
    Run,
    /// An end, since its last worker vanished after the last attempt.
    Bury,
    /// An end, since somebody asked for it while its worker vanished.
    Cancel,
}

impl Due {
    /// Judges a job that is queued, or whose lease ran out.
    pub(super) fn of(state: JobState, attempts: i32, attempts_max: i32, cancel: bool) -> Self {
        match state {
            JobState::Running if cancel => Self::Cancel,
            JobState::Running if attempts >= attempts_max => Self::Bury,
            _ => Self::Run,
        }
    }
}
