//! Texts of the pages: one JSON file per language under `static/locales/`, all with the same keys.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// A language the pages speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// German with Swiss spelling.
    #[default]
    De,
    /// English.
    En,
}

static GERMAN: LazyLock<Messages> =
    LazyLock::new(|| read(include_str!("../../../static/locales/de.json")));
static ENGLISH: LazyLock<Messages> =
    LazyLock::new(|| read(include_str!("../../../static/locales/en.json")));

fn read(text: &str) -> Messages {
    serde_json::from_str(text).expect("the embedded catalogue is valid JSON: a test reads it")
}

impl Language {
    /// Every language, in the order in which switches show them.
    pub const ALL: &'static [Self] = &[Self::De, Self::En];

    /// Two-letter code in cookies and links, e.g. `de`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::De => "de",
            Self::En => "en",
        }
    }

    /// The language of a code such as `de`, `de-CH` or `EN`.
    pub fn parse(code: &str) -> Option<Self> {
        let primary = code.trim().split(['-', '_']).next().unwrap_or_default();
        Self::ALL.iter().copied().find(|language| language.code().eq_ignore_ascii_case(primary))
    }

    /// First known language of an `Accept-Language` header, by its order; weights of zero refuse.
    pub fn negotiate(accept_language: &str) -> Option<Self> {
        let mut wanted: Vec<(f32, Self)> = accept_language
            .split(',')
            .filter_map(|entry| {
                let mut parts = entry.split(';');
                let language = Self::parse(parts.next()?)?;
                let weight = parts
                    .find_map(|part| part.trim().strip_prefix("q=")?.parse().ok())
                    .unwrap_or(1.0);
                (weight > 0.0).then_some((weight, language))
            })
            .collect();
        wanted.sort_by(|a, b| b.0.total_cmp(&a.0)); // stable: equal weights keep their order
        wanted.first().map(|(_, language)| *language)
    }

    /// The other language a switch offers.
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|language| *language == self).unwrap_or_default();
        Self::ALL[(at + 1) % Self::ALL.len()]
    }

    /// Texts in this language.
    pub fn messages(self) -> &'static Messages {
        match self {
            Self::De => &GERMAN,
            Self::En => &ENGLISH,
        }
    }
}

/// Texts of one language by key; placeholders are written `{name}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Messages(BTreeMap<String, String>);

impl Messages {
    /// The text of `key`; an unknown key shows itself, so that a gap is seen and breaks nothing.
    pub fn get<'a>(&'a self, key: &'a str) -> &'a str {
        self.0.get(key).map_or(key, String::as_str)
    }

    /// The text of `key`, if there is one: for names that come from elsewhere.
    pub fn find(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The text of `key` with its placeholders replaced.
    pub fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        let mut filled = String::new();
        let mut rest = self.get(key);
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let Some((name, behind)) = after.split_once('}') else {
                filled.push('{');
                rest = after;
                break;
            };
            if let Some((_, value)) = values.iter().find(|(known, _)| *known == name) {
                filled.push_str(value);
            }
            rest = behind;
        }
        filled + rest
    }

    /// Entry `index` of a comma-separated list such as the weekdays.
    pub fn item<'a>(&'a self, key: &'a str, index: usize) -> &'a str {
        self.get(key).split(',').nth(index).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placeholders(text: &str) -> Vec<&str> {
        let mut names: Vec<&str> =
            text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_language_has_the_same_keys_and_placeholders() {
        let german = &Language::De.messages().0;
        for language in Language::ALL {
            let other = &language.messages().0;
            let keys: Vec<_> = other.keys().collect();
            assert_eq!(keys, german.keys().collect::<Vec<_>>(), "{language:?}");
            for (key, text) in other.iter().filter(|(key, _)| !key.starts_with("date_")) {
                assert_eq!(placeholders(text), placeholders(&german[key]), "{language:?} {key}");
            }
        }
    }

    #[test]
    fn swiss_spelling_has_no_sharp_s() {
        assert!(Language::De.messages().0.values().all(|text| !text.contains('ß')));
    }

    #[test]
    fn placeholders_are_filled_once_and_values_are_not_read_again() {
        let messages = Messages(BTreeMap::from([("k".into(), "{a} und {b}, {a}".into())]));
        assert_eq!(messages.fill("k", &[("a", "{b}"), ("b", "2")]), "{b} und 2, {b}");
        assert_eq!(messages.fill("missing", &[]), "missing");
    }

    #[test]
    fn the_browser_chooses_the_language() {
        for (header, language) in [
            ("en-GB,en;q=0.9,de;q=0.8", Some(Language::En)),
            ("fr,de-CH;q=0.7,en;q=0.6", Some(Language::De)),
            ("de;q=0.1,en;q=0.9", Some(Language::En)),
            ("de;q=0", None),
            ("fr", None),
            ("", None),
        ] {
            assert_eq!(Language::negotiate(header), language, "{header}");
        }
    }

    #[test]
    fn the_switch_goes_round() {
        assert_eq!(Language::De.next(), Language::En);
        assert_eq!(Language::En.next(), Language::De);
        assert_eq!(Language::parse("EN_us"), Some(Language::En));
    }
}
