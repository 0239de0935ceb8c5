//! Models that are fitted anew for every day: LEAR, and the ensemble of the whole pool.
//!
//! They need whole days of prices up to the one before delivery, not single rows of features. A fitted
//! one carries its days with it; behind them it goes on with the rows it is handed, day by day, always
//! with the prices of the days before and never with those of the day it forecasts. Only the first
//! lead day is forecast. Quarter hours are the forecast of their hour and the course that they took
//! within it on the last days of the kind, so their mean is that of the hour.

mod days; // dense days out of rows

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::days::{Days, OneDay, days_of};
use super::days::{Day, HOURS};
use super::errors::FitError;
use super::lear;
use super::params::{Algorithm, Resolved};
use super::pool::{LEAST_DAYS, Pool, PoolError, PoolSettings, Work};
use super::table::{QUANTILES, Table, exogenous_of};

/// Windows of LEAR alone, in days; the mean of their forecasts is the model's.
const LEAR_WINDOWS: [usize; 4] = [56, 84, 728, 1_092];
/// Days between two questions whether the fit is still wanted.
const STRIDE: usize = 7;
/// Slots per hour when a day has 96 of them.
const QUARTERS: u16 = 4;

/// A model that is fitted anew for every day, with the days it knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Daily {
    exogenous: Vec<String>,
    days: Days,
    kind: Kind,
    threads: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// The mean over the windows; `forecasts` are of the days from the index `first` on.
    Lear {
        first: usize,
        forecasts: Vec<Day>,
    },
    Ensemble(Box<Pool>),
}

/// Forecast of one day by hour: points and, of the ensemble, quantiles.
struct Ahead {
    prices: Day,
    quantiles: Option<Vec<Day>>,
}

impl Daily {
    /// A model that knows the days of both tables and has forecast those of `valid`, each from the days
    /// before it only.
    pub fn fit(
        algorithm: Algorithm,
        params: &Resolved,
        (train, valid): (&Table, &Table),
        cancel: &(dyn Fn() -> bool + Sync),
        progress: &mut dyn FnMut(f64),
    ) -> Result<Self, FitError> {
        let exogenous = exogenous_of(&train.features);
        let mut known = days_of(train, &exogenous);
        let learned = known.len();
        known.extend(days_of(valid, &exogenous));
        let few = || FitError::FewDays { algorithm, found: learned, least: LEAST_DAYS };
        let (first, last) = known.keys().next().zip(known.keys().next_back()).ok_or_else(few)?;
        let mut days = Days::new(*first, exogenous.len());
        if !days.append(&known, last + 1) {
            return Err(few());
        }
        let ahead = valid.groups.iter().map(|key| key.day).min().and_then(|day| days.index(day));
        let ahead = ahead.filter(|ahead| *ahead >= LEAST_DAYS).ok_or_else(few)?;
        let threads = usize::try_from(params.integer("num_threads")).unwrap_or(1).max(1);
        let kind = if algorithm == Algorithm::Lear {
            Kind::Lear { first: ahead, forecasts: Vec::new() }
        } else {
            // What the members are worth, and how unsure they are, is learned on the days before.
            let record = usize::try_from(params.integer("record_days")).unwrap_or(0);
            let first = ahead.saturating_sub(record).max(LEAST_DAYS);
            let pool = Pool::new(PoolSettings::day_by_day(), first);
            Kind::Ensemble(Box::new(pool.map_err(|error| unfit(algorithm, &error))?))
        };
        let mut model = Self { exogenous, days, kind, threads };
        let (from, end) = (model.recorded().end, model.days.len());
        for last in (from..end).step_by(STRIDE).map(|day| (day + STRIDE).min(end) - 1) {
            model.extend(last, cancel).map_err(|error| unfit(algorithm, &error))?;
            progress((last + 1 - from) as f64 / (end - from) as f64);
        }
        Ok(model)
    }

    /// Indices of the days that were forecast.
    fn recorded(&self) -> std::ops::Range<usize> {
        match &self.kind {
            Kind::Lear { first, forecasts } => *first..first + forecasts.len(),
            Kind::Ensemble(pool) => pool.days(),
        }
    }

    /// Forecasts up to and with the day of index `last`.
    fn extend(&mut self, last: usize, cancel: &(dyn Fn() -> bool + Sync)) -> Result<(), PoolError> {
        let Self { days, kind, threads, .. } = self;
        let work = Work { threads: *threads, cancel, progress: &|_| {} };
        days.with(|days| match kind {
            Kind::Ensemble(pool) => pool.extend(days, last, work),
            Kind::Lear { first, forecasts } => {
                for day in *first + forecasts.len()..=last {
                    if cancel() {
                        return Err(PoolError::Cancelled);
                    }
                    let mut mean = [0.0; HOURS];
                    for window in LEAR_WINDOWS {
                        let one = lear::forecast(&days.history, day, window)?;
                        for (sum, price) in mean.iter_mut().zip(one.prices_eur_mwh) {
                            *sum += price / LEAR_WINDOWS.len() as f64;
                        }
                    }
                    forecasts.push(mean);
                }
                Ok(())
            }
        })
    }

    /// The forecast of a day of the record.
    fn ahead(&self, day: usize) -> Option<Ahead> {
        match &self.kind {
            Kind::Lear { first, forecasts } => {
                let prices = *forecasts.get(day.checked_sub(*first)?)?;
                Some(Ahead { prices, quantiles: None })
            }
            Kind::Ensemble(pool) => {
                let forecast = self.days.with(|days| pool.forecast(days, day, &QUANTILES)).ok()?;
                let (prices, quantiles) = (forecast.prices_eur_mwh, Some(forecast.quantiles));
                Some(Ahead { prices, quantiles })
            }
        }
    }

