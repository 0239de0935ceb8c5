//! What this installation consists of: versions, and the room its data have.

use nix::sys::statvfs::statvfs;

use super::service::Status;
use crate::platform::db::{DbError, SchemaStatus};

/// What runs here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// This program.
    pub program: &'static str,
    /// The database server, e.g. `17.6`.
    pub server: String,
    /// Where the database is, for people.
    pub place: String,
    /// What the database holds, against what this program needs.
    pub schema: SchemaStatus,
}

/// Room on the file system of the data folder, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// The folder.
    pub folder: String,
    /// What is free for Luna.
    pub free: u64,
    /// What there is.
    pub total: u64,
}

impl Disk {
    /// Bytes below which whoever looks after the box should make room.
    const SCARCE: u64 = 5 << 30;

    /// Whether room runs out.
    pub const fn is_scarce(&self) -> bool {
        self.free < Self::SCARCE
    }
}

impl Status {
    /// What runs here; asks the database.
    pub async fn versions(&self) -> Result<Versions, DbError> {
        Ok(Versions {
            program: env!("CARGO_PKG_VERSION"),
            server: self.db.server_version().await?,
            place: self.db.describe(),
            schema: self.db.schema_status().await?,
        })
    }

    /// Room for the data; none when the file system does not tell.
    pub fn disk(&self) -> Option<Disk> {
        let folder = std::path::absolute(&self.data_dir).unwrap_or_else(|_| self.data_dir.clone());
        let counts = statvfs(&folder).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(counts.fragment_size());
        Some(Disk {
            folder: folder.display().to_string(),
            free: bytes(counts.blocks_available()),
            total: bytes(counts.blocks()),
        })
    }
}
