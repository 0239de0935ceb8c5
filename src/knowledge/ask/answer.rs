//! From passages to an answer: quotes chosen by a calculation, or sentences of a model that are checked.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use super::choice::Material;
use super::error::AskError;
use super::events::{Teller, Told};
use super::library::{Found, Hit};
use super::log::PromptVersion;
use super::model::{
    AskRequest, Mode, NOT_FOUND_MESSAGE, Quote, Sentence, Timings, Tokens, Writing,
};
use super::prompt::{Assembled, NOT_FOUND, assemble};
use super::proof::Proof;
use super::settings::{Provider, Settings};
use super::verify::{Checked, Reading, Unsupported, check};
use super::watch::Watch;
use super::writer::{EchoGuard, Usage, WriteError, Writer};
use crate::algorithms::retrieval::{self, Language, Selection, Words, instruction_like};
use crate::platform::runtime::CpuPool;

/// Passages that are shown where the answer was not found.
const CLOSEST_MAX: usize = 3;
/// Why a model's answer is not taken.
const UNSUPPORTED: &str = "no sentence that the model wrote is supported by the passages";
/// Longest answer that is read, in bytes.
const WRITTEN_BYTES_MAX: usize = 64 << 10;

/// Everything that one answer is made with.
pub(super) struct Answering<'a> {
    pub request: &'a AskRequest,
    pub settings: &'a Settings,
    pub prompt: &'a PromptVersion,
    pub pool: &'a CpuPool,
    pub writer: &'a Writer,
    pub teller: &'a Teller,
}

/// An answer before it gets its envelope.
#[derive(Debug)]
pub(super) struct Draft {
    pub mode: Mode,
    pub fallback: Option<String>,
    /// Said instead of an answer.
    pub message: Option<String>,
    pub confidence: Option<f64>,
    pub quotes: Vec<Quote>,
    pub closest: Vec<Quote>,
    pub writing: Option<Writing>,
    /// Sentences that were compared by meaning.
    pub compared: usize,
    pub timings: Timings,
}

/// What a model wrote.
struct Written {
    text: String,
    usage: Usage,
    prompt: Assembled,
    context_tokens: u32,
}

