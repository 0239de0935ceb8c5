//! Cholesky factor of a Gram matrix that gains and loses columns.

/// Squared distance of a column from the span of the others, relative to its own square, below which
/// it counts as a combination of them.
const DEPENDENT: f64 = 1e-14;

/// Lower triangular factor L of the Gram matrix L·L' of some columns, row after row, with the products
/// from which it can be made again when a column leaves.
#[derive(Default)]
pub(super) struct Cholesky {
    factor: Vec<Vec<f64>>,
    products: Vec<(Vec<f64>, f64)>,
}

impl Cholesky {
    /// Adds a column by its products with the columns so far and its own square; false, and nothing
    /// added, if it is a combination of them.
    pub fn append(&mut self, products: Vec<f64>, square: f64) -> bool {
        let mut row = self.forward(products.clone());
        let beyond = square - row.iter().map(|value| value * value).sum::<f64>();
        if beyond <= DEPENDENT * square {
            return false;
        }
        row.push(beyond.sqrt());
        self.factor.push(row);
        self.products.push((products, square));
        true
    }

    /// Removes the column at `place`.
    pub fn remove(&mut self, place: usize) {
        self.factor.truncate(place);
        let later = self.products.split_off(place).into_iter().skip(1);
        for (mut products, square) in later {
            products.remove(place);
            // Independent columns stay independent when one of them goes.
            self.append(products, square);
        }
    }

    /// Solves L·L'·x = `right`.
    pub fn solve(&self, right: Vec<f64>) -> Vec<f64> {
        let mut x = self.forward(right);
        for (i, row) in self.factor.iter().enumerate().rev() {
            x[i] /= row[i];
            let value = x[i];
            for (other, factor) in x[..i].iter_mut().zip(row) {
                *other -= value * factor;
            }
        }
        x
    }

    /// Solves L·x = `right`.
    fn forward(&self, right: Vec<f64>) -> Vec<f64> {
        let mut x = right;
        for (i, row) in self.factor.iter().enumerate() {
            let (known, rest) = x.split_at_mut(i);
            rest[0] = (rest[0] - dot(known, row)) / row[i];
        }
        x
    }
}

/// Sum of the products over the shorter of both.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 4;
    let length = a.len().min(b.len());
    let (a, b) = (a[..length].chunks_exact(LANES), b[..length].chunks_exact(LANES));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    // Sums that do not wait for each other.
    let mut sums = [0.0; LANES];
    for (a, b) in a.zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}
