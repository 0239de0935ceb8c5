//! Bytes into rows, as they arrive: lists of JSON objects, one object a line, lines of CSV.

use super::model::{Fault, ReadingRow, ReadingsError};
use super::table::Table;

/// Longest row, in bytes.
const ROW_BYTES_MAX: usize = 16 << 10;

/// Form of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// One list of objects.
    Json,
    /// One object a line.
    Lines,
    /// A header and lines of cells.
    Csv,
}

impl Format {
    /// The form of a media type.
    pub fn of(media_type: &str) -> Option<Self> {
        match media_type {
            "application/json" => Some(Self::Json),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => {
                Some(Self::Lines)
            }
            "text/csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// A row, or what is wrong with it.
pub(super) type Read = Result<ReadingRow, Fault>;

/// Where in a list the next byte lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the list.
    Start,
    /// Behind `[`: a row or the end.
    First,
    /// Behind a comma: a row.
    Next,
    /// In a row.
    Inside { depth: u32, quoted: bool, escaped: bool },
    /// Behind the list.
    End,
}

/// Cuts a body into rows, whatever pieces it comes in.
pub(super) struct Splitter {
    format: Format,
    place: Place,
    row: Vec<u8>,
    is_first_line: bool,
    table: Option<Table>,
}

impl Splitter {
    pub fn new(format: Format) -> Self {
        Self { format, place: Place::Start, row: Vec::new(), is_first_line: true, table: None }
    }

    /// Takes the next piece; whole rows go to `out`.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<Read>) -> Result<(), ReadingsError> {
        if self.format == Format::Json {
            for byte in bytes {
                self.step(*byte, out)?;
            }
            return Ok(());
        }
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            self.extend(&rest[..at])?;
            self.line(out)?;
            rest = &rest[at + 1..];
        }
        self.extend(rest)
    }

    /// Takes the end.
    pub fn finish(&mut self, out: &mut Vec<Read>) -> Result<(), ReadingsError> {
        let unreadable = |text: &str| Err(ReadingsError::Unreadable(text.to_owned()));
        if self.format == Format::Json {
            return match self.place {
                Place::End => Ok(()),
                Place::Start => unreadable("the body is empty; it must be a JSON list of readings"),
                _ => unreadable("the body ends in the middle of the list"),
            };
        }
        self.line(out)?;
        if self.is_first_line {
            return Err(ReadingsError::NoReadings("the body is empty".to_owned()));
        }
        Ok(())
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), ReadingsError> {
        if self.row.len() + bytes.len() > ROW_BYTES_MAX {
            return Err(ReadingsError::TooLarge(format!(
                "a row is longer than {ROW_BYTES_MAX} bytes; send one reading a row"
            )));
        }
        self.row.extend_from_slice(bytes);
        Ok(())
    }

    /// A byte of a list of objects.
    fn step(&mut self, byte: u8, out: &mut Vec<Read>) -> Result<(), ReadingsError> {
        let unreadable = |text: &str| Err(ReadingsError::Unreadable(text.to_owned()));
        match self.place {
            Place::Inside { depth, quoted, escaped } => {
                let ends = !quoted && depth == 0 && matches!(byte, b',' | b']');
                if ends {
                    out.push(row_of(&self.row));
                    self.row.clear();
                    self.place = if byte == b',' { Place::Next } else { Place::End };
                    return Ok(());
                }
                self.extend(&[byte])?;
                self.place = inside(byte, depth, quoted, escaped);
            }
            _ if byte.is_ascii_whitespace() => {}
            Place::Start if byte == b'[' => self.place = Place::First,
            Place::Start => {
                return unreadable(
                    "the body must be a JSON list of readings, like [{\"meter_id\": …}]; \
                     for one object a line send application/x-ndjson",
                );
            }
            Place::First if byte == b']' => self.place = Place::End,
            Place::First | Place::Next => {
                if matches!(byte, b',' | b']') {
                    return unreadable("the list has a comma too many");
                }
                self.extend(&[byte])?;
                self.place = inside(byte, 0, false, false);
            }
            Place::End => return unreadable("something follows the end of the list"),
        }
        Ok(())
    }

    /// A whole line, which `self.row` holds.
    fn line(&mut self, out: &mut Vec<Read>) -> Result<(), ReadingsError> {
        let line = std::mem::take(&mut self.row);
        let mut text = line.trim_ascii();
        if self.is_first_line {
            text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        }
        if !text.is_empty() {
            self.is_first_line = false;
            match (self.format, &self.table) {
                (Format::Csv, None) => self.table = Some(Table::of_header(text)?),
                (Format::Csv, Some(table)) => out.push(table.row(text)),
                _ => out.push(row_of(text)),
            }
        }
        self.row = line;
        self.row.clear();
        Ok(())
    }
}

fn inside(byte: u8, depth: u32, quoted: bool, escaped: bool) -> Place {
    let (depth, quoted, escaped) = match (quoted, escaped, byte) {
        (true, false, b'\\') => (depth, true, true),
        (true, false, b'"') => (depth, false, false),
        (true, _, _) | (false, _, b'"') => (depth, true, false),
        (false, _, b'{' | b'[') => (depth + 1, false, false),
        (false, _, b'}' | b']') => (depth.saturating_sub(1), false, false),
        _ => (depth, false, false),
    };
    Place::Inside { depth, quoted, escaped }
}

/// The row of an object's text; what does not fit is named with its field.
fn row_of(text: &[u8]) -> Read {
    if text.first() != Some(&b'{') {
        return Err(Fault::new("", "expected a JSON object with the fields of one reading"));
    }
    if let Ok(row) = serde_json::from_slice(text) {
        return Ok(row);
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read: Result<ReadingRow, _> = serde_path_to_error::deserialize(&mut reader);
    match read {
        Err(error) => {
            let path = error.path().to_string();
            let message = error.into_inner().to_string();
            let message = message.rfind(" at line ").map_or(&*message, |at| &message[..at]);
            let named = ["missing field `", "unknown field `", "duplicate field `"]
                .iter()
                .find_map(|start| message.strip_prefix(start)?.split_once('`'))
                .map(|(name, _)| name.to_owned());
            let path = if path == "." || path == "?" { String::new() } else { path };
            Err(Fault::new(named.unwrap_or(path), message))
        }
        Ok(_) => Err(Fault::new("", "something follows the end of the object")),
    }
}
