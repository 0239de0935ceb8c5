//! One model for the first day behind the published prices, one for the days after it.
//!
//! The first day is what scores are quoted for and has the freshest lags; a model that also had to
//! fit the sixth day ahead would give some of that away.

use ndarray::Axis;

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

/// A fitted model for every lead day.
#[derive(Debug)]
pub struct LeadModel {
    near: Model,
    /// Absent when it was fitted on the first lead day only; then `near` stands in.
    far: Option<Model>,
}

impl LeadModel {
    /// Fits lead day 1 and the later ones apart; bands and early stopping come from `valid`.
    pub fn fit(
        algorithm: Algorithm,
        params: &Params,
        train: &Table,
        valid: &Table,
        cancel: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(f64),
    ) -> Result<Self, FitError> {
        let far_rows = |table: &Table| rows_where(table, |lead| lead > 1);
        let has_far = !far_rows(train).is_empty() && !far_rows(valid).is_empty();
        let share = if has_far { 0.5 } else { 1.0 };
        let near = fit(
            algorithm,
            params,
            &pick(train, &rows_where(train, |lead| lead <= 1)),
            &pick(valid, &rows_where(valid, |lead| lead <= 1)),
            cancel,
            &mut |done| progress(share * done),
        )?;
        let far = if has_far {
            let (train, valid) = (pick(train, &far_rows(train)), pick(valid, &far_rows(valid)));
            let mut later = |done: f64| progress(share + share * done);
            Some(fit(algorithm, params, &train, &valid, cancel, &mut later)?)
        } else {
            None
        };
        Ok(Self { near, far })
    }

    /// Forecasts in the order of the rows, each from the model of its lead day.
    pub fn predict(&self, table: &Table) -> Result<Prediction, PredictError> {
        let Some(far) = &self.far else { return self.near.predict(table) };
        let mut all = Prediction {
            mean: vec![f64::NAN; table.rows()],
            quantiles: vec![[f64::NAN; 7]; table.rows()],
        };
        let near_rows = rows_where(table, |lead| lead <= 1);
        let far_rows = rows_where(table, |lead| lead > 1);
        for (model, rows) in [(&self.near, near_rows), (far, far_rows)] {
            if rows.is_empty() {
                continue;
            }
            let part = model.predict(&pick(table, &rows))?;
            for (index, row) in rows.into_iter().enumerate() {
                all.mean[row] = part.mean[index];
                all.quantiles[row] = part.quantiles[index];
            }
        }
        Ok(all)
    }

    /// Features by share of gain in the model of the first lead day, largest first.
    pub fn importance(&self) -> Vec<(String, f64)> {
        self.near.importance()
    }

    /// The model of the first lead day.
    pub const fn near(&self) -> &Model {
        &self.near
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

fn rows_where(table: &Table, keep: impl Fn(u8) -> bool) -> Vec<usize> {
    (0..table.rows()).filter(|row| keep(table.groups[*row].lead_day)).collect()
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
