//! Tables of text with a header, as offices publish them: columns by name, rows one by one.

use csv::{ReaderBuilder, StringRecord};

use crate::facts::ingest::model::{Finding, ReadError};
use crate::facts::ingest::source::{kind, quoted};

/// A table whose header is known.
pub(super) struct Table {
    /// Names of the columns.
    pub header: Vec<String>,
    /// Everything below the header, each with as many fields.
    pub rows: Vec<StringRecord>,
    /// What was left out.
    pub odd: Oddities,
}

/// Rows that say nothing usable: how many, and what is wrong with the first.
#[derive(Default)]
pub(super) struct Oddities {
    count: usize,
    first: Option<String>,
}

impl Oddities {
    /// One more.
    pub fn add(&mut self, row: &StringRecord, what: &str) {
        // The header is the first record; lines are counted wrongly where they end as in Windows.
        let line = row.position().map_or(0, csv::Position::record) + 1;
        self.count += 1;
        self.first.get_or_insert_with(|| format!("line {line}: {what}"));
    }

    /// What is said about them, if there are any.
    pub fn finding(&self) -> Option<Finding> {
        let first = self.first.as_ref()?;
        let count = self.count;
        Some(Finding::Odd(format!("{count} rows or fields cannot be used, the first in {first}")))
    }

    /// The failure when nothing else is left.
    pub fn failure(&self) -> Option<ReadError> {
        self.first.clone().map(ReadError::Broken)
    }
}

impl Table {
    /// The table in `text`.
    ///
    /// A last line without an end may have been cut off within a number, and is left out.
    pub fn read(text: &str, separator: u8) -> Result<Self, ReadError> {
        let found = kind(text.as_bytes());
        if found != "something else" {
            return Err(ReadError::NotExpected { expected: "a table of text", found });
        }
        let text = text.trim_start_matches('\u{feff}');
        let mut reader =
            ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(text.as_bytes());
        let broken = |error: csv::Error| ReadError::Broken(error.to_string());
        let header: Vec<String> = reader
            .headers()
            .map_err(broken)?
            .iter()
            .map(|name| name.trim().trim_matches('"').to_owned())
            .collect();
        let mut rows = reader.records().collect::<Result<Vec<_>, _>>().map_err(broken)?;
        let mut odd = Oddities::default();
        if !text.ends_with('\n')
            && let Some(row) = rows.pop()
        {
            odd.add(&row, "the last line has no end, perhaps it was cut off");
        }
        let width = header.len();
        rows.retain(|row| {
            let fits = row.len() == width;
            if !fits {
                odd.add(row, &format!("{} fields under {width} columns", row.len()));
            }
            fits
        });
        Ok(Self { header, rows, odd })
    }

    /// The place of the column that has one of these names, in letters of either case.
    pub fn place(&self, names: &[&str]) -> Option<usize> {
        let is_one = |written: &String| names.iter().any(|name| written.eq_ignore_ascii_case(name));
        self.header.iter().position(is_one)
    }

    /// The place of the column `stem`, whose name ends with its unit.
    pub fn place_in(
        &self,
        stem: &str,
        (unit, expected): (&str, &'static str),
    ) -> Result<usize, ReadError> {
        if let Some(place) = self.place(&[&format!("{stem}_{unit}")]) {
            return Ok(place);
        }
        let other = self.header.iter().find_map(|name| {
            let (head, tail) = name.split_at_checked(stem.len())?;
            tail.strip_prefix('_').filter(|_| head.eq_ignore_ascii_case(stem))
        });
        Err(match other {
            Some(given) => {
                let given = format!("{} ({stem})", quoted(given.as_bytes()));
                ReadError::WrongUnit { given, expected }
            }
            None => ReadError::NotExpected {
                expected: "the table of this subject",
                found: "a table with other columns",
            },
        })
    }
}

/// A number, nothing where a field is empty, or what is wrong with it.
pub(super) fn number(text: &str) -> Result<Option<f64>, String> {
    match text.trim() {
        "" | "-" | "NA" => Ok(None),
        text => match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(format!("'{}' is no number", quoted(text.as_bytes()))),
        },
    }
}
