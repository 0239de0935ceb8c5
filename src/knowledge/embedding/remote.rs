//! A model at a server: who answers under its name is asked once in a while, and texts go in batches.

use std::time::Duration;

use tokio::sync::Mutex;

use super::model::{Embedder, EmbeddingError, ModelCard, Purpose};
use super::prompts::Prompts;
use super::served::{batches, estimated_tokens};
use crate::base::timeline::Clock;

/// How long a model counts as unchanged; somebody may put a newer one under the same name.
const CARD_KEPT: Duration = Duration::from_mins(5);

/// How a kind of server is spoken to.
#[async_trait::async_trait]
pub(super) trait Dialect: Send + Sync {
    /// What the model wants written before its texts.
    fn prompts(&self) -> &Prompts;

    /// Who answers under the model's name now.
    async fn fresh_card(&self) -> Result<ModelCard, EmbeddingError>;

    /// The vectors of one batch, in its order; what is longer than the model's window is cut, counted and told.
    async fn batch(
        &self,
        texts: &[String],
        dimension: Option<usize>,
        purpose: Purpose,
    ) -> Result<Vec<Vec<f32>>, EmbeddingError>;
}

/// A model behind a dialect, with its card.
pub(super) struct Remote<D> {
    dialect: D,
    clock: Clock,
    card: Mutex<Option<(Duration, ModelCard)>>,
}

impl<D> Remote<D> {
    /// A model that nobody has asked yet.
    pub fn new(dialect: D, clock: Clock) -> Self {
        Self { dialect, clock, card: Mutex::new(None) }
    }
}

#[async_trait::async_trait]
impl<D: Dialect> Embedder for Remote<D> {
    async fn card(&self) -> Result<ModelCard, EmbeddingError> {
        let mut kept = self.card.lock().await;
        let now = self.clock.elapsed();
        if let Some((at, card)) = &*kept
            && now.saturating_sub(*at) < CARD_KEPT
        {
            return Ok(card.clone());
        }
        let card = self.dialect.fresh_card().await?;
        *kept = Some((now, card.clone()));
        Ok(card)
    }

    async fn embed(
        &self,
        texts: &[String],
        purpose: Purpose,
    ) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let card = self.card().await?;
        let texts = self.dialect.prompts().before(texts, purpose);
        let mut all = Vec::with_capacity(texts.len());
        for batch in batches(&texts) {
            match self.dialect.batch(batch, Some(card.dimension), purpose).await {
                Ok(vectors) => all.extend(vectors),
                Err(error) => {
                    // Another model may answer under the name; the next question asks who it is.
                    *self.card.lock().await = None;
                    return Err(error);
                }
            }
        }
        Ok(all)
    }

    fn tokens(&self, text: &str) -> usize {
        estimated_tokens(text)
    }
}
