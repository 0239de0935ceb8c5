//! Predictions are written before they are answered; those that come while others are written go
//! together, so that one commit serves many.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, sleep_until};

use super::store::{self, PredictionRow};
use crate::platform::db::Db;
use crate::platform::db::DbError;

/// Most rows of one statement, below what the protocol numbers.
const ROWS_MAX: usize = 2_000;

/// How long rows gather behind a commit that goes on; then they are written beside it.
const GATHER: Duration = Duration::from_millis(2);
/// Commits that may go on beside the first.
const BESIDE: usize = 3;

/// Whether rows are committed; an error is told to all who waited.
type Written = Result<(), Arc<DbError>>;

/// Rows of one request, and who waits for them.
struct Entry {
    rows: Arc<Vec<PredictionRow>>,
    done: oneshot::Sender<Written>,
}

/// Writes predictions. Cloning is cheap.
#[derive(Clone)]
pub(super) struct Ledger {
    db: Db,
    waiting: Arc<Mutex<Vec<Entry>>>,
    writing: Arc<tokio::sync::Mutex<()>>,
    beside: Arc<Semaphore>,
}

impl Ledger {
    pub fn new(db: Db) -> Self {
        let beside = Arc::new(Semaphore::new(BESIDE));
        Self { db, waiting: Arc::default(), writing: Arc::default(), beside }
    }

    /// Returns once the rows are committed. An idle database is written to at once. While it is busy
    /// rows gather behind the commit that goes on, for [`GATHER`] at most: if that commit takes longer
    /// they do not wait for its end.
    ///
    /// Whoever comes to write takes all that wait along. Should they go away in the middle, those
    /// that waited hand in again: a row that is there already is left as it is.
    pub async fn write(&self, rows: Vec<PredictionRow>) -> Written {
        let rows = Arc::new(rows);
        loop {
            let mut told = self.hand_in(&rows);
            let gathered = sleep_until(Instant::now() + GATHER);
            let turn = async {
                tokio::select! {
                    biased;
                    first = self.writing.lock() => (Some(first), None),
                    beside = async { gathered.await; self.beside.acquire().await } => {
                        (None, beside.ok())
                    }
                }
            };
            tokio::select! {
                biased;
                answer = &mut told => match answer {
                    Ok(answer) => return answer,
                    Err(_) => continue,
                },
                turn = turn => {
                    self.write_waiting().await;
                    drop(turn);
                }
            }
            // Written now, or by another that has taken them before.
            if let Ok(answer) = told.await {
                return answer;
            }
        }
    }

    fn hand_in(&self, rows: &Arc<Vec<PredictionRow>>) -> oneshot::Receiver<Written> {
        let (done, told) = oneshot::channel();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(Entry { rows: Arc::clone(rows), done });
        told
    }

    async fn write_waiting(&self) {
        let taken =
            std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if taken.is_empty() {
            return;
        }
        let rows: Vec<&PredictionRow> = taken.iter().flat_map(|entry| entry.rows.iter()).collect();
        let written = self.put(&rows).await.map_err(Arc::new);
        // One request's rows must not fail those of others.
        let is_refused = written.as_ref().is_err_and(|error| !error.is_passing());
        if is_refused && taken.len() > 1 {
            for entry in taken {
                let own: Vec<&PredictionRow> = entry.rows.iter().collect();
                tell(entry.done, self.put(&own).await.map_err(Arc::new));
            }
            return;
        }
        for entry in taken {
            tell(entry.done, written.clone());
        }
    }

    async fn put(&self, rows: &[&PredictionRow]) -> Result<(), DbError> {
        let mut conn = self.db.conn().await?;
        store::insert(&mut conn, rows, ROWS_MAX).await?;
        Ok(())
    }
}

/// Whoever has gone away does not hear it.
fn tell(done: oneshot::Sender<Written>, answer: Written) {
    drop(done.send(answer));
}
