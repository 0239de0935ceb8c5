//! What a file shows before anything of it is stored: its columns, and how its first rows are read.

use std::ops::ControlFlow;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ImportError;
use super::moments::{Moment, moment_of_number, parse_moment};
use super::numbers::{DecimalMark, is_missing, parse_number};
use super::prices::moment_of;
use super::readings::{counted, mark_of};
use super::sheet::{Cell, Sheet};
use crate::base::timeline::{WallTime, instants_of};

/// Rows that are shown one by one.
const ROWS_SHOWN: usize = 8;
/// Rows from which columns take their samples.
const ROWS_SAMPLED: usize = 200;
/// Values that a column shows.
const SAMPLES: usize = 3;
/// Columns that are shown.
const COLUMNS_SHOWN: usize = 40;
/// Characters of a cell that are shown.
const CELL_CHARS: usize = 60;

/// What the cells of a column hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// Times.
    Times,
    /// Numbers.
    Numbers,
    /// Something else.
    Text,
    /// Nothing in the rows that were looked at.
    Nothing,
}

/// A column of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ColumnLook {
    /// Its header.
    #[schema(example = "HT kWh")]
    pub name: String,
    /// What its cells hold.
    pub holds: Holds,
    /// Its first values, as the file has them.
    pub samples: Vec<String>,
}

/// A file as a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TableLook {
    /// `csv` or `parquet`.
    #[schema(example = "csv")]
    pub format: &'static str,
    /// What parts the fields of a text: `;`, `,` or a tab.
    #[schema(value_type = Option<String>, example = ";")]
    pub separator: Option<char>,
    /// Lines before the header, which are passed over.
    pub lines_before_header: u64,
    /// The columns, the first forty.
    pub columns: Vec<ColumnLook>,
}

/// One of the first rows, and how it is read.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SampleRow {
    /// Line number in the file (row number in Parquet), counted from 1.
    pub line: u64,
    /// Its cells, in the order of the columns.
    pub cells: Vec<SampleCell>,
}

/// A cell, and how it is read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, ToSchema)]
pub struct SampleCell {
    /// As the file has it.
    #[schema(example = "0,25")]
    pub text: String,
    /// The instant it names; two when the clock shows that time twice, none when it skips it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instants: Option<Vec<DateTime<Utc>>>,
    /// The number it states, in the unit of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<f64>,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrong: Option<String>,
}

/// The columns of a file, with what they look like.
pub(super) fn look_at(sheet: &Sheet, lines_before_header: u64) -> Result<TableLook, ImportError> {
    let shown: Vec<usize> = (0..sheet.header().len().min(COLUMNS_SHOWN)).collect();
    let mut counts = vec![[0_usize; 3]; shown.len()];
    let mut samples: Vec<Vec<String>> = vec![Vec::new(); shown.len()];
    let mut rows = 0;
    sheet.rows(&shown, |row| {
        rows += 1;
        for ((count, samples), cell) in counts.iter_mut().zip(&mut samples).zip(row.cells) {
            let Some(kind) = kind_of(*cell) else { continue };
            count[kind] += 1;
            if samples.len() < SAMPLES {
                samples.push(text_of(*cell));
            }
        }
        Ok(if rows < ROWS_SAMPLED { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    if rows == 0 {
        return Err(ImportError::HeaderOnly { columns: sheet.header().to_vec() });
    }
    let columns =
        shown.iter().zip(counts).zip(samples).map(|((at, [times, numbers, texts]), samples)| {
            let holds = match (times, numbers, texts) {
                (0, 0, 0) => Holds::Nothing,
                (times, numbers, texts) if times > 0 && times >= 9 * (numbers + texts) => {
                    Holds::Times
                }
                (times, numbers, texts) if numbers > 0 && numbers >= 9 * (times + texts) => {
                    Holds::Numbers
                }
                _ => Holds::Text,
            };
            ColumnLook { name: sheet.header()[*at].clone(), holds, samples }
        });
    Ok(TableLook {
        format: if sheet.separator().is_some() { "csv" } else { "parquet" },
        separator: sheet.separator(),
        lines_before_header,
        columns: columns.collect(),
    })
}

/// 0 a time, 1 a number, 2 something else; nothing for empty cells.
fn kind_of(cell: Cell<'_>) -> Option<usize> {
    let is_number = |text: &str| {
        let text = text.replace(['\'', '\u{2019}'], "");
        parse_number(&text, DecimalMark::Point).is_ok()
            || parse_number(&text, DecimalMark::Comma).is_ok()
    };
    match cell {
        Cell::Empty => None,
        Cell::Text(text) if is_missing(text) => None,
        Cell::Text(text) if parse_moment(text).is_some() => Some(0),
        Cell::Text(text) if is_number(text) => Some(1),
        Cell::Text(_) => Some(2),
        Cell::Number(number) if moment_of_number(number).is_some() => Some(0),
        Cell::Number(_) => Some(1),
        Cell::Instant(_) | Cell::Wall(_) => Some(0),
    }
}

fn text_of(cell: Cell<'_>) -> String {
    let text = match cell {
        Cell::Empty => return String::new(),
        Cell::Text(text) => text.to_owned(),
        Cell::Number(number) => number.to_string(),
        Cell::Instant(at) => at.to_rfc3339(),
        Cell::Wall(wall) => wall.to_string(),
    };
    text.chars().take(CELL_CHARS).collect()
}

/// The first rows, their column `time` read in `zone` and the columns `numbers` as numbers.
pub(super) fn first_rows(
    sheet: &Sheet,
    passed: u64,
    (time, zone): (Option<usize>, Tz),
    numbers: &[usize],
) -> Result<Vec<SampleRow>, ImportError> {
    let mark = mark_of(sheet, numbers)?;
    let shown: Vec<usize> = (0..sheet.header().len().min(COLUMNS_SHOWN)).collect();
    let mut rows = Vec::with_capacity(ROWS_SHOWN);
    sheet.rows(&shown, |row| {
        let cells = row.cells.iter().zip(&shown).map(|(cell, at)| {
            let text = text_of(*cell);
            if Some(*at) == time {
                return match moment_of(*cell) {
                    Ok(moment) => SampleCell {
                        text,
                        instants: Some(instants(moment, zone)),
                        ..SampleCell::default()
                    },
                    Err(why) => SampleCell { text, wrong: Some(why), ..SampleCell::default() },
                };
            }
            if !numbers.contains(at) {
                return SampleCell { text, ..SampleCell::default() };
            }
            match counted(*cell, mark) {
                Ok(number) => SampleCell { text, number, ..SampleCell::default() },
                Err(why) => SampleCell { text, wrong: Some(why), ..SampleCell::default() },
            }
        });
        rows.push(SampleRow { line: row.line + passed, cells: cells.collect() });
        Ok(if rows.len() < ROWS_SHOWN { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(rows)
}

fn instants(moment: Moment, zone: Tz) -> Vec<DateTime<Utc>> {
    match moment {
        Moment::Instant(at) => vec![at],
        Moment::Wall(wall) => match instants_of(wall, zone) {
            WallTime::Once(at) => vec![at],
            WallTime::Twice(summer, winter) => vec![summer, winter],
            WallTime::Skipped => Vec::new(),
        },
    }
}
