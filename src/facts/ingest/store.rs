//! SQL of the table `source_states`.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;

use super::model::SubjectStatus;
use super::subject::Subject;
use crate::platform::db::Conn;
use crate::platform::db::schema::source_states;

/// How asking went.
pub(super) struct Outcome<'a> {
    /// Who was asked.
    pub source: &'a str,
    /// What about.
    pub subject: &'a Subject,
    /// When.
    pub at: DateTime<Utc>,
    /// Why it failed, or the licence of what came and the start of its newest value.
    pub result: Result<(Option<&'a str>, Option<DateTime<Utc>>), &'a str>,
}

/// Notes how asking went; answers why it failed the time before, if it did.
pub(super) async fn record(conn: &mut Conn, outcome: &Outcome<'_>) -> QueryResult<Option<String>> {
    #[derive(QueryableByName)]
    struct Before {
        #[diesel(sql_type = Nullable<Text>)]
        failure: Option<String>,
    }
    let (failure, licence, newest) = match outcome.result {
        Ok((licence, newest)) => (None, licence, newest),
        Err(failure) => (Some(failure), None, None),
    };
    // The inner query sees the row as it was before the statement.
    let before: Before = diesel::sql_query(
        "INSERT INTO source_states AS s
             (source, subject, asked_at, last_success_at, last_failure_at, failure, licence, newest)
         VALUES ($1, $2, $3, CASE WHEN $4::text IS NULL THEN $3 END,
             CASE WHEN $4::text IS NOT NULL THEN $3 END, $4, $5, $6)
         ON CONFLICT (source, subject) DO UPDATE SET asked_at = excluded.asked_at,
             last_success_at = coalesce(excluded.last_success_at, s.last_success_at),
             last_failure_at = coalesce(excluded.last_failure_at, s.last_failure_at),
             failure = excluded.failure, licence = coalesce(excluded.licence, s.licence),
             newest = greatest(s.newest, excluded.newest)
         RETURNING (SELECT failure FROM source_states WHERE source = $1 AND subject = $2) AS failure",
    )
    .bind::<Text, _>(outcome.source)
    .bind::<Text, _>(outcome.subject.to_string())
    .bind::<Timestamptz, _>(outcome.at)
    .bind::<Nullable<Text>, _>(failure)
    .bind::<Nullable<Text>, _>(licence)
    .bind::<Nullable<Timestamptz>, _>(newest)
    .get_result(conn)
    .await?;
    Ok(before.failure)
}

/// How asking each source about each subject went last, as source and state.
pub(super) async fn all(conn: &mut Conn) -> QueryResult<Vec<(String, SubjectStatus)>> {
    #[derive(Queryable, Selectable)]
    #[diesel(table_name = source_states)]
    struct Row {
        source: String,
        subject: String,
        asked_at: DateTime<Utc>,
        last_success_at: Option<DateTime<Utc>>,
        last_failure_at: Option<DateTime<Utc>>,
        failure: Option<String>,
        licence: Option<String>,
        newest: Option<DateTime<Utc>>,
    }
    let rows: Vec<Row> = source_states::table
        .order((source_states::source, source_states::subject))
        .select(Row::as_select())
        .load(conn)
        .await?;
    let known = rows.into_iter().filter_map(|row| {
        let subject: Subject = row.subject.parse().ok()?;
        let state = SubjectStatus {
            what: subject.what(),
            subject,
            asked_at: Some(row.asked_at),
            last_success_at: row.last_success_at,
            last_failure_at: row.last_failure_at,
            failure: row.failure,
            licence: row.licence,
            newest: row.newest,
        };
        Some((row.source, state))
    });
    Ok(known.collect())
}
