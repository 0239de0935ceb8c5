//! Messages of a real broker into readings, and what is known about them.

mod devices; // presets, with payloads as the devices send them
mod mappings; // what people say numbers mean, over HTTP and on the page
mod road; // restarts, bursts, a database that is away, logins

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::facts::mqtt::{ConsumerState, Settings};
use crate::platform::runtime::{Shutdown, Tasks};
use crate::platform::web::Role;
use crate::testing::{TestApp, lines, utc};

/// Longest wait for something to come true on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The application with a broker.
async fn app_at(settings: Settings) -> TestApp {
    TestApp::with(utc("2026-03-28T12:00:00Z"), |all| *all.mqtt = settings).await
}

/// A consumer that runs beside the test.
struct Running {
    tasks: Tasks,
    stop: CancellationToken,
}

impl Running {
    fn start(app: &TestApp) -> Self {
        let (tasks, stop) = (Tasks::new(), CancellationToken::new());
        let (mqtt, token) = (app.services.mqtt.clone(), stop.clone());
        tasks.spawn("mqtt", async move { mqtt.run(&token).await });
        Self { tasks, stop }
    }

    /// Started, and connected to the broker.
    async fn connected(app: &TestApp) -> Self {
        let running = Self::start(app);
        until(app, "connected", async |app| {
            app.services.mqtt.standing().await.unwrap().state == ConsumerState::Connected
        })
        .await;
        running
    }

    async fn stop(self) {
        self.stop.cancel();
        assert_eq!(self.tasks.shutdown(PATIENCE).await, Shutdown::Complete);
    }
}

/// Waits until something is true.
async fn until(app: &TestApp, what: &str, is_so: impl AsyncFn(&TestApp) -> bool) {
    let latest = Instant::now() + PATIENCE;
    while !is_so(app).await {
        if Instant::now() > latest {
            let standing = app.services.mqtt.standing().await;
            panic!("not {what}: {standing:#?} {:#?}", app.services.mqtt.topics("").await);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Every reading, as meter, time, length, power taken and given, quality.
async fn stored(app: &TestApp) -> Vec<String> {
    let query = "SELECT concat_ws(' ', meter_id, to_char(ts AT TIME ZONE 'UTC', 'HH24:MI:SS'), \
         interval_s, coalesce(round(consumption_kw::numeric, 4)::float8::text, '-'), \
         coalesce(round(production_kw::numeric, 4)::float8::text, '-'), quality) AS line \
         FROM smart_meter_readings ORDER BY meter_id, ts";
    lines(&app.services.db, query).await
}

/// Waits until these readings are stored, and no others.
async fn until_stored(app: &TestApp, wanted: &[&str]) {
    until(app, &format!("stored: {wanted:#?}"), async |app| stored(app).await == wanted).await;
}

/// How many readings there are.
async fn count(app: &TestApp) -> usize {
    let query = "SELECT count(*)::text AS line FROM smart_meter_readings";
    lines(&app.services.db, query).await[0].parse().unwrap()
}

/// Waits until a topic has had so many messages.
async fn until_seen(app: &TestApp, topic: &str, messages: u64) {
    until(app, &format!("{messages} messages of {topic}"), async |app| {
        let topics = app.services.mqtt.topics(topic).await.unwrap();
        topics.iter().any(|it| it.topic == topic && it.messages >= messages)
    })
    .await;
}

/// The answer to a new mapping, which is in force when this returns.
async fn map(app: &TestApp, says: &Value) -> Value {
    let answer = app.post(Role::Admin, "/api/mqtt/mappings", says).await.json(201);
    // The database tells processes that listen to it; tests have none that does.
    app.services.mqtt.refresh().await.unwrap();
    app.services.mqtt.wake();
    answer
}
