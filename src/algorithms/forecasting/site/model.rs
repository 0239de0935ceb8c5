//! A meter's model: trees where they beat the mean of the last days, bands from what was got wrong.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use ndarray::Axis;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::history::QUARTER_S;
use super::peaks::PeakModel;
use super::rows::{Kind, Leads, PAST_DAYS, Rows, Site};
use crate::algorithms::forecasting::bands::{Bands, Residuals};
use crate::algorithms::forecasting::errors::{FitError, PredictError};
use crate::algorithms::forecasting::model::{Model, fit};
use crate::algorithms::forecasting::params::{Algorithm, Params};
use crate::algorithms::forecasting::table::{Prediction, Table};

/// Hours ahead at which a group of leads ends; bands and errors are kept apart by these.
pub const LEAD_HOURS: [i64; 7] = [1, 3, 6, 24, 48, 96, 168];
/// Days of readings without which there is no forecast.
pub const DAYS_MIN: usize = 14;
/// Days of readings from which on trees are tried.
const DAYS_FOR_TREES: usize = 56;
/// Days that are learned from.
pub const DAYS_LEARNED: i64 = 364;
/// Longest hold-out, in days.
const HOLDOUT_DAYS: i64 = 28;
/// Quarter hours between two origins; a number that goes through all hours of the day.
const ORIGIN_STEP: usize = 23;
/// Rows without which bands say nothing.
const CALIBRATION_ROWS_MIN: usize = 200;
/// What trees must reach of the baseline's error: less than that is chance.
const GATE: f64 = 0.99;
/// Longest unpacked form that is read, in bytes.
const UNPACKED_MAX: u64 = 256 << 20;

/// Why there is no model, or no forecast.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// Too few days were read.
    #[error("{days} days of readings are known; a forecast needs {DAYS_MIN}")]
    TooShort {
        /// Days with readings for half the day or more.
        days: usize,
    },
    /// Trees could not be fitted.
    #[error("the trees could not be fitted")]
    Fit(#[from] FitError),
    /// Trees could not forecast.
    #[error("the trees could not forecast")]
    Predict(#[from] PredictError),
    /// Bytes that are no model of a meter.
    #[error("the stored model is damaged")]
    Damaged,
}

/// How a model was chosen: both held against the last days, which neither had learned from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FitReport {
    /// Days of readings that were known.
    pub days: usize,
    /// First instant of the hold-out, in seconds since the epoch.
    pub holdout_from_s: i64,
    /// First instant behind it.
    pub holdout_to_s: i64,
    /// Quarter hours of rolling origins that were forecast in it.
    pub holdout_rows: usize,
    /// Rows the trees learned from; 0 where there were none.
    pub rows: usize,
    /// Mean absolute error of the model that serves, in kW.
    pub mae_kw: f64,
    /// The same of the mean of the last days.
    pub baseline_mae_kw: f64,
    /// The same of the week before.
    pub week_ago_mae_kw: f64,
    /// The same of the trees; absent where there were none.
    pub trees_mae_kw: Option<f64>,
    /// Share of the hold-out within the 80 % band of the model that serves, in percent.
    pub coverage_80_percent: f64,
    /// What was decided and why.
    pub verdict: String,
    /// What the model looks at, most telling first; empty for the baseline.
    pub features: Vec<String>,
}

/// A fitted model of a meter's load or production.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SiteModel {
    kind: Kind,
    serves_trees: bool,
    trees: Option<Model>,
    /// Around the mean of the last days.
    bands: Bands,
    /// How it was chosen.
    pub report: FitReport,
    /// Of new monthly peaks; of loads only.
    pub peaks: Option<PeakModel>,
}

/// A forecast of every quarter hour of the coming week.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteForecast {
    /// The quarter hours.
    pub quarters: Vec<i64>,
    /// Power in kW with its quantiles.
    pub power: Prediction,
}

/// Group of a lead in quarter hours, from 1.
pub fn lead_group(lead: i64) -> u8 {
    let group = LEAD_HOURS.iter().position(|hours| lead < hours * 4).unwrap_or(6);
    u8::try_from(group + 1).unwrap_or(7)
}

