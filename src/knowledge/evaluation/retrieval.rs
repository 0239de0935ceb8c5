//! Rankings of a dataset's passages, held against its judgements.

use std::time::Duration;

use chrono::DateTime;
use serde::Serialize;
use uuid::Uuid;

use super::dataset::{Dataset, Judged};
use super::error::EvaluationError;
use crate::algorithms::retrieval::{
    Compounds, Everyday, Fusion, Language, Words, fuse, ndcg_at, recall_at, reciprocal_rank,
    sentences,
};
use crate::base::timeline::Clock;
use crate::knowledge::embedding::{Embedding, Purpose};
use crate::knowledge::index::{Collection, Engine, Filter, Hit, Point, Search, SparseVector};

/// Version of the index that passages of a dataset are laid into: its folder holds nothing else.
const VERSION: u32 = 1;
/// Passages that are embedded and stored at once.
const BATCH: usize = 64;
/// Passages of a ranking; enough for every measure and for fusing.
const RANKED: usize = 100;

/// How passages are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RetrievalMode {
    /// BM25 by the question's own words alone, as Lucene does it.
    Plain,
    /// BM25 with compounds and other names of the same thing, as questions are asked.
    Words,
    /// By meaning alone.
    Dense,
    /// Both, fused.
    Hybrid,
}

impl RetrievalMode {
    /// The name in commands and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Words => "words",
            Self::Dense => "dense",
            Self::Hybrid => "hybrid",
        }
    }

    const fn needs_model(self) -> bool {
        matches!(self, Self::Dense | Self::Hybrid)
    }
}

impl std::str::FromStr for RetrievalMode {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = [Self::Plain, Self::Words, Self::Dense, Self::Hybrid]
            .into_iter()
            .find(|mode| mode.name() == name);
        known.ok_or_else(|| format!("'{name}' is none of plain, words, dense, hybrid"))
    }
}

/// What is measured with.
#[derive(Clone, Copy)]
pub struct Bench<'a> {
    /// An engine with nothing in it.
    pub engine: &'a dyn Engine,
    /// What makes vectors, or nothing.
    pub embedding: &'a Embedding,
    /// How both lists become one.
    pub fusion: Fusion,
    /// Measures how long a question takes.
    pub clock: &'a Clock,
}

/// How a mode did; means over the questions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModeReport {
    /// Which one.
    pub mode: RetrievalMode,
    /// nDCG of the first ten.
    pub ndcg_at_10: f64,
    /// Share of what is relevant among the first twenty.
    pub recall_at_20: f64,
    /// Mean reciprocal rank.
    pub mrr: f64,
    /// Median time of a question, with making its vector.
    pub p50_ms: f64,
    /// 95 of 100 questions are faster.
    pub p95_ms: f64,
}

/// How a dataset's passages were found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RetrievalReport {
    /// The dataset.
    pub dataset: String,
    /// Its passages.
    pub passages: usize,
    /// Its judged questions.
    pub questions: usize,
    /// What made vectors.
    pub embedder: Option<String>,
    /// Average terms of a passage.
    pub average_terms: f64,
    /// One row a mode.
    pub modes: Vec<ModeReport>,
}

/// Lays the passages into the engine, asks every question in every mode, and compares with the judgements.
pub async fn rank_all(
    dataset: &Dataset,
    modes: &[RetrievalMode],
    bench: Bench<'_>,
) -> Result<RetrievalReport, EvaluationError> {
    let card = bench.embedding.card().await?;
    let with_vectors = modes.iter().any(|mode| mode.needs_model());
    if with_vectors && card.is_none() {
        return Err(EvaluationError::NoModel);
    }
    let card = card.filter(|_| with_vectors);
    let laid = Laid::new(dataset);
    let dimension = card.as_ref().map(|card| card.dimension);
    bench.engine.create(&Collection { version: VERSION, dimension }).await?;
    for first in (0..dataset.passages.len()).step_by(BATCH) {
        let points =
            laid.points(first, bench.embedding, card.as_ref().map(|card| card.tokens_max)).await?;
        bench.engine.put(VERSION, points).await?;
    }
    bench.engine.settle(VERSION).await?;
    let everyday = match card {
        Some(_) => bench.embedding.everyday().await?,
        None => None,
    };
    let mut reports = Vec::with_capacity(modes.len());
    for mode in modes {
        reports.push(laid.measure(*mode, bench, everyday.as_ref()).await?);
    }
    Ok(RetrievalReport {
        dataset: dataset.name.clone(),
        passages: dataset.passages.len(),
        questions: dataset.questions.len(),
        embedder: card.map(|card| card.name),
        average_terms: laid.words.average_terms,
        modes: reports,
    })
}

/// A dataset with its words.
struct Laid<'a> {
    dataset: &'a Dataset,
    texts: Vec<String>,
    languages: Vec<Language>,
    words: Words,
}

impl<'a> Laid<'a> {
    fn new(dataset: &'a Dataset) -> Self {
        let texts: Vec<String> =
            dataset.passages.iter().map(super::dataset::Passage::whole).collect();
        let languages: Vec<Language> =
            texts.iter().map(|text| Language::detect(text).unwrap_or(Language::English)).collect();
        let mut compounds = Compounds::built_in();
        compounds.learn(texts.iter().map(String::as_str));
        let lengths = texts
            .iter()
            .zip(&languages)
            .map(|(text, language)| Words::length(text, *language) as f64);
        let average_terms = lengths.sum::<f64>() / texts.len() as f64;
        Self { dataset, texts, languages, words: Words { average_terms, compounds } }
    }

