//! What documents stand on, for the status page, the health checks and the metrics.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::error::DocumentsError;
use super::model::{Counts, Status};
use super::service::Documents;

/// An answer this young is not asked for again.
const FRESH: Duration = Duration::from_secs(10);
/// Longest wait for one of them.
const PATIENCE: Duration = Duration::from_secs(3);

/// How one of the services is that documents stand on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its role: `vectors`, `model_server`, `text_extraction` or `answer_model`.
    pub role: &'static str,
    /// What fills it, or what is wrong, as a sentence.
    pub detail: String,
    /// Whether it can be used.
    pub is_reachable: bool,
    /// Whether anything fills it: a box without a model is sound.
    pub is_set: bool,
}

/// What was seen last, and when.
#[derive(Debug)]
pub struct Seen<T>(Mutex<Option<(Duration, T)>>);

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Seen<T> {
    /// What was seen, while it is fresh.
    pub fn fresh(&self, now: Duration) -> Option<T> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        seen.filter(|(at, _)| now.saturating_sub(*at) < FRESH).map(|(_, what)| what)
    }

    /// Keeps what is seen now.
    pub fn keep(&self, now: Duration, what: &T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, what.clone()));
    }
}

impl Documents {
    /// How the index, the embedding model and the extraction of text are; asked at most every ten seconds.
    pub async fn standings(&self) -> Vec<Standing> {
        let now = self.0.clock.elapsed();
        if let Some(standings) = self.0.seen.fresh(now) {
            return standings;
        }
        let needs = &self.0.needs;
        let (vectors, model, text) = futures_util::join!(
            within("vectors", true, needs.engine.standing()),
            within("model_server", needs.embedding.is_on(), needs.embedding.standing()),
            within("text_extraction", true, needs.extractor.standing()),
        );
        let standings = vec![vectors, model, text];
        self.0.seen.keep(now, &standings);
        standings
    }

    /// Brings the metrics up to date that nobody else moves.
    pub async fn measure(&self) -> Result<Counts, DocumentsError> {
        let counts = self.counts().await?;
        for status in Status::ALL {
            let count = counts.of(status);
            metrics::gauge!("luna_documents_items", "status" => status.name()).set(count as f64);
        }
        metrics::gauge!("luna_documents_chunks").set(counts.chunks as f64);
        let waiting = counts.of(Status::Queued) + counts.of(Status::Working);
        metrics::gauge!("luna_documents_queue").set(waiting as f64);
        Ok(counts)
    }
}

/// What `asked` says of a role, unless it takes too long.
pub async fn within(
    role: &'static str,
    is_set: bool,
    asked: impl Future<Output = (String, bool)>,
) -> Standing {
    let (detail, is_reachable) = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => answer,
        Err(_) => (format!("no answer within {} s", PATIENCE.as_secs()), false),
    };
    Standing { role, detail, is_reachable, is_set }
}
