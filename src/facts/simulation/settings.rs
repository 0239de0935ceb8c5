//! The `[simulation]` section: whether a market without data is kept, and which one.

use serde::{Deserialize, Serialize};

use crate::base::ids::Product;

/// Longest history that is made, in days; reads of prices are limited too.
const HISTORY_DAYS_MAX: u16 = 3_650;

/// The `[simulation]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether SIM-CH is kept filled.
    pub enabled: bool,
    /// Which simulated world; another seed is another history.
    pub seed: u64,
    /// Days of history behind today.
    pub history_days: u16,
    /// Hourly or quarter-hourly prices.
    pub product: Product,
}

impl Default for Settings {
    fn default() -> Self {
        Self { enabled: true, seed: 2_023, history_days: 400, product: Product::DayAhead }
    }
}

impl Settings {
    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let days = self.history_days;
        if (30..=HISTORY_DAYS_MAX).contains(&days) {
            return Vec::new();
        }
        vec![format!(
            "history_days = {days} is not between 30, the least that can be forecast from, and {HISTORY_DAYS_MAX}"
        )]
    }
}
