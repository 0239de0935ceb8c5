//! What whoever looks for passages needs: the index, the vectors, many documents at once.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use super::error::DocumentsError;
use super::model::{ItemRecord, Status};
use super::service::{Documents, reads_only};
use super::store::{chunks, items};
use crate::algorithms::retrieval::Language;
use crate::knowledge::embedding::Embedding;
use crate::knowledge::index::Engine;
use crate::platform::web::Role;

impl Documents {
    /// The index; only one engine may hold the folder in which it lies.
    pub fn index(&self) -> Arc<dyn Engine> {
        Arc::clone(&self.0.needs.engine)
    }

    /// What makes vectors of texts.
    pub fn embedding(&self) -> Embedding {
        self.0.needs.embedding.clone()
    }

    /// Languages of chunks, of those where it was told.
    pub async fn chunk_languages(
        &self,
        chunk_ids: &[Uuid],
    ) -> Result<HashMap<Uuid, Language>, DocumentsError> {
        if chunk_ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut conn = self.db().conn().await?;
        let rows = chunks::languages(&mut conn, chunk_ids).await?;
        let told = |(id, code): (Uuid, String)| Some((id, Language::parse(&code)?));
        Ok(rows.into_iter().filter_map(told).collect())
    }

    /// Those of `item_ids` that somebody in this role may read, with one statement.
    pub async fn readable_all(
        &self,
        item_ids: &[Uuid],
        role: Role,
    ) -> Result<Vec<ItemRecord>, DocumentsError> {
        if item_ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut conn = self.db().conn().await?;
        let mut found = items::by_id(&mut conn, item_ids).await?;
        found.retain(|item| self.may_read(item, role));
        Ok(found)
    }

    /// Whether somebody in this role may read a document: what is ready, and what is approved where that
    /// is asked.
    pub(super) fn may_read(&self, item: &ItemRecord, role: Role) -> bool {
        let is_visible = item.approved_at.is_some() || !self.needs_approval(role);
        !reads_only(role) || item.status == Status::Ready && is_visible
    }
}
