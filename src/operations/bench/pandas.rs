//! pandas as a peer: found where it is installed, run as a program of its own.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::model::BenchError;

/// Where Python is looked for: in the project's own tools, then in the path.
const PYTHONS: [&str; 2] = [".tools/venv/bin/python3", "python3"];
/// What it is to do.
const SCRIPT: &str = include_str!("../../../benches/features.py");

/// A Python that has pandas.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pandas {
    python: &'static str,
}

/// A folder that is gone afterwards.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

impl Pandas {
    /// The first Python with pandas, if there is one.
    pub fn find() -> Option<Self> {
        let has_pandas = |python: &&str| {
            let asked = Command::new(python)
                .args(["-c", "import pandas"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            asked.is_ok_and(|status| status.success())
        };
        PYTHONS.into_iter().find(has_pandas).map(|python| Self { python })
    }

    /// The columns that it makes of quarter-hourly prices from the day `before` on, row by row, and
    /// how long each of `rounds` took.
    pub fn features(
        self,
        prices: &[f64],
        first: DateTime<Utc>,
        before: usize,
        rounds: usize,
    ) -> Result<(Vec<Duration>, Vec<f32>), BenchError> {
        let failed = |source: io::Error| BenchError::Io { what: "pandas does not compute", source };
        let folder = Folder(std::env::temp_dir().join(format!("luna-pandas-{}", Uuid::new_v4())));
        std::fs::create_dir(&folder.0).map_err(failed)?;
        let (source, target) = (folder.0.join("prices"), folder.0.join("columns"));
        let bytes: Vec<u8> = prices.iter().flat_map(|price| price.to_le_bytes()).collect();
        std::fs::write(&source, bytes).map_err(failed)?;
        let run = Command::new(self.python)
            .args(["-c", SCRIPT])
            .arg(&source)
            .args([first.timestamp().to_string(), before.to_string()])
            .arg(&target)
            .arg(rounds.to_string())
            .stdin(Stdio::null())
            .output()
            .map_err(failed)?;
        if !run.status.success() {
            let said = String::from_utf8_lossy(&run.stderr);
            let last = said.lines().last().unwrap_or("it says nothing").to_owned();
            return Err(failed(io::Error::other(last)));
        }
        let seconds: Vec<f64> =
            serde_json::from_slice(&run.stdout).map_err(|error| failed(io::Error::other(error)))?;
        let columns = std::fs::read(&target).map_err(failed)?;
        let columns = columns.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        Ok((seconds.into_iter().map(Duration::from_secs_f64).collect(), columns.collect()))
    }
}