impl Site {
    /// Days of the last year before an instant with readings for half the day or more, as known then.
    pub fn known_days(&self, as_of_s: i64) -> usize {
        let end = as_of_s.div_euclid(QUARTER_S);
        let first = self.power.first().max(end - (DAYS_LEARNED + PAST_DAYS) * 96);
        let is_read = |day: &i64| {
            let all = day * 96..(day + 1) * 96;
            all.filter(|it| !self.power.at(*it, as_of_s).is_nan()).count() >= 48
        };
        (first.div_euclid(96)..=end.div_euclid(96)).filter(is_read).count()
    }
}

/// What a model is fitted to and chosen on.
struct Parts {
    train: Rows,
    valid: Rows,
    days: usize,
    holdout: (i64, i64),
}

impl Parts {
    fn of(site: &Site, as_of_s: i64) -> Result<Self, SiteError> {
        let end = as_of_s.div_euclid(QUARTER_S);
        let days = site.known_days(as_of_s);
        if days < DAYS_MIN {
            return Err(SiteError::TooShort { days });
        }
        let last = site.power.known_end(as_of_s).unwrap_or(end).min(end);
        let held = (i64::try_from(days).unwrap_or(HOLDOUT_DAYS) / 3).min(HOLDOUT_DAYS);
        let split = last - held * 96;
        // An origin looks back over a week at least.
        let first = site.power.first().max(last - DAYS_LEARNED * 96) + 7 * 96;
        let origins = |from: i64, to: i64| (from..to).step_by(ORIGIN_STEP).collect::<Vec<i64>>();
        let trains = if days < DAYS_FOR_TREES { Vec::new() } else { origins(first, split - 4) };
        let train = site.rows(&trains, Leads::Some, Some(as_of_s));
        let train = train.kept(|rows, row| rows.quarters[row] < split && !rows.dark[row]);
        let valid = site.rows(&origins(split.max(first), last - 4), Leads::Some, Some(as_of_s));
        if valid.quarters.len() < CALIBRATION_ROWS_MIN {
            return Err(SiteError::TooShort { days });
        }
        Ok(Self { train, valid, days, holdout: (split * QUARTER_S, last * QUARTER_S) })
    }
}

impl SiteModel {
    /// Fits and chooses a model with what was known at `as_of_s`.
    ///
    /// # Errors
    /// Too few days, or trees that could not be fitted or were cancelled.
    pub fn fit(
        site: &Site,
        as_of_s: i64,
        cancel: &(dyn Fn() -> bool + Sync),
    ) -> Result<Self, SiteError> {
        let parts = Parts::of(site, as_of_s)?;
        let y = &parts.valid.table.y;
        let lit = parts.valid.kept(|rows, row| !rows.dark[row]);
        let residuals = residuals(&lit, &lit.baseline);
        let bands = Bands::calibrate(&residuals);
        let baseline = Bands::of_other_half(&residuals);
        let mut report = FitReport {
            days: parts.days,
            holdout_from_s: parts.holdout.0,
            holdout_to_s: parts.holdout.1,
            holdout_rows: y.len(),
            rows: parts.train.quarters.len(),
            mae_kw: 0.0,
            baseline_mae_kw: mae(y, &parts.valid.baseline),
            week_ago_mae_kw: mae(y, &parts.valid.week_ago),
            trees_mae_kw: None,
            coverage_80_percent: coverage(&lit.table.y, &baseline),
            verdict: String::new(),
            features: Vec::new(),
        };
        report.mae_kw = report.baseline_mae_kw;
        let mut model =
            Self { kind: site.kind, serves_trees: false, trees: None, bands, report, peaks: None };
        if parts.train.quarters.is_empty() {
            model.report.verdict = format!(
                "The mean of the last days serves; trees are tried from {DAYS_FOR_TREES} days of readings on."
            );
        } else {
            model.add_trees(&parts, &lit, cancel)?;
        }
        if site.kind == Kind::Load {
            model.peaks = PeakModel::fit(site, as_of_s, cancel)?;
        }
        Ok(model)
    }

