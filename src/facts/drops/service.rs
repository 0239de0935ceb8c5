//! One file from its arrival to its place in the history.

use std::sync::Arc;

use bytes::Bytes;
use chrono::Duration;
use diesel_async::AsyncConnection;
use serde_json::json;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::formats::{About, Document, Refusal, is_blank, read_document};
use super::jobs::DropsJob;
use super::looks::Looks;
use super::model::{
    Arrived, Counts, DroppedFile, DropsError, Filter, Outcome, Scan, written_reason,
};
use super::settings::Settings;
use super::storing::NotStored;
use super::unpack::{Part, parts};
use super::{folder, sftp, store};
use crate::access::audit::{Audit, By, Event};
use crate::base::timeline::{Clock, TimeRange};
use crate::facts::archive::{Archive, Arrival, RawFile};
use crate::facts::meters::Meters;
use crate::facts::quality::{Quality, Unreadable};
use crate::facts::readings::Readings;
use crate::platform::db::{Conn, Db, DbError};
use crate::platform::jobs::{Jobs, NewJob};
use crate::platform::objects::sha256_hex;

/// Name of the source in the archive and among dead letters.
const SOURCE: &str = "drops";
/// Faults of parts of an archive that a reason names.
const NAMED_MAX: usize = 3;

/// What dropped files need of others.
#[derive(Clone)]
pub struct Needs {
    /// The database.
    pub db: Db,
    /// Where bytes are kept.
    pub archive: Archive,
    /// Meters.
    pub meters: Meters,
    /// What meters read.
    pub readings: Readings,
    /// What nobody can read.
    pub quality: Quality,
    /// Who did what.
    pub audit: Audit,
    /// The queue.
    pub jobs: Jobs,
}

/// Files of grid operators. Cloning is cheap.
#[derive(Clone)]
pub struct Drops {
    pub(super) db: Db,
    pub(super) archive: Archive,
    pub(super) meters: Meters,
    pub(super) readings: Readings,
    pub(super) quality: Quality,
    pub(super) audit: Audit,
    pub(super) jobs: Jobs,
    pub(super) clock: Clock,
    pub(super) settings: Arc<Settings>,
    /// What was seen of files that may not be complete yet; held while roads are walked, so that two
    /// walks of one process do not read the same files.
    pub(super) looks: Arc<Mutex<Looks>>,
}

impl Drops {
    /// The service with its settings.
    pub fn new(needs: Needs, clock: Clock, settings: Settings) -> Self {
        let Needs { db, archive, meters, readings, quality, audit, jobs } = needs;
        let (settings, looks) = (Arc::new(settings), Arc::default());
        Self { db, archive, meters, readings, quality, audit, jobs, clock, settings, looks }
    }

    /// Where files come from.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Looks at every road and reads what is complete. A road that is away is a trouble of the scan
    /// and holds up no other.
    pub async fn scan(&self, is_cancelled: &(dyn Fn() -> bool + Sync)) -> Result<Scan, DropsError> {
        if !self.settings.is_on() {
            return Err(DropsError::Off);
        }
        let started = std::time::Instant::now();
        let mut looks = self.looks.lock().await;
        let mut scan = Scan::default();
        if let Some(watched) = &self.settings.folder
            && let Err(error) =
                folder::walk(self, watched, &mut looks, &mut scan, is_cancelled).await
        {
            trouble(&mut scan, folder::ROAD, &error);
        }
        for server in &self.settings.sftp {
            if is_cancelled() {
                break;
            }
            let walked = sftp::walk(self, server, &mut looks, &mut scan, is_cancelled).await;
            if let Err(error) = walked {
                trouble(&mut scan, &server.road(), &error);
            }
        }
        drop(looks);
        metrics::gauge!("luna_drops_waiting_files").set(scan.waiting as f64);
        metrics::histogram!("luna_drops_scan_duration_seconds")
            .record(started.elapsed().as_secs_f64());
        Ok(scan)
    }

    /// Puts a look at every road into the queue; answers with the job.
    pub async fn order_scan(
        &self,
        by: &By,
        requested_by: Option<Uuid>,
    ) -> Result<Uuid, DropsError> {
        if !self.settings.is_on() {
            return Err(DropsError::Off);
        }
        let new = NewJob { requested_by, ..NewJob::new(DropsJob::NAME) };
        let mut conn = self.db.conn().await?;
        let job_id = conn
            .transaction(async |conn| {
                let job_id = self.jobs.enqueue_on(conn, &new).await?.job_id;
                let event = Event::new("drops.scan", ("job", job_id));
                self.audit.record(conn, by, event).await?;
                Ok::<_, DropsError>(job_id)
            })
            .await?;
        drop(conn);
        self.jobs.wake();
        Ok(job_id)
    }

