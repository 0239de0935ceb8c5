//! Taking documents in, and showing what is there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chrono::Duration;
use diesel_async::AsyncConnection;
use serde_json::json;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::error::DocumentsError;
use super::jobs::IngestJob;
use super::model::{
    Added, ChunkRecord, Counts, ItemFilter, ItemRecord, NewFile, NewText, Progress, Status,
    StoredText, Whole, object_key,
};
use super::names;
use super::settings::Settings;
use super::standing::{Seen, Standing};
use super::store::leftovers::Leftover;
use super::store::{chunks, items, leftovers, locks};
use crate::access::audit::{Audit, By, Event};
use crate::algorithms::retrieval::Words;
use crate::base::timeline::Clock;
use crate::knowledge::embedding::Embedding;
use crate::knowledge::extract::Extractor;
use crate::knowledge::index::Engine;
use crate::platform::db::{Conn, Db};
use crate::platform::jobs::{Jobs, JobsError, NewJob};
use crate::platform::objects::{Objects, sha256_hex};
use crate::platform::runtime::{CpuPool, Live};
use crate::platform::web::Role;

/// After this time an upload has come to its end one way or the other.
const UPLOAD_MAX: Duration = Duration::hours(1);
/// Uploads whose bytes are held in memory at once.
const ROOM: usize = 2;
/// What a document that was brought over HTTP without a source is from.
const UPLOAD: &str = "upload";
/// What a text without a source is from.
const TEXT: &str = "text";

/// What the documents stand on.
#[derive(Clone)]
pub struct Needs {
    /// The database.
    pub db: Db,
    /// Where bytes are kept.
    pub objects: Objects,
    /// The queue.
    pub jobs: Jobs,
    /// The log of changes.
    pub audit: Audit,
    /// Threads for what computes.
    pub pool: CpuPool,
    /// Text out of files.
    pub extractor: Arc<dyn Extractor>,
    /// Texts as vectors.
    pub embedding: Embedding,
    /// The index.
    pub engine: Arc<dyn Engine>,
    /// Folder for files on their way.
    pub data_dir: PathBuf,
}

/// Documents. Cloning is cheap.
#[derive(Clone)]
pub struct Documents(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub needs: Needs,
    pub clock: Clock,
    pub settings: Live<Settings>,
    /// Holds the bytes of uploads within bounds.
    pub room: Semaphore,
    /// How words are weighed, by version of the index.
    pub words: Mutex<BTreeMap<u32, Arc<Words>>>,
    /// One brings the index into its fast form at a time, one builds, one cleans up.
    pub settling: tokio::sync::Mutex<()>,
    pub building: tokio::sync::Mutex<()>,
    pub sweeping: tokio::sync::Mutex<()>,
    pub seen: Seen<Vec<Standing>>,
}

/// A document that is about to be stored.
pub(super) struct Draft {
    pub kind: &'static str,
    pub file_name: String,
    pub title: String,
    pub lineage: String,
    pub tags: Vec<String>,
    pub source: String,
    pub url: Option<String>,
}

impl Documents {
    /// The documents in a database, an object store and an index.
    pub fn new(needs: Needs, clock: Clock, settings: Live<Settings>) -> Self {
        Self(Arc::new(Inner {
            needs,
            clock,
            settings,
            room: Semaphore::new(ROOM),
            words: Mutex::default(),
            settling: tokio::sync::Mutex::default(),
            building: tokio::sync::Mutex::default(),
            sweeping: tokio::sync::Mutex::default(),
            seen: Seen::default(),
        }))
    }

    /// The settings as they are now.
    pub fn settings(&self) -> Arc<Settings> {
        self.0.settings.get()
    }

    /// Folder for files on their way.
    pub(super) fn data_dir(&self) -> &Path {
        &self.0.needs.data_dir
    }

    pub(super) fn db(&self) -> &Db {
        &self.0.needs.db
    }

