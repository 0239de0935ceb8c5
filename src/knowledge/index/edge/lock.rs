//! One process at a time works with the folder: the engine itself would not notice a second one until
//! both have written.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Name of the file that is locked; it holds the number of the process.
const FILE: &str = "lock";

/// The lock of a folder, taken when it is first needed and held until the process ends.
#[derive(Debug, Default)]
pub(super) struct Lock {
    held: Mutex<Option<File>>,
    was_refused: AtomicBool,
}

impl Lock {
    /// Takes the lock, unless this process has it.
    ///
    /// # Errors
    ///
    /// A sentence that names who has it, or why there can be none.
    pub fn take(&self, folder: &Path) -> Result<(), String> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_some() {
            return Ok(());
        }
        let shown = folder.display();
        let failed = |error: io::Error| format!("{shown} cannot be written to: {error}");
        fs::create_dir_all(folder).map_err(failed)?;
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(folder.join(FILE)).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                self.was_refused.store(true, Ordering::Relaxed);
                let holder = holder(&mut file);
                return Err(format!(
                    "{holder} works with the index in {shown}; leave the work to it, or stop it first"
                ));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let told = file.set_len(0).and_then(|()| file.rewind());
        told.and_then(|()| write!(file, "{}", std::process::id())).map_err(failed)?;
        self.was_refused.store(false, Ordering::Relaxed);
        *held = Some(file);
        Ok(())
    }

    /// Who else has the lock at present, if anybody.
    pub fn other(&self, folder: &Path) -> Option<String> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = held.is_none().then(|| File::open(folder.join(FILE)).ok())??;
        // What is taken here is let go at once.
        matches!(file.try_lock(), Err(TryLockError::WouldBlock)).then(|| holder(&mut file))
    }

    /// Whether this process wanted the lock and did not get it.
    pub fn was_refused(&self) -> bool {
        self.was_refused.load(Ordering::Relaxed)
    }
}

/// The process that has the lock, as far as the file tells.
fn holder(file: &mut File) -> String {
    let mut number = String::new();
    // Who cannot be named is not named.
    drop(file.read_to_string(&mut number));
    match number.trim() {
        "" => "another process".to_owned(),
        number => format!("process {number}"),
    }
}
