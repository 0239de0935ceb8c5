//! Values from every source, judged one by one, so that every mistake is named at once.

use std::collections::BTreeSet;
use std::fmt;

use figment::error::Kind;
use figment::value::{Dict, Map, Tag, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};
use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::names::nearest;

/// What stands for a secret wherever settings are shown.
pub(super) const MASK: &str = "********";

/// Name of the weakest source.
const DEFAULT: &str = "default";

/// One mistake: where it was made and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// File or variable.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

/// Settings with which nothing starts; names every mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError(pub Vec<Mistake>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(f, "{count} mistake{} in the settings:", if count == 1 { "" } else { "s" })?;
        self.0.iter().try_for_each(|Mistake { place, what }| write!(f, "\n  {place}: {what}"))
    }
}

/// A setting in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Effective {
    /// The key, e.g. `server.port`.
    pub key: String,
    /// Its value as it would stand in a file; secrets are masked.
    pub value: String,
    /// File, variable or flag it comes from, or `default`.
    pub origin: String,
}

/// One value from one source.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// `section.key`.
    pub path: String,
    /// The value.
    pub value: Value,
    /// File, variable or flag.
    pub origin: String,
}

impl Entry {
    /// A value written as text: `8001`, `true`, `[1, 2]`, or the text itself.
    pub fn text(path: &str, text: &str, origin: String) -> Self {
        let (path, value) = (path.to_owned(), Value::from(text));
        Self { path, value, origin }
    }

    /// The entry with its text read as what `default` is; text stays text where text is wanted, and
    /// empty text is nothing where nothing is the default.
    fn fitted(&self, default: Option<&Value>) -> Self {
        let text = self.value.as_str().filter(|_| !matches!(default, Some(Value::String(..))));
        let value = match (text, default) {
            // A compose file hands on as empty what nobody set.
            (Some(""), Some(absent @ Value::Empty(..))) => absent.clone(),
            (Some(text), _) => parse(text),
            (None, _) => self.value.clone(),
        };
        Self { value, ..self.clone() }
    }
}

/// The value that `text` writes: a number, a boolean, a list, a table, else the text itself.
fn parse(text: &str) -> Value {
    // Reading text as a value cannot fail: what is nothing else is text.
    let parsed: Result<Value, _> = text.parse();
    parsed.unwrap_or_else(|never| match never {})
}

impl Provider for Entry {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let nested = figment::util::nest(&self.path, self.value.clone());
        Ok(Profile::Default.collect(nested.into_dict().unwrap_or_default()))
    }
}

/// The values of all sources and what was found wrong with them.
#[derive(Debug, Default)]
pub(super) struct Layers {
    /// The weakest first.
    pub entries: Vec<Entry>,
    /// Mistakes so far.
    pub mistakes: Vec<Mistake>,
    /// What should be said but stops nothing.
    pub notices: Vec<String>,
    /// Settings in force, in the order of the sections.
    pub effective: Vec<Effective>,
    sections: BTreeSet<String>,
}

impl Layers {
    /// Notes a mistake.
    pub fn mistake(&mut self, place: impl fmt::Display, what: impl fmt::Display) {
        self.mistakes.push(Mistake { place: place.to_string(), what: what.to_string() });
    }

    /// The secret `path`, which is text and is never shown.
    pub fn secret(&mut self, path: &str) -> Option<SecretString> {
        let (given, rest) = self.entries.drain(..).partition(|entry: &Entry| entry.path == path);
        self.entries = rest;
        let mut value = None;
        let mut origin = DEFAULT.to_owned();
        for Entry { value: given, origin: from, .. } in given {
            match given.as_str() {
                Some("") => {}
                Some(text) => (value, origin) = (Some(SecretString::from(text)), from),
                None => self.mistake(from, format_args!("{path} must be text in quotes")),
            }
        }
        let shown = if value.is_some() { MASK } else { "" }.to_owned();
        self.effective.push(Effective { key: path.to_owned(), value: shown, origin });
        value
    }

