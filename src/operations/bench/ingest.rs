//! Readings over HTTP, against the same rows as finished text by COPY and `INSERT … ON CONFLICT`.
//!
//! The floor is what psql does with a file: the text is ready, the server parses it into a
//! temporary table, and one statement moves it into the table. Both sides write into the same table
//! with its checks and indices, each about meters of its own, one request or batch after the other.

use std::fmt::Write;
use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use secrecy::ExposeSecret;

use super::client::{Post, percentile_s, send_all};
use super::model::{BenchError, Benchmark, Figure, Gate, Plan, Sides, even, median};
use super::read::Served;
use super::store::{self, Scratch};
use crate::platform::runtime::CpuPool;

/// Rows of a request.
pub(super) const ROWS: usize = 1_000;
/// Meters of a request; each brings consecutive quarter hours.
pub(super) const METERS: usize = 10;
const COMPARES: &str = "POST /api/ingest/readings of the whole application, 1,000 rows of JSON a \
    request, checked and committed, against the same rows as finished text by COPY into a temporary \
    table and INSERT … ON CONFLICT into the same table; one connection each";
const COMPARES_IMPORT: &str = "POST /api/import/readings of a CSV file of many meters, checked and \
    committed at once, against COPY of the finished file into a temporary table and INSERT … ON \
    CONFLICT into the same table, as psql's \\copy does";
const COMPARES_GROWTH: &str = "time of a row by POST /api/ingest/readings once the table has ten \
    times the rows of the detail above it, against the smallest table";

/// How the rows of a side travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Csv,
}

/// Rows of one batch: `METERS` meters of `side`, consecutive quarter hours behind those of the
/// batches before.
pub(super) fn batch(side: &str, index: usize, rows: usize, form: Form) -> String {
    let each = rows / METERS;
    let mut text = String::with_capacity(rows * 110);
    text.push_str(if form == Form::Json { "[" } else { CSV_HEADER });
    for meter in 0..METERS {
        for step in 0..each {
            if form == Form::Json && meter + step > 0 {
                text.push(',');
            }
            push_row(&mut text, (side, meter), index * each + step, form);
        }
    }
    if form == Form::Json {
        text.push(']');
    }
    text
}

/// One row alone, as JSON: of the meters of `side` in turn.
pub(super) fn single(side: &str, place: usize) -> String {
    let mut text = String::new();
    push_row(&mut text, (side, place % METERS), place / METERS, Form::Json);
    text
}

/// Start of the quarter hour at `place`.
pub(super) fn start_of(place: usize) -> DateTime<Utc> {
    let first = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(11_000);
    first + TimeDelta::minutes(15) * i32::try_from(place).unwrap_or(i32::MAX)
}

/// Writes the row of a meter at `place`.
fn push_row(text: &mut String, (side, meter): (&str, usize), place: usize, form: Form) {
    let ts = start_of(place).to_rfc3339_opts(SecondsFormat::Secs, true);
    let watts = (even((place * METERS + meter) as u64) * 4_000.0).round();
    let kilowatts = watts / 1_000.0;
    let written = match form {
        Form::Json => write!(
            text,
            "{{\"meter_id\":\"{side}-{meter}\",\"ts\":\"{ts}\",\"interval_s\":900,\
             \"consumption_kw\":{kilowatts},\"voltage\":230.5}}"
        ),
        Form::Csv => writeln!(text, "{side}-{meter},{ts},900,{kilowatts},230.5"),
    };
    // Text in memory takes whatever is written to it.
    debug_assert!(written.is_ok());
}

const CSV_HEADER: &str = "meter_id,ts,interval_s,consumption_kw,voltage\n";

/// Sends rounds of `plan.ingest_requests` requests and copies as many batches, in turn.
pub async fn ingest_http(
    served: &Served,
    scratch: &Scratch,
    plan: &Plan,
) -> Result<Figure, BenchError> {
    let mut client = scratch.db().copy_client().await?;
    store::prepare_readings(&client).await?;
    let (mut ours, mut floor, mut copy) = (Vec::new(), Vec::new(), Vec::new());
    let mut waits = Vec::new();
    for round in 0..=plan.rounds {
        let indices = round * plan.ingest_requests..(round + 1) * plan.ingest_requests;
        let of = |side: &str, form| -> Vec<Bytes> {
            indices.clone().map(|index| batch(side, index, ROWS, form).into()).collect()
        };
        let rows = (indices.len() * ROWS) as f64;
        let mut sides = [Side::Ours, Side::Floor, Side::Copy];
        if round % 2 == 1 {
            sides.reverse();
        }
        for side in sides {
            store::checkpoint(&client).await;
            let (rates, elapsed) = match side {
                Side::Ours => {
                    let bodies = of("bench-http", Form::Json);
                    let asked =
                        requests(served, "application/json", "?create=true", bodies).await?;
                    let elapsed = asked.iter().sum::<Duration>();
                    if round > 0 {
                        waits.extend(asked);
                    }
                    (&mut ours, elapsed)
                }
                Side::Floor => {
                    let files = of("bench-psql", Form::Csv);
                    let started = Instant::now();
                    for file in files {
                        store::upsert_readings(&mut client, file).await?;
                    }
                    (&mut floor, started.elapsed())
                }
                Side::Copy => {
                    let files = of("bench-copy", Form::Csv);
                    let started = Instant::now();
                    for file in files {
                        store::copy_readings(&client, file).await?;
                    }
                    (&mut copy, started.elapsed())
                }
            };
            // The first round makes meters known and fills caches.
            if round > 0 {
                rates.push(rows / elapsed.as_secs_f64());
            }
        }
    }
    let expected = (plan.rounds + 1) * plan.ingest_requests * ROWS;
    store::same_readings(&client, ("bench-http", "bench-psql"), expected).await?;
    waits.sort();
    let wait_ms = |percent| percentile_s(&waits, percent) * 1e3;
    let sides = Sides { ours: median(&ours), floor: median(&floor) };
    let size = (plan.ingest_requests * ROWS, plan.rounds);
    let figure =
        Figure::new(Benchmark::IngestHttp, (COMPARES, "rows/s"), sides, Gate::AtLeast(0.8), size);
    Ok(figure
        .with("p50 of a request", "ms", wait_ms(50))
        .with("p99 of a request, promised ≤ 100", "ms", wait_ms(99))
        .with("COPY of the text into a table of the same form", "rows/s", median(&copy))
        .with("ours as share of it, promised ≥ 0.6", "", sides.ours / median(&copy)))
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Ours,
    Floor,
    Copy,
}

