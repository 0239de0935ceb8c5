//! A host that has failed several times in a row is left alone for a while, then tried once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::timeline::Clock;

/// Failures in a row after which a host is left alone.
const FAILURES_MAX: u32 = 5;
/// How long it is left alone, and how long a trial may take before there is another.
const PAUSE: Duration = Duration::from_secs(30);
/// Hosts that are remembered; beyond, those without failures are forgotten.
const HOSTS_MAX: usize = 1_000;

/// What is known of the hosts that were asked.
#[derive(Debug)]
pub struct Circuits {
    clock: Clock,
    states: Mutex<HashMap<String, State>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Asked; so many failures since the last success.
    Closed { failures: u32 },
    /// Left alone until then.
    Open { until: Duration },
    /// One trial is on its way; if nothing is heard of it by then, there is another.
    HalfOpen { until: Duration },
}

impl State {
    /// The value of the gauge.
    const fn level(self) -> f64 {
        match self {
            Self::Closed { .. } => 0.0,
            Self::HalfOpen { .. } => 1.0,
            Self::Open { .. } => 2.0,
        }
    }
}

impl Circuits {
    /// Nothing is known of any host.
    pub fn new(clock: Clock) -> Self {
        Self { clock, states: Mutex::default() }
    }

    /// Whether `host` may be asked now; otherwise how long to wait.
    pub fn admit(&self, host: &str) -> Result<(), Duration> {
        let now = self.clock.elapsed();
        let mut states = self.states();
        match states.get(host).copied() {
            None | Some(State::Closed { .. }) => Ok(()),
            Some(State::Open { until } | State::HalfOpen { until }) if now < until => {
                Err(until.saturating_sub(now))
            }
            Some(_) => {
                set(&mut states, host, State::HalfOpen { until: now + PAUSE });
                Ok(())
            }
        }
    }

    /// `host` answered.
    pub fn succeeded(&self, host: &str) {
        set(&mut self.states(), host, State::Closed { failures: 0 });
    }

    /// `host` did not answer, or not well.
    pub fn failed(&self, host: &str) {
        let now = self.clock.elapsed();
        let mut states = self.states();
        let next = match states.get(host).copied() {
            None => State::Closed { failures: 1 },
            Some(State::Closed { failures }) if failures + 1 < FAILURES_MAX => {
                State::Closed { failures: failures + 1 }
            }
            // Attempts that were on their way when it opened do not lengthen the pause.
            Some(open @ State::Open { until }) if now < until => open,
            Some(_) => State::Open { until: now + PAUSE },
        };
        if matches!(next, State::Open { .. }) && states.get(host) != Some(&next) {
            tracing::warn!(
                host,
                "{host} failed {FAILURES_MAX} times or its trial; left alone for a while"
            );
        }
        set(&mut states, host, next);
    }

    fn states(&self) -> MutexGuard<'_, HashMap<String, State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn set(states: &mut HashMap<String, State>, host: &str, state: State) {
    if states.len() >= HOSTS_MAX {
        states.retain(|_, state| *state != State::Closed { failures: 0 });
    }
    if states.insert(host.to_owned(), state) != Some(state) {
        metrics::gauge!("luna_circuit_state", "host" => host.to_owned()).set(state.level());
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;

    const HOST: &str = "a.example:443";

    fn start() -> DateTime<Utc> {
        "2026-03-28T12:00:00Z".parse().unwrap()
    }

    fn failing() -> (Circuits, Clock) {
        let clock = Clock::fixed(start());
        let circuits = Circuits::new(clock.clone());
        for _ in 0..5 {
            assert_eq!(circuits.admit(HOST), Ok(()));
            circuits.failed(HOST);
        }
        (circuits, clock)
    }

    #[test]
    fn five_failures_in_a_row_open_it_for_half_a_minute() {
        let (circuits, clock) = failing();
        assert_eq!(circuits.admit(HOST), Err(Duration::from_secs(30)));
        assert_eq!(circuits.admit("b.example:443"), Ok(()), "each host has its own");
        clock.set(start() + TimeDelta::seconds(29));
        // A straggler from before does not lengthen the pause.
        circuits.failed(HOST);
        assert_eq!(circuits.admit(HOST), Err(Duration::from_secs(1)));
    }

    #[test]
    fn one_trial_decides() {
        let (circuits, clock) = failing();
        clock.set(start() + TimeDelta::seconds(30));
        assert_eq!(circuits.admit(HOST), Ok(()));
        assert_eq!(circuits.admit(HOST), Err(Duration::from_secs(30)), "one at a time");
        circuits.failed(HOST);
        assert_eq!(circuits.admit(HOST), Err(Duration::from_secs(30)));
        clock.set(start() + TimeDelta::seconds(60));
        assert_eq!(circuits.admit(HOST), Ok(()));
        circuits.succeeded(HOST);
        for _ in 0..4 {
            circuits.failed(HOST);
            assert_eq!(circuits.admit(HOST), Ok(()), "all is forgiven");
        }
    }

    #[test]
    fn a_trial_that_is_never_heard_of_does_not_close_the_door() {
        let (circuits, clock) = failing();
        clock.set(start() + TimeDelta::seconds(30));
        assert_eq!(circuits.admit(HOST), Ok(()));
        clock.set(start() + TimeDelta::seconds(60));
        assert_eq!(circuits.admit(HOST), Ok(()));
    }

    #[test]
    fn successes_between_failures_keep_it_closed() {
        let circuits = Circuits::new(Clock::fixed(start()));
        for _ in 0..10 {
            circuits.failed(HOST);
            circuits.failed(HOST);
            circuits.succeeded(HOST);
        }
        assert_eq!(circuits.admit(HOST), Ok(()));
    }

    #[test]
    fn memory_is_bounded() {
        let circuits = Circuits::new(Clock::fixed(start()));
        for host in 0..3 * HOSTS_MAX {
            circuits.succeeded(&host.to_string());
        }
        assert!(circuits.states().len() <= HOSTS_MAX);
    }
}
