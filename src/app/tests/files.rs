//! A box whose files are in an S3-compatible store: everything it keeps goes there and comes back.

use chrono::TimeDelta;
use diesel_async::SimpleAsyncConnection;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::base::timeline::days_range;
use crate::facts::ingest::Days;
use crate::facts::ingest::Subject;
use crate::learning::prediction::RefreshJob;
use crate::platform::jobs::NewJob;
use crate::platform::web::Role;
use crate::testing::{ANYBODY, S3Server, Server, TestApp, ch, utc};

/// A made-up publisher of the prices of 2026-03-29, a day of 23 hours.
async fn publisher() -> Server {
    let day = "2026-03-29".parse().unwrap();
    let hours = days_range(day, day, ch().time_zone()).slots(3_600);
    let times: Vec<i64> = hours.map(|ts| ts.timestamp()).collect();
    let prices: Vec<f64> = (0..times.len()).map(|hour| hour as f64 + 0.25).collect();
    let body = json!({"license_info": "CC BY 4.0", "unix_seconds": times, "price": prices,
        "unit": "EUR / MWh", "deprecated": false})
    .to_string();
    Server::new(move |_| (200, body.clone())).await
}

async fn app(server: &S3Server, publisher: &str) -> TestApp {
    TestApp::with(utc("2026-03-28T12:05:00Z"), |settings| {
        settings.objects = server.settings();
        settings.ingest.enabled = true;
        settings.ingest.energy_charts_url = publisher.to_owned();
        settings.simulation.history_days = 250;
    })
    .await
}

fn check(health: &Value, name: &str) -> Value {
    let checks = health["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap().clone()
}

#[tokio::test]
async fn payloads_are_kept_in_the_bucket_and_replayed_from_it() {
    let name = "payloads_are_kept_in_the_bucket_and_replayed_from_it";
    let Some(mut server) = S3Server::start(name).await else { return };
    let publisher = publisher().await;
    let url = publisher.url.clone();
    let app = app(&server, &url).await;
    let ingest = &app.services.ingest;
    let day = "2026-03-29".parse().unwrap();
    let report =
        ingest.fetch_any(&Subject::Prices(ch()), Days::new(day, day), |_, _| {}).await.unwrap();
    assert_eq!((report.values, report.stored.inserted), (23, 23));
    let prices = "/api/prices?market=CH&from=2026-03-28T23:00:00Z&to=2026-03-29T22:00:00Z";
    let before = app.get(ANYBODY, prices).await.json(200);
    assert!(!app.folder().join("raw").exists(), "nothing is written elsewhere");

    let mut conn = app.services.db.conn().await.unwrap();
    conn.batch_execute("TRUNCATE market_prices").await.unwrap();
    drop(conn);
    assert_eq!(ingest.replay(None, |_, _| {}).await.unwrap(), (1, 0));
    assert_eq!(app.get(ANYBODY, prices).await.json(200), before);

    // With the store away nothing is fetched past the archive.
    server.kill();
    let refused = ingest.replay(None, |_, _| {}).await.unwrap_err();
    assert!(refused.to_string().contains("cannot be used now"), "{refused}");
}

#[tokio::test]
async fn models_come_from_the_bucket_and_a_store_that_stands_still_degrades_the_box() {
    let name = "models_come_from_the_bucket_and_a_store_that_stands_still_degrades_the_box";
    let Some(server) = S3Server::start(name).await else { return };
    let app = app(&server, "http://127.0.0.1:9").await;
    app.services.jobs.enqueue(NewJob::new(RefreshJob::NAME)).await.unwrap();
    app.run_jobs().await;
    let serving = app.services.registry.active().await.unwrap();
    assert!(!serving.is_empty());
    assert_eq!(app.services.registry.verify().await.unwrap().1, [""; 0]);
    for folder in ["models", "datasets"] {
        assert!(!app.folder().join(folder).exists(), "{folder} is in the bucket");
    }
    let sound = app.get(ANYBODY, "/health").await.json(200);
    assert_eq!(
        (&sound["status"], &check(&sound, "object_store")["ok"]),
        (&json!("ok"), &json!(true))
    );

    server.signal(Signal::SIGSTOP);
    let later = |seconds| app.clock.set(app.clock.now() + TimeDelta::seconds(seconds));
    later(11);
    let degraded = app.get(ANYBODY, "/health").await.json(200);
    assert_eq!((&degraded["status"], &degraded["ready"]), (&json!("degraded"), &json!(true)));
    let store = check(&degraded, "object_store");
    let detail = store["detail"].as_str().unwrap();
    assert!(detail.contains("S3 bucket luna") && detail.contains("in time"), "{store}");
    let summary = app.get(Role::Customer, "/api/status/summary").await.json(200);
    let parts = summary["components"].as_array().unwrap();
    let part = parts.iter().find(|part| part["role"] == "object_store").unwrap();
    assert_eq!(part["reachable"], false);
    assert!(part["active"].as_str().unwrap().starts_with("S3 bucket luna at http://127.0.0.1:"));
    assert!(!summary.to_string().contains("c4n4ry"), "{summary}");

    server.signal(Signal::SIGCONT);
    later(11);
    assert_eq!(app.get(ANYBODY, "/health").await.json(200)["status"], "ok");
}
