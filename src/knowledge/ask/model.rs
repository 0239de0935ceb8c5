//! Questions, passages, quotes and answers as programs see them.

use chrono::{DateTime, Utc};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::verify::Unsupported;
use crate::algorithms::retrieval::Language;

/// Longest question, in letters.
pub(super) const QUESTION_LETTERS_MAX: usize = 2_000;
/// Most passages that one question looks at.
pub(super) const PASSAGES_MAX: u8 = 50;
/// Most documents or tags of a filter.
pub(super) const FILTERS_MAX: usize = 100;

/// How a question is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AnswerMode)]
pub enum Mode {
    /// By quotes alone; no language model.
    #[default]
    Extractive,
    /// In sentences of a language model, each checked against the quotes it names.
    Written,
}

impl Mode {
    /// The name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Extractive => "extractive",
            Self::Written => "written",
        }
    }

    /// The mode of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Extractive, Self::Written].into_iter().find(|mode| mode.name() == name)
    }
}

impl std::str::FromStr for Mode {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::parse(name).ok_or_else(|| format!("'{name}' is none of extractive, written"))
    }
}

/// How the list by words and the list by meaning become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FusionName {
    /// Scores of each list brought between 0 and 1, then a weighted mean.
    #[default]
    MinMax,
    /// Reciprocal rank fusion.
    Rrf,
}

/// A language that documents are read in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentLanguage {
    /// German.
    De,
    /// French.
    Fr,
    /// Italian.
    It,
    /// English.
    En,
}

impl DocumentLanguage {
    /// The language that analyses know.
    pub const fn language(self) -> Language {
        match self {
            Self::De => Language::German,
            Self::Fr => Language::French,
            Self::It => Language::Italian,
            Self::En => Language::English,
        }
    }
}

impl std::str::FromStr for DocumentLanguage {
    type Err = String;

    fn from_str(code: &str) -> Result<Self, String> {
        let known = Language::parse(code).map(Self::from);
        known.ok_or_else(|| format!("'{code}' is none of de, fr, it, en"))
    }
}

impl From<Language> for DocumentLanguage {
    fn from(language: Language) -> Self {
        match language {
            Language::German => Self::De,
            Language::French => Self::Fr,
            Language::Italian => Self::It,
            Language::English => Self::En,
        }
    }
}

/// Among which passages is looked; empty lists want nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PassageFilters)]
pub struct Filters {
    /// Only these documents.
    #[schema(max_items = 100, required = false)]
    pub documents: Vec<Uuid>,
    /// Only documents with at least one of these tags.
    #[schema(max_items = 100, required = false)]
    pub tags: Vec<String>,
    /// Only passages in this language.
    pub language: Option<DocumentLanguage>,
}

/// The fields of [`Filters`] as they are sent.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SentFilters {
    documents: Vec<Uuid>,
    tags: Vec<String>,
    language: Option<DocumentLanguage>,
}

impl<'de> Deserialize<'de> for Filters {
    /// From an object only: a list would be taken for the fields in their order.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Filters;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object with documents, tags, language")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Filters, A::Error> {
                let sent = SentFilters::deserialize(MapAccessDeserializer::new(map))?;
                let SentFilters { documents, tags, language } = sent;
                Ok(Filters { documents, tags, language })
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// A request for passages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchRequest {
    /// What is looked for, in any of the four languages.
    #[schema(example = "Wie hoch ist die Vergütung bis 30 kW?", min_length = 1, max_length = 2000)]
    pub question: String,
    /// Among which passages.
    #[serde(default)]
    pub filters: Filters,
    /// Passages, 1 to 50; `answers.passages` unless said.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 50)]
    pub k: Option<u8>,
    /// How both lists become one.
    #[serde(default)]
    pub fusion: FusionName,
    /// Whether versions that newer ones have replaced are looked at, too.
    #[serde(default)]
    pub include_superseded: bool,
    /// Whether passages are ordered by their best sentence, compared by meaning where there is a model.
    #[serde(default)]
    pub rerank: bool,
}

const fn yes() -> bool {
    true
}

