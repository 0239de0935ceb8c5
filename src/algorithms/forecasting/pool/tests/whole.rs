//! A small pool day after day: nothing leaks, nothing depends on who computes or when.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::algorithms::forecasting::days::{DaysError, HOURS, Part};
use crate::algorithms::forecasting::pool::Pool;
use crate::algorithms::forecasting::pool::record::PoolForecast;
use crate::algorithms::forecasting::pool::settings::LEAST_DAYS;

const LEVELS: [f64; 3] = [0.1, 0.5, 0.9];
const FIRST: usize = LEAST_DAYS;

fn pool() -> Pool {
    Pool::new(small(), FIRST).unwrap()
}

fn all(pool: &Pool, days: &PoolDays<'_>) -> Vec<PoolForecast> {
    pool.days().map(|day| pool.forecast(days, day, &LEVELS).unwrap()).collect()
}

#[test]
fn nothing_after_the_origin_is_read() {
    let market = Market::invented(160, 3.0);
    let last = 145;
    let ask = |market: &Market| {
        with_days(market, |days| {
            let mut pool = pool();
            pool.extend(days, last, ALONE).unwrap();
            all(&pool, days)
        })
    };
    let before = ask(&market);
    assert_eq!(before.len(), last + 1 - FIRST);
    for changed in [130, 138, last] {
        let mut other = market.clone();
        other.prices.truncate(last);
        for day in changed..other.prices.len() {
            other.prices[day] = other.prices[day].map(|price| 1_000.0 - price);
        }
        for day in changed + 1..market.exogenous[0].len() {
            other.exogenous[0][day] = [-7.0; HOURS];
        }
        let after = ask(&other);
        let same = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
        assert!(same > changed - FIRST, "{changed}: only {same} forecasts are unchanged");
        assert!(changed == last || same < before.len(), "what is known later matters later");
    }
}

#[test]
fn threads_and_interruptions_change_nothing() {
    let market = Market::invented(150, 3.0);
    for stagger_days in [0, 2] {
        let pool = || Pool::new(PoolSettings { stagger_days, ..small() }, FIRST).unwrap();
        with_days(&market, |days| {
            let mut at_once = pool();
            at_once.extend(days, 149, ALONE).unwrap();
            let (mut step_by_step, mut bare) = (pool(), pool());
            for last in [121, 122, 133, 140, 149] {
                step_by_step.extend(days, last, Work { threads: 3, ..ALONE }).unwrap();
                // Stored and loaded: the models come along to the last bit.
                let stored = serde_json::to_value(&step_by_step).unwrap();
                step_by_step = serde_json::from_str(&stored.to_string()).unwrap();
                assert!(step_by_step.is_whole());
                assert_eq!(serde_json::to_value(&step_by_step).unwrap(), stored);
                // Without models, as pools were stored before, they are made again.
                bare.extend(days, last, ALONE).unwrap();
                let mut stored = serde_json::to_value(&bare).unwrap();
                for model in ["models", "stack"] {
                    assert!(stored.as_object_mut().unwrap().remove(model).is_some());
                }
                bare = serde_json::from_value(stored).unwrap();
            }
            assert_eq!(all(&at_once, days), all(&step_by_step, days));
            assert_eq!(all(&at_once, days), all(&bare, days));
            // What is there already costs nothing and stays.
            let never = Work { cancel: &|| true, ..ALONE };
            step_by_step.extend(days, 149, never).unwrap();
        });
    }
}

#[test]
fn a_loaded_pool_fits_only_what_is_due() {
    let market = Market::invented(150, 3.0);
    with_days(&market, |days| {
        let mut pool = pool();
        // Fits of trees are due every 3, 5 and 4 days since the day 120, the network learns every 7.
        pool.extend(days, 129, ALONE).unwrap();
        let mut loaded: Pool =
            serde_json::from_str(&serde_json::to_string(&pool).unwrap()).unwrap();
        let models = |pool: &Pool| {
            let stored = serde_json::to_value(pool).unwrap();
            let first = |model: &serde_json::Value| model[0].as_u64().unwrap();
            let forests = stored["models"]["forests"].as_array().unwrap().iter().map(first);
            let mut days: Vec<u64> = forests.collect();
            days.push(stored["models"]["networks"][0][1].as_u64().unwrap());
            days.push(stored["stack"][0].as_u64().unwrap());
            days
        };
        assert_eq!(models(&loaded), [129, 125, 127, 128]);
        // On day 130 the second is due alone.
        let asked = AtomicUsize::new(0);
        let count = || {
            asked.fetch_add(1, Ordering::Relaxed);
            false
        };
        loaded.extend(days, 130, Work { cancel: &count, ..ALONE }).unwrap();
        assert_eq!(models(&loaded), [129, 130, 127, 128]);
        // Five pieces of work, and the one fit that asks whether it may begin.
        assert_eq!(asked.into_inner(), 5 + 1);
        // What was forecast of a day can be forgotten and made again.
        let forecast = loaded.forecast(days, 130, &LEVELS).unwrap();
        loaded.forget_from(130);
        assert_eq!(loaded.days(), FIRST..130);
        let asked = AtomicUsize::new(0);
        let count = || {
            asked.fetch_add(1, Ordering::Relaxed);
            false
        };
        loaded.extend(days, 130, Work { cancel: &count, ..ALONE }).unwrap();
        assert_eq!(
            (loaded.forecast(days, 130, &LEVELS).unwrap(), asked.into_inner()),
            (forecast, 5)
        );
    });
}

