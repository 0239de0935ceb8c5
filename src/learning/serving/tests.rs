//! Models at work on a real database: bundles, predictions, their truth, contests.

mod bundles;
mod contests;
mod predicting;
mod truth;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::json;

use super::bundle::{Bundle, Manifest, SCHEMA};
use super::bundles::{BundleError, TakenIn};
use super::model::PredictRequest;
use crate::access::audit::By;
use crate::algorithms::forecasting::Algorithm;
use crate::base::ids::Product;
use crate::learning::registry::Direction;
use crate::learning::registry::EventRule;
use crate::learning::registry::Format;
use crate::learning::registry::GoldenRow;
use crate::learning::registry::MissingValues;
use crate::learning::registry::ModelRecord;
use crate::learning::registry::Order;
use crate::learning::registry::Origin;
use crate::learning::training::TrainRequest;
use crate::learning::training::Watch;
use crate::platform::objects::sha256_hex;
use crate::testing::{TestServices, ch, lively, utc};

const SERIES: &str = "price:CH:day_ahead";

/// Services with prices from New Year to 2026-06-30, seen from that evening: the first of July is the
/// first day that is predicted.
async fn services() -> TestServices {
    let test = TestServices::at("2026-06-30T18:00:00Z").await;
    test.put(Product::DayAhead, ("2026-01-01", "2026-06-30"), |ts| Some(lively(ts))).await;
    test
}

/// A model of the last sixty days.
async fn train(test: &TestServices, model: Algorithm, activate: bool) -> ModelRecord {
    let request = TrainRequest {
        market: ch(),
        product: Product::DayAhead,
        model,
        until: Some("2026-06-30".parse().unwrap()),
        window_days: Some(60),
        regime: None,
        params: serde_json::Map::new(),
        activate,
    };
    let watch = Watch::unseen(By::system());
    test.services.training.train(&request, &watch).await.unwrap().model
}

fn about(ts: &str) -> PredictRequest {
    PredictRequest {
        series: Some(SERIES.into()),
        target_ts: Some(utc(ts)),
        ..PredictRequest::default()
    }
}

async fn take_in(test: &TestServices, bundle: &Bundle) -> Result<TakenIn, BundleError> {
    let by = By::system();
    let order = Order { by: &by, reason: "a test", accepts_unproven: false };
    let bytes = Bytes::from(bundle.pack().unwrap());
    test.services.bundles.take_in(bytes, Origin::File, order).await
}

/// One split of yesterday's price at 100 EUR/MWh; missing values go right. The sums are −1.5 and 0.5.
fn trees(objective: &str) -> String {
    format!(
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=1\n\
         objective={objective}\nfeature_names=hour lag_24h\n\nTree=0\nnum_leaves=2\nnum_cat=0\n\
         split_feature=1\nthreshold=100\ndecision_type=8\nleft_child=-1\nright_child=-2\n\
         leaf_value=-1.5 0.5\nis_linear=0\n\nend of trees\n"
    )
}

/// A bundle as somebody makes it elsewhere: the probability that the price is above 150.
fn event_bundle() -> Bundle {
    let model = trees("binary sigmoid:1").into_bytes();
    let row = |lag: Option<f64>, sum: f64| GoldenRow {
        features: vec![Some(12.0), lag],
        slot: 12,
        lead_day: 1,
        expected: 1.0 / (1.0 + (-sum).exp()),
    };
    Bundle {
        manifest: Manifest {
            schema: SCHEMA,
            name: "expensive-hours".into(),
            model_type: "lightgbm".into(),
            target_variable: SERIES.into(),
            task: "event".into(),
            event: Some(EventRule { direction: Direction::Above, threshold: 150.0 }),
            features: vec!["hour".into(), "lag_24h".into()],
            future_minutes: 1_440,
            missing_values: MissingValues::Native,
            regime: None,
            train_start: utc("2025-01-01T00:00:00Z"),
            train_end: utc("2026-01-01T00:00:00Z"),
            params: serde_json::Map::new(),
            scores: serde_json::Map::new(),
            format: Format::Lightgbm,
            model_sha256: sha256_hex(&model),
            created_at: utc("2026-01-02T00:00:00Z"),
        },
        model,
        golden: vec![row(Some(80.0), -1.5), row(Some(100.5), 0.5), row(None, 0.5)],
        signed_by: None,
    }
}

