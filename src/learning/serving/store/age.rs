//! SQL of predictions that grow old, and of what came true of some.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Double, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::platform::db::Conn;

/// Most rows of one statement.
const PART: i64 = 20_000;

#[derive(QueryableByName)]
struct Truth {
    #[diesel(sql_type = SqlUuid)]
    prediction_id: Uuid,
    #[diesel(sql_type = Double)]
    actual: f64,
}

/// What came true of predictions, where it is known.
pub(in crate::learning::serving) async fn truths(
    conn: &mut Conn,
    about: &[(Uuid, DateTime<Utc>)],
) -> QueryResult<Vec<(Uuid, f64)>> {
    let (ids, made): (Vec<Uuid>, Vec<DateTime<Utc>>) = about.iter().copied().unzip();
    let rows: Vec<Truth> = diesel::sql_query(
        "SELECT p.prediction_id, p.actual FROM unnest($1, $2) AS a (prediction_id, made_at)
         JOIN predictions AS p USING (prediction_id, made_at)
         WHERE p.actual IS NOT NULL",
    )
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Timestamptz>, _>(made)
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.prediction_id, row.actual)).collect())
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Predictions made before an instant, but for `kept`.
pub(in crate::learning::serving) async fn count_old(
    conn: &mut Conn,
    before: DateTime<Utc>,
    kept: &[Uuid],
) -> QueryResult<i64> {
    let row: Count = diesel::sql_query(
        "SELECT count(*) AS count FROM predictions
         WHERE made_at < $1 AND prediction_id <> ALL ($2)",
    )
    .bind::<Timestamptz, _>(before)
    .bind::<Array<SqlUuid>, _>(kept)
    .get_result(conn)
    .await?;
    Ok(row.count)
}

/// Removes some of the predictions made before an instant, but for `kept`, with their replaced
/// scores; answers how many.
pub(in crate::learning::serving) async fn forget_some(
    conn: &mut Conn,
    before: DateTime<Utc>,
    kept: &[Uuid],
) -> QueryResult<usize> {
    diesel::sql_query(
        "WITH old AS (
             SELECT prediction_id, made_at FROM predictions
             WHERE made_at < $1 AND prediction_id <> ALL ($2) LIMIT $3
         ), scores AS (
             DELETE FROM prediction_scores_replaced AS s USING old
             WHERE s.prediction_id = old.prediction_id AND s.made_at = old.made_at
         )
         DELETE FROM predictions AS p USING old
         WHERE p.prediction_id = old.prediction_id AND p.made_at = old.made_at",
    )
    .bind::<Timestamptz, _>(before)
    .bind::<Array<SqlUuid>, _>(kept)
    .bind::<BigInt, _>(PART)
    .execute(conn)
    .await
}
