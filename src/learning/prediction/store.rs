//! SQL of the tables `forecast_runs` and `forecast_values`.

mod past; // runs and values as they were published
mod published; // runs of series that are no prices

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Double, Float, Integer, SmallInt, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

pub(super) use self::past::{heads, values_of};
pub(super) use self::published::{
    due, latest_of, prune, put_run, put_score_of, scored_since, values_of_run,
};
use super::model::{ForecastRun, ForecastValue, RunScore};
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::platform::db::Conn;
use crate::platform::db::schema::forecast_runs;
use crate::platform::db::schema::forecast_values;

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = forecast_runs)]
struct RunRow {
    run_id: Uuid,
    series: String,
    /// Absent, with the product, of series that are no prices.
    market: Option<String>,
    product: Option<String>,
    model_id: Option<Uuid>,
    model_label: String,
    issued_at: DateTime<Utc>,
    known_until: DateTime<Utc>,
    created_at: DateTime<Utc>,
    inputs_hash: String,
    score: Option<serde_json::Value>,
    scored_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = forecast_values)]
struct ValueRow {
    ts: DateTime<Utc>,
    interval_s: i32,
    lead_day: i16,
    mean: f64,
    quantiles: Vec<f32>,
}

/// Stores a run with its values; the caller holds a transaction.
pub(super) async fn insert(
    conn: &mut Conn,
    run: &ForecastRun,
    values: &[ForecastValue],
) -> QueryResult<()> {
    let row = RunRow {
        run_id: run.run_id,
        series: run.series.clone(),
        market: Some(run.market.code().to_owned()),
        product: Some(run.product.name().to_owned()),
        model_id: run.model_id,
        model_label: run.model_label.clone(),
        issued_at: run.issued_at,
        known_until: run.known_until,
        created_at: run.created_at,
        inputs_hash: run.inputs_hash.clone(),
        score: None,
        scored_at: None,
    };
    diesel::insert_into(forecast_runs::table).values(row).execute(conn).await?;
    let rows = values.iter().map(|value| ValueRow {
        ts: value.ts,
        interval_s: value.interval_s,
        lead_day: value.lead_day,
        mean: value.price_eur_mwh,
        quantiles: value.quantiles_eur_mwh.to_vec(),
    });
    put_values(conn, run.run_id, &rows.collect::<Vec<_>>()).await
}

/// Stores the values of a run, seven quantiles each: one statement whatever the horizon, since quarter hours
/// over a week are 672 rows of 13 values.
async fn put_values(conn: &mut Conn, run_id: Uuid, rows: &[ValueRow]) -> QueryResult<()> {
    let quantiles: Vec<f32> = rows.iter().flat_map(|row| row.quantiles.iter().copied()).collect();
    diesel::sql_query(
        "INSERT INTO forecast_values (run_id, ts, interval_s, lead_day, mean, quantiles)
         SELECT $1, v.ts, v.interval_s, v.lead_day, v.mean, ($6::real[])[(v.n - 1) * 7 + 1 : v.n * 7]
         FROM unnest($2, $3, $4, $5) WITH ORDINALITY AS v (ts, interval_s, lead_day, mean, n)",
    )
    .bind::<SqlUuid, _>(run_id)
    .bind::<Array<Timestamptz>, _>(rows.iter().map(|row| row.ts).collect::<Vec<_>>())
    .bind::<Array<Integer>, _>(rows.iter().map(|row| row.interval_s).collect::<Vec<_>>())
    .bind::<Array<SmallInt>, _>(rows.iter().map(|row| row.lead_day).collect::<Vec<_>>())
    .bind::<Array<Double>, _>(rows.iter().map(|row| row.mean).collect::<Vec<_>>())
    .bind::<Array<Float>, _>(quantiles)
    .execute(conn)
    .await?;
    Ok(())
}

/// The newest run of a series: of all, or of those issued by `as_of`.
pub(super) async fn latest(
    conn: &mut Conn,
    series: &str,
    product: Product,
    as_of: Option<DateTime<Utc>>,
) -> QueryResult<Option<ForecastRun>> {
    let mut query = forecast_runs::table
        .filter(forecast_runs::series.eq(series.to_owned()))
        .filter(forecast_runs::product.eq(product.name()))
        .select(RunRow::as_select())
        .into_boxed();
    if let Some(as_of) = as_of {
        query = query.filter(forecast_runs::issued_at.le(as_of));
    }
    // Identifiers grow with time and part runs of the same instant.
    let order = (
        forecast_runs::issued_at.desc(),
        forecast_runs::created_at.desc(),
        forecast_runs::run_id.desc(),
    );
    let row: Option<RunRow> = query.order(order).first(conn).await.optional()?;
    Ok(row.and_then(RunRow::into_run))
}