    /// Takes a file in: when this returns, it is stored and a job will read it. A file whose bytes are
    /// there already is not taken in again; what failed or was called off is tried once more.
    pub async fn add_file(&self, file: NewFile) -> Result<Added, DocumentsError> {
        let file_name = names::file_name(&file.name);
        self.check_size(&file_name, file.bytes.len() as u64)?;
        let (title, lineage) = match (&file.title, &file.place) {
            (Some(title), _) => {
                let title = names::title(title)?;
                let lineage = names::lineage_of_title(&title);
                (title, lineage)
            }
            (None, Some(place)) => (names::stem(&file_name), names::lineage_of_place(place)),
            (None, None) => (names::stem(&file_name), names::lineage_of_file(&file_name)),
        };
        let draft = Draft {
            kind: "document",
            title,
            lineage,
            tags: names::tags(&file.tags)?,
            source: names::source(file.source.as_deref(), UPLOAD)?,
            url: names::url(file.url.as_deref())?,
            file_name,
        };
        self.add(draft, file.bytes, &file.by).await
    }

    /// Takes a text in, as [`Documents::add_file`] does with files.
    pub async fn add_text(&self, text: NewText) -> Result<Added, DocumentsError> {
        let title = names::title(&text.title)?;
        if text.text.trim().is_empty() {
            return Err(DocumentsError::invalid(
                "text",
                "is empty; there is nothing to read in it",
            ));
        }
        let file_name = names::file_name(&format!("{}.txt", title.replace(['/', '\\'], "-")));
        self.check_size(&file_name, text.text.len() as u64)?;
        let draft = Draft {
            kind: "text",
            lineage: names::lineage_of_title(&title),
            tags: names::tags(&text.tags)?,
            source: names::source(text.source.as_deref(), TEXT)?,
            url: names::url(text.url.as_deref())?,
            title,
            file_name,
        };
        self.add(draft, Bytes::from(text.text), &text.by).await
    }

    /// Refuses what is empty or too large.
    pub fn check_size(&self, name: &str, bytes: u64) -> Result<(), DocumentsError> {
        let settings = self.settings();
        if bytes == 0 {
            return Err(DocumentsError::Empty(name.to_owned()));
        }
        if bytes > settings.bytes_max() {
            let (name, max_mb) = (name.to_owned(), settings.max_mb);
            return Err(DocumentsError::TooLarge { name, max_mb });
        }
        Ok(())
    }

    /// Refuses more documents while as many wait as may wait.
    pub async fn check_queue(&self) -> Result<(), DocumentsError> {
        let mut conn = self.db().conn().await?;
        self.check_queue_on(&mut conn).await
    }

    async fn check_queue_on(&self, conn: &mut Conn) -> Result<(), DocumentsError> {
        let max = self.settings().queue_max;
        let waiting = items::open(conn).await?;
        if waiting < i64::from(max) {
            Ok(())
        } else {
            Err(DocumentsError::QueueFull { waiting, max })
        }
    }

    async fn add(&self, draft: Draft, bytes: Bytes, by: &By) -> Result<Added, DocumentsError> {
        let to_hash = bytes.clone();
        let sha256 = tokio::task::spawn_blocking(move || sha256_hex(&to_hash)).await;
        let sha256 = sha256.map_err(|error| broken(&error))?;
        let mut conn = self.db().conn().await?;
        if let Some(known) = items::current(&mut conn, &sha256).await?
            && !can_be_tried_again(known.status)
        {
            return Ok(added(known, false));
        }
        self.check_queue_on(&mut conn).await?;
        // Whatever lies in the store without a document is found by the cleaning.
        let leftover = Leftover {
            leftover_id: Uuid::now_v7(),
            item_id: Uuid::now_v7(),
            sha256: Some(sha256.clone()),
        };
        leftovers::insert(&mut conn, &leftover, self.0.clock.now() + UPLOAD_MAX).await?;
        drop(conn);
        self.0.needs.objects.put_new(&object_key(&sha256), bytes.clone()).await?;
        let mut conn = self.db().conn().await?;
        let stored = conn
            .transaction(async |conn| self.register(conn, draft, &bytes, &leftover, by).await)
            .await?;
        drop(conn);
        self.0.needs.jobs.wake();
        Ok(stored)
    }