impl Answering<'_> {
    /// The answer that `found` gives.
    pub async fn draft(
        &self,
        found: &Found,
        proof: &mut Proof,
        watch: &mut Watch,
    ) -> Result<Draft, AskError> {
        let mut timings = found.timings;
        timings.verify_ms = watch.lap("verify");
        let (selection, compared) = self.select(found).await?;
        timings.select_ms = watch.lap("select");
        let mode = self.request.mode.unwrap_or(self.settings.mode);
        let confidence = (!found.hits.is_empty()).then_some(selection.confidence);
        let empty = Draft {
            mode: Mode::Extractive,
            fallback: None,
            message: None,
            confidence,
            quotes: Vec::new(),
            closest: Vec::new(),
            writing: None,
            compared,
            timings,
        };
        if mode == Mode::Extractive || found.hits.is_empty() {
            return Ok(self.quoted(empty, found, &selection, proof, watch));
        }
        let written = self.write(found).await;
        let mut draft = empty;
        draft.timings.write_ms = watch.lap("write");
        match written {
            Ok(written) => Ok(self.checked(draft, found, &selection, &written, proof, watch)),
            Err(why) => {
                let detail = why.to_string();
                tracing::warn!("An answer is made of quotes alone, because {detail}");
                self.teller.tell(Told::Error { detail: detail.clone() }).await;
                draft.fallback = Some(detail);
                Ok(self.quoted(draft, found, &selection, proof, watch))
            }
        }
    }

    /// The sentences that answer best, how sure that is, and how many were compared by meaning. Passages that
    /// read like instructions have their say only where the others do not answer.
    async fn select(&self, found: &Found) -> Result<(Selection, usize), AskError> {
        let is_plain = |hit: &Hit| !instruction_like(&hit.chunk.text);
        let plain: Vec<usize> =
            (0..found.hits.len()).filter(|index| is_plain(&found.hits[*index])).collect();
        let of_plain = self.select_among(found, &plain).await?;
        let is_sure = of_plain.0.confidence >= self.settings.confidence_min;
        if is_sure && !of_plain.0.quotes.is_empty() || found.hits.iter().all(is_plain) {
            return Ok(of_plain);
        }
        self.select_among(found, &(0..found.hits.len()).collect::<Vec<_>>()).await
    }

    /// The same among some of the passages, by their places.
    async fn select_among(
        &self,
        found: &Found,
        places: &[usize],
    ) -> Result<(Selection, usize), AskError> {
        let is_wanted = self.request.rerank.unwrap_or(self.settings.rerank);
        let meaning = found.meaning.as_ref().filter(|_| is_wanted);
        let material = Material::of(&self.request.question, found, places);
        let choice = material.choose(self.pool, meaning).await?;
        let mut selection = choice.selection(usize::from(self.settings.quotes_max));
        for quote in &mut selection.quotes {
            quote.passage = places.get(quote.passage).copied().unwrap_or(usize::MAX);
        }
        Ok((selection, choice.compared))
    }

    /// Quotes alone, or the passages that come closest where it is not sure that they answer.
    fn quoted(
        &self,
        mut draft: Draft,
        found: &Found,
        selection: &Selection,
        proof: &mut Proof,
        watch: &mut Watch,
    ) -> Draft {
        let quotes = chosen(found, selection, proof);
        if selection.confidence >= self.settings.confidence_min && !quotes.is_empty() {
            draft.quotes = quotes;
        } else {
            draft.message = Some(NOT_FOUND_MESSAGE.to_owned());
            draft.closest = closest(found, quotes, proof);
        }
        draft.timings.verify_ms += watch.lap("verify");
        draft
    }

    /// Lets the model write, and tells its words as they come.
    async fn write(&self, found: &Found) -> Result<Written, WriteError> {
        let limit = self.settings.answer_s;
        let writing = self.write_unhurried(found);
        let within = tokio::time::timeout(Duration::from_secs(limit.into()), writing);
        within.await.unwrap_or(Err(WriteError::TooSlow(limit)))
    }

    async fn write_unhurried(&self, found: &Found) -> Result<Written, WriteError> {
        let context_tokens = self.writer.context_tokens(self.settings).await?;
        let passages: Vec<&str> = found.hits.iter().map(|hit| hit.chunk.text.as_str()).collect();
        let room = (context_tokens as usize, self.settings.answer_tokens as usize);
        let prompt = assemble(&self.prompt.text, &self.request.question, &passages, room)
            .map_err(|_| WriteError::NoRoom)?;
        let mut flow = self.writer.begin(self.settings, &prompt.messages, context_tokens).await?;
        let mut guard = EchoGuard::new(&prompt.orders, &passages);
        let (mut text, mut told) = (String::new(), 0);
        while let Some(more) = flow.next().await? {
            text.push_str(&guard.push(&more).map_err(|_| WriteError::Echoed)?);
            told = self.tell(&text, told).await;
            if text.len() > WRITTEN_BYTES_MAX {
                return Err(WriteError::Broken("it does not come to an end".to_owned()));
            }
        }
        text.push_str(&guard.finish().map_err(|_| WriteError::Echoed)?);
        self.tell(&text, told).await;
        if text.trim().is_empty() {
            return Err(WriteError::Broken("the model wrote nothing".to_owned()));
        }
        Ok(Written { text, usage: flow.usage(), prompt, context_tokens })
    }

    /// Tells what of the text was not told yet; how much of it is told by now.
    async fn tell(&self, text: &str, told: usize) -> usize {
        // «Nothing found» is a sign for the program, not a word for people.
        let begun = text.trim();
        let is_sign = NOT_FOUND.starts_with(begun) || begun.starts_with(NOT_FOUND);
        let more = text.get(told..).unwrap_or_default();
        if more.is_empty() || is_sign {
            return told;
        }
        self.teller.tell(Told::Token { text: more.to_owned() }).await;
        text.len()
    }

    /// The model's sentences with what came of their check.
    fn checked(
        &self,
        mut draft: Draft,
        found: &Found,
        selection: &Selection,
        written: &Written,
        proof: &mut Proof,
        watch: &mut Watch,
    ) -> Draft {
        let given = &found.hits[..written.prompt.given.min(found.hits.len())];
        let passages: Vec<&str> = given.iter().map(|hit| hit.chunk.text.as_str()).collect();
        let language = reading_language(&written.text, found);
        let says_nothing = written.text.contains(NOT_FOUND);
        let checked = if says_nothing {
            Vec::new()
        } else {
            read(&written.text, &passages, &found.words, language)
        };
        let quotes = proven(&checked, given, proof);
        let mut sentences: Vec<Sentence> =
            checked.into_iter().map(|one| sentence(one, &quotes)).collect();
        let supported = sentences.iter().filter(|one| one.supported).count();
        let before = sentences.len();
        if self.settings.strict {
            sentences.retain(|one| one.supported);
        }
        draft.mode = Mode::Written;
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        draft.writing = Some(Writing {
            model: model_name(self.settings),
            prompt_version: self.prompt.version,
            supported: count(supported),
            removed: count(before - sentences.len()),
            sentences,
            passages_given: count(given.len()),
            passages_left_out: count(found.hits.len() - given.len()),
            tool_calls_ignored: written.usage.tool_calls,
            tokens: Tokens {
                prompt: written.usage.prompt_tokens.unwrap_or(written.prompt.tokens as u64),
                answer: written.usage.answer_tokens,
                context: written.context_tokens,
                is_cut: written.usage.is_cut,
            },
        });
        if supported > 0 {
            draft.quotes = quotes.into_values().collect();
        } else if says_nothing {
            draft.message = Some(NOT_FOUND_MESSAGE.to_owned());
            let near = chosen(found, selection, proof);
            draft.closest = closest(found, near, proof);
        } else {
            // What it wrote is worth nothing; what was quoted without it is worth as much as ever.
            draft.mode = Mode::Extractive;
            draft.fallback = Some(UNSUPPORTED.to_owned());
            return self.quoted(draft, found, selection, proof, watch);
        }
        draft.timings.verify_ms += watch.lap("verify");
        draft
    }
}

