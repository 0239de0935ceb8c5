//! Tests of the network: its gradient, what it learns, what it refuses.

use super::matrix::{add_product, add_rows, transpose};
use super::network::Weights;
use super::optimiser::Optimiser;
use super::{Mlp, MlpError, MlpSettings};
use crate::algorithms::forecasting::days::{Day, DaysError, HOURS, Part};
use crate::algorithms::forecasting::tests::market::{Dice, Market};

fn small(seed: u64) -> MlpSettings {
    MlpSettings { units: 8, seed, window_days: 120, first_rounds: 20, ..MlpSettings::default() }
}

/// A network that has learned the days before `day`.
fn learned(market: &Market, day: usize, settings: MlpSettings) -> Mlp {
    let mut network = Mlp::new(settings);
    market.history(|history| network.learn(history, day)).unwrap();
    network
}

fn forecast(network: &Mlp, market: &Market, day: usize) -> Result<Day, MlpError> {
    market.history(|history| network.forecast(history, day))
}

fn values(count: usize, dice: &mut Dice) -> Vec<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "the network reckons in f32")]
    (0..count).map(|_| (2.0 * dice.roll() - 1.0) as f32).collect()
}

#[test]
#[expect(clippy::float_cmp, reason = "small whole numbers are exact")]
fn products_are_those_of_the_definition() {
    let mut dice = Dice(3);
    for (rows, inner, columns) in [(1, 1, 1), (3, 8, 5), (5, 19, 24), (2, 7, 9)] {
        let (left, right) = (values(rows * inner, &mut dice), values(inner * columns, &mut dice));
        let mut sum = vec![1.0; rows * columns];
        add_product(&mut sum, &left, &right, inner, columns);
        for row in 0..rows {
            for column in 0..columns {
                let product = |k: usize| left[row * inner + k] * right[k * columns + column];
                let expected = 1.0 + (0..inner).map(product).sum::<f32>();
                assert!((sum[row * columns + column] - expected).abs() < 1e-5);
            }
        }
    }
    assert_eq!(transpose(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    let mut sums = [1.0, 0.0];
    add_rows(&mut sums, &[1.0, 2.0, 3.0, 4.0]);
    assert_eq!(sums, [5.0, 6.0]);
}

#[test]
fn the_gradient_is_the_slope_of_the_loss() {
    let mut dice = Dice(5);
    let (inputs, units, rows) = (6, 5, 4);
    let mut weights = Weights::zeros(inputs, units);
    for part in weights.parts_mut() {
        *part = values(part.len(), &mut dice);
    }
    let (x, y) = (values(rows * inputs, &mut dice), values(rows * HOURS, &mut dice));
    for threshold in [0.05, 4.0] {
        let (_, gradient) = weights.gradient(&x, &y, threshold);
        let mut steep = 0;
        for part in 0..5 {
            for index in 0..weights.parts()[part].len() {
                let loss_at = |shift: f32| {
                    let mut moved = weights.clone();
                    moved.parts_mut()[part][index] += shift;
                    f64::from(moved.gradient(&x, &y, threshold).0)
                };
                let shift = 2e-3_f32;
                let slope = (loss_at(shift) - loss_at(-shift)) / f64::from(2.0 * shift);
                let found = f64::from(gradient.parts()[part][index]);
                assert!((slope - found).abs() < 2e-3, "part {part}, {index}: {found}, {slope}");
                steep += usize::from(slope.abs() > 1e-2);
            }
        }
        assert!(steep > 20, "only {steep} slopes tell anything");
    }
}

#[test]
fn a_linear_map_is_learned() {
    let mut dice = Dice(9);
    let (inputs, rows) = (12, 320);
    let map = values(inputs * HOURS, &mut dice);
    let x = values(rows * inputs, &mut dice);
    let mut y = vec![0.0; rows * HOURS];
    add_product(&mut y, &x, &map, inputs, HOURS);
    #[expect(clippy::cast_possible_truncation, reason = "the network reckons in f32")]
    let mut optimiser = Optimiser::new(Weights::random(inputs, 8, || dice.roll() as f32));
    for _ in 0..200 {
        for (x, y) in x.chunks(32 * inputs).zip(y.chunks(32 * HOURS)) {
            let (_, gradient) = optimiser.weights().gradient(x, y, 0.05);
            optimiser.step(&gradient, 3e-3, 0.0);
        }
    }
    let found = optimiser.mean().forecast(&x);
    let mean = |sum: f32| sum / y.len() as f32;
    let error = mean(found.iter().zip(&y).map(|(found, wanted)| (found - wanted).abs()).sum());
    let size = mean(y.iter().map(|wanted| wanted.abs()).sum());
    assert!(error < size / 20.0, "{error} of {size}");
}

#[test]
fn an_invented_market_is_forecast_better_than_by_last_weeks_prices() {
    let market = Market::invented(400, 0.0);
    let settings =
        MlpSettings { units: 16, window_days: 390, decay: 0.1, ..MlpSettings::default() };
    let network = learned(&market, 393, settings);
    let (mut error, mut naive) = (0.0, 0.0);
    for day in 393..400 {
        let found = forecast(&network, &market, day).unwrap();
        let weeks = market.prices[day].iter().zip(&market.prices[day - 7]);
        for (found, (actual, before)) in found.iter().zip(weeks) {
            error += (found - actual).abs();
            naive += (before - actual).abs();
        }
    }
    assert!(error < naive / 2.0, "{error}, last week's prices {naive}");
}

#[test]
#[expect(clippy::float_cmp, reason = "the same bits")]
fn a_seed_decides_the_forecast_and_learning_on_changes_it() {
    let market = Market::invented(140, 3.0);
    let mut first = learned(&market, 130, small(1));
    let again = learned(&market, 130, small(1));
    let other = learned(&market, 130, small(2));
    let before = forecast(&first, &market, 131).unwrap();
    assert_eq!(before, forecast(&again, &market, 131).unwrap());
    assert_ne!(before, forecast(&other, &market, 131).unwrap());
    market.history(|history| first.learn(history, 131)).unwrap();
    assert_ne!(before, forecast(&first, &market, 131).unwrap());
}

#[test]
#[expect(clippy::float_cmp, reason = "the same bits")]
fn the_future_is_not_read() {
    let market = Market::invented(140, 3.0);
    let mut other = market.clone();
    for day in 130..140 {
        other.prices[day] = [f64::NAN; HOURS];
        if day > 130 {
            other.exogenous[0][day] = [f64::NAN; HOURS];
        }
    }
    let found = |market: &Market| forecast(&learned(market, 130, small(1)), market, 130).unwrap();
    assert_eq!(found(&market), found(&other));
}

#[test]
fn what_never_changes_is_forecast_as_it_is() {
    let mut market = Market::invented(60, 3.0);
    market.prices.fill([42.5; HOURS]);
    for day in &mut market.exogenous[0] {
        *day = [7.0; HOURS];
    }
    for price in forecast(&learned(&market, 59, small(1)), &market, 59).unwrap() {
        assert!((price - 42.5).abs() < 2.0, "{price}");
    }
}

#[test]
fn what_cannot_be_used_is_named() {
    let market = Market::invented(60, 3.0);
    let mut network = Mlp::new(small(1));
    assert_eq!(forecast(&network, &market, 59), Err(MlpError::NotLearned));
    let few = market.history(|history| network.learn(history, 20));
    assert_eq!(few, Err(MlpError::Days(DaysError::FewDays { found: 20, least: 21 })));
    let mut hole = market.clone();
    hole.prices[55][3] = f64::NAN;
    let missing = MlpError::Days(DaysError::NotFinite { what: Part::Prices, day: 55, hour: 3 });
    assert_eq!(hole.history(|history| network.learn(history, 59)), Err(missing.clone()));
    market.history(|history| network.learn(history, 59)).unwrap();
    assert_eq!(forecast(&network, &hole, 59), Err(missing));
    let columns = MlpError::Columns { learned: 175, found: 103 };
    let mut lone = market.clone();
    lone.exogenous.clear();
    let found = lone.history(|history| network.forecast(history, 59));
    assert_eq!(found, Err(columns.clone()));
    assert_eq!(lone.history(|history| network.learn(history, 59)), Err(columns));
    for units in [0, 100_000] {
        let mut network = Mlp::new(MlpSettings { units, ..small(1) });
        let found = market.history(|history| network.learn(history, 59));
        assert_eq!(found, Err(MlpError::Units(units)));
    }
    let mut wild = Mlp::new(MlpSettings { first_rate: f32::MAX, ..small(1) });
    assert_eq!(market.history(|history| wild.learn(history, 59)), Err(MlpError::Diverged));
}
