//! The built program with a bucket that nobody answers for: it comes up, says so, and writes nowhere else.

use nix::sys::signal::Signal;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::time::Duration;

use crate::program::{Home, client, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_box_whose_store_is_away_serves_and_says_so() {
    // A port that was free a moment ago, and on which nobody listens.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let home = Home::new()
        .with("S3_BUCKET", "luna")
        .with("S3_ENDPOINT", &endpoint)
        .with("S3_ALLOW_HTTP", "true")
        .with("S3_ACCESS_KEY", "c4n4ry-name")
        .with("S3_SECRET_KEY", "c4n4ry-secret");
    let served = home.serve().await;
    let get = |path: &str| client().build().unwrap().get(home.url(path));
    let answer = get("/health").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let health: Value = answer.json().await.unwrap();
    assert_eq!((&health["status"], &health["ready"]), (&json!("degraded"), &json!(true)));
    let checks = health["checks"].as_array().unwrap();
    let store = checks.iter().find(|check| check["name"] == "object_store").unwrap();
    let detail = store["detail"].as_str().unwrap();
    assert!(detail.contains(&endpoint) && detail.contains("refused"), "{store}");
    // The simulated market is there; its model cannot be kept.
    let prices = get("/api/prices?market=SIM-CH");
    until(prices, |status, text| status == StatusCode::OK && text.contains("price_eur_mwh")).await;

    let doctor = home.run(&["doctor", "--json"]);
    let report: Value = serde_json::from_str(&doctor.stdout).unwrap();
    let checks = report["checks"].as_array().unwrap();
    let files = checks.iter().find(|check| check["id"] == "object_store").unwrap();
    assert_eq!(files["result"], "fail", "{files}");
    assert!(files["reason"].as_str().unwrap().contains("nothing is written elsewhere"), "{files}");
    let shown = home.run(&["config", "show", "--origin"]);
    assert!(shown.stdout.contains("objects.secret_key = ********"), "{shown:?}");

    assert!(served.end(Signal::SIGTERM, Duration::from_secs(20)).success());
    let log = home.log();
    assert!(
        log.contains(&format!("files S3 bucket luna at {endpoint} cannot be used now")),
        "{log}"
    );
    for text in [&log, &doctor.stdout, &doctor.stderr, &shown.stdout, &health.to_string()] {
        assert!(!text.contains("c4n4ry"), "{text}");
    }
    for folder in ["models", "datasets", "raw"] {
        assert!(!home.data(folder).exists(), "{folder}");
    }
}

#[test]
fn half_a_configuration_starts_nothing() {
    let home = Home::new().with("S3_ACCESS_KEY", "c4n4ry-name").with("S3_REGION", "eu-central-1");
    let refused = home.run(&["serve"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("objects.access_key is set without a bucket"), "{refused:?}");
    let both = Home::new()
        .with("S3_BUCKET", "luna")
        .with("S3_ENDPOINT", "http://box:9000")
        .with("S3_SECRET_KEY", "c4n4ry-secret");
    let refused = both.run(&["config", "check"]);
    for part in ["objects.access_key is missing; set S3_ACCESS_KEY", "S3_ALLOW_HTTP=true"] {
        assert!(refused.stderr.contains(part), "{part}: {refused:?}");
    }
    assert!(!format!("{refused:?}").contains("c4n4ry"));
}
