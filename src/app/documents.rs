//! Documents with what they stand on: extraction of text, embedding, index; and what answers from them.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use crate::access::audit::Audit;
use crate::base::timeline::Clock;
use crate::config::Settings;
use crate::facts::tariffs::Tariffs;
use crate::knowledge::ask;
use crate::knowledge::ask::Ask;
use crate::knowledge::documents;
use crate::knowledge::documents::Documents;
use crate::knowledge::documents::Needs;
use crate::knowledge::embedding::Embedding;
use crate::knowledge::extract::Extraction;
use crate::knowledge::extract::Program;
use crate::knowledge::index::Index;
use crate::platform::db::Db;
use crate::platform::jobs::Jobs;
use crate::platform::objects::Objects;
use crate::platform::runtime::CpuPool;
use crate::platform::runtime::Live;

/// Threads of documents, of their own: neither a document nor a question can wait while a model trains.
const THREADS: NonZeroUsize = NonZeroUsize::new(2).expect("it is not zero");

/// What the services of documents share with others.
pub(super) struct Shared {
    pub db: Db,
    pub objects: Objects,
    pub jobs: Jobs,
    pub audit: Audit,
    pub tariffs: Tariffs,
    pub clock: Clock,
}

/// The documents as `settings` want them, and what answers from them; nothing is asked, opened or loaded
/// yet.
pub(super) fn documents(
    settings: &Settings,
    shared: Shared,
    (section, answers): (Live<documents::Settings>, Live<ask::Settings>),
) -> (Documents, Ask) {
    let Shared { db, objects, jobs, audit, tariffs, clock } = shared;
    let pool = CpuPool::new(Some(THREADS));
    let needs = Needs {
        db: db.clone(),
        objects,
        jobs,
        audit: audit.clone(),
        extractor: Arc::new(extraction(settings, &clock)),
        embedding: Embedding::new(&settings.embedding, pool.clone(), clock.clone()),
        engine: Arc::new(index(settings, &clock)),
        pool,
        data_dir: settings.storage.data_dir.clone(),
    };
    let documents = Documents::new(needs, clock.clone(), section);
    let needs = ask::Needs { db, documents: documents.clone(), tariffs, audit };
    let ask = Ask::new(needs, clock, answers);
    (documents, ask)
}

/// What takes the text out of files: children of this program.
pub(super) fn extraction(settings: &Settings, clock: &Clock) -> Extraction {
    // A program that does not know where it lies is looked for by its name.
    let program = Program::own().unwrap_or_else(|_| Program::At(PathBuf::from("luna")));
    Extraction::new(&settings.extraction, clock, program)
}

/// Where chunks are indexed.
pub(super) fn index(settings: &Settings, clock: &Clock) -> Index {
    Index::new(&settings.vectors, &settings.storage.data_dir, clock.clone())
}
