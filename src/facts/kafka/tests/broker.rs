//! From a broker made of air: what is written there arrives once, whoever ends, comes back or is away.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::facts::readings::ReadingRow;
use crate::platform::runtime::Tasks;
use crate::platform::web::Role;
use crate::testing::{ANYBODY, Browser, MockKafka};

/// Longest wait for what happens by itself, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// Longest stop.
const STOP: Duration = Duration::from_secs(20);

/// A process that reads.
struct Reader {
    tasks: Tasks,
}

impl Reader {
    fn start(kafka: &Kafka) -> Self {
        let tasks = Tasks::new();
        let (kafka, all) = (kafka.clone(), tasks.clone());
        let stop = tasks.stop_token(crate::platform::runtime::Stage::Intake);
        tasks.spawn("kafka.topics", async move { kafka.run(&all, &stop).await });
        Self { tasks }
    }

    async fn stop(self) {
        let ended = self.tasks.shutdown(STOP).await;
        assert_eq!(ended, crate::platform::runtime::Shutdown::Complete);
    }
}

async fn until<F: Future<Output = bool>>(what: &str, good: impl Fn() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !good().await {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until `rows` rows are stored.
async fn until_stored(db: &Db, rows: usize) {
    until(&format!("{rows} rows"), || async { stored(db).await.len() >= rows }).await;
}

/// Rows of several meters, a record each, keyed by meter; at most 48 slots lie before [`NOW`].
fn keyed(meters: u32, slots: std::ops::Range<i64>) -> Vec<(Value, Value)> {
    let rows = slots.flat_map(|slot| (0..meters).map(move |meter| (slot, format!("m{meter}"))));
    rows.map(|(slot, meter)| {
        let row = row(&meter, slot * 15, slot as f64);
        (json!(meter), json!(row.to_string()))
    })
    .collect()
}

/// Every row once, with the value that was written last.
async fn assert_complete(db: &Db, meters: u32, slots: i64) {
    let mut expected: Vec<String> = (0..meters)
        .flat_map(|meter| (0..slots).map(move |slot| format!("m{meter} {} {slot} ok", slot * 15)))
        .collect();
    let mut found = stored(db).await;
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_arrive_once_and_a_new_process_goes_on() {
    let Some(mut broker) = MockKafka::start("rows_arrive_once_and_a_new_process_goes_on") else {
        return;
    };
    let app = app(broker.settings()).await;
    let db = &app.services.db;
    broker.produce_by_key(TOPIC, &keyed(5, 0..10));
    let reader = Reader::start(&app.services.kafka);
    until_stored(db, 50).await;
    // What comes later, and into partitions that were empty, arrives too.
    broker.produce_by_key(TOPIC, &keyed(5, 10..20));
    until_stored(db, 100).await;
    reader.stop().await;
    assert_complete(db, 5, 20).await;
    let held = "SELECT count(*)::text AS line FROM kafka_offsets WHERE holder IS NOT NULL";
    assert_eq!(lines(db, held).await, ["0"], "what stops gives its partitions back");

    broker.produce_by_key(TOPIC, &keyed(5, 20..30));
    assert_complete(db, 5, 20).await;
    let next = Reader::start(&beside(&app, &broker.settings()));
    until_stored(db, 150).await;
    next.stop().await;
    assert_complete(db, 5, 30).await;
    let sum =
        "SELECT format('%s %s', sum(records_read), sum(rows_taken)) AS line FROM kafka_offsets";
    assert_eq!(lines(db, sum).await, ["150 150"]);

    let status = app.get(Role::Analyst, "/api/kafka").await.json(200);
    assert_eq!(status["reachable"], true);
    assert_eq!(status["missing_topics"], json!(["luna.sim.readings"]));
    let partitions = status["partitions"].as_array().unwrap();
    assert_eq!(partitions.len(), usize::try_from(MockKafka::PARTITIONS).unwrap());
    assert!(partitions.iter().all(|it| it["lag"] == 0 && it["trouble"].is_null()), "{status}");
    let browser = Browser::of(&app, Role::Admin).await;
    let page = browser.open("/admin/sources").await;
    let page = page.text();
    assert!(page.contains("luna.readings/3") && page.contains("luna.sim.readings"), "{page}");
    let health = app.get(ANYBODY, "/health").await.json(200);
    let checks = health["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "kafka").unwrap();
    assert_eq!(
        (&check["ok"], check["detail"].as_str().unwrap().ends_with("0 records wait")),
        (&json!(true), true),
        "{check}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_at_once_store_nothing_twice_and_leave_nothing_out() {
    let name = "two_processes_at_once_store_nothing_twice_and_leave_nothing_out";
    let Some(mut broker) = MockKafka::start(name) else { return };
    let app = app(broker.settings()).await;
    let db = &app.services.db;
    broker.produce_by_key(TOPIC, &keyed(8, 0..15));
    let mut readers =
        vec![Reader::start(&app.services.kafka), Reader::start(&beside(&app, &broker.settings()))];
    broker.produce_by_key(TOPIC, &keyed(8, 15..30));
    until_stored(db, 240).await;
    // One of the two ends; the other takes over what it read.
    readers.remove(0).stop().await;
    broker.produce_by_key(TOPIC, &keyed(8, 30..45));
    until_stored(db, 360).await;
    for reader in readers {
        reader.stop().await;
    }
    assert_complete(db, 8, 45).await;
    let sum =
        "SELECT format('%s %s', sum(records_read), sum(rows_taken)) AS line FROM kafka_offsets";
    assert_eq!(lines(db, sum).await, ["360 360"]);
    assert_eq!(
        lines(db, "SELECT count(*)::text AS line FROM meter_reading_revisions").await,
        ["0"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_between_good_records_holds_nothing_up() {
    let Some(mut broker) = MockKafka::start("poison_between_good_records_holds_nothing_up") else {
        return;
    };
    let app = app(broker.settings()).await;
    let good = |minute: i64| (json!("a"), json!(row("a", minute, 1.0).to_string()));
    let wrong = json!([row("a", 30, 1.0), row("a", 45, -1.0)]).to_string();
    broker.produce(
        TOPIC,
        2,
        &[
            good(0),
            (json!(null), json!({"hex": "fffe00"})),
            (json!("a"), json!(null)),
            (json!("a"), json!(wrong)),
            good(15),
        ],
    );
    app.services.kafka.drain(&place(2)).await.unwrap();
    assert_eq!(stored(&app.services.db).await, ["a 0 1 ok", "a 15 1 ok", "a 30 1 ok"]);
    let answer = app.get(Role::Analyst, "/api/kafka/refusals?topic=luna.readings").await.json(200);
    let refusals = answer["refusals"].as_array().unwrap();
    let places: Vec<_> =
        refusals.iter().map(|it| (&it["partition"], &it["offset"], &it["row"])).collect();
    assert_eq!(places, [(&json!(2), &json!(3), &json!(1)), (&json!(2), &json!(1), &json!(null))]);
    app.get(Role::Analyst, "/api/kafka/refusals?limit=0").await.problem(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_the_broker_let_go_are_counted_and_reading_goes_on() {
    let name = "records_that_the_broker_let_go_are_counted_and_reading_goes_on";
    let Some(mut broker) = MockKafka::start(name) else { return };
    let app = app(Settings { look_s: 1, ..broker.settings() }).await;
    let (kafka, db) = (&app.services.kafka, &app.services.db);
    broker.produce(TOPIC, 0, &[(json!("a"), json!(row("a", 0, 1.0).to_string()))]);
    kafka.drain(&place(0)).await.unwrap();
    // The broker keeps a few megabytes of a partition.
    let large: String = "x".repeat(200_000);
    for _ in 0..10 {
        let part: Vec<_> = (0..10).map(|_| (json!("a"), json!(large))).collect();
        broker.produce(TOPIC, 0, &part);
    }
    broker.produce(TOPIC, 0, &[(json!("a"), json!(row("a", 15, 2.0).to_string()))]);
    kafka.drain(&place(0)).await.unwrap();
    assert_eq!(stored(db).await, ["a 0 1 ok", "a 15 2 ok"]);
    let state = kafka.partitions().await.unwrap().remove(0);
    assert_eq!((state.next_offset, state.lag), (Some(102), Some(0)));
    assert!(state.records_lost > 0 && state.lost_at.is_some(), "{state:?}");
    assert_eq!(state.records_read + state.records_lost, 102, "{state:?}");
    let standing = kafka.standing().await.unwrap();
    assert!(!standing.ok && standing.detail.contains("were gone before"), "{standing:?}");
}

/// Passes on what comes to `listener`, to the brokers.
fn forward(tasks: &Tasks, listener: TcpListener, brokers: String) {
    let all = tasks.clone();
    tasks.spawn("forward", async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let mut to = TcpStream::connect(&brokers).await.unwrap();
            all.spawn("connection", async move {
                drop(tokio::io::copy_bidirectional(&mut from, &mut to).await);
            });
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_at_the_start_is_waited_for() {
    let Some(mut broker) = MockKafka::start("a_broker_that_is_away_at_the_start_is_waited_for")
    else {
        return;
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let settings = Settings { brokers: Some(address.to_string()), ..broker.settings() };
    let app = app(settings).await;
    let kafka = &app.services.kafka;
    broker.produce_by_key(TOPIC, &keyed(3, 0..4));
    let reader = Reader::start(kafka);
    until("trouble is told", || async { kafka.standing().await.is_some_and(|it| !it.ok) }).await;
    let answer = app.get(Role::Analyst, "/api/kafka").await.json(200);
    assert_eq!(answer["reachable"], false);
    assert!(answer["detail"].as_str().unwrap().starts_with(&address.to_string()), "{answer}");
    let health = app.get(ANYBODY, "/health").await.json(200);
    assert_eq!((&health["ready"], &health["status"]), (&json!(true), &json!("degraded")));

    let tasks = Tasks::new();
    forward(&tasks, TcpListener::bind(address).await.unwrap(), broker.brokers().to_owned());
    until_stored(&app.services.db, 12).await;
    until("all is well", || async { kafka.standing().await.is_some_and(|it| it.ok) }).await;
    reader.stop().await;
    assert_complete(&app.services.db, 3, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_stands_still_is_left_and_found_again() {
    let Some(mut broker) = MockKafka::start("a_broker_that_stands_still_is_left_and_found_again")
    else {
        return;
    };
    let app = app(Settings { patience_s: 1, ..broker.settings() }).await;
    let db = &app.services.db;
    broker.produce_by_key(TOPIC, &keyed(3, 0..4));
    let reader = Reader::start(&app.services.kafka);
    until_stored(db, 12).await;
    broker.signal(Signal::SIGSTOP);
    let kafka = &app.services.kafka;
    until("trouble is written down", || async {
        kafka
            .partitions()
            .await
            .unwrap()
            .iter()
            .any(|it| it.trouble.as_ref().is_some_and(|why| why.contains("no answer within 1 s")))
    })
    .await;
    broker.signal(Signal::SIGCONT);
    broker.produce_by_key(TOPIC, &keyed(3, 4..8));
    until_stored(db, 24).await;
    reader.stop().await;
    assert_complete(db, 3, 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_comes_back_and_what_is_simulated_stays_so() {
    let Some(mut broker) =
        MockKafka::start("what_is_published_comes_back_and_what_is_simulated_stays_so")
    else {
        return;
    };
    let app = app(broker.settings()).await;
    let kafka = &app.services.kafka;
    let rows: Vec<ReadingRow> = (0..100_i64)
        .map(|n| {
            let value = row(&format!("sim-m{}", n % 5), n / 5 * 15, n as f64);
            serde_json::from_value(value).unwrap()
        })
        .collect();
    let publisher = kafka.publisher();
    assert_eq!(publisher.publish(&rows[..70]).await.unwrap(), 70);
    assert_eq!(publisher.publish(&rows[70..]).await.unwrap(), 30);
    // Nobody gets a real meter's readings for simulated ones, nor the other way round.
    let mixed = [rows[0].clone(), ReadingRow::new("m0", utc(NOW))];
    let refused = publisher.publish(&mixed).await;
    assert!(matches!(refused, Err(KafkaError::BadRow { index: 1, .. })), "{refused:?}");
    broker.produce_by_key(TOPIC, &keyed(7, 0..20));

    let reader = Reader::start(kafka);
    until_stored(&app.services.db, 240).await;
    reader.stop().await;
    let found = stored(&app.services.db).await;
    let ends = |quality| found.iter().filter(|line| line.ends_with(quality)).count();
    assert_eq!((found.len(), ends(" ok"), ends(" simulated")), (240, 140, 100));
    assert!(found.iter().all(|line| line.starts_with("sim-") == line.ends_with(" simulated")));
    let refused = "SELECT sum(rows_refused)::text AS line FROM kafka_offsets";
    assert_eq!(lines(&app.services.db, refused).await, ["0"]);
    // A meter's rows are in one partition, where others with Kafka's partitioner look for them.
    let mut used = kafka.partitions().await.unwrap();
    used.retain(|it| it.records_read > 0 && it.topic == "luna.sim.readings");
    assert!(used.len() > 1 && used.iter().all(|it| it.records_read % 20 == 0), "{used:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_whose_broker_is_away_says_so_in_time() {
    let settings =
        Settings { brokers: Some("127.0.0.1:9".to_owned()), patience_s: 1, ..Settings::default() };
    let app = app(settings).await;
    let row = ReadingRow::new("sim-a", utc(NOW));
    let refused = app.services.kafka.publisher().publish(&[row]).await;
    assert!(matches!(refused, Err(KafkaError::Away { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simulation_can_send_its_readings_through_the_log() {
    let name = "a_simulation_can_send_its_readings_through_the_log";
    let Some(broker) = MockKafka::start(name) else { return };
    let by = (&crate::access::audit::By::system(), None);
    let which = crate::facts::simulation::Which { meters: true, market: false };
    let settings = broker.settings();
    let app = TestApp::with(utc("2026-03-28T12:07:32Z"), |all| {
        all.kafka = settings;
        all.simulation.output = crate::facts::simulation::Output::Kafka;
        all.simulation.history_days = 30;
    })
    .await;
    let simulation = &app.services.simulation;
    simulation.start(which, Some(5), by).await.unwrap();
    let mut sent = 0;
    loop {
        let ticked = simulation.tick().await.unwrap();
        sent += ticked.rows;
        if !ticked.has_more {
            break;
        }
    }
    let db = &app.services.db;
    assert_eq!(stored(db).await, [""; 0], "nothing goes past the log");
    let reader = Reader::start(&app.services.kafka);
    until_stored(db, usize::try_from(sent).unwrap()).await;
    reader.stop().await;
    let found = stored(db).await;
    assert_eq!(found.len() as u64, sent);
    let is_rehearsed = |line: &String| line.ends_with(" simulated") || line.ends_with(" missing");
    assert!(sent > 5_000 && found.iter().all(is_rehearsed), "{sent}");

    // The same readings as without the log.
    let straight = TestApp::with(utc("2026-03-28T12:07:32Z"), |all| {
        all.simulation.history_days = 30;
    })
    .await;
    let simulation = &straight.services.simulation;
    simulation.start(which, Some(5), by).await.unwrap();
    while simulation.tick().await.unwrap().has_more {}
    let whole = stored(&straight.services.db).await;
    assert!(whole == found, "{} and {} readings", whole.len(), found.len());
}

#[tokio::test]
async fn a_simulation_without_brokers_to_send_to_does_not_start() {
    let app = TestApp::with(utc(NOW), |all| {
        all.simulation.output = crate::facts::simulation::Output::Kafka;
    })
    .await;
    let body = serde_json::to_vec(&json!({"meters": true, "market": false})).unwrap();
    let answer = app
        .send(
            Role::Admin,
            actix_web::http::Method::POST,
            "/api/sim/start",
            Some(("application/json", body)),
        )
        .await;
    let problem = answer.problem(409);
    assert!(problem.to_string().contains("KAFKA_BROKERS"), "{problem:?}");
}
