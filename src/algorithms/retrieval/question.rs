//! What a question looks for, and how much of it a text has.

use std::collections::{HashMap, HashSet};

use crate::algorithms::retrieval::hints::Hint;
use crate::algorithms::retrieval::lexicon::{OTHER_NAME, Wanted};
use crate::algorithms::retrieval::select::{Ask, Reading};
use crate::algorithms::retrieval::similar::{self, Runs};
use crate::algorithms::retrieval::{Language, Words, hashing};

/// What all parts of a compound together are worth, where the whole is 1.
const PARTS: f64 = 0.9;
/// Least weight of a word.
const WEIGHT_MIN: f64 = 0.05;

/// A question with what its words weigh.
pub(super) struct Question {
    asked: Vec<Asked>,
    years: Vec<String>,
    /// What kind of answer it wants.
    pub hint: Hint,
    /// Share of its names that nothing learned or found has, as far as enough was learned to tell.
    pub unknown_names: f64,
    /// Share of it, weighed by rarity, that nothing learned or found ever says, as far as enough was learned to tell.
    pub unknown: f64,
}

/// A word of a question.
struct Asked {
    wanted: Wanted,
    weight: f64,
    /// How rare each part of a compound is.
    parts: Vec<f64>,
    /// Terms of the passages that are written alike, and how much so.
    alike: HashMap<u32, f64>,
}

impl Asked {
    fn of(wanted: Wanted, words: &Words, vocabulary: &[(u32, Runs)]) -> Self {
        let runs = similar::runs(&wanted.stem);
        let alike = vocabulary
            .iter()
            .map(|(hash, other)| (*hash, similar::alike(&runs, other)))
            .filter(|(_, share)| *share > 0.0)
            .collect();
        Self {
            weight: words.rarity(&wanted.own).max(WEIGHT_MIN) * f64::from(wanted.weight),
            parts: wanted.parts.iter().map(|part| words.rarity(&[part.own])).collect(),
            alike,
            wanted,
        }
    }

    /// How well the word is answered to, from 0 to 1: by itself, by another name, or by its parts, weighed by
    /// rarity: `Vertrag` alone hardly answers to `Handyvertrag`.
    fn value(&self, has: &impl Fn(u32) -> bool) -> f64 {
        // Another name for the thing is nearly as good as the word: it is the ranking that must be careful.
        let best = |shares: &mut dyn Iterator<Item = (u32, f32)>| {
            let had = shares.filter(|(hash, _)| has(*hash));
            had.map(|(_, share)| f64::from(share).sqrt()).fold(0.0, f64::max)
        };
        let whole = best(&mut self.wanted.terms.iter().map(|(&hash, &share)| (hash, share)));
        let of_parts = self.wanted.parts.iter().zip(&self.parts).map(|(part, rarity)| {
            let names = part.names.iter().map(|(name, share)| (*name, OTHER_NAME * share));
            rarity * best(&mut std::iter::once((part.own, 1.0)).chain(names))
        });
        let all: f64 = self.parts.iter().sum();
        whole.max(if all > 0.0 { PARTS * of_parts.sum::<f64>() / all } else { 0.0 })
    }

    /// The same where words that are written alike count too.
    fn value_alike(&self, terms: &HashSet<u32>) -> f64 {
        let alike = self.alike.iter().filter(|(hash, _)| terms.contains(hash));
        let best = alike.map(|(_, share)| *share).fold(0.0, f64::max);
        best.max(self.value(&|hash| terms.contains(&hash)))
    }
}

impl Question {
    /// The question with what its words weigh, against the passages found.
    pub(super) fn of(ask: &Ask<'_>, read: &[Reading]) -> Self {
        let terms: HashMap<u32, &String> = read
            .iter()
            .flat_map(|reading| reading.vocabulary.iter().map(|(&hash, term)| (hash, term)))
            .collect();
        let vocabulary: Vec<(u32, Runs)> =
            terms.iter().map(|(&hash, term)| (hash, similar::runs(term))).collect();
        let asked = ask.words.wanted(ask.question, ask.language).into_iter();
        let asked = asked.map(|wanted| Asked::of(wanted, ask.words, &vocabulary)).collect();
        let known =
            |hash: u32| terms.contains_key(&hash) || ask.words.compounds.frequency(hash) > 0;
        let (years, names): (Vec<String>, Vec<String>) = names(ask.question, ask.language)
            .into_iter()
            .partition(|name| name.starts_with(|letter: char| letter.is_ascii_digit()));
        let nowhere =
            |name: &&String| !hashing::of_all_languages(name).iter().any(|&hash| known(hash));
        let unknown = names.iter().filter(nowhere).count() as f64 / names.len().max(1) as f64;
        let experience = ask.words.experience();
        let unknown_names = unknown * experience;
        let hint = Hint::of(ask.question);
        let mut question = Self { asked, years, hint, unknown_names, unknown: 0.0 };
        question.unknown = (1.0 - question.share(|asked| asked.value(&known))) * experience;
        question
    }

    /// Share of the question, weighed by rarity, that terms answer to; other names count less than the word itself.
    pub(super) fn said_coverage(&self, terms: &HashSet<u32>) -> f64 {
        self.share(|asked| asked.value(&|hash| terms.contains(&hash)))
    }

    /// The same where words that are written alike count too.
    pub(super) fn coverage(&self, terms: &HashSet<u32>) -> f64 {
        self.share(|asked| asked.value_alike(terms))
    }

    /// Sum of the rarities that terms answer to: one word of two is less sure than five of ten.
    pub(super) fn covered(&self, terms: &HashSet<u32>) -> f64 {
        let has = |hash: u32| terms.contains(&hash);
        self.asked.iter().map(|asked| asked.weight * asked.value(&has)).sum()
    }

    fn share(&self, value: impl Fn(&Asked) -> f64) -> f64 {
        let all: f64 = self.asked.iter().map(|asked| asked.weight).sum();
        let sum: f64 = self.asked.iter().map(|asked| asked.weight * value(asked)).sum();
        if all > 0.0 { sum / all } else { 0.0 }
    }

    /// Share of the question's years that are not among the terms.
    pub(super) fn missing_years(&self, terms: &HashSet<u32>) -> f64 {
        let missing = self.years.iter().filter(|year| !terms.contains(&hashing::of(year))).count();
        missing as f64 / self.years.len().max(1) as f64
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
