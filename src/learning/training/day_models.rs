//! Models of whole days on their way: what they have learned since they were stored is kept in memory,
//! so that a day costs what is new of it, and one answer serves all who ask.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use super::lead_model::LeadModel;
use super::service::TrainingError;
use crate::algorithms::forecasting::Algorithm;
use crate::algorithms::forecasting::Prediction;
use crate::algorithms::forecasting::Table;
use crate::learning::registry::Format;
use crate::learning::registry::ModelRecord;
use crate::platform::objects::sha256_hex;

/// Models that are kept; a few tens of megabytes each.
const KEPT_MAX: usize = 8;

/// Whether a registered model reads whole days and goes on with those that have come since its fit.
pub fn goes_on(record: &ModelRecord) -> bool {
    record.format == Format::Luna
        && record.model_type.parse::<Algorithm>().is_ok_and(Algorithm::is_daily)
}

/// A model as far as it has come.
struct Kept {
    model: LeadModel,
    /// Rows that it has been handed since it was stored.
    learned: Table,
    /// Its newest answer, by what it was asked.
    answer: Option<(String, Prediction)>,
}

/// A place that one fills while others wait for it.
type Slot = Arc<Mutex<Option<Kept>>>;

/// The models of whole days of this process. Cloning is cheap.
#[derive(Clone, Default)]
pub struct DayModels(Arc<Mutex<HashMap<Uuid, Slot>>>);

impl DayModels {
    /// Forecasts of `table` by a registered model, which `load` brings; `recent` are the rows that have
    /// come since it was fitted, oldest first, with their targets.
    ///
    /// Takes seconds when a day is new, nothing when the same was asked before; call it where it may.
    pub fn predict(
        &self,
        model_id: Uuid,
        load: impl FnOnce() -> Result<LeadModel, TrainingError>,
        recent: &Table,
        table: &Table,
    ) -> Result<Prediction, TrainingError> {
        let slot = self.slot(model_id);
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = hash(recent, table);
        let known = slot.take().filter(|kept| is_continued(&kept.learned, recent));
        let mut kept = match known {
            Some(kept) => kept,
            None => Kept { model: load()?, learned: empty(recent), answer: None },
        };
        if let Some((before, answer)) = &kept.answer
            && *before == asked
        {
            let answer = answer.clone();
            *slot = Some(kept);
            return Ok(answer);
        }
        // What breaks off in the middle is not kept.
        let answer = kept.model.predict_on(recent, table)?;
        kept.learned.clone_from(recent);
        kept.answer = Some((asked, answer.clone()));
        *slot = Some(kept);
        Ok(answer)
    }

    fn slot(&self, model_id: Uuid) -> Slot {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT_MAX && !all.contains_key(&model_id) {
            all.clear();
        }
        Arc::clone(all.entry(model_id).or_default())
    }
}

fn empty(like: &Table) -> Table {
    Table {
        features: like.features.clone(),
        x: ndarray::Array2::zeros((0, like.features.len())),
        y: Vec::new(),
        groups: Vec::new(),
    }
}

/// Whether `recent` are the rows `learned` to the last bit and then only later days.
fn is_continued(learned: &Table, recent: &Table) -> bool {
    let rows = learned.rows();
    let (old, new) = (learned.groups.last(), recent.groups.get(rows));
    learned.features == recent.features
        && recent.groups.starts_with(&learned.groups)
        && old.zip(new).is_none_or(|(old, new)| new.day > old.day)
        && learned.y.iter().zip(&recent.y).all(|(a, b)| a.to_bits() == b.to_bits())
        && learned.x.iter().zip(&recent.x).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// SHA-256 over everything that decides an answer.
fn hash(recent: &Table, table: &Table) -> String {
    let mut bytes = table.features.join("\n").into_bytes();
    for part in [recent, table] {
        bytes.extend((part.rows() as u64).to_le_bytes());
        for key in &part.groups {
            bytes.extend(key.day.to_le_bytes());
            bytes.extend(key.slot.to_le_bytes());
            bytes.push(key.lead_day);
        }
        bytes.extend(part.y.iter().flat_map(|y| y.to_bits().to_le_bytes()));
        bytes.extend(part.x.iter().flat_map(|x| x.to_bits().to_le_bytes()));
    }
    sha256_hex(&bytes)
}
