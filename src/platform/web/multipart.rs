//! `multipart/form-data` (RFC 7578): the fields and the file of a form, from a body in memory.

use bytes::Bytes;

/// Parts of a form that are read at most.
const PARTS_MAX: usize = 64;
/// Longest head of a part, in bytes.
const HEAD_BYTES_MAX: usize = 4 << 10;

/// One part of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Name of the field.
    pub name: String,
    /// What the sender calls the file; absent for plain fields.
    pub file_name: Option<String>,
    /// What was filled in.
    pub bytes: Bytes,
}

/// The boundary that a content type names.
pub(super) fn boundary(content_type: &str) -> Option<String> {
    let (media_type, parameters) = content_type.split_once(';')?;
    if !media_type.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let value = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    })?;
    ((1..=70).contains(&value.len()) && value.is_ascii()).then(|| value.to_owned())
}

/// The parts of a body; a reason when it is not cut as the boundary says.
pub(super) fn parts(body: &Bytes, boundary: &str) -> Result<Vec<Part>, &'static str> {
    let first = format!("--{boundary}");
    let next = format!("\r\n--{boundary}");
    let mut at = match find(body, first.as_bytes(), 0) {
        Some(start) if start == 0 || body[..start].ends_with(b"\r\n") => start + first.len(),
        _ => return Err("does not begin with its boundary"),
    };
    let mut parts = Vec::new();
    loop {
        if body[at..].starts_with(b"--") {
            return Ok(parts);
        }
        if !body[at..].starts_with(b"\r\n") {
            return Err("has no line break behind a boundary");
        }
        if parts.len() == PARTS_MAX {
            return Err("has more than 64 parts");
        }
        let start = at + 2;
        let end = find(body, next.as_bytes(), at).ok_or("ends within a part")?;
        if end < start {
            return Err("has a part without a head");
        }
        parts.push(part(&body.slice(start..end))?);
        at = end + next.len();
    }
}

fn part(bytes: &Bytes) -> Result<Part, &'static str> {
    let blank = find(&bytes[..bytes.len().min(HEAD_BYTES_MAX)], b"\r\n\r\n", 0);
    let blank = blank.ok_or("has a part without a head of at most 4096 bytes")?;
    let head = std::str::from_utf8(&bytes[..blank]).map_err(|_| "has a head that is not UTF-8")?;
    let disposition = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    });
    let disposition = disposition.ok_or("has a part without a name")?;
    Ok(Part {
        name: parameter(disposition, "name").ok_or("has a part without a name")?,
        file_name: parameter(disposition, "filename"),
        bytes: bytes.slice(blank + 4..),
    })
}

/// A quoted parameter of a header; browsers write `%22` for a quotation mark in it.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once(';') {
        let (name, value) = after.split_once('=')?;
        if let Some(quoted) = value.trim_start().strip_prefix('"') {
            let (text, behind) = quoted.split_once('"')?;
            if name.trim().eq_ignore_ascii_case(wanted) {
                return Some(text.replace("%22", "\"").replace("%0D", "").replace("%0A", ""));
            }
            rest = behind;
        } else {
            let text = value.split(';').next().unwrap_or_default();
            if name.trim().eq_ignore_ascii_case(wanted) {
                return Some(text.trim().to_owned());
            }
            rest = &value[text.len()..];
        }
    }
    None
}

/// Where `wanted` begins in `bytes`, from `from` on.
fn find(bytes: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    let first = *wanted.first()?;
    let mut at = from;
    while at + wanted.len() <= bytes.len() {
        let step = bytes[at..=bytes.len() - wanted.len()].iter().position(|byte| *byte == first)?;
        at += step;
        if &bytes[at..at + wanted.len()] == wanted {
            return Some(at);
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn form(text: &'static str) -> Result<Vec<Part>, &'static str> {
        parts(&Bytes::from_static(text.as_bytes()), "XX")
    }

    #[test]
    fn fields_and_files_are_taken_apart() {
        let body = "--XX\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\nreadings\r\n\
            --XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a;%22b%22.csv\"\r\n\
            Content-Type: text/csv\r\n\r\n--X\r\n1;2\r\n\r\n--XX--\r\n";
        let found = form(body).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].name.as_str(), found[0].bytes.as_ref()), ("kind", &b"readings"[..]));
        assert_eq!(found[0].file_name, None);
        assert_eq!(found[1].file_name.as_deref(), Some("a;\"b\".csv"));
        assert_eq!(found[1].bytes.as_ref(), b"--X\r\n1;2\r\n");
    }

    #[test]
    fn what_is_not_cut_as_it_says_is_refused() {
        for (body, reason) in [
            ("", "does not begin with its boundary"),
            ("--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx", "ends within a part"),
            ("--XX\r\nx\r\n--XX--", "has a part without a head of at most 4096 bytes"),
            ("--XX\r\nA: b\r\n\r\nx\r\n--XX--", "has a part without a name"),
            ("--XXA\r\n", "has no line break behind a boundary"),
        ] {
            assert_eq!(form(body).unwrap_err(), reason, "{body}");
        }
        assert_eq!(form("--XX--\r\n").unwrap(), []);
    }

    #[test]
    fn a_content_type_names_the_boundary() {
        for (content_type, expected) in [
            ("multipart/form-data; boundary=----abc", Some("----abc")),
            ("Multipart/Form-Data; charset=utf-8; boundary=\"a b\"", Some("a b")),
            ("multipart/form-data", None),
            ("text/csv; boundary=a", None),
        ] {
            assert_eq!(boundary(content_type).as_deref(), expected, "{content_type}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            cut in "(--XX|\r\n|x|\"|;|=|: |name){0,40}",
        ) {
            drop(parts(&Bytes::from(bytes), "XX"));
            drop(parts(&Bytes::from(cut), "XX"));
        }

        #[test]
        fn a_file_comes_out_as_it_went_in(
            content in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut body = b"--QzQ\r\nContent-Disposition: form-data; name=\"f\"; filename=\"n\"\r\n\r\n".to_vec();
            body.extend(&content);
            body.extend(b"\r\n--QzQ--\r\n");
            let found = parts(&Bytes::from(body), "QzQ").unwrap();
            prop_assert_eq!(found[0].bytes.as_ref(), content.as_slice());
        }
    }
}
