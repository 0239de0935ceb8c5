//! Bulk upsert through COPY, for batches that are worth a connection of their own.

use std::pin::pin;

use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Transaction};

use super::write::{TAKE_TURN, change, insert, replace};
use crate::facts::changes::record_in;
use crate::facts::series::model::{Observation, Stored};

/// Where they come from when they were copied.
const STAGING: &str = "pg_temp.observations_staging AS n";

const CREATE_STAGING: &str = "CREATE TEMP TABLE observations_staging (ts timestamptz, \
     known_at timestamptz, known_at_assumed bool, value float8) ON COMMIT DROP";
const COPY_STAGING: &str = "COPY pg_temp.observations_staging FROM STDIN BINARY";
const STAGING_TYPES: [Type; 4] = [Type::TIMESTAMPTZ, Type::TIMESTAMPTZ, Type::BOOL, Type::FLOAT8];

/// Writes `rows` in one transaction on a connection of its own: COPY, then the same two statements.
pub(in crate::facts::series) async fn put_by_copy(
    client: &mut Client,
    series_id: i32,
    rows: &[Observation],
) -> Result<Stored, tokio_postgres::Error> {
    let transaction = client.transaction().await?;
    copy(&transaction, rows).await?;
    let named = transaction.query_one(TAKE_TURN, &[&series_id]).await?;
    let all = rows.len() as u64;
    let inserted = transaction.execute(&insert(STAGING), &[&series_id]).await?;
    let replaced = if inserted == all {
        0
    } else {
        transaction.execute(&replace(STAGING), &[&series_id]).await?
    };
    if inserted + replaced > 0 {
        record_in(&transaction, &change(named.get(0), named.get(1), rows)).await?;
    }
    transaction.commit().await?;
    Ok(Stored { inserted, replaced, unchanged: all - inserted - replaced, duplicates: 0 })
}

async fn copy(
    transaction: &Transaction<'_>,
    rows: &[Observation],
) -> Result<(), tokio_postgres::Error> {
    transaction.batch_execute(CREATE_STAGING).await?;
    let sink = transaction.copy_in(COPY_STAGING).await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &STAGING_TYPES));
    for row in rows {
        let row: [&(dyn ToSql + Sync); 4] =
            [&row.ts, &row.known_at, &row.known_at_assumed, &row.value];
        writer.as_mut().write(&row).await?;
    }
    writer.finish().await.map(drop)
}
