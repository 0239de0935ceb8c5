//! Gradient boosting and random forests by LightGBM, on prices relative to the last known day.
//!
//! Trees cannot extrapolate, so target and price features are taken relative to `anchor_mean`, the
//! mean price of the last published day, when the table has it: a level never seen in training is
//! then nothing new. The booster lives only while it is trained; what remains is its text, read by
//! [`Forest`] (see there why).

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use lightgbm3::{Booster, Dataset, ImportanceType};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::errors::FitError;
use super::model::Model;
use super::params::{Algorithm, Resolved};
use super::table::{QUANTILES, Table, is_price_like};
use super::trees::Forest;

/// The feature to which prices are taken relative.
const ANCHOR: &str = "anchor_mean";
/// How often a fit that waits for another one looks whether it was cancelled.
const WAIT: Duration = Duration::from_millis(20);
/// Index of the median in [`QUANTILES`]; the point forecast serves as its tree model.
const MEDIAN: usize = QUANTILES.len() / 2;

/// Quantile models are smaller: on the German benchmark of 2015 larger ones had no lower pinball loss.
const QUANTILE_LEAVES: i64 = 15;
const QUANTILE_TREES: usize = 150;
const QUANTILE_RATE: f64 = 0.08;

/// LightGBM keeps its number of threads in one global that every dataset, training and library
/// forecast writes, while buffers are sized by it: only one of these may go on in a process.
static ENGINE: Mutex<()> = Mutex::new(());

/// Trees for the point and, unless bands come from residuals, for every quantile but the median.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Boosted {
    anchor: Option<Anchor>,
    /// Mean relative target of the training, taken off before the trees see it: a tree of a
    /// LightGBM forest that finds no split counts as zero, not as the mean.
    centre: f64,
    point: Trees,
    quantiles: Vec<Trees>,
    importance: Vec<f64>,
}

/// The column prices are taken relative to, and the columns that are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Anchor {
    column: usize,
    shifted: Vec<usize>,
    /// Stands in for a missing anchor: the median of the training's.
    fill: f32,
}

/// LightGBM's text and the trees read from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Trees {
    text: String,
    forest: Forest,
}

impl TryFrom<String> for Trees {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Ok(Self { forest: Forest::parse(&text)?, text })
    }
}

impl From<Trees> for String {
    fn from(trees: Trees) -> Self {
        trees.text
    }
}

/// A table as the trees see it: relative to the anchor, single precision.
struct Rows {
    x: Array2<f32>,
    y: Vec<f32>,
}

/// What a fit needs besides its tables.
pub(super) struct Job<'a> {
    pub algorithm: Algorithm,
    pub params: &'a Resolved,
    pub cancel: &'a dyn Fn() -> bool,
}

/// The models of a fit: one to calibrate bands with, one to forecast with.
pub(super) struct Fitted {
    /// Has not seen the validation rows, except to choose its number of trees.
    pub calibration: Boosted,
    /// The same with a point model that learned from the validation rows too.
    pub last: Boosted,
}

