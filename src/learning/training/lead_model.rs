//! One model for the first day behind the published prices, one for the days after it.
//!
//! The first day is what scores are quoted for and has the freshest lags; a model that also had to
//! fit the sixth day ahead would give some of that away.

use ndarray::Axis;
use serde_json::Value;

use crate::algorithms::forecasting::Algorithm;
use crate::algorithms::forecasting::FitError;
use crate::algorithms::forecasting::LoadError;
use crate::algorithms::forecasting::Model;
use crate::algorithms::forecasting::Params;
use crate::algorithms::forecasting::PredictError;
use crate::algorithms::forecasting::Prediction;
use crate::algorithms::forecasting::Table;
use crate::algorithms::forecasting::fit;

/// First bytes of a stored pair; the digit is the format's version.
const MAGIC: &[u8; 8] = b"LUNALM01";

/// Trees of the later lead days: those days are less certain, and six of them are as many rows as
/// six models of the first day have. With every second issue day left out, fewer and smaller trees
/// and bands from residuals they cost about as much time as the model of the first day.
const LATER_TREES_MAX: i64 = 250;
const LATER_LEAVES_MAX: i64 = 31;

/// A fitted model for every lead day.
#[derive(Debug, Clone)]
pub struct LeadModel {
    near: Model,
    /// Absent when there were rows of the first lead day only, or none of it; then `near` is for all.
    far: Option<Model>,
}

/// What a fit brings.
#[derive(Debug)]
pub struct LeadFit {
    /// The model, which has learned from the validation rows too.
    pub model: LeadModel,
    /// Forecasts of the validation rows, in their order, by a model that has not seen them.
    pub validation: Prediction,
}

impl LeadModel {
    /// Fits lead day 1 and the later ones apart; bands and early stopping come from `valid`.
    ///
    /// Where the algorithm does not beat the naive rule on the later days, that rule forecasts them:
    /// a good first day is worth having without a bad week behind it.
    pub fn fit(
        algorithm: Algorithm,
        params: &Params,
        train: &Table,
        valid: &Table,
        cancel: &(dyn Fn() -> bool + Sync),
        progress: &mut dyn FnMut(f64),
    ) -> Result<LeadFit, FitError> {
        let (near_train, mut far_train) = by_lead(train);
        let (near_valid, far_valid) = by_lead(valid);
        // What forecasts the next day only has boosted trees behind it.
        let later_by = if algorithm.is_daily() { Algorithm::Lightgbm } else { algorithm };
        if is_of_trees(later_by) {
            far_train.retain(|row| origin_day(train, *row) % 2 == 0);
        }
        if [&near_train, &far_train, &near_valid, &far_valid].iter().any(|rows| rows.is_empty()) {
            let fitted = fit(algorithm, params, train, valid, cancel, progress)?;
            let model = Self { near: fitted.model, far: None };
            return Ok(LeadFit { model, validation: fitted.validation });
        }
        let part = (pick(train, &near_train), pick(valid, &near_valid));
        let mut told = |done: f64| progress(done / 2.0);
        let near = fit(algorithm, params, &part.0, &part.1, cancel, &mut told)?;
        let part = (pick(train, &far_train), pick(valid, &far_valid));
        let mut told = |done: f64| progress(0.5 + done / 2.0);
        let asked = if later_by == algorithm { params } else { &Params::default() };
        let later = later_params(later_by, asked)?;
        let mut far = fit(later_by, &later, &part.0, &part.1, cancel, &mut told)?;
        if algorithm != Algorithm::Naive {
            let rule = Params::default();
            let naive = fit(Algorithm::Naive, &rule, &part.0, &part.1, cancel, &mut |_| {})?;
            if error(&part.1.y, &naive.validation) < error(&part.1.y, &far.validation) {
                far = naive;
            }
        }
        let mut validation = unknown(valid.rows());
        put(&mut validation, &near_valid, &near.validation);
        put(&mut validation, &far_valid, &far.validation);
        Ok(LeadFit { model: Self { near: near.model, far: Some(far.model) }, validation })
    }

    /// Forecasts in the order of the rows, each from the model of its lead day.
    pub fn predict(&self, table: &Table) -> Result<Prediction, PredictError> {
        self.predict_after(None, table)
    }

    /// The same with the rows that have come since the fit, with their targets: a model that goes on
    /// every day needs them. Where they do not reach up to the day before delivery, the model of the
    /// later days forecasts the first one too.
    pub fn predict_after(
        &self,
        recent: Option<&Table>,
        table: &Table,
    ) -> Result<Prediction, PredictError> {
        let near = |rows: &Table| self.near.predict_after(recent, rows);
        predict(near, self.far.as_ref(), self.goes_on(), table)
    }

    /// The same by a model that keeps what it learns from `recent` on the way, for the next time, when
    /// the same rows come again with newer ones behind them.
    pub fn predict_on(
        &mut self,
        recent: &Table,
        table: &Table,
    ) -> Result<Prediction, PredictError> {
        let goes_on = self.goes_on();
        let near = |rows: &Table| self.near.predict_on(recent, rows);
        predict(near, self.far.as_ref(), goes_on, table)
    }

    /// Whether the model goes on with what was published since it was fitted.
    pub fn goes_on(&self) -> bool {
        self.near.algorithm().is_daily()
    }