#[test]
fn a_stored_pool_that_does_not_fit_together_is_refused() {
    let market = Market::invented(130, 3.0);
    let stored = with_days(&market, |days| {
        let mut pool = pool();
        pool.extend(days, 129, ALONE).unwrap();
        serde_json::to_value(&pool).unwrap()
    });
    let loads = |stored: &serde_json::Value| {
        serde_json::from_value::<Pool>(stored.clone()).is_ok_and(|pool| pool.is_whole())
    };
    assert!(loads(&stored));
    for place in [
        // A member lacks a day, a network a weight, a tree a child, a hidden unit too many.
        "/members/0/3",
        "/models/networks/0/2/learned/optimiser/mean/hidden",
        "/models/forests/0/1/trees/0/nodes/0/2",
        "/models/networks/0/2/settings/units",
    ] {
        let mut other = stored.clone();
        let value = other.pointer_mut(place).unwrap_or_else(|| panic!("{place}"));
        *value = match value {
            serde_json::Value::String(_) => "AAAA".into(),
            serde_json::Value::Number(_) => 1_000_000.into(),
            _ => serde_json::Value::Null,
        };
        assert!(!loads(&other), "{place}");
    }
}

#[test]
fn members_weights_and_quantiles_belong_together() {
    let market = Market::invented(150, 3.0);
    with_days(&market, |days| {
        let mut pool = pool();
        pool.extend(days, 149, ALONE).unwrap();
        let names = ["LEAR 28", "LEAR 42", "relative", "level", "network", "stack"];
        assert_eq!(pool.member_names(), names);
        for forecast in all(&pool, days) {
            same(forecast.weights.iter().sum(), 1.0);
            for hour in 0..HOURS {
                let pairs = forecast.members.iter().zip(&forecast.weights);
                let mean: f64 = pairs.map(|(member, weight)| member[hour] * weight).sum();
                same(forecast.prices_eur_mwh[hour], mean);
                let bands: Vec<f64> = forecast.quantiles.iter().map(|band| band[hour]).collect();
                assert!(bands[0] <= bands[1] && bands[1] <= bands[2], "{bands:?}");
            }
        }
        // The price is nearly a linear function of what is known: far better than last week's.
        let error = |forecast: &dyn Fn(usize) -> Day| -> f64 {
            let days = 140..150;
            let errors = days.flat_map(|day| {
                forecast(day).into_iter().zip(market.prices[day]).map(|(a, b)| (a - b).abs())
            });
            errors.sum::<f64>()
        };
        let ours = error(&|day| pool.forecast(days, day, &[]).unwrap().prices_eur_mwh);
        let naive = error(&|day| market.prices[day - 7]);
        assert!(ours < 0.5 * naive, "{ours} {naive}");
    });
}

#[test]
fn days_that_cannot_be_used_are_refused_and_leave_the_record_alone() {
    let market = Market::invented(140, 3.0);
    let few = DaysError::FewDays { found: FIRST - 1, least: LEAST_DAYS };
    assert_eq!(Pool::new(small(), FIRST - 1).unwrap_err(), PoolError::Days(few));
    let mut pool = pool();
    with_days(&market, |days| pool.extend(days, 125, ALONE)).unwrap();
    let mut broken = market.clone();
    broken.prices[124][5] = f64::NAN;
    let refused = with_days(&broken, |days| pool.extend(days, 130, ALONE)).unwrap_err();
    let nan = DaysError::NotFinite { what: Part::Prices, day: 124, hour: 5 };
    assert_eq!(refused, PoolError::Days(nan));
    let mut short = market.clone();
    short.exogenous[0].truncate(130);
    let refused = with_days(&short, |days| pool.extend(days, 130, ALONE)).unwrap_err();
    assert!(matches!(refused, PoolError::Days(DaysError::Ends { needed: 131, .. })), "{refused}");
    let calls = AtomicUsize::new(0);
    let soon = || calls.fetch_add(1, Ordering::Relaxed) > 6;
    let cancelled = Work { cancel: &soon, ..ALONE };
    let refused = with_days(&market, |days| pool.extend(days, 139, cancelled)).unwrap_err();
    assert_eq!(refused, PoolError::Cancelled);
    assert_eq!(pool.days(), FIRST..126);
    let outside = with_days(&market, |days| pool.forecast(days, 126, &LEVELS)).unwrap_err();
    assert_eq!(outside, PoolError::Outside { day: 126, first: FIRST, last: 125 });
    with_days(&market, |days| pool.extend(days, 139, ALONE)).unwrap();
    assert_eq!(pool.days(), FIRST..140);
}
