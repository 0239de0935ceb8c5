//! The one place that knows whether TimescaleDB is there: hypertables, or plain tables with indexes.

use diesel::sql_types::Text;
use diesel::{OptionalExtension, QueryResult, QueryableByName};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use super::error::DbError;
use super::migrate::exists;
use super::pool::{Conn, Connector};

/// Tables that become hypertables, with the column of time and the length of one chunk.
///
/// A year of quarter hours of five markets is 175,000 rows, so chunks of half a year stay small
/// and a six-year read touches few. Published forecasts are the densest: 672 rows per run.
/// A meter read every five seconds leaves 17,280 rows a day, so its chunks are weeks.
const HYPERTABLES: [(&str, &str, &str); 7] = [
    ("market_prices", "ts", "180 days"),
    ("observations", "ts", "180 days"),
    ("forecast_values", "ts", "90 days"),
    ("tariff_prices", "ts", "180 days"),
    ("smart_meter_readings", "ts", "14 days"),
    ("events", "ts", "30 days"),
    ("predictions", "made_at", "30 days"),
];

pub(super) async fn is_installed(conn: &mut Conn) -> QueryResult<bool> {
    exists(conn, "SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").await
}

/// Turns the time series into hypertables where the server can; tells whether it could.
///
/// The primary keys contain that column, so they hold either way, and every query runs on both forms.
pub(super) async fn set_up(connector: &Connector, conn: &mut Conn) -> Result<bool, DbError> {
    let available = "SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'";
    if !is_installed(conn).await? && exists(conn, available).await? {
        create_extension(connector).await;
    }
    let Some(schema) = schema(conn).await? else { return Ok(false) };
    for (table, column, chunk) in HYPERTABLES {
        conn.batch_execute(&format!(
            "SELECT {schema}.create_hypertable('{table}', '{column}', chunk_time_interval => INTERVAL '{chunk}', \
             create_default_indexes => false, if_not_exists => true, migrate_data => true)"
        ))
        .await?;
    }
    Ok(true)
}

/// Tables that are worth compressing, with the column by which their rows belong together.
const COMPRESSED: [(&str, &str); 5] = [
    ("market_prices", "market, product"),
    ("observations", "series_id"),
    ("forecast_values", "run_id"),
    ("tariff_prices", "tariff_id, component"),
    ("smart_meter_readings", "meter_id"),
];

/// Sets up compression of what is older than `days`; answers for how many tables. The edition
/// without it is asked for first, since there each of the statements fails.
pub(super) async fn compress(conn: &mut Conn, days: u32, dry_run: bool) -> QueryResult<usize> {
    let Some(schema) = schema(conn).await? else { return Ok(0) };
    let full = "SELECT 1 WHERE current_setting('timescaledb.license', true) = 'timescale'";
    if !exists(conn, full).await? {
        return Ok(0);
    }
    for (table, belongs) in COMPRESSED.iter().filter(|_| !dry_run) {
        conn.batch_execute(&format!(
            "ALTER TABLE {table} SET (timescaledb.compress, \
                 timescaledb.compress_segmentby = '{belongs}', \
                 timescaledb.compress_orderby = 'ts DESC');
             SELECT {schema}.remove_compression_policy('{table}', if_exists => true);
             SELECT {schema}.add_compression_policy('{table}', INTERVAL '{days} days')"
        ))
        .await?;
    }
    Ok(COMPRESSED.len())
}

/// Quoted name of the schema with the extension's functions, which need not be on the search path:
/// administrators and managed servers like to keep extensions in a schema of their own.
async fn schema(conn: &mut Conn) -> QueryResult<Option<String>> {
    #[derive(QueryableByName)]
    struct Schema {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let query = "SELECT quote_ident(nspname) AS name FROM pg_extension e \
         JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'timescaledb'";
    let found: Option<Schema> = diesel::sql_query(query).get_result(conn).await.optional()?;
    Ok(found.map(|schema| schema.name))
}

/// What to do about a failure, where it comes from a database with hypertables on a server that
/// no longer loads the library; nothing can be read there.
pub(super) fn advice(failure: &str) -> &'static str {
    if failure.contains("\"timescaledb\" must be preloaded") {
        "; this database was made with TimescaleDB: set shared_preload_libraries = 'timescaledb' \
         in its server's postgresql.conf and restart the server"
    } else {
        ""
    }
}

/// A server that did not load the library at its start ends the session that asks for the
/// extension, and a managed one may forbid it: a session of its own keeps both harmless.
async fn create_extension(connector: &Connector) {
    let Ok(mut conn) = connector.connect().await else { return };
    if let Err(error) = conn.batch_execute("CREATE EXTENSION IF NOT EXISTS timescaledb").await {
        tracing::warn!(%error, "TimescaleDB is there but may not be used; plain tables stand in");
    }
}
