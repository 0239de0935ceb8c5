//! Bulk upsert with revisions, in statements of bounded size.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Double, Text, Timestamptz};
use diesel_async::RunQueryDsl;

use crate::facts::changes::{Change, ChangeKind, record};
use crate::facts::tariffs::model::{FALLBACK, SLOT_S, Stored, TariffId, TariffPrice};
use crate::platform::db::Conn;

/// Rows per statement; a year of quarter hours of three components takes six.
const STATEMENT_ROWS_MAX: usize = 20_000;

/// The rows of a statement; `in_time` is not stored, it decides about stand-ins.
const ARRAYS: &str = "unnest($2::text[], $3::timestamptz[], $4::float8[], $5::text[], \
     $6::timestamptz[], $7::bool[], $8::text[], $9::bool[]) \
     AS n (component, ts, price_chf_kwh, quality, known_at, known_at_assumed, source, in_time)";
/// Writers of one tariff take turns until their transaction ends, so that two of them can neither
/// lose a revision nor wait for each other's rows in a circle.
const TAKE_TURN: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";

/// New quarter hours; those that exist are left for [`replace`].
fn insert() -> String {
    format!(
        "INSERT INTO tariff_prices (tariff_id, component, ts, price_chf_kwh, interval_s, quality, \
             known_at, known_at_assumed, source)
         SELECT $1::text, n.component, n.ts, n.price_chf_kwh, {SLOT_S}, n.quality, n.known_at, \
             n.known_at_assumed, n.source
         FROM {ARRAYS}
         ON CONFLICT (tariff_id, component, ts) DO NOTHING"
    )
}

/// Values that give way: the old row becomes a revision, the new one takes its place.
///
/// All parts see the table as it was before, so `old` is what is replaced, and a row that [`insert`]
/// has just written equals its own price. A price that stands in because none was published gives way
/// only to one that was published in time. Each row finds its old one by key (`OFFSET 0` keeps the
/// look-up a look-up) and replaces it by key.
fn replace() -> String {
    format!(
        "WITH judged AS MATERIALIZED (
             SELECT n.*, old.price_chf_kwh AS old_price, old.interval_s AS old_interval_s,
                 old.quality AS old_quality, old.known_at AS old_known_at,
                 old.known_at_assumed AS old_assumed, old.source AS old_source,
                 (n.price_chf_kwh, n.quality) IS DISTINCT FROM (old.price_chf_kwh, old.quality)
                     AS differs,
                 n.known_at < old.known_at AS is_older,
                 starts_with(old.source, '{FALLBACK}') AND NOT n.in_time AS is_late
             FROM {ARRAYS} CROSS JOIN LATERAL (
                 SELECT * FROM tariff_prices p
                 WHERE p.tariff_id = $1::text AND p.component = n.component AND p.ts = n.ts OFFSET 0
             ) AS old
         ), kept AS (
             INSERT INTO tariff_price_revisions (tariff_id, component, ts, price_chf_kwh,
                 interval_s, quality, known_at, known_at_assumed, source)
             SELECT $1::text, component, ts, old_price, old_interval_s, old_quality, old_known_at,
                 old_assumed, old_source
             FROM judged WHERE differs AND NOT is_late AND NOT is_older
         ), written AS (
             INSERT INTO tariff_prices (tariff_id, component, ts, price_chf_kwh, interval_s,
                 quality, known_at, known_at_assumed, source)
             SELECT $1::text, component, ts, price_chf_kwh, {SLOT_S}, quality, known_at,
                 known_at_assumed, source
             FROM judged WHERE differs AND NOT is_late AND NOT is_older
             ON CONFLICT (tariff_id, component, ts) DO UPDATE
             SET price_chf_kwh = excluded.price_chf_kwh, interval_s = excluded.interval_s,
                 quality = excluded.quality, known_at = excluded.known_at,
                 known_at_assumed = excluded.known_at_assumed, source = excluded.source
         )
         SELECT count(*) FILTER (WHERE differs AND NOT is_late AND NOT is_older) AS replaced,
             count(*) FILTER (WHERE differs AND is_late) AS late,
             count(*) FILTER (WHERE differs AND NOT is_late AND is_older) AS refused,
             count(*) FILTER (WHERE NOT differs) AS equal
         FROM judged"
    )
}

#[derive(Debug, QueryableByName)]
struct Judged {
    #[diesel(sql_type = BigInt)]
    replaced: i64,
    #[diesel(sql_type = BigInt)]
    late: i64,
    #[diesel(sql_type = BigInt)]
    refused: i64,
    #[diesel(sql_type = BigInt)]
    equal: i64,
}

