//! The four languages of documents and questions, and which of them a text is in.

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

use crate::algorithms::retrieval::stop_words;

/// A language whose words Luna takes apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// German, with Swiss spelling.
    German,
    /// French.
    French,
    /// Italian.
    Italian,
    /// English.
    English,
}

/// Votes that a language needs ahead of the next one.
const VOTES_AHEAD: usize = 1;
/// Words beyond which the statistics of letters are trusted before the vote of the stop words.
const WORDS_LONG: usize = 12;

impl Language {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::German, Self::French, Self::Italian, Self::English];

    /// ISO 639-1.
    pub const fn code(self) -> &'static str {
        match self {
            Self::German => "de",
            Self::French => "fr",
            Self::Italian => "it",
            Self::English => "en",
        }
    }

    /// From ISO 639-1 (with or without a region: `de-CH`); absent for every other language.
    pub fn parse(code: &str) -> Option<Self> {
        let primary = code.split(['-', '_']).next().unwrap_or_default().to_lowercase();
        Self::ALL.into_iter().find(|language| language.code() == primary)
    }

    /// The language of a text; absent when it cannot be told (numbers, names, three words).
    ///
    /// Letters in threes (whatlang, only these four languages) tell long texts apart. Questions are short:
    /// there the words that a language cannot do without vote first.
    pub fn detect(text: &str) -> Option<Self> {
        let words: Vec<String> = text.unicode_words().take(400).map(str::to_lowercase).collect();
        let vote = vote(&words);
        if words.len() <= WORDS_LONG && vote.is_some() {
            return vote;
        }
        let letters = by_letters(text);
        match letters {
            Some((language, true)) => Some(language),
            _ => vote.or(letters.filter(|_| words.len() > 3).map(|(language, _)| language)),
        }
    }
}

/// By the statistics of letters, and whether they are sure.
fn by_letters(text: &str) -> Option<(Language, bool)> {
    let four =
        vec![whatlang::Lang::Deu, whatlang::Lang::Fra, whatlang::Lang::Ita, whatlang::Lang::Eng];
    let info = whatlang::Detector::with_allowlist(four).detect(text)?;
    let language = match info.lang() {
        whatlang::Lang::Deu => Language::German,
        whatlang::Lang::Fra => Language::French,
        whatlang::Lang::Ita => Language::Italian,
        _ => Language::English,
    };
    Some((language, info.is_reliable()))
}

/// By the words that a language cannot do without; a word of two languages votes for both.
fn vote(words: &[String]) -> Option<Language> {
    let mut votes: Vec<(usize, Language)> = Language::ALL
        .into_iter()
        .map(|language| {
            let own = |word: &&String| {
                let behind = word.rsplit(['\'', '’']).next().unwrap_or(word);
                let elided = behind.len() < word.len() && word.len() - behind.len() <= 5;
                let elides = matches!(language, Language::French | Language::Italian);
                stop_words::tells(language, word)
                    || (elided && elides && !behind.is_empty() && behind != "s")
            };
            (words.iter().filter(own).count(), language)
        })
        .collect();
    votes.sort_by(|left, right| right.0.cmp(&left.0).then(left.1.cmp(&right.1)));
    match votes[..] {
        [(most, language), (next, _), ..] if most >= next + VOTES_AHEAD && most > 0 => {
            Some(language)
        }
        _ => None,
    }
}
