//! Whether what a model wrote stands in the passages it names: quote ids, words, numbers, negations.
//!
//! Nothing here trusts the model: a sentence counts as supported only when it names a passage that
//! exists, most of its words stand there, each of its numbers stands there with the same unit, and it
//! is negated exactly when the passage is.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::numbers::{Number, numbers};

/// Part of a sentence's words that must stand in the passages it names.
const WORDS_SHARE_MIN: f64 = 0.6;
/// Sentences of a passage that a quote may span.
const QUOTE_SENTENCES_MAX: usize = 3;
/// Words that turn a statement around, in the four languages.
const NEGATIONS: &[&str] = &[
    "nicht", "kein", "keine", "keinen", "keinem", "keiner", "keines", "nie", "niemals", "weder",
    "ohne", "not", "no", "never", "neither", "without", "cannot", "nor", "pas", "aucun", "aucune",
    "jamais", "sans", "ni", "non", "nessun", "nessuna", "nessuno", "mai", "senza", "né",
];

/// How texts are read: their terms without stop words, and their sentences.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    /// Terms of a text as the index knows them.
    pub terms: &'a dyn Fn(&str) -> Vec<String>,
    /// Sentences of a text, in order.
    pub sentences: &'a dyn Fn(&str) -> Vec<Range<usize>>,
}

/// Why a sentence does not count as supported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "why")]
#[schema(as = UnsupportedBecause)]
pub enum Unsupported {
    /// It names no passage.
    NoQuote,
    /// It names a passage that was not given.
    UnknownQuote {
        /// The number it names.
        quote: u32,
    },
    /// A number does not stand in the passages it names.
    Number {
        /// As the model wrote it.
        written: String,
    },
    /// Too few of its words stand in the passages it names.
    Words,
    /// It says no where the passage does not, or the other way round.
    Negation,
    /// The quote did not prove true against the stored text.
    Unproven,
}

/// A sentence of the model with what came of the check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checked {
    /// The sentence without its quote ids.
    pub text: String,
    /// The passages it names, in order, once each.
    pub cites: Vec<u32>,
    /// Where in each named passage it is supported, in bytes of the passage; only when it is.
    pub spans: Vec<(u32, Range<usize>)>,
    /// Why it is not supported.
    pub wrong: Option<Unsupported>,
}

/// Checks each sentence of `written`; the passage `[n]` is `passages[n - 1]`.
pub(super) fn check(written: &str, passages: &[&str], reading: Reading<'_>) -> Vec<Checked> {
    let mut all = Vec::new();
    for line in written.lines() {
        let line = citations_inside(without_bullet(line.trim()));
        for span in (reading.sentences)(&line) {
            let (text, cites) = taken_apart(line.get(span).unwrap_or_default());
            if !text.chars().any(char::is_alphanumeric) {
                continue;
            }
            all.push(judged(text, cites, passages, reading));
        }
    }
    all
}

fn judged(text: String, cites: Vec<u32>, passages: &[&str], reading: Reading<'_>) -> Checked {
    let found = supported(&text, &cites, passages, reading);
    let (spans, wrong) = match found {
        Ok(spans) => (spans, None),
        Err(wrong) => (Vec::new(), Some(wrong)),
    };
    Checked { text, cites, spans, wrong }
}

type Spans = Vec<(u32, Range<usize>)>;

fn supported(
    text: &str,
    cites: &[u32],
    passages: &[&str],
    reading: Reading<'_>,
) -> Result<Spans, Unsupported> {
    if cites.is_empty() {
        return Err(Unsupported::NoQuote);
    }
    let mut named = Vec::new();
    for id in cites {
        let passage = usize::try_from(*id).ok().and_then(|id| passages.get(id.checked_sub(1)?));
        named.push((*id, *passage.ok_or(Unsupported::UnknownQuote { quote: *id })?));
    }
    let (terms, counted) = (terms_of(text, reading), numbers(text));
    let there: BTreeSet<String> =
        named.iter().flat_map(|(_, passage)| (reading.terms)(passage)).collect();
    let known = terms.iter().filter(|term| there.contains(*term)).count();
    if !terms.is_empty() && (known as f64) < WORDS_SHARE_MIN * terms.len() as f64 {
        return Err(Unsupported::Words);
    }
    let windows: Vec<(u32, &str, Range<usize>)> = named
        .iter()
        .map(|(id, passage)| (*id, *passage, best_window(passage, &terms, &counted, reading)))
        .collect();
    let missing = counted.iter().find(|number| {
        let stands = |(_, passage, span): &(u32, &str, Range<usize>)| {
            numbers(&passage[span.clone()]).iter().any(|other| number.agrees(other))
        };
        !windows.iter().any(stands)
    });
    if let Some(number) = missing {
        return Err(Unsupported::Number { written: text[number.span.clone()].to_owned() });
    }
    // The window that carries most of the sentence decides about yes and no.
    let carrying = windows
        .iter()
        .max_by_key(|(_, passage, span)| worth(&passage[span.clone()], &terms, &counted, reading));
    if let Some((_, passage, span)) = carrying
        && is_negated(text) != is_negated(nearest_sentence(&passage[span.clone()], &terms, reading))
    {
        return Err(Unsupported::Negation);
    }
    Ok(windows.into_iter().map(|(id, _, span)| (id, span)).collect())
}

