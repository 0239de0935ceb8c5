//! Messages to webhooks by the queue: it tries again, and nobody waits for a receiver.

use anyhow::anyhow;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::deliver::{Attempt, Deliveries};
use crate::platform::jobs::Handler;
use crate::platform::jobs::JobContext;
use crate::platform::jobs::JobError;

/// Posts one message.
pub struct DeliverJob(pub Deliveries);

impl DeliverJob {
    /// Name in the queue.
    pub const NAME: &'static str = "alerts.deliver";
}

#[derive(Debug, Deserialize)]
struct Order {
    delivery_id: Uuid,
}

impl Handler for DeliverJob {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(
        &self,
        context: JobContext,
        payload: Value,
    ) -> BoxFuture<'static, Result<Value, JobError>> {
        let deliveries = self.0.clone();
        async move {
            let order: Order =
                serde_json::from_value(payload).map_err(|error| JobError::Fatal(error.into()))?;
            let attempt = deliveries.attempt(order.delivery_id, context.is_last_attempt()).await;
            match attempt.map_err(|error| JobError::Retry(error.into()))? {
                Attempt::Delivered => Ok(json!({ "delivered": true })),
                Attempt::Retry(why) => Err(JobError::Retry(anyhow!(why))),
                Attempt::Dead(why) => Err(JobError::Fatal(anyhow!(why))),
            }
        }
        .boxed()
    }
}
