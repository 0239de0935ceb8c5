//! SQL of market prices.

mod rows; // rows and arrays between the database and values
mod write; // bulk upsert with revisions
mod copy; // the same through COPY

use diesel::dsl::{count_star, max, min};
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Timestamptz};
use diesel_async::RunQueryDsl;

pub(super) use self::copy::put_by_copy;
pub(super) use self::rows::Batch;
use self::rows::PriceRow;
pub(super) use self::write::put;
use super::model::{Coverage, Newest, PricePoint};
use crate::base::ids::{Market, Product};
use crate::base::timeline::{AsOf, TimeRange};
use crate::platform::db::Conn;
use crate::platform::db::schema::{market_price_revisions, market_prices};

/// Latest prices with `range.from <= ts < range.to`, oldest first.
pub(super) async fn prices(
    conn: &mut Conn,
    market: &Market,
    product: Product,
    range: TimeRange,
) -> QueryResult<Vec<PricePoint>> {
    let rows: Vec<PriceRow> = market_prices::table
        .filter(market_prices::market.eq(market.code()))
        .filter(market_prices::product.eq(product.name()))
        .filter(market_prices::ts.ge(range.from))
        .filter(market_prices::ts.lt(range.to))
        .order(market_prices::ts)
        .select((
            market_prices::ts,
            market_prices::interval_s,
            market_prices::price_eur_mwh,
            market_prices::volume,
            market_prices::quality,
            market_prices::known_at,
            market_prices::known_at_assumed,
            market_prices::source,
        ))
        .load(conn)
        .await?;
    rows.into_iter().map(PricePoint::try_from).collect()
}

/// Replaced prices with `range.from <= ts < range.to`, oldest instant first, then as replaced.
pub(super) async fn revisions(
    conn: &mut Conn,
    market: &Market,
    product: Product,
    range: TimeRange,
) -> QueryResult<Vec<PricePoint>> {
    use market_price_revisions as revisions;
    let rows: Vec<PriceRow> = revisions::table
        .filter(revisions::market.eq(market.code()))
        .filter(revisions::product.eq(product.name()))
        .filter(revisions::ts.ge(range.from))
        .filter(revisions::ts.lt(range.to))
        .order((revisions::ts, revisions::known_at, revisions::replaced_at))
        .select((
            revisions::ts,
            revisions::interval_s,
            revisions::price_eur_mwh,
            revisions::volume,
            revisions::quality,
            revisions::known_at,
            revisions::known_at_assumed,
            revisions::source,
        ))
        .load(conn)
        .await?;
    rows.into_iter().map(PricePoint::try_from).collect()
}

/// The value of each instant that was known last at `as_of`; of two known at once, the later written.
const PRICES_AS_OF: &str = "\
SELECT DISTINCT ON (ts)
       ts, interval_s, price_eur_mwh, volume, quality, known_at, known_at_assumed, source
FROM (
    SELECT ts, interval_s, price_eur_mwh, volume, quality, known_at, known_at_assumed, source,
           'infinity'::timestamptz AS replaced_at
    FROM market_prices
    WHERE market = $1 AND product = $2 AND ts >= $3 AND ts < $4 AND known_at <= $5
    UNION ALL
    SELECT ts, interval_s, price_eur_mwh, volume, quality, known_at, known_at_assumed, source,
           replaced_at
    FROM market_price_revisions
    WHERE market = $1 AND product = $2 AND ts >= $3 AND ts < $4 AND known_at <= $5
) AS known
ORDER BY ts, known_at DESC, replaced_at DESC";

/// Prices in `range` as known at `as_of`, oldest first.
pub(super) async fn prices_as_of(
    conn: &mut Conn,
    market: &Market,
    product: Product,
    range: TimeRange,
    as_of: AsOf,
) -> QueryResult<Vec<PricePoint>> {
    let rows: Vec<PriceRow> = diesel::sql_query(PRICES_AS_OF)
        .bind::<Text, _>(market.code())
        .bind::<Text, _>(product.name())
        .bind::<Timestamptz, _>(range.from)
        .bind::<Timestamptz, _>(range.to)
        .bind::<Timestamptz, _>(as_of.0)
        .load(conn)
        .await?;
    rows.into_iter().map(PricePoint::try_from).collect()
}

/// The newest price per market and product: one look into the key's index each, not a scan.
pub(super) async fn newest(conn: &mut Conn) -> QueryResult<Vec<Newest>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        market: String,
        #[diesel(sql_type = Text)]
        product: String,
        #[diesel(sql_type = Timestamptz)]
        last: Instant,
    }
    let products: Vec<&str> = Product::ALL.iter().map(|product| product.name()).collect();
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT m.market, p.product, newest.last
         FROM unnest($1) AS m (market), unnest($2) AS p (product), LATERAL (
             SELECT ts AS last FROM market_prices AS price
             WHERE price.market = m.market AND price.product = p.product
             ORDER BY ts DESC LIMIT 1) AS newest",
    )
    .bind::<Array<Text>, _>(Market::KNOWN)
    .bind::<Array<Text>, _>(products)
    .load(conn)
    .await?;
    let known = rows.into_iter().filter_map(|row| {
        let market = Market::parse(&row.market).ok()?;
        Some(Newest { market, product: Product::parse(&row.product)?, last: row.last })
    });
    Ok(known.collect())
}

/// What is stored, per market and product, in that order.
pub(super) async fn coverage(conn: &mut Conn) -> QueryResult<Vec<Coverage>> {
    type Row = ((String, String, i64), (Option<Instant>, Option<Instant>, Option<Instant>));
    let query = market_prices::table
        .group_by((market_prices::market, market_prices::product))
        .order((market_prices::market, market_prices::product))
        .select((
            (market_prices::market, market_prices::product, count_star()),
            (max(market_prices::known_at), min(market_prices::ts), max(market_prices::ts)),
        ));
    let rows: Vec<Row> = query.load(conn).await?;
    // A row of a market this program cannot name is none of its business.
    let known = rows.into_iter().filter_map(|((market, product, rows), instants)| {
        let (newest_known_at, first, last) = instants;
        Some(Coverage {
            market: Market::parse(&market).ok()?,
            product: Product::parse(&product)?,
            first: first?,
            last: last?,
            rows,
            newest_known_at: newest_known_at?,
        })
    });
    Ok(known.collect())
}

/// Number of rows.
pub(super) async fn count(conn: &mut Conn) -> QueryResult<i64> {
    market_prices::table.count().get_result(conn).await
}

type Instant = chrono::DateTime<chrono::Utc>;
