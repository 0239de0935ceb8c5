//! Passages weighed in memory, straight from the database: those of versions that newer ones have
//! replaced, which are not in the index, and all of them while the index is away.

use super::error::AskError;
use super::library::{Library, Ranked, Weights};
use super::model::SearchRequest;
use crate::algorithms::retrieval::{Exact, Language, Words};
use crate::knowledge::documents::{ChunkRecord, ItemFilter, ItemRecord, Status};
use crate::platform::web::Role;

/// Documents of one look at the list.
const LIST: i64 = 1_000;
/// Passages of one document.
const CHUNKS_MAX: i64 = 5_000;

/// Which documents are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// Those that speak at present.
    Present,
    /// Versions that newer ones have replaced.
    Replaced,
}

impl Which {
    /// Documents that are read for one question, the newest first.
    const fn documents_max(self) -> usize {
        match self {
            Self::Present => 300,
            Self::Replaced => 50,
        }
    }

    /// Passages of all of them: so many are weighed within a second.
    const PASSAGES_MAX: usize = 20_000;
}

impl Library {
    /// Passages by their words, best first, and how many documents were not read because there are too
    /// many.
    pub(super) async fn exact(
        &self,
        which: Which,
        request: &SearchRequest,
        role: Role,
        (words, weights): (&Words, &Weights),
        limit: usize,
    ) -> Result<(Ranked, usize), AskError> {
        let filter = ItemFilter {
            status: Some(Status::Ready),
            with_superseded: which == Which::Replaced,
            ..ItemFilter::default()
        };
        let mut items = self.documents.list(&filter, role, LIST).await?;
        let is_replaced = which == Which::Replaced;
        items
            .retain(|item| item.superseded_at.is_some() == is_replaced && is_wanted(item, request));
        let language = request.filters.language.map(|it| it.language().code());
        let (mut chunks, mut read): (Vec<ChunkRecord>, usize) = (Vec::new(), 0);
        for item in items.iter().take(which.documents_max()) {
            if chunks.len() >= Which::PASSAGES_MAX {
                break;
            }
            let all = self.documents.chunks(item.item_id, -1, CHUNKS_MAX).await?;
            chunks.extend(all.into_iter().filter(|it| language.is_none_or(|code| it.lang == code)));
            read += 1;
        }
        let mut exact = Exact::default();
        for chunk in &chunks {
            let language = Language::parse(&chunk.lang).unwrap_or(Language::German);
            exact.add(&words.passage(&chunk.search_text, language));
        }
        let found = exact.search(weights, limit).into_iter();
        let ranked = found.map(|(index, score)| (chunks[index].chunk_id, score)).collect();
        Ok((ranked, items.len() - read))
    }
}

fn is_wanted(item: &ItemRecord, request: &SearchRequest) -> bool {
    let filters = &request.filters;
    let among = filters.documents.is_empty() || filters.documents.contains(&item.item_id);
    among && (filters.tags.is_empty() || item.tags.iter().any(|tag| filters.tags.contains(tag)))
}
