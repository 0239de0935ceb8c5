//! An answer in words: who answers, in sentences or in quotes, how sure it is.

use chrono::Duration;
use serde::Serialize;
use uuid::Uuid;

use super::values::{QuoteView, why};
use crate::knowledge::ask::{Answer, Mode};
use crate::surfaces::dashboards::format::{Format, duration, number};

/// An answer as the page shows it.
#[derive(Debug, Serialize)]
pub(super) struct AnswerView {
    pub question: String,
    pub question_id: Uuid,
    /// Whether the documents answer.
    pub is_found: bool,
    /// Who answers: a calculation, or a model.
    pub mode: String,
    /// How many quotes, how long it took.
    pub sub: String,
    /// Why a model did not write it.
    pub fallback: Option<String>,
    pub sentences: Vec<SentenceView>,
    pub quotes: Vec<QuoteView>,
    /// What else is to be said.
    pub notes: Vec<String>,
    pub may_rate: bool,
}

/// A sentence of a model.
#[derive(Debug, Serialize)]
pub(super) struct SentenceView {
    pub text: String,
    pub quotes: Vec<u32>,
    pub supported: bool,
    pub why: String,
}

impl AnswerView {
    pub fn new(answer: &Answer, format: &Format) -> Self {
        let shown = if answer.abstained { &answer.closest } else { &answer.quotes };
        let took = std::time::Duration::from_secs_f64(answer.timings.total_ms.max(0.0) / 1_000.0);
        let took = duration(Duration::from_std(took).unwrap_or_default());
        let count = answer.quotes.len().to_string();
        let sub = match answer.quotes.len() {
            _ if answer.abstained => took,
            1 => format.fill("doc_one_quote", &[("took", &took)]),
            _ => format.fill("doc_quotes", &[("n", &count), ("took", &took)]),
        };
        let sentences = answer.writing.iter().flat_map(|writing| &writing.sentences);
        Self {
            question: answer.question.clone(),
            question_id: answer.question_id,
            is_found: !answer.abstained,
            mode: mode_text(answer, format),
            sub,
            fallback: answer.fallback.clone(),
            sentences: sentences
                .map(|sentence| SentenceView {
                    text: sentence.text.clone(),
                    quotes: sentence.quotes.clone(),
                    supported: sentence.supported,
                    why: sentence
                        .unsupported_because
                        .as_ref()
                        .map(|unsupported| why(unsupported, format))
                        .unwrap_or_default(),
                })
                .collect(),
            quotes: shown.iter().map(|quote| QuoteView::new(quote, format)).collect(),
            notes: notes(answer, format),
            may_rate: answer.is_logged,
        }
    }
}

/// «Extract, no language model», or who wrote and how much of it stands in the quotes.
fn mode_text(answer: &Answer, format: &Format) -> String {
    match (&answer.writing, answer.mode) {
        (Some(writing), Mode::Written) => {
            let supported = writing.supported.to_string();
            let all = (writing.sentences.len() + writing.removed as usize).to_string();
            let model = writing.model.split_once(':').map_or("", |(_, model)| model);
            format.fill("doc_mode_written", &[("model", model), ("n", &supported), ("m", &all)])
        }
        _ => format.text("doc_mode_extractive").to_owned(),
    }
}

fn notes(answer: &Answer, format: &Format) -> Vec<String> {
    let mut all = Vec::new();
    let mut counted = |key: &'static str, count: u32| {
        if count > 0 {
            all.push(format.fill(key, &[("n", &count.to_string())]));
        }
    };
    if let Some(writing) = &answer.writing {
        counted("doc_note_removed", writing.removed);
        counted("doc_note_left_out", writing.passages_left_out);
        counted("doc_note_tools", writing.tool_calls_ignored);
        counted("doc_note_cut", writing.tokens.is_cut.into());
    }
    counted("doc_note_dropped", answer.quotes_dropped);
    if answer.retrieval.note.is_some() {
        all.push(format.text("doc_note_words_only").to_owned());
    }
    if let Some(confidence) =
        answer.confidence.filter(|_| !answer.abstained && answer.mode == Mode::Extractive)
    {
        let percent = number(confidence * 100.0, 0);
        all.push(format.fill("doc_note_confidence", &[("n", &percent)]));
    }
    all
}
