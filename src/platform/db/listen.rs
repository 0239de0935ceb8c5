//! LISTEN on a connection of its own: what any process changed, told when it is committed.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_postgres::Client;

use super::error::DbError;
use super::pool::Db;

/// Silence after which the connection is asked whether it lives.
const SILENCE: Duration = Duration::from_secs(20);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was told on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The channel, e.g. `luna_jobs`.
    pub channel: String,
    /// What came with it; often nothing.
    pub payload: String,
}

/// What is told on some channels, for as long as the connection lasts.
///
/// Notices that were sent while nobody listened are lost: whoever keeps something up to date with
/// them starts anew with each listener.
pub struct Listener {
    notices: mpsc::Receiver<Notice>,
    client: Client,
}

impl Db {
    /// Listens on `channels`, which are plain lower-case names, beside the pool.
    pub async fn listen(&self, channels: &[&str]) -> Result<Listener, DbError> {
        let connected = self.connector().connect_listening().await;
        let (client, notices) = connected.map_err(|error| self.unavailable(&error))?;
        let listen: Vec<String> =
            channels.iter().map(|channel| format!("LISTEN \"{channel}\"")).collect();
        let listening = client.batch_execute(&listen.join(";")).await;
        listening.map_err(|error| self.unavailable(&error))?;
        Ok(Listener { notices, client })
    }
}

impl Listener {
    /// The next notice; none once the connection is lost. May be dropped while it waits.
    pub async fn next(&mut self) -> Option<Notice> {
        loop {
            match timeout(SILENCE, self.notices.recv()).await {
                Ok(notice) => return notice,
                Err(_) => self.still_there().await?,
            }
        }
    }

    /// Nothing when the server does not answer any more.
    async fn still_there(&self) -> Option<()> {
        timeout(PATIENCE, self.client.batch_execute("SELECT 1")).await.ok()?.ok()
    }
}
