//! Documents: items with versions, their canonical text, their chunks, and their way in.
//!
//! What comes is kept as it came (in the object store, by its hash) and written down together with a
//! job that reads it. The job leaves text and chunks in the database and lays them into the index,
//! which can be built from the database at any time. Whatever was begun and broken off goes on where it
//! was; whatever must be removed outside of the database is written down first.

mod api; // HTTP: what is there, and what people do to it
mod changes; // approve, call off, try again, delete
mod error; // why not
mod vectors; // of chunks: known or made
mod indexing; // versions of the index
mod ingest; // bytes → text → chunks → index
mod jobs; // the same as work of the queue
mod lexicon; // how words are weighed
mod model; // documents, chunks, versions
mod names; // what people write around a document, made harmless
mod service; // taking in, showing
mod passages; // for whoever looks for passages
mod settings; // the `[documents]` section
mod spool; // files on their way
mod standing; // status, health, metrics
mod stop; // why work ends early
mod store; // SQL
mod turn; // one process works at a time
mod upkeep; // what is put right by the clock
mod uploads; // HTTP: the way in

pub use self::api::routes;
pub use self::error::DocumentsError;
pub use self::indexing::Wish;
pub use self::jobs::{CheckJob, IngestJob, ReindexJob};
pub use self::model::{
    ChunkRecord, IndexVersion, ItemFilter, ItemRecord, ItemVersion, NewFile, Status, StoredText,
    Whole,
};
pub use self::service::{Documents, Needs};
pub use self::settings::Settings;
pub use self::standing::{Seen, Standing, within};
pub use self::turn::Turn;

#[cfg(test)]
pub use self::model::NewText;

#[cfg(test)]
mod tests;
