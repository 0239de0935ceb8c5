//! The pool's memory: what its members and it have forecast so far, and the next day.

use serde::{Deserialize, Serialize};

use super::bands::Past;
use super::boosting::Engine;
use super::features::{LONGEST_LAG, PoolDays, Rows};
use super::members::{Fitted, Members, Models};
use super::settings::{LEAST_DAYS, PoolSettings};
use super::stack::Stack;
use super::weights::weights;
use super::{PoolError, Work};
use crate::algorithms::forecasting::days::{Day, DaysError, Part};

/// Models of different kinds with the forecasts they have made, on one series of days.
///
/// Days are indices into the history, which must begin with the same day in every call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pool {
    settings: PoolSettings,
    /// First day forecast.
    first: usize,
    /// Forecasts per member and day, all equally long.
    members: Vec<Vec<Day>>,
    /// Weighed forecasts per day.
    ensemble: Vec<Day>,
    /// Weights per day.
    weights: Vec<Vec<f64>>,
    /// Mean absolute distance of the members from the ensemble, per day.
    spreads: Vec<Day>,
    /// Made again when they are not there.
    #[serde(default)]
    models: Models,
    #[serde(default)]
    stack: Fitted,
}

/// The forecast of one day.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolForecast {
    /// Prices of the 24 hours, EUR/MWh.
    pub prices_eur_mwh: Day,
    /// Forecasts of the members, in the order of [`Pool::member_names`].
    pub members: Vec<Day>,
    /// Weights of the members.
    pub weights: Vec<f64>,
    /// Quantiles at the levels asked for, a day each, never crossing.
    pub quantiles: Vec<Day>,
}

impl PartialEq for Pool {
    /// Equal in what was forecast; forests are made again where they are not there.
    fn eq(&self, other: &Self) -> bool {
        (&self.settings, self.first, &self.members, &self.ensemble, &self.weights)
            == (&other.settings, other.first, &other.members, &other.ensemble, &other.weights)
    }
}

impl Pool {
    /// A pool whose first forecast is for day `first` of the history.
    ///
    /// The earlier that is before the first day that matters, the more its weights, its stack and its
    /// quantiles have to learn from; about a year is good.
    pub fn new(settings: PoolSettings, first: usize) -> Result<Self, PoolError> {
        if first < LEAST_DAYS {
            let few = DaysError::FewDays { found: first, least: LEAST_DAYS };
            return Err(PoolError::Days(few));
        }
        let members = vec![Vec::new(); settings.members().len()];
        let (ensemble, weights, spreads) = (Vec::new(), Vec::new(), Vec::new());
        let models = Models::default();
        Ok(Self { settings, first, members, ensemble, weights, spreads, models, stack: None })
    }

    /// Names of the members.
    pub fn member_names(&self) -> Vec<String> {
        self.settings.members()
    }

    /// Days forecast so far.
    pub fn days(&self) -> std::ops::Range<usize> {
        self.first..self.first + self.ensemble.len()
    }

    /// Whether what was stored fits together.
    pub fn is_whole(&self) -> bool {
        let days = self.ensemble.len();
        let members = self.settings.members().len();
        self.first >= LEAST_DAYS
            && self.members.len() == members
            && self.members.iter().all(|forecasts| forecasts.len() == days)
            && self.weights.len() == days
            && self.weights.iter().all(|weights| weights.len() == members)
            && self.spreads.len() == days
            && self.models.is_whole()
    }

    /// Forgets what was forecast of the days from `end` on. The members' models stay: each has learned
    /// from the days before the one it was fitted on, whatever was forecast of that.
    pub fn forget_from(&mut self, end: usize) {
        let days = end.saturating_sub(self.first);
        self.members.iter_mut().for_each(|forecasts| forecasts.truncate(days));
        self.ensemble.truncate(days);
        self.weights.truncate(days);
        self.spreads.truncate(days);
    }

