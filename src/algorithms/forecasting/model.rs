//! One face for all algorithms: fit, forecast, store.
//!
//! Stored form: `LUNAMODL`, one byte of format version, the SHA-256 of the rest, and the rest: JSON,
//! deflated. Numbers in it read back to the same bits.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use ndarray::{ArrayView1, Axis, concatenate};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::bands::{Bands, Residuals};
use super::daily::Daily;
use super::errors::{FitError, LoadError, PredictError};
use super::lightgbm::{Boosted, Job};
use super::linear::Linear;
use super::naive::Naive;
use super::params::{Algorithm, Params, Resolved};
use super::table::{Prediction, Table};

const MAGIC: &[u8; 8] = b"LUNAMODL";
const VERSION: u8 = 1;
const DIGEST: usize = 32;
/// Longest unpacked form that is read, in bytes.
const UNPACKED_MAX: u64 = 512 << 20;
const HEAD: usize = MAGIC.len() + 1 + DIGEST;

/// A fitted model with its calibrated bands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    algorithm: Algorithm,
    features: Vec<String>,
    body: Body,
    bands: Bands,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Body {
    Naive(Naive),
    Linear(Linear),
    Trees(Box<Boosted>),
    Daily(Box<Daily>),
}

/// What a fit brings.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The model, which has learned from the validation rows too.
    pub model: Model,
    /// Forecasts of the validation rows, to judge the model by, from a model that has learned from
    /// the training rows only; its bands are calibrated on the half of the validation rows that a
    /// row does not belong to. NaN for a row that lacks what is needed.
    pub validation: Prediction,
}

/// Fits `algorithm` to the training rows and calibrates its bands on the validation rows.
///
/// The bands are calibrated with a model that has learned from the training rows only; the point
/// model is then fitted again on both, because the newest days say most about tomorrow. Hand in
/// tables in time order, the validation after the training, and at least some weeks of it.
/// `progress` hears shares from 0 to 1; `cancel` is asked between parts, seconds at most apart for
/// some years of hourly rows.
pub fn fit(
    algorithm: Algorithm,
    params: &Params,
    train: &Table,
    valid: &Table,
    cancel: &(dyn Fn() -> bool + Sync),
    progress: &mut dyn FnMut(f64),
) -> Result<Fitted, FitError> {
    let params = params.resolve(algorithm)?;
    train.check_labelled().map_err(|source| FitError::Table { which: "training", source })?;
    valid.check_labelled().map_err(|source| FitError::Table { which: "validation", source })?;
    if train.features != valid.features {
        let column = train.features.iter().zip(&valid.features).take_while(|(a, b)| a == b).count();
        return Err(FitError::DifferentFeatures { column });
    }
    if cancel() {
        return Err(FitError::Cancelled);
    }
    let (calibration, last) = match algorithm {
        Algorithm::Naive => {
            let naive = Body::Naive(Naive::new(&params, train)?);
            (naive.clone(), naive)
        }
        Algorithm::Linear => linear(&params, train, valid, cancel, progress)?,
        Algorithm::Lightgbm | Algorithm::RandomForest => {
            let boosted = Job { algorithm, params: &params, cancel }.fit(train, valid, progress)?;
            let body = |boosted| Body::Trees(Box::new(boosted));
            (body(boosted.calibration), body(boosted.last))
        }
        Algorithm::Lear | Algorithm::Ensemble => {
            let daily = Daily::fit(algorithm, &params, (train, valid), cancel, progress)?;
            // What it has forecast of the validation days it did from the days before them.
            let daily = Body::Daily(Box::new(daily));
            (daily.clone(), daily)
        }
    };
    if cancel() {
        return Err(FitError::Cancelled);
    }
    let (mean, residuals) = calibration.residuals(valid);
    if residuals.actual.is_empty() {
        return Err(FitError::NothingToCalibrate(algorithm));
    }
    let bands = Bands::calibrate(&residuals);
    let mut unseen = Bands::of_other_half(&residuals).into_iter();
    let quantiles = mean.iter().map(|point| {
        let known = if point.is_finite() { unseen.next() } else { None };
        known.unwrap_or([f64::NAN; 7])
    });
    let validation = Prediction { quantiles: quantiles.collect(), mean };
    progress(1.0);
    let model = Model { algorithm, features: train.features.clone(), body: last, bands };
    Ok(Fitted { model, validation })
}