    /// Reads a file that has come: what it says is committed with its place in the history.
    ///
    /// # Errors
    /// Only when the database or the archive is away: then the file is where it was, for later. A
    /// faulty file is a [`DroppedFile`] with the outcome `failed`.
    pub(super) async fn take(&self, arrived: &Arrived) -> Result<DroppedFile, DropsError> {
        let (now, sha256) = (self.clock.now(), sha256_hex(&arrived.bytes));
        let mut conn = self.db.conn().await?;
        if let Some(before) = store::settled(&mut conn, &sha256, &arrived.meter_hint).await? {
            return self.came_before(&mut conn, arrived, before).await;
        }
        drop(conn);
        let raw = self.archived(arrived).await?;
        let file = DroppedFile {
            dropped_file_id: Uuid::now_v7(),
            road: arrived.road.clone(),
            name: arrived.name.clone(),
            sha256,
            size_bytes: arrived.bytes.len() as u64,
            modified_at: arrived.modified_at,
            format: String::new(),
            outcome: Outcome::Empty,
            counts: Counts::default(),
            reason: None,
            raw_file_id: raw.map(|raw| raw.raw_file_id),
            attempts: 1,
            first_at: now,
            last_at: now,
            meter_hint: arrived.meter_hint.clone(),
        };
        self.read(file, arrived.bytes.clone(), None).await
    }

    /// Writes down a file that is set aside without being read.
    pub(super) async fn refuse(
        &self,
        arrived: &Arrived,
        size_bytes: u64,
        reason: &str,
    ) -> Result<DroppedFile, DropsError> {
        let now = self.clock.now();
        let file = DroppedFile {
            dropped_file_id: Uuid::now_v7(),
            road: arrived.road.clone(),
            name: arrived.name.clone(),
            sha256: String::new(),
            size_bytes,
            modified_at: arrived.modified_at,
            format: String::new(),
            outcome: Outcome::Failed,
            counts: Counts::default(),
            reason: Some(written_reason(reason)),
            raw_file_id: None,
            attempts: 1,
            first_at: now,
            last_at: now,
            meter_hint: arrived.meter_hint.clone(),
        };
        let mut conn = self.db.conn().await?;
        let kept = store::keep(&mut conn, &file).await?;
        count(&kept);
        Ok(kept)
    }

    /// Reads the bytes of a file once more, e.g. after its metering point was given a meter.
    pub async fn retry(&self, id: Uuid, by: &By) -> Result<DroppedFile, DropsError> {
        let mut conn = self.db.conn().await?;
        let file = store::find(&mut conn, id).await?.ok_or(DropsError::NotFound(id))?;
        drop(conn);
        let Some(raw_file_id) = file.raw_file_id else {
            return Err(DropsError::NoBytes(file.name));
        };
        let Some(raw) = self.archive.find(raw_file_id).await? else {
            return Err(DropsError::NoBytes(file.name));
        };
        let bytes = self.archive.payload(&raw).await?;
        let file = DroppedFile {
            format: String::new(),
            outcome: Outcome::Empty,
            counts: Counts::default(),
            reason: None,
            last_at: self.clock.now(),
            ..file
        };
        let kept = self.read(file, bytes, Some(by)).await?;
        if kept.outcome != Outcome::Failed
            && let Some(watched) = &self.settings.folder
            && kept.road == folder::ROAD
        {
            folder::take_back(watched, &kept).await;
        }
        Ok(kept)
    }

    /// Up to `limit` files, the last met first.
    pub async fn list(&self, filter: &Filter, limit: i64) -> Result<Vec<DroppedFile>, DropsError> {
        let mut conn = self.db.conn().await?;
        Ok(store::list(&mut conn, filter, limit).await?)
    }

    /// How many files wait for a person.
    pub async fn failed(&self) -> Result<u64, DropsError> {
        let mut conn = self.db.conn().await?;
        Ok(store::failed(&mut conn).await?.unsigned_abs())
    }

    /// The same bytes again: nothing to do but to write down that they came.
    async fn came_before(
        &self,
        conn: &mut Conn,
        arrived: &Arrived,
        before: DroppedFile,
    ) -> Result<DroppedFile, DropsError> {
        let now = self.clock.now();
        if before.road == arrived.road && before.name == arrived.name {
            let met = store::met_again(conn, before.dropped_file_id, arrived.modified_at, now);
            return Ok(met.await?.unwrap_or(before));
        }
        let first = before.first_at.format("%Y-%m-%d %H:%MZ");
        let reason = format!("the same bytes came as '{}' on {first}", before.name);
        let read = before.counts.rows_read - before.counts.left_out.min(before.counts.rows_read);
        let file = DroppedFile {
            dropped_file_id: Uuid::now_v7(),
            road: arrived.road.clone(),
            name: arrived.name.clone(),
            modified_at: arrived.modified_at,
            outcome: Outcome::Unchanged,
            counts: Counts { inserted: 0, replaced: 0, unchanged: read, ..before.counts },
            reason: Some(written_reason(&reason)),
            attempts: 1,
            first_at: now,
            last_at: now,
            ..before
        };
        let kept = store::keep(conn, &file).await?;
        count(&kept);
        Ok(kept)
    }

