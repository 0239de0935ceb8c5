//! The form of `luna evaluate epf`.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::meters::MeterEvaluateArguments;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum EvaluateCommand {
    /// Forecast the last two years of a benchmark file day after day, and score that
    ///
    /// Needs no database. The file is hourly with the columns Date, Price, Exogenous 1, …; 24 rows a
    /// day; gzipped or plain. Takes minutes.
    ///
    /// Example: luna evaluate epf --market DE --data DE.csv --published `Forecasts_DE.csv` --out ours.csv
    Epf(EpfArguments),
    /// Forecast a meter's load or production from rolling origins, and score that against what came
    ///
    /// Models are fitted anew every so many days on what was known then. Example: luna evaluate meters
    /// --meter house-1 --kind load --from 2026-02-01 --to 2026-03-14
    Meters(MeterEvaluateArguments),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct EpfArguments {
    /// Code of the market; its public holidays are used where they are known
    #[arg(long)]
    pub market: String,
    /// Prices and exogenous series
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,
    /// Published forecasts of the same days to compare with
    #[arg(long, value_name = "FILE")]
    pub published: Option<PathBuf>,
    /// First day of the test, which lasts to the end of the file; its last 728 days unless said
    #[arg(long, value_name = "DATE")]
    pub test_start: Option<NaiveDate>,
    /// Where to write the forecasts as CSV
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
