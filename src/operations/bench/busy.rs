//! Reading over HTTP while the program's own pool fits trees: pages must not wait for training.

use std::io;
use std::sync::Arc;

use secrecy::ExposeSecret;
use uuid::Uuid;

use super::client::{Load, Target, load};
use super::model::{BenchError, Benchmark, Figure, Gate, Plan, Sides, median};
use super::read::Served;
use super::trees::{StopOnDrop, keep_fitting};
use crate::platform::runtime::CpuPool;

/// Connections that ask one after the other, each as fast as it is answered.
const CONNECTIONS: usize = 4;
/// The promise, in milliseconds.
const PROMISED_MS: f64 = 200.0;
const COMPARES: &str = "p95 of GET /api/models/{id} on 4 busy connections while LightGBM is fitted \
    on the program's own pool for heavy work, against the promised 200 ms";

/// Reads the model `id` in rounds of `plan.requests`, alone and while trees are fitted on `pool`.
pub async fn read_while_training(
    served: &Served,
    pool: &CpuPool,
    id: Uuid,
    plan: &Plan,
) -> Result<Figure, BenchError> {
    let path = format!("/api/models/{id}");
    let target = Target::get(served.address, &path, Some(served.token.expose_secret()));
    let idle = rounds(&target, *plan).await?;
    let stop = StopOnDrop::default();
    let stopped = Arc::clone(&stop.0);
    let busy = async {
        let busy = rounds(&target, *plan).await;
        drop(stop);
        busy
    };
    let (fitted, busy) = tokio::join!(keep_fitting(pool, plan, &stopped), busy);
    fitted?;
    let p95_ms = |loads: &[Load], percent| {
        median(&loads.iter().map(|load| load.percentile_s(percent) * 1e3).collect::<Vec<_>>())
    };
    let busy = busy?;
    let sides = Sides { ours: p95_ms(&busy, 95), floor: PROMISED_MS };
    let size = (plan.requests, plan.rounds);
    let about = (COMPARES, "ms");
    Ok(Figure::new(Benchmark::ReadWhileTraining, about, sides, Gate::AtMost(1.0), size)
        .with("p95 without training", "ms", p95_ms(&idle, 95))
        .with("p50 without training", "ms", p95_ms(&idle, 50))
        .with("p50 while training", "ms", p95_ms(&busy, 50))
        .with("p99 while training", "ms", p95_ms(&busy, 99)))
}

/// The rounds on a thread of the client's own, so that it waits for nobody else's work.
async fn rounds(target: &Target, plan: Plan) -> Result<Vec<Load>, BenchError> {
    let target = target.clone();
    let pool = CpuPool::new(None);
    let measured = pool.run("bench.client", move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut loads = Vec::new();
            for _ in 0..plan.rounds {
                loads.push(load(&target, CONNECTIONS, plan.requests).await?);
            }
            Ok::<_, io::Error>(loads)
        })
    });
    let what = "the requests of the measurement failed";
    measured.await?.map_err(|source| BenchError::Io { what, source })
}