/// Sends `bodies` one after the other on a thread of the client's own; answers with the waits.
pub(super) async fn requests(
    served: &Served,
    media_type: &str,
    query: &str,
    bodies: Vec<Bytes>,
) -> Result<Vec<Duration>, BenchError> {
    let path =
        if media_type == "text/csv" { "/api/import/readings" } else { "/api/ingest/readings" };
    let post = Post {
        address: served.address,
        path: format!("{path}{query}"),
        media_type: media_type.to_owned(),
        token: served.token.expose_secret().to_owned(),
    };
    let pool = CpuPool::new(None);
    let sent = pool.run("bench.client", move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(send_all(&post, &bodies))
    });
    let what = "the requests of the measurement failed";
    sent.await?.map_err(|source: io::Error| BenchError::Io { what, source })
}

/// Imports `plan.import_rows` rows as one file a round, and copies as many.
pub async fn import_csv(
    served: &Served,
    scratch: &Scratch,
    plan: &Plan,
) -> Result<Figure, BenchError> {
    let mut client = scratch.db().copy_client().await?;
    store::prepare_readings(&client).await?;
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    let rounds = plan.rounds.min(3);
    for round in 0..=rounds {
        for is_ours in [round % 2 == 0, round % 2 == 1] {
            store::checkpoint(&client).await;
            let side = if is_ours { "bench-file" } else { "bench-copied" };
            let file = Bytes::from(batch(side, round, plan.import_rows, Form::Csv));
            let started = Instant::now();
            let took = if is_ours {
                let asked = requests(served, "text/csv", "?create=true", vec![file]).await?;
                asked.iter().sum()
            } else {
                store::upsert_readings(&mut client, file).await?;
                started.elapsed()
            };
            if round > 0 {
                let side = if is_ours { &mut ours } else { &mut floor };
                side.push(took.as_secs_f64());
            }
        }
    }
    let expected = (rounds + 1) * plan.import_rows;
    store::same_readings(&client, ("bench-file", "bench-copied"), expected).await?;
    let sides = Sides { ours: median(&ours), floor: median(&floor) };
    let size = (plan.import_rows, rounds);
    let rate = plan.import_rows as f64 / sides.ours;
    let about = (COMPARES_IMPORT, "s");
    Ok(Figure::new(Benchmark::ImportCsv, about, sides, Gate::AtMost(1.3), size).with(
        "rows of the file",
        "rows/s",
        rate,
    ))
}

/// Sends the same requests to a table of `plan.growth_rows` rows, then ten and a hundred times as
/// many.
pub async fn ingest_growth(
    served: &Served,
    scratch: &Scratch,
    plan: &Plan,
) -> Result<Figure, BenchError> {
    const NAMES: [[&str; 2]; 3] = [
        ["a row, smallest table", "p99 of a request, smallest table"],
        ["a row, ten times the rows", "p99 of a request, ten times the rows"],
        ["a row, a hundred times the rows", "p99 of a request, a hundred times the rows"],
    ];
    let client = scratch.db().copy_client().await?;
    store::empty_readings(&client).await?;
    let (mut micros, mut p99) = (Vec::new(), Vec::new());
    for (step, factor) in [1, 10, 100].into_iter().enumerate() {
        store::grow_readings(&client, plan.growth_rows * factor).await?;
        let from = step * (plan.ingest_requests + 5);
        let body = |index| Bytes::from(batch("bench-grown", index, ROWS, Form::Json));
        let warm_up = (from..from + 5).map(body).collect();
        requests(served, "application/json", "?create=true", warm_up).await?;
        let bodies = (from + 5..from + 5 + plan.ingest_requests).map(body).collect();
        let mut waits = requests(served, "application/json", "?create=true", bodies).await?;
        waits.sort();
        let rows = (waits.len() * ROWS) as f64;
        micros.push(waits.iter().sum::<Duration>().as_secs_f64() * 1e6 / rows);
        p99.push(percentile_s(&waits, 99) * 1e3);
    }
    let sides = Sides { ours: micros[2], floor: micros[0] };
    let size = (plan.growth_rows * 100, 1);
    let about = (COMPARES_GROWTH, "µs/row");
    let mut figure = Figure::new(Benchmark::IngestGrowth, about, sides, Gate::AtMost(2.0), size);
    for (names, (micros, p99)) in NAMES.iter().zip(micros.iter().zip(&p99)) {
        figure = figure.with(names[0], "µs", *micros).with(names[1], "ms", *p99);
    }
    Ok(figure)
}
