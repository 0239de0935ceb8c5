//! Archives that office files are: parts by name, counted while they are unpacked.

use std::cell::Cell;
use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::Limits;
use crate::knowledge::extract::model::ExtractError;

/// Bytes of a part below which its ratio says nothing.
const RATIO_FROM_BYTES: u64 = 8 << 20;

/// An archive of which parts are unpacked one by one.
pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    names: Vec<String>,
    packed: u64,
    limits: &'a Limits,
    /// Bytes that may still be unpacked.
    left: Cell<u64>,
}

/// Whether the name of a part ends in an extension, also when it has nothing before it.
pub(super) fn ends_in(name: &str, extension: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, own)| own == extension)
}

fn broken(error: impl std::fmt::Display) -> ExtractError {
    ExtractError::Broken { reason: format!("its archive cannot be read: {error}") }
}

impl<'a> Package<'a> {
    pub fn open(bytes: &'a [u8], limits: &'a Limits) -> Result<Self, ExtractError> {
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
        if archive.len() > limits.entries_max {
            let limit = format!("its archive has more than {} parts", limits.entries_max);
            return Err(ExtractError::Limit { limit });
        }
        let names = archive.file_names_raw();
        let names = names.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        let left = Cell::new(limits.unpacked_bytes);
        Ok(Self { archive, names, packed: bytes.len() as u64, limits, left })
    }

    /// The names of the parts, as the sender wrote them; they name no file of this box.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|own| own == name)
    }

    /// The bytes of a part; absent when there is none of that name.
    pub fn part(&mut self, name: &str) -> Result<Option<Vec<u8>>, ExtractError> {
        let Some(index) = self.names.iter().position(|own| own == name) else { return Ok(None) };
        self.unpack(index, true).map(Some)
    }

    /// The bytes of a part without which there is no document.
    pub fn needed(&mut self, name: &str) -> Result<Vec<u8>, ExtractError> {
        let reason = || format!("its archive has no part {name}");
        self.part(name)?.ok_or_else(|| ExtractError::Broken { reason: reason() })
    }

    /// Unpacks every part whose name `counts` and throws it away: for readers that open the archive
    /// themselves, and believe what it says about itself.
    pub fn measure(&mut self, counts: impl Fn(&str) -> bool) -> Result<(), ExtractError> {
        for index in 0..self.names.len() {
            if counts(&self.names[index]) {
                self.unpack(index, false)?;
            }
        }
        Ok(())
    }

    fn unpack(&mut self, index: usize, keep: bool) -> Result<Vec<u8>, ExtractError> {
        let file = self.archive.by_index(index).map_err(broken)?;
        if file.encrypted() {
            return Err(ExtractError::Encrypted);
        }
        let (left, ratio) = (self.left.get(), self.limits.ratio_max);
        // What the directory says about sizes is the sender's word: the bytes are counted.
        let most = left.min(self.packed.saturating_mul(ratio).max(RATIO_FROM_BYTES));
        let mut limited = file.take(most + 1);
        let (mut kept, mut chunk, mut length) = (Vec::new(), vec![0; 64 << 10], 0_u64);
        loop {
            let read = limited.read(&mut chunk).map_err(broken)?;
            if read == 0 {
                break;
            }
            length += read as u64;
            if keep {
                kept.extend_from_slice(&chunk[..read]);
            }
        }
        if length > most {
            let limit = format!(
                "it unpacks to more than {} MB, which no document of its size does",
                most >> 20
            );
            return Err(ExtractError::Limit { limit });
        }
        self.left.set(left - length);
        Ok(kept)
    }
}
