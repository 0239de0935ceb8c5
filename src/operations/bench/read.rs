//! Reading one row over HTTP with all that happens around a request, against a bare handler.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use actix_web::dev::Server;
use actix_web::error::ErrorInternalServerError;
use actix_web::web::{self, Data, Json, Path};
use actix_web::{App, HttpServer};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::client::{Load, Target, load};
use super::model::{BenchError, Benchmark, Figure, Gate, Plan, Sides, median};
use super::store;
use crate::learning::registry::ModelRecord;
use crate::learning::registry::NewModel;
use crate::learning::registry::Registry;
use crate::platform::db::Db;
use crate::platform::runtime::CpuPool;
use crate::platform::runtime::Stage;
use crate::platform::runtime::Tasks;

/// Connections of the closed loop.
const CONNECTIONS: usize = 8;
const COMPARES: &str = "GET /api/models/{id} of the whole application, with authentication, log line \
    and metrics, against a handler with nothing around it that calls the same query through the \
    same pool; 8 kept connections on loopback";

/// The application as it serves, and who may ask it.
pub struct Served {
    /// What it listens on.
    pub address: SocketAddr,
    /// Its web workers; the bare handler gets as many.
    pub workers: usize,
    /// Token of an account that may read.
    pub token: SecretString,
}

/// Registers a model to read in a scratch database, whose registry is given.
pub async fn prepare_read(scratch: &Db, registry: &Registry) -> Result<Uuid, BenchError> {
    let dataset = Uuid::now_v7();
    store::add_dataset(scratch, dataset).await?;
    let train_start = DateTime::<Utc>::UNIX_EPOCH;
    let features = ["hour", "weekday", "anchor_mean", "lag_1d", "lag_7d", "load_forecast"];
    let model = registry.begin(NewModel {
        name: "price-SIM-CH-day_ahead-lightgbm".to_owned(),
        model_type: "lightgbm",
        target_variable: "price:SIM-CH:day_ahead".to_owned(),
        train_start,
        train_end: train_start + TimeDelta::days(730),
        features: features.map(str::to_owned).to_vec(),
        future_minutes: 2_880,
        params: serde_json::json!({"num_iterations": 500, "num_leaves": 63}),
        regime: None,
        dataset: (dataset, "0".repeat(64)),
    });
    Ok(model.await?.model_id)
}

/// Reads the model `id` in rounds of `plan.requests`, through the application and the bare handler
/// in turn.
pub async fn single_row_read(
    served: &Served,
    registry: &Registry,
    id: Uuid,
    plan: &Plan,
) -> Result<Figure, BenchError> {
    let failed = |source| BenchError::Io { what: "the bare handler does not serve", source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
    let bare_address = listener.local_addr().map_err(failed)?;
    let server = bare(listener, registry.clone(), served.workers).map_err(failed)?;
    let (handle, tasks) = (server.handle(), Tasks::new());
    tasks.spawn_in(Stage::Intake, "bench.bare", async move {
        drop(server.await);
    });
    let path = format!("/api/models/{id}");
    let ours = Target::get(served.address, &path, Some(served.token.expose_secret()));
    let floor = Target::get(bare_address, &path, None);
    let plan = *plan;
    // A thread of its own for the client: what it costs is then the same for both sides.
    let pool = CpuPool::new(None);
    let measured = pool.run("bench.client", move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.and_then(|runtime| runtime.block_on(rounds(&ours, &floor, &plan)))
    });
    let measured = measured.await;
    handle.stop(false).await;
    let what = "the requests of the measurement failed";
    let (ours, floor) = measured?.map_err(|source| BenchError::Io { what, source })?;
    Ok(figure(&ours, &floor, &plan))
}

/// The floor: route, query, JSON, and nothing else.
fn bare(listener: TcpListener, registry: Registry, workers: usize) -> io::Result<Server> {
    async fn get(registry: Data<Registry>, id: Path<Uuid>) -> actix_web::Result<Json<ModelRecord>> {
        registry.get(*id).await.map(Json).map_err(ErrorInternalServerError)
    }
    let registry = Data::new(registry);
    let server = HttpServer::new(move || {
        App::new().app_data(registry.clone()).route("/api/models/{id}", web::get().to(get))
    });
    Ok(server.workers(workers).disable_signals().listen(listener)?.run())
}

async fn rounds(ours: &Target, floor: &Target, plan: &Plan) -> io::Result<(Vec<Load>, Vec<Load>)> {
    if ours.body().await? != floor.body().await? {
        return Err(io::Error::other("the application and the bare handler answer differently"));
    }
    let (mut of_ours, mut of_floor) = (Vec::new(), Vec::new());
    for round in 0..=plan.rounds {
        let mut sides = [(ours, &mut of_ours), (floor, &mut of_floor)];
        if round % 2 == 1 {
            sides.reverse();
        }
        for (target, loads) in sides {
            let measured = load(target, CONNECTIONS, plan.requests).await?;
            // The first round opens connections to the database and prepares statements.
            if round > 0 {
                loads.push(measured);
            }
        }
    }
    Ok((of_ours, of_floor))
}

fn figure(ours: &[Load], floor: &[Load], plan: &Plan) -> Figure {
    let of = |loads: &[Load], value: &dyn Fn(&Load) -> f64| {
        median(&loads.iter().map(value).collect::<Vec<_>>())
    };
    let rate = |loads: &[Load]| of(loads, &Load::rate);
    let wait_ms = |loads: &[Load], percent| of(loads, &|load| load.percentile_s(percent) * 1e3);
    let sides = Sides { ours: rate(ours), floor: rate(floor) };
    let size = (plan.requests, plan.rounds);
    let about = (COMPARES, "requests/s");
    Figure::new(Benchmark::SingleRowRead, about, sides, Gate::AtLeast(0.85), size)
        .with("p50 ours", "ms", wait_ms(ours, 50))
        .with("p50 floor", "ms", wait_ms(floor, 50))
        .with("p99 ours", "ms", wait_ms(ours, 99))
        .with("p99 floor", "ms", wait_ms(floor, 99))
}
