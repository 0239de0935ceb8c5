//! Fits models on exported datasets and lets only those serve that beat the naive one.

use std::sync::Arc;
use std::time::Instant;

use chrono::{NaiveDate, NaiveTime};
use serde::Serialize;
use utoipa::ToSchema;

use super::gate::{self, Succession};
use super::golden::golden_rows;
use super::lead_model::{LeadFit, LeadModel};
use super::request::{TrainRequest, of_phases, window_days};
use super::split::{DAYS_MIN, Split, split};
use crate::access::audit::By;
use crate::algorithms::forecasting::Algorithm;
use crate::algorithms::forecasting::FitError;
use crate::algorithms::forecasting::LoadError;
use crate::algorithms::forecasting::ParamError;
use crate::algorithms::forecasting::Params;
use crate::algorithms::forecasting::PredictError;
use crate::algorithms::forecasting::scores::ScoreError;
use crate::base::ids::Market;
use crate::base::timeline::AsOf;
use crate::base::timeline::Clock;
use crate::base::timeline::add_days;
use crate::base::timeline::at_local;
use crate::base::timeline::day_range;
use crate::base::timeline::local_date;
use crate::learning::datasets::Dataset;
use crate::learning::datasets::DatasetError;
use crate::learning::datasets::Datasets;
use crate::learning::datasets::NewDataset;
use crate::learning::features;
use crate::learning::features::FeatureSpec;
use crate::learning::features::FeatureTable;
use crate::learning::features::Features;
use crate::learning::features::HistoryError;
use crate::learning::features::MarketHistory;
use crate::learning::features::Origin;
use crate::learning::registry::ModelMetrics;
use crate::learning::registry::ModelRecord;
use crate::learning::registry::NewModel;
use crate::learning::registry::Registry;
use crate::learning::registry::RegistryError;
use crate::platform::runtime::CpuPool;
use crate::platform::runtime::CpuPoolError;

/// Local days that lags reach back beyond the first training day.
pub(super) const LAG_DAYS: i64 = 22;
/// Lead days that a served model must know.
const LEADS: std::ops::RangeInclusive<u8> = 1..=7;
/// Local time at which a forecast is issued on the day before delivery (design ruling).
pub fn issue_time() -> NaiveTime {
    NaiveTime::MIN + chrono::Duration::hours(10)
}

/// What a training run did.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TrainReport {
    /// The registered model with its validation scores and the gate's verdict.
    pub model: ModelRecord,
    /// The dataset it was fitted on.
    pub dataset: Dataset,
    /// Whether it serves now.
    pub serves: bool,
    /// Why it serves or does not, as a sentence.
    pub verdict: String,
}

