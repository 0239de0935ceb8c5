//! Keeping a file for an hour, handing it to whoever sent it, cleaning up.

use bytes::Bytes;
use chrono::Duration;
use uuid::Uuid;

use super::model::{NewFile, StagedFile, object_key};
use super::store;
use crate::base::timeline::Clock;
use crate::platform::db::{Db, DbError};
use crate::platform::objects::{ObjectError, Objects, sha256_hex};

/// How long a file waits.
const WAITS: Duration = Duration::hours(1);
/// Files that one person may have waiting; older ones give way.
const FILES_MAX: i64 = 5;

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum StagingError {
    /// There is none of that identifier, it is not the caller's, or its hour is over.
    #[error("this file is not waiting any more; files wait for an hour: send it again")]
    Gone,
    /// The store of the objects refused.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The database refused, failed, or is away.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for StagingError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// Files that wait to be confirmed. Cloning is cheap.
#[derive(Clone)]
pub struct StagedFiles {
    db: Db,
    objects: Objects,
    clock: Clock,
}

impl StagedFiles {
    /// The files in a database and an object store.
    pub const fn new(db: Db, objects: Objects, clock: Clock) -> Self {
        Self { db, objects, clock }
    }

    /// Keeps a file of `user_id`; what waited too long, and more than a handful of theirs, is removed.
    pub async fn keep(
        &self,
        user_id: Uuid,
        file: NewFile,
        bytes: Bytes,
    ) -> Result<StagedFile, StagingError> {
        let staged = StagedFile {
            // Nobody can guess it: it says nothing about when and where it was made.
            staged_file_id: Uuid::new_v4(),
            user_id,
            file,
            size_bytes: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
            sha256: sha256_hex(&bytes),
            created_at: self.clock.now(),
        };
        let mut conn = self.db.conn().await?;
        // The row first: whatever lies in the store is found by the cleaning.
        store::insert(&mut conn, &staged).await?;
        drop(conn);
        self.objects.put(&staged.object_key(), bytes).await?;
        self.clean(user_id).await?;
        Ok(staged)
    }

    /// The file, if it is one of `user_id` and still waits.
    pub async fn get(
        &self,
        user_id: Uuid,
        staged_file_id: Uuid,
    ) -> Result<StagedFile, StagingError> {
        let since = self.clock.now() - WAITS;
        let mut conn = self.db.conn().await?;
        let found = store::get(&mut conn, user_id, staged_file_id, since).await?;
        found.ok_or(StagingError::Gone)
    }

    /// Its bytes.
    pub async fn bytes(&self, staged: &StagedFile) -> Result<Bytes, StagingError> {
        match self.objects.get(&staged.object_key(), &staged.sha256).await {
            Err(ObjectError::Missing(_)) => Err(StagingError::Gone),
            other => Ok(other?),
        }
    }

    async fn clean(&self, user_id: Uuid) -> Result<(), StagingError> {
        let before = self.clock.now() - WAITS;
        let mut conn = self.db.conn().await?;
        let spent = store::spent(&mut conn, before, (user_id, FILES_MAX)).await?;
        drop(conn);
        for staged_file_id in spent {
            self.remove(staged_file_id).await?;
        }
        Ok(())
    }

    /// The bytes first: without them the row is found again, without the row they never are.
    async fn remove(&self, staged_file_id: Uuid) -> Result<(), StagingError> {
        self.objects.delete(&object_key(staged_file_id)).await?;
        let mut conn = self.db.conn().await?;
        Ok(store::delete(&mut conn, staged_file_id).await?)
    }
}
