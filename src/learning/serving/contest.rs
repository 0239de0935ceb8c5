//! Champion against challenger on what both predicted, and whether a model's errors have moved.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDate, Timelike, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::predictor::Predictor;
use super::series::PriceSeries;
use super::store::{self, Pair, Residual};
use crate::algorithms::forecasting::gain_by_days;
use crate::algorithms::forecasting::stability_by_hour;
use crate::base::timeline::local_date;
use crate::learning::registry::ModelRecord;
use crate::learning::registry::Order;
use crate::learning::registry::RegistryError;
use crate::learning::registry::Role;
use crate::platform::db::DbError;
use crate::platform::web::Problem;

/// Days that both must have predicted before anybody is promoted.
const DAYS_MIN: usize = 14;
/// Days looked back at.
const DAYS_MAX: i64 = 90;
/// Days whose errors are compared with those before.
const RECENT_DAYS: i64 = 14;
/// Days looked back at for what is usual.
const USUAL_DAYS: i64 = 120;

/// What a contest says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ContestVerdict)]
pub enum Verdict {
    /// Nobody serves that it could be compared with.
    NoChampion,
    /// They have not predicted enough days together.
    TooFewDays,
    /// It is not certain that the challenger is better.
    NotBetter,
    /// The challenger is better, with 95 % confidence.
    Better,
}

/// A model in the shadow against the champion.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Contest {
    /// Series.
    #[schema(example = "price:CH:day_ahead")]
    pub series: String,
    /// The model in the shadow.
    pub challenger_id: Uuid,
    /// Its name and version.
    pub challenger: String,
    /// The model that serves.
    pub champion_id: Option<Uuid>,
    /// Its name and version.
    pub champion: Option<String>,
    /// `mae`, or for events `brier`: the mean squared difference from what came.
    #[schema(example = "mae")]
    pub measure: &'static str,
    /// Local days that both predicted and that are known by now.
    pub days: usize,
    /// Delivery periods of them.
    pub n: usize,
    /// Error of the champion.
    pub champion_error: Option<f64>,
    /// Error of the challenger on the same periods.
    pub challenger_error: Option<f64>,
    /// How much smaller the challenger's error is.
    pub gain: Option<f64>,
    /// What the gain exceeds with 95 % confidence, by a paired bootstrap of whole days.
    pub gain_lower_95: Option<f64>,
    /// What follows.
    pub verdict: Verdict,
    /// Whether the challenger may be promoted: it is better, and has passed the gate.
    pub offered: bool,
    /// The same as a sentence.
    pub summary: String,
}

/// How much has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DriftGrade {
    /// Too little is known.
    Unknown,
    /// Nothing: the index is below 0.1.
    Stable,
    /// Something: up to 0.25.
    Moderate,
    /// Much: above.
    Large,
}

/// How far the errors of a model have moved.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Drift {
    /// The model.
    pub model_id: Uuid,
    /// Series.
    #[schema(example = "price:CH:day_ahead")]
    pub series: String,
    /// Population stability index of the last 14 days' errors against those before, each relative to
    /// what was usual at its hour of day.
    pub psi: Option<f64>,
    /// The index in a word.
    pub grade: DriftGrade,
    /// Local days before, and of late, that were predicted and are known.
    pub reference_days: usize,
    /// Local days of late.
    pub recent_days: usize,
}

/// Why there is no contest, or no promotion.
#[derive(Debug, thiserror::Error)]
pub enum ContestError {
    /// The model does not stand in the shadow.
    #[error("{label} does not stand in the shadow, so that there is nothing to compare")]
    NotInTheShadow {
        /// Name and version.
        label: String,
    },
    /// It has not earned it.
    #[error("{label} is not offered for promotion: {summary}")]
    NotOffered {
        /// Name and version.
        label: String,
        /// Why.
        summary: String,
    },
    /// The registry refused, or did not answer.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The database refused or is away.
    #[error("the database did not answer")]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for ContestError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// Compares models by what they predicted. Cloning is cheap.
#[derive(Clone)]
pub struct Contests {
    predictor: Predictor,
}

impl Contests {
    /// Contests on the predictions of `predictor`.
    pub const fn new(predictor: Predictor) -> Self {
        Self { predictor }
    }

