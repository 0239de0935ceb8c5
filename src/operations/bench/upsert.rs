//! Storing many fresh prices, against COPY and `INSERT … ON CONFLICT` of finished bytes.

use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use tokio_postgres::types::Type;

use super::model::{BenchError, Benchmark, Figure, Gate, Plan, Sides, even, median_s};
use super::pgcopy::CopyFile;
use super::store::{self, Scratch};
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::facts::market::PricePoint;
use crate::facts::market::Prices;
use crate::facts::market::Quality;

const PRODUCT: Product = Product::DayAhead15min;
/// The ways in the order of even rounds; odd rounds go backwards.
const WAYS: [Way; 3] = [Way::Ours, Way::Upsert, Way::Copy];
/// Rows that are compared at most: all of a trial, the first rounds of a measurement.
const COMPARES: &str = "prices stored by Prices::put against the same rows as finished bytes by \
    COPY into a temporary table and INSERT … ON CONFLICT";

#[derive(Debug, Clone, Copy)]
enum Way {
    Ours,
    Upsert,
    Copy,
}

/// Stores `plan.upsert_rows` fresh quarter-hourly prices per round, three ways in turn.
pub async fn bulk_upsert(scratch: &Scratch, plan: &Plan) -> Result<Figure, BenchError> {
    let db = scratch.db();
    let prices = Prices::new(db.clone());
    let mut client = db.copy_client().await?;
    store::prepare(&client).await?;
    let market = Market::sim_ch();
    let mut took: [Vec<Duration>; 3] = Default::default();
    for round in 0..=plan.rounds {
        let points = points(round, plan.upsert_rows);
        let file = file(&market, &points)
            .ok_or_else(|| BenchError::Differs("a price does not fit its column".to_owned()))?;
        let mut ways = WAYS;
        if round % 2 == 1 {
            ways.reverse();
        }
        for way in ways {
            store::checkpoint(&client).await;
            let started = Instant::now();
            let rows = match way {
                Way::Ours => prices.put(&market, PRODUCT, &points).await?.inserted,
                Way::Upsert => store::upsert(&mut client, &file).await?,
                Way::Copy => store::copy(&client, &file).await?,
            };
            let elapsed = started.elapsed();
            if rows != points.len() as u64 {
                let asked = points.len();
                return Err(BenchError::Differs(format!("{way:?} stored {rows} of {asked} rows")));
            }
            // The first round fills caches and catalogues.
            if round > 0 {
                took[way as usize].push(elapsed);
            }
        }
    }
    let differences = store::differences(&client).await?;
    if differences > 0 {
        return Err(BenchError::Differs(format!("{differences} stored prices differ")));
    }
    let rate = |way: Way| plan.upsert_rows as f64 / median_s(&took[way as usize]);
    let sides = Sides { ours: rate(Way::Ours), floor: rate(Way::Upsert) };
    let (size, gate) = ((plan.upsert_rows, plan.rounds), Gate::AtLeast(0.8));
    let copy = rate(Way::Copy);
    Ok(Figure::new(Benchmark::BulkUpsert, (COMPARES, "rows/s"), sides, gate, size)
        .with("plain binary COPY into a table of the same form", "rows/s", copy)
        .with("ours as share of plain COPY", "", sides.ours / copy))
}

/// Consecutive quarter hours, those of a round behind those of the round before.
fn points(round: usize, rows: usize) -> Vec<PricePoint> {
    let first = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(10_000);
    let indices = round * rows..(round + 1) * rows;
    let point = |index: usize| {
        let ts = first + TimeDelta::minutes(15) * i32::try_from(index).unwrap_or(i32::MAX);
        let cents = (even(index as u64) * 30_000.0 - 5_000.0).round();
        PricePoint {
            ts,
            interval_s: PRODUCT.interval_s(),
            price_eur_mwh: Some(cents / 100.0),
            volume: None,
            quality: Quality::Simulated,
            known_at: ts - TimeDelta::hours(12),
            known_at_assumed: false,
            source: "bench".to_owned(),
        }
    };
    indices.map(point).collect()
}

/// `points` as bytes in the order of the columns of `market_prices`.
fn file(market: &Market, points: &[PricePoint]) -> Option<Bytes> {
    let mut file = CopyFile::new();
    for point in points {
        file.add(&[
            (&market.code(), Type::TEXT),
            (&PRODUCT.name(), Type::TEXT),
            (&point.ts, Type::TIMESTAMPTZ),
            (&point.price_eur_mwh, Type::FLOAT8),
            (&point.volume, Type::FLOAT8),
            (&point.interval_s, Type::INT4),
            (&point.quality.name(), Type::TEXT),
            (&point.known_at, Type::TIMESTAMPTZ),
            (&point.known_at_assumed, Type::BOOL),
            (&point.source, Type::TEXT),
        ])?;
    }
    Some(file.finish())
}
