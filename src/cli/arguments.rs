//! The form of the command line.

mod ask; // of a question to documents
mod benchmark; // of the open benchmark
mod learning; // of trainings and evaluations
mod meters; // of forecasts of meters
mod simulate; // of the simulation

use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use uuid::Uuid;

pub(super) use self::ask::AskArguments;
pub(super) use self::benchmark::{EpfArguments, EvaluateCommand};
pub(super) use self::learning::{EvaluateArguments, TrainArguments};
pub(super) use self::meters::{ForecastArguments, MeterEvaluateArguments};
pub(super) use self::simulate::{SimulateCommand, WhichStreams};
use super::documents::DocumentsCommand;
use super::readings::ReadingFileArguments;
use super::weather::WeatherFileArguments;
use crate::access::accounts::KEY_DAYS;
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::config::Flag;
use crate::config::Loaded;
use crate::config::Sources;
use crate::facts::imports::PriceUnit;
use crate::facts::ingest::Subject;
use crate::operations::bench::Benchmark;
use crate::platform::runtime::Roles;
use crate::platform::web::Role;
use crate::platform::web::Scope;

/// Energy management on your own box: prices, forecasts, cheap windows
#[derive(Debug, Parser)]
#[command(name = "luna", version, disable_help_subcommand = true)]
pub(super) struct Cli {
    /// Folder of the private database, datasets and models
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Port to listen on
    #[arg(long, global = true)]
    port: Option<u16>,
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Where settings come from, with what was said on the command line.
    pub fn sources(&self) -> Sources {
        let data_dir = self.data_dir.as_ref().map(|folder| Flag {
            name: "--data-dir",
            key: "storage.data_dir",
            value: folder.display().to_string(),
        });
        let port = self.port.map(|port| Flag {
            name: "--port",
            key: "server.port",
            value: port.to_string(),
        });
        let roles = match &self.command {
            Command::Serve { roles: Some(roles) } => {
                Some(Flag { name: "--roles", key: "server.roles", value: roles.to_string() })
            }
            _ => None,
        };
        Sources::of_process(data_dir.into_iter().chain(port).chain(roles).collect())
    }

