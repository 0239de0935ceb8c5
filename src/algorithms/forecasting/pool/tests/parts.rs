//! Features, weights, quantiles.

use super::*;
use crate::algorithms::forecasting::days::HOURS;
use crate::algorithms::forecasting::pool::bands::Past;
use crate::algorithms::forecasting::pool::features::Rows;
use crate::algorithms::forecasting::pool::members::Grid;
use crate::algorithms::forecasting::pool::weights::weights;
use crate::algorithms::forecasting::tests::market::Dice;

/// A market with `series` exogenous series.
fn with_series(series: usize) -> Market {
    let mut market = Market::invented(40, 1.0);
    let load = market.exogenous[0].clone();
    market.exogenous = (0..series)
        .map(|index| load.iter().map(|day| day.map(|value| value * (index as f64 + 1.0))).collect())
        .collect();
    market
}

#[test]
fn any_number_of_series_makes_rows_of_equal_width() {
    let width = |series| with_days(&with_series(series), |days| Rows::of(days, 10, 20).width);
    let none = width(0);
    assert_eq!(width(1), none + 13);
    assert_eq!(width(2), none + 2 * 13 + 6, "a pair has columns of its own");
    assert_eq!(width(3), none + 3 * 13 + 3 * 6);
    assert_eq!(width(4), none + 4 * 13 + 3 * 6, "only the first three are paired");
}

#[test]
fn prices_are_relative_to_yesterdays_mean_and_differences_stay() {
    let market = with_series(1);
    let mut dearer = market.clone();
    dearer.prices.iter_mut().flatten().for_each(|price| *price += 500.0);
    let row = |market: &Market| {
        with_days(market, |days| {
            let rows = Rows::of(days, 10, 20);
            let mean = market.prices[14].iter().sum::<f64>() / 24.0;
            same(rows.level(15), mean);
            let mut row = Vec::new();
            rows.append(15, 6, rows.level(15), &mut row);
            row
        })
    };
    let (row, dearer) = (row(&market), row(&dearer));
    assert_eq!(row.len(), dearer.len());
    for (a, b) in row.iter().zip(&dearer) {
        assert!((a - b).abs() < 1e-3, "{a} {b}: a level that was never seen is nothing new");
    }
}

#[test]
fn a_series_of_zeros_divides_nothing() {
    let mut market = with_series(2);
    market.exogenous[0].fill([0.0; HOURS]);
    with_days(&market, |days| {
        let rows = Rows::of(days, 10, 20);
        let mut row = Vec::new();
        (0..HOURS).for_each(|hour| rows.append(12, hour, 0.0, &mut row));
        assert!(row.iter().all(|value| value.is_finite()));
    });
}

#[test]
fn grids_begin_at_the_first_day_of_the_record() {
    let grid = Grid::new(10, 7, 0);
    assert_eq!([10, 16, 17].map(|day| grid.begin(day)), [10, 10, 17]);
    assert_eq!(grid.blocks(12..26), [12..17, 17..24, 24..26]);
    assert!(grid.blocks(12..12).is_empty());
    // Two days ahead: the first block is shorter, none begins before the record.
    let ahead = Grid::new(10, 7, 9);
    assert_eq!([10, 14, 15, 21, 22].map(|day| ahead.begin(day)), [10, 10, 15, 15, 22]);
    assert_eq!(ahead.blocks(10..24), [10..15, 15..22, 22..24]);
}

/// Members that err by a constant each.
fn erring(errors: &[f64], days: usize) -> (Vec<Vec<Day>>, Vec<Day>) {
    let actual: Vec<Day> = (0..days).map(|day| [day as f64; HOURS]).collect();
    let member = |error: &f64| actual.iter().map(|day| day.map(|price| price + error)).collect();
    (errors.iter().map(member).collect(), actual)
}

fn weights_of(members: &[Vec<Day>], actual: &[Day], equal_share: f64) -> Vec<f64> {
    let members: Vec<&[Day]> = members.iter().map(Vec::as_slice).collect();
    weights(&members, actual, equal_share)
}

#[test]
fn weights_find_the_least_error() {
    // The first is right: all weight but the equal share is its.
    let (members, actual) = erring(&[0.0, 4.0, 6.0], 30);
    let found = weights_of(&members, &actual, 0.3);
    assert!(found[0] > 0.78 && found[0] <= 0.8 + 1e-9, "{found:?}: 0.7 and a third of 0.3");
    same(found.iter().sum(), 1.0);
    // w · (−1) + (1 − w) · 3 = 0 at w = 3/4.
    let (members, actual) = erring(&[-1.0, 3.0], 30);
    let found = weights_of(&members, &actual, 0.0);
    assert!((found[0] - 0.75).abs() < 0.02, "{found:?}");
    // Errors that cancel are best kept in balance.
    let (members, actual) = erring(&[-2.0, 2.0], 30);
    same(weights_of(&members, &actual, 0.0)[0], 0.5);
    // Members that are alike are worth alike.
    let (members, actual) = erring(&[1.0, 1.0, -1.0], 30);
    let found = weights_of(&members, &actual, 0.1);
    same(found[0], found[1]);
}

