//! What the registry keeps and what it refuses.

use chrono::{DateTime, Duration, Utc};
use ndarray::Array2;
use serde_json::json;

use super::*;
use crate::access::audit::By;
use crate::algorithms::forecasting::RowKey;
use crate::algorithms::forecasting::Table;
use crate::algorithms::forecasting::scores::score;
use crate::base::ids::Product;
use crate::learning::datasets::NewDataset;
use crate::learning::features::FeatureTable;
use crate::testing::{TestServices, ch, utc};

const NOW: &str = "2026-03-28T12:00:00Z";
const SERIES: &str = "price:CH:day_ahead";

/// Services, and a model of a dataset of one row.
async fn services() -> (TestServices, NewModel) {
    let test = TestServices::at(NOW).await;
    let table = FeatureTable {
        ts: vec![utc(NOW)],
        issued_at: vec![utc(NOW)],
        known_at: vec![utc(NOW)],
        interval_s: 3_600,
        table: Table {
            features: vec!["hour".into()],
            x: Array2::zeros((1, 1)),
            y: vec![1.0],
            groups: vec![RowKey { day: 1, slot: 0, lead_day: 1 }],
        },
    };
    let days = ("2026-03-28".parse().unwrap(), "2026-03-28".parse().unwrap());
    let new = NewDataset { market: ch(), product: Product::DayAhead, table, days };
    let dataset = test.services.datasets.export(new, &By::system()).await.unwrap();
    let model = NewModel {
        name: "price-CH-day_ahead-linear".into(),
        model_type: "linear",
        target_variable: SERIES.into(),
        train_start: utc("2026-01-01T00:00:00Z"),
        train_end: utc("2026-03-01T00:00:00Z"),
        features: vec!["hour".into()],
        future_minutes: 10_080,
        params: json!({}),
        dataset: (dataset.dataset_id, dataset.sha256),
    };
    (test, model)
}

fn metrics(passed: bool) -> ModelMetrics {
    let scores = score(&[1.0, 2.0], &[1.5, 2.0], None, None).unwrap();
    ModelMetrics {
        train_rows: 10,
        validation_rows: 2,
        validation: scores.clone(),
        naive: scores,
        by_lead: vec![LeadMae { lead_day: 1, n: 2, mae: 0.25, naive_mae: 0.5 }],
        later_days_by: Some("naive".into()),
        gate: Gate { passed, reason: "MAE 0.25 against 0.50".into() },
        training_s: 0.1,
        importance: vec![("hour".into(), 1.0)],
    }
}

/// Spoils a model that could be registered.
type Fault = fn(&mut NewModel);

#[actix_web::test]
async fn models_that_make_no_sense_are_refused_by_the_database() {
    let (test, new) = services().await;
    let registry = &test.services.registry;
    assert_eq!(registry.begin(new.clone()).await.unwrap().version, 1);
    let faults: [(&str, Fault); 6] = [
        ("no future", |model| model.future_minutes = 0),
        ("no features", |model| model.features.clear()),
        ("no range", |model| model.train_end = model.train_start),
        ("no such algorithm", |model| model.model_type = "arima"),
        ("no name", |model| model.name.clear()),
        ("no target", |model| model.target_variable.clear()),
    ];
    for (what, spoil) in faults {
        let mut model = new.clone();
        spoil(&mut model);
        let refused = registry.begin(model).await;
        assert!(matches!(refused, Err(RegistryError::Db(_))), "{what}: {refused:?}");
    }
    assert_eq!(registry.count().await.unwrap(), 1);
}

#[actix_web::test]
async fn versions_count_up_whoever_trains_at_once() {
    let (test, new) = services().await;
    let begun = (0..6).map(|_| test.services.registry.begin(new.clone()));
    let models = futures_util::future::try_join_all(begun).await.unwrap();
    let mut versions: Vec<i32> = models.iter().map(|model| model.version).collect();
    versions.sort_unstable();
    assert_eq!(versions, [1, 2, 3, 4, 5, 6]);
    assert!(models.iter().all(|model| model.status == ModelStatus::Training));
}

#[actix_web::test]
async fn only_ready_models_that_passed_the_gate_serve_and_serving_ones_stay() {
    let (test, new) = services().await;
    let registry = &test.services.registry;
    let first = registry.begin(new.clone()).await.unwrap().model_id;
    assert!(matches!(
        registry.activate(first, &By::system()).await,
        Err(RegistryError::NotReady { .. })
    ));
    let ready = registry.complete(first, &b"bytes"[..], &metrics(true)).await.unwrap();
    assert_eq!(ready.metrics.as_ref(), Some(&metrics(true)));
    assert_eq!(registry.artifact(&ready).await.unwrap(), "bytes");
    assert!(registry.activate(first, &By::system()).await.unwrap().is_active);
    assert!(matches!(
        registry.delete(first, &By::system()).await,
        Err(RegistryError::Serving { .. })
    ));

    let second = registry.begin(new.clone()).await.unwrap().model_id;
    registry.complete(second, &b"other"[..], &metrics(false)).await.unwrap();
    assert!(matches!(
        registry.activate(second, &By::system()).await,
        Err(RegistryError::GateClosed { .. })
    ));
    assert_eq!(registry.serving(SERIES).await.unwrap().unwrap().model_id, first);
    assert_eq!(registry.newest_ready(SERIES).await.unwrap().unwrap().model_id, second);

    let third = registry.begin(new.clone()).await.unwrap().model_id;
    registry.complete(third, &b"third"[..], &metrics(true)).await.unwrap();
    registry.activate(third, &By::system()).await.unwrap();
    assert!(!registry.get(first).await.unwrap().is_active);
    assert_eq!(registry.count_serving().await.unwrap(), 1);

    registry.delete(first, &By::system()).await.unwrap();
    for gone in
        [registry.get(first).await.err(), registry.activate(first, &By::system()).await.err()]
    {
        assert!(matches!(gone, Some(RegistryError::Unknown(_))));
    }
    assert!(!registry.deactivate(third, &By::system()).await.unwrap().is_active);
    registry.delete(third, &By::system()).await.unwrap();
    assert_eq!(registry.count().await.unwrap(), 1);
}

#[actix_web::test]
async fn a_damaged_model_is_not_handed_out() {
    let (test, new) = services().await;
    let registry = &test.services.registry;
    let model = registry.begin(new.clone()).await.unwrap().model_id;
    let model = registry.complete(model, &b"bytes"[..], &metrics(true)).await.unwrap();
    let path = test.folder().join(format!("models/{}.bin", model.model_id));
    std::fs::write(path, b"bites").unwrap();
    assert!(matches!(registry.artifact(&model).await, Err(RegistryError::Object(_))));
}

#[actix_web::test]
async fn trainings_that_never_ended_are_marked_as_failed() {
    let (test, new) = services().await;
    let registry = &test.services.registry;
    let (cut_off, done) =
        (registry.begin(new.clone()).await.unwrap(), registry.begin(new.clone()).await.unwrap());
    registry.complete(done.model_id, &b"bytes"[..], &metrics(true)).await.unwrap();
    let now: DateTime<Utc> = utc(NOW);
    assert_eq!(registry.fail_abandoned(now).await.unwrap(), 0);
    assert_eq!(registry.fail_abandoned(now + Duration::seconds(1)).await.unwrap(), 1);
    let cut_off = registry.get(cut_off.model_id).await.unwrap();
    assert_eq!(cut_off.status, ModelStatus::Failed);
    assert!(cut_off.error.unwrap().contains("stopped"));
    assert_eq!(registry.get(done.model_id).await.unwrap().status, ModelStatus::Ready);
}
