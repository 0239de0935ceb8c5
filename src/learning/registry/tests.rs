//! What the registry keeps and what it refuses.

use chrono::{DateTime, Duration, Utc};
use diesel_async::SimpleAsyncConnection;
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
    let new = NewDataset { market: ch(), product: Product::DayAhead, table, days, regime: None };
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
        regime: None,
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
        ("no future", |model| model.future_minutes = -5),
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
    let ready = registry.complete(first, &b"bytes"[..], &metrics(true), &[]).await.unwrap();
    assert_eq!(ready.metrics.as_ref(), Some(&metrics(true)));
    assert_eq!(registry.artifact(&ready).await.unwrap(), "bytes");
    assert!(registry.activate(first, &By::system()).await.unwrap().is_active);
    assert!(matches!(
        registry.delete(first, &By::system()).await,
        Err(RegistryError::Serving { .. })
    ));

    let second = registry.begin(new.clone()).await.unwrap().model_id;
    registry.complete(second, &b"other"[..], &metrics(false), &[]).await.unwrap();
    assert!(matches!(
        registry.activate(second, &By::system()).await,
        Err(RegistryError::GateClosed { .. })
    ));
    assert_eq!(registry.serving(SERIES).await.unwrap().unwrap().model_id, first);
    assert_eq!(registry.newest_ready(SERIES).await.unwrap().unwrap().model_id, second);

    let third = registry.begin(new.clone()).await.unwrap().model_id;
    registry.complete(third, &b"third"[..], &metrics(true), &[]).await.unwrap();
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
    let model = registry.complete(model, &b"bytes"[..], &metrics(true), &[]).await.unwrap();
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
    registry.complete(done.model_id, &b"bytes"[..], &metrics(true), &[]).await.unwrap();
    let now: DateTime<Utc> = utc(NOW);
    assert_eq!(registry.fail_abandoned(now).await.unwrap(), 0);
    assert_eq!(registry.fail_abandoned(now + Duration::seconds(1)).await.unwrap(), 1);
    let cut_off = registry.get(cut_off.model_id).await.unwrap();
    assert_eq!(cut_off.status, ModelStatus::Failed);
    assert!(cut_off.error.unwrap().contains("stopped"));
    assert_eq!(registry.get(done.model_id).await.unwrap().status, ModelStatus::Ready);
}

/// The error that a statement meets.
async fn refusal(conn: &mut crate::platform::db::Conn, statement: &str) -> String {
    match conn.batch_execute(statement).await {
        Ok(()) => panic!("{statement} was taken"),
        Err(error) => error.to_string(),
    }
}

#[actix_web::test]
async fn every_check_of_the_tables_refuses_what_it_is_for() {
    let (test, new) = services().await;
    let registry = &test.services.registry;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let id = registry.begin(new.clone()).await.unwrap().model_id;
        registry.complete(id, &b"bytes"[..], &metrics(true), &[]).await.unwrap();
        ids.push(id);
    }
    let by = By::system();
    registry.activate(ids[0], &by).await.unwrap();
    registry.shadow(ids[1], Order::from(&by)).await.unwrap();
    registry
        .change_settings(ids[0], "model.alert_threshold", Order::from(&by), |_, _| Ok(()))
        .await
        .unwrap();
    let mut conn = test.services.db.conn().await.unwrap();
    for (table, change) in [
        ("ml_models", "future_minutes = -5"),
        ("ml_models", "future_minutes = 0"),
        ("ml_models", "features = '[]'"),
        ("ml_models", "features = '{}'"),
        ("ml_models", "train_end = train_start"),
        ("ml_models", "train_end = train_start - interval '1 day'"),
        ("ml_models", "model_type = 'arima'"),
        ("ml_models", "status = 'DONE'"),
        ("ml_models", "status = 'READY', artifact_key = NULL"),
        ("ml_models", "name = ''"),
        ("ml_models", "version = 0"),
        ("ml_models", "target_variable = ''"),
        ("ml_models", "task = 'dream'"),
        ("ml_models", "task = 'event'"),
        ("ml_models", "event = '{\"direction\": \"up\", \"threshold\": 1}', task = 'event'"),
        ("ml_models", "event = '{\"direction\": \"above\"}', task = 'event'"),
        ("ml_models", "state = 'somewhere'"),
        ("ml_models", "origin = 'found'"),
        ("ml_models", "format = 'onnx'"),
        ("ml_models", "missing_values = '{\"policy\": \"guess\"}'"),
        ("ml_models", "regime = '{}'"),
        ("ml_models", "regime = '[]'"),
        ("ml_models", "signed_by = 'somebody'"),
        ("active_models", "role = 'king'"),
        ("active_models", "purpose = 'fun'"),
        ("active_models", "role = 'champion'"),
        ("model_settings", "send_mode = 'some'"),
        ("model_settings", "webhook_url = 'ftp://x'"),
        ("model_settings", "alert_config = '[]'"),
        ("model_settings", "ignore_windows = '{}'"),
    ] {
        let refused = refusal(&mut conn, &format!("UPDATE {table} SET {change}")).await;
        let is_rule = ["violates check constraint", "violates unique constraint"]
            .iter()
            .any(|words| refused.contains(words));
        assert!(is_rule, "{table}: {change}: {refused}");
    }
    for statement in [
        "UPDATE model_history SET reason = 'x'",
        "DELETE FROM model_history",
        "TRUNCATE model_history",
    ] {
        let refused = refusal(&mut conn, statement).await;
        assert!(refused.contains("append-only"), "{statement}: {refused}");
    }
}

