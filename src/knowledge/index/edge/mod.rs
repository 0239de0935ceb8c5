//! Qdrant's engine in this process: one folder per version of the collection.

mod engine; // versions by number, their folders, who may write
mod lock; // one process per folder
mod shard; // one version: its configuration, requests, files

pub use self::engine::EdgeEngine;
