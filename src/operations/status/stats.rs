//! Figures of the process, its disk and its work.

use std::fs;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::service::{Counts, Status};
use crate::platform::objects::Space;
use crate::platform::telemetry::Metrics;

/// What the system says of this process; absent where it does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProcessStats {
    /// Memory in use, in bytes.
    #[schema(example = 62_914_560_u64)]
    pub resident_bytes: Option<u64>,
    /// Threads.
    #[schema(example = 12_u64)]
    pub threads: Option<u64>,
    /// Open files and connections.
    #[schema(example = 41_u64)]
    pub open_files: Option<u64>,
}

/// Figures since the start and of this moment.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Stats {
    /// Version of the program.
    pub version: &'static str,
    /// When this process started.
    pub started_at: DateTime<Utc>,
    /// How long it has been running, in seconds.
    pub uptime_s: i64,
    /// The process.
    pub process: ProcessStats,
    /// Room for data; absent where the disk cannot be asked.
    pub disk: Option<Space>,
    /// Requests answered since the start.
    pub http_requests: f64,
    /// Values predicted since the start.
    pub predictions: f64,
    /// Failures of the learning part since the start.
    pub learning_errors: f64,
    /// Attempts at jobs since the start.
    pub job_runs: f64,
    /// Age of the oldest job that is due, in seconds; absent while the database is away.
    pub queue_lag_s: Option<f64>,
    /// What is stored; absent while the database is away.
    pub counts: Option<Counts>,
}

impl Status {
    /// Figures of this moment.
    pub async fn stats(&self, metrics: &Metrics) -> Stats {
        let samples = metrics.samples();
        let sum = |name: &str| {
            samples.iter().filter(|sample| sample.name == name).map(|sample| sample.value).sum()
        };
        let is_there = self.health().await.ready;
        let now = self.clock.now();
        Stats {
            version: env!("CARGO_PKG_VERSION"),
            started_at: self.started_at,
            uptime_s: (now - self.started_at).num_seconds(),
            process: process(),
            disk: self.space(),
            http_requests: sum("luna_http_requests_total"),
            predictions: sum("ml_predictions_total"),
            learning_errors: sum("ml_errors_total"),
            job_runs: sum("luna_jobs_runs_total"),
            queue_lag_s: if is_there { self.jobs.lag_s().await.ok() } else { None },
            counts: if is_there { self.counts().await } else { None },
        }
    }
}

fn process() -> ProcessStats {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let open_files = fs::read_dir("/proc/self/fd").map(|files| files.count() as u64);
    ProcessStats {
        resident_bytes: number(&status, "VmRSS:").map(|kib| kib * 1_024),
        threads: number(&status, "Threads:"),
        open_files: open_files.ok(),
    }
}

/// The first number behind `name` in the kernel's list of a process.
fn number(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_process_are_read() {
        let status = "Name:\tluna\nVmRSS:\t   61440 kB\nThreads:\t12\n";
        assert_eq!(
            (number(status, "VmRSS:"), number(status, "Threads:")),
            (Some(61_440), Some(12))
        );
        assert_eq!(number(status, "VmSwap:"), None);
    }
}