    /// The section `name`, with the mistakes of each of its values and those that `rules` finds in
    /// the whole; a rule's sentence may begin with the key it is about.
    pub fn section<T>(&mut self, name: &str, rules: impl Fn(&T) -> Vec<String>) -> T
    where
        T: Default + Serialize + DeserializeOwned,
    {
        self.sections.insert(name.to_owned());
        let serialized = Value::serialize(T::default()).ok();
        let defaults = serialized.and_then(Value::into_dict).unwrap_or_default();
        let base = Figment::from(Entry {
            path: name.to_owned(),
            value: Value::Dict(Tag::Default, defaults.clone()),
            origin: DEFAULT.to_owned(),
        });
        let mut merged = base.clone();
        for entry in self.entries.clone() {
            let Some(key) = entry.path.strip_prefix(name).and_then(|rest| rest.strip_prefix('.'))
            else {
                continue;
            };
            let first = key.split('.').next().unwrap_or(key);
            if !defaults.contains_key(first) {
                let hint = nearest(first, defaults.keys().map(String::as_str));
                self.unknown(&entry, hint.map(|meant| format!("{name}.{meant}")));
                continue;
            }
            let fitted = entry.fitted(defaults.get(key));
            match base.clone().merge(&fitted).extract_inner::<T>(name) {
                Ok(_) => merged = merged.merge(&fitted),
                Err(error) => self.misfit(&fitted, error),
            }
        }
        // Every value fits alone, so they fit together; a type for which that fails keeps its defaults.
        let value: T = merged.extract_inner(name).unwrap_or_default();
        self.apply_rules(name, &merged, rules(&value));
        for key in defaults.keys() {
            self.show(&merged, format!("{name}.{key}"));
        }
        value
    }

    /// Names values of sections that do not exist.
    pub fn finish(&mut self) {
        for entry in self.entries.clone() {
            let (section, key) = entry.path.split_once('.').unwrap_or((&entry.path, ""));
            if !self.sections.contains(section) {
                let meant = nearest(section, self.sections.iter().map(String::as_str));
                let meant = meant.map(|meant| format!("{meant}.{key}"));
                self.unknown(&entry, meant);
            }
        }
    }

    fn unknown(&mut self, entry: &Entry, meant: Option<String>) {
        let hint = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
        self.mistake(&entry.origin, format_args!("{} is not a setting{hint}", entry.path));
    }

    fn misfit(&mut self, entry: &Entry, error: Error) {
        let kind = error.into_iter().next().map(|error| error.kind);
        let what = match kind {
            Some(Kind::UnknownVariant(_, known)) => format!("is none of {}", known.join(", ")),
            Some(Kind::UnknownField(field, known)) => {
                format!("has no '{field}'; it may have {}", known.join(", "))
            }
            Some(kind) => kind.to_string(),
            None => "does not fit".to_owned(),
        };
        let value = written(&entry.value);
        self.mistake(&entry.origin, format_args!("{} = {value}: {what}", entry.path));
    }

    fn apply_rules(&mut self, name: &str, merged: &Figment, sentences: Vec<String>) {
        for sentence in sentences {
            let key = sentence.split_whitespace().next().unwrap_or("");
            let origin = origin(merged, &format!("{name}.{key}"));
            self.mistake(
                origin.unwrap_or_else(|| format!("[{name}]")),
                format_args!("{name}.{sentence}"),
            );
        }
    }

    fn show(&mut self, merged: &Figment, key: String) {
        let value = merged.find_value(&key).map(|value| written(&value)).unwrap_or_default();
        let origin = origin(merged, &key).unwrap_or_else(|| DEFAULT.to_owned());
        self.effective.push(Effective { key, value, origin });
    }
}

/// The source of the value that `key` has in `merged`.
fn origin(merged: &Figment, key: &str) -> Option<String> {
    let value = merged.find_value(key).ok()?;
    Some(merged.get_metadata(value.tag())?.name.to_string())
}

/// A value as it would stand in a file; an absent one is empty.
fn written(value: &Value) -> String {
    match value {
        Value::Empty(..) => String::new(),
        value => serde_json::to_string(value).unwrap_or_default(),
    }
}
