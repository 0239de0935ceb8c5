//! Workbooks (XLSX): sheets as pages, rows with their cells.

use std::io::Cursor;

use calamine::{DataRef, Reader, SheetVisible, Xlsx};

use super::Limits;
use super::assembly::Assembly;
use super::numbers::whole;
use super::package::{Package, ends_in};
use super::table::Rows;
use crate::knowledge::extract::model::{ExtractError, FindingKind};

/// Columns that are read; what stands further to the right is passed over and said.
const COLUMNS_MAX: u32 = 500;
/// Texts that cells share and a workbook may announce: each costs memory before it has come.
const TEXTS_MAX: u64 = 4_000_000;

fn broken(error: impl std::fmt::Display) -> ExtractError {
    ExtractError::Broken { reason: format!("the workbook cannot be read: {error}") }
}

/// Reads the sheets that are shown.
pub(super) fn read(
    bytes: &[u8],
    package: &mut Package<'_>,
    limits: &Limits,
    assembly: &mut Assembly,
) -> Result<(), ExtractError> {
    // The reader opens the archive itself, and believes what it says about itself.
    let names: Vec<String> = package.names().to_vec();
    package.measure(|name| ends_in(name, "xml") || ends_in(name, "rels"))?;
    if let Some(texts) =
        names.iter().find(|it| it.to_ascii_lowercase().ends_with("sharedstrings.xml"))
    {
        check_texts(&package.part(texts)?.unwrap_or_default())?;
    }
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(broken)?;
    let sheets: Vec<_> = workbook.sheets_metadata().to_vec();
    let mut number = 0;
    for sheet in sheets {
        if sheet.visible != SheetVisible::Visible {
            assembly.found(FindingKind::HiddenText, 1);
            continue;
        }
        number += 1;
        if number > limits.pages_max {
            return Err(ExtractError::Limit {
                limit: format!("it has more than {} sheets", limits.pages_max),
            });
        }
        let Ok(mut cells) = workbook.worksheet_cells_reader(&sheet.name) else {
            // A sheet that is only a chart.
            continue;
        };
        assembly.page(number);
        assembly.heading(1, &sheet.name);
        let mut open = Row::default();
        let mut rows = Rows::default();
        while let Some(cell) = cells.next_cell().map_err(broken)? {
            if assembly.is_full() {
                return Ok(());
            }
            let (row, column) = cell.get_position();
            if column >= COLUMNS_MAX {
                continue;
            }
            if row != open.number {
                rows.take(&std::mem::take(&mut open.cells), assembly);
                open.number = row;
            }
            if let Some(text) = written(cell.get_value()) {
                let column = column as usize;
                if open.cells.len() <= column {
                    open.cells.resize(column + 1, String::new());
                }
                open.cells[column] = text;
            }
        }
        rows.take(&open.cells, assembly);
    }
    Ok(())
}

#[derive(Default)]
struct Row {
    number: u32,
    cells: Vec<String>,
}

/// Refuses texts that are announced in a number for which there is no memory.
fn check_texts(texts: &[u8]) -> Result<(), ExtractError> {
    let head = String::from_utf8_lossy(&texts[..texts.len().min(4096)]).into_owned();
    for name in ["uniqueCount=\"", "count=\""] {
        let announced = head.split_once(name).and_then(|(_, rest)| rest.split('"').next());
        if announced.is_some_and(|it| it.parse().map_or(true, |count: u64| count > TEXTS_MAX)) {
            let limit = format!("it announces more than {TEXTS_MAX} texts");
            return Err(ExtractError::Limit { limit });
        }
    }
    Ok(())
}

/// What a person sees in a cell.
fn written(value: &DataRef<'_>) -> Option<String> {
    Some(match value {
        DataRef::Empty => return None,
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => plain(*number),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            text.clone()
        }
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(truth) => if *truth { "TRUE" } else { "FALSE" }.to_owned(),
        DataRef::Error(error) => error.to_string(),
        DataRef::DateTime(instant) if instant.is_duration() => {
            let minutes = whole((instant.as_f64() * 1_440.0).round().clamp(-1e9, 1e9));
            format!("{}:{:02}", minutes / 60, (minutes % 60).abs())
        }
        DataRef::DateTime(instant) => {
            let (year, month, day, hour, minute, second, _) = instant.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            match (hour, minute, second) {
                (0, 0, 0) => date,
                _ => format!("{date} {hour:02}:{minute:02}"),
            }
        }
    })
}

/// A number without the noise of its binary form.
fn plain(number: f64) -> String {
    let rounded = format!("{number:.10}");
    let short = rounded.trim_end_matches('0').trim_end_matches('.');
    if number.abs() < 1e15 && (number == 0.0 || number.abs() > 1e-6) {
        short.to_owned()
    } else {
        number.to_string()
    }
}
