//! The schema from empty to head: embedded migrations, one process at a time, never backwards.

use std::collections::BTreeSet;

use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::sql_types::Text;
use diesel::{QueryResult, QueryableByName};
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use serde::Serialize;

use super::error::{DbError, with_causes};
use super::pool::{Conn, Db};
use super::timescale;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// Waits for another process that migrates, without the limit that ordinary statements have.
const LOCK: &str = "SET statement_timeout = 0; SET lock_timeout = '10min'; \
     SELECT pg_advisory_lock(hashtextextended('luna schema', 0))";

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MigrationReport {
    /// Names of the migrations that ran now, in order; empty when the schema was at head.
    pub applied: Vec<String>,
    /// Whether time series live in hypertables.
    pub has_timescale: bool,
}

/// How the schema compares with what this program knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemaStatus {
    /// Versions that are in the database, oldest first.
    pub applied: Vec<String>,
    /// Names of migrations that are missing there, oldest first.
    pub pending: Vec<String>,
    /// Versions that this program does not know: a newer one was here.
    pub unknown: Vec<String>,
    /// Whether the schema is what this program needs: nothing pending, nothing unknown.
    pub is_head: bool,
    /// Whether time series live in hypertables.
    pub has_timescale: bool,
}

impl Db {
    /// Brings the schema to head; a second run, or a second process, changes nothing.
    ///
    /// # Errors
    ///
    /// [`DbError::Migration`] when a newer program has been here or a migration fails; each
    /// migration is a transaction of its own, so what ran before the failing one stays.
    pub async fn migrate(&self) -> Result<MigrationReport, DbError> {
        // A connection of its own: the session holds the lock and has no limit on statements.
        let conn = self.connector().connect().await;
        let mut conn = conn.map_err(|error| self.unavailable(&error))?;
        conn.batch_execute(LOCK).await?;
        refuse_newer(&status(&mut conn).await?)?;
        // diesel's migrations are synchronous; on a thread that may block they work in any runtime.
        let ran = tokio::task::spawn_blocking(move || {
            let mut conn = AsyncConnectionWrapper::<Conn>::from(conn);
            let ran = conn.run_pending_migrations(MIGRATIONS);
            let ran = ran.map(|versions| versions.iter().map(ToString::to_string).collect());
            let ran: Result<Vec<String>, String> = ran.map_err(|error| with_causes(&*error));
            (conn.into_inner(), ran)
        });
        let (mut conn, ran) = ran.await.map_err(|error| DbError::Migration(error.to_string()))?;
        let versions = ran.map_err(|why| {
            let advice = timescale::advice(&why);
            DbError::Migration(format!(
                "the database's schema could not be migrated: {why}{advice}"
            ))
        })?;
        let has_timescale = timescale::set_up(self.connector(), &mut conn).await?;
        self.set_timescale(has_timescale);
        let names = names().into_iter().filter(|(version, _)| versions.contains(version));
        Ok(MigrationReport { applied: names.map(|(_, name)| name).collect(), has_timescale })
    }

    /// Version of the server, e.g. `17.6 (Debian 17.6-1)`.
    pub async fn server_version(&self) -> Result<String, DbError> {
        let mut conn = self.conn().await?;
        let query = "SELECT current_setting('server_version') AS version";
        let row: Version = diesel::sql_query(query).get_result(&mut conn).await?;
        Ok(row.version)
    }

    /// How the schema compares with this program; changes nothing.
    pub async fn schema_status(&self) -> Result<SchemaStatus, DbError> {
        let mut conn = self.conn().await?;
        let status = status(&mut conn).await?;
        self.set_timescale(status.has_timescale);
        Ok(status)
    }
}

fn refuse_newer(status: &SchemaStatus) -> Result<(), DbError> {
    let (Some(found), Some((known, _))) = (status.unknown.last(), names().pop()) else {
        return Ok(());
    };
    Err(DbError::Migration(format!(
        "the database has schema {found}, this program knows schemas up to {known}: start the newer \
         Luna that was here, or restore a backup made with this one"
    )))
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

async fn status(conn: &mut Conn) -> Result<SchemaStatus, DbError> {
    let table = "SELECT 1 FROM pg_class WHERE oid = to_regclass('__diesel_schema_migrations')";
    let applied: Vec<String> = if exists(conn, table).await? {
        let query = "SELECT version::text FROM __diesel_schema_migrations ORDER BY version";
        let rows: Vec<Version> = diesel::sql_query(query).load(conn).await?;
        rows.into_iter().map(|row| row.version).collect()
    } else {
        Vec::new()
    };
    let known = names();
    let versions: BTreeSet<&str> = known.iter().map(|(version, _)| version.as_str()).collect();
    let unknown = applied.iter().filter(|version| !versions.contains(version.as_str()));
    let unknown: Vec<String> = unknown.cloned().collect();
    let pending = known.iter().filter(|(version, _)| !applied.contains(version));
    let pending: Vec<String> = pending.map(|(_, name)| name.clone()).collect();
    let is_head = pending.is_empty() && unknown.is_empty();
    let has_timescale = timescale::is_installed(conn).await?;
    Ok(SchemaStatus { applied, pending, unknown, is_head, has_timescale })
}

/// Whether a query finds a row.
pub(super) async fn exists(conn: &mut Conn, query: &str) -> QueryResult<bool> {
    Ok(diesel::sql_query(query).execute(conn).await? > 0)
}

/// Version and name of every migration in the program, oldest first.
fn names() -> Vec<(String, String)> {
    let migrations: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS.migrations().unwrap_or_default();
    let names = migrations
        .iter()
        .map(|migration| (migration.name().version().to_string(), migration.name().to_string()));
    names.collect::<BTreeSet<_>>().into_iter().collect()
}
