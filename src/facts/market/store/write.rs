//! Bulk upsert with revisions, through the pool or through COPY; the same SQL decides in both.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;

use super::rows::Batch;
use crate::base::ids::{Market, Product};
use crate::facts::changes::record;
use crate::facts::market::model::{PricePoint, Stored};
use crate::platform::db::Conn;

/// Rows per statement: larger ones are not faster, and hold eight arrays in memory on both sides.
const STATEMENT_ROWS_MAX: usize = 20_000;

/// Where the rows of a statement come from when they travel as arrays.
const ARRAYS: &str = "unnest($3::timestamptz[], $4::int[], $5::float8[], $6::float8[], $7::text[], \
     $8::timestamptz[], $9::bool[], $10::text[]) \
     AS n (ts, interval_s, price_eur_mwh, volume, quality, known_at, known_at_assumed, source)";
/// Writers of one product of one market take turns until their transaction ends, so that two of
/// them can neither lose a revision nor wait for each other's rows in a circle.
pub(super) const TAKE_TURN: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";

/// New instants; those that exist are left for [`replace`].
pub(super) fn insert(source: &str) -> String {
    format!(
        "INSERT INTO market_prices (market, product, ts, interval_s, price_eur_mwh, volume, \
             quality, known_at, known_at_assumed, source)
         SELECT $1::text, $2::text, n.ts, n.interval_s, n.price_eur_mwh, n.volume, n.quality, \
             n.known_at, n.known_at_assumed, n.source
         FROM {source}
         ON CONFLICT (market, product, ts) DO NOTHING"
    )
}

/// Values that give way: the old row becomes a revision, the new one takes its place. A value that
/// is stated again keeps the instant since which it is known, and notes when it was stated last:
/// what was published in between came before it, whenever it arrives.
///
/// All parts of the statement see the table as it was before, so `old` is what is replaced, and a
/// row that [`insert`] has just written equals its own point. Answers with the counts of rows
/// replaced, refused because they were known earlier, and equal.
///
/// Each row finds its old one by key (`OFFSET 0` keeps the look-up a look-up) and replaces it by
/// key. Left a choice, the planner takes a table that nobody has analysed yet for a tiny one and
/// compares every row with every other, which makes a second import of a year take seconds.
pub(super) fn replace(source: &str) -> String {
    format!(
        "WITH judged AS MATERIALIZED (
             SELECT n.*, old.interval_s AS old_interval_s, old.price_eur_mwh AS old_price,
                 old.volume AS old_volume, old.quality AS old_quality,
                 old.known_at AS old_known_at, old.known_at_assumed AS old_assumed,
                 old.source AS old_source,
                 (n.price_eur_mwh, n.volume, n.interval_s, n.quality) IS DISTINCT FROM
                     (old.price_eur_mwh, old.volume, old.interval_s, old.quality) AS differs,
                 n.known_at < coalesce(old.confirmed_at, old.known_at) AS is_older,
                 n.known_at > coalesce(old.confirmed_at, old.known_at) AS is_newer
             FROM {source} CROSS JOIN LATERAL (
                 SELECT * FROM market_prices p
                 WHERE p.market = $1::text AND p.product = $2::text AND p.ts = n.ts OFFSET 0
             ) AS old
         ), kept AS (
             INSERT INTO market_price_revisions (market, product, ts, interval_s, price_eur_mwh,
                 volume, quality, known_at, known_at_assumed, source)
             SELECT $1::text, $2::text, ts, old_interval_s, old_price, old_volume, old_quality,
                 old_known_at, old_assumed, old_source
             FROM judged WHERE differs AND NOT is_older
         ), written AS (
             INSERT INTO market_prices (market, product, ts, interval_s, price_eur_mwh, volume,
                 quality, known_at, known_at_assumed, source, confirmed_at)
             SELECT $1::text, $2::text, ts, interval_s, price_eur_mwh, volume, quality,
                 CASE WHEN differs THEN known_at ELSE old_known_at END,
                 CASE WHEN differs THEN known_at_assumed ELSE old_assumed END,
                 CASE WHEN differs THEN source ELSE old_source END,
                 CASE WHEN NOT differs THEN known_at END
             FROM judged WHERE CASE WHEN differs THEN NOT is_older ELSE is_newer END
             ON CONFLICT (market, product, ts) DO UPDATE
             SET interval_s = excluded.interval_s, price_eur_mwh = excluded.price_eur_mwh,
                 volume = excluded.volume, quality = excluded.quality,
                 known_at = excluded.known_at, known_at_assumed = excluded.known_at_assumed,
                 source = excluded.source, confirmed_at = excluded.confirmed_at
         )
         SELECT count(*) FILTER (WHERE differs AND NOT is_older) AS replaced,
             count(*) FILTER (WHERE differs AND is_older) AS refused,
             count(*) FILTER (WHERE NOT differs) AS equal
         FROM judged"
    )
}

#[derive(Debug, Default, QueryableByName)]
pub(super) struct Judged {
    #[diesel(sql_type = BigInt)]
    pub(super) replaced: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) refused: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) equal: i64,
}

