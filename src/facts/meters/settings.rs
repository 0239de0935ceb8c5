//! The `[meters]` section.

use serde::{Deserialize, Serialize};

use super::model::check_meter_id;

/// The word for «the real one, as long as there is one».
pub(super) const AUTO: &str = "auto";

/// From a counter of five digits of kWh to one that never ends.
const ROLLOVER_WH: std::ops::RangeInclusive<u64> = 100_000_000..=1_000_000_000_000_000;

/// More meters than that make no box of a house, a street or a village.
const NEW_PER_DAY_MAX: u32 = 100_000;

/// Which meter pages and answers show when nobody says, and how counters count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Meter shown by default; `auto` takes a real one with readings of the last days, else a
    /// simulated one.
    pub default: String,
    /// Watt hours behind which counters go on at 0; 2^32 unless said.
    pub counter_rollover_wh: u64,
    /// Meters that may become known within a day; simulated ones do not count.
    pub new_per_day_max: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { default: AUTO.to_owned(), counter_rollover_wh: 1 << 32, new_per_day_max: 500 }
    }
}

impl Settings {
    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let mut all = Vec::new();
        if let Err(reason) = check_meter_id(&self.default) {
            all.push(format!("default = '{}' {reason}, and is not auto", self.default));
        }
        if self.new_per_day_max > NEW_PER_DAY_MAX {
            all.push(format!(
                "new_per_day_max = {} is more than {NEW_PER_DAY_MAX}",
                self.new_per_day_max
            ));
        }
        let range = ROLLOVER_WH;
        if !range.contains(&self.counter_rollover_wh) {
            all.push(format!(
                "counter_rollover_wh = {} is outside {} to {}",
                self.counter_rollover_wh,
                range.start(),
                range.end()
            ));
        }
        all
    }
}
