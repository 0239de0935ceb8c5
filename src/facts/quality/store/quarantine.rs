//! Values that are kept apart until somebody decides.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel::sql_types::{Date, Integer, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::facts::quality::reason::Code;
use crate::facts::quality::records::{Filter, Quarantined, Waiting};
use crate::platform::db::Conn;
use crate::platform::db::schema::{dead_letters, quarantined_rows};

#[derive(Queryable, Selectable)]
#[diesel(table_name = quarantined_rows, check_for_backend(diesel::pg::Pg))]
#[expect(clippy::struct_field_names, reason = "columns are named after what they point at")]
struct Row {
    row_id: Uuid,
    source: String,
    subject: String,
    ts: DateTime<Utc>,
    interval_s: i32,
    value: Option<f64>,
    reason: String,
    sentence: String,
    raw_file_id: Option<Uuid>,
    report_id: Uuid,
    arrived_at: DateTime<Utc>,
    decision: Option<String>,
    decided_at: Option<DateTime<Utc>>,
    decided_by: Option<Uuid>,
}

impl TryFrom<Row> for Quarantined {
    type Error = diesel::result::Error;

    fn try_from(row: Row) -> QueryResult<Self> {
        let reason = Code::parse(&row.reason).ok_or_else(|| {
            let text = format!("'{}' is no reason", row.reason);
            diesel::result::Error::DeserializationError(text.into())
        })?;
        Ok(Self {
            row_id: row.row_id,
            source: row.source,
            subject: row.subject,
            ts: row.ts,
            interval_s: row.interval_s,
            value: row.value,
            reason,
            sentence: row.sentence,
            raw_file_id: row.raw_file_id,
            report_id: row.report_id,
            arrived_at: row.arrived_at,
            decision: row.decision,
            decided_at: row.decided_at,
            decided_by: row.decided_by,
        })
    }
}

/// Up to `limit` values, newest arrival first.
pub(in crate::facts::quality) async fn rows(
    conn: &mut Conn,
    filter: &Filter,
    limit: i64,
) -> QueryResult<Vec<Quarantined>> {
    let mut query = quarantined_rows::table
        .select(Row::as_select())
        .order((quarantined_rows::arrived_at.desc(), quarantined_rows::row_id.desc()))
        .limit(limit)
        .into_boxed();
    if let Some(source) = &filter.source {
        query = query.filter(quarantined_rows::source.eq(source.clone()));
    }
    if let Some(subject) = &filter.subject {
        query = query.filter(quarantined_rows::subject.eq(subject.clone()));
    }
    if filter.is_open {
        query = query.filter(quarantined_rows::decision.is_null());
    }
    if let Some(from) = filter.from {
        query = query.filter(quarantined_rows::ts.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(quarantined_rows::ts.lt(to));
    }
    if let Some((at, id)) = filter.after {
        let same = quarantined_rows::arrived_at.eq(at).and(quarantined_rows::row_id.lt(id));
        query = query.filter(quarantined_rows::arrived_at.lt(at).or(same));
    }
    let rows: Vec<Row> = query.load(conn).await?;
    rows.into_iter().map(Quarantined::try_from).collect()
}

/// One value.
pub(in crate::facts::quality) async fn row(
    conn: &mut Conn,
    row_id: Uuid,
) -> QueryResult<Option<Quarantined>> {
    let row: Option<Row> = quarantined_rows::table
        .find(row_id)
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()?;
    row.map(Quarantined::try_from).transpose()
}

/// What is decided about a value, when, and by whom.
#[derive(Debug, Clone, Copy)]
pub(in crate::facts::quality) struct Decision {
    /// Whether it goes where it belongs; else it stays where it is for good.
    pub release: bool,
    pub at: DateTime<Utc>,
    pub by: Option<Uuid>,
}

impl Decision {
    /// The name in the table.
    pub const fn name(self) -> &'static str {
        if self.release { "released" } else { "discarded" }
    }
}

/// Decides about a value; nothing when somebody was faster.
pub(in crate::facts::quality) async fn decide(
    conn: &mut Conn,
    row_id: Uuid,
    decision: Decision,
) -> QueryResult<Option<Quarantined>> {
    let open = quarantined_rows::table.find(row_id).filter(quarantined_rows::decision.is_null());
    let row: Option<Row> = diesel::update(open)
        .set((
            quarantined_rows::decision.eq(decision.name()),
            quarantined_rows::decided_at.eq(decision.at),
            quarantined_rows::decided_by.eq(decision.by),
        ))
        .returning(Row::as_returning())
        .get_result(conn)
        .await
        .optional()?;
    row.map(Quarantined::try_from).transpose()
}

/// Discards what else a source says of the instant of a released value.
pub(in crate::facts::quality) async fn discard_rivals(
    conn: &mut Conn,
    released: &Quarantined,
    decision: Decision,
) -> QueryResult<usize> {
    let rivals = quarantined_rows::table
        .filter(quarantined_rows::source.eq(&released.source))
        .filter(quarantined_rows::subject.eq(&released.subject))
        .filter(quarantined_rows::ts.eq(released.ts))
        .filter(quarantined_rows::row_id.ne(released.row_id))
        .filter(quarantined_rows::decision.is_null());
    diesel::update(rivals)
        .set((
            quarantined_rows::decision.eq("discarded"),
            quarantined_rows::decided_at.eq(decision.at),
            quarantined_rows::decided_by.eq(decision.by),
        ))
        .execute(conn)
        .await
}

const COUNT_BACK: &str = "\
UPDATE quality_days SET found = least(found + $4, expected),
    first_complete_at = CASE WHEN found + $4 >= expected THEN coalesce(first_complete_at, $5) END,
    changed_at = $5
WHERE source = $1 AND subject = $2 AND day = $3";

/// Counts released values to their day.
pub(in crate::facts::quality) async fn count_back(
    conn: &mut Conn,
    (source, subject, day): (&str, &str, NaiveDate),
    count: i32,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::sql_query(COUNT_BACK)
        .bind::<Text, _>(source)
        .bind::<Text, _>(subject)
        .bind::<Date, _>(day)
        .bind::<Integer, _>(count)
        .bind::<Timestamptz, _>(now)
        .execute(conn)
        .await
        .map(drop)
}

/// What waits for a person.
pub(in crate::facts::quality) async fn waiting(conn: &mut Conn) -> QueryResult<Waiting> {
    let quarantined = quarantined_rows::table
        .filter(quarantined_rows::decision.is_null())
        .select(count_star())
        .get_result(conn)
        .await?;
    let dead_letters = dead_letters::table
        .filter(dead_letters::resolution.is_null())
        .select(count_star())
        .get_result(conn)
        .await?;
    Ok(Waiting { quarantined, dead_letters })
}
