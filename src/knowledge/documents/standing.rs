//! What documents stand on, for the status page, the health checks and the metrics.

use std::sync::PoisonError;
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
    /// Its role: `vectors`, `model_server` or `text_extraction`.
    pub role: &'static str,
    /// What fills it, or what is wrong, as a sentence.
    pub detail: String,
    /// Whether it can be used.
    pub is_reachable: bool,
    /// Whether anything fills it: a box without a model is sound.
    pub is_set: bool,
}

/// What was seen, and when.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    at: Duration,
    standings: Vec<Standing>,
}

impl Documents {
    /// How the index, the embedding model and the extraction of text are; asked at most every ten seconds.
    pub async fn standings(&self) -> Vec<Standing> {
        let now = self.0.clock.elapsed();
        let seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(seen) = seen.filter(|seen| now.saturating_sub(seen.at) < FRESH) {
            return seen.standings;
        }
        let needs = &self.0.needs;
        let (vectors, model, text) = futures_util::join!(
            within("vectors", true, needs.engine.standing()),
            within("model_server", needs.embedding.is_on(), needs.embedding.standing()),
            within("text_extraction", true, needs.extractor.standing()),
        );
        let standings = vec![vectors, model, text];
        let seen = Seen { at: now, standings: standings.clone() };
        *self.0.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
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

async fn within(
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
