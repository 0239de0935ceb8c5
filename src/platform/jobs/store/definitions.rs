//! SQL of the table `job_definitions`.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::platform::db::Conn;
use crate::platform::db::schema::job_definitions;

/// A schedule as it is stored.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = job_definitions, check_for_backend(diesel::pg::Pg))]
pub struct Definition {
    /// Jobs it enqueues.
    pub name: String,
    /// Six fields, seconds first.
    pub cron: String,
    /// On whose clocks.
    pub time_zone: String,
    /// Whether it is kept.
    pub is_enabled: bool,
    /// When it was first written, or switched last.
    pub changed_at: DateTime<Utc>,
}

/// Writes the program's schedules; whether one is kept stays as it was.
pub async fn put(conn: &mut Conn, definitions: &[Definition]) -> QueryResult<usize> {
    use diesel::upsert::excluded;
    diesel::insert_into(job_definitions::table)
        .values(definitions)
        .on_conflict(job_definitions::name)
        .do_update()
        .set((
            job_definitions::cron.eq(excluded(job_definitions::cron)),
            job_definitions::time_zone.eq(excluded(job_definitions::time_zone)),
        ))
        .execute(conn)
        .await
}

/// Every schedule, by name.
pub async fn all(conn: &mut Conn) -> QueryResult<Vec<Definition>> {
    job_definitions::table
        .order(job_definitions::name)
        .select(Definition::as_select())
        .load(conn)
        .await
}

/// Names of the schedules that are not kept.
pub async fn paused(conn: &mut Conn) -> QueryResult<HashSet<String>> {
    let names: Vec<String> = job_definitions::table
        .filter(job_definitions::is_enabled.eq(false))
        .select(job_definitions::name)
        .load(conn)
        .await?;
    Ok(names.into_iter().collect())
}

/// Switches a schedule; says what the switch was before, or nothing when there is no such schedule.
pub async fn set_enabled(
    conn: &mut Conn,
    name: &str,
    is_enabled: bool,
    now: DateTime<Utc>,
) -> QueryResult<Option<bool>> {
    let before: Option<bool> = job_definitions::table
        .find(name)
        .select(job_definitions::is_enabled)
        .for_update()
        .first(conn)
        .await
        .optional()?;
    if before.is_some_and(|before| before != is_enabled) {
        diesel::update(job_definitions::table.find(name))
            .set((job_definitions::is_enabled.eq(is_enabled), job_definitions::changed_at.eq(now)))
            .execute(conn)
            .await?;
    }
    Ok(before)
}
