//! Models of events: how likely it is that a price lies above or below a threshold.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use chrono::NaiveDate;

use super::golden::{answered, newest};
use super::request::{TrainRequest, default_product, window_days};
use super::service::{Training, TrainingError, Watch};
use super::split::{Split, split};
use crate::algorithms::forecasting::Algorithm;
use crate::algorithms::forecasting::EventFit;
use crate::algorithms::forecasting::ForeignTrees;
use crate::algorithms::forecasting::LoadError;
use crate::algorithms::forecasting::Params;
use crate::algorithms::forecasting::fit_event;
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::learning::datasets::Dataset;
use crate::learning::features::Regime;
use crate::learning::registry::Direction;
use crate::learning::registry::EventRule;
use crate::learning::registry::Format;
use crate::learning::registry::GoldenRow;
use crate::learning::registry::ImportedModel;
use crate::learning::registry::MissingValues;
use crate::learning::registry::ModelRecord;
use crate::learning::registry::Order;
use crate::learning::registry::Origin;

/// Local days learned from unless said: what moves prices across a threshold changes faster than
/// their daily course.
const WINDOW_DAYS: u16 = 728;
/// Minutes ahead.
const FUTURE_MINUTES: i32 = 7 * 24 * 60;

/// Which event to learn.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventRequest {
    /// Market whose day-ahead price is meant.
    pub market: Market,
    /// Product; `day_ahead` unless said.
    #[serde(default = "default_product")]
    pub product: Product,
    /// The event.
    pub event: EventRule,
    /// Last local delivery day to learn from; the newest one unless said.
    #[serde(default)]
    pub until: Option<NaiveDate>,
    /// Local days to learn from, counted back from `until`; 728 unless said.
    #[serde(default)]
    pub window_days: Option<u16>,
    /// Phases to learn from; all days unless said.
    #[serde(default)]
    pub regime: Option<Regime>,
    /// Hyper-parameters of `lightgbm`; small trees unless said.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub params: serde_json::Map<String, serde_json::Value>,
}

/// How well the probabilities held on the validation days, which the trees have not seen.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct EventScores {
    /// Delivery periods.
    pub n: usize,
    /// Those with the event.
    pub events: usize,
    /// Share of the training periods with the event.
    pub base_rate: f64,
    /// Mean squared distance of the probability from what came, 1 or 0 (Brier 1950).
    pub brier: f64,
    /// The same of the base rate as the answer to everything.
    pub brier_base_rate: f64,
}

/// What a training of an event did.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EventReport {
    /// The registered model.
    pub model: ModelRecord,
    /// The dataset it was fitted on.
    pub dataset: Dataset,
    /// How good it is.
    pub scores: EventScores,
    /// Whether it may be given work, and why, as a sentence.
    pub verdict: String,
}

impl EventRequest {
    /// Refuses what cannot be trained before anything is computed.
    pub(super) fn check(&self) -> Result<(), TrainingError> {
        if !self.event.threshold.is_finite() {
            return Err(TrainingError::BadRange("event.threshold must be a number".to_owned()));
        }
        window_days(self.window_days)?;
        Ok(Params(self.params.clone()).check(Algorithm::Lightgbm)?)
    }

    /// The dataset that is learned from, as a training of prices would order it.
    fn dataset(&self) -> TrainRequest {
        TrainRequest {
            market: self.market.clone(),
            product: self.product,
            model: Algorithm::Lightgbm,
            until: self.until,
            window_days: Some(self.window_days.unwrap_or(WINDOW_DAYS)),
            regime: self.regime.clone(),
            params: serde_json::Map::new(),
            activate: false,
        }
    }

    /// Small trees, as many as slow steps need, over what was asked for.
    fn params(&self) -> Params {
        let small = serde_json::json!({
            "num_iterations": 200, "num_leaves": 15, "learning_rate": 0.05,
        });
        let mut params = Params::from_value(small);
        params.0.extend(self.params.clone());
        params
    }

