//! Rows of a rehearsal into its topic: one record a row, a meter's rows in one partition, so that they
//! stay in order.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use rskafka::record::Record;
use tokio::sync::Mutex;

use super::cluster::{Cluster, Line, Topic};
use super::model::{KafkaError, Place};
use super::service::Kafka;
use crate::base::timeline::Clock;
use crate::facts::meters::is_simulated;
use crate::facts::readings::ReadingRow;

/// Most records of one request to a broker.
const RECORDS_MAX: usize = 2_000;
/// Most bytes of one request, before compression: brokers take a megabyte unless told otherwise.
const BYTES_MAX: usize = 800_000;
/// Partitions of a topic that Luna makes.
const PARTITIONS: i32 = 3;

/// Writes rows of simulated meters to the topic of rehearsals.
///
/// A write that was given up may have happened: rows that are sent again are taken once by whoever
/// reads them by meter and instant, as Luna does.
pub struct Publisher {
    cluster: Cluster,
    topic: String,
    clock: Clock,
    lines: Mutex<Option<Lines>>,
}

/// Connections to the partitions of the topic.
struct Lines {
    partitions: Vec<i32>,
    open: BTreeMap<i32, Line>,
}

impl Kafka {
    /// What writes to the topic of rehearsals; connects with the first rows.
    pub fn publisher(&self) -> Publisher {
        let topic = self.0.settings.rehearsal_topic.clone();
        let (cluster, clock) = (self.0.cluster.clone(), self.0.clock.clone());
        Publisher { cluster, topic, clock, lines: Mutex::default() }
    }
}

impl Publisher {
    /// Writes rows, those of a meter in their order; when it answers, the brokers have all of them.
    ///
    /// # Errors
    /// [`KafkaError::BadRow`] when a row is not of a simulated meter, and nothing is written; when the
    /// brokers are away, some rows may be there.
    pub async fn publish(&self, rows: &[ReadingRow]) -> Result<usize, KafkaError> {
        for (index, row) in rows.iter().enumerate() {
            if !is_simulated(&row.meter_id) {
                let reason = format!("{} is no simulated meter", row.meter_id);
                return Err(KafkaError::BadRow { index, reason });
            }
        }
        let mut held = self.lines.lock().await;
        let written = self.write(&mut held, rows).await;
        if written.is_err() {
            // Whatever is wrong with the connections, the next call makes new ones.
            *held = None;
        }
        written?;
        metrics::counter!("luna_kafka_published_rows_total", "topic" => self.topic.clone())
            .increment(rows.len() as u64);
        Ok(rows.len())
    }

    async fn write(&self, held: &mut Option<Lines>, rows: &[ReadingRow]) -> Result<(), KafkaError> {
        let lines = match held {
            Some(lines) => lines,
            None => {
                held.insert(Lines { partitions: self.partitions().await?, open: BTreeMap::new() })
            }
        };
        let mut shares: BTreeMap<i32, Vec<Record>> = BTreeMap::new();
        let now = self.clock.now();
        for (index, row) in rows.iter().enumerate() {
            let value = serde_json::to_vec(row)
                .map_err(|error| KafkaError::BadRow { index, reason: error.to_string() })?;
            let key = row.meter_id.as_bytes();
            let record = Record {
                key: Some(key.to_vec()),
                value: Some(value),
                headers: [("content-type".to_owned(), b"application/json".to_vec())].into(),
                timestamp: now,
            };
            shares.entry(partition_of(key, &lines.partitions)).or_default().push(record);
        }
        for partition in shares.keys() {
            if !lines.open.contains_key(partition) {
                let place = Place { topic: self.topic.clone(), partition: *partition };
                lines.open.insert(*partition, self.cluster.line(&place).await?);
            }
        }
        let writes = shares.into_iter().filter_map(|(partition, records)| {
            let line = lines.open.get(&partition)?;
            Some(async move {
                for part in parts(records) {
                    line.write(part).await?;
                }
                Ok::<(), KafkaError>(())
            })
        });
        try_join_all(writes).await?;
        Ok(())
    }

