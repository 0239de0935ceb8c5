//! Predictions over HTTP at a steady rate, each written down before it is answered.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::client::{Load, Paced, Post, paced};
use super::model::{BenchError, Benchmark, Figure, Gate, Plan, Sides, median};
use super::read::Served;
use super::trees::table;
use crate::access::audit::By;
use crate::algorithms::forecasting::Algorithm;
use crate::algorithms::forecasting::Params;
use crate::learning::registry::Format;
use crate::learning::registry::ImportedModel;
use crate::learning::registry::MissingValues;
use crate::learning::registry::Order;
use crate::learning::registry::Origin;
use crate::learning::registry::Registry;
use crate::learning::training::LeadModel;
use crate::platform::runtime::CpuPool;

/// Requests a second.
const RATE: usize = 500;
/// Connections that take turns; at the promised wait each is idle most of the time.
const CONNECTIONS: usize = 16;
/// The promise, in milliseconds.
const PROMISED_MS: f64 = 5.0;
/// Most rows the trees learn from: their number is what a prediction costs.
const ROWS_MAX: usize = 8_760;
/// Days of the rows that bands are calibrated on.
const VALIDATION_DAYS: usize = 60;
const NAME: &str = "bench-lightgbm";
const SERIES: &str = "price:SIM-CH:day_ahead";
const COMPARES: &str = "p99 of POST /api/predict at 500 requests/s on 16 connections, a LightGBM model \
    with its quantiles, each answer after the commit of its row, against the promised 5 ms";

/// Fits a model and lets it serve in a scratch database, whose registry is given.
pub async fn prepare_predict(registry: &Registry, plan: &Plan) -> Result<(), BenchError> {
    let plan = *plan;
    let pool = CpuPool::new(None);
    let fitted = pool.run("bench.fit", move || {
        let rows = plan.training_rows.min(ROWS_MAX);
        let (train, valid) = (table(0, rows), table(rows, VALIDATION_DAYS * 24));
        let params = Params::from_value(json!({"num_iterations": plan.trees}));
        let never = || false;
        let fit =
            LeadModel::fit(Algorithm::Lightgbm, &params, &train, &valid, &never, &mut |_| {})?;
        Ok::<_, BenchError>((fit.model.to_bytes(), train.features))
    });
    let (bytes, features) = fitted.await??;
    let train_start = DateTime::<Utc>::UNIX_EPOCH;
    let model = ImportedModel {
        name: NAME.to_owned(),
        model_type: Algorithm::Lightgbm.name().to_owned(),
        target_variable: SERIES.to_owned(),
        train_start,
        train_end: train_start + TimeDelta::days(365),
        features,
        future_minutes: 1_440,
        params: json!({}),
        metrics: json!({}),
        origin: Origin::File,
        format: Format::Luna,
        event: None,
        missing_values: MissingValues::Native,
        signed_by: None,
        regime: None,
    };
    let by = By::command();
    let order = Order { by: &by, reason: "to measure it", accepts_unproven: true };
    let golden = [crate::learning::registry::GoldenRow {
        features: Vec::new(),
        slot: 0,
        lead_day: 1,
        expected: 0.0,
    }];
    let id = registry.take_in(&model, bytes, &golden, order).await?.model_id;
    registry.validated(id, order).await?;
    registry.activate(id, order).await?;
    Ok(())
}

/// Asks for predictions of rows that differ, at [`RATE`], in rounds of `plan.requests`.
pub async fn predict(served: &Served, plan: &Plan) -> Result<Figure, BenchError> {
    let post = Post {
        address: served.address,
        path: "/api/predict".to_owned(),
        media_type: "application/json".to_owned(),
        token: served.token.expose_secret().to_owned(),
    };
    let plan = *plan;
    // A thread of its own for the client: a delay of its own would count as one of the server.
    let pool = CpuPool::new(None);
    let measured = pool.run("bench.client", move || {
        let bodies = bodies(&plan);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut loads = Vec::new();
            for round in 0..=plan.rounds {
                let every = Duration::from_secs(1) / u32::try_from(RATE).unwrap_or(1);
                let pace = Paced { connections: CONNECTIONS, every };
                let load = paced(&post, &bodies, pace).await?;
                // The first round opens connections to the database and prepares statements.
                if round > 0 {
                    loads.push(load);
                }
            }
            Ok::<_, io::Error>(loads)
        })
    });
    let what = "the requests of the measurement failed";
    let loads = measured.await?.map_err(|source| BenchError::Io { what, source })?;
    let wait_ms = |percent| {
        median(&loads.iter().map(|load| load.percentile_s(percent) * 1e3).collect::<Vec<_>>())
    };
    let rate = median(&loads.iter().map(Load::rate).collect::<Vec<_>>());
    let sides = Sides { ours: wait_ms(99), floor: PROMISED_MS };
    let size = (plan.requests, plan.rounds);
    let about = (COMPARES, "ms");
    Ok(Figure::new(Benchmark::Predict, about, sides, Gate::AtMost(1.0), size)
        .with("p50", "ms", wait_ms(50))
        .with("p95", "ms", wait_ms(95))
        .with("rate", "requests/s", rate))
}

/// One body per request, each about another row.
fn bodies(plan: &Plan) -> Vec<Bytes> {
    let rows = table(plan.training_rows, plan.requests.min(2_000));
    let body = |row: usize| {
        let values = rows.features.iter().zip(rows.x.row(row));
        let features: Map<String, Value> =
            values.map(|(name, value)| (name.clone(), json!(value))).collect();
        Bytes::from(json!({"model": NAME, "features": features}).to_string())
    };
    (0..plan.requests).map(|request| body(request % rows.rows())).collect()
}
