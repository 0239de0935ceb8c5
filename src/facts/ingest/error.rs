//! Why a source brought nothing, and whose fault that is.

use super::connectors::ALL;
use super::model::ReadError;
use super::subject::Subject;
use crate::facts::archive::ArchiveError;
use crate::facts::market::PriceError;
use crate::facts::quality::QualityError;
use crate::facts::series::SeriesError;
use crate::facts::tariffs::TariffError;
use crate::platform::db::DbError;
use crate::platform::outbound::OutboundError;
use crate::platform::runtime::CpuPoolError;

/// Why a source brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// There is no such source.
    #[error("there is no source '{given}'; known are {}", names().join(", "))]
    Unknown {
        /// What was written.
        given: String,
    },
    /// Sources are switched off.
    #[error("sources are switched off; set sources.enabled = true to ask them")]
    Disabled,
    /// A setting is missing.
    #[error("{source_name} cannot be asked yet. {needs}")]
    NotReady {
        /// Which source.
        source_name: &'static str,
        /// What is missing, with the fix.
        needs: String,
    },
    /// The source does not know the subject.
    #[error("{source_name} knows nothing of {subject}")]
    NotKnown {
        /// Which source.
        source_name: &'static str,
        /// What it was to be asked about.
        subject: Subject,
    },
    /// No source is asked about it with these settings.
    #[error("no source is asked about {subject} with these settings")]
    Nobody {
        /// What is asked about.
        subject: Subject,
    },
    /// Nobody answered.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// What came cannot be used.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What came could not be judged.
    #[error(transparent)]
    Quality(#[from] QualityError),
    /// The payload could not be kept.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The prices could not be stored.
    #[error(transparent)]
    Prices(#[from] PriceError),
    /// The values could not be stored.
    #[error(transparent)]
    Series(#[from] SeriesError),
    /// The prices of a tariff could not be stored, or nobody knows it.
    #[error(transparent)]
    Tariff(#[from] TariffError),
    /// No thread came free to read what came.
    #[error(transparent)]
    Busy(#[from] CpuPoolError),
    /// The database refused, failed, or is away.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for FetchError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl FetchError {
    /// Whether the fault is the source's: the next one may do better.
    pub const fn is_of_source(&self) -> bool {
        matches!(
            self,
            Self::Outbound(_)
                | Self::Read(_)
                | Self::NotReady { .. }
                | Self::NotKnown { .. }
                | Self::Prices(PriceError::BadPoint(_))
                | Self::Tariff(TariffError::BadPrice(_) | TariffError::Unknown { .. })
                | Self::Series(SeriesError::OtherSeries { .. } | SeriesError::NotFinite { .. })
        )
    }
}

/// Names of all sources, in the order in which they are asked.
fn names() -> Vec<&'static str> {
    ALL.iter().map(|source| source.name()).collect()
}
