//! Quotes that can be proven, and the two ways of counting where they stand.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::algorithms::retrieval::Span;

/// Words of a document with where they stand, in characters (Unicode scalar values) of its canonical text:
/// `text[start_char:end_char]` of Python is the quote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// First character.
    pub start_char: usize,
    /// First character behind.
    pub end_char: usize,
    /// Sha256 of the quote's UTF-8 bytes, hexadecimal.
    pub sha256: String,
    /// The words.
    pub text: String,
}

#[cfg(test)]
impl Quote {
    /// The quote at a span of a canonical text; absent when there is nothing between letters there.
    pub fn of(canonical_text: &str, offsets: &CharOffsets, span: Span) -> Option<Self> {
        let text = span.of(canonical_text).filter(|text| !text.is_empty())?;
        let (start_char, end_char) = offsets.to_chars(span)?;
        Some(Self {
            start_char,
            end_char,
            sha256: hex::encode(Sha256::digest(text.as_bytes())),
            text: text.to_owned(),
        })
    }
}

/// Whether the quote stands in the text where it says it does, byte for byte, and its sum is right.
pub fn prove(canonical_text: &str, quote: &Quote) -> bool {
    if quote.end_char <= quote.start_char {
        return false;
    }
    let start = canonical_text.char_indices().map(|(at, _)| at).nth(quote.start_char);
    let Some(rest) = start.and_then(|start| canonical_text.get(start..)) else { return false };
    let length = quote.end_char - quote.start_char;
    let end = rest.char_indices().map(|(at, _)| at).chain([rest.len()]).nth(length);
    let stands = end
        .and_then(|end| rest.get(..end))
        .is_some_and(|found| found.as_bytes() == quote.text.as_bytes());
    stands && hex::encode(Sha256::digest(quote.text.as_bytes())) == quote.sha256
}

/// How many characters apart two marks of [`CharOffsets`] are.
const STEP: usize = 256;

/// Turns bytes of a text into characters and back, without walking the whole text each time.
#[derive(Debug, Clone)]
pub struct CharOffsets {
    /// Byte of each 256th character.
    marks: Vec<usize>,
    /// The bytes at which characters begin, as the lengths of characters between marks.
    lengths: Vec<u8>,
    bytes: usize,
}

impl CharOffsets {
    /// Reads the text once.
    pub fn new(text: &str) -> Self {
        let ascii = text.is_ascii();
        let marks = if ascii {
            Vec::new()
        } else {
            text.char_indices().step_by(STEP).map(|(at, _)| at).collect()
        };
        let width = |letter: char| u8::try_from(letter.len_utf8()).unwrap_or(4);
        let lengths = if ascii { Vec::new() } else { text.chars().map(width).collect() };
        Self { marks, lengths, bytes: text.len() }
    }

    /// Characters of a span; absent when an end lies within a character or behind the text.
    pub fn to_chars(&self, span: Span) -> Option<(usize, usize)> {
        (span.start <= span.end).then_some(())?;
        Some((self.character(span.start)?, self.character(span.end)?))
    }

    /// Bytes of a stretch of characters; absent when it reaches behind the text.
    pub fn to_bytes(&self, start_char: usize, end_char: usize) -> Option<Span> {
        (start_char <= end_char).then_some(())?;
        Some(Span { start: self.byte(start_char)?, end: self.byte(end_char)? })
    }

    fn character(&self, byte: usize) -> Option<usize> {
        if byte > self.bytes {
            return None;
        }
        if self.marks.is_empty() {
            return Some(byte);
        }
        let mark = self.marks.partition_point(|&at| at <= byte).checked_sub(1)?;
        let mut at = self.marks[mark];
        let mut character = mark * STEP;
        while at < byte {
            at += usize::from(*self.lengths.get(character)?);
            character += 1;
        }
        (at == byte).then_some(character)
    }

    fn byte(&self, character: usize) -> Option<usize> {
        if self.marks.is_empty() {
            return (character <= self.bytes).then_some(character);
        }
        if character > self.lengths.len() {
            return None;
        }
        let mark = (character / STEP).min(self.marks.len() - 1);
        let between = &self.lengths[mark * STEP..character];
        Some(self.marks[mark] + between.iter().map(|&length| usize::from(length)).sum::<usize>())
    }
}
