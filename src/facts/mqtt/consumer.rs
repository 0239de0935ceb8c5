//! Reads the broker for as long as the program runs.
//!
//! One process at a time holds a lease in the database; the session at the broker has one name for
//! the whole installation, so that whoever takes over gets what was not acknowledged. Messages wait
//! in a buffer of bounded length and size: when it is full, nothing is read from the socket, and the
//! broker keeps the rest. A batch is stored in one transaction and acknowledged behind it. While the
//! database is away the batch waits and nothing is acknowledged; what the connection loses meanwhile
//! is sent again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rand::RngExt;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Packet, Publish, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, Event, EventLoop};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::broker;
use super::error::MqttError;
use super::filter::BYTES_MAX;
use super::model::{ConsumerState, Message};
use super::service::Mqtt;
use super::store::{self, Counts, Holder};

/// How long the lease lasts without a sign of life, in seconds.
const LEASE_S: f64 = 20.0;
/// Pause between two signs of life, in which the page's data are written down as well.
const KEEP: Duration = Duration::from_secs(2);
/// Pause before the next try to get the lease.
const STANDBY: Duration = Duration::from_secs(5);
/// How long the broker keeps the session of a Luna that is away, in seconds.
const SESSION_S: u32 = 7 * 24 * 3_600;
/// Messages that the broker may send before the first of them is acknowledged.
const OWED_MAX: u16 = 1_000;
/// Requests to the broker that wait: every acknowledgement that can be owed, and subscriptions. Not
/// every broker keeps to [`OWED_MAX`], but none can number more messages than that; one that is not
/// acknowledged for want of room would come again only over another connection, and until then the
/// broker may hold back all others.
const REQUESTS_MAX: usize = u16::MAX as usize + 1_000;
/// Messages and bytes that wait for the database.
const WAITING_MAX: usize = 4_000;
const WAITING_BYTES: u32 = 16 << 20;
/// Messages and bytes of a batch.
const BATCH_MAX: usize = 1_000;
const BATCH_BYTES: usize = 1 << 20;
/// Longest wait of a message for others to come with it, and longest silence between them: a broker
/// may send few before the first is acknowledged.
const BATCH_WAIT: Duration = Duration::from_millis(250);
const BATCH_SILENCE: Duration = Duration::from_millis(10);
/// Pauses before the next try: doubling, with an upper limit, each somewhat random.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_LONGEST: Duration = Duration::from_secs(30);
/// A connection that lasted so long has earned a quick new one.
const LASTING: Duration = Duration::from_secs(10);
/// Tries to store one message that the database refuses for a reason of its own.
const TRIES_MAX: u32 = 3;
/// Signs of life between two rounds of forgetting, and what is old enough for it.
const FORGET_EVERY: u64 = 300;
const FORGET_AFTER: chrono::Duration = chrono::Duration::hours(48);
/// Pause before mappings are looked at although nobody said that they have changed.
const FOLLOW: Duration = Duration::from_secs(30);

/// A message that waits, with what is needed to acknowledge it.
struct Waiting {
    message: Message,
    publish: Publish,
    /// The connection that it came over: an acknowledgement over another would mean another message.
    connection: u64,
    _room: OwnedSemaphorePermit,
}

/// How it goes.
struct Now {
    state: ConsumerState,
    detail: String,
    since: DateTime<Utc>,
}

/// One session at the broker.
struct Session<'a> {
    mqtt: &'a Mqtt,
    client: AsyncClient,
    client_id: &'a str,
    connection: AtomicU64,
    now: Mutex<Now>,
    counts: Mutex<Counts>,
    wanted: Mutex<Vec<String>>,
}

/// Growing pauses.
struct Pauses(Duration);

impl Pauses {
    const fn new() -> Self {
        Self(PAUSE_FIRST)
    }

    /// The next pause: between a half and the whole of what it is its turn to be.
    fn next(&mut self) -> Duration {
        let pause = self.0.mul_f64(rand::rng().random_range(0.5..1.0));
        self.0 = (self.0 * 2).min(PAUSE_LONGEST);
        pause
    }
}

