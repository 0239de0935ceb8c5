//! Statistics and compression: what a database needs that grows every day.

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use super::error::DbError;
use super::pool::Db;
use super::timescale;

/// Tables of which more has changed since the last statistics than the server lets pass by itself:
/// a server that is busy all day gets around to it late.
const CHANGED: &str = "SELECT quote_ident(schemaname) || '.' || quote_ident(relname) AS name \
     FROM pg_stat_user_tables \
     WHERE schemaname = 'public' AND n_mod_since_analyze > 500 + 0.05 * n_live_tup \
     ORDER BY relname";

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

impl Db {
    /// Makes the statistics of tables anew that have changed a lot; answers which, or which it would
    /// be.
    pub async fn analyze_changed(&self, dry_run: bool) -> Result<Vec<String>, DbError> {
        let mut conn = self.conn().await?;
        let tables: Vec<Named> = diesel::sql_query(CHANGED).load(&mut conn).await?;
        let tables: Vec<String> = tables.into_iter().map(|table| table.name).collect();
        for table in tables.iter().filter(|_| !dry_run) {
            conn.batch_execute(&format!("ANALYZE {table}")).await?;
        }
        Ok(tables)
    }

    /// Lets the server compress values older than `days`, where it can; answers in how many tables.
    pub async fn compress(&self, days: u32, dry_run: bool) -> Result<usize, DbError> {
        let mut conn = self.conn().await?;
        Ok(timescale::compress(&mut conn, days, dry_run).await?)
    }
}
