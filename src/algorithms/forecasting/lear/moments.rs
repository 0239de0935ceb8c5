//! Means and centred cross products of LEAR's columns and targets, shared by the 24 regressions.

use crate::algorithms::forecasting::days::HOURS;
use crate::algorithms::forecasting::design::Design;

/// Rows that are multiplied together, so that each sum is loaded and stored once for all of them.
const BLOCK: usize = 8;
/// Mean square below which a centred column is constant up to rounding.
const CONSTANT: f64 = 1e-20;

/// A symmetric matrix, row after row.
pub(super) struct Gram {
    /// Number of rows and of columns.
    pub size: usize,
    values: Vec<f64>,
}

impl Gram {
    /// A matrix of `size` rows out of its values, row after row.
    pub const fn new(size: usize, values: Vec<f64>) -> Self {
        Self { size, values }
    }

    /// One row, which is also the column of this index.
    pub fn row(&self, index: usize) -> &[f64] {
        &self.values[index * self.size..][..self.size]
    }

    /// The matrix with every entry i, j divided by `scales[i] · scales[j]`.
    pub fn scaled(&self, scales: &[f64]) -> Self {
        let rows = self.values.chunks_exact(self.size.max(1)).zip(scales);
        let values = rows.flat_map(|(row, scale)| {
            row.iter().zip(scales).map(move |(value, other)| value / (scale * other))
        });
        Self { size: self.size, values: values.collect() }
    }
}

/// A regression reduced to its centred cross products.
#[derive(Clone, Copy)]
pub(super) struct Problem<'a> {
    /// X'X.
    pub gram: &'a Gram,
    /// X'y.
    pub cross: &'a [f64],
    /// y'y.
    pub square: f64,
    /// Number of rows of X.
    pub rows: usize,
}

/// Everything the regressions need to know about the training rows.
pub(super) struct Moments {
    /// Number of training rows.
    pub rows: usize,
    /// Means of the columns, then of the 24 targets.
    pub means: Vec<f64>,
    /// X'X of the centred columns; rows of constant columns are zero.
    pub gram: Gram,
    /// X'y of the centred columns and targets of each hour.
    pub cross: Vec<Vec<f64>>,
    /// y'y of the centred targets of each hour.
    pub squares: Vec<f64>,
}

impl Moments {
    /// Centres the rows of a design and multiplies them.
    pub fn of(design: &Design) -> Self {
        let width = design.width;
        let stride = width + HOURS;
        let mut centred = design.rows.clone();
        let means = centre(&mut centred, stride);
        let rows = centred.len() / stride;
        let mut products = products(&centred, stride);
        clear_constants(&mut products, stride, CONSTANT * rows as f64);
        let gram = products.chunks_exact(stride).take(width).flat_map(|row| row[..width].to_vec());
        let gram = Gram::new(width, gram.collect());
        let targets = || products.chunks_exact(stride).skip(width);
        let cross = targets().map(|row| row[..width].to_vec()).collect();
        let squares = targets().enumerate().map(|(hour, row)| row[width + hour]).collect();
        Self { rows, means, gram, cross, squares }
    }

    /// The regression of one hour on the columns as they are.
    pub fn problem(&self, hour: usize) -> Problem<'_> {
        let (gram, cross) = (&self.gram, self.cross[hour].as_slice());
        Problem { gram, cross, square: self.squares[hour], rows: self.rows }
    }

    /// Euclidean lengths of the centred columns, 1 for constant ones.
    pub fn lengths(&self) -> Vec<f64> {
        let squares = (0..self.gram.size).map(|column| self.gram.row(column)[column]);
        squares.map(|square| if square > 0.0 { square.sqrt() } else { 1.0 }).collect()
    }
}

/// Subtracts from every column its mean, and returns the means.
fn centre(rows: &mut [f64], stride: usize) -> Vec<f64> {
    let count = (rows.len() / stride).max(1) as f64;
    let mut means = vec![0.0; stride];
    for row in rows.chunks_exact(stride) {
        for (mean, value) in means.iter_mut().zip(row) {
            *mean += value / count;
        }
    }
    for row in rows.chunks_exact_mut(stride) {
        for (value, mean) in row.iter_mut().zip(&means) {
            *value -= mean;
        }
    }
    means
}

/// The product M'M of a matrix given row after row, `stride` values each.
fn products(rows: &[f64], stride: usize) -> Vec<f64> {
    let mut sums = vec![0.0; stride * stride];
    for block in rows.chunks(BLOCK * stride) {
        // A last block that is not full is filled up with rows of zeros.
        let mut filled = block.to_vec();
        filled.resize(BLOCK * stride, 0.0);
        let row: [&[f64]; BLOCK] = std::array::from_fn(|index| &filled[index * stride..][..stride]);
        for (i, sums) in sums.chunks_exact_mut(stride).enumerate() {
            let left: [f64; BLOCK] = row.map(|row| row[i]);
            let right: [&[f64]; BLOCK] = row.map(|row| &row[i..]);
            let upper = &mut sums[i..];
            let right = right.map(|values| &values[..upper.len()]);
            for (j, sum) in upper.iter_mut().enumerate() {
                let pairs = (left[0] * right[0][j] + left[1] * right[1][j])
                    + (left[2] * right[2][j] + left[3] * right[3][j]);
                let others = (left[4] * right[4][j] + left[5] * right[5][j])
                    + (left[6] * right[6][j] + left[7] * right[7][j]);
                *sum += pairs + others;
            }
        }
    }
    for i in 0..stride {
        for j in 0..i {
            sums[i * stride + j] = sums[j * stride + i];
        }
    }
    sums
}

/// Sets to zero what rounding has left of constant columns.
fn clear_constants(products: &mut [f64], stride: usize, least: f64) {
    for constant in 0..stride {
        if products[constant * stride + constant] < least {
            for other in 0..stride {
                products[constant * stride + other] = 0.0;
                products[other * stride + constant] = 0.0;
            }
        }
    }
}
