//! Vectors from a server with the API of `OpenAI`: llama.cpp, vLLM, LM Studio and others.

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::model::{EmbeddingError, ModelCard, Purpose};
use super::prompts::Prompts;
use super::remote::Dialect;
use super::served::{Refusal, Server, judged};
use super::settings::Settings;
use crate::base::timeline::Clock;

/// Tokens of a model that does not tell.
const WINDOW_ASSUMED: usize = 512;
/// Shortest text that a text which is too long is cut to, in letters.
const CUT_MIN: usize = 100;

/// A model at a server.
pub(super) struct OpenAi {
    server: Server,
    model: String,
    prompts: Prompts,
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
            server: Server::new(settings, clock),
            prompts: Prompts::new(settings, &model, None),
            model,
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
}

#[async_trait::async_trait]
impl Dialect for OpenAi {
    fn prompts(&self) -> &Prompts {
        &self.prompts
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

    /// A text that is longer than the model's window is cut to half until it fits.
    async fn batch(
        &self,
        texts: &[String],
        dimension: Option<usize>,
        _: Purpose,
    ) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        match self.ask(texts, dimension).await {
            Ok((vectors, _)) => return Ok(vectors),
            Err(refused) if refused.is_too_long() => {}
            Err(refused) => return Err(self.error(refused)),
        }
        let mut all = Vec::with_capacity(texts.len());
        for text in texts {
            let mut text = text.clone();
            loop {
                match self.ask(std::slice::from_ref(&text), dimension).await {
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
}
