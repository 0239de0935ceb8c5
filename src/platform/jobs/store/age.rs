//! Jobs by their age: those that are due, those that ended long ago.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::platform::db::Conn;
use crate::platform::db::schema::jobs;
use crate::platform::jobs::model::JobState;

/// Removes jobs that ended well or were cancelled before an instant, or only counts them.
pub async fn forget(conn: &mut Conn, before: DateTime<Utc>, dry_run: bool) -> QueryResult<usize> {
    let ended = [JobState::Done.name(), JobState::Cancelled.name()];
    let old = jobs::table.filter(jobs::state.eq_any(ended)).filter(jobs::finished_at.lt(before));
    if dry_run {
        let rows: i64 = old.count().get_result(conn).await?;
        return Ok(usize::try_from(rows).unwrap_or_default());
    }
    diesel::delete(old).execute(conn).await
}

/// Whether a job of this name waits that is due.
pub async fn is_due(conn: &mut Conn, name: &str, now: DateTime<Utc>) -> QueryResult<bool> {
    let due = jobs::table
        .filter(jobs::name.eq(name))
        .filter(jobs::state.eq(JobState::Queued.name()))
        .filter(jobs::run_after.le(now));
    diesel::select(diesel::dsl::exists(due)).get_result(conn).await
}
