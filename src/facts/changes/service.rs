//! One step of a consumer: look, wait until it is worth it, take, move on; letters for what fails.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use futures_util::future::BoxFuture;
use serde_json::json;
use tokio::sync::watch;
use uuid::Uuid;

use super::model::{Change, ConsumerState, DeadChange, Position, Told};
use super::store;
use crate::access::audit::{Audit, By, Event};
use crate::base::timeline::Clock;
use crate::platform::db::{Conn, Db, DbError};

/// Most changes of one batch.
const BATCH_MAX: usize = 50;
/// Age of the oldest change at which a batch is taken however small it is.
const BATCH_AGE_S: f64 = 5.0;
/// Changes looked through for a batch: others may be of kinds that the consumer does not want.
const LOOKED_AT: i64 = 500;
/// How long a consumer may work on a batch before another process may take its place.
const LEASE_S: f64 = 120.0;
/// Pause before looking again at changes that an open transaction keeps from being taken.
const HELD: Duration = Duration::from_secs(1);
/// Failed attempts after which changes are taken one by one, to find the one that hurts.
const ALONE_FROM: i32 = 2;
/// Failed attempts after which a change is put aside.
const ATTEMPTS_MAX: i32 = 5;
/// Pause after the first failed attempt, and the longest one, in seconds.
const PAUSE_S: (f64, f64) = (1.0, 60.0);

/// Whoever brings something up to date when series change.
pub trait Consumer: Send + Sync {
    /// Under which name its place is kept.
    fn name(&self) -> &'static str;

    /// Whether a change concerns it.
    fn wants(&self, change: &Change) -> bool;

    /// Takes changes, in order; may see the same ones again, alone or among others.
    fn take(&self, changes: Vec<Change>) -> BoxFuture<'_, anyhow::Result<()>>;
}

/// Whether batches may fill and failures rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// A batch is taken when it is full or five seconds old, a failed one after a pause.
    Steady,
    /// At once.
    #[cfg(test)]
    AtOnce,
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// Moved on; there may be more.
    Moved,
    /// The batch failed, and is tried again later or was put aside.
    Failed,
    /// There is something, but not yet.
    Waits(Duration),
    /// There is nothing.
    Idle,
}

/// Why changes could not be read, or a letter not ended.
#[derive(Debug, thiserror::Error)]
pub enum ChangesError {
    /// No letter of this identifier waits.
    #[error("no change that could not be taken waits under {0}")]
    NotFound(Uuid),
    /// The database refused, failed, or is away.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for ChangesError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// Changes of series and who takes them. Cloning is cheap.
#[derive(Clone)]
pub struct Changes {
    pub(super) db: Db,
    audit: Audit,
    clock: Clock,
    owner: Arc<str>,
    woken: watch::Sender<()>,
}

impl Changes {
    /// The changes in a database.
    pub fn new(db: Db, audit: Audit, clock: Clock) -> Self {
        let owner = Uuid::now_v7().to_string().into();
        Self { db, audit, clock, owner, woken: watch::Sender::new(()) }
    }

    /// Lets every consumer of this process look now: something changed, here or elsewhere, or may
    /// have while nobody listened.
    pub fn wake(&self) {
        self.woken.send_replace(());
    }

    /// Sees the next wake-up, also one that comes before it is waited for.
    pub(super) fn wakes(&self) -> watch::Receiver<()> {
        self.woken.subscribe()
    }

    /// Makes places kept on another server, from which the database was restored, valid here.
    pub(super) async fn adopt(&self) -> Result<(), ChangesError> {
        let mut conn = self.db.conn().await?;
        let moved = conn.transaction(async |conn| store::adopt(conn).await).await?;
        if moved > 0 {
            tracing::info!(moved, "Changes of another server are told again");
        }
        Ok(())
    }

