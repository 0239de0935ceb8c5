//! Numbers as spreadsheets of several countries write them.

/// What separates the whole part of a number from its fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DecimalMark {
    Point,
    Comma,
}

/// How many numbers of a column use which mark; the majority decides for the whole column.
#[derive(Debug, Default)]
pub(super) struct MarkCount {
    commas: u64,
    points: u64,
}

impl MarkCount {
    /// Takes one cell into account; in `1.234,5` the later mark is the decimal one.
    pub fn add(&mut self, text: &str) {
        match (text.rfind(','), text.rfind('.')) {
            (Some(comma), Some(point)) if comma > point => self.commas += 1,
            (Some(_), None) => self.commas += 1,
            (_, Some(_)) => self.points += 1,
            (None, None) => {}
        }
    }

    /// The mark of the column.
    pub const fn mark(&self) -> DecimalMark {
        if self.commas > self.points { DecimalMark::Comma } else { DecimalMark::Point }
    }
}

/// Whether a cell says that there is no value.
pub(super) fn is_missing(text: &str) -> bool {
    let text = text.trim();
    text.is_empty()
        || ["-", "na", "n/a", "n/e", "null", "none", "#n/a", "<na>"]
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word))
}

/// The finite number a cell states, or what is wrong with it.
///
/// Marks of thousands are taken only where the decimal mark is there too and the groups have three
/// digits (`1.234,56`): a lone `1.234` in a column of decimal commas could be either, and a price
/// that is wrong by a factor of thousand is worse than a refusal.
pub(super) fn parse_number(text: &str, mark: DecimalMark) -> Result<f64, String> {
    let text = text.trim();
    let shown = || text.chars().take(40).collect::<String>();
    let refuse = || format!("'{}' is not a number", shown());
    let mut plain = text.replace('\u{2212}', "-");
    let (decimal, group) = match mark {
        DecimalMark::Point => ('.', ','),
        DecimalMark::Comma => (',', '.'),
    };
    if plain.contains(group) {
        plain = without_groups(&plain, decimal, group).ok_or_else(refuse)?;
    }
    if decimal == ',' {
        plain = plain.replace(',', ".");
    }
    let value: f64 = plain.parse().map_err(|_| refuse())?;
    if value.is_finite() { Ok(value) } else { Err(format!("'{}' is not a finite number", shown())) }
}

fn without_groups(text: &str, decimal: char, group: char) -> Option<String> {
    let (whole, fraction) = text.split_once(decimal)?;
    let mut groups = whole.trim_start_matches(['-', '+']).split(group);
    let first = groups.next()?;
    let sound = (1..=3).contains(&first.len())
        && groups.all(|digits| digits.len() == 3)
        && !fraction.contains(group);
    sound.then(|| text.replace(group, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_several_countries() {
        for (text, mark, value) in [
            ("12.5", DecimalMark::Point, 12.5),
            ("-0.01", DecimalMark::Point, -0.01),
            (" \u{2212}3 ", DecimalMark::Point, -3.0),
            ("1,234.5", DecimalMark::Point, 1234.5),
            ("1e2", DecimalMark::Point, 100.0),
            ("12,5", DecimalMark::Comma, 12.5),
            ("-1.234.567,25", DecimalMark::Comma, -1_234_567.25),
        ] {
            assert_eq!(parse_number(text, mark), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        for (text, mark) in [
            ("1,234", DecimalMark::Point),
            ("1.234", DecimalMark::Comma),
            ("12.34,5", DecimalMark::Comma),
            ("abc", DecimalMark::Point),
            ("", DecimalMark::Point),
        ] {
            assert!(parse_number(text, mark).unwrap_err().ends_with("is not a number"), "{text}");
        }
        for text in ["NaN", "inf", "-Infinity", "1e999"] {
            let refusal = parse_number(text, DecimalMark::Point).unwrap_err();
            assert!(refusal.ends_with("is not a finite number"), "{refusal}");
        }
    }

    #[test]
    fn the_majority_of_a_column_decides_about_its_mark() {
        let mut count = MarkCount::default();
        for text in ["1,5", "2,5", "3.5", "7", "1.000,5"] {
            count.add(text);
        }
        assert_eq!(count.mark(), DecimalMark::Comma);
        assert_eq!(MarkCount::default().mark(), DecimalMark::Point);
    }
}
