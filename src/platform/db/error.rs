//! What can go wrong between Luna and its database, and whether waiting helps.

use std::error::Error;

use diesel::result::DatabaseErrorKind;

/// Failure of the database or on the way to it.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Nobody answers, or every connection is in use; the pool tries again at the next call.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A statement was refused or failed.
    #[error("the database refused or failed a statement")]
    Query(#[from] diesel::result::Error),
    /// A COPY or a statement beside it was refused or failed.
    #[error("the database refused or failed a bulk write")]
    Bulk(#[from] tokio_postgres::Error),
    /// The schema could not be brought to what this program needs.
    #[error("{0}")]
    Migration(String),
    /// The settings or the connection string cannot be used.
    #[error("{0}")]
    Settings(String),
}

impl DbError {
    /// Whether the server is away or restarting, so that the same call can succeed later.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Query(error) => connection_was_lost(error),
            Self::Bulk(error) => error.is_closed() || error.as_db_error().is_none(),
            Self::Migration(_) | Self::Settings(_) => false,
        }
    }

    /// Whether the same call may succeed later; otherwise the statement itself is wrong.
    pub fn is_passing(&self) -> bool {
        self.is_unavailable() || self.is_timeout()
    }

    /// Whether a value broke a rule of the database, so that it will never be taken.
    pub fn is_of_value(&self) -> bool {
        use DatabaseErrorKind as Kind;
        let Self::Query(diesel::result::Error::DatabaseError(kind, _)) = self else { return false };
        matches!(
            kind,
            Kind::CheckViolation
                | Kind::ExclusionViolation
                | Kind::ForeignKeyViolation
                | Kind::NotNullViolation
                | Kind::UniqueViolation
        )
    }

    /// Whether the server stopped the statement because it ran too long.
    pub fn is_timeout(&self) -> bool {
        let code = tokio_postgres::error::SqlState::QUERY_CANCELED;
        match self {
            // diesel passes the text on, not the code; the text is the server's own.
            Self::Query(diesel::result::Error::DatabaseError(_, information)) => {
                information.message().contains("statement timeout")
            }
            Self::Bulk(error) => error.code() == Some(&code),
            _ => false,
        }
    }
}

fn connection_was_lost(error: &diesel::result::Error) -> bool {
    let diesel::result::Error::DatabaseError(kind, information) = error else {
        return matches!(error, diesel::result::Error::BrokenTransactionManager);
    };
    match kind {
        DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => true,
        // A server that stops says so once on each connection, in these words.
        _ => ["terminating connection", "the database system is"]
            .iter()
            .any(|words| information.message().contains(words)),
    }
}

/// An error and its causes in one line, for a message that has no source to link.
pub(super) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            text = format!("{text}: {part}");
        }
        cause = error.source();
    }
    text
}
