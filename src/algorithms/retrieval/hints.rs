//! What kind of answer a question wants, and whether a sentence has one.

use crate::algorithms::retrieval::analysis::fold;
use crate::algorithms::retrieval::hints_list::{
    ASKS_DEFINITION, ASKS_MONEY, ASKS_NUMBER, ASKS_PERMISSION, ASKS_SHARE, ASKS_WHEN, ASKS_WHO,
    FRACTIONS, NUMBER_WORDS, SAYS_DEFINITION, SAYS_PERMISSION, SAYS_WHEN, SAYS_WHO, UNITS,
};

/// What an answer must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a question may want several things at once")]
pub(super) struct Hint {
    /// Units of which one must stand beside a number; empty: any number.
    pub units: Vec<&'static [&'static str]>,
    /// A number is asked for.
    pub number: bool,
    /// A date, a year, a time limit.
    pub when: bool,
    /// Somebody: a person or a body.
    pub who: bool,
    /// What a word means.
    pub definition: bool,
    /// Whether something is allowed or must be done.
    pub permission: bool,
}

/// How a sentence meets the hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    /// Nothing particular is asked for.
    NotAsked,
    /// It has what is asked for.
    Yes,
    /// A number of a unit is asked for, and it has none of that unit.
    WithoutUnit,
    /// It has not.
    No,
}

impl Hint {
    /// What a question wants.
    pub(super) fn of(question: &str) -> Self {
        let plain = format!("{} ", plain(question));
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| starts(&plain, phrase));
        let mut units = asked_units(&plain);
        let number = says(ASKS_NUMBER) || !units.is_empty();
        if number {
            if units.is_empty() && ASKS_SHARE.iter().any(|word| plain.contains(word)) {
                units.extend([UNITS[13], FRACTIONS]);
            } else if units.is_empty() && says(ASKS_MONEY) {
                units.extend([UNITS[0], UNITS[1], UNITS[2], UNITS[3], UNITS[13]]);
            }
        }
        let who = says(ASKS_WHO);
        let when = !number && says(ASKS_WHEN);
        let permission = !number && !when && says(ASKS_PERMISSION);
        Self {
            units,
            number,
            when,
            who,
            definition: !number && !when && says(ASKS_DEFINITION),
            permission,
        }
    }

    /// How a sentence (with what names its columns, for the row of a table) meets it.
    pub(super) fn met(&self, sentence: &str, header: &str) -> Met {
        let plain = plain(sentence);
        let wanted: Option<bool> =
            if self.number {
                let any = numbers(&plain).next().is_some();
                if self.units.is_empty() {
                    Some(any)
                } else {
                    if !self.units.iter().any(|unit| {
                        beside_number(&plain, unit) || (any && names_unit(header, unit))
                    }) {
                        return Met::WithoutUnit;
                    }
                    Some(true)
                }
            } else if self.when {
                Some(has_date(&plain))
            } else if self.who {
                Some(SAYS_WHO.iter().any(|word| plain.contains(word)) || has_name(sentence))
            } else if self.permission {
                Some(
                    SAYS_PERMISSION
                        .iter()
                        .any(|word| starts(&format!("{plain} "), &format!("{word} "))),
                )
            } else if self.definition {
                Some(SAYS_DEFINITION.iter().any(|word| plain.contains(word)))
            } else {
                None
            };
        wanted.map_or(Met::NotAsked, |yes| if yes { Met::Yes } else { Met::No })
    }
}

/// Units right behind the question word: «wie viele Stunden», «how many euros per tonne», or where the answer's are told:
/// «in Rappen», «Cent pro Kilowattstunde».
fn asked_units(plain: &str) -> Vec<&'static [&'static str]> {
    let words: Vec<&str> = plain
        .split_whitespace()
        .map(|word| word.trim_matches(|letter: char| !letter.is_alphanumeric()))
        .collect();
    let behind = |at: usize| words.get(at + 1).copied().unwrap_or_default();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let before = at.checked_sub(1).map_or("", |before| words[before]);
        let before_that = at.checked_sub(2).map_or("", |before| words[before]);
        let asked = [
            "viele", "vielen", "viel", "wieviele", "many", "much", "combien", "quanti", "quante",
            "in", "en",
        ]
        .contains(&before)
            || (["de", "d"].contains(&before) && before_that == "combien")
            || (["pro", "per", "par", "je"].contains(&behind(at))
                && !before.starts_with(|letter: char| letter.is_ascii_digit()));
        let word = word.strip_prefix("d'").unwrap_or(word);
        let unit = UNITS.iter().find(|unit| word.chars().count() > 1 && unit.contains(&word));
        found.extend(unit.filter(|_| asked).copied());
    }
    // «wie lange», «how long»: any length of time.
    if found.is_empty()
        && [
            "wie lange",
            "how long",
            "how far behind",
            "combien de temps",
            "quanto tempo",
            "wie weit zurück",
        ]
        .iter()
        .any(|phrase| plain.contains(phrase))
    {
        found.extend(&UNITS[14..=20]);
    }
    found
}

