//! SQL of the tables `raw_files` and `source_answers`.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::model::{Answers, Arrival, RawFile};
use crate::base::timeline::TimeRange;
use crate::platform::db::schema::{raw_files, source_answers};
use crate::platform::db::{Conn, later_of};

diesel::define_sql_function! { fn least(a: Timestamptz, b: Timestamptz) -> Timestamptz; }
diesel::define_sql_function! { fn greatest(a: Timestamptz, b: Timestamptz) -> Timestamptz; }

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = raw_files, check_for_backend(diesel::pg::Pg))]
struct Row {
    raw_file_id: Uuid,
    source: String,
    subject: String,
    range_from: DateTime<Utc>,
    range_to: DateTime<Utc>,
    url: String,
    http_status: i32,
    content_type: String,
    size_bytes: i64,
    sha256: String,
    object_key: String,
    object_sha256: String,
    parse_result: Option<String>,
    fetched_at: DateTime<Utc>,
    last_fetched_at: DateTime<Utc>,
}

impl From<Row> for RawFile {
    fn from(row: Row) -> Self {
        Self {
            raw_file_id: row.raw_file_id,
            arrival: Arrival {
                source: row.source,
                subject: row.subject,
                range: TimeRange::new(row.range_from, row.range_to),
                url: row.url,
                http_status: u16::try_from(row.http_status).unwrap_or_default(),
                content_type: row.content_type,
            },
            size_bytes: row.size_bytes.unsigned_abs(),
            sha256: row.sha256,
            object_key: row.object_key,
            object_sha256: row.object_sha256,
            parse_result: row.parse_result,
            fetched_at: row.fetched_at,
            last_fetched_at: row.last_fetched_at,
        }
    }
}

impl From<&RawFile> for Row {
    fn from(file: &RawFile) -> Self {
        let file = file.clone();
        Self {
            raw_file_id: file.raw_file_id,
            source: file.arrival.source,
            subject: file.arrival.subject,
            range_from: file.arrival.range.from,
            range_to: file.arrival.range.to,
            url: file.arrival.url,
            http_status: file.arrival.http_status.into(),
            content_type: file.arrival.content_type,
            size_bytes: i64::try_from(file.size_bytes).unwrap_or(i64::MAX),
            sha256: file.sha256,
            object_key: file.object_key,
            object_sha256: file.object_sha256,
            parse_result: file.parse_result,
            fetched_at: file.fetched_at,
            last_fetched_at: file.last_fetched_at,
        }
    }
}

/// Notes that the same payload came again, perhaps to a question about more; the file it is kept as, if
/// it has come before.
pub(super) async fn seen_again(
    conn: &mut Conn,
    arrival: &Arrival,
    sha256: &str,
    now: DateTime<Utc>,
) -> QueryResult<Option<RawFile>> {
    let same = raw_files::table
        .filter(raw_files::source.eq(&arrival.source))
        .filter(raw_files::url.eq(&arrival.url))
        .filter(raw_files::sha256.eq(sha256));
    let (from, to) = (arrival.range.from, arrival.range.to);
    let row: Option<Row> = diesel::update(same)
        .set((
            // A clock that was put back does not make the last fetch the earlier one.
            raw_files::last_fetched_at.eq(greatest(raw_files::last_fetched_at, now)),
            raw_files::range_from.eq(least(raw_files::range_from, from)),
            raw_files::range_to.eq(greatest(raw_files::range_to, to)),
        ))
        .returning(Row::as_returning())
        .get_result(conn)
        .await
        .optional()?;
    Ok(row.map(RawFile::from))
}

/// Notes a new file; one that another process noted meanwhile counts instead.
pub(super) async fn insert(conn: &mut Conn, file: &RawFile) -> QueryResult<RawFile> {
    let seen_before = raw_files::last_fetched_at.nullable();
    let row: Row = diesel::insert_into(raw_files::table)
        .values(Row::from(file))
        .on_conflict((raw_files::source, raw_files::url, raw_files::sha256))
        .do_update()
        .set(
            raw_files::last_fetched_at
                .eq(later_of(seen_before, Some(file.last_fetched_at)).assume_not_null()),
        )
        .returning(Row::as_returning())
        .get_result(conn)
        .await?;
    Ok(row.into())
}