impl Job<'_> {
    /// Trains the point model, the quantile models, and the point model again on all rows.
    pub fn fit(
        &self,
        train: &Table,
        valid: &Table,
        progress: &mut dyn FnMut(f64),
    ) -> Result<Fitted, FitError> {
        let engine = claim_engine(self.cancel).ok_or(FitError::Cancelled)?;
        let anchor = Anchor::of(train);
        let relative = relative_targets(anchor.as_ref(), train);
        let centre = relative.iter().sum::<f64>() / relative.len() as f64;
        let rows = |table| Rows::of(anchor.as_ref(), centre, table);
        let (early, late) = (rows(train), rows(valid));
        let levels: Vec<f64> = match self.params.choice("bands") {
            "quantile" => {
                QUANTILES.into_iter().filter(|level| *level != QUANTILES[MEDIAN]).collect()
            }
            _ => Vec::new(),
        };
        let steps = levels.len() as f64 + 2.0;
        let point = self.train(&early, Some(&late), self.settings())?;
        progress(1.0 / steps);
        let mut quantiles = Vec::new();
        for level in levels {
            let settings = self.quantile_settings(level, &point.0);
            quantiles.push(self.train(&early, Some(&late), settings)?.0);
            progress((quantiles.len() as f64 + 1.0) / steps);
        }
        let mut settings = self.settings();
        settings.insert("num_iterations".to_owned(), json!(point.0.forest.len()));
        let all = Rows {
            x: concatenate![Axis(0), early.x, late.x],
            y: [early.y.as_slice(), late.y.as_slice()].concat(),
        };
        let (again, importance) = self.train(&all, None, settings)?;
        progress(1.0);
        drop(engine);
        let calibration = Boosted { anchor, centre, point: point.0, quantiles, importance };
        Ok(Fitted { last: Boosted { point: again, ..calibration.clone() }, calibration })
    }

    /// LightGBM's parameters of the point model.
    fn settings(&self) -> Map<String, Value> {
        let mut settings = self.params.subset(&[
            "num_iterations",
            "num_leaves",
            "learning_rate",
            "min_data_in_leaf",
            "feature_fraction",
            "bagging_fraction",
            "bagging_freq",
            "lambda_l2",
            "objective",
            "seed",
            "num_threads",
        ]);
        let fixed = json!({
            "metric": "l1",
            "deterministic": true,
            "force_row_wise": true,
            "verbosity": -1,
        });
        settings.extend(fixed.as_object().cloned().unwrap_or_default());
        if self.algorithm == Algorithm::RandomForest {
            settings.insert("boosting".to_owned(), json!("rf"));
        }
        settings
    }

    fn quantile_settings(&self, level: f64, point: &Trees) -> Map<String, Value> {
        let mut settings = self.settings();
        settings.insert("objective".to_owned(), json!("quantile"));
        settings.insert("metric".to_owned(), json!("quantile"));
        settings.insert("alpha".to_owned(), json!(level));
        let leaves = self.params.integer("num_leaves").min(QUANTILE_LEAVES);
        let rate = self.params.number("learning_rate").max(QUANTILE_RATE);
        let trees = point.forest.len().min(QUANTILE_TREES);
        settings.insert("num_leaves".to_owned(), json!(leaves));
        settings.insert("learning_rate".to_owned(), json!(rate));
        settings.insert("num_iterations".to_owned(), json!(trees));
        settings
    }

    /// Trains one model; with `late` rows it stops when they are forecast no better any more.
    fn train(
        &self,
        early: &Rows,
        late: Option<&Rows>,
        mut settings: Map<String, Value>,
    ) -> Result<(Trees, Vec<f64>), FitError> {
        if (self.cancel)() {
            return Err(FitError::Cancelled);
        }
        let rounds = self.params.integer("early_stopping_rounds");
        let late = late.filter(|_| rounds > 0);
        if late.is_some() {
            settings.insert("early_stopping_rounds".to_owned(), json!(rounds));
        }
        let engine = |error: lightgbm3::Error| self.refused(error.to_string());
        let dataset = early.dataset(None).map_err(engine)?;
        let late = late.map(|late| late.dataset(Some(&dataset))).transpose().map_err(engine)?;
        let settings = Value::Object(settings);
        let booster = Booster::train_with_valid(dataset, late, &settings).map_err(engine)?;
        let text = booster.save_string().map_err(engine)?;
        let gains = booster.feature_importance(ImportanceType::Gain).map_err(engine)?;
        let trees = Trees::try_from(text).map_err(|message| self.refused(message))?;
        Ok((trees, shares(&gains)))
    }

    const fn refused(&self, message: String) -> FitError {
        FitError::Engine { algorithm: self.algorithm, message }
    }
}

impl Rows {
    fn of(anchor: Option<&Anchor>, centre: f64, table: &Table) -> Self {
        let y =
            relative_targets(anchor, table).iter().map(|value| single(value - centre)).collect();
        let x = match anchor {
            None => table.x.as_standard_layout().into_owned(),
            Some(anchor) => anchor.shift(table.x.view(), &anchor.levels(table.x.view())),
        };
        Self { x, y }
    }

    fn dataset(&self, reference: Option<&Dataset>) -> Result<Dataset, lightgbm3::Error> {
        let x = self.x.as_slice().unwrap_or_default();
        let width = i32::try_from(self.x.ncols()).unwrap_or(i32::MAX);
        Dataset::from_slice_with_reference(x, &self.y, width, true, reference)
    }
}

impl Anchor {
    fn of(table: &Table) -> Option<Self> {
        let column = table.column(ANCHOR)?;
        let is_shifted = |index: &usize| *index != column && is_price_like(&table.features[*index]);
        let shifted = (0..table.features.len()).filter(is_shifted).collect();
        let mut known: Vec<f32> = table.x.column(column).to_vec();
        known.retain(|value| !value.is_nan());
        known.sort_by(f32::total_cmp);
        let fill = known.get(known.len() / 2).copied().unwrap_or_default();
        Some(Self { column, shifted, fill })
    }

    fn level(&self, row: ArrayView1<'_, f32>) -> f32 {
        let value = row[self.column];
        if value.is_nan() { self.fill } else { value }
    }

    fn levels(&self, x: ArrayView2<'_, f32>) -> Array1<f32> {
        x.rows().into_iter().map(|row| self.level(row)).collect()
    }

    fn shift(&self, x: ArrayView2<'_, f32>, levels: &Array1<f32>) -> Array2<f32> {
        let mut shifted = x.as_standard_layout().into_owned();
        for column in &self.shifted {
            let mut values = shifted.column_mut(*column);
            values -= levels;
        }
        shifted
    }
}

