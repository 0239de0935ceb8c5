//! Chooses the sentences that answer a question, and says how sure that is.

use std::collections::HashSet;

use crate::algorithms::retrieval::calibration::{Features, confidence, rank};
use crate::algorithms::retrieval::hints::{Hint, Met};
use crate::algorithms::retrieval::lexicon::{Wanted, inverse_frequency};
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

/// A chosen sentence: bytes within the text of a passage.
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
    /// The sentences; empty when no passage shares a word with the question.
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
    pub features: Features,
    pub score: f64,
}

/// Chooses at most `quotes_max` sentences.
pub fn select(ask: &Ask<'_>, passages: &[Passage<'_>], quotes_max: usize) -> Selection {
    let mut candidates = candidates(ask, passages);
    candidates.sort_by(|left, right| {
        right
            .score
            .total_cmp(&left.score)
            .then(left.passage.cmp(&right.passage))
            .then(left.span.cmp(&right.span))
    });
    let Some(best) = candidates.first() else { return Selection::default() };
    let document = passages[best.passage].document;
    let mut seen: HashSet<&str> = HashSet::new();
    let mut quotes = Vec::new();
    for candidate in &candidates {
        let text = candidate.span.of(passages[candidate.passage].text).unwrap_or_default();
        let other = passages[candidate.passage].document != document;
        let floor = best.score - if other { FURTHER_BELOW / 2.0 } else { FURTHER_BELOW };
        if quotes.len() >= quotes_max || best.features.passage <= 0.0 {
            break;
        }
        if candidate.score >= floor && seen.insert(text) {
            quotes.push(Chosen { passage: candidate.passage, span: candidate.span });
        }
    }
    let confidence = if quotes.is_empty() { 0.0 } else { confidence(&best.features) };
    Selection { quotes, confidence }
}

/// Every sentence of every passage with its features.
pub(super) fn candidates(ask: &Ask<'_>, passages: &[Passage<'_>]) -> Vec<Candidate> {
    let passages = &passages[..passages.len().min(PASSAGES_MAX)];
    let read: Vec<Reading> = passages.iter().map(|passage| Reading::of(ask, passage)).collect();
    let question = Question::of(ask, &read);
    let top = passages.iter().map(|passage| passage.score).fold(f32::MIN_POSITIVE, f32::max);
    let mut candidates = Vec::new();
    for (index, (passage, reading)) in passages.iter().zip(&read).enumerate() {
        let whole = question.coverage(&reading.all);
        let own = question.own_coverage(&reading.all);
        let header = Reading::header(passage);
        for (at, (span, terms)) in reading.sentences.iter().enumerate() {
            let text = span.of(passage.text).unwrap_or_default();
            let sentence = question.coverage(terms);
            let window = question.coverage(&reading.window(at));
            let met = question.hint.met(text, &header);
            let features = Features {
                sentence,
                own_sentence: question.own_coverage(terms),
                window,
                passage: whole,
                own_passage: own,
                met: f64::from(u8::from(met == Met::Yes)),
                without_unit: f64::from(u8::from(met == Met::WithoutUnit)),
                unmet: f64::from(u8::from(met == Met::No)),
                missing_names: question.missing_names(passage),
                unknown_names: question.unknown_names,
                unknown: question.unknown,
                standing: f64::from(passage.score.max(0.0) / top),
                dense: passage.dense_score.map(f64::from),
                length: (terms.len() as f64 / 20.0).min(3.0),
                title: f64::from(u8::from(is_title(text, passage.heading))),
                words: question.wanted.len() as f64,
            };
            candidates.push(Candidate {
                passage: index,
                span: *span,
                score: rank(&features),
                features,
            });
        }
    }
    candidates
}

/// A passage with the terms of its sentences.
struct Reading {
    sentences: Vec<(Span, HashSet<u32>)>,
    heading: HashSet<u32>,
    all: HashSet<u32>,
}

