//! A dropped file into the documents in it: gzip and zip, with bounds that a small file cannot break.

use std::io::{Cursor, Read};

use flate2::read::MultiGzDecoder;
use zip::ZipArchive;

use super::formats::Refusal;
use super::model::written_name;

/// Documents in one archive that are read at most.
const DOCUMENTS_MAX: usize = 1_000;
/// Entries of an archive that are looked at; folders and hidden files among them.
const ENTRIES_MAX: usize = 10_000;

/// A document, and its name where there are several in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Its name in the archive; empty where the file is the document.
    pub name: String,
    /// The document, or why it cannot be had.
    pub bytes: Result<Vec<u8>, Refusal>,
}

/// The documents of a file; `bytes_max` bounds them all together.
pub(super) fn parts(bytes: &[u8], bytes_max: u64) -> Result<Vec<Part>, Refusal> {
    let whole = |bytes: Vec<u8>| vec![Part { name: String::new(), bytes: Ok(bytes) }];
    if bytes.starts_with(b"\x1f\x8b") {
        let mut plain = Vec::new();
        MultiGzDecoder::new(bytes).take(bytes_max + 1).read_to_end(&mut plain).map_err(|_| {
            Refusal("the gzip file cannot be unpacked: it is cut off or damaged".to_owned())
        })?;
        within(plain.len() as u64, bytes_max)?;
        return Ok(whole(plain));
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return zipped(bytes, bytes_max);
    }
    Ok(whole(bytes.to_vec()))
}

fn within(length: u64, bytes_max: u64) -> Result<(), Refusal> {
    if length > bytes_max {
        let max_mb = bytes_max >> 20;
        return Err(Refusal(format!("the file holds more than {max_mb} MB once unpacked")));
    }
    Ok(())
}

fn zipped(bytes: &[u8], bytes_max: u64) -> Result<Vec<Part>, Refusal> {
    let broken = |error: zip::result::ZipError| {
        Refusal(format!("the zip archive cannot be read: it is cut off or damaged ({error})"))
    };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    if archive.len() > ENTRIES_MAX {
        return Err(Refusal(format!("the zip archive has more than {ENTRIES_MAX} entries")));
    }
    let (mut parts, mut left) = (Vec::new(), bytes_max);
    for place in 0..archive.len() {
        let mut entry = match archive.by_index(place) {
            Ok(entry) => entry,
            Err(error) => {
                let (name, bytes) = (format!("entry {}", place + 1), Err(broken(error)));
                parts.push(Part { name, bytes });
                continue;
            }
        };
        let name = entry.name().map_err(broken)?.into_owned();
        if name == "[Content_Types].xml" {
            return Err(Refusal(
                "the file is a spreadsheet (.xlsx); save it as CSV and drop that".to_owned(),
            ));
        }
        let is_hidden = name.split(['/', '\\']).any(|part| part.starts_with(['.', '_']));
        if !entry.is_file() || is_hidden {
            continue;
        }
        if parts.len() == DOCUMENTS_MAX {
            return Err(Refusal(format!("the zip archive has more than {DOCUMENTS_MAX} files")));
        }
        let mut plain = Vec::new();
        let read = entry.by_ref().take(left + 1).read_to_end(&mut plain);
        within(bytes_max - left + plain.len() as u64, bytes_max)?;
        left -= plain.len() as u64;
        let bytes = match read {
            Ok(_) if plain.starts_with(b"PK\x03\x04") => {
                Err(Refusal("an archive in an archive is not read".to_owned()))
            }
            Ok(_) => Ok(plain),
            Err(error) => Err(Refusal(format!("it cannot be unpacked: {error}"))),
        };
        parts.push(Part { name: written_name(&name), bytes });
    }
    Ok(parts)
}
