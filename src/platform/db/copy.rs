//! COPY on a connection of its own, since diesel-async has none.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
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
        self.beside_the_pool(self.copies()).await
    }

    /// A connection for rows that arrive over a while, e.g. with a request; waits while four others
    /// are at it. It has no limit on how long a statement takes: whoever sends may take his time.
    pub async fn stage_client(&self) -> Result<CopyClient, DbError> {
        let stage = self.beside_the_pool(self.stages()).await?;
        stage.batch_execute("SET statement_timeout = 0").await?;
        Ok(stage)
    }

    async fn beside_the_pool(&self, permits: &Arc<Semaphore>) -> Result<CopyClient, DbError> {
        let permit = Arc::clone(permits).acquire_owned().await;
        let permit = permit.map_err(|error| self.unavailable(&error))?;
        let client = self.connector().connect_raw().await;
        Ok(CopyClient {
            client: client.map_err(|error| self.unavailable(&error))?,
            _permit: permit,
        })
    }
}
