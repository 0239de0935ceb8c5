//! What can go wrong with the broker's mappings and messages.

use uuid::Uuid;

use crate::facts::meters::MeterError;
use crate::facts::readings::ReadingsError;
use crate::platform::db::DbError;

/// Failure of what concerns the broker and its mappings.
#[derive(Debug, thiserror::Error)]
pub enum MqttError {
    /// A mapping breaks rules: fields and sentences.
    #[error("{}", .0.iter().map(|(field, why)| format!("{field}: {why}")).collect::<Vec<_>>().join("; "))]
    BadMapping(Vec<(&'static str, String)>),
    /// There is one that says the same.
    #[error("there is a mapping of this number to this field of this meter already")]
    Taken,
    /// There are as many as there may be.
    #[error("there are {0} mappings, and no more are kept; delete some")]
    TooMany(i64),
    /// Nothing has this identifier.
    #[error("there is no mapping {0}")]
    Unknown(Uuid),
    /// Meters.
    #[error(transparent)]
    Meters(#[from] MeterError),
    /// Their readings.
    #[error(transparent)]
    Readings(#[from] ReadingsError),
    /// The database refused, failed, or is away.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for MqttError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl MqttError {
    /// Whether the same may go well later.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Db(error)
            | Self::Meters(MeterError::Db(error))
            | Self::Readings(
                ReadingsError::Db(error) | ReadingsError::Meters(MeterError::Db(error)),
            ) => error.is_passing(),
            _ => false,
        }
    }
}
