//! The one place that knows whether TimescaleDB is there: hypertables, or plain tables with indexes.

use diesel::QueryResult;
use diesel_async::SimpleAsyncConnection;

use super::error::DbError;
use super::migrate::exists;
use super::pool::{Conn, Connector};

/// Tables that become hypertables on `ts`, with the length of one chunk.
///
/// A year of quarter hours of five markets is 175,000 rows, so chunks of half a year stay small
/// and a six-year read touches few. Published forecasts are the densest: 672 rows per run.
const HYPERTABLES: [(&str, &str); 3] =
    [("market_prices", "180 days"), ("observations", "180 days"), ("forecast_values", "90 days")];

pub(super) async fn is_installed(conn: &mut Conn) -> QueryResult<bool> {
    exists(conn, "SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").await
}

/// Turns the time series into hypertables where the server can; tells whether it could.
///
/// The primary keys contain `ts`, so they hold either way, and every query runs on both forms.
pub(super) async fn set_up(connector: &Connector, conn: &mut Conn) -> Result<bool, DbError> {
    let available = "SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'";
    if !is_installed(conn).await? && exists(conn, available).await? {
        create_extension(connector).await;
    }
    if !is_installed(conn).await? {
        return Ok(false);
    }
    for (table, chunk) in HYPERTABLES {
        conn.batch_execute(&format!(
            "SELECT create_hypertable('{table}', 'ts', chunk_time_interval => INTERVAL '{chunk}', \
             create_default_indexes => false, if_not_exists => true, migrate_data => true)"
        ))
        .await?;
    }
    Ok(true)
}

/// A server that did not load the library at its start ends the session that asks for the
/// extension, and a managed one may forbid it: a session of its own keeps both harmless.
async fn create_extension(connector: &Connector) {
    let Ok(mut conn) = connector.connect().await else { return };
    if let Err(error) = conn.batch_execute("CREATE EXTENSION IF NOT EXISTS timescaledb").await {
        tracing::warn!(%error, "TimescaleDB is there but may not be used; plain tables stand in");
    }
}
