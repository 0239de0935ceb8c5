//! The brokers: connections, topics, fetching and writing, each bounded in time.
//!
//! The library tries for ever where nobody answers, so every call ends after [`Cluster`]'s patience.

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryFutureExt;
use rskafka::BackoffConfig;
use rskafka::client::error::{Error, ProtocolError};
use rskafka::client::partition::{Compression, OffsetAt, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder, Credentials, SaslConfig};
use rskafka::record::{Record, RecordAndOffset};
use secrecy::ExposeSecret;

use super::model::{KafkaError, Place};
use super::settings::{Sasl, Settings};
use crate::platform::outbound::authorities;
use crate::platform::outbound::tls;

/// Name under which brokers know Luna.
const CLIENT_ID: &str = "luna";
/// Largest answer that is taken, in bytes: a record that is longer than a fetch comes alone.
const ANSWER_BYTES_MAX: usize = 128 << 20;
/// How long the library tries again by itself.
const RETRIES: BackoffConfig = BackoffConfig {
    init_backoff: Duration::from_millis(100),
    max_backoff: Duration::from_secs(1),
    base: 2.0,
    deadline: Some(Duration::from_secs(3)),
};
/// How long a broker may take to make a topic, in milliseconds.
const MAKING_MS: i32 = 5_000;
/// As many replicas as the brokers think right.
const REPLICAS: i16 = -1;

/// The brokers of these settings. Cloning is cheap; clones share the connection.
#[derive(Clone)]
pub struct Cluster(Arc<Inner>);

struct Inner {
    brokers: Vec<String>,
    settings: Settings,
    client: tokio::sync::Mutex<Option<Arc<Client>>>,
}

/// A topic and its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Numbers of its partitions, ascending.
    pub partitions: Vec<i32>,
}

/// What a fetch brought.
#[derive(Debug)]
pub(super) struct Fetched {
    pub records: Vec<RecordAndOffset>,
    pub high_watermark: i64,
}

impl Cluster {
    /// The brokers that the settings name; nothing connects before the first use.
    pub fn new(settings: &Settings) -> Self {
        let (brokers, settings) = (settings.broker_list(), settings.clone());
        Self(Arc::new(Inner { brokers, settings, client: tokio::sync::Mutex::default() }))
    }

    /// The brokers, as configured; none where there is no Kafka.
    pub fn brokers(&self) -> &[String] {
        &self.0.brokers
    }

    /// The topics that the brokers have, by name.
    pub async fn topics(&self) -> Result<Vec<Topic>, KafkaError> {
        let client = self.client().await?;
        let listed = self.bounded(client.list_topics()).await;
        if listed.is_err() {
            self.forget().await;
        }
        let mut topics: Vec<Topic> = listed?
            .into_iter()
            .map(|topic| Topic {
                name: topic.name,
                partitions: topic.partitions.into_iter().collect(),
            })
            .collect();
        for topic in &mut topics {
            topic.partitions.sort_unstable();
        }
        topics.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(topics)
    }

    /// A line to the broker that leads a partition.
    pub(super) async fn line(&self, place: &Place) -> Result<Line, KafkaError> {
        let client = self.client().await?;
        let found = client.partition_client(
            place.topic.clone(),
            place.partition,
            UnknownTopicHandling::Error,
        );
        match self.bounded(found).await {
            Ok(partition) => Ok(Line { cluster: self.clone(), partition }),
            Err(error) => {
                self.forget().await;
                Err(error)
            }
        }
    }

    /// Makes a topic, if the brokers let themselves be asked; that it is there already is no error.
    pub(super) async fn make_topic(&self, name: &str, partitions: i32) -> Result<(), KafkaError> {
        let client = self.client().await?;
        let controller = client.controller_client().map_err(|error| self.away(&error))?;
        let made = controller
            .create_topic(name, partitions, REPLICAS, MAKING_MS)
            .or_else(|error| async move { if exists(&error) { Ok(()) } else { Err(error) } });
        self.bounded(made).await
    }

    async fn client(&self) -> Result<Arc<Client>, KafkaError> {
        if self.0.brokers.is_empty() {
            return Err(KafkaError::Off);
        }
        let mut held = self.0.client.lock().await;
        if let Some(client) = &*held {
            return Ok(Arc::clone(client));
        }
        let client = Arc::new(self.bounded(self.builder()?.build()).await?);
        *held = Some(Arc::clone(&client));
        Ok(client)
    }

