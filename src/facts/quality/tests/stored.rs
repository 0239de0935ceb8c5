//! What is stored is judged, however it came, and stands in the matrix with the rest.

use chrono::Duration;
use serde_json::{Value, json};

use super::*;
use crate::platform::web::Role;
use crate::testing::{TestApp, utc};

/// A file of readings of whole local days, without some quarter hours.
fn rows(days: (&str, &str), gone: impl Fn(usize) -> bool) -> Value {
    let range = days_range(date(days.0), date(days.1), ZURICH);
    let row = |(number, ts): (usize, DateTime<Utc>)| {
        let kw = 0.3 + 0.01 * (number % 37) as f64;
        (!gone(number)).then(|| json!({"meter_id": "house-1", "ts": ts, "consumption_kw": kw}))
    };
    range.slots(900).enumerate().filter_map(row).collect()
}

async fn settle(app: &TestApp) {
    app.run_changes().await;
    app.services.judge.judge_due().await.unwrap();
}

/// The row of a subject in the matrix of the last days.
async fn row(app: &TestApp, days: u16, subject: &str) -> Value {
    let matrix = app.get(Role::Viewer, &format!("/api/quality/matrix?days={days}")).await.json(200);
    let rows = matrix["rows"].as_array().unwrap();
    rows.iter().find(|row| row["subject"] == subject).cloned().unwrap_or_else(|| panic!("{matrix}"))
}

fn cell<'a>(row: &'a Value, day: &str) -> &'a Value {
    row["cells"].as_array().unwrap().iter().find(|cell| cell["day"] == day).unwrap()
}

#[actix_web::test]
async fn days_of_meters_have_92_96_or_100_quarter_hours_and_say_what_is_missing() {
    let app = TestApp::at(utc("2026-10-28T12:00:00Z")).await;
    let path = "/api/ingest/readings?create=true";
    // Of the hour that comes twice the second is missing: numbers 12 to 15 of the day.
    let sent = rows(("2026-10-24", "2026-10-26"), |number| (96 + 12..96 + 16).contains(&number));
    app.post(Role::Analyst, path, &sent).await.json(200);
    settle(&app).await;
    let found = row(&app, 7, "load:house-1").await;
    assert_eq!((&found["source"], &found["is_simulated"]), (&json!("meters"), &json!(false)));
    let told = |day: &str| {
        let cell = cell(&found, day);
        (cell["expected"].clone(), cell["found"].clone(), cell["state"].clone())
    };
    assert_eq!(told("2026-10-24"), (json!(96), json!(96), json!("complete")));
    assert_eq!(told("2026-10-25"), (json!(100), json!(96), json!("partial")));
    assert_eq!(cell(&found, "2026-10-25")["verdict"], "suspect");
    let reports = app.get(Role::Viewer, "/api/quality/reports?source=meters&odd=true").await;
    let reports = reports.json(200)["reports"].as_array().unwrap().clone();
    assert_eq!(reports.len(), 1, "{reports:?}");
    let codes: Vec<_> =
        reports[0]["reasons"].as_array().unwrap().iter().map(|it| it["code"].clone()).collect();
    assert!(codes.contains(&json!("dst")) && codes.contains(&json!("missing")), "{codes:?}");
    assert_eq!(reports[0]["gaps"], json!([{"from": "2026-10-25T01:00:00Z", "slots": 4}]));

    // What comes late completes the day, in the same report.
    let late = rows(("2026-10-25", "2026-10-25"), |number| !(12..16).contains(&number));
    app.post(Role::Analyst, path, &late).await.json(200);
    settle(&app).await;
    let found = row(&app, 7, "load:house-1").await;
    let day = cell(&found, "2026-10-25");
    assert_eq!((&day["state"], &day["verdict"]), (&json!("complete"), &json!("good")), "{day}");
    let all = app.get(Role::Viewer, "/api/quality/reports?source=meters").await.json(200);
    assert_eq!(all["reports"].as_array().unwrap().len(), 3, "one a day, however often");
}

