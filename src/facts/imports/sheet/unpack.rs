//! From the bytes of a file to the bytes or the text of a table, refusing what cannot be one.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::MultiGzDecoder;

use crate::facts::imports::error::ImportError;

/// Bytes of a file that are read at most, once unpacked.
const MAX_BYTES: usize = 256 << 20;
/// Bytes of a line that are read at most.
const MAX_LINE_BYTES: usize = 1 << 20;

/// First bytes of things that people take for tables.
const FOREIGN: &[(&[u8], &str)] = &[
    (b"PK\x03\x04", "a zip archive or a spreadsheet (.xlsx)"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ", "compressed with xz"),
    (b"%PDF", "a PDF document"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet (.xls)"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
];

/// The bytes themselves, or what a gzip file holds; bounded, so that a small file cannot fill memory.
pub(super) fn unpack(bytes: &[u8]) -> Result<Cow<'_, [u8]>, ImportError> {
    let plain = if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        MultiGzDecoder::new(bytes)
            .take(limit)
            .read_to_end(&mut plain)
            .map_err(ImportError::Gzip)?;
        Cow::Owned(plain)
    } else {
        Cow::Borrowed(bytes)
    };
    if plain.len() > MAX_BYTES {
        return Err(ImportError::TooLarge { max_mb: MAX_BYTES >> 20 });
    }
    Ok(plain)
}

/// The text of a file: UTF-8 with or without mark, else Windows-1252 (what spreadsheets write).
pub(super) fn text_of(bytes: &[u8]) -> Result<String, ImportError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(ImportError::Empty);
    }
    refuse_foreign(bytes)?;
    refuse_long_lines(bytes)?;
    Ok(match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        // Of the 27 characters in which the two differ, only the euro sign matters to a header.
        Err(_) => bytes.iter().map(|&b| if b == 0x80 { '€' } else { char::from(b) }).collect(),
    })
}

fn refuse_foreign(bytes: &[u8]) -> Result<(), ImportError> {
    let refuse = |what| Err(ImportError::NotATable { what });
    if let Some((_, what)) = FOREIGN.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return refuse(what);
    }
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'<') => return refuse("a web page or XML"),
        Some(b'{' | b'[') => return refuse("JSON"),
        _ => {}
    }
    let is_binary = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c);
    if bytes.iter().any(is_binary) { refuse("binary data") } else { Ok(()) }
}

fn refuse_long_lines(bytes: &[u8]) -> Result<(), ImportError> {
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        if line.len() > MAX_LINE_BYTES {
            return Err(ImportError::LineTooLong {
                line: number,
                bytes: line.len(),
                max: MAX_LINE_BYTES,
            });
        }
    }
    Ok(())
}
