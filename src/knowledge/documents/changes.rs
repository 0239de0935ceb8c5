//! What people do to documents that are there: approve, call off, try again, delete.

use diesel_async::AsyncConnection;
use serde_json::json;
use uuid::Uuid;

use super::error::DocumentsError;
use super::model::{ItemRecord, Status};
use super::service::{Documents, can_be_tried_again};
use super::store::leftovers::Leftover;
use super::store::{items, leftovers, locks, versions};
use crate::access::audit::{By, Event};
use crate::platform::db::Conn;
use crate::platform::jobs::{JobState, JobsError};

impl Documents {
    /// Lets everybody read a document; one that is approved already stays as it is.
    pub async fn approve(&self, item_id: Uuid, by: &By) -> Result<ItemRecord, DocumentsError> {
        let now = self.0.clock.now();
        let mut conn = self.db().conn().await?;
        let item = conn
            .transaction(async |conn| {
                let item = locked(conn, item_id).await?;
                if item.approved_at.is_some() {
                    return Ok(item);
                }
                if can_be_tried_again(item.status) {
                    let status = item.status;
                    return Err(DocumentsError::State { item_id, what: "approved", status });
                }
                items::approve(conn, item_id, by.user_id(), now).await?;
                let event = Event::new("document.approve", ("document", item_id))
                    .before(&json!({"title": item.title, "approved_at": null}))
                    .after(&json!({"title": item.title, "approved_at": now}));
                self.0.needs.audit.record(conn, by, event).await?;
                self.let_latest_speak(conn, &item.lineage).await?;
                items::find(conn, item_id).await?.ok_or(DocumentsError::NotFound(item_id))
            })
            .await?;
        drop(conn);
        self.sweep_now().await;
        Ok(item)
    }

    /// Calls off the reading of a document.
    pub async fn cancel(&self, item_id: Uuid, by: &By) -> Result<ItemRecord, DocumentsError> {
        let jobs = &self.0.needs.jobs;
        let mut conn = self.db().conn().await?;
        let (item, job_id) = conn
            .transaction(async |conn| {
                let item = locked(conn, item_id).await?;
                if item.status == Status::Cancelled {
                    return Ok((item, None));
                }
                if !item.status.is_open() {
                    let status = item.status;
                    return Err(DocumentsError::State { item_id, what: "cancelled", status });
                }
                let running = match item.job_id {
                    None => None,
                    Some(job_id) => match jobs.cancel_on(conn, job_id).await {
                        Ok((JobState::Running, _)) => Some(job_id),
                        Ok(_) | Err(JobsError::NotFound(_) | JobsError::Ended { .. }) => None,
                        Err(error) => return Err(error.into()),
                    },
                };
                self.set_aside(conn, &item, Status::Cancelled, "it was called off").await?;
                let event = Event::new("document.cancel", ("document", item_id))
                    .before(&item.facts())
                    .after(&json!({"title": item.title, "status": Status::Cancelled}));
                self.0.needs.audit.record(conn, by, event).await?;
                let item = items::find(conn, item_id).await?;
                Ok((item.ok_or(DocumentsError::NotFound(item_id))?, running))
            })
            .await?;
        drop(conn);
        if let Some(job_id) = job_id {
            jobs.stop_here(job_id);
        }
        self.sweep_now().await;
        Ok(item)
    }

    /// Reads a document once more that failed or was called off.
    pub async fn retry(&self, item_id: Uuid, by: &By) -> Result<ItemRecord, DocumentsError> {
        let mut conn = self.db().conn().await?;
        let item = conn
            .transaction(async |conn| {
                let item = locked(conn, item_id).await?;
                if !can_be_tried_again(item.status) {
                    let status = item.status;
                    return Err(DocumentsError::State { item_id, what: "tried again", status });
                }
                self.queue_again(conn, item, by).await
            })
            .await?;
        drop(conn);
        self.0.needs.jobs.wake();
        Ok(item)
    }

    /// Puts a document that failed or was called off back into the queue, in the transaction open on
    /// `conn`. What was made of it stays where it is and is not made again.
    pub(super) async fn queue_again(
        &self,
        conn: &mut Conn,
        item: ItemRecord,
        by: &By,
    ) -> Result<ItemRecord, DocumentsError> {
        let item_id = item.item_id;
        let from = [Status::Failed, Status::Cancelled];
        if !items::move_to(conn, item_id, &from, (Status::Queued, None)).await? {
            return Ok(item);
        }
        let job_id = self.enqueue(conn, item_id, by).await?;
        items::set_job(conn, item_id, job_id).await?;
        let event = Event::new("document.retry", ("document", item_id))
            .before(&json!({"title": item.title, "status": item.status, "reason": item.reason}))
            .after(&json!({"title": item.title, "status": Status::Queued}));
        self.0.needs.audit.record(conn, by, event).await?;
        items::find(conn, item_id).await?.ok_or(DocumentsError::NotFound(item_id))
    }