#[actix_web::test]
async fn today_waits_for_the_round_and_yesterday_does_not() {
    let app = TestApp::at(utc("2026-03-28T12:00:00Z")).await;
    let path = "/api/ingest/readings?create=true";
    let queued = async || {
        let list = app.get(Role::Admin, "/api/jobs?name=facts.judge_days").await.json(200);
        list["jobs"].as_array().unwrap().len()
    };
    let now = json!([{"meter_id": "house-1", "ts": "2026-03-28T11:30:00Z", "consumption_kw": 1}]);
    app.post(Role::Analyst, path, &now).await.json(200);
    app.run_changes().await;
    assert_eq!(queued().await, 0);
    let past = json!([{"meter_id": "house-1", "ts": "2026-03-27T11:30:00Z", "consumption_kw": 1}]);
    app.post(Role::Analyst, path, &past).await.json(200);
    app.run_changes().await;
    assert_eq!(queued().await, 1);
    app.run_jobs().await;
    let found = row(&app, 3, "load:house-1").await;
    let state = |day: &str| cell(&found, day)["state"].clone();
    // The utility has until noon of the next day, which is in UTC an hour ago.
    assert_eq!((state("2026-03-27"), state("2026-03-28")), (json!("partial"), json!("open")));
}

#[actix_web::test]
async fn hourly_meters_simulated_ones_and_files_of_prices_have_rows_of_their_own() {
    let app = TestApp::at(utc("2026-03-30T12:00:00Z")).await;
    let hours = days_range(date("2026-03-28"), date("2026-03-29"), ZURICH).slots(3_600);
    let sent: Vec<Value> = hours
        .map(|ts| {
            json!({"meter_id": "hourly", "ts": ts, "interval_s": 3600, "consumption_kw": 1.0,
                "production_kw": 0.5})
        })
        .collect();
    app.post(Role::Analyst, "/api/ingest/readings?create=true", &json!(sent)).await.json(200);
    let file = "time,price\n2026-03-28T00:00:00Z,1\n2026-03-28T01:00:00Z,2\n";
    app.import("CH", file).await.json(200);
    app.services.simulation.fill().await.unwrap();
    settle(&app).await;
    for subject in ["load:hourly", "pv:hourly"] {
        let found = row(&app, 7, subject).await;
        let counts = |day: &str| {
            let cell = cell(&found, day);
            (cell["expected"].clone(), cell["found"].clone())
        };
        assert_eq!(counts("2026-03-28"), (json!(24), json!(24)), "{subject}");
        assert_eq!(counts("2026-03-29"), (json!(23), json!(23)), "{subject}");
    }
    let prices = row(&app, 7, "price:CH:day_ahead").await;
    assert_eq!(prices["source"], "import");
    assert_eq!(cell(&prices, "2026-03-28")["found"], 2);
    let simulated = row(&app, 7, "price:SIM-CH:day_ahead").await;
    assert_eq!(
        (&simulated["source"], &simulated["is_simulated"]),
        (&json!("simulation"), &json!(true))
    );
    assert_eq!(cell(&simulated, "2026-03-29")["expected"], 23);
}

#[actix_web::test]
async fn days_that_change_while_they_are_judged_are_judged_again() {
    let app = TestApp::at(utc("2026-03-28T12:00:00Z")).await;
    let path = "/api/ingest/readings?create=true";
    app.post(Role::Analyst, path, &rows(("2026-03-26", "2026-03-26"), |_| false)).await.json(200);
    app.run_changes().await;
    let due = async |clock: Duration| {
        let mut conn = app.services.db.conn().await.unwrap();
        let until = app.clock.now() + clock;
        crate::facts::quality::store::due(&mut conn, None, until, 10).await.unwrap()
    };
    let before = due(Duration::zero()).await;
    assert_eq!(before.len(), 1);
    app.clock.set(app.clock.now() + Duration::seconds(1));
    let late = json!([{"meter_id": "house-1", "ts": "2026-03-26T10:00:00Z", "consumption_kw": 9}]);
    app.post(Role::Analyst, path, &late).await.json(200);
    app.run_changes().await;
    let mut conn = app.services.db.conn().await.unwrap();
    let gone = crate::facts::quality::store::done(&mut conn, &before[0]).await.unwrap();
    assert_eq!((gone, due(Duration::zero()).await.len()), (0, 1));
}
