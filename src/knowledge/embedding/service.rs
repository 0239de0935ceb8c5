//! The embedder that the settings name, or none, with its metrics and its standing.

use std::sync::Arc;

use super::local::Local;
use super::model::{Embedder, EmbeddingError, ModelCard, Purpose};
use super::ollama::Ollama;
use super::openai::OpenAi;
use super::remote::Remote;
use super::served::typical_tokens;
use super::settings::{Provider, Settings};
use crate::algorithms::retrieval::Everyday;
use crate::base::timeline::Clock;
use crate::platform::runtime::CpuPool;

/// Texts as vectors, where a model is set up. Cloning is cheap.
#[derive(Clone)]
pub struct Embedding {
    embedder: Option<Arc<dyn Embedder>>,
    clock: Clock,
}

impl Embedding {
    /// What the settings name; models in a folder compute on `pool`. Nothing is asked or loaded yet.
    pub fn new(settings: &Settings, pool: CpuPool, clock: Clock) -> Self {
        let embedder: Option<Arc<dyn Embedder>> = match settings.provider {
            Provider::None => None,
            Provider::Ollama => {
                let model = Ollama::new(settings, clock.clone());
                Some(Arc::new(Remote::new(model, clock.clone())))
            }
            Provider::Openai => {
                let model = OpenAi::new(settings, clock.clone());
                Some(Arc::new(Remote::new(model, clock.clone())))
            }
            Provider::File => Some(Arc::new(Local::new(settings, pool, clock.clone()))),
        };
        Self { embedder, clock }
    }

    /// A given embedder, or none.
    #[cfg(test)]
    pub fn with(embedder: Option<Arc<dyn Embedder>>, clock: Clock) -> Self {
        Self { embedder, clock }
    }

    /// Whether a model is set up.
    pub fn is_on(&self) -> bool {
        self.embedder.is_some()
    }

    /// The model at present; absent when none is set up.
    pub async fn card(&self) -> Result<Option<ModelCard>, EmbeddingError> {
        match &self.embedder {
            Some(embedder) => embedder.card().await.map(Some),
            None => Ok(None),
        }
    }

    /// One vector of length 1 per text, in order; absent when no model is set up.
    pub async fn embed(
        &self,
        texts: &[String],
        purpose: Purpose,
    ) -> Result<Option<Vec<Vec<f32>>>, EmbeddingError> {
        let Some(embedder) = &self.embedder else { return Ok(None) };
        let started = self.clock.elapsed();
        let made = embedder.embed(texts, purpose).await;
        let took = self.clock.elapsed().saturating_sub(started);
        metrics::histogram!("luna_embedding_duration_seconds").record(took.as_secs_f64());
        if made.is_err() {
            metrics::counter!("luna_embedding_errors_total").increment(1);
        }
        made.map(Some)
    }

    /// What the model makes of everyday questions and their answers; absent when none is set up, or when it leaves texts
    /// out.
    pub async fn everyday(&self) -> Result<Option<Everyday>, EmbeddingError> {
        let asked = self.embed(&Everyday::questions(), Purpose::Query).await?;
        let said = self.embed(&Everyday::sentences(), Purpose::Passage).await?;
        Ok(asked.zip(said).and_then(|(asked, said)| Everyday::new(&asked, &said)))
    }

    /// Tokens of `text` as the model counts them, rather too many where its tokenizer is not at hand;
    /// about as many as models count where there is none.
    pub fn tokens(&self, text: &str) -> usize {
        match &self.embedder {
            Some(embedder) => embedder.tokens(text),
            None => typical_tokens(text),
        }
    }

    /// What makes vectors, as a sentence for the status page, and whether it does.
    pub async fn standing(&self) -> (String, bool) {
        match self.card().await {
            Ok(None) => ("no model: documents are found by their words".to_owned(), true),
            Ok(Some(card)) => {
                (format!("{}, vectors of {} numbers", card.name, card.dimension), true)
            }
            Err(error) => (error.to_string(), false),
        }
    }
}
