//! Values before and after a change, without secrets.
//!
//! Two locks. A type that holds a secret (`SecretString`) does not serialise, so it does not
//! compile into facts. What does serialise is masked on its way in: fields by their name, texts by
//! their form. There is no other way into the table.

use serde::Serialize;
use serde_json::Value;

use crate::platform::telemetry::redact;

/// What stands in for a value that may be a secret.
const MASK: &str = "***";
/// Characters of a text that are kept.
const TEXT_MAX: usize = 500;
/// Parts of names whose values are left out, whatever they are.
const SECRET_NAMES: [&str; 11] = [
    "password",
    "passwd",
    "secret",
    "token",
    "hash",
    "credential",
    "authorization",
    "cookie",
    "setup_code",
    "api_key",
    "private",
];

/// What is worth remembering of a thing, as JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts(Value);

impl Facts {
    /// The fields of `thing`, secrets masked.
    pub fn of(thing: &impl Serialize) -> Self {
        // What has no form in JSON, such as a map with odd keys, is not worth failing a change.
        Self(masked(serde_json::to_value(thing).unwrap_or_default()))
    }

    pub(super) fn into_json(self) -> Value {
        self.0
    }
}

fn masked(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| {
                let value = if is_secret(&name) { hidden(&value) } else { masked(value) };
                (name, value)
            });
            Value::Object(fields.collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(masked).collect()),
        Value::String(text) => Value::String(redact(&text).chars().take(TEXT_MAX).collect()),
        other => other,
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase().replace('-', "_");
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

/// Whether there was one may be told.
fn hidden(value: &Value) -> Value {
    if value.is_null() { Value::Null } else { MASK.into() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_masked_by_name_and_by_form_however_deep() {
        let thing = json!({
            "name": "meter", "power_kw": 11, "on": true, "Password": "c4n4ry",
            "webhook": {"url": "https://anna:c4n4ry@example.ch/x", "signing-secret": ["c4n4ry"]},
            "list": [{"refresh_token": {"deep": "c4n4ry"}}, "Bearer c4n4ry", "eyJc4n4ry.b.c"],
            "password_hash": "c4n4ry", "api_key": null, "note": "password=c4n4ry",
        });
        let facts = Facts::of(&thing).into_json();
        assert!(!facts.to_string().contains("c4n4ry"), "{facts}");
        assert_eq!(facts["power_kw"], 11);
        assert_eq!(facts["api_key"], Value::Null);
        assert_eq!(facts["webhook"]["signing-secret"], MASK);
        assert_eq!(facts["webhook"]["url"], "https://anna:***@example.ch/x");
    }

    #[test]
    fn long_texts_are_cut_and_what_has_no_form_is_nothing() {
        let facts = Facts::of(&"ä".repeat(2_000)).into_json();
        assert_eq!(facts.as_str().map(|text| text.chars().count()), Some(TEXT_MAX));
        let odd = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert_eq!(Facts::of(&odd).into_json(), Value::Null);
    }
}