/// Lower case with single blanks; signs stay.
fn plain(text: &str) -> String {
    text.split_whitespace().map(fold).collect::<Vec<_>>().join(" ")
}

/// Whether the phrase stands in the text from the beginning of a word.
fn starts(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(at, _)| {
        text[..at].chars().next_back().is_none_or(|letter| !letter.is_alphanumeric())
    })
}

/// Words of a text that are numbers, with what is behind them.
fn numbers(plain: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = plain;
    std::iter::from_fn(move || {
        loop {
            let trimmed = rest.trim_start_matches(|letter: char| {
                letter.is_whitespace()
                    || matches!(
                        letter,
                        '(' | '['
                            | '|'
                            | '«'
                            | '"'
                            | '≥'
                            | '≤'
                            | '<'
                            | '>'
                            | '±'
                            | '-'
                            | '–'
                            | ':'
                            | ','
                    )
            });
            if trimmed.is_empty() {
                return None;
            }
            let end = trimmed
                .find(|letter: char| letter.is_whitespace() || letter == '|')
                .unwrap_or(trimmed.len());
            let (word, behind) =
                trimmed.split_at(end.max(trimmed.chars().next().map_or(1, char::len_utf8)));
            rest = behind;
            let digits = word.starts_with(|letter: char| letter.is_ascii_digit());
            let bare = word.trim_matches(|letter: char| !letter.is_alphanumeric());
            if digits
                || word.contains(['€', '$'])
                || NUMBER_WORDS.split_whitespace().any(|number| number == bare)
            {
                return Some((word, behind));
            }
        }
    })
}

/// Whether one of the unit's names stands beside a number: `25%`, `0,55 Rappen`, `EUR 20`, `drei aufeinanderfolgende Monate`.
fn beside_number(plain: &str, unit: &[&str]) -> bool {
    let is_unit = |word: &str| {
        let bare = word.trim_matches(|letter: char| {
            !letter.is_alphanumeric() && !matches!(letter, '%' | '€' | '°')
        });
        unit.contains(&bare)
            || bare
                .split('/')
                .next()
                .is_some_and(|first| unit.contains(&first.trim_end_matches('.')))
    };
    let fraction = unit.iter().any(|name| FRACTIONS.contains(name));
    numbers(plain).any(|(word, behind)| {
        let tail = word.trim_start_matches(|letter: char| {
            letter.is_ascii_digit() || matches!(letter, '.' | ',' | '\'' | '-' | '–')
        });
        let close = behind.split_whitespace().take(3).any(is_unit);
        close
            || (!tail.is_empty() && is_unit(tail))
            || (fraction && is_unit(word))
            || word.contains(['€', '%']) && is_unit(tail)
    }) || plain.split_whitespace().zip(plain.split_whitespace().skip(1)).any(|(unit, number)| {
        is_unit(unit) && number.starts_with(|letter: char| letter.is_ascii_digit())
    })
}

/// Whether the header of a table names the unit: `[MW]`, `(GWh)`.
fn names_unit(header: &str, unit: &[&str]) -> bool {
    let lower = header.to_lowercase();
    lower
        .split(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '%' | '€' | '°'))
        .any(|word| unit.contains(&word))
}

fn has_date(plain: &str) -> bool {
    let year = |word: &str| {
        let digits = word.trim_matches(|letter: char| !letter.is_ascii_digit());
        (digits.len() == 4 && (digits.starts_with("19") || digits.starts_with("20")))
            || digits.matches('.').count() == 2
            || digits.matches('/').count() == 2
    };
    let month =
        |word: &str| SAYS_WHEN.contains(&word.trim_matches(|letter: char| !letter.is_alphabetic()));
    plain.split_whitespace().any(|word| year(word) || month(word))
        || UNITS[15..=20].iter().any(|unit| beside_number(plain, unit))
}

/// Whether a word within the sentence begins with a capital letter and another one follows.
fn has_name(sentence: &str) -> bool {
    let capital = |word: &str| word.starts_with(char::is_uppercase);
    let words: Vec<&str> = sentence.split_whitespace().collect();
    words.windows(2).skip(1).any(|pair| capital(pair[0]) && capital(pair[1]))
}
