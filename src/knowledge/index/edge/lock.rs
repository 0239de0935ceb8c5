//! One process at a time works with the folder: the engine itself would not notice a second one until
//! both have written.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The lock of a folder, taken when it is first needed and held until the process ends.
#[derive(Debug, Default)]
pub(super) struct Lock(Mutex<Option<File>>);

impl Lock {
    /// Takes the lock, unless this process has it.
    ///
    /// # Errors
    ///
    /// A sentence that names who has it, or why there can be none.
    pub fn take(&self, folder: &Path) -> Result<(), String> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_some() {
            return Ok(());
        }
        let shown = folder.display();
        let failed = |error: &io::Error| format!("{shown} cannot be written to: {error}");
        fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(folder.join("lock")).map_err(|error| failed(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who cannot be named is not named.
                drop(file.read_to_string(&mut holder));
                let holder = match holder.trim() {
                    "" => "another process".to_owned(),
                    pid => format!("process {pid}"),
                };
                return Err(format!(
                    "{holder} works with the index in {shown}; leave the work to it, or stop it first"
                ));
            }
            Err(TryLockError::Error(error)) => return Err(failed(&error)),
        }
        let told = file.set_len(0).and_then(|()| file.rewind());
        let told = told.and_then(|()| write!(file, "{}", std::process::id()));
        told.map_err(|error| failed(&error))?;
        *held = Some(file);
        Ok(())
    }
}