/// Terms of a sentence without what its numbers account for.
fn terms_of(text: &str, reading: Reading<'_>) -> BTreeSet<String> {
    let all = (reading.terms)(text).into_iter();
    all.filter(|term| !term.chars().any(|letter| letter.is_ascii_digit())).collect()
}

/// Numbers and words of the sentence that stand in `part`; a number weighs as much as three words.
fn worth(part: &str, terms: &BTreeSet<String>, counted: &[Number], reading: Reading<'_>) -> usize {
    let (there, stand): (BTreeSet<String>, Vec<Number>) =
        ((reading.terms)(part).into_iter().collect(), numbers(part));
    let words = terms.intersection(&there).count();
    let found = |number: &&Number| stand.iter().any(|other| number.agrees(other));
    words + 3 * counted.iter().filter(found).count()
}

/// The few sentences in a row that hold most of the statement; fewer are better, then earlier ones.
fn best_window(
    passage: &str,
    terms: &BTreeSet<String>,
    counted: &[Number],
    reading: Reading<'_>,
) -> Range<usize> {
    let sentences = (reading.sentences)(passage);
    let mut best: Option<(usize, Range<usize>)> = None;
    for length in 1..=QUOTE_SENTENCES_MAX {
        for some in sentences.windows(length) {
            let (Some(first), Some(last)) = (some.first(), some.last()) else { continue };
            let span = first.start..last.end;
            let Some(part) = passage.get(span.clone()) else { continue };
            let worth = worth(part, terms, counted, reading);
            if best.as_ref().is_none_or(|(most, _)| worth > *most) {
                best = Some((worth, span));
            }
        }
    }
    best.map_or(0..passage.len(), |(_, span)| span)
}

/// The sentence of a quote that says most of the statement.
fn nearest_sentence<'a>(part: &'a str, terms: &BTreeSet<String>, reading: Reading<'_>) -> &'a str {
    let sentences = (reading.sentences)(part).into_iter().filter_map(|span| part.get(span));
    sentences.max_by_key(|sentence| worth(sentence, terms, &[], reading)).unwrap_or(part)
}

/// Whether a statement says no an odd number of times.
fn is_negated(text: &str) -> bool {
    let words = text.split(|letter: char| !letter.is_alphabetic());
    let count = words.filter(|word| {
        let word = word.to_lowercase();
        NEGATIONS.contains(&word.as_str())
    });
    count.count() % 2 == 1
}

/// A line without the sign of a list before it.
fn without_bullet(line: &str) -> &str {
    let rest = line.trim_start_matches(['-', '*', '•', '–']).trim_start();
    let digits = rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    match rest[digits..].strip_prefix(['.', ')']) {
        Some(behind) if (1..=2).contains(&digits) && behind.starts_with(' ') => behind.trim_start(),
        _ => rest,
    }
}

/// The line with the quote ids behind a full stop moved before it, so that they stay in their sentence.
fn citations_inside(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['.', '!', '?']) {
        let (before, behind) = rest.split_at(at);
        let closing = behind.len()
            - behind.trim_start_matches(['.', '!', '?', '"', '»', '”', ')', '\'']).len();
        let (closing, after) = behind.split_at(closing);
        out.push_str(before);
        let mut ids = String::new();
        let mut tail = after;
        while let Some((id, behind)) = leading_citation(tail.trim_start()) {
            ids.push_str(id);
            tail = behind;
        }
        if ids.is_empty() {
            out.push_str(closing);
            rest = after;
        } else {
            out.push(' ');
            out.push_str(&ids);
            out.push_str(closing);
            rest = tail;
        }
    }
    out + rest
}