    async fn archived(&self, arrived: &Arrived) -> Result<Option<RawFile>, DropsError> {
        if arrived.bytes.is_empty() {
            return Ok(None);
        }
        let now = self.clock.now();
        let arrival = Arrival {
            source: SOURCE.to_owned(),
            subject: arrived.name.clone(),
            // Nobody asked for a time; the moment at which it came stands for it.
            range: TimeRange::new(now, now + Duration::seconds(1)),
            url: format!("{}:{}", arrived.road, arrived.name),
            http_status: 200,
            content_type: String::new(),
        };
        Ok(Some(self.archive.keep(arrival, arrived.bytes.clone()).await?))
    }

    /// Takes the documents of a file one by one, then writes the file down.
    async fn read(
        &self,
        mut file: DroppedFile,
        bytes: Bytes,
        by: Option<&By>,
    ) -> Result<DroppedFile, DropsError> {
        let about = About {
            meter: Some(file.meter_hint.clone()).filter(|hint| !hint.is_empty()),
            zone: self.settings.zone,
        };
        let bytes_max = self.settings.bytes_max();
        let payload = bytes.clone();
        let read = away(move || Ok(documents(&bytes, bytes_max, &about))).await;
        let mut faults = Vec::new();
        let documents = match read {
            Ok(Ok(documents)) => documents,
            Ok(Err(refusal)) => {
                faults.push((String::new(), refusal));
                Vec::new()
            }
            Err(DropsError::Broken(why)) => {
                faults.push((String::new(), Refusal(format!("the file cannot be read: {why}"))));
                Vec::new()
            }
            Err(error) => return Err(error),
        };
        let (total, mut notes) = (documents.len().max(1), Vec::new());
        let last = documents.len().saturating_sub(1);
        for (place, read) in documents.into_iter().enumerate() {
            file.format = read.format.to_owned();
            match read.document {
                Err(refusal) => faults.push((read.name, refusal)),
                Ok(document) => {
                    notes.extend(document.notes.iter().cloned());
                    // The last of faultless ones is committed together with the history.
                    let closing = place == last && faults.is_empty();
                    if closing {
                        let done = self.close(&file, &document, &notes, by).await?;
                        match done {
                            Ok(kept) => return self.closed(kept, &payload).await,
                            Err(refusal) => faults.push((read.name, refusal)),
                        }
                        continue;
                    }
                    match self.store_alone(&document, by).await? {
                        Ok(counts) => file.counts.add(&counts),
                        Err(refusal) => faults.push((read.name, refusal)),
                    }
                }
            }
        }
        file.outcome = if faults.is_empty() { Outcome::Empty } else { Outcome::Failed };
        file.reason = (!faults.is_empty()).then(|| written_reason(&sentence(&faults, total)));
        let mut conn = self.db.conn().await?;
        let kept = conn.transaction(async |conn| self.keep(conn, &file, by).await).await?;
        drop(conn);
        self.closed(kept, &payload).await
    }

    /// Stores the last document of a file and the file's place in the history in one transaction.
    async fn close(
        &self,
        file: &DroppedFile,
        document: &Document,
        notes: &[String],
        by: Option<&By>,
    ) -> Result<Result<DroppedFile, Refusal>, DropsError> {
        let system = By::system();
        let mut conn = self.db.conn().await?;
        let done = conn
            .transaction(async |conn| {
                // Whoever asks by hand has an entry of their own.
                let teller = by.is_none().then_some(&system);
                let mut file = file.clone();
                file.counts.add(&self.store(conn, document, teller).await?);
                file.outcome = file.counts.outcome();
                if !document.series.iter().any(|one| !one.slots.is_empty() || !one.shown.is_empty())
                    && file.counts.inserted + file.counts.replaced + file.counts.unchanged == 0
                {
                    file.outcome = Outcome::Empty;
                }
                let text = notes.join("; ");
                file.reason = (!text.is_empty()).then(|| written_reason(&text));
                Ok::<_, NotStored>(self.keep(conn, &file, by).await?)
            })
            .await;
        drop(conn);
        self.refusal_or(done).await
    }

    async fn store_alone(
        &self,
        document: &Document,
        by: Option<&By>,
    ) -> Result<Result<Counts, Refusal>, DropsError> {
        let system = By::system();
        let by = by.unwrap_or(&system);
        let mut conn = self.db.conn().await?;
        let done = conn.transaction(async |conn| self.store(conn, document, Some(by)).await).await;
        drop(conn);
        self.refusal_or(done).await
    }

