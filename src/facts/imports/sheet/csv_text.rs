//! Text with separators: commas, semicolons or tabs, found out from the first lines.

use csv::{ReaderBuilder, StringRecord, Trim};

use super::{Cell, Row, Step};
use crate::facts::imports::error::ImportError;

/// Lines that are looked at to find the separator.
const LINES_LOOKED_AT: usize = 20;

/// A CSV file in memory.
#[derive(Debug)]
pub(in crate::facts::imports) struct CsvSheet {
    text: String,
    separator: u8,
    header: Vec<String>,
}

impl CsvSheet {
    /// Finds the separator and reads the header.
    pub(super) fn open(text: String) -> Result<Self, ImportError> {
        let Some(separator) = separator_of(&text) else {
            let header = text.trim().lines().next().unwrap_or_default().chars().take(60).collect();
            return Err(ImportError::OneColumn { header });
        };
        let mut sheet = Self { text, separator, header: Vec::new() };
        let header = sheet.reader().headers()?.clone();
        sheet.header = header.iter().map(str::to_owned).collect();
        Ok(sheet)
    }

    /// Names of the columns.
    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    /// What parts the fields.
    pub(super) fn separator(&self) -> char {
        char::from(self.separator)
    }

    fn reader(&self) -> csv::Reader<&[u8]> {
        ReaderBuilder::new()
            .delimiter(self.separator)
            .flexible(true)
            .trim(Trim::All)
            .from_reader(self.text.as_bytes())
    }

    /// Calls `each` with the wanted cells of every row.
    pub(super) fn rows(
        &self,
        wanted: &[usize],
        each: &mut dyn FnMut(&Row<'_>) -> Step,
    ) -> Result<(), ImportError> {
        let mut reader = self.reader();
        let mut record = StringRecord::new();
        let (mut line, mut counted_to) = (1, 0);
        while reader.read_record(&mut record)? {
            let start = self.start_of(&record);
            line += newlines(&self.text.as_bytes()[counted_to..start]);
            counted_to = start;
            let cells: Vec<Cell<'_>> = wanted
                .iter()
                .map(|column| match record.get(*column) {
                    None | Some("") => Cell::Empty,
                    Some(text) => Cell::Text(text),
                })
                .collect();
            let row = Row { line, ragged: self.ragged(&record), cells: &cells };
            if each(&row)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Where the record begins; blank lines before it belong to it in the reader's count.
    fn start_of(&self, record: &StringRecord) -> usize {
        let from = record.position().map_or(0, |at| usize::try_from(at.byte()).unwrap_or(0));
        let bytes = &self.text.as_bytes()[from.min(self.text.len())..];
        from + bytes.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count()
    }

    /// The number of fields when it differs from the header's by more than empty ones at the end.
    fn ragged(&self, record: &StringRecord) -> Option<usize> {
        let (fields, wanted) = (record.len(), self.header.len());
        let surplus_is_empty = || record.iter().skip(wanted).all(str::is_empty);
        (fields < wanted || (fields > wanted && !surplus_is_empty())).then_some(fields)
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

/// The separator that cuts the first lines into equally many fields, the more the better.
///
/// Semicolon and tab win a tie: with them, commas are decimal marks.
fn separator_of(text: &str) -> Option<u8> {
    let lines: Vec<&str> =
        text.lines().filter(|line| !line.trim().is_empty()).take(LINES_LOOKED_AT).collect();
    let header = lines.first()?;
    [b';', b'\t', b',']
        .into_iter()
        .rev()
        .map(|separator| {
            let columns = cuts(header, separator);
            let same = lines.iter().filter(|line| cuts(line, separator) == columns).count();
            (separator, columns, same)
        })
        .filter(|(_, columns, _)| *columns > 0)
        .max_by_key(|(_, columns, same)| (*same, *columns))
        .map(|(separator, ..)| separator)
}

/// Separators in a line outside of quotes.
fn cuts(line: &str, separator: u8) -> usize {
    let mut quoted = false;
    line.bytes()
        .filter(|byte| {
            quoted ^= *byte == b'"';
            *byte == separator && !quoted
        })
        .count()
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    #[test]
    fn separators_are_found() {
        for (text, separator) in [
            ("a,b\n1,2\n", Some(b',')),
            ("a;b\n1,5;2,5\n", Some(b';')),
            ("a\tb\n1,5\t2,5\n", Some(b'\t')),
            ("time,\"a;b\"\n1,2\n", Some(b',')),
            ("time;price (EUR, net)\n1;2,5\n2;3,5\n", Some(b';')),
            ("price\n1\n", None),
        ] {
            assert_eq!(separator_of(text), separator, "{text}");
        }
    }

    #[test]
    fn rows_carry_their_line_past_blank_lines_and_quoted_breaks() {
        let text = "a,b\r\n1,2\r\n\r\n\r\n\"x\ny\",3\r\n4\r\n5,6,,\r\n7,8,9";
        let sheet = CsvSheet::open(text.to_owned()).unwrap();
        let mut seen = Vec::new();
        sheet
            .rows(&[1], &mut |row| {
                seen.push((row.line, row.ragged, format!("{:?}", row.cells[0])));
                Ok(ControlFlow::Continue(()))
            })
            .unwrap();
        let expected = [
            (2, None, "Text(\"2\")"),
            (5, None, "Text(\"3\")"),
            (7, Some(1), "Empty"),
            (8, None, "Text(\"6\")"),
            (9, Some(3), "Text(\"8\")"),
        ];
        assert_eq!(seen, expected.map(|(line, ragged, cell)| (line, ragged, cell.to_owned())));
    }
}
