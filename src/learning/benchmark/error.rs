//! What can be wrong with a benchmark file or with what is asked of it.

use chrono::NaiveDate;

use crate::algorithms::forecasting::pool::PoolError;

/// Why there is no benchmark.
#[derive(Debug, thiserror::Error)]
pub enum BenchmarkError {
    /// A file cannot be read or written.
    #[error("cannot {verb} {file}: {source}")]
    File {
        /// `read` or `write`.
        verb: &'static str,
        /// Its path.
        file: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is no CSV.
    #[error("{file} is not a CSV file: {source}")]
    Csv {
        /// Its path.
        file: String,
        /// What the reader says.
        source: csv::Error,
    },
    /// The header lacks a column.
    #[error("{file} has no column `{column}`; its header is `{header}`")]
    MissingColumn {
        /// Path of the file.
        file: String,
        /// The column.
        column: &'static str,
        /// What there is.
        header: String,
    },
    /// A value cannot be read.
    #[error("{file}, line {line}: `{value}` in column `{column}` is not {wanted}")]
    Value {
        /// Path of the file.
        file: String,
        /// Line, from 1.
        line: u64,
        /// Column.
        column: String,
        /// What stands there.
        value: String,
        /// What should.
        wanted: &'static str,
    },
    /// Hours do not follow one another.
    #[error(
        "{file}, line {line}: {found} comes after {before}; every day needs its 24 hours in order, \
         without gaps or doubles"
    )]
    Gap {
        /// Path of the file.
        file: String,
        /// Line, from 1.
        line: u64,
        /// The hour there.
        found: String,
        /// The hour before.
        before: String,
    },
    /// There is not one complete day.
    #[error("{0} has no complete day of 24 hours")]
    NoDays(String),
    /// The test begins outside of the file.
    #[error("the test cannot begin on {start}: the file has {first} to {last}")]
    StartOutside {
        /// The day asked for.
        start: NaiveDate,
        /// First day of the file.
        first: NaiveDate,
        /// Last day of the file.
        last: NaiveDate,
    },
    /// There is too little before the test.
    #[error(
        "{days} days before the test on {start} are too few to learn from; {least} are needed: give \
         a longer file or a later --test-start"
    )]
    ShortHistory {
        /// Days before the test.
        days: usize,
        /// First day of the test.
        start: NaiveDate,
        /// Fewest days.
        least: usize,
    },
    /// The published forecasts do not cover the test.
    #[error("{file} has forecasts of {first} to {last}, the test is from {from} to {to}")]
    PublishedRange {
        /// Path of the file.
        file: String,
        /// First day of the file.
        first: NaiveDate,
        /// Last day of the file.
        last: NaiveDate,
        /// First day of the test.
        from: NaiveDate,
        /// Last day of the test.
        to: NaiveDate,
    },
    /// A forecast file was given as market data.
    #[error(
        "{0} holds published forecasts; give it as --published and the market's file as --data"
    )]
    IsForecasts(String),
    /// The pool has no forecast.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// A score has no value.
    #[error(transparent)]
    Score(#[from] crate::algorithms::forecasting::scores::ScoreError),
}
