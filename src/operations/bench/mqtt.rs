//! Readings over MQTT, against the same rows over HTTP.
//!
//! A broker is started for the run, and the application reads it as it reads any other. The clock
//! runs from the first message until the last row can be read from the table, so the broker's own
//! work counts as Luna's.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;
use uuid::Uuid;

use super::ingest::{Form, METERS, ROWS, batch, requests, single};
use super::model::{BenchError, Benchmark, Figure, Gate, Plan, Sides, median};
use super::read::Served;
use super::store::{self, Scratch};
use crate::platform::runtime::CpuPool;

/// Rows of a message.
const MESSAGE_ROWS: usize = 100;
/// Messages on their way that the broker has not acknowledged yet.
const OWED_MAX: usize = 500;
/// Longest wait for the broker, and for the last row of a round.
const PATIENCE: Duration = Duration::from_mins(1);
/// Pause between two looks at the table.
const LOOK: Duration = Duration::from_millis(5);
/// Topic that Luna reads rows of its own form from.
const TOPIC: &str = "luna/readings";
const COMPARES: &str = "rows over MQTT, 100 a message at QoS 1, from the first message to a broker \
    of the run's own until the last row is committed, against the same rows by POST \
    /api/ingest/readings, 1,000 a request";

/// A broker, Mosquitto, that lives as long as this.
pub struct Broker {
    child: Child,
    settings: PathBuf,
    port: u16,
}

impl Broker {
    /// Starts one on a free port of the loopback address.
    ///
    /// # Errors
    /// [`BenchError::NoBroker`] when there is no program `mosquitto`.
    pub fn start() -> Result<Self, BenchError> {
        let what = "a broker could not be started";
        let io = |source| BenchError::Io { what, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(io)?;
        let port = listener.local_addr().map_err(io)?.port();
        drop(listener);
        let settings = std::env::temp_dir().join(format!("luna-bench-{}.conf", Uuid::new_v4()));
        // A broker that gives up messages when they come faster than they are read measures nothing.
        let lines = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n\
             max_inflight_messages 0\n"
        );
        std::fs::write(&settings, lines).map_err(io)?;
        let spawn = |program: &str| {
            let mut command = Command::new(program);
            command.arg("-c").arg(&settings).stdin(Stdio::null());
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()
        };
        // Debian keeps it where only root's search path leads.
        if let Ok(child) = spawn("mosquitto").or_else(|_| spawn("/usr/sbin/mosquitto")) {
            return Ok(Self { child, settings, port });
        }
        drop(std::fs::remove_file(&settings));
        Err(BenchError::NoBroker)
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_file(&self.settings));
    }
}

/// Publishes rounds of `plan.ingest_requests` × 1,000 rows to `broker`, which the application
/// reads, and posts as many; then a fifth of them one a message.
pub async fn ingest_mqtt(
    served: &Served,
    broker: &Broker,
    scratch: &Scratch,
    plan: &Plan,
) -> Result<Figure, BenchError> {
    let client = scratch.db().copy_client().await?;
    store::prepare_readings(&client).await?;
    until_read(broker, &client).await?;
    let (mut ours, mut floor, mut single_rates) = (Vec::new(), Vec::new(), Vec::new());
    let rows = plan.ingest_requests * ROWS;
    for round in 0..=plan.rounds {
        for is_ours in [round % 2 == 0, round % 2 == 1] {
            store::checkpoint(&client).await;
            let elapsed = if is_ours {
                let count = rows / MESSAGE_ROWS;
                let indices = round * count..(round + 1) * count;
                let messages = indices
                    .map(|index| batch("bench-mqtt", index, MESSAGE_ROWS, Form::Json).into())
                    .collect();
                let last = ((round + 1) * rows / METERS) - 1;
                stored(broker, &client, messages, ("bench-mqtt", last)).await?
            } else {
                let indices = round * plan.ingest_requests..(round + 1) * plan.ingest_requests;
                let bodies =
                    indices.map(|index| batch("bench-post", index, ROWS, Form::Json).into());
                let waits =
                    requests(served, "application/json", "?create=true", bodies.collect()).await?;
                waits.iter().sum()
            };
            if round > 0 {
                let side = if is_ours { &mut ours } else { &mut floor };
                side.push(rows as f64 / elapsed.as_secs_f64());
            }
        }
        let few = rows / 5;
        let places = round * few..(round + 1) * few;
        let messages = places.map(|place| single("bench-single", place).into()).collect();
        let last = ((round + 1) * few / METERS) - 1;
        let elapsed = stored(broker, &client, messages, ("bench-single", last)).await?;
        if round > 0 {
            single_rates.push(few as f64 / elapsed.as_secs_f64());
        }
    }
    let expected = (plan.rounds + 1) * rows;
    store::same_readings(&client, ("bench-mqtt", "bench-post"), expected).await?;
    let kept = store::count_readings(&client, "bench-single").await?;
    if kept != expected / 5 {
        let lost = format!("of {} rows sent one a message {kept} are stored", expected / 5);
        return Err(BenchError::Differs(lost));
    }
    let sides = Sides { ours: median(&ours), floor: median(&floor) };
    let about = (COMPARES, "rows/s");
    let figure =
        Figure::new(Benchmark::IngestMqtt, about, sides, Gate::AtLeast(0.5), (rows, plan.rounds));
    Ok(figure.with("one reading a message", "rows/s", median(&single_rates)))
}

