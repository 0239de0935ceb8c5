//! Chooses the sentences that answer a question, and says how sure that is.

use std::collections::{HashMap, HashSet};

use crate::algorithms::retrieval::calibration::{Features, confidence, rank};
use crate::algorithms::retrieval::enumeration::in_its_list;
use crate::algorithms::retrieval::hints::Met;
use crate::algorithms::retrieval::question::Question;
use crate::algorithms::retrieval::{Language, Span, Words, hashing, sentences};

/// A question.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// As it was asked.
    pub question: &'a str,
    /// Its language; absent where it cannot be told.
    pub language: Option<Language>,
    /// How words become terms, and how rare they are.
    pub words: &'a Words,
}

/// A passage among which sentences are chosen.
#[derive(Debug, Clone, Copy)]
pub struct Passage<'a> {
    /// Number of its document; quotes of one document are preferred to a mixture.
    pub document: usize,
    /// Its text.
    pub text: &'a str,
    /// What stands above it: the titles of its section (`Chunk::heading_text`); empty where there are none.
    pub heading: &'a str,
    /// Fused score of the passage, higher is better.
    pub score: f32,
    /// Cosine of question and passage, where there is an embedder.
    pub dense_score: Option<f32>,
}

/// A chosen sentence, with its list where it is a point of one: bytes within the text of a passage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chosen {
    /// Which of the passages.
    pub passage: usize,
    /// Where in its text.
    pub span: Span,
}

/// What was chosen, best first, and the calibrated probability that the answer stands there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Selection {
    /// The sentences; empty when no passage shares a word with the question and nothing was compared by meaning.
    pub quotes: Vec<Chosen>,
    /// From 0 to 1.
    pub confidence: f64,
}

/// Passages looked at.
const PASSAGES_MAX: usize = 30;
/// How far below the best one's rank a further quote of the same document may be; of another one half of that.
const FURTHER_BELOW: f64 = 3.0;

/// A sentence with everything that is known about it.
#[derive(Debug)]
pub(super) struct Candidate {
    pub passage: usize,
    pub span: Span,
    /// What is shown of it: more than itself where it is a point of a list.
    pub shown: Span,
    /// With its neighbours.
    pub near: Span,
    pub features: Features,
    pub score: f64,
}

/// The sentences of passages, best first. It belongs to the passages that it was made of.
#[derive(Debug)]
pub struct Shortlist {
    candidates: Vec<Candidate>,
}

impl Shortlist {
    /// By their words and by the passages' scores.
    pub fn of(ask: &Ask<'_>, passages: &[Passage<'_>]) -> Self {
        Self { candidates: candidates(ask, passages) }.sorted()
    }

    /// What is compared with the question by meaning: the best `most` sentences, each with its neighbours below the
    /// last title above it. Those that are longer than `letters_max` lose their neighbours, then their list, then
    /// their end.
    pub fn texts(&self, passages: &[Passage<'_>], most: usize, letters_max: usize) -> Vec<String> {
        let text = |candidate: &Candidate| {
            let passage = &passages[candidate.passage];
            let title = passage.heading.lines().last().unwrap_or_default();
            let of = |span: Span| span.of(passage.text).unwrap_or_default();
            let mut longer = [candidate.near, candidate.shown].into_iter().map(of);
            let body = longer.find(|body| body.len() <= letters_max);
            let body = body.unwrap_or_else(|| of(candidate.span));
            let whole = format!("{title}\n{body}");
            whole.trim().chars().take(letters_max).collect()
        };
        self.candidates.iter().take(most).map(text).collect()
    }

    /// The first sentences anew, by what meaning adds: one standing (`Everyday::standing`) for each of
    /// [`Self::texts`]. The others are left out.
    #[must_use]
    pub fn compared(mut self, standings: &[f64]) -> Self {
        self.candidates.truncate(standings.len());
        for (candidate, standing) in self.candidates.iter_mut().zip(standings) {
            candidate.features.meaning = Some(*standing);
            candidate.score = rank(&candidate.features);
        }
        self.sorted()
    }

    fn sorted(mut self) -> Self {
        self.candidates.sort_by(|left, right| {
            right
                .score
                .total_cmp(&left.score)
                .then(left.passage.cmp(&right.passage))
                .then(left.span.cmp(&right.span))
        });
        self
    }

    /// The passages in the order of their best sentences; those that have none here are not among them.
    pub fn passages(&self) -> Vec<usize> {
        let mut seen = HashSet::new();
        let order = self.candidates.iter().map(|candidate| candidate.passage);
        order.filter(|passage| seen.insert(*passage)).collect()
    }

    /// At most `quotes_max` of the sentences.
    pub fn choose(&self, passages: &[Passage<'_>], quotes_max: usize) -> Selection {
        let Some(best) = self.candidates.first() else { return Selection::default() };
        let document = passages[best.passage].document;
        let mut seen: HashSet<&str> = HashSet::new();
        let mut quotes = Vec::new();
        for candidate in &self.candidates {
            let text = candidate.span.of(passages[candidate.passage].text).unwrap_or_default();
            let other = passages[candidate.passage].document != document;
            let floor = best.score - if other { FURTHER_BELOW / 2.0 } else { FURTHER_BELOW };
            let says_nothing = best.features.passage <= 0.0 && best.features.meaning.is_none();
            if quotes.len() >= quotes_max || says_nothing {
                break;
            }
            let shown = candidate.shown;
            let told = quotes.iter().any(|quote: &Chosen| {
                quote.passage == candidate.passage
                    && quote.span.start < shown.end
                    && shown.start < quote.span.end
            });
            if candidate.score >= floor && !told && seen.insert(text) {
                quotes.push(Chosen { passage: candidate.passage, span: shown });
            }
        }
        let confidence = if quotes.is_empty() { 0.0 } else { confidence(&best.features) };
        Selection { quotes, confidence }
    }
}

/// Every sentence of every passage with its features.
pub(super) fn candidates(ask: &Ask<'_>, passages: &[Passage<'_>]) -> Vec<Candidate> {
    let passages = &passages[..passages.len().min(PASSAGES_MAX)];
    let read: Vec<Reading> = passages.iter().map(|passage| Reading::of(ask, passage)).collect();
    let question = Question::of(ask, &read);
    let top = passages.iter().map(|passage| passage.score).fold(f32::MIN_POSITIVE, f32::max);
    let mut candidates = Vec::new();
    for (index, (passage, reading)) in passages.iter().zip(&read).enumerate() {
        let header = Reading::header(passage);
        let of_passage = Features {
            passage: question.coverage(&reading.all),
            covered: question.covered(&reading.all),
            unknown_names: question.unknown_names,
            unknown: question.unknown,
            standing: f64::from(passage.score.max(0.0) / top),
            dense: passage.dense_score.map(f64::from),
            across: reading.language.zip(ask.language).is_some_and(|(of, asked)| of != asked),
            ..Features::default()
        };
        let spans: Vec<Span> = reading.sentences.iter().map(|(span, _)| *span).collect();
        for (at, (span, terms)) in reading.sentences.iter().enumerate() {
            let text = span.of(passage.text).unwrap_or_default();
            let met = question.hint.met(text, &header);
            let window = reading.window(at);
            let features = Features {
                said: question.said_coverage(terms),
                sentence: question.coverage(terms),
                window: question.coverage(&window),
                met: f64::from(u8::from(met == Met::Yes)),
                without_unit: f64::from(u8::from(met == Met::WithoutUnit)),
                missing_years: question.missing_years(&window),
                length: (terms.len() as f64 / 20.0).min(3.0),
                title: f64::from(u8::from(is_title(text, passage.heading))),
                ..of_passage
            };
            candidates.push(Candidate {
                passage: index,
                span: *span,
                shown: in_its_list(passage.text, &spans, at),
                near: Span {
                    start: spans[at.saturating_sub(1)].start,
                    end: spans[(at + 1).min(spans.len() - 1)].end,
                },
                score: rank(&features),
                features,
            });
        }
    }
    candidates
}

