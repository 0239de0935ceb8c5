//! SQL of the table `staged_files`.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::model::{FileKind, NewFile, StagedFile};
use crate::platform::db::Conn;
use crate::platform::db::schema::staged_files;

type Row = (Uuid, Uuid, String, String, String, i64, String, DateTime<Utc>);

/// Writes a file down.
pub(super) async fn insert(conn: &mut Conn, staged: &StagedFile) -> QueryResult<()> {
    diesel::insert_into(staged_files::table)
        .values((
            staged_files::staged_file_id.eq(staged.staged_file_id),
            staged_files::user_id.eq(staged.user_id),
            staged_files::kind.eq(staged.file.kind.name()),
            staged_files::subject.eq(&staged.file.subject),
            staged_files::file_name.eq(&staged.file.file_name),
            staged_files::size_bytes.eq(staged.size_bytes),
            staged_files::sha256.eq(&staged.sha256),
            staged_files::created_at.eq(staged.created_at),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// A file of `user_id` that came after `since`.
pub(super) async fn get(
    conn: &mut Conn,
    user_id: Uuid,
    staged_file_id: Uuid,
    since: DateTime<Utc>,
) -> QueryResult<Option<StagedFile>> {
    let row: Option<Row> = staged_files::table
        .filter(staged_files::staged_file_id.eq(staged_file_id))
        .filter(staged_files::user_id.eq(user_id))
        .filter(staged_files::created_at.gt(since))
        .select(staged_files::all_columns)
        .first(conn)
        .await
        .optional()?;
    Ok(row.and_then(staged_file))
}

fn staged_file(
    (staged_file_id, user_id, kind, subject, file_name, size_bytes, sha256, created_at): Row,
) -> Option<StagedFile> {
    let file = NewFile { kind: FileKind::parse(&kind)?, subject, file_name };
    Some(StagedFile { staged_file_id, user_id, file, size_bytes, sha256, created_at })
}

/// Files that came before `before`, and of `user_id` all but the newest `kept`.
pub(super) async fn spent(
    conn: &mut Conn,
    before: DateTime<Utc>,
    (user_id, kept): (Uuid, i64),
) -> QueryResult<Vec<Uuid>> {
    let mut ids: Vec<Uuid> = staged_files::table
        .filter(staged_files::created_at.le(before))
        .select(staged_files::staged_file_id)
        .limit(1_000)
        .load(conn)
        .await?;
    let surplus: Vec<Uuid> = staged_files::table
        .filter(staged_files::user_id.eq(user_id))
        .order((staged_files::created_at.desc(), staged_files::staged_file_id.desc()))
        .offset(kept)
        .select(staged_files::staged_file_id)
        .load(conn)
        .await?;
    ids.extend(surplus);
    Ok(ids)
}

/// Forgets a file.
pub(super) async fn delete(conn: &mut Conn, staged_file_id: Uuid) -> QueryResult<()> {
    diesel::delete(staged_files::table.find(staged_file_id)).execute(conn).await.map(drop)
}
