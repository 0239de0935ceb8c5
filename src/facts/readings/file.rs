//! Files of readings of many meters, read as they arrive.

use std::ffi::OsStr;
use std::path::Path;
use std::pin::pin;

use bytes::BytesMut;
use futures_util::stream::try_unfold;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use super::model::{IngestReport, Order, ReadingsError};
use super::service::{Author, Readings};
use super::split::Format;
use crate::access::audit::By;
use crate::facts::meters::Writable;
use crate::platform::web::Flow;
use crate::platform::web::Principal;

/// How much of a file of this box is read at once, in bytes.
const PIECE_BYTES: usize = 256 << 10;

/// How a file is to be taken.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileOrder {
    /// Unknown meters are made.
    pub create: bool,
    /// Good rows are stored although others are faulty.
    pub partial: bool,
    /// Everything is checked and nothing stored.
    pub dry_run: bool,
}

impl Readings {
    /// Stores a file of many meters in one transaction, whatever its length; its media type says
    /// whether it is NDJSON or a JSON list, and CSV with a header it is otherwise.
    ///
    /// # Errors
    /// As those of a request with readings.
    pub async fn take_file(
        &self,
        who: &Principal,
        order: FileOrder,
        file: Flow,
    ) -> Result<IngestReport, ReadingsError> {
        let format = Format::of(&file.media_type).unwrap_or(Format::Csv);
        let author = self.author(who).await?;
        dry(self.take(&author, &order.into(), (format, file.bytes)).await)
    }

    /// The same for a file of this box: NDJSON or JSON when its name ends so, CSV otherwise.
    ///
    /// # Errors
    /// As those of a request with readings.
    pub async fn take_path(
        &self,
        by: By,
        order: FileOrder,
        path: &Path,
    ) -> Result<IngestReport, ReadingsError> {
        let format = match path.extension().and_then(OsStr::to_str) {
            Some("ndjson" | "jsonl") => Format::Lines,
            Some("json") => Format::Json,
            _ => Format::Csv,
        };
        let unreadable = |error: std::io::Error| ReadingsError::Unreadable(error.to_string());
        let file = File::open(path).await.map_err(unreadable)?;
        let pieces = try_unfold(file, async |mut file| {
            let mut piece = BytesMut::with_capacity(PIECE_BYTES);
            let read = file.read_buf(&mut piece).await?;
            Ok::<_, std::io::Error>((read > 0).then(|| (piece.freeze(), file)))
        });
        let author = Author { by, writable: Writable::All };
        dry(self.take(&author, &order.into(), (format, pin!(pieces))).await)
    }
}

impl From<FileOrder> for Order {
    fn from(FileOrder { create, partial, dry_run }: FileOrder) -> Self {
        Self { create, partial, dry_run, is_file: true, key: None }
    }
}

/// A dry run ends as an error, so that everything is taken back, and is a success all the same.
fn dry(taken: Result<IngestReport, ReadingsError>) -> Result<IngestReport, ReadingsError> {
    match taken {
        Err(ReadingsError::DryRun(report)) => Ok(*report),
        other => other,
    }
}
