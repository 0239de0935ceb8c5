//! A database that exists for one run, and the SQL of the floors.

use bytes::Bytes;
use futures_util::SinkExt;
use std::pin::pin;
use tokio_postgres::Client;

use super::ingest::start_of;
use super::model::BenchError;
use crate::platform::db::CopyClient;
use crate::platform::db::Db;
use crate::platform::db::DbError;
use crate::platform::db::Settings;

/// One run at a time: the lock of this number ends with the connection.
const TAKE_TURN: &str = "SELECT pg_try_advisory_lock(hashtextextended('luna bench', 0))";
/// Named after the database beside which it stands, so that what a killed run left is found.
const NAME: &str =
    "SELECT 'luna_bench_' || oid FROM pg_database WHERE datname = current_database()";

/// An empty database with this program's schema, beside the user's on the same server.
pub struct Scratch {
    server: CopyClient,
    db: Db,
    name: String,
}

impl Scratch {
    /// Makes the database; give it back with [`Scratch::remove`]. `beside` is left untouched.
    pub async fn create(beside: &Db, settings: &Settings) -> Result<Self, BenchError> {
        let server = beside.copy_client().await?;
        let is_alone: bool = server.query_one(TAKE_TURN, &[]).await.map_err(DbError::from)?.get(0);
        if !is_alone {
            return Err(BenchError::Busy);
        }
        let name: String = server.query_one(NAME, &[]).await.map_err(DbError::from)?.get(0);
        let made = match server.batch_execute(&drop_database(&name)).await {
            Ok(()) => server.batch_execute(&format!("CREATE DATABASE \"{name}\"")).await,
            failed => failed,
        };
        if let Err(error) = made {
            let reason = error
                .as_db_error()
                .map_or_else(|| error.to_string(), |said| said.message().to_owned());
            return Err(BenchError::Scratch { name, reason });
        }
        let db = beside.beside(settings, &name)?;
        Ok(Self { server, db, name })
    }

    /// The pool of the new database.
    pub const fn db(&self) -> &Db {
        &self.db
    }

    /// Brings the tables into the new database.
    pub async fn migrate(&self) -> Result<(), BenchError> {
        self.db.migrate().await?;
        Ok(())
    }

    /// Drops the database with everything in it.
    pub async fn remove(self) -> Result<(), BenchError> {
        let dropped = self.server.batch_execute(&drop_database(&self.name)).await;
        Ok(dropped.map_err(DbError::from)?)
    }
}

fn drop_database(name: &str) -> String {
    format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)")
}

/// Tables like `market_prices`, indices and checks included, for the two floors of a bulk write.
const FLOOR_TABLES: &str = "\
    CREATE TABLE bench_upsert (LIKE market_prices INCLUDING ALL);
    CREATE TABLE bench_copy (LIKE market_prices INCLUDING ALL);
    ALTER TABLE market_prices SET (autovacuum_enabled = false);
    ALTER TABLE bench_upsert SET (autovacuum_enabled = false);
    ALTER TABLE bench_copy SET (autovacuum_enabled = false)";

/// Columns of the finished bytes, in their order.
const PRICE_COLUMNS: &str = "market, product, ts, price_eur_mwh, volume, interval_s, quality, \
    known_at, known_at_assumed, source";

/// Makes the floors' tables; a vacuum that comes in between would count for only one side.
pub(super) async fn prepare(client: &Client) -> Result<(), DbError> {
    Ok(client.batch_execute(FLOOR_TABLES).await?)
}

/// Writes out what is unwritten, so that every measurement begins with the same debt. Needs rights
/// that a role need not have; without them the rounds scatter more.
pub(super) async fn checkpoint(client: &Client) {
    drop(client.batch_execute("CHECKPOINT").await);
}

/// The floor: finished bytes into a temporary table, from there into the table, in one transaction.
pub(super) async fn upsert(client: &mut Client, file: &Bytes) -> Result<u64, DbError> {
    let transaction = client.transaction().await?;
    let staging = "CREATE TEMP TABLE staging (LIKE bench_upsert) ON COMMIT DROP";
    transaction.batch_execute(staging).await?;
    let sink = transaction
        .copy_in(&format!("COPY pg_temp.staging ({PRICE_COLUMNS}) FROM STDIN BINARY"))
        .await?;
    let mut sink = pin!(sink);
    sink.send(file.clone()).await?;
    sink.finish().await?;
    let insert = "INSERT INTO bench_upsert SELECT * FROM pg_temp.staging \
        ON CONFLICT (market, product, ts) DO NOTHING";
    let rows = transaction.execute(insert, &[]).await?;
    transaction.commit().await?;
    Ok(rows)
}