    /// Whether somebody chose a log level; commands are quieter than the server by default.
    pub fn sets_log_level(loaded: &Loaded) -> bool {
        let row = loaded.effective.iter().find(|row| row.key == "telemetry.level");
        row.is_some_and(|row| row.origin != "default")
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve the pages and the API, and run jobs, until told to stop
    Serve {
        /// What this process does, of web, worker and events; all unless said
        #[arg(long, value_name = "ROLE,…")]
        roles: Option<Roles>,
    },
    /// Show or check the settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the OpenAPI document
    Openapi,
    /// Ask the Luna that serves on this box whether it is ready
    Health,
    /// Bring the database to this version, or look at its version
    #[command(subcommand)]
    Db(DbCommand),
    /// Import files
    #[command(subcommand)]
    Import(ImportCommand),
    /// Export feature tables
    #[command(subcommand)]
    Dataset(DatasetCommand),
    /// Fit a model; it serves when it beats the naive one
    ///
    /// Example: luna train --market CH --model lightgbm --until 2023-06-30
    Train(TrainArguments),
    /// Compare models by rolling origin, or the model pool with the open benchmark
    ///
    /// Example: luna evaluate --market CH --from 2023-07-01 --to 2023-12-31 --models naive,linear,lightgbm
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Evaluate {
        #[command(subcommand)]
        command: Option<EvaluateCommand>,
        #[command(flatten)]
        arguments: Option<EvaluateArguments>,
    },
    /// Forecast the days behind the published prices, or a meter's coming week
    ///
    /// Example: luna forecast --meter house-1 --kind load
    Forecast(ForecastArguments),
    /// Measure speed as ratios to a floor, in a database made for the run
    ///
    /// Example: luna bench bulk-upsert --json
    Bench(BenchArguments),
    /// Documents that answer: add, list, delete, build their index
    #[command(subcommand)]
    Documents(DocumentsCommand),
    /// Accounts
    #[command(subcommand)]
    Admin(AdminCommand),
    /// API keys of programs
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Check everything a box needs, and say how to mend what is wrong
    ///
    /// Needs no database and starts none. Exits with 1 when a check fails.
    ///
    /// Example: luna doctor --fix
    #[command(alias = "preflight")]
    Doctor(DoctorArguments),
    /// Fill the simulated market SIM-CH now, or start, stop and use the simulation
    ///
    /// Without a verb: fills SIM-CH up to what an auction would have published.
    ///
    /// Example: luna simulate generate --from 2025-01-01 --to 2025-12-31
    #[command(args_conflicts_with_subcommands = true)]
    Simulate {
        #[command(subcommand)]
        command: Option<SimulateCommand>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Fetch prices, forecasts, weather and rates from sources on the internet
    ///
    /// Example: luna fetch --market CH --from 2026-01-01
    Fetch(FetchArguments),
    /// Print a unit for systemd
    Systemd,
    /// Print the script that completes commands in a shell
    ///
    /// Example: luna completions fish >luna.fish
    Completions {
        /// bash, elvish, fish, powershell or zsh
        shell: Shell,
    },
    /// Print the manual page
    ///
    /// Example: luna man >/usr/local/share/man/man1/luna.1
    Man,
}

#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// Mend what is safe to mend: folders, modes, a stale lock file, the containers' network
    #[arg(long)]
    pub fix: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(super) struct BenchArguments {
    #[arg(value_name = "NAME", help = benchmarks())]
    pub names: Vec<Benchmark>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Which benchmarks there are, and which run without being named.
fn benchmarks() -> String {
    let named = |long: bool| {
        let names = Benchmark::ALL.into_iter().filter(|name| name.is_long() == long);
        names.map(Benchmark::name).collect::<Vec<_>>().join(", ")
    };
    format!("{}; all of these unless said. Only when named: {}", named(false), named(true))
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print the settings in force; secrets are masked
    Show {
        /// Say where each value comes from
        #[arg(long)]
        origin: bool,
    },
    /// Name every mistake in the settings
    Check,
}

#[derive(Debug, Subcommand)]
pub(super) enum DbCommand {
    /// Bring the database to this version
    Migrate {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove what is too old or needed by nobody, and look after statistics
    ///
    /// Example: luna db maintain --dry-run
    Maintain {
        /// Only tell what would be done
        #[arg(long)]
        dry_run: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print which version the database has
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ImportCommand {
    /// Import day-ahead prices from a CSV or Parquet file
    ///
    /// Example: luna import prices prices.csv --market CH --column CH --zone Europe/Zurich
    Prices(ImportArguments),
    /// Import the readings of one meter from a CSV or Parquet file
    ///
    /// Example: luna import readings lastgang.csv --meter house-1 --unit kWh --zone Europe/Zurich
    Readings(ReadingFileArguments),
    /// Read the complete files of the watched folder and of the SFTP servers once
    ///
    /// Example: luna import drops --json
    Drops(DropArguments),
    /// Import weather from a CSV or Parquet file
    ///
    /// Example: `luna import weather basel.csv --series basel --column wind_speed:m/s:fkl010h0`
    Weather(WeatherFileArguments),
    /// Import the fixed prices of a year from an operator's JSON file («Tariff Retrieval» of the VSE)
    ///
    /// Example: luna import tariff tariffs-2027.json --name home --tariff "NS DT" --tariff Blau
    Tariff(TariffFileArguments),
}

#[derive(Debug, Args)]
pub(super) struct DropArguments {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(super) struct TariffFileArguments {
    /// JSON file
    pub file: PathBuf,
    /// Second half of the tariff's identifier, `file:NAME`; the file's name unless said
    #[arg(long)]
    pub name: Option<String>,
    /// Tariff in the file; may be given several times, for energy, grid, metering and fees
    #[arg(long = "tariff", value_name = "NAME")]
    pub tariffs: Vec<String>,
    /// First local day; the first of the file unless said
    #[arg(long)]
    pub from: Option<NaiveDate>,
    /// Last local day, inclusive; the last of the file unless said
    #[arg(long)]
    pub to: Option<NaiveDate>,
    /// Read and check, store nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ImportArguments {
    /// CSV, gzipped CSV or Parquet
    pub file: PathBuf,
    /// Market code or alias
    #[arg(long)]
    pub market: Market,
    /// Header of the column with the price
    #[arg(long)]
    pub column: Option<String>,
    /// Header of the column with the start of the interval
    #[arg(long)]
    pub time_column: Option<String>,
    /// EUR/MWh, EUR/kWh or ct/kWh
    #[arg(long)]
    pub unit: Option<PriceUnit>,
    /// Zone of times without offset
    #[arg(long)]
    pub zone: Option<Tz>,
    /// Product; the spacing of the rows decides unless said
    #[arg(long, value_parser = product)]
    pub product: Option<Product>,
    /// Instant at which all prices became known, e.g. 2026-03-01T12:00:00Z
    #[arg(long)]
    pub known_at: Option<DateTime<Utc>>,
    /// Header of the column with the instant of publication
    #[arg(long)]
    pub known_at_column: Option<String>,
    /// Read and check, store nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Leave rows that cannot be read out instead of refusing the file
    #[arg(long)]
    pub skip_bad_rows: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Debug, Args)]
pub(super) struct FetchArguments {
    /// `energy_charts`, `entsoe`, `open_meteo`, `ecb`, an operator of tariffs such as `ekz`, or `tariffs`
    /// for all active ones; whichever has the values, unless said
    pub source: Option<String>,
    /// Market code or alias; those of the settings unless said
    #[arg(long)]
    pub market: Option<Market>,
    /// What to ask about, e.g. price:CH or weather:CH; everything of the markets unless said
    #[arg(long, conflicts_with = "market")]
    pub subject: Option<Subject>,
    /// First local day; the newest day that is stored unless said, on a fresh box the history.
    /// A back-fill that was cut off goes on where it was when it is begun anew within a day
    #[arg(long)]
    pub from: Option<NaiveDate>,
    /// Last local day, inclusive; the last that may be published unless said
    #[arg(long)]
    pub to: Option<NaiveDate>,
    /// Ask again for what an interrupted back-fill has brought already
    #[arg(long)]
    pub again: bool,
    /// List the sources and how asking them went last
    #[arg(long, conflicts_with_all = ["source", "market", "subject", "from", "to", "again", "replay"])]
    pub list: bool,
    /// Read the payloads in the archive again instead of asking anybody
    #[arg(long, conflicts_with_all = ["market", "subject", "from", "to", "again"])]
    pub replay: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum DatasetCommand {
    /// Export the feature table a model would be trained on as Parquet
    Export(TrainArguments),
}

#[derive(Debug, Subcommand)]
pub(super) enum AdminCommand {
    /// Create an account; the password comes from standard input
    CreateUser {
        /// E-mail address or any other login name
        #[arg(long, alias = "login")]
        email: String,
        /// admin, analyst, viewer or customer
        #[arg(long)]
        role: Role,
        /// Read the password from standard input
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Set a new password and end all sessions of the account
    ResetPassword {
        /// Login of the account
        #[arg(long, alias = "login")]
        email: String,
        /// Read the password from standard input
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Print an access token
    Token {
        /// Login of the account
        #[arg(long, alias = "login")]
        email: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Make a key and print it; it is not shown again
    ///
    /// Example: luna keys create --email anna@example.ch --name heat-pump --scope read
    Create {
        /// Login of the owner; the key never exceeds their role
        #[arg(long, alias = "login")]
        email: String,
        /// What to call it
        #[arg(long)]
        name: String,
        /// read, ingest, train or admin; may be given several times
        #[arg(long, required = true)]
        scope: Vec<Scope>,
        /// Days until it ends, at most 730
        #[arg(long, default_value_t = KEY_DAYS)]
        days: u16,
    },
    /// List keys, ended ones too
    List {
        /// Only those of this login
        #[arg(long, alias = "login")]
        email: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// End a key at once
    Revoke {
        /// Identifier, as `luna keys list` shows it
        key_id: Uuid,
    },
}

pub(super) fn product(text: &str) -> Result<Product, String> {
    Product::parse(text).ok_or_else(|| {
        let known: Vec<&str> = Product::ALL.iter().map(|product| product.name()).collect();
        format!("'{text}' is not a product; known are {}", known.join(", "))
    })
}
