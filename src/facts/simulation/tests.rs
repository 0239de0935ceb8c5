//! Simulated prices: the calendar, determinism, and likeness to a real year.

mod running; // start, stop, generate, several processes
mod sites; // sites while they run, and where their readings go

use chrono::{Datelike, NaiveDate, Weekday};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::settings::MarketShape;
use super::*;
use crate::access::audit::Audit;
use crate::access::sites::Sites;
use crate::base::ids::{Market, Product};
use crate::base::timeline::{Clock, day_range, days_range, local_date};
use crate::facts::events::Events;
use crate::facts::market::{Prices, Quality};
use crate::facts::meters::{Meters, Settings as MeterSettings};
use crate::facts::readings::Readings;
use crate::platform::runtime::CpuPool;
use crate::testing::TestDb;

const ZONE: Tz = Tz::Europe__Zurich;

/// What the simulation works with, on a database.
fn needs(db: &TestDb, clock: &Clock) -> Needs {
    let sites = Sites::new(db.db().clone(), clock.clone());
    let meters = Meters::new(db.db().clone(), sites, clock.clone(), MeterSettings::default());
    let audit = Audit::new(db.db().clone(), clock.clone());
    Needs {
        db: db.db().clone(),
        prices: Prices::new(db.db().clone()),
        readings: Readings::new(db.db().clone(), meters.clone(), audit.clone(), clock.clone()),
        meters,
        brokers: Brokers::default(),
        events: Events::new(db.db().clone(), clock.clone()),
        audit,
        pool: CpuPool::new(None),
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn year(seed: u64) -> Vec<SimulatedPrice> {
    simulate_prices(
        (seed, &MarketShape::default()),
        Product::DayAhead,
        day("2025-01-01"),
        day("2025-12-31"),
        ZONE,
    )
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) =
        values.into_iter().fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count)
}

#[test]
fn days_have_as_many_intervals_as_the_clock_shows() {
    for (date, hours) in [("2026-03-29", 23), ("2026-03-30", 24), ("2026-10-25", 25)] {
        for (product, factor) in [(Product::DayAhead, 1), (Product::DayAhead15min, 4)] {
            let prices =
                simulate_prices((1, &MarketShape::default()), product, day(date), day(date), ZONE);
            assert_eq!(prices.len(), hours * factor, "{date}");
            assert_eq!(prices[0].ts, day_range(day(date), ZONE).from);
            assert!(prices.iter().all(|price| price.interval_s == product.interval_s()));
        }
    }
}

#[test]
fn an_hour_is_the_mean_of_its_quarters() {
    let (first, last) = (day("2025-06-01"), day("2025-06-07"));
    let hours = simulate_prices((3, &MarketShape::default()), Product::DayAhead, first, last, ZONE);
    let quarters =
        simulate_prices((3, &MarketShape::default()), Product::DayAhead15min, first, last, ZONE);
    for (hour, parts) in hours.iter().zip(quarters.chunks(4)) {
        let of_parts = mean(parts.iter().map(|part| part.price_eur_mwh));
        // Both are rounded to the cent.
        assert!((hour.price_eur_mwh - of_parts).abs() < 0.0101, "{}", hour.ts);
    }
}

#[test]
fn another_seed_is_another_year() {
    assert_eq!(year(7), year(7));
    let same = year(7)
        .iter()
        .zip(year(8))
        .filter(|(a, b)| (a.price_eur_mwh - b.price_eur_mwh).abs() < 1e-9)
        .count();
    assert!(same < 20, "{same}");
}

#[test]
fn the_first_simulated_prices_stay_what_they_are() {
    // A change here changes every stored simulation: readers would see a jump.
    let prices = simulate_prices(
        (42, &MarketShape::default()),
        Product::DayAhead,
        day("2026-01-01"),
        day("2026-01-01"),
        ZONE,
    );
    let shown: Vec<f64> = prices.iter().take(3).map(|price| price.price_eur_mwh).collect();
    assert_eq!(shown, [77.16, 68.37, 67.59]);
}

