//! Numbers in running text with their units, however a country writes them.

use std::ops::Range;

/// What a number may be, and what it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number {
    /// What it may mean, as plain decimals without needless zeros: `1,234` is 1.234 here and 1234 there.
    pub values: Vec<String>,
    /// Its unit in one spelling, such as `rp/kwh`; absent where none stands beside it.
    pub unit: Option<String>,
    /// Where its digits stand, in bytes.
    pub span: Range<usize>,
}

impl Number {
    /// Whether both can mean the same: a value in common, and no two different units.
    pub fn agrees(&self, other: &Self) -> bool {
        let same_unit = match (&self.unit, &other.unit) {
            (Some(one), Some(two)) => one == two,
            _ => true,
        };
        same_unit && self.values.iter().any(|value| other.values.contains(value))
    }

    /// The value, where there is no doubt or the first reading will do.
    pub fn value(&self) -> Option<f64> {
        self.values.first()?.parse().ok()
    }
}

/// Spellings of units, the one that stands for all of them first.
const UNITS: &[&[&str]] = &[
    &["rp", "rappen", "cts"],
    &["ct", "cent", "cents"],
    &["chf", "fr", "sfr", "franken", "francs"],
    &["eur", "€", "euro", "euros"],
    &["%", "prozent", "percent", "pourcent"],
    &["kwh"],
    &["mwh"],
    &["gwh"],
    &["wh"],
    &["kw"],
    &["mw"],
    &["kva"],
    &["kwp"],
    &["w", "watt"],
    &["v", "volt"],
    &["kv"],
    &["a", "ampere"],
    &["°c", "℃"],
    &["mm"],
    &["cm"],
    &["m", "meter", "metern", "metres"],
    &["km"],
    &["kg"],
    &["l", "liter"],
    &["m2", "m²"],
    &["m3", "m³"],
    &["h", "std", "stunde", "stunden", "hour", "hours", "heures", "ore"],
    &["min", "minute", "minuten", "minutes", "minuti"],
    &["s", "sek", "sekunden", "seconds"],
    &["d", "tag", "tage", "tagen", "day", "days", "jours", "giorni"],
    &["week", "woche", "wochen", "weeks", "semaines"],
    &["mon", "monat", "monate", "monaten", "month", "months", "mois", "mesi"],
    &["y", "jahr", "jahre", "jahren", "year", "years", "ans", "anni"],
];

/// Units that also stand before their number.
const BEFORE: [&str; 2] = ["chf", "eur"];

/// Letters that part thousands.
const fn parts_thousands(letter: char) -> bool {
    matches!(letter, '\'' | '’' | '\u{2009}' | '\u{202f}')
}

/// The numbers of `text` in order.
pub(super) fn numbers(text: &str) -> Vec<Number> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(|letter: char| letter.is_ascii_digit()) {
        let start = at + start;
        let end = start + written_length(&text[start..]);
        at = end + digit_of_unit(&text[end..]);
        // Digits within a word, such as those of a model's name, count as the number they are.
        let (unit, values) = (unit_around(text, start, end), readings(&text[start..end]));
        match values {
            Some(values) => found.push(Number { values, unit, span: start..end }),
            None => found.extend(pieces(text, start, end)),
        }
    }
    found
}

/// Bytes up to behind the digit of «m2» or «m3», which is no number of its own; 0 where none stands.
fn digit_of_unit(behind: &str) -> usize {
    let trimmed = behind.trim_start_matches([' ', '\u{a0}', '\u{202f}']);
    let word = first_word(trimmed);
    let has_digit = word.ends_with(|letter: char| letter.is_ascii_digit());
    if has_digit { behind.len() - trimmed.len() + word.len() } else { 0 }
}

/// Bytes of the number that `text` begins with, inner separators included.
fn written_length(text: &str) -> usize {
    let letters: Vec<(usize, char)> = text.char_indices().collect();
    let mut end = 0;
    for (index, (at, letter)) in letters.iter().enumerate() {
        let next_is_digit = letters.get(index + 1).is_some_and(|(_, next)| next.is_ascii_digit());
        let inner = parts_thousands(*letter) || matches!(letter, '.' | ',');
        if letter.is_ascii_digit() {
            end = at + 1;
        } else if !(inner && next_is_digit) {
            break;
        }
    }
    end
}

/// What the digits may mean; absent where they are several numbers in a row, such as a date.
fn readings(written: &str) -> Option<Vec<String>> {
    let plain: String = written.chars().filter(|letter| !parts_thousands(*letter)).collect();
    let dots = plain.matches('.').count();
    let commas = plain.matches(',').count();
    let without = |letter: char| plain.replace(letter, "");
    let in_threes = |letter: char| {
        let mut groups = plain.split(letter);
        let first = groups.next().unwrap_or_default();
        (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3)
    };
    let all = match (dots, commas) {
        (1, 0) if in_threes('.') => vec![plain.clone(), without('.')],
        (0, 1) if in_threes(',') => vec![plain.replace(',', "."), without(',')],
        (0 | 1, 0) => vec![plain.clone()],
        (0, 1) => vec![plain.replace(',', ".")],
        (_, 0) if in_threes('.') => vec![without('.')],
        (0, _) if in_threes(',') => vec![without(',')],
        (_, 1) if plain.rfind(',') > plain.rfind('.') => vec![without('.').replace(',', ".")],
        (1, _) if plain.rfind('.') > plain.rfind(',') => vec![without(',')],
        _ => return None,
    };
    Some(all.iter().map(|value| shortest(value)).collect())
}

