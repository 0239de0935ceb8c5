//! Meters that nobody knows become known, as many as may within a day.

use chrono::Duration;
use serde_json::{Value, json};

use super::*;

fn of(names: std::ops::Range<u32>) -> Value {
    let row = |number| {
        json!({"meter_id": format!("m{number}"), "ts": "2026-03-28T10:00:00Z", "interval_s": 900,
            "consumption_kw": 1.0})
    };
    names.map(row).collect()
}

#[tokio::test]
async fn too_many_new_meters_are_refused_by_name_and_known_ones_are_not() {
    let app = TestApp::with("2026-03-28T12:00:00Z".parse().unwrap(), |settings| {
        settings.meters.new_per_day_max = 3;
    })
    .await;
    let first = send(&app, Role::Admin, "?create=true", &of(0..2)).await.json(200);
    assert_eq!(first["created"], json!(["m0", "m1"]));
    // All or nothing: nothing, and the reason names what would let it in.
    let refused = send(&app, Role::Admin, "?create=true", &of(1..5)).await;
    let problem = refused.problem(422);
    assert!(problem["detail"].as_str().unwrap().contains("meters.new_per_day_max"), "{problem}");
    assert_eq!(refused.wrong_field(), "rows[2].meter_id", "{problem}");
    // What is good of it: the meters that are known, and the one that may still become so.
    let partly = send(&app, Role::Admin, "?create=true&partial=true", &of(1..5)).await.json(200);
    assert_eq!(partly["created"], json!(["m2"]));
    assert_eq!((&partly["refused"], &partly["inserted"]), (&json!(2), &json!(1)));
    assert!(partly["findings"][0]["reason"].as_str().unwrap().contains("3 have become known"));
    // The simulation makes its meters whatever was made by others; a day later there is room again.
    app.services.simulation.fill().await.unwrap();
    app.clock.set(app.clock.now() + Duration::hours(25));
    let later = send(&app, Role::Admin, "?create=true", &of(3..5)).await.json(200);
    assert_eq!(later["created"], json!(["m3", "m4"]));
}
