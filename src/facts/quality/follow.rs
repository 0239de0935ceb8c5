//! Days that changed wait to be judged: at once where they are over, else in the next round.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::stored::StoredJudge;
use crate::facts::changes::Change;
use crate::facts::changes::ChangeKind;
use crate::facts::changes::Consumer;
use crate::platform::jobs::Handler;
use crate::platform::jobs::JobContext;
use crate::platform::jobs::JobError;
use crate::platform::jobs::Jobs;

/// Puts days that changed on the list of those to be judged.
#[derive(Clone)]
pub struct JudgeOnChange {
    /// Keeps the list.
    pub judge: StoredJudge,
    /// Takes the round.
    pub jobs: Jobs,
}

impl JudgeOnChange {
    /// Under which name its place is kept.
    pub const NAME: &'static str = "quality.days";
}

impl Consumer for JudgeOnChange {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn wants(&self, change: &Change) -> bool {
        change.kind != ChangeKind::Observation
    }

    fn take(&self, changes: Vec<Change>) -> BoxFuture<'_, anyhow::Result<()>> {
        async move {
            let mut is_urgent = false;
            for change in Change::united(changes) {
                is_urgent |= self.judge.note(&change).await?;
            }
            if is_urgent {
                self.jobs.enqueue_unless_due(JudgeJob::NAME).await?;
            }
            Ok(())
        }
        .boxed()
    }
}

/// Judges the days on the list; needs no payload.
pub struct JudgeJob(pub StoredJudge);

impl JudgeJob {
    /// Name in the queue.
    pub const NAME: &'static str = "facts.judge_days";
}

impl Handler for JudgeJob {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(&self, _: JobContext, _: Value) -> BoxFuture<'static, Result<Value, JobError>> {
        let judge = self.0.clone();
        async move {
            let judged = judge.judge_due().await;
            let judged = judged.map_err(|error| JobError::Retry(error.into()))?;
            Ok(json!(judged))
        }
        .boxed()
    }
}
