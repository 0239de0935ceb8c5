//! Sessions and keys that were alive a moment ago, so that a burst of requests asks the database once.
//!
//! What this process ends is forgotten at once. What another process ends, such as a command that
//! sets a password, is told by the database; should that be lost, it is noticed after
//! [`TRUSTED_MS`] at the latest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use crate::platform::web::Principal;

/// How long the database's answer is taken for granted.
const TRUSTED_MS: i64 = 1_000;
/// Proofs that are kept; when there are more, those that have to be asked again anyhow go.
const KEPT: usize = 1_000;

/// What a request brought to prove who sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Proof {
    /// A token of this session.
    Session(Uuid),
    /// A key with this hash.
    Key([u8; 32]),
}

/// What the database said of sessions and keys, and when.
#[derive(Clone, Default)]
pub(super) struct Seen(Arc<Mutex<Answers>>);

#[derive(Default)]
struct Answers {
    proofs: HashMap<Proof, (DateTime<Utc>, Principal)>,
    /// Counts what was forgotten: an answer on its way at that time is out of date.
    forgotten: u64,
}

/// Where things stood when the database was asked.
pub(super) struct Asked(u64);

impl Seen {
    /// Whose proof it is, if the database said so a moment before `now`.
    pub(super) fn recent(&self, proof: Proof, now: DateTime<Utc>) -> Option<Principal> {
        let answers = self.answers();
        let (asked_at, principal) = answers.proofs.get(&proof)?;
        is_recent(*asked_at, now).then(|| principal.clone())
    }

    /// To be taken before the database is asked.
    pub(super) fn ask(&self) -> Asked {
        Asked(self.answers().forgotten)
    }

    /// Notes the database's answer, unless something was forgotten since it was asked.
    pub(super) fn note(
        &self,
        asked: &Asked,
        (proof, principal): (Proof, &Principal),
        now: DateTime<Utc>,
    ) {
        let mut answers = self.answers();
        if answers.forgotten != asked.0 {
            return;
        }
        if answers.proofs.len() >= KEPT {
            answers.proofs.retain(|_, (asked_at, _)| is_recent(*asked_at, now));
        }
        if answers.proofs.len() < KEPT {
            answers.proofs.insert(proof, (now, principal.clone()));
        }
    }

    /// Sessions or keys have ended, or what is known of their accounts has changed. That is rare, so all
    /// are forgotten.
    pub(super) fn forget(&self) {
        let mut answers = self.answers();
        answers.forgotten += 1;
        answers.proofs.clear();
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock that was set back makes an answer old, too.
fn is_recent(asked_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    (now - asked_at).abs() < Duration::milliseconds(TRUSTED_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_good_for_a_second_and_never_outlives_the_end_of_a_session() {
        let (seen, id, who) =
            (Seen::default(), Proof::Session(Uuid::from_u128(1)), Principal::setup_guest());
        let noon: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().unwrap();
        let after = |milliseconds| noon + Duration::milliseconds(milliseconds);
        assert_eq!(seen.recent(id, noon), None);
        seen.note(&seen.ask(), (id, &who), noon);
        assert_eq!(seen.recent(id, after(999)), Some(who.clone()));
        assert_eq!(seen.recent(Proof::Session(Uuid::from_u128(2)), noon), None);
        assert_eq!((seen.recent(id, after(1_000)), seen.recent(id, after(-1_000))), (None, None));

        let asked = seen.ask();
        seen.forget();
        assert_eq!(seen.recent(id, noon), None);
        seen.note(&asked, (id, &who), noon);
        assert_eq!(seen.recent(id, noon), None, "the answer was on its way when the session ended");
    }

    #[test]
    fn the_number_of_sessions_kept_is_bounded() {
        let (seen, who) = (Seen::default(), Principal::setup_guest());
        let noon: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().unwrap();
        for id in 0..=KEPT as u128 {
            seen.note(&seen.ask(), (Proof::Session(Uuid::from_u128(id)), &who), noon);
        }
        assert!(seen.recent(Proof::Session(Uuid::from_u128(0)), noon).is_some());
        assert_eq!(seen.recent(Proof::Session(Uuid::from_u128(KEPT as u128)), noon), None);
        let later = noon + Duration::seconds(2);
        seen.note(&seen.ask(), (Proof::Session(Uuid::from_u128(7)), &who), later);
        assert!(seen.recent(Proof::Session(Uuid::from_u128(7)), later).is_some());
    }
}