    /// The partitions of the topic, which is made when it is not there.
    async fn partitions(&self) -> Result<Vec<i32>, KafkaError> {
        if let Some(found) = self.find().await? {
            return Ok(found);
        }
        let made = self.cluster.make_topic(&self.topic, PARTITIONS).await;
        if let Some(found) = self.find().await? {
            return Ok(found);
        }
        // Some brokers make a topic when somebody asks for it, and only then.
        let first = Place { topic: self.topic.clone(), partition: 0 };
        let asked = self.cluster.line(&first).await.map(drop);
        match self.find().await? {
            Some(found) => Ok(found),
            None => Err(made.and(asked).err().unwrap_or_else(|| KafkaError::Away {
                brokers: self.cluster.brokers().join(", "),
                why: format!("there is no topic {}, and none was made", self.topic),
            })),
        }
    }

    async fn find(&self) -> Result<Option<Vec<i32>>, KafkaError> {
        let topics = self.cluster.topics().await?;
        let topic: Option<Topic> = topics.into_iter().find(|topic| topic.name == self.topic);
        Ok(topic.map(|topic| topic.partitions).filter(|partitions| !partitions.is_empty()))
    }
}

/// Records in requests of a size that brokers take.
fn parts(records: Vec<Record>) -> Vec<Vec<Record>> {
    let (mut all, mut part, mut bytes) = (Vec::new(), Vec::new(), 0);
    for record in records {
        let size = record.approximate_size();
        if !part.is_empty() && (part.len() >= RECORDS_MAX || bytes + size > BYTES_MAX) {
            all.push(std::mem::take(&mut part));
            bytes = 0;
        }
        bytes += size;
        part.push(record);
    }
    all.push(part);
    all
}

/// Where the rows of a meter go: as every client with Kafka's own partitioner would have it.
fn partition_of(key: &[u8], partitions: &[i32]) -> i32 {
    let count = u32::try_from(partitions.len()).unwrap_or(u32::MAX).max(1);
    let at = (murmur2(key) & 0x7fff_ffff) % count;
    usize::try_from(at).ok().and_then(|at| partitions.get(at)).copied().unwrap_or_default()
}

/// `MurmurHash2` with Kafka's seed (A. Appleby, 2008).
fn murmur2(key: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
    let (words, rest) = key.as_chunks::<4>();
    let mut hash = SEED ^ length;
    for word in words {
        let mut word = u32::from_le_bytes(*word).wrapping_mul(M);
        word = (word ^ (word >> R)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ word;
    }
    if !rest.is_empty() {
        for (byte, shift) in rest.iter().zip([0, 8, 16]) {
            hash ^= u32::from(*byte) << shift;
        }
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::utc;

    #[test]
    fn keys_hash_as_in_kafka_itself() {
        // The values that the tests of Kafka's own client expect.
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
        assert_eq!(partition_of(b"abc", &[7]), 7);
        assert_eq!(partition_of(b"abc", &[]), 0);
        assert_eq!(partition_of(b"abc", &[0, 1, 2]), 479_470_107 % 3);
    }

    #[test]
    fn requests_stay_small_and_keep_the_order() {
        let record = |n: usize, bytes: usize| Record {
            key: Some(n.to_string().into_bytes()),
            value: Some(vec![b'x'; bytes]),
            headers: BTreeMap::new(),
            timestamp: utc("2026-03-28T12:00:00Z"),
        };
        let many = parts((0..4_500).map(|n| record(n, 10)).collect());
        assert_eq!(many.iter().map(Vec::len).collect::<Vec<_>>(), [2_000, 2_000, 500]);
        let keys: Vec<usize> = many
            .iter()
            .flatten()
            .map(|it| str::from_utf8(it.key.as_deref().unwrap()).unwrap().parse().unwrap())
            .collect();
        assert!(keys.is_sorted());
        let large = parts((0..3).map(|n| record(n, 500_000)).collect());
        assert_eq!(large.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1]);
    }
}
