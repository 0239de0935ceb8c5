//! What the database server says about itself. SQL only.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text, Timestamptz};
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl;

use crate::platform::db::Conn;

/// Facts about the server and the database.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
#[expect(clippy::struct_excessive_bools, reason = "answers of one query, each to its own question")]
pub(super) struct ServerFacts {
    /// E.g. 150004.
    #[diesel(sql_type = Integer)]
    pub(super) version: i32,
    /// E.g. `15.4 (Debian …)`.
    #[diesel(sql_type = Text)]
    pub(super) version_text: String,
    #[diesel(sql_type = Text)]
    pub(super) database: String,
    #[diesel(sql_type = Text)]
    pub(super) role: String,
    #[diesel(sql_type = Text)]
    pub(super) encoding: String,
    #[diesel(sql_type = Text)]
    pub(super) collation: String,
    /// May make tables.
    #[diesel(sql_type = Bool)]
    pub(super) may_create: bool,
    /// May make temporary tables, which bulk writes need.
    #[diesel(sql_type = Bool)]
    pub(super) may_use_temporary: bool,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) timescale: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) timescale_available: Option<String>,
    #[diesel(sql_type = Integer)]
    pub(super) connections_max: i32,
    #[diesel(sql_type = BigInt)]
    pub(super) connections: i64,
    /// Settings without which acknowledged writes can be lost, that are off.
    #[diesel(sql_type = Text)]
    pub(super) unsafe_settings: String,
    #[diesel(sql_type = Bool)]
    pub(super) is_read_only: bool,
    #[diesel(sql_type = Bool)]
    pub(super) is_encrypted: bool,
    #[diesel(sql_type = Timestamptz)]
    pub(super) now: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    pub(super) bytes: i64,
}

const FACTS: &str = "
    SELECT current_setting('server_version_num')::int AS version,
        current_setting('server_version') AS version_text,
        current_database()::text AS database,
        current_user::text AS role,
        pg_encoding_to_char(d.encoding)::text AS encoding,
        d.datcollate::text AS collation,
        has_schema_privilege(current_schema(), 'CREATE') AS may_create,
        has_database_privilege(current_database(), 'TEMP') AS may_use_temporary,
        (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS timescale,
        (SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb')
            AS timescale_available,
        current_setting('max_connections')::int AS connections_max,
        (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
        coalesce((SELECT string_agg(name, ', ' ORDER BY name) FROM pg_settings
            WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'), '')
            AS unsafe_settings,
        (pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on') AS is_read_only,
        coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS is_encrypted,
        clock_timestamp() AS now,
        pg_database_size(current_database()) AS bytes
    FROM pg_database d WHERE d.datname = current_database()";

/// Asks the server.
pub(super) async fn facts(conn: &mut Conn) -> QueryResult<ServerFacts> {
    diesel::sql_query(FACTS).get_result(conn).await
}

#[derive(QueryableByName)]
struct Versions {
    #[diesel(sql_type = Nullable<Text>)]
    noted: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    actual: Option<String>,
}

/// Version of the collation that the indexes were made with, and that of the system now, where
/// they differ. From PostgreSQL 15 on.
pub(super) async fn changed_collation(conn: &mut Conn) -> QueryResult<Option<(String, String)>> {
    let query = "SELECT datcollversion::text AS noted, \
         pg_database_collation_actual_version(oid)::text AS actual \
         FROM pg_database WHERE datname = current_database()";
    let Versions { noted, actual } = diesel::sql_query(query).get_result(conn).await?;
    Ok(noted.zip(actual).filter(|(noted, actual)| noted != actual))
}
