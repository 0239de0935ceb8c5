//! The form of the simulation's verbs.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum SimulateCommand {
    /// Start writing simulated readings and prices; a Luna that serves does the writing
    Start {
        #[command(flatten)]
        which: WhichStreams,
        /// Seconds of one reading, 1 to 60; each meter's own unless said
        #[arg(long)]
        interval_s: Option<i32>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Stop writing simulated readings and prices, in every process
    Stop {
        #[command(flatten)]
        which: WhichStreams,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print how the simulation stands
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make readings of simulated meters for some local days, up to now
    Generate {
        /// Simulated meter; all that are set up unless said
        #[arg(long)]
        meter: Option<String>,
        /// First local day
        #[arg(long)]
        from: NaiveDate,
        /// Last local day, inclusive
        #[arg(long)]
        to: NaiveDate,
        /// Seconds of one reading
        #[arg(long, default_value_t = 900)]
        interval_s: i32,
        /// Make prices of SIM-CH instead
        #[arg(long, conflicts_with_all = ["meter", "interval_s"])]
        market: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Simulate some days of a site: what they add up to, its meters' rows, or both stored
    ///
    /// Needs a database only with --store. The site need not be switched on.
    ///
    /// Example: luna simulate site home --from 2026-01-01 --to 2026-12-31 --json
    Site {
        /// The site, one of `sites` in sim.yml
        #[arg(default_value = "home")]
        site: String,
        /// First local day
        #[arg(long)]
        from: NaiveDate,
        /// Last local day, inclusive
        #[arg(long)]
        to: NaiveDate,
        /// Seconds of one reading of --csv and --store
        #[arg(long, default_value_t = 900)]
        interval_s: i32,
        /// Write the rows of its meters as CSV, `-` for standard output
        #[arg(long, value_name = "FILE", conflicts_with = "json")]
        csv: Option<PathBuf>,
        /// Store the rows of its meters, up to now, or send them where `simulation.output` says
        #[arg(long)]
        store: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Compare the simulated house with measured ones, figure by figure
    ///
    /// Needs no database. Files: hourly counters in kWh, columns `utc_timestamp`, `…_grid_import`,
    /// `…_grid_export`, `…_pv`.
    ///
    /// Example: luna simulate report --households data/households
    Report {
        /// Folder of CSV files, gzipped or not
        #[arg(long, value_name = "DIR")]
        households: PathBuf,
        /// Kind of the simulated house
        #[arg(long, default_value = "household_pv")]
        profile: String,
        /// First simulated local day
        #[arg(long, default_value = "2016-01-01")]
        from: NaiveDate,
        /// Last simulated local day, inclusive
        #[arg(long, default_value = "2017-12-31")]
        to: NaiveDate,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Clone, Copy, Args)]
pub struct WhichStreams {
    /// Only the meters' readings
    #[arg(long, conflicts_with = "only_market")]
    pub only_meters: bool,
    /// Only the market's prices
    #[arg(long)]
    pub only_market: bool,
}