    /// A model in the shadow against the champion of its series and purpose.
    pub async fn contest(&self, id: Uuid) -> Result<Contest, ContestError> {
        let registry = &self.predictor.registry;
        let challenger = registry.get(id).await?;
        if challenger.role() != Some(Role::Shadow) {
            return Err(ContestError::NotInTheShadow { label: challenger.label() });
        }
        let champions = registry.active().await?;
        let champion = champions.into_iter().find(|it| {
            it.target_variable == challenger.target_variable && it.purpose() == challenger.purpose()
        });
        let Some(champion) = champion else { return Ok(judged(&challenger, None, &[])) };
        let since = self.predictor.clock.now() - Duration::days(DAYS_MAX);
        let ids = (champion.model_id, challenger.model_id);
        let mut conn = self.predictor.db.conn().await?;
        let pairs = store::pairs(&mut conn, ids, &challenger.target_variable, since).await?;
        Ok(judged(&challenger, Some(&champion), &pairs))
    }

    /// Contests of all models in the shadow.
    pub async fn all(&self) -> Result<Vec<Contest>, ContestError> {
        let mut all = Vec::new();
        for (model, _) in self.predictor.registry.working().await? {
            if model.role() == Some(Role::Shadow) {
                all.push(self.contest(model.model_id).await?);
            }
        }
        Ok(all)
    }

    /// Lets a challenger that has proved better serve.
    pub async fn promote(&self, id: Uuid, order: Order<'_>) -> Result<ModelRecord, ContestError> {
        let contest = self.contest(id).await?;
        if !contest.offered {
            let (label, summary) = (contest.challenger, contest.summary);
            return Err(ContestError::NotOffered { label, summary });
        }
        let reason = format!("{} ({})", order.reason, contest.summary);
        let reason = if order.reason.is_empty() { contest.summary } else { reason };
        Ok(self.predictor.registry.promote(id, Order { reason: &reason, ..order }).await?)
    }

    /// How far the errors of a model have moved.
    pub async fn drift(&self, id: Uuid) -> Result<Drift, ContestError> {
        let model = self.predictor.registry.get(id).await?;
        let (now, series) = (self.predictor.clock.now(), model.target_variable.clone());
        let since = now - Duration::days(USUAL_DAYS);
        let mut conn = self.predictor.db.conn().await?;
        let residuals = store::residuals(&mut conn, id, &series, since).await?;
        Ok(moved(&model, &residuals, now - Duration::days(RECENT_DAYS)))
    }

