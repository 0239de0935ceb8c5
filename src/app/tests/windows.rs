//! Cheap times over HTTP, on prices simple enough to find them by eye.

use std::fmt::Write;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use crate::platform::web::Role;
use crate::testing::TestApp;

/// Hourly prices of 28 March 2026 in Zürich: 100, but 40 from 15:00 to 17:00 and 20 from 20:00 to
/// 21:00 local; the clock of the tests stands at 13:00 local.
async fn app() -> TestApp {
    let app = TestApp::new().await;
    let mut at: DateTime<Utc> = "2026-03-27T23:00:00Z".parse().unwrap();
    let mut file = "time_utc,CH\n".to_owned();
    for hour in 0..24 {
        let price = match hour {
            15 | 16 => 40,
            20 => 20,
            _ => 100,
        };
        writeln!(file, "{},{price}", at.to_rfc3339()).unwrap();
        at += Duration::hours(1);
    }
    app.import("CH", &file).await.json(200);
    app
}

async fn windows(app: &TestApp, query: &str) -> Value {
    let path = format!("/api/windows?market=CH{query}");
    app.get(Role::Customer, &path).await.json(200)
}

fn starts(answer: &Value) -> Vec<&str> {
    let all = answer["windows"].as_array().unwrap();
    all.iter().map(|window| window["from"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_cheapest_hours_come_first() {
    let app = app().await;
    let answer = windows(&app, "&duration=PT2H&count=1&energy_kwh=10").await;
    assert_eq!(answer["published_until"], "2026-03-28T23:00:00Z");
    assert_eq!(
        (&answer["market"], &answer["product"], &answer["simulated"]),
        (&json!("CH"), &json!("day_ahead"), &json!(false))
    );
    // (40 + 40) / 2 against 100 now; day mean (21 × 100 + 2 × 40 + 20) / 24 = 91.6…; 10 kWh are 0.01 MWh.
    let window = &answer["windows"][0];
    assert_eq!(starts(&answer), ["2026-03-28T14:00:00Z"]);
    assert_eq!(window["to"], "2026-03-28T16:00:00Z");
    assert_eq!(window["provenance"], "published");
    assert_eq!(window["mean_price_eur_mwh"], 40.0);
    assert_eq!(window["saving_vs_now_eur_mwh"], 60.0);
    let near = |name: &str, expected: f64| {
        let value = window[name].as_f64().unwrap();
        assert!((value - expected).abs() < 1e-9, "{name}: {value}");
    };
    let day_mean = 2_200.0 / 24.0;
    near("saving_vs_day_mean_eur_mwh", day_mean - 40.0);
    near("vs_day_mean_percent", 100.0 * (40.0 - day_mean) / day_mean);
    near("saving_vs_now_eur", 0.6);
    near("saving_vs_day_mean_eur", (day_mean - 40.0) / 100.0);

    let hours = windows(&app, "&duration=PT1H&count=3").await;
    assert_eq!(
        starts(&hours),
        ["2026-03-28T19:00:00Z", "2026-03-28T14:00:00Z", "2026-03-28T15:00:00Z"]
    );
    assert_eq!(hours["windows"][0]["saving_vs_now_eur"], Value::Null);
}

#[tokio::test]
async fn windows_keep_to_deadline_and_earliest() {
    let app = app().await;
    let early = windows(&app, "&duration=PT1H&count=1&deadline=2026-03-28T16:00:00Z").await;
    assert_eq!(starts(&early), ["2026-03-28T14:00:00Z"]);
    let late = windows(&app, "&duration=PT1H&count=1&earliest=2026-03-28T20:00:00Z").await;
    assert_eq!(starts(&late), ["2026-03-28T20:00:00Z"]);
    // The past has no windows: asking for it is asking for now on.
    let past = windows(&app, "&duration=PT2H&count=20&earliest=2026-03-27T23:00:00Z").await;
    assert!(starts(&past).iter().all(|from| *from >= "2026-03-28T12:00:00Z"), "{past}");
}

#[tokio::test]
async fn a_load_that_may_pause_uses_the_cheapest_pieces() {
    let app = app().await;
    let answer = windows(&app, "&duration=PT3H&count=1&contiguous=false").await;
    let window = &answer["windows"][0];
    assert_eq!(
        window["blocks"],
        json!([
            {"from": "2026-03-28T14:00:00Z", "to": "2026-03-28T16:00:00Z"},
            {"from": "2026-03-28T19:00:00Z", "to": "2026-03-28T20:00:00Z"},
        ])
    );
    // (40 + 40 + 20) / 3
    let mean = window["mean_price_eur_mwh"].as_f64().unwrap();
    assert!((mean - 100.0 / 3.0).abs() < 1e-9, "{mean}");
    let whole = windows(&app, "&duration=PT3H&count=1").await;
    // In one piece two of three cheap hours is the best there is: (40 + 40 + 100) / 3.
    assert_eq!(whole["windows"][0]["mean_price_eur_mwh"], 60.0);
    assert_eq!(whole["windows"][0]["blocks"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn questions_without_an_answer_are_refused() {
    let app = app().await;
    let get = async |query: &str| {
        app.get(Role::Customer, &format!("/api/windows?market=CH{query}")).await
    };
    for (query, field) in [
        ("&duration=3h", "duration"),
        ("&duration=PT0S", "duration"),
        ("&duration=P8D", "duration"),
        ("&count=0", "count"),
        ("&count=51", "count"),
        ("&count=-1", "count"),
        ("&energy_kwh=-1", "energy_kwh"),
        ("&energy_kwh=NaN", "energy_kwh"),
        ("&energy_kwh=inf", "energy_kwh"),
        ("&energy_kwh=1e6", "energy_kwh"),
        ("&earliest=today", "earliest"),
        ("&deadline=2026-03-28", "deadline"),
        ("&earliest=2026-03-28T16:00:00Z&deadline=2026-03-28T16:00:00Z", "deadline"),
        ("&contiguous=maybe", "contiguous"),
        ("&product=x", "product"),
        ("&market=AT", "market"),
    ] {
        assert_eq!(get(query).await.wrong_field(), field, "{query}");
    }
    for query in
        ["&duration=PT12H", "&deadline=2026-03-28T11:00:00Z", "&earliest=2026-04-28T00:00:00Z"]
    {
        assert_eq!(get(query).await.problem(422)["type"], "/problems/no-window", "{query}");
    }
    let problem = app.get(Role::Customer, "/api/windows?market=AT").await.problem(404);
    assert_eq!(problem["detail"], "no prices of AT from now on are known or forecast");
}
