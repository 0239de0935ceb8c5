//! Each night the models in the shadow are compared with their champions.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::contest::{ContestError, Contests};
use crate::access::audit::By;
use crate::learning::registry::Order;
use crate::platform::jobs::Handler;
use crate::platform::jobs::JobContext;
use crate::platform::jobs::JobError;

/// Compares; promotes what has proved better where a setting says so.
pub struct PromoteJob(pub Contests);

impl PromoteJob {
    /// Name in the queue.
    pub const NAME: &'static str = "learning.promote";
}

impl Handler for PromoteJob {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(&self, context: JobContext, _: Value) -> BoxFuture<'static, Result<Value, JobError>> {
        let contests = self.0.clone();
        async move {
            let retry = |error: ContestError| JobError::Retry(error.into());
            let (mut offered, mut promoted) = (Vec::new(), Vec::new());
            for contest in contests.all().await.map_err(retry)? {
                context.log(format!("{}: {}", contest.challenger, contest.summary));
                if !contest.offered {
                    continue;
                }
                offered.push(contest.challenger.clone());
                if contests.promotes() {
                    let by = By::system();
                    let order = Order { by: &by, reason: "", accepts_unproven: false };
                    match contests.promote(contest.challenger_id, order).await {
                        Ok(model) => promoted.push(model.label()),
                        // One that may not serve must not keep the others from it.
                        Err(ContestError::Db(error)) => return Err(retry(error.into())),
                        Err(error) => context.log(format!("{}: {error}", contest.challenger)),
                    }
                }
            }
            Ok(json!({ "offered": offered, "promoted": promoted }))
        }
        .boxed()
    }
}
