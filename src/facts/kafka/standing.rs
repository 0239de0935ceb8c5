//! How all of it stands: brokers, partitions, what was lost.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;

use super::cluster::Topic;
use super::model::{KafkaError, KafkaStatus, PartitionState};
use super::service::Kafka;

/// How long an answer about the brokers holds.
const FRESH: Duration = Duration::from_secs(10);
/// Longest wait for the brokers when somebody only wants to know.
const PROBE_MAX: Duration = Duration::from_secs(3);
/// For how long lost records are told.
const LOSS_TOLD: TimeDelta = TimeDelta::hours(24);

/// What was last seen of the brokers, and who is just asking them.
#[derive(Debug, Default)]
pub(super) struct Known {
    seen: Mutex<Option<Seen>>,
    asking: tokio::sync::Mutex<()>,
}

/// How the brokers were.
#[derive(Debug, Clone)]
struct Seen {
    at: Duration,
    topics: Result<Vec<Topic>, String>,
}

/// Whether all is well, and why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whether it is.
    pub ok: bool,
    /// As a sentence.
    pub detail: String,
}

impl Kafka {
    /// The topics there are, as the brokers say now.
    pub(super) async fn look(&self) -> Result<Vec<Topic>, KafkaError> {
        let found = self.0.cluster.topics().await;
        self.learn(found.as_ref().map_err(KafkaError::sentence).cloned());
        found
    }

    fn learn(&self, topics: Result<Vec<Topic>, String>) {
        metrics::gauge!("luna_kafka_connected").set(f64::from(u8::from(topics.is_ok())));
        let seen = Seen { at: self.0.clock.elapsed(), topics };
        *self.0.known.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    }

    /// What the brokers said last; they are asked when that was a while ago.
    async fn topics(&self) -> Result<Vec<Topic>, String> {
        let inner = &*self.0;
        let last = || inner.known.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let fresh = || last().filter(|seen| inner.clock.elapsed().saturating_sub(seen.at) < FRESH);
        if let Some(seen) = fresh() {
            return seen.topics;
        }
        let _asking = match (inner.known.asking.try_lock(), last()) {
            (Ok(asking), _) => asking,
            (Err(_), Some(seen)) => return seen.topics,
            (Err(_), None) => inner.known.asking.lock().await,
        };
        if let Some(seen) = fresh() {
            return seen.topics;
        }
        if let Ok(found) = tokio::time::timeout(PROBE_MAX, self.look()).await {
            return found.map_err(|error| error.sentence());
        }
        // A connection whose other end is gone without a word stays as it is for minutes.
        inner.cluster.forget().await;
        let brokers = inner.cluster.brokers().join(", ");
        let why = format!("{brokers}: no answer within {} s", PROBE_MAX.as_secs());
        self.learn(Err(why.clone()));
        Err(why)
    }

    /// Whether all is well; nothing where there is no Kafka. A loss is told for a day.
    pub async fn standing(&self) -> Option<Standing> {
        if !self.is_configured() {
            return None;
        }
        let bad = |detail| Some(Standing { ok: false, detail });
        if let Err(why) = self.topics().await {
            return bad(format!("{why}; readings from there wait"));
        }
        let partitions = match self.partitions().await {
            Ok(partitions) => partitions,
            Err(error) => return bad(error.sentence()),
        };
        let stuck = partitions.iter().find_map(|it| Some((it, it.trouble.as_deref()?)));
        if let Some((it, why)) = stuck {
            return bad(format!("{}/{} is not read: {why}", it.topic, it.partition));
        }
        let since = self.0.clock.now() - LOSS_TOLD;
        let lost = partitions
            .iter()
            .find(|it| it.records_lost > 0 && it.lost_at.is_some_and(|lost_at| lost_at > since));
        if let Some(it) = lost {
            let PartitionState { topic, partition, records_lost, .. } = it;
            return bad(format!(
                "{records_lost} records of {topic}/{partition} were gone before they were read; \
                 lengthen the retention of the topic"
            ));
        }
        let lag: i64 = partitions.iter().filter_map(|it| it.lag).sum();
        let brokers = self.0.cluster.brokers().join(", ");
        Some(Standing { ok: true, detail: format!("{brokers} answers; {lag} records wait") })
    }

    /// Brokers, topics and partitions at a glance.
    pub async fn status(&self) -> Result<KafkaStatus, KafkaError> {
        let inner = &*self.0;
        let partitions = self.partitions().await?;
        let brokers = inner.cluster.brokers().to_vec();
        let consumes = self.is_configured() && inner.settings.consume;
        if brokers.is_empty() {
            return Ok(KafkaStatus {
                is_configured: false,
                brokers,
                reachable: None,
                detail: KafkaError::Off.to_string(),
                consumes,
                missing_topics: Vec::new(),
                partitions,
            });
        }
        let found = self.topics().await;
        let there: BTreeSet<&str> =
            found.iter().flatten().map(|topic| topic.name.as_str()).collect();
        let missing = self.wanted().filter(|topic| found.is_ok() && !there.contains(topic));
        Ok(KafkaStatus {
            is_configured: true,
            reachable: Some(found.is_ok()),
            detail: match &found {
                Ok(topics) => {
                    format!("{} answers with {} topics", brokers.join(", "), topics.len())
                }
                Err(why) => why.clone(),
            },
            brokers,
            consumes,
            missing_topics: missing.map(str::to_owned).collect(),
            partitions,
        })
    }
}
