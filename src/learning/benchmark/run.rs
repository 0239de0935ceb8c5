//! Forecasts the test period day after day, each from what was known the day before.

use std::path::PathBuf;
use std::time::Instant;

use chrono::NaiveDate;

use super::calendar::{Calendar, country};
use super::cpu_time::cpu_seconds;
use super::error::BenchmarkError;
use super::market_file::HourlyFile;
use super::published::Published;
use super::report::{Forecasts, Report};
use crate::algorithms::forecasting::day_scores::percentile_levels;
use crate::algorithms::forecasting::days::Day;
use crate::algorithms::forecasting::days::DayHistory;
use crate::algorithms::forecasting::pool::Pool;
use crate::algorithms::forecasting::pool::PoolDays;
use crate::algorithms::forecasting::pool::PoolSettings;
use crate::algorithms::forecasting::pool::Work;

/// Days of the test unless said: the last two years, in whole weeks, as published.
const TEST_DAYS: usize = 728;
/// Days before the test whose forecasts teach weights, stack and quantiles, if the file has them.
const WARM_UP_DAYS: usize = 364;
/// Fewest days before the first forecast.
const HISTORY_DAYS_MIN: usize = 182;
/// Fewest days before the test.
const BEFORE_TEST_DAYS_MIN: usize = 364;

/// What to forecast and to compare with.
#[derive(Debug, Clone)]
pub struct BenchmarkRequest {
    /// Code of the market; only its public holidays depend on it.
    pub market: String,
    /// Prices and exogenous series.
    pub data: PathBuf,
    /// Published forecasts.
    pub published: Option<PathBuf>,
    /// First day of the test; the last 728 days are the test unless said.
    pub test_start: Option<NaiveDate>,
    /// Where to write the forecasts.
    pub out: Option<PathBuf>,
}

/// Forecasts the test period and scores it.
///
/// # Errors
///
/// Files that cannot be read or do not have the form, too little history, a cancellation.
pub fn run(request: &BenchmarkRequest, work: Work<'_>) -> Result<Report, BenchmarkError> {
    run_with(request, PoolSettings::default(), work)
}

/// The same with other members.
pub(super) fn run_with(
    request: &BenchmarkRequest,
    settings: PoolSettings,
    work: Work<'_>,
) -> Result<Report, BenchmarkError> {
    let (began, cpu_before) = (Instant::now(), cpu_seconds());
    let file = HourlyFile::read(&request.data)?;
    let (prices, exogenous) = file.prices_and_exogenous()?;
    let start = test_start(&file, request.test_start)?;
    let (dates, actual) = (&file.dates[start..], &prices[start..]);
    // Whatever is wrong with the second file is said before an hour of work, not after it.
    let published =
        request.published.as_ref().map(|path| Published::read(path, dates, actual)).transpose()?;
    let country = country(&request.market);
    let calendar = Calendar::of(&file.dates, country);
    let flags: Vec<&[f64]> = calendar.flags.iter().map(Vec::as_slice).collect();
    let history = DayHistory {
        prices_eur_mwh: prices,
        exogenous: &exogenous,
        weekdays: &calendar.weekdays,
        flags: &flags,
    };
    let days = PoolDays { history, year_days: &calendar.year_days };
    let first = start.saturating_sub(WARM_UP_DAYS).max(HISTORY_DAYS_MIN);
    let mut pool = Pool::new(settings, first)?;
    let last = file.dates.len() - 1;
    pool.extend(&days, last, work)?;
    let (mut luna, mut percentiles) = (Vec::new(), Vec::new());
    let mut members = vec![Vec::new(); pool.member_names().len()];
    for day in start..=last {
        let forecast = pool.forecast(&days, day, &percentile_levels())?;
        luna.push(forecast.prices_eur_mwh);
        percentiles.push(forecast.quantiles);
        for (member, day) in members.iter_mut().zip(forecast.members) {
            member.push(day);
        }
    }
    let before: &[Day] = &prices[..start];
    let members = pool.member_names().into_iter().zip(members).collect();
    let forecasts = Forecasts { dates, actual, before, luna, percentiles, members };
    if let Some(path) = &request.out {
        forecasts.write(path)?;
    }
    let mut report = Report::of(&request.market, &forecasts, published.as_ref())?;
    report.days_forecast = last + 1 - first;
    report.seconds = began.elapsed().as_secs_f64();
    report.cpu_seconds = cpu_seconds().zip(cpu_before).map(|(after, before)| after - before);
    report.note_what_was_special(&file, country, published.as_ref());
    Ok(report)
}

/// Index of the first day of the test.
fn test_start(file: &HourlyFile, wanted: Option<NaiveDate>) -> Result<usize, BenchmarkError> {
    let dates = &file.dates;
    let start = match wanted {
        None => dates.len().saturating_sub(TEST_DAYS),
        Some(start) => dates.iter().position(|date| *date == start).ok_or_else(|| {
            BenchmarkError::StartOutside { start, first: dates[0], last: dates[dates.len() - 1] }
        })?,
    };
    if start < BEFORE_TEST_DAYS_MIN {
        let (days, start, least) = (start, dates[start], BEFORE_TEST_DAYS_MIN);
        return Err(BenchmarkError::ShortHistory { days, start, least });
    }
    Ok(start)
}
