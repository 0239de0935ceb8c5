//! The words of passages and questions as weights for BM25.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::algorithms::retrieval::analysis::{fold, german_form, german_stem, term, words};
use crate::algorithms::retrieval::{Compounds, Language, common, concepts, hashing, stop_words};

/// How fast a term's count saturates (Lucene's default).
pub(super) const K1: f64 = 1.2;
/// How much the length of a passage counts (Lucene's default).
pub(super) const B: f64 = 0.75;
/// What a part of a compound counts for in a passage, where the whole counts 1.
const PART_IN_PASSAGE: f64 = 0.6;
/// What the parts of a compound count for in a question; the whole counts 1.
const PART_IN_QUESTION: f32 = 0.5;
/// What a word's term in another language than the question's counts for.
const FOREIGN: f32 = 0.6;
/// What another name of the same thing counts for.
pub(super) const OTHER_NAME: f32 = 0.6;
/// What a word that only asks counts for.
const ASKING: f32 = 0.25;
/// Passages of other people's documents that count as learned: what is rare does not hang on how much was.
const OTHERS: f64 = 300.0;
/// Share of other people's passages that have any one word.
const OTHERS_HAVING: f64 = 0.001;
/// Learned passages with which half is known of what documents of the house say.
const EXPERIENCED: f64 = 100.0;
/// Rarity beyond which a word does not weigh more.
const RARITY_MOST: f64 = 5.5;
/// The same for words that everybody uses about anything.
const COMMON_MOST: f64 = 2.3;

/// How words become weights: the average length of a passage, and what takes compounds apart.
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// Average number of terms of a passage ([`Words::length`]) in the index; 0 where it is not known yet.
    pub average_terms: f64,
    /// Takes German compounds apart, and knows how rare a word is.
    pub compounds: Compounds,
}

/// A word of a question with everything that answers to it.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    /// How good a term answers to it: 1 the word itself, less for other names.
    pub terms: HashMap<u32, f32>,
    /// The parts of a compound; empty when it is none.
    pub parts: Vec<Part>,
    /// Terms that are the word itself.
    pub own: Vec<u32>,
    /// The word as a term of the question's language.
    pub stem: String,
    /// 1, or less for words that only ask.
    pub weight: f32,
}

/// A part of a compound.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    /// Its term.
    pub own: u32,
    /// Its other names, with how good they answer to it.
    pub names: Vec<(u32, f32)>,
}

impl Wanted {
    /// Everything that finds the word, its parts and their other names among it, and what it counts for in a search.
    fn searched(&self) -> HashMap<u32, f32> {
        let mut terms = self.terms.clone();
        let name_share = OTHER_NAME / (self.parts.len().max(1) as f32).sqrt();
        for part in &self.parts {
            raise(&mut terms, part.own, PART_IN_QUESTION);
            for &(name, share) in &part.names {
                raise(&mut terms, name, name_share * share);
            }
        }
        terms
    }
}

impl Words {
    /// Terms of a text in order: of each word its stem, behind it the stems of its parts.
    pub fn terms(&self, text: &str, language: Language) -> Vec<String> {
        let mut terms = Vec::new();
        for (_, word) in words(text) {
            let folded = fold(word);
            if let Some(whole) = term(&folded, language) {
                terms.push(whole);
                terms.extend(self.parts(&folded, language));
            }
        }
        terms
    }

    /// Number of words of a text that are terms; parts of compounds do not make a passage longer.
    pub fn length(text: &str, language: Language) -> usize {
        words(text).filter(|(_, word)| term(&fold(word), language).is_some()).count()
    }

    /// Stems of a German compound's parts.
    fn parts(&self, folded: &str, language: Language) -> Vec<String> {
        if language != Language::German {
            return Vec::new();
        }
        self.compounds.split(&german_form(folded)).iter().map(|part| german_stem(part)).collect()
    }

