//! Durable queue: a job is stored before it runs, and may run twice.
//!
//! Anybody may enqueue a job under a name and a slot; the pair is unique, so that a slot runs once
//! however many processes ask for it. A worker takes a due job by writing a lease on it, works
//! without an open transaction and renews the lease; a lease that runs out hands the job to
//! another worker, and whatever the first one then brings is refused. Handlers therefore repeat
//! harmlessly and take their input from the database.

mod context; // what a running job may ask and tell
mod model; // jobs, runs, states
mod problem; // refusals over HTTP
mod runner; // workers that take due jobs
mod schedule; // clock times that enqueue
mod service; // enqueue, claim, finish, cancel
mod settings; // the `[jobs]` section
mod store; // SQL

pub use self::context::JobContext;
pub use self::model::{Job, JobCounts, JobError, JobFilter, JobState, NewJob, Run};
pub use self::runner::{Handler, Runner};
pub use self::schedule::{Planned, Schedule, ScheduleError, Scheduler, SlotLength};
pub use self::service::{Jobs, JobsError};
pub use self::settings::Settings;

#[cfg(test)]
use self::model::Enqueued;

#[cfg(test)]
mod tests;
