//! Chunks that are found by words (BM25) and by vectors: Qdrant's engine in process, or a Qdrant server.

mod edge; // Qdrant's engine in this process
mod model; // points, requests, hits, the face of both engines
mod order; // lists that are the same whoever made them
mod server; // a Qdrant server, over gRPC
mod service; // the engine that the settings name
mod settings; // the `[vectors]` section
mod wire; // requests to a server as they go over the wire
#[cfg(test)]
mod tests;

pub use self::edge::EdgeEngine;
pub use self::model::{
    Collection, Engine, Filter, Found, Hit, IndexError, Point, Search, SparseVector,
};
pub use self::service::Index;
pub use self::settings::Settings;
