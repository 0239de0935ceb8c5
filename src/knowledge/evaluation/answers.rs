//! Answers of the running installation, held against what is known.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde::Serialize;
use uuid::Uuid;

use super::error::EvaluationError;
use super::questions::Question;
use super::retrieval::percentiles;
use crate::algorithms::retrieval::{self, CharOffsets, in_section, prove, section_at};
use crate::base::timeline::Clock;
use crate::knowledge::ask::{Answer, Ask, AskRequest, Asker, Mode, Quote, Teller};
use crate::knowledge::documents::{Documents, StoredText};

/// How one question was answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// The question.
    pub id: String,
    /// Whether the documents answer it.
    pub answerable: bool,
    /// Whether nothing was answered.
    pub abstained: bool,
    /// How sure it was.
    pub confidence: f64,
    /// Whether the first quote (or the closest passage, where nothing was answered) stands where the answer does;
    /// absent for questions without one.
    pub is_at_place: Option<bool>,
    /// Whether the words of the answer stand in one of the quotes.
    pub has_answer: Option<bool>,
    /// Quotes, and how many of them stand byte for byte in the stored text.
    pub quotes: usize,
    /// How many of them do.
    pub quotes_proven: usize,
    /// Where the first quote is from.
    pub first: Option<String>,
}

/// Precision, recall and their harmonic mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Balance {
    /// Share of abstentions that were right.
    pub precision: f64,
    /// Share of questions without an answer that were not answered.
    pub recall: f64,
    /// Harmonic mean.
    pub f1: f64,
}

/// How all of them were answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnswersReport {
    /// Questions.
    pub questions: usize,
    /// Those that the documents answer.
    pub answerable: usize,
    /// Share of these that was answered.
    pub answer_rate: f64,
    /// Share of these whose first quote or closest passage stands where the answer does.
    pub page_hit_at_1: f64,
    /// Share of these that have the words of the answer in a quote.
    pub answer_in_quotes: f64,
    /// Quotes of all answers.
    pub quotes: usize,
    /// Share of them that stands byte for byte in the stored text.
    pub quotes_verified: f64,
    /// How well questions without an answer are told from the others.
    pub abstention: Balance,
    /// Median time of an answer.
    pub p50_ms: f64,
    /// 95 of 100 answers are faster.
    pub p95_ms: f64,
    /// One row a question.
    pub rows: Vec<Verdict>,
}

/// Asks every question by quotes alone; nothing of it is written down.
pub async fn answer_all(
    questions: &[Question],
    ask: &Ask,
    documents: &Documents,
    clock: &Clock,
) -> Result<AnswersReport, EvaluationError> {
    let mut texts: HashMap<Uuid, StoredText> = HashMap::new();
    let (mut rows, mut took) = (Vec::new(), Vec::new());
    for question in questions {
        let request = AskRequest {
            question: question.question.clone(),
            mode: Some(Mode::Extractive),
            log: false,
            ..AskRequest::default()
        };
        let started = clock.elapsed();
        let answer = ask.ask(&Asker::command(), &request, &Teller::default()).await?;
        took.push(clock.elapsed().saturating_sub(started));
        for quote in answer.quotes.iter().chain(&answer.closest) {
            let id = quote.origin.document_id;
            if let Entry::Vacant(slot) = texts.entry(id) {
                slot.insert(documents.text_of(id).await?);
            }
        }
        rows.push(verdict(question, &answer, &texts));
    }
    let (p50_ms, p95_ms) = percentiles(took);
    Ok(summed(rows, p50_ms, p95_ms))
}

fn verdict(question: &Question, answer: &Answer, texts: &HashMap<Uuid, StoredText>) -> Verdict {
    let proven = |quote: &&Quote| {
        let claimed = retrieval::Quote {
            start_char: quote.start,
            end_char: quote.end,
            sha256: quote.sha256.clone(),
            text: quote.text.clone(),
        };
        texts.get(&quote.origin.document_id).is_some_and(|stored| prove(&stored.text, &claimed))
    };
    let first = answer.quotes.first().or(answer.closest.first());
    let at_place = first.is_some_and(|quote| is_at_place(question, quote, texts));
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let wanted = question.answer.as_deref().map(plain);
    let has =
        wanted.map(|wanted| answer.quotes.iter().any(|quote| plain(&quote.text).contains(&wanted)));
    Verdict {
        id: question.id.clone(),
        answerable: question.answerable,
        abstained: answer.abstained,
        confidence: answer.confidence.unwrap_or(0.0),
        is_at_place: question.answerable.then_some(at_place),
        has_answer: has.filter(|_| question.answerable),
        quotes: answer.quotes.len(),
        quotes_proven: answer.quotes.iter().filter(proven).count(),
        first: first.map(|quote| {
            let section =
                quote.section.last().map(|title| format!(", {title}")).unwrap_or_default();
            format!("{}, page {}{section}", quote.origin.title, quote.page)
        }),
    }
}

/// Whether a quote stands in the document, on the page and in the section that are known; what is not known counts as met.
pub(super) fn is_at_place(
    question: &Question,
    quote: &Quote,
    texts: &HashMap<Uuid, StoredText>,
) -> bool {
    let Some(stored) = texts.get(&quote.origin.document_id) else { return false };
    let canonical = stored.canonical();
    let offsets = CharOffsets::new(&stored.text);
    let Some(span) = offsets.to_bytes(quote.start, quote.end) else { return false };
    let named = |wanted: &String| {
        quote.origin.file_name.as_ref() == Some(wanted) || quote.origin.title == *wanted
    };
    let on_page = |page: u32| {
        (canonical.page_of(span.start)..=canonical.page_of(span.end.saturating_sub(1)))
            .contains(&page)
    };
    let below = |section: &String| {
        in_section(&section_at(&canonical, span.start), section)
            || in_section(&quote.section, section)
    };
    question.document.as_ref().is_none_or(named)
        && question.page.is_none_or(on_page)
        && question.section.as_ref().is_none_or(below)
}

pub(super) fn summed(rows: Vec<Verdict>, p50_ms: f64, p95_ms: f64) -> AnswersReport {
    let count = |test: &dyn Fn(&Verdict) -> bool| rows.iter().filter(|row| test(row)).count();
    let answerable = count(&|row| row.answerable);
    let quotes: usize = rows.iter().map(|row| row.quotes).sum();
    let proven: usize = rows.iter().map(|row| row.quotes_proven).sum();
    let right = count(&|row| row.abstained && !row.answerable);
    let precision = share(right, count(&|row| row.abstained));
    let recall = share(right, rows.len() - answerable);
    let f1 = if precision + recall > 0.0 {
        2.0 * precision * recall / (precision + recall)
    } else {
        0.0
    };
    AnswersReport {
        questions: rows.len(),
        answerable,
        answer_rate: share(count(&|row| row.answerable && !row.abstained), answerable),
        page_hit_at_1: share(count(&|row| row.is_at_place == Some(true)), answerable),
        answer_in_quotes: share(count(&|row| row.has_answer == Some(true)), answerable),
        quotes,
        quotes_verified: share(proven, quotes),
        abstention: Balance { precision, recall, f1 },
        p50_ms,
        p95_ms,
        rows,
    }
}

fn share(part: usize, all: usize) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}
