//! Reads hourly files of the benchmark's form: `Date,Price,Exogenous 1,…`, gzipped or plain.

use std::io::Read;
use std::path::Path;

use chrono::{NaiveDate, NaiveDateTime, Timelike};

use super::error::BenchmarkError;
use crate::algorithms::forecasting::days::{Day, HOURS};

/// How the start of an hour may be written.
const TIME_FORMS: [&str; 5] = [
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%d/%m/%Y %H:%M",
];

/// Named hourly columns, cut into days of 24 local hours.
#[derive(Debug, PartialEq)]
pub(super) struct HourlyFile {
    /// Path, for messages.
    pub file: String,
    /// Dates, without gaps.
    pub dates: Vec<NaiveDate>,
    /// Names of the columns but the first.
    pub names: Vec<String>,
    /// Values per column and day.
    pub columns: Vec<Vec<Day>>,
    /// Hours at both ends that are no complete day and were left out.
    pub left_out: usize,
}

impl HourlyFile {
    /// Reads all columns of a file.
    pub fn read(path: &Path) -> Result<Self, BenchmarkError> {
        let file = path.display().to_string();
        let failed = |source| BenchmarkError::File { verb: "read", file: file.clone(), source };
        let mut bytes = std::fs::read(path).map_err(failed)?;
        if bytes.starts_with(&[0x1f, 0x8b]) {
            let mut plain = Vec::new();
            let mut unpacked = flate2::read::MultiGzDecoder::new(bytes.as_slice());
            unpacked.read_to_end(&mut plain).map_err(failed)?;
            bytes = plain;
        }
        Self::parse(file, &bytes)
    }

    /// Reads the text of a file.
    pub fn parse(file: String, bytes: &[u8]) -> Result<Self, BenchmarkError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
        let broken = |source| BenchmarkError::Csv { file: file.clone(), source };
        let header = reader.headers().map_err(broken)?.clone();
        let names: Vec<String> = header.iter().skip(1).map(str::to_owned).collect();
        let first = header.get(0).unwrap_or_default();
        if !(first.is_empty() || first.eq_ignore_ascii_case("date")) {
            return Err(missing(&file, "Date", &header));
        }
        let mut days = Days::new(file.clone(), names.len());
        for record in reader.records() {
            let record = record.map_err(broken)?;
            let line = record.position().map_or(0, csv::Position::line);
            days.add(line, &record, &names)?;
        }
        let (dates, columns, left_out) = days.finish();
        if dates.is_empty() {
            return Err(BenchmarkError::NoDays(file));
        }
        Ok(Self { file, dates, names, columns, left_out })
    }

    /// The column of a name, letters' case apart.
    pub fn column(&self, name: &str) -> Option<&[Day]> {
        let index = self.names.iter().position(|known| known.eq_ignore_ascii_case(name))?;
        Some(&self.columns[index])
    }

    /// Splits a market's file into prices and exogenous series.
    pub fn prices_and_exogenous(&self) -> Result<(&[Day], Vec<&[Day]>), BenchmarkError> {
        if self.column("Real price").is_some() {
            return Err(BenchmarkError::IsForecasts(self.file.clone()));
        }
        let is_price = |name: &str| ["price", "prices"].contains(&name.to_lowercase().as_str());
        let Some(at) = self.names.iter().position(|name| is_price(name)) else {
            let mut header = csv::StringRecord::from(vec!["Date"]);
            header.extend(&self.names);
            return Err(missing(&self.file, "Price", &header));
        };
        let others = self.columns.iter().enumerate().filter(|(index, _)| *index != at);
        Ok((&self.columns[at], others.map(|(_, column)| column.as_slice()).collect()))
    }
}

/// Days in the making.
struct Days {
    file: String,
    dates: Vec<NaiveDate>,
    columns: Vec<Vec<Day>>,
    before: Option<NaiveDateTime>,
    /// Hours of the last day so far.
    hours: usize,
    left_out: usize,
}

impl Days {
    fn new(file: String, columns: usize) -> Self {
        let columns = vec![Vec::new(); columns];
        Self { file, dates: Vec::new(), columns, before: None, hours: 0, left_out: 0 }
    }

    fn add(
        &mut self,
        line: u64,
        record: &csv::StringRecord,
        names: &[String],
    ) -> Result<(), BenchmarkError> {
        let text = record.get(0).unwrap_or_default();
        let wrong = |column: &str, value: &str, wanted| BenchmarkError::Value {
            file: self.file.clone(),
            line,
            column: column.to_owned(),
            value: value.to_owned(),
            wanted,
        };
        let parsed =
            TIME_FORMS.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
        let hour =
            parsed.filter(|time| time.minute() == 0 && time.second() == 0).ok_or_else(|| {
                wrong("Date", text, "the start of an hour such as 2016-01-31 23:00:00")
            })?;
        if let Some(before) = self.before
            && hour - before != chrono::Duration::hours(1)
        {
            let (found, before) = (hour.to_string(), before.to_string());
            return Err(BenchmarkError::Gap { file: self.file.clone(), line, found, before });
        }
        let mut values = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            let text = record.get(index + 1).unwrap_or_default();
            let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
            values.push(value.ok_or_else(|| wrong(name, text, "a number"))?);
        }
        self.before = Some(hour);
        self.place(hour, &values);
        Ok(())
    }

    fn place(&mut self, hour: NaiveDateTime, values: &[f64]) {
        let of_day = hour.hour() as usize;
        if of_day == 0 {
            self.dates.push(hour.date());
            self.columns.iter_mut().for_each(|column| column.push([0.0; HOURS]));
        } else if self.dates.is_empty() {
            self.left_out += 1;
            return;
        }
        self.hours = of_day + 1;
        for (column, value) in self.columns.iter_mut().zip(values) {
            if let Some(day) = column.last_mut() {
                day[of_day] = *value;
            }
        }
    }

    fn finish(mut self) -> (Vec<NaiveDate>, Vec<Vec<Day>>, usize) {
        if self.hours < HOURS && !self.dates.is_empty() {
            self.left_out += self.hours;
            let days = self.dates.len() - 1;
            self.dates.truncate(days);
            self.columns.iter_mut().for_each(|column| column.truncate(days));
        }
        (self.dates, self.columns, self.left_out)
    }
}

fn missing(file: &str, column: &'static str, header: &csv::StringRecord) -> BenchmarkError {
    let header = header.iter().collect::<Vec<_>>().join(",");
    BenchmarkError::MissingColumn { file: file.to_owned(), column, header }
}
