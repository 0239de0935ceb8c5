//! The exact solution path of the LASSO by least angle regression, and its point of least AIC.
//!
//! Efron, Hastie, Johnstone, Tibshirani, "Least angle regression", Annals of Statistics 32 (2004),
//! with the LASSO modification of its section 3.1. The LASSO minimises ½‖y − Xβ‖² + λ‖β‖₁. At λ all
//! active columns have a correlation x'(y − Xβ) of size λ with the residual, all others a smaller one.
//! Between two kinks of the path the coefficients move along a straight line as λ falls; at a kink a
//! column joins, or its coefficient reaches zero and it leaves. Only X'X and X'y are needed.

use super::cholesky::Cholesky;
use super::moments::Problem;

/// Rate at which a correlation must come nearer to λ to count as ever reaching it.
const PARALLEL: f64 = 1e-12;
/// Columns that a path may lose again before it comes to its least AIC.
const LOSSES: f64 = 12.0;
/// Kinks per column after which a path is given up where it is; usually there are one to three.
const KINKS_PER_COLUMN: usize = 8;

/// The coefficients of all columns at the penalty λ.
pub(super) fn lasso(problem: Problem<'_>, penalty: f64) -> Vec<f64> {
    let mut walk = Walk::new(problem, penalty);
    walk.by(|_| true);
    let mut coefficients = vec![0.0; problem.cross.len()];
    for active in &walk.active {
        coefficients[active.column] = active.coefficient;
    }
    coefficients
}

/// The kink λ of least AIC = ‖y − Xβ‖² / var(y) + 2·df, where df is the number of active columns (Zou,
/// Hastie, Tibshirani 2007) and the variance of the target stands for that of the noise.
pub(super) fn penalty_of_least_aic(problem: Problem<'_>) -> f64 {
    let mut walk = Walk::new(problem, 0.0);
    let (mut least, mut best) = (walk.aic(), walk.penalty);
    walk.by(|walk| {
        let aic = walk.aic();
        if aic < least {
            (least, best) = (aic, walk.penalty);
        }
        // With so many columns even a perfect fit is worse, unless the path loses some of them again.
        2.0 * walk.active.len() as f64 <= least + 2.0 * LOSSES
    });
    best
}

/// What happens at a kink.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Event {
    /// This column joins, with this sign of its correlation.
    Join(usize, f64),
    /// The active column at this place leaves.
    Leave(usize),
    /// The wanted penalty is reached.
    End,
}

/// An active column.
#[derive(Debug, Clone, Copy)]
struct Active {
    column: usize,
    /// Sign of its correlation with the residual and of its coefficient.
    sign: f64,
    coefficient: f64,
}

/// A point of the path on the way to smaller penalties.
struct Walk<'a> {
    problem: Problem<'a>,
    penalty: f64,
    /// Penalty at which the walk ends.
    end: f64,
    active: Vec<Active>,
    /// Of the Gram matrix of the active columns.
    factor: Cholesky,
    /// Correlation of every column with the residual.
    correlations: Vec<f64>,
    /// Whether a column is active or must not become so for now.
    taken: Vec<bool>,
    /// Columns that have reached λ but are combinations of active ones. They stay at λ by themselves.
    dependent: Vec<usize>,
    residual_square: f64,
    next: Event,
}

