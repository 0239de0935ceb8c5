//! SQL of the table `items`.

use chrono::{DateTime, Utc};
use diesel::dsl::{max, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use crate::knowledge::documents::model::{Counts, ItemFilter, ItemRecord, ItemVersion, Status};
use crate::platform::db::Conn;
use crate::platform::db::schema::items;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = items, check_for_backend(Pg))]
struct Row {
    item_id: Uuid,
    kind: String,
    source: String,
    title: String,
    tags: Vec<String>,
    url: Option<String>,
    sha256: String,
    version: i32,
    created_at: DateTime<Utc>,
    file_name: String,
    lineage: String,
    media_type: Option<String>,
    bytes: i64,
    pages: Option<i32>,
    language: Option<String>,
    status: String,
    reason: Option<String>,
    findings: Value,
    method: Option<String>,
    approved_at: Option<DateTime<Utc>>,
    approved_by: Option<Uuid>,
    previous_item: Option<Uuid>,
    superseded_at: Option<DateTime<Utc>>,
    added_by: Option<Uuid>,
    job_id: Option<Uuid>,
    text_sha256: Option<String>,
    chunk_count: Option<i32>,
    ready_at: Option<DateTime<Utc>>,
}

fn status_of(name: &str) -> QueryResult<Status> {
    let unknown = || format!("'{name}' is not a status of a document");
    Status::parse(name).ok_or_else(|| diesel::result::Error::DeserializationError(unknown().into()))
}

impl TryFrom<Row> for ItemRecord {
    type Error = diesel::result::Error;

    fn try_from(row: Row) -> QueryResult<Self> {
        Ok(Self {
            status: status_of(&row.status)?,
            item_id: row.item_id,
            kind: row.kind,
            source: row.source,
            title: row.title,
            tags: row.tags,
            url: row.url,
            sha256: row.sha256,
            version: row.version,
            created_at: row.created_at,
            file_name: row.file_name,
            lineage: row.lineage,
            media_type: row.media_type,
            bytes: row.bytes,
            pages: row.pages,
            language: row.language,
            reason: row.reason,
            findings: row.findings,
            method: row.method,
            approved_at: row.approved_at,
            approved_by: row.approved_by,
            previous_item: row.previous_item,
            superseded_at: row.superseded_at,
            added_by: row.added_by,
            job_id: row.job_id,
            text_sha256: row.text_sha256,
            chunk_count: row.chunk_count,
            ready_at: row.ready_at,
        })
    }
}

impl From<&ItemRecord> for Row {
    fn from(item: &ItemRecord) -> Self {
        let item = item.clone();
        Self {
            item_id: item.item_id,
            kind: item.kind,
            source: item.source,
            title: item.title,
            tags: item.tags,
            url: item.url,
            sha256: item.sha256,
            version: item.version,
            created_at: item.created_at,
            file_name: item.file_name,
            lineage: item.lineage,
            media_type: item.media_type,
            bytes: item.bytes,
            pages: item.pages,
            language: item.language,
            status: item.status.name().to_owned(),
            reason: item.reason,
            findings: item.findings,
            method: item.method,
            approved_at: item.approved_at,
            approved_by: item.approved_by,
            previous_item: item.previous_item,
            superseded_at: item.superseded_at,
            added_by: item.added_by,
            job_id: item.job_id,
            text_sha256: item.text_sha256,
            chunk_count: item.chunk_count,
            ready_at: item.ready_at,
        }
    }
}

fn one(row: Option<Row>) -> QueryResult<Option<ItemRecord>> {
    row.map(ItemRecord::try_from).transpose()
}

fn all(rows: Vec<Row>) -> QueryResult<Vec<ItemRecord>> {
    rows.into_iter().map(ItemRecord::try_from).collect()
}

/// Writes a new document down.
pub async fn insert(conn: &mut Conn, item: &ItemRecord) -> QueryResult<()> {
    diesel::insert_into(items::table).values(Row::from(item)).execute(conn).await.map(drop)
}

