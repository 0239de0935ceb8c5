//! Wrong passwords are counted, and after a few of them there is a pause.
//!
//! Three counts, each under a hash, because what was typed as a login may be a password: per pair
//! of login and address, per address, per login. They live in the database: several processes share
//! a box, and a restart must not hand out new tries. An unknown login counts like a known one.
//!
//! Nobody can be locked out from elsewhere: the count per login never closes the door. While a login
//! is under attack, an address it was never used from gets one try per pause instead of five;
//! addresses from which somebody has logged in keep theirs, and are not affected by what others at
//! that address do to other accounts.

use std::net::IpAddr;

use chrono::{DateTime, Duration, Utc};
use diesel_async::AsyncConnection;
use sha2::{Digest, Sha256};

use super::service::{Accounts, AccountsError};
use super::store::counts;
use crate::platform::web::neighbourhood;

/// Wrong passwords for one login from one address before a pause.
const PAIR_TRIES: u32 = 5;
/// The same from a strange address while the login is under attack.
const STRANGER_TRIES: u32 = 1;
/// Wrong passwords from one address, for whatever login, before a pause.
const ADDRESS_TRIES: u32 = 30;
/// Wrong passwords for one login from strange addresses that are an attack.
const ATTACK: u32 = 20;
/// The first pause; each further one is twice as long.
const PAUSE_MINUTES: i64 = 5;
/// The longest pause.
const PAUSE_MINUTES_MAX: i64 = 60;
/// Wrong passwords older than this do not count.
const FORGOTTEN_HOURS: i64 = 24;
/// For so long an address from which somebody logged in is theirs.
const KNOWN_DAYS: i64 = 90;

/// Identifies a count without telling whose it is.
pub(super) type Subject = [u8; 32];

/// A count as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) failures: u32,
    pub(super) last_failed_at: DateTime<Utc>,
    pub(super) succeeded_at: Option<DateTime<Utc>>,
}

impl Count {
    fn failures(&self, now: DateTime<Utc>) -> u32 {
        // Also when the clock was put back by more: a pause must not last as long as it was wrong.
        let forgotten = (now - self.last_failed_at).abs() >= Duration::hours(FORGOTTEN_HOURS);
        if forgotten { 0 } else { self.failures }
    }

    /// How long the pause still lasts, with a pause after every `allowed` failures.
    fn wait(&self, allowed: u32, now: DateTime<Utc>) -> Option<Duration> {
        let failures = self.failures(now);
        if failures == 0 || !failures.is_multiple_of(allowed) {
            return None;
        }
        let until = self.last_failed_at + pause(failures / allowed);
        (now < until).then(|| until - now)
    }

    fn is_known(&self, now: DateTime<Utc>) -> bool {
        self.succeeded_at.is_some_and(|at| now - at < Duration::days(KNOWN_DAYS))
    }
}

/// The pause before the tries of round `round + 1`, from 1 on.
fn pause(round: u32) -> Duration {
    let doublings = round.saturating_sub(1).min(10);
    Duration::minutes((PAUSE_MINUTES << doublings).min(PAUSE_MINUTES_MAX))
}

/// What a further wrong password leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries {
    /// Tries before the pause.
    pub left: u32,
    /// Length of the pause.
    pub pause: Duration,
}

/// The counts of one attempt: of the pair, of the address, of the login.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counts {
    pub(super) pair: Count,
    pub(super) address: Count,
    pub(super) login: Count,
}

impl Counts {
    /// What is left if this attempt fails, or how long to wait before there may be one.
    fn judge(&self, now: DateTime<Utc>) -> Result<Tries, Duration> {
        let known = self.pair.is_known(now);
        let strange = !known && self.login.failures(now) >= ATTACK;
        let allowed = if strange { STRANGER_TRIES } else { PAIR_TRIES };
        let crowded = if known { None } else { self.address.wait(ADDRESS_TRIES, now) };
        if let Some(wait) = self.pair.wait(allowed, now).max(crowded) {
            return Err(wait);
        }
        let failures = self.pair.failures(now) + 1;
        let left = (allowed - failures % allowed) % allowed;
        Ok(Tries { left, pause: pause(failures.div_ceil(allowed)) })
    }
}

/// An attempt that has been counted as a failure, until it succeeds.
#[derive(Debug)]
pub(super) struct Attempt {
    pair: Subject,
    others: Vec<Subject>,
    /// What is left when it fails.
    pub(super) tries: Tries,
}

