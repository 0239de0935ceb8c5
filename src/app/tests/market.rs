//! Price files in over HTTP, prices out again: by day, by instant, as they were known.

use std::fmt::Write;

use actix_web::http::Method;
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use crate::platform::web::Role;
use crate::testing::{ANYBODY, TestApp};

/// 28 March 2026, 00:00 to 03:00 in Zürich.
const FILE: &str = "time_utc,CH\n2026-03-27T23:00:00Z,71.3\n2026-03-28T00:00:00Z,-2.5\n\
                    2026-03-28T01:00:00Z,64\n";

/// A file with a price per step from an instant on: the number of steps since then.
fn steps(from: &str, minutes: i64, count: usize) -> String {
    let mut at: DateTime<Utc> = from.parse().unwrap();
    let mut file = "time_utc,CH\n".to_owned();
    for price in 0..count {
        writeln!(file, "{},{price}", at.to_rfc3339()).unwrap();
        at += Duration::minutes(minutes);
    }
    file
}

fn prices(answer: &Value) -> Vec<f64> {
    let points = answer["points"].as_array().unwrap();
    points.iter().map(|point| point["price_eur_mwh"].as_f64().unwrap()).collect()
}

#[tokio::test]
async fn a_file_is_stored_once_and_read_back() {
    let app = TestApp::new().await;
    let plan = app.import("CH&dry_run=true", FILE).await.json(200);
    assert_eq!((&plan["stored"], &plan["dry_run"]), (&json!(3), &json!(true)));
    assert_eq!(app.get(Role::Viewer, "/api/markets").await.json(200)["markets"], json!([]));

    let first = app.import("CH&file_name=own.csv", FILE).await.json(200);
    assert_eq!(
        (&first["rows_read"], &first["stored"], &first["unchanged"]),
        (&json!(3), &json!(3), &json!(0))
    );
    let second = app.import("CH&file_name=own.csv", FILE).await.json(200);
    assert_eq!((&second["stored"], &second["unchanged"]), (&json!(0), &json!(3)));

    let path = "/api/prices?market=ch&from=2026-03-28&to=2026-03-28";
    let answer = app.get(Role::Customer, path).await.json(200);
    assert_eq!(prices(&answer), [71.3, -2.5, 64.0]);
    assert_eq!(
        answer["points"][1],
        json!({"ts": "2026-03-28T00:00:00Z", "interval_s": 3_600, "price_eur_mwh": -2.5,
            "volume": null, "quality": "ok", "known_at": "2026-03-27T12:00:00Z",
            "known_at_assumed": true, "source": "import:own.csv"})
    );
    let frame = ["market", "product", "unit", "time_zone", "simulated", "from", "to"];
    let told: Vec<&Value> = frame.iter().map(|name| &answer[*name]).collect();
    let expected = ["CH", "day_ahead", "EUR/MWh", "Europe/Zurich"].map(Value::from);
    assert_eq!(told[..4], expected.iter().collect::<Vec<_>>());
    assert_eq!(
        told[4..],
        [&json!(false), &json!("2026-03-27T23:00:00Z"), &json!("2026-03-28T23:00:00Z")]
    );
    let markets = app.get(Role::Customer, "/api/markets").await.json(200);
    assert_eq!(
        markets["markets"],
        json!([{"market": "CH", "product": "day_ahead", "first": "2026-03-27T23:00:00Z",
            "last": "2026-03-28T01:00:00Z", "rows": 3, "newest_known_at": "2026-03-27T12:00:00Z"}])
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_refused_line_by_line() {
    let app = TestApp::new().await;
    let broken = FILE.replace("-2.5", "n/a?").replace("2026-03-28T01:00:00Z", "yesterday");
    let problem = app.import("CH", &broken).await.problem(422);
    assert_eq!(problem["type"], "/problems/unusable-file");
    let fields: Vec<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["line 3, CH", "line 4, time_utc"]);
    assert!(problem["detail"].as_str().unwrap().starts_with("2 rows cannot be read"), "{problem}");

    let skipped = app.import("CH&skip_bad_rows=true&product=day_ahead", &broken).await.json(200);
    assert_eq!((&skipped["rows_read"], &skipped["stored"]), (&json!(3), &json!(1)));
    assert_eq!(app.services.prices.count().await.unwrap(), 1);

    for (file, said) in [
        ("", "the file is empty"),
        ("time_utc,CH\n", "the file has a header ('time_utc', 'CH') but no rows"),
    ] {
        assert_eq!(app.import("CH", file).await.problem(422)["detail"], said);
    }
    let simulated = app.import("SIM-CH", FILE).await.problem(422);
    assert!(simulated["detail"].as_str().unwrap().contains("simulated prices only"), "{simulated}");
    for (query, field) in [
        ("XX", "market"),
        ("CH&unit=GBP", "unit"),
        ("CH&zone=Mars/Olympus", "zone"),
        ("CH&product=hourly", "product"),
        ("CH&dry_run=perhaps", "dry_run"),
        ("CH&known_at=soon", "known_at"),
        ("CH&file_name=a%0Ab", "file_name"),
        ("CH&market=AT", "market"),
    ] {
        assert_eq!(app.import(query, FILE).await.wrong_field(), field, "{query}");
    }
    let nothing = app.send(Role::Admin, Method::POST, "/api/import/prices", None).await;
    assert_eq!(nothing.wrong_field(), "market");
}

#[tokio::test]
async fn only_analysts_and_admins_import() {
    let app = TestApp::new().await;
    let send = async |caller| {
        let body = Some(("text/csv", FILE.into()));
        app.send(caller, Method::POST, "/api/import/prices?market=CH", body).await
    };
    send(ANYBODY).await.problem(401);
    for role in [Role::Viewer, Role::Customer] {
        let problem = send(Some(role)).await.problem(403);
        assert_eq!(problem["detail"], format!("your role is {role}; this needs admin or analyst"));
    }
    assert_eq!(app.services.prices.count().await.unwrap(), 0);
    send(Some(Role::Admin)).await.json(200);
}

#[tokio::test]
async fn a_corrected_price_leaves_the_past_as_it_was_known() {
    let app = TestApp::new().await;
    app.import("CH", FILE).await.json(200);
    let corrected = FILE.replace("-2.5", "3.5");
    let late = "CH&known_at=2026-03-28T08:00:00Z";
    let report = app.import(late, &corrected).await.json(200);
    // All three say when they became known, but only one says something else.
    assert_eq!((&report["stored"], &report["unchanged"]), (&json!(1), &json!(2)));
    let path = "/api/prices?market=CH&from=2026-03-28&to=2026-03-28";
    let read = async |as_of: &str| {
        prices(&app.get(Role::Viewer, &format!("{path}{as_of}")).await.json(200))
    };
    assert_eq!(read("").await, [71.3, 3.5, 64.0]);
    assert_eq!(read("&as_of=2026-03-28T08:00:00Z").await, [71.3, 3.5, 64.0]);
    assert_eq!(read("&as_of=2026-03-28T07:59:59Z").await, [71.3, -2.5, 64.0]);
    assert_eq!(read("&as_of=2026-03-27T11:59:59Z").await, [0.0; 0]);
    // A copy of the first file that arrives later is older news.
    let old = app.import("CH", FILE).await.json(200);
    assert_eq!((&old["stored"], &old["dropped"][0]["rows"]), (&json!(0), &json!(1)));
}

#[tokio::test]
async fn days_of_a_clock_change_have_all_their_hours_and_quarters() {
    let app = TestApp::new().await;
    // Two days around each change, from local midnight on.
    for (from, hours) in [("2025-10-24T22:00:00Z", 24 + 25), ("2025-03-28T23:00:00Z", 24 + 23)] {
        for (minutes, per_hour) in [(60, 1), (15, 4)] {
            let file = steps(from, minutes, hours * per_hour);
            let report = app.import("CH", &file).await.json(200);
            assert_eq!(report["stored"], json!(hours * per_hour), "{report}");
        }
    }
    for (day, hours) in [("2025-10-25", 24), ("2025-10-26", 25), ("2025-03-30", 23)] {
        for (product, per_hour) in [("day_ahead", 1), ("day_ahead_15min", 4)] {
            let path = format!("/api/prices?market=CH&product={product}&from={day}&to={day}");
            let answer = app.get(Role::Viewer, &path).await.json(200);
            assert_eq!(prices(&answer).len(), hours * per_hour, "{day} {product}");
        }
    }
    // Without a product the preferred one of the settings is shown: both end within the same hour.
    let path = "/api/prices?market=CH&from=2025-10-26&to=2025-10-26";
    let answer = app.get(Role::Viewer, path).await.json(200);
    assert_eq!((&answer["product"], prices(&answer).len()), (&json!("day_ahead_15min"), 100));
    assert_eq!(answer["from"], "2025-10-25T22:00:00Z");
    assert_eq!(answer["to"], "2025-10-26T23:00:00Z");
}

#[tokio::test]
async fn ranges_are_checked_before_anything_is_read() {
    let app = TestApp::new().await;
    let get = async |query: &str| app.get(Role::Viewer, &format!("/api/prices?{query}")).await;
    for (query, field) in [
        ("market=XX", "market"),
        ("from=yesterday", "from"),
        ("from=0001-01-01", "from"),
        ("from=2026-03-02&to=2026-03-01", "to"),
        ("from=2026-03-02T00:00:00Z&to=2026-03-02T00:00:00Z", "to"),
        ("from=1990-01-01&to=2100-12-31", "to"),
        ("as_of=now", "as_of"),
        ("product=week_ahead", "product"),
    ] {
        assert_eq!(get(query).await.wrong_field(), field, "{query}");
    }
    // Without a range: yesterday to two days after it, in local days; the last one has 23 hours.
    let default = get("market=CH").await.json(200);
    assert_eq!(default["from"], "2026-03-26T23:00:00Z");
    assert_eq!(default["to"], "2026-03-29T22:00:00Z");
    assert_eq!(default["points"], json!([]));
    let instants = get("market=CH&from=2026-03-28T00:30:00%2B01:00&to=2026-03-28T02:00:00Z").await;
    assert_eq!(instants.json(200)["from"], "2026-03-27T23:30:00Z");
}

#[tokio::test]
async fn without_a_real_market_the_simulated_one_is_shown_and_says_so() {
    let app = TestApp::new().await;
    app.services.simulation.fill().await.unwrap();
    let answer = app.get(ANYBODY, "/api/prices").await.json(200);
    assert_eq!((&answer["market"], &answer["simulated"]), (&json!("SIM-CH"), &json!(true)));
    assert!(
        answer["points"].as_array().unwrap().iter().all(|point| point["quality"] == "simulated"),
        "{answer}"
    );
    // A real price for now moves the simulation out of sight.
    app.import("CH", &steps("2026-03-28T00:00:00Z", 60, 24)).await.json(200);
    let answer = app.get(Role::Admin, "/api/prices").await.json(200);
    assert_eq!((&answer["market"], &answer["simulated"]), (&json!("CH"), &json!(false)));
}