/// One document.
pub async fn find(conn: &mut Conn, item_id: Uuid) -> QueryResult<Option<ItemRecord>> {
    one(items::table.find(item_id).select(Row::as_select()).first(conn).await.optional()?)
}

/// Documents by their identifiers, in no order.
pub async fn by_id(conn: &mut Conn, ids: &[Uuid]) -> QueryResult<Vec<ItemRecord>> {
    let rows = items::table.filter(items::item_id.eq_any(ids)).select(Row::as_select());
    all(rows.load(conn).await?)
}

/// One document, which nobody else changes until the transaction ends.
pub async fn find_for_update(conn: &mut Conn, item_id: Uuid) -> QueryResult<Option<ItemRecord>> {
    let row = items::table.find(item_id).select(Row::as_select()).for_update();
    one(row.first(conn).await.optional()?)
}

/// The document with these bytes that no later version speaks for.
pub async fn current(conn: &mut Conn, sha256: &str) -> QueryResult<Option<ItemRecord>> {
    let row = items::table
        .filter(items::sha256.eq(sha256))
        .filter(items::superseded_at.is_null())
        .select(Row::as_select());
    one(row.first(conn).await.optional()?)
}

/// Whether any document has these bytes.
pub async fn has_content(conn: &mut Conn, sha256: &str) -> QueryResult<bool> {
    let found = items::table.filter(items::sha256.eq(sha256));
    diesel::select(diesel::dsl::exists(found)).get_result(conn).await
}

/// Up to `limit` documents, the newest first.
pub async fn list(
    conn: &mut Conn,
    filter: &ItemFilter,
    limit: i64,
) -> QueryResult<Vec<ItemRecord>> {
    let mut query = items::table
        .select(Row::as_select())
        .order((items::created_at.desc(), items::item_id.desc()))
        .limit(limit)
        .into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(items::status.eq(status.name()));
    }
    if let Some(tag) = &filter.tag {
        query = query.filter(items::tags.contains(vec![tag.clone()]));
    }
    if let Some(language) = &filter.language {
        query = query.filter(items::language.eq(language.clone()));
    }
    if let Some(q) = &filter.q {
        let pattern = containing(q);
        query =
            query.filter(items::title.ilike(pattern.clone()).or(items::file_name.ilike(pattern)));
    }
    if !filter.with_superseded {
        query = query.filter(items::superseded_at.is_null());
    }
    if filter.only_ready {
        query = query.filter(items::status.eq(Status::Ready.name()));
    }
    if filter.only_approved {
        query = query.filter(items::approved_at.is_not_null());
    }
    if let Some((at, id)) = filter.after {
        let same = items::created_at.eq(at).and(items::item_id.lt(id));
        query = query.filter(items::created_at.lt(at).or(same));
    }
    all(query.load(conn).await?)
}

/// The pattern of texts that contain `text`, whatever it consists of.
fn containing(text: &str) -> String {
    let mut pattern = "%".to_owned();
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

type VersionRow = (Uuid, i32, String, DateTime<Utc>, Option<DateTime<Utc>>);

/// All versions of a document, the newest first.
pub async fn versions(conn: &mut Conn, lineage: &str) -> QueryResult<Vec<ItemVersion>> {
    let rows: Vec<VersionRow> = items::table
        .filter(items::lineage.eq(lineage))
        .order(items::version.desc())
        .select((
            items::item_id,
            items::version,
            items::status,
            items::created_at,
            items::superseded_at,
        ))
        .load(conn)
        .await?;
    rows.into_iter()
        .map(|(item_id, version, status, created_at, superseded_at)| {
            let status = status_of(&status)?;
            Ok(ItemVersion { item_id, version, status, created_at, superseded_at })
        })
        .collect()
}

/// Highest number of a version so far.
pub async fn last_version(conn: &mut Conn, lineage: &str) -> QueryResult<Option<i32>> {
    let found = items::table.filter(items::lineage.eq(lineage));
    found.select(max(items::version)).first(conn).await
}

/// Whether a row is a version of a document that is ready, and approved where that is asked.
fn may_speak(
    lineage: &str,
    only_approved: bool,
) -> Box<dyn BoxableExpression<items::table, Pg, SqlType = Bool> + '_> {
    let may_be_any = (!only_approved).into_sql::<Bool>();
    let is_ready = items::lineage.eq(lineage).and(items::status.eq(Status::Ready.name()));
    Box::new(is_ready.and(items::approved_at.is_not_null().or(may_be_any)))
}

