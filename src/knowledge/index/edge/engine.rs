//! Versions by number, their folders, and who may work with them; everything off the web workers.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{available_parallelism, sleep};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::lock::Lock;
use super::shard::{Shard, disk, is_passing, sync_folder};
use crate::base::timeline::Clock;
use crate::knowledge::index::model::{
    Collection, Engine, Found, IndexError, Point, Search, collection_name, version_of,
};
use crate::platform::runtime::{CpuPool, CpuPoolError};

/// Folders of damaged versions that are kept for a look.
const DAMAGED_KEPT: usize = 2;
/// Longest wait for searches on a version that is to go.
const SEARCHES_MAX: Duration = Duration::from_secs(30);
/// Between two looks whether they have ended.
const LOOK: Duration = Duration::from_millis(5);

/// Qdrant's engine in this process, below one folder. Cloning is cheap.
#[derive(Clone)]
pub struct EdgeEngine {
    inner: Arc<Inner>,
    /// Searches: as many at once as there are cores.
    reading: CpuPool,
    /// Changes: two versions may change at once, one of them for long.
    writing: CpuPool,
}

struct Inner {
    folder: PathBuf,
    clock: Clock,
    lock: Lock,
    open: Mutex<BTreeMap<u32, State>>,
    /// Held by whoever writes the alias: two at once would take each other's new file away.
    naming: Mutex<()>,
}

/// What is known of a version that was asked for.
enum State {
    Open(Arc<Shard>),
    /// It was set aside; why and where.
    Damaged(String),
}

impl EdgeEngine {
    /// The engine on `data_dir`/vectors; nothing is opened or locked until something is asked for.
    pub fn new(data_dir: &Path, clock: Clock) -> Self {
        let cores = available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let inner = Inner {
            folder: data_dir.join("vectors"),
            clock,
            lock: Lock::default(),
            open: Mutex::default(),
            naming: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
            reading: CpuPool::new(Some(cores)),
            writing: CpuPool::new(NonZeroUsize::new(2)),
        }
    }

    /// What `work` makes of a version on `pool`. A version that proves damaged is set aside.
    async fn on<T: Send + 'static>(
        &self,
        pool: &CpuPool,
        version: u32,
        work: impl FnOnce(&Shard) -> Result<T, IndexError> + Send + 'static,
    ) -> Result<T, IndexError> {
        let inner = Arc::clone(&self.inner);
        let ran = pool.run("index", move || work(&*inner.shard(version)?)).await;
        let error = match settled(ran) {
            Err(IndexError::Damaged(why)) => why,
            other => return other,
        };
        let inner = Arc::clone(&self.inner);
        let aside = self.writing.run("index", move || inner.set_aside(version, &error)).await;
        Err(IndexError::Damaged(settled(aside.map(Ok))?))
    }

    /// What `work` makes of the folder.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, IndexError> + Send + 'static,
    ) -> Result<T, IndexError> {
        let inner = Arc::clone(&self.inner);
        settled(self.writing.run("index", move || work(&inner)).await)
    }
}

/// A panic of the engine means that it met what it did not expect on the disk, or no more room there.
fn settled<T>(ran: Result<Result<T, IndexError>, CpuPoolError>) -> Result<T, IndexError> {
    match ran {
        Ok(result) => result,
        Err(CpuPoolError::Panicked { message, .. }) if !is_passing(&message) => {
            Err(IndexError::Damaged(message))
        }
        Err(error) => Err(IndexError::Unavailable(error.to_string())),
    }
}

