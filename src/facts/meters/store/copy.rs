//! Bulk upsert through COPY, for batches that are worth a connection of their own.

use std::pin::pin;

use tokio_postgres::Client;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};

use super::rows::{Batch, Taken};
use super::write::{Judged, TAKE_TURNS, TAKEN, insert, replace};
use crate::facts::changes::record_in;
use crate::facts::meters::model::Stored;

/// Where they come from when they were copied.
const STAGING: &str = "pg_temp.readings_staging AS n";

const CREATE_STAGING: &str = "CREATE TEMP TABLE readings_staging (meter_id text, ts timestamptz, \
     interval_s int, consumption_kw float8, production_kw float8, voltage float8, quality text, \
     known_at timestamptz) ON COMMIT DROP";
const COPY_STAGING: &str = "COPY pg_temp.readings_staging FROM STDIN BINARY";
const STAGING_TYPES: [Type; 8] = [
    Type::TEXT,
    Type::TIMESTAMPTZ,
    Type::INT4,
    Type::FLOAT8,
    Type::FLOAT8,
    Type::FLOAT8,
    Type::TEXT,
    Type::TIMESTAMPTZ,
];

/// Writes `batch` in one transaction on a connection of its own: COPY, then the same statements.
pub(in crate::facts::meters) async fn put_by_copy(
    client: &mut Client,
    mut batch: Batch<'_>,
) -> Result<Stored, tokio_postgres::Error> {
    let meters = batch.meters();
    let transaction = client.transaction().await?;
    transaction.execute(TAKE_TURNS, &[&meters]).await?;
    let bounds = batch.bounds();
    let near: [&(dyn ToSql + Sync); 4] =
        [&bounds.meter_ids, &bounds.first, &bounds.last, &bounds.interval_s];
    let taken = transaction.query(TAKEN, &near).await?.into_iter().map(|row| Taken {
        meter_id: row.get(0),
        interval_s: row.get(1),
        quarter: row.get(2),
    });
    let overlapping = batch.leave_out(&taken.collect::<Vec<_>>());
    transaction.batch_execute(CREATE_STAGING).await?;
    let sink = transaction.copy_in(COPY_STAGING).await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &STAGING_TYPES));
    for reading in &batch.readings {
        let quality = reading.quality.name();
        let row: [&(dyn ToSql + Sync); 8] = [
            &reading.meter_id,
            &reading.ts,
            &reading.interval_s,
            &reading.consumption_kw,
            &reading.production_kw,
            &reading.voltage,
            &quality,
            &reading.known_at,
        ];
        writer.as_mut().write(&row).await?;
    }
    writer.finish().await?;

    let inserted = transaction.execute(&insert(STAGING), &[]).await?;
    let judged = if inserted == batch.len() as u64 {
        Judged::all_new(inserted)
    } else {
        let row = transaction.query_one(&replace(STAGING), &[]).await?;
        Judged { replaced: row.get(0), refused: row.get(1), equal: row.get(2) }
    };
    let stored = Stored { overlapping, ..judged.counts(inserted) };
    if stored.changed() {
        record_in(&transaction, &batch.changes()).await?;
    }
    transaction.commit().await?;
    Ok(stored)
}
