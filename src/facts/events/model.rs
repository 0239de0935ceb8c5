//! An event, and what may stand in it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::platform::telemetry::redact;

/// Names of fields that tell who somebody is; they never enter an event.
const PERSONAL: [&str; 9] =
    ["login", "email", "e_mail", "mail", "address", "ip", "phone", "first_name", "last_name"];
/// Characters of a text that are kept.
const TEXT_MAX: usize = 500;

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