impl<'a> Walk<'a> {
    /// The beginning: no column is active, λ is the largest correlation.
    fn new(problem: Problem<'a>, end: f64) -> Self {
        let correlations = problem.cross.to_vec();
        let sizes = correlations.iter().map(|value| value.abs()).enumerate();
        let first = sizes.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, size)| *size > end);
        let join = |(column, _): (usize, f64)| Event::Join(column, correlations[column].signum());
        Self {
            problem,
            penalty: first.map_or(end, |(_, size)| size),
            end,
            active: Vec::new(),
            factor: Cholesky::default(),
            taken: vec![false; correlations.len()],
            dependent: Vec::new(),
            residual_square: problem.square,
            next: first.map_or(Event::End, join),
            correlations,
        }
    }

    /// Walks from kink to kink until the end or until `go_on`, asked at every kink, is false.
    fn by(&mut self, mut go_on: impl FnMut(&Self) -> bool) {
        for _ in 0..KINKS_PER_COLUMN * self.correlations.len() {
            if self.next == Event::End {
                return;
            }
            self.step();
            if !go_on(self) {
                return;
            }
        }
    }

    fn aic(&self) -> f64 {
        let square = self.problem.square;
        let share = if square > 0.0 { self.residual_square / square } else { 0.0 };
        self.problem.rows as f64 * share + 2.0 * self.active.len() as f64
    }

    /// Lets the event of this kink happen and goes to the next kink.
    fn step(&mut self) {
        let mut left = None;
        match self.next {
            Event::End => {}
            Event::Join(column, sign) => self.join(column, sign),
            Event::Leave(place) => {
                let gone = self.active.remove(place);
                self.factor.remove(place);
                left = Some((gone.column, gone.sign));
                for column in self.dependent.drain(..).chain([gone.column]) {
                    self.taken[column] = false;
                }
            }
        }
        let signs = self.active.iter().map(|active| active.sign).collect();
        let direction = self.factor.solve(signs);
        let slopes = self.slopes(&direction);
        let (length, next) = self.next_kink(&direction, &slopes, left);
        self.advance(length, &direction, &slopes);
        self.next = next;
    }

    fn join(&mut self, column: usize, sign: f64) {
        self.taken[column] = true;
        let row = self.problem.gram.row(column);
        let products = self.active.iter().map(|active| row[active.column]).collect();
        // Centred rows have one dimension less than there are rows.
        let room = self.active.len() + 1 < self.problem.rows;
        if room && self.factor.append(products, row[column]) {
            self.active.push(Active { column, sign, coefficient: 0.0 });
        } else {
            self.dependent.push(column);
        }
    }

    /// How fast each correlation falls as λ does: X'X · direction, the sign for active columns.
    fn slopes(&self, direction: &[f64]) -> Vec<f64> {
        let mut slopes = vec![0.0; self.correlations.len()];
        for (active, step) in self.active.iter().zip(direction) {
            for (slope, product) in slopes.iter_mut().zip(self.problem.gram.row(active.column)) {
                *slope += step * product;
            }
        }
        slopes
    }

    /// How far λ falls until the next kink, and what happens there. A column that has just `left` does
    /// not come back with the sign it had.
    fn next_kink(
        &self,
        direction: &[f64],
        slopes: &[f64],
        left: Option<(usize, f64)>,
    ) -> (f64, Event) {
        let (mut length, mut event) = (self.penalty - self.end, Event::End);
        for (column, (correlation, slope)) in self.correlations.iter().zip(slopes).enumerate() {
            if self.taken[column] {
                continue;
            }
            for sign in [1.0, -1.0] {
                let closing = 1.0 - sign * slope;
                if closing > PARALLEL && left != Some((column, sign)) {
                    let reached = ((self.penalty - sign * correlation) / closing).max(0.0);
                    if reached < length {
                        (length, event) = (reached, Event::Join(column, sign));
                    }
                }
            }
        }
        for (place, (active, step)) in self.active.iter().zip(direction).enumerate() {
            let zero = -active.coefficient / step;
            if zero > 0.0 && zero < length {
                (length, event) = (zero, Event::Leave(place));
            }
        }
        (length, event)
    }

    fn advance(&mut self, length: f64, direction: &[f64], slopes: &[f64]) {
        let signed = self.active.iter().zip(direction);
        let gain: f64 = signed.map(|(active, step)| active.sign * step).sum();
        self.residual_square -= length * gain * (2.0 * self.penalty - length);
        self.penalty -= length;
        for (active, step) in self.active.iter_mut().zip(direction) {
            active.coefficient += length * step;
        }
        for (correlation, slope) in self.correlations.iter_mut().zip(slopes) {
            *correlation -= length * slope;
        }
    }
}