    /// Tells a faulty document from a database that is away: what a database that answers refuses
    /// would be refused again, and must not hold up what comes next.
    async fn refusal_or<T>(
        &self,
        done: Result<T, NotStored>,
    ) -> Result<Result<T, Refusal>, DropsError> {
        match done {
            Ok(done) => Ok(Ok(done)),
            Err(NotStored::Refused(refusal)) => Ok(Err(refusal)),
            Err(NotStored::Db(error)) if error.is_passing() => Err(error.into()),
            Err(NotStored::Db(error)) => {
                self.db.ping().await?;
                tracing::error!(%error, "A document cannot be stored: {error:?}");
                Ok(Err(Refusal(
                    "the database refuses what the file says; the log says more".into(),
                )))
            }
        }
    }

    /// Writes a file down, with whoever asked for it.
    async fn keep(
        &self,
        conn: &mut Conn,
        file: &DroppedFile,
        by: Option<&By>,
    ) -> Result<DroppedFile, DbError> {
        let kept = store::keep(conn, file).await?;
        if let Some(by) = by {
            let event = Event::new("drop.retry", ("dropped_file", kept.dropped_file_id))
                .after(&json!({"road": kept.road, "name": kept.name, "outcome": kept.outcome,
                    "inserted": kept.counts.inserted, "replaced": kept.counts.replaced}));
            self.audit.record(conn, by, event).await?;
        }
        Ok(kept)
    }

    /// Says what became of a file where people look for it.
    async fn closed(&self, kept: DroppedFile, payload: &[u8]) -> Result<DroppedFile, DropsError> {
        count(&kept);
        let (road, name) = (kept.road.as_str(), kept.name.as_str());
        let reason = kept.reason.as_deref().unwrap_or_default();
        let subject = format!("{road}/{name}");
        if kept.outcome == Outcome::Failed {
            tracing::warn!(road, name, "The file {name} is set aside: {reason}");
            let (source, raw_file_id) = (SOURCE, kept.raw_file_id);
            let letter = Unreadable { source, subject: &subject, raw_file_id, payload, reason };
            self.quality.dead_letter(&letter).await?;
        } else {
            let (outcome, inserted, replaced) =
                (kept.outcome.name(), kept.counts.inserted, kept.counts.replaced);
            tracing::info!(
                road,
                name,
                outcome,
                "Read the file {name}: {inserted} new and {replaced} replaced intervals"
            );
            self.quality.supersede(SOURCE, &subject).await?;
        }
        Ok(kept)
    }
}

/// A document of a file, and how it was read.
struct ReadPart {
    name: String,
    format: &'static str,
    document: Result<Document, Refusal>,
}

fn documents(bytes: &[u8], bytes_max: u64, about: &About) -> Result<Vec<ReadPart>, Refusal> {
    let read = |Part { name, bytes }| {
        let bytes: Vec<u8> = match bytes {
            Ok(bytes) => bytes,
            Err(refusal) => return ReadPart { name, format: "", document: Err(refusal) },
        };
        if is_blank(&bytes) {
            return ReadPart { name, format: "", document: Ok(Document::default()) };
        }
        let (format, document) = read_document(&bytes, about);
        ReadPart { name, format, document }
    };
    Ok(parts(bytes, bytes_max)?.into_iter().map(read).collect())
}

/// The faults of a file in one sentence.
fn sentence(faults: &[(String, Refusal)], total: usize) -> String {
    if total == 1
        && let [(_, only)] = faults
    {
        return only.to_string();
    }
    let named = faults.iter().take(NAMED_MAX).map(|(name, fault)| format!("{name}: {fault}"));
    let named = named.collect::<Vec<_>>().join("; ");
    format!("{} of {total} files in it cannot be read, the others were: {named}", faults.len())
}

fn trouble(scan: &mut Scan, road: &str, error: &DropsError) {
    tracing::warn!(road, "Files of {road} wait: {error}");
    scan.troubles.push(format!("{road}: {error}"));
    metrics::counter!("luna_drops_troubles_total", "road" => road.to_owned()).increment(1);
}

fn count(file: &DroppedFile) {
    metrics::counter!("luna_drops_files_total",
        "road" => file.road.clone(), "outcome" => file.outcome.name())
    .increment(1);
    for (outcome, rows) in [
        ("inserted", file.counts.inserted),
        ("replaced", file.counts.replaced),
        ("unchanged", file.counts.unchanged),
        ("left_out", file.counts.left_out),
    ] {
        metrics::counter!("luna_drops_rows_total", "outcome" => outcome).increment(rows);
    }
}

/// Work on a thread that may take its time; one that panics is an error, not the end.
pub(super) async fn away<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DropsError> + Send + 'static,
) -> Result<T, DropsError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(DropsError::Broken(error.to_string())))
}
