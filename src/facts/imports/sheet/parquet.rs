//! Parquet: columns of typed values.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use chrono::DateTime;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{Cell, Row, Step};
use crate::facts::imports::error::ImportError;

const BATCH_ROWS: usize = 8_192;

/// A Parquet file in memory.
#[derive(Debug)]
pub(in crate::facts::imports) struct ParquetSheet {
    bytes: Bytes,
    header: Vec<String>,
}

/// A column of a batch in the form in which cells are taken from it.
enum Prepared {
    Numbers(Float64Array),
    Instants(TimestampMicrosecondArray),
    Walls(TimestampMicrosecondArray),
    Texts(StringArray),
    /// Lists, structures and the like: fine as long as nobody asks for them.
    Other,
}

impl ParquetSheet {
    /// Reads the schema.
    pub(super) fn open(bytes: &[u8]) -> Result<Self, ImportError> {
        let bytes = Bytes::copy_from_slice(bytes);
        let builder = guarded(|| builder(&bytes))?;
        let header: Vec<String> =
            builder.schema().fields().iter().map(|field| field.name().trim().to_owned()).collect();
        if builder.metadata().file_metadata().num_rows() < 1 {
            return Err(ImportError::HeaderOnly { columns: header });
        }
        Ok(Self { bytes, header })
    }

    /// Names of the columns.
    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    /// Calls `each` with the wanted cells of every row.
    pub(super) fn rows(
        &self,
        wanted: &[usize],
        each: &mut dyn FnMut(&Row<'_>) -> Step,
    ) -> Result<(), ImportError> {
        let builder = guarded(|| builder(&self.bytes))?;
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted.iter().copied());
        // The batches hold the wanted columns in the order of the file, each once.
        let mut in_file: Vec<usize> = wanted.to_vec();
        in_file.sort_unstable();
        in_file.dedup();
        let places: Vec<usize> =
            wanted.iter().filter_map(|column| in_file.binary_search(column).ok()).collect();
        let mut batches = guarded(|| {
            builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(refusal)
        })?;
        let mut line = 0;
        while let Some(batch) = guarded(|| batches.next().transpose().map_err(refusal))? {
            let columns = guarded(|| prepare(&batch, &places))?;
            for at in 0..batch.num_rows() {
                line += 1;
                let cells: Vec<Cell<'_>> = columns.iter().map(|column| column.cell(at)).collect();
                if each(&Row { line, ragged: None, cells: &cells })?.is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn builder(bytes: &Bytes) -> Result<ParquetRecordBatchReaderBuilder<Bytes>, ImportError> {
    ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).map_err(refusal)
}

fn refusal(error: impl std::fmt::Display) -> ImportError {
    ImportError::Parquet(error.to_string())
}

/// The reader's own checks do not catch every damaged file; a panic of it is the file's fault.
fn guarded<T>(read: impl FnOnce() -> Result<T, ImportError>) -> Result<T, ImportError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(ImportError::Parquet("its structure is damaged".to_owned())))
}

fn prepare(batch: &RecordBatch, places: &[usize]) -> Result<Vec<Prepared>, ImportError> {
    places.iter().map(|place| Prepared::of(batch.column(*place))).collect()
}

impl Prepared {
    fn of(array: &ArrayRef) -> Result<Self, ImportError> {
        let to = |target: &DataType| cast(array, target).map_err(refusal);
        let micros = |zone| {
            let times = to(&DataType::Timestamp(TimeUnit::Microsecond, zone))?;
            Ok::<_, ImportError>(times.as_primitive::<TimestampMicrosecondType>().clone())
        };
        Ok(match array.data_type() {
            DataType::Timestamp(_, Some(zone)) => Self::Instants(micros(Some(zone.clone()))?),
            DataType::Timestamp(_, None) | DataType::Date32 | DataType::Date64 => {
                Self::Walls(micros(None)?)
            }
            DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Dictionary(..) => {
                Self::Texts(to(&DataType::Utf8)?.as_string::<i32>().clone())
            }
            kind if kind.is_numeric() => {
                Self::Numbers(to(&DataType::Float64)?.as_primitive().clone())
            }
            _ => Self::Other,
        })
    }

    fn cell(&self, at: usize) -> Cell<'_> {
        let known = match self {
            Self::Numbers(values) => (!values.is_null(at)).then(|| Cell::Number(values.value(at))),
            Self::Instants(values) => (!values.is_null(at))
                .then(|| DateTime::from_timestamp_micros(values.value(at)).map(Cell::Instant))
                .flatten(),
            Self::Walls(values) => (!values.is_null(at))
                .then(|| DateTime::from_timestamp_micros(values.value(at)))
                .flatten()
                .map(|at| Cell::Wall(at.naive_utc())),
            Self::Texts(values) => {
                (!values.is_null(at)).then(|| values.value(at).trim()).map(Cell::Text)
            }
            Self::Other => None,
        };
        known.filter(|cell| *cell != Cell::Text("")).unwrap_or(Cell::Empty)
    }
}
