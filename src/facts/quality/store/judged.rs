//! What a batch leaves: its report, its days, the values that are kept apart.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::min;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Date, Double, Integer, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::facts::quality::model::{Batch, DayReport, Refused, Report};
use crate::facts::quality::reason::{Code, Reason};
use crate::platform::db::Conn;
use crate::platform::db::schema::quality_reports;

/// A batch and what was found about it.
pub(in crate::facts::quality) struct Judgement<'a> {
    pub batch: &'a Batch,
    pub report: &'a Report,
    pub raw_file_id: Option<Uuid>,
    /// Whether it is about what is stored, however that came.
    pub is_stored: bool,
    pub now: DateTime<Utc>,
    /// Since when the source is asked for the subject: what was due before cannot be late.
    pub since: DateTime<Utc>,
}

#[derive(Insertable)]
#[diesel(table_name = quality_reports)]
struct ReportRow<'a> {
    report_id: Uuid,
    source: &'a str,
    subject: &'a str,
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
    verdict: &'a str,
    reasons: Value,
    created_at: DateTime<Utc>,
}

pub(super) fn int(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

impl<'a> ReportRow<'a> {
    fn of(judgement: &Judgement<'a>) -> Self {
        let Judgement { batch, report, raw_file_id, .. } = judgement;
        let counts = report.counts;
        Self {
            report_id: Uuid::now_v7(),
            source: &batch.source,
            subject: &batch.subject,
            raw_file_id: *raw_file_id,
            range_from: batch.asked.from,
            range_to: batch.asked.to,
            interval_s: batch.interval_s,
            expected: int(counts.expected),
            found: int(counts.found.min(counts.expected)),
            duplicates: int(counts.duplicates),
            conflicts: int(counts.conflicts),
            out_of_order: int(counts.out_of_order),
            outside: int(counts.outside),
            off_grid: int(counts.off_grid),
            not_finite: int(counts.not_finite),
            outliers: int(counts.outliers),
            spikes: int(counts.spikes),
            revised: int(counts.revised),
            quarantined: int(report.refused.len()),
            longest_equal_s: i32::try_from(report.longest_equal_s).unwrap_or(i32::MAX),
            outlier_score: report.outlier_score.filter(|score| score.is_finite()),
            gaps: json!(report.gaps),
            verdict: report.verdict().name(),
            reasons: json!(report.reasons),
            created_at: batch.came_at,
        }
    }
}

/// When a batch of the subject was judged first.
pub(in crate::facts::quality) async fn first_judged_at(
    conn: &mut Conn,
    source: &str,
    subject: &str,
) -> QueryResult<Option<DateTime<Utc>>> {
    quality_reports::table
        .filter(quality_reports::source.eq(source))
        .filter(quality_reports::subject.eq(subject))
        .select(min(quality_reports::created_at))
        .get_result(conn)
        .await
}

/// Stores what a batch leaves; answers with the number of values that are newly kept apart. A payload that is read again keeps its report.
pub(in crate::facts::quality) async fn keep(
    conn: &mut Conn,
    judgement: &Judgement<'_>,
) -> QueryResult<usize> {
    let row = ReportRow::of(judgement);
    let again = known_report(conn, judgement).await?;
    let report_id = if let Some(report_id) = again {
        diesel::update(quality_reports::table.find(report_id))
            .set((
                quality_reports::expected.eq(row.expected),
                quality_reports::found.eq(row.found),
                quality_reports::outliers.eq(row.outliers),
                quality_reports::spikes.eq(row.spikes),
                quality_reports::revised.eq(quality_reports::revised + row.revised),
                quality_reports::quarantined.eq(row.quarantined),
                quality_reports::longest_equal_s.eq(row.longest_equal_s),
                quality_reports::outlier_score.eq(row.outlier_score),
                quality_reports::gaps.eq(&row.gaps),
                quality_reports::verdict.eq(row.verdict),
                quality_reports::reasons.eq(&row.reasons),
                quality_reports::created_at.eq(row.created_at),
            ))
            .execute(conn)
            .await?;
        report_id
    } else {
        diesel::insert_into(quality_reports::table).values(&row).execute(conn).await?;
        row.report_id
    };
    keep_days(conn, judgement, report_id).await?;
    keep_apart(conn, judgement, report_id).await
}

/// The report about the same payload, subject and range, if it has been read before; without a
/// payload, about what is stored of that range.
async fn known_report(conn: &mut Conn, judgement: &Judgement<'_>) -> QueryResult<Option<Uuid>> {
    use diesel::dsl::sql;
    let file = judgement.raw_file_id;
    if file.is_none() && !judgement.is_stored {
        return Ok(None);
    }
    let same_file = sql::<Bool>("raw_file_id IS NOT DISTINCT FROM ")
        .bind::<Nullable<diesel::sql_types::Uuid>, _>(file);
    quality_reports::table
        .filter(quality_reports::source.eq(&judgement.batch.source))
        .filter(quality_reports::subject.eq(&judgement.batch.subject))
        .filter(same_file)
        .filter(quality_reports::range_from.eq(judgement.batch.asked.from))
        .filter(quality_reports::range_to.eq(judgement.batch.asked.to))
        .select(quality_reports::report_id)
        .first(conn)
        .await
        .optional()
}

/// A day never loses values that it had; when it was complete first stays.
const KEEP_DAYS: &str = "\
INSERT INTO quality_days AS d (source, subject, day, time_zone, interval_s, expected, found, revised,
    is_simulated, verdict, expected_by, first_complete_at, late_s, report_id, changed_at)
SELECT $1, $2, n.day, $3, $4, n.expected, n.found, n.revised, $5, n.verdict, n.expected_by,
    CASE WHEN n.found = n.expected THEN $15 END,
    CASE WHEN n.found = n.expected AND n.expected_by >= $7
         THEN greatest(0, floor(extract(epoch FROM $15 - n.expected_by)))::bigint END,
    $8, $6
