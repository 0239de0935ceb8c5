//! Tables that are texts: values parted by commas, semicolons, tabs or bars.

use super::assembly::Assembly;
use crate::knowledge::extract::model::ExtractError;

/// Lines by which the sign between values is found.
const SAMPLE_LINES: usize = 40;
/// Cells of one row.
const COLUMNS_MAX: usize = 2_000;

/// The sign that parts the values of `text`, when it looks like a table. A comma stands in sentences,
/// too: it counts only when somebody `says` that this is a table, or every line has as many.
pub(super) fn delimiter(text: &str, says: bool) -> Option<u8> {
    let lines: Vec<&str> =
        text.lines().filter(|line| !line.trim().is_empty()).take(SAMPLE_LINES).collect();
    let mut best: Option<(usize, u8)> = None;
    for sign in [b'\t', b';', b'|', b','] {
        let counts = lines.iter().map(|line| outside_quotes(line, sign));
        let most = counts.clone().max().unwrap_or(0);
        let agreeing = counts.filter(|count| *count == most).count();
        let enough = lines.len() >= 2 && agreeing * 10 >= lines.len() * 9;
        let sure = match sign {
            b',' => most >= 2 && agreeing == lines.len() && lines.len() >= 3,
            _ => most >= 1 && enough && lines.len() >= 3,
        };
        let accepted = most >= 1 && if says { agreeing * 2 >= lines.len() } else { sure };
        let score = agreeing * most.min(50);
        if accepted && best.is_none_or(|(known, _)| score > known) {
            best = Some((score, sign));
        }
    }
    best.map(|(_, sign)| sign)
}

fn outside_quotes(line: &str, sign: u8) -> usize {
    let mut quoted = false;
    let mut count = 0;
    for byte in line.bytes() {
        quoted ^= byte == b'"';
        count += usize::from(byte == sign && !quoted);
    }
    count
}

/// Reads a table whose values are parted by `delimiter`.
pub(super) fn read(text: &str, delimiter: u8, assembly: &mut Assembly) -> Result<(), ExtractError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    let mut rows = Rows::default();
    loop {
        let read = reader.read_record(&mut record);
        let more = read.map_err(|error| ExtractError::Broken { reason: error.to_string() })?;
        if !more || assembly.is_full() {
            return Ok(());
        }
        if record.len() > COLUMNS_MAX {
            let limit = format!("a row has more than {COLUMNS_MAX} cells");
            return Err(ExtractError::Limit { limit });
        }
        let cells: Vec<String> = record.iter().map(str::to_owned).collect();
        rows.take(&cells, assembly);
    }
}

/// Rows of a sheet: words before the table, the row that names the columns, the rest.
#[derive(Debug, Default)]
pub(super) struct Rows {
    header_seen: bool,
}

impl Rows {
    pub fn take(&mut self, cells: &[String], assembly: &mut Assembly) {
        let mut filled = cells.iter().filter(|cell| !cell.trim().is_empty());
        match (filled.next(), filled.next()) {
            (None, _) => {}
            (Some(only), None) if !self.header_seen => assembly.paragraph(only),
            _ if self.header_seen => assembly.row(cells),
            _ => {
                let named = cells.iter().filter(|cell| !cell.trim().is_empty());
                let numbers = named.filter(|cell| is_number(cell)).count();
                self.header_seen = true;
                assembly.begin_table();
                if numbers == 0 { assembly.header_row(cells) } else { assembly.row(cells) }
            }
        }
    }
}

fn is_number(cell: &str) -> bool {
    let digits = cell.bytes().filter(u8::is_ascii_digit).count();
    let letters = cell.chars().filter(|letter| letter.is_alphabetic()).count();
    digits > 0 && letters == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::extract::reading::Limits;

    #[test]
    fn the_sign_between_values_is_found() {
        assert_eq!(delimiter("a;b\n1;2,5\n3;4,5\n", false), Some(b';'));
        assert_eq!(delimiter("a\tb\n1\t2\n3\t4", false), Some(b'\t'));
        assert_eq!(delimiter("a,b,c\n1,2,3\n4,5,6", false), Some(b','));
        assert_eq!(delimiter("Erstens, zweitens.\nDrittens, viertens.\nFertig, aus.", false), None);
        assert_eq!(delimiter("a,b\n1,2", true), Some(b','));
        assert_eq!(delimiter("\"x;y\";b\n1;2\n3;4", false), Some(b';'));
    }

    #[test]
    fn words_before_the_table_are_no_header() {
        let mut assembly = Assembly::new(&Limits::default());
        read("Tarife 2026;;\n;;\nStufe;Rp.;Gültig\nHoch;21,5;1.1.\n", b';', &mut assembly).unwrap();
        let canonical = assembly.finish("text/csv").unwrap().canonical;
        assert_eq!(canonical.text, "Tarife 2026\nStufe | Rp. | Gültig\nHoch | 21,5 | 1.1.\n");
        assert!(matches!(
            canonical.blocks[2].kind,
            crate::algorithms::retrieval::BlockKind::TableRow { header: Some(_) }
        ));
    }
}