    /// What forecasts from the second lead day on.
    pub fn later_days_by(&self) -> Algorithm {
        self.far.as_ref().unwrap_or(&self.near).algorithm()
    }

    /// Number of trees.
    pub fn trees(&self) -> usize {
        self.near.trees() + self.far.as_ref().map_or(0, Model::trees)
    }

    /// Features by share of gain in the model of the first lead day, largest first.
    pub fn importance(&self) -> Vec<(String, f64)> {
        self.near.importance()
    }

    /// Stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let near = self.near.to_bytes();
        let mut bytes = MAGIC.to_vec();
        bytes.extend((near.len() as u64).to_le_bytes());
        bytes.extend(near);
        if let Some(far) = &self.far {
            bytes.extend(far.to_bytes());
        }
        bytes
    }

    /// The models in `bytes`, which forecast exactly as before they were stored.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LoadError> {
        let refuse = || LoadError::NotAModel(bytes.len());
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(refuse)?;
        let (length, rest) = rest.split_first_chunk::<8>().ok_or_else(refuse)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok();
        let (near, far) =
            length.and_then(|length| rest.split_at_checked(length)).ok_or_else(refuse)?;
        let far = if far.is_empty() { None } else { Some(Model::from_bytes(far)?) };
        Ok(Self { near: Model::from_bytes(near)?, far })
    }
}

/// Forecasts by what knows the first lead day and, where there is one, the model of the later ones.
fn predict(
    near: impl FnOnce(&Table) -> Result<Prediction, PredictError>,
    far: Option<&Model>,
    goes_on: bool,
    table: &Table,
) -> Result<Prediction, PredictError> {
    let Some(far) = far else { return near(table) };
    let mut all = unknown(table.rows());
    let (near_rows, far_rows) = by_lead(table);
    if !near_rows.is_empty() {
        let rows = pick(table, &near_rows);
        let near = match near(&rows) {
            Err(PredictError::MissingValue { .. }) if goes_on => far.predict(&rows),
            near => near,
        };
        put(&mut all, &near_rows, &near?);
    }
    if !far_rows.is_empty() {
        put(&mut all, &far_rows, &far.predict(&pick(table, &far_rows))?);
    }
    Ok(all)
}

/// Mean absolute error over the rows that have a forecast; infinite when none has.
fn error(actual: &[f64], forecast: &Prediction) -> f64 {
    let errors = actual.iter().zip(&forecast.mean).map(|(a, f)| (a - f).abs());
    let known: Vec<f64> = errors.filter(|error| error.is_finite()).collect();
    if known.is_empty() { f64::INFINITY } else { known.iter().sum::<f64>() / known.len() as f64 }
}

const fn is_of_trees(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::Lightgbm | Algorithm::RandomForest)
}

/// Hyper-parameters of the later lead days.
fn later_params(algorithm: Algorithm, params: &Params) -> Result<Params, FitError> {
    let mut later = params.filled(algorithm)?.0;
    if !is_of_trees(algorithm) {
        return Ok(Params(later));
    }
    let integer = |key: &str| later.get(key).and_then(Value::as_i64).unwrap_or(1);
    let (trees, leaves) = (integer("num_iterations"), integer("num_leaves"));
    let fewer = trees.min(LATER_TREES_MAX);
    // With fewer trees each has to move further.
    let rate = later.get("learning_rate").and_then(Value::as_f64);
    let rate = rate.map(|rate| (rate * trees as f64 / fewer as f64).min(1.0));
    later.insert("num_iterations".to_owned(), fewer.into());
    later.insert("num_leaves".to_owned(), leaves.min(LATER_LEAVES_MAX).into());
    if let Some(rate) = rate {
        later.insert("learning_rate".to_owned(), rate.into());
    }
    if algorithm == Algorithm::Lightgbm {
        later.insert("bands".to_owned(), "residual".into());
    }
    Ok(Params(later))
}

/// Rows of the first lead day and of the later ones, in their order.
fn by_lead(table: &Table) -> (Vec<usize>, Vec<usize>) {
    (0..table.rows()).partition(|row| table.groups[*row].lead_day <= 1)
}

/// Ordinal of the last day whose prices a row knows.
fn origin_day(table: &Table, row: usize) -> i32 {
    table.groups[row].day - i32::from(table.groups[row].lead_day)
}

/// A prediction of `rows` rows that are yet to be filled in.
fn unknown(rows: usize) -> Prediction {
    Prediction { mean: vec![f64::NAN; rows], quantiles: vec![[f64::NAN; 7]; rows] }
}

fn put(all: &mut Prediction, rows: &[usize], part: &Prediction) {
    for (index, row) in rows.iter().enumerate() {
        all.mean[*row] = part.mean[index];
        all.quantiles[*row] = part.quantiles[index];
    }
}

fn pick(table: &Table, rows: &[usize]) -> Table {
    let y =
        if table.y.is_empty() { vec![] } else { rows.iter().map(|row| table.y[*row]).collect() };
    Table {
        features: table.features.clone(),
        x: table.x.select(Axis(0), rows),
        y,
        groups: rows.iter().map(|row| table.groups[*row]).collect(),
    }
}
