//! COPY on a connection of its own, since diesel-async has none.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio_postgres::Client;

use super::error::DbError;
use super::pool::Db;

/// A connection beside the pool for one bulk write; closed when dropped.
pub struct CopyClient {
    client: Client,
    _permit: OwnedSemaphorePermit,
}

impl Deref for CopyClient {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for CopyClient {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl Db {
    /// A connection for a bulk write; waits while two others are at it.
    pub async fn copy_client(&self) -> Result<CopyClient, DbError> {
        let permit = Arc::clone(self.copies()).acquire_owned().await;
        let permit = permit.map_err(|error| self.unavailable(&error))?;
        let client = self.connector().connect_raw().await;
        Ok(CopyClient {
            client: client.map_err(|error| self.unavailable(&error))?,
            _permit: permit,
        })
    }
}
