//! Chooses the penalty of a LASSO: the exact path of least angle regression and its least AIC.
//!
//! Efron, Hastie, Johnstone, Tibshirani, "Least angle regression", Annals of Statistics 32 (2004),
//! with the LASSO modification of its section 3.1. The LASSO minimises ½‖y − Xβ‖² + λ‖β‖₁. Between two
//! kinks of the path every active column has a correlation with the residual of size λ and all
//! coefficients move along a straight line; at a kink a column joins or its coefficient reaches zero
//! and it leaves. The criterion is AIC = ‖y − Xβ‖² / var(y) + 2·df with df the number of active
//! columns (Zou, Hastie, Tibshirani 2007) and the variance of the target as that of the noise.

use super::moments::Problem;

/// Squared distance from the span of the active columns, relative to the length of a column, below
/// which a column is a combination of them and cannot join.
const DEPENDENT: f64 = 1e-14;
/// Rate at which a correlation must fall behind λ to count as ever being reached.
const PARALLEL: f64 = 1e-12;
/// Kinks per column after which the path is given up; it has about as many kinks as columns.
const KINKS_PER_COLUMN: usize = 8;

/// The λ on the path of least AIC. The columns of the problem must have length 1 (or 0).
pub(super) fn penalty_of_least_aic(problem: Problem<'_>) -> f64 {
    let mut walk = Walk::new(problem);
    let (mut least, mut best) = (walk.aic(), walk.penalty);
    for _ in 0..KINKS_PER_COLUMN * problem.gram.size {
        if !walk.step() {
            break;
        }
        let aic = walk.aic();
        if aic < least {
            (least, best) = (aic, walk.penalty);
        }
        // Even a perfect fit with so many columns is worse; the path practically never loses enough
        // of them again.
        if 2.0 * walk.active.len() as f64 > least {
            break;
        }
    }
    best
}

/// What happens at a kink.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Event {
    /// This column joins, with this sign of its correlation.
    Join(usize, f64),
    /// The active column at this place leaves.
    Leave(usize),
    /// The penalty is zero: least squares.
    End,
}

/// An active column.
#[derive(Debug, Clone, Copy)]
struct Active {
    column: usize,
    sign: f64,
    coefficient: f64,
}

/// The current point of the path.
struct Walk<'a> {
    problem: Problem<'a>,
    penalty: f64,
    active: Vec<Active>,
    factor: Cholesky,
    /// Correlation of every column with the residual.
    correlations: Vec<f64>,
    /// Columns that are active or combinations of active ones.
    taken: Vec<bool>,
    /// Column that left at this kink: it must not come back with the sign it had.
    left: Option<(usize, f64)>,
    residual_square: f64,
    next: Event,
}

impl<'a> Walk<'a> {
    /// The beginning: no column is active, λ is the largest correlation.
    fn new(problem: Problem<'a>) -> Self {
        let correlations = problem.cross.to_vec();
        let sizes = correlations.iter().map(|value| value.abs()).enumerate();
        let first = sizes.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, size)| *size > 0.0);
        let next =
            first.map_or(Event::End, |(column, _)| Event::Join(column, correlations[column].signum()));
        Self {
            problem,
            penalty: first.map_or(0.0, |(_, size)| size),
            active: Vec::new(),
            factor: Cholesky::default(),
            taken: vec![false; correlations.len()],
            left: None,
            residual_square: problem.square,
            correlations,
            next,
        }
    }

    fn aic(&self) -> f64 {
        let rows = self.problem.rows as f64;
        let share = if self.problem.square > 0.0 {
            self.residual_square / self.problem.square
        } else {
            0.0
        };
        rows * share + 2.0 * self.active.len() as f64
    }

    /// Goes to the next kink; false when there is none.
    fn step(&mut self) -> bool {
        self.left = None;
        match self.next {
            Event::End => return false,
            Event::Leave(place) => {
                let gone = self.active.remove(place);
                self.taken[gone.column] = false;
                self.left = Some((gone.column, gone.sign));
                self.factor.remove(place);
            }
            Event::Join(column, sign) => {
                // As many columns as centred rows have dimensions fit everything.
                if self.active.len() + 1 >= self.problem.rows {
                    return false;
                }
                self.taken[column] = true;
                let row = self.problem.gram.row(column);
                let products = self.active.iter().map(|active| row[active.column]).collect();
                if self.factor.append(products, row[column]) {
                    self.active.push(Active { column, sign, coefficient: 0.0 });
                }
            }
        }
        let signs = self.active.iter().map(|active| active.sign).collect();
        let direction = self.factor.solve(signs);
        let slopes = self.slopes(&direction);
        let (length, next) = self.next_kink(&direction, &slopes);
        self.advance(length, &direction, &slopes);
        self.next = next;
        true
    }

    /// How fast each correlation falls: X'X · direction. It is the sign for active columns.
    fn slopes(&self, direction: &[f64]) -> Vec<f64> {
        let mut slopes = vec![0.0; self.correlations.len()];
        for (active, step) in self.active.iter().zip(direction) {
            for (slope, product) in slopes.iter_mut().zip(self.problem.gram.row(active.column)) {
                *slope += step * product;
            }
        }
        slopes
    }

    /// How far λ falls until the next kink, and what happens there.
    fn next_kink(&self, direction: &[f64], slopes: &[f64]) -> (f64, Event) {
        let (mut length, mut event) = (self.penalty, Event::End);
        for (column, (correlation, slope)) in self.correlations.iter().zip(slopes).enumerate() {
            if self.taken[column] {
                continue;
            }
            for sign in [1.0, -1.0] {
                let closing = 1.0 - sign * slope;
                if closing > PARALLEL && self.left != Some((column, sign)) {
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

/// Lower triangular factor of the Gram matrix of the active columns, row after row, with those
/// products from which it can be made again when a column leaves.
#[derive(Default)]
struct Cholesky {
    factor: Vec<Vec<f64>>,
    products: Vec<(Vec<f64>, f64)>,
}

impl Cholesky {
    /// Adds a column with its products with the columns so far and its own square; false, and
    /// nothing changed, if it is a combination of them.
    fn append(&mut self, products: Vec<f64>, square: f64) -> bool {
        let mut row = products.clone();
        for i in 0..row.len() {
            let (before, rest) = row.split_at_mut(i);
            let known: f64 = before.iter().zip(&self.factor[i]).map(|(a, b)| a * b).sum();
            rest[0] = (rest[0] - known) / self.factor[i][i];
        }
        let beyond = square - row.iter().map(|value| value * value).sum::<f64>();
        if beyond <= DEPENDENT * square.max(1.0) {
            return false;
        }
        row.push(beyond.sqrt());
        self.factor.push(row);
        self.products.push((products, square));
        true
    }

    /// Removes the column at `place`.
    fn remove(&mut self, place: usize) {
        self.factor.truncate(place);
        let mut later = self.products.split_off(place).into_iter();
        drop(later.next());
        for (mut products, square) in later {
            products.remove(place);
            // A subset of independent columns is independent.
            self.append(products, square);
        }
    }

    /// Solves L L' x = `right`.
    fn solve(&self, right: Vec<f64>) -> Vec<f64> {
        let mut x = right;
        for (i, row) in self.factor.iter().enumerate() {
            let known: f64 = row[..i].iter().zip(&x).map(|(a, b)| a * b).sum();
            x[i] = (x[i] - known) / row[i];
        }
        for (i, row) in self.factor.iter().enumerate().rev() {
            x[i] /= row[i];
            let value = x[i];
            for (other, a) in x[..i].iter_mut().zip(row) {
                *other -= value * a;
            }
        }
        x
    }
}
