//! Objects as files below a folder.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use object_store::local::LocalFileSystem;

/// The folder; it appears with the first object.
pub(super) struct Folder {
    pub(super) root: PathBuf,
    store: OnceLock<Arc<LocalFileSystem>>,
}

impl Folder {
    pub(super) const fn new(root: PathBuf) -> Self {
        Self { root, store: OnceLock::new() }
    }

    /// The store below the folder, absent while that is not there; waits for the disk.
    pub(super) fn open(
        &self,
        may_make: bool,
    ) -> object_store::Result<Option<Arc<LocalFileSystem>>> {
        if let Some(store) = self.store.get() {
            return Ok(Some(Arc::clone(store)));
        }
        if !self.root.is_dir() {
            if !may_make {
                return Ok(None);
            }
            make(&self.root).map_err(|error| object_store::Error::Generic {
                store: "folder",
                source: Box::new(error),
            })?;
        }
        // Without this a power cut could leave a name without its content.
        let store = Arc::new(LocalFileSystem::new_with_prefix(&self.root)?.with_fsync(true));
        Ok(Some(Arc::clone(self.store.get_or_init(|| store))))
    }

    /// Makes it durable that the file of `key` is gone; waits for the disk.
    pub(super) fn sync_removal(&self, key: &str) -> io::Result<()> {
        let path = self.root.join(key);
        File::open(path.parent().unwrap_or(&self.root))?.sync_all()
    }
}

/// Makes a folder and those above it, so that they are still there after a power cut.
fn make(folder: &Path) -> io::Result<()> {
    let folder = std::path::absolute(folder)?;
    let missing = folder.ancestors().take_while(|folder| !folder.is_dir()).count();
    fs::create_dir_all(&folder)?;
    // Each new name is an entry of the folder above it.
    folder.ancestors().skip(1).take(missing).try_for_each(|above| File::open(above)?.sync_all())
}