    /// Fits trees and lets them serve where they are better.
    fn add_trees(
        &mut self,
        parts: &Parts,
        lit: &Rows,
        cancel: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), SiteError> {
        let (train, valid) = (parts.train.relative(), lit.relative());
        let fitted =
            fit(Algorithm::Lightgbm, &params(self.kind), &train, &valid, cancel, &mut |_| {})?;
        let mut mean = vec![0.0; parts.valid.quarters.len()];
        let lit_places = (0..mean.len()).filter(|row| !parts.valid.dark[*row]);
        for (place, value) in lit_places.zip(&fitted.validation.mean) {
            mean[place] = value.max(0.0) * parts.valid.scales[place];
        }
        let report = &mut self.report;
        let error = mae(&parts.valid.table.y, &mean);
        report.trees_mae_kw = Some(error);
        self.serves_trees = error < GATE * report.baseline_mae_kw;
        let who =
            if self.serves_trees { "LightGBM serves" } else { "The mean of the last days serves" };
        report.verdict = format!(
            "{who}: mean error {error:.3} kW of LightGBM against {:.3} of the mean of the last days and {:.3} of the week before, on the {} days before {}.",
            report.baseline_mae_kw,
            report.week_ago_mae_kw,
            (report.holdout_to_s - report.holdout_from_s) / 86_400,
            chrono::DateTime::from_timestamp(report.holdout_to_s, 0)
                .unwrap_or_default()
                .format("%Y-%m-%d"),
        );
        if self.serves_trees {
            report.mae_kw = error;
            report.coverage_80_percent = coverage(&valid.y, &fitted.validation.quantiles);
            let telling = fitted.model.importance().into_iter().filter(|(_, share)| *share > 0.0);
            report.features = telling.map(|(name, _)| name).collect();
        }
        self.trees = Some(fitted.model);
        Ok(())
    }

    /// Whether trees serve, not the mean of the last days.
    pub const fn serves_trees(&self) -> bool {
        self.serves_trees
    }

    /// What serves, in a word.
    pub const fn label(&self) -> &'static str {
        if self.serves_trees { "lightgbm" } else { "baseline" }
    }

    /// Whether the model's columns are those that `site` has.
    pub fn fits(&self, site: &Site) -> bool {
        let same = |model: &Model| {
            let of_model: Vec<&str> = model.features().iter().map(String::as_str).collect();
            of_model == site.features()
        };
        self.kind == site.kind && self.trees.as_ref().is_none_or(same)
    }

    /// Forecasts the coming week with what was known at `as_of_s`.
    pub fn forecast(&self, site: &Site, as_of_s: i64) -> Result<SiteForecast, SiteError> {
        let rows = site.rows_ahead(as_of_s);
        let power = self.predict(&rows, self.serves_trees)?;
        Ok(SiteForecast { quarters: rows.quarters, power })
    }

    /// Forecasts of rows, by the trees or by the mean of the last days.
    pub fn predict(&self, rows: &Rows, by_trees: bool) -> Result<Prediction, SiteError> {
        let trees = self.trees.as_ref().filter(|_| by_trees);
        let mut power = match trees {
            Some(trees) => {
                let table = Table { y: Vec::new(), ..rows.table.clone() };
                let mut power = trees.predict(&table)?;
                let rows = power.mean.iter_mut().zip(&mut power.quantiles).zip(&rows.scales);
                for ((mean, quantiles), scale) in rows {
                    *mean *= scale;
                    *quantiles = quantiles.map(|value| value * scale);
                }
                power
            }
            None => Prediction {
                mean: rows.baseline.clone(),
                quantiles: rows
                    .baseline
                    .iter()
                    .zip(&rows.table.groups)
                    .map(|(value, key)| self.bands.apply(&[*value; 7], *key))
                    .collect(),
            },
        };
        // Power is never below nothing, and a roof makes nothing while the sun is down.
        let limits = rows.dark.iter().zip(&rows.most);
        let limits = limits.map(|(dark, most)| if *dark { 0.0 } else { *most });
        for ((mean, quantiles), most) in power.mean.iter_mut().zip(&mut power.quantiles).zip(limits)
        {
            *mean = mean.clamp(0.0, most);
            *quantiles = quantiles.map(|value| value.clamp(0.0, most));
        }
        Ok(power)
    }

    /// The model as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let json = serde_json::to_vec(self).unwrap_or_default();
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        let written = encoder.write_all(&json).and_then(|()| encoder.finish());
        written.unwrap_or_default()
    }

    /// The model that was stored as `bytes`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SiteError> {
        let mut json = Vec::new();
        let mut unpacked = DeflateDecoder::new(bytes).take(UNPACKED_MAX);
        unpacked.read_to_end(&mut json).map_err(|_| SiteError::Damaged)?;
        serde_json::from_slice(&json).map_err(|_| SiteError::Damaged)
    }
}

