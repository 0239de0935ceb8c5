//! SQL that joins predictions with what came true, and reads the pairs.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Double, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::platform::db::Conn;

/// Joins predictions of a series with its truth; a truth that was restated replaces the score, and
/// the score it replaces is kept. Answers how many predictions have a new score.
pub(in crate::learning::serving) async fn join_truth(
    conn: &mut Conn,
    series: &str,
    truth: &[(DateTime<Utc>, f64)],
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    let (instants, values): (Vec<DateTime<Utc>>, Vec<f64>) = truth.iter().copied().unzip();
    // One statement: what is read, kept and replaced is of one moment.
    diesel::sql_query(
        "WITH due AS (
             SELECT p.prediction_id, p.made_at, p.actual, p.scored_at,
                 CASE WHEN p.event_above IS NOT NULL THEN (t.value > p.event_above)::int::float8
                      WHEN p.event_below IS NOT NULL THEN (t.value < p.event_below)::int::float8
                      ELSE t.value END AS truth
             FROM predictions p JOIN unnest($2, $3) AS t (ts, value) ON p.target_ts = t.ts
             WHERE p.series = $1
         ), changed AS (
             SELECT * FROM due WHERE actual IS DISTINCT FROM truth
         ), kept AS (
             INSERT INTO prediction_scores_replaced (prediction_id, made_at, actual, scored_at, replaced_at)
             SELECT prediction_id, made_at, actual, scored_at, $4 FROM changed WHERE actual IS NOT NULL
             ON CONFLICT DO NOTHING
         )
         UPDATE predictions p SET actual = changed.truth, scored_at = $4 FROM changed
         WHERE p.prediction_id = changed.prediction_id AND p.made_at = changed.made_at",
    )
    .bind::<Text, _>(series)
    .bind::<Array<Timestamptz>, _>(instants)
    .bind::<Array<Double>, _>(values)
    .bind::<Timestamptz, _>(now)
    .execute(conn)
    .await
}

/// What two models said about the same instant, and what came true.
#[derive(Debug, Clone, Copy, PartialEq, QueryableByName)]
pub(in crate::learning::serving) struct Pair {
    #[diesel(sql_type = Timestamptz)]
    pub target_ts: DateTime<Utc>,
    /// What the champion said: a value or a probability.
    #[diesel(sql_type = Double)]
    pub champion: f64,
    /// What the challenger said.
    #[diesel(sql_type = Double)]
    pub challenger: f64,
    #[diesel(sql_type = Double)]
    pub actual: f64,
}

/// Pairs since `since`, oldest first: of each model what it said last before the instant, both from
/// the same local day, so that neither knows more than the other.
pub(in crate::learning::serving) async fn pairs(
    conn: &mut Conn,
    (champion, challenger): (Uuid, Uuid),
    series: &str,
    since: DateTime<Utc>,
) -> QueryResult<Vec<Pair>> {
    diesel::sql_query(
        "WITH last AS (
             SELECT DISTINCT ON (model_id, target_ts, inputs_at)
                 model_id, target_ts, coalesce(value, probability) AS said, actual, inputs_at
             FROM (
                 SELECT *, made_at AS inputs_at FROM predictions
                 WHERE series = $3 AND model_id IN ($1, $2) AND target_ts >= $4
                     AND actual IS NOT NULL AND made_at < target_ts AND inputs_hash IS NOT NULL
             ) AS scored
             ORDER BY model_id, target_ts, inputs_at DESC
         )
         SELECT DISTINCT ON (a.target_ts)
             a.target_ts, a.said AS champion, b.said AS challenger, a.actual
         FROM last a JOIN last b USING (target_ts, inputs_at)
         WHERE a.model_id = $1 AND b.model_id = $2
         ORDER BY a.target_ts, a.inputs_at DESC
         LIMIT 200000",
    )
    .bind::<SqlUuid, _>(champion)
    .bind::<SqlUuid, _>(challenger)
    .bind::<Text, _>(series)
    .bind::<Timestamptz, _>(since)
    .load(conn)
    .await
}

/// How far a model was from the truth at an instant.
#[derive(Debug, Clone, Copy, PartialEq, QueryableByName)]
pub(in crate::learning::serving) struct Residual {
    #[diesel(sql_type = Timestamptz)]
    pub target_ts: DateTime<Utc>,
    #[diesel(sql_type = Double)]
    pub residual: f64,
}

/// Residuals of a model since `since`, oldest first, of what it said last before each instant.
pub(in crate::learning::serving) async fn residuals(
    conn: &mut Conn,
    model_id: Uuid,
    series: &str,
    since: DateTime<Utc>,
) -> QueryResult<Vec<Residual>> {
    diesel::sql_query(
        "SELECT DISTINCT ON (target_ts)
             target_ts, actual - coalesce(value, probability) AS residual
         FROM predictions
         WHERE series = $2 AND model_id = $1 AND target_ts >= $3
             AND actual IS NOT NULL AND made_at < target_ts
         ORDER BY target_ts, made_at DESC
         LIMIT 200000",
    )
    .bind::<SqlUuid, _>(model_id)
    .bind::<Text, _>(series)
    .bind::<Timestamptz, _>(since)
    .load(conn)
    .await
}
