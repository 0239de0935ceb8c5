//! Why the private database could not be had, with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Failure to make, start, join or stop the private database.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No installation was found.
    #[error(
        "no PostgreSQL was found ({looked}): install PostgreSQL 13 or newer (Debian: apt-get install \
         postgresql), name its folder in LUNA_PG_BIN, or set DATABASE_URL to a server"
    )]
    NotInstalled {
        /// Where it was looked for.
        looked: String,
    },
    /// The files on disk belong to another major version.
    #[error(
        "the private database in {} was made by PostgreSQL {made_by}, found is only {found}: install \
         PostgreSQL {made_by}, or name its folder in LUNA_PG_BIN", folder.display()
    )]
    OtherMajor {
        /// Folder of the database.
        folder: PathBuf,
        /// Major version that made it.
        made_by: String,
        /// Versions that are installed.
        found: String,
    },
    /// Luna runs as root, the database may not, and its user cannot get to the files.
    #[error(
        "the database's user '{user}' cannot reach {}: {} is closed to it; open it with \
         'chmod o+x {}', choose another data folder, or do not run Luna as root",
        folder.display(), closed.display(), closed.display()
    )]
    Unreachable {
        /// User that the database runs as.
        user: String,
        /// Folder of the database.
        folder: PathBuf,
        /// The folder on the way that lets nobody through.
        closed: PathBuf,
    },
    /// Files belong to somebody else.
    #[error("{} belongs to user {owner}: start Luna as that user, or as root", folder.display())]
    Foreign {
        /// Folder in question.
        folder: PathBuf,
        /// Number of the user that owns it.
        owner: u32,
    },
    /// A program of PostgreSQL failed.
    #[error("{what} failed; the last it said (see {}): {said}", log.display())]
    Failed {
        /// What was tried.
        what: String,
        /// End of its output.
        said: String,
        /// Where there is more.
        log: PathBuf,
    },
    /// The file system refused something.
    #[error("could not {what} {}; --data-dir or LUNA_DATA_DIR chooses the data folder", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The server runs, but its first statements failed.
    #[error("the private database runs but could not be set up")]
    SetUp(#[from] tokio_postgres::Error),
    /// The thread that does the work ended early.
    #[error("the private database's starter ended early")]
    Aborted(#[from] tokio::task::JoinError),
}

/// Gives an input or output error its path, for `map_err`.
pub(super) fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> EmbeddedError {
    move |source| EmbeddedError::Io { what, path: path.to_owned(), source }
}