/// Bounds lie around the published figures of 2023 (see `prices.rs`), wide enough for one year's luck.
#[test]
fn a_year_looks_like_a_real_one() {
    for seed in 1..=6 {
        let prices = year(seed);
        let values: Vec<f64> = prices.iter().map(|price| price.price_eur_mwh).collect();
        let average = mean(values.iter().copied());
        let variance = mean(values.iter().map(|value| (value - average).powi(2)));
        let correlation = |lag: usize| {
            mean(values.iter().zip(&values[lag..]).map(|(a, b)| (a - average) * (b - average)))
                / variance
        };
        let where_local = |keep: &dyn Fn(&SimulatedPrice) -> bool| {
            mean(prices.iter().filter(|price| keep(price)).map(|price| price.price_eur_mwh))
        };
        let on = |weekday: Weekday| {
            where_local(&|price| local_date(price.ts, ZONE).weekday() == weekday)
        };
        let at = |months: [u32; 3], hour: u32| {
            where_local(&|price| {
                months.contains(&local_date(price.ts, ZONE).month())
                    && chrono::Timelike::hour(&price.ts.with_timezone(&ZONE)) == hour
            })
        };
        let (winter, summer) = ([12, 1, 2], [6, 7, 8]);
        let below_zero = values.iter().filter(|value| **value < 0.0).count();
        let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let yesterday = mean(values.iter().zip(&values[24..]).map(|(a, b)| (a - b).abs()));
        let days: Vec<&[f64]> = values.chunks(24).collect();
        let day_means: Vec<f64> = days.iter().map(|day| mean(day.iter().copied())).collect();
        let within_day =
            mean(days.iter().zip(&day_means).map(|(day, average)| {
                mean(day.iter().map(|value| (value - average).powi(2))).sqrt()
            }));
        let next_day = mean(day_means.windows(2).map(|pair| (pair[0] - pair[1]).abs()));
        let figures = format!(
            "seed {seed}: mean {average:.1}, sd {:.1}, r1 {:.3}, r24 {:.3}, r168 {:.3}, naive {yesterday:.1}, \
             sd within a day {within_day:.1}, next day {next_day:.1}, below zero {below_zero}, {lowest:.0} to {highest:.0}, Sat {:.1}, Sun {:.1}",
            variance.sqrt(),
            correlation(1),
            correlation(24),
            correlation(168),
            on(Weekday::Sat) - on(Weekday::Wed),
            on(Weekday::Sun) - on(Weekday::Wed),
        );
        println!("{figures}");
        assert!((90.0..125.0).contains(&average), "{figures}");
        assert!((33.0..47.0).contains(&variance.sqrt()), "{figures}");
        assert!(correlation(1) > 0.94, "{figures}");
        assert!((0.75..0.92).contains(&correlation(24)), "{figures}");
        assert!((0.55..0.85).contains(&correlation(168)), "{figures}");
        assert!((12.0..20.0).contains(&yesterday), "{figures}");
        assert!((14.0..22.0).contains(&within_day), "{figures}");
        assert!((11.0..17.0).contains(&next_day), "{figures}");
        assert!((10..200).contains(&below_zero), "{figures}");
        assert!(on(Weekday::Sun) < on(Weekday::Sat) && on(Weekday::Sat) < on(Weekday::Wed));
        assert!(at(winter, 18) > at(winter, 3) + 30.0, "{figures}");
        assert!(at(summer, 20) > at(summer, 13) + 40.0, "{figures}");
        assert!(at(summer, 13) < at(summer, 3), "{figures}");
        assert!(at(winter, 12) > at(summer, 12) + 20.0, "{figures}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any part of a range is what it is in the whole, and every price can be stored.
    #[test]
    fn a_day_depends_on_itself_only(seed: u64, start in 0_i64..20_000, days in 1_i64..20, at in 0_i64..20) {
        let first = day("1990-01-01") + chrono::Duration::days(start);
        let last = first + chrono::Duration::days(days - 1);
        let one = first + chrono::Duration::days(at % days);
        let whole = simulate_prices((seed, &MarketShape::default()), Product::DayAhead15min, first, last, ZONE);
        let part = simulate_prices((seed, &MarketShape::default()), Product::DayAhead15min, one, one, ZONE);
        let range = day_range(one, ZONE);
        let cut: Vec<_> = whole.iter().filter(|price| range.contains(price.ts)).copied().collect();
        prop_assert_eq!(cut, part);
        prop_assert!(whole.iter().all(|price| price.price_eur_mwh.abs() < 1_000.0));
    }
}

#[tokio::test]
async fn the_market_is_kept_filled_and_tomorrow_comes_at_one() {
    let db = TestDb::new().await;
    let clock = Clock::fixed("2026-03-28T11:59:00Z".parse().unwrap());
    let settings = Settings { history_days: 2, ..Settings::default() };
    let needs = needs(&db, &clock);
    let prices = needs.prices.clone();
    let simulation = Simulation::new(needs.clone(), clock.clone(), settings.clone());

    let morning = simulation.fill().await.unwrap().unwrap();
    assert_eq!((morning.first, morning.last), (day("2026-03-26"), day("2026-03-28")));
    assert_eq!(morning.stored.inserted, 72);
    let again = simulation.fill().await.unwrap().unwrap();
    assert!(!again.stored.changed(), "{again:?}");

    // 13:00 in Zürich; tomorrow has 23 hours.
    clock.set("2026-03-28T12:00:00Z".parse().unwrap());
    let noon = simulation.fill().await.unwrap().unwrap();
    assert_eq!((noon.last, noon.stored.inserted), (day("2026-03-29"), 23));

    let range = days_range(day("2026-03-26"), day("2026-03-29"), ZONE);
    let points = prices.prices(&Market::sim_ch(), Product::DayAhead, range).await.unwrap();
    assert_eq!(points.len(), 95);
    assert!(points.iter().all(|point| point.quality == Quality::Simulated));
    assert_eq!(points[94].known_at.to_rfc3339(), "2026-03-28T12:00:00+00:00");

    // Another seed is another history, and the old one can still be read.
    let other = Settings { seed: 1, ..settings };
    let reseeded =
        Simulation::new(needs.clone(), clock.clone(), other).fill().await.unwrap().unwrap();
    assert!(reseeded.stored.replaced > 90, "{reseeded:?}");

    let off = Settings { enabled: false, ..Settings::default() };
    assert_eq!(Simulation::new(needs, clock, off).fill().await.unwrap(), None);
}

#[test]
fn settings_out_of_bounds_are_named() {
    assert!(Settings::default().mistakes().is_empty());
    let wrong = Settings { history_days: 0, ..Settings::default() };
    let said = "history_days = 0 is not between 30, the least that can be forecast from, and 3650";
    assert_eq!(wrong.mistakes(), [said]);
}
