//! Lines that look like headings or points of a list, in texts that do not say so themselves.

/// Letters of the longest line that may be a heading.
const HEADING_LETTERS_MAX: usize = 160;
/// Words for parts of a law or a book, and how high they stand.
const PARTS: [(&str, u8); 34] = [
    ("teil", 1),
    ("buch", 1),
    ("titel", 1),
    ("kapitel", 1),
    ("hauptstück", 1),
    ("abschnitt", 2),
    ("unterabschnitt", 3),
    ("anhang", 1),
    ("anlage", 1),
    ("part", 1),
    ("book", 1),
    ("title", 1),
    ("chapter", 1),
    ("section", 2),
    ("annex", 1),
    ("appendix", 1),
    ("schedule", 1),
    ("partie", 1),
    ("livre", 1),
    ("titre", 1),
    ("chapitre", 1),
    ("sous-section", 3),
    ("annexe", 1),
    ("parte", 1),
    ("libro", 1),
    ("titolo", 1),
    ("capitolo", 1),
    ("capo", 1),
    ("sezione", 2),
    ("allegato", 1),
    ("kap.", 1),
    ("chap.", 1),
    ("sect.", 2),
    ("abschn.", 2),
];
/// Words for a provision of a law.
const ARTICLES: [&str; 7] = ["art.", "art", "artikel", "article", "articolo", "§", "§§"];

/// How high a heading of a law or a book stands; absent when the line does not begin like one.
pub(super) fn provision(line: &str) -> Option<u8> {
    let line = line.trim();
    if line.chars().count() > HEADING_LETTERS_MAX {
        return None;
    }
    let (first, rest) = split(line);
    let lower = first.to_lowercase();
    if ARTICLES.contains(&lower.as_str()) || first.strip_prefix('§').is_some_and(is_number) {
        let number = first.strip_prefix('§').filter(|it| !it.is_empty()).unwrap_or(rest);
        let ends = line.ends_with(['.', ';', ',', ':']) && rest.split_whitespace().count() > 2;
        return (is_number(split(number).0) && !ends && !cites(rest)).then_some(3);
    }
    let level = |word: &str| {
        let word = word.trim_end_matches(':').to_lowercase();
        PARTS.iter().find(|(part, _)| *part == word).map(|(_, level)| *level)
    };
    let numbered = is_number(first.trim_end_matches('.')) || is_roman(first.trim_end_matches('.'));
    if numbered {
        // «2. Abschnitt: …», «3a. Kapitel …»
        let (second, _) = split(rest);
        return level(second).filter(|_| !ends_sentence(line));
    }
    let (second, _) = split(rest);
    let second = second.trim_end_matches(['.', ':', '–', '-', ',']);
    let counted = is_number(second) || is_roman(second) || is_letter(second);
    let alone = rest.is_empty() && lower.starts_with("an");
    level(first).filter(|_| (counted || alone) && !ends_sentence(line))
}

/// A sentence that begins with «Art. 5 Absatz 2 gilt …» is no heading.
fn cites(rest: &str) -> bool {
    let mut words = rest.split_whitespace().skip(1);
    let second = words.next().unwrap_or_default().to_lowercase();
    matches!(
        second.as_str(),
        "absatz"
            | "abs."
            | "abs"
            | "satz"
            | "paragraph"
            | "al."
            | "alinéa"
            | "cpv."
            | "gilt"
            | "bis"
            | "und"
            | "oder"
            | "of"
            | "and"
            | "applies"
            | "shall"
            | "is"
            | "ist"
            | "findet"
            | "der"
            | "des"
            | "dieses"
            | "dieser"
    )
}

fn ends_sentence(line: &str) -> bool {
    line.ends_with(['.', ';', ',']) && line.split_whitespace().count() > 4
}

/// The level of «3.2.1 Title», at least two numbers deep; or of «3 Title», when it may be one.
pub(super) fn numbered(line: &str, one_is_enough: bool) -> Option<u8> {
    let (first, rest) = split(line.trim());
    let number = first.strip_suffix(['.', ')']).unwrap_or(first);
    let deep = number.split('.').count();
    let counts = number.split('.').all(|part| {
        !part.is_empty() && part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit())
    });
    if !counts || deep == 1 && !one_is_enough || first.ends_with(')') {
        return None;
    }
    let begins = rest.chars().next().is_some_and(|letter| letter.is_uppercase() || letter == '«');
    let short =
        rest.chars().count() <= 100 && rest.chars().filter(|c| c.is_alphabetic()).count() >= 3;
    let closed = rest.ends_with(['.', ';', ',', ':', '?', '!']);
    (begins && short && !closed).then_some(u8::try_from(deep).unwrap_or(6).min(6))
}

