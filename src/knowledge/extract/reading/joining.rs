//! Lines that were broken to fit a page, put together again.

use std::collections::HashSet;

/// Words that stand alone behind a hyphen: «Strom- und Gaspreise».
const ALONE: [&str; 16] = [
    "und",
    "oder",
    "bzw.",
    "bzw",
    "sowie",
    "als",
    "bis",
    "and",
    "or",
    "to",
    "et",
    "ou",
    "e",
    "ed",
    "o",
    "beziehungsweise",
];

/// What a document tells about its words: which ones are written with a hyphen, which without.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    hyphened: HashSet<String>,
    whole: HashSet<String>,
}

impl Vocabulary {
    /// Learns from the inside of a line; its last word may be cut.
    pub fn learn(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let inner = words.len().saturating_sub(1);
        for word in &words[..inner] {
            let word = word.trim_matches(|letter: char| !letter.is_alphanumeric());
            if word.len() < 4 || word.len() > 80 {
                continue;
            }
            let known = if word.contains('-') { &mut self.hyphened } else { &mut self.whole };
            known.insert(word.to_lowercase());
        }
    }

    /// Puts `next` behind `text`, and heals the word that was cut between them.
    pub fn join(&self, text: &mut String, next: &str) {
        let next = next.trim_start();
        let trimmed = text.trim_end().len();
        text.truncate(trimmed);
        if text.is_empty() || next.is_empty() {
            text.push_str(next);
            return;
        }
        if text.ends_with('\u{ad}') {
            text.pop();
            text.push_str(next);
            return;
        }
        let Some(head) = text.strip_suffix(['-', '\u{2010}']) else {
            text.push(' ');
            text.push_str(next);
            return;
        };
        let before = head.rsplit(char::is_whitespace).next().unwrap_or_default();
        let word = next.split(char::is_whitespace).next().unwrap_or_default();
        let follows = next.chars().next();
        if !before.ends_with(char::is_alphanumeric) || ALONE.contains(&word) {
            text.push(' ');
        } else if before.ends_with(char::is_alphabetic)
            && follows.is_some_and(char::is_lowercase)
            && !self.keeps_hyphen(before, word)
        {
            text.truncate(text.len() - text.chars().next_back().map_or(0, char::len_utf8));
        }
        text.push_str(next);
    }

    /// Whether the document writes the word with a hyphen where nothing forces it to.
    fn keeps_hyphen(&self, before: &str, after: &str) -> bool {
        let trim =
            |word: &str| word.trim_matches(|letter: char| !letter.is_alphanumeric()).to_lowercase();
        let (before, after) = (trim(before), trim(after));
        self.hyphened.contains(&format!("{before}-{after}"))
            && !self.whole.contains(&format!("{before}{after}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_words_are_healed_and_real_hyphens_stay() {
        let mut vocabulary = Vocabulary::default();
        vocabulary.learn("The day-ahead price is known");
        for (line, next, expected) in [
            ("Die Grundver-", "sorgung ist", "Die Grundversorgung ist"),
            ("der day-", "ahead Preis", "der day-ahead Preis"),
            ("Strom-", "und Gaspreise", "Strom- und Gaspreise"),
            ("die EU-", "Kommission", "die EU-Kommission"),
            ("Smart-Meter-", "Gateways", "Smart-Meter-Gateways"),
            ("MWh -", "ohne Verluste", "MWh - ohne Verluste"),
            ("5-", "jährig", "5-jährig"),
            ("ohne", "Strich", "ohne Strich"),
            ("Netz\u{ad}", "betreiber", "Netzbetreiber"),
            ("", "Anfang", "Anfang"),
        ] {
            let mut text = line.to_owned();
            vocabulary.join(&mut text, next);
            assert_eq!(text, expected);
        }
    }
}
