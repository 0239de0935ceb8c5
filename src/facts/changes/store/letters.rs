//! Changes that somebody could not take.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::kind;
use crate::base::timeline::TimeRange;
use crate::facts::changes::model::{Change, DeadChange, Told};
use crate::platform::db::Conn;
use crate::platform::db::schema::change_dead_letters;

/// Keeps a change that `consumer` could not take.
pub(in crate::facts::changes) async fn bury(
    conn: &mut Conn,
    consumer: &str,
    told: &Told,
    (reason, attempts): (&str, i32),
    now: DateTime<Utc>,
) -> QueryResult<()> {
    use change_dead_letters as letters;
    let row = (
        letters::letter_id.eq(Uuid::now_v7()),
        letters::consumer.eq(consumer),
        letters::change_id.eq(told.at.change_id),
        letters::kind.eq(told.change.kind.name()),
        letters::name.eq(&told.change.name),
        letters::range_from.eq(told.change.range.from),
        letters::range_to.eq(told.change.range.to),
        letters::reason.eq(reason),
        letters::attempts.eq(attempts),
        letters::created_at.eq(now),
    );
    diesel::insert_into(letters::table).values(row).execute(conn).await.map(drop)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = change_dead_letters, check_for_backend(diesel::pg::Pg))]
struct LetterRow {
    letter_id: Uuid,
    consumer: String,
    kind: String,
    name: String,
    range_from: DateTime<Utc>,
    range_to: DateTime<Utc>,
    reason: String,
    attempts: i32,
    created_at: DateTime<Utc>,
    resolution: Option<String>,
    resolved_at: Option<DateTime<Utc>>,
    resolved_by: Option<Uuid>,
}

impl TryFrom<LetterRow> for DeadChange {
    type Error = diesel::result::Error;

    fn try_from(row: LetterRow) -> QueryResult<Self> {
        let range = TimeRange::new(row.range_from, row.range_to);
        Ok(Self {
            letter_id: row.letter_id,
            consumer: row.consumer,
            change: Change { kind: kind(&row.kind)?, name: row.name, range },
            reason: row.reason,
            attempts: row.attempts,
            created_at: row.created_at,
            resolution: row.resolution,
            resolved_at: row.resolved_at,
            resolved_by: row.resolved_by,
        })
    }
}

/// Up to `limit` letters, newest first; of those that wait, unless `all` are asked for.
pub(in crate::facts::changes) async fn letters(
    conn: &mut Conn,
    all: bool,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<DeadChange>> {
    use change_dead_letters as letters;
    let mut query = letters::table
        .select(LetterRow::as_select())
        .order((letters::created_at.desc(), letters::letter_id.desc()))
        .limit(limit)
        .into_boxed();
    if !all {
        query = query.filter(letters::resolution.is_null());
    }
    if let Some((at, id)) = after {
        let same = letters::created_at.eq(at).and(letters::letter_id.lt(id));
        query = query.filter(letters::created_at.lt(at).or(same));
    }
    let rows: Vec<LetterRow> = query.load(conn).await?;
    rows.into_iter().map(DeadChange::try_from).collect()
}

/// Ends a letter that waits; nothing when none of this identifier does.
pub(in crate::facts::changes) async fn resolve(
    conn: &mut Conn,
    letter_id: Uuid,
    resolution: &str,
    (now, by): (DateTime<Utc>, Option<Uuid>),
) -> QueryResult<Option<DeadChange>> {
    use change_dead_letters as letters;
    let open = letters::table.find(letter_id).filter(letters::resolution.is_null());
    let row: Option<LetterRow> = diesel::update(open)
        .set((
            letters::resolution.eq(resolution),
            letters::resolved_at.eq(now),
            letters::resolved_by.eq(by),
        ))
        .returning(LetterRow::as_returning())
        .get_result(conn)
        .await
        .optional()?;
    row.map(DeadChange::try_from).transpose()
}

/// Removes letters that ended before an instant; only counts them when nothing is to be done.
pub(in crate::facts::changes) async fn forget_letters(
    conn: &mut Conn,
    before: DateTime<Utc>,
    dry_run: bool,
) -> QueryResult<usize> {
    use change_dead_letters as letters;
    let old = letters::table.filter(letters::resolved_at.lt(before));
    if dry_run {
        let rows: i64 = old.count().get_result(conn).await?;
        return Ok(usize::try_from(rows).unwrap_or_default());
    }
    diesel::delete(old).execute(conn).await
}
