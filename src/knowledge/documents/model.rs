//! Documents, their text, their chunks, and the versions of the index.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::audit::By;
use crate::algorithms::retrieval::{Block, Canonical, Page};
use crate::platform::jobs::Job;

/// Where a document is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits to be read.
    Queued,
    /// Is being read, cut, or put into the index.
    Working,
    /// Can be asked.
    Ready,
    /// Could not be read; its reason says why.
    Failed,
    /// Was called off.
    Cancelled,
}

impl Status {
    /// Every status, in the order in which documents pass them.
    pub const ALL: [Self; 5] =
        [Self::Queued, Self::Working, Self::Ready, Self::Failed, Self::Cancelled];

    /// The name in the table and in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Working => "working",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether a job has it in hand.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Working)
    }
}

/// A file to be taken in.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// What its sender calls it; folders and odd letters are left out.
    pub name: String,
    /// Its bytes.
    pub bytes: Bytes,
    /// Title; what the file says of itself, or its name, unless said.
    pub title: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Where it is from; `upload` unless said.
    pub source: Option<String>,
    /// Where it can be read elsewhere.
    pub url: Option<String>,
    /// Its place among files, where it has one: another content in the same place is a new version.
    pub place: Option<String>,
    /// Who brings it.
    pub by: By,
}

/// A text to be taken in.
#[derive(Debug, Clone)]
pub struct NewText {
    /// Title; another text under the same title is a new version.
    pub title: String,
    /// The text.
    pub text: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Where it is from; `text` unless said.
    pub source: Option<String>,
    /// Where it can be read elsewhere.
    pub url: Option<String>,
    /// Who brings it.
    pub by: By,
}

/// What became of a file or a text that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Added {
    /// The document, or the one that has the same bytes already.
    pub item_id: Uuid,
    /// The job that reads it; `GET /api/jobs/{job_id}` tells how it goes.
    pub job_id: Option<Uuid>,
    /// Name of the file without folders.
    #[schema(example = "contract.pdf")]
    pub file_name: String,
    /// Title.
    #[schema(example = "contract")]
    pub title: String,
    /// Number of the version under its title, from 1.
    #[schema(example = 1)]
    pub version: i32,
    /// Where it is on its way.
    pub status: Status,
    /// Whether it was not there before.
    pub is_new: bool,
    /// Sha256 of its bytes.
    pub sha256: String,
}

/// A document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ItemRecord {
    /// Identifier.
    pub item_id: Uuid,
    /// `document` for files, `text` for texts.
    #[schema(example = "document")]
    pub kind: String,
    /// Where it is from.
    #[schema(example = "upload")]
    pub source: String,
    /// Title.
    #[schema(example = "Electricity supply contract")]
    pub title: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Where it can be read elsewhere.
    pub url: Option<String>,
    /// Sha256 of its bytes.
    pub sha256: String,
    /// Number of the version under its title, from 1.
    pub version: i32,
    /// When it came.
    pub created_at: DateTime<Utc>,
    /// Name of the file.
    #[schema(example = "contract.pdf")]
    pub file_name: String,
    /// Media type found by looking at its bytes; absent until it has been read.
    #[schema(example = "application/pdf")]
    pub media_type: Option<String>,
    /// Length of the file.
    pub bytes: i64,
    /// Pages; absent until it has been read.
    pub pages: Option<i32>,
    /// Language it is mostly written in: `de`, `fr`, `it` or `en`; absent where that is not sure.
    pub language: Option<String>,
    /// Where it is on its way.
    pub status: Status,
    /// Why it failed, or what it waits for.
    pub reason: Option<String>,
    /// What was noticed while it was read.
    #[schema(value_type = Vec<Object>)]
    pub findings: Value,
    /// Who read it.
    #[schema(example = "built in")]
    pub method: Option<String>,
    /// When an admin let everybody read it.
    pub approved_at: Option<DateTime<Utc>>,
    /// Who did.
    pub approved_by: Option<Uuid>,
    /// The version before.
    pub previous_item: Option<Uuid>,
    /// Since when a later version speaks in its place.
    pub superseded_at: Option<DateTime<Utc>>,
    /// Who brought it; absent for commands on the box.
    pub added_by: Option<Uuid>,
    /// The job that reads it.
    pub job_id: Option<Uuid>,
    /// Sha256 of its canonical text.
    pub text_sha256: Option<String>,
    /// How many chunks it has; absent until it has been cut.
    pub chunk_count: Option<i32>,
    /// Since when it can be asked.
    pub ready_at: Option<DateTime<Utc>>,
    /// What its versions have in common.
    #[serde(skip)]
    pub lineage: String,
}

impl ItemRecord {
    /// Where its bytes lie in the object store.
    pub(super) fn object_key(&self) -> String {
        object_key(&self.sha256)
    }

