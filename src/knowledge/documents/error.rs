//! Why a document was not taken in, found or changed.

use uuid::Uuid;

use super::model::Status;
use crate::knowledge::index::IndexError;
use crate::platform::db::DbError;
use crate::platform::jobs::JobsError;
use crate::platform::objects::ObjectError;

/// Why a document was not taken in, found or changed.
#[derive(Debug, thiserror::Error)]
pub enum DocumentsError {
    /// What stands around the document breaks a rule.
    #[error("{field}: {why}")]
    Invalid {
        /// The field.
        field: String,
        /// What would be right.
        why: String,
    },
    /// There is nothing in it.
    #[error("'{0}' is empty; there is nothing to read in it")]
    Empty(String),
    /// It is larger than files may be.
    #[error("'{name}' is larger than {max_mb} MB, the most that documents.max_mb allows")]
    TooLarge {
        /// The file.
        name: String,
        /// What is allowed.
        max_mb: u32,
    },
    /// Too many wait already.
    #[error("{waiting} documents wait to be read, and {max} may wait; try again later")]
    QueueFull {
        /// Waiting now.
        waiting: i64,
        /// What is allowed.
        max: u32,
    },
    /// No such document, or not one that the caller may read.
    #[error("there is no document {0}")]
    NotFound(Uuid),
    /// The document has no text yet, or none at all.
    #[error("document {0} has no text; it is {status}", status = .1.name())]
    NoText(Uuid, Status),
    /// The document has no such page.
    #[error("document {item_id} has no page {page}")]
    NoPage {
        /// The document.
        item_id: Uuid,
        /// The page.
        page: u32,
    },
    /// The document is not in a state in which that can be done.
    #[error("document {item_id} cannot be {what}, it is {status}", status = .status.name())]
    State {
        /// The document.
        item_id: Uuid,
        /// What was asked.
        what: &'static str,
        /// Where it is.
        status: Status,
    },
    /// The index could not be used.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The store of the files could not be used.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The queue refused.
    #[error(transparent)]
    Jobs(#[from] JobsError),
    /// The disk refused.
    #[error("a file could not be kept in the data folder: {0}")]
    Disk(#[from] std::io::Error),
    /// Work ended before its time.
    #[error("the work broke off: {0}")]
    Broken(String),
    /// The database refused, failed, or is away.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for DocumentsError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl DocumentsError {
    /// A field that breaks a rule.
    pub(super) fn invalid(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), why: why.into() }
    }

    /// Whether the fault is the file's, so that the next one may be taken all the same.
    pub const fn is_of_file(&self) -> bool {
        matches!(
            self,
            Self::Invalid { .. } | Self::Empty(_) | Self::TooLarge { .. } | Self::QueueFull { .. }
        )
    }
}