/// Waits until what is published is stored: the application takes a moment to subscribe, and what
/// comes before that is nobody's.
async fn until_read(broker: &Broker, client: &Client) -> Result<(), BenchError> {
    let latest = Instant::now() + PATIENCE;
    while Instant::now() < latest {
        let published = publish(broker, vec![single("bench-probe", METERS - 1).into()]).await;
        sleep(Duration::from_millis(200)).await;
        if published.is_ok() && store::has_reading(client, &last_of("bench-probe", 0)).await? {
            return Ok(());
        }
    }
    Err(BenchError::Differs("the application does not read the broker".to_owned()))
}

/// Name of the last meter of a side, and the place of its row.
fn last_of(side: &str, place: usize) -> (String, usize) {
    (format!("{side}-{}", METERS - 1), place)
}

/// Publishes `messages`; from the first of them until the row at `last` of the last meter is there.
async fn stored(
    broker: &Broker,
    client: &Client,
    messages: Vec<Bytes>,
    (side, last): (&str, usize),
) -> Result<Duration, BenchError> {
    let row = last_of(side, last);
    let started = Instant::now();
    let published = publish(broker, messages);
    let arrived = async {
        while !store::has_reading(client, &row).await? {
            if started.elapsed() > PATIENCE {
                let missing = format!("row {last} of {side} is not stored within a minute");
                return Err(BenchError::Differs(missing));
            }
            sleep(LOOK).await;
        }
        Ok(started.elapsed())
    };
    let (published, arrived) = tokio::join!(published, arrived);
    published?;
    arrived
}

/// Publishes `messages` on a thread of the client's own, and waits until the broker has them.
async fn publish(broker: &Broker, messages: Vec<Bytes>) -> Result<(), BenchError> {
    let mut options =
        MqttOptions::new(format!("bench-{}", Uuid::new_v4()), "127.0.0.1", broker.port);
    options.set_keep_alive(Duration::from_mins(5));
    let pool = CpuPool::new(None);
    let sent = pool.run("bench.client", move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(send(options, &messages))
    });
    let what = "the messages of the measurement could not be published";
    sent.await?.map_err(|source| BenchError::Io { what, source })
}

async fn send(options: MqttOptions, messages: &[Bytes]) -> std::io::Result<()> {
    let (client, mut events) = AsyncClient::new(options, OWED_MAX + 10);
    let (mut sent, mut acknowledged) = (0, 0);
    while acknowledged < messages.len() {
        while sent < messages.len() && sent - acknowledged < OWED_MAX {
            let payload = messages[sent].clone();
            client
                .try_publish(TOPIC, QoS::AtLeastOnce, false, payload)
                .map_err(std::io::Error::other)?;
            sent += 1;
        }
        let event = timeout(PATIENCE, events.poll()).await.map_err(std::io::Error::other)?;
        let event = event.map_err(std::io::Error::other)?;
        acknowledged += usize::from(matches!(event, Event::Incoming(Packet::PubAck(_))));
    }
    Ok(())
}
