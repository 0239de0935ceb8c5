//! Training on a real database: order in time, the exported file, the gate, evaluation.

mod day_models; // what is kept between forecasts
mod evaluation;
mod events;
mod fitting;
mod regimes;
mod serving;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::*;
use crate::access::audit::By;
use crate::algorithms::forecasting::Algorithm;
use crate::base::ids::Product;
use crate::learning::datasets::Dataset;
use crate::testing::{TestServices, ch, lively};

/// Services with prices from New Year to 2026-06-30, seen from that evening.
async fn services() -> TestServices {
    let test = TestServices::at("2026-06-30T18:00:00Z").await;
    test.put(Product::DayAhead, ("2026-01-01", "2026-06-30"), |ts| Some(lively(ts))).await;
    test
}

/// A training on the sixty days up to `until`.
fn request(model: Algorithm, until: &str) -> TrainRequest {
    TrainRequest {
        market: ch(),
        product: Product::DayAhead,
        model,
        until: Some(until.parse().unwrap()),
        window_days: Some(60),
        regime: None,
        params: quick(model),
        activate: true,
    }
}

/// Parameters that make trees small and quick.
fn quick(model: Algorithm) -> serde_json::Map<String, serde_json::Value> {
    let params = match model {
        Algorithm::Naive | Algorithm::Linear | Algorithm::Lear => json!({}),
        Algorithm::Ensemble => json!({"record_days": 7, "num_threads": 1}),
        Algorithm::Lightgbm => json!({
            "num_iterations": 60, "num_leaves": 7, "learning_rate": 0.1, "num_threads": 1,
            "min_data_in_leaf": 20, "bands": "residual",
        }),
        Algorithm::RandomForest => {
            json!({"num_iterations": 20, "num_leaves": 15, "num_threads": 1})
        }
    };
    params.as_object().unwrap().clone()
}

async fn train(test: &TestServices, request: &TrainRequest) -> TrainReport {
    test.services.training.train(request, &Watch::unseen(By::system())).await.unwrap()
}

async fn export(test: &TestServices, request: &TrainRequest) -> Dataset {
    test.services.training.export(request, &Watch::unseen(By::system())).await.unwrap()
}
