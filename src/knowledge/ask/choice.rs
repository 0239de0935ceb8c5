//! The choice of sentences: by their words first, the best of them once more by their meaning.

use std::sync::Arc;

use super::error::AskError;
use super::library::{Found, Hit};
use super::meaning::{LETTERS_COMPARED, Meaning, SENTENCES_COMPARED};
use crate::algorithms::retrieval::{Ask, Language, Passage, Selection, Shortlist, Words};
use crate::platform::runtime::CpuPool;

/// Some of the passages found, as sentences are chosen among them.
pub(super) struct Material {
    question: String,
    language: Option<Language>,
    words: Arc<Words>,
    texts: Vec<Text>,
}

struct Text {
    document: usize,
    body: String,
    heading: String,
    score: f32,
    dense_score: Option<f32>,
}

impl Text {
    fn passage(&self) -> Passage<'_> {
        Passage {
            document: self.document,
            text: &self.body,
            heading: &self.heading,
            score: self.score,
            dense_score: self.dense_score,
        }
    }
}

/// The sentences of passages, best first.
pub(super) struct Choice {
    material: Arc<Material>,
    shortlist: Shortlist,
    /// How many of them were compared by meaning.
    pub compared: usize,
}

impl Material {
    /// The passages at these places.
    pub fn of(question: &str, found: &Found, places: &[usize]) -> Self {
        let mut documents = Vec::new();
        let mut text = |hit: &Hit| {
            let known = documents.iter().position(|id| *id == hit.item.item_id);
            let document = known.unwrap_or_else(|| {
                documents.push(hit.item.item_id);
                documents.len() - 1
            });
            // What is searched is the text with what stands above it.
            let above = hit.chunk.search_text.strip_suffix(&hit.chunk.text);
            Text {
                document,
                body: hit.chunk.text.clone(),
                heading: above.unwrap_or_default().trim_end().to_owned(),
                score: hit.scores.score,
                dense_score: hit.scores.dense_score,
            }
        };
        Self {
            question: question.to_owned(),
            language: found.language,
            words: Arc::clone(&found.words),
            texts: places.iter().map(|place| text(&found.hits[*place])).collect(),
        }
    }

    fn passages(&self) -> Vec<Passage<'_>> {
        self.texts.iter().map(Text::passage).collect()
    }

    /// Sentences by their words, and, with `meaning`, the best of them by that.
    pub async fn choose(
        self,
        pool: &CpuPool,
        meaning: Option<&Meaning>,
    ) -> Result<Choice, AskError> {
        let material = Arc::new(self);
        let read = Arc::clone(&material);
        let by_words = pool.run("documents.select", move || {
            let ask = Ask { question: &read.question, language: read.language, words: &read.words };
            Shortlist::of(&ask, &read.passages())
        });
        let choice = Choice { shortlist: by_words.await?, material, compared: 0 };
        Ok(match meaning {
            Some(meaning) => choice.by(meaning).await,
            None => choice,
        })
    }
}

impl Choice {
    async fn by(self, meaning: &Meaning) -> Self {
        let passages = self.material.passages();
        let texts = self.shortlist.texts(&passages, SENTENCES_COMPARED, LETTERS_COMPARED);
        match meaning.standings(&texts, self.material.language).await {
            Ok(standings) if standings.len() == texts.len() => Self {
                shortlist: self.shortlist.compared(&standings),
                compared: standings.len(),
                material: self.material,
            },
            Ok(_) => self,
            Err(why) => {
                tracing::warn!("Sentences are chosen by their words alone, because {why}");
                self
            }
        }
    }

    /// The best `quotes_max` of them; passages by their places in the material.
    pub fn selection(&self, quotes_max: usize) -> Selection {
        self.shortlist.choose(&self.material.passages(), quotes_max)
    }

    /// The passages in the order of their best sentences, by their places in the material, all of them.
    pub fn order(&self) -> Vec<usize> {
        let mut order = self.shortlist.passages();
        let rest: Vec<usize> =
            (0..self.material.texts.len()).filter(|place| !order.contains(place)).collect();
        order.extend(rest);
        order
    }
}