impl Inner {
    fn open(&self) -> MutexGuard<'_, BTreeMap<u32, State>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, version: u32) -> PathBuf {
        self.folder.join(collection_name(version))
    }

    fn lock(&self) -> Result<(), IndexError> {
        self.lock.take(&self.folder).map_err(IndexError::Unavailable)
    }

    /// The version, opened when it is asked for the first time.
    fn shard(&self, version: u32) -> Result<Arc<Shard>, IndexError> {
        self.lock()?;
        // Opening twice would be two writers, so others wait here meanwhile.
        let mut open = self.open();
        match open.get(&version) {
            Some(State::Open(shard)) => return Ok(Arc::clone(shard)),
            Some(State::Damaged(why)) => return Err(IndexError::Damaged(why.clone())),
            None => {}
        }
        let path = self.path(version);
        if !path.is_dir() {
            return Err(IndexError::Unknown(version));
        }
        let shard = Arc::new(Shard::open(&path)?);
        open.insert(version, State::Open(Arc::clone(&shard)));
        Ok(shard)
    }

    fn create(&self, collection: &Collection) -> Result<(), IndexError> {
        self.lock()?;
        let mut open = self.open();
        let version = collection.version;
        let path = self.path(version);
        if path.is_dir() {
            drop(open);
            let has = self.shard(version)?.dimension();
            return if has == collection.dimension {
                Ok(())
            } else {
                Err(IndexError::Refused(format!(
                    "version {version} is there with vectors of {} numbers, not {}",
                    has.unwrap_or(0),
                    collection.dimension.unwrap_or(0)
                )))
            };
        }
        let shard = Shard::create(&path, collection.dimension)?;
        open.insert(version, State::Open(Arc::new(shard)));
        Ok(())
    }

    /// Puts a damaged version where it can be looked at; says why and where.
    fn set_aside(&self, version: u32, why: &str) -> String {
        let path = self.path(version);
        if !path.is_dir() {
            return why.to_owned();
        }
        self.close(version);
        let at = self.clock.now().format("%Y%m%dT%H%M%S%3fZ");
        let aside = self.folder.join(format!("{}-damaged-{at}", collection_name(version)));
        let said = match fs::rename(&path, &aside) {
            Ok(()) => format!("{why}; it was set aside as {}", aside.display()),
            Err(error) => format!("{why}; it could not be set aside: {error}"),
        };
        tracing::error!(version, "Version {version} of the index is damaged: {said}");
        metrics::counter!("luna_index_damaged_total").increment(1);
        self.forget_damaged();
        self.open().insert(version, State::Damaged(said.clone()));
        said
    }

    /// Lets go of a version once nobody searches it any more.
    fn close(&self, version: u32) {
        let Some(State::Open(mut shard)) = self.open().remove(&version) else { return };
        let until = Instant::now() + SEARCHES_MAX;
        loop {
            match Arc::try_unwrap(shard) {
                // It flushes while it goes, which fails by a panic where the disk does not let it.
                Ok(last) => return drop(catch_unwind(AssertUnwindSafe(|| drop(last)))),
                Err(held) if Instant::now() < until => shard = held,
                Err(_) => return,
            }
            sleep(LOOK);
        }
    }

    /// Removes the oldest folders of damaged versions.
    fn forget_damaged(&self) {
        let mut damaged = self.folders(|name| name.contains("-damaged-"));
        damaged.sort_by_key(|name| name.rsplit('-').next().map(str::to_owned));
        let surplus = damaged.len().saturating_sub(DAMAGED_KEPT);
        for name in damaged.into_iter().take(surplus) {
            // What stays is tried again the next time.
            drop(fs::remove_dir_all(self.folder.join(name)));
        }
    }

    fn folders(&self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.path().is_dir());
        let names = folders.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| wanted(name)).collect()
    }

    fn remove(&self, version: u32) -> Result<(), IndexError> {
        self.lock()?;
        let path = self.path(version);
        if !path.is_dir() {
            self.open().remove(&version);
            return Ok(());
        }
        self.close(version);
        // Under another name first: half of a version must never be taken for one.
        let gone = path.with_extension("gone");
        let removed = fs::rename(&path, &gone).and_then(|()| fs::remove_dir_all(&gone));
        removed.map_err(|error| disk(&path, &error))
    }

    fn point_alias(&self, version: u32) -> Result<(), IndexError> {
        self.lock()?;
        let name = collection_name(version);
        if !self.path(version).is_dir() {
            return Err(IndexError::Unknown(version));
        }
        let _naming = self.naming.lock().unwrap_or_else(PoisonError::into_inner);
        let (alias, next) =
            (self.folder.join("chunks.alias"), self.folder.join("chunks.alias.new"));
        let written = fs::write(&next, name)
            .and_then(|()| fs::File::open(&next)?.sync_all())
            .and_then(|()| fs::rename(&next, &alias))
            .and_then(|()| sync_folder(&self.folder));
        written.map_err(|error| disk(&alias, &error))
    }
}

#[async_trait::async_trait]
impl Engine for EdgeEngine {
    async fn create(&self, collection: &Collection) -> Result<(), IndexError> {
        let collection = collection.clone();
        self.with(move |inner| inner.create(&collection)).await
    }

    async fn put(&self, version: u32, points: Vec<Point>) -> Result<(), IndexError> {
        self.on(&self.writing, version, move |shard| shard.put(points)).await
    }

    async fn remove_item(&self, version: u32, item_id: Uuid) -> Result<(), IndexError> {
        self.on(&self.writing, version, move |shard| shard.remove_item(item_id)).await
    }

    async fn search(&self, version: u32, search: Search) -> Result<Found, IndexError> {
        self.on(&self.reading, version, move |shard| shard.search(search)).await
    }

    async fn vectors(
        &self,
        version: u32,
        chunk_ids: &[Uuid],
    ) -> Result<HashMap<Uuid, Vec<f32>>, IndexError> {
        let ids = chunk_ids.to_vec();
        self.on(&self.reading, version, move |shard| shard.vectors(&ids)).await
    }

    async fn count(&self, version: u32) -> Result<u64, IndexError> {
        self.on(&self.reading, version, Shard::count).await
    }

    async fn settle(&self, version: u32) -> Result<(), IndexError> {
        self.on(&self.writing, version, Shard::settle).await
    }

    async fn point_alias(&self, version: u32) -> Result<(), IndexError> {
        self.with(move |inner| inner.point_alias(version)).await
    }

    async fn versions(&self) -> Result<Vec<u32>, IndexError> {
        let mut versions = self
            .with(|inner| {
                let all = inner.folders(|name| version_of(name).is_some());
                Ok(all.iter().filter_map(|name| version_of(name)).collect::<Vec<_>>())
            })
            .await?;
        versions.sort_unstable();
        Ok(versions)
    }

    async fn drop_version(&self, version: u32, set_aside: bool) -> Result<(), IndexError> {
        self.with(move |inner| {
            if set_aside {
                inner.lock()?;
                inner.set_aside(version, "it does not hold what was put into it");
            }
            inner.remove(version)
        })
        .await
    }

    async fn standing(&self) -> (String, bool) {
        let other =
            self.with(|inner| Ok((inner.lock.other(&inner.folder), inner.lock.was_refused())));
        let shown = self.inner.folder.display();
        match other.await {
            Ok((None, _)) => (format!("Qdrant's engine in this process, {shown}"), true),
            // A command that leaves the work to the server is well; a process that wanted it is not.
            Ok((Some(other), was_refused)) => {
                (format!("Qdrant's engine in {other}, {shown}"), !was_refused)
            }
            Err(error) => (error.to_string(), false),
        }
    }
}
