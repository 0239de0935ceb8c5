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
async fn a_serving_model_whose_file_is_gone_degrades_the_box_and_nothing_more() {
    let app = TestApp::new().await;
    app.services.jobs.enqueue(NewJob::new(RefreshJob::NAME)).await.unwrap();
    app.run_jobs().await;
    let check = |health: &serde_json::Value, name: &str| {
        let checks = health["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).unwrap().clone()
    };
    let sound = app.get(ANYBODY, "/health").await.json(200);
    assert_eq!(sound["status"], "ok");
    assert_eq!(check(&sound, "disk")["ok"], true);
    let serving = app.services.registry.active().await.unwrap();
    let file = app.folder().join(format!("models/{}.bin", serving[0].model_id));
    std::fs::remove_file(file).unwrap();
    let degraded = app.get(ANYBODY, "/health").await.json(200);
    assert_eq!((&degraded["status"], &degraded["ready"]), (&json!("degraded"), &json!(true)));
    let store = check(&degraded, "model_store");
    assert!(store["detail"].as_str().unwrap().contains(&serving[0].label()), "{store}");
}

#[tokio::test]
async fn figures_and_logs_are_told_to_those_who_may_know() {
    let app = TestApp::new().await;
    app.services.simulation.fill().await.unwrap();
    let stats = app.get(Role::Customer, "/api/stats").await.json(200);
    assert_eq!(stats["started_at"], "2026-03-28T12:00:00Z");
    assert_eq!((&stats["uptime_s"], &stats["queue_lag_s"]), (&json!(0), &json!(0.0)));
    assert_eq!(stats["counts"]["market_prices"], app.services.prices.count().await.unwrap());
    assert!(stats["process"]["resident_bytes"].as_u64().unwrap() > 1 << 20, "{stats}");
    assert!(stats["disk"]["free_bytes"].as_u64() <= stats["disk"]["total_bytes"].as_u64());

    assert_eq!(app.get(Role::Analyst, "/api/logs").await.status, 403);
    let logs = app.get(Role::Admin, "/api/logs?level=warn&text=x&lines=5").await.json(200);
    assert_eq!(logs, json!({"lines": []}));
    for (query, field) in [("level=loud", "level"), ("lines=0", "lines"), ("from=soon", "from")] {
        let refused = app.get(Role::Admin, &format!("/api/logs?{query}")).await;
        assert_eq!(refused.wrong_field(), field, "{query}");
    }
}

#[tokio::test]
async fn the_summary_counts_what_is_stored() {
    let app = TestApp::new().await;
    let read = async || app.get(Role::Customer, "/status/summary").await.json(200);
    let empty = read().await;
    assert_eq!(
        empty["counts"],
        json!({"market_prices": 0, "models": 0, "forecast_runs": 0, "items": 0, "chunks": 0})
    );
    assert_eq!((&empty["markets"], &empty["health"]["status"]), (&json!([]), &json!("ok")));
    assert_eq!(empty["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(empty["now"], "2026-03-28T12:00:00Z");

    app.services.jobs.enqueue(NewJob::new(RefreshJob::NAME)).await.unwrap();
    app.run_jobs().await;
    let full = read().await;
    let stored = app.services.prices.count().await.unwrap();
    assert!(stored > 9_000, "a year and a bit of hours, not {stored}");
    // The first forecast is the stand-in's; then two models are trained, and one of them forecasts.
    let expected = json!({"market_prices": stored, "models": 2, "forecast_runs": 2, "items": 0,
        "chunks": 0});
    assert_eq!(full["counts"], expected);
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
