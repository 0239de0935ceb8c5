//! Points, requests, hits, and the face of both engines.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A vector of which few numbers differ from zero. Indices are hashes of terms, ascending, once each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SparseVector {
    /// Which numbers.
    pub indices: Vec<u32>,
    /// The numbers.
    pub values: Vec<f32>,
}

/// A version of the collection `chunks`: all its points have the same kind of vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// Number of the version; the collection is called `chunks_v{version}`.
    pub version: u32,
    /// Numbers of a dense vector; absent: words only.
    pub dimension: Option<usize>,
}

/// A chunk in the index. The payload's fields are fixed by the product's contract.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Identifier of the chunk and of the point.
    pub chunk_id: Uuid,
    /// Its document.
    pub item_id: Uuid,
    /// Its place in the document, from 0.
    pub chunk_idx: i32,
    /// When the document came.
    pub ts: DateTime<Utc>,
    /// Tags of the document.
    pub tags: Vec<String>,
    /// Where the document is from.
    pub source: String,
    /// Language of the chunk: `de`, `fr`, `it`, `en`.
    pub lang: String,
    /// Weights of its terms; the engine multiplies by the inverse document frequency.
    pub words: SparseVector,
    /// Its meaning, of length 1; absent in a collection of words only.
    pub dense: Option<Vec<f32>>,
}

/// What a chunk must be to be found; empty lists want nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// One of these documents.
    pub items: Vec<Uuid>,
    /// None of these documents.
    pub without_items: Vec<Uuid>,
    /// At least one of these tags.
    pub tags: Vec<String>,
    /// One of these languages.
    pub languages: Vec<String>,
}

/// What is looked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Search {
    /// By words: the weights of the question's terms.
    pub words: Option<SparseVector>,
    /// By meaning.
    pub dense: Option<Vec<f32>>,
    /// Among which chunks.
    pub filter: Filter,
    /// Longest list of each kind.
    pub limit: usize,
}

/// A chunk that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The chunk.
    pub chunk_id: Uuid,
    /// BM25, or the cosine.
    pub score: f32,
}

/// Both lists, best first, ties by identifier; fusing them is the caller's.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// By words.
    pub words: Vec<Hit>,
    /// By meaning.
    pub dense: Vec<Hit>,
}

/// Why the index cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The server is away or refuses; another attempt may go well.
    #[error("the vector store is not available: {0}")]
    Unavailable(String),
    /// What is on the disk or in the collection is not what was put there: it must be rebuilt.
    #[error("the index is damaged: {0}")]
    Damaged(String),
    /// There is no such version.
    #[error("the index has no version {0}")]
    Unknown(u32),
    /// What was asked for does not fit the version, such as vectors of another length.
    #[error("the index does not take it: {0}")]
    Refused(String),
}

/// What stands before the number of a version in the name of its collection.
const NAME: &str = "chunks_v";

/// Name of the collection of a version.
pub(super) fn collection_name(version: u32) -> String {
    format!("{NAME}{version}")
}

/// The version whose collection is called `name`.
pub(super) fn version_of(name: &str) -> Option<u32> {
    name.strip_prefix(NAME)?.parse().ok()
}

/// The face of both engines. The database is the truth: everything here can be rebuilt from it.
#[async_trait::async_trait]
pub trait Engine: Send + Sync {
    /// Makes the version with its payload indexes, unless it is there.
    async fn create(&self, collection: &Collection) -> Result<(), IndexError>;
    /// Stores points, replacing those with the same identifier; when it returns they are found.
    async fn put(&self, version: u32, points: Vec<Point>) -> Result<(), IndexError>;
    /// Removes every chunk of a document.
    async fn remove_item(&self, version: u32, item_id: Uuid) -> Result<(), IndexError>;
    /// The lists of a request.
    async fn search(&self, version: u32, search: Search) -> Result<Found, IndexError>;
    /// The dense vectors of chunks, of length 1, as far as the version has them.
    async fn vectors(
        &self,
        version: u32,
        chunk_ids: &[Uuid],
    ) -> Result<HashMap<Uuid, Vec<f32>>, IndexError>;
    /// How many points the version has.
    async fn count(&self, version: u32) -> Result<u64, IndexError>;
    /// Brings what was put into the form that is searched fast and is on the disk; takes its time.
    async fn settle(&self, version: u32) -> Result<(), IndexError>;
    /// Lets the name `chunks` stand for this version.
    async fn point_alias(&self, version: u32) -> Result<(), IndexError>;
    /// Versions that are there.
    async fn versions(&self) -> Result<Vec<u32>, IndexError>;
    /// Removes a version; one that is damaged is set aside where it can be looked at.
    async fn drop_version(&self, version: u32, set_aside: bool) -> Result<(), IndexError>;
    /// What it is, as a sentence for the status page, and whether it can be reached.
    async fn standing(&self) -> (String, bool);
}