    /// Points, and quantiles of the ensemble, of every row; NaN for rows of later lead days and of days
    /// before which prices are missing.
    ///
    /// `recent` are rows with targets that came since the model was fitted; those of `table` are used
    /// for the days after them only.
    pub fn predict(
        &self,
        recent: Option<&Table>,
        table: &Table,
    ) -> (Vec<f64>, Option<Vec<[f64; 7]>>) {
        self.clone().answer(recent, table)
    }

    /// The same by a model that keeps what it learns from `recent` on the way, for the next time: rows
    /// that it has been handed before must come again as they were, older ones before newer ones.
    pub fn predict_on(
        &mut self,
        recent: Option<&Table>,
        table: &Table,
    ) -> (Vec<f64>, Option<Vec<[f64; 7]>>) {
        if let Some(recent) = recent {
            self.go_on(recent);
        }
        let (days, end) = (self.days.clone(), self.recorded().end);
        let answer = self.answer(recent, table);
        // Of a day that is not over more may become known; the models that were made for it stay.
        self.days = days;
        match &mut self.kind {
            Kind::Lear { first, forecasts } => forecasts.truncate(end.saturating_sub(*first)),
            Kind::Ensemble(pool) => pool.forget_from(end),
        }
        answer
    }

    /// Takes in the days of `recent` and forecasts them, each from the days before it.
    fn go_on(&mut self, recent: &Table) {
        let known = days_of(recent, &self.exogenous);
        let Some(last) = known.keys().next_back() else { return };
        let before = self.days.clone();
        if !self.days.append(&known, last + 1) || self.days.len() == before.len() {
            self.days = before;
            return;
        }
        if let Err(error) = self.extend(self.days.len() - 1, &|| false) {
            tracing::warn!(%error, "Days cannot be gone on with: {error}");
        }
    }

    fn answer(
        &mut self,
        recent: Option<&Table>,
        table: &Table,
    ) -> (Vec<f64>, Option<Vec<[f64; 7]>>) {
        let mut known =
            recent.map_or_else(BTreeMap::new, |recent| days_of(recent, &self.exogenous));
        let asked = days_of(table, &self.exogenous);
        for (day, values) in &asked {
            known.entry(*day).or_insert_with(|| values.clone());
        }
        let forecasts: BTreeMap<i32, Ahead> = asked
            .iter()
            .filter_map(|(day, values)| Some((*day, self.forecast(*day, values, &known)?)))
            .collect();
        let has_quarters = table.groups.iter().any(|key| usize::from(key.slot) >= HOURS);
        let (mut points, mut quantiles) = (Vec::new(), Vec::new());
        for key in &table.groups {
            let forecast = forecasts.get(&key.day).filter(|_| key.lead_day <= 1);
            let (hour, away) = if has_quarters {
                (key.slot / QUARTERS, self.days.within_hour(key.day, key.slot))
            } else {
                (key.slot, 0.0)
            };
            let hour = usize::from(hour).min(HOURS - 1);
            let price = forecast.map_or(f64::NAN, |forecast| forecast.prices[hour] + away);
            points.push(price);
            let levels = forecast.and_then(|forecast| forecast.quantiles.as_ref());
            quantiles.push(std::array::from_fn(|level| {
                levels.map_or(price, |levels| levels[level][hour] + away)
            }));
        }
        let has_quantiles = matches!(self.kind, Kind::Ensemble(_));
        (points, has_quantiles.then_some(quantiles))
    }

    /// Forecast of one day, for which the model goes on with what is `known` of the days before it.
    fn forecast(
        &mut self,
        day: i32,
        values: &OneDay,
        known: &BTreeMap<i32, OneDay>,
    ) -> Option<Ahead> {
        let index = self.days.index(day)?;
        if !self.recorded().contains(&index) {
            if index < self.recorded().start || !self.days.append(known, day) {
                return None;
            }
            self.days.look_ahead(day, Some(values));
            if let Err(error) = self.extend(index, &|| false) {
                tracing::warn!(%error, "A day cannot be forecast: {error}");
                return None;
            }
        }
        self.ahead(index)
    }

    /// Whether what is stored fits together with so many features.
    pub fn fits(&self, features: &[String]) -> bool {
        let is_whole = match &self.kind {
            Kind::Lear { .. } => true,
            Kind::Ensemble(pool) => pool.is_whole(),
        };
        self.exogenous == exogenous_of(features) && self.threads > 0 && is_whole
    }

    /// What each member is worth in the newest forecast, as shares of one, largest first.
    pub fn importance(&self) -> Vec<(String, f64)> {
        let mut shares: Vec<(String, f64)> = match &self.kind {
            Kind::Lear { .. } => {
                let share = 1.0 / LEAR_WINDOWS.len() as f64;
                LEAR_WINDOWS.iter().map(|window| (format!("LEAR {window}"), share)).collect()
            }
            Kind::Ensemble(pool) => {
                let newest = self.recorded().end.checked_sub(1);
                let forecast = newest
                    .and_then(|day| self.days.with(|days| pool.forecast(days, day, &[])).ok());
                let weights = forecast.map(|forecast| forecast.weights).unwrap_or_default();
                pool.member_names().into_iter().zip(weights).collect()
            }
        };
        shares.sort_by(|a, b| b.1.total_cmp(&a.1));
        shares
    }
}

fn unfit(algorithm: Algorithm, error: &PoolError) -> FitError {
    match error {
        PoolError::Cancelled => FitError::Cancelled,
        other => FitError::Engine { algorithm, message: other.to_string() },
    }
}

#[cfg(test)]
mod tests;
