//! Putting, getting, listing and deleting objects, wherever they are kept.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::path::Path as Location;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};

use super::bucket::{Bucket, Patience};
use super::folder::Folder;
use super::model::{Listed, ObjectError, is_key, sha256_hex};
use super::probe::Known;
use super::settings::Settings;
use crate::base::timeline::Clock;

/// Objects named by keys such as `models/1f3a….bin`. Cloning is cheap; clones share the store.
#[derive(Clone)]
pub struct Objects(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) home: Home,
    pub(super) clock: Clock,
    pub(super) known: Known,
}

/// Where objects are kept.
pub(super) enum Home {
    Folder(Folder),
    Bucket(Bucket),
}

impl Objects {
    /// The store of these settings: their bucket, else the data folder.
    pub fn new(settings: &Settings, data_dir: PathBuf, clock: Clock) -> Self {
        Self::with(settings, data_dir, clock, Patience::default())
    }

    /// The store below `root`.
    #[cfg(test)]
    pub fn in_folder(root: impl Into<PathBuf>) -> Self {
        Self::new(&Settings::default(), root.into(), Clock::system())
    }

    pub(super) fn with(
        settings: &Settings,
        data_dir: PathBuf,
        clock: Clock,
        patience: Patience,
    ) -> Self {
        let home = match settings.bucket.as_deref() {
            Some(name) => Home::Bucket(Bucket::new(name, settings, patience)),
            None => Home::Folder(Folder::new(data_dir)),
        };
        Self(Arc::new(Inner { home, clock, known: Known::default() }))
    }

    /// Whether objects are kept in a store of its own, which can be away.
    pub fn is_remote(&self) -> bool {
        matches!(self.0.home, Home::Bucket(_))
    }

    /// Where objects are kept, for people.
    pub fn describe(&self) -> String {
        match &self.0.home {
            Home::Folder(_) => "data folder".to_owned(),
            Home::Bucket(bucket) => bucket.place.clone(),
        }
    }

    /// Stores `bytes` under `key` so that a crash leaves the old object or the new one; returns their
    /// sha256. When this returns, the object is on the disk.
    pub async fn put(&self, key: &str, bytes: impl Into<Bytes>) -> Result<String, ObjectError> {
        let bytes = bytes.into();
        let sha256 = hash(bytes.clone()).await;
        self.write(key, bytes, PutMode::Overwrite).await?;
        Ok(sha256)
    }

    /// Stores `bytes` under a `key` that is still free; `None` when it is taken, by whichever process.
    ///
    /// S3-compatible stores are asked to refuse with `If-None-Match: *`. A store that does not know
    /// that header may answer with an error, which is passed on, or ignore it and overwrite: for such
    /// a store the key is looked at first, so that only two writers in the same moment can meet, of
    /// which the later wins. [`Objects::probe`] finds out and tells.
    pub async fn put_new(
        &self,
        key: &str,
        bytes: impl Into<Bytes>,
    ) -> Result<Option<String>, ObjectError> {
        if self.is_remote() && self.contains(key).await? {
            return Ok(None);
        }
        let bytes = bytes.into();
        let sha256 = hash(bytes.clone()).await;
        Ok(self.write(key, bytes, PutMode::Create).await?.then_some(sha256))
    }

    /// Stores `bytes`; false when `mode` wants a free key and this one is taken.
    pub(super) async fn write(
        &self,
        key: &str,
        bytes: Bytes,
        mode: PutMode,
    ) -> Result<bool, ObjectError> {
        let (location, size) = (self.location(key)?, bytes.len() as u64);
        let Some(store) = self.store(key, true).await? else {
            return Err(ObjectError::Missing(key.to_owned()));
        };
        let options = PutOptions::from(mode);
        let written = async {
            match store.put_opts(&location, bytes.into(), options).await {
                Ok(_) => Ok(true),
                Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
                Err(error) => Err(error),
            }
        };
        self.bounded(key, size, written).await
    }

    /// The bytes under `key`, refused when their sha256 is not `expected`.
    pub async fn get(&self, key: &str, expected: &str) -> Result<Bytes, ObjectError> {
        let location = self.location(key)?;
        let missing = || ObjectError::Missing(key.to_owned());
        let store = self.store(key, false).await?.ok_or_else(missing)?;
        let found = self.bounded(key, 0, store.get(&location)).await?;
        let size = found.meta.size;
        let bytes = self.bounded(key, size, found.bytes()).await?;
        let found = hash(bytes.clone()).await;
        if found == expected {
            Ok(bytes)
        } else {
            Err(ObjectError::Damaged { key: key.to_owned(), expected: expected.to_owned(), found })
        }
    }

