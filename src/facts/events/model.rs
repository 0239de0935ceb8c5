//! An event, and what may stand in it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::facts::readings::Stamp;
use crate::platform::telemetry::redact;

/// Names of fields that tell who somebody is; they never enter an event.
const PERSONAL: [&str; 9] =
    ["login", "email", "e_mail", "mail", "address", "ip", "phone", "first_name", "last_name"];
/// Characters of a text that are kept.
const TEXT_MAX: usize = 500;
/// Bytes of `meta` that may be sent, as JSON.
const META_BYTES_MAX: usize = 4_096;
/// Levels of lists and objects in what is sent.
const META_DEPTH_MAX: usize = 4;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(clippy::struct_field_names, reason = "identifiers are named alike in tables and answers")]
pub struct Event {
    /// Identifier.
    pub event_id: Uuid,
    /// Who did it, where somebody did and is still known.
    pub user_id: Option<Uuid>,
    /// When.
    pub ts: DateTime<Utc>,
    /// What kind, e.g. `sim.start`.
    pub kind: String,
    /// The item it is about.
    pub item_id: Option<Uuid>,
    /// More about it.
    pub meta: Value,
}

/// Something to be recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    pub(super) kind: &'static str,
    pub(super) user_id: Option<Uuid>,
    pub(super) item_id: Option<Uuid>,
    pub(super) meta: Value,
}

impl NewEvent {
    /// An event of a kind: lower-case words with dots between them, e.g. `sim.start`.
    pub const fn new(kind: &'static str) -> Self {
        Self { kind, user_id: None, item_id: None, meta: Value::Null }
    }

    /// Who did it; nobody for the box itself.
    #[must_use]
    pub fn by(self, user_id: Option<Uuid>) -> Self {
        // The nil identifier stands for nobody.
        Self { user_id: user_id.filter(|id| !id.is_nil()), ..self }
    }

    /// More about it: an object, without what tells who somebody is.
    #[must_use]
    pub fn meta(self, thing: &impl Serialize) -> Self {
        Self { meta: clean(serde_json::to_value(thing).unwrap_or_default()), ..self }
    }

    /// What is stored as `meta`.
    pub(super) fn stored_meta(&self) -> Value {
        match &self.meta {
            Value::Object(_) => self.meta.clone(),
            Value::Null => Value::Object(Map::new()),
            other => Value::Object(Map::from_iter([("value".to_owned(), other.clone())])),
        }
    }
}

/// A value without personal fields, secrets and addresses of people.
fn clean(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(name, _)| {
                let name = name.to_lowercase().replace('-', "_");
                !PERSONAL.contains(&name.as_str())
            });
            Value::Object(fields.map(|(name, value)| (name, clean(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(clean).collect()),
        Value::String(text) => {
            let shown: String = redact(&text).chars().take(TEXT_MAX).collect();
            let words = shown.split(' ').map(|word| if is_mail(word) { "***" } else { word });
            Value::String(words.collect::<Vec<_>>().join(" "))
        }
        other => other,
    }
}

fn is_mail(word: &str) -> bool {
    word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
}

/// An event as it is sent: what kind, when, about what; nothing that tells who somebody is.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SentEvent {
    /// Identifier made by the sender: sent again, the event is stored once. Without it one is made
    /// from what the event says.
    #[serde(default)]
    pub event_id: Option<Uuid>,
    /// What kind: `view`, `click`, `like`, `solve` or another word.
    #[serde(rename = "type")]
    #[schema(example = "view", pattern = "^[a-z][a-z0-9_]*$", max_length = 64)]
    pub kind: String,
    /// When: RFC 3339, or milliseconds since 1970; now unless said.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "2026-03-28T11:00:00Z")]
    pub ts: Option<Stamp>,
    /// Whose event, by the anonymous identifier; one's own unless said. Only admins and programs
    /// send those of others, and what a program sends without it is nobody's.
    #[serde(default)]
    pub user_id: Option<Uuid>,
    /// The item it is about.
    #[serde(default)]
    pub item_id: Option<Uuid>,
    /// More about it, at most 4096 bytes and 4 levels deep; no names, addresses or secrets.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub meta: Option<Map<String, Value>>,
}

/// An event that was not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TelemetryFinding {
    /// Its place in the body, from 0.
    pub index: u64,
    /// The field; empty when it is the event as a whole.
    #[schema(example = "type")]
    pub field: String,
    /// What is wrong with it.
    #[schema(example = "missing field `type`")]
    pub reason: String,
}

impl TelemetryFinding {
    pub(super) fn new(place: usize, field: &str, reason: &str) -> Self {
        Self { index: place as u64, field: field.to_owned(), reason: reason.to_owned() }
    }

    /// Where it is, as refusals name it.
    pub(super) fn path(&self) -> String {
        if self.field.is_empty() {
            format!("events[{}]", self.index)
        } else {
            format!("events[{}].{}", self.index, self.field)
        }
    }
}

/// What became of the events of a request; `read` is the sum of the next three.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TelemetryReport {
    /// Events of the body.
    pub read: u64,
    /// New ones.
    pub stored: u64,
    /// Stored already, or there twice.
    pub unchanged: u64,
    /// Faulty ones; only with `partial=true`.
    pub refused: u64,
    /// The first thousand of them.
    pub findings: Vec<TelemetryFinding>,
}

/// The first thing in `meta` that may not be stored: where, and why.
pub(super) fn wrong_meta(meta: &Map<String, Value>) -> Option<(String, String)> {
    let bytes = serde_json::to_string(meta).map_or(usize::MAX, |text| text.len());
    if bytes > META_BYTES_MAX {
        let reason = format!("is {bytes} bytes of JSON, at most {META_BYTES_MAX} are stored");
        return Some(("meta".to_owned(), reason));
    }
    wrong_fields(meta, "meta", 1)
}

fn wrong_fields(fields: &Map<String, Value>, path: &str, depth: usize) -> Option<(String, String)> {
    fields.iter().find_map(|(name, value)| {
        let shown: String = name.chars().filter(|letter| !letter.is_control()).take(60).collect();
        let path = format!("{path}.{shown}");
        let plain = name.to_lowercase().replace('-', "_");
        if PERSONAL.contains(&plain.as_str()) {
            return Some((path, "tells who somebody is; leave it out".to_owned()));
        }
        if let Some(reason) = wrong_text(name) {
            return Some((path, reason.to_owned()));
        }
        wrong_value(value, &path, depth)
    })
}

fn wrong_value(value: &Value, path: &str, depth: usize) -> Option<(String, String)> {
    let is_nested = value.is_object() || value.is_array();
    if is_nested && depth >= META_DEPTH_MAX {
        let reason = format!("lies more than {META_DEPTH_MAX} levels deep");
        return Some((path.to_owned(), reason));
    }
    match value {
        Value::Object(fields) => wrong_fields(fields, path, depth + 1),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(place, item)| wrong_value(item, &format!("{path}[{place}]"), depth + 1)),
        Value::String(text) => wrong_text(text).map(|why| (path.to_owned(), why.to_owned())),
        _ => None,
    }
}

fn wrong_text(text: &str) -> Option<&'static str> {
    if text.contains('\0') {
        return Some("has the character U+0000, which cannot be stored");
    }
    if text.chars().count() > TEXT_MAX {
        return Some("is longer than 500 characters");
    }
    if text.split([' ', ',', ';', '<', '>', '"']).any(is_mail) {
        return Some("holds an e-mail address, which tells who somebody is; leave it out");
    }
    if *redact(text) != *text {
        return Some("holds what looks like a secret; leave it out");
    }
    None
}
