//! Partitions followed: each by one task of one process, from where the database says, for as long
//! as the program runs.

use std::collections::BTreeSet;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::cluster::Fetched;
use super::model::{Claim, KafkaError, Place};
use super::records::{Form, batches};
use super::service::Kafka;
use crate::platform::runtime::{Stage, Tasks};

/// Pause after the first failure; it doubles with every further one.
const PAUSE_FIRST: Duration = Duration::from_millis(500);
/// Longest pause.
const PAUSE_LONGEST: Duration = Duration::from_secs(15);

/// Takes a partition off the list of those that are followed, however its task ends.
struct Followed {
    kafka: Kafka,
    place: Place,
}

impl Drop for Followed {
    fn drop(&mut self) {
        followed(&self.kafka).remove(&self.place);
    }
}

fn followed(kafka: &Kafka) -> MutexGuard<'_, BTreeSet<Place>> {
    kafka.0.followed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits; true when the program is to stop.
async fn waited(stop: &CancellationToken, pause: Duration) -> bool {
    tokio::time::timeout(pause, stop.cancelled()).await.is_ok()
}

impl Kafka {
    /// Looks for topics and partitions, starts a task for each that has none, and goes on looking
    /// until the program stops. Brokers that are away hold nothing up.
    pub async fn run(&self, tasks: &Tasks, stop: &CancellationToken) {
        let inner = &*self.0;
        if !self.is_configured() || !inner.settings.consume {
            return;
        }
        let (mut pause, mut said) = (PAUSE_FIRST, String::new());
        while !stop.is_cancelled() {
            let next = match self.look_once(tasks, stop).await {
                Ok(()) => {
                    if !said.is_empty() {
                        tracing::info!("{} answers again", inner.cluster.brokers().join(", "));
                    }
                    (pause, said) = (PAUSE_FIRST, String::new());
                    Duration::from_secs(inner.settings.look_s.into())
                }
                Err(error) => {
                    let why = error.sentence();
                    // A log must not fill while nothing changes.
                    if said.is_empty() {
                        tracing::warn!(%error, "Readings from Kafka wait: {why}");
                    }
                    said = why;
                    let this = pause;
                    pause = (pause * 2).min(PAUSE_LONGEST);
                    this
                }
            };
            if waited(stop, next).await {
                return;
            }
        }
    }

    async fn look_once(&self, tasks: &Tasks, stop: &CancellationToken) -> Result<(), KafkaError> {
        let topics = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            topics = self.look() => topics?,
        };
        for topic in topics {
            let Some(form) = self.form(&topic.name) else { continue };
            for partition in topic.partitions {
                let place = Place { topic: topic.name.clone(), partition };
                if !followed(self).insert(place.clone()) {
                    continue;
                }
                let entry = Followed { kafka: self.clone(), place };
                let (form, stop) = (form.clone(), stop.clone());
                tasks.spawn_in(Stage::Intake, "kafka.partition", async move {
                    entry.kafka.follow(&entry.place, &form, &stop).await;
                });
            }
        }
        Ok(())
    }

    /// Reads a partition until the program stops; failures are written down and tried again.
    async fn follow(&self, place: &Place, form: &Form, stop: &CancellationToken) {
        let (mut pause, mut said) = (PAUSE_FIRST, String::new());
        while !stop.is_cancelled() {
            let started = Instant::now();
            let Err(error) = self.follow_once(place, form, stop).await else { continue };
            let why = error.sentence();
            if !matches!(error, KafkaError::Overtaken) {
                metrics::counter!("luna_kafka_errors_total", "topic" => place.topic.clone())
                    .increment(1);
                if why != said {
                    tracing::warn!(%error, "{place} is not read: {why}");
                }
                if let Err(error) = self.note(place, &why).await {
                    tracing::debug!(%error, "{place}: its trouble is not written down: {error}");
                }
                said = why;
            }
            // What went well for a while has earned a quick restart.
            if started.elapsed() > PAUSE_LONGEST {
                pause = PAUSE_FIRST;
            }
            if waited(stop, pause).await {
                return;
            }
            pause = (pause * 2).min(PAUSE_LONGEST);
        }
    }

    async fn follow_once(
        &self,
        place: &Place,
        form: &Form,
        stop: &CancellationToken,
    ) -> Result<(), KafkaError> {
        let Some(mut claim) = self.claim(place).await? else {
            // Another process reads it; when that one ends, this one goes on.
            let half = Duration::from_secs(self.0.settings.lease_s.into()) / 2;
            waited(stop, half).await;
            return Ok(());
        };
        let read = self.read(&mut claim, form, stop).await;
        if let Err(error) = self.release(place).await {
            tracing::debug!(%error, "{place} is given back when its lease ends: {error}");
        }
        read
    }

    async fn read(
        &self,
        claim: &mut Claim,
        form: &Form,
        stop: &CancellationToken,
    ) -> Result<(), KafkaError> {
        let line = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            line = self.0.cluster.line(&claim.place) => line?,
        };
        let third = Duration::from_secs(self.0.settings.lease_s.into()) / 3;
        let mut renewed: Option<(Instant, i64)> = None;
        while !stop.is_cancelled() {
            let Some(next) = claim.next_offset else {
                self.jump(claim, line.range().await?).await?;
                continue;
            };
            let fetched = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                fetched = line.fetch(next) => fetched,
            };
            let Fetched { records, high_watermark } = match fetched {
                Err(KafkaError::OutOfRange) => {
                    self.jump(claim, line.range().await?).await?;
                    continue;
                }
                fetched => fetched?,
            };
            if records.is_empty() {
                let is_due =
                    renewed.is_none_or(|(at, end)| at.elapsed() >= third || end != high_watermark);
                if is_due {
                    self.renew(claim, high_watermark).await?;
                    renewed = Some((Instant::now(), high_watermark));
                }
                self.rest(next, high_watermark, stop).await;
                continue;
            }
            for batch in batches(form, records) {
                self.take(claim, form, batch, high_watermark).await?;
                renewed = None;
                if stop.is_cancelled() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// A broker answers at once when there is something new that it does not show, such as the end
    /// of a transaction.
    async fn rest(&self, next: i64, high_watermark: i64, stop: &CancellationToken) {
        if high_watermark > next {
            let wait_ms = u64::try_from(self.0.settings.wait_ms).unwrap_or_default();
            waited(stop, Duration::from_millis(wait_ms)).await;
        }
    }

    /// Reads a partition to the end that the broker names now; what another process reads is left
    /// to it.
    #[cfg(test)]
    pub(super) async fn drain(&self, place: &Place) -> Result<(), KafkaError> {
        let form = self.form(&place.topic).expect("a topic that is set up");
        let mut claim = self.claim(place).await?.ok_or(KafkaError::Overtaken)?;
        let line = self.0.cluster.line(place).await?;
        loop {
            let Some(next) = claim.next_offset else {
                self.jump(&mut claim, line.range().await?).await?;
                continue;
            };
            let Fetched { records, high_watermark } = match line.fetch(next).await {
                Err(KafkaError::OutOfRange) => {
                    self.jump(&mut claim, line.range().await?).await?;
                    continue;
                }
                fetched => fetched?,
            };
            for batch in batches(&form, records) {
                self.take(&mut claim, &form, batch, high_watermark).await?;
            }
            if claim.next_offset >= Some(high_watermark) {
                return self.renew(&claim, high_watermark).await;
            }
        }
    }
}
