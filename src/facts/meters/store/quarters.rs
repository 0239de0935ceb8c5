//! Means per quarter hour with when they became known, and the readings of hours that were revised.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Double, Integer, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;

use crate::base::timeline::TimeRange;
use crate::platform::db::Conn;

/// Latest means; longer readings are shared out evenly. A quarter hour is known once its last reading
/// is, and counts from half of it on.
const QUARTERS: &str = "\
SELECT ts, max(known_at) AS known_at,
    CASE WHEN coalesce(sum(s) FILTER (WHERE consumption_kw IS NOT NULL), 0) >= 450
        THEN sum(consumption_kw * s) / sum(s) FILTER (WHERE consumption_kw IS NOT NULL) END
        AS consumption_kw,
    CASE WHEN coalesce(sum(s) FILTER (WHERE production_kw IS NOT NULL), 0) >= 450
        THEN sum(production_kw * s) / sum(s) FILTER (WHERE production_kw IS NOT NULL) END
        AS production_kw
FROM (
    SELECT date_bin('15 minutes', r.ts + make_interval(secs => 900 * k), 'epoch') AS ts,
        r.known_at, r.consumption_kw, r.production_kw,
        r.interval_s / greatest(r.interval_s / 900, 1) AS s
    FROM smart_meter_readings AS r,
        generate_series(0, greatest(r.interval_s / 900, 1) - 1) AS k
    WHERE r.meter_id = $1 AND r.ts >= $2 AND r.ts < $3
) AS parts
GROUP BY ts ORDER BY ts";

/// Every version of the readings of hours in which something was revised.
const REVISED: &str = "\
WITH hours AS (
    SELECT DISTINCT date_bin('1 hour', ts, 'epoch') AS hour FROM meter_reading_revisions
    WHERE meter_id = $1 AND ts >= $2 AND ts < $3
)
SELECT v.ts, v.interval_s, v.consumption_kw, v.production_kw, v.known_at FROM (
    SELECT meter_id, ts, interval_s, consumption_kw, production_kw, known_at, false AS is_latest
    FROM meter_reading_revisions WHERE meter_id = $1 AND ts >= $2 AND ts < $3
    UNION ALL
    SELECT meter_id, ts, interval_s, consumption_kw, production_kw, known_at, true
    FROM smart_meter_readings WHERE meter_id = $1 AND ts >= $2 AND ts < $3
) AS v JOIN hours ON date_bin('1 hour', v.ts, 'epoch') = hours.hour
ORDER BY v.known_at, v.is_latest, v.ts";

/// Means of a quarter hour.
#[derive(QueryableByName)]
pub(in crate::facts::meters) struct QuarterRow {
    /// Start.
    #[diesel(sql_type = Timestamptz)]
    pub ts: DateTime<Utc>,
    /// When its last reading became known.
    #[diesel(sql_type = Timestamptz)]
    pub known_at: DateTime<Utc>,
    /// Taken, in kW.
    #[diesel(sql_type = Nullable<Double>)]
    pub consumption_kw: Option<f64>,
    /// Given, in kW.
    #[diesel(sql_type = Nullable<Double>)]
    pub production_kw: Option<f64>,
}

/// One version of a reading.
#[derive(QueryableByName)]
pub(in crate::facts::meters) struct VersionRow {
    /// Start.
    #[diesel(sql_type = Timestamptz)]
    pub ts: DateTime<Utc>,
    /// Length in seconds.
    #[diesel(sql_type = Integer)]
    pub interval_s: i32,
    /// Taken, in kW.
    #[diesel(sql_type = Nullable<Double>)]
    pub consumption_kw: Option<f64>,
    /// Given, in kW.
    #[diesel(sql_type = Nullable<Double>)]
    pub production_kw: Option<f64>,
    /// When it became known.
    #[diesel(sql_type = Timestamptz)]
    pub known_at: DateTime<Utc>,
}

/// Latest means of the quarter hours in `range`, oldest first; those without a row are absent.
pub(in crate::facts::meters) async fn quarters(
    conn: &mut Conn,
    meter_id: &str,
    range: TimeRange,
) -> QueryResult<Vec<QuarterRow>> {
    let query = diesel::sql_query(QUARTERS).bind::<Text, _>(meter_id);
    query.bind::<Timestamptz, _>(range.from).bind::<Timestamptz, _>(range.to).load(conn).await
}

/// Versions of the readings of revised hours in `range`, in the order in which they became known.
pub(in crate::facts::meters) async fn revised(
    conn: &mut Conn,
    meter_id: &str,
    range: TimeRange,
) -> QueryResult<Vec<VersionRow>> {
    let query = diesel::sql_query(REVISED).bind::<Text, _>(meter_id);
    query.bind::<Timestamptz, _>(range.from).bind::<Timestamptz, _>(range.to).load(conn).await
}
