//! The watch as a task of the program: woken by the database, looking by itself every half minute.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::service::Alerts;
use crate::platform::runtime::{Stage, Tasks};

/// Longest time without a look: notices may be lost. Alerts are evaluated as often.
const POLL: Duration = Duration::from_secs(30);

impl Alerts {
    /// Watches what models say until the program stops.
    pub fn start(&self, tasks: &Tasks) {
        let alerts = self.clone();
        tasks.spawn_supervised(Stage::Work, "alerts.watch", move |stop| {
            let alerts = alerts.clone();
            async move { watch(&alerts, &stop).await }
        });
        let alerts = self.clone();
        tasks.spawn_supervised(Stage::Work, "alerts.evaluate", move |stop| {
            let alerts = alerts.clone();
            async move {
                while tokio::time::timeout(POLL, stop.cancelled()).await.is_err() {
                    if let Err(error) = alerts.evaluate().await {
                        tracing::debug!(%error, "Alerts were not evaluated: {error}");
                    }
                }
            }
        });
    }
}

async fn watch(alerts: &Alerts, stop: &CancellationToken) {
    let mut wakes = alerts.wakes();
    while !stop.is_cancelled() {
        wakes.borrow_and_update();
        if let Err(error) = alerts.look().await {
            tracing::debug!(%error, "What was said was not looked at: {error}");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(POLL) => {}
            _ = wakes.changed() => {}
        }
    }
}
