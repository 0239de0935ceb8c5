//! Why work on a document ends before it is done.

use super::error::DocumentsError;
use crate::platform::db::DbError;
use crate::platform::runtime::CpuPoolError;

/// Why work on a document ends before it is done.
#[derive(Debug)]
pub(super) enum Stop {
    /// Somebody called it off, or the program ends.
    Cancelled,
    /// The document is not there any more, or not in the hands of this job.
    Gone,
    /// No further attempt can help; says why to whoever brought the document.
    Failed(String),
    /// Another attempt can help.
    Later(anyhow::Error),
}

impl From<DocumentsError> for Stop {
    fn from(error: DocumentsError) -> Self {
        match error {
            DocumentsError::NotFound(_) => Self::Gone,
            other => Self::Later(other.into()),
        }
    }
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        Self::Later(error.into())
    }
}

impl From<diesel::result::Error> for Stop {
    fn from(error: diesel::result::Error) -> Self {
        DbError::from(error).into()
    }
}

impl From<CpuPoolError> for Stop {
    fn from(error: CpuPoolError) -> Self {
        Self::Later(error.into())
    }
}
