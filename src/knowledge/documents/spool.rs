//! Files on their way: written to the data folder as they arrive, so that no upload fills the memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

/// Folder below the data folder.
const FOLDER: &str = "incoming";

/// A file on its way; it is removed when this is dropped.
#[derive(Debug)]
pub struct Spooled {
    path: PathBuf,
    file: Option<File>,
    /// Bytes so far.
    pub bytes: u64,
}

impl Spooled {
    /// Begins a file.
    pub async fn begin(data_dir: &Path) -> std::io::Result<Self> {
        let folder = data_dir.join(FOLDER);
        tokio::fs::create_dir_all(&folder).await?;
        let path = folder.join(Uuid::now_v7().to_string());
        let file = File::options().write(true).create_new(true).open(&path).await?;
        Ok(Self { path, file: Some(file), bytes: 0 })
    }

    /// Adds bytes.
    pub async fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if let Some(file) = &mut self.file {
            file.write_all(bytes).await?;
        }
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// No more bytes come.
    pub async fn end(&mut self) -> std::io::Result<()> {
        match self.file.take() {
            Some(mut file) => file.flush().await,
            None => Ok(()),
        }
    }

    /// All bytes.
    pub async fn read(&self) -> std::io::Result<Bytes> {
        Ok(tokio::fs::read(&self.path).await?.into())
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the clean-up.
        drop(fs::remove_file(&self.path));
    }
}

/// Removes files that nobody has touched for a while; says how many.
pub(super) fn clean(data_dir: &Path, age: Duration) -> usize {
    let Ok(folder) = fs::read_dir(data_dir.join(FOLDER)) else { return 0 };
    let is_old = |path: &Path| {
        let modified = fs::metadata(path).and_then(|about| about.modified());
        modified.is_ok_and(|at| at.elapsed().is_ok_and(|since| since > age))
    };
    let old = folder.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| is_old(path));
    old.filter(|path| fs::remove_file(path).is_ok()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_on_its_way_is_gone_afterwards_and_what_is_left_behind_too() {
        let place = tempfile::tempdir().unwrap();
        let mut file = Spooled::begin(place.path()).await.unwrap();
        file.write(b"ab").await.unwrap();
        file.write(b"c").await.unwrap();
        file.end().await.unwrap();
        assert_eq!((file.bytes, file.read().await.unwrap().as_ref()), (3, &b"abc"[..]));
        let folder = place.path().join(FOLDER);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        drop(file);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        fs::write(folder.join("old"), "x").unwrap();
        assert_eq!(clean(place.path(), Duration::from_hours(1)), 0);
        assert_eq!(clean(place.path(), Duration::ZERO), 1);
        assert_eq!(clean(&place.path().join("nowhere"), Duration::ZERO), 0);
    }
}
