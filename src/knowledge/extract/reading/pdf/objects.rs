//! Objects of a file by name, however they are wrapped; streams unpacked within bounds.

use std::cell::Cell;
use std::io::Read;

use flate2::read::{DeflateDecoder, ZlibDecoder};
use lopdf::{Dictionary, Document, Object, ObjectId, Stream};

use crate::knowledge::extract::model::ExtractError;

/// Bytes of streams in rarer packings, which are unpacked without a bound of ours.
const OTHER_PACKED_MAX: usize = 8 << 20;

/// A loaded file and what may still be unpacked of it.
pub(super) struct File {
    pub document: Document,
    left: Cell<u64>,
}

impl File {
    pub const fn new(document: Document, unpacked_bytes: u64) -> Self {
        Self { document, left: Cell::new(unpacked_bytes) }
    }

    /// `object`, or what it refers to.
    pub fn follow<'a>(&'a self, object: &'a Object) -> Option<&'a Object> {
        self.document.dereference(object).ok().map(|(_, object)| object)
    }

    /// What stands in `dictionary` under `key`.
    pub fn get<'a>(&'a self, dictionary: &'a Dictionary, key: &str) -> Option<&'a Object> {
        self.follow(dictionary.get(key.as_bytes()).ok()?)
    }

    /// The dictionary in `dictionary` under `key`; that of a stream, too.
    pub fn dictionary<'a>(
        &'a self,
        dictionary: &'a Dictionary,
        key: &str,
    ) -> Option<&'a Dictionary> {
        as_dictionary(self.get(dictionary, key)?)
    }

    /// The same with the number under which it is known, where it has one.
    pub fn numbered<'a>(
        &'a self,
        dictionary: &'a Dictionary,
        key: &[u8],
    ) -> Option<(Option<ObjectId>, &'a Object)> {
        self.document.dereference(dictionary.get(key).ok()?).ok()
    }

    pub fn number(&self, dictionary: &Dictionary, key: &str) -> Option<f32> {
        number(self.get(dictionary, key)?)
    }

    pub fn name<'a>(&'a self, dictionary: &'a Dictionary, key: &str) -> Option<&'a [u8]> {
        self.get(dictionary, key)?.as_name().ok()
    }

    pub fn array<'a>(&'a self, dictionary: &'a Dictionary, key: &str) -> Option<&'a [Object]> {
        self.get(dictionary, key)?.as_array().ok().map(Vec::as_slice)
    }

    /// Numbers of an array; as many as there are.
    pub fn numbers(&self, dictionary: &Dictionary, key: &str) -> Option<Vec<f32>> {
        let array = self.array(dictionary, key)?;
        Some(array.iter().filter_map(|it| self.follow(it)).filter_map(number).collect())
    }

    /// The bytes of a stream, unpacked. What is damaged comes as far as it is whole.
    pub fn unpacked(&self, stream: &Stream) -> Result<Vec<u8>, ExtractError> {
        let filters = stream.filters().unwrap_or_default();
        let left = self.left.get();
        let bytes = match filters.as_slice() {
            [] => stream.content.clone(),
            [b"FlateDecode" | b"Fl"] => inflated(&stream.content, left + 1),
            [b"ASCIIHexDecode" | b"AHx"] => from_hex(&stream.content),
            [b"ASCII85Decode" | b"LZWDecode" | b"FlateDecode", ..]
                if stream.content.len() <= OTHER_PACKED_MAX =>
            {
                stream.decompressed_content().unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let length = bytes.len() as u64;
        if length > left {
            let limit = "its streams unpack to more than a document of its size holds".to_owned();
            return Err(ExtractError::Limit { limit });
        }
        self.left.set(left - length);
        Ok(bytes)
    }
}

fn inflated(packed: &[u8], most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A damaged end does not take away what came before it.
    drop(ZlibDecoder::new(packed).take(most).read_to_end(&mut bytes));
    if bytes.is_empty() && packed.len() > 2 {
        drop(DeflateDecoder::new(&packed[2..]).take(most).read_to_end(&mut bytes));
    }
    bytes
}

fn from_hex(text: &[u8]) -> Vec<u8> {
    let digits = text.iter().take_while(|byte| **byte != b'>');
    let digits: Vec<u8> = digits
        .filter_map(|byte| char::from(*byte).to_digit(16))
        .filter_map(|digit| u8::try_from(digit).ok())
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect()
}

pub(super) fn number(object: &Object) -> Option<f32> {
    match object {
        Object::Integer(number) => Some(*number as f32),
        Object::Real(number) => Some(*number),
        _ => None,
    }
}

pub(super) fn as_dictionary(object: &Object) -> Option<&Dictionary> {
    match object {
        Object::Dictionary(dictionary) => Some(dictionary),
        Object::Stream(stream) => Some(&stream.dict),
        _ => None,
    }
}
