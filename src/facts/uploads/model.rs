//! A file and what it is for.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// Readings of one meter.
    Readings,
    /// Prices of one market.
    Prices,
    /// Weather of one place.
    Weather,
}

impl FileKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Readings, Self::Prices, Self::Weather];

    /// The name in the table and in forms.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Readings => "readings",
            Self::Prices => "prices",
            Self::Weather => "weather",
        }
    }

    /// The kind of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A file to be kept until it is confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// What it holds.
    pub kind: FileKind,
    /// The meter, the market or the place it is about.
    pub subject: String,
    /// What its sender calls it.
    pub file_name: String,
}

/// A file that waits to be confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "identifiers are named alike in tables and answers")]
pub struct StagedFile {
    /// Identifier; known to nobody but whoever sent the file.
    pub staged_file_id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// What it holds, about what, and its name.
    pub file: NewFile,
    /// Its length.
    pub size_bytes: i64,
    /// Hash of its bytes.
    pub sha256: String,
    /// When it came.
    pub created_at: DateTime<Utc>,
}

impl StagedFile {
    /// Where its bytes lie in the object store.
    pub(super) fn object_key(&self) -> String {
        object_key(self.staged_file_id)
    }
}

pub(super) fn object_key(staged_file_id: Uuid) -> String {
    format!("uploads/{staged_file_id}")
}