/// Trees small enough for a box that has other things to do: a meter's week is noisy.
///
/// The point is the mean, whose sum is the energy to expect; loads are skewed, and their median, which
/// the quantiles hold, lies far below. Rows of one origin have one sky in common, so leaves of roofs must hold several origins.
fn params(kind: Kind) -> Params {
    let (leaves, rows) = match kind {
        Kind::Load => (31, 100),
        Kind::Pv => (15, 400),
    };
    Params::from_value(json!({
        "num_iterations": 200, "num_leaves": leaves, "learning_rate": 0.05,
        "min_data_in_leaf": rows, "feature_fraction": 0.6, "objective": "l2", "bands": "residual", "num_threads": 1,
    }))
}

fn residuals(rows: &Rows, points: &[f64]) -> Residuals {
    Residuals {
        base: points.iter().map(|point| [*point; 7]).collect(),
        actual: rows.table.y.clone(),
        keys: rows.table.groups.clone(),
        quantile_model: false,
    }
}

fn mae(y: &[f64], forecast: &[f64]) -> f64 {
    let off: f64 = y.iter().zip(forecast).map(|(y, forecast)| (y - forecast).abs()).sum();
    off / y.len().max(1) as f64
}

/// Share within the 80 % band, in percent.
fn coverage(y: &[f64], quantiles: &[[f64; 7]]) -> f64 {
    let inside = y
        .iter()
        .zip(quantiles)
        .filter(|(y, band)| (band[1].max(0.0)..=band[5].max(0.0)).contains(*y));
    100.0 * inside.count() as f64 / y.len().max(1) as f64
}

impl Rows {
    /// The table with targets relative to the scale of their origin, as the features are.
    fn relative(&self) -> Table {
        let relative = self.table.y.iter().zip(&self.scales).map(|(y, scale)| y / scale);
        Table { y: relative.collect(), ..self.table.clone() }
    }

    /// Those rows of which `keep` says so.
    pub fn kept(&self, keep: impl Fn(&Self, usize) -> bool) -> Self {
        let kept: Vec<usize> = (0..self.quarters.len()).filter(|row| keep(self, *row)).collect();
        Self {
            table: Table {
                features: self.table.features.clone(),
                x: self.table.x.select(Axis(0), &kept),
                y: pick(&self.table.y, &kept),
                groups: pick(&self.table.groups, &kept),
            },
            quarters: pick(&self.quarters, &kept),
            leads: pick(&self.leads, &kept),
            baseline: pick(&self.baseline, &kept),
            week_ago: pick(&self.week_ago, &kept),
            dark: pick(&self.dark, &kept),
            scales: pick(&self.scales, &kept),
            most: pick(&self.most, &kept),
        }
    }
}

/// Those values that rows of these places have; none where no row has any.
fn pick<T: Copy>(values: &[T], kept: &[usize]) -> Vec<T> {
    kept.iter().filter_map(|row| values.get(*row)).copied().collect()
}
