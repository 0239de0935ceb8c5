//! Numbers and instants in payloads, found by the way that leads to them.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// Words of devices that have no value just now.
const NO_VALUE: [&str; 6] = ["", "nan", "unavailable", "unknown", "none", "null"];
/// What stands between the ways to several numbers that are added.
const PLUS: &str = " + ";
/// Most numbers that are listed of one payload.
const LEAVES_MAX: usize = 80;

/// What a way leads to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Found {
    /// A number.
    Number(f64),
    /// Nothing, or a word for nothing: devices often send only what has changed.
    Nothing,
}

/// The payload as JSON, a number, or text.
///
/// # Errors
/// A sentence when it begins like JSON and is none, or is not text at all.
pub(super) fn read(payload: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(payload).map_err(|_| "the payload is not text in UTF-8")?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.starts_with(['{', '[', '"']) {
        return serde_json::from_str(text)
            .map_err(|error| format!("the payload is no JSON: {error}"));
    }
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    Ok(number.map_or_else(|| Value::from(text), Value::from))
}

/// Why a text is no way to a number.
pub(super) fn check(path: &str) -> Result<(), &'static str> {
    let is_way = |way: &str| way.starts_with('/') && !way.chars().any(char::is_control);
    match path {
        "" => Ok(()),
        path if path.len() > 500 => Err("is longer than 500 bytes"),
        path if path.split(PLUS).all(is_way) => Ok(()),
        _ => Err("is not empty and does not begin with /, like /SML/Power, or /a + /b for a sum"),
    }
}

/// The number at the end of `path`, or the sum of those at the ends of several.
///
/// # Errors
/// A sentence when something else stands there.
pub(super) fn number(payload: &Value, path: &str) -> Result<Found, String> {
    let mut sum = 0.0;
    for way in path.split(PLUS) {
        match one_number(payload, way)? {
            Found::Number(number) => sum += number,
            Found::Nothing => return Ok(Found::Nothing),
        }
    }
    Ok(Found::Number(sum))
}

fn one_number(payload: &Value, way: &str) -> Result<Found, String> {
    let place = if way.is_empty() { "the payload" } else { way };
    let number = match payload.pointer(way) {
        None | Some(Value::Null) => return Ok(Found::Nothing),
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => {
            let text = text.trim();
            if NO_VALUE.iter().any(|word| text.eq_ignore_ascii_case(word)) {
                return Ok(Found::Nothing);
            }
            text.parse().ok()
        }
        Some(Value::Array(_)) => {
            return Err(format!("{place} is a list; add the place in it, like {way}/0"));
        }
        Some(Value::Object(_)) => {
            return Err(format!("{place} is an object; name one of its fields"));
        }
        Some(Value::Bool(_)) => None,
    };
    match number.filter(|number: &f64| number.is_finite()) {
        Some(number) => Ok(Found::Number(number)),
        None => Err(format!("{place} is no number")),
    }
}

/// The instant at the end of `path`; none where nothing stands.
///
/// # Errors
/// A sentence when what stands there names no instant, e.g. a local time without its offset.
pub(super) fn instant(payload: &Value, path: &str) -> Result<Option<DateTime<Utc>>, String> {
    let odd = |what: &str| {
        Err(format!(
            "{path} is {what}, no instant like 2026-03-28T12:00:00Z or seconds since 1970; leave the \
             way to the instant empty to take the time of arrival"
        ))
    };
    let seconds = match payload.pointer(path) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => {
            if let Ok(at) = DateTime::parse_from_rfc3339(text.trim()) {
                return Ok(Some(at.to_utc()));
            }
            match text.trim().parse() {
                Ok(number) => Some(number),
                Err(_) if text.len() <= 40 => return odd(&format!("'{text}'")),
                Err(_) => None,
            }
        }
        Some(_) => None,
    };
    let Some(seconds) = seconds else { return odd("something else") };
    // Milliseconds since 1970 have three digits more than seconds.
    let milliseconds = if seconds >= 1e11 { seconds } else { seconds * 1e3 };
    #[expect(clippy::cast_possible_truncation, reason = "within the range that is asked for")]
    let whole = (1e11..1e14).contains(&milliseconds).then_some(milliseconds.round() as i64);
    match whole.and_then(DateTime::from_timestamp_millis) {
        Some(at) => Ok(Some(at)),
        None => odd(&format!("{seconds}")),
    }
}

/// The numbers of a payload with the ways that lead to them, in order.
pub(super) fn leaves(payload: &Value) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    collect(payload, &mut String::new(), &mut found);
    found
}

