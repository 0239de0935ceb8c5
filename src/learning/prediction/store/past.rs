//! Reads of runs long after they were issued: which ones there were, and their values as published.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Double, Float, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::ValueRow;
use crate::base::timeline::TimeRange;
use crate::learning::prediction::model::{ForecastValue, RunHead};
use crate::platform::db::Conn;

/// Most runs of one question: one every fifteen minutes for more than a year.
const RUNS_MAX: i64 = 50_000;

/// Runs of series `$1` that were issued from `$2` on and before `$3`: one walk along the index of the
/// series.
const HEADS: &str = "\
SELECT run_id, model_id, model_label, issued_at, known_until, inputs_hash
FROM forecast_runs
WHERE series = $1 AND issued_at >= $2 AND issued_at < $3
ORDER BY issued_at, created_at, run_id
LIMIT $4";

/// Values of the runs `$1` from `$2` on and before `$3`, of lead day `$4` or of all: one walk along the
/// key's index per run.
const VALUES: &str = "\
SELECT run_id, ts, interval_s, lead_day, mean, quantiles
FROM forecast_values
WHERE run_id = ANY($1) AND ts >= $2 AND ts < $3 AND ($4 IS NULL OR lead_day = $4)
ORDER BY run_id, ts";

#[derive(QueryableByName)]
struct HeadRow {
    #[diesel(sql_type = SqlUuid)]
    run_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    model_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    model_label: String,
    #[diesel(sql_type = Timestamptz)]
    issued_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    known_until: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    inputs_hash: String,
}

#[derive(QueryableByName)]
struct PastRow {
    #[diesel(sql_type = SqlUuid)]
    run_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    ts: DateTime<Utc>,
    #[diesel(sql_type = Integer)]
    interval_s: i32,
    #[diesel(sql_type = SmallInt)]
    lead_day: i16,
    #[diesel(sql_type = Double)]
    mean: f64,
    #[diesel(sql_type = Array<Float>)]
    quantiles: Vec<f32>,
}

/// Runs of a series that were issued in `range`, in the order in which they were.
pub(in crate::learning::prediction) async fn heads(
    conn: &mut Conn,
    series: &str,
    range: TimeRange,
) -> QueryResult<Vec<RunHead>> {
    let rows: Vec<HeadRow> = diesel::sql_query(HEADS)
        .bind::<Text, _>(series)
        .bind::<Timestamptz, _>(range.from)
        .bind::<Timestamptz, _>(range.to)
        .bind::<BigInt, _>(RUNS_MAX)
        .load(conn)
        .await?;
    let head = |row: HeadRow| RunHead {
        run_id: row.run_id,
        model_id: row.model_id,
        model_label: row.model_label,
        issued_at: row.issued_at,
        known_until: row.known_until,
        inputs_hash: row.inputs_hash,
    };
    Ok(rows.into_iter().map(head).collect())
}

/// Values of several runs in `range`, of one lead day or of all, in the order of runs and instants.
pub(in crate::learning::prediction) async fn values_of(
    conn: &mut Conn,
    runs: &[Uuid],
    range: TimeRange,
    lead_day: Option<i16>,
) -> QueryResult<Vec<(Uuid, ForecastValue)>> {
    let rows: Vec<PastRow> = diesel::sql_query(VALUES)
        .bind::<Array<SqlUuid>, _>(runs)
        .bind::<Timestamptz, _>(range.from)
        .bind::<Timestamptz, _>(range.to)
        .bind::<Nullable<SmallInt>, _>(lead_day)
        .load(conn)
        .await?;
    let value = |row: PastRow| {
        let PastRow { run_id, ts, interval_s, lead_day, mean, quantiles } = row;
        (run_id, ValueRow { ts, interval_s, lead_day, mean, quantiles }.into())
    };
    Ok(rows.into_iter().map(value).collect())
}

#[cfg(test)]
mod tests {
    use diesel_async::SimpleAsyncConnection;

    use super::*;
    use crate::testing::{TestDb, utc};

    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text)]
        #[diesel(column_name = "QUERY PLAN")]
        line: String,
    }

    /// Four series with a run every quarter of an hour for 50 days, every tenth with a week of values.
    const MANY: &str = "
        INSERT INTO forecast_runs (run_id, series, market, product, model_label, issued_at,
            known_until, created_at, inputs_hash)
        SELECT gen_random_uuid(), 'price:' || m || ':day_ahead', m, 'day_ahead', 'x', t, t, t, ''
        FROM unnest(ARRAY['CH', 'AT', 'FR', 'DE-LU']) AS m,
            generate_series('2026-01-01'::timestamptz, '2026-02-19', '15 minutes') AS t;
        INSERT INTO forecast_values (run_id, ts, interval_s, lead_day, mean, quantiles)
        SELECT run_id, issued_at + h * interval '1 hour', 3600, h / 24 + 1, 1, '{1,1,1,1,1,1,1}'
        FROM (SELECT run_id, issued_at FROM forecast_runs WHERE extract(minute FROM issued_at) = 0
            AND extract(hour FROM issued_at) IN (3, 15)) AS r, generate_series(0, 167) AS h;
        ANALYZE forecast_runs, forecast_values;";

    #[tokio::test]
    async fn past_runs_and_their_values_are_found_by_index() {
        let db = TestDb::new().await;
        let mut conn = db.db().conn().await.unwrap();
        conn.batch_execute(MANY).await.unwrap();
        let range = TimeRange::new(utc("2026-02-01T00:00:00Z"), utc("2026-02-04T00:00:00Z"));
        let found = heads(&mut conn, "price:CH:day_ahead", range).await.unwrap();
        assert_eq!(found.len(), 3 * 96);
        assert!(found.is_sorted_by_key(|run| run.issued_at));
        let with_values = |run: &&RunHead| {
            matches!(run.issued_at.format("%H:%M").to_string().as_str(), "03:00" | "15:00")
        };
        let runs: Vec<Uuid> = found.iter().filter(with_values).map(|run| run.run_id).collect();
        assert_eq!(runs.len(), 6);
        let second = values_of(&mut conn, &runs, range, Some(2)).await.unwrap();
        // Day 2 of the runs of the 1st at 3 and 15 lies within whole, of those of the 2nd 21 and 9 hours.
        assert_eq!(second.len(), 24 + 24 + 21 + 9);

        let plan: Vec<Line> = diesel::sql_query(format!("EXPLAIN {HEADS}"))
            .bind::<Text, _>("price:CH:day_ahead")
            .bind::<Timestamptz, _>(range.from)
            .bind::<Timestamptz, _>(range.to)
            .bind::<BigInt, _>(RUNS_MAX)
            .load(&mut conn)
            .await
            .unwrap();
        let heads_plan: String = plan.into_iter().map(|row| row.line + "\n").collect();
        let plan: Vec<Line> = diesel::sql_query(format!("EXPLAIN {VALUES}"))
            .bind::<Array<SqlUuid>, _>(&runs)
            .bind::<Timestamptz, _>(range.from)
            .bind::<Timestamptz, _>(range.to)
            .bind::<Nullable<SmallInt>, _>(None::<i16>)
            .load(&mut conn)
            .await
            .unwrap();
        let values_plan: String = plan.into_iter().map(|row| row.line + "\n").collect();
        for (plan, index) in
            [(heads_plan, "forecast_runs_latest"), (values_plan, "forecast_values_pkey")]
        {
            assert!(plan.contains(index) && !plan.contains("Seq Scan"), "{plan}");
        }
    }
}
