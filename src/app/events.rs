//! What other processes change is told by the database; what is kept here is brought up to date.

use std::time::Duration;

use super::services::Services;
use crate::platform::db::{DbError, Notice};
use crate::platform::runtime::{Stage, Tasks};

/// Channels whose notices concern what a process keeps.
const CHANNELS: [&str; 8] = [
    "luna_jobs",
    "luna_access",
    "luna_settings",
    "luna_simulation",
    "luna_series_changed",
    "luna_mqtt",
    "luna_models",
    "luna_predictions",
];
/// Pause before listening again; until then what is kept grows old by itself.
const PAUSE: Duration = Duration::from_secs(1);

/// Listens for as long as the program runs.
pub(super) fn listen(services: &Services, tasks: &Tasks) {
    let services = services.clone();
    tasks.spawn_supervised(Stage::Intake, "database.notices", move |stop| {
        let services = services.clone();
        async move {
            while !stop.is_cancelled() {
                tokio::select! {
                    () = stop.cancelled() => {}
                    heard = hear(&services) => {
                        if let Err(error) = heard {
                            tracing::debug!(%error, "Cannot listen to the database: {error}");
                        }
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }
    });
}

/// Hears until the connection ends.
async fn hear(services: &Services) -> Result<(), DbError> {
    let mut listener = services.db.listen(&CHANNELS).await?;
    // Whatever was told while nobody listened is lost.
    for channel in CHANNELS {
        react(services, channel).await;
    }
    while let Some(Notice { channel, .. }) = listener.next().await {
        react(services, &channel).await;
    }
    Ok(())
}

async fn react(services: &Services, channel: &str) {
    match channel {
        "luna_jobs" => services.jobs.wake(),
        "luna_simulation" => services.simulation.wake(),
        "luna_series_changed" => {
            services.changes.wake();
            services.predictor.wake();
        }
        "luna_models" => {
            services.registry.wake();
            // The next request finds what serves now in memory.
            if let Err(error) = services.predictor.warm().await {
                tracing::warn!(%error, "What serves cannot be read: {error}");
            }
        }
        "luna_predictions" => services.alerts.wake(),
        "luna_mqtt" => services.mqtt.wake(),
        "luna_access" => services.accounts.forget_seen(),
        "luna_settings" => {
            if let Err(error) = services.settings.refresh().await {
                tracing::warn!(%error, "Changed settings cannot be read: {error}");
            }
        }
        _ => {}
    }
}
