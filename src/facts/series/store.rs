//! SQL of series and observations.

mod write; // bulk upsert
mod copy; // the same through COPY

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

pub(super) use self::copy::put_by_copy;
pub(super) use self::write::put;
use super::model::{Series, SeriesSpec};
use crate::base::ids::Market;
use crate::base::timeline::{AsOf, TimeRange};
use crate::platform::db::Conn;
use crate::platform::db::schema::{observations, series};

#[derive(Queryable, Selectable)]
#[diesel(table_name = series)]
struct SeriesRow {
    series_id: i32,
    name: String,
    unit: String,
    source: String,
    market: Option<String>,
    resolution_s: i32,
    attribution: String,
    is_feature: bool,
}

impl From<SeriesRow> for Series {
    fn from(row: SeriesRow) -> Self {
        let spec = SeriesSpec {
            name: row.name,
            unit: row.unit,
            source: row.source,
            market: row.market.and_then(|code| Market::parse(&code).ok()),
            resolution_s: row.resolution_s,
            attribution: row.attribution,
            is_feature: row.is_feature,
        };
        Self { series_id: row.series_id, spec }
    }
}

/// The series of a name.
pub(super) async fn series_by_name(conn: &mut Conn, name: &str) -> QueryResult<Option<Series>> {
    let row: Option<SeriesRow> = series::table
        .filter(series::name.eq(name))
        .select(SeriesRow::as_select())
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(Series::from))
}

/// Registers a series; another process may do the same at the same time.
pub(super) async fn add_series(conn: &mut Conn, spec: &SeriesSpec) -> QueryResult<Series> {
    let row: SeriesRow = diesel::insert_into(series::table)
        .values((
            series::name.eq(&spec.name),
            series::unit.eq(&spec.unit),
            series::source.eq(&spec.source),
            series::market.eq(spec.market.as_ref().map(Market::code)),
            series::resolution_s.eq(spec.resolution_s),
            series::attribution.eq(&spec.attribution),
            series::is_feature.eq(spec.is_feature),
        ))
        .on_conflict(series::name)
        .do_update()
        // Sets what is there already, since only a row that is written is returned.
        .set(series::name.eq(&spec.name))
        .returning(SeriesRow::as_returning())
        .get_result(conn)
        .await?;
    Ok(row.into())
}

/// How many series have become known within a day, by the clock of the database.
pub(super) async fn made_today(conn: &mut Conn) -> QueryResult<i64> {
    let yesterday = diesel::dsl::sql::<diesel::sql_types::Timestamptz>("now() - interval '1 day'");
    series::table.filter(series::created_at.gt(yesterday)).count().get_result(conn).await
}

/// Series of a market, by name; a market has a handful.
pub(super) async fn series_of_market(conn: &mut Conn, market: &Market) -> QueryResult<Vec<Series>> {
    let rows: Vec<SeriesRow> = series::table
        .filter(series::market.eq(market.code()))
        .order(series::name)
        .limit(1_000)
        .select(SeriesRow::as_select())
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(Series::from).collect())
}

/// The last value of each instant that was known at `as_of`, oldest instant first.
pub(super) async fn values_as_of(
    conn: &mut Conn,
    series_id: i32,
    range: TimeRange,
    as_of: AsOf,
) -> QueryResult<Vec<(DateTime<Utc>, f64)>> {
    observations::table
        .filter(observations::series_id.eq(series_id))
        .filter(observations::ts.ge(range.from))
        .filter(observations::ts.lt(range.to))
        .filter(observations::known_at.le(as_of.0))
        .distinct_on(observations::ts)
        .order((observations::ts, observations::known_at.desc()))
        .select((observations::ts, observations::value))
        .load(conn)
        .await
}

/// Removes values of instants before `before`, or only counts them.
pub(super) async fn forget(
    conn: &mut Conn,
    before: DateTime<Utc>,
    dry_run: bool,
) -> QueryResult<usize> {
    let old = observations::table.filter(observations::ts.lt(before));
    if dry_run {
        let rows: i64 = old.count().get_result(conn).await?;
        return Ok(usize::try_from(rows).unwrap_or_default());
    }
    diesel::delete(old).execute(conn).await
}

/// All publications in `range`, by instant, then as published.
pub(super) async fn history(
    conn: &mut Conn,
    series_id: i32,
    range: TimeRange,
) -> QueryResult<Vec<(DateTime<Utc>, DateTime<Utc>, f64)>> {
    observations::table
        .filter(observations::series_id.eq(series_id))
        .filter(observations::ts.ge(range.from))
        .filter(observations::ts.lt(range.to))
        .order((observations::ts, observations::known_at))
        .select((observations::ts, observations::known_at, observations::value))
        .load(conn)
        .await
}
