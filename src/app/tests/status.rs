//! Health and counts over HTTP, with a database and without.

use actix_web::http::header;
use serde_json::json;

use crate::learning::prediction::RefreshJob;
use crate::platform::jobs::NewJob;
use crate::platform::web::Role;
use crate::testing::{ANYBODY, TestApp};

const HEALTH: [&str; 3] = ["/health", "/api/health", "/health/ready"];

#[tokio::test]
async fn a_database_that_goes_away_is_missed_and_found_again() {
    let app = TestApp::new().await;
    app.services.simulation.fill().await.unwrap();
    let prices = "/api/prices?market=SIM-CH";
    let before = app.get(ANYBODY, prices).await.json(200);
    for path in HEALTH {
        assert_eq!(app.get(ANYBODY, path).await.json(200)["status"], "ok");
    }

    app.database().close().await;
    for path in HEALTH {
        let health = app.get(ANYBODY, path).await.json(503);
        assert_eq!((&health["status"], &health["ready"]), (&json!("down"), &json!(false)));
        assert_eq!(health["live"], true);
        assert_eq!(
            (&health["checks"][0]["name"], &health["checks"][0]["ok"]),
            (&json!("database"), &json!(false))
        );
    }
    assert_eq!(app.get(ANYBODY, "/health/live").await.json(200), json!({"live": true}));
    assert_eq!(app.get(ANYBODY, "/metrics").await.status, 200);
    let refusal = app.get(ANYBODY, prices).await;
    assert!(!refusal.header(header::RETRY_AFTER).is_empty());
    // What the database said is for the log, not for whoever asks.
    let problem = refusal.problem(503);
    assert!(!problem["detail"].as_str().unwrap().contains("luna_test"), "{problem}");
    let page = app.page("/", "").await;
    assert_eq!(page.status, 503);
    assert!(page.header(header::CONTENT_TYPE).starts_with("text/html"), "{}", page.text());

    app.database().open().await;
    for path in HEALTH {
        assert_eq!(app.get(ANYBODY, path).await.json(200)["ready"], true);
    }
    assert_eq!(app.get(ANYBODY, prices).await.json(200), before);
}

#[tokio::test]
async fn the_summary_counts_what_is_stored() {
    let app = TestApp::new().await;
    let read = async || app.get(Role::Customer, "/status/summary").await.json(200);
    let empty = read().await;
    assert_eq!(empty["counts"], json!({"market_prices": 0, "models": 0, "forecast_runs": 0}));
    assert_eq!((&empty["markets"], &empty["health"]["status"]), (&json!([]), &json!("ok")));
    assert_eq!(empty["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(empty["now"], "2026-03-28T12:00:00Z");

    app.services.jobs.enqueue(NewJob::new(RefreshJob::NAME)).await.unwrap();
    app.run_jobs().await;
    let full = read().await;
    let stored = app.services.prices.count().await.unwrap();
    assert!(stored > 9_000, "a year and a bit of hours, not {stored}");
    // The first forecast is the stand-in's; then two models are trained, and one of them forecasts.
    assert_eq!(full["counts"], json!({"market_prices": stored, "models": 2, "forecast_runs": 2}));
    assert_eq!(
        (&full["markets"][0]["market"], &full["markets"][0]["rows"]),
        (&json!("SIM-CH"), &json!(stored))
    );
    // The same under both addresses; what fills each role is always told.
    assert_eq!(app.get(Role::Customer, "/api/status/summary").await.json(200), full);
    let roles: Vec<_> =
        full["components"].as_array().unwrap().iter().map(|part| &part["role"]).collect();
    assert!(roles.contains(&&json!("database")) && roles.contains(&&json!("object_store")));
}
