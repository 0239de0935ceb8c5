//! Consumers as tasks of the program: woken by the database, looking by themselves every half minute.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::service::{Changes, Consumer, Pace, Step};
use crate::platform::runtime::{Stage, Tasks};

/// Longest time without a look: notices may be lost.
const POLL: Duration = Duration::from_secs(30);
/// Pause between two rounds of removing what everybody has taken.
const PRUNE: Duration = Duration::from_mins(5);

impl Changes {
    /// Runs `consumers` until the program stops; each goes on where it stood.
    pub fn start(&self, consumers: Vec<Arc<dyn Consumer>>, tasks: &Tasks) {
        let names: Vec<&'static str> = consumers.iter().map(|consumer| consumer.name()).collect();
        for consumer in consumers {
            let changes = self.clone();
            tasks.spawn_supervised(Stage::Work, consumer.name(), move |stop| {
                let (changes, consumer) = (changes.clone(), Arc::clone(&consumer));
                async move { follow(&changes, &*consumer, &stop).await }
            });
        }
        let changes = self.clone();
        tasks.spawn_supervised(Stage::Support, "changes.prune", move |stop| {
            let (changes, names) = (changes.clone(), names.clone());
            async move {
                while tokio::time::timeout(PRUNE, stop.cancelled()).await.is_err() {
                    if let Err(error) = changes.prune(&names, false).await {
                        tracing::debug!(%error, "Changes were not removed: {error}");
                    }
                }
            }
        });
    }
}

async fn follow(changes: &Changes, consumer: &dyn Consumer, stop: &CancellationToken) {
    let mut wakes = changes.wakes();
    if let Err(error) = changes.adopt().await {
        tracing::warn!(%error, "Places of consumers were not looked at: {error}");
    }
    while !stop.is_cancelled() {
        wakes.borrow_and_update();
        let pause = match changes.step(consumer, Pace::Steady).await {
            Ok(Step::Moved | Step::Failed) => continue,
            Ok(Step::Waits(wait)) => {
                // What is filling up fills up by itself: a wake-up changes nothing.
                rest(wait.min(POLL), None, stop).await;
                continue;
            }
            Ok(Step::Idle) => POLL,
            Err(error) => {
                tracing::debug!(%error, "Changes cannot be read: {error}");
                POLL
            }
        };
        rest(pause, Some(&mut wakes), stop).await;
    }
}

/// Waits for the end of a pause, a wake-up, or the end of the program.
async fn rest(pause: Duration, wakes: Option<&mut watch::Receiver<()>>, stop: &CancellationToken) {
    let woken = async {
        match wakes {
            Some(wakes) => drop(wakes.changed().await),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(pause) => {}
        () = woken => {}
    }
}
