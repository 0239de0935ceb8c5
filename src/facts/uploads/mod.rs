//! Files that somebody has sent and not yet confirmed: kept for an hour, for nobody but them.

mod model; // a file and what it is for
mod store; // SQL
mod service; // keeping, handing out, cleaning

pub use self::model::{FileKind, NewFile, StagedFile};
pub use self::service::{StagedFiles, StagingError};

#[cfg(test)]
mod tests;