/// The same with values in place of probabilities, under another name.
fn value_bundle(name: &str, low: f64, high: f64) -> Bundle {
    let mut bundle = event_bundle();
    let text = trees("regression").replace("-1.5 0.5", &format!("{low} {high}"));
    bundle.model = text.into_bytes();
    let manifest = &mut bundle.manifest;
    manifest.name = name.into();
    manifest.task = "value".into();
    manifest.event = None;
    manifest.model_sha256 = sha256_hex(&bundle.model);
    for (row, expected) in bundle.golden.iter_mut().zip([low, high, high]) {
        row.expected = expected;
    }
    bundle
}

/// A model that was taken in and works, whatever it is worth.
async fn at_work(test: &TestServices, bundle: &Bundle) -> ModelRecord {
    let model = take_in(test, bundle).await.unwrap().model;
    let by = By::system();
    let order = Order { by: &by, reason: "a test", accepts_unproven: true };
    test.services.registry.activate(model.model_id, order).await.unwrap()
}

/// Lets everybody who follows changes take what has been told.
async fn follow(test: &TestServices) {
    test.services.changes.drain(&test.services.consumers()).await;
}

fn features(hour: f64, lag: Option<f64>) -> PredictRequest {
    let features = [("hour".to_owned(), Some(hour)), ("lag_24h".to_owned(), lag)];
    PredictRequest {
        series: Some(SERIES.into()),
        features: Some(features.into_iter().collect()),
        ..PredictRequest::default()
    }
}

fn instant(text: &str) -> DateTime<Utc> {
    utc(text)
}

fn object(value: &serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    value.as_object().cloned().unwrap_or_default()
}

#[test]
fn a_packed_bundle_is_the_same_again_and_always_the_same_bytes() {
    let mut bundle = event_bundle();
    bundle.manifest.params = object(&json!({"num_leaves": 2}));
    let bytes = bundle.pack().unwrap();
    assert_eq!(Bundle::unpack(&bytes).unwrap(), bundle);
    assert_eq!(bundle.pack().unwrap(), bytes);
}

/// SQL that only tests need.
mod store_tests {
    use diesel::QueryableByName;
    use diesel::sql_types::{BigInt, Double, Text, Timestamptz};
    use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

    use super::*;
    use crate::platform::db::Conn;

    #[derive(QueryableByName)]
    struct Before {
        #[diesel(sql_type = Double)]
        actual: f64,
        #[diesel(sql_type = Timestamptz)]
        scored_at: DateTime<Utc>,
        #[diesel(sql_type = Timestamptz)]
        replaced_at: DateTime<Utc>,
    }

    /// Scores that were replaced: truth, when it was known, when it was replaced.
    pub(super) async fn replaced(conn: &mut Conn) -> Vec<(f64, DateTime<Utc>, DateTime<Utc>)> {
        let query = "SELECT actual, scored_at, replaced_at FROM prediction_scores_replaced";
        let rows: Vec<Before> = diesel::sql_query(query).load(conn).await.unwrap();
        rows.into_iter().map(|row| (row.actual, row.scored_at, row.replaced_at)).collect()
    }

    #[derive(QueryableByName)]
    struct Scans {
        #[diesel(sql_type = BigInt)]
        whole: i64,
        #[diesel(sql_type = BigInt)]
        by_index: i64,
    }

    /// How often this connection's statements, and those before them, read a table from end to end,
    /// and how often by an index.
    pub(super) async fn scans(conn: &mut Conn, table: &str) -> (i64, i64) {
        conn.batch_execute("SELECT pg_stat_force_next_flush()").await.unwrap();
        let query = "SELECT sum(seq_scan)::bigint AS whole, sum(idx_scan)::bigint AS by_index \
             FROM pg_stat_user_tables WHERE relname = $1";
        let query = diesel::sql_query(query).bind::<Text, _>(table);
        let row: Scans = query.get_result(conn).await.unwrap();
        (row.whole, row.by_index)
    }
}
