//! Passwords: what is accepted, and argon2id off the web workers.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zxcvbn::zxcvbn;

/// Fewest characters of a password.
pub(super) const LENGTH_MIN: usize = 10;
/// Most characters of a password; more would let a caller make hashing expensive.
pub(super) const LENGTH_MAX: usize = 256;

/// A password that is found among so many first guesses (as a power of ten) is refused: lists of
/// common passwords, names, keyboard patterns, years, repetitions and small changes to them.
const GUESSES_LOG10_MIN: f64 = 7.0;
/// Characters that are estimated; more would only take longer.
const ESTIMATED_MAX: usize = 72;

/// Memory in KiB, passes, lanes: the first choice of OWASP's Password Storage Cheat Sheet.
const COST: (u32, u32, u32) = (19_456, 2, 1);
/// Longest wait for a turn; afterwards the caller hears that Luna is busy.
const TURN_MAX: Duration = Duration::from_secs(5);

/// A hash of the same cost that no password has, verified against when a login is unknown, so that
/// an answer takes the same time whether somebody exists or not.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bHVuYS1ub2JvZHktc2FsdA\
                      $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What keeps a password from being hashed or checked.
#[derive(Debug, thiserror::Error)]
pub(super) enum PasswordError {
    /// Too many at once.
    #[error("too many people log in at this moment")]
    Busy,
    /// The stored hash is damaged, or the machine is out of memory.
    #[error("could not hash a password: {0}")]
    Hashing(String),
}

/// Hashes and checks, a few at a time.
#[derive(Debug, Clone)]
pub(super) struct Passwords(Arc<Semaphore>);

impl Passwords {
    pub(super) fn new(parallel: usize) -> Self {
        Self(Arc::new(Semaphore::new(parallel.max(1))))
    }

    /// Hash of `password`, with a salt of its own, as PHC string.
    pub(super) async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        self.off_the_worker(move || {
            let hash = hasher()?.hash_password(password.expose_secret().as_bytes());
            hash.map(|hash| hash.to_string()).map_err(|e| PasswordError::Hashing(e.to_string()))
        })
        .await
    }

    /// Whether `password` is the one of `stored`; always false, after the same work, without one.
    pub(super) async fn verify(
        &self,
        password: SecretString,
        stored: Option<String>,
    ) -> Result<bool, PasswordError> {
        self.off_the_worker(move || {
            let hash = stored.as_deref().unwrap_or(NOBODY);
            let checked = hasher()?.verify_password(password.expose_secret().as_bytes(), hash);
            match checked {
                Ok(()) => Ok(stored.is_some()),
                Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(PasswordError::Hashing(error.to_string())),
            }
        })
        .await
    }

    async fn off_the_worker<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let turn = tokio::time::timeout(TURN_MAX, Arc::clone(&self.0).acquire_owned()).await;
        let turn: OwnedSemaphorePermit = match turn {
            Ok(Ok(turn)) => turn,
            Ok(Err(_)) | Err(_) => return Err(PasswordError::Busy),
        };
        // The turn moves along: when the caller hangs up, the hashing still occupies its core.
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        done.await.map_err(|error| PasswordError::Hashing(error.to_string()))?
    }
}

fn hasher() -> Result<Argon2<'static>, PasswordError> {
    let (memory_kib, passes, lanes) = COST;
    let params = Params::new(memory_kib, passes, lanes, None)
        .map_err(|error| PasswordError::Hashing(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The rule that `password` of `login` breaks, if it breaks one. Length is what counts
/// (NIST SP 800-63B-4, section 3.1.1.2), and that nobody guesses it: no rules about kinds of
/// characters.
pub(super) fn broken_rule(password: &str, login: &str) -> Option<String> {
    let length = password.chars().count();
    if !(LENGTH_MIN..=LENGTH_MAX).contains(&length) {
        return Some(format!("a password has {LENGTH_MIN} to {LENGTH_MAX} characters"));
    }
    if password.to_lowercase() == login {
        return Some("a password must not be the login".to_owned());
    }
    let beginning: String = password.chars().take(ESTIMATED_MAX).collect();
    if zxcvbn(&beginning, &[login, "luna"]).guesses_log10() < GUESSES_LOG10_MIN {
        let rule = "this password is among the first that others would try; take several words, or \
                    let your password manager make one";
        return Some(rule.to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_about_length_and_the_obvious() {
        assert_eq!(broken_rule("correct horse", "anna"), None);
        assert_eq!(broken_rule("ünïcödé-ok", "anna"), None);
        for refused in ["", "short-one", "anna@example.ch", "aaaaaaaaaaaa", &"ab".repeat(129)] {
            assert!(broken_rule(refused, "anna@example.ch").is_some(), "{refused}");
        }
    }

    #[test]
    fn what_others_try_first_is_refused() {
        for refused in [
            "password123",
            "Password1234",
            "P@ssw0rd1234",
            "qwertyuiop",
            "1234567890",
            "qwertz123456",
            "iloveyou123",
            "abcabcabcabc",
            "1q2w3e4r5t",
            "administrator",
            "luna-luna-luna",
            "anna@example.ch1",
            "2026-11-21",
        ] {
            assert!(broken_rule(refused, "anna@example.ch").is_some(), "{refused}");
        }
        for accepted in ["correct horse battery", "staple of nine clouds", "x7Kq-92mv-Lw0p"] {
            assert_eq!(broken_rule(accepted, "anna@example.ch"), None, "{accepted}");
        }
    }

    #[tokio::test]
    async fn a_hash_opens_to_its_password_only_and_nobody_has_none() {
        let passwords = Passwords::new(2);
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, passwords.hash("correct horse".into()).await.unwrap());
        for (password, stored, expected) in [
            ("correct horse", Some(hash.clone()), true),
            ("correct hors", Some(hash), false),
            ("correct horse", None, false),
            ("", None, false),
        ] {
            let opened = passwords.verify(password.into(), stored).await.unwrap();
            assert_eq!(opened, expected, "{password}");
        }
    }

    #[test]
    fn the_hash_of_nobody_costs_what_real_ones_cost() {
        let real = hasher().unwrap().hash_password(b"x").unwrap().to_string();
        let cost = |hash: &str| hash.split('$').take(4).collect::<Vec<_>>().join("$");
        assert_eq!(cost(NOBODY), cost(&real));
        let lengths = |hash: &str| hash.split('$').map(str::len).collect::<Vec<_>>();
        assert_eq!(lengths(NOBODY), lengths(&real));
    }

    #[tokio::test]
    async fn a_damaged_hash_is_an_error_not_a_wrong_password() {
        let checked = Passwords::new(1).verify("x".into(), Some("plain".into())).await;
        assert!(matches!(checked, Err(PasswordError::Hashing(_))), "{checked:?}");
    }
}