/// The second floor: finished bytes straight into the table.
pub(super) async fn copy(client: &Client, file: &Bytes) -> Result<u64, DbError> {
    let sink =
        client.copy_in(&format!("COPY bench_copy ({PRICE_COLUMNS}) FROM STDIN BINARY")).await?;
    let mut sink = pin!(sink);
    sink.send(file.clone()).await?;
    Ok(sink.finish().await?)
}

/// Rows by which Luna's table and the floor's differ.
pub(super) async fn differences(client: &Client) -> Result<i64, DbError> {
    let differing = "SELECT count(*) FROM (
        (TABLE market_prices EXCEPT TABLE bench_upsert)
        UNION ALL (TABLE bench_upsert EXCEPT TABLE market_prices)) AS rows";
    Ok(client.query_one(differing, &[]).await?.get(0))
}

/// What the model to read was trained on, as far as the tables ask for it.
pub(super) async fn add_dataset(db: &Db, id: uuid::Uuid) -> Result<(), DbError> {
    let client = db.copy_client().await?;
    let insert = format!(
        "INSERT INTO datasets (dataset_id, name, market, product, object_key, features, from_day, \
             to_day, row_count, sha256, created_at)
         VALUES ('{id}', 'bench-{id}', 'SIM-CH', 'day_ahead', 'bench', '[\"hour\"]', '1970-01-01', \
             '1971-12-31', 17520, repeat('0', 64), now())"
    );
    Ok(client.batch_execute(&insert).await?)
}

/// A table without rows for plain COPY; a vacuum that comes in between would count for one side.
const READINGS_FLOOR: &str = "\
    CREATE TABLE IF NOT EXISTS bench_readings (LIKE smart_meter_readings INCLUDING ALL);
    ALTER TABLE bench_readings SET (autovacuum_enabled = false);
    ALTER TABLE smart_meter_readings SET (autovacuum_enabled = false)";
const STAGED: &str =
    "meter_id text, ts timestamptz, interval_s int, consumption_kw float8, voltage float8";
const STAGED_COLUMNS: &str = "meter_id, ts, interval_s, consumption_kw, voltage";

/// Makes the floors' table of a write of readings.
pub(super) async fn prepare_readings(client: &Client) -> Result<(), DbError> {
    Ok(client.batch_execute(READINGS_FLOOR).await?)
}

/// The floor: a finished CSV file into a temporary table, from there into `smart_meter_readings`,
/// in one transaction.
pub(super) async fn upsert_readings(client: &mut Client, file: Bytes) -> Result<u64, DbError> {
    let transaction = client.transaction().await?;
    let staging = format!("CREATE TEMP TABLE staging ({STAGED}) ON COMMIT DROP");
    transaction.batch_execute(&staging).await?;
    let sink = transaction.copy_in("COPY pg_temp.staging FROM STDIN (FORMAT csv, HEADER)").await?;
    let mut sink = pin!(sink);
    sink.send(file).await?;
    sink.finish().await?;
    let insert = format!(
        "INSERT INTO smart_meter_readings ({STAGED_COLUMNS}, known_at)
         SELECT {STAGED_COLUMNS}, ts + make_interval(secs => interval_s) FROM pg_temp.staging
         ON CONFLICT (meter_id, ts) DO UPDATE SET consumption_kw = excluded.consumption_kw,
             voltage = excluded.voltage, known_at = excluded.known_at"
    );
    let rows = transaction.execute(&insert, &[]).await?;
    transaction.commit().await?;
    Ok(rows)
}

/// The second floor: the text straight into a table of the same form.
pub(super) async fn copy_readings(client: &Client, file: Bytes) -> Result<u64, DbError> {
    // Publication is no column of the file, and the table asks for one.
    let default = "ALTER TABLE bench_readings ALTER COLUMN known_at SET DEFAULT now()";
    client.batch_execute(default).await?;
    let copy = format!("COPY bench_readings ({STAGED_COLUMNS}) FROM STDIN (FORMAT csv, HEADER)");
    let sink = client.copy_in(copy.as_str()).await?;
    let mut sink = pin!(sink);
    sink.send(file).await?;
    Ok(sink.finish().await?)
}

