//! Products of dense matrices of `f32`, all row after row.

/// Rows of the right matrix that are added in one pass over a row of the result.
const BLOCK: usize = 8;

/// `sum` += `left` · `right`, with `left` of `inner` and `right` of `columns` columns.
pub(super) fn add_product(
    sum: &mut [f32],
    left: &[f32],
    right: &[f32],
    inner: usize,
    columns: usize,
) {
    for (sum, left) in sum.chunks_exact_mut(columns).zip(left.chunks_exact(inner)) {
        let mut factors = left.chunks_exact(BLOCK);
        let mut rows = right.chunks_exact(BLOCK * columns);
        for (factor, rows) in factors.by_ref().zip(rows.by_ref()) {
            let row: [&[f32]; BLOCK] =
                std::array::from_fn(|index| &rows[index * columns..][..sum.len()]);
            for (column, sum) in sum.iter_mut().enumerate() {
                let first = (factor[0] * row[0][column] + factor[1] * row[1][column])
                    + (factor[2] * row[2][column] + factor[3] * row[3][column]);
                let second = (factor[4] * row[4][column] + factor[5] * row[5][column])
                    + (factor[6] * row[6][column] + factor[7] * row[7][column]);
                *sum += first + second;
            }
        }
        let rest = factors.remainder().iter().zip(rows.remainder().chunks_exact(columns));
        for (factor, row) in rest {
            for (sum, value) in sum.iter_mut().zip(row) {
                *sum += factor * value;
            }
        }
    }
}

/// The transpose of a matrix of `columns` columns.
pub(super) fn transpose(matrix: &[f32], columns: usize) -> Vec<f32> {
    let rows = matrix.len() / columns.max(1);
    let mut turned = vec![0.0; matrix.len()];
    for (row, values) in matrix.chunks_exact(columns).enumerate() {
        for (column, value) in values.iter().enumerate() {
            turned[column * rows + row] = *value;
        }
    }
    turned
}

/// Adds to every column of `sums` the sum of that column over the rows of `matrix`.
pub(super) fn add_rows(sums: &mut [f32], matrix: &[f32]) {
    for row in matrix.chunks_exact(sums.len()) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
}
