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
    /// What is wrong with the values, as `(key, what would be right)`.
    pub fn mistakes(&self) -> Vec<(&'static str, String)> {
        let days = self.history_days;
        if (1..=HISTORY_DAYS_MAX).contains(&days) {
            return Vec::new();
        }
        vec![("history_days", format!("{days} must be between 1 and {HISTORY_DAYS_MAX}"))]
    }
}
