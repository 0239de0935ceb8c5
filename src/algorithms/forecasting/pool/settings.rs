//! Which members a pool has and how they are weighed; chosen on years before any test period.

use serde::{Deserialize, Serialize};

use super::boosting::{Target, TreesSpec};
use super::members::Grid;
use crate::algorithms::forecasting::mlp::MlpSettings;

/// Fewest days before the first forecast.
pub const LEAST_DAYS: usize = 120;

/// Days after which a network begins anew: what it forecasts must follow from the day alone, so that a
/// pool that was stored and loaded can make it again.
pub(super) const NETWORK_LIFE_DAYS: usize = 364;
/// Days after which a network learns on.
pub(super) const NETWORK_STEP_DAYS: usize = 7;

/// One small neural network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkSpec {
    /// Name of the member.
    pub name: String,
    /// Days learned from.
    pub window_days: usize,
    /// Which random numbers.
    pub seed: u64,
}

impl NetworkSpec {
    /// What the network is like and how it learns.
    pub(super) fn settings(&self) -> MlpSettings {
        MlpSettings { seed: self.seed, window_days: self.window_days, ..MlpSettings::default() }
    }
}

/// Everything that can be chosen about a pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PoolSettings {
    /// Windows of the LEAR members, in days.
    pub lear_windows: Vec<usize>,
    /// The pooled tree members.
    pub trees: Vec<TreesSpec>,
    /// The networks; each begins anew after [`NETWORK_LIFE_DAYS`] and learns on every
    /// [`NETWORK_STEP_DAYS`] in between.
    pub networks: Vec<NetworkSpec>,
    /// The trees that correct the mean of the others; the window is how far back their forecasts are
    /// learned from.
    pub stack: TreesSpec,
    /// Forecasts that the stack needs before it says anything of its own, in days.
    pub stack_after_days: usize,
    /// Days whose errors decide the weights.
    pub weight_days: usize,
    /// Share of the weights that is equal whatever the errors.
    pub equal_share: f64,
    /// Days whose errors make the quantiles.
    pub band_days: usize,
    /// Days by which each member that is not refitted daily is fitted anew before the one in front of
    /// it, so that no day has to pay for all; none of them in a pool that does not say so.
    #[serde(default)]
    pub stagger_days: usize,
}

impl Default for PoolSettings {
    fn default() -> Self {
        let base = TreesSpec {
            name: String::new(),
            target: Target::LessYesterday,
            window_days: 1092,
            refit_days: 28,
            trees: 500,
            leaves: 63,
            rate: 0.03,
            columns: 0.5,
            rows: 0.8,
            leaf_rows: 20,
            seed: 1,
        };
        let long = TreesSpec { name: "Trees 1092".to_owned(), ..base.clone() };
        let short = TreesSpec {
            name: "Trees 364".to_owned(),
            window_days: 364,
            refit_days: 7,
            trees: 300,
            leaves: 31,
            ..base.clone()
        };
        let levels = TreesSpec {
            name: "Trees 1456 level".to_owned(),
            target: Target::Price,
            window_days: 1456,
            ..base.clone()
        };
        let stack = TreesSpec {
            name: "Stack".to_owned(),
            window_days: 1456,
            refit_days: 14,
            trees: 200,
            leaves: 15,
            rate: 0.05,
            ..base
        };
        Self {
            lear_windows: vec![56, 84, 728, 1092, 1456],
            trees: vec![long, short, levels],
            networks: [1, 2, 3]
                .map(|seed| NetworkSpec { name: format!("MLP {seed}"), window_days: 1456, seed })
                .to_vec(),
            stack,
            stack_after_days: 56,
            weight_days: 182,
            equal_share: 0.2,
            band_days: 182,
            stagger_days: 0,
        }
    }
}

impl PoolSettings {
    /// The settings of a pool that goes on day by day: with two days between members a week has a day
    /// for each of the seven that are refitted weekly or in whole weeks.
    pub fn day_by_day() -> Self {
        Self { stagger_days: 2, ..Self::default() }
    }

    /// When the member at `place` of all is fitted anew, in a record that begins with the day `origin`.
    pub(super) fn grid(&self, origin: usize, place: usize, every: usize) -> Grid {
        let behind_daily = place.saturating_sub(self.lear_windows.len());
        Grid::new(origin, every, self.stagger_days * behind_daily)
    }

    /// Names of the members, in the order of all forecasts.
    pub fn members(&self) -> Vec<String> {
        let lear = self.lear_windows.iter().map(|window| format!("LEAR {window}"));
        let trees = self.trees.iter().map(|spec| spec.name.clone());
        let networks = self.networks.iter().map(|spec| spec.name.clone());
        lear.chain(trees).chain(networks).chain([self.stack.name.clone()]).collect()
    }
}
