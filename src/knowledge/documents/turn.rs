//! Whose turn it is to work on documents: of the processes on one data folder one at a time, because
//! the index in it has one writer.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// File of the data folder that whoever works on documents has a lock on.
const FILE: &str = "documents.worker";
/// Pause between two looks whether the other one has ended.
const PAUSE: Duration = Duration::from_millis(500);

/// The turn; it ends when this is dropped, or its process ends however it ends.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "holds the lock")] File);

impl Turn {
    /// The turn, unless another process has it.
    pub fn try_take(data_dir: &Path) -> std::io::Result<Option<Self>> {
        std::fs::create_dir_all(data_dir)?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        let file = options.open(data_dir.join(FILE))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Waits for the turn; none when the program stops before.
    pub async fn take(data_dir: &Path, stop: &CancellationToken) -> std::io::Result<Option<Self>> {
        loop {
            if let Some(turn) = Self::try_take(data_dir)? {
                return Ok(Some(turn));
            }
            if tokio::time::timeout(PAUSE, stop.cancelled()).await.is_ok() {
                return Ok(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_works_at_a_time() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("data");
        let turn = Turn::try_take(&folder).unwrap().unwrap();
        assert!(Turn::try_take(&folder).unwrap().is_none());
        drop(turn);
        assert!(Turn::try_take(&folder).unwrap().is_some());
    }
}
