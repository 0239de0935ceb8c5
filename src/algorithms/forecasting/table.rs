//! Rows of features with their targets, as every algorithm reads them.

use ndarray::Array2;

/// Levels of the forecast quantiles, ascending.
pub const QUANTILES: [f64; 7] = [0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95];

/// Rows × features in time order, with the target of every row.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Names of the columns.
    pub features: Vec<String>,
    /// Rows × features; NaN where a value is missing.
    pub x: Array2<f32>,
    /// Target of every row in EUR/MWh; empty when forecasting.
    pub y: Vec<f64>,
    /// What every row is about.
    pub groups: Vec<RowKey>,
}

/// What a row is about: day, time of day and how far ahead it was forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RowKey {
    /// Ordinal of the target's local day.
    pub day: i32,
    /// Local slot within the day, e.g. the wall-clock hour 0..=23 or quarter hour 0..=95.
    pub slot: u16,
    /// Days from the origin to the target's day; 1 is tomorrow.
    pub lead_day: u8,
}

/// Forecasts of the rows of a table, in their order, in EUR/MWh.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Point forecast of every row.
    pub mean: Vec<f64>,
    /// Quantiles at the levels of [`QUANTILES`], ascending within a row.
    pub quantiles: Vec<[f64; 7]>,
}

/// What is wrong with a table.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TableError {
    /// There is nothing to learn from.
    #[error("it has no rows or no features")]
    Empty,
    /// Names and columns differ in number.
    #[error("it names {names} features for {columns} columns")]
    Columns {
        /// Number of names.
        names: usize,
        /// Number of columns.
        columns: usize,
    },
    /// A name occurs twice.
    #[error("it names the feature `{0}` twice")]
    Repeated(String),
    /// Keys or targets differ in number from the rows.
    #[error("it has {found} {what} for {rows} rows")]
    Rows {
        /// `keys` or `targets`.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// Number of rows.
        rows: usize,
    },
    /// A target is not finite.
    #[error("the target of row {row} is {value}, not a finite number")]
    Target {
        /// Index of the row.
        row: usize,
        /// The value.
        value: f64,
    },
    /// A feature is infinite.
    #[error("feature `{feature}` of row {row} is infinite")]
    Infinite {
        /// Index of the row.
        row: usize,
        /// Name of the column.
        feature: String,
    },
}

impl Table {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.x.nrows()
    }

    /// Column of the feature `name`.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.features.iter().position(|feature| feature == name)
    }

    /// Checks that names, rows and keys fit together and that nothing is infinite.
    pub(super) fn check(&self) -> Result<(), TableError> {
        let rows = self.rows();
        if self.features.len() != self.x.ncols() {
            let (names, columns) = (self.features.len(), self.x.ncols());
            return Err(TableError::Columns { names, columns });
        }
        for (index, name) in self.features.iter().enumerate() {
            if self.features[..index].contains(name) {
                return Err(TableError::Repeated(name.clone()));
            }
        }
        if self.groups.len() != rows {
            return Err(TableError::Rows { what: "keys", found: self.groups.len(), rows });
        }
        if let Some(index) = self.x.iter().position(|value| value.is_infinite()) {
            let (row, column) = (index / self.x.ncols(), index % self.x.ncols());
            return Err(TableError::Infinite { row, feature: self.features[column].clone() });
        }
        Ok(())
    }

    /// Checks a table to learn from: as [`Table::check`], and every row has a finite target.
    pub(super) fn check_labelled(&self) -> Result<(), TableError> {
        self.check()?;
        if self.rows() == 0 || self.features.is_empty() {
            return Err(TableError::Empty);
        }
        if self.y.len() != self.rows() {
            let (found, rows) = (self.y.len(), self.rows());
            return Err(TableError::Rows { what: "targets", found, rows });
        }
        match self.y.iter().position(|value| !value.is_finite()) {
            Some(row) => Err(TableError::Target { row, value: self.y[row] }),
            None => Ok(()),
        }
    }
}

/// How the column ends that holds the value of a week before; every exogenous series has one.
pub const WEEK_AGO: &str = "_week_ago";

/// Names of the exogenous series among `features`, in column order: those with a column of a week
/// before beside their own.
pub fn exogenous_of(features: &[String]) -> Vec<String> {
    let of_week = features.iter().filter_map(|name| name.strip_suffix(WEEK_AGO));
    of_week.filter(|base| features.iter().any(|name| name == base)).map(str::to_owned).collect()
}

/// Whether a feature is a price level in EUR/MWh, to be transformed as the target is.
///
/// By name: `lag_…`, `price_…` and `anchor_…` are price levels, unless the name ends in a word for a
/// difference or a spread (`_std`, `_range`, `_diff`, `_spread`, `_slope`, `_ratio`).
pub fn is_price_like(feature: &str) -> bool {
    let level = ["lag_", "price_", "anchor_"].iter().any(|prefix| feature.starts_with(prefix));
    let difference = ["_std", "_range", "_diff", "_spread", "_slope", "_ratio"];
    level && !difference.iter().any(|suffix| feature.ends_with(suffix))
}
