//! Reports and days as they are listed.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use crate::base::timeline::TimeRange;
use crate::facts::quality::model::{BatchCounts, Verdict};
use crate::facts::quality::records::{DayCell, DayState, Filter, StoredDay, StoredReport};
use crate::platform::db::Conn;
use crate::platform::db::schema::{quality_days, quality_reports};

#[derive(Queryable, Selectable)]
#[diesel(table_name = quality_reports, check_for_backend(diesel::pg::Pg))]
struct ReportRow {
    report_id: Uuid,
    source: String,
    subject: String,
    raw_file_id: Option<Uuid>,
    range_from: DateTime<Utc>,
    range_to: DateTime<Utc>,
    interval_s: i32,
    expected: i32,
    found: i32,
    duplicates: i32,
    conflicts: i32,
    out_of_order: i32,
    outside: i32,
    off_grid: i32,
    not_finite: i32,
    outliers: i32,
    spikes: i32,
    revised: i32,
    quarantined: i32,
    longest_equal_s: i32,
    outlier_score: Option<f64>,
    gaps: Value,
    verdict: String,
    reasons: Value,
    created_at: DateTime<Utc>,
}

fn count(number: i32) -> usize {
    usize::try_from(number).unwrap_or(0)
}

fn unreadable(what: &str) -> diesel::result::Error {
    diesel::result::Error::DeserializationError(what.to_owned().into())
}

fn verdict(name: &str) -> QueryResult<Verdict> {
    Verdict::parse(name).ok_or_else(|| unreadable(&format!("'{name}' is no verdict")))
}

impl TryFrom<ReportRow> for StoredReport {
    type Error = diesel::result::Error;

    fn try_from(row: ReportRow) -> QueryResult<Self> {
        let broken = |error: serde_json::Error| unreadable(&error.to_string());
        let counts = BatchCounts {
            expected: count(row.expected),
            found: count(row.found),
            duplicates: count(row.duplicates),
            conflicts: count(row.conflicts),
            out_of_order: count(row.out_of_order),
            outside: count(row.outside),
            off_grid: count(row.off_grid),
            not_finite: count(row.not_finite),
            outliers: count(row.outliers),
            spikes: count(row.spikes),
            revised: count(row.revised),
        };
        let missing = counts.expected.saturating_sub(counts.found);
        Ok(Self {
            report_id: row.report_id,
            source: row.source,
            subject: row.subject,
            raw_file_id: row.raw_file_id,
            from: row.range_from,
            to: row.range_to,
            interval_s: row.interval_s,
            missing_rate: missing as f64 / counts.expected.max(1) as f64,
            counts,
            quarantined: count(row.quarantined),
            longest_equal_s: row.longest_equal_s.into(),
            outlier_score: row.outlier_score,
            gaps: serde_json::from_value(row.gaps).map_err(broken)?,
            verdict: verdict(&row.verdict)?,
            reasons: serde_json::from_value(row.reasons).map_err(broken)?,
            created_at: row.created_at,
        })
    }
}

/// Up to `limit` reports, newest first.
pub(in crate::facts::quality) async fn reports(
    conn: &mut Conn,
    filter: &Filter,
    limit: i64,
) -> QueryResult<Vec<StoredReport>> {
    let mut query = quality_reports::table
        .select(ReportRow::as_select())
        .order((quality_reports::created_at.desc(), quality_reports::report_id.desc()))
        .limit(limit)
        .into_boxed();
    if let Some(source) = &filter.source {
        query = query.filter(quality_reports::source.eq(source.clone()));
    }
    if let Some(subject) = &filter.subject {
        query = query.filter(quality_reports::subject.eq(subject.clone()));
    }
    if filter.is_open {
        query = query.filter(quality_reports::verdict.ne(Verdict::Good.name()));
    }
    if let Some((at, id)) = filter.after {
        let same = quality_reports::created_at.eq(at).and(quality_reports::report_id.lt(id));
        query = query.filter(quality_reports::created_at.lt(at).or(same));
    }
    let rows: Vec<ReportRow> = query.load(conn).await?;
    rows.into_iter().map(StoredReport::try_from).collect()
}

