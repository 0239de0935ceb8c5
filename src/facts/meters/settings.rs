//! The `[meters]` section.

use serde::{Deserialize, Serialize};

use super::model::check_meter_id;

/// The word for «the real one, as long as there is one».
pub(super) const AUTO: &str = "auto";

/// Which meter pages and answers show when nobody says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Meter shown by default; `auto` takes a real one with readings of the last days, else a
    /// simulated one.
    pub default: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { default: AUTO.to_owned() }
    }
}

impl Settings {
    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        match check_meter_id(&self.default) {
            Err(reason) => vec![format!("default = '{}' {reason}, and is not auto", self.default)],
            Ok(()) => Vec::new(),
        }
    }
}
