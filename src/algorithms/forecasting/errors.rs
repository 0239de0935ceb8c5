//! What can be wrong with a fit, a forecast or the bytes of a model.

use super::params::{Algorithm, ParamError};
use super::table::TableError;

/// Why a model could not be fitted.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// A hyperparameter is unknown or out of range.
    #[error(transparent)]
    Params(#[from] ParamError),
    /// A table does not fit together.
    #[error("the {which} table is unusable: {source}")]
    Table {
        /// `training` or `validation`.
        which: &'static str,
        /// What is wrong with it.
        source: TableError,
    },
    /// The two tables have different columns.
    #[error("training and validation tables have different features, first at column {column}")]
    DifferentFeatures {
        /// Index of the first column that differs.
        column: usize,
    },
    /// The algorithm needs a feature that is not there.
    #[error("algorithm {algorithm} needs the feature `{feature}`, which the table does not have")]
    MissingFeature {
        /// The algorithm that needs it.
        algorithm: Algorithm,
        /// Name of the absent feature.
        feature: String,
    },
    /// No row of the validation table can be forecast, so bands cannot be calibrated.
    #[error("no row of the validation table has the values that algorithm {0} needs")]
    NothingToCalibrate(Algorithm),
    /// Too few whole days to learn from.
    #[error("algorithm {algorithm} needs {least} days without gaps of a week, there are {found}")]
    FewDays {
        /// Algorithm that was being fitted.
        algorithm: Algorithm,
        /// Days that there are.
        found: usize,
        /// Days that are needed before the first one it forecasts.
        least: usize,
    },
    /// Whoever asked for the fit does not want it any more.
    #[error("the fit was cancelled")]
    Cancelled,
    /// The numerical library refused.
    #[error("the {algorithm} library failed: {message}")]
    Engine {
        /// Algorithm that was being fitted.
        algorithm: Algorithm,
        /// What the library says.
        message: String,
    },
}

/// Why a table could not be forecast.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PredictError {
    /// The table does not fit together.
    #[error("the table is unusable: {0}")]
    Table(#[from] TableError),
    /// Another number of features than the model was fitted on.
    #[error("the model has {expected} features, the table has {found}")]
    FeatureCount {
        /// Features of the model.
        expected: usize,
        /// Features of the table.
        found: usize,
    },
    /// Another feature, or the same ones in another order.
    #[error("column {column} is `{found}`, but the model was fitted on `{expected}` there")]
    FeatureName {
        /// Index of the first column that differs.
        column: usize,
        /// Name in the model.
        expected: String,
        /// Name in the table.
        found: String,
    },
    /// A row lacks the values without which the model has no forecast.
    #[error("row {row} has neither of the values {features} that the model needs")]
    MissingValue {
        /// Index of the row.
        row: usize,
        /// Names of the features of which at least one is needed.
        features: String,
    },
}

/// Why bytes are not a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// They do not begin as a stored model does.
    #[error("these {0} bytes are not a stored model")]
    NotAModel(usize),
    /// They were written by another version of the format.
    #[error("the stored model has format version {0}, this program reads version {1}")]
    Version(u8, u8),
    /// They changed since they were written.
    #[error("the stored model is damaged: its checksum does not match")]
    Damaged,
    /// The content contradicts itself.
    #[error("the stored model is inconsistent: {0}")]
    Inconsistent(String),
}
