//! Housekeeping: sessions that ended long ago are removed, and counts that decide nothing any more.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::service::Accounts;
use crate::platform::jobs::Handler;
use crate::platform::jobs::JobContext;
use crate::platform::jobs::JobError;

/// Removes ended sessions; needs no payload.
pub struct SessionsJob(pub Accounts);

impl SessionsJob {
    /// Name in the queue.
    pub const NAME: &'static str = "access.remove_ended_sessions";
}

impl Handler for SessionsJob {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(&self, _: JobContext, _: Value) -> BoxFuture<'static, Result<Value, JobError>> {
        let accounts = self.0.clone();
        async move {
            let removed = accounts.remove_ended_sessions().await;
            let removed = removed.map_err(|error| JobError::Retry(error.into()))?;
            let counts = accounts.remove_old_counts().await;
            let counts = counts.map_err(|error| JobError::Retry(error.into()))?;
            Ok(serde_json::json!({ "sessions_removed": removed, "counts_removed": counts }))
        }
        .boxed()
    }
}
