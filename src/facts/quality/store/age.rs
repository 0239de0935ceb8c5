//! Reports and decisions by their age.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use diesel_async::RunQueryDsl;

use crate::platform::db::Conn;
use crate::platform::db::schema::{dead_letters, quarantined_rows};

/// Reports that neither say how a day stands nor have values that wait.
const OLD_REPORTS: &str = "FROM quality_reports AS r WHERE r.created_at < $1
    AND NOT EXISTS (SELECT FROM quality_days AS d WHERE d.report_id = r.report_id)
    AND NOT EXISTS (SELECT FROM quarantined_rows AS q WHERE q.report_id = r.report_id
        AND q.decision IS NULL)";

/// Removes reports from before an instant that nothing rests on, or only counts them.
pub(in crate::facts::quality) async fn forget_reports(
    conn: &mut Conn,
    before: DateTime<Utc>,
    dry_run: bool,
) -> QueryResult<usize> {
    let work = if dry_run { "SELECT r.report_id" } else { "DELETE" };
    let statement = diesel::sql_query(format!("{work} {OLD_REPORTS}"));
    statement.bind::<Timestamptz, _>(before).execute(conn).await
}

/// Removes values and payloads that were decided about before an instant, or only counts them.
pub(in crate::facts::quality) async fn forget_settled(
    conn: &mut Conn,
    before: DateTime<Utc>,
    dry_run: bool,
) -> QueryResult<usize> {
    let rows = quarantined_rows::table.filter(quarantined_rows::decided_at.lt(before));
    let letters = dead_letters::table.filter(dead_letters::resolved_at.lt(before));
    if dry_run {
        let (rows, letters): (i64, i64) =
            (rows.count().get_result(conn).await?, letters.count().get_result(conn).await?);
        return Ok(usize::try_from(rows + letters).unwrap_or_default());
    }
    let rows = diesel::delete(rows).execute(conn).await?;
    Ok(rows + diesel::delete(letters).execute(conn).await?)
}