fn linear(
    params: &Resolved,
    train: &Table,
    valid: &Table,
    cancel: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(f64),
) -> Result<(Body, Body), FitError> {
    let first = Linear::fit(params, train, cancel, &mut |share| progress(share / 2.0))?;
    let all = Table {
        features: train.features.clone(),
        x: concatenate![Axis(0), train.x, valid.x],
        y: [train.y.as_slice(), valid.y.as_slice()].concat(),
        groups: [train.groups.as_slice(), valid.groups.as_slice()].concat(),
    };
    let last = Linear::fit(params, &all, cancel, &mut |share| progress(0.5 + share / 2.0))?;
    Ok((Body::Linear(first), Body::Linear(last)))
}

impl Body {
    /// Point forecasts, NaN where a row lacks what is needed, and base quantiles if there are any.
    fn predict(&self, recent: Option<&Table>, table: &Table) -> (Vec<f64>, Option<Vec<[f64; 7]>>) {
        let rows = table.x.rows().into_iter();
        match self {
            Self::Naive(naive) => (rows.map(|row| naive.predict(row)).collect(), None),
            Self::Linear(linear) => {
                let keyed = rows.zip(&table.groups);
                (keyed.map(|(row, key)| linear.predict(row, key.slot)).collect(), None)
            }
            Self::Trees(boosted) => boosted.predict(table.x.view()),
            Self::Daily(daily) => daily.predict(recent, table),
        }
    }

    /// The same, and a model of whole days keeps what it learns on the way.
    fn predict_on(&mut self, recent: &Table, table: &Table) -> (Vec<f64>, Option<Vec<[f64; 7]>>) {
        match self {
            Self::Daily(daily) => daily.predict_on(Some(recent), table),
            _ => self.predict(Some(recent), table),
        }
    }

    /// Point forecasts of all rows, and what the finite ones among them got wrong.
    fn residuals(&self, table: &Table) -> (Vec<f64>, Residuals) {
        let (points, quantiles) = self.predict(None, table);
        let quantile_model = quantiles.is_some();
        let base = quantiles.unwrap_or_else(|| points.iter().map(|point| [*point; 7]).collect());
        let usable = (0..points.len()).filter(|row| points[*row].is_finite());
        let usable: Vec<usize> = usable.collect();
        let residuals = Residuals {
            base: usable.iter().map(|row| base[*row]).collect(),
            actual: usable.iter().map(|row| table.y[*row]).collect(),
            keys: usable.iter().map(|row| table.groups[*row]).collect(),
            quantile_model,
        };
        (points, residuals)
    }

    fn fits(&self, features: &[String]) -> bool {
        match self {
            Self::Naive(naive) => naive.fits(features.len()),
            Self::Linear(linear) => linear.fits(features.len()),
            Self::Trees(boosted) => boosted.fits(features.len()),
            Self::Daily(daily) => daily.fits(features),
        }
    }
}

impl Model {
    /// Forecasts every row of `table`, whose features must be the model's in name and order.
    pub fn predict(&self, table: &Table) -> Result<Prediction, PredictError> {
        self.predict_after(None, table)
    }

    /// The same by a model that may also know the rows `recent`, with their targets, which have come
    /// since it was fitted. Models of whole days go on with them; others do not look at them.
    pub fn predict_after(
        &self,
        recent: Option<&Table>,
        table: &Table,
    ) -> Result<Prediction, PredictError> {
        table.check()?;
        self.check_features(&table.features)?;
        let said = self.body.predict(recent, table);
        self.banded(said, table)
    }

    /// The same, and a model of whole days keeps what it learns from `recent` for the next time, when
    /// the same rows come again with newer ones behind them.
    pub fn predict_on(
        &mut self,
        recent: &Table,
        table: &Table,
    ) -> Result<Prediction, PredictError> {
        table.check()?;
        self.check_features(&table.features)?;
        let said = self.body.predict_on(recent, table);
        self.banded(said, table)
    }

    fn banded(
        &self,
        (mean, quantiles): (Vec<f64>, Option<Vec<[f64; 7]>>),
        table: &Table,
    ) -> Result<Prediction, PredictError> {
        if let Some(row) = mean.iter().position(|value| !value.is_finite()) {
            let features = match &self.body {
                Body::Naive(naive) => naive.needs(),
                Body::Daily(_) => "of whole days of prices up to the day before".to_owned(),
                _ => self.features.join(", "),
            };
            return Err(PredictError::MissingValue { row, features });
        }
        let base = quantiles.unwrap_or_else(|| mean.iter().map(|point| [*point; 7]).collect());
        let banded = base.iter().zip(&table.groups).map(|(base, key)| self.bands.apply(base, *key));
        Ok(Prediction { quantiles: banded.collect(), mean })
    }

