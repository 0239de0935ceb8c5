//! Local days that wait to be judged from what is stored.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Date, Text, Timestamptz};
use diesel_async::RunQueryDsl;

use crate::facts::changes::ChangeKind;
use crate::platform::db::Conn;
use crate::platform::db::schema::{quality_due, quality_reports};

/// A local day of a subject that waits to be judged.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub(in crate::facts::quality) struct DueDay {
    pub kind: String,
    pub subject: String,
    pub day: NaiveDate,
    pub since: DateTime<Utc>,
}

/// Notes that the days `first..=last` of a subject must be judged anew.
pub(in crate::facts::quality) async fn add_due(
    conn: &mut Conn,
    (kind, subject): (ChangeKind, &str),
    (first, last): (NaiveDate, NaiveDate),
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::sql_query(
        "INSERT INTO quality_due AS d (kind, subject, day, since)
         SELECT $1, $2, day::date, $5
         FROM generate_series($3::date::timestamp, $4::date::timestamp, interval '1 day') AS day
         ON CONFLICT (kind, subject, day) DO UPDATE SET since = greatest(d.since, excluded.since)",
    )
    .bind::<Text, _>(kind.name())
    .bind::<Text, _>(subject)
    .bind::<Date, _>(first)
    .bind::<Date, _>(last)
    .bind::<Timestamptz, _>(now)
    .execute(conn)
    .await
}

/// Up to `limit` days of one subject, the first behind `after`, that wait since `until` or longer;
/// newest first, since those are what people look at.
pub(in crate::facts::quality) async fn due(
    conn: &mut Conn,
    after: Option<&DueDay>,
    until: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<DueDay>> {
    let mut query = quality_due::table
        .filter(quality_due::since.le(until))
        .order((quality_due::kind, quality_due::subject, quality_due::day.desc()))
        .limit(limit)
        .into_boxed();
    if let Some(DueDay { kind, subject, day, .. }) = after {
        let later_day = quality_due::kind
            .eq(kind)
            .and(quality_due::subject.eq(subject))
            .and(quality_due::day.lt(day));
        let later_subject = quality_due::kind.eq(kind).and(quality_due::subject.gt(subject));
        query = query.filter(quality_due::kind.gt(kind).or(later_subject).or(later_day));
    }
    let mut days: Vec<DueDay> = query.load(conn).await?;
    if let [first, ..] = days.as_slice() {
        let (kind, subject) = (first.kind.clone(), first.subject.clone());
        days.retain(|day| day.kind == kind && day.subject == subject);
    }
    Ok(days)
}

/// Takes a day off the list, unless it has been put there again meanwhile.
pub(in crate::facts::quality) async fn done(conn: &mut Conn, day: &DueDay) -> QueryResult<usize> {
    let row = quality_due::table
        .find((&day.kind, &day.subject, day.day))
        .filter(quality_due::since.eq(day.since));
    diesel::delete(row).execute(conn).await
}

/// Whether batches of the subject are judged as they come from this source.
pub(in crate::facts::quality) async fn is_fetched(
    conn: &mut Conn,
    source: &str,
    subject: &str,
) -> QueryResult<bool> {
    let judged = quality_reports::table
        .filter(quality_reports::source.eq(source))
        .filter(quality_reports::subject.eq(subject))
        .filter(quality_reports::raw_file_id.is_not_null());
    diesel::select(diesel::dsl::exists(judged)).get_result(conn).await
}
