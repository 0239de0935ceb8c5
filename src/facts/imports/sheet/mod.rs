//! A file taken apart: bytes in, header and rows of cells out, whatever the format.

mod csv_text; // text with separators
mod parquet; // columns of typed values
mod unpack; // gzip, encodings, things that are no table

use std::ops::ControlFlow;

use chrono::{DateTime, NaiveDateTime, Utc};

use self::csv_text::CsvSheet;
use self::parquet::ParquetSheet;
use super::error::ImportError;

/// Rows of a file that are read at most: 57 years of quarter hours, which fit in memory.
const MAX_ROWS: u64 = 2_000_000;
/// Columns of a file that are read at most.
const MAX_COLUMNS: usize = 1_000;

/// What a row holds in one column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell<'a> {
    /// Nothing.
    Empty,
    /// Characters, trimmed.
    Text(&'a str),
    /// A number of a typed file.
    Number(f64),
    /// An instant of a typed file.
    Instant(DateTime<Utc>),
    /// A date and time of a typed file that names no zone.
    Wall(NaiveDateTime),
}

/// One row, with the cells of the columns that were asked for, in the order asked for.
#[derive(Debug)]
pub(super) struct Row<'a> {
    /// Line number (row number in Parquet), counted from 1.
    pub line: u64,
    /// Fields in the row when they are not as many as the header has.
    pub ragged: Option<usize>,
    /// The cells; those that a ragged row lacks are empty.
    pub cells: &'a [Cell<'a>],
}

/// What a reader of rows answers: go on, or enough.
pub(super) type Step = Result<ControlFlow<()>, ImportError>;

/// The text of a table that is text, unpacked; absent for Parquet.
pub(super) fn text_of_table(bytes: &[u8]) -> Result<Option<String>, ImportError> {
    let plain = unpack::unpack(bytes)?;
    if plain.starts_with(b"PAR1") { Ok(None) } else { unpack::text_of(&plain).map(Some) }
}

/// A table in memory.
#[derive(Debug)]
pub(super) enum Sheet {
    Csv(CsvSheet),
    Parquet(ParquetSheet),
}

impl Sheet {
    /// Recognises the format by its first bytes and reads the header.
    pub fn open(bytes: &[u8]) -> Result<Self, ImportError> {
        let plain = unpack::unpack(bytes)?;
        let sheet = if plain.starts_with(b"PAR1") {
            Self::Parquet(ParquetSheet::open(&plain)?)
        } else {
            Self::Csv(CsvSheet::open(unpack::text_of(&plain)?)?)
        };
        let found = sheet.header().len();
        if found > MAX_COLUMNS {
            return Err(ImportError::TooManyColumns { found, max: MAX_COLUMNS });
        }
        Ok(sheet)
    }

    /// Names of the columns, trimmed.
    pub fn header(&self) -> &[String] {
        match self {
            Self::Csv(sheet) => sheet.header(),
            Self::Parquet(sheet) => sheet.header(),
        }
    }

    /// What parts the fields of a text; absent in Parquet.
    pub fn separator(&self) -> Option<char> {
        match self {
            Self::Csv(sheet) => Some(sheet.separator()),
            Self::Parquet(_) => None,
        }
    }

    /// Calls `each` with the columns `wanted` of every row, first row first.
    pub fn rows(
        &self,
        wanted: &[usize],
        mut each: impl FnMut(&Row<'_>) -> Step,
    ) -> Result<(), ImportError> {
        let mut count = 0;
        let mut limited = |row: &Row<'_>| {
            count += 1;
            if count > MAX_ROWS {
                return Err(ImportError::TooManyRows { max: MAX_ROWS });
            }
            each(row)
        };
        match self {
            Self::Csv(sheet) => sheet.rows(wanted, &mut limited),
            Self::Parquet(sheet) => sheet.rows(wanted, &mut limited),
        }
    }
}