impl Accounts {
    /// Counts an attempt before the password is looked at, so that many at once count as many.
    pub(super) async fn attempt(
        &self,
        login: &str,
        address: Option<IpAddr>,
    ) -> Result<Attempt, AccountsError> {
        let now = self.clock.now();
        let line = address.map_or_else(String::new, |it| neighbourhood(it).to_string());
        let (pair, of_address, of_login) = (
            subject(&["pair", login, &line]),
            subject(&["address", &line]),
            subject(&["login", login]),
        );
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            let [in_pair, at_address, for_login] =
                counts::hold(conn, [pair, of_address, of_login], now).await?;
            let found = Counts { pair: in_pair, address: at_address, login: for_login };
            let tries = found.judge(now).map_err(|wait| AccountsError::TooManyTries { wait })?;
            let known = in_pair.is_known(now);
            let mut counted = vec![(pair, in_pair)];
            if !known {
                counted.extend([(of_address, at_address), (of_login, for_login)]);
            }
            for (subject, count) in &counted {
                counts::set(conn, subject, count.failures(now) + 1, now).await?;
            }
            let others = counted.iter().skip(1).map(|(subject, _)| *subject).collect();
            Ok(Attempt { pair, others, tries })
        })
        .await
    }

    /// Takes back that an attempt failed; `in_person` when the password was right.
    pub(super) async fn forgive(
        &self,
        attempt: &Attempt,
        in_person: bool,
    ) -> Result<(), AccountsError> {
        let now = self.clock.now();
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            if in_person {
                counts::succeed(conn, &attempt.pair, now).await?;
            } else {
                counts::take_back(conn, &attempt.pair).await?;
            }
            for subject in &attempt.others {
                counts::take_back(conn, subject).await?;
            }
            Ok(())
        })
        .await
    }

    /// Removes counts that decide nothing any more; returns how many.
    pub async fn remove_old_counts(&self) -> Result<usize, AccountsError> {
        let now = self.clock.now();
        let failed_before = now - Duration::hours(FORGOTTEN_HOURS);
        let succeeded_before = now - Duration::days(KNOWN_DAYS);
        let mut conn = self.db.conn().await?;
        Ok(counts::remove(&mut conn, failed_before, succeeded_before).await?)
    }
}

fn subject(parts: &[&str]) -> Subject {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    fn after(failures: u32) -> Count {
        Count { failures, last_failed_at: noon(), succeeded_at: None }
    }

    fn counts(pair: u32, address: u32, login: u32) -> Counts {
        Counts { pair: after(pair), address: after(address), login: after(login) }
    }

    fn minutes(minutes: i64) -> Duration {
        Duration::minutes(minutes)
    }

    #[test]
    fn five_tries_then_pauses_that_double_up_to_an_hour() {
        for (failures, left, pause) in [(0, 4, 5), (1, 3, 5), (3, 1, 5), (4, 0, 5)] {
            let tries = counts(failures, failures, failures).judge(noon());
            assert_eq!(tries, Ok(Tries { left, pause: minutes(pause) }), "{failures}");
        }
        for (failures, pause) in [(5, 5), (10, 10), (15, 20), (20, 40), (25, 60), (500, 60)] {
            let stored = counts(failures, 0, 0);
            assert_eq!(stored.judge(noon() + minutes(1)), Err(minutes(pause - 1)), "{failures}");
            assert!(stored.judge(noon() + minutes(pause)).is_ok(), "{failures}");
            assert_eq!(stored.judge(noon() + minutes(24 * 60)).unwrap().left, 4, "a day later");
        }
    }

    #[test]
    fn an_address_that_tries_many_logins_waits_but_not_for_who_is_known_there() {
        assert!(counts(0, 29, 0).judge(noon()).is_ok());
        let crowded = counts(0, 30, 0);
        assert_eq!(crowded.judge(noon()), Err(minutes(5)));
        let known = Count { succeeded_at: Some(noon() - Duration::days(89)), ..after(0) };
        assert!(Counts { pair: known, ..crowded }.judge(noon()).is_ok());
        let once = Count { succeeded_at: Some(noon() - Duration::days(90)), ..after(0) };
        assert!(Counts { pair: once, ..crowded }.judge(noon()).is_err());
    }

    #[test]
    fn an_attacked_login_stays_open_for_its_owner() {
        let attacked = counts(0, 0, 100_000);
        assert_eq!(attacked.judge(noon()), Ok(Tries { left: 0, pause: minutes(5) }), "one try");
        assert_eq!(counts(1, 0, 20).judge(noon()), Err(minutes(5)));
        assert!(counts(1, 0, 19).judge(noon()).is_ok());
        let known = Count { succeeded_at: Some(noon()), ..after(0) };
        assert_eq!(Counts { pair: known, ..attacked }.judge(noon()).unwrap().left, 4);
    }

    #[test]
    fn subjects_tell_parts_apart() {
        assert_ne!(subject(&["pair", "a", "bc"]), subject(&["pair", "ab", "c"]));
        assert_ne!(subject(&["login", "a"]), subject(&["address", "a"]));
        assert_eq!(subject(&["login", "a"]), subject(&["login", "a"]));
    }
}
