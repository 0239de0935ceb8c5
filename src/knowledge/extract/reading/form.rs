//! What a file is, by its bytes; its name only tells texts apart that are written with the same letters.

use super::{html, markdown, table};
use crate::knowledge::extract::model::ExtractError;

/// Bytes at the beginning within which a mark may stand.
const HEAD_BYTES: usize = 1024;

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    Pdf,
    /// An archive; its parts tell what kind.
    Zip,
    /// A compound file of older office programs, or the shell of an encrypted newer one.
    Compound,
    /// A picture: a page without text.
    Picture(&'static str),
    Html(String),
    Markdown(String),
    /// Values parted by this byte.
    Table(String, u8),
    Text(String),
}

/// Marks of forms that are not read, and their names.
const FOREIGN: [(&[u8], &str); 20] = [
    (b"{\\rtf", "an RTF text (save it as DOCX)"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\x1f\x8b", "a GZIP archive (send the files in it one by one)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive (send the files in it one by one)"),
    (b"Rar!", "a RAR archive (send the files in it one by one)"),
    (b"BZh", "a BZIP2 archive (send the files in it one by one)"),
    (b"\xfd7zXZ", "an XZ archive (send the files in it one by one)"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive (send the files in it one by one)"),
    (b"OggS", "a recording"),
    (b"ID3", "a recording"),
    (b"fLaC", "a recording"),
    (b"RIFF", "a recording or a film"),
    (b"\x1a\x45\xdf\xa3", "a film"),
    (b"SQLite format 3", "a database"),
    (b"PAR1", "a Parquet table"),
    (b"%!PS", "a PostScript program (save it as PDF)"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\x00asm", "a program"),
    (b"wOF", "a font"),
];
const PICTURES: [(&[u8], &str); 7] = [
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"\0\0\x01\0", "image/x-icon"),
];

/// What `bytes` are. `extension` is that of the name they came with, in small letters.
pub(super) fn form(bytes: &[u8], extension: &str) -> Result<Form, ExtractError> {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    let begins = |mark: &[u8]| head.starts_with(mark);
    if begins(b"PK\x03\x04") || begins(b"PK\x05\x06") || begins(b"PK\x07\x08") {
        return Ok(Form::Zip);
    }
    if begins(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return Ok(Form::Compound);
    }
    if head.windows(5).any(|window| window == b"%PDF-") {
        return Ok(Form::Pdf);
    }
    let unsupported = |form: &str| Err(ExtractError::Unsupported { form: form.to_owned() });
    // Two letters may begin a word, too; what is nothing but letters is text.
    let text = || std::str::from_utf8(bytes).is_ok() && !bytes.contains(&0);
    if let Some((mark, media)) = PICTURES.iter().find(|(mark, _)| begins(mark))
        && (mark.len() > 2 || !text())
    {
        return Ok(Form::Picture(media));
    }
    if let Some((mark, form)) = FOREIGN.iter().find(|(mark, _)| begins(mark))
        && (mark.len() > 3 || !text())
    {
        return unsupported(form);
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(ExtractError::Empty { scanned: false });
    }
    let Some(text) = html::decode_page(bytes) else {
        return unsupported("what these bytes are is not known, and it");
    };
    Ok(of_text(text, extension))
}

fn of_text(text: String, extension: &str) -> Form {
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    let begin = text.floor_char_boundary(2 * HEAD_BYTES);
    let head = text[..begin].trim_start().to_ascii_lowercase();
    let marks = ["<html", "<body", "<head>", "<head ", "<!doctype html"];
    let first = head.starts_with('<');
    let named_html = matches!(extension, "html" | "htm" | "xhtml");
    if first && marks.iter().any(|mark| head.contains(mark)) || named_html && head.contains('<') {
        return Form::Html(text);
    }
    match extension {
        "md" | "markdown" | "mdx" => return Form::Markdown(text),
        "csv" | "tsv" | "tab" => {
            if let Some(sign) = table::delimiter(&text, true) {
                return Form::Table(text, sign);
            }
        }
        _ => {}
    }
    if markdown::is_likely(&text) {
        return Form::Markdown(text);
    }
    match table::delimiter(&text, false) {
        Some(sign) if extension != "txt" || sign != b',' => Form::Table(text, sign),
        _ => Form::Text(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_tell_and_names_only_help() {
        let named = |bytes: &[u8], extension| form(bytes, extension);
        assert_eq!(named(b"junk\n%PDF-1.7\n", "docx"), Ok(Form::Pdf));
        assert_eq!(named(b"PK\x03\x04rest", "pdf"), Ok(Form::Zip));
        assert_eq!(named(b"\x89PNG\r\n", "txt"), Ok(Form::Picture("image/png")));
        assert!(matches!(named(b"<!DOCTYPE html><p>x", "pdf"), Ok(Form::Html(_))));
        assert!(matches!(named(b"a;b\n1;2\n3;4\n", "pdf"), Ok(Form::Table(_, b';'))));
        assert!(matches!(named("BMW fährt elektrisch.".as_bytes(), "txt"), Ok(Form::Text(_))));
        assert!(matches!(named(b"MZ ist ein Kuerzel.", ""), Ok(Form::Text(_))));
        assert!(matches!(
            named(b"MZ\x90\0\x03\0\0\0", "txt"),
            Err(ExtractError::Unsupported { .. })
        ));
        assert!(matches!(
            named(b"\0\x01\x02\xff\xfe\0\0", "txt"),
            Err(ExtractError::Unsupported { .. })
        ));
        assert_eq!(named(b" \n", "txt"), Err(ExtractError::Empty { scanned: false }));
        assert_eq!(named(b"", "txt"), Err(ExtractError::Empty { scanned: false }));
    }
}