    /// What is worth remembering in the audit log.
    pub(super) fn facts(&self) -> Value {
        serde_json::json!({
            "title": self.title, "file_name": self.file_name, "version": self.version,
            "sha256": self.sha256, "source": self.source, "tags": self.tags,
            "status": self.status, "bytes": self.bytes,
        })
    }
}

/// Where bytes lie in the object store.
pub(super) fn object_key(sha256: &str) -> String {
    format!("documents/{sha256}")
}

/// How far a document is on its way.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Progress {
    /// From 0 to 1.
    #[schema(example = 0.4)]
    pub done: f64,
    /// What is being done.
    #[schema(example = "reading the file")]
    pub note: String,
}

impl From<Job> for Progress {
    fn from(job: Job) -> Self {
        Self { done: job.progress, note: job.progress_note }
    }
}

/// A version of a document among its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ItemVersion {
    /// The document.
    pub item_id: Uuid,
    /// Its number.
    pub version: i32,
    /// Where it is on its way.
    pub status: Status,
    /// When it came.
    pub created_at: DateTime<Utc>,
    /// Since when a later version speaks in its place.
    pub superseded_at: Option<DateTime<Utc>>,
}

/// A document with its versions and how far it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Whole {
    /// The document.
    pub item: ItemRecord,
    /// All its versions, the newest first.
    pub versions: Vec<ItemVersion>,
    /// How far it is while a job has it in hand.
    pub progress: Option<Progress>,
}

/// A chunk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChunkRecord {
    /// Identifier of the chunk and of its point in the index.
    pub chunk_id: Uuid,
    /// Its document.
    pub item_id: Uuid,
    /// Its place in the document, from 0.
    pub chunk_idx: i32,
    /// What may be quoted: the canonical text from `start_char` to `end_char`.
    pub text: String,
    /// First page it stands on, from 1.
    pub page: i32,
    /// Last page it stands on.
    pub page_end: i32,
    /// First letter (Unicode scalar value) of the canonical text.
    pub start_char: i32,
    /// First letter behind.
    pub end_char: i32,
    /// Headings above it, the highest first.
    pub section: Vec<String>,
    /// Language it is read in: `de`, `fr`, `it` or `en`.
    pub lang: String,
    /// Its length in tokens of the embedding model, or estimated.
    pub tokens: i32,
    /// What is searched: the path of its section and its text.
    #[serde(skip)]
    pub search_text: String,
}

/// A chunk to be stored.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NewChunk {
    /// What others see of it.
    pub chunk: ChunkRecord,
    /// Its terms, counted.
    pub terms: i32,
    /// What else is known of it.
    pub metadata: Value,
}

/// The canonical text of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredText {
    /// Every letter.
    pub text: String,
    /// The pages, as spans of bytes.
    pub pages: Vec<Page>,
    /// The blocks, as spans of bytes.
    pub blocks: Vec<Block>,
    /// Sha256 of the text.
    pub sha256: String,
}

impl StoredText {
    /// The same as algorithms take it.
    pub fn canonical(&self) -> Canonical {
        Canonical {
            text: self.text.clone(),
            pages: self.pages.clone(),
            blocks: self.blocks.clone(),
        }
    }
}

/// A version of the index: all its points were made in the same way.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexVersion {
    /// Its number; the collection is called `chunks_v{version}`.
    pub version: u32,
    /// Name of the model behind the vectors; absent: words only.
    pub embedder: Option<String>,
    /// Its digest.
    pub digest: Option<String>,
    /// Numbers of a vector.
    pub dimension: Option<usize>,
    /// Mean number of terms of a chunk, with which words are weighed.
    pub average_terms: f64,
}

impl IndexVersion {
    /// Whether its vectors are those of the model with this digest.
    pub(super) fn is_of(&self, digest: Option<&str>) -> bool {
        self.digest.as_deref() == digest
    }
}

/// Which documents a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemFilter {
    /// In this status.
    pub status: Option<Status>,
    /// With this tag.
    pub tag: Option<String>,
    /// In this language.
    pub language: Option<String>,
    /// With these letters in title or file name.
    pub q: Option<String>,
    /// Whether earlier versions are shown too.
    pub with_superseded: bool,
    /// Only what is ready.
    pub only_ready: bool,
    /// Only what an admin has approved.
    pub only_approved: bool,
    /// After this one, by its creation and identifier.
    pub after: Option<(DateTime<Utc>, Uuid)>,
}

/// How much there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Documents by status; those that later versions speak for included.
    pub items: Vec<(Status, i64)>,
    /// Chunks of all of them.
    pub chunks: i64,
}

impl Counts {
    /// Documents in a status.
    pub fn of(&self, status: Status) -> i64 {
        self.items.iter().filter(|(other, _)| *other == status).map(|(_, count)| count).sum()
    }

    /// All documents.
    pub fn total(&self) -> i64 {
        self.items.iter().map(|(_, count)| count).sum()
    }
}
