//! Payloads that nobody can read.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::facts::quality::records::{DeadLetter, Filter, Unreadable};
use crate::platform::db::Conn;
use crate::platform::db::schema::dead_letters;

#[derive(Queryable, Selectable, QueryableByName)]
#[diesel(table_name = dead_letters, check_for_backend(diesel::pg::Pg))]
struct Row {
    letter_id: Uuid,
    source: String,
    subject: String,
    raw_file_id: Option<Uuid>,
    excerpt: String,
    reason: String,
    attempts: i32,
    created_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    resolution: Option<String>,
    resolved_at: Option<DateTime<Utc>>,
    resolved_by: Option<Uuid>,
}

impl From<Row> for DeadLetter {
    fn from(row: Row) -> Self {
        Self {
            letter_id: row.letter_id,
            source: row.source,
            subject: row.subject,
            raw_file_id: row.raw_file_id,
            excerpt: row.excerpt,
            reason: row.reason,
            attempts: row.attempts,
            created_at: row.created_at,
            last_at: row.last_at,
            resolution: row.resolution,
            resolved_at: row.resolved_at,
            resolved_by: row.resolved_by,
        }
    }
}

/// Adds a payload, or counts it to the same one that waits already.
pub(in crate::facts::quality) async fn add_letter(
    conn: &mut Conn,
    letter: &Unreadable<'_>,
    excerpt: &str,
    now: DateTime<Utc>,
) -> QueryResult<DeadLetter> {
    let row: Row = diesel::sql_query(
        "INSERT INTO dead_letters AS d (letter_id, source, subject, raw_file_id, excerpt, reason,
             attempts, created_at, last_at)
         VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7)
         ON CONFLICT (source, subject, md5(reason)) WHERE resolution IS NULL
         DO UPDATE SET attempts = d.attempts + 1, last_at = greatest(d.last_at, excluded.last_at),
             raw_file_id = coalesce(excluded.raw_file_id, d.raw_file_id), excerpt = excluded.excerpt
         RETURNING *",
    )
    .bind::<diesel::sql_types::Uuid, _>(Uuid::now_v7())
    .bind::<Text, _>(letter.source)
    .bind::<Text, _>(letter.subject)
    .bind::<Nullable<diesel::sql_types::Uuid>, _>(letter.raw_file_id)
    .bind::<Text, _>(excerpt)
    .bind::<Text, _>(letter.reason)
    .bind::<Timestamptz, _>(now)
    .get_result(conn)
    .await?;
    Ok(row.into())
}

/// Up to `limit` payloads, the last come first.
pub(in crate::facts::quality) async fn letters(
    conn: &mut Conn,
    filter: &Filter,
    limit: i64,
) -> QueryResult<Vec<DeadLetter>> {
    let mut query = dead_letters::table
        .select(Row::as_select())
        .order((dead_letters::last_at.desc(), dead_letters::letter_id.desc()))
        .limit(limit)
        .into_boxed();
    if let Some(source) = &filter.source {
        query = query.filter(dead_letters::source.eq(source.clone()));
    }
    if filter.is_open {
        query = query.filter(dead_letters::resolution.is_null());
    }
    if let Some((at, id)) = filter.after {
        let same = dead_letters::last_at.eq(at).and(dead_letters::letter_id.lt(id));
        query = query.filter(dead_letters::last_at.lt(at).or(same));
    }
    let rows: Vec<Row> = query.load(conn).await?;
    Ok(rows.into_iter().map(DeadLetter::from).collect())
}

/// Marks a payload as dealt with; nothing when there is none that waits.
pub(in crate::facts::quality) async fn resolve(
    conn: &mut Conn,
    letter_id: Uuid,
    now: DateTime<Utc>,
    by: Option<Uuid>,
) -> QueryResult<Option<DeadLetter>> {
    let open = dead_letters::table.find(letter_id).filter(dead_letters::resolution.is_null());
    let row: Option<Row> = diesel::update(open)
        .set((
            dead_letters::resolution.eq("resolved"),
            dead_letters::resolved_at.eq(now),
            dead_letters::resolved_by.eq(by),
        ))
        .returning(Row::as_returning())
        .get_result(conn)
        .await
        .optional()?;
    Ok(row.map(DeadLetter::from))
}

/// Closes what could not be read of a question that has been answered since.
pub(in crate::facts::quality) async fn supersede(
    conn: &mut Conn,
    source: &str,
    subject: &str,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    let open = dead_letters::table
        .filter(dead_letters::source.eq(source))
        .filter(dead_letters::subject.eq(subject))
        .filter(dead_letters::resolution.is_null());
    diesel::update(open)
        .set((dead_letters::resolution.eq("superseded"), dead_letters::resolved_at.eq(now)))
        .execute(conn)
        .await
}