    /// Points of some passages, from `first` on.
    async fn points(
        &self,
        first: usize,
        embedding: &Embedding,
        tokens_max: Option<usize>,
    ) -> Result<Vec<Point>, EvaluationError> {
        let range = first..(first + BATCH).min(self.texts.len());
        let vectors = match tokens_max {
            Some(tokens_max) => {
                let fitting = |index: usize| fitting(&self.texts[index], embedding, tokens_max);
                let texts: Vec<String> = range.clone().map(fitting).collect();
                embedding.embed(&texts, Purpose::Passage).await?.unwrap_or_default()
            }
            None => Vec::new(),
        };
        let mut vectors = vectors.into_iter();
        let point = |index: usize| {
            let (indices, values) = self.words.passage(&self.texts[index], self.languages[index]);
            Point {
                chunk_id: identifier(index),
                item_id: identifier(index),
                chunk_idx: 0,
                ts: DateTime::UNIX_EPOCH,
                tags: Vec::new(),
                source: String::new(),
                lang: self.languages[index].code().to_owned(),
                words: SparseVector { indices, values },
                dense: vectors.next(),
            }
        };
        Ok(range.map(point).collect())
    }

    async fn measure(
        &self,
        mode: RetrievalMode,
        bench: Bench<'_>,
        everyday: Option<&Everyday>,
    ) -> Result<ModeReport, EvaluationError> {
        let questions = &self.dataset.questions;
        let (mut ndcg, mut recall, mut mrr) = (0.0, 0.0, 0.0);
        let mut took = Vec::with_capacity(questions.len());
        for question in questions {
            let started = bench.clock.elapsed();
            let ranked = self.ranked(mode, &question.text, bench, everyday).await?;
            took.push(bench.clock.elapsed().saturating_sub(started));
            let ranked: Vec<String> =
                ranked.into_iter().map(|index| self.dataset.passages[index].id.clone()).collect();
            let Judged { gains, .. } = question;
            ndcg += ndcg_at(&ranked, gains, 10);
            recall += recall_at(&ranked, gains, 20);
            mrr += reciprocal_rank(&ranked, gains);
        }
        let all = questions.len() as f64;
        let (p50_ms, p95_ms) = percentiles(took);
        Ok(ModeReport {
            mode,
            ndcg_at_10: ndcg / all,
            recall_at_20: recall / all,
            mrr: mrr / all,
            p50_ms,
            p95_ms,
        })
    }

    /// Places of passages, best first.
    async fn ranked(
        &self,
        mode: RetrievalMode,
        question: &str,
        bench: Bench<'_>,
        everyday: Option<&Everyday>,
    ) -> Result<Vec<usize>, EvaluationError> {
        let language = Language::detect(question);
        let weights = match mode {
            RetrievalMode::Dense => None,
            RetrievalMode::Plain => {
                Some(Words::plain_query(question, language.unwrap_or(self.languages[0])))
            }
            RetrievalMode::Words | RetrievalMode::Hybrid => {
                Some(self.words.query(question, language))
            }
        };
        let words = weights
            .filter(|(indices, _)| !indices.is_empty())
            .map(|(indices, values)| SparseVector { indices, values });
        let dense = if mode.needs_model() {
            let made = bench.embedding.embed(&[question.to_owned()], Purpose::Query).await?;
            made.and_then(|mut vectors| vectors.pop())
        } else {
            None
        };
        if words.is_none() && dense.is_none() {
            return Ok(Vec::new());
        }
        let search = Search { words, dense, filter: Filter::default(), limit: RANKED };
        let found = bench.engine.search(VERSION, search).await?;
        let list = |hits: &[Hit]| -> Vec<(Uuid, f32)> {
            hits.iter().map(|hit| (hit.chunk_id, hit.score)).collect()
        };
        let (words, mut dense) = (list(&found.words), list(&found.dense));
        let mut fusion = bench.fusion;
        if let Some(everyday) = everyday {
            let of = |id: &Uuid| place(*id).and_then(|place| self.languages.get(place).copied());
            if let Fusion::MinMax { dense_share } = &mut fusion {
                *dense_share = everyday.share(*dense_share, language, &dense, of);
            }
            dense = everyday.levelled(language, dense, of);
        }
        let fused = fuse(&words, &dense, fusion);
        Ok(fused
            .into_iter()
            .filter_map(|(id, _)| place(id))
            .filter(|place| *place < self.texts.len())
            .collect())
    }
}

/// The beginning of a text, by sentences, that the model sees whole.
fn fitting(text: &str, embedding: &Embedding, tokens_max: usize) -> String {
    if embedding.tokens(text) <= tokens_max {
        return text.to_owned();
    }
    let language = Language::detect(text).unwrap_or(Language::English);
    let ends = sentences(text, language).into_iter().map(|span| span.end);
    let blanks = text.match_indices(' ').map(|(at, _)| at);
    let longest = |ends: &mut dyn Iterator<Item = usize>| {
        ends.take_while(|end| embedding.tokens(&text[..*end]) <= tokens_max).last()
    };
    let end = longest(&mut ends.into_iter()).or_else(|| longest(&mut blanks.into_iter()));
    text[..end.unwrap_or(0)].to_owned()
}

fn identifier(index: usize) -> Uuid {
    Uuid::from_u128(index as u128 + 1)
}

fn place(id: Uuid) -> Option<usize> {
    usize::try_from(id.as_u128()).ok()?.checked_sub(1)
}

/// Median and 95th percentile in milliseconds.
pub(super) fn percentiles(mut took: Vec<Duration>) -> (f64, f64) {
    took.sort_unstable();
    let at = |share: usize| {
        took.get((took.len() * share / 100).min(took.len().saturating_sub(1)))
            .map_or(0.0, |one| one.as_secs_f64() * 1e3)
    };
    (at(50), at(95))
}
