//! What is put right by the clock: jobs that ended without a word, what is left to remove, the index.

use std::time::Duration as Patience;

use diesel_async::AsyncConnection;
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::DocumentsError;
use super::indexing::Wish;
use super::jobs::{CheckJob, ReindexJob};
use super::model::{ItemRecord, Status, object_key};
use super::service::{Documents, can_be_tried_again};
use super::spool;
use super::store::leftovers::Leftover;
use super::store::versions::State;
use super::store::{items, leftovers, locks, versions};
use crate::access::audit::{By, Event};
use crate::knowledge::index::IndexError;
use crate::platform::db::Conn;
use crate::platform::jobs::{JobState, JobsError, NewJob};

/// Rows that are looked at in one go.
const PAGE: i64 = 100;
/// Files on their way that nobody has touched for so long were left behind by a process that ended.
const LEFT_BEHIND: Patience = Patience::from_hours(2);

impl Documents {
    /// Puts right what can be put right without anybody's doing; says what was found.
    pub(super) async fn check(&self) -> Result<Value, DocumentsError> {
        let settled = self.settle_all().await?;
        let swept = self.sweep().await?;
        let data_dir = self.0.needs.data_dir.clone();
        let spooled =
            tokio::task::spawn_blocking(move || spool::clean(&data_dir, LEFT_BEHIND)).await;
        let spooled = spooled.unwrap_or_default();
        let mut found = json!({ "settled": settled, "removed": swept, "left_behind": spooled });
        let counts = self.counts().await?;
        if counts.total() == 0 {
            return Ok(found);
        }
        let active = self.active().await?;
        // While documents are laid down, their points come before they are counted.
        let is_idle = counts.of(Status::Queued) + counts.of(Status::Working) == 0;
        if is_idle && let Some(why) = self.damage(&active).await? {
            self.replace(active.version, &why).await?;
            found["damaged"] = json!(why);
            return Ok(found);
        }
        self.retire().await?;
        let reason = self.reason_to_rebuild(&active).await?;
        let mut conn = self.db().conn().await?;
        let is_building = versions::in_state(&mut conn, State::Building).await?.is_some();
        let is_missing = !versions::missing(&mut conn, &active, (Uuid::nil(), 1)).await?.is_empty();
        drop(conn);
        if is_building || is_missing || reason.is_some() {
            self.order_reindex().await?;
        }
        found["rebuild"] = json!(reason);
        Ok(found)
    }

    /// Stores a job that builds what the index lacks, unless one waits already.
    pub(super) async fn order_reindex(&self) -> Result<(), DocumentsError> {
        self.0.needs.jobs.enqueue_unless_due(ReindexJob::NAME).await?;
        Ok(())
    }

    /// Follows the jobs of documents that wait or are being read: some end without saying so, because
    /// they were cancelled in the queue or their worker vanished for the last time.
    async fn settle_all(&self) -> Result<usize, DocumentsError> {
        let (mut after, mut settled) = (Uuid::nil(), 0);
        loop {
            let mut conn = self.db().conn().await?;
            let page = items::open_after(&mut conn, after, PAGE).await?;
            drop(conn);
            let Some(last) = page.last() else { return Ok(settled) };
            after = last.item_id;
            for item in page {
                settled += usize::from(self.settle_status(&item).await?);
            }
        }
    }

    /// Follows the job of one document; says whether something had to be put right.
    pub(super) async fn settle_status(&self, item: &ItemRecord) -> Result<bool, DocumentsError> {
        let job = match item.job_id {
            None => None,
            Some(job_id) => match self.0.needs.jobs.job(job_id).await {
                Ok(job) => Some(job),
                Err(JobsError::NotFound(_)) => None,
                Err(error) => return Err(error.into()),
            },
        };
        let (status, reason) = match job {
            Some(job) if matches!(job.state, JobState::Queued | JobState::Running) => {
                return Ok(false);
            }
            Some(job) if job.state == JobState::Dead => {
                let reason = job.error.unwrap_or_else(|| "its job failed".to_owned());
                (Status::Failed, reason)
            }
            Some(job) if job.state == JobState::Cancelled => {
                (Status::Cancelled, "it was called off".to_owned())
            }
            _ => (Status::Cancelled, "its job is gone; try it again".to_owned()),
        };
        let mut conn = self.db().conn().await?;
        conn.transaction(async |conn| {
            let now = items::find_for_update(conn, item.item_id).await?;
            // Another job may have it in hand meanwhile.
            match now.filter(|now| now.job_id == item.job_id) {
                Some(now) => self.set_aside(conn, &now, status, &reason).await,
                None => Ok(false),
            }
        })
        .await
    }