    /// Writes the document down together with its job, unless somebody else just did.
    async fn register(
        &self,
        conn: &mut Conn,
        draft: Draft,
        bytes: &Bytes,
        leftover: &Leftover,
        by: &By,
    ) -> Result<Added, DocumentsError> {
        let sha256 = leftover.sha256.clone().unwrap_or_default();
        locks::content(conn, &sha256).await?;
        leftovers::delete(conn, leftover.leftover_id).await?;
        let objects = &self.0.needs.objects;
        // The last document with these bytes may have been deleted meanwhile, and they with it.
        if !objects.contains(&object_key(&sha256)).await? {
            objects.put_new(&object_key(&sha256), bytes.clone()).await?;
        }
        if let Some(known) = items::current(conn, &sha256).await? {
            if !can_be_tried_again(known.status) {
                return Ok(added(known, false));
            }
            let item = self.queue_again(conn, known, by).await?;
            return Ok(added(item, false));
        }
        locks::lineage(conn, &draft.lineage).await?;
        let versions = items::versions(conn, &draft.lineage).await?;
        let previous = versions.iter().find(|version| !can_be_tried_again(version.status));
        let previous_item = previous.map(|version| version.item_id);
        let last = items::last_version(conn, &draft.lineage).await?;
        let (now, item_id) = (self.0.clock.now(), leftover.item_id);
        let job_id = self.enqueue(conn, item_id, by).await?;
        let item = ItemRecord {
            item_id,
            kind: draft.kind.to_owned(),
            source: draft.source,
            title: draft.title,
            tags: draft.tags,
            url: draft.url,
            sha256,
            version: last.unwrap_or_default() + 1,
            created_at: now,
            file_name: draft.file_name,
            media_type: None,
            bytes: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
            pages: None,
            language: None,
            status: Status::Queued,
            reason: None,
            findings: json!([]),
            method: None,
            approved_at: None,
            approved_by: None,
            previous_item,
            superseded_at: None,
            added_by: by.user_id(),
            job_id: Some(job_id),
            text_sha256: None,
            chunk_count: None,
            ready_at: None,
            lineage: draft.lineage,
        };
        items::insert(conn, &item).await?;
        let event = Event::new("document.add", ("document", item_id)).after(&item.facts());
        self.0.needs.audit.record(conn, by, event).await?;
        Ok(added(item, true))
    }

    /// Stores the job that reads a document, in the transaction open on `conn`.
    pub(super) async fn enqueue(
        &self,
        conn: &mut Conn,
        item_id: Uuid,
        by: &By,
    ) -> Result<Uuid, DocumentsError> {
        let mut job = NewJob::new(IngestJob::NAME).payload(json!({ "item_id": item_id }));
        job.requested_by = by.user_id();
        Ok(self.0.needs.jobs.enqueue_on(conn, &job).await?.job_id)
    }

    /// Up to `limit` documents that somebody in this role may read, the newest first.
    pub async fn list(
        &self,
        filter: &ItemFilter,
        role: Role,
        limit: i64,
    ) -> Result<Vec<ItemRecord>, DocumentsError> {
        let filter = ItemFilter {
            only_ready: reads_only(role),
            only_approved: self.needs_approval(role),
            ..filter.clone()
        };
        let mut conn = self.db().conn().await?;
        Ok(items::list(&mut conn, &filter, limit).await?)
    }

    /// A document with its versions, if somebody in this role may read it.
    pub async fn get(&self, item_id: Uuid, role: Role) -> Result<Whole, DocumentsError> {
        let mut item = self.readable(item_id, role).await?;
        let mut progress = None;
        if item.status.is_open() {
            self.settle_status(&item).await?;
            item = self.readable(item_id, role).await?;
        }
        if let Some(job_id) = item.job_id.filter(|_| item.status.is_open()) {
            progress = match self.0.needs.jobs.job(job_id).await {
                Ok(job) => Some(Progress::from(job)),
                Err(JobsError::NotFound(_)) => None,
                Err(error) => return Err(error.into()),
            };
        }
        let mut conn = self.db().conn().await?;
        let mut versions = items::versions(&mut conn, &item.lineage).await?;
        if reads_only(role) {
            versions.retain(|version| version.status == Status::Ready);
        }
        Ok(Whole { item, versions, progress })
    }

