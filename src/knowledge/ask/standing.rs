//! Whether the model that writes can be asked, for the status page and the health checks.

use std::sync::PoisonError;
use std::time::Duration;

use super::service::Ask;
use crate::knowledge::documents::Standing;

/// An answer this young is not asked for again.
const FRESH: Duration = Duration::from_secs(10);
/// Longest wait for the server of the model.
const PATIENCE: Duration = Duration::from_secs(3);

impl Ask {
    /// How the model is that writes answers; its server is asked at most every ten seconds.
    pub async fn standing(&self) -> Standing {
        let now = self.clock.elapsed();
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, standing)) = seen.filter(|(at, _)| now.saturating_sub(*at) < FRESH) {
            return standing;
        }
        let settings = self.settings();
        let asked = tokio::time::timeout(PATIENCE, self.writer.standing(&settings)).await;
        let (detail, is_reachable) = match asked {
            Ok(Ok(detail)) => (detail, true),
            Ok(Err(error)) => (error.to_string(), false),
            Err(_) => (format!("no answer within {} s", PATIENCE.as_secs()), false),
        };
        let is_set = settings.writer().is_some();
        let standing = Standing { role: "answer_model", detail, is_reachable, is_set };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, standing.clone()));
        standing
    }
}
