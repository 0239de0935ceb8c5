//! The face of all embedders.

/// What a text is embedded for; some models want to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A passage that is to be found.
    Passage,
    /// A question.
    Query,
}

/// What makes two vectors comparable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCard {
    /// Name of the model with its provider, such as `ollama:nomic-embed-text` or `file:all-minilm-l6-v2`.
    pub name: String,
    /// Sha256 of the weights or the provider's digest: another one means other vectors.
    pub digest: String,
    /// Numbers of a vector.
    pub dimension: usize,
    /// Tokens of a text that the model sees; longer ones are cut by the chunker, never by the model.
    pub tokens_max: usize,
}

/// Why there are no vectors.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddingError {
    /// The server is away, busy or refuses; another attempt may go well.
    #[error("the embedding model is not available: {0}")]
    Unavailable(String),
    /// The model does not do what was asked.
    #[error("the embedding model cannot be used: {0}")]
    Unusable(String),
}

/// Makes vectors out of texts. Implementations do their work off the web workers.
#[async_trait::async_trait]
pub trait Embedder: Send + Sync {
    /// The model at present; for a served one it is asked when first needed.
    async fn card(&self) -> Result<ModelCard, EmbeddingError>;

    /// One vector of length 1 (L2) per text, in order.
    async fn embed(
        &self,
        texts: &[String],
        purpose: Purpose,
    ) -> Result<Vec<Vec<f32>>, EmbeddingError>;

    /// Tokens of `text` as the model counts them; an upper estimate where its tokenizer is not at hand.
    fn tokens(&self, text: &str) -> usize;
}