/// Name of the model with its provider.
fn model_name(settings: &Settings) -> String {
    let provider = if settings.provider == Provider::Openai { "openai" } else { "ollama" };
    format!("{provider}:{}", settings.writer().unwrap_or_default())
}

/// The language in which the model's words and the passages are compared.
fn reading_language(text: &str, found: &Found) -> Language {
    let of_passage = || found.hits.first().and_then(|hit| Language::parse(&hit.chunk.lang));
    Language::detect(text).or(found.language).or_else(of_passage).unwrap_or(Language::German)
}

fn read(text: &str, passages: &[&str], words: &Words, language: Language) -> Vec<Checked> {
    let terms = |text: &str| words.terms(text, language);
    let sentences = |text: &str| -> Vec<Range<usize>> {
        let spans = retrieval::sentences(text, language).into_iter();
        spans.map(|span| span.start..span.end).collect()
    };
    check(text, passages, Reading { terms: &terms, sentences: &sentences })
}

/// One proven quote for each passage that supports a sentence: the stretch that does.
fn proven(checked: &[Checked], given: &[Hit], proof: &mut Proof) -> BTreeMap<u32, Quote> {
    let mut stretches: BTreeMap<u32, Range<usize>> = BTreeMap::new();
    for (id, span) in checked.iter().flat_map(|one| &one.spans) {
        let whole = stretches.entry(*id).or_insert_with(|| span.clone());
        *whole = whole.start.min(span.start)..whole.end.max(span.end);
    }
    let quote = |(id, span): (u32, Range<usize>)| {
        let hit = given.get(usize::try_from(id).ok()?.checked_sub(1)?)?;
        Some((id, proof.quote(id, hit, span)?))
    };
    stretches.into_iter().filter_map(quote).collect()
}

fn sentence(checked: Checked, quotes: &BTreeMap<u32, Quote>) -> Sentence {
    let is_proven = checked.spans.iter().all(|(id, _)| quotes.contains_key(id));
    let wrong = checked.wrong.or_else(|| (!is_proven).then_some(Unsupported::Unproven));
    Sentence {
        text: checked.text,
        quotes: checked.cites,
        supported: wrong.is_none(),
        unsupported_because: wrong,
    }
}

/// The chosen sentences as proven quotes, numbered from 1.
fn chosen(found: &Found, selection: &Selection, proof: &mut Proof) -> Vec<Quote> {
    let mut quotes = Vec::new();
    for one in &selection.quotes {
        let id = u32::try_from(quotes.len() + 1).unwrap_or(u32::MAX);
        let hit = found.hits.get(one.passage);
        quotes.extend(hit.and_then(|hit| proof.quote(id, hit, one.span.start..one.span.end)));
    }
    quotes
}

/// What comes closest: the chosen sentences, else the first passages as they are.
fn closest(found: &Found, chosen: Vec<Quote>, proof: &mut Proof) -> Vec<Quote> {
    if !chosen.is_empty() {
        return chosen.into_iter().take(CLOSEST_MAX).collect();
    }
    let numbered = found.hits.iter().take(CLOSEST_MAX).zip(1..);
    numbered.filter_map(|(hit, id)| proof.quote(id, hit, 0..hit.chunk.text.len())).collect()
}