FROM unnest($9::date[], $10::int[], $11::int[], $12::int[], $13::text[], $14::timestamptz[])
    AS n (day, expected, found, revised, verdict, expected_by)
ON CONFLICT (source, subject, day) DO UPDATE SET
    time_zone = excluded.time_zone, interval_s = excluded.interval_s, expected = excluded.expected,
    found = least(greatest(d.found, excluded.found), excluded.expected),
    revised = d.revised + excluded.revised, is_simulated = excluded.is_simulated,
    verdict = excluded.verdict, expected_by = excluded.expected_by,
    first_complete_at = CASE WHEN greatest(d.found, excluded.found) >= excluded.expected
        THEN coalesce(d.first_complete_at, excluded.first_complete_at, excluded.changed_at) END,
    late_s = coalesce(d.late_s, excluded.late_s),
    report_id = excluded.report_id, changed_at = excluded.changed_at";

async fn keep_days(conn: &mut Conn, judgement: &Judgement<'_>, report_id: Uuid) -> QueryResult<()> {
    let Judgement { batch, report, now, since, .. } = judgement;
    let days = &report.days;
    let column = |field: fn(&DayReport) -> usize| -> Vec<i32> {
        days.iter().map(|day| int(field(day))).collect()
    };
    let dates: Vec<NaiveDate> = days.iter().map(|day| day.day).collect();
    let verdicts: Vec<&str> = days.iter().map(|day| day.verdict.name()).collect();
    let due: Vec<Option<DateTime<Utc>>> = days.iter().map(|day| day.expected_by).collect();
    diesel::sql_query(KEEP_DAYS)
        .bind::<Text, _>(&batch.source)
        .bind::<Text, _>(&batch.subject)
        .bind::<Text, _>(batch.zone.name())
        .bind::<Integer, _>(batch.interval_s)
        .bind::<Bool, _>(batch.is_simulated)
        .bind::<Timestamptz, _>(*now)
        .bind::<Timestamptz, _>(*since)
        .bind::<diesel::sql_types::Uuid, _>(report_id)
        .bind::<Array<Date>, _>(dates)
        .bind::<Array<Integer>, _>(column(|day| day.expected))
        .bind::<Array<Integer>, _>(column(|day| day.found))
        .bind::<Array<Integer>, _>(column(|day| day.revised))
        .bind::<Array<Text>, _>(verdicts)
        .bind::<Array<Nullable<Timestamptz>>, _>(due)
        .bind::<Timestamptz, _>(batch.came_at)
        .execute(conn)
        .await
        .map(drop)
}

const KEEP_APART: &str = "\
INSERT INTO quarantined_rows (row_id, source, subject, ts, interval_s, value, reason, sentence,
    raw_file_id, report_id, arrived_at)
SELECT n.row_id, $1, $2, n.ts, $3, n.value, n.reason, n.sentence, $4, $5, $6
FROM unnest($7::uuid[], $8::timestamptz[], $9::float8[], $10::text[], $11::text[])
    AS n (row_id, ts, value, reason, sentence)
ON CONFLICT DO NOTHING";

async fn keep_apart(
    conn: &mut Conn,
    judgement: &Judgement<'_>,
    report_id: Uuid,
) -> QueryResult<usize> {
    use diesel::sql_types::Uuid as SqlUuid;
    let Judgement { batch, report, raw_file_id, .. } = judgement;
    if report.refused.is_empty() {
        return Ok(0);
    }
    let rows = &report.refused;
    let ids: Vec<Uuid> = rows.iter().map(|_| Uuid::now_v7()).collect();
    let instants: Vec<DateTime<Utc>> = rows.iter().map(|row| row.ts).collect();
    let values: Vec<Option<f64>> = rows.iter().map(|row| row.value).collect();
    let codes: Vec<&str> = rows.iter().map(|row| row.code.name()).collect();
    let sentences: Vec<String> = rows.iter().map(|row| sentence(row, report)).collect();
    diesel::sql_query(KEEP_APART)
        .bind::<Text, _>(&batch.source)
        .bind::<Text, _>(&batch.subject)
        .bind::<Integer, _>(batch.interval_s)
        .bind::<Nullable<SqlUuid>, _>(*raw_file_id)
        .bind::<SqlUuid, _>(report_id)
        .bind::<Timestamptz, _>(batch.came_at)
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<Timestamptz>, _>(instants)
        .bind::<Array<Nullable<Double>>, _>(values)
        .bind::<Array<Text>, _>(codes)
        .bind::<Array<Text>, _>(sentences)
        .execute(conn)
        .await
}

/// Why one value is kept apart: what is said of its day, or of itself.
fn sentence(row: &Refused, report: &Report) -> String {
    let day = |at: &DateTime<Utc>| at.format("%Y-%m-%d").to_string();
    match row.code {
        Code::NotFinite => "the value is no number".to_owned(),
        Code::Impossible => "the value is beyond what is possible".to_owned(),
        Code::OffGrid => "no interval begins at this instant".to_owned(),
        Code::Conflicts => "the source gives this instant different values".to_owned(),
        code => {
            let near = |reason: &&Reason| {
                let days = reason.day.map(|day| (day - row.ts.date_naive()).num_days().abs());
                reason.code == code && days.is_some_and(|days| days <= 1)
            };
            let told = report.reasons.iter().filter(near).min_by_key(|reason| {
                reason.day.map(|day| (day - row.ts.date_naive()).num_days().abs())
            });
            told.map_or_else(|| format!("{} on {}", code.name(), day(&row.ts)), ToString::to_string)
        }
    }
}