    /// One look of `consumer`, and one batch if there is one.
    pub async fn step(&self, consumer: &dyn Consumer, pace: Pace) -> Result<Step, ChangesError> {
        let name = consumer.name();
        let mut conn = self.db.conn().await?;
        let me = (name, &*self.owner);
        let cursor = store::cursor(&mut conn, me).await?;
        let told = store::next(&mut conn, cursor.at, LOOKED_AT).await?;
        let limit = if cursor.attempts >= ALONE_FROM { 1 } else { BATCH_MAX };
        let Some((batch, to)) = batch(told, consumer, limit) else {
            let is_held = store::is_held(&mut conn, cursor.at).await?;
            return Ok(if is_held { Step::Waits(HELD) } else { Step::Idle });
        };
        if pace == Pace::Steady {
            let oldest_s = batch.first().map(|told| told.age_s);
            let fills_s = oldest_s.map_or(0.0, |age_s| BATCH_AGE_S - age_s);
            let fills_s = if batch.len() >= limit { 0.0 } else { fills_s };
            let wait_s = fills_s.max(cursor.pause_s);
            if wait_s > 0.0 {
                return Ok(Step::Waits(Duration::from_secs_f64(wait_s)));
            }
        }
        if cursor.is_leased || !store::lease(&mut conn, me, cursor.at, LEASE_S).await? {
            // Another process is at it; what it leaves is looked at in its time.
            return Ok(Step::Waits(Duration::from_secs_f64(BATCH_AGE_S)));
        }
        // A consumer has queries of its own and may take long.
        drop(conn);
        let changes: Vec<Change> = batch.iter().map(|told| told.change.clone()).collect();
        let taken = if changes.is_empty() { Ok(()) } else { consumer.take(changes).await };
        let mut conn = self.db.conn().await?;
        let Err(error) = taken else {
            store::advance(&mut conn, me, to).await?;
            return Ok(Step::Moved);
        };
        self.failed(&mut conn, name, (&batch, to), (cursor.attempts, &error)).await?;
        Ok(Step::Failed)
    }

    async fn failed(
        &self,
        conn: &mut Conn,
        name: &str,
        (batch, to): (&[Told], Position),
        (before, error): (i32, &anyhow::Error),
    ) -> Result<(), ChangesError> {
        let (me, attempts, reason) = ((name, &*self.owner), before + 1, format!("{error:#}"));
        let [told] = batch else {
            tracing::warn!(consumer = name, attempts, error = reason, "{name} failed: {reason}");
            return Ok(store::fail(conn, me, &reason, pause_s(attempts)).await?);
        };
        if attempts < ATTEMPTS_MAX {
            tracing::warn!(consumer = name, attempts, error = reason, "{name} failed: {reason}");
            return Ok(store::fail(conn, me, &reason, pause_s(attempts)).await?);
        }
        let now = self.clock.now();
        conn.transaction(async |conn| {
            if store::advance(conn, me, to).await? {
                store::bury(conn, name, told, (&reason, attempts), now).await?;
            }
            Ok::<_, diesel::result::Error>(())
        })
        .await?;
        let subject = &told.change.name;
        metrics::counter!("luna_changes_dead_letters_total", "consumer" => name.to_owned())
            .increment(1);
        tracing::error!(
            consumer = name,
            subject,
            error = reason,
            "{name} cannot take a change of {subject}: {reason}"
        );
        Ok(())
    }

    /// How far every consumer is that has ever begun, by name.
    pub async fn states(&self) -> Result<Vec<ConsumerState>, ChangesError> {
        let mut conn = self.db.conn().await?;
        Ok(store::states(&mut conn).await?)
    }

    /// Brings the metrics of the queue up to date.
    pub async fn measure(&self) -> Result<(), ChangesError> {
        for state in self.states().await? {
            let consumer = state.consumer;
            metrics::gauge!("luna_changes_lag_rows", "consumer" => consumer.clone())
                .set(state.lag_rows as f64);
            metrics::gauge!("luna_changes_lag_seconds", "consumer" => consumer).set(state.lag_s);
        }
        Ok(())
    }

    /// Removes what all of `consumers` have taken, or only counts it; answers how much.
    pub async fn prune(&self, consumers: &[&str], dry_run: bool) -> Result<usize, ChangesError> {
        let mut conn = self.db.conn().await?;
        Ok(store::prune(&mut conn, consumers, dry_run).await?)
    }

