//! Published forecasts of the test period, to compare with.

use std::path::Path;

use chrono::NaiveDate;

use super::error::BenchmarkError;
use super::market_file::HourlyFile;
use crate::algorithms::forecasting::days::Day;

/// Price difference up to which two files count as the same, EUR/MWh.
const SAME_PRICE: f64 = 0.01;

/// Forecasts of several models for the days of the test.
#[derive(Debug)]
pub(super) struct Published {
    /// Name and forecasts of each model.
    pub models: Vec<(String, Vec<Day>)>,
    /// Hours whose actual price differs from the market's file.
    pub different_prices: usize,
}

impl Published {
    /// Reads the days `dates` of a file; `actual` are their prices.
    pub fn read(path: &Path, dates: &[NaiveDate], actual: &[Day]) -> Result<Self, BenchmarkError> {
        Self::of(&HourlyFile::read(path)?, dates, actual)
    }

    /// Takes the days `dates` out of a file that has been read.
    pub fn of(
        file: &HourlyFile,
        dates: &[NaiveDate],
        actual: &[Day],
    ) -> Result<Self, BenchmarkError> {
        let Some(real) = file.column("Real price") else {
            let (column, header) = ("Real price", file.names.join(","));
            return Err(BenchmarkError::MissingColumn { file: file.file.clone(), column, header });
        };
        let (Some(from), Some(to)) = (dates.first(), dates.last()) else {
            return Err(BenchmarkError::NoDays(file.file.clone()));
        };
        let begin = file.dates.iter().position(|date| date == from);
        let range = begin.map(|begin| begin..begin + dates.len());
        let Some(range) = range.filter(|range| range.end <= file.dates.len()) else {
            let (first, last) = (file.dates[0], file.dates[file.dates.len() - 1]);
            let file = file.file.clone();
            return Err(BenchmarkError::PublishedRange { file, first, last, from: *from, to: *to });
        };
        let pairs = real[range.clone()].iter().flatten().zip(actual.iter().flatten());
        let different_prices = pairs.filter(|(a, b)| (*a - *b).abs() > SAME_PRICE).count();
        let named = file.names.iter().zip(&file.columns);
        let models = named
            .filter(|(name, _)| !name.eq_ignore_ascii_case("Real price"))
            .map(|(name, days)| (name.clone(), days[range.clone()].to_vec()))
            .collect();
        Ok(Self { models, different_prices })
    }
}
