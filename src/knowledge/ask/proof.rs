//! Quotes out of stretches of passages, each compared with the stored text before it leaves.

use std::collections::HashMap;
use std::ops::Range;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::error::AskError;
use super::library::{Hit, Library};
use super::model::{ChunkUse, Origin, PassageView, Quote};
use crate::algorithms::retrieval::{self, CharOffsets, instruction_like};
use crate::knowledge::documents::{DocumentsError, ItemRecord, StoredText};

/// Letters that are shown before and behind a quote.
const CONTEXT_LETTERS: usize = 240;

/// Stored texts, read anew for each answer.
pub(super) struct Proof {
    texts: HashMap<Uuid, (StoredText, CharOffsets)>,
    /// Quotes whose words do not stand where they should.
    pub dropped: u32,
}

impl Proof {
    /// The stored texts behind `hits`.
    pub async fn of(library: &Library, hits: &[Hit]) -> Result<Self, AskError> {
        let mut proof = Self { texts: HashMap::new(), dropped: 0 };
        for hit in hits {
            match proof.add(library, hit.item.item_id).await {
                // A document that was deleted a moment ago proves nothing any more.
                Err(AskError::Documents(
                    DocumentsError::NotFound(_) | DocumentsError::NoText(..),
                )) => {}
                other => other?,
            }
        }
        Ok(proof)
    }

    /// Keeps those of `hits` that stand in the stored texts as they are; the others are counted.
    pub fn keep_sound(&mut self, hits: &mut Vec<Hit>) {
        hits.retain(|hit| self.quote(0, hit, 0..hit.chunk.text.len()).is_some());
    }

    /// The stored text of one document.
    pub async fn add(&mut self, library: &Library, item_id: Uuid) -> Result<(), AskError> {
        if self.texts.contains_key(&item_id) {
            return Ok(());
        }
        let text = library.documents.text_of(item_id).await?;
        let offsets = CharOffsets::new(&text.text);
        self.texts.insert(item_id, (text, offsets));
        Ok(())
    }

    /// The stored text of a document that was added.
    pub fn text(&self, item_id: Uuid) -> Option<&StoredText> {
        self.texts.get(&item_id).map(|(text, _)| text)
    }

    /// The quote that is `span` (in bytes) of the passage's text; absent, and counted, when the stored
    /// text says something else.
    pub fn quote(&mut self, id: u32, hit: &Hit, span: Range<usize>) -> Option<Quote> {
        let quote = self.proven(id, hit, span);
        if quote.is_none() {
            self.dropped += 1;
            metrics::counter!("luna_quotes_total", "outcome" => "dropped").increment(1);
            let item_id = hit.item.item_id;
            tracing::error!(%item_id, "A quote of document {item_id} does not stand in its text");
        } else {
            metrics::counter!("luna_quotes_total", "outcome" => "proven").increment(1);
        }
        quote
    }

    fn proven(&self, id: u32, hit: &Hit, span: Range<usize>) -> Option<Quote> {
        let text = hit.chunk.text.get(span.clone()).filter(|text| !text.trim().is_empty())?;
        let first = usize::try_from(hit.chunk.start_char).ok()?;
        let start = first + hit.chunk.text.get(..span.start)?.chars().count();
        let end = start + text.chars().count();
        self.stretch(id, &hit.item, (start, end), text).map(|quote| Quote {
            chunk_id: hit.chunk.chunk_id,
            section: hit.chunk.section.clone(),
            ..quote
        })
    }

    /// The quote of the letters `start` to `end` of a document, which must be `text`.
    pub fn stretch(
        &self,
        id: u32,
        item: &ItemRecord,
        (start, end): (usize, usize),
        text: &str,
    ) -> Option<Quote> {
        let (stored, offsets) = self.texts.get(&item.item_id)?;
        let claimed = retrieval::Quote {
            start_char: start,
            end_char: end,
            sha256: hex::encode(Sha256::digest(text.as_bytes())),
            text: text.to_owned(),
        };
        if !retrieval::prove(&stored.text, &claimed) {
            return None;
        }
        let bytes = offsets.to_bytes(start, end)?;
        let page = page_at(stored, bytes.start);
        Some(Quote {
            id,
            origin: origin(item),
            chunk_id: Uuid::nil(),
            page,
            section: Vec::new(),
            start,
            end,
            sha256: claimed.sha256,
            is_instruction_like: instruction_like(text),
            before: last_letters(stored.text.get(..bytes.start)?),
            after: first_letters(stored.text.get(bytes.end..)?),
            text: claimed.text,
        })
    }

    /// The whole passage with its scores.
    pub fn passage(&self, id: u32, hit: &Hit) -> Option<PassageView> {
        let quote = self.proven(id, hit, 0..hit.chunk.text.len())?;
        Some(PassageView {
            quote,
            chunk_idx: hit.chunk.chunk_idx,
            language: hit.chunk.lang.clone(),
            scores: hit.scores,
        })
    }
}

/// Page on which the letter at byte `at` stands.
fn page_at(stored: &StoredText, at: usize) -> i32 {
    let behind = stored.pages.partition_point(|page| page.span.start <= at);
    let number = behind.checked_sub(1).map_or(1, |index| stored.pages[index].number);
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Where a passage of `item` is from.
pub(super) fn origin(item: &ItemRecord) -> Origin {
    Origin {
        document_id: item.item_id,
        title: item.title.clone(),
        version: item.version,
        file_name: Some(item.file_name.clone()),
        source: item.source.clone(),
        added_at: item.created_at,
        is_superseded: item.superseded_at.is_some(),
    }
}

/// What an answer rests on.
pub(super) fn chunk_use(hit: &Hit) -> ChunkUse {
    ChunkUse {
        chunk_id: hit.chunk.chunk_id,
        document_id: hit.item.item_id,
        chunk_idx: hit.chunk.chunk_idx,
        page: hit.chunk.page,
        scores: hit.scores,
    }
}

/// The last letters of a text, from the beginning of a word on.
fn last_letters(text: &str) -> String {
    let from = text.char_indices().rev().nth(CONTEXT_LETTERS - 1).map_or(0, |(at, _)| at);
    let part = &text[from..];
    let cut = if from == 0 { 0 } else { part.find(char::is_whitespace).unwrap_or(0) };
    part[cut..].to_owned()
}

/// The first letters of a text, up to the end of a word.
fn first_letters(text: &str) -> String {
    let to = text.char_indices().nth(CONTEXT_LETTERS).map_or(text.len(), |(at, _)| at);
    let part = &text[..to];
    let cut = if to == text.len() { to } else { part.rfind(char::is_whitespace).unwrap_or(to) };
    part[..cut].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_a_quote_begins_and_ends_with_words() {
        let text = "Wärmepumpe ".repeat(60);
        let (before, after) = (last_letters(&text), first_letters(&text));
        assert!(before.trim_start().starts_with("Wärmepumpe") && before.chars().count() <= 240);
        assert!(after.ends_with("Wärmepumpe") && after.chars().count() <= 240);
        assert_eq!((last_letters("kurz"), first_letters("")), ("kurz".to_owned(), String::new()));
    }
}