/// How often a table was read from end to end, and by an index, by this connection and before.
async fn scans(conn: &mut crate::platform::db::Conn, table: &str) -> (i64, i64) {
    #[derive(diesel::QueryableByName)]
    struct Scans {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        whole: i64,
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        by_index: i64,
    }
    conn.batch_execute("SELECT pg_stat_force_next_flush()").await.unwrap();
    let query = diesel::sql_query(
        "SELECT seq_scan AS whole, idx_scan AS by_index FROM pg_stat_user_tables WHERE relname = $1",
    );
    let query = query.bind::<diesel::sql_types::Text, _>(table);
    let row: Scans = diesel_async::RunQueryDsl::get_result(query, conn).await.unwrap();
    (row.whole, row.by_index)
}

#[actix_web::test]
async fn lists_of_many_models_read_no_table_from_end_to_end() {
    let (test, new) = services().await;
    let registry = &test.services.registry;
    let serving = registry.begin(new).await.unwrap();
    registry.complete(serving.model_id, &b"bytes"[..], &metrics(true), &[]).await.unwrap();
    registry.activate(serving.model_id, &By::system()).await.unwrap();
    let mut conn = test.services.db.conn().await.unwrap();
    conn.batch_execute(
        "INSERT INTO ml_models (model_id, name, version, model_type, target_variable, train_start,
             train_end, features, future_minutes, status, state, created_at, artifact_key, artifact_sha256)
         SELECT gen_random_uuid(), 'name-' || n % 300, n, CASE n % 3 WHEN 0 THEN 'linear' ELSE 'lightgbm' END,
             'price:S' || n % 200 || ':day_ahead', '2025-01-01', '2026-01-01', '[\"hour\"]', 60, 'READY',
             CASE n % 50 WHEN 0 THEN 'retired' ELSE 'validated' END,
             timestamptz '2026-01-01' + n * interval '1 minute', 'k', repeat('0', 64)
         FROM generate_series(1, 12000) AS n;
         INSERT INTO model_history (history_id, at, model_id, name, series, purpose, action, from_state, to_state, actor)
         SELECT gen_random_uuid(), created_at, model_id, name, target_variable, 'value', 'validate',
             'imported', 'validated', 'system' FROM ml_models;
         ANALYZE ml_models; ANALYZE model_history",
    )
    .await
    .unwrap();
    let filter = |change: fn(&mut ModelFilter)| {
        let mut filter = ModelFilter::default();
        change(&mut filter);
        filter
    };
    let filters = [
        filter(|_| {}),
        filter(|it| it.target = Some("price:S7:day_ahead".into())),
        filter(|it| it.name = Some("name-7".into())),
        filter(|it| it.state = Some(State::Retired)),
        filter(|it| it.model_type = Some("linear".into())),
    ];
    let position = Some((utc("2026-01-05T00:00:00Z"), uuid::Uuid::now_v7()));
    let mut before = Vec::new();
    for table in ["ml_models", "model_history"] {
        before.push(scans(&mut conn, table).await);
    }
    for filter in &filters {
        for position in [None, position] {
            let rows = super::store::list(&mut conn, filter, position, 21).await.unwrap();
            assert!(rows.len() >= 20, "{filter:?}: {}", rows.len());
        }
    }
    super::store::newest_ready(&mut conn, "price:S7:day_ahead").await.unwrap().unwrap();
    super::store::champion(&mut conn, SERIES, "value").await.unwrap().unwrap();
    assert_eq!(super::store::idle(&mut conn, 50).await.unwrap().len(), 50);
    let now = utc("2026-06-01T00:00:00Z");
    assert_eq!(super::store::latest_of_name(&mut conn, "name-7", now).await.unwrap().len(), 40);
    super::store::history(&mut conn, serving.model_id, None, 5).await.unwrap();
    super::store::serving_changes(&mut conn, SERIES, "value").await.unwrap();
    for (table, before) in ["ml_models", "model_history"].iter().zip(before) {
        let after = scans(&mut conn, table).await;
        assert_eq!(after.0, before.0, "{table} was read from end to end");
        assert!(after.1 > before.1, "{table}: {before:?} {after:?}");
    }
}
