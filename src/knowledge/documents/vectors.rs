//! Vectors of chunks: those that the index has already, and those that the model makes.

use std::collections::HashMap;

use uuid::Uuid;

use super::model::{ChunkRecord, IndexVersion};
use super::service::Documents;
use super::stop::Stop;
use super::store::versions;
use super::store::versions::State;
use crate::knowledge::embedding::{EmbeddingError, Purpose};

impl Documents {
    /// Vectors of chunks, in order; absent where the version has none, or the model is away or another one now.
    pub(super) async fn vectors(
        &self,
        batch: &[ChunkRecord],
        version: &IndexVersion,
        strict: bool,
    ) -> Result<Option<Vec<Vec<f32>>>, Stop> {
        if version.dimension.is_none() {
            return Ok(None);
        }
        let mut known = self.known(batch, version).await;
        let is_new = |chunk: &&ChunkRecord| !known.contains_key(&chunk.chunk_id);
        let new: Vec<&ChunkRecord> = batch.iter().filter(is_new).collect();
        let ids: Vec<Uuid> = new.iter().map(|chunk| chunk.chunk_id).collect();
        let texts: Vec<String> = new.iter().map(|chunk| chunk.search_text.clone()).collect();
        let Some(made) = self.made(&texts, version, strict).await? else { return Ok(None) };
        known.extend(ids.into_iter().zip(made));
        Ok(batch.iter().map(|chunk| known.remove(&chunk.chunk_id)).collect())
    }

    /// What the version that answers has of these chunks, where it was made with the same model: a chunk's text never
    /// changes, and a model takes its time.
    async fn known(
        &self,
        batch: &[ChunkRecord],
        version: &IndexVersion,
    ) -> HashMap<Uuid, Vec<f32>> {
        let ids: Vec<Uuid> = batch.iter().map(|chunk| chunk.chunk_id).collect();
        let looked = async {
            let mut conn = self.db().conn().await?;
            let active = versions::in_state(&mut conn, State::Active).await?;
            drop(conn);
            let other = active.filter(|active| {
                active.version != version.version
                    && active.digest == version.digest
                    && active.dimension == version.dimension
            });
            match other {
                Some(other) => Ok(self.engine().vectors(other.version, &ids).await?),
                None => Ok::<_, super::error::DocumentsError>(HashMap::new()),
            }
        };
        looked.await.unwrap_or_else(|error| {
            tracing::debug!(%error, "Vectors are made anew, because {error}");
            HashMap::new()
        })
    }

    /// Vectors of texts, in order; none are asked for where there are no texts.
    async fn made(
        &self,
        texts: &[String],
        version: &IndexVersion,
        strict: bool,
    ) -> Result<Option<Vec<Vec<f32>>>, Stop> {
        if texts.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let embedding = &self.0.needs.embedding;
        let made = async {
            let card = embedding.card().await?;
            if !version.is_of(card.as_ref().map(|card| card.digest.as_str())) {
                return Ok(None);
            }
            embedding.embed(texts, Purpose::Passage).await
        };
        let made = made.await.and_then(|made| match made {
            Some(made) if made.len() != texts.len() => {
                let why = format!("it made {} vectors of {} texts", made.len(), texts.len());
                Err(EmbeddingError::Unusable(why))
            }
            made => Ok(made),
        });
        match made {
            Ok(None) if strict => {
                Err(Stop::Later(anyhow::anyhow!("the embedding model is another one meanwhile")))
            }
            Ok(made) => Ok(made),
            Err(error) if strict => Err(Stop::Later(error.into())),
            Err(error) => {
                let version = version.version;
                tracing::warn!(version, %error, "Chunks go into the index without vectors: {error}");
                Ok(None)
            }
        }
    }
}
