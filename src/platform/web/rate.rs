//! How often one caller may ask: an allowance per minute for each address and each account.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;
use governor::{Quota, RateLimiter};

use super::problem::Problem;
use crate::base::timeline::Clock;

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Callers that are kept apart at the same time; those beyond share one allowance, so that a flood
/// of addresses costs no memory.
const CALLERS_MAX: usize = 10_000;
/// Pause between two rounds of forgetting callers whose allowance is whole again.
const FORGET_EVERY: Duration = Duration::from_secs(1);

/// An allowance of so many requests a minute for each `K`; whoever has been quiet for a minute may
/// spend it at once.
#[derive(Debug)]
pub(super) struct Limit<K: Hash + Eq + Clone> {
    /// Name in metrics and headers.
    name: &'static str,
    clock: Ticks,
    buckets: Option<Buckets<K>>,
}

type Buckets<K> = (RateLimiter<K, Store<K>, Ticks, NoOpMiddleware<Duration>>, Mutex<Duration>);

impl<K: Hash + Eq + Clone> Limit<K> {
    /// An allowance of `per_minute`; 0 is no limit.
    pub(super) fn new(name: &'static str, per_minute: u32, clock: Clock) -> Self {
        let clock = Ticks(clock);
        let buckets = NonZeroU32::new(per_minute).map(|per_minute| {
            let quota = Quota::per_minute(per_minute);
            (RateLimiter::new(quota, Store::default(), clock.clone()), Mutex::default())
        });
        Self { name, clock, buckets }
    }

    /// Takes one request off the allowance of `caller`; 429 when nothing is left of it.
    pub(super) fn take(&self, caller: &K) -> Result<(), Problem> {
        let Some((limiter, forgotten_at)) = &self.buckets else { return Ok(()) };
        let now = governor::clock::Clock::now(&self.clock);
        if limiter.len() >= CALLERS_MAX {
            let mut forgotten_at = locked(forgotten_at);
            if now.saturating_sub(*forgotten_at) >= FORGET_EVERY {
                *forgotten_at = now;
                limiter.retain_recent();
            }
        }
        limiter.check_key(caller).map_err(|refusal| {
            metrics::counter!("luna_rate_limited_total", "limit" => self.name).increment(1);
            let (name, allowed) = (self.name, refusal.quota().burst_size());
            // Whole seconds, rounded up: whoever comes back then finds the allowance.
            let wait_s = refusal.wait_time_from(now).as_nanos().div_ceil(1_000_000_000).max(1);
            let detail = format_args!("more than {allowed} requests a minute; go on in {wait_s} s");
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", detail)
                .with_header(header::RETRY_AFTER, &wait_s.to_string())
                .with_header(RATELIMIT_POLICY, &format!("\"{name}\";q={allowed};w=60"))
                .with_header(RATELIMIT, &format!("\"{name}\";r=0;t={wait_s}"))
        })
    }
}

/// Our clock as the limiter reads it.
#[derive(Debug, Clone)]
struct Ticks(Clock);

impl governor::clock::Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// What is known of each caller, and of all those for whom there was no room, under `None`.
#[derive(Debug)]
struct Store<K>(Mutex<HashMap<Option<K>, Nanos>>);

impl<K> Default for Store<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K: Hash + Eq + Clone> StateStore for Store<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut known = locked(&self.0);
        let own = Some(key.clone());
        let key = if known.len() < CALLERS_MAX || known.contains_key(&own) { own } else { None };
        let (told, next) = decide(known.get(&key).copied())?;
        known.insert(key, next);
        Ok(told)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for Store<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        locked(&self.0).retain(|_, at| at.as_u64() > drop_below.as_u64());
    }

    fn len(&self) -> usize {
        locked(&self.0).len()
    }

    fn is_empty(&self) -> bool {
        locked(&self.0).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;
    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;

    fn start() -> DateTime<Utc> {
        "2026-03-28T12:00:00Z".parse().unwrap()
    }

    fn allowed(limit: &Limit<u32>, caller: u32, tries: usize) -> usize {
        (0..tries).filter(|_| limit.take(&caller).is_ok()).count()
    }

    #[test]
    fn an_allowance_is_spent_and_comes_back_evenly() {
        let clock = Clock::fixed(start());
        let limit = Limit::new("test", 6, clock.clone());
        assert_eq!(allowed(&limit, 1, 20), 6);
        assert_eq!(allowed(&limit, 2, 20), 6, "everybody has an allowance of their own");
        // Six a minute are one in ten seconds.
        clock.set(start() + TimeDelta::seconds(9));
        assert_eq!(allowed(&limit, 1, 20), 0);
        clock.set(start() + TimeDelta::seconds(10));
        assert_eq!(allowed(&limit, 1, 20), 1);
        clock.set(start() + TimeDelta::seconds(40));
        assert_eq!(allowed(&limit, 1, 20), 3);
        clock.set(start() + TimeDelta::hours(1));
        assert_eq!(allowed(&limit, 1, 20), 6);
    }

    #[test]
    fn a_refusal_says_when_to_come_back_and_then_it_works() {
        let clock = Clock::fixed(start());
        let limit = Limit::new("test", 40, clock.clone());
        assert_eq!(allowed(&limit, 1, 40), 40);
        let refusal = limit.take(&1).unwrap_err().error_response();
        assert_eq!(refusal.status(), 429);
        let header = |name: &str| refusal.headers().get(name).unwrap().to_str().unwrap();
        // One in 1.5 s.
        assert_eq!(header("retry-after"), "2");
        assert_eq!(header("ratelimit-policy"), "\"test\";q=40;w=60");
        assert_eq!(header("ratelimit"), "\"test\";r=0;t=2");
        clock.set(start() + TimeDelta::seconds(2));
        assert!(limit.take(&1).is_ok());
    }

    #[test]
    fn nothing_is_counted_without_a_limit() {
        let limit = Limit::new("test", 0, Clock::fixed(start()));
        assert_eq!(allowed(&limit, 1, 10_000), 10_000);
    }

    #[test]
    fn a_flood_of_callers_costs_no_memory_and_hurts_nobody_known() {
        let clock = Clock::fixed(start());
        let limit = Limit::new("test", 5, clock.clone());
        let known = |limit: &Limit<u32>| limit.buckets.as_ref().unwrap().0.len();
        assert_eq!(allowed(&limit, 0, 2), 2);
        let flood = 30_000;
        let passed: usize = (1..=flood).map(|caller| allowed(&limit, caller, 1)).sum();
        // Those beyond the room there is share five between them.
        assert_eq!(passed, CALLERS_MAX - 1 + 5);
        assert!(known(&limit) <= CALLERS_MAX + 1, "{}", known(&limit));
        assert_eq!(allowed(&limit, 0, 10), 3, "who was there before keeps their own allowance");
        clock.set(start() + TimeDelta::minutes(2));
        assert_eq!(allowed(&limit, flood + 1, 10), 5, "room is made again");
        assert!(known(&limit) <= 2, "{}", known(&limit));
    }
}
