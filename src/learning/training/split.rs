//! Splits in time order: what is fitted on ends before what is validated on is issued.

use crate::learning::features::FeatureTable;

/// Days kept for validation when the history is long enough.
const VALIDATION_DAYS: i32 = 56;
/// Share of a short history's days that is kept for validation.
const VALIDATION_SHARE: f64 = 0.2;
/// Fewest days that can be split.
pub(super) const DAYS_MIN: i32 = 10;

/// Rows to fit on and later rows to validate on.
#[derive(Debug)]
pub struct Split {
    /// Rows whose delivery day lies before the validation days.
    pub train: FeatureTable,
    /// Rows of the last delivery days, forecast when every day of `train` was over or published.
    pub valid: FeatureTable,
}

/// Splits `table` by delivery day; `None` when it has fewer than ten days.
pub fn split(table: &FeatureTable) -> Option<Split> {
    let days = table.table.groups.iter().map(|key| key.day);
    let (first, last) = (days.clone().min()?, days.max()?);
    let length = last - first + 1;
    if length < DAYS_MIN {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a fifth of a number of days")]
    let share = (f64::from(length) * VALIDATION_SHARE).round() as i32;
    let boundary = last + 1 - VALIDATION_DAYS.min(share);
    let day = |row: usize| table.table.groups[row].day;
    // The last day a row knows; a validation row that knows less than was fitted on would be judged
    // with hindsight.
    let anchor = |row: usize| day(row) - i32::from(table.table.groups[row].lead_day);
    let train = table.filtered(|row| day(row) < boundary);
    let valid = table.filtered(|row| day(row) >= boundary && anchor(row) >= boundary - 1);
    (train.len() > 0 && valid.len() > 0).then_some(Split { train, valid })
}
