//! Metrics of events that cannot be brought about from outside.
//!
//! The recorder is one per process and other tests count too, so a value may be above what is
//! expected here, never below.

use chrono::Duration;
use serde_json::json;

use crate::base::timeline::Clock;
use crate::learning::prediction::RefreshJob;
use crate::learning::registry::Registry;
use crate::platform::jobs::NewJob;
use crate::platform::objects::Objects;
use crate::platform::telemetry::Metrics;
use crate::platform::web::Role;
use crate::testing::TestApp;

fn value(name: &str, label: Option<(&str, &str)>) -> f64 {
    let samples = Metrics::install().unwrap().samples();
    let wanted = |labels: &std::collections::BTreeMap<String, String>| {
        label.is_none_or(|(name, value)| labels.get(name).is_some_and(|found| found == value))
    };
    let found = samples.iter().filter(|sample| sample.name == name && wanted(&sample.labels));
    found.map(|sample| sample.value).sum()
}

#[tokio::test]
async fn a_model_that_cannot_be_loaded_and_one_that_cannot_be_fitted_are_counted() {
    let app = TestApp::new().await;
    app.services.jobs.enqueue(NewJob::new(RefreshJob::NAME)).await.unwrap();
    app.run_jobs().await;
    let errors = |kind| value("ml_errors_total", Some(("kind", kind)));
    let before = errors("model_load");
    let serving = app.services.registry.active().await.unwrap().remove(0);
    let file = app.folder().join(format!("models/{}.bin", serving.model_id));
    std::fs::write(file, b"damaged").unwrap();
    // Another registry has not loaded it yet.
    let (db, objects) = (app.database().db().clone(), Objects::in_folder(app.folder()));
    let fresh = Registry::new(db, objects, app.services.audit.clone(), Clock::system());
    assert!(fresh.artifact(&serving).await.is_err());
    assert!(errors("model_load") >= before + 1.0);
    let (ready, damaged) = fresh.verify().await.unwrap();
    assert!(ready >= 1 && damaged.len() == 1, "{damaged:?}");
    assert!(damaged[0].starts_with(&serving.label()), "{damaged:?}");

    let before = errors("training");
    app.services.registry.fail(serving.model_id, "a test").await.unwrap();
    assert!(errors("training") >= before + 1.0);
}

#[tokio::test]
async fn a_job_that_waits_shows_as_lag() {
    let app = TestApp::new().await;
    app.services.jobs.enqueue(NewJob::new(RefreshJob::NAME)).await.unwrap();
    app.clock.set(app.clock.now() + Duration::seconds(90));
    app.services.status.measure().await;
    let lag_s = value("luna_jobs_queue_lag_seconds", None);
    assert!((lag_s - 90.0).abs() < 1e-9, "{lag_s}");
    let stats = app.get(Role::Customer, "/api/stats").await.json(200);
    assert_eq!(stats["queue_lag_s"], json!(90.0));
}