/// Prices of one tariff, one per component and quarter hour.
pub(in crate::facts::tariffs) struct Batch<'a> {
    tariff: &'a TariffId,
    prices: Vec<&'a TariffPrice>,
}

impl<'a> Batch<'a> {
    /// Of several prices for one quarter hour the last known one stays, of those the last in order.
    pub(in crate::facts::tariffs) fn new(tariff: &'a TariffId, prices: &'a [TariffPrice]) -> Self {
        let mut prices: Vec<&TariffPrice> = prices.iter().collect();
        // Best first within a quarter hour: reversing before a stable sort puts the last given first.
        prices.reverse();
        prices.sort_by(|a, b| {
            (a.component, a.ts).cmp(&(b.component, b.ts)).then(b.known_at.cmp(&a.known_at))
        });
        prices.dedup_by_key(|price| (price.component, price.ts));
        Self { tariff, prices }
    }

    /// Where a write of the batch changes `series`.
    fn change(&self, series: &str) -> Vec<Change> {
        let (first, last) =
            (self.prices.iter().map(|it| it.ts).min(), self.prices.iter().map(|it| it.ts).max());
        let change =
            first.zip(last).map(|ends| Change::of(ChangeKind::Tariff, series, ends, SLOT_S));
        change.into_iter().collect()
    }

    pub(in crate::facts::tariffs) const fn len(&self) -> usize {
        self.prices.len()
    }
}

fn column<'a, T>(prices: &[&'a TariffPrice], field: impl Fn(&'a TariffPrice) -> T) -> Vec<T> {
    prices.iter().map(|price| field(price)).collect()
}

/// A statement on a part of a batch, its rows bound as arrays.
macro_rules! with_arrays {
    ($statement:expr, $tariff:expr, $prices:expr) => {
        diesel::sql_query(&$statement)
            .bind::<Text, _>($tariff.as_str())
            .bind::<Array<Text>, _>(column($prices, |price| price.component.name()))
            .bind::<Array<Timestamptz>, _>(column($prices, |price| price.ts))
            .bind::<Array<Double>, _>(column($prices, |price| price.price_chf_kwh))
            .bind::<Array<Text>, _>(column($prices, |price| price.quality.name()))
            .bind::<Array<Timestamptz>, _>(column($prices, |price| price.known_at))
            .bind::<Array<Bool>, _>(column($prices, |price| price.known_at_assumed))
            .bind::<Array<Text>, _>(column($prices, |price| price.source.as_str()))
            .bind::<Array<Bool>, _>(column($prices, |price| price.is_in_time))
    };
}

/// Writes `batch`; the caller's transaction holds its statements together.
pub(in crate::facts::tariffs) async fn put(
    conn: &mut Conn,
    batch: &Batch<'_>,
) -> QueryResult<Stored> {
    let series = take_turn(conn, batch.tariff).await?;
    let (insert, replace) = (insert(), replace());
    let mut stored = Stored::default();
    for prices in batch.prices.chunks(STATEMENT_ROWS_MAX) {
        let inserted = with_arrays!(insert, batch.tariff, prices).execute(conn).await? as u64;
        stored.inserted += inserted;
        if inserted == prices.len() as u64 {
            continue;
        }
        let judged: Judged = with_arrays!(replace, batch.tariff, prices).get_result(conn).await?;
        stored.replaced += judged.replaced.unsigned_abs();
        stored.refused_late += judged.late.unsigned_abs();
        stored.refused_older += judged.refused.unsigned_abs();
        stored.unchanged += judged.equal.unsigned_abs().saturating_sub(inserted);
    }
    if stored.changed() {
        record(conn, &batch.change(&series)).await?;
    }
    Ok(stored)
}

/// Writes those of `batch` for which there is no price yet; answers how many.
pub(in crate::facts::tariffs) async fn fill(
    conn: &mut Conn,
    batch: &Batch<'_>,
) -> QueryResult<usize> {
    let series = take_turn(conn, batch.tariff).await?;
    let (insert, mut filled) = (insert(), 0);
    for prices in batch.prices.chunks(STATEMENT_ROWS_MAX) {
        filled += with_arrays!(insert, batch.tariff, prices).execute(conn).await?;
    }
    if filled > 0 {
        record(conn, &batch.change(&series)).await?;
    }
    Ok(filled)
}

/// Waits for other writers of the tariff; answers the name under which readers learn of changes.
async fn take_turn(conn: &mut Conn, tariff: &TariffId) -> QueryResult<String> {
    let series = format!("tariff:{tariff}");
    diesel::sql_query(TAKE_TURN).bind::<Text, _>(&series).execute(conn).await?;
    Ok(series)
}
