//! Logins, accounts, sessions, tokens: values and their rules.

use std::fmt;

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use secrecy::SecretString;
use uuid::Uuid;

use crate::platform::web::{Language, Principal, Role};

/// What a person logs in with: an e-mail address or any other name, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LoginName(String);

impl LoginName {
    const LENGTH_MAX: usize = 254;

    /// The name of `text`; the error says which rule it breaks.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let name = text.trim().to_lowercase();
        let length = name.chars().count();
        if !(1..=Self::LENGTH_MAX).contains(&length) {
            return Err(format!("a login has 1 to {} characters, not {length}", Self::LENGTH_MAX));
        }
        let allowed = |c: char| c.is_alphanumeric() || "@._-+".contains(c);
        match name.chars().find(|c| !allowed(*c)) {
            Some(c) => Err(format!("a login has letters, digits and @ . _ - + only, not {c:?}")),
            None => Ok(Self(name)),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LoginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Somebody who may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "identifiers are named alike in tables and answers")]
pub struct Account {
    /// The account.
    pub account_id: Uuid,
    /// The person, as other tables know them.
    pub user_id: Uuid,
    /// What they log in with.
    pub login: String,
    /// What they may do.
    pub role: Role,
    /// How they like to be addressed.
    pub profile: Profile,
    /// Since when they may not log in any more.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Since when their password is in force.
    pub password_changed_at: DateTime<Utc>,
}

/// What a person sets for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Language of their pages.
    pub language: Language,
    /// Zone in which they read the clock.
    pub time_zone: Tz,
}

impl Default for Profile {
    fn default() -> Self {
        Self { language: Language::De, time_zone: Tz::Europe__Zurich }
    }
}

impl Account {
    /// Whether it is still the one whose password was checked as `proved`.
    pub(super) fn is_as_proved(&self, proved: &Self) -> bool {
        self.account_id == proved.account_id
            && self.disabled_at.is_none()
            && self.password_changed_at == proved.password_changed_at
    }

    /// The account as the sender of a request that belongs to a session, if it does.
    pub(super) fn into_principal(self, session_id: Option<Uuid>) -> Principal {
        Principal {
            account_id: self.account_id,
            user_id: self.user_id,
            login: self.login,
            role: self.role,
            session_id,
            key: None,
            is_setup_guest: false,
            language: self.profile.language,
            time_zone: self.profile.time_zone,
        }
    }
}

/// How a session came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionKind {
    /// By login and password.
    Login,
    /// By a command on the box.
    CommandLine,
}

impl SessionKind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::CommandLine => "command_line",
        }
    }
}

/// A session and whose it is.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "identifiers are named alike in tables and answers")]
pub(super) struct Session {
    pub(super) session_id: Uuid,
    pub(super) account: Account,
    pub(super) last_seen_at: DateTime<Utc>,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) revoked_at: Option<DateTime<Utc>>,
}

/// A session that was in use further ahead than this was opened under a clock that has been put back since;
/// it would live for as long as the clock was wrong.
pub(super) const fn clock_put_back_max() -> Duration {
    Duration::days(1)
}

impl Session {
    /// Whether requests may still belong to it.
    pub(super) fn is_alive(&self, now: DateTime<Utc>, idle_max: Duration) -> bool {
        self.revoked_at.is_none()
            && self.account.disabled_at.is_none()
            && now < self.expires_at
            && now < self.last_seen_at + idle_max
            && self.last_seen_at < now + clock_put_back_max()
    }
}

/// What a login gives: tokens for programs, and one for the cookie of a browser.
#[derive(Debug, Clone)]
pub struct NewTokens {
    /// For the header `Authorization: Bearer …`, short-lived.
    pub access_token: SecretString,
    /// Life of the access token, in seconds.
    pub access_token_s: i64,
    /// For a new pair of tokens, once.
    pub refresh_token: SecretString,
    /// For the session cookie; lives as long as the session.
    pub cookie_token: SecretString,
    /// When the session ends at the latest.
    pub session_expires_at: DateTime<Utc>,
    /// Who logged in.
    pub account: Account,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_trimmed_and_lower_case() {
        assert_eq!(
            LoginName::parse(" Anna.Müller@Example.CH ").unwrap().as_str(),
            "anna.müller@example.ch"
        );
        for refused in ["", "   ", "a b", "a\u{0}b", "<script>", "a'b", &"x".repeat(255)] {
            assert!(LoginName::parse(refused).is_err(), "{refused}");
        }
    }
}
