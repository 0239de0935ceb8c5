//! What this installation consists of: versions.

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
}
