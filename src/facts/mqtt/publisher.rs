//! Rows to the broker, on Luna's own topics: for simulations that rehearse the whole road.

use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PubAckReason};
use rumqttc::v5::{AsyncClient, Event, EventLoop};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::broker;
use super::model::{CANONICAL, REHEARSAL};
use super::settings::Settings;
use crate::facts::meters::is_simulated;
use crate::facts::readings::ReadingRow;

/// Rows of one message.
const MESSAGE_ROWS: usize = 100;
/// Messages on their way that are not acknowledged yet.
const OWED_MAX: usize = 50;
/// Longest wait for the next word of the broker.
const PATIENCE: Duration = Duration::from_secs(15);

/// Publishes rows and waits until the broker has them.
pub struct Publisher {
    settings: Settings,
    line: Mutex<Option<Line>>,
}

/// A connection to the broker.
struct Line {
    client: AsyncClient,
    events: EventLoop,
}

impl Publisher {
    /// A publisher to the broker of the settings; connects with the first rows.
    pub fn new(settings: Settings) -> Self {
        Self { settings, line: Mutex::new(None) }
    }

    /// Publishes `rows`, those of meters named `sim-…` as a rehearsal; when it answers, the broker
    /// has acknowledged all of them. On an error some may have arrived: publishing them again does
    /// no harm.
    ///
    /// # Errors
    /// A sentence with what to do when the broker is away or refuses.
    pub async fn publish(&self, rows: &[ReadingRow]) -> Result<(), String> {
        let (rehearsed, real): (Vec<&ReadingRow>, Vec<&ReadingRow>) =
            rows.iter().partition(|row| is_simulated(&row.meter_id));
        let mut messages = Vec::new();
        for (topic, rows) in [(CANONICAL, real), (REHEARSAL, rehearsed)] {
            for rows in rows.chunks(MESSAGE_ROWS) {
                let payload = serde_json::to_vec(rows).map_err(|error| error.to_string())?;
                messages.push((topic, payload));
            }
        }
        let mut line = self.line.lock().await;
        // A connection that rested may have ended meanwhile; a new one says what is wrong.
        if let Some(rested) = line.take()
            && let Ok(used) = self.send(rested, &messages).await
        {
            *line = Some(used);
            return Ok(());
        }
        let mut options = broker::options(&self.settings, &broker::passing_name("sim"))?;
        options.set_keep_alive(Duration::from_mins(5));
        let (client, events) = AsyncClient::new(options, OWED_MAX + 10);
        *line = Some(self.send(Line { client, events }, &messages).await?);
        Ok(())
    }

    async fn send(&self, mut line: Line, messages: &[(&str, Vec<u8>)]) -> Result<Line, String> {
        let (mut sent, mut acknowledged) = (0, 0);
        while acknowledged < messages.len() {
            while sent < messages.len() && sent - acknowledged < OWED_MAX {
                let (topic, payload) = &messages[sent];
                let queued =
                    line.client.try_publish(*topic, QoS::AtLeastOnce, false, payload.clone());
                queued.map_err(|error| format!("a message was not sent: {error}"))?;
                sent += 1;
            }
            let broker = || self.settings.broker().unwrap_or_default();
            match timeout(PATIENCE, line.events.poll()).await {
                Ok(Ok(Event::Incoming(Packet::PubAck(answer)))) => match answer.reason {
                    PubAckReason::Success | PubAckReason::NoMatchingSubscribers => {
                        acknowledged += 1;
                    }
                    reason => {
                        let (broker, topics) = (broker(), format!("{CANONICAL} and {REHEARSAL}"));
                        return Err(format!(
                            "{broker} refuses a message ({reason:?}); its access rules must let \
                             Luna write {topics}"
                        ));
                    }
                },
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(broker::sentence(&error, &self.settings)),
                Err(_) => return Err(format!("{} does not acknowledge in time", broker())),
            }
        }
        Ok(line)
    }
}
