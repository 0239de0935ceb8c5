//! A log file that is put aside when it is full: `luna.log`, `luna.log.1` (newest) … `luna.log.5`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// An open log file.
#[derive(Debug)]
pub(super) struct RollingFile {
    path: PathBuf,
    bytes_max: u64,
    kept: u32,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    bytes: u64,
}

impl RollingFile {
    /// Opens `path` for appending; it is put aside before it grows beyond `bytes_max`.
    pub(super) fn open(path: &Path, bytes_max: u64, kept: u32) -> io::Result<Self> {
        let open = Mutex::new(Open::at(path)?);
        Ok(Self { path: path.to_owned(), bytes_max, kept, open })
    }

    /// Appends `line`. A log that cannot be written must not stop what it is about, so a full disk
    /// loses lines, silently: there is no log to say so in.
    pub(super) fn write_line(&self, line: &str) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let length = line.len() as u64 + 1;
        if open.bytes > 0
            && open.bytes + length > self.bytes_max
            && let Ok(next) = self.roll()
        {
            *open = next;
        }
        if writeln!(open.file, "{line}").is_ok() {
            open.bytes += length;
        }
    }

    fn roll(&self) -> io::Result<Open> {
        if self.kept == 0 {
            std::fs::remove_file(&self.path)?;
            return Open::at(&self.path);
        }
        for number in (1..self.kept).rev() {
            let from = self.aside(number);
            if from.exists() {
                std::fs::rename(from, self.aside(number + 1))?;
            }
        }
        std::fs::rename(&self.path, self.aside(1))?;
        Open::at(&self.path)
    }

    fn aside(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

impl Open {
    fn at(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }
}