impl Boosted {
    /// Forecasts of `x`: points, and base quantiles when there are quantile models.
    pub fn predict(&self, x: ArrayView2<'_, f32>) -> (Vec<f64>, Option<Vec<[f64; 7]>>) {
        let (rows, levels) = match &self.anchor {
            None => (x.as_standard_layout().into_owned(), Array1::zeros(x.nrows())),
            Some(anchor) => {
                let levels = anchor.levels(x);
                (anchor.shift(x, &levels), levels)
            }
        };
        let forecast = |trees: &Trees| -> Vec<f64> {
            let relative = trees.forest.predict(rows.view());
            let centred = relative.iter().map(|value| value + self.centre);
            centred.zip(&levels).map(|(value, level)| value + f64::from(*level)).collect()
        };
        let point = forecast(&self.point);
        if self.quantiles.is_empty() {
            return (point, None);
        }
        let mut quantiles: Vec<[f64; 7]> = point.iter().map(|value| [*value; 7]).collect();
        let slots = (0..QUANTILES.len()).filter(|slot| *slot != MEDIAN);
        for (slot, trees) in slots.zip(&self.quantiles) {
            for (row, value) in quantiles.iter_mut().zip(forecast(trees)) {
                row[slot] = value;
            }
        }
        (point, Some(quantiles))
    }

    /// Point forecast of one row.
    pub fn predict_row(&self, row: ArrayView1<'_, f32>) -> f64 {
        let Some(anchor) = &self.anchor else {
            return self.point.forest.predict_row(row) + self.centre;
        };
        let level = anchor.level(row);
        let mut shifted = row.to_owned();
        for column in &anchor.shifted {
            shifted[*column] -= level;
        }
        self.point.forest.predict_row(shifted.view()) + self.centre + f64::from(level)
    }

    /// Number of trees, those of the quantiles among them.
    pub fn trees(&self) -> usize {
        self.quantiles.iter().chain([&self.point]).map(|trees| trees.forest.len()).sum()
    }

    /// Gain of all splits per feature, as shares of one.
    pub fn importance(&self) -> &[f64] {
        &self.importance
    }

    /// Whether all trees and columns fit rows of `features` values.
    pub fn fits(&self, features: usize) -> bool {
        let mut trees = self.quantiles.iter().chain([&self.point]);
        let anchor_fits = |anchor: &Anchor| {
            anchor.column < features && anchor.shifted.iter().all(|column| *column < features)
        };
        trees.all(|trees| trees.forest.features() == features)
            && self.anchor.as_ref().is_none_or(anchor_fits)
            && [0, QUANTILES.len() - 1].contains(&self.quantiles.len())
            && self.importance.len() == features
            && self.centre.is_finite()
    }
}

/// Forecaster through LightGBM's own fastest single-row entry point, to measure [`Model`] against.
///
/// It takes rows of features already relative to the anchor and answers the relative price; wrong
/// lengths answer NaN. `None` for models without trees. While it lives, no other training starts.
pub fn raw_fast_predictor(model: &Model) -> Option<impl FnMut(&[f64]) -> f64 + use<>> {
    let boosted = model.boosted()?;
    let engine = ENGINE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut booster = Booster::from_string(&boosted.point.text).ok()?;
    booster.single_row_fast_init::<f64>(Some(&json!({"num_threads": 1}))).ok()?;
    let (features, centre) = (boosted.point.forest.features(), boosted.centre);
    Some(move |row: &[f64]| {
        let _held = &engine;
        if row.len() != features {
            return f64::NAN;
        }
        let answer = booster.predict_single_row_fast(row);
        answer
            .ok()
            .and_then(|values| values.first().copied())
            .map_or(f64::NAN, |value| value + centre)
    })
}

/// Waits until no other training runs in this process; nothing when cancelled meanwhile.
pub(super) fn claim_engine(cancel: &dyn Fn() -> bool) -> Option<MutexGuard<'static, ()>> {
    loop {
        if cancel() {
            return None;
        }
        match ENGINE.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(guard)) => return Some(guard.into_inner()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(WAIT),
        }
    }
}

/// Targets less the anchor of their row.
fn relative_targets(anchor: Option<&Anchor>, table: &Table) -> Vec<f64> {
    let Some(anchor) = anchor else { return table.y.clone() };
    let levels = anchor.levels(table.x.view());
    table.y.iter().zip(&levels).map(|(y, level)| y - f64::from(*level)).collect()
}

fn shares(gains: &[f64]) -> Vec<f64> {
    let total: f64 = gains.iter().sum();
    gains.iter().map(|gain| if total > 0.0 { gain / total } else { 0.0 }).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "LightGBM takes targets in single precision")]
const fn single(value: f64) -> f32 {
    value as f32
}
