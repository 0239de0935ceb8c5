//! Lines of CSV into rows: a header names the fields, cells are cut by `,`, `;` or a tab.

use super::model::{Fault, ReadingRow, ReadingsError, Stamp};
use super::split::Read;
use crate::facts::market::Quality;

/// Fields that a column may hold, by the names of JSON.
const FIELDS: [&str; 10] = [
    "meter_id",
    "ts",
    "interval_s",
    "consumption_kw",
    "production_kw",
    "voltage",
    "consumption_kwh_total",
    "production_kwh_total",
    "quality",
    "known_at",
];

/// How the lines of a table are cut.
pub(super) struct Table {
    separator: u8,
    /// The field of each column.
    columns: Vec<&'static str>,
}

impl Table {
    /// Reads the header.
    pub fn of_header(line: &[u8]) -> Result<Self, ReadingsError> {
        let count = |separator: u8| line.split(|byte| *byte == separator).count();
        let separator = [b';', b'\t', b','].into_iter().rev().max_by_key(|it| count(*it));
        let separator = separator.unwrap_or(b',');
        let Some(names) = cells(line, separator) else {
            return Err(ReadingsError::NoReadings("the header is no line of CSV".to_owned()));
        };
        let mut columns = Vec::with_capacity(names.len());
        for name in &names {
            let Some(field) = FIELDS.into_iter().find(|field| field.eq_ignore_ascii_case(name))
            else {
                let name: String = name.chars().take(60).collect();
                return Err(ReadingsError::NoReadings(format!(
                    "the header has a column '{name}'; known are {}",
                    FIELDS.join(", ")
                )));
            };
            if columns.contains(&field) {
                let twice = format!("the header has the column {field} twice");
                return Err(ReadingsError::NoReadings(twice));
            }
            columns.push(field);
        }
        match ["meter_id", "ts"].into_iter().find(|needed| !columns.contains(needed)) {
            Some(needed) => {
                Err(ReadingsError::NoReadings(format!("the header lacks the column {needed}")))
            }
            None => Ok(Self { separator, columns }),
        }
    }

    /// The row of a line.
    pub fn row(&self, line: &[u8]) -> Read {
        let Some(cells) = cells(line, self.separator) else {
            return Err(Fault::new("", "is no line of CSV in UTF-8"));
        };
        if cells.len() != self.columns.len() {
            let (found, wanted) = (cells.len(), self.columns.len());
            return Err(Fault::new("", format!("has {found} cells, the header {wanted}")));
        }
        let cell = |field: &str| {
            let at = self.columns.iter().position(|column| *column == field);
            at.map(|at| cells[at].trim()).filter(|text| !text.is_empty())
        };
        let needed = |field: &'static str| {
            cell(field).ok_or_else(|| Fault::new(field, "is empty, and must not be"))
        };
        let stamp = |field: &'static str, text: &str| {
            Stamp::parse(text).map_err(|reason| Fault::new(field, reason))
        };
        let number = |field: &'static str| {
            cell(field).map(|text| parsed(field, text, "a number with a decimal point")).transpose()
        };
        let quality = |text: &str| {
            let names = Quality::ALL.map(Quality::name).join(", ");
            let reason = || format!("'{}' is none of {names}", shortened(text));
            Quality::parse(text).ok_or_else(|| Fault::new("quality", reason()))
        };
        Ok(ReadingRow {
            meter_id: needed("meter_id")?.to_owned(),
            ts: stamp("ts", needed("ts")?)?,
            interval_s: cell("interval_s")
                .map(|text| parsed("interval_s", text, "a whole number of seconds"))
                .transpose()?,
            consumption_kw: number("consumption_kw")?,
            production_kw: number("production_kw")?,
            voltage: number("voltage")?,
            consumption_kwh_total: number("consumption_kwh_total")?,
            production_kwh_total: number("production_kwh_total")?,
            quality: cell("quality").map(quality).transpose()?,
            known_at: cell("known_at").map(|text| stamp("known_at", text)).transpose()?,
        })
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

fn parsed<T: std::str::FromStr>(field: &str, text: &str, what: &str) -> Result<T, Fault> {
    text.parse().map_err(|_| Fault::new(field, format!("'{}' is not {what}", shortened(text))))
}

/// The cells of a line; absent when it is no text or its quotes do not close.
fn cells(line: &[u8], separator: u8) -> Option<Vec<String>> {
    let text = std::str::from_utf8(line).ok()?;
    if !text.contains('"') {
        let cut = text.split(char::from(separator));
        return Some(cut.map(|cell| cell.trim().to_owned()).collect());
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(separator)
        .trim(csv::Trim::All)
        .from_reader(line);
    let record = reader.records().next()?.ok()?;
    let mut all = record.iter().map(str::to_owned).collect::<Vec<_>>();
    all.shrink_to_fit();
    Some(all)
}
