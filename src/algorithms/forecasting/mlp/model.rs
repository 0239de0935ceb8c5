//! A network that learns from a history of days, learns on, and forecasts.

use serde::{Deserialize, Serialize};

use super::network::Weights;
use super::optimiser::Optimiser;
use crate::algorithms::forecasting::days::{Day, DayHistory, DaysError, HOURS};
use crate::algorithms::forecasting::design::Design;

/// Rows per step of the optimiser.
const BATCH: usize = 32;
/// Most hidden units; more would only be slower.
const UNITS_MAX: usize = 4_096;

/// What a network is like and how it learns. The defaults are those of least error on 2015 of the German
/// benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MlpSettings {
    /// Number of hidden units.
    pub units: usize,
    /// Decides first weights and order of rows; equal seeds give equal forecasts.
    pub seed: u64,
    /// Days to learn from.
    pub window_days: usize,
    /// Rounds over all rows when learning for the first time.
    pub first_rounds: usize,
    /// Rounds when learning on.
    pub later_rounds: usize,
    /// Step size in the beginning; it falls along a cosine to the later one.
    pub first_rate: f32,
    /// Step size when learning on.
    pub later_rate: f32,
    /// Decay of the weights per step, as a share of the step size.
    pub decay: f32,
    /// Errors of stabilised prices above which the loss is the absolute error.
    pub threshold: f32,
}

impl Default for MlpSettings {
    fn default() -> Self {
        Self {
            units: 128,
            seed: 1,
            window_days: 1_456,
            first_rounds: 60,
            later_rounds: 6,
            first_rate: 1e-3,
            later_rate: 2e-4,
            decay: 4.0,
            threshold: 0.05,
        }
    }
}

/// Why a network cannot learn or forecast.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MlpError {
    /// The days cannot be used.
    #[error(transparent)]
    Days(#[from] DaysError),
    /// It has not learned anything yet.
    #[error("the network has not learned yet")]
    NotLearned,
    /// Another number of series or flags than it has learned from.
    #[error("the network has learned from {learned} columns, the history has {found}")]
    Columns {
        /// Columns it has learned from.
        learned: usize,
        /// Columns of the history.
        found: usize,
    },
    /// No hidden units, or far too many.
    #[error("a network has 1 to {UNITS_MAX} hidden units, not {0}")]
    Units(usize),
    /// The weights ran away: the step size is too large for these days.
    #[error("learning did not converge; a smaller step size may help")]
    Diverged,
}

/// A network and what it has learned.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Mlp {
    settings: MlpSettings,
    dice: Dice,
    learned: Option<Learned>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Learned {
    optimiser: Optimiser,
    design: Design,
}

impl Mlp {
    /// A network that knows nothing yet.
    pub const fn new(settings: MlpSettings) -> Self {
        Self { settings, dice: Dice(settings.seed), learned: None }
    }

    /// Whether what was stored fits together: weights, columns and hours.
    pub fn is_whole(&self) -> bool {
        let units = self.settings.units;
        (1..=UNITS_MAX).contains(&units)
            && self.learned.as_ref().is_none_or(|Learned { optimiser, design }| {
                design.is_whole() && optimiser.fits(design.width, units)
            })
    }

    /// Learns from the window before `day`: from scratch the first time, from where it is after that.
    ///
    /// Takes seconds the first time and a fraction of one later.
    ///
    /// # Errors
    ///
    /// Days that cannot be used, or another number of columns than before. What was learned before stays.
    pub fn learn(&mut self, history: &DayHistory<'_>, day: usize) -> Result<(), MlpError> {
        let settings = self.settings;
        if !(1..=UNITS_MAX).contains(&settings.units) {
            return Err(MlpError::Units(settings.units));
        }
        let mut design = Design::of(history, day, settings.window_days)?;
        let width = design.width;
        let (mut optimiser, rounds) = match &self.learned {
            Some(learned) if learned.design.width != width => {
                let learned = learned.design.width;
                return Err(MlpError::Columns { learned, found: width });
            }
            Some(learned) => (learned.optimiser.clone(), settings.later_rounds),
            None => {
                let dice = || self.dice.roll();
                let weights = Weights::random(width, settings.units, dice);
                (Optimiser::new(weights), settings.first_rounds)
            }
        };
        let from_scratch = self.learned.is_none();
        let rows = Rows::of(&std::mem::take(&mut design.rows), width);
        let mut order: Vec<usize> = (0..rows.count()).collect();
        for round in 0..rounds {
            let rate = if from_scratch {
                let fallen =
                    0.5 - 0.5 * (std::f32::consts::PI * round as f32 / rounds as f32).cos();
                settings.first_rate + fallen * (settings.later_rate - settings.first_rate)
            } else {
                settings.later_rate
            };
            self.dice.shuffle(&mut order);
            for batch in order.chunks(BATCH) {
                let (inputs, targets) = rows.pick(batch);
                let (_, gradient) =
                    optimiser.weights().gradient(&inputs, &targets, settings.threshold);
                optimiser.step(&gradient, rate, settings.decay);
            }
        }
        if !optimiser.mean().parts().into_iter().flatten().all(|weight| weight.is_finite()) {
            return Err(MlpError::Diverged);
        }
        self.learned = Some(Learned { optimiser, design });
        Ok(())
    }

    /// Prices of the 24 hours of `day` in EUR/MWh, from what has been learned so far.
    ///
    /// # Errors
    ///
    /// Nothing learned, days before `day` that cannot be used, another number of columns.
    pub fn forecast(&self, history: &DayHistory<'_>, day: usize) -> Result<Day, MlpError> {
        let learned = self.learned.as_ref().ok_or(MlpError::NotLearned)?;
        let row = learned.design.row(history, day)?;
        let width = learned.design.width;
        if row.len() != width {
            return Err(MlpError::Columns { learned: width, found: row.len() });
        }
        let stabilised = learned.optimiser.mean().forecast(&narrow(&row));
        Ok(std::array::from_fn(|hour| {
            learned.design.price_eur_mwh(hour, f64::from(stabilised[hour]))
        }))
    }
}

/// Inputs and targets in single precision.
struct Rows {
    inputs: Vec<f32>,
    targets: Vec<f32>,
    width: usize,
}

impl Rows {
    fn of(rows: &[f64], width: usize) -> Self {
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        for row in rows.chunks_exact(width + HOURS) {
            inputs.extend(narrow(&row[..width]));
            targets.extend(narrow(&row[width..]));
        }
        Self { inputs, targets, width }
    }

    const fn count(&self) -> usize {
        self.targets.len() / HOURS
    }

    /// Inputs and targets of the rows of these indices.
    fn pick(&self, batch: &[usize]) -> (Vec<f32>, Vec<f32>) {
        let rows = |values: &[f32], width: usize| -> Vec<f32> {
            batch.iter().flat_map(|row| values[row * width..][..width].to_vec()).collect()
        };
        (rows(&self.inputs, self.width), rows(&self.targets, HOURS))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "stabilised values are small; f32 is enough")]
fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

/// Numbers that follow from a seed (`SplitMix64`, Steele et al. 2014).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Dice(pub u64);

impl Dice {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to 1, without 1.
    pub fn roll(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u32 << 24) as f32
    }

    /// Puts values into a random order (Fisher and Yates).
    fn shuffle(&mut self, values: &mut [usize]) {
        for last in (1..values.len()).rev() {
            let other = usize::try_from(self.next() % (last as u64 + 1)).unwrap_or(last);
            values.swap(last, other);
        }
    }
}
