//! SQL of the tables `predictions` and `prediction_scores_replaced`.

mod age;
mod keys;
mod scores;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

pub(super) use self::age::{count_old, forget_some, truths};
pub(super) use self::keys::{bundle_key, put_bundle_key};
pub(super) use self::scores::{Pair, Residual, join_truth, pairs, residuals};
use super::model::{PredictionFilter, PredictionRecord};
use crate::platform::db::Conn;
use crate::platform::db::schema::predictions;

/// A prediction as it is stored.
#[derive(Debug, Clone, PartialEq, Queryable, QueryableByName, Selectable, Insertable)]
#[diesel(table_name = predictions)]
pub(super) struct PredictionRow {
    pub prediction_id: Uuid,
    pub model_id: Uuid,
    pub series: String,
    pub role: String,
    pub made_at: DateTime<Utc>,
    pub target_ts: Option<DateTime<Utc>>,
    pub value: Option<f64>,
    pub quantiles: Option<Vec<f32>>,
    pub probability: Option<f64>,
    pub threshold: Option<f64>,
    pub event_above: Option<f64>,
    pub event_below: Option<f64>,
    pub features_hash: String,
    pub inputs_hash: Option<String>,
    pub actual: Option<f64>,
    pub scored_at: Option<DateTime<Utc>>,
}

/// Stores rows; those that are there already are left as they are.
pub(super) async fn insert(
    conn: &mut Conn,
    rows: &[&PredictionRow],
    rows_max: usize,
) -> QueryResult<()> {
    // One row is a statement that the connection keeps prepared.
    if let [row] = rows {
        let insert = diesel::insert_into(predictions::table).values(*row);
        insert.on_conflict_do_nothing().execute(conn).await?;
        return Ok(());
    }
    for part in rows.chunks(rows_max) {
        let insert = diesel::insert_into(predictions::table).values(part.to_vec());
        insert.on_conflict_do_nothing().execute(conn).await?;
    }
    Ok(())
}

/// Predictions that fit `filter`, newest first, after the position `before`.
pub(super) async fn list(
    conn: &mut Conn,
    filter: &PredictionFilter,
    before: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<PredictionRecord>> {
    let mut query = predictions::table.select(PredictionRow::as_select()).into_boxed();
    if let Some(series) = &filter.series {
        query = query.filter(predictions::series.eq(series.clone()));
    }
    if let Some(model_id) = filter.model_id {
        query = query.filter(predictions::model_id.eq(model_id));
    }
    if let Some(from) = filter.from {
        query = query.filter(predictions::made_at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(predictions::made_at.lt(to));
    }
    if let Some((at, id)) = before {
        query = query.filter(
            predictions::made_at
                .lt(at)
                .or(predictions::made_at.eq(at).and(predictions::prediction_id.lt(id))),
        );
    }
    let rows: Vec<PredictionRow> = query
        .order((predictions::made_at.desc(), predictions::prediction_id.desc()))
        .limit(limit)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(PredictionRecord::from).collect())
}

/// What each of `models` said last about a series: all that it said at that instant.
pub(super) async fn latest(
    conn: &mut Conn,
    series: &str,
    models: &[Uuid],
) -> QueryResult<Vec<PredictionRecord>> {
    let rows: Vec<PredictionRow> = diesel::sql_query(
        "SELECT p.* FROM unnest($2) AS m (model_id)
         CROSS JOIN LATERAL (
             SELECT made_at FROM predictions
             WHERE model_id = m.model_id AND series = $1
             ORDER BY made_at DESC, prediction_id DESC LIMIT 1
         ) AS newest
         JOIN predictions AS p ON p.model_id = m.model_id AND p.made_at = newest.made_at
             AND p.series = $1
         ORDER BY p.role, p.model_id, p.target_ts, p.prediction_id LIMIT 5000",
    )
    .bind::<Text, _>(series)
    .bind::<Array<SqlUuid>, _>(models)
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(PredictionRecord::from).collect())
}

/// Hash of the inputs that each of `models` saw when it last predicted a series ahead.
pub(super) async fn last_inputs(
    conn: &mut Conn,
    series: &str,
    models: &[Uuid],
) -> QueryResult<Vec<(Uuid, String)>> {
    #[derive(QueryableByName)]
    struct Last {
        #[diesel(sql_type = SqlUuid)]
        model_id: Uuid,
        #[diesel(sql_type = Text)]
        inputs_hash: String,
    }
    let rows: Vec<Last> = diesel::sql_query(
        "SELECT m.model_id, newest.inputs_hash FROM unnest($2) AS m (model_id)
         CROSS JOIN LATERAL (
             SELECT inputs_hash FROM predictions
             WHERE model_id = m.model_id AND series = $1 AND inputs_hash IS NOT NULL
             ORDER BY made_at DESC, prediction_id DESC LIMIT 1
         ) AS newest",
    )
    .bind::<Text, _>(series)
    .bind::<Array<SqlUuid>, _>(models)
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.model_id, row.inputs_hash)).collect())
}

impl From<PredictionRow> for PredictionRecord {
    fn from(row: PredictionRow) -> Self {
        let prediction = row
            .probability
            .map(|probability| u8::from(probability >= row.threshold.unwrap_or(0.5)));
        Self {
            prediction_id: row.prediction_id,
            model_id: row.model_id,
            series: row.series,
            role: row.role,
            made_at: row.made_at,
            target_ts: row.target_ts,
            value: row.value,
            quantiles: row.quantiles,
            prediction,
            probability: row.probability,
            threshold: row.threshold,
            features_hash: row.features_hash,
            actual: row.actual,
            scored_at: row.scored_at,
        }
    }
}