/// A question.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskRequest {
    /// What is asked, in any of the four languages.
    #[schema(example = "Wie hoch ist die Vergütung bis 30 kW?", min_length = 1, max_length = 2000)]
    pub question: String,
    /// Among which passages.
    #[serde(default)]
    pub filters: Filters,
    /// Passages that are looked at, 1 to 50; `answers.passages` unless said.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 50)]
    pub k: Option<u8>,
    /// How it is answered; `answers.mode` unless said.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// How both lists become one.
    #[serde(default)]
    pub fusion: FusionName,
    /// Whether versions that newer ones have replaced are looked at, too.
    #[serde(default)]
    pub include_superseded: bool,
    /// Whether the best sentences are compared by meaning; `answers.rerank` unless said.
    #[serde(default)]
    pub rerank: Option<bool>,
    /// Whether question and answer may be written down.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub log: bool,
}

impl AskRequest {
    /// The part that finds passages.
    pub(super) fn search(&self) -> SearchRequest {
        SearchRequest {
            question: self.question.clone(),
            filters: self.filters.clone(),
            k: self.k,
            fusion: self.fusion,
            include_superseded: self.include_superseded,
            rerank: false,
        }
    }
}

/// Where a passage or a quote is from.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = QuoteOrigin)]
pub struct Origin {
    /// The document.
    pub document_id: Uuid,
    /// What it is called.
    #[schema(example = "Tarifblatt Rücklieferung")]
    pub title: String,
    /// Which version of it.
    #[schema(example = 3)]
    pub version: i32,
    /// What its file is called.
    #[schema(example = "tarifblatt-2026.pdf")]
    pub file_name: Option<String>,
    /// Where it came from.
    #[schema(example = "upload")]
    pub source: String,
    /// When it came.
    pub added_at: DateTime<Utc>,
    /// Whether a newer version has replaced it.
    pub is_superseded: bool,
}

/// A stretch of a document's text. `text` is its letters `start` to `end`, end excluded, counted as
/// Unicode scalar values: `text == document[start:end]` in Python.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = DocumentQuote)]
pub struct Quote {
    /// Its number in the answer, from 1.
    #[schema(example = 1)]
    pub id: u32,
    /// Where it is from.
    #[serde(flatten)]
    pub origin: Origin,
    /// The chunk it stands in.
    pub chunk_id: Uuid,
    /// Page on which it begins, from 1.
    #[schema(example = 2)]
    pub page: i32,
    /// Headings above it, outermost first.
    pub section: Vec<String>,
    /// First letter.
    #[schema(example = 1204)]
    pub start: usize,
    /// First letter behind.
    #[schema(example = 1300)]
    pub end: usize,
    /// Sha256 of the text in UTF-8, in hexadecimal.
    pub sha256: String,
    /// The words themselves.
    pub text: String,
    /// What stands just before it.
    pub before: String,
    /// What stands just behind it.
    pub after: String,
    /// Whether it reads like an instruction to a language model; nothing follows it.
    pub is_instruction_like: bool,
}

/// A passage with how it was found.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PassageView {
    /// The passage itself.
    #[serde(flatten)]
    pub quote: Quote,
    /// Its place in the document, from 0.
    pub chunk_idx: i32,
    /// Its language.
    #[schema(example = "de")]
    pub language: String,
    /// Scores.
    #[serde(flatten)]
    pub scores: Scores,
}

/// Scores of a passage; they compare passages of one answer and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
#[schema(as = PassageScores)]
pub struct Scores {
    /// Of both lists together.
    pub score: f32,
    /// By words: BM25.
    pub words_score: Option<f32>,
    /// By meaning: the cosine.
    pub dense_score: Option<f32>,
}

/// A chunk that an answer rests on.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ChunkUse {
    /// The chunk.
    pub chunk_id: Uuid,
    /// Its document.
    pub document_id: Uuid,
    /// Its place in the document, from 0.
    pub chunk_idx: i32,
    /// Its page.
    pub page: i32,
    /// Scores.
    #[serde(flatten)]
    pub scores: Scores,
}

/// A document with how many of the passages are its own.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DocumentHit {
    /// The document.
    #[serde(flatten)]
    pub origin: Origin,
    /// Score of its best passage.
    pub score: f32,
    /// Its passages by their number in `passages`.
    pub passages: Vec<u32>,
}

