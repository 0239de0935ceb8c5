//! What a model's vectors say about a question: how far they count, and which sentences come near it.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::algorithms::retrieval::{Everyday, Language, cosine};
use crate::knowledge::embedding::{Embedding, EmbeddingError, Purpose};

/// Sentences whose meaning is compared with the question's; more would cost time and find no more.
pub(super) const SENTENCES_COMPARED: usize = 12;
/// Letters of a sentence with its neighbours that are compared; longer ones cost time and find no more.
pub(super) const LETTERS_COMPARED: usize = 600;

/// What the present model makes of everyday questions and answers; they are embedded once for each model.
#[derive(Clone, Default)]
pub(super) struct Seen(Arc<Mutex<Option<ByModel>>>);

struct ByModel {
    digest: String,
    everyday: Arc<Everyday>,
}

impl Seen {
    /// Of the model with this digest.
    pub async fn by(
        &self,
        embedding: &Embedding,
        digest: &str,
    ) -> Result<Arc<Everyday>, EmbeddingError> {
        let mut seen = self.0.lock().await;
        if let Some(known) = seen.as_ref().filter(|known| known.digest == digest) {
            return Ok(Arc::clone(&known.everyday));
        }
        let missing = || EmbeddingError::Unusable("the model left texts out".to_owned());
        let everyday = Arc::new(embedding.everyday().await?.ok_or_else(missing)?);
        *seen = Some(ByModel { digest: digest.to_owned(), everyday: Arc::clone(&everyday) });
        Ok(everyday)
    }
}

/// A question as the model sees it.
#[derive(Clone)]
pub(super) struct Meaning {
    pub vector: Vec<f32>,
    pub everyday: Arc<Everyday>,
    pub embedding: Embedding,
}

impl Meaning {
    /// How near the question, asked in `language`, texts lie, in order ([`Everyday::standing`]).
    pub async fn standings(
        &self,
        texts: &[String],
        language: Option<Language>,
    ) -> Result<Vec<f64>, EmbeddingError> {
        let vectors = self.embedding.embed(texts, Purpose::Passage).await?.unwrap_or_default();
        let standing = |(text, vector): (&String, &Vec<f32>)| {
            let cosine = cosine(&self.vector, vector);
            self.everyday.standing(cosine, language, Language::detect(text))
        };
        Ok(texts.iter().zip(&vectors).map(standing).collect())
    }
}
