//! LASSO at one penalty by cyclic coordinate descent on the Gram matrix.
//!
//! Friedman, Hastie, Tibshirani, "Regularization paths for generalized linear models via coordinate
//! descent", Journal of Statistical Software 33 (2010), section 2.2: with g = X'(y − Xβ) kept up to
//! date, a step costs one row of X'X, whatever the number of training rows.

use super::moments::Problem;

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tolerance {
    /// Largest duality gap of ½‖y − Xβ‖² + λ‖β‖₁, as a share of y'y; also the largest change of a
    /// coefficient in a round, as a share of the largest coefficient, at which the gap is looked at.
    pub gap: f64,
    /// Most rounds over all columns.
    pub rounds: usize,
}

/// Minimises ½‖y − Xβ‖² + `penalty` · ‖β‖₁ from β = 0; the coefficients of all columns.
pub(super) fn lasso(problem: Problem<'_>, penalty: f64, tolerance: Tolerance) -> Vec<f64> {
    let mut coefficients = vec![0.0; problem.cross.len()];
    let mut gradient = problem.cross.to_vec();
    for _ in 0..tolerance.rounds {
        let (mut largest, mut largest_change) = (0.0_f64, 0.0_f64);
        for (column, coefficient) in coefficients.iter_mut().enumerate() {
            let row = problem.gram.row(column);
            let square = row[column];
            if square <= 0.0 {
                continue;
            }
            let before = *coefficient;
            let pull = gradient[column] + square * before;
            *coefficient = pull.signum() * (pull.abs() - penalty).max(0.0) / square;
            let change = *coefficient - before;
            if change != 0.0 {
                for (slope, product) in gradient.iter_mut().zip(row) {
                    *slope -= change * product;
                }
            }
            largest = largest.max(coefficient.abs());
            largest_change = largest_change.max(change.abs());
        }
        let settled = largest_change <= tolerance.gap * largest;
        if settled && gap(problem, penalty, &coefficients, &gradient) <= tolerance.gap * problem.square {
            break;
        }
    }
    coefficients
}

/// Difference between the objective and that of the dual point got by shrinking the residual until it
/// is feasible: an upper bound on how far the objective is from its minimum.
pub(super) fn gap(
    problem: Problem<'_>,
    penalty: f64,
    coefficients: &[f64],
    gradient: &[f64],
) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let explained = dot(coefficients, problem.cross);
    let residual_target = problem.square - explained;
    let residual_square = residual_target - dot(coefficients, gradient);
    let steepest = gradient.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let shrink = if steepest > penalty { penalty / steepest } else { 1.0 };
    let size: f64 = coefficients.iter().map(|value| value.abs()).sum();
    0.5 * residual_square * (1.0 + shrink * shrink) + penalty * size - shrink * residual_target
}