/// How passages were looked for.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = PassageRetrieval)]
pub struct Retrieval {
    /// Version of the index.
    pub index_version: u32,
    /// Language that the question was read in; absent where it was not clear, and all were tried.
    pub language: Option<DocumentLanguage>,
    /// Passages found by words.
    pub words_found: usize,
    /// Passages found by meaning.
    pub dense_found: usize,
    /// How both lists became one.
    pub fusion: FusionName,
    /// Sentences that were compared with the question by meaning.
    pub sentences_compared: usize,
    /// Why meaning was left out, where it was.
    pub note: Option<String>,
}

/// How long each step took, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = AnswerTimings)]
#[expect(clippy::struct_field_names, reason = "each number says its unit")]
pub struct Timings {
    /// The question as a vector.
    pub embed_ms: f64,
    /// Both lists.
    pub search_ms: f64,
    /// Passages from the database.
    pub load_ms: f64,
    /// Choice of sentences.
    pub select_ms: f64,
    /// The model's writing.
    pub write_ms: f64,
    /// Proof of quotes, check of sentences.
    pub verify_ms: f64,
    /// All of it.
    pub total_ms: f64,
}

/// Passages that were found.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = FoundPassages)]
#[expect(clippy::struct_field_names, reason = "programs read the field, not the type")]
pub struct Passages {
    /// Best first.
    pub passages: Vec<PassageView>,
    /// Their documents, best first.
    pub documents: Vec<DocumentHit>,
    /// How they were looked for.
    pub retrieval: Retrieval,
    /// Passages that were dropped because the stored text says something else.
    pub dropped: u32,
    /// How long each step took.
    pub timings: Timings,
}

/// A sentence that a model wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AnswerSentence)]
pub struct Sentence {
    /// The sentence, without the numbers of its quotes.
    pub text: String,
    /// Numbers of its quotes.
    pub quotes: Vec<u32>,
    /// Whether the quotes say so.
    pub supported: bool,
    /// Why not.
    pub unsupported_because: Option<Unsupported>,
}

/// Tokens of a written answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AnswerTokens)]
pub struct Tokens {
    /// Read by the model, as its server counts them; estimated upwards where it does not.
    pub prompt: u64,
    /// Written by it.
    pub answer: Option<u64>,
    /// Room for both.
    pub context: u32,
    /// Whether the answer ends in the middle because it became too long.
    pub is_cut: bool,
}

/// Who wrote an answer, and from what.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = AnswerWriting)]
pub struct Writing {
    /// The model.
    #[schema(example = "ollama:qwen3:8b")]
    pub model: String,
    /// Version of the prompt; 0 is the program's own.
    pub prompt_version: i32,
    /// Sentences, in order.
    pub sentences: Vec<Sentence>,
    /// How many of them the quotes support.
    pub supported: u32,
    /// Sentences that were left out because nothing supports them.
    pub removed: u32,
    /// Passages that the model saw.
    pub passages_given: u32,
    /// Passages that had no room.
    pub passages_left_out: u32,
    /// Times the model wanted to call a tool; nothing is ever called.
    pub tool_calls_ignored: u32,
    /// What it cost.
    pub tokens: Tokens,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Answer {
    /// Names the question in feedback.
    pub question_id: Uuid,
    /// When it was asked.
    pub asked_at: DateTime<Utc>,
    /// What was asked.
    pub question: String,
    /// How it was answered.
    pub mode: Mode,
    /// Why a model did not write it although it should have.
    pub fallback: Option<String>,
    /// Whether the documents do not answer it.
    pub abstained: bool,
    /// What is said instead of an answer.
    #[schema(example = "Not found in your documents")]
    pub message: Option<String>,
    /// Probability that the answer stands in the passages, from 0 to 1; absent without passages.
    pub confidence: Option<f64>,
    /// The quotes; each was compared with the stored text byte by byte just before.
    pub quotes: Vec<Quote>,
    /// Passages that come closest, where the answer was not found.
    pub closest: Vec<Quote>,
    /// Quotes that were dropped because the stored text says something else.
    pub quotes_dropped: u32,
    /// What a model wrote; absent where none did. In the mode `extractive`, what was not taken of it.
    pub writing: Option<Writing>,
    /// Passages that were looked at.
    pub chunks: Vec<ChunkUse>,
    /// How they were looked for.
    pub retrieval: Retrieval,
    /// How long each step took.
    pub timings: Timings,
    /// Whether question and answer were written down; feedback needs that.
    pub is_logged: bool,
}

/// Sent instead of an answer that the documents do not give.
pub(super) const NOT_FOUND_MESSAGE: &str = "Not found in your documents";
