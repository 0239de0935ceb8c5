//! What a change changed: fields before and after, side by side.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// How deep fields of fields are taken apart; what lies deeper is shown as JSON.
const DEPTH_MAX: usize = 3;

/// A field that was, is, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Change {
    /// Its path, e.g. `value.role`; empty for a value without fields.
    pub(super) field: String,
    /// What it was; absent where it was not there.
    pub(super) before: Option<String>,
    /// What it is; absent where it is no more.
    pub(super) after: Option<String>,
    /// Whether it stayed as it was.
    pub(super) same: bool,
}

/// The fields of two values, what changed first.
pub(super) fn changes(before: Option<&Value>, after: Option<&Value>) -> Vec<Change> {
    let fields = |value: Option<&Value>| {
        let mut fields = BTreeMap::new();
        if let Some(value) = value.filter(|value| !value.is_null()) {
            collect(String::new(), value, 0, &mut fields);
        }
        fields
    };
    let (before, after) = (fields(before), fields(after));
    let mut names: Vec<_> = before.keys().chain(after.keys()).cloned().collect();
    names.sort_unstable();
    names.dedup();
    let mut all: Vec<Change> = names
        .into_iter()
        .map(|field| {
            let (was, is) = (before.get(&field).cloned(), after.get(&field).cloned());
            Change { same: was == is, field, before: was, after: is }
        })
        .collect();
    all.sort_by_key(|change| change.same); // stable: names stay in their order
    all
}

fn collect(path: String, value: &Value, depth: usize, fields: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(parts) if depth < DEPTH_MAX && !parts.is_empty() => {
            for (name, part) in parts {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                collect(path, part, depth + 1, fields);
            }
        }
        Value::String(text) => {
            fields.insert(path, text.clone());
        }
        Value::Null => {
            fields.insert(path, "–".to_owned());
        }
        other => {
            fields.insert(path, other.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(field: &str, before: Option<&str>, after: Option<&str>) -> Change {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Change {
            field: field.to_owned(),
            before: owned(before),
            after: owned(after),
            same: before == after,
        }
    }

    #[test]
    fn fields_are_compared_one_by_one_and_what_changed_comes_first() {
        let before = json!({"name": "a", "state": "dead", "old": 1, "in": {"x": [1], "y": null}});
        let after = json!({"name": "a", "state": "queued", "in": {"x": [1, 2], "y": null}});
        assert_eq!(
            changes(Some(&before), Some(&after)),
            [
                change("in.x", Some("[1]"), Some("[1,2]")),
                change("old", Some("1"), None),
                change("state", Some("dead"), Some("queued")),
                change("in.y", Some("–"), Some("–")),
                change("name", Some("a"), Some("a")),
            ]
        );
    }

    #[test]
    fn what_is_new_or_gone_has_one_side() {
        assert_eq!(changes(None, Some(&json!({"a": true}))), [change("a", None, Some("true"))]);
        assert_eq!(changes(Some(&json!("x")), Some(&Value::Null)), [change("", Some("x"), None)]);
        assert_eq!(changes(None, None), []);
    }

    #[test]
    fn what_lies_deep_is_shown_as_it_is() {
        let deep = json!({"a": {"b": {"c": {"d": {"e": 1}}}}});
        let expected = [change("a.b.c", None, Some(r#"{"d":{"e":1}}"#))];
        assert_eq!(changes(None, Some(&deep)), expected);
    }
}
