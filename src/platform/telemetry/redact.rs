//! Secrets out of everything that is written: the last net, below types that do not print.

use std::borrow::Cow;
use std::io::{self, Write};

/// What stands in for a secret.
const MASK: &str = "***";

/// Names whose value is a secret, also as the end of a longer name (`DB_PASSWORD`, `csrf_token`).
const KEYS: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "secret",
    "token",
    "api_key",
    "api-key",
    "apikey",
    "access_key",
    "private_key",
    "setup_code",
    "authorization",
    "cookie",
];

/// Letters of an API key behind its start `luna_`; metrics and tables have shorter names.
const API_KEY_LETTERS: usize = 52;

/// `text` with passwords in addresses, bearer tokens and values of secret names masked.
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut result = String::new();
    let (mut copied, mut at) = (0, 0);
    while at < text.len() {
        match secret_at(text, at) {
            Some((start, end)) if start < end => {
                result.push_str(&text[copied..start]);
                result.push_str(MASK);
                (copied, at) = (end, end);
            }
            _ => at += text[at..].chars().next().map_or(1, char::len_utf8),
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    result.push_str(&text[copied..]);
    Cow::Owned(result)
}

/// Whether a field of this name holds a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    KEYS.iter().any(|key| {
        let start = name.len().checked_sub(key.len());
        start.and_then(|start| name.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(key))
    })
}

/// Start and end of the secret announced by what stands at `at`.
fn secret_at(text: &str, at: usize) -> Option<(usize, usize)> {
    let rest = &text[at..];
    if rest.starts_with("://") {
        return password_of_address(text, at + 3);
    }
    if let Some(after) = word(rest, "bearer ") {
        return Some(value(text, at + after));
    }
    if rest.starts_with("eyJ") {
        let token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let end = rest.find(|c| !token(c)).unwrap_or(rest.len());
        return (rest[..end].matches('.').count() == 2).then_some((at, at + end));
    }
    if let Some(key) = rest.strip_prefix("luna_") {
        let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let end = key.find(|c| !letter(c)).unwrap_or(key.len());
        return (end >= API_KEY_LETTERS).then_some((at, at + "luna_".len() + end));
    }
    let after = KEYS.iter().find_map(|key| word(rest, key))?;
    let assigned = skip(text, at + after, &[' ', '"', '\'', '\\']);
    let separator = text[assigned..].starts_with(['=', ':']);
    separator.then(|| value(text, assigned + 1))
}

fn word(rest: &str, key: &str) -> Option<usize> {
    rest.get(..key.len())?.eq_ignore_ascii_case(key).then_some(key.len())
}

/// The password in `user:password@host`, which begins at `start`.
fn password_of_address(text: &str, start: usize) -> Option<(usize, usize)> {
    let rest = &text[start..];
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '\\');
    let address = &rest[..rest.find(ends).unwrap_or(rest.len())];
    let (user, _) = address.rsplit_once('@')?;
    let colon = user.find(':')?;
    Some((start + colon + 1, start + user.len()))
}

/// The value at `at`: up to the closing quote, or up to what ends a bare word.
fn value(text: &str, at: usize) -> (usize, usize) {
    let mut start = skip(text, at, &[' ', '\\']);
    for wrapper in ["some(", "bearer ", "basic "] {
        start += word(&text[start..], wrapper).unwrap_or(0);
    }
    start = skip(text, start, &['\\']);
    let rest = &text[start..];
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
    if let Some(quote) = quote {
        let inside = start + 1;
        let inner = &text[inside..];
        let scheme = ["bearer ", "basic "].iter().find_map(|scheme| word(inner, scheme));
        let length = inner.find([quote, '\\']).unwrap_or(inner.len());
        return (inside + scheme.unwrap_or(0), inside + length);
    }
    let ends = |c: char| {
        c.is_whitespace()
            || matches!(c, ',' | '&' | ';' | '}' | ')' | ']' | '"' | '\'' | '\\')
            || c == '\u{1b}'
    };
    (start, start + rest.find(ends).unwrap_or(rest.len()))
}

/// The place after `at` where something other than `chars` and colour codes begins.
fn skip(text: &str, mut at: usize, chars: &[char]) -> usize {
    loop {
        let rest = &text[at..];
        if rest.starts_with(chars) {
            at += 1;
        } else if rest.starts_with("\u{1b}[")
            && let Some(length) = rest.find('m')
        {
            at += length + 1;
        } else {
            return at;
        }
    }
}

/// Masks what is written to `inner`; log layers write whole lines.
pub(super) struct RedactingWriter<W> {
    inner: W,
}

impl<W: Write> RedactingWriter<W> {
    pub(super) const fn new(inner: W) -> Self {
        Self { inner }
    }
}

impl<W: Write> Write for RedactingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.inner.write_all(redact(&text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