    /// Numbers of a passage's terms (ascending, once each) and their weights: the part of BM25 that the passage
    /// brings, `tf / (tf + k1 (1 - b + b length / average))`, as Lucene computes it (no factor k1 + 1).
    /// The index multiplies by the question's weight and by `ln(1 + (N - n + 0.5) / (n + 0.5))`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "weights are stored as the engine keeps them"
    )]
    pub fn passage(&self, text: &str, language: Language) -> (Vec<u32>, Vec<f32>) {
        let mut counts: BTreeMap<u32, f64> = BTreeMap::new();
        let mut length = 0.0;
        for (_, word) in words(text) {
            let folded = fold(word);
            let Some(whole) = term(&folded, language) else { continue };
            length += 1.0;
            *counts.entry(hashing::of(&whole)).or_default() += 1.0;
            for part in self.parts(&folded, language) {
                *counts.entry(hashing::of(&part)).or_default() += PART_IN_PASSAGE;
            }
        }
        let average = if self.average_terms > 0.0 { self.average_terms } else { length };
        let norm = K1 * (1.0 - B + B * length / f64::max(average, 1.0));
        counts.into_iter().map(|(hash, count)| (hash, (count / (count + norm)) as f32)).unzip()
    }

    /// Numbers of a question's terms (ascending, once each) and their weights: counts of its words, and with less
    /// weight parts of compounds, other names of the same thing in four languages, and the terms that its words
    /// would have in the other languages (names are written alike everywhere, but stemmed differently).
    pub fn query(&self, text: &str, language: Option<Language>) -> (Vec<u32>, Vec<f32>) {
        let mut weights: BTreeMap<u32, f32> = BTreeMap::new();
        for wanted in self.wanted(text, language) {
            for (hash, share) in wanted.searched() {
                let counted =
                    if wanted.own.contains(&hash) { share } else { share * discount(share) };
                *weights.entry(hash).or_default() += counted * wanted.weight;
            }
        }
        weights.into_iter().unzip()
    }

    /// Terms of a question by the analysis of one language and nothing more, each with its count: plain BM25.
    pub fn plain_query(text: &str, language: Language) -> (Vec<u32>, Vec<f32>) {
        let mut counts: BTreeMap<u32, f32> = BTreeMap::new();
        for (_, word) in words(text) {
            if let Some(whole) = term(&fold(word), language) {
                *counts.entry(hashing::of(&whole)).or_default() += 1.0;
            }
        }
        counts.into_iter().unzip()
    }

    /// The words of a question that look for something, in order.
    pub(super) fn wanted(&self, text: &str, language: Option<Language>) -> Vec<Wanted> {
        let mut all: Vec<Wanted> =
            words(text).filter_map(|(_, word)| self.one_wanted(word, language)).collect();
        let said: HashSet<u32> = all.iter().flat_map(|wanted| wanted.own.iter().copied()).collect();
        for wanted in &mut all {
            for hash in wanted.own.clone() {
                for (other, share) in concepts::alternatives_of_expression(hash, &said) {
                    raise(&mut wanted.terms, other, OTHER_NAME * share);
                }
            }
        }
        all
    }

    fn one_wanted(&self, word: &str, language: Option<Language>) -> Option<Wanted> {
        let folded = fold(word);
        if language.is_some_and(|language| term(&folded, language).is_none()) {
            return None;
        }
        let mut wanted = Wanted { weight: 1.0, ..Wanted::default() };
        for other in Language::ALL {
            let Some(stem) = term(&folded, other) else { continue };
            let hash = hashing::of(&stem);
            let is_own = language.is_none_or(|language| language == other);
            raise(&mut wanted.terms, hash, if is_own { 1.0 } else { FOREIGN });
            if is_own && !wanted.own.contains(&hash) {
                wanted.own.push(hash);
                wanted.stem = stem;
            }
        }
        if wanted.terms.is_empty() {
            return None;
        }
        if stop_words::asks(&folded) {
            wanted.weight = ASKING;
            return Some(wanted);
        }
        if language.is_none_or(|language| language == Language::German) {
            let parts = self.parts(&folded, Language::German);
            wanted.parts = parts
                .iter()
                .map(|part| hashing::of(part))
                .map(|own| Part { own, names: concepts::alternatives(own) })
                .collect();
        }
        for hash in wanted.own.clone() {
            add_names(&mut wanted, hash, OTHER_NAME);
        }
        Some(wanted)
    }

    /// How rare a word is: `ln(1 + (N - n + 0.5) / (n + 0.5))` over passages of a hundred words, those that were
    /// learned and as many of others' that a single sheet does not make each of its words common.
    pub(super) fn rarity(&self, own: &[u32]) -> f64 {
        let seen = own.iter().map(|&hash| self.compounds.frequency(hash)).max().unwrap_or(0);
        let all = self.compounds.learned() as f64 / 100.0 + OTHERS;
        let having = f64::from(seen) + OTHERS * OTHERS_HAVING;
        let is_common = own.iter().any(|&hash| common::contains(hash));
        let most = if is_common { COMMON_MOST } else { RARITY_MOST };
        inverse_frequency(having.min(all), all).min(most)
    }

    /// How much it tells that a word was never learned, from 0 to 1: of a single sheet nothing, of a shelf a lot.
    pub(super) fn experience(&self) -> f64 {
        let learned = self.compounds.learned() as f64 / 100.0;
        learned / (learned + EXPERIENCED)
    }
}

/// `ln(1 + (N - n + 0.5) / (n + 0.5))` as Lucene has it: never below 0.
pub(super) fn inverse_frequency(having: f64, all: f64) -> f64 {
    (1.0 + (all - having + 0.5) / (having + 0.5)).ln()
}

fn add_names(wanted: &mut Wanted, hash: u32, weight: f32) {
    for (other, share) in concepts::alternatives(hash) {
        raise(&mut wanted.terms, other, weight * share);
    }
}

/// Terms beside the word itself add up where several stand in one passage; they get less the weaker they are.
fn discount(share: f32) -> f32 {
    if share >= FOREIGN { 1.0 } else { 0.8 }
}

fn raise(terms: &mut HashMap<u32, f32>, hash: u32, weight: f32) {
    let share = terms.entry(hash).or_insert(0.0);
    *share = share.max(weight);
}
