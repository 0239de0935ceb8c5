//! One file from its arrival to its place in the history.

use std::sync::Arc;

use chrono::Duration;
use diesel_async::AsyncConnection;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::jobs::DropsJob;
use super::looks::Looks;
use super::model::{
    Arrived, Counts, DroppedFile, DropsError, Filter, Outcome, Scan, written_reason,
};
use super::settings::Settings;
use super::{folder, sftp, store};
use crate::access::audit::{Audit, By, Event};
use crate::base::timeline::{Clock, TimeRange};
use crate::facts::archive::{Archive, Arrival, RawFile};
use crate::facts::meters::Meters;
use crate::facts::quality::Quality;
use crate::facts::readings::Readings;
use crate::platform::db::{Conn, Db};
use crate::platform::jobs::{Jobs, NewJob};
use crate::platform::objects::sha256_hex;

/// Name of the source in the archive and among dead letters.
pub(super) const SOURCE: &str = "drops";

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
}

fn trouble(scan: &mut Scan, road: &str, error: &DropsError) {
    tracing::warn!(road, "Files of {road} wait: {error}");
    scan.troubles.push(format!("{road}: {error}"));
    metrics::counter!("luna_drops_troubles_total", "road" => road.to_owned()).increment(1);
}

/// Counts a file and its values.
pub(super) fn count(file: &DroppedFile) {
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