/// A passage with the terms of its sentences.
pub(super) struct Reading {
    sentences: Vec<(Span, HashSet<u32>)>,
    heading: HashSet<u32>,
    /// What it is written in, where that can be told.
    language: Option<Language>,
    /// Terms of the sentences and of the titles above.
    pub all: HashSet<u32>,
    /// The same as they are written.
    pub vocabulary: HashMap<u32, String>,
}

impl Reading {
    fn of(ask: &Ask<'_>, passage: &Passage<'_>) -> Self {
        let told = Language::detect(passage.text);
        let language = told.or(ask.language).unwrap_or(Language::English);
        let mut vocabulary = HashMap::new();
        let mut terms_of = |text: &str| -> HashSet<u32> {
            let hashed = ask.words.terms(text, language).into_iter().map(|term| {
                let hash = hashing::of(&term);
                vocabulary.entry(hash).or_insert(term);
                hash
            });
            hashed.collect()
        };
        let sentences: Vec<(Span, HashSet<u32>)> = sentences(passage.text, language)
            .into_iter()
            .map(|span| (span, terms_of(span.of(passage.text).unwrap_or_default())))
            .collect();
        let heading = terms_of(passage.heading);
        let all = vocabulary.keys().copied().collect();
        Self { sentences, heading, language: told, all, vocabulary }
    }

    /// Terms of a sentence, its neighbours, the titles above and the passage's first line, which often is one.
    fn window(&self, at: usize) -> HashSet<u32> {
        let near = at.saturating_sub(1)..(at + 2).min(self.sentences.len());
        let first = if at > 1 { 0..1 } else { 0..0 };
        near.chain(first)
            .flat_map(|index| self.sentences[index].1.iter().copied())
            .chain(self.heading.iter().copied())
            .collect()
    }

    /// What names the columns, when the passage is a table: the lines above its first row of numbers.
    fn header(passage: &Passage<'_>) -> String {
        if !passage.text.contains(" | ") {
            return String::new();
        }
        let numbers = |line: &&str| {
            line.split(" | ")
                .filter(|cell| cell.starts_with(|letter: char| letter.is_ascii_digit()))
                .count()
                < 2
        };
        let above: Vec<&str> =
            passage.heading.lines().chain(passage.text.lines().take_while(numbers)).collect();
        above.join(" ")
    }
}

/// A line that says what follows and not what is so: one of the titles above, or short and without an end.
fn is_title(sentence: &str, heading: &str) -> bool {
    let letters = sentence.chars().count();
    let open = !sentence.ends_with(['.', '!', ';', ',', ')', '%'])
        && !sentence.chars().any(|letter| letter.is_ascii_digit());
    (letters > 3 && heading.contains(sentence))
        || (letters < 90 && open && !sentence.contains(" | "))
}
