//! How long each step of an answer takes.

use std::time::Duration;

use crate::base::timeline::Clock;

/// A stopwatch with laps.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    clock: Clock,
    began: Duration,
    last: Duration,
}

impl Watch {
    /// Begins now.
    pub fn new(clock: Clock) -> Self {
        let now = clock.elapsed();
        Self { clock, began: now, last: now }
    }

    /// Milliseconds since the last lap, which are also counted under the step's name.
    pub fn lap(&mut self, step: &'static str) -> f64 {
        let now = self.clock.elapsed();
        let took = now.saturating_sub(self.last);
        self.last = now;
        metrics::histogram!("luna_answer_step_seconds", "step" => step).record(took.as_secs_f64());
        milliseconds(took)
    }

    /// Milliseconds since the beginning.
    pub fn total(&self) -> f64 {
        milliseconds(self.clock.elapsed().saturating_sub(self.began))
    }
}

/// To a hundredth.
fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 100_000.0).round() / 100.0
}
