//! One version of the collection: its configuration, its requests, its files.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;

use qdrant_edge::{
    CountRequest, CreateIndex, Distance, EdgeConfig, EdgeOptimizersConfig, EdgeShard,
    EdgeSparseVectorParams, EdgeVectorParams, FieldIndexOperations, HnswIndexConfig, JsonPath,
    Modifier, NamedQuery, OperationError, PayloadFieldSchema, PayloadSchemaType, PointId,
    PointInsertOperations, PointOperations, PointStruct, QueryEnum, QueryRequest, Record,
    ScoringQuery, SearchParams, UpdateOperation, Vector, VectorInternal, VectorStructInternal,
    Vectors, WalOptions, WithPayloadInterface, WithVector,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::knowledge::index::model::{Filter, Found, Hit, IndexError, Point, Search, SparseVector};
use crate::knowledge::index::order::{BEYOND, ask_again, ordered};

/// Name of the dense vector.
const DENSE: &str = "dense";
/// Name of the sparse vector.
const WORDS: &str = "bm25";
/// Fields that filters are about.
const FILTERED: [&str; 3] = ["item_id", "tags", "lang"];
/// Points of one entry of the log: about a megabyte.
const POINTS_AT_ONCE: usize = 256;
/// Size of a file of the log, in bytes. It is there from the start, so it is a small one.
const LOG_BYTES: usize = 8 << 20;
/// Neighbours that a search looks at on its way; more find more and take longer.
const LOOKED_AT: usize = 128;
/// Neighbours that are looked at while the graph is built.
const LOOKED_AT_BUILDING: usize = 128;
/// Edges of a vector in the graph.
const EDGES: usize = 16;
/// Size up to which vectors are compared one by one, in kilobytes: that is exact, and quick enough.
const COMPARED_KB: usize = 10_000;

/// A version of the collection on the disk, open.
pub(super) struct Shard {
    engine: EdgeShard,
    path: PathBuf,
    /// Whoever changes something holds it: the engine refuses to flush while it is busy, by a panic.
    writer: Mutex<()>,
}

impl Shard {
    /// Makes the version in `path`, where there is nothing yet. It appears there whole.
    pub fn create(path: &Path, dimension: Option<usize>) -> Result<Self, IndexError> {
        let unfinished = path.with_extension("new");
        let failed = |error: io::Error| disk(path, &error);
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        fs::create_dir_all(&unfinished).map_err(failed)?;
        let shard = EdgeShard::new(&unfinished, configuration(dimension)).map_err(broken)?;
        for field in FILTERED {
            let field_name = JsonPath::try_from(field)
                .map_err(|()| IndexError::Damaged(format!("{field} cannot be indexed")))?;
            let field_schema = Some(PayloadFieldSchema::FieldType(PayloadSchemaType::Keyword));
            let index = FieldIndexOperations::CreateIndex(CreateIndex { field_name, field_schema });
            shard.update(UpdateOperation::FieldIndexOperation(index)).map_err(broken)?;
        }
        // It flushes while it goes.
        drop(shard);
        fs::rename(&unfinished, path).map_err(failed)?;
        sync_folder(path.parent().unwrap_or(path)).map_err(failed)?;
        Self::open(path)
    }

    /// Opens the version in `path`.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        // What an optimisation had begun when the process ended; it was in no list yet.
        drop(fs::remove_dir_all(path.join("temp_segments")));
        let shard = EdgeShard::load(path, None).map_err(broken)?;
        let this = Self { engine: shard, path: path.to_owned(), writer: Mutex::new(()) };
        this.forget_log();
        Ok(this)
    }

    /// Numbers of a dense vector; absent: words only.
    pub fn dimension(&self) -> Option<usize> {
        self.engine.config().vectors.get(DENSE).map(|vector| vector.size)
    }

    /// Stores points; when it returns they are found, and on the disk.
    pub fn put(&self, points: Vec<Point>) -> Result<(), IndexError> {
        let _writer = self.writer();
        let mut points = points.into_iter().peekable();
        while points.peek().is_some() {
            let some = points.by_ref().take(POINTS_AT_ONCE).map(|point| Ok(stored(point)?.into()));
            let list = PointInsertOperations::PointsList(some.collect::<Result<_, IndexError>>()?);
            let operation = PointOperations::UpsertPoints(list);
            self.engine.update(UpdateOperation::PointOperation(operation)).map_err(broken)?;
        }
        self.keep();
        Ok(())
    }

    /// Removes every chunk of a document.
    pub fn remove_item(&self, item_id: Uuid) -> Result<(), IndexError> {
        let _writer = self.writer();
        let only = Filter { items: vec![item_id], ..Filter::default() };
        if let Some(filter) = filter(&only)? {
            let operation = PointOperations::DeletePointsByFilter(filter);
            self.engine.update(UpdateOperation::PointOperation(operation)).map_err(broken)?;
        }
        self.keep();
        Ok(())
    }

    /// Brings what was put into the form that is searched fast.
    pub fn settle(&self) -> Result<(), IndexError> {
        let _writer = self.writer();
        self.engine.optimize().map_err(broken)?;
        self.keep();
        Ok(())
    }

    /// Number of points.
    pub fn count(&self) -> Result<u64, IndexError> {
        let count = self.engine.count(CountRequest { filter: None, exact: true });
        Ok(count.map_err(broken)? as u64)
    }

    /// The lists of a request.
    pub fn search(&self, search: Search) -> Result<Found, IndexError> {
        let mut found = Found::default();
        let filter = filter(&search.filter)?;
        if let Some(words) = search.words.filter(|words| !words.indices.is_empty()) {
            let query = VectorInternal::Sparse(sparse(words)?);
            found.words = self.list(&query, WORDS, filter.as_ref(), search.limit)?;
        }
        if let Some(dense) = search.dense {
            let query = VectorInternal::Dense(dense);
            found.dense = self.list(&query, DENSE, filter.as_ref(), search.limit)?;
        }
        Ok(found)
    }

    /// The dense vectors of chunks, as far as they are there.
    pub fn vectors(&self, chunk_ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<f32>>, IndexError> {
        if self.dimension().is_none() {
            return Ok(HashMap::new());
        }
        let ids: Vec<PointId> = chunk_ids.iter().map(|id| PointId::Uuid(*id)).collect();
        let payload = Some(WithPayloadInterface::Bool(false));
        let wanted = Some(WithVector::Selector(vec![DENSE.into()]));
        let records = self.engine.retrieve(&ids, payload, wanted).map_err(broken)?;
        let vector = |record: Record| {
            let PointId::Uuid(id) = record.id else { return None };
            let VectorStructInternal::Named(mut named) = record.vector? else { return None };
            match named.remove(DENSE)? {
                VectorInternal::Dense(dense) => Some((id, dense)),
                _ => None,
            }
        };
        Ok(records.into_iter().filter_map(vector).collect())
    }

    fn list(
        &self,
        query: &VectorInternal,
        using: &str,
        filter: Option<&qdrant_edge::Filter>,
        limit: usize,
    ) -> Result<Vec<Hit>, IndexError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let mut asked = limit + BEYOND;
        loop {
            let nearest = NamedQuery { query: query.clone(), using: Some(using.into()) };
            let request = QueryRequest {
                prefetches: Vec::new(),
                query: Some(ScoringQuery::Vector(QueryEnum::Nearest(nearest))),
                filter: filter.cloned(),
                score_threshold: None,
                limit: asked,
                offset: 0,
                params: Some(SearchParams { hnsw_ef: Some(LOOKED_AT), ..SearchParams::default() }),
                with_vector: WithVector::Bool(false),
                with_payload: WithPayloadInterface::Bool(false),
            };
            let points = self.engine.query(request).map_err(broken)?;
            let hits = points.into_iter().filter_map(|point| match point.id {
                PointId::Uuid(chunk_id) => Some(Hit { chunk_id, score: point.score }),
                PointId::NumId(_) => None,
            });
            let hits: Vec<Hit> = hits.collect();
            match ask_again(&hits, asked, limit) {
                Some(more) => asked = more,
                None => return Ok(ordered(hits, limit, using == WORDS)),
            }
        }
    }

    fn writer(&self) -> MutexGuard<'_, ()> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings everything to the disk: the log is not read again after a crash.
    fn keep(&self) {
        self.engine.flush();
        self.forget_log();
    }

    /// Removes files of the log that are full. The engine writes it and never reads or shortens it; the
    /// newest full one stays, because it knows the number of the next entry.
    fn forget_log(&self) {
        let Ok(entries) = fs::read_dir(self.path.join("wal")) else { return };
        let number = |name: &str| name.strip_prefix("closed-")?.parse::<u64>().ok();
        let mut full: Vec<(u64, PathBuf)> = entries
            .flatten()
            .filter_map(|entry| Some((number(entry.file_name().to_str()?)?, entry.path())))
            .collect();
        full.sort_unstable();
        full.pop();
        for (_, file) in full {
            // What stays is tried again.
            drop(fs::remove_file(file));
        }
    }
}