/// Ready versions of a document that no later one speaks for yet, the newest first; nobody else
/// changes them until the transaction ends.
pub async fn speaking(
    conn: &mut Conn,
    lineage: &str,
    only_approved: bool,
) -> QueryResult<Vec<ItemRecord>> {
    let rows = items::table
        .filter(may_speak(lineage, only_approved))
        .filter(items::superseded_at.is_null())
        .order(items::version.desc())
        .select(Row::as_select())
        .for_update();
    all(rows.load(conn).await?)
}

/// Lets a later version speak in place of a document.
pub async fn supersede(conn: &mut Conn, item_id: Uuid, now: DateTime<Utc>) -> QueryResult<()> {
    let row = diesel::update(items::table.find(item_id));
    row.set(items::superseded_at.eq(now)).execute(conn).await.map(drop)
}

/// The latest of the versions that later ones spoke for and that was ready; nobody else changes it until the
/// transaction ends.
pub async fn last_superseded(
    conn: &mut Conn,
    lineage: &str,
    only_approved: bool,
) -> QueryResult<Option<ItemRecord>> {
    let rows = items::table
        .filter(may_speak(lineage, only_approved))
        .filter(items::superseded_at.is_not_null())
        .order(items::version.desc())
        .limit(1)
        .select(Row::as_select())
        .for_update();
    Ok(all(rows.load(conn).await?)?.pop())
}

/// Lets a document speak again that a later version spoke for, once it is indexed.
pub async fn call_back(conn: &mut Conn, item_id: Uuid) -> QueryResult<()> {
    let row = diesel::update(items::table.find(item_id));
    let queued = items::status.eq(Status::Queued.name());
    row.set((items::superseded_at.eq(None::<DateTime<Utc>>), queued)).execute(conn).await.map(drop)
}

/// How many documents wait or are being read.
pub async fn open(conn: &mut Conn) -> QueryResult<i64> {
    items::table.filter(items::status.eq_any(open_names())).count().get_result(conn).await
}

fn open_names() -> [&'static str; 2] {
    [Status::Queued.name(), Status::Working.name()]
}

/// Documents that wait or are being read, after one, by identifier.
pub async fn open_after(conn: &mut Conn, after: Uuid, limit: i64) -> QueryResult<Vec<ItemRecord>> {
    let rows = items::table
        .filter(items::status.eq_any(open_names()))
        .filter(items::item_id.gt(after))
        .order(items::item_id)
        .limit(limit)
        .select(Row::as_select());
    all(rows.load(conn).await?)
}

/// Moves a document from one of some states to another; says whether it was in one of them.
pub async fn move_to(
    conn: &mut Conn,
    item_id: Uuid,
    from: &[Status],
    (to, reason): (Status, Option<&str>),
) -> QueryResult<bool> {
    let from: Vec<&str> = from.iter().map(|status| status.name()).collect();
    let rows = diesel::update(items::table.find(item_id))
        .filter(items::status.eq_any(from))
        .set((items::status.eq(to.name()), items::reason.eq(reason)))
        .execute(conn)
        .await?;
    Ok(rows > 0)
}

