//! Packing payloads, keeping them once, handing them out as they were sent.

use std::io::{Read, Write};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use uuid::Uuid;

use super::model::{Answers, Arrival, RawFile};
use super::store;
use crate::base::timeline::Clock;
use crate::platform::db::{Db, DbError};
use crate::platform::objects::{ObjectError, Objects, sha256_hex};

/// Files that are listed at once.
const PAGE: i64 = 100;

/// Why a payload could not be kept or handed out.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The store of the objects refused.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The object is not what was sent.
    #[error("payload {0} cannot be unpacked to what was sent")]
    Damaged(Uuid),
    /// The database refused, failed, or is away.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The work ended before its time.
    #[error("the payload could not be packed: {0}")]
    Broken(String),
}

impl From<diesel::result::Error> for ArchiveError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// The payloads of all sources.
#[derive(Clone)]
pub struct Archive {
    db: Db,
    objects: Objects,
    clock: Clock,
}

impl Archive {
    /// The archive in a database and an object store.
    pub const fn new(db: Db, objects: Objects, clock: Clock) -> Self {
        Self { db, objects, clock }
    }

    /// Keeps `payload` before anybody reads it; the same answer to the same question is kept once.
    pub async fn keep(&self, arrival: Arrival, payload: Bytes) -> Result<RawFile, ArchiveError> {
        let sent_bytes = payload.len() as u64;
        self.keep_of(arrival, payload, sent_bytes).await
    }

    /// The same where `payload` is what was wanted of `sent_bytes` that came.
    pub async fn keep_of(
        &self,
        arrival: Arrival,
        payload: Bytes,
        sent_bytes: u64,
    ) -> Result<RawFile, ArchiveError> {
        let (now, sha256) = (self.clock.now(), sha256_hex(&payload));
        let mut conn = self.db.conn().await?;
        let bytes = i64::try_from(sent_bytes).unwrap_or(i64::MAX);
        store::count_answer(&mut conn, &arrival.source, now.date_naive(), bytes).await?;
        if let Some(known) = store::seen_again(&mut conn, &arrival, &sha256, now).await? {
            return Ok(known);
        }
        drop(conn);
        let raw_file_id = Uuid::now_v7();
        let month = now.format("%Y-%m");
        let object_key = format!("raw/{}/{month}/{raw_file_id}.gz", arrival.source);
        let size_bytes = payload.len() as u64;
        let packed =
            away(move || pack(&payload).map_err(|error| ArchiveError::Broken(error.to_string())))
                .await?;
        // The object first: a row always leads to one.
        let object_sha256 = self.objects.put(&object_key, packed).await?;
        let file = RawFile {
            raw_file_id,
            arrival,
            size_bytes,
            sha256,
            object_key,
            object_sha256,
            parse_result: None,
            fetched_at: now,
            last_fetched_at: now,
        };
        let mut conn = self.db.conn().await?;
        let kept = store::insert(&mut conn, &file).await?;
        drop(conn);
        if kept.raw_file_id != raw_file_id
            && let Err(error) = self.objects.delete(&file.object_key).await
        {
            // Somebody else kept the same in the same moment; one file too many does no harm.
            tracing::warn!(%error, "{} stays beside its twin: {error}", file.object_key);
        }
        Ok(kept)
    }

    /// How much each source has answered today, by the calendar of UTC.
    pub async fn answers_today(&self) -> Result<Vec<Answers>, ArchiveError> {
        let mut conn = self.db.conn().await?;
        Ok(store::answers(&mut conn, self.clock.now().date_naive()).await?)
    }

    /// Removes payloads that came last before an instant, or only counts them: the row first, so that
    /// one always leads to an object.
    pub async fn forget(
        &self,
        before: DateTime<Utc>,
        dry_run: bool,
    ) -> Result<usize, ArchiveError> {
        let mut conn = self.db.conn().await?;
        if dry_run {
            return Ok(store::count_old(&mut conn, before).await?);
        }
        let mut removed = 0;
        loop {
            let old = store::old(&mut conn, before, PAGE).await?;
            if old.is_empty() {
                return Ok(removed);
            }
            for file in old {
                removed += store::remove(&mut conn, file.raw_file_id).await?;
                if let Err(error) = self.objects.delete(&file.object_key).await {
                    // An object without a row is garbage, not a mistake.
                    tracing::warn!(%error, "{} stays without its row: {error}", file.object_key);
                }
            }
        }
    }

    /// The file of an identifier.
    pub async fn find(&self, raw_file_id: Uuid) -> Result<Option<RawFile>, ArchiveError> {
        let mut conn = self.db.conn().await?;
        Ok(store::find(&mut conn, raw_file_id).await?)
    }

    /// Notes what reading a file brought, in one sentence.
    pub async fn judge(&self, file: &RawFile, result: &str) -> Result<(), ArchiveError> {
        let mut conn = self.db.conn().await?;
        Ok(store::judge(&mut conn, file.raw_file_id, result).await?)
    }

    /// The payload of a file, exactly as it was sent.
    pub async fn payload(&self, file: &RawFile) -> Result<Bytes, ArchiveError> {
        let packed = self.objects.get(&file.object_key, &file.object_sha256).await?;
        let file = file.clone();
        away(move || {
            let damaged = || ArchiveError::Damaged(file.raw_file_id);
            let mut payload = Vec::new();
            // Never more than was packed, whatever the object claims.
            let mut unpacked = GzDecoder::new(&packed[..]).take(file.size_bytes + 1);
            unpacked.read_to_end(&mut payload).map_err(|_| damaged())?;
            if sha256_hex(&payload) == file.sha256 { Ok(payload.into()) } else { Err(damaged()) }
        })
        .await
    }

    /// The newest answer of `source` to the question at `url` that came after `since`.
    pub async fn newest(
        &self,
        source: &str,
        url: &str,
        since: DateTime<Utc>,
    ) -> Result<Option<RawFile>, ArchiveError> {
        let mut conn = self.db.conn().await?;
        Ok(store::newest(&mut conn, source, url, since).await?)
    }

    /// The next files of `source`, or of all, after `last`, in the order in which they came first.
    pub async fn next(
        &self,
        source: Option<&str>,
        last: Option<&RawFile>,
    ) -> Result<Vec<RawFile>, ArchiveError> {
        let after = last.map(|file| (file.fetched_at, file.raw_file_id));
        let mut conn = self.db.conn().await?;
        Ok(store::in_order(&mut conn, source, after, PAGE).await?)
    }
}

fn pack(payload: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(payload)?;
    encoder.finish()
}

/// Work on a thread that may take its time.
async fn away<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ArchiveError> + Send + 'static,
) -> Result<T, ArchiveError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(ArchiveError::Broken(error.to_string())))
}
