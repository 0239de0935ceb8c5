//! Vectors from a server with the API of `OpenAI`: llama.cpp, vLLM, LM Studio and others.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::model::{Embedder, EmbeddingError, ModelCard, Purpose};
use super::prompts::Prompts;
use super::served::{Refusal, Server, batches, estimated_tokens, judged};
use super::settings::Settings;
use crate::base::timeline::Clock;

/// How long a model counts as unchanged.
const CARD_KEPT: Duration = Duration::from_mins(5);
/// Tokens of a model that does not tell.
const WINDOW_ASSUMED: usize = 512;
/// Shortest text that a text which is too long is cut to, in letters.
const CUT_MIN: usize = 100;

/// A model at a server.
pub(super) struct OpenAi {
    server: Server,
    model: String,
    prompts: Prompts,
    clock: Clock,
    card: Mutex<Option<(Duration, ModelCard)>>,
}

#[derive(Deserialize)]
struct Embedded {
    data: Vec<Entry>,
    #[serde(default)]
    model: String,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    index: usize,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct Models {
    #[serde(default)]
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
    max_model_len: Option<usize>,
    meta: Option<Meta>,
}

/// What llama.cpp tells about a model.
#[derive(Deserialize)]
struct Meta {
    n_ctx_train: Option<usize>,
    size: Option<u64>,
    n_params: Option<u64>,
}

impl OpenAi {
    pub fn new(settings: &Settings, clock: Clock) -> Self {
        let model = settings.model.as_deref().unwrap_or_default().trim().to_owned();
        Self {
            server: Server::new(settings, clock.clone()),
            prompts: Prompts::new(settings, &model, None),
            model,
            clock,
            card: Mutex::new(None),
        }
    }

    /// The path of an operation; addresses are written with and without the version at their end.
    fn path(&self, operation: &str) -> String {
        if self.server.url().ends_with("/v1") {
            format!("/{operation}")
        } else {
            format!("/v1/{operation}")
        }
    }

    /// The vectors in the order of the texts, and what the model calls itself.
    async fn ask(
        &self,
        texts: &[String],
        dimension: Option<usize>,
    ) -> Result<(Vec<Vec<f32>>, String), Refusal> {
        let body = json!({"model": self.model, "input": texts, "encoding_format": "float"});
        let Embedded { mut data, model } =
            self.server.post(&self.path("embeddings"), &body).await?;
        data.sort_by_key(|entry| entry.index);
        let is_each_once = data.iter().enumerate().all(|(at, entry)| entry.index == at);
        if !is_each_once {
            let why = "the places of the vectors do not match the texts that were sent";
            return Err(Refusal::Failed(EmbeddingError::Unusable(why.to_owned())));
        }
        let vectors = data.into_iter().map(|entry| entry.embedding).collect();
        let judged = judged(vectors, texts.len(), dimension).map_err(Refusal::Failed)?;
        Ok((judged, model))
    }

    /// The vectors of one batch; a text that is longer than the model's window is cut to half until it
    /// fits, which is counted and told.
    async fn batch(
        &self,
        texts: &[String],
        dimension: usize,
    ) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        match self.ask(texts, Some(dimension)).await {
            Ok((vectors, _)) => return Ok(vectors),
            Err(refused) if refused.is_too_long() => {}
            Err(refused) => return Err(self.error(refused)),
        }
        let mut all = Vec::with_capacity(texts.len());
        for text in texts {
            let mut text = text.clone();
            loop {
                match self.ask(std::slice::from_ref(&text), Some(dimension)).await {
                    Ok((vectors, _)) => break all.extend(vectors),
                    Err(refused) if refused.is_too_long() && text.len() > CUT_MIN => {
                        let letters = text.chars().count() / 2;
                        text = text.chars().take(letters).collect();
                        let model = &self.model;
                        tracing::warn!(
                            model,
                            "A text is longer than what {model} sees; its end has no part in its vector"
                        );
                        metrics::counter!("luna_embedding_cut_total").increment(1);
                    }
                    Err(refused) => return Err(self.error(refused)),
                }
            }
        }
        Ok(all)
    }

    fn error(&self, refused: Refusal) -> EmbeddingError {
        let (url, model) = (self.server.url(), &self.model);
        match refused {
            Refusal::Said(404, said) => EmbeddingError::Unusable(format!(
                "{url} has no model {model}, or makes no vectors: {said}"
            )),
            Refusal::Said(501, said) => EmbeddingError::Unusable(format!(
                "{url} makes no vectors; llama-server wants --embeddings: {said}"
            )),
            other => other.into_error(&self.server),
        }
    }

    async fn fresh_card(&self) -> Result<ModelCard, EmbeddingError> {
        let probe = self.prompts.before(&["Luna".to_owned()], Purpose::Passage);
        let (measured, called) =
            self.ask(&probe, None).await.map_err(|refused| self.error(refused))?;
        let dimension = measured.first().map_or(0, Vec::len);
        // Servers tell little about a model, and some nothing; what they tell marks it.
        let models = match self.server.get::<Models>(&self.path("models")).await {
            Ok(models) => models.data,
            Err(_) => Vec::new(),
        };
        let model = models.into_iter().find(|model| model.id == self.model);
        let meta = model.as_ref().and_then(|model| model.meta.as_ref());
        let window = model.as_ref().and_then(|model| model.max_model_len);
        let window = window.or_else(|| meta?.n_ctx_train).unwrap_or(WINDOW_ASSUMED);
        let marks = (meta.and_then(|meta| meta.size), meta.and_then(|meta| meta.n_params));
        let mark = format!("{}|{called}|{dimension}|{marks:?}", self.model);
        Ok(ModelCard {
            name: format!("openai:{}", self.model),
            digest: hex::encode(Sha256::digest(mark.as_bytes())) + &self.prompts.fingerprint(),
            dimension,
            tokens_max: window,
        })
    }
}

#[async_trait::async_trait]
impl Embedder for OpenAi {
    async fn card(&self) -> Result<ModelCard, EmbeddingError> {
        let mut kept = self.card.lock().await;
        let now = self.clock.elapsed();
        if let Some((at, card)) = &*kept
            && now.saturating_sub(*at) < CARD_KEPT
        {
            return Ok(card.clone());
        }
        let card = self.fresh_card().await?;
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
        let texts = self.prompts.before(texts, purpose);
        let mut all = Vec::with_capacity(texts.len());
        for batch in batches(&texts) {
            match self.batch(batch, card.dimension).await {
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
