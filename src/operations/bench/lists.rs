//! Lists of models over HTTP when there are a hundred thousand, and what the indices are worth.

use std::io;
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use tokio_postgres::Client;

use super::client::{Target, load, percentile_s};
use super::model::{BenchError, Benchmark, Figure, Gate, Plan, Sides, median};
use super::read::Served;
use super::store::{self, Scratch};
use crate::platform::db::DbError;
use crate::platform::runtime::CpuPool;

/// Connections of the closed loop.
const CONNECTIONS: usize = 4;
/// The promise, in milliseconds.
const PROMISED_MS: f64 = 100.0;
/// Statements per measurement with and without the indices.
const STATEMENTS: usize = 20;
const COMPARES: &str = "p95 of the slowest of five lists of GET /api/models, 50 a page, over HTTP on 4 \
    connections, against the promised 100 ms; the statement alone with the indices and without them";
/// The lists that pages and programs ask for.
const LISTS: [&str; 5] = [
    "/api/models?limit=50",
    "/api/models?limit=50&target=price:S7:day_ahead",
    "/api/models?limit=50&name=name-7",
    "/api/models?limit=50&state=retired",
    "/api/models?limit=50&model_type=linear",
];

/// Fills the scratch database with `plan.models` models, and measures lists of them.
pub async fn model_lists(
    served: &Served,
    scratch: &Scratch,
    plan: &Plan,
) -> Result<Figure, BenchError> {
    let mut client = scratch.db().copy_client().await?;
    store::fill_models(&client, plan.models).await?;
    let targets =
        LISTS.map(|path| Target::get(served.address, path, Some(served.token.expose_secret())));
    let (rounds, requests) = (plan.rounds, (plan.requests / LISTS.len()).max(20));
    // A thread of its own for the client: a delay of its own would count as one of the server.
    let pool = CpuPool::new(None);
    let measured = pool.run("bench.client", move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut p95_ms = vec![Vec::new(); LISTS.len()];
            for round in 0..=rounds {
                for (target, waits) in targets.iter().zip(&mut p95_ms) {
                    let measured = load(target, CONNECTIONS, requests).await?;
                    // The first round opens connections to the database and prepares statements.
                    if round > 0 {
                        waits.push(measured.percentile_s(95) * 1e3);
                    }
                }
            }
            Ok::<_, io::Error>(p95_ms)
        })
    });
    let what = "the requests of the measurement failed";
    let p95_ms = measured.await?.map_err(|source| BenchError::Io { what, source })?;
    let slowest = p95_ms.iter().map(|waits| median(waits)).fold(0.0, f64::max);
    let with = statements(&client).await?;
    // What is dropped comes back with the end of the transaction.
    let transaction = client.transaction().await.map_err(DbError::from)?;
    store::drop_model_indices(transaction.client()).await?;
    let without = statements(transaction.client()).await?;
    transaction.rollback().await.map_err(DbError::from)?;
    let sides = Sides { ours: slowest, floor: PROMISED_MS };
    let about = (COMPARES, "ms");
    Ok(Figure::new(Benchmark::ModelLists, about, sides, Gate::AtMost(1.0), (plan.models, rounds))
        .with("p95 of the first page", "ms", median(&p95_ms[0]))
        .with("p95 of one series", "ms", median(&p95_ms[1]))
        .with("p95 of one state", "ms", median(&p95_ms[3]))
        .with("statement with indices, p95", "ms", with)
        .with("statement without them, p95", "ms", without))
}

/// How long the statement of a list takes that narrows down to one series, in milliseconds.
async fn statements(client: &Client) -> Result<f64, BenchError> {
    let mut waits: Vec<Duration> = Vec::with_capacity(STATEMENTS);
    for _ in 0..STATEMENTS {
        let started = Instant::now();
        let rows = store::list_models(client).await?;
        waits.push(started.elapsed());
        if rows == 0 {
            return Err(BenchError::Differs("the list of models is empty".to_owned()));
        }
    }
    waits.sort();
    Ok(percentile_s(&waits, 95) * 1e3)
}
