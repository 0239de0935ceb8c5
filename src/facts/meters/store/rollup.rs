//! Readings as they are, and what they add up to per quarter hour, hour and local day.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Double, Integer, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;

use super::rows::ReadingRow;
use crate::base::timeline::TimeRange;
use crate::facts::meters::model::{Reading, Resolution, Rollup};
use crate::platform::db::Conn;
use crate::platform::db::schema::smart_meter_readings;

/// Latest readings with `range.from <= ts < range.to`, oldest first, at most `limit`.
pub(in crate::facts::meters) async fn readings(
    conn: &mut Conn,
    meter_id: &str,
    range: TimeRange,
    limit: i64,
) -> QueryResult<Vec<Reading>> {
    use smart_meter_readings as readings;
    let rows: Vec<ReadingRow> = readings::table
        .filter(readings::meter_id.eq(meter_id))
        .filter(readings::ts.ge(range.from))
        .filter(readings::ts.lt(range.to))
        .order(readings::ts)
        .limit(limit)
        .select((
            readings::meter_id,
            readings::ts,
            readings::interval_s,
            readings::consumption_kw,
            readings::production_kw,
            readings::voltage,
            readings::quality,
            readings::known_at,
        ))
        .load(conn)
        .await?;
    rows.into_iter().map(Reading::try_from).collect()
}

/// Sums per stretch. `$4` is the zone of local days; a reading that is longer than a stretch is
/// shared out evenly.
pub(super) fn statement(resolution: Resolution) -> String {
    let (start, end, parts) = match resolution {
        Resolution::Day => (
            "date_trunc('day', p.ts AT TIME ZONE $4) AT TIME ZONE $4",
            "(date_trunc('day', p.ts AT TIME ZONE $4) + interval '1 day') AT TIME ZONE $4",
            "LATERAL (SELECT r.ts, r.interval_s)",
        ),
        // Zones differ from UTC by whole quarter hours, and where by no whole hours, hours are
        // those of UTC all the same.
        Resolution::Hour => (
            "date_bin('1 hour', p.ts, 'epoch')",
            "date_bin('1 hour', p.ts, 'epoch') + interval '1 hour'",
            "LATERAL (SELECT r.ts, r.interval_s)",
        ),
        Resolution::Quarter | Resolution::Raw => (
            "date_bin('15 minutes', p.ts, 'epoch')",
            "date_bin('15 minutes', p.ts, 'epoch') + interval '15 minutes'",
            "LATERAL (SELECT r.ts + make_interval(secs => 900 * k) AS ts, \
                 r.interval_s / greatest(r.interval_s / 900, 1) AS interval_s \
                 FROM generate_series(0, greatest(r.interval_s / 900, 1) - 1) AS k)",
        ),
    };
    format!(
        "SELECT {start} AS ts, extract(epoch FROM ({end}) - ({start}))::int AS interval_s,
             sum(r.consumption_kw * p.interval_s) / 3600 AS consumption_kwh,
             sum(r.production_kw * p.interval_s) / 3600 AS production_kwh,
             coalesce(sum(p.interval_s) FILTER (WHERE r.consumption_kw IS NOT NULL), 0)::bigint
                 AS consumption_s,
             coalesce(sum(p.interval_s) FILTER (WHERE r.production_kw IS NOT NULL), 0)::bigint
                 AS production_s,
             coalesce(sum(p.interval_s) FILTER (WHERE r.quality <> 'missing'), 0)::bigint
                 AS covered_s,
             coalesce(sum(p.interval_s) FILTER (WHERE r.quality = 'missing'), 0)::bigint
                 AS missing_s,
             $4::text AS zone
         FROM unnest($2::timestamptz[], $3::timestamptz[]) AS s (first, after)
         JOIN smart_meter_readings AS r ON r.meter_id = $1 AND r.ts >= s.first AND r.ts < s.after,
             {parts} AS p
         GROUP BY 1, 2 ORDER BY 1"
    )
}

/// Sums of a stretch.
#[derive(QueryableByName)]
pub(super) struct Row {
    #[diesel(sql_type = Timestamptz)]
    ts: DateTime<Utc>,
    #[diesel(sql_type = Integer)]
    interval_s: i32,
    #[diesel(sql_type = Nullable<Double>)]
    consumption_kwh: Option<f64>,
    #[diesel(sql_type = Nullable<Double>)]
    production_kwh: Option<f64>,
    #[diesel(sql_type = BigInt)]
    consumption_s: i64,
    #[diesel(sql_type = BigInt)]
    production_s: i64,
    #[diesel(sql_type = BigInt)]
    covered_s: i64,
    #[diesel(sql_type = BigInt)]
    missing_s: i64,
}

impl From<Row> for Rollup {
    fn from(row: Row) -> Self {
        let mean = |energy: Option<f64>, seconds: i64| {
            energy.filter(|_| seconds > 0).map(|kwh| kwh * 3_600.0 / seconds as f64)
        };
        Self {
            ts: row.ts,
            interval_s: row.interval_s,
            consumption_kw: mean(row.consumption_kwh, row.consumption_s),
            consumption_kwh: row.consumption_kwh,
            production_kw: mean(row.production_kwh, row.production_s),
            production_kwh: row.production_kwh,
            covered_s: row.covered_s,
            missing_s: row.missing_s,
        }
    }
}

/// What the readings that begin in `ranges`, none of which share a stretch, add up to, oldest
/// first; stretches without any row are absent.
pub(in crate::facts::meters) async fn rollups(
    conn: &mut Conn,
    (meter_id, zone): (&str, &str),
    ranges: &[TimeRange],
    resolution: Resolution,
) -> QueryResult<Vec<Rollup>> {
    let rows: Vec<Row> = diesel::sql_query(statement(resolution))
        .bind::<Text, _>(meter_id)
        .bind::<Array<Timestamptz>, _>(starts(ranges))
        .bind::<Array<Timestamptz>, _>(ends(ranges))
        .bind::<Text, _>(zone)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(Rollup::from).collect())
}

/// Where ranges begin.
pub(super) fn starts(ranges: &[TimeRange]) -> Vec<DateTime<Utc>> {
    ranges.iter().map(|range| range.from).collect()
}

/// Where ranges end.
pub(super) fn ends(ranges: &[TimeRange]) -> Vec<DateTime<Utc>> {
    ranges.iter().map(|range| range.to).collect()
}
