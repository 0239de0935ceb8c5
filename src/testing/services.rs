//! All services on a database and a folder of their own, without routes, and prices to feed them.

use std::path::Path;

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveTime, Timelike, Utc};
use tempfile::TempDir;

use super::TestDb;
use crate::app::Services;
use crate::app::assemble;
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::base::timeline::Clock;
use crate::base::timeline::add_days;
use crate::base::timeline::at_local;
use crate::base::timeline::day_range;
use crate::config::Sources;
use crate::config::load;
use crate::facts::market::PricePoint;
use crate::facts::market::Quality;
use crate::facts::series::Observation;
use crate::facts::series::SeriesSpec;

/// The services of the program; what they store is gone when this is dropped.
pub struct TestServices {
    /// The services.
    pub services: Services,
    /// Stands still until a test moves it.
    pub clock: Clock,
    folder: TempDir,
    _db: TestDb,
}

impl TestServices {
    /// Services at an instant, with the default settings.
    pub async fn at(instant: &str) -> Self {
        let (db, folder) = (TestDb::new().await, tempfile::tempdir().unwrap());
        let clock = Clock::fixed(instant.parse().unwrap());
        // No source but the folder: settings of whoever runs the tests must not reach them.
        let sources = Sources { config_dir: folder.path().join("config"), ..Sources::default() };
        let mut settings = load(&sources).unwrap().settings;
        settings.storage.data_dir = folder.path().to_owned();
        // No test asks the internet.
        settings.ingest.enabled = false;
        // Minutes of computing, and tests of its own.
        settings.models.ensemble = false;
        settings.ingest.bfe = false;
        settings.ingest.swissgrid = false;
        settings.simulation.history_days = 250;
        let services = assemble(&settings, db.db().clone(), clock.clone());
        Self { services, clock, folder, _db: db }
    }

    /// Folder of the stored files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Moves the clock.
    pub fn set(&self, instant: &str) {
        self.clock.set(instant.parse().unwrap());
    }

    /// Stores a flat load of CH from `first` to `last`, known two days ahead.
    pub async fn put_load(&self, first: &str, last: &str) {
        let spec = SeriesSpec {
            name: "load:CH".into(),
            unit: "MW".into(),
            source: "test".into(),
            market: Some(ch()),
            resolution_s: 3_600,
            attribution: String::new(),
            is_feature: true,
        };
        let series = self.services.observations.ensure_series(&spec).await.unwrap();
        let load = hours(first, last).into_iter().map(|ts| Observation {
            ts,
            known_at: ts - Duration::hours(48),
            known_at_assumed: true,
            value: 5_000.0,
        });
        self.services.observations.put(series, &load.collect::<Vec<_>>()).await.unwrap();
    }

    /// Stores prices of the local days `first..=last` of CH, published at 13:00 on the day before.
    pub async fn put(
        &self,
        product: Product,
        (first, last): (&str, &str),
        price: impl Fn(DateTime<Utc>) -> Option<f64>,
    ) {
        let (market, last) = (ch(), last.parse::<NaiveDate>().unwrap());
        let zone = market.time_zone();
        let days = first.parse::<NaiveDate>().unwrap().iter_days().take_while(|day| *day <= last);
        let one = NaiveTime::from_hms_opt(13, 0, 0).unwrap();
        let points: Vec<PricePoint> = days
            .flat_map(|day| {
                let known_at = at_local(add_days(day, -1), one, zone);
                day_range(day, zone).slots(product.interval_s()).map(move |ts| (ts, known_at))
            })
            .filter_map(|(ts, known_at)| Some(point(product, ts, known_at, price(ts)?)))
            .collect();
        self.services.prices.put(&market, product, &points).await.unwrap();
    }
}

/// The Swiss market.
pub fn ch() -> Market {
    Market::parse("CH").unwrap()
}

/// A published price.
pub fn point(
    product: Product,
    ts: DateTime<Utc>,
    known_at: DateTime<Utc>,
    price_eur_mwh: f64,
) -> PricePoint {
    PricePoint {
        ts,
        interval_s: product.interval_s(),
        price_eur_mwh: Some(price_eur_mwh),
        volume: None,
        quality: Quality::Ok,
        known_at,
        known_at_assumed: true,
        source: "test".to_owned(),
    }
}

/// A price with a strong course of the day, weekends, and noise that no model can know: a model that
/// averages days errs by about 1/√2 of what a single day before errs by.
pub fn lively(ts: DateTime<Utc>) -> f64 {
    let local = ts.with_timezone(&ch().time_zone());
    let hour = f64::from(local.hour());
    let day = local.date_naive().num_days_from_ce();
    let weekend = if local.weekday().num_days_from_monday() >= 5 { 15.0 } else { 0.0 };
    let course = 30.0 * ((hour - 4.0) / 24.0 * 2.0 * std::f64::consts::TAU).sin();
    let price = 80.0 + course - weekend + 16.0 * even(day, 24) + 6.0 * even(day, local.hour());
    (price * 100.0).round() / 100.0
}

/// A number between −1 and 1 that looks random, from the golden ratio's multiples.
fn even(day: i32, hour: u32) -> f64 {
    let mixed = (i64::from(day) * 31 + i64::from(hour))
        .wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed());
    let high = (mixed ^ (mixed >> 29)).wrapping_mul(0x1656_67B1_9E37_79F9) >> 40;
    2.0 * (high & 0xFFFF) as f64 / 65_535.0 - 1.0
}

/// Instants in words.
pub fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Starts of the hours of the local days `first..=last` of CH.
pub fn hours(first: &str, last: &str) -> Vec<DateTime<Utc>> {
    let zone = ch().time_zone();
    let (first, last) = (first.parse::<NaiveDate>().unwrap(), last.parse::<NaiveDate>().unwrap());
    let (from, to) = (day_range(first, zone).from, day_range(last, zone).to);
    std::iter::successors(Some(from), |at| Some(*at + Duration::hours(1)))
        .take_while(|at| *at < to)
        .collect()
}