/// Runs created before `before`, newest first.
pub(super) async fn runs(
    conn: &mut Conn,
    series: &str,
    before: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<ForecastRun>> {
    let mut query = forecast_runs::table
        .filter(forecast_runs::series.eq(series.to_owned()))
        .select(RunRow::as_select())
        .into_boxed();
    if let Some((at, id)) = before {
        query = query.filter(
            forecast_runs::created_at
                .lt(at)
                .or(forecast_runs::created_at.eq(at).and(forecast_runs::run_id.lt(id))),
        );
    }
    let rows: Vec<RunRow> = query
        .order((forecast_runs::created_at.desc(), forecast_runs::run_id.desc()))
        .limit(limit)
        .load(conn)
        .await?;
    Ok(rows.into_iter().filter_map(RunRow::into_run).collect())
}

/// Runs that were issued before `now` and are not scored to their end, oldest first, after the
/// position `after`.
pub(super) async fn unscored(
    conn: &mut Conn,
    now: DateTime<Utc>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<ForecastRun>> {
    let mut query = forecast_runs::table
        .filter(forecast_runs::market.is_not_null())
        .filter(forecast_runs::scored_at.is_null())
        .filter(forecast_runs::issued_at.lt(now))
        .select(RunRow::as_select())
        .into_boxed();
    if let Some((at, id)) = after {
        query = query.filter(
            forecast_runs::issued_at
                .gt(at)
                .or(forecast_runs::issued_at.eq(at).and(forecast_runs::run_id.gt(id))),
        );
    }
    let rows: Vec<RunRow> = query
        .order((forecast_runs::issued_at, forecast_runs::run_id))
        .limit(limit)
        .load(conn)
        .await?;
    Ok(rows.into_iter().filter_map(RunRow::into_run).collect())
}

/// Values of a run, oldest first.
pub(super) async fn values(conn: &mut Conn, run_id: Uuid) -> QueryResult<Vec<ForecastValue>> {
    let rows: Vec<ValueRow> = forecast_values::table
        .filter(forecast_values::run_id.eq(run_id))
        .order(forecast_values::ts)
        .limit(10_000)
        .select(ValueRow::as_select())
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(ForecastValue::from).collect())
}

pub(super) async fn put_score(
    conn: &mut Conn,
    run_id: Uuid,
    score: &RunScore,
    finished: Option<DateTime<Utc>>,
) -> QueryResult<usize> {
    diesel::update(forecast_runs::table.find(run_id))
        .set((
            forecast_runs::score.eq(serde_json::json!(score)),
            forecast_runs::scored_at.eq(finished),
        ))
        .execute(conn)
        .await
}

/// Closes a run whose truth never came.
pub(super) async fn close(conn: &mut Conn, run_id: Uuid, at: DateTime<Utc>) -> QueryResult<usize> {
    diesel::update(forecast_runs::table.find(run_id))
        .set(forecast_runs::scored_at.eq(at))
        .execute(conn)
        .await
}

pub(super) async fn count(conn: &mut Conn) -> QueryResult<i64> {
    forecast_runs::table.count().get_result(conn).await
}

impl RunRow {
    /// `None` for a market or product that this version no longer knows.
    fn into_run(self) -> Option<ForecastRun> {
        Some(ForecastRun {
            run_id: self.run_id,
            series: self.series,
            market: Market::parse(self.market.as_deref()?).ok()?,
            product: Product::parse(self.product.as_deref()?)?,
            model_id: self.model_id,
            model_label: self.model_label,
            issued_at: self.issued_at,
            known_until: self.known_until,
            is_stale: self.known_until < self.issued_at,
            created_at: self.created_at,
            inputs_hash: self.inputs_hash,
            score: self.score.and_then(|score| serde_json::from_value(score).ok()),
            scored_at: self.scored_at,
        })
    }
}

impl From<ValueRow> for ForecastValue {
    fn from(row: ValueRow) -> Self {
        // The table's CHECK holds seven quantiles a row.
        let mut quantiles_eur_mwh = [0.0; 7];
        quantiles_eur_mwh.iter_mut().zip(row.quantiles).for_each(|(to, from)| *to = from);
        Self {
            ts: row.ts,
            interval_s: row.interval_s,
            lead_day: row.lead_day,
            price_eur_mwh: row.mean,
            quantiles_eur_mwh,
        }
    }
}
