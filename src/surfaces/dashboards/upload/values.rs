//! What the templates of this page show.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::facts::imports::{BadRow, Dropped, Holds, SampleCell, SampleRow, TableLook};
use crate::facts::uploads::FileKind;
use crate::platform::web::{Principal, Role};
use crate::surfaces::dashboards::format::{Format, number};

/// An entry of a list to choose from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Choice {
    pub value: String,
    pub text: String,
    pub chosen: bool,
}

impl Choice {
    /// An entry; it is the one that stands there when its value is `chosen`.
    pub fn new(value: impl Into<String>, text: impl Into<String>, chosen: &str) -> Self {
        let value = value.into();
        Self { chosen: value == chosen, value, text: text.into() }
    }
}

/// Something that is wrong, and the field that mends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Wrong {
    pub field: &'static str,
    pub text: String,
}

/// A column of the file with what it is taken for.
#[derive(Debug, Serialize)]
pub(super) struct ColumnRow {
    /// Name of the select.
    pub field: String,
    pub id: String,
    pub name: String,
    pub holds: &'static str,
    pub samples: String,
    pub roles: Vec<Choice>,
}

/// A cell, and in which words it is read.
#[derive(Debug, Serialize)]
pub(super) struct Cell {
    pub text: String,
    pub reads: String,
    pub wrong: String,
}

/// One of the first rows.
#[derive(Debug, Serialize)]
pub(super) struct RowView {
    pub line: String,
    pub cells: Vec<Cell>,
}

/// How many values fall under a word.
#[derive(Debug, Serialize)]
pub(super) struct Count {
    pub name: &'static str,
    pub value: String,
    pub text: String,
}

/// A row that cannot be read.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub line: String,
    pub column: String,
    pub reason: String,
}

/// A field that the form for storing carries unseen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Hidden {
    pub name: String,
    pub value: String,
}

/// Whether somebody brings more than readings of their own.
pub(super) fn brings_all(who: &Principal) -> bool {
    matches!(who.role, Role::Admin | Role::Analyst)
}

/// A whole number.
pub(super) fn whole(value: u64) -> String {
    number(value as f64, 0)
}

/// The columns of a table with the roles they may have.
pub(super) fn column_rows(
    table: &TableLook,
    format: &Format,
    roles: impl Fn(&str) -> Vec<Choice>,
) -> Vec<ColumnRow> {
    table
        .columns
        .iter()
        .enumerate()
        .map(|(at, column)| ColumnRow {
            field: format!("as.{}", column.name),
            id: format!("as-{at}"),
            name: column.name.clone(),
            holds: format.text(match column.holds {
                Holds::Times => "up_holds_times",
                Holds::Numbers => "up_holds_numbers",
                Holds::Text => "up_holds_text",
                Holds::Nothing => "up_holds_nothing",
            }),
            samples: column.samples.join(" · "),
            roles: roles(&column.name),
        })
        .collect()
}

/// How the file is laid out, in one line.
pub(super) fn layout(table: &TableLook, format: &Format) -> String {
    let separator = table.separator.map(|separator| match separator {
        '\t' => format.text("up_tab").to_owned(),
        other => format!("«{other}»"),
    });
    let first = match separator {
        Some(separator) => format.fill("up_layout_csv", &[("separator", &separator)]),
        None => format.text("up_layout_parquet").to_owned(),
    };
    match table.lines_before_header {
        0 => first,
        lines => {
            format!("{first} {}", format.fill("up_layout_before", &[("n", &lines.to_string())]))
        }
    }
}

/// The first rows with how each cell is read; `unit` is that of numbers.
pub(super) fn row_views(rows: &[SampleRow], format: &Format) -> Vec<RowView> {
    let cell = |cell: &SampleCell| {
        let instants = cell.instants.as_ref().map(|instants| match instants.as_slice() {
            [] => format.text("up_reads_skipped").to_owned(),
            [one] => moment(*one, format),
            many => {
                let both: Vec<String> = many.iter().map(|at| moment(*at, format)).collect();
                both.join(" / ")
            }
        });
        let reads = instants.or_else(|| cell.number.map(shown)).unwrap_or_default();
        Cell { text: cell.text.clone(), reads, wrong: cell.wrong.clone().unwrap_or_default() }
    };
    rows.iter()
        .map(|row| RowView {
            line: row.line.to_string(),
            cells: row.cells.iter().map(cell).collect(),
        })
        .collect()
}

fn moment(at: DateTime<Utc>, format: &Format) -> String {
    format!("{} {}", format.date_whole(format.date_of(at)), format.time(at))
}

/// A number with as many digits as it needs, six at most.
fn shown(value: f64) -> String {
    let text = number(value, 6);
    if text.contains('.') {
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    text
}

/// Rows that cannot be read.
pub(super) fn findings(first: &[BadRow]) -> Vec<Finding> {
    first
        .iter()
        .map(|row| Finding {
            line: row.line.to_string(),
            column: row.column.clone(),
            reason: row.reason.clone(),
        })
        .collect()
}

/// Rows that are left out, as sentences.
pub(super) fn left_out(dropped: &[Dropped]) -> Vec<String> {
    dropped.iter().map(|dropped| format!("{}: {}", whole(dropped.rows), dropped.reason)).collect()
}

/// What a kind of file is called.
pub(super) fn kind_text(kind: FileKind, format: &Format) -> &'static str {
    format.text(match kind {
        FileKind::Readings => "up_kind_readings",
        FileKind::Prices => "up_kind_prices",
        FileKind::Weather => "up_kind_weather",
    })
}