/// Each run of digits on its own.
fn pieces(text: &str, start: usize, end: usize) -> Vec<Number> {
    let mut all = Vec::new();
    let mut from = start;
    for piece in text[start..end].split(|letter: char| !letter.is_ascii_digit()) {
        let at = text[from..end].find(piece).map_or(from, |offset| from + offset);
        if !piece.is_empty() {
            let span = at..at + piece.len();
            all.push(Number { values: vec![shortest(piece)], unit: None, span });
        }
        from = (at + piece.len()).min(end);
    }
    all
}

/// `06.50` → `6.5`.
fn shortest(value: &str) -> String {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// The unit behind the number, else the currency before it.
fn unit_around(text: &str, start: usize, end: usize) -> Option<String> {
    let behind = text[end..].trim_start_matches([' ', '\u{a0}', '\u{202f}']);
    if let Some(unit) = unit_at(behind) {
        return Some(unit);
    }
    let before = text[..start].trim_end_matches([' ', '\u{a0}', '.', '\u{202f}']);
    let word = before.rsplit(|letter: char| !letter.is_alphabetic() && letter != '€').next()?;
    let known = spelled(word)?;
    // «CHF 0.27/kWh» names what it is for behind the number.
    let per = behind.strip_prefix('/').and_then(|rest| spelled(first_word(rest)));
    let unit = per.map_or_else(|| known.to_owned(), |per| format!("{known}/{per}"));
    BEFORE.contains(&known).then_some(unit)
}

/// The unit that `text` begins with.
pub(super) fn unit_at(text: &str) -> Option<String> {
    let word = first_word(text);
    let known = spelled(word)?;
    let rest = text[word.len()..].trim_start_matches('.').trim_start();
    let per = ["/", "pro ", "per ", "par ", "je "].iter().find_map(|mark| {
        let rest = rest.strip_prefix(mark)?.trim_start();
        spelled(first_word(rest))
    });
    Some(per.map_or_else(|| known.to_owned(), |per| format!("{known}/{per}")))
}

fn first_word(text: &str) -> &str {
    let in_word = |letter: char| {
        letter.is_alphabetic() || matches!(letter, '%' | '€' | '°' | '²' | '³' | '℃')
    };
    let end = text.find(|letter: char| !in_word(letter)).unwrap_or(text.len());
    // «m2» and «m3» are written with digits, too.
    let with_digit = text[..end].eq_ignore_ascii_case("m")
        && text[end..].starts_with(['2', '3'])
        && !text[end + 1..].starts_with(|letter: char| letter.is_ascii_alphanumeric());
    if with_digit { &text[..=end] } else { &text[..end] }
}

fn spelled(word: &str) -> Option<&'static str> {
    let lower = word.to_lowercase();
    let found = UNITS.iter().find(|spellings| spellings.contains(&lower.as_str()));
    found.map(|spellings| spellings[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(Vec<String>, Option<String>)> {
        numbers(text).into_iter().map(|number| (number.values, number.unit)).collect()
    }

    fn one(text: &str) -> (String, String) {
        let all = read(text);
        assert_eq!(all.len(), 1, "{text}: {all:?}");
        (all[0].0.join("|"), all[0].1.clone().unwrap_or_default())
    }

    #[test]
    fn numbers_are_read_as_countries_write_them() {
        for (text, values, unit) in [
            ("6.00 Rp./kWh", "6", "rp/kwh"),
            ("6,50 Rappen pro kWh", "6.5", "rp/kwh"),
            ("CHF 0.27/kWh", "0.27", "chf/kwh"),
            ("0.27 CHF / kWh", "0.27", "chf/kwh"),
            ("Fr. 1'234.50", "1234.5", "chf"),
            ("1.234,50 €", "1234.5", "eur"),
            ("1,234.50 EUR", "1234.5", "eur"),
            ("1,234", "1.234|1234", ""),
            ("30 kW", "30", "kw"),
            ("100\u{a0}%", "100", "%"),
            ("45 m2", "45", "m2"),
            ("bis 10 °C", "10", "°c"),
            ("innert 30 Tagen.", "30", "d"),
            ("0050", "50", ""),
        ] {
            assert_eq!(one(text), (values.to_owned(), unit.to_owned()), "{text}");
        }
    }

    #[test]
    fn dates_and_clauses_are_several_numbers() {
        let all = read("am 1.1.2023 nach Ziffer 4.2.1");
        let values: Vec<String> = all.into_iter().map(|(values, _)| values.join("|")).collect();
        assert_eq!(values, ["1", "1", "2023", "4", "2", "1"]);
        let text = "am 17.3.2022";
        let spans: Vec<&str> = numbers(text).into_iter().map(|number| &text[number.span]).collect();
        assert_eq!(spans, ["17", "3", "2022"]);
    }

    #[test]
    fn numbers_agree_by_value_and_unit() {
        let number = |text: &str| numbers(text).remove(0);
        assert!(number("6 Rp./kWh").agrees(&number("6.00 Rappen/kWh")));
        assert!(number("6 Rp./kWh").agrees(&number("6.00")));
        assert!(!number("6 Rp./kWh").agrees(&number("6 CHF")));
        assert!(!number("6.5 Rp.").agrees(&number("6 Rp.")));
        assert!(number("1234").agrees(&number("1,234")));
    }

    #[test]
    fn any_text_can_be_read() {
        for text in ["", "…", "12.", "1,", ",5", "5'", "ä5ö", "1.2.3,4,5", "😀7😀", "9’", "m2"]
        {
            for number in numbers(text) {
                assert!(text.get(number.span.clone()).is_some(), "{text}");
                assert!(!number.values.is_empty());
            }
        }
    }
}