    /// Removes what is left over now; what cannot be removed now is tried again soon.
    pub(super) async fn sweep_now(&self) {
        let Err(error) = self.sweep().await else { return };
        tracing::debug!(%error, "Points or bytes of documents wait for their removal: {error}");
        if let Err(error) = self.0.needs.jobs.enqueue_unless_due(CheckJob::NAME).await {
            tracing::warn!(%error, "Their removal waits for the next look by the clock: {error}");
        }
    }

    /// Removes points and bytes that nobody needs any more; says how many of them.
    ///
    /// # Errors
    ///
    /// The first one met; the others are removed all the same.
    pub(super) async fn sweep(&self) -> Result<usize, DocumentsError> {
        let _alone = self.0.sweeping.lock().await;
        let now = self.0.clock.now();
        let (mut after, mut removed, mut first) = (Uuid::nil(), 0, None);
        loop {
            let mut conn = self.db().conn().await?;
            let due = leftovers::due(&mut conn, now, after, PAGE).await?;
            let Some(last) = due.last() else { break };
            after = last.leftover_id;
            for leftover in due {
                let done = conn.transaction(async |conn| self.remove(conn, &leftover).await).await;
                match done {
                    Ok(()) => removed += 1,
                    Err(error) => first = first.or(Some(error)),
                }
            }
        }
        first.map_or(Ok(removed), Err)
    }

    async fn remove(&self, conn: &mut Conn, leftover: &Leftover) -> Result<(), DocumentsError> {
        if let Some(sha256) = &leftover.sha256 {
            locks::content(conn, sha256).await?;
        }
        // Nobody puts it back while this looks: that begins with a change of its row.
        let item = items::find_for_update(conn, leftover.item_id).await?;
        let must_go =
            item.is_none_or(|item| item.superseded_at.is_some() || can_be_tried_again(item.status));
        if must_go {
            for version in versions::live(conn).await? {
                match self.engine().remove_item(version.version, leftover.item_id).await {
                    // What is damaged is built anew, from what there is then.
                    Ok(()) | Err(IndexError::Unknown(_) | IndexError::Damaged(_)) => {}
                    Err(error @ (IndexError::Unavailable(_) | IndexError::Refused(_))) => {
                        return Err(error.into());
                    }
                }
            }
        }
        if let Some(sha256) = &leftover.sha256
            && !items::has_content(conn, sha256).await?
        {
            self.0.needs.objects.delete(&object_key(sha256)).await?;
        }
        Ok(leftovers::delete(conn, leftover.leftover_id).await?)
    }

    /// Asks for the index to be built anew, or only completed; says which job does it.
    pub async fn ask_for_reindex(&self, wish: &Wish, by: &By) -> Result<Uuid, DocumentsError> {
        let mut job = NewJob::new(ReindexJob::NAME).payload(json!(wish));
        job.requested_by = by.user_id();
        let mut conn = self.db().conn().await?;
        let job_id = conn
            .transaction(async |conn| {
                let job_id = self.0.needs.jobs.enqueue_on(conn, &job).await?.job_id;
                let event = Event::new("index.order", ("job", job_id)).after(wish);
                self.0.needs.audit.record(conn, by, event).await?;
                Ok::<_, DocumentsError>(job_id)
            })
            .await?;
        drop(conn);
        self.0.needs.jobs.wake();
        Ok(job_id)
    }
}
