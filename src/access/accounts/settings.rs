//! The `[accounts]` section.

use serde::{Deserialize, Serialize};

/// Whether people may register by themselves once somebody is admin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// Admins make the accounts.
    Closed,
    /// Whoever reaches the port becomes a customer of the default site.
    Open,
}

/// The `[accounts]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether anybody who reaches the port may register, as a customer: `open`, or `closed`.
    pub registration: Registration,
    /// Life of an access token, in minutes.
    pub access_token_minutes: u32,
    /// Longest life of a session, however much it is used, in days.
    pub session_days: u32,
    /// A session that nobody used for so long has ended, in days.
    pub session_idle_days: u32,
    /// Life of a token printed by `luna admin token`, in hours.
    pub command_line_hours: u32,
    /// Life of the one-time set-up code, in minutes.
    pub setup_code_minutes: u32,
    /// Passwords hashed at the same time; each takes a core for a moment and 19 MiB.
    pub hashing_parallel: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            registration: Registration::Closed,
            access_token_minutes: 15,
            session_days: 30,
            session_idle_days: 7,
            command_line_hours: 12,
            setup_code_minutes: 30,
            hashing_parallel: 2,
        }
    }
}

impl Settings {
    /// Everything that would lock people out or never end; each sentence begins with its key.
    pub fn mistakes(&self) -> Vec<String> {
        let bounded = [
            ("access_token_minutes", self.access_token_minutes, 24 * 60),
            ("session_days", self.session_days, 3_650),
            ("session_idle_days", self.session_idle_days, 3_650),
            ("command_line_hours", self.command_line_hours, 24 * 366),
            ("setup_code_minutes", self.setup_code_minutes, 24 * 60),
            ("hashing_parallel", u32::try_from(self.hashing_parallel).unwrap_or(u32::MAX), 64),
        ];
        let out = bounded.into_iter().filter(|(_, value, most)| !(1..=*most).contains(value));
        out.map(|(key, value, most)| format!("{key} = {value} is not between 1 and {most}"))
            .collect()
    }
}