    fn name(&self) -> String {
        let direction = match self.event.direction {
            Direction::Above => "above",
            Direction::Below => "below",
        };
        format!(
            "event-{}-{}-{direction}-{}",
            self.market,
            self.product.name(),
            self.event.threshold
        )
    }
}

impl Training {
    /// Fits trees to an event, holds them to the base rate, and registers them; they do not work
    /// until somebody activates them.
    pub async fn train_event(
        &self,
        request: &EventRequest,
        watch: &Watch,
    ) -> Result<EventReport, TrainingError> {
        request.check()?;
        let dataset = self.export(&request.dataset(), watch).await?;
        let table = self.datasets.open(&dataset).await?;
        let Some(parts) = split(&table) else {
            return Err(TrainingError::TooShort { market: request.market.clone(), days: 0 });
        };
        drop(table);
        (watch.progress)(0.2, "fitting");
        let (params, rule, follow) = (request.params(), request.event, watch.clone());
        let work = move || {
            let is_event = |price: f64| rule.of(price) > 0.5;
            let (train, valid) = (&parts.train.table, &parts.valid.table);
            let cancel = || (follow.cancelled)();
            let fit = fit_event(&params, (train, valid), &is_event, &cancel)?;
            let golden = golden(&fit, &parts)?;
            let scores = scores(&fit, &parts, rule);
            Ok::<_, TrainingError>((fit, golden, scores, span(&parts), parts))
        };
        let (fit, golden, scores, span, parts) = self.pool.run("train", work).await??;
        let new = ImportedModel {
            name: request.name(),
            model_type: Algorithm::Lightgbm.name().to_owned(),
            target_variable: request.market.price_series(request.product),
            train_start: span.0,
            train_end: span.1,
            features: parts.train.table.features.clone(),
            future_minutes: FUTURE_MINUTES,
            params: request.params().0.into(),
            metrics: serde_json::json!(scores),
            origin: Origin::Trained,
            format: Format::Lightgbm,
            event: Some(rule),
            missing_values: MissingValues::Native,
            signed_by: None,
            regime: request.regime.clone().filter(|it| !it.is_empty()),
        };
        let order = Order::from(&watch.by);
        let model = self.registry.take_in(&new, fit.text.into_bytes(), &golden, order).await?;
        let verdict = format!(
            "Brier score {:.4} against {:.4} of the base rate on {} periods with {} events",
            scores.brier, scores.brier_base_rate, scores.n, scores.events
        );
        let model = if scores.brier < scores.brier_base_rate {
            self.registry.validated(model.model_id, order).await?
        } else {
            self.registry.refused(model.model_id, &verdict, order).await?
        };
        (watch.progress)(1.0, "done");
        Ok(EventReport { model, dataset, scores, verdict })
    }
}

/// First delivery period and end of the last.
fn span(parts: &Split) -> (chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>) {
    let start = parts.train.ts.iter().min().copied().unwrap_or_default();
    let last = parts.valid.ts.iter().max().copied().unwrap_or_default();
    (start, last + chrono::Duration::seconds(parts.valid.interval_s.into()))
}

fn golden(fit: &EventFit, parts: &Split) -> Result<Vec<GoldenRow>, TrainingError> {
    let trees = ForeignTrees::parse(&fit.text)
        .map_err(|why| TrainingError::Load(LoadError::Inconsistent(why)))?;
    let newest = newest(&parts.valid, |_| true);
    let answers = newest.x.rows().into_iter().map(|row| trees.predict_row(row));
    Ok(answered(&newest, answers))
}

fn scores(fit: &EventFit, parts: &Split, rule: EventRule) -> EventScores {
    let came: Vec<f64> = parts.valid.table.y.iter().map(|price| rule.of(*price)).collect();
    let n = came.len();
    let mean = |distance: &dyn Fn(usize) -> f64| {
        (0..n).map(|row| distance(row).powi(2)).sum::<f64>() / n as f64
    };
    EventScores {
        n,
        events: came.iter().filter(|label| **label > 0.5).count(),
        base_rate: fit.base_rate,
        brier: mean(&|row| fit.validation[row] - came[row]),
        brier_base_rate: mean(&|row| fit.base_rate - came[row]),
    }
}
