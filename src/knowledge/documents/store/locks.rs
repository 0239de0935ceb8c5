//! Locks that last as long as the transaction.

use diesel::QueryResult;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;

use crate::platform::db::Conn;

/// Everything about the versions of the index.
const INDEX: &str = "documents.index";

/// Waits until nobody else adds or removes these bytes.
pub async fn content(conn: &mut Conn, sha256: &str) -> QueryResult<()> {
    alone(conn, &format!("documents.content:{sha256}")).await
}

/// Waits until nobody else adds or replaces versions of this document.
pub async fn lineage(conn: &mut Conn, lineage: &str) -> QueryResult<()> {
    alone(conn, &format!("documents.lineage:{lineage}")).await
}

/// Waits until nobody else changes which version of the index answers, and no document becomes ready.
pub async fn index(conn: &mut Conn) -> QueryResult<()> {
    alone(conn, INDEX).await
}

/// Waits until nobody changes which version of the index answers; others may hold this, too.
pub async fn index_shared(conn: &mut Conn) -> QueryResult<()> {
    let lock = "SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))";
    diesel::sql_query(lock).bind::<Text, _>(INDEX).execute(conn).await.map(drop)
}

async fn alone(conn: &mut Conn, name: &str) -> QueryResult<()> {
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
    diesel::sql_query(lock).bind::<Text, _>(name).execute(conn).await.map(drop)
}

/// Lets the transaction be written to the disk a moment after its commit: what it writes is made
/// again when that moment is lost, because the job that writes it has not ended then.
pub async fn relaxed(conn: &mut Conn) -> QueryResult<()> {
    diesel::sql_query("SET LOCAL synchronous_commit = off").execute(conn).await.map(drop)
}