#[test]
fn weights_are_equal_without_a_past() {
    let (members, actual) = erring(&[0.0, 100.0, 7.0, 9.0], 13);
    assert_eq!(weights_of(&members, &actual, 0.0), [0.25; 4]);
    assert_eq!(weights_of(&members[..1], &actual, 0.0), [1.0]);
}

#[test]
fn one_spike_does_not_overturn_many_ordinary_hours() {
    let (mut members, mut actual) = erring(&[0.5, 3.0], 60);
    // On one day the price is far out, and the worse member happens to have said so.
    actual[30] = [800.0; HOURS];
    members[0][30] = [50.0; HOURS];
    members[1][30] = [60.0; HOURS];
    let found = weights_of(&members, &actual, 0.0);
    assert!(found[0] > 0.9, "{found:?}");
}

#[test]
fn quantiles_hold_on_errors_of_changing_size() {
    let (days, levels) = (500, [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]);
    let mut dice = Dice(11);
    let (mut ensemble, mut spreads, mut actual) = (vec![], vec![], vec![]);
    for day in 0..days {
        // Members disagree twice as much in the afternoon, and the errors are as large.
        let season = 1.0 + 0.5 * (day as f64 / 40.0).sin();
        let spread: Day = std::array::from_fn(|hour| season * if hour < 12 { 1.0 } else { 2.0 });
        let forecast = [40.0; HOURS];
        let prices = std::array::from_fn(|hour| 40.0 + 6.0 * spread[hour] * (dice.roll() - 0.5));
        ensemble.push(forecast);
        spreads.push(spread);
        actual.push(prices);
    }
    let mut inside = [0.0; 2];
    for day in 200..days {
        let past =
            Past { ensemble: &ensemble[..=day], spreads: &spreads[..=day], actual: &actual[..day] };
        let bands = past.quantiles(&levels, 182);
        for hour in 0..HOURS {
            assert!(bands.windows(2).all(|pair| pair[0][hour] <= pair[1][hour]), "crossing");
            let hit = |low: usize, high: usize| {
                f64::from(u8::from(
                    (bands[low][hour]..=bands[high][hour]).contains(&actual[day][hour]),
                ))
            };
            inside[0] += hit(0, 6) / (24.0 * 300.0);
            inside[1] += hit(2, 4) / (24.0 * 300.0);
        }
    }
    assert!((inside[0] - 0.9).abs() < 0.02 && (inside[1] - 0.5).abs() < 0.03, "{inside:?}");
}

#[test]
fn without_a_past_all_quantiles_are_the_forecast() {
    let forecast = [[12.0; HOURS]];
    let past = Past { ensemble: &forecast, spreads: &[[1.0; HOURS]], actual: &[] };
    assert_eq!(past.quantiles(&[0.1, 0.9], 182), [[12.0; HOURS]; 2]);
}

#[test]
fn members_take_turns_where_days_are_to_cost_alike() {
    let fitted = |settings: &PoolSettings, day: usize| {
        let daily = settings.lear_windows.len();
        let trees = settings.trees.iter().chain([&settings.stack]).map(|spec| spec.refit_days);
        let mut every: Vec<usize> = trees.collect();
        let stack = every.pop().unwrap();
        // A network learns on weekly, from the day of its life on which it began.
        every.extend(settings.networks.iter().map(|_| 7));
        every.push(stack);
        let places = every.iter().enumerate();
        places
            .filter(|(at, every)| settings.grid(200, daily + at, **every).begin(day) == day)
            .count()
    };
    let (turns, together) = (PoolSettings::day_by_day(), PoolSettings::default());
    assert_eq!((fitted(&turns, 200), fitted(&together, 200 + 28)), (7, 7));
    assert!((201..900).all(|day| fitted(&turns, day) <= 1));
    let all = |settings: &PoolSettings| (200..900).map(|day| fitted(settings, day)).sum::<usize>();
    assert!(all(&turns).abs_diff(all(&together)) <= 7, "as many fits in all");
    // The open benchmark keeps its days.
    assert_eq!(PoolSettings { stagger_days: 0, ..turns }, together);
}