impl Judged {
    /// The counts when every row was new and nothing is left to judge.
    pub(super) fn all_new(inserted: u64) -> Self {
        Self { equal: inserted.cast_signed(), ..Self::default() }
    }

    /// What a write did that inserted `inserted` of its rows before the rest was judged.
    pub(super) fn counts(&self, inserted: u64) -> Stored {
        Stored {
            inserted,
            replaced: self.replaced.unsigned_abs(),
            unchanged: self.equal.unsigned_abs().saturating_sub(inserted),
            refused_older: self.refused.unsigned_abs(),
            duplicates: 0,
        }
    }
}

/// Name under which readers learn of a change, e.g. `price:CH:day_ahead`.
pub(super) fn series(market: &Market, product: Product) -> String {
    format!("price:{market}:{}", product.name())
}

/// A statement on a part of a batch, its rows bound as arrays.
macro_rules! with_arrays {
    ($statement:expr, $batch:expr, $points:expr) => {
        diesel::sql_query(&$statement)
            .bind::<Text, _>($batch.market.code())
            .bind::<Text, _>($batch.product.name())
            .bind::<Array<Timestamptz>, _>(column($points, |point| point.ts))
            .bind::<Array<Integer>, _>(column($points, |point| point.interval_s))
            .bind::<Array<Nullable<Double>>, _>(column($points, |point| point.price_eur_mwh))
            .bind::<Array<Nullable<Double>>, _>(column($points, |point| point.volume))
            .bind::<Array<Text>, _>(column($points, |point| point.quality.name()))
            .bind::<Array<Timestamptz>, _>(column($points, |point| point.known_at))
            .bind::<Array<Bool>, _>(column($points, |point| point.known_at_assumed))
            .bind::<Array<Text>, _>(column($points, |point| point.source.as_str()))
    };
}

fn column<'a, T>(points: &[&'a PricePoint], field: impl Fn(&'a PricePoint) -> T) -> Vec<T> {
    points.iter().map(|point| field(point)).collect()
}

/// Writes `batch` in statements of bounded size; the caller's transaction holds them together.
pub(in crate::facts::market) async fn put(
    conn: &mut Conn,
    batch: &Batch<'_>,
) -> QueryResult<Stored> {
    let series = series(batch.market, batch.product);
    diesel::sql_query(TAKE_TURN).bind::<Text, _>(&series).execute(conn).await?;
    let (insert, replace) = (insert(ARRAYS), replace(ARRAYS));
    let mut stored = Stored::default();
    for points in batch.points.chunks(STATEMENT_ROWS_MAX) {
        let inserted = with_arrays!(insert, batch, points).execute(conn).await? as u64;
        let judged = if inserted == points.len() as u64 {
            Judged::all_new(inserted)
        } else {
            with_arrays!(replace, batch, points).get_result(conn).await?
        };
        let counts = judged.counts(inserted);
        stored.inserted += counts.inserted;
        stored.replaced += counts.replaced;
        stored.unchanged += counts.unchanged;
        stored.refused_older += counts.refused_older;
    }
    if stored.changed() {
        record(conn, &batch.change(&series)).await?;
    }
    Ok(stored)
}

#[cfg(test)]
mod tests {
    use diesel_async::SimpleAsyncConnection;

    use super::*;
    use crate::testing::TestDb;

    #[derive(QueryableByName)]
    struct Plan {
        #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
        line: String,
    }

    /// A second import of a year comes before the first analysis of the table.
    #[actix_web::test]
    async fn old_rows_are_found_by_key_in_a_table_nobody_has_analysed() {
        for test in TestDb::on_each_server().await {
            let mut conn = test.db().conn().await.unwrap();
            let fill = "CREATE TEMP TABLE new_rows AS SELECT \
                     '2026-01-01Z'::timestamptz + i * interval '1 hour' AS ts, 3600 AS interval_s, \
                     1.5::float8 AS price_eur_mwh, NULL::float8 AS volume, 'ok' AS quality, \
                     '2026-01-01Z'::timestamptz AS known_at, false AS known_at_assumed, \
                     't' AS source FROM generate_series(1, 9000) AS i";
            conn.batch_execute(fill).await.unwrap();
            let keyed = |statement: String| {
                statement.replace("$1::text", "'CH'").replace("$2::text", "'day_ahead'")
            };
            conn.batch_execute(&keyed(insert("new_rows AS n"))).await.unwrap();
            let explain = format!("EXPLAIN {}", keyed(replace("new_rows AS n")));
            let plan: Vec<Plan> = diesel::sql_query(explain).load(&mut *conn).await.unwrap();
            let mut scans = Vec::new();
            for Plan { line } in plan {
                assert!(!line.contains("Join Filter"), "{line}");
                scans.extend(line.contains(" Scan ").then_some(line));
            }
            // Of a hypertable each chunk has an index of its own, with the table's name in its own.
            let by_key = |line: &String| {
                line.contains("Index Scan using") && line.contains("market_prices_pkey")
            };
            let whole = |line: &String| line.contains("Seq Scan") && !line.contains("new_rows");
            assert!(scans.iter().any(by_key) && !scans.iter().any(whole), "{scans:#?}");
        }
    }
}
