//! Trees that correct the mean of the other members, learned from their forecasts made out of sample.

use super::PoolError;
use super::boosting::{Engine, Sample, TreesSpec, predict};
use super::features::{Rows, single};
use crate::algorithms::forecasting::days::{Day, HOURS};
use crate::algorithms::forecasting::trees::Forest;

/// What the other members forecast for consecutive days.
pub(super) struct Stack<'a> {
    pub spec: &'a TreesSpec,
    pub rows: &'a Rows,
    /// Forecasts of each member from `first` on.
    pub members: &'a [Vec<Day>],
    /// Day of the first forecast.
    pub first: usize,
}

impl Stack<'_> {
    /// Mean of the members' forecasts of a day.
    pub fn base(&self, day: usize) -> Day {
        let at = day - self.first;
        let count = self.members.len().max(1) as f64;
        std::array::from_fn(|hour| {
            self.members.iter().map(|forecasts| forecasts[at][hour]).sum::<f64>() / count
        })
    }

    /// Learns from the days `from..day`.
    pub fn fit(
        &self,
        prices: &[Day],
        from: usize,
        day: usize,
        engine: &Engine<'_>,
    ) -> Result<Forest, PoolError> {
        let mut sample = Sample { width: self.width(), x: Vec::new(), y: Vec::new() };
        for (day, prices) in prices.iter().enumerate().take(day).skip(from) {
            let base = self.base(day);
            self.append(day, &base, &mut sample.x);
            sample.y.extend(prices.iter().zip(base).map(|(price, base)| single(price - base)));
        }
        self.spec.train(&sample, engine)
    }

    /// Forecasts a day.
    pub fn forecast(&self, forest: &Forest, day: usize) -> Day {
        let base = self.base(day);
        let mut x = Vec::with_capacity(HOURS * self.width());
        self.append(day, &base, &mut x);
        let residuals = predict(forest, &x, self.width());
        std::array::from_fn(|hour| base[hour] + residuals[hour])
    }

    fn width(&self) -> usize {
        self.rows.width + 2 * self.members.len() + 2
    }

    /// The 24 rows of a day: those of the trees, the members' forecasts relative to yesterday's mean and
    /// to their own mean, and that mean's place within the day.
    fn append(&self, day: usize, base: &Day, into: &mut Vec<f32>) {
        let at = day - self.first;
        let level = self.rows.level(day);
        let day_mean = super::features::mean(base);
        for hour in 0..HOURS {
            self.rows.append(day, hour, level, into);
            for forecasts in self.members {
                into.push(single(forecasts[at][hour] - level));
                into.push(single(forecasts[at][hour] - base[hour]));
            }
            into.push(single(base[hour] - level));
            into.push(single(base[hour] - day_mean));
        }
    }
}
