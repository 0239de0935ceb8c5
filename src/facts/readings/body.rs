//! The reading side of a request: bytes into checked rows, in batches, while the rest is on its way.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::Sender;
use tokio::time::timeout;

use super::model::{
    BYTES_MAX, FAULTS_MAX, FILE_ROWS_MAX, FINDINGS_MAX, Finding, Order, ROWS_MAX, ReadingsError,
};
use super::row::{Entry, checked};
use super::split::{Format, Read, Splitter};
use crate::platform::web::FLOW_BYTES_MAX;

/// Rows that are handed over at once.
pub(super) const BATCH_ROWS: usize = 10_000;
/// Longest wait for the next bytes: a transaction may be waiting, too.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the reading side tells the writing side.
pub(super) enum Told {
    /// Rows that keep the rules, in order.
    Rows(Vec<Entry>),
    /// All was read.
    End {
        /// SHA-256 of the bytes, in hexadecimal digits.
        digest: String,
        /// What reading found.
        summary: Summary,
    },
}

/// What reading found.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// Rows of the body.
    pub read: u64,
    /// Faulty rows.
    pub faulty: u64,
    /// The first of them.
    pub findings: Vec<Finding>,
}

impl Summary {
    /// Counts a faulty row and keeps what is wrong with it while there is room.
    pub fn refuse(&mut self, finding: Finding) {
        self.faulty += 1;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }

    /// Why nothing is stored.
    pub fn refusal(&self) -> ReadingsError {
        let first = self.findings.iter().take(FAULTS_MAX).cloned().collect();
        ReadingsError::BadRows { first, total: self.faulty }
    }
}

struct Reader {
    now: DateTime<Utc>,
    partial: bool,
    rows_max: u64,
    summary: Summary,
    batch: Vec<Entry>,
    sender: Sender<Told>,
}

/// Reads `body` to its end and tells `sender` about it. Stops where `partial` does not allow to go
/// on, and where nobody listens any more.
pub(super) async fn read<S, E>(
    mut body: S,
    format: Format,
    (order, now): (&Order, DateTime<Utc>),
    sender: Sender<Told>,
) -> Result<(), ReadingsError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: std::fmt::Display,
{
    let (rows_max, bytes_max) =
        if order.is_file { (FILE_ROWS_MAX, FLOW_BYTES_MAX) } else { (ROWS_MAX, BYTES_MAX) };
    let mut reader = Reader {
        now,
        partial: order.partial,
        rows_max,
        summary: Summary::default(),
        batch: Vec::new(),
        sender,
    };
    let (mut splitter, mut digest, mut length) = (Splitter::new(format), Sha256::new(), 0_u64);
    let mut rows: Vec<Read> = Vec::new();
    loop {
        let Ok(next) = timeout(PATIENCE, body.next()).await else {
            let reason =
                format!("no bytes for {} s; send the body without pauses", PATIENCE.as_secs());
            return Err(ReadingsError::Unreadable(reason));
        };
        let Some(piece) = next else { break };
        let piece = piece.map_err(|error| ReadingsError::Unreadable(format!("body: {error}")))?;
        length += piece.len() as u64;
        if length > bytes_max {
            return Err(ReadingsError::TooLarge(format!(
                "the body is longer than {bytes_max} bytes; send it in several requests"
            )));
        }
        digest.update(&piece);
        splitter.push(&piece, &mut rows)?;
        reader.take(&mut rows).await?;
    }
    splitter.finish(&mut rows)?;
    reader.take(&mut rows).await?;
    reader.end(hex::encode(digest.finalize())).await
}

impl Reader {
    async fn take(&mut self, rows: &mut Vec<Read>) -> Result<(), ReadingsError> {
        for row in rows.drain(..) {
            let index = self.summary.read;
            self.summary.read += 1;
            if self.summary.read > self.rows_max {
                return Err(ReadingsError::TooLarge(format!(
                    "the body has more than {} rows; send it in several requests",
                    self.rows_max
                )));
            }
            match row.and_then(|row| checked(index, row, self.now)) {
                Ok(entry) => self.batch.push(entry),
                Err(fault) => {
                    self.summary.refuse(Finding::new(index, fault));
                    if !self.partial && self.summary.findings.len() >= FAULTS_MAX {
                        return Err(self.summary.refusal());
                    }
                }
            }
        }
        while self.batch.len() >= BATCH_ROWS {
            let rest = self.batch.split_off(BATCH_ROWS);
            let full = std::mem::replace(&mut self.batch, rest);
            self.tell(Told::Rows(full)).await?;
        }
        Ok(())
    }

    async fn tell(&self, told: Told) -> Result<(), ReadingsError> {
        self.sender.send(told).await.map_err(|_| ReadingsError::GivenUp)
    }

    async fn end(mut self, digest: String) -> Result<(), ReadingsError> {
        if !self.partial && self.summary.faulty > 0 {
            return Err(self.summary.refusal());
        }
        let rest = std::mem::take(&mut self.batch);
        self.tell(Told::Rows(rest)).await?;
        let summary = std::mem::take(&mut self.summary);
        self.tell(Told::End { digest, summary }).await
    }
}
