//! Chunks that are found by words (BM25) and by vectors: Qdrant's engine in process, or a Qdrant server.

mod model; // points, requests, hits, the face of both engines

pub use self::model::{
    Collection, Engine, Filter, Found, Hit, IndexError, Point, Search, SparseVector,
};