    /// Removes letters that ended before an instant, or only counts them.
    pub async fn forget_letters(
        &self,
        before: DateTime<Utc>,
        dry_run: bool,
    ) -> Result<usize, ChangesError> {
        let mut conn = self.db.conn().await?;
        Ok(store::forget_letters(&mut conn, before, dry_run).await?)
    }

    /// Up to `limit` changes that could not be taken, newest first.
    pub async fn letters(
        &self,
        all: bool,
        after: Option<(DateTime<Utc>, Uuid)>,
        limit: i64,
    ) -> Result<Vec<DeadChange>, ChangesError> {
        let mut conn = self.db.conn().await?;
        Ok(store::letters(&mut conn, all, after, limit).await?)
    }

    /// Tells a change again, to every consumer: those who took it take it once more.
    pub async fn retry(&self, letter_id: Uuid, by: &By) -> Result<DeadChange, ChangesError> {
        self.end(letter_id, ("retried", "change.retry"), by).await
    }

    /// Leaves a change where it is, for good.
    pub async fn discard(&self, letter_id: Uuid, by: &By) -> Result<DeadChange, ChangesError> {
        self.end(letter_id, ("discarded", "change.discard"), by).await
    }

    async fn end(
        &self,
        letter_id: Uuid,
        (resolution, action): (&str, &'static str),
        by: &By,
    ) -> Result<DeadChange, ChangesError> {
        let now = self.clock.now();
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| {
            let ended = store::resolve(conn, letter_id, resolution, (now, by.user_id())).await?;
            let ended = ended.ok_or(ChangesError::NotFound(letter_id))?;
            if resolution == "retried" {
                store::record(conn, std::slice::from_ref(&ended.change)).await?;
            }
            let event = Event::new(action, ("change", letter_id)).after(&json!({
                "consumer": ended.consumer, "change": ended.change, "reason": ended.reason,
            }));
            self.audit.record(conn, by, event).await?;
            Ok(ended)
        })
        .await
    }

    /// Keeps a change that somebody could not take; answers the letter's identifier.
    #[cfg(test)]
    pub async fn bury(
        &self,
        consumer: &str,
        change: &Change,
        reason: &str,
    ) -> Result<Uuid, ChangesError> {
        let mut conn = self.db.conn().await?;
        let told = Told { at: Position::default(), change: change.clone(), age_s: 0.0 };
        store::bury(&mut conn, consumer, &told, (reason, 1), self.clock.now()).await?;
        let newest = store::letters(&mut conn, false, None, 1).await?;
        Ok(newest[0].letter_id)
    }

    /// Lets `consumers` take everything that has been told, as far as open transactions allow.
    #[cfg(test)]
    pub async fn drain(&self, consumers: &[Arc<dyn Consumer>]) {
        for consumer in consumers {
            loop {
                let step = self.step(&**consumer, Pace::AtOnce).await.unwrap();
                let mut conn = self.db.conn().await.unwrap();
                let rest = store::waiting(&mut conn, consumer.name()).await.unwrap();
                // Transactions of other tests on the same server hold the order up for a moment.
                if matches!(step, Step::Idle | Step::Waits(_)) && rest == 0 {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
    }
}

/// The first changes that the consumer wants, and the place behind the last that was looked at.
fn batch(told: Vec<Told>, consumer: &dyn Consumer, limit: usize) -> Option<(Vec<Told>, Position)> {
    let (mut batch, mut to) = (Vec::new(), None);
    for told in told {
        let is_wanted = consumer.wants(&told.change);
        if is_wanted && batch.len() == limit {
            break;
        }
        to = Some(told.at);
        if is_wanted {
            batch.push(told);
        }
    }
    Some((batch, to?))
}

/// Doubles with every attempt.
fn pause_s(attempts: i32) -> f64 {
    let (first, longest) = PAUSE_S;
    (first * 2_f64.powi(attempts - 1)).min(longest)
}
