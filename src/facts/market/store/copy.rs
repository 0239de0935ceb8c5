//! Bulk upsert through COPY, for batches that are worth a connection of their own.

use std::pin::pin;

use tokio_postgres::Client;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};

use super::rows::Batch;
use super::write::{Judged, TAKE_TURN, insert, replace, series};
use crate::facts::changes::record_in;
use crate::facts::market::model::Stored;

/// Where they come from when they were copied.
const STAGING: &str = "pg_temp.prices_staging AS n";

const CREATE_STAGING: &str = "CREATE TEMP TABLE prices_staging (ts timestamptz, interval_s int, \
     price_eur_mwh float8, volume float8, quality text, known_at timestamptz, \
     known_at_assumed bool, source text) ON COMMIT DROP";
const COPY_STAGING: &str = "COPY pg_temp.prices_staging FROM STDIN BINARY";
const STAGING_TYPES: [Type; 8] = [
    Type::TIMESTAMPTZ,
    Type::INT4,
    Type::FLOAT8,
    Type::FLOAT8,
    Type::TEXT,
    Type::TIMESTAMPTZ,
    Type::BOOL,
    Type::TEXT,
];

/// Writes `batch` in one transaction on a connection of its own: COPY, then the same two statements.
pub(in crate::facts::market) async fn put_by_copy(
    client: &mut Client,
    batch: &Batch<'_>,
) -> Result<Stored, tokio_postgres::Error> {
    let series = series(batch.market, batch.product);
    let transaction = client.transaction().await?;
    transaction.batch_execute(CREATE_STAGING).await?;
    let sink = transaction.copy_in(COPY_STAGING).await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &STAGING_TYPES));
    for point in &batch.points {
        let quality = point.quality.name();
        let row: [&(dyn ToSql + Sync); 8] = [
            &point.ts,
            &point.interval_s,
            &point.price_eur_mwh,
            &point.volume,
            &quality,
            &point.known_at,
            &point.known_at_assumed,
            &point.source,
        ];
        writer.as_mut().write(&row).await?;
    }
    writer.finish().await?;

    transaction.execute(TAKE_TURN, &[&series]).await?;
    let keys: [&(dyn ToSql + Sync); 2] = [&batch.market.code(), &batch.product.name()];
    let inserted = transaction.execute(&insert(STAGING), &keys).await?;
    let judged = if inserted == batch.len() as u64 {
        Judged::all_new(inserted)
    } else {
        let row = transaction.query_one(&replace(STAGING), &keys).await?;
        Judged { replaced: row.get(0), refused: row.get(1), equal: row.get(2) }
    };
    let stored = judged.counts(inserted);
    if stored.changed() {
        record_in(&transaction, &batch.change(&series)).await?;
    }
    transaction.commit().await?;
    Ok(stored)
}
