//! Background work on documents: reading them, building the index, putting right what is off.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::error::DocumentsError;
use super::indexing::Wish;
use super::service::Documents;
use super::stop::Stop;
use crate::platform::jobs::Handler;
use crate::platform::jobs::JobContext;
use crate::platform::jobs::JobError;

/// Takes a document all the way from its bytes into the index.
pub struct IngestJob(pub Documents);

#[derive(Deserialize)]
struct Ingest {
    item_id: Uuid,
}

impl IngestJob {
    /// Name in the queue.
    pub const NAME: &'static str = "documents.ingest";
}

impl Handler for IngestJob {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(
        &self,
        context: JobContext,
        payload: Value,
    ) -> BoxFuture<'static, Result<Value, JobError>> {
        let documents = self.0.clone();
        async move {
            let ingest: Ingest =
                serde_json::from_value(payload).map_err(|error| JobError::Fatal(error.into()))?;
            documents.ingest(ingest.item_id, &context).await
        }
        .boxed()
    }
}

/// Builds what the index lacks, or all of it anew.
pub struct ReindexJob(pub Documents);

impl ReindexJob {
    /// Name in the queue.
    pub const NAME: &'static str = "documents.reindex";
}

impl Handler for ReindexJob {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(
        &self,
        context: JobContext,
        payload: Value,
    ) -> BoxFuture<'static, Result<Value, JobError>> {
        let documents = self.0.clone();
        async move {
            // The clock wishes nothing in particular.
            let wish: Wish = serde_json::from_value(payload).unwrap_or_default();
            let built = documents.reindex(&wish, &context).await;
            built.map_err(|stop| match stop {
                Stop::Cancelled => JobError::Cancelled,
                Stop::Gone => JobError::Retry(anyhow::anyhow!("a document went away meanwhile")),
                Stop::Failed(reason) => JobError::Fatal(anyhow::anyhow!(reason)),
                Stop::Later(error) => JobError::Retry(error),
            })
        }
        .boxed()
    }
}

/// Puts right what is off with documents and their index.
pub struct CheckJob(pub Documents);

impl CheckJob {
    /// Name in the queue.
    pub const NAME: &'static str = "documents.check";
}

impl Handler for CheckJob {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(&self, context: JobContext, _: Value) -> BoxFuture<'static, Result<Value, JobError>> {
        let documents = self.0.clone();
        async move {
            let found = documents.check().await.map_err(retry)?;
            if let Some(why) = found["damaged"].as_str() {
                context.log(format!("the index was damaged and is built anew: {why}"));
            }
            if let Some(why) = found["rebuild"].as_str() {
                context.log(format!("the index is built anew: {why}"));
            }
            Ok(found)
        }
        .boxed()
    }
}

fn retry(error: DocumentsError) -> JobError {
    JobError::Retry(error.into())
}
