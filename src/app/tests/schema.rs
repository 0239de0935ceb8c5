//! Whether a JSON value has the shape that a schema of the document promises.

use serde_json::Value;

/// Every difference between `value` and `schema`, as `path: what is wrong`; references are looked up
/// in `document`.
pub(super) fn differences(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(document, schema, value, "$", &mut found);
    found
}

/// The schema that a reference names, or `schema` itself.
pub(super) fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    let Some(reference) = schema["$ref"].as_str() else { return schema };
    let pointer = reference.strip_prefix('#').unwrap_or(reference);
    let target = document.pointer(pointer);
    resolved(document, target.unwrap_or_else(|| panic!("{reference} leads nowhere")))
}

fn compare(document: &Value, schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let schema = resolved(document, schema);
    for part in schema["allOf"].as_array().into_iter().flatten() {
        compare(document, part, value, path, found);
    }
    if let Some(choices) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        let fits = |choice: &&Value| differences(document, choice, value).is_empty();
        if !choices.iter().any(|choice| fits(&choice)) {
            found.push(format!("{path}: {value} fits no choice"));
        }
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    if !types.is_empty() && !types.iter().any(|name| is_of_type(value, name)) {
        found.push(format!("{path}: {value} is not {}", types.join(" or ")));
        return;
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        found.push(format!("{path}: {value} is none of {}", schema["enum"]));
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.is_object() && value.get(name).is_none() {
            found.push(format!("{path}: {name} is missing"));
        }
    }
    if let (Some(fields), Some(properties)) = (value.as_object(), schema["properties"].as_object())
    {
        for (name, field) in fields {
            if let Some(schema) = properties.get(name) {
                compare(document, schema, field, &format!("{path}.{name}"), found);
            }
        }
    }
    if let (Some(items), schema @ Value::Object(_)) = (value.as_array(), &schema["items"]) {
        for (index, item) in items.iter().enumerate() {
            compare(document, schema, item, &format!("{path}[{index}]"), found);
        }
    }
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type of JSON"),
    }
}

#[test]
fn differences_are_found_and_only_those() {
    let document =
        serde_json::json!({"components": {"schemas": {"Side": {"enum": ["left", "right"]}}}});
    let schema = serde_json::json!({
        "type": "object", "required": ["side", "sizes"],
        "properties": {
            "side": {"$ref": "#/components/schemas/Side"},
            "sizes": {"type": "array", "items": {"type": ["number", "null"]}},
        },
    });
    let told = |value| differences(&document, &schema, &value);
    assert_eq!(told(serde_json::json!({"side": "left", "sizes": [1, null, 2.5]})), [""; 0]);
    assert_eq!(
        told(serde_json::json!({"side": "up", "sizes": [1, "2"]})),
        [
            "$.side: \"up\" is none of [\"left\",\"right\"]",
            "$.sizes[1]: \"2\" is not number or null"
        ]
    );
    assert_eq!(told(serde_json::json!({"side": "left"})), ["$: sizes is missing"]);
    assert_eq!(told(serde_json::json!([])), ["$: [] is not object"]);
}
