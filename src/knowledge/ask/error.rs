//! Why a question was not answered.

use uuid::Uuid;

use crate::facts::tariffs::TariffError;
use crate::knowledge::documents::DocumentsError;
use crate::platform::db::DbError;
use crate::platform::runtime::CpuPoolError;

/// Why a question was not answered, or something about one was not done.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The request breaks a rule.
    #[error("{field} {message}")]
    Invalid {
        /// Path of the field.
        field: &'static str,
        /// What would be right.
        message: String,
    },
    /// No such question is written down, or it is somebody else's.
    #[error("there is no question {0} that was written down")]
    NoQuestion(Uuid),
    /// The document cannot be used.
    #[error(transparent)]
    Documents(#[from] DocumentsError),
    /// The tariff cannot be used.
    #[error(transparent)]
    Tariff(#[from] TariffError),
    /// Too much is being computed.
    #[error(transparent)]
    Pool(#[from] CpuPoolError),
    /// The database refused, failed, or is away.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for AskError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl AskError {
    /// A rule that a field breaks.
    pub(super) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { field, message: message.into() }
    }
}
