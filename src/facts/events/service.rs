//! Events recorded in the transaction of what happened, and read again.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::model::{Event, NewEvent};
use super::store;
use crate::base::timeline::Clock;
use crate::platform::db::{Conn, Db, DbError};

/// The events. Cloning is cheap.
#[derive(Clone)]
pub struct Events {
    db: Db,
    clock: Clock,
}

impl Events {
    /// The events in `db`.
    pub const fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock }
    }

    /// Writes down what happens in the transaction open on `conn`.
    pub async fn record(
        &self,
        conn: &mut Conn,
        event: &NewEvent,
    ) -> Result<(), diesel::result::Error> {
        store::insert(conn, Uuid::now_v7(), self.clock.now(), event).await
    }

    /// Removes events from before an instant, or only counts them.
    pub async fn forget(&self, before: DateTime<Utc>, dry_run: bool) -> Result<usize, DbError> {
        let mut conn = self.db.conn().await?;
        Ok(store::forget(&mut conn, before, dry_run).await?)
    }

    /// Up to `limit` events whose kind begins with `kind` (`sim.`), newest first.
    pub async fn list(&self, kind: &'static str, limit: i64) -> Result<Vec<Event>, DbError> {
        let mut conn = self.db.conn().await?;
        Ok(store::list(&mut conn, kind, limit).await?)
    }
}