    /// Whether something is stored under `key`.
    pub async fn contains(&self, key: &str) -> Result<bool, ObjectError> {
        let location = self.location(key)?;
        let Some(store) = self.store(key, false).await? else { return Ok(false) };
        match self.bounded(key, 0, store.head(&location)).await {
            Ok(_) => Ok(true),
            Err(ObjectError::Missing(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes what is stored under `key`; that nothing is there is no error.
    pub async fn delete(&self, key: &str) -> Result<(), ObjectError> {
        let location = self.location(key)?;
        let Some(store) = self.store(key, false).await? else { return Ok(()) };
        match self.bounded(key, 0, store.delete(&location)).await {
            Ok(()) => self.sync_removal(key).await,
            Err(ObjectError::Missing(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What is stored below `folder`, in the order of the keys.
    pub(super) async fn list(&self, folder: &str) -> Result<Vec<Listed>, ObjectError> {
        let location = self.location(folder)?;
        let Some(store) = self.store(folder, false).await? else { return Ok(Vec::new()) };
        let all = store.list(Some(&location)).try_collect::<Vec<_>>();
        let above = self.prefix();
        let mut listed: Vec<Listed> = self
            .bounded(folder, 0, all)
            .await?
            .into_iter()
            .filter_map(|object| {
                let key = object.location.as_ref().strip_prefix(above)?.to_owned();
                Some(Listed { key, stored_at: object.last_modified })
            })
            .collect();
        listed.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(listed)
    }

    async fn store(
        &self,
        key: &str,
        may_make: bool,
    ) -> Result<Option<Arc<dyn ObjectStore>>, ObjectError> {
        let opened = match &self.0.home {
            Home::Bucket(bucket) => return Ok(Some(bucket.open()?)),
            Home::Folder(_) => self.on_disk(move |folder| folder.open(may_make)).await,
        };
        let opened = opened.map_err(|error| self.failure(key, error))?;
        Ok(opened.map(|store| store as Arc<dyn ObjectStore>))
    }

    async fn sync_removal(&self, key: &str) -> Result<(), ObjectError> {
        if self.is_remote() {
            return Ok(());
        }
        let name = key.to_owned();
        let synced = self.on_disk(move |folder| folder.sync_removal(&name).map_err(generic)).await;
        synced.map_err(|error| self.failure(key, error))
    }

    /// Work with the folder, on a thread that may wait for it.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folder) -> object_store::Result<T> + Send + 'static,
    ) -> object_store::Result<T> {
        let inner = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || match &inner.home {
            Home::Folder(folder) => work(folder),
            Home::Bucket(_) => Err(generic(io::ErrorKind::Unsupported.into())),
        });
        done.await?
    }

    /// The outcome of `work` with an object of so many bytes, which must not take for ever where a
    /// network lies between.
    async fn bounded<T>(
        &self,
        key: &str,
        bytes: u64,
        work: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, ObjectError> {
        let Home::Bucket(bucket) = &self.0.home else {
            return work.await.map_err(|error| self.failure(key, error));
        };
        let outcome = self.within(bucket.limit(bytes), key, work).await;
        self.0.known.learn(&self.0.clock, outcome.as_ref().err());
        outcome
    }

    /// The outcome of asking the bucket, if it comes in time.
    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        key: &str,
        work: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, ObjectError> {
        match (tokio::time::timeout(limit, work).await, &self.0.home) {
            (Ok(outcome), _) => outcome.map_err(|error| self.failure(key, error)),
            (Err(_), Home::Bucket(bucket)) => Err(bucket.silent()),
            (Err(_), Home::Folder(_)) => {
                Err(self.failure(key, generic(io::ErrorKind::TimedOut.into())))
            }
        }
    }

    fn failure(&self, key: &str, error: object_store::Error) -> ObjectError {
        match (&self.0.home, error) {
            (Home::Bucket(bucket), error) => bucket.refusal(key, &error),
            (Home::Folder(_), object_store::Error::NotFound { .. }) => {
                ObjectError::Missing(key.to_owned())
            }
            (Home::Folder(_), source) => ObjectError::Io { key: key.to_owned(), source },
        }
    }

    fn prefix(&self) -> &str {
        match &self.0.home {
            Home::Folder(_) => "",
            Home::Bucket(bucket) => &bucket.prefix,
        }
    }

    fn location(&self, key: &str) -> Result<Location, ObjectError> {
        let bad = || ObjectError::BadKey(key.to_owned());
        if !is_key(key) {
            return Err(bad());
        }
        Location::parse(format!("{}{key}", self.prefix())).map_err(|_| bad())
    }

    /// The folder, where objects are kept in one.
    pub(super) fn folder(&self) -> Option<&Path> {
        match &self.0.home {
            Home::Folder(folder) => Some(&folder.root),
            Home::Bucket(_) => None,
        }
    }
}

fn generic(error: io::Error) -> object_store::Error {
    object_store::Error::Generic { store: "folder", source: Box::new(error) }
}

/// The sha256 of `bytes`, on a thread that may take its time.
async fn hash(bytes: Bytes) -> String {
    let work = bytes.clone();
    let done = tokio::task::spawn_blocking(move || sha256_hex(&work)).await;
    // The task only ends early with the program.
    done.unwrap_or_else(|_| sha256_hex(&bytes))
}
