//! Files opened, also those whose table of contents is lost.

use lopdf::{Document, Error, LoadOptions, Object, ObjectId, ObjectStream};

use crate::knowledge::extract::model::ExtractError;

/// Objects of a damaged file that are looked for.
const OBJECTS_MAX: usize = 500_000;

/// The document in `bytes`, decrypted when it needs no password.
pub(super) fn load(bytes: &[u8]) -> Result<Document, ExtractError> {
    let document = match open(bytes) {
        Ok(document) if document.page_iter().next().is_some() || document.is_encrypted() => {
            document
        }
        Err(
            Error::InvalidPassword | Error::Decryption(_) | Error::UnsupportedSecurityHandler(_),
        ) => {
            return Err(ExtractError::Encrypted);
        }
        damaged => repaired(bytes, damaged)?,
    };
    if document.is_encrypted() {
        return Err(ExtractError::Encrypted);
    }
    Ok(document)
}

/// Pictures are not looked at: their bytes are left behind.
fn open(bytes: &[u8]) -> lopdf::Result<Document> {
    #[expect(clippy::unnecessary_wraps, reason = "the library asks for this form")]
    fn without_pictures(id: ObjectId, object: &mut Object) -> Option<(ObjectId, Object)> {
        let Object::Stream(stream) = object else { return Some((id, object.clone())) };
        if matches!(stream.dict.get(b"Subtype").and_then(Object::as_name), Ok(b"Image")) {
            stream.content = vec![0];
        }
        // Of a stream the library keeps the object itself, and not what comes back.
        Some((id, Object::Null))
    }
    let options = LoadOptions { filter: Some(without_pictures), ..LoadOptions::default() };
    Document::load_mem_with_options(bytes, options)
}

/// The document with a table of contents made anew from what looks like objects.
fn repaired(bytes: &[u8], before: lopdf::Result<Document>) -> Result<Document, ExtractError> {
    let trailer = trailer(bytes);
    let anew = trailer.map(|trailer| with_table(bytes, &trailer));
    match (anew.and_then(|anew| open(&anew).ok()), before) {
        (Some(mut document), _) => {
            open_streams(&mut document);
            Ok(document)
        }
        (None, Ok(document)) => Ok(document),
        (None, Err(error)) => Err(ExtractError::Broken { reason: reason(&error) }),
    }
}

fn reason(error: &Error) -> String {
    match error {
        Error::Parse(_) | Error::Xref(_) => {
            "its table of contents is damaged and cannot be mended".to_owned()
        }
        other => {
            let text = other.to_string();
            text.split(';').next().unwrap_or_default().to_owned()
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn find_last(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).rposition(|window| window == wanted)
}

/// What the file says about its root, as the text of a dictionary.
fn trailer(bytes: &[u8]) -> Option<String> {
    let at = find_last(bytes, b"/Root")?;
    let rest = String::from_utf8_lossy(&bytes[at..bytes.len().min(at + 60)]).into_owned();
    let mut words = rest["/Root".len()..].split_whitespace();
    let number = words.next()?.parse::<u32>().ok()?;
    let generation = words.next()?.parse::<u16>().ok()?;
    let encrypted = find(bytes, b"/Encrypt ").and_then(|at| {
        let rest = String::from_utf8_lossy(&bytes[at..bytes.len().min(at + 60)]).into_owned();
        let mut words = rest["/Encrypt".len()..].split_whitespace();
        Some(format!(
            "/Encrypt {} {} R",
            words.next()?.parse::<u32>().ok()?,
            words.next()?.parse::<u16>().ok()?
        ))
    });
    Some(format!("/Root {number} {generation} R {}", encrypted.unwrap_or_default()))
}

fn with_table(bytes: &[u8], trailer: &str) -> Vec<u8> {
    let start = find(bytes, b"%PDF-").unwrap_or(0);
    let bytes = &bytes[start..];
    let mut places = std::collections::BTreeMap::new();
    let mut at = 0;
    while let Some(next) = find(&bytes[at..], b" obj").filter(|_| places.len() < OBJECTS_MAX) {
        let end = at + next;
        if let Some((number, generation, place)) = head(bytes, end) {
            places.insert(number, (place, generation));
        }
        at = end + 4;
    }
    let mut anew = bytes.to_vec();
    anew.extend_from_slice(b"\n");
    let table = anew.len();
    anew.extend_from_slice(b"xref\n");
    let size = places.keys().next_back().map_or(1, |last| last.saturating_add(1));
    for (number, (place, generation)) in &places {
        let entry = format!("{number} 1\n{place:010} {generation:05} n \n");
        anew.extend_from_slice(entry.as_bytes());
    }
    let end = format!("trailer\n<< /Size {size} {trailer} >>\nstartxref\n{table}\n%%EOF\n");
    anew.extend_from_slice(end.as_bytes());
    anew
}

/// The number of the object whose head ends at `end`: «12 0 obj».
fn head(bytes: &[u8], end: usize) -> Option<(u32, u16, usize)> {
    let from = end.saturating_sub(18);
    let text = &bytes[from..end];
    let digits = |text: &[u8]| text.iter().rev().take_while(|it| it.is_ascii_digit()).count();
    let generation = digits(text);
    let rest = &text[..text.len() - generation];
    let rest = rest.strip_suffix(b" ")?;
    let number = digits(rest);
    let parse = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<u32>().ok();
    let own = parse(&rest[rest.len() - number..])?;
    let generation = parse(&text[text.len() - generation..])?;
    Some((own, u16::try_from(generation).ok()?, from + rest.len() - number))
}

/// Takes objects out of the streams that hold them.
fn open_streams(document: &mut Document) {
    let mut found = Vec::new();
    for object in document.objects.values() {
        if let Object::Stream(stream) = object
            && stream.dict.has_type(b"ObjStm")
        {
            let mut stream = stream.clone();
            found.extend(ObjectStream::new(&mut stream).map(|it| it.objects).unwrap_or_default());
        }
    }
    for (id, object) in found {
        document.objects.entry(id).or_insert(object);
    }
}