    /// Forecasts every day that is missing up to and with `last`; prices of `last` are not read.
    ///
    /// # Errors
    ///
    /// Days that end too early or hold a value that is not finite, a library that fails, a
    /// cancellation. The record is then as it was.
    pub fn extend(
        &mut self,
        days: &PoolDays<'_>,
        last: usize,
        work: Work<'_>,
    ) -> Result<(), PoolError> {
        let new = self.days().end..last + 1;
        if new.is_empty() {
            return Ok(());
        }
        check(days, last)?;
        let windows = self.settings.trees.iter().map(|spec| spec.window_days + spec.refit_days);
        let reach = windows.max().unwrap_or_default();
        let rows_from = new.start.saturating_sub(reach).min(self.first).max(LONGEST_LAG);
        let rows = Rows::of(days, rows_from, last);
        self.models.fit_to(&self.settings);
        let members =
            Members { settings: &self.settings, days, rows: &rows, origin: self.first, work };
        let mut models = std::mem::take(&mut self.models);
        let forecasts = members.forecast(new.clone(), &mut models);
        self.models = models;
        let before = self.ensemble.len();
        for (member, forecasts) in self.members.iter_mut().zip(forecasts?) {
            member.extend(forecasts);
        }
        let result = self.correct(days, &rows, new.clone(), work);
        if result.is_err() {
            self.members.iter_mut().for_each(|member| member.truncate(before));
        }
        result?;
        new.for_each(|day| self.combine(days.history.prices_eur_mwh, day));
        Ok(())
    }

    /// The forecast of a day of the record, with quantiles at `levels` (rising, between 0 and 1).
    pub fn forecast(
        &self,
        days: &PoolDays<'_>,
        day: usize,
        levels: &[f64],
    ) -> Result<PoolForecast, PoolError> {
        let range = self.days();
        let prices = days.history.prices_eur_mwh;
        if !range.contains(&day) || prices.len() < day {
            let (first, last) = (range.start, range.end.saturating_sub(1));
            return Err(PoolError::Outside { day, first, last });
        }
        let at = day - self.first;
        let past = Past {
            ensemble: &self.ensemble[..=at],
            spreads: &self.spreads[..=at],
            actual: &prices[self.first..day],
        };
        Ok(PoolForecast {
            prices_eur_mwh: self.ensemble[at],
            members: self.members.iter().map(|forecasts| forecasts[at]).collect(),
            weights: self.weights[at].clone(),
            quantiles: past.quantiles(levels, self.settings.band_days),
        })
    }

    /// Forecasts `new` days with the stack.
    fn correct(
        &mut self,
        days: &PoolDays<'_>,
        rows: &Rows,
        new: std::ops::Range<usize>,
        work: Work<'_>,
    ) -> Result<(), PoolError> {
        let spec = &self.settings.stack;
        let others = &self.members[..self.members.len() - 1];
        let stack = Stack { spec, rows, members: others, first: self.first };
        let engine = Engine { threads: work.threads, cancel: work.cancel };
        let prices = days.history.prices_eur_mwh;
        let (mut forecasts, mut forest) = (Vec::new(), self.stack.take());
        let place = self.members.len() - 1;
        let when = self.settings.grid(self.first, place, spec.refit_days);
        for block in when.blocks(new) {
            let grid = when.begin(block.start);
            let learned = grid - self.first;
            if learned < self.settings.stack_after_days {
                forecasts.extend(block.map(|day| stack.base(day)));
                continue;
            }
            let fitted = if let Some((_, fitted)) = forest.take().filter(|(day, _)| *day == grid) {
                fitted
            } else {
                let from = self.first.max(grid.saturating_sub(spec.window_days));
                stack.fit(prices, from, grid, &engine)?
            };
            forecasts.extend(block.map(|day| stack.forecast(&fitted, day)));
            forest = Some((grid, fitted));
        }
        self.stack = forest;
        if let Some(member) = self.members.last_mut() {
            member.extend(forecasts);
        }
        Ok(())
    }

    /// Weighs the members' forecasts of a day by the errors of the days before it.
    fn combine(&mut self, prices: &[Day], day: usize) {
        let at = day - self.first;
        let from = at.saturating_sub(self.settings.weight_days);
        let past: Vec<&[Day]> = self.members.iter().map(|member| &member[from..at]).collect();
        let actual = &prices[self.first + from..day];
        let weights = weights(&past, actual, self.settings.equal_share);
        let ahead: Vec<&Day> = self.members.iter().map(|member| &member[at]).collect();
        let sum = |hour: usize| ahead.iter().zip(&weights).map(|(day, w)| day[hour] * w).sum();
        let ensemble: Day = std::array::from_fn(sum);
        let count = ahead.len().max(1) as f64;
        self.spreads.push(std::array::from_fn(|hour| {
            ahead.iter().map(|day| (day[hour] - ensemble[hour]).abs()).sum::<f64>() / count
        }));
        self.ensemble.push(ensemble);
        self.weights.push(weights);
    }
}

fn check(days: &PoolDays<'_>, last: usize) -> Result<(), PoolError> {
    days.history.check(0, last)?;
    if days.year_days.len() <= last {
        let (found, needed) = (days.year_days.len(), last + 1);
        return Err(DaysError::Ends { what: Part::Weekdays, found, needed, day: last }.into());
    }
    Ok(())
}
