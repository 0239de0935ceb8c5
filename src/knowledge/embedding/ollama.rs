//! Vectors from an Ollama server.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::model::{EmbeddingError, ModelCard, Purpose};
use super::prompts::Prompts;
use super::remote::Dialect;
use super::served::{Refusal, Server, judged};
use super::settings::Settings;
use crate::base::timeline::Clock;

/// Tokens that a server of its default settings takes in, whatever the model could.
const WINDOW_MAX: usize = 4_096;
/// Tokens of a model that does not tell.
const WINDOW_ASSUMED: usize = 512;

/// A model at an Ollama server.
pub(super) struct Ollama {
    server: Server,
    model: String,
    prompts: Prompts,
}

#[derive(Deserialize)]
struct Embedded {
    embeddings: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    model_info: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Tags {
    #[serde(default)]
    models: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    #[serde(default)]
    digest: String,
}

impl Ollama {
    pub fn new(settings: &Settings, clock: Clock) -> Self {
        let model = settings.model.as_deref().unwrap_or_default().trim().to_owned();
        Self {
            server: Server::new(settings, clock),
            prompts: Prompts::new(settings, &model, None),
            model,
        }
    }

    async fn ask(
        &self,
        texts: &[String],
        dimension: Option<usize>,
        truncate: bool,
    ) -> Result<Vec<Vec<f32>>, Refusal> {
        let body = json!({"model": self.model, "input": texts, "truncate": truncate});
        let embedded: Embedded = self.server.post("/api/embed", &body).await?;
        judged(embedded.embeddings, texts.len(), dimension).map_err(Refusal::Failed)
    }

    fn error(&self, refused: Refusal) -> EmbeddingError {
        let (url, model) = (self.server.url(), &self.model);
        match refused {
            Refusal::Said(404, _) => EmbeddingError::Unusable(format!(
                "the Ollama at {url} has no model {model}; fetch it with `ollama pull {model}`"
            )),
            Refusal::Said(_, said) if said.contains("does not support embeddings") => {
                EmbeddingError::Unusable(format!(
                    "{model} makes no vectors; name a model that does, e.g. nomic-embed-text or bge-m3"
                ))
            }
            other => other.into_error(&self.server),
        }
    }
}

#[async_trait::async_trait]
impl Dialect for Ollama {
    fn prompts(&self) -> &Prompts {
        &self.prompts
    }

    async fn fresh_card(&self) -> Result<ModelCard, EmbeddingError> {
        let shown: Shown = self
            .server
            .post("/api/show", &json!({"model": self.model}))
            .await
            .map_err(|refused| self.error(refused))?;
        let tags: Tags =
            self.server.get("/api/tags").await.map_err(|refused| self.error(refused))?;
        let latest = format!("{}:latest", self.model);
        let tag = tags.models.into_iter().find(|tag| tag.name == self.model || tag.name == latest);
        let digest = tag.map(|tag| tag.digest).filter(|digest| !digest.is_empty());
        let window = shown
            .model_info
            .iter()
            .find(|(key, _)| key.ends_with(".context_length"))
            .and_then(|(_, value)| usize::try_from(value.as_u64()?).ok());
        // The declared length of vectors is not always the one that comes out, so it is measured.
        let probe = self.prompts.before(&["Luna".to_owned()], Purpose::Passage);
        let measured = self.batch(&probe, None, Purpose::Passage).await?;
        let prompts = self.prompts.fingerprint();
        Ok(ModelCard {
            name: format!("ollama:{}", self.model),
            digest: digest.unwrap_or_else(|| "unknown".to_owned()) + &prompts,
            dimension: measured.first().map_or(0, Vec::len),
            tokens_max: window.unwrap_or(WINDOW_ASSUMED).min(WINDOW_MAX),
        })
    }

    async fn batch(
        &self,
        texts: &[String],
        dimension: Option<usize>,
        purpose: Purpose,
    ) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let refused = match self.ask(texts, dimension, purpose == Purpose::Query).await {
            Err(refused) if refused.is_too_long() => refused,
            other => return other.map_err(|refused| self.error(refused)),
        };
        let model = &self.model;
        tracing::warn!(
            model,
            "A text is longer than what {model} sees; its end has no part in its vector"
        );
        metrics::counter!("luna_embedding_cut_total").increment(1);
        drop(refused);
        self.ask(texts, dimension, true).await.map_err(|refused| self.error(refused))
    }
}