impl Mqtt {
    /// Reads the broker until `stop`; returns at once when none is set.
    pub async fn run(&self, stop: &CancellationToken) {
        if self.settings.address().is_none() {
            return;
        }
        let holder = Holder { id: Uuid::now_v7(), lease_s: LEASE_S };
        while !stop.is_cancelled() {
            match self.hold(holder).await {
                Ok(Some(client_id)) => {
                    Box::pin(self.read(stop, holder, &client_id)).await;
                    if let Err(error) = self.release(holder.id).await {
                        tracing::debug!(%error, "The lease of the broker ends by itself: {error}");
                    }
                }
                Ok(None) => tracing::debug!("Another process reads the broker"),
                Err(error) => tracing::debug!(%error, "Cannot ask who reads the broker: {error}"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(STANDBY) => {}
            }
        }
    }

    /// The name of the session, if nobody else reads the broker.
    async fn hold(&self, holder: Holder) -> Result<Option<String>, MqttError> {
        let made = broker::passing_name("box");
        let name = self.settings.client_id.as_deref().unwrap_or(&made);
        let broker = self.settings.broker().unwrap_or_default();
        let mut conn = self.db.conn().await?;
        let held = store::hold(&mut conn, holder, (name, &broker), self.clock.now()).await?;
        Ok(held.map(|kept| self.settings.client_id.clone().unwrap_or(kept)))
    }

    async fn release(&self, holder: Uuid) -> Result<(), MqttError> {
        let mut conn = self.db.conn().await?;
        Ok(store::release(&mut conn, holder).await?)
    }

    /// Reads until `stop`, or until the lease is lost.
    async fn read(&self, stop: &CancellationToken, holder: Holder, client_id: &str) {
        let options = broker::options(&self.settings, client_id);
        let (options, barred) = match options {
            Ok(options) => (options, None),
            Err(why) => (rumqttc::v5::MqttOptions::new(client_id, "localhost", 1_883), Some(why)),
        };
        let mut options = options;
        options
            .set_clean_start(false)
            .set_session_expiry_interval(Some(SESSION_S))
            .set_receive_maximum(Some(OWED_MAX))
            .set_manual_acks(true)
            .set_keep_alive(Duration::from_secs(30));
        let (client, events) = AsyncClient::new(options, REQUESTS_MAX);
        let now = Now {
            state: ConsumerState::Connecting,
            detail: String::new(),
            since: self.clock.now(),
        };
        let session = Session {
            mqtt: self,
            client,
            client_id,
            connection: AtomicU64::new(0),
            now: Mutex::new(now),
            counts: Mutex::default(),
            wanted: Mutex::default(),
        };
        let (sender, receiver) = channel(WAITING_MAX);
        let listen = async {
            match barred {
                Some(why) => {
                    session.tell(ConsumerState::Disconnected, why);
                    std::future::pending::<()>().await;
                }
                None => session.listen(events, &sender).await,
            }
        };
        session.restore().await;
        tokio::select! {
            () = stop.cancelled() => {}
            () = listen => {}
            () = session.write(receiver) => {}
            () = session.follow() => {}
            () = session.keep(holder) => tracing::info!("Another process reads the broker from now on"),
        }
        metrics::gauge!("luna_mqtt_connected").set(0.0);
        session.keep_books(holder).await;
    }
}

fn locked<T>(value: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session<'_> {
    /// Goes on with the mappings and the topics of the database.
    async fn restore(&self) {
        let mut pauses = Pauses::new();
        loop {
            let topics = self.mqtt.topics("").await;
            let wanted = self.mqtt.refresh().await;
            if let (Ok(topics), Ok(wanted)) = (topics, wanted) {
                locked(&self.mqtt.shared.watch).restore(topics);
                *locked(&self.wanted) = wanted;
                return;
            }
            sleep(pauses.next()).await;
        }
    }

    /// Writes down how it goes; what is new is logged.
    fn tell(&self, state: ConsumerState, detail: String) {
        let mut now = locked(&self.now);
        if now.state == state && now.detail == detail {
            return;
        }
        match state {
            ConsumerState::Connected => tracing::info!("MQTT: {detail}"),
            ConsumerState::Disconnected => tracing::warn!("MQTT: {detail}"),
            _ => tracing::debug!("MQTT: {detail}"),
        }
        metrics::gauge!("luna_mqtt_connected")
            .set(f64::from(u8::from(state == ConsumerState::Connected)));
        *now = Now { state, detail, since: self.mqtt.clock.now() };
    }

    /// Takes messages from the broker into the buffer, and connects anew whenever that is needed.
    async fn listen(&self, mut events: EventLoop, sender: &Sender<Waiting>) {
        let room = Arc::new(Semaphore::new(WAITING_BYTES as usize));
        let (mut pauses, mut connected_at) = (Pauses::new(), None::<Instant>);
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    self.connection.fetch_add(1, Ordering::Relaxed);
                    connected_at = Some(Instant::now());
                    let wanted = locked(&self.wanted).clone();
                    self.subscribe(&wanted);
                    let broker = self.mqtt.settings.broker().unwrap_or_default();
                    let detail = format!("connected to {broker} as {}", self.client_id);
                    self.tell(ConsumerState::Connected, detail);
                }
                Ok(Event::Incoming(Packet::SubAck(answer))) => {
                    let is_refused = |code: &&SubscribeReasonCode| {
                        !matches!(code, SubscribeReasonCode::Success(_))
                    };
                    let refused = answer.return_codes.iter().filter(is_refused).count();
                    if refused > 0 {
                        let broker = self.mqtt.settings.broker().unwrap_or_default();
                        let detail = format!(
                            "connected to {broker}, which refuses {refused} of the topics asked for; \
                             its access rules must let Luna read them"
                        );
                        self.tell(ConsumerState::Connected, detail);
                    }
                }
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    if !self.take_in(publish, &room, sender).await {
                        return;
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    self.connection.fetch_add(1, Ordering::Relaxed);
                    let detail = broker::sentence(&error, &self.mqtt.settings);
                    self.tell(ConsumerState::Disconnected, detail);
                    if connected_at.take().is_some_and(|at| at.elapsed() > LASTING) {
                        pauses = Pauses::new();
                    }
                    sleep(pauses.next()).await;
                }
            }
        }
    }

    /// Puts a message into the buffer, once there is room; tells whether anybody reads there.
    async fn take_in(
        &self,
        publish: Publish,
        room: &Arc<Semaphore>,
        sender: &Sender<Waiting>,
    ) -> bool {
        let received_at = self.mqtt.clock.now();
        {
            let mut counts = locked(&self.counts);
            counts.messages += 1;
            counts.last_message_at = Some(received_at);
        }
        let topic = match std::str::from_utf8(&publish.topic) {
            Ok(topic) if topic.len() <= BYTES_MAX && !topic.contains('\0') => topic.to_owned(),
            _ => {
                locked(&self.counts).rows_refused += 1;
                drop(self.client.try_ack(&publish));
                return true;
            }
        };
        let message = Message {
            topic,
            payload: publish.payload.clone(),
            is_retained: publish.retain,
            is_again: publish.dup,
            is_owed: publish.qos != QoS::AtMostOnce,
            received_at,
        };
        locked(&self.mqtt.shared.watch).note(&message);
        let bytes = u32::try_from(publish.payload.len()).unwrap_or(WAITING_BYTES);
        let bytes = bytes.clamp(1, WAITING_BYTES);
        let Ok(room) = Arc::clone(room).acquire_many_owned(bytes).await else { return false };
        let connection = self.connection.load(Ordering::Relaxed);
        sender.send(Waiting { message, publish, connection, _room: room }).await.is_ok()
    }

    /// Stores what waits, batch by batch, and acknowledges it.
    async fn write(&self, mut receiver: Receiver<Waiting>) {
        while let Some(first) = receiver.recv().await {
            let latest = tokio::time::Instant::now() + BATCH_WAIT;
            let mut bytes = first.message.payload.len();
            let mut batch = vec![first];
            while batch.len() < BATCH_MAX && bytes < BATCH_BYTES {
                let until = latest.min(tokio::time::Instant::now() + BATCH_SILENCE);
                let Ok(Some(next)) = timeout_at(until, receiver.recv()).await else { break };
                bytes += next.message.payload.len();
                batch.push(next);
            }
            let messages: Vec<Message> = batch.iter().map(|it| it.message.clone()).collect();
            self.store(&messages).await;
            for waiting in &batch {
                let is_same = waiting.connection == self.connection.load(Ordering::Relaxed);
                if waiting.message.is_owed
                    && is_same
                    && let Err(error) = self.client.try_ack(&waiting.publish)
                {
                    tracing::warn!(%error, "Not acknowledged, so it comes again: {error}");
                }
            }
        }
    }

    /// Stores messages, however long that takes. A message that the database refuses for a reason of
    /// its own is put aside, so that it does not hold up the others.
    async fn store(&self, messages: &[Message]) {
        let mut parts = vec![(messages, 0)];
        let mut pauses = Pauses::new();
        while let Some((part, tries)) = parts.pop() {
            match self.mqtt.take(part).await {
                Ok(outcome) => {
                    pauses = Pauses::new();
                    self.stored(part, outcome.stored, &outcome.refused).await;
                }
                Err(error) if error.is_passing() => {
                    let waiting = part.len();
                    tracing::debug!(%error, waiting, "{waiting} messages wait for the database: {error}");
                    parts.push((part, tries));
                    sleep(pauses.next()).await;
                }
                Err(error) if part.len() > 1 => {
                    tracing::debug!(%error, "A batch is tried in halves: {error}");
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([(second, 0), (first, 0)]);
                }
                Err(_) if tries < TRIES_MAX => {
                    parts.push((part, tries + 1));
                    sleep(pauses.next()).await;
                }
                Err(error) => {
                    let topic = part.first().map_or("", |it| it.topic.as_str());
                    tracing::error!(%error, topic, "A message of {topic} cannot be stored: {error}");
                    let refused = super::taking::Refused { message: 0, reason: error.to_string() };
                    self.stored(part, 0, &[refused]).await;
                }
            }
        }
    }

    /// Takes note of what was stored and what was not.
    async fn stored(&self, messages: &[Message], stored: u64, refused: &[super::taking::Refused]) {
        {
            let mut counts = locked(&self.counts);
            counts.rows_stored += stored;
            counts.rows_refused += refused.len() as u64;
        }
        if refused.is_empty() {
            return;
        }
        {
            let mut watch = locked(&self.mqtt.shared.watch);
            for one in refused {
                if let Some(message) = messages.get(one.message) {
                    watch.refuse(&message.topic, &one.reason, message.received_at);
                }
            }
        }
        self.mqtt.complain(messages, refused).await;
    }

    /// Asks the broker for topics.
    fn subscribe(&self, filters: &[String]) {
        if filters.is_empty() {
            return;
        }
        let filters = filters.iter().map(|it| Filter::new(it, QoS::AtLeastOnce));
        if let Err(error) = self.client.try_subscribe_many(filters) {
            tracing::warn!(%error, "The broker is not asked for topics: {error}");
        }
    }

    /// Follows the mappings: what they need is asked for, what nobody needs any more is not.
    async fn follow(&self) {
        loop {
            tokio::select! {
                () = self.mqtt.shared.wake.notified() => {}
                () = sleep(FOLLOW) => {}
            }
            let Ok(wanted) = self.mqtt.refresh().await else { continue };
            let before = std::mem::replace(&mut *locked(&self.wanted), wanted.clone());
            let is_new = |filter: &&String| !before.contains(filter);
            let added: Vec<String> = wanted.iter().filter(is_new).cloned().collect();
            self.subscribe(&added);
            for filter in before.iter().filter(|filter| !wanted.contains(filter)) {
                if let Err(error) = self.client.try_unsubscribe(filter) {
                    tracing::debug!(%error, "Topics that nobody needs still come: {error}");
                }
            }
        }
    }

    /// Renews the lease and writes down what pages show, until the lease is lost.
    async fn keep(&self, holder: Holder) {
        let mut rounds = 0_u64;
        while self.keep_books(holder).await {
            if rounds.is_multiple_of(FORGET_EVERY) {
                let before = self.mqtt.clock.now() - FORGET_AFTER;
                if let Ok(mut conn) = self.mqtt.db.conn().await
                    && let Err(error) = store::forget(&mut conn, before).await
                {
                    tracing::debug!(%error, "Old samples are forgotten later: {error}");
                }
            }
            rounds += 1;
            sleep(KEEP).await;
        }
    }

    /// Tells whether the lease is still held, as far as anybody knows.
    async fn keep_books(&self, holder: Holder) -> bool {
        let counts = std::mem::take(&mut *locked(&self.counts));
        let (topics, gone) = locked(&self.mqtt.shared.watch).take_changed();
        let kept = self.write_down(holder, counts, (&topics, &gone)).await;
        match kept {
            Ok(is_held) => is_held,
            Err(error) => {
                tracing::debug!(%error, "What came is written down later: {error}");
                let mut later = locked(&self.counts);
                later.messages += counts.messages;
                later.rows_stored += counts.rows_stored;
                later.rows_refused += counts.rows_refused;
                later.last_message_at = later.last_message_at.max(counts.last_message_at);
                locked(&self.mqtt.shared.watch).put_back(topics, gone);
                true
            }
        }
    }

    async fn write_down(
        &self,
        holder: Holder,
        counts: Counts,
        (topics, gone): (&[super::model::Topic], &[String]),
    ) -> Result<bool, MqttError> {
        let (state, detail, since) = {
            let now = locked(&self.now);
            (now.state, now.detail.clone(), now.since)
        };
        let mut conn = self.mqtt.db.conn().await?;
        let is_held =
            store::renew(&mut conn, holder, (state.name(), &detail, since), counts).await?;
        if !topics.is_empty() || !gone.is_empty() {
            store::write_topics(&mut conn, topics, gone).await?;
        }
        Ok(is_held)
    }
}
