//! Who may serve: better than the naive model, and no worse than the model that serves.

use std::collections::BTreeSet;

use super::lead_model::LeadModel;
use super::service::{TrainingError, column};
use crate::algorithms::forecasting::Algorithm;
use crate::algorithms::forecasting::Prediction;
use crate::algorithms::forecasting::scores::NaiveReference;
use crate::algorithms::forecasting::scores::ScoreError;
use crate::algorithms::forecasting::scores::Scores;
use crate::algorithms::forecasting::scores::WEEKLY_NAIVE;
use crate::algorithms::forecasting::scores::mae;
use crate::algorithms::forecasting::scores::score;
use crate::learning::features::FeatureTable;
use crate::learning::registry::Gate;
use crate::learning::registry::LeadMae;
use crate::learning::registry::ModelMetrics;
use crate::learning::registry::ModelRecord;

/// Delivery days the serving model has not learned from that are enough to compare two models on.
const UNSEEN_DAYS_MIN: usize = 7;

/// What the validation days say about a model.
pub(super) struct Judged {
    pub scores: Scores,
    pub naive: Scores,
    pub by_lead: Vec<LeadMae>,
    pub gate: Gate,
}

/// Scores `forecast` of the rows `valid` and holds it to the naive rules.
pub(super) fn judge(
    algorithm: Algorithm,
    forecast: &Prediction,
    valid: &FeatureTable,
) -> Result<Judged, ScoreError> {
    let y = &valid.table.y;
    let weekly = column(valid, "lag_168h");
    let reference = NaiveReference { forecast: &weekly, definition: WEEKLY_NAIVE };
    let scores = score(y, &forecast.mean, Some(&forecast.quantiles), Some(reference))?;
    let all: Vec<usize> = (0..valid.len()).collect();
    let naive = score(y, &naive_forecast(valid, &all)?, None, Some(reference))?;
    let leads: BTreeSet<u8> = valid.table.groups.iter().map(|key| key.lead_day).collect();
    let by_lead = leads.into_iter().map(|lead_day| lead_mae(lead_day, &forecast.mean, valid));
    let by_lead = by_lead.collect::<Result<Vec<_>, _>>()?;
    let gate = gate(algorithm, (scores.mae, naive.mae), by_lead.first());
    Ok(Judged { scores, naive, by_lead, gate })
}

fn lead_mae(lead_day: u8, forecast: &[f64], valid: &FeatureTable) -> Result<LeadMae, ScoreError> {
    let is_lead = |row: &usize| valid.table.groups[*row].lead_day == lead_day;
    let rows: Vec<usize> = (0..valid.len()).filter(is_lead).collect();
    let pick = |values: &[f64]| -> Vec<f64> { rows.iter().map(|row| values[*row]).collect() };
    let y = pick(&valid.table.y);
    let naive_mae = mae(&y, &naive_forecast(valid, &rows)?)?;
    Ok(LeadMae { lead_day, n: rows.len(), mae: mae(&y, &pick(forecast))?, naive_mae })
}

/// The better of the two plain rules, last known day and last week, over `rows`.
fn naive_forecast(valid: &FeatureTable, rows: &[usize]) -> Result<Vec<f64>, ScoreError> {
    let pick = |values: &[f64]| -> Vec<f64> { rows.iter().map(|row| values[*row]).collect() };
    let y = pick(&valid.table.y);
    let [daily, weekly] = ["lag_24h", "lag_168h"].map(|name| pick(&column(valid, name)));
    Ok(if mae(&y, &daily)? < mae(&y, &weekly)? { daily } else { weekly })
}

/// The naive model itself always may serve; it is what everything else is held to. Others must beat
/// it over all lead days, which are mostly far ones, and on the first, which is looked at most.
fn gate(algorithm: Algorithm, all: (f64, f64), first: Option<&LeadMae>) -> Gate {
    let first_passes = first.is_none_or(|first| first.mae < first.naive_mae);
    let passed = algorithm == Algorithm::Naive || (all.0 < all.1 && first_passes);
    let mut reason = format!(
        "MAE {:.2} EUR/MWh against {:.2} of the naive model on the validation days",
        all.0, all.1
    );
    if let Some(first) = first {
        let one_day = format!(", {:.2} against {:.2} one day ahead", first.mae, first.naive_mae);
        reason.push_str(&one_day);
    }
    Gate { passed, reason }
}

/// Whether a new model takes over, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Succession {
    pub takes_over: bool,
    pub reason: String,
}

impl Succession {
    pub(super) fn not_asked() -> Self {
        Self { takes_over: false, reason: "it was not asked to serve".to_owned() }
    }
}

/// The model that serves.
pub(super) struct Incumbent<'a> {
    pub record: &'a ModelRecord,
    pub bytes: &'a [u8],
}

/// Whether a model with these scores and these forecasts of `valid` takes over from `incumbent`.
///
/// Both are compared on the validation days that neither was fitted on. A model that serves for less
/// than a week has hardly any; then the scores that both were registered with decide, each relative
/// to the naive model on its own validation days, which may be other days with other prices.
pub(super) fn succession(
    incumbent: &Incumbent<'_>,
    candidate: &ModelMetrics,
    forecast: &[f64],
    valid: &FeatureTable,
) -> Result<Succession, TrainingError> {
    let (record, label) = (incumbent.record, incumbent.record.label());
    if record.features != valid.table.features {
        let reason = format!("{label} was trained on other features than there are now");
        return Ok(Succession { takes_over: true, reason });
    }
    let is_unseen = |row: usize| valid.ts[row] >= record.train_end;
    let unseen = valid.filtered(is_unseen);
    let days: BTreeSet<i32> = unseen.table.groups.iter().map(|key| key.day).collect();
    if days.len() < UNSEEN_DAYS_MIN {
        return Ok(by_registered_scores(record, candidate));
    }
    let own: Vec<f64> =
        forecast.iter().enumerate().filter(|(row, _)| is_unseen(*row)).map(|(_, v)| *v).collect();
    let loaded = LeadModel::from_bytes(incumbent.bytes).map_err(TrainingError::from);
    let predicted = loaded.and_then(|model| Ok(model.predict(&unseen.table)?));
    // Whatever keeps a model from forecasting these days also keeps it from serving.
    let Ok(theirs) = predicted else {
        let reason = format!("{label} cannot forecast any more");
        return Ok(Succession { takes_over: true, reason });
    };
    let (own, theirs) = (mae(&unseen.table.y, &own)?, mae(&unseen.table.y, &theirs.mean)?);
    let reason =
        format!("MAE {own:.2} EUR/MWh against {theirs:.2} of {label} on {} days", days.len());
    Ok(Succession { takes_over: own <= theirs, reason })
}

fn by_registered_scores(record: &ModelRecord, candidate: &ModelMetrics) -> Succession {
    let relative = |metrics: &ModelMetrics| metrics.validation.mae / metrics.naive.mae;
    let own = relative(candidate);
    let Some(theirs) = record.metrics.as_ref().map(relative) else {
        let reason = format!("{} has no scores", record.label());
        return Succession { takes_over: true, reason };
    };
    let reason = format!(
        "MAE {:.1} % of the naive model's against {:.1} % of {}",
        100.0 * own,
        100.0 * theirs,
        record.label()
    );
    Succession { takes_over: own.total_cmp(&theirs).is_le(), reason }
}
