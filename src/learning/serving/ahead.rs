//! When series change: what came true is joined with what was predicted, and all models that work
//! for the series predict again, side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::inputs::{exogenous, prepared, question};
use super::models::Deployed;
use super::predictor::{Answered, PredictError, Predictor, Question, features_hash, row};
use super::prepare::PrepareError;
use super::series::PriceSeries;
use super::store;
use crate::facts::changes::Change;
use crate::facts::changes::ChangeKind;
use crate::facts::changes::Consumer;
use crate::facts::market::Prices;
use crate::learning::features::HistoryError;
use crate::platform::objects::sha256_hex;

/// Days behind the published prices that are predicted when something changes: models are compared on
/// them, and further ones change little from day to day.
const LEADS_MAX: u8 = 2;

/// How long a model of whole days may learn a new day when nobody waits for it.
const DAYS_PATIENCE: Duration = Duration::from_mins(5);

/// Delivery periods that a model is asked about, the hash of each row, and that of all.
type About = BTreeMap<Uuid, (Vec<DateTime<Utc>>, Vec<String>, String)>;

/// Follows changes of series: keeps predictions scored and models predicting.
#[derive(Clone)]
pub struct PredictOnChange {
    /// Asks the models.
    pub predictor: Predictor,
    /// What came true.
    pub prices: Prices,
}

impl PredictOnChange {
    /// Under which name its place is kept.
    pub const NAME: &'static str = "learning.predictions";

    /// Joins predictions with the prices of changed ranges.
    async fn score(&self, changes: &[Change]) -> anyhow::Result<()> {
        for change in changes {
            let Some(series) = PriceSeries::parse(&change.name) else { continue };
            let prices = self.prices.prices(&series.market, series.product, change.range).await?;
            let truth: Vec<(DateTime<Utc>, f64)> =
                prices.iter().filter_map(|it| Some((it.ts, it.price_eur_mwh?))).collect();
            if truth.is_empty() {
                continue;
            }
            let mut conn = self.predictor.db.conn().await?;
            let now = self.predictor.clock.now();
            let scored = store::join_truth(&mut conn, &change.name, &truth, now).await?;
            if scored > 0 {
                let series = &change.name;
                tracing::debug!(series, scored, "Scored {scored} predictions of {series}");
            }
        }
        Ok(())
    }

    async fn follow(&self, changes: Vec<Change>) -> anyhow::Result<()> {
        self.score(&changes).await?;
        self.predictor.wake();
        let working = self.predictor.models.series().await?;
        let others = changes.iter().any(|change| change.kind == ChangeKind::Observation);
        let named: BTreeSet<&str> = changes.iter().map(|change| change.name.as_str()).collect();
        for name in working {
            // Values beside the prices may be features of any market.
            if others || named.contains(name.as_str()) {
                self.predict(&name).await?;
            }
        }
        Ok(())
    }

    /// Has every model that works for a series predict the next days, unless it has seen the same.
    async fn predict(&self, name: &str) -> anyhow::Result<usize> {
        let Some(series) = PriceSeries::parse(name) else { return Ok(0) };
        let predictor = &self.predictor;
        let models = predictor.models.of_series(name).await?;
        let rows = match prepared(&predictor.preparer, &series, &models).await {
            Ok(rows) => rows,
            // Too few prices, or none: there is nothing to predict from, and nothing to try again.
            Err(
                error @ (PrepareError::TooShort(_)
                | PrepareError::History(HistoryError::NoPrices { .. })),
            ) => {
                tracing::debug!(%error, "Nothing is predicted for {name}: {error}");
                return Ok(0);
            }
            Err(error) => return Err(error.into()),
        };
        let ids: Vec<Uuid> = models.iter().map(|it| it.record.model_id).collect();
        let mut conn = predictor.db.conn().await?;
        let seen: BTreeMap<Uuid, String> =
            store::last_inputs(&mut conn, name, &ids).await?.into_iter().collect();
        drop(conn);
        let made_at = predictor.clock.now();
        let (mut questions, mut about) = (Vec::new(), About::new());
        for deployed in models {
            let Ok(prepared) = &rows[&exogenous(&deployed)] else { continue };
            let places: Vec<usize> = (0..prepared.instants().len())
                .filter(|place| prepared.lead_day(*place) <= LEADS_MAX)
                .filter(|place| prepared.instants()[*place] >= made_at)
                .collect();
            let instants: Vec<DateTime<Utc>> =
                places.iter().map(|place| prepared.instants()[*place]).collect();
            let question = question(prepared, places, deployed);
            let Ok(known) = &question.rows else {
                questions.push(question);
                continue;
            };
            let record = &question.deployed.record;
            let hashes: Vec<String> = (0..instants.len())
                .map(|row| features_hash(&record.features, known, row))
                .collect();
            let inputs = sha256_hex(format!("{instants:?}{}", hashes.concat()).as_bytes());
            let id = record.model_id;
            if instants.is_empty() || seen.get(&id) == Some(&inputs) {
                continue;
            }
            about.insert(id, (instants, hashes, inputs));
            questions.push(question);
        }
        self.write(questions, &about, made_at).await
    }

    /// Asks all; models of whole days, which may have a day to learn, have more time than others.
    async fn ask(&self, questions: Vec<Question>) -> Vec<(Deployed, Answered)> {
        let (days, others): (Vec<_>, Vec<_>) =
            questions.into_iter().partition(|question| question.days.is_some());
        let predictor = &self.predictor;
        let (mut all, days) = tokio::join!(
            predictor.ask(others, predictor.patience()),
            predictor.ask(days, DAYS_PATIENCE),
        );
        all.extend(days);
        all
    }

    async fn write(
        &self,
        questions: Vec<Question>,
        about: &About,
        made_at: DateTime<Utc>,
    ) -> anyhow::Result<usize> {
        let mut stored = Vec::new();
        for (deployed, answered) in self.ask(questions).await {
            let id = deployed.record.model_id;
            // Who did not answer was counted and told; the others' answers stand.
            let (Ok((_, answers)), Some((instants, hashes, inputs))) = (answered, about.get(&id))
            else {
                continue;
            };
            for ((answer, ts), hash) in answers.into_iter().zip(instants).zip(hashes) {
                let mut row = row(&deployed, (made_at, Some(*ts)), answer, hash.clone());
                row.inputs_hash = Some(inputs.clone());
                stored.push(row);
            }
        }
        let count = stored.len();
        if count > 0 {
            self.predictor.ledger.write(stored).await.map_err(PredictError::Ledger)?;
            metrics::counter!("ml_predictions_total").increment(count as u64);
        }
        Ok(count)
    }
}

impl Consumer for PredictOnChange {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn wants(&self, change: &Change) -> bool {
        matches!(change.kind, ChangeKind::Price | ChangeKind::Observation)
    }

    fn take(&self, changes: Vec<Change>) -> BoxFuture<'_, anyhow::Result<()>> {
        let changes = Change::united(changes);
        let this = Arc::new(self.clone());
        async move { this.follow(changes).await }.boxed()
    }
}
