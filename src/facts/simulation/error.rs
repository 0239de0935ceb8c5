//! Why the simulation does not do what it was asked.

use std::path::PathBuf;

use crate::facts::imports::ImportError;
use crate::facts::market::PriceError;
use crate::facts::meters::MeterError;
use crate::facts::readings::ReadingsError;
use crate::platform::db::DbError;
use crate::platform::runtime::CpuPoolError;

/// Why the simulation does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// Neither meters nor market were named.
    #[error("neither meters nor market is true; there is nothing to do")]
    Nothing,
    /// No meter is set up, or all are switched off.
    #[error("no simulated meter is set up; see meters in config/sim.yml")]
    NoMeter,
    /// No simulated meter has this name.
    #[error("there is no simulated meter '{given}'; set up are {}", known.join(", "))]
    UnknownMeter {
        /// What was asked for.
        given: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// No simulated site has this name.
    #[error("there is no simulated site '{given}'; set up are {}", known.join(", "))]
    UnknownSite {
        /// What was asked for.
        given: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The settings send readings to a service that is not set up.
    #[error("simulation.{0}")]
    NoOutput(String),
    /// A broker did not say that it has the readings; they are sent again.
    #[error("the broker has not acknowledged the readings, which are sent again: {0}")]
    Unacknowledged(String),
    /// Readings of this length do not fit into a quarter hour.
    #[error("{given} s is none of the lengths a reading may have: {allowed}")]
    BadInterval {
        /// What was asked for.
        given: i32,
        /// What there is.
        allowed: &'static str,
    },
    /// The range ends before it begins.
    #[error("{to} is not after {from}")]
    EmptyRange {
        /// Its begin.
        from: String,
        /// Its end.
        to: String,
    },
    /// The range reaches into what nobody can know yet.
    #[error("{to} lies after {until}; nobody can know what comes then")]
    Future {
        /// Its end.
        to: String,
        /// The latest possible end.
        until: String,
    },
    /// More rows than one request may make.
    #[error(
        "that would be {rows} rows, more than {max}; ask for a shorter range or a longer interval"
    )]
    TooMany {
        /// What was asked for.
        rows: i64,
        /// What there may be.
        max: i64,
    },
    /// The file that is played as the market cannot be used.
    #[error("the market's seed file {} cannot be used: {reason}", path.display())]
    SeedFile {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Prices could not be read or stored.
    #[error(transparent)]
    Prices(#[from] PriceError),
    /// Readings could not be read or stored.
    #[error(transparent)]
    Meters(#[from] MeterError),
    /// Readings could not be delivered.
    #[error(transparent)]
    Readings(#[from] ReadingsError),
    /// The computer had no thread to compute on.
    #[error(transparent)]
    Busy(#[from] CpuPoolError),
    /// The database refused, failed, or is away.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl SimulationError {
    /// A refusal of the file at `path`.
    pub(super) fn seed_file(path: &std::path::Path, error: &ImportError) -> Self {
        Self::SeedFile { path: path.to_owned(), reason: error.to_string() }
    }

    /// Whether it is over when the database is back.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Db(error)
            | Self::Prices(PriceError::Db(error))
            | Self::Meters(MeterError::Db(error))
            | Self::Readings(
                ReadingsError::Db(error) | ReadingsError::Meters(MeterError::Db(error)),
            ) => error.is_passing(),
            _ => false,
        }
    }
}

impl From<diesel::result::Error> for SimulationError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}
