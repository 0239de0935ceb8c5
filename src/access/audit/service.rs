//! Records and lists.

use uuid::Uuid;

use super::model::{AuditFilter, By, Entry, Event};
use super::store;
use crate::base::timeline::Clock;
use crate::platform::db::{Conn, Db, DbError};

/// The log. Cloning is cheap.
#[derive(Clone)]
pub struct Audit {
    db: Db,
    clock: Clock,
}

impl Audit {
    /// The log in `db`.
    pub const fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock }
    }

    /// Writes what is done in the transaction that does it, the one open on `conn`.
    pub async fn record(
        &self,
        conn: &mut Conn,
        by: &By,
        event: Event,
    ) -> Result<(), diesel::result::Error> {
        let entry = Entry {
            audit_id: Uuid::now_v7(),
            occurred_at: self.clock.now(),
            actor: by.actor,
            user_id: by.user_id,
            key_id: by.key_id,
            action: event.action.to_owned(),
            subject_kind: event.subject_kind.to_owned(),
            subject_id: event.subject_id,
            address: by.address.map(|address| address.to_string()),
            request_id: by.request_id.clone(),
            before: event.before.map(super::Facts::into_json),
            after: event.after.map(super::Facts::into_json),
        };
        store::insert(conn, &entry).await
    }

    /// Writes what has no transaction of its own: a refusal, or work that begins and is stored in
    /// several steps.
    pub async fn note(&self, by: &By, event: Event) -> Result<(), DbError> {
        let mut conn = self.db.conn().await?;
        Ok(self.record(&mut conn, by, event).await?)
    }

    /// Up to `limit` rows, newest first.
    pub async fn list(&self, filter: &AuditFilter, limit: i64) -> Result<Vec<Entry>, DbError> {
        let mut conn = self.db.conn().await?;
        Ok(store::list(&mut conn, filter, limit).await?)
    }
}