    /// Removes a document with its text, its chunks and their points; its bytes too when no other
    /// document has them. What the audit log says of it stays. If it was the version that speaks, the one
    /// before speaks again once it is indexed: that one's identifier is returned.
    pub async fn delete(&self, item_id: Uuid, by: &By) -> Result<Option<Uuid>, DocumentsError> {
        let jobs = &self.0.needs.jobs;
        let mut conn = self.db().conn().await?;
        let (job_id, called_back) = conn
            .transaction(async |conn| {
                let item = locked(conn, item_id).await?;
                if let Some(job_id) = item.job_id.filter(|_| item.status.is_open()) {
                    match jobs.cancel_on(conn, job_id).await {
                        Ok(_) | Err(JobsError::NotFound(_) | JobsError::Ended { .. }) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                items::delete(conn, item_id).await?;
                self.leave(conn, item_id, Some(item.sha256.clone())).await?;
                let event =
                    Event::new("document.delete", ("document", item_id)).before(&item.facts());
                self.0.needs.audit.record(conn, by, event).await?;
                let called_back = self.let_earlier_speak(conn, &item.lineage, by).await?;
                Ok::<_, DocumentsError>((item.job_id, called_back))
            })
            .await?;
        drop(conn);
        if let Some(job_id) = job_id {
            jobs.stop_here(job_id);
        }
        self.sweep_now().await;
        jobs.wake();
        Ok(called_back)
    }

    /// Takes a document out of the hands of its job: it failed, or was called off.
    pub(super) async fn set_aside(
        &self,
        conn: &mut Conn,
        item: &ItemRecord,
        status: Status,
        reason: &str,
    ) -> Result<bool, DocumentsError> {
        let from = [Status::Queued, Status::Working];
        let moved = items::move_to(conn, item.item_id, &from, (status, Some(reason))).await?;
        if moved {
            versions::take_out(conn, item.item_id).await?;
            self.leave(conn, item.item_id, None).await?;
        }
        Ok(moved)
    }

    /// Notes that the points of a document must go, and its bytes when nobody has them any more.
    pub(super) async fn leave(
        &self,
        conn: &mut Conn,
        item_id: Uuid,
        sha256: Option<String>,
    ) -> Result<(), DocumentsError> {
        let leftover = Leftover { leftover_id: Uuid::now_v7(), item_id, sha256 };
        Ok(leftovers::insert(conn, &leftover, self.0.clock.now()).await?)
    }

    /// Lets the latest version of a document speak that is ready, and approved where that is asked;
    /// those before it are not found any more.
    pub(super) async fn let_latest_speak(
        &self,
        conn: &mut Conn,
        lineage: &str,
    ) -> Result<(), DocumentsError> {
        locks::lineage(conn, lineage).await?;
        let only_approved = self.settings().approval_required;
        let speaking = items::speaking(conn, lineage, only_approved).await?;
        let Some((latest, earlier)) = speaking.split_first() else { return Ok(()) };
        for item in earlier {
            items::supersede(conn, item.item_id, self.0.clock.now()).await?;
            versions::take_out(conn, item.item_id).await?;
            self.leave(conn, item.item_id, None).await?;
            let event = Event::new("document.supersede", ("document", item.item_id))
                .before(&item.facts())
                .after(&json!({"superseded_by": latest.item_id, "version": latest.version}));
            self.0.needs.audit.record(conn, &By::system(), event).await?;
        }
        Ok(())
    }

    /// Where no version of a document speaks any more, puts the last one that did back into the queue; its text
    /// and chunks are there, so that it is only indexed.
    async fn let_earlier_speak(
        &self,
        conn: &mut Conn,
        lineage: &str,
        by: &By,
    ) -> Result<Option<Uuid>, DocumentsError> {
        let only_approved = self.settings().approval_required;
        if !items::speaking(conn, lineage, only_approved).await?.is_empty() {
            return Ok(None);
        }
        let earlier = items::last_superseded(conn, lineage, only_approved).await?;
        let Some(earlier) = earlier else { return Ok(None) };
        items::call_back(conn, earlier.item_id).await?;
        let job_id = self.enqueue(conn, earlier.item_id, by).await?;
        items::set_job(conn, earlier.item_id, job_id).await?;
        let event = Event::new("document.call_back", ("document", earlier.item_id))
            .before(&json!({"title": earlier.title, "superseded_at": earlier.superseded_at}))
            .after(&json!({"title": earlier.title, "superseded_at": null}));
        self.0.needs.audit.record(conn, by, event).await?;
        Ok(Some(earlier.item_id))
    }
}

/// A document that nobody else changes until the transaction ends. Its lineage comes first: whoever
/// adds a version of it holds that while they look at the versions before.
async fn locked(conn: &mut Conn, item_id: Uuid) -> Result<ItemRecord, DocumentsError> {
    let found = items::find(conn, item_id).await?.ok_or(DocumentsError::NotFound(item_id))?;
    locks::lineage(conn, &found.lineage).await?;
    items::find_for_update(conn, item_id).await?.ok_or(DocumentsError::NotFound(item_id))
}