/// Whether every letter is a capital, and there are enough to tell.
pub(super) fn is_shouted(line: &str) -> bool {
    let letters = line.chars().filter(|letter| letter.is_alphabetic());
    let (mut count, mut capitals) = (0, 0);
    for letter in letters {
        count += 1;
        capitals += usize::from(letter.is_uppercase());
    }
    count >= 5
        && capitals == count
        && line.chars().count() <= 90
        && !line.ends_with(['.', ';', ','])
}

/// The point of a list without its mark, where the line begins with one; a number or letter that
/// orders the points belongs to the text and stays.
pub(super) fn point(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let mut letters = line.chars();
    let first = letters.next()?;
    let rest = letters.as_str();
    if matches!(first, '•' | '◦' | '▪' | '■' | '●' | '○' | '‣' | '⁃' | '·' | '➢' | '✓' | '□')
    {
        return Some(rest.trim_start());
    }
    if matches!(first, '-' | '–' | '—' | '*' | '+') && rest.starts_with(' ') {
        let text = rest.trim_start();
        return text.chars().next().is_some_and(char::is_alphanumeric).then_some(text);
    }
    let (mark, rest) = split(line);
    let inner = mark.strip_prefix('(').unwrap_or(mark);
    let ordered = inner.strip_suffix([')', '.']).is_some_and(|inner| {
        is_letter(inner)
            || inner.len() <= 2 && !inner.is_empty() && inner.bytes().all(|b| b.is_ascii_digit())
            || inner.len() <= 5 && !inner.is_empty() && inner.bytes().all(|b| b"ivx".contains(&b))
    });
    (ordered && !rest.is_empty()).then_some(line)
}

fn split(text: &str) -> (&str, &str) {
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (first, rest.trim_start())
}

/// «5», «5a», «5bis», «5.»
fn is_number(text: &str) -> bool {
    let text = text.trim_end_matches([':', '.', '–', '-', ',']);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let tail = &text[digits..];
    (1..=4).contains(&digits)
        && tail.len() <= 10
        && tail.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-')
}

fn is_roman(text: &str) -> bool {
    !text.is_empty() && text.len() <= 6 && text.bytes().all(|byte| b"IVXLC".contains(&byte))
}

fn is_letter(text: &str) -> bool {
    text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provisions_of_four_languages_are_headings_and_sentences_are_not() {
        for (line, level) in [
            ("Art. 5 Netzgebiete und Anschlussgarantie", Some(3)),
            ("Art. 9a a Szenariorahmen", Some(3)),
            ("Art. 7", Some(3)),
            ("§ 12 – Zweck", Some(3)),
            ("§12a Ersatzversorgung", Some(3)),
            ("Article 2 Scope", Some(3)),
            ("Artikel 30", Some(3)),
            ("1. Kapitel: Allgemeine Bestimmungen", Some(1)),
            ("3. Abschnitt:", Some(2)),
            ("2a. Abschnitt Speicher", Some(2)),
            ("CHAPTER IV Goods", Some(1)),
            ("Teil 1", Some(1)),
            ("Anhang 2", Some(1)),
            ("Chapitre II Dispositions", Some(1)),
            ("Art. 5 Absatz 2 gilt für alle Netzbetreiber", None),
            ("Art. 5 regelt, wer wann liefert.", None),
            ("Teil des Netzes sind auch Leitungen", None),
            ("Artikel über Strom", None),
            ("12 Kilowatt sind genug", None),
            ("§ 5 und § 7 gelten", None),
            ("Sectional doors", None),
        ] {
            assert_eq!(provision(line), level, "{line}");
        }
    }

    #[test]
    fn numbers_tell_the_depth() {
        assert_eq!(numbered("2.3 File naming and packing", false), Some(2));
        assert_eq!(numbered("1.2.3. Tarife", false), Some(3));
        assert_eq!(numbered("2 Data format description", true), Some(1));
        assert_eq!(numbered("2 Data format description", false), None);
        assert_eq!(numbered("2.5 kW sind genug.", false), None);
        assert_eq!(numbered("18.04.2020", false), None);
        assert_eq!(numbered("0.80 -0.05 0.48", false), None);
    }

    #[test]
    fn points_lose_their_mark_but_not_their_number() {
        assert_eq!(point("• Strom"), Some("Strom"));
        assert_eq!(point("- Gas"), Some("Gas"));
        assert_eq!(point("a) mit Speicher"), Some("a) mit Speicher"));
        assert_eq!(point("12. zwölftens"), Some("12. zwölftens"));
        assert_eq!(point("-5 Grad"), None);
        assert_eq!(point("--- | ---"), None);
        assert_eq!(point("2019. Das Jahr"), None);
    }

    #[test]
    fn capitals_shout() {
        assert!(is_shouted("ALLGEMEINE BESTIMMUNGEN"));
        assert!(!is_shouted("AG 5"));
        assert!(!is_shouted("Allgemeine Bestimmungen"));
    }
}
