//! The `[jobs]` section: workers, leases, retries.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The `[jobs]` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Jobs that run at the same time in this process.
    pub workers: u16,
    /// How long a worker holds a job without a sign of life, in seconds.
    pub lease_s: u32,
    /// How often a worker renews its lease, in seconds; well below `lease_s`.
    pub renew_s: u32,
    /// How often an idle worker looks for due jobs, in seconds.
    pub poll_s: u32,
    /// Pause before the second attempt, in seconds; doubles with every further one.
    pub retry_first_s: u32,
    /// Longest pause between attempts, in seconds.
    pub retry_longest_s: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            workers: 2,
            lease_s: 60,
            renew_s: 20,
            poll_s: 2,
            retry_first_s: 10,
            retry_longest_s: 900,
        }
    }
}

impl Settings {
    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let Self { lease_s, renew_s, retry_first_s, retry_longest_s, .. } = self;
        let mut found = Vec::new();
        if self.workers == 0 {
            found.push("workers = 0 would run no job; give at least 1".to_owned());
        }
        if self.poll_s == 0 {
            found.push("poll_s = 0 would ask without a pause; give at least 1".to_owned());
        }
        if *lease_s > 3_600 {
            found.push(format!("lease_s = {lease_s} is more than an hour"));
        }
        if *renew_s == 0 || renew_s.saturating_mul(2) > *lease_s {
            found.push(format!(
                "renew_s = {renew_s} is not between 1 and half of lease_s = {lease_s}"
            ));
        }
        if retry_first_s > retry_longest_s {
            found.push(format!(
                "retry_first_s = {retry_first_s} is longer than retry_longest_s = {retry_longest_s}"
            ));
        }
        found
    }

    /// Lease of a job that has just been taken or renewed.
    pub(super) fn lease(&self) -> chrono::Duration {
        chrono::Duration::seconds(self.lease_s.into())
    }

    /// Time between renewals.
    pub(super) fn renewal(&self) -> Duration {
        Duration::from_secs(self.renew_s.into())
    }

    /// Time between looks for due jobs.
    pub(super) fn poll(&self) -> Duration {
        Duration::from_secs(self.poll_s.into())
    }

    /// Pause after attempt number `attempt` (from 1), times `jitter` in `0.5..=1`.
    pub(super) fn pause_after(&self, attempt: i32, jitter: f64) -> chrono::Duration {
        let doublings = u32::try_from(attempt - 1).unwrap_or(0).min(20);
        let seconds = u64::from(self.retry_first_s) << doublings;
        let seconds = seconds.min(self.retry_longest_s.into());
        #[expect(clippy::cast_possible_truncation, reason = "at most u32::MAX seconds in ms")]
        let milliseconds = (seconds as f64 * 1_000.0 * jitter) as i64;
        chrono::Duration::milliseconds(milliseconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let settings = Settings::default();
        for (attempt, seconds) in [(1, 10), (2, 20), (3, 40), (7, 640), (8, 900), (500, 900)] {
            assert_eq!(settings.pause_after(attempt, 1.0).num_seconds(), seconds, "{attempt}");
        }
        assert_eq!(settings.pause_after(2, 0.5).num_milliseconds(), 10_000);
    }

    #[test]
    fn defaults_hold_their_own_rules_and_mistakes_are_all_named() {
        assert!(Settings::default().mistakes().is_empty());
        let wrong = Settings {
            workers: 0,
            poll_s: 0,
            renew_s: 31,
            retry_first_s: 901,
            ..Settings::default()
        };
        let mistakes = wrong.mistakes();
        let keys: Vec<_> =
            mistakes.iter().filter_map(|mistake| mistake.split(' ').next()).collect();
        assert_eq!(keys, ["workers", "poll_s", "renew_s", "retry_first_s"]);
    }
}