    /// Point forecast of one row of features, without checks of names: the fastest way.
    ///
    /// NaN when the row has another length or lacks what the model needs. A linear model takes the
    /// slot of the day from the feature `slot`, else `hour`.
    pub fn predict_row(&self, row: &[f32]) -> f64 {
        if row.len() != self.features.len() {
            return f64::NAN;
        }
        let values = ArrayView1::from(row);
        match &self.body {
            Body::Naive(naive) => naive.predict(values),
            Body::Linear(linear) => {
                let column = |wanted: &str| self.features.iter().position(|name| name == wanted);
                let slot = column("slot").or_else(|| column("hour")).map(|column| row[column]);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a slot of the day is a small whole number; NaN becomes 0"
                )]
                let slot = slot.unwrap_or_default() as u16;
                linear.predict(values, slot)
            }
            Body::Trees(boosted) => boosted.predict_row(values),
            // A row is no day.
            Body::Daily(_) => f64::NAN,
        }
    }

    /// Number of trees, those of the quantiles among them.
    pub fn trees(&self) -> usize {
        self.boosted().map_or(0, Boosted::trees)
    }

    /// The algorithm that was fitted.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Names of the features, in the order of the columns.
    pub fn features(&self) -> &[String] {
        &self.features
    }

    /// What each feature contributes, as shares of one, largest first: split gain of trees, size of
    /// standardised coefficients, share of weekdays of the naive rule; of a model of many members what
    /// each of those contributes.
    pub fn importance(&self) -> Vec<(String, f64)> {
        let shares = match &self.body {
            Body::Naive(naive) => naive.importance(&self.features),
            Body::Linear(linear) => linear.importance(self.features.len()),
            Body::Trees(boosted) => boosted.importance().to_vec(),
            Body::Daily(daily) => return daily.importance(),
        };
        let mut named: Vec<_> = self.features.iter().cloned().zip(shares).collect();
        named.sort_by(|a, b| b.1.total_cmp(&a.1));
        named
    }

    /// The model as bytes, from which [`Model::from_bytes`] makes an equal one.
    pub fn to_bytes(&self) -> Vec<u8> {
        let json = serde_json::to_vec(self).expect("maps have integer keys, numbers are finite");
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        let written = encoder.write_all(&json).and_then(|()| encoder.finish());
        let payload = written.expect("writing to memory succeeds");
        let mut bytes = Vec::with_capacity(HEAD + payload.len());
        bytes.extend_from_slice(MAGIC);
        bytes.push(VERSION);
        bytes.extend_from_slice(&Sha256::digest(&payload));
        bytes.extend(payload);
        bytes
    }

    /// The model that was stored as `bytes`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LoadError> {
        let content = bytes.strip_prefix(MAGIC.as_slice()).filter(|_| bytes.len() >= HEAD);
        let content = content.ok_or(LoadError::NotAModel(bytes.len()))?;
        let (head, payload) = content.split_at(1 + DIGEST);
        if head[0] != VERSION {
            return Err(LoadError::Version(head[0], VERSION));
        }
        if Sha256::digest(payload).as_slice() != &head[1..] {
            return Err(LoadError::Damaged);
        }
        // What others send may unpack to any size.
        let mut json = Vec::new();
        let mut unpacked = DeflateDecoder::new(payload).take(UNPACKED_MAX);
        unpacked.read_to_end(&mut json).map_err(|_| LoadError::Damaged)?;
        let model: Self = serde_json::from_slice(&json)
            .map_err(|error| LoadError::Inconsistent(error.to_string()))?;
        let fits = model.body.fits(&model.features) && model.bands.is_finite();
        if fits { Ok(model) } else { Err(LoadError::Inconsistent("columns do not exist".into())) }
    }

    /// The trees, if the model has any.
    pub(super) fn boosted(&self) -> Option<&Boosted> {
        match &self.body {
            Body::Trees(boosted) => Some(boosted),
            Body::Naive(_) | Body::Linear(_) | Body::Daily(_) => None,
        }
    }

    fn check_features(&self, found: &[String]) -> Result<(), PredictError> {
        if found.len() != self.features.len() {
            let (expected, found) = (self.features.len(), found.len());
            return Err(PredictError::FeatureCount { expected, found });
        }
        match self.features.iter().zip(found).position(|(expected, found)| expected != found) {
            None => Ok(()),
            Some(column) => Err(PredictError::FeatureName {
                column,
                expected: self.features[column].clone(),
                found: found[column].clone(),
            }),
        }
    }
}
