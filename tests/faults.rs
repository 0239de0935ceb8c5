//! Killed in the middle of taking readings in: what was acknowledged is there, once.
//!
//! A few cycles run with every test run; `make test-faults` asks for many more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::program::{Home, client};

/// Cycles of one run unless `LUNA_FAULT_CYCLES` says otherwise.
const CYCLES: u64 = 3;
/// Those who send at the same time, each readings of a meter of its own.
const SENDERS: usize = 3;
/// Rows of a request.
const ROWS: u64 = 100;
/// Longest end of a process that is killed.
const KILL_MAX: Duration = Duration::from_secs(10);
/// First interval, in milliseconds since 1970: 2020-01-01.
const FIRST_MS: u64 = 1_577_836_800_000;

/// What one sender knows: how often it asked, and which requests were answered with 200.
#[derive(Default)]
struct Sent {
    asked: u64,
    acknowledged: Vec<u64>,
}

/// The rows of request `batch` of a sender, a minute each; their values name their place.
fn rows(sender: usize, batch: u64) -> Value {
    let row = |step| {
        let place = batch * ROWS + step;
        json!({"meter_id": format!("m{sender}"), "ts": FIRST_MS + place * 60_000,
            "interval_s": 60, "consumption_kw": place as f64 / 1_000.0})
    };
    (0..ROWS).map(row).collect()
}

/// Sends until the server is gone or the cycle is over.
async fn send(
    url: String,
    key: String,
    sender: usize,
    mut sent: Sent,
    over: Arc<AtomicBool>,
) -> Sent {
    let client = client().build().unwrap();
    while !over.load(Ordering::Relaxed) {
        let batch = sent.asked;
        let request = client.post(&url).header("X-API-Key", &key).json(&rows(sender, batch));
        sent.asked += 1;
        let Ok(answer) = request.send().await else { break };
        // An answer counts only when all of it arrived.
        let status = answer.status();
        let Ok(text) = answer.text().await else { break };
        assert_eq!(status.as_u16(), 200, "{text}");
        sent.acknowledged.push(batch);
    }
    sent
}

/// A number that follows from `cycle`: the moment of the kill is another in each.
const fn moment_ms(cycle: u64) -> u64 {
    5 + (cycle.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % 400
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_being_killed_and_is_there_once() {
    let asked = std::env::var_os("LUNA_FAULT_CYCLES");
    let cycles = asked.map_or(CYCLES, |text| text.to_str().unwrap().parse().unwrap());
    let home = Home::new()
        .with("LUNA_SIMULATION__ENABLED", "false")
        .with("LUNA_SERVER__REQUESTS_PER_MINUTE", "0");
    let key = key_for_readings(&home);
    let url = home.url("/api/ingest/readings?create=true");
    let mut all: Vec<Sent> = (0..SENDERS).map(|_| Sent::default()).collect();
    for cycle in 0..cycles {
        let served = home.serve().await;
        let over = Arc::new(AtomicBool::new(false));
        let mut sending = JoinSet::new();
        for (n, sent) in all.drain(..).enumerate() {
            let (url, key, over) = (url.clone(), key.clone(), Arc::clone(&over));
            sending.spawn(async move { (n, send(url, key, n, sent, over).await) });
        }
        tokio::time::sleep(Duration::from_millis(moment_ms(cycle))).await;
        served.end(Signal::SIGKILL, KILL_MAX);
        over.store(true, Ordering::Relaxed);
        let mut ended = sending.join_all().await;
        ended.sort_by_key(|(n, _)| *n);
        all = ended.into_iter().map(|(_, sent)| sent).collect();
    }
    let _served = home.serve().await;
    let socket = home.data("run");
    let (lost, torn, rows) = compared(&socket.display().to_string(), &all).await;
    let acknowledged: usize = all.iter().map(|sent| sent.acknowledged.len()).sum();
    let asked: u64 = all.iter().map(|sent| sent.asked).sum();
    eprintln!(
        "killed {cycles} times: {asked} requests of {ROWS} rows, {acknowledged} acknowledged, \
         {rows} rows stored; {lost} acknowledged requests lost, {torn} torn or doubled"
    );
    assert!(acknowledged > 0, "nothing was sent");
    assert_eq!((lost, torn), (0, 0));
}

fn key_for_readings(home: &Home) -> String {
    let create = ["admin", "create-user", "--email", "ops", "--role", "admin", "--password-stdin"];
    let created = home.run_with(&create, "c4n4ry horse battery\n");
    assert_eq!(created.code, Some(0), "{created:?}");
    let made =
        home.run(&["keys", "create", "--email", "ops", "--name", "faults", "--scope", "ingest"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    made.stdout.trim().to_owned()
}

/// Acknowledged requests without their rows, requests of which only a part is there or whose rows
/// were written twice, and rows in all.
async fn compared(socket: &str, all: &[Sent]) -> (u64, u64, i64) {
    let place = format!("host={socket} user=luna dbname=luna");
    let (client, connection) =
        tokio_postgres::connect(&place, tokio_postgres::NoTls).await.unwrap();
    let mut driven = JoinSet::new();
    driven.spawn(connection);
    let (mut lost, mut torn, mut rows) = (0, 0, 0);
    for (n, sent) in all.iter().enumerate() {
        let query = "SELECT ((extract(epoch FROM ts) * 1000)::bigint - $2) / 60000 / $3 AS batch, \
                count(*), bool_and(round(consumption_kw * 1000)
                    = ((extract(epoch FROM ts) * 1000)::bigint - $2) / 60000) \
             FROM smart_meter_readings WHERE meter_id = $1 GROUP BY 1";
        let (first, size) = (FIRST_MS.cast_signed(), ROWS.cast_signed());
        let found = client.query(query, &[&format!("m{n}"), &first, &size]).await.unwrap();
        let mut whole = std::collections::HashSet::new();
        for row in found {
            let (batch, count, right): (i64, i64, bool) = (row.get(0), row.get(1), row.get(2));
            rows += count;
            if count == size && right {
                whole.insert(batch.cast_unsigned());
            } else {
                torn += 1;
            }
        }
        lost += sent.acknowledged.iter().filter(|batch| !whole.contains(batch)).count() as u64;
    }
    // A row that was written a second time would have left its first value here.
    let revised =
        client.query_one("SELECT count(*) FROM meter_reading_revisions", &[]).await.unwrap();
    torn += revised.get::<_, i64>(0).unsigned_abs();
    (lost, torn, rows)
}
