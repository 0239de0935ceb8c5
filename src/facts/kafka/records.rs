//! Records into rows, and what is wrong with those that are none.

use rskafka::record::RecordAndOffset;
use serde_json::{Deserializer, Value};

use super::mapping::Mapping;
use super::model::Refused;
use crate::facts::readings::ReadingRow;

/// Longest record that is read, in bytes.
const RECORD_BYTES_MAX: usize = 4 << 20;
/// Most rows of one record, and of the records of one transaction.
pub(super) const ROWS_MAX: usize = 10_000;
/// Most records of one transaction.
const RECORDS_MAX: usize = 20_000;
/// Letters of a record that a refusal shows.
const EXCERPT_LETTERS: usize = 300;
/// Letters of a reason.
pub(super) const REASON_LETTERS: usize = 400;
/// Letters of the name of a field.
pub(super) const FIELD_LETTERS: usize = 100;
/// Place of a refusal that is about the record as a whole.
pub(super) const WHOLE: i32 = -1;

/// Whether rows are Luna's own or have to be looked for in what others write.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    /// Readings as Luna takes them.
    Readings,
    /// The same, of a rehearsal.
    Rehearsal,
    /// Somebody else's form.
    Mapped(Mapping),
}

/// Where a row was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    pub offset: i64,
    pub row: i32,
}

/// What is stored in one transaction: records that follow each other.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The rows.
    pub rows: Vec<ReadingRow>,
    /// Where each of them was.
    pub origins: Vec<Origin>,
    /// What is wrong with others.
    pub refused: Vec<Refused>,
    /// Records that it is made of.
    pub records: Vec<RecordAndOffset>,
}

impl Batch {
    /// Records of which nothing can be stored.
    pub fn refused(records: Vec<RecordAndOffset>, reason: &str) -> Self {
        let mut batch = Self::default();
        for record in records {
            batch.add(record, vec![Err(Fault::whole(reason))]);
        }
        batch
    }

    /// The record after its last one; nothing without records.
    pub fn next_offset(&self) -> Option<i64> {
        self.records.last().map(|record| record.offset + 1)
    }

    /// The beginning of the record at `offset`.
    pub fn excerpt_of(&self, offset: i64) -> String {
        let at = self.records.binary_search_by_key(&offset, |record| record.offset);
        let value = at.ok().and_then(|at| self.records[at].record.value.as_deref());
        excerpt(value.unwrap_or_default())
    }

    fn add(&mut self, record: RecordAndOffset, found: Found) {
        for (row, read) in (0_i32..).zip(found) {
            let origin = Origin { offset: record.offset, row };
            match read {
                Ok(row) => {
                    self.rows.push(row);
                    self.origins.push(origin);
                }
                Err(Fault { field, reason, is_whole }) => self.refused.push(Refused {
                    offset: record.offset,
                    row: if is_whole { WHOLE } else { row },
                    field: shown(&field, FIELD_LETTERS),
                    reason: shown(&reason, REASON_LETTERS),
                    excerpt: excerpt(record.record.value.as_deref().unwrap_or_default()),
                }),
            }
        }
        self.records.push(record);
    }
}

/// What is wrong with a row, or with a record as a whole.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    field: String,
    reason: String,
    is_whole: bool,
}

impl Fault {
    fn whole(reason: impl Into<String>) -> Self {
        Self { field: String::new(), reason: reason.into(), is_whole: true }
    }
}

/// The rows of a record.
type Found = Vec<Result<ReadingRow, Fault>>;

/// Records as transactions: as many records as make up to [`ROWS_MAX`] rows, in their order.
pub(super) fn batches(form: &Form, records: Vec<RecordAndOffset>) -> Vec<Batch> {
    let (mut all, mut batch) = (Vec::new(), Batch::default());
    for record in records {
        let found = rows_of(form, &record);
        let is_full = batch.rows.len() + batch.refused.len() + found.len() > ROWS_MAX
            || batch.records.len() >= RECORDS_MAX;
        if is_full && !batch.records.is_empty() {
            all.push(std::mem::take(&mut batch));
        }
        batch.add(record, found);
    }
    if !batch.records.is_empty() {
        all.push(batch);
    }
    all
}