    /// Whether a challenger that has proved better takes over by itself.
    pub fn promotes(&self) -> bool {
        self.predictor.settings.get().promote_automatically
    }
}

/// Local day and hour of an instant of a series.
fn local(series: &str, at: DateTime<Utc>) -> (NaiveDate, u32) {
    let zone = PriceSeries::parse(series).map_or(chrono_tz::Tz::UTC, |it| it.market.time_zone());
    (local_date(at, zone), at.with_timezone(&zone).hour())
}

pub(super) fn judged(
    challenger: &ModelRecord,
    champion: Option<&ModelRecord>,
    pairs: &[Pair],
) -> Contest {
    let series = challenger.target_variable.clone();
    let is_event = challenger.event.is_some();
    let error = |said: f64, actual: f64| {
        if is_event { (said - actual).powi(2) } else { (said - actual).abs() }
    };
    let mut days: BTreeMap<NaiveDate, (f64, usize)> = BTreeMap::new();
    let (mut of_champion, mut of_challenger) = (0.0, 0.0);
    for pair in pairs {
        let errors = (error(pair.champion, pair.actual), error(pair.challenger, pair.actual));
        of_champion += errors.0;
        of_challenger += errors.1;
        let day = days.entry(local(&series, pair.target_ts).0).or_default();
        day.0 += errors.0 - errors.1;
        day.1 += 1;
    }
    let n = pairs.len();
    let mean = |sum: f64| (n > 0).then(|| sum / n as f64);
    let by_day: Vec<(f64, usize)> = days.values().copied().collect();
    let gain = gain_by_days(&by_day);
    let verdict = match (champion, gain) {
        (None, _) => Verdict::NoChampion,
        (Some(_), Some(gain)) if days.len() >= DAYS_MIN && gain.lower_95 > 0.0 => Verdict::Better,
        (Some(_), Some(_)) if days.len() >= DAYS_MIN => Verdict::NotBetter,
        _ => Verdict::TooFewDays,
    };
    let summary = match (verdict, gain) {
        (Verdict::NoChampion, _) => "no model serves that it could be compared with".to_owned(),
        (Verdict::Better | Verdict::NotBetter, Some(gain)) => {
            let (a, b) = (of_challenger / n as f64, of_champion / n as f64);
            let certain =
                if verdict == Verdict::Better { "better" } else { "not certainly better" };
            format!(
                "error {a:.3} against {b:.3} on {} days: {certain}, by {:.3} (at least {:.3} with \
                 95 % confidence)",
                days.len(),
                gain.mean,
                gain.lower_95
            )
        }
        _ => format!("both have predicted {} of the {DAYS_MIN} days that are needed", days.len()),
    };
    // What the registry would refuse is not offered, however well it did.
    let refused = challenger.metrics.as_ref().map(|scores| &scores.gate).filter(|it| !it.passed);
    let summary = match refused {
        Some(gate) => format!("{summary}; it may not serve: {}", gate.reason),
        None => summary,
    };
    Contest {
        series,
        challenger_id: challenger.model_id,
        challenger: challenger.label(),
        champion_id: champion.map(|it| it.model_id),
        champion: champion.map(ModelRecord::label),
        measure: if is_event { "brier" } else { "mae" },
        days: days.len(),
        n,
        champion_error: mean(of_champion),
        challenger_error: mean(of_challenger),
        gain: gain.map(|gain| gain.mean),
        gain_lower_95: gain.map(|gain| gain.lower_95),
        verdict,
        offered: verdict == Verdict::Better && refused.is_none(),
        summary,
    }
}

pub(super) fn moved(model: &ModelRecord, residuals: &[Residual], since: DateTime<Utc>) -> Drift {
    let series = model.target_variable.clone();
    let mut sides = <[(Vec<(u32, f64)>, Vec<NaiveDate>); 2]>::default();
    for row in residuals {
        let (day, hour) = local(&series, row.target_ts);
        let side = &mut sides[usize::from(row.target_ts >= since)];
        side.0.push((hour, row.residual));
        if side.1.last() != Some(&day) {
            side.1.push(day);
        }
    }
    let [(reference, days_before), (recent, days_of_late)] = sides;
    let enough = days_before.len() >= DAYS_MIN && days_of_late.len() >= DAYS_MIN / 2;
    let psi = if enough { stability_by_hour(&reference, &recent) } else { None };
    let grade = match psi {
        None => DriftGrade::Unknown,
        Some(psi) if psi < 0.1 => DriftGrade::Stable,
        Some(psi) if psi <= 0.25 => DriftGrade::Moderate,
        Some(_) => DriftGrade::Large,
    };
    Drift {
        model_id: model.model_id,
        series,
        psi,
        grade,
        reference_days: days_before.len(),
        recent_days: days_of_late.len(),
    }
}

pub(super) fn contest_example() -> serde_json::Value {
    serde_json::json!({
        "series": "price:CH:day_ahead", "challenger_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d",
        "challenger": "price-CH-day_ahead-lightgbm v4",
        "champion_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7c",
        "champion": "price-CH-day_ahead-lightgbm v3", "measure": "mae", "days": 21, "n": 504,
        "champion_error": 12.4, "challenger_error": 11.1, "gain": 1.3, "gain_lower_95": 0.4,
        "verdict": "better", "offered": true,
        "summary": "error 11.100 against 12.400 on 21 days: better, by 1.300 (at least 0.400 with 95 % confidence)",
    })
}

pub(super) fn drift_example() -> serde_json::Value {
    serde_json::json!({
        "model_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "series": "price:CH:day_ahead",
        "psi": 0.07, "grade": "stable", "reference_days": 60, "recent_days": 14,
    })
}

impl From<ContestError> for Problem {
    fn from(error: ContestError) -> Self {
        match error {
            ContestError::NotInTheShadow { .. } | ContestError::NotOffered { .. } => {
                Self::conflict(&error)
            }
            ContestError::Registry(error) => error.into(),
            ContestError::Db(error) => error.into(),
        }
    }
}
