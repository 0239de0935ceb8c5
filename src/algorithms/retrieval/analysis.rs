//! From running text to terms, as Lucene's analyzers of the four languages do it.

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use crate::algorithms::retrieval::{Language, porter, stop_words};

/// Longest word that is a term; longer ones are data, not language (Lucene's limit).
const LETTERS_MAX: usize = 255;

/// Words of a text with the byte at which they begin (Unicode's word boundaries, as Lucene's tokenizer).
pub(super) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.unicode_word_indices().filter(|(_, word)| word.len() <= LETTERS_MAX)
}

/// Lower case in one form of writing: `ﬁ` is `fi`, `CO₂` is `co2`, `’` is `'`, `1'000` is `1000`.
pub(super) fn fold(word: &str) -> String {
    let lower = if word.is_ascii() {
        word.to_ascii_lowercase()
    } else {
        word.nfkc().collect::<String>().to_lowercase()
    };
    let plain = lower.replace(['’', 'ʼ'], "'");
    let grouped = plain.contains('\'')
        && plain.chars().all(|letter| letter.is_ascii_digit() || matches!(letter, '\'' | '.'));
    if grouped { plain.replace('\'', "") } else { plain }
}

/// The term of a folded word; absent for stop words.
pub(super) fn term(folded: &str, language: Language) -> Option<String> {
    match language {
        Language::English => {
            let word = folded.strip_suffix("'s").unwrap_or(folded);
            (!word.is_empty() && !stop_words::contains(language, word)).then(|| porter::stem(word))
        }
        Language::German => {
            (!stop_words::contains(language, folded)).then(|| german_stem(&german_form(folded)))
        }
        Language::French => romance(folded, language, FRENCH_ELISIONS, Algorithm::French),
        Language::Italian => romance(folded, language, ITALIAN_ELISIONS, Algorithm::Italian),
    }
}

const FRENCH_ELISIONS: &[&str] =
    &["l", "m", "t", "qu", "n", "s", "j", "d", "c", "jusqu", "quoiqu", "lorsqu", "puisqu"];
const ITALIAN_ELISIONS: &[&str] = &[
    "c", "l", "all", "dall", "dell", "nell", "sull", "coll", "pell", "gl", "agl", "dagl", "degl",
    "negl", "sugl", "un", "m", "t", "s", "v", "d", "quest", "quell",
];

/// Elision, stop words, the Snowball stemmer, and letters without accents.
fn romance(
    folded: &str,
    language: Language,
    elisions: &[&str],
    algorithm: Algorithm,
) -> Option<String> {
    let word = match folded.split_once('\'') {
        Some((article, rest)) if elisions.contains(&article) && !rest.is_empty() => rest,
        _ => folded,
    };
    if stop_words::contains(language, word) {
        return None;
    }
    Some(without_accents(&Stemmer::create(algorithm).stem(word)))
}

/// Letters without their accents.
fn without_accents(word: &str) -> String {
    if word.is_ascii() {
        return word.to_owned();
    }
    word.nfd().filter(|letter| !unicode_normalization::char::is_combining_mark(*letter)).collect()
}

/// One spelling of German: `ß` is `ss`, `ä` and `ae` are `a`, `ö` and `oe` are `o`, `ü` and `ue` are `u`
/// (not behind a vowel or `q`: `neue` and `Quelle` stay), as Lucene's normalisation filter.
pub(super) fn german_form(folded: &str) -> String {
    let mut form = String::with_capacity(folded.len());
    let mut before = None;
    let mut letters = folded.chars().peekable();
    while let Some(letter) = letters.next() {
        let follows_e = letters.peek() == Some(&'e');
        match letter {
            'ß' => form.push_str("ss"),
            'ä' => form.push('a'),
            'ö' => form.push('o'),
            'ü' => form.push('u'),
            'a' | 'o' if follows_e => {
                form.push(letter);
                letters.next();
            }
            'u' if follows_e
                && !matches!(before, Some('a' | 'e' | 'i' | 'o' | 'u' | 'q' | 'ä' | 'ö' | 'ü')) =>
            {
                form.push('u');
                letters.next();
            }
            _ => form.push(letter),
        }
        before = Some(letter);
    }
    form
}

/// The light stemmer for German of Savoy (CLEF 2001), which Lucene's `GermanAnalyzer` uses too: case endings only.
pub(super) fn german_stem(form: &str) -> String {
    let mut letters: Vec<char> = without_accents(form).chars().collect();
    strip_cases(&mut letters);
    strip_degrees(&mut letters);
    letters.into_iter().collect()
}

/// Whether an `s` or `st` behind this letter is an ending.
const fn carries_ending(letter: char) -> bool {
    matches!(letter, 'b' | 'd' | 'f' | 'g' | 'h' | 'k' | 'l' | 'm' | 'n' | 't')
}

/// -ern, -em, -en, -er, -es, -e, -s.
fn strip_cases(letters: &mut Vec<char>) {
    let length = letters.len();
    let dropped = match letters[..] {
        [.., 'e', 'r', 'n'] if length > 5 => 3,
        [.., 'e', 'm' | 'n' | 'r' | 's'] if length > 4 => 2,
        [.., 'e'] if length > 3 => 1,
        [.., before, 's'] if length > 3 && carries_ending(before) => 1,
        _ => 0,
    };
    letters.truncate(length - dropped);
}

/// -est, -er, -en, -st.
fn strip_degrees(letters: &mut Vec<char>) {
    let length = letters.len();
    let dropped = match letters[..] {
        [.., 'e', 's', 't'] if length > 5 => 3,
        [.., 'e', 'r' | 'n'] if length > 4 => 2,
        [.., before, 's', 't'] if length > 4 && carries_ending(before) => 2,
        _ => 0,
    };
    letters.truncate(length - dropped);
}
