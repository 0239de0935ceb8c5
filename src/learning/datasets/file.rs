//! A feature table as Parquet bytes and back.
//!
//! Features are 32-bit floats, as the models read them: seven digits, a cent in a price of 10,000
//! EUR/MWh. Targets keep their 64 bits. What is written is what training reads, bit for bit.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Schema, TimeUnit,
    TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use ndarray::Array2;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::basic::ZstdLevel;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use crate::algorithms::forecasting::RowKey;
use crate::algorithms::forecasting::Table;
use crate::learning::features::FeatureTable;

/// Columns that are keys or target, not features.
const KEYS: [&str; 7] =
    ["ts", "issued_at", "day", "slot", "lead_day_key", "target_eur_mwh", "target_known_at"];

/// Why a file is no dataset.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Parquet could not be written or read.
    #[error("not a readable Parquet file")]
    Parquet(#[from] ParquetError),
    /// The columns do not fit.
    #[error("the Parquet file's columns do not fit")]
    Arrow(#[from] ArrowError),
    /// A column is absent or of another type.
    #[error("the Parquet file has no usable column '{0}'")]
    Column(String),
}

/// Parquet bytes of `table`: keys, target (float64) and features (float32), rows in the order of
/// issue, then delivery.
pub fn write(table: &FeatureTable) -> Result<Vec<u8>, FileError> {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let mut fields = vec![
        Field::new("ts", instant.clone(), false),
        Field::new("issued_at", instant.clone(), false),
        Field::new("day", DataType::Int32, false),
        Field::new("slot", DataType::Int16, false),
        Field::new("lead_day_key", DataType::Int8, false),
        Field::new("target_eur_mwh", DataType::Float64, false),
        Field::new("target_known_at", instant, false),
    ];
    let groups = &table.table.groups;
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(instants(&table.ts)),
        Arc::new(instants(&table.issued_at)),
        Arc::new(groups.iter().map(|key| key.day).collect::<Int32Array>()),
        Arc::new(
            groups.iter().map(|key| i16::try_from(key.slot).unwrap_or(0)).collect::<Int16Array>(),
        ),
        Arc::new(
            groups.iter().map(|key| i8::try_from(key.lead_day).unwrap_or(0)).collect::<Int8Array>(),
        ),
        Arc::new(Float64Array::from(table.table.y.clone())),
        Arc::new(instants(&table.known_at)),
    ];
    for (index, name) in table.table.features.iter().enumerate() {
        fields.push(Field::new(name, DataType::Float32, false));
        columns.push(Arc::new(Float32Array::from(table.table.x.column(index).to_vec())));
    }
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    let interval = KeyValue::new("luna.interval_s".to_owned(), table.interval_s.to_string());
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_key_value_metadata(Some(vec![interval]))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
    writer.write(&batch)?;
    Ok(writer.into_inner()?)
}

/// The table in `bytes`, as [`write`] made it.
pub fn read(bytes: impl Into<Bytes>) -> Result<FeatureTable, FileError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes.into())?;
    let interval_s = builder
        .metadata()
        .file_metadata()
        .key_value_metadata()
        .and_then(|pairs| pairs.iter().find(|pair| pair.key == "luna.interval_s"))
        .and_then(|pair| pair.value.as_ref()?.parse().ok())
        .ok_or_else(|| FileError::Column("luna.interval_s".to_owned()))?;
    let schema = Arc::clone(builder.schema());
    let batches = builder.build()?.collect::<Result<Vec<_>, _>>()?;
    let batch = arrow::compute::concat_batches(&schema, &batches)?;
    let features: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .filter(|name| !KEYS.contains(&name.as_str()))
        .collect();
    let mut x = Array2::zeros((batch.num_rows(), features.len()));
    for (index, name) in features.iter().enumerate() {
        let values = column(&batch, name)?
            .as_primitive_opt::<Float32Type>()
            .ok_or_else(|| FileError::Column(name.clone()))?;
        x.column_mut(index).iter_mut().zip(values.values()).for_each(|(to, from)| *to = *from);
    }
    let groups = row_keys(&batch)?;
    let y = primitive::<Float64Type>(&batch, "target_eur_mwh")?.to_vec();
    Ok(FeatureTable {
        ts: read_instants(&batch, "ts")?,
        issued_at: read_instants(&batch, "issued_at")?,
        known_at: read_instants(&batch, "target_known_at")?,
        interval_s,
        table: Table { features, x, y, groups },
    })
}

fn row_keys(batch: &RecordBatch) -> Result<Vec<RowKey>, FileError> {
    let days = primitive::<Int32Type>(batch, "day")?;
    let slots = primitive::<Int16Type>(batch, "slot")?;
    let leads = primitive::<Int8Type>(batch, "lead_day_key")?;
    let keys = days.iter().zip(slots).zip(leads).map(|((day, slot), lead)| RowKey {
        day: *day,
        slot: u16::try_from(*slot).unwrap_or(0),
        lead_day: u8::try_from(*lead).unwrap_or(0),
    });
    Ok(keys.collect())
}

fn instants(values: &[DateTime<Utc>]) -> TimestampMicrosecondArray {
    let micros: Vec<i64> = values.iter().map(DateTime::timestamp_micros).collect();
    TimestampMicrosecondArray::from(micros).with_timezone("UTC")
}

fn read_instants(batch: &RecordBatch, name: &str) -> Result<Vec<DateTime<Utc>>, FileError> {
    primitive::<TimestampMicrosecondType>(batch, name)?
        .iter()
        .map(|micros| {
            DateTime::from_timestamp_micros(*micros)
                .ok_or_else(|| FileError::Column(name.to_owned()))
        })
        .collect()
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, FileError> {
    batch.column_by_name(name).ok_or_else(|| FileError::Column(name.to_owned()))
}

fn primitive<'a, T: arrow::datatypes::ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<&'a [T::Native], FileError> {
    let values = column(batch, name)?
        .as_primitive_opt::<T>()
        .filter(|values| values.null_count() == 0)
        .ok_or_else(|| FileError::Column(name.to_owned()))?;
    Ok(values.values())
}
