//! Asks models, all that work for a series at once, and writes down what they said before it is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use uuid::Uuid;

use super::inputs::{self, Asked};
use super::ledger::Ledger;
use super::loaded::{Answer, Rows};
use super::model::{
    FailedModel, PredictAnswer, PredictRequest, PredictionAnswer, PredictionFilter,
    PredictionRecord,
};
use super::models::{Deployed, Models};
use super::prepare::{PrepareError, Prepared, Preparer};
use super::settings::Settings;
use super::store::{self, PredictionRow};
use super::work::{Failure, with_patience};
use crate::algorithms::forecasting::QUANTILES;
use crate::base::timeline::Clock;
use crate::learning::features::Features;
use crate::learning::registry::Direction;
use crate::learning::registry::Registry;
use crate::learning::registry::RegistryError;
use crate::learning::training::DayModels;
use crate::platform::db::Db;
use crate::platform::db::DbError;
use crate::platform::runtime::CpuPool;
use crate::platform::runtime::Live;

/// Probability from which on an event counts as predicted, unless another is set.
const EVEN: f64 = 0.5;

/// Why nothing was predicted.
#[derive(Debug, thiserror::Error)]
pub enum PredictError {
    /// The request makes no sense.
    #[error("{field}: {what}")]
    Invalid {
        /// Path of the field.
        field: String,
        /// What is wrong with it.
        what: String,
    },
    /// No such model, or none that works for the series.
    #[error("{0}")]
    NoModel(String),
    /// The model is where it cannot be asked.
    #[error("{label} is {state}: it cannot be asked")]
    Unusable {
        /// Name and version.
        label: String,
        /// Where it stands.
        state: &'static str,
    },
    /// No model answered.
    #[error("no model answered: {}", failed.iter().map(|it| format!("{}: {}", it.model, it.reason)).collect::<Vec<_>>().join("; "))]
    AllFailed {
        /// Each with its reason.
        failed: Vec<FailedModel>,
    },
    /// There are no features.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The registry did not answer.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The prediction could not be written down.
    #[error("the prediction could not be written down")]
    Ledger(#[from] Arc<DbError>),
    /// The database refused or is away.
    #[error("the database did not answer")]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for PredictError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// Predicts with registered models. Cloning is cheap.
#[derive(Clone)]
pub struct Predictor {
    pub(super) db: Db,
    pub(super) registry: Registry,
    pub(super) models: Models,
    pub(super) preparer: Preparer,
    pub(super) ledger: Ledger,
    pub(super) clock: Clock,
    pub(super) settings: Live<Settings>,
    pool: CpuPool,
    days: DayModels,
}

/// What a model said about which rows, or why it said nothing.
pub(super) type Answered = Result<(Arc<Rows>, Vec<Answer>), Failure>;

/// What was prepared for a model of whole days, and which of its slots are asked about.
type OfDays = Option<(Arc<Prepared>, Vec<usize>)>;

/// A model with the rows it is asked about.
pub(super) struct Question {
    pub deployed: Deployed,
    pub rows: Result<Rows, Failure>,
    /// Of a model of whole days what was prepared, and the places of the rows in it.
    pub days: OfDays,
}

impl Predictor {
    /// Whether the weekly training fits the ensemble too.
    pub fn trains_ensembles(&self) -> bool {
        self.settings.get().ensemble
    }

    /// Predictions of the models in `registry`; `pool` is theirs alone, so that they need not wait
    /// while a model trains, `days` is shared with who publishes their forecasts.
    pub fn new(
        db: Db,
        registry: Registry,
        features: Features,
        (pool, days, clock): (CpuPool, DayModels, Clock),
        settings: impl Into<Live<Settings>>,
    ) -> Self {
        Self {
            models: Models::new(registry.clone(), pool.clone(), clock.clone()),
            preparer: Preparer::new(features, pool.clone(), clock.clone()),
            ledger: Ledger::new(db.clone()),
            settings: settings.into(),
            db,
            registry,
            clock,
            pool,
            days,
        }
    }

    /// Notes that series have changed, here or elsewhere.
    pub fn wake(&self) {
        self.preparer.wake();
    }

    /// Brings what serves into memory, so that the first request finds it there.
    pub async fn warm(&self) -> Result<(), PredictError> {
        self.models.series().await?;
        Ok(())
    }

    /// Answers a request; whatever is answered is written down.
    pub async fn predict(&self, request: PredictRequest) -> Result<PredictAnswer, PredictError> {
        let started = Instant::now();
        let asked = self.asked(&request).await?;
        let questions = inputs::questions(&self.preparer, &request, asked).await?;
        let made_at = self.clock.now();
        let answered = self.ask(questions, self.patience()).await;
        let mut said = Vec::new();
        let mut failed = Vec::new();
        for (deployed, answer) in answered {
            match answer {
                Ok((rows, answers)) => {
                    let hash = features_hash(&deployed.record.features, &rows, 0);
                    let about = (made_at, request.target_ts);
                    said.push((row(&deployed, about, answers[0], hash), deployed));
                }
                Err(failure) => failed.push(told(&deployed, failure)),
            }
        }
        if said.is_empty() {
            return Err(PredictError::AllFailed { failed });
        }
        self.ledger.write(said.iter().map(|(row, _)| row.clone()).collect()).await?;
        metrics::counter!("ml_predictions_total").increment(said.len() as u64);
        metrics::histogram!("ml_prediction_duration_seconds")
            .record(started.elapsed().as_secs_f64());
        let mut answers = said.into_iter().map(|(row, deployed)| answer_of(row, &deployed));
        let Some(first) = answers.next() else { return Err(PredictError::AllFailed { failed }) };
        Ok(PredictAnswer { first, others: answers.collect(), failed })
    }

    /// The models that a request is about.
    async fn asked(&self, request: &PredictRequest) -> Result<Asked, PredictError> {
        match (&request.model, &request.series) {
            (Some(model), _) => {
                let deployed = match Uuid::parse_str(model) {
                    Ok(id) => Some(self.models.one(id).await?),
                    Err(_) => self.models.named(model).await?,
                };
                let none = || PredictError::NoModel(format!("there is no model {model}"));
                let deployed = deployed.ok_or_else(none)?;
                let (record, series) = (&deployed.record, &request.series);
                if series.as_ref().is_some_and(|series| *series != record.target_variable) {
                    let what = format!("{} predicts {}", record.label(), record.target_variable);
                    return Err(PredictError::Invalid { field: "series".to_owned(), what });
                }
                if !record.state.may_work() {
                    let (label, state) = (record.label(), record.state.name());
                    return Err(PredictError::Unusable { label, state });
                }
                Ok(Asked { series: record.target_variable.clone(), models: vec![deployed] })
            }
            (None, Some(series)) => {
                let models = self.models.of_series(series).await?;
                if models.is_empty() {
                    let what = format!("no model works for {series}; activate one");
                    return Err(PredictError::NoModel(what));
                }
                Ok(Asked { series: series.clone(), models })
            }
            (None, None) => Err(PredictError::Invalid {
                field: "model".to_owned(),
                what: "name a model, or a series whose models are asked".to_owned(),
            }),
        }
    }

    /// How long a model may take for an answer that somebody waits for.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_millis(self.settings.get().predict_timeout_ms.into())
    }

    /// Asks every model about its rows, all at once.
    pub(super) async fn ask(
        &self,
        questions: Vec<Question>,
        patience: Duration,
    ) -> Vec<(Deployed, Answered)> {
        let asked = questions.into_iter().map(|Question { deployed, rows, days }| async move {
            let answer = self.ask_one(&deployed, (rows, days), patience).await;
            if let Err(failure) = &answer {
                metrics::counter!("ml_errors_total", "kind" => failure.kind).increment(1);
                let (model, reason) = (deployed.record.label(), &failure.reason);
                tracing::warn!(%model, %reason, "{model} did not answer: {reason}");
            }
            (deployed, answer)
        });
        join_all(asked).await
    }

    async fn ask_one(
        &self,
        deployed: &Deployed,
        (rows, days): (Result<Rows, Failure>, OfDays),
        patience: Duration,
    ) -> Answered {
        let body = deployed.body.clone().map_err(|why| Failure::new("model_load", why))?;
        let rows = Arc::new(rows?);
        let (places, given) = (Arc::clone(&deployed.places), Arc::clone(&rows));
        let (record, models) = (Arc::clone(&deployed.record), self.days.clone());
        let answers = with_patience(&self.pool, patience, places, move || match days {
            Some((prepared, places)) => body.predict_days(&prepared, &places, &record, &models),
            None => body.predict(&given),
        });
        let answers = answers.await?;
        if answers.is_empty() {
            return Err(Failure::new("features", "there are no rows to predict from"));
        }
        Ok((rows, answers))
    }

    /// Up to `limit` predictions, newest first, after the position `before`.
    pub async fn list(
        &self,
        filter: &PredictionFilter,
        before: Option<(DateTime<Utc>, Uuid)>,
        limit: i64,
    ) -> Result<Vec<PredictionRecord>, PredictError> {
        Ok(store::list(&mut *self.db.conn().await?, filter, before, limit).await?)
    }

    /// What the models that work for a series said last about it.
    pub async fn latest(&self, series: &str) -> Result<Vec<PredictionRecord>, PredictError> {
        let models = self.models.of_series(series).await?;
        let ids: Vec<Uuid> = models.iter().map(|it| it.record.model_id).collect();
        Ok(store::latest(&mut *self.db.conn().await?, series, &ids).await?)
    }
}

pub(super) fn told(deployed: &Deployed, failure: Failure) -> FailedModel {
    FailedModel {
        model_id: deployed.record.model_id,
        model: deployed.record.label(),
        kind: failure.kind.to_owned(),
        reason: failure.reason,
    }
}

/// SHA-256 over names and bits of the features of one row.
pub(super) fn features_hash(features: &[String], rows: &Rows, row: usize) -> String {
    use crate::platform::objects::sha256_hex;
    let mut bytes = features.join("\n").into_bytes();
    for value in rows.x.row(row) {
        bytes.extend(value.to_bits().to_le_bytes());
    }
    sha256_hex(&bytes)
}

/// What is stored of an answer.
pub(super) fn row(
    deployed: &Deployed,
    (made_at, target_ts): (DateTime<Utc>, Option<DateTime<Utc>>),
    answer: Answer,
    features_hash: String,
) -> PredictionRow {
    let record = &deployed.record;
    let (value, quantiles, probability) = match answer {
        Answer::Value { value, quantiles } => (Some(value), quantiles.map(Vec::from), None),
        Answer::Probability(probability) => (None, None, Some(probability)),
    };
    let event = record.event;
    let side = |wanted| event.filter(|it| it.direction == wanted).map(|it| it.threshold);
    let threshold = deployed.settings.alert_threshold.or_else(|| event.map(|_| EVEN));
    PredictionRow {
        prediction_id: Uuid::now_v7(),
        model_id: record.model_id,
        series: record.target_variable.clone(),
        role: record.role().map_or("asked", crate::learning::registry::Role::name).to_owned(),
        made_at,
        target_ts,
        value,
        quantiles,
        probability,
        threshold,
        event_above: side(Direction::Above),
        event_below: side(Direction::Below),
        features_hash,
        inputs_hash: None,
        actual: None,
        scored_at: None,
    }
}

fn answer_of(row: PredictionRow, deployed: &Deployed) -> PredictionAnswer {
    let threshold = row.threshold.unwrap_or(EVEN);
    let quantiles = row.quantiles.map(|quantiles| {
        let named = QUANTILES.iter().zip(quantiles);
        named.map(|(level, value)| (format!("{level:.2}"), value)).collect::<BTreeMap<_, _>>()
    });
    PredictionAnswer {
        prediction_id: row.prediction_id,
        model_id: row.model_id,
        model: deployed.record.label(),
        role: row.role,
        series: row.series,
        target_ts: row.target_ts,
        made_at: row.made_at,
        value: row.value,
        quantiles,
        prediction: row.probability.map(|probability| u8::from(probability >= threshold)),
        probability: row.probability,
        threshold: row.probability.map(|_| threshold),
        features_hash: row.features_hash,
    }
}