/// The newest reports on batches of a subject that reach into `range`.
pub(in crate::facts::quality) async fn reports_about(
    conn: &mut Conn,
    (source, subject): (&str, &str),
    range: TimeRange,
    limit: i64,
) -> QueryResult<Vec<StoredReport>> {
    let rows: Vec<ReportRow> = quality_reports::table
        .filter(quality_reports::source.eq(source))
        .filter(quality_reports::subject.eq(subject))
        .filter(quality_reports::range_from.lt(range.to))
        .filter(quality_reports::range_to.gt(range.from))
        .select(ReportRow::as_select())
        .order((quality_reports::created_at.desc(), quality_reports::report_id.desc()))
        .limit(limit)
        .load(conn)
        .await?;
    rows.into_iter().map(StoredReport::try_from).collect()
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = quality_days, check_for_backend(diesel::pg::Pg))]
struct DayRow {
    source: String,
    subject: String,
    day: NaiveDate,
    time_zone: String,
    interval_s: i32,
    expected: i32,
    found: i32,
    revised: i32,
    is_simulated: bool,
    verdict: String,
    expected_by: Option<DateTime<Utc>>,
    first_complete_at: Option<DateTime<Utc>>,
    late_s: Option<i64>,
    report_id: Uuid,
}

impl TryFrom<DayRow> for StoredDay {
    type Error = diesel::result::Error;

    fn try_from(row: DayRow) -> QueryResult<Self> {
        let cell = DayCell {
            day: row.day,
            // What is absent is due or not: the service knows the time.
            state: if row.found == row.expected { DayState::Complete } else { DayState::Partial },
            expected: count(row.expected),
            found: count(row.found),
            revised: count(row.revised),
            verdict: verdict(&row.verdict)?,
            expected_by: row.expected_by,
            first_complete_at: row.first_complete_at,
            late_s: row.late_s,
            report_id: Some(row.report_id),
        };
        Ok(Self {
            source: row.source,
            subject: row.subject,
            time_zone: row.time_zone,
            interval_s: row.interval_s,
            is_simulated: row.is_simulated,
            cell,
        })
    }
}

/// Every day of every subject in `first..=last`.
pub(in crate::facts::quality) async fn days(
    conn: &mut Conn,
    first: NaiveDate,
    last: NaiveDate,
) -> QueryResult<Vec<StoredDay>> {
    let rows: Vec<DayRow> = quality_days::table
        .filter(quality_days::day.between(first, last))
        .order((quality_days::source, quality_days::subject, quality_days::day))
        .select(DayRow::as_select())
        .load(conn)
        .await?;
    rows.into_iter().map(StoredDay::try_from).collect()
}

/// The newest day of every subject of every source.
pub(in crate::facts::quality) async fn newest_days(conn: &mut Conn) -> QueryResult<Vec<StoredDay>> {
    let rows: Vec<DayRow> = quality_days::table
        .distinct_on((quality_days::source, quality_days::subject))
        .order((quality_days::source, quality_days::subject, quality_days::day.desc()))
        .select(DayRow::as_select())
        .load(conn)
        .await?;
    rows.into_iter().map(StoredDay::try_from).collect()
}

/// The first day that each source was asked for, by subject.
pub(in crate::facts::quality) async fn first_days(
    conn: &mut Conn,
) -> QueryResult<Vec<(String, String, NaiveDate)>> {
    quality_days::table
        .distinct_on((quality_days::source, quality_days::subject))
        .order((quality_days::source, quality_days::subject, quality_days::day))
        .select((quality_days::source, quality_days::subject, quality_days::day))
        .load(conn)
        .await
}

/// One day of one subject.
pub(in crate::facts::quality) async fn day(
    conn: &mut Conn,
    (source, subject): (&str, &str),
    day: NaiveDate,
) -> QueryResult<Option<StoredDay>> {
    let row: Option<DayRow> = quality_days::table
        .find((source, subject, day))
        .select(DayRow::as_select())
        .first(conn)
        .await
        .optional()?;
    row.map(StoredDay::try_from).transpose()
}