/// Fails unless both sides stored `expected` rows with the same values.
pub(super) async fn same_readings(
    client: &Client,
    (ours, floor): (&str, &str),
    expected: usize,
) -> Result<(), BenchError> {
    let of = format!(
        "SELECT split_part(meter_id, '-', 3), {} FROM smart_meter_readings WHERE meter_id LIKE",
        "ts, interval_s, consumption_kw, voltage, known_at, quality"
    );
    let query = format!(
        "SELECT (SELECT count(*) FROM smart_meter_readings WHERE meter_id LIKE '{ours}-%'),
            (SELECT count(*) FROM ({of} '{ours}-%' EXCEPT {of} '{floor}-%') AS rows),
            (SELECT count(*) FROM smart_meter_readings WHERE meter_id LIKE '{floor}-%')"
    );
    let row = client.query_one(query.as_str(), &[]).await.map_err(DbError::from)?;
    let counts: [i64; 3] = [row.get(0), row.get(1), row.get(2)];
    let wanted = i64::try_from(expected).unwrap_or(i64::MAX);
    if counts == [wanted, 0, wanted] {
        return Ok(());
    }
    let [stored, differ, copied] = counts;
    Err(BenchError::Differs(format!(
        "of {expected} rows {stored} are stored, {copied} are copied, {differ} differ"
    )))
}

/// Whether the row at a place of a meter is there.
pub(super) async fn has_reading(
    client: &Client,
    (meter_id, place): &(String, usize),
) -> Result<bool, DbError> {
    let query = "SELECT EXISTS (SELECT FROM smart_meter_readings WHERE meter_id = $1 AND ts = $2)";
    Ok(client.query_one(query, &[meter_id, &start_of(*place)]).await?.get(0))
}

/// Rows of the meters of a side.
pub(super) async fn count_readings(client: &Client, side: &str) -> Result<usize, DbError> {
    let query = "SELECT count(*) FROM smart_meter_readings WHERE meter_id LIKE $1";
    let count: i64 = client.query_one(query, &[&format!("{side}-%")]).await?.get(0);
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Takes all readings out.
pub(super) async fn empty_readings(client: &Client) -> Result<(), DbError> {
    Ok(client.batch_execute("TRUNCATE smart_meter_readings").await?)
}

/// Fills the table with quarter hours of a hundred other meters until it has about `rows` rows.
pub(super) async fn grow_readings(client: &Client, rows: usize) -> Result<(), DbError> {
    let each = rows / 100;
    let fill = format!(
        "INSERT INTO smart_meter_readings (meter_id, ts, interval_s, consumption_kw, voltage, known_at)
         SELECT 'bench-old-' || meter, ts, 900, meter / 100.0, 230, ts
         FROM generate_series(1, 100) AS meter,
             generate_series(0, {each} - 1) AS step,
             LATERAL (SELECT '1991-01-01T00:00Z'::timestamptz + step * interval '15 minutes' AS ts) AS at
         ON CONFLICT DO NOTHING"
    );
    client.batch_execute("SET statement_timeout = 0").await?;
    client.batch_execute(&fill).await?;
    // What an autovacuum would do in time; it runs in no transaction, not even one of two statements.
    client.batch_execute("VACUUM ANALYZE smart_meter_readings").await?;
    checkpoint(client).await;
    Ok(())
}

/// Registers `count` models of 2,000 series and 3,000 names, most of which do nothing.
pub(super) async fn fill_models(client: &Client, count: usize) -> Result<(), DbError> {
    let fill = format!(
        "INSERT INTO ml_models (model_id, name, version, model_type, target_variable, train_start,
             train_end, features, future_minutes, status, state, created_at, artifact_key, artifact_sha256)
         SELECT gen_random_uuid(), 'name-' || n % 3000, n,
             CASE n % 3 WHEN 0 THEN 'linear' ELSE 'lightgbm' END,
             'price:S' || n % 2000 || ':day_ahead', '2025-01-01', '2026-01-01',
             '[\"hour\", \"weekday\", \"lag_24h\", \"lag_168h\"]', 60, 'READY',
             CASE n % 50 WHEN 0 THEN 'retired' ELSE 'validated' END,
             timestamptz '2026-01-01' + n * interval '1 second', 'k', repeat('0', 64)
         FROM generate_series(1, {count}) AS n ON CONFLICT DO NOTHING"
    );
    client.batch_execute("SET statement_timeout = 0").await?;
    client.batch_execute(&fill).await?;
    client.batch_execute("VACUUM ANALYZE ml_models").await?;
    Ok(())
}

/// Takes away what lists of models are read by.
pub(super) async fn drop_model_indices(client: &Client) -> Result<(), DbError> {
    let drop = "DROP INDEX ml_models_newest_first, ml_models_of_target, ml_models_of_name, \
        ml_models_of_state, ml_models_of_type";
    Ok(client.batch_execute(drop).await?)
}

/// Reads a page of models of one series; the number of rows.
pub(super) async fn list_models(client: &Client) -> Result<usize, DbError> {
    let list = "SELECT m.*, a.role FROM ml_models AS m LEFT JOIN active_models AS a USING (model_id) \
        WHERE NOT m.is_deleted AND m.target_variable = 'price:S7:day_ahead' \
        ORDER BY m.created_at DESC, m.model_id DESC LIMIT 51";
    Ok(client.query(list, &[]).await?.len())
}
