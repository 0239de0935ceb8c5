//! Keys, hashes, room, and what can go wrong.

use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// Room on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Space {
    /// What this user may still write.
    #[schema(example = 42_949_672_960_u64)]
    pub free_bytes: u64,
    /// Size of the file system.
    #[schema(example = 107_374_182_400_u64)]
    pub total_bytes: u64,
}

/// Why an object could not be kept or handed out.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The key would leave the store or is empty.
    #[error("'{0}' is not a key of the object store")]
    BadKey(String),
    /// Nothing is stored under the key.
    #[error("object '{0}' is not there")]
    Missing(String),
    /// The bytes are not those that were stored.
    #[error("object '{key}' is damaged: its sha256 is {found}, stored was {expected}")]
    Damaged {
        /// Key of the object.
        key: String,
        /// Hash noted when it was stored.
        expected: String,
        /// Hash of what is there now.
        found: String,
    },
    /// The disk refused.
    #[error("object '{key}' could not be read or written")]
    Io {
        /// Key of the object.
        key: String,
        /// What the file system said.
        #[source]
        source: object_store::Error,
    },
    /// The configured store does not answer or does not let Luna in; another attempt may go well.
    #[error("{place} cannot be used now: {reason}")]
    Away {
        /// Which store.
        place: String,
        /// What it says, or what happens to who asks it.
        reason: String,
    },
}

impl ObjectError {
    /// Whether another attempt may go well without anybody touching the object.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Away { .. })
    }
}

/// An object in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    /// Its key.
    pub key: String,
    /// When it was stored last, by the store's clock.
    pub stored_at: DateTime<Utc>,
}

/// Whether `key` is made of plain names with `/` between them.
pub(super) fn is_key(key: &str) -> bool {
    key.split('/').all(|part| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    })
}

/// Lower-case hexadecimal SHA-256 (FIPS 180-4) of `bytes`.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Room on the disk that holds `folder`, which need not be there yet.
pub fn space(folder: &Path) -> io::Result<Space> {
    let root = std::path::absolute(folder)?;
    let folder = root.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    let counts = nix::sys::statvfs::statvfs(folder)?;
    let bytes = |blocks: u64| blocks * counts.fragment_size();
    Ok(Space { free_bytes: bytes(counts.blocks_available()), total_bytes: bytes(counts.blocks()) })
}