/// Why a model could not be trained or evaluated.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// There is no usable history.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// Too few days.
    #[error("{days} days of {market} with complete lags are too few; {DAYS_MIN} are the least")]
    TooShort {
        /// Market asked for.
        market: Market,
        /// Days with rows.
        days: usize,
    },
    /// The days asked for are in the wrong order or too many.
    #[error("{0}")]
    BadRange(String),
    /// The algorithm needs days in a row.
    #[error(
        "{0} learns from days in a row, of which phases leave gaps; choose naive, linear, lightgbm \
         or random_forest, or all days"
    )]
    BadRegime(Algorithm),
    /// A hyper-parameter is unknown or out of range.
    #[error(transparent)]
    Params(#[from] ParamError),
    /// The fit failed or was cancelled.
    #[error("the model could not be fitted: {0}")]
    Fit(#[source] FitError),
    /// Whoever asked does not want the result any more.
    #[error("cancelled")]
    Cancelled,
    /// The stored model is not readable.
    #[error("the stored model could not be read")]
    Load(#[from] LoadError),
    /// A fitted model could not forecast.
    #[error("the fitted model could not forecast")]
    Predict(#[from] PredictError),
    /// Scores could not be computed.
    #[error("the forecasts could not be scored")]
    Score(#[from] ScoreError),
    /// The dataset could not be kept.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The registry refused.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The pool for heavy work is full or going down.
    #[error("the computation could not run")]
    Pool(#[from] CpuPoolError),
}

impl From<FitError> for TrainingError {
    fn from(error: FitError) -> Self {
        match error {
            FitError::Cancelled => Self::Cancelled,
            FitError::Params(error) => Self::Params(error),
            other => Self::Fit(other),
        }
    }
}

/// Is told how far a work is, 0 to 1, and what it does.
type Progress = Arc<dyn Fn(f64, &str) + Send + Sync>;

/// Who has a long computation done, and how they follow and stop it.
#[derive(Clone)]
pub struct Watch {
    /// Author of what it changes.
    pub by: By,
    /// Whether to stop.
    pub cancelled: Arc<dyn Fn() -> bool + Send + Sync>,
    /// Told how far the work is (0 to 1) and what it does.
    pub progress: Progress,
}

impl Watch {
    /// Somebody who is told how far the work is and never stops it.
    pub fn told(by: By, progress: impl Fn(f64, &str) + Send + Sync + 'static) -> Self {
        Self { by, cancelled: Arc::new(|| false), progress: Arc::new(progress) }
    }

    /// Somebody who does not look.
    pub fn unseen(by: By) -> Self {
        Self::told(by, |_, _| {})
    }
}

/// Trains and evaluates models.
#[derive(Clone)]
pub struct Training {
    pub(super) features: Features,
    pub(super) datasets: Datasets,
    pub(super) registry: Registry,
    pub(super) pool: CpuPool,
    pub(super) clock: Clock,
}

impl Training {
    /// Training on these facts, with results in these stores.
    pub const fn new(
        features: Features,
        datasets: Datasets,
        registry: Registry,
        pool: CpuPool,
        clock: Clock,
    ) -> Self {
        Self { features, datasets, registry, pool, clock }
    }

    /// Exports a dataset and trains on it, see [`Training::train_on`].
    pub async fn train(
        &self,
        request: &TrainRequest,
        watch: &Watch,
    ) -> Result<TrainReport, TrainingError> {
        request.check()?;
        let dataset = self.export(request, watch).await?;
        self.train_on(dataset, request, watch).await
    }

    /// Fits a model on the file of `dataset`, scores it on its last days and registers it.
    ///
    /// The model serves its series when it was asked to, beats the naive model, and is no worse
    /// than the model that serves now.
    pub async fn train_on(
        &self,
        dataset: Dataset,
        request: &TrainRequest,
        watch: &Watch,
    ) -> Result<TrainReport, TrainingError> {
        let params = Params(request.params.clone()).filled(request.model)?;
        // Training reads the exported file, so that what was learned can be repeated from it.
        let table = self.datasets.open(&dataset).await?;
        let Some(parts) = split(&table) else {
            let days = days_of(&table);
            return Err(TrainingError::TooShort { market: request.market.clone(), days });
        };
        drop(table);
        let record = self.registry.begin(new_model(request, &params, &dataset, &parts)).await?;
        let parts = Arc::new(parts);
        let fitted = self.fit(record.model_id, request.model, params, &parts, watch).await;
        let (mut record, validation) = match fitted {
            Ok(fitted) => fitted,
            Err(error) => {
                self.registry.fail(record.model_id, &with_causes(&error)).await?;
                return Err(error);
            }
        };
        let verdict = self.decide(request, &record, validation, &parts).await?;
        if verdict.takes_over {
            record = self.registry.activate(record.model_id, &watch.by).await?;
        } else {
            tracing::warn!(model = %record.label(), reason = %verdict.reason, "{} does not serve: {}", record.label(), verdict.reason);
        }
        (watch.progress)(1.0, "done");
        let serves = record.is_active;
        Ok(TrainReport { serves, verdict: verdict.reason, model: record, dataset })
    }

    /// Fits and stores; returns the ready model and its forecasts of the validation rows.
    async fn fit(
        &self,
        model_id: uuid::Uuid,
        algorithm: Algorithm,
        params: Params,
        parts: &Arc<Split>,
        watch: &Watch,
    ) -> Result<(ModelRecord, Vec<f64>), TrainingError> {
        let started = Instant::now();
        let (rows, follow) = (Arc::clone(parts), watch.clone());
        let work = move || {
            let fitted = fit_and_score(algorithm, &params, &rows, &follow)?;
            let golden = golden_rows(&fitted.0.model, &rows.valid)?;
            let bytes = fitted.0.model.to_bytes();
            Ok::<_, TrainingError>((bytes, fitted.0.validation, fitted.1, golden))
        };
        let (bytes, validation, mut scores, golden) = self.pool.run("train", work).await??;
        scores.training_s = started.elapsed().as_secs_f64();
        metrics::histogram!("luna_training_duration_seconds").record(scores.training_s);
        let record = self.registry.complete(model_id, bytes, &scores, &golden).await?;
        Ok((record, validation.mean))
    }

    /// Whether a ready model should serve from now on.
    async fn decide(
        &self,
        request: &TrainRequest,
        record: &ModelRecord,
        validation: Vec<f64>,
        parts: &Arc<Split>,
    ) -> Result<Succession, TrainingError> {
        let Some(scores) = record.metrics.clone() else { return Ok(Succession::not_asked()) };
        if !scores.gate.passed {
            return Ok(Succession { takes_over: false, reason: scores.gate.reason });
        }
        if !request.activate {
            return Ok(Succession::not_asked());
        }
        if let Some(regime) = request.phases().filter(|regime| !regime.goes_on()) {
            let reason =
                format!("it knows only days of {}; activate it while they last", regime.words());
            return Ok(Succession { takes_over: false, reason });
        }
        let Some(champion) = self.registry.serving(&record.target_variable).await? else {
            return Ok(Succession { takes_over: true, reason: scores.gate.reason });
        };
        // A model whose file is lost or damaged cannot serve, so it cannot stay either.
        let bytes = match self.registry.artifact(&champion).await {
            Ok(bytes) => bytes,
            // While the store is away nobody knows; the champion stays.
            Err(RegistryError::Object(object)) if object.is_passing() => {
                let reason = format!("{} could not be compared: {object}", champion.label());
                return Ok(Succession { takes_over: false, reason });
            }
            Err(_) => {
                let reason = format!("the file of {} cannot be read", champion.label());
                return Ok(Succession { takes_over: true, reason });
            }
        };
        let parts = Arc::clone(parts);
        let judge = move || {
            let incumbent = gate::Incumbent { record: &champion, bytes: &bytes };
            gate::succession(&incumbent, &scores, &validation, &parts.valid)
        };
        self.pool.run("compare", judge).await?
    }

    /// Exports the feature table of a request as a dataset.
    pub async fn export(
        &self,
        request: &TrainRequest,
        watch: &Watch,
    ) -> Result<Dataset, TrainingError> {
        let zone = request.market.time_zone();
        let today = local_date(self.clock.now(), zone);
        let until = request.until.unwrap_or_else(|| add_days(today, 1));
        let window = window_days(request.window_days)?;
        let first = add_days(until, 1 - window);
        (watch.progress)(0.0, "reading history");
        let history = self
            .features
            .history(&request.market, request.product, add_days(first, -LAG_DAYS), until, None)
            .await?;
        (watch.progress)(0.02, "computing features");
        let table = self.table(history, first, until, LEADS).await?;
        if (watch.cancelled)() {
            return Err(TrainingError::Cancelled);
        }
        let market = request.market.clone();
        let table = match request.phases() {
            Some(regime) => of_phases(&table, regime, &market),
            None => table,
        };
        let Some((from, to)) = table.ts.first().zip(table.ts.iter().max()) else {
            return Err(TrainingError::TooShort { market, days: 0 });
        };
        let days = (local_date(*from, zone), local_date(*to, zone));
        let new = NewDataset {
            market,
            product: request.product,
            table,
            days,
            regime: request.phases().cloned(),
        };
        Ok(self.datasets.export(new, &watch.by).await?)
    }

    /// Rows of the delivery days `first..=last` for the given lead days, computed off the web workers.
    pub(super) async fn table(
        &self,
        (history, spec): (MarketHistory, FeatureSpec),
        first: NaiveDate,
        last: NaiveDate,
        leads: std::ops::RangeInclusive<u8>,
    ) -> Result<FeatureTable, TrainingError> {
        let work = move || {
            let started = Instant::now();
            let origins = origins(&history, add_days(first, -1), add_days(last, -1));
            let range = (day_range(first, history.market.time_zone()).from)
                ..(day_range(last, history.market.time_zone()).to);
            let rows = features::build(&history, &spec, &origins, &leads);
            let rows = rows.filtered(|row| range.contains(&rows.ts[row]));
            let elapsed = started.elapsed().as_secs_f64();
            metrics::histogram!("ml_feature_processing_seconds").record(elapsed);
            rows
        };
        Ok(self.pool.run("features", work).await?)
    }
}

/// An error with what led to it, as a line.
fn with_causes(error: &TrainingError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause {
        let said = deeper.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = deeper.source();
    }
    text
}

/// One origin per local day `first..=last`, at the issue time, where enough was known.
pub fn origins(history: &MarketHistory, first: NaiveDate, last: NaiveDate) -> Vec<Origin> {
    let zone = history.market.time_zone();
    first
        .iter_days()
        .take_while(|day| *day <= last)
        .filter_map(|day| history.origin(AsOf(at_local(day, issue_time(), zone))))
        .collect()
}

fn new_model(
    request: &TrainRequest,
    params: &Params,
    dataset: &Dataset,
    parts: &Split,
) -> NewModel {
    let interval = chrono::Duration::seconds(request.product.interval_s().into());
    let start = parts.train.ts.iter().min().copied().unwrap_or_default();
    // The model that serves has learned from the validation days too, after they were used to judge it.
    let end = parts.valid.ts.iter().max().copied().unwrap_or_default() + interval;
    NewModel {
        name: request.name(),
        model_type: request.model.name(),
        target_variable: request.market.price_series(request.product),
        train_start: start,
        train_end: end,
        features: parts.train.table.features.clone(),
        future_minutes: i32::from(*LEADS.end()) * 24 * 60,
        params: params.0.clone().into(),
        regime: request.phases().cloned(),
        dataset: (dataset.dataset_id, dataset.sha256.clone()),
    }
}

fn fit_and_score(
    algorithm: Algorithm,
    params: &Params,
    parts: &Split,
    watch: &Watch,
) -> Result<(LeadFit, ModelMetrics), TrainingError> {
    let cancelled = Arc::clone(&watch.cancelled);
    let mut progress = |done: f64| (watch.progress)(0.05 + 0.9 * done, "fitting");
    let (train, valid) = (&parts.train.table, &parts.valid.table);
    let fitted =
        LeadModel::fit(algorithm, params, train, valid, &move || cancelled(), &mut progress)?;
    let judged = gate::judge(algorithm, &fitted.validation, &parts.valid)?;
    let metrics = ModelMetrics {
        train_rows: parts.train.len(),
        validation_rows: parts.valid.len(),
        validation: judged.scores,
        naive: judged.naive,
        by_lead: judged.by_lead,
        later_days_by: Some(fitted.model.later_days_by().name().to_owned()),
        gate: judged.gate,
        training_s: 0.0,
        importance: fitted.model.importance(),
    };
    Ok((fitted, metrics))
}

/// A feature column as numbers; NaN throughout when the table has no such column.
pub(super) fn column(table: &FeatureTable, name: &str) -> Vec<f64> {
    match table.table.column(name) {
        Some(index) => table.table.x.column(index).iter().map(|v| f64::from(*v)).collect(),
        None => vec![f64::NAN; table.len()],
    }
}

fn days_of(table: &FeatureTable) -> usize {
    table.table.groups.iter().map(|key| key.day).collect::<std::collections::BTreeSet<_>>().len()
}
