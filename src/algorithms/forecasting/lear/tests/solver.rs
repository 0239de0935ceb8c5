//! The path of the LASSO against another solver, the conditions of optimality and a search.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_elasticnet::ElasticNet;
use ndarray::{Array1, Array2};
use proptest::prelude::*;

use crate::algorithms::forecasting::lear::moments::{Gram, Problem};
use crate::algorithms::forecasting::lear::path::{lasso, penalty_of_least_aic};
use crate::algorithms::forecasting::tests::market::Dice;

/// Centred columns and a centred target.
struct Sample {
    x: Array2<f64>,
    y: Array1<f64>,
    gram: Gram,
    cross: Vec<f64>,
}

impl Sample {
    /// Correlated columns, the target a function of every third one and chance. `oddities` adds a copy of
    /// the first column, the sum of the first two and a constant.
    fn new(rows: usize, columns: usize, seed: u64, oddities: bool) -> Self {
        let mut dice = Dice(seed);
        let total = columns + if oddities { 3 } else { 0 };
        let mut x = Array2::zeros((rows, total));
        let mut y = Array1::zeros(rows);
        for row in 0..rows {
            let common = dice.roll();
            for column in 0..columns {
                x[[row, column]] = common + dice.roll();
            }
            if oddities {
                x[[row, columns]] = x[[row, 0]];
                x[[row, columns + 1]] = x[[row, 0]] + x[[row, columns - 1]];
                x[[row, columns + 2]] = 0.25;
            }
            let effect = |column: usize| {
                x[[row, column]] * if column.is_multiple_of(2) { 1.0 } else { -2.0 }
            };
            y[row] = (0..columns).step_by(3).map(effect).sum::<f64>() + dice.roll();
        }
        for mut column in x.columns_mut() {
            let mean = column.mean().unwrap();
            column.mapv_inplace(|value| value - mean);
        }
        let mean = y.mean().unwrap();
        y.mapv_inplace(|value| value - mean);
        let gram = Gram::new(total, x.t().dot(&x).iter().copied().collect());
        let cross = x.t().dot(&y).to_vec();
        Self { x, y, gram, cross }
    }

    fn problem(&self) -> Problem<'_> {
        let square = self.y.dot(&self.y);
        Problem { gram: &self.gram, cross: &self.cross, square, rows: self.y.len() }
    }

    /// The same with columns of length 1.
    fn unit(mut self) -> Self {
        for mut column in self.x.columns_mut() {
            let length = column.dot(&column).sqrt();
            if length > 1e-9 {
                column.mapv_inplace(|value| value / length);
            }
        }
        let x = &self.x;
        self.gram = Gram::new(x.ncols(), x.t().dot(x).iter().copied().collect());
        self.cross = x.t().dot(&self.y).to_vec();
        self
    }

    fn largest(&self) -> f64 {
        self.cross.iter().fold(0.0, |most: f64, value| most.max(value.abs()))
    }

    fn aic(&self, coefficients: &[f64]) -> f64 {
        let residual = &self.y - &self.x.dot(&Array1::from(coefficients.to_vec()));
        let df = coefficients.iter().filter(|value| **value != 0.0).count();
        let variance = self.y.dot(&self.y) / self.y.len() as f64;
        residual.dot(&residual) / variance + 2.0 * df as f64
    }
}

#[test]
fn coefficients_are_those_of_coordinate_descent() {
    for (rows, columns, seed) in [(80, 20, 1), (200, 60, 2), (30, 50, 3)] {
        let sample = Sample::new(rows, columns, seed, false);
        for share in [0.5, 0.05, 0.005] {
            let penalty = share * sample.largest();
            let found = lasso(sample.problem(), penalty);
            let other = ElasticNet::<f64>::lasso()
                .with_intercept(false)
                .penalty(penalty / rows as f64)
                .tolerance(1e-12)
                .max_iterations(200_000)
                .fit(&DatasetBase::new(sample.x.clone(), sample.y.clone()))
                .unwrap();
            for (found, other) in found.iter().zip(other.hyperplane()) {
                assert!(
                    (found - other).abs() < 1e-4,
                    "{rows} × {columns}, {share}: {found} {other}"
                );
            }
        }
    }
}

proptest! {
    #[test]
    fn solutions_are_optimal(
        rows in 3_usize..60,
        columns in 2_usize..40,
        seed in 0_u64..1_000_000,
        share in 0.0003_f64..1.1,
        oddities: bool,
    ) {
        let sample = Sample::new(rows, columns, seed, oddities);
        let penalty = share * sample.largest();
        let coefficients = lasso(sample.problem(), penalty);
        let residual = &sample.y - &sample.x.dot(&Array1::from(coefficients.clone()));
        let correlations = sample.x.t().dot(&residual);
        let slack = 1e-7 * sample.largest();
        for (coefficient, correlation) in coefficients.iter().zip(&correlations) {
            if *coefficient == 0.0 {
                prop_assert!(correlation.abs() <= penalty + slack, "{correlation} > {penalty}");
            } else {
                let wanted = penalty * coefficient.signum();
                prop_assert!((correlation - wanted).abs() <= slack, "{correlation} is not {wanted}");
            }
        }
    }

    #[test]
    fn no_penalty_has_a_smaller_aic(
        rows in 5_usize..80,
        columns in 2_usize..30,
        seed in 0_u64..1_000_000,
        oddities: bool,
    ) {
        let sample = Sample::new(rows, columns, seed, oddities).unit();
        let best = penalty_of_least_aic(sample.problem());
        let least = sample.aic(&lasso(sample.problem(), best));
        for step in 0..200 {
            let penalty = sample.largest() * 0.97_f64.powi(step);
            let aic = sample.aic(&lasso(sample.problem(), penalty));
            prop_assert!(least <= aic + 1e-6, "{least} at {best}, {aic} at {penalty}");
        }
    }
}

#[test]
fn nothing_to_explain_takes_no_column() {
    let gram = Gram::new(2, vec![1.0, 0.0, 0.0, 1.0]);
    let problem = Problem { gram: &gram, cross: &[0.0, 0.0], square: 0.0, rows: 10 };
    assert_eq!(lasso(problem, penalty_of_least_aic(problem)), [0.0, 0.0]);
    let empty = Gram::new(0, vec![]);
    let problem = Problem { gram: &empty, cross: &[], square: 3.0, rows: 10 };
    assert_eq!(lasso(problem, penalty_of_least_aic(problem)), [0.0; 0]);
}