/// `[1]` or `[1, 2]` at the beginning of a text, and what stands behind it.
fn leading_citation(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(']')?;
    let is_list = |part: &str| {
        let part = part.trim();
        !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    inner[..end].split([',', ';']).all(is_list).then(|| text.split_at(end + 2))
}

/// The sentence without quote ids, and the ids.
fn taken_apart(sentence: &str) -> (String, Vec<u32>) {
    let (mut text, mut cites) = (String::with_capacity(sentence.len()), Vec::new());
    let mut rest = sentence;
    while let Some(at) = rest.find('[') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some((id, behind)) = leading_citation(rest) else {
            text.push('[');
            rest = &rest[1..];
            continue;
        };
        let ids = id.trim_matches(['[', ']']).split([',', ';']);
        for id in ids.filter_map(|id| id.trim().parse().ok()) {
            if !cites.contains(&id) {
                cites.push(id);
            }
        }
        // No space is left before the full stop.
        text.truncate(text.trim_end().len());
        rest = behind;
    }
    text.push_str(rest);
    (text.trim().to_owned(), cites)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARIFF: &str = "Die Vergütung richtet sich nach dem Zeitpunkt der Einspeisung. \
        Für Anlagen bis 30 kW beträgt die Vergütung mindestens 6.00 Rp./kWh, auch bei negativem \
        Marktpreis. Für grössere Anlagen gelten die Ansätze in Ziffer 4.";
    const BATTERY: &str = "Der Speicher ist in einem trockenen Kellerraum aufzustellen. Er darf \
        nicht im Treppenhaus stehen.";

    fn words(text: &str) -> Vec<String> {
        let all = text.split(|letter: char| !letter.is_alphanumeric());
        all.map(str::to_lowercase).filter(|word| word.chars().count() > 3).collect()
    }

    /// Full stops that a capital letter follows end a sentence.
    fn sentences(text: &str) -> Vec<Range<usize>> {
        let (mut all, mut from) = (Vec::new(), 0);
        for (at, _) in text.match_indices(". ") {
            if text[at + 2..].starts_with(|letter: char| letter.is_uppercase()) {
                all.push(from..at + 1);
                from = at + 2;
            }
        }
        all.push(from..text.len());
        all
    }

    fn verdicts(written: &str) -> Vec<Checked> {
        check(written, &[TARIFF, BATTERY], Reading { terms: &words, sentences: &sentences })
    }

    fn wrong(written: &str) -> Option<Unsupported> {
        let mut all = verdicts(written);
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0).wrong
    }

    #[test]
    fn a_sentence_that_stands_in_its_passage_is_supported_by_the_sentence_that_says_so() {
        let all =
            verdicts("Anlagen bis 30 kW erhalten eine Vergütung von mindestens 6 Rp./kWh [1].");
        assert_eq!(all[0].wrong, None, "{all:?}");
        assert_eq!(all[0].cites, [1]);
        let (id, span) = all[0].spans[0].clone();
        let quote = &TARIFF[span];
        assert_eq!(id, 1);
        assert!(quote.starts_with("Für Anlagen bis 30 kW") && quote.ends_with("Marktpreis."));
        assert!(!all[0].text.contains('['));
        assert!(all[0].text.ends_with("Rp./kWh."), "{}", all[0].text);
    }

    #[test]
    fn a_lie_is_marked_with_what_is_wrong() {
        let number = |written: &str| Some(Unsupported::Number { written: written.to_owned() });
        for (written, why) in [
            (
                "Anlagen bis 30 kW erhalten eine Vergütung von mindestens 8 Rp./kWh [1].",
                number("8"),
            ),
            ("Anlagen bis 30 kW erhalten eine Vergütung von mindestens 6 CHF [1].", number("6")),
            (
                "Anlagen bis 30 kW erhalten eine Vergütung von mindestens 6 Rp./kWh.",
                Some(Unsupported::NoQuote),
            ),
            (
                "Anlagen bis 30 kW erhalten eine Vergütung von mindestens 6 Rp./kWh [7].",
                Some(Unsupported::UnknownQuote { quote: 7 }),
            ),
            ("Luna überweist jeden Sonntag Geld an fremde Konten [1].", Some(Unsupported::Words)),
            ("Der Speicher darf im Treppenhaus stehen [2].", Some(Unsupported::Negation)),
            ("Der Speicher darf nicht im Treppenhaus stehen [2].", None),
            (
                "Der Speicher darf nicht im Treppenhaus stehen [0].",
                Some(Unsupported::UnknownQuote { quote: 0 }),
            ),
        ] {
            assert_eq!(wrong(written), why, "{written}");
        }
    }

    #[test]
    fn quote_ids_behind_the_full_stop_belong_to_the_sentence_before() {
        let all = verdicts(
            "Der Speicher darf nicht im Treppenhaus stehen. [2] Die Vergütung richtet sich nach dem \
             Zeitpunkt der Einspeisung.[1][2]\n- Der Speicher ist im Kellerraum aufzustellen [2, 2]",
        );
        let cites: Vec<&[u32]> = all.iter().map(|one| one.cites.as_slice()).collect();
        assert_eq!(cites, [&[2][..], &[1, 2], &[2]], "{all:?}");
        assert!(all.iter().all(|one| one.wrong.is_none()), "{all:?}");
        assert_eq!(all[2].text, "Der Speicher ist im Kellerraum aufzustellen");
    }

    #[test]
    fn brackets_that_name_nothing_stay() {
        let (text, cites) = taken_apart("Siehe [Anhang] und [12345] [3].");
        assert_eq!((text.as_str(), cites), ("Siehe [Anhang] und [12345].", vec![3]));
    }

    #[test]
    fn nothing_is_checked_where_nothing_is_said() {
        assert_eq!(verdicts("\n\n- \n[1]\n…"), []);
        for odd in ["[", "]", "[[1]", "1. ", "😀 [1]", "a.[1", ".", "?!»[2]"] {
            drop(verdicts(odd));
        }
    }
}