    /// A document, if somebody in this role may read it.
    pub async fn readable(&self, item_id: Uuid, role: Role) -> Result<ItemRecord, DocumentsError> {
        let mut conn = self.db().conn().await?;
        let found = items::find(&mut conn, item_id).await?;
        let found = found.filter(|item| self.may_read(item, role));
        found.ok_or(DocumentsError::NotFound(item_id))
    }

    pub(super) fn needs_approval(&self, role: Role) -> bool {
        reads_only(role) && self.settings().approval_required
    }

    /// Documents whose chunks the index may still find and that somebody in this role must not see:
    /// those that are on their way out, and those that wait for an approval; absent where there are none.
    pub async fn visible_items(&self, role: Role) -> Result<Option<Vec<Uuid>>, DocumentsError> {
        let mut conn = self.db().conn().await?;
        let mut hidden = leftovers::leaving(&mut conn, self.0.clock.now()).await?;
        if self.needs_approval(role) {
            hidden.extend(items::unapproved(&mut conn).await?);
        }
        Ok((!hidden.is_empty()).then_some(hidden))
    }

    /// Documents by their identifiers, in no order; those that are gone are left out.
    pub async fn items(&self, ids: &[Uuid]) -> Result<Vec<ItemRecord>, DocumentsError> {
        let mut conn = self.db().conn().await?;
        Ok(items::by_id(&mut conn, ids).await?)
    }

    /// The same; the job of the first one that is not done yet is followed.
    pub async fn follow(&self, ids: &[Uuid]) -> Result<Vec<ItemRecord>, DocumentsError> {
        let items = self.items(ids).await?;
        match items.iter().find(|item| item.status.is_open()) {
            Some(open) if self.settle_status(open).await? => self.items(ids).await,
            _ => Ok(items),
        }
    }

    /// Chunks of a document after one of them (from −1 on), in order.
    pub async fn chunks(
        &self,
        item_id: Uuid,
        after: i32,
        limit: i64,
    ) -> Result<Vec<ChunkRecord>, DocumentsError> {
        let mut conn = self.db().conn().await?;
        Ok(chunks::after(&mut conn, item_id, after, limit).await?)
    }

    /// Chunks by their identifiers, in the order asked for; those that are gone are left out.
    pub async fn chunks_by_id(&self, ids: &[Uuid]) -> Result<Vec<ChunkRecord>, DocumentsError> {
        let mut conn = self.db().conn().await?;
        let found = chunks::by_id(&mut conn, ids).await?;
        let mut found: BTreeMap<Uuid, ChunkRecord> =
            found.into_iter().map(|chunk| (chunk.chunk_id, chunk)).collect();
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// The canonical text of a document.
    pub async fn text_of(&self, item_id: Uuid) -> Result<StoredText, DocumentsError> {
        let mut conn = self.db().conn().await?;
        if let Some(text) = chunks::text(&mut conn, item_id).await? {
            return Ok(text);
        }
        let item = items::find(&mut conn, item_id).await?;
        let item = item.ok_or(DocumentsError::NotFound(item_id))?;
        Err(DocumentsError::NoText(item_id, item.status))
    }

    /// The bytes of a document as they came.
    pub async fn original(&self, item: &ItemRecord) -> Result<Bytes, DocumentsError> {
        Ok(self.0.needs.objects.get(&item.object_key(), &item.sha256).await?)
    }

    /// How many documents and chunks there are.
    pub async fn counts(&self) -> Result<Counts, DocumentsError> {
        let mut conn = self.db().conn().await?;
        Ok(items::counts(&mut conn).await?)
    }
}

/// Whether somebody in this role only reads: what is ready, and what is approved where that is asked.
pub(super) const fn reads_only(role: Role) -> bool {
    matches!(role, Role::Viewer | Role::Customer)
}

/// Whether sending the same bytes again is a wish to try once more.
pub(super) const fn can_be_tried_again(status: Status) -> bool {
    matches!(status, Status::Failed | Status::Cancelled)
}

fn added(item: ItemRecord, is_new: bool) -> Added {
    Added {
        item_id: item.item_id,
        job_id: item.job_id,
        file_name: item.file_name,
        title: item.title,
        version: item.version,
        status: item.status,
        is_new,
        sha256: item.sha256,
    }
}

pub(super) fn broken(error: &dyn std::error::Error) -> DocumentsError {
    DocumentsError::Broken(error.to_string())
}
