//! What one process of several does.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a process does; written as names with commas between them, e.g. `web,worker`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Roles {
    /// Answers pages and the API. Without it a process answers about its health and metrics only.
    pub web: bool,
    /// Runs jobs of the queue.
    pub worker: bool,
    /// Turns time and changes into jobs, and messages into readings: schedules, the broker.
    pub events: bool,
}

impl Default for Roles {
    fn default() -> Self {
        Self { web: true, worker: true, events: true }
    }
}

impl FromStr for Roles {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut roles = Self { web: false, worker: false, events: false };
        for name in text.split(',').map(str::trim) {
            match name {
                "web" => roles.web = true,
                "worker" => roles.worker = true,
                "events" => roles.events = true,
                other => {
                    return Err(format!("'{other}' is not a role; known are web, worker, events"));
                }
            }
        }
        Ok(roles)
    }
}

impl TryFrom<String> for Roles {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Roles> for String {
    fn from(roles: Roles) -> Self {
        roles.to_string()
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [(self.web, "web"), (self.worker, "worker"), (self.events, "events")];
        let names: Vec<&str> = all.iter().filter(|(has, _)| *has).map(|(_, name)| *name).collect();
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_names_with_commas() {
        assert_eq!(Roles::default().to_string(), "web,worker,events");
        let some: Roles = " events , web ".parse().unwrap();
        assert_eq!((some.web, some.worker, some.events), (true, false, true));
        assert_eq!(some.to_string(), "web,events");
        for wrong in ["", "web,", "webb", "web;worker"] {
            assert!(wrong.parse::<Roles>().unwrap_err().contains("known are web"), "{wrong}");
        }
    }
}