fn collect(value: &Value, way: &mut String, found: &mut Vec<(String, f64)>) {
    if found.len() >= LEAVES_MAX {
        return;
    }
    let length = way.len();
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                way.push('/');
                way.push_str(&name.replace('~', "~0").replace('/', "~1"));
                collect(value, way, found);
                way.truncate(length);
            }
        }
        Value::Array(items) => {
            for (place, value) in items.iter().enumerate() {
                way.push('/');
                way.push_str(&place.to_string());
                collect(value, way, found);
                way.truncate(length);
            }
        }
        _ => {
            if let Ok(Found::Number(number)) = number(value, "") {
                found.push((way.clone(), number));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(payload: &str, path: &str) -> Result<Found, String> {
        number(&read(payload.as_bytes())?, path)
    }

    #[test]
    fn numbers_are_found_in_json_text_and_lists() {
        let meter = r#"{"SML":{"E_in":12345.678,"Power":"-412"},"em:0":{"a/b":[1,2.5]},"x":null}"#;
        for (payload, path, wanted) in [
            (meter, "/SML/E_in", Found::Number(12_345.678)),
            (meter, "/SML/Power", Found::Number(-412.0)),
            (meter, "/em:0/a~1b/1", Found::Number(2.5)),
            (meter, "/SML/E_in + /em:0/a~1b/0", Found::Number(12_346.678)),
            (meter, "/SML/E_in + /absent", Found::Nothing),
            (meter, "/x", Found::Nothing),
            (" 42.5\n", "", Found::Number(42.5)),
            ("NaN", "", Found::Nothing),
            ("unavailable", "", Found::Nothing),
            ("\"7\"", "", Found::Number(7.0)),
        ] {
            assert_eq!(found(payload, path), Ok(wanted), "{payload} {path}");
        }
    }

    #[test]
    fn what_is_no_number_says_why() {
        for (payload, path, why) in [
            ("{\"a\":[1]}", "/a", "is a list; add the place in it, like /a/0"),
            ("{\"a\":{}}", "/a", "is an object"),
            ("on", "", "the payload is no number"),
            ("true", "", "is no number"),
            ("{\"a\":true}", "/a", "/a is no number"),
            ("{\"a\":1e999}", "/a", "no JSON"),
            ("1e999", "", "is no number"),
            ("{\"a\":", "/a", "no JSON"),
        ] {
            let refused = found(payload, path).unwrap_err();
            assert!(refused.contains(why), "{payload}: {refused}");
        }
        assert!(read(b"\xff\xfe").unwrap_err().contains("UTF-8"));
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(read(deep.as_bytes()).unwrap_err().contains("recursion"));
    }

    #[test]
    fn instants_are_seconds_milliseconds_or_text_with_an_offset() {
        let at: DateTime<Utc> = "2026-11-20T10:00:00.120Z".parse().unwrap();
        let second: DateTime<Utc> = "2026-11-20T10:00:00Z".parse().unwrap();
        for (text, wanted) in [
            ("1795168800.12", Some(at)),
            ("1795168800120", Some(at)),
            ("\"1795168800\"", Some(second)),
            ("\"2026-11-20T11:00:00+01:00\"", Some(second)),
            ("null", None),
        ] {
            let payload = read(format!("{{\"t\":{text}}}").as_bytes()).unwrap();
            assert_eq!(instant(&payload, "/t"), Ok(wanted), "{text}");
        }
        for text in ["\"2026-11-20T10:15:02\"", "12", "true", "1e300"] {
            let payload = read(format!("{{\"t\":{text}}}").as_bytes()).unwrap();
            assert!(instant(&payload, "/t").unwrap_err().contains("time of arrival"), "{text}");
        }
    }

    #[test]
    fn leaves_lead_back_to_their_numbers() {
        let payload = read(br#"{"a/b":{"~c":[1,"2","x"]},"d":true,"e":3}"#).unwrap();
        let all = leaves(&payload);
        let names: Vec<&str> = all.iter().map(|(way, _)| way.as_str()).collect();
        assert_eq!(names, ["/a~1b/~0c/0", "/a~1b/~0c/1", "/e"]);
        for (way, value) in &all {
            assert_eq!(number(&payload, way), Ok(Found::Number(*value)));
        }
        assert_eq!(leaves(&read(b"7").unwrap()), [(String::new(), 7.0)]);
        let many = read(format!("[{}1]", "1,".repeat(5_000)).as_bytes()).unwrap();
        assert_eq!(leaves(&many).len(), LEAVES_MAX);
    }
}
