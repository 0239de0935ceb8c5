//! Answers by which a model is recognised.

use super::lead_model::LeadModel;
use super::service::TrainingError;
use crate::algorithms::forecasting::Table;
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
    let newest = newest(valid, |row| !model.goes_on() || valid.table.groups[row].lead_day > 1);
    let answers = model.predict(&newest)?;
    Ok(answered(&newest, answers.mean))
}

/// The newest rows of those that are wanted.
pub(super) fn newest(valid: &FeatureTable, is_wanted: impl Fn(usize) -> bool) -> Table {
    let rows: Vec<usize> = (0..valid.len()).filter(|row| is_wanted(*row)).collect();
    let newest = &rows[rows.len().saturating_sub(GOLDEN_ROWS)..];
    valid.filtered(|row| newest.contains(&row)).table
}

/// Rows with what a model makes of them.
pub(super) fn answered(rows: &Table, answers: impl IntoIterator<Item = f64>) -> Vec<GoldenRow> {
    let rows = rows.x.rows().into_iter().zip(&rows.groups).zip(answers);
    let golden = rows.map(|((features, key), expected)| GoldenRow {
        features: features
            .iter()
            .map(|value| value.is_finite().then_some(f64::from(*value)))
            .collect(),
        slot: key.slot,
        lead_day: key.lead_day,
        expected,
    });
    golden.collect()
}
