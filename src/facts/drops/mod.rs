//! Files that grid operators leave behind: a watched folder and SFTP servers, each file read once.
//!
//! A file that cannot be read is set aside with a sentence and never holds up the next one. What a
//! file says is committed before it is moved, so that a crash between the two only means that it is
//! read again, which changes nothing.

mod model; // what came, what became of it
mod settings; // the `[drops]` section
mod formats; // bytes into series of mean power
mod unpack; // gzip and zip, bounded
mod store; // SQL
mod storing; // a document into the readings, in one transaction
mod service; // roads, arrivals, the history
mod reading; // one file, document by document
mod points; // which meter a metering point is
mod looks; // whether a file is complete
mod folder; // the watched folder
mod sftp; // servers of grid operators
mod jobs; // each minute
mod api; // HTTP: translates, decides nothing

pub use self::api::routes;
pub use self::jobs::DropsJob;
pub use self::model::{DroppedFile, DropsError, Filter, MeteringPoint, Outcome, Scan};
pub use self::service::{Drops, Needs};
pub use self::settings::Settings;

#[cfg(test)]
mod tests;