    /// The next call connects anew.
    pub(super) async fn forget(&self) {
        *self.0.client.lock().await = None;
    }

    fn builder(&self) -> Result<ClientBuilder, KafkaError> {
        let settings = &self.0.settings;
        let mut builder = ClientBuilder::new(self.0.brokers.clone())
            .client_id(CLIENT_ID)
            .max_message_size(ANSWER_BYTES_MAX)
            .backoff_config(RETRIES);
        if settings.tls {
            let file = settings.ca_file.as_deref();
            let config = authorities(file)
                .and_then(|roots| tls(roots).map_err(|error| error.to_string()))
                .map_err(|why| {
                    let file = file.map(|file| file.display().to_string()).unwrap_or_default();
                    KafkaError::Settings(format!("ca_file {file}: {why}"))
                })?;
            builder = builder.tls_config(Arc::new(config));
        }
        let credentials = || {
            let password = settings.password.as_ref().map(|it| it.expose_secret().to_owned());
            Credentials::new(
                settings.username.clone().unwrap_or_default(),
                password.unwrap_or_default(),
            )
        };
        Ok(match settings.sasl {
            Sasl::Off => builder,
            Sasl::Plain => builder.sasl_config(SaslConfig::Plain(credentials())),
            Sasl::ScramSha256 => builder.sasl_config(SaslConfig::ScramSha256(credentials())),
            Sasl::ScramSha512 => builder.sasl_config(SaslConfig::ScramSha512(credentials())),
        })
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(self.0.settings.patience_s.into())
    }

    async fn bounded<T, F>(&self, call: F) -> Result<T, KafkaError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.within(self.patience(), call).await
    }

    async fn within<T, F>(&self, patience: Duration, call: F) -> Result<T, KafkaError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        match tokio::time::timeout(patience, call).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Error::ServerError {
                protocol_error: ProtocolError::OffsetOutOfRange, ..
            })) => Err(KafkaError::OutOfRange),
            Ok(Err(error)) => Err(self.away(&error)),
            Err(_) => Err(KafkaError::Away {
                brokers: self.0.brokers.join(", "),
                why: format!("no answer within {} s", patience.as_secs()),
            }),
        }
    }

    fn away(&self, error: &Error) -> KafkaError {
        let why = match error {
            Error::ServerError { protocol_error, .. } => {
                format!("the broker refuses: {protocol_error:?}")
            }
            error => root(error),
        };
        KafkaError::Away { brokers: self.0.brokers.join(", "), why }
    }
}

fn exists(error: &Error) -> bool {
    matches!(error, Error::ServerError { protocol_error: ProtocolError::TopicAlreadyExists, .. })
}

/// The cause at the bottom: what wraps it repeats it, also as text.
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut at = error;
    while let Some(cause) = at.source() {
        at = cause;
    }
    let text = at.to_string();
    text.rsplit_once("Source: ").map_or(&*text, |(_, cause)| cause).to_owned()
}

/// A connection to the broker that leads a partition; to be dropped after an error.
pub(super) struct Line {
    cluster: Cluster,
    partition: PartitionClient,
}

impl Line {
    /// The records from `offset` on, as many as fit; none when nothing new comes in time.
    pub async fn fetch(&self, offset: i64) -> Result<Fetched, KafkaError> {
        let Settings { fetch_bytes_max, wait_ms, .. } = self.cluster.0.settings;
        let wait = Duration::from_millis(u64::try_from(wait_ms).unwrap_or_default());
        let call = self.partition.fetch_records(offset, 1..fetch_bytes_max, wait_ms);
        let (records, high_watermark) =
            self.cluster.within(self.cluster.patience() + wait, call).await?;
        Ok(Fetched { records, high_watermark })
    }

    /// The first record that is still there, and the end.
    pub async fn range(&self) -> Result<(i64, i64), KafkaError> {
        let earliest = self.cluster.bounded(self.partition.get_offset(OffsetAt::Earliest)).await?;
        let latest = self.cluster.bounded(self.partition.get_offset(OffsetAt::Latest)).await?;
        Ok((earliest, latest))
    }

    /// Writes records at the end, in their order; when it answers, the brokers have them.
    pub async fn write(&self, records: Vec<Record>) -> Result<Vec<i64>, KafkaError> {
        self.cluster.bounded(self.partition.produce(records, Compression::Lz4)).await
    }
}