/// What a version consists of. Numbers that only steer the speed may change with the program.
fn configuration(dimension: Option<usize>) -> EdgeConfig {
    let words = EdgeSparseVectorParams { modifier: Some(Modifier::Idf), ..Default::default() };
    // Half of the cores: pages are served meanwhile.
    let threads = available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1));
    let graph = HnswIndexConfig {
        m: EDGES,
        ef_construct: LOOKED_AT_BUILDING,
        full_scan_threshold: COMPARED_KB,
        max_indexing_threads: threads,
        on_disk: Some(false),
        payload_m: None,
        inline_storage: None,
    };
    let optimizers = EdgeOptimizersConfig {
        // A few large parts are searched faster than many small ones.
        default_segment_number: Some(2),
        indexing_threshold: Some(COMPARED_KB),
        ..Default::default()
    };
    let log = WalOptions { segment_capacity: LOG_BYTES, ..WalOptions::default() };
    let config = EdgeConfig::builder()
        .on_disk_payload(true)
        .sparse_vector(WORDS, words)
        .hnsw_config(graph)
        .optimizers(optimizers)
        .wal_options(log);
    match dimension {
        Some(size) => {
            config.vector(DENSE, EdgeVectorParams::builder(size, Distance::Cosine).build()).build()
        }
        None => config.build(),
    }
}