/// Notes the job that has a document in hand.
pub async fn set_job(conn: &mut Conn, item_id: Uuid, job_id: Uuid) -> QueryResult<()> {
    let row = diesel::update(items::table.find(item_id));
    row.set(items::job_id.eq(job_id)).execute(conn).await.map(drop)
}

/// What reading a file brought, as far as it stands in the document's row.
pub struct Reading<'a> {
    /// Title; absent: it stays.
    pub title: Option<&'a str>,
    /// Media type found by looking at the bytes.
    pub media_type: &'a str,
    /// Pages.
    pub pages: i32,
    /// Language.
    pub language: Option<&'a str>,
    /// What was noticed.
    pub findings: &'a Value,
    /// Who read it.
    pub method: &'a str,
    /// Hash of the text.
    pub text_sha256: &'a str,
}

/// Notes what reading a file brought; says whether the document is still there.
pub async fn set_reading(
    conn: &mut Conn,
    item_id: Uuid,
    reading: &Reading<'_>,
) -> QueryResult<bool> {
    let rows = diesel::update(items::table.find(item_id))
        .set((
            reading.title.map(|title| items::title.eq(title.to_owned())),
            items::media_type.eq(reading.media_type),
            items::pages.eq(reading.pages),
            items::language.eq(reading.language),
            items::findings.eq(reading.findings),
            items::method.eq(reading.method),
            items::text_sha256.eq(reading.text_sha256),
            items::chunk_count.eq(None::<i32>),
        ))
        .execute(conn)
        .await?;
    Ok(rows > 0)
}

/// Notes how many chunks a document has.
pub async fn set_chunk_count(conn: &mut Conn, item_id: Uuid, count: i32) -> QueryResult<()> {
    let row = diesel::update(items::table.find(item_id));
    row.set(items::chunk_count.eq(count)).execute(conn).await.map(drop)
}

/// Lets a document be asked; says whether it was in hand.
pub async fn make_ready(
    conn: &mut Conn,
    item_id: Uuid,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let rows = diesel::update(items::table.find(item_id))
        .filter(items::status.eq(Status::Working.name()))
        .set((
            items::status.eq(Status::Ready.name()),
            items::reason.eq(reason),
            items::ready_at.eq(now),
        ))
        .execute(conn)
        .await?;
    Ok(rows > 0)
}

/// Notes that an admin lets everybody read a document.
pub async fn approve(
    conn: &mut Conn,
    item_id: Uuid,
    by: Option<Uuid>,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(items::table.find(item_id))
        .set((items::approved_at.eq(now), items::approved_by.eq(by)))
        .execute(conn)
        .await
        .map(drop)
}

/// Removes a document with its text and chunks.
pub async fn delete(conn: &mut Conn, item_id: Uuid) -> QueryResult<bool> {
    Ok(diesel::delete(items::table.find(item_id)).execute(conn).await? > 0)
}

/// Ready documents that nobody has approved and no later version speaks for.
pub async fn unapproved(conn: &mut Conn) -> QueryResult<Vec<Uuid>> {
    items::table
        .filter(items::status.eq(Status::Ready.name()))
        .filter(items::superseded_at.is_null())
        .filter(items::approved_at.is_null())
        .select(items::item_id)
        .load(conn)
        .await
}

/// Documents by status, and all their chunks.
pub async fn counts(conn: &mut Conn) -> QueryResult<Counts> {
    let rows: Vec<(String, i64, Option<i64>)> = items::table
        .group_by(items::status)
        .select((
            items::status,
            diesel::dsl::count_star(),
            sql::<diesel::sql_types::Nullable<BigInt>>("sum(chunk_count)::bigint"),
        ))
        .load(conn)
        .await?;
    let mut counts = Counts::default();
    for (status, items, chunks) in rows {
        counts.items.push((status_of(&status)?, items));
        counts.chunks += chunks.unwrap_or_default();
    }
    Ok(counts)
}
