//! What sources sent, kept before anybody makes sense of it: a better parser can read it again.

mod model; // values, no I/O
mod service; // packing, keeping, handing out
mod store; // SQL

#[cfg(test)]
mod tests;

pub use self::model::{Answers, Arrival, RawFile};
pub use self::service::{Archive, ArchiveError};
