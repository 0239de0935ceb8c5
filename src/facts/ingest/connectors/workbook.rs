//! Sheets of workbooks (XLSX), row by row: what is unpacked is counted before anybody reads it.

use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{DataRef, Reader, Xlsx};
use zip::ZipArchive;

use crate::facts::ingest::model::ReadError;
use crate::facts::ingest::source::{kind, quoted};

/// Files in the archive that a workbook is.
const FILES_MAX: usize = 200;
/// All files of a workbook together, unpacked: twice the largest overview of a year.
const UNPACKED_BYTES_MAX: u64 = 256 << 20;
/// The texts that cells share, unpacked, which are held in memory.
const TEXTS_BYTES_MAX: u64 = 32 << 20;
/// Texts that a workbook may announce: each costs memory before it has come.
const TEXTS_MAX: u64 = 2_000_000;
/// Cells that are looked at: twice the largest overview of a year.
const CELLS_MAX: usize = 8_000_000;
/// Columns that are looked at; what stands further to the right is passed over.
const COLUMNS_MAX: usize = 500;

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    /// Nothing.
    Empty,
    /// Letters.
    Text(String),
    /// A number, or an instant as days since the end of 1899.
    Number(f64),
    /// A truth or an error.
    Other,
}

/// Calls `each` with every row that has a cell of the sheet whose name contains `name`, first row first.
pub(super) fn rows(
    body: &[u8],
    name: &str,
    each: &mut dyn FnMut(&[Cell]) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let found = kind(body);
    if found != "a ZIP archive" {
        return Err(ReadError::NotExpected { expected: "a workbook", found });
    }
    measure(body)?;
    // The reader's own checks do not catch every damaged file; a panic of it is the file's fault.
    let read = catch_unwind(AssertUnwindSafe(|| read(body, name, each)));
    read.unwrap_or_else(|_| Err(broken("its structure is damaged")))
}

fn broken(what: impl std::fmt::Display) -> ReadError {
    ReadError::Broken(format!("the workbook cannot be opened: {what}"))
}

/// Refuses a workbook that unpacks to more than one holds.
fn measure(body: &[u8]) -> Result<(), ReadError> {
    let mut archive = ZipArchive::new(Cursor::new(body)).map_err(broken)?;
    if archive.len() > FILES_MAX {
        return Err(broken(format!("it holds {} files", archive.len())));
    }
    let mut left = UNPACKED_BYTES_MAX;
    for index in 0..archive.len() {
        let file = archive.by_index(index).map_err(broken)?;
        let holds_texts =
            file.name().map_err(broken)?.to_ascii_lowercase().ends_with("sharedstrings.xml");
        // What the directory says about sizes is the sender's word: the bytes are counted.
        let most = if holds_texts { left.min(TEXTS_BYTES_MAX) } else { left };
        let mut limited = file.take(most + 1);
        let length = if holds_texts {
            let mut texts = Vec::new();
            limited.read_to_end(&mut texts).map_err(broken)?;
            check_texts(&texts)?;
            texts.len() as u64
        } else {
            std::io::copy(&mut limited, &mut std::io::sink()).map_err(broken)?
        };
        if length > most {
            return Err(broken(format!("it unpacks to more than {UNPACKED_BYTES_MAX} bytes")));
        }
        left -= length;
    }
    Ok(())
}

/// Refuses texts that are announced in a number for which there is no memory.
fn check_texts(texts: &[u8]) -> Result<(), ReadError> {
    const ANNOUNCED: &str = "uniqueCount";
    let texts = std::str::from_utf8(texts).map_err(|_| broken("its texts are not UTF-8"))?;
    for (at, word) in texts.match_indices(ANNOUNCED) {
        let rest = texts.get(at + word.len()..).unwrap_or_default();
        let rest = rest.trim_start().trim_start_matches('=').trim_start();
        let rest = rest.trim_start_matches(['"', '\'']);
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        if !digits.is_empty() && digits.parse().map_or(true, |count: u64| count > TEXTS_MAX) {
            return Err(broken(format!("it announces {digits} texts")));
        }
    }
    Ok(())
}

fn read(
    body: &[u8],
    name: &str,
    each: &mut dyn FnMut(&[Cell]) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let mut book = Xlsx::new(Cursor::new(body)).map_err(broken)?;
    let names = book.sheet_names();
    let sheet = names.iter().find(|sheet| sheet.contains(name)).ok_or_else(|| {
        let names = quoted(names.join(", ").as_bytes());
        broken(format!("it has no sheet {name}, but {names}"))
    })?;
    // Never the whole sheet as a table: two cells far apart would make it endless.
    let mut cells = book.worksheet_cells_reader(sheet).map_err(broken)?;
    let (mut row, mut at, mut count) = (Vec::new(), None, 0);
    while let Some(cell) = cells.next_cell().map_err(broken)? {
        count += 1;
        if count > CELLS_MAX {
            return Err(broken(format!("it has more than {CELLS_MAX} cells")));
        }
        let (line, column) = cell.get_position();
        if at != Some(line) {
            if !row.is_empty() {
                each(&row)?;
            }
            row.clear();
            at = Some(line);
        }
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        if column < COLUMNS_MAX {
            row.resize(row.len().max(column + 1), Cell::Empty);
            row[column] = of(cell.get_value());
        }
    }
    if row.is_empty() { Ok(()) } else { each(&row) }
}

fn of(value: &DataRef<'_>) -> Cell {
    match value {
        DataRef::Empty => Cell::Empty,
        DataRef::Int(number) => Cell::Number(*number as f64),
        DataRef::Float(number) => Cell::Number(*number),
        DataRef::DateTime(instant) => Cell::Number(instant.as_f64()),
        DataRef::String(text) | DataRef::DateTimeIso(text) => Cell::Text(text.clone()),
        DataRef::SharedString(text) => Cell::Text((*text).to_owned()),
        DataRef::DurationIso(_) | DataRef::Bool(_) | DataRef::Error(_) => Cell::Other,
    }
}