fn stored(point: Point) -> Result<PointStruct, IndexError> {
    let payload = json!({
        "item_id": point.item_id,
        "chunk_idx": point.chunk_idx,
        "ts": point.ts,
        "tags": point.tags,
        "source": point.source,
        "lang": point.lang,
    });
    let words = Vector::from(sparse(point.words)?);
    let vectors = match point.dense {
        Some(dense) => vec![(DENSE, Vector::from(dense)), (WORDS, words)],
        None => vec![(WORDS, words)],
    };
    Ok(PointStruct::new(PointId::Uuid(point.chunk_id), Vectors::new_named(vectors), payload))
}

fn sparse(words: SparseVector) -> Result<qdrant_edge::SparseVector, IndexError> {
    let made = qdrant_edge::SparseVector::new(words.indices, words.values);
    made.map_err(|error| IndexError::Refused(format!("weights of words are wrong: {error}")))
}

/// The filter as the engine wants it; absent when nothing is wanted.
fn filter(wanted: &Filter) -> Result<Option<qdrant_edge::Filter>, IndexError> {
    let any = |key: &str, values: Value| json!({"key": key, "match": {"any": values}});
    let mut filter = Map::new();
    let must: Vec<Value> = [
        (!wanted.items.is_empty()).then(|| any("item_id", json!(wanted.items))),
        (!wanted.tags.is_empty()).then(|| any("tags", json!(wanted.tags))),
        (!wanted.languages.is_empty()).then(|| any("lang", json!(wanted.languages))),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !must.is_empty() {
        filter.insert("must".to_owned(), must.into());
    }
    if !wanted.without_items.is_empty() {
        let without = any("item_id", json!(wanted.without_items));
        filter.insert("must_not".to_owned(), vec![without].into());
    }
    if filter.is_empty() {
        return Ok(None);
    }
    let filter = serde_json::from_value(Value::Object(filter));
    filter.map(Some).map_err(|error| IndexError::Refused(format!("the filter is wrong: {error}")))
}

/// What the engine's error means to the caller.
#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn broken(error: OperationError) -> IndexError {
    let text = error.to_string();
    let is_wrong = matches!(
        error,
        OperationError::WrongVectorDimension { .. }
            | OperationError::VectorNameNotExists { .. }
            | OperationError::ValidationError { .. }
            | OperationError::WrongSparse
    );
    if is_wrong {
        IndexError::Refused(text)
    } else if is_passing(&text)
        || matches!(
            error,
            OperationError::OutOfMemory { .. }
                | OperationError::Timeout { .. }
                | OperationError::Cancelled { .. }
        )
    {
        IndexError::Unavailable(text)
    } else {
        IndexError::Damaged(text)
    }
}

/// Whether a message of the engine or the system is about what may be otherwise later, so that nothing
/// on the disk is wrong: no room, no rights, no memory, no more open files.
pub(super) fn is_passing(text: &str) -> bool {
    const ERRORS: [&str; 7] = [
        "No space left",
        "StorageFull",
        "os error 28)",
        "os error 12)",
        "os error 13)",
        "os error 24)",
        "os error 30)",
    ];
    ERRORS.iter().any(|words| text.contains(words))
}

/// An error of the file system about a folder.
pub(super) fn disk(path: &Path, error: &io::Error) -> IndexError {
    IndexError::Unavailable(format!("{} cannot be written to: {error}", path.display()))
}

/// Brings the names in a folder to the disk.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