/// Notes what reading a file brought.
pub(super) async fn judge(conn: &mut Conn, id: Uuid, result: &str) -> QueryResult<()> {
    diesel::update(raw_files::table.find(id))
        .set(raw_files::parse_result.eq(result))
        .execute(conn)
        .await
        .map(drop)
}

/// The newest answer of `source` to the question at `url` that came after `since`.
pub(super) async fn newest(
    conn: &mut Conn,
    source: &str,
    url: &str,
    since: DateTime<Utc>,
) -> QueryResult<Option<RawFile>> {
    let row: Option<Row> = raw_files::table
        .filter(raw_files::source.eq(source))
        .filter(raw_files::url.eq(url))
        .filter(raw_files::last_fetched_at.gt(since))
        .order((raw_files::last_fetched_at.desc(), raw_files::raw_file_id.desc()))
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(RawFile::from))
}

/// Files of `source`, or of all, in the order in which they came first, after `after`.
pub(super) async fn in_order(
    conn: &mut Conn,
    source: Option<&str>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<RawFile>> {
    let mut query = raw_files::table
        .order((raw_files::fetched_at, raw_files::raw_file_id))
        .limit(limit)
        .select(Row::as_select())
        .into_boxed();
    if let Some(source) = source {
        query = query.filter(raw_files::source.eq(source.to_owned()));
    }
    if let Some((at, id)) = after {
        query = query.filter(
            raw_files::fetched_at
                .gt(at)
                .or(raw_files::fetched_at.eq(at).and(raw_files::raw_file_id.gt(id))),
        );
    }
    let rows: Vec<Row> = query.load(conn).await?;
    Ok(rows.into_iter().map(RawFile::from).collect())
}

/// Up to `limit` files that came last before an instant, oldest first.
pub(super) async fn old(
    conn: &mut Conn,
    before: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<RawFile>> {
    let rows: Vec<Row> = raw_files::table
        .filter(raw_files::last_fetched_at.lt(before))
        .order((raw_files::fetched_at, raw_files::raw_file_id))
        .limit(limit)
        .select(Row::as_select())
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(RawFile::from).collect())
}

/// How many files came last before an instant.
pub(super) async fn count_old(conn: &mut Conn, before: DateTime<Utc>) -> QueryResult<usize> {
    let old = raw_files::table.filter(raw_files::last_fetched_at.lt(before));
    let rows: i64 = old.count().get_result(conn).await?;
    Ok(usize::try_from(rows).unwrap_or_default())
}

/// Forgets a file.
pub(super) async fn remove(conn: &mut Conn, id: Uuid) -> QueryResult<usize> {
    diesel::delete(raw_files::table.find(id)).execute(conn).await
}

/// One file.
pub(super) async fn find(conn: &mut Conn, id: Uuid) -> QueryResult<Option<RawFile>> {
    let row: Option<Row> =
        raw_files::table.find(id).select(Row::as_select()).first(conn).await.optional()?;
    Ok(row.map(RawFile::from))
}

/// Counts an answer of `source`.
pub(super) async fn count_answer(
    conn: &mut Conn,
    source: &str,
    day: NaiveDate,
    bytes: i64,
) -> QueryResult<()> {
    diesel::sql_query(
        "INSERT INTO source_answers AS a (source, day, answers, bytes) VALUES ($1, $2, 1, $3)
         ON CONFLICT (source, day) DO UPDATE
         SET answers = a.answers + 1, bytes = a.bytes + excluded.bytes",
    )
    .bind::<Text, _>(source)
    .bind::<Date, _>(day)
    .bind::<BigInt, _>(bytes)
    .execute(conn)
    .await
    .map(drop)
}

/// How often each source answered on a day, and how much.
pub(super) async fn answers(conn: &mut Conn, day: NaiveDate) -> QueryResult<Vec<Answers>> {
    let rows: Vec<(String, i32, i64)> = source_answers::table
        .filter(source_answers::day.eq(day))
        .order(source_answers::source)
        .select((source_answers::source, source_answers::answers, source_answers::bytes))
        .load(conn)
        .await?;
    let all = rows.into_iter().map(|(source, answers, bytes)| Answers {
        source,
        answers: answers.unsigned_abs(),
        bytes: bytes.unsigned_abs(),
    });
    Ok(all.collect())
}
