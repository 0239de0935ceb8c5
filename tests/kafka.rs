//! Killed in the middle of reading a log: every row is there, and was taken once.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::program::{Home, skipped, tool};

/// Times that the process is killed unless `LUNA_FAULT_CYCLES` says otherwise.
const CYCLES: u64 = 4;
/// Meters, whose rows are spread over the partitions.
const METERS: u64 = 6;
/// Rows that are written in all cycles together: the broker keeps only a few megabytes.
const ROWS: u64 = 24_000;
/// First interval: 2020-01-01, in milliseconds since 1970.
const FIRST_MS: u64 = 1_577_836_800_000;
/// Longest end of a process that is killed.
const KILL_MAX: Duration = Duration::from_secs(10);
/// Longest wait for the last row, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// A broker made of air, in a process of its own.
struct Broker {
    place: String,
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Broker {
    fn start(test: &str) -> Option<Self> {
        let python = tool("python3").filter(|python| {
            let mut command = Command::new(python);
            command.args(["-c", "import confluent_kafka"]).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        });
        let Some(python) = python else {
            skipped(test, "confluent-kafka is not there; .ci/setup.sh test installs it");
            return None;
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/testing/kafka_mock.py");
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let commands = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut this = Self { place: String::new(), child, commands, answers };
        this.answer()["brokers"].as_str().unwrap().clone_into(&mut this.place);
        Some(this)
    }

    /// Writes rows, one a record, each minute of a meter once; their values name their places.
    fn write(&mut self, rows: std::ops::Range<u64>) {
        let records: Vec<Value> = rows
            .map(|n| {
                let (meter, minute) = (format!("m{}", n % METERS), n / METERS);
                let row = json!({"meter_id": meter, "ts": FIRST_MS + minute * 60_000,
                    "interval_s": 60, "consumption_kw": minute as f64 / 1_000.0});
                json!([meter, row.to_string()])
            })
            .collect();
        let command = json!({"topic": "luna.readings", "partition": null, "records": records});
        writeln!(self.commands, "{command}").unwrap();
        self.commands.flush().unwrap();
        let answer = self.answer();
        assert!(answer["offsets"].is_array(), "{answer}");
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: '{line}'"))
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What is in the database: rows, rows with another value than was written, replaced ones, records
/// read and rows taken as the offsets count them.
async fn found(home: &Home) -> [i64; 5] {
    let place = format!("host={} user=luna dbname=luna", home.data("run").display());
    let (client, connection) =
        tokio_postgres::connect(&place, tokio_postgres::NoTls).await.unwrap();
    let query = "SELECT (SELECT count(*) FROM smart_meter_readings),
            (SELECT count(*) FROM smart_meter_readings WHERE round(consumption_kw * 1000)
                <> ((extract(epoch FROM ts) * 1000)::bigint - $1) / 60000),
            (SELECT count(*) FROM meter_reading_revisions),
            (SELECT coalesce(sum(records_read), 0)::bigint FROM kafka_offsets),
            (SELECT coalesce(sum(rows_taken), 0)::bigint FROM kafka_offsets)";
    let first = FIRST_MS.cast_signed();
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&first];
    let row = tokio::select! {
        row = client.query_one(query, &parameters) => row.unwrap(),
        ended = connection => panic!("the database hung up: {ended:?}"),
    };
    [0, 1, 2, 3, 4].map(|at| row.get(at))
}

#[expect(clippy::print_stderr, reason = "who asks for many cycles wants to know what they found")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// A moment that follows from `cycle`, another in each.
const fn moment_ms(cycle: u64) -> u64 {
    50 + (cycle.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % 800
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_is_killed_loses_nothing_and_takes_nothing_twice() {
    let name = "a_reader_that_is_killed_loses_nothing_and_takes_nothing_twice";
    let Some(mut broker) = Broker::start(name) else { return };
    let cycles = std::env::var_os("LUNA_FAULT_CYCLES");
    let cycles = cycles.map_or(CYCLES, |text| text.to_str().unwrap().parse().unwrap());
    let home = Home::new()
        .with("KAFKA_BROKERS", broker.place.clone())
        // Small fetches: many transactions to be killed in.
        .with("LUNA_KAFKA__FETCH_BYTES_MAX", "20000")
        .with("LUNA_KAFKA__WAIT_MS", "50")
        .with("LUNA_KAFKA__LOOK_S", "1")
        .with("LUNA_KAFKA__LEASE_S", "3")
        .with("LUNA_SIMULATION__ENABLED", "false");
    let mut written = 0;
    for cycle in 0..cycles {
        let share = ROWS / cycles;
        broker.write(written..written + share);
        written += share;
        let served = home.serve().await;
        tokio::time::sleep(Duration::from_millis(moment_ms(cycle))).await;
        served.end(Signal::SIGKILL, KILL_MAX);
    }
    let _served = home.serve().await;
    let deadline = Instant::now() + PATIENCE;
    let all = i64::try_from(written).unwrap();
    while found(&home).await[0] < all {
        assert!(Instant::now() < deadline, "{:?} of {all}:\n{}", found(&home).await, home.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let [rows, torn, replaced, records, taken] = found(&home).await;
    say(&format!(
        "killed {cycles} times while it read: {written} rows written to the log, {rows} stored, \
         {torn} torn, {replaced} replaced; the offsets count {records} records and {taken} rows"
    ));
    assert_eq!([rows, torn, replaced, records, taken], [all, 0, 0, all, all]);

    let seen = home.run(&["doctor", "--json"]);
    let report: Value = serde_json::from_str(&seen.stdout).unwrap();
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["id"] == "kafka").unwrap();
    assert_eq!(check["result"], "ok", "{check}");
    drop(broker);
    let seen = home.run(&["doctor", "--json"]);
    let report: Value = serde_json::from_str(&seen.stdout).unwrap();
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["id"] == "kafka").unwrap();
    assert_eq!(check["result"], "fail", "{check}");
    assert!(check["fix"].as_str().unwrap().contains("KAFKA_BROKERS"), "{check}");
}