fn rows_of(form: &Form, record: &RecordAndOffset) -> Found {
    // A record without a value says that its key is gone; readings do not go.
    let Some(value) = record.record.value.as_deref() else { return Vec::new() };
    if value.len() > RECORD_BYTES_MAX {
        let reason =
            format!("the record has {} bytes; at most {RECORD_BYTES_MAX} are read", value.len());
        return vec![Err(Fault::whole(reason))];
    }
    let key = record.record.key.as_deref().and_then(|key| str::from_utf8(key).ok());
    let found = match form {
        Form::Readings | Form::Rehearsal => {
            readings(value).unwrap_or_else(|| each(value, |value| own(value, key)))
        }
        Form::Mapped(mapping) => each(value, |value| {
            let read = mapping.row(&value, key, record.record.timestamp);
            read.map_err(|(field, reason)| Fault {
                field: field.into_owned(),
                reason,
                is_whole: false,
            })
        }),
    };
    if found.len() > ROWS_MAX {
        let reason = format!("the record has {} rows; send at most {ROWS_MAX}", found.len());
        return vec![Err(Fault::whole(reason))];
    }
    found
}

/// The rows of a record in which everything is as it should be.
fn readings(value: &[u8]) -> Option<Found> {
    let rows: Vec<ReadingRow> = if value.trim_ascii_start().first() == Some(&b'[') {
        serde_json::from_slice(value).ok()?
    } else {
        Deserializer::from_slice(value).into_iter().collect::<Result<_, _>>().ok()?
    };
    (!rows.is_empty()).then(|| rows.into_iter().map(Ok).collect())
}

/// Each object of a record: one, a list of them, or one after the other.
fn each(value: &[u8], row: impl Fn(Value) -> Result<ReadingRow, Fault>) -> Found {
    let text = value.strip_prefix(b"\xef\xbb\xbf").unwrap_or(value).trim_ascii();
    if text.is_empty() {
        return vec![Err(Fault::whole("the record is empty; it should hold a reading as JSON"))];
    }
    let whole: Result<Vec<Value>, _> = Deserializer::from_slice(text).into_iter().collect();
    let mistake = match whole {
        Ok(mut values) => {
            if let [Value::Array(_)] = &values[..]
                && let Some(Value::Array(list)) = values.pop()
            {
                values = list;
            }
            return values.into_iter().map(row).collect();
        }
        Err(error) => error.to_string(),
    };
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect();
    let is_value = |line: &[u8]| serde_json::from_slice::<Value>(line);
    if lines.len() > 1 && text[0] == b'{' && lines.iter().any(|line| is_value(line).is_ok()) {
        let of_line = |line: &&[u8]| match is_value(line) {
            Ok(value) => row(value),
            Err(error) => Err(Fault {
                field: String::new(),
                reason: format!("the line is no JSON: {error}"),
                is_whole: false,
            }),
        };
        return lines.iter().filter(|line| !line.is_empty()).map(of_line).collect();
    }
    vec![Err(Fault::whole(format!("the record is no JSON: {mistake}")))]
}

/// A reading in Luna's own form; the key of its record names the meter where the row does not.
fn own(mut value: Value, key: Option<&str>) -> Result<ReadingRow, Fault> {
    let Some(fields) = value.as_object_mut() else {
        let reason = "expected a JSON object with the fields of one reading".to_owned();
        return Err(Fault { field: String::new(), reason, is_whole: false });
    };
    if let Some(key) = key
        && !fields.contains_key("meter_id")
    {
        fields.insert("meter_id".to_owned(), key.into());
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let reason = error.into_inner().to_string();
        let named = ["missing field `", "unknown field `"]
            .iter()
            .find_map(|start| reason.strip_prefix(start)?.split_once('`'))
            .map(|(name, _)| name.to_owned());
        let path = if path == "." || path == "?" { String::new() } else { path };
        Fault { field: named.unwrap_or(path), reason, is_whole: false }
    })
}

/// A text as it can be stored and shown: without control characters, not too long.
pub(super) fn shown(text: &str, letters: usize) -> String {
    let plain = text.chars().filter(|letter| !letter.is_control());
    plain.take(letters).collect()
}

/// The beginning of a record, in one line.
pub(super) fn excerpt(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(&value[..value.len().min(4 * EXCERPT_LETTERS)]);
    shown(&text.split_whitespace().collect::<Vec<_>>().join(" "), EXCERPT_LETTERS)
}
