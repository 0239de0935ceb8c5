//! What reading a file brings to light: rows left out, rows that are wrong, things worth knowing.

use super::error::{BadRow, ImportError};
use super::model::Dropped;

/// Bad rows shown one by one.
const BAD_ROWS_SHOWN: usize = 20;
/// Line numbers shown per reason.
const LINES_SHOWN: usize = 5;

/// Reasons under which rows are left out of a file that is otherwise sound.
pub(super) mod reason {
    pub const NO_VALUE: &str = "no value";
    pub const SKIPPED_HOUR: &str = "hour does not exist (clock change in spring)";
    pub const DUPLICATE: &str = "repeats an earlier row";
}

/// Kinds of rows that make a file unsound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Fields,
    Time,
    Value,
    Range,
    Implausible,
    Contradiction,
    OffGrid,
}

impl Fault {
    const fn reason(self) -> &'static str {
        match self {
            Self::Fields => "wrong number of fields",
            Self::Time => "unreadable time",
            Self::Value => "unreadable value",
            Self::Range => "price out of range",
            Self::Implausible => "value out of range",
            Self::Contradiction => "contradicting values for one instant",
            Self::OffGrid => "not at the start of an interval",
        }
    }
}

/// Everything found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    dropped: Vec<Dropped>,
    bad: Vec<(Fault, BadRow)>,
    bad_counts: Vec<(Fault, u64, Vec<u64>)>,
    pub notes: Vec<String>,
}

impl Findings {
    /// Nothing found yet but what the choice of columns had to say.
    pub fn with_notes(notes: Vec<String>) -> Self {
        Self { notes, ..Self::default() }
    }

    /// Leaves a row out of a sound file.
    pub fn drop_row(&mut self, reason: &str, line: u64) {
        let at =
            self.dropped.iter().position(|known| known.reason == reason).unwrap_or_else(|| {
                self.dropped.push(Dropped {
                    reason: reason.to_owned(),
                    rows: 0,
                    lines: Vec::new(),
                });
                self.dropped.len() - 1
            });
        let entry = &mut self.dropped[at];
        entry.rows += 1;
        if entry.lines.len() < LINES_SHOWN {
            entry.lines.push(line);
        }
    }

    /// Marks a row as wrong.
    pub fn bad_row(&mut self, fault: Fault, line: u64, column: &str, reason: String) {
        if self.bad.len() < BAD_ROWS_SHOWN {
            self.bad.push((fault, BadRow { line, column: column.to_owned(), reason }));
        }
        match self.bad_counts.iter_mut().find(|(kind, ..)| *kind == fault) {
            Some((_, rows, lines)) => {
                *rows += 1;
                if lines.len() < LINES_SHOWN {
                    lines.push(line);
                }
            }
            None => self.bad_counts.push((fault, 1, vec![line])),
        }
    }

    /// Refuses the file when a row of it is wrong, unless wrong rows are to be skipped.
    pub fn refuse_bad(&mut self, skip: bool) -> Result<(), ImportError> {
        if skip || self.bad.is_empty() {
            return Ok(());
        }
        let mut first: Vec<BadRow> = self.bad.drain(..).map(|(_, row)| row).collect();
        first.sort_by_key(|row| row.line);
        Err(ImportError::BadRows {
            first,
            total: self.bad_counts.iter().map(|(_, rows, _)| rows).sum(),
        })
    }

    /// The first wrong rows, in order of line, and how many there are.
    pub fn wrong_rows(&self) -> (Vec<BadRow>, u64) {
        let mut first: Vec<BadRow> = self.bad.iter().map(|(_, row)| row.clone()).collect();
        first.sort_by_key(|row| row.line);
        (first, self.bad_counts.iter().map(|(_, rows, _)| rows).sum())
    }

    /// All that was left out, skipped bad rows included, and the notes.
    pub fn into_parts(self) -> (Vec<Dropped>, Vec<String>) {
        let mut dropped = self.dropped;
        dropped.extend(self.bad_counts.into_iter().map(|(fault, rows, lines)| Dropped {
            reason: fault.reason().to_owned(),
            rows,
            lines,
        }));
        (dropped, self.notes)
    }
}
