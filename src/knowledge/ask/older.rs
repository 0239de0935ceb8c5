//! Versions that newer ones have replaced: they are not in the index, so their passages are weighed here.

use super::error::AskError;
use super::library::{Library, Ranked};
use super::model::SearchRequest;
use crate::algorithms::retrieval::{Exact, Language, Words};
use crate::knowledge::documents::{ChunkRecord, ItemFilter, ItemRecord, Status};
use crate::platform::web::Role;

/// Earlier versions that are read for one question, the newest of them first.
const VERSIONS_MAX: usize = 50;
/// Documents of one look at the list.
const LIST: i64 = 1_000;
/// Passages of one version.
const CHUNKS_MAX: i64 = 5_000;

impl Library {
    /// Passages of earlier versions by their words, and a sentence where not all of them were read.
    pub(super) async fn older(
        &self,
        request: &SearchRequest,
        role: Role,
        (words, weights): (&Words, &(Vec<u32>, Vec<f32>)),
        limit: usize,
    ) -> Result<(Ranked, Option<String>), AskError> {
        let filter = ItemFilter {
            status: Some(Status::Ready),
            with_superseded: true,
            ..ItemFilter::default()
        };
        let mut items = self.documents.list(&filter, role, LIST).await?;
        items.retain(|item| item.superseded_at.is_some() && is_wanted(item, request));
        let left_out = items.len().saturating_sub(VERSIONS_MAX);
        let language = request.filters.language.map(|it| it.language().code());
        let mut chunks: Vec<ChunkRecord> = Vec::new();
        for item in items.iter().take(VERSIONS_MAX) {
            let all = self.documents.chunks(item.item_id, -1, CHUNKS_MAX).await?;
            chunks.extend(all.into_iter().filter(|it| language.is_none_or(|code| it.lang == code)));
        }
        let mut exact = Exact::default();
        for chunk in &chunks {
            let language = Language::parse(&chunk.lang).unwrap_or(Language::German);
            exact.add(&words.passage(&chunk.search_text, language));
        }
        let found = exact.search(weights, limit).into_iter();
        let ranked = found.map(|(index, score)| (chunks[index].chunk_id, score)).collect();
        let note = format!("{left_out} earlier versions were not looked at; name the document");
        Ok((ranked, (left_out > 0).then_some(note)))
    }
}

fn is_wanted(item: &ItemRecord, request: &SearchRequest) -> bool {
    let filters = &request.filters;
    let among = filters.documents.is_empty() || filters.documents.contains(&item.item_id);
    among && (filters.tags.is_empty() || item.tags.iter().any(|tag| filters.tags.contains(tag)))
}