impl Reading {
    fn of(ask: &Ask<'_>, passage: &Passage<'_>) -> Self {
        let language = Language::detect(passage.text).or(ask.language).unwrap_or(Language::English);
        let sentences: Vec<(Span, HashSet<u32>)> = sentences(passage.text, language)
            .into_iter()
            .map(|span| {
                let text = span.of(passage.text).unwrap_or_default();
                (
                    span,
                    ask.words.terms(text, language).iter().map(|term| hashing::of(term)).collect(),
                )
            })
            .collect();
        let heading: HashSet<u32> = ask
            .words
            .terms(passage.heading, language)
            .iter()
            .map(|term| hashing::of(term))
            .collect();
        let all = sentences
            .iter()
            .flat_map(|(_, terms)| terms.iter().copied())
            .chain(heading.iter().copied())
            .collect();
        Self { sentences, heading, all }
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

/// A question with what its words weigh.
struct Question {
    wanted: Vec<(Wanted, f64)>,
    hint: Hint,
    names: Vec<String>,
    unknown_names: f64,
    unknown: f64,
}

impl Question {
    fn of(ask: &Ask<'_>, read: &[Reading]) -> Self {
        let wanted = ask.words.wanted(ask.question, ask.language);
        let weighed: Vec<(Wanted, f64)> = wanted
            .into_iter()
            .map(|wanted| {
                let having = read
                    .iter()
                    .filter(|reading| wanted.own.iter().any(|hash| reading.all.contains(hash)))
                    .count();
                let here = inverse_frequency(having as f64, read.len() as f64);
                let rarity = ask.words.rarity(&wanted).map_or(here, |known| known.min(7.0));
                let weight = rarity.max(0.05) * f64::from(wanted.weight);
                (wanted, weight)
            })
            .collect();
        let all: f64 = weighed.iter().map(|(_, weight)| weight).sum();
        let absent = |wanted: &Wanted| {
            let learned =
                wanted.terms.keys().any(|&hash| ask.words.compounds.frequency(hash).0 > 0);
            let here = read
                .iter()
                .any(|reading| wanted.terms.keys().any(|hash| reading.all.contains(hash)));
            !learned && !here
        };
        let unseen: f64 =
            weighed.iter().filter(|(wanted, _)| absent(wanted)).map(|(_, weight)| weight).sum();
        let names = names(ask.question, ask.language);
        let nowhere = |name: &&String| {
            let known = hashing::of_all_languages(name)
                .iter()
                .any(|&hash| ask.words.compounds.frequency(hash).0 > 0);
            !known
                && !read.iter().any(|reading| {
                    hashing::of_all_languages(name).iter().any(|hash| reading.all.contains(hash))
                })
        };
        let unknown_names = names.iter().filter(nowhere).count() as f64 / names.len().max(1) as f64;
        Self {
            hint: Hint::of(ask.question),
            names,
            unknown_names,
            unknown: if all > 0.0 { unseen / all } else { 1.0 },
            wanted: weighed,
        }
    }

    /// Share of the question, weighed by rarity, that terms answer to; other names count less than the word itself.
    fn coverage(&self, terms: &HashSet<u32>) -> f64 {
        let best = |wanted: &Wanted| {
            let shares = wanted
                .terms
                .iter()
                .filter(|(hash, _)| terms.contains(hash))
                .map(|(_, share)| *share);
            let share = f64::from(shares.fold(0.0, f32::max));
            // Another name for the thing is nearly as good as the word: it is the ranking that must be careful.
            share.sqrt()
        };
        self.share(best)
    }

    /// The same by the very words only.
    fn own_coverage(&self, terms: &HashSet<u32>) -> f64 {
        self.share(|wanted| f64::from(u8::from(wanted.own.iter().any(|hash| terms.contains(hash)))))
    }

    fn share(&self, value: impl Fn(&Wanted) -> f64) -> f64 {
        let all: f64 = self.wanted.iter().map(|(_, weight)| weight).sum();
        let sum: f64 = self.wanted.iter().map(|(wanted, weight)| weight * value(wanted)).sum();
        if all > 0.0 { sum / all } else { 0.0 }
    }

    /// Share of the question's names and years that the passage does not have.
    fn missing_names(&self, passage: &Passage<'_>) -> f64 {
        if self.names.is_empty() {
            return 0.0;
        }
        let lower = format!("{}\n{}", passage.heading, passage.text).to_lowercase();
        self.names.iter().filter(|name| !lower.contains(name.as_str())).count() as f64
            / self.names.len() as f64
    }
}

/// Years and names of a question, lower case. In German every noun begins with a capital letter: there only
/// words of capitals or with a capital inside are names.
fn names(question: &str, language: Option<Language>) -> Vec<String> {
    let german = language == Some(Language::German);
    let bare = |word: &str| word.trim_matches(|letter: char| !letter.is_alphanumeric()).to_owned();
    let is_name = |(index, word): &(usize, String)| {
        let inside = word.chars().skip(1).any(char::is_uppercase);
        let first = word.starts_with(char::is_uppercase) && !german && *index > 0;
        let year = word.len() == 4
            && (word.starts_with("19") || word.starts_with("20"))
            && word.bytes().all(|byte| byte.is_ascii_digit());
        year || (word.len() > 2 && word.starts_with(char::is_alphabetic) && (inside || first))
    };
    let elided = |word: &str| word.rsplit(['\'', '’']).next().map(bare).unwrap_or_default();
    question
        .split_whitespace()
        .map(elided)
        .enumerate()
        .filter(is_name)
        .map(|(_, word)| word.to_lowercase())
        .collect()
}

/// A line that says what follows and not what is so: one of the titles above, or short and without an end.
fn is_title(sentence: &str, heading: &str) -> bool {
    let letters = sentence.chars().count();
    let open = !sentence.ends_with(['.', '!', ';', ',', ')', '%'])
        && !sentence.chars().any(|letter| letter.is_ascii_digit());
    (letters > 3 && heading.contains(sentence))
        || (letters < 90 && open && !sentence.contains(" | "))
}
