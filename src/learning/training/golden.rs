//! Answers by which a model is recognised.

use super::lead_model::LeadModel;
use super::service::TrainingError;
use crate::learning::features::FeatureTable;
use crate::learning::registry::GoldenRow;

/// Rows by which a model is recognised.
const GOLDEN_ROWS: usize = 8;

/// The newest rows of the validation with what the model makes of them, by which it is recognised
/// after it has travelled. Of one that goes on by whole days they are rows of later lead days: what
/// it says of the first depends on the days before, which no row carries.
pub(super) fn golden_rows(
    model: &LeadModel,
    valid: &FeatureTable,
) -> Result<Vec<GoldenRow>, TrainingError> {
    let stands_alone = |row: usize| !model.goes_on() || valid.table.groups[row].lead_day > 1;
    let rows: Vec<usize> = (0..valid.len()).filter(|row| stands_alone(*row)).collect();
    let newest = &rows[rows.len().saturating_sub(GOLDEN_ROWS)..];
    let newest = valid.filtered(|row| newest.contains(&row)).table;
    let answers = model.predict(&newest)?;
    let rows = newest.x.rows().into_iter().zip(&newest.groups).zip(answers.mean);
    let golden = rows.map(|((features, key), expected)| GoldenRow {
        features: features
            .iter()
            .map(|value| value.is_finite().then_some(f64::from(*value)))
            .collect(),
        slot: key.slot,
        lead_day: key.lead_day,
        expected,
    });
    Ok(golden.collect())
}
