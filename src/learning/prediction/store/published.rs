//! Runs of series that are no prices: those without a market.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use super::{ValueRow, put_values};
use crate::learning::prediction::published::{SeriesRun, SeriesValue};
use crate::platform::db::Conn;
use crate::platform::db::schema::forecast_runs;
use crate::platform::db::schema::forecast_values;

/// Most scores of one question: one every hour for two months.
const SCORES_MAX: i64 = 1_500;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = forecast_runs)]
struct Row {
    run_id: Uuid,
    series: String,
    model_label: String,
    issued_at: DateTime<Utc>,
    known_until: DateTime<Utc>,
    inputs_hash: String,
    detail: Option<Value>,
    score: Option<Value>,
    scored_at: Option<DateTime<Utc>>,
}

impl From<Row> for SeriesRun {
    fn from(row: Row) -> Self {
        Self {
            run_id: row.run_id,
            series: row.series,
            model_label: row.model_label,
            issued_at: row.issued_at,
            known_until: row.known_until,
            inputs_hash: row.inputs_hash,
            detail: row.detail.unwrap_or_default(),
            score: row.score,
            scored_at: row.scored_at,
        }
    }
}

/// Stores a run with its values; the caller holds a transaction.
pub(in crate::learning::prediction) async fn put_run(
    conn: &mut Conn,
    run: &SeriesRun,
    values: &[SeriesValue],
) -> QueryResult<()> {
    let row = (
        forecast_runs::run_id.eq(run.run_id),
        forecast_runs::series.eq(&run.series),
        forecast_runs::model_label.eq(&run.model_label),
        forecast_runs::issued_at.eq(run.issued_at),
        forecast_runs::known_until.eq(run.known_until),
        forecast_runs::created_at.eq(run.issued_at),
        forecast_runs::inputs_hash.eq(&run.inputs_hash),
        forecast_runs::detail.eq(&run.detail),
    );
    diesel::insert_into(forecast_runs::table).values(row).execute(conn).await?;
    let rows = values.iter().map(|value| ValueRow {
        ts: value.ts,
        interval_s: value.interval_s,
        lead_day: value.lead_day,
        mean: value.mean,
        quantiles: value.quantiles.to_vec(),
    });
    put_values(conn, run.run_id, &rows.collect::<Vec<_>>()).await
}

/// The newest run of a series, of those issued by `as_of` where it is given.
pub(in crate::learning::prediction) async fn latest_of(
    conn: &mut Conn,
    series: &str,
    as_of: Option<DateTime<Utc>>,
) -> QueryResult<Option<SeriesRun>> {
    let mut query = forecast_runs::table
        .filter(forecast_runs::series.eq(series))
        .filter(forecast_runs::market.is_null())
        .select(Row::as_select())
        .into_boxed();
    if let Some(as_of) = as_of {
        query = query.filter(forecast_runs::issued_at.le(as_of));
    }
    let order = (
        forecast_runs::issued_at.desc(),
        forecast_runs::created_at.desc(),
        forecast_runs::run_id.desc(),
    );
    let row: Option<Row> = query.order(order).first(conn).await.optional()?;
    Ok(row.map(SeriesRun::from))
}

/// Values of a run, oldest first.
pub(in crate::learning::prediction) async fn values_of_run(
    conn: &mut Conn,
    run_id: Uuid,
) -> QueryResult<Vec<SeriesValue>> {
    let rows: Vec<ValueRow> = forecast_values::table
        .filter(forecast_values::run_id.eq(run_id))
        .order(forecast_values::ts)
        .limit(10_000)
        .select(ValueRow::as_select())
        .load(conn)
        .await?;
    let value = |row: ValueRow| {
        // The table's CHECK holds seven quantiles a row.
        let mut quantiles = [0.0; 7];
        quantiles.iter_mut().zip(row.quantiles).for_each(|(to, from)| *to = from);
        let ValueRow { ts, interval_s, lead_day, mean, .. } = row;
        SeriesValue { ts, interval_s, lead_day, mean, quantiles }
    };
    Ok(rows.into_iter().map(value).collect())
}

/// Runs that wait for a score: as `Published::due` says.
pub(in crate::learning::prediction) async fn due(
    conn: &mut Conn,
    (first, last): (DateTime<Utc>, DateTime<Utc>),
    limit: i64,
) -> QueryResult<Vec<SeriesRun>> {
    let is_due = forecast_runs::issued_at
        .lt(last)
        .or(forecast_runs::issued_at.lt(first).and(forecast_runs::score.is_null()));
    let rows: Vec<Row> = forecast_runs::table
        .filter(forecast_runs::market.is_null())
        .filter(forecast_runs::scored_at.is_null())
        .filter(is_due)
        .order((forecast_runs::issued_at, forecast_runs::run_id))
        .limit(limit)
        .select(Row::as_select())
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(SeriesRun::from).collect())
}

/// Writes a score and whether it is the last.
pub(in crate::learning::prediction) async fn put_score_of(
    conn: &mut Conn,
    run_id: Uuid,
    score: Option<Value>,
    finished: Option<DateTime<Utc>>,
) -> QueryResult<usize> {
    diesel::update(forecast_runs::table.find(run_id))
        .set((forecast_runs::score.eq(score), forecast_runs::scored_at.eq(finished)))
        .execute(conn)
        .await
}

/// Scores of a series' runs since an instant, newest first.
pub(in crate::learning::prediction) async fn scored_since(
    conn: &mut Conn,
    series: &str,
    since: DateTime<Utc>,
) -> QueryResult<Vec<Value>> {
    let scores: Vec<Option<Value>> = forecast_runs::table
        .filter(forecast_runs::series.eq(series))
        .filter(forecast_runs::issued_at.ge(since))
        .filter(forecast_runs::score.is_not_null())
        .order(forecast_runs::issued_at.desc())
        .limit(SCORES_MAX)
        .select(forecast_runs::score)
        .load(conn)
        .await?;
    Ok(scores.into_iter().flatten().collect())
}

/// Removes values of scored runs without a market that were issued before an instant.
pub(in crate::learning::prediction) async fn prune(
    conn: &mut Conn,
    before: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::sql_query(
        "DELETE FROM forecast_values AS v USING forecast_runs AS r
         WHERE v.run_id = r.run_id AND r.market IS NULL AND r.scored_at IS NOT NULL
             AND r.issued_at < $1",
    )
    .bind::<Timestamptz, _>(before)
    .execute(conn)
    .await
}
