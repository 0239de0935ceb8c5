//! Totals and files on the whole application with a real database.

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::access::audit::AuditFilter;
use crate::facts::meters::{MeterRole, NewMeter};
use crate::platform::web::Role;
use crate::testing::{Answer, TestApp, from_this_box};

/// A night in which the hour from two to three happens twice: 1, 2, 3 and 4 kWh.
const OCTOBER: &str = "Lastgang Kunde 4711\n\nZeit;Bezug kWh\n26.10.2025 01:00;1,0\n\
    26.10.2025 02:00;2,0\n26.10.2025 02:00;3,0\n26.10.2025 03:00;4,0\n";

/// The application with a meter of the default site and one of a neighbour's.
async fn app() -> TestApp {
    let app = TestApp::new().await;
    let other = app.add_site("Neighbour").await;
    let mut conn = app.services.db.conn().await.unwrap();
    for (meter_id, site_id) in [("house-1", None), ("next-door", Some(other))] {
        let meter = NewMeter {
            meter_id: meter_id.to_owned(),
            site_id,
            name: meter_id.to_owned(),
            role: MeterRole::House,
            time_zone: chrono_tz::Tz::Europe__Zurich,
        };
        app.services.meters.register(&mut conn, &meter).await.unwrap();
    }
    drop(conn);
    app
}

async fn send(app: &TestApp, role: Role, path: &str, file: &[u8]) -> Answer {
    app.send(role, Method::POST, path, Some(("text/csv", file.to_vec()))).await
}

async fn preview(app: &TestApp, query: &str, file: &str) -> Value {
    let path = format!("/api/consumption/preview?meter_id=house-1{query}");
    send(app, Role::Customer, &path, file.as_bytes()).await.json(200)
}

async fn total(app: &TestApp, role: Role, meter_id: &str, month: &str, kwh: f64) -> Answer {
    let total = json!({"meter_id": meter_id, "month": month, "consumption_kwh": kwh});
    app.post(role, "/api/consumption", &total).await
}

#[tokio::test]
async fn the_hour_that_happens_twice_is_shown_and_then_stored_as_it_was_shown() {
    let app = app().await;
    let seen = preview(&app, "", OCTOBER).await;
    assert_eq!(seen["table"]["separator"], ";");
    assert_eq!(seen["table"]["lines_before_header"], 2);
    let columns: Vec<_> = seen["table"]["columns"].as_array().unwrap().iter().collect();
    assert_eq!((&columns[0]["holds"], &columns[1]["holds"]), (&json!("times"), &json!("numbers")));
    assert_eq!(columns[1]["samples"], json!(["1,0", "2,0", "3,0"]));
    assert_eq!(
        seen["mapping"],
        json!({"time_column": "Zeit", "columns": ["Bezug kWh"], "production_columns": [],
            "kind": "energy", "unit": "kWh", "zone": "Europe/Zurich"})
    );
    // Line 5 is the second row: two in the morning, which comes at midnight and at one UTC.
    assert_eq!(
        seen["rows"][1],
        json!({"line": 5, "cells": [
            {"text": "26.10.2025 02:00",
                "instants": ["2025-10-26T00:00:00Z", "2025-10-26T01:00:00Z"]},
            {"text": "2,0", "number": 2.0}]})
    );
    let would = &seen["would_store"];
    assert_eq!((&would["stored"], &would["dry_run"]), (&json!(4), &json!(true)));
    assert_eq!((&would["consumption_kwh"], &would["interval_s"]), (&json!(10.0), &json!(3_600)));
    assert_eq!((&seen["problem"], &seen["faulty"]), (&Value::Null, &json!(0)));
    let path = "/api/meters/house-1/readings?resolution=raw&from=2025-10-25&to=2025-10-27";
    assert_eq!(app.get(Role::Customer, path).await.json(200)["readings"], json!([]));

    let query = "/api/consumption?meter_id=house-1&column=Bezug%20kWh&time_column=Zeit&kind=energy\
                 &unit=kWh&zone=Europe/Zurich";
    for (stored, unchanged) in [(4, 0), (0, 4)] {
        let done = send(&app, Role::Customer, query, OCTOBER.as_bytes()).await.json(200);
        let report = &done["readings"];
        assert_eq!(
            (&report["stored"], &report["unchanged"]),
            (&json!(stored), &json!(unchanged)),
            "{done}"
        );
    }
    let read = app.get(Role::Customer, path).await.json(200);
    let read: Vec<_> = read["readings"].as_array().unwrap().iter().collect();
    let told: Vec<_> = read
        .iter()
        .map(|row| (row["ts"].as_str().unwrap(), row["consumption_kw"].as_f64().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("2025-10-25T23:00:00Z", 1.0),
            ("2025-10-26T00:00:00Z", 2.0),
            ("2025-10-26T01:00:00Z", 3.0),
            ("2025-10-26T02:00:00Z", 4.0)
        ]
    );
}

#[tokio::test]
async fn rows_that_cannot_be_read_are_listed_and_hold_the_file_up_unless_they_are_left_out() {
    let app = app().await;
    let file = "Zeit;kWh\n27.03.2026 10:00;1\n27.03.2026 10:15;viel\n27.03.2026 10:30;-2\n\
                27.03.2026 10:45;3\n31.02.2026 10:00;1\n";
    let seen = preview(&app, "", file).await;
    assert_eq!(seen["faulty"], 3);
    let findings: Vec<_> = seen["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["line"].as_u64().unwrap(), row["column"].as_str().unwrap()))
        .collect();
    assert_eq!(findings, [(3, "kWh"), (4, "kWh"), (6, "Zeit")]);
    assert_eq!(seen["findings"][0]["reason"], "'viel' is not a number");
    assert_eq!(seen["rows"][1]["cells"][1]["wrong"], "'viel' is not a number");
    // The two that are left stand three quarters of an hour apart.
    assert!(seen["problem"].as_str().unwrap().contains("2700 s apart"), "{seen}");

    let path = "/api/consumption?meter_id=house-1";
    let refused = send(&app, Role::Customer, path, file.as_bytes()).await.problem(422);
    assert_eq!(refused["errors"][0]["field"], "line 3, kWh");
    let file = "Zeit;kWh\n27.03.2026 10:00;1\n27.03.2026 10:15;viel\n27.03.2026 10:30;2\n\
                27.03.2026 10:45;3\n27.03.2026 11:00;1\n";
    let seen = preview(&app, "", file).await;
    assert_eq!((&seen["faulty"], &seen["would_store"]["stored"]), (&json!(1), &json!(4)));
    let path = format!("{path}&skip_bad_rows=true");
    let done = send(&app, Role::Customer, &path, file.as_bytes()).await.json(200);
    assert_eq!(done["readings"]["stored"], 4);
    let dropped = &done["readings"]["dropped"][0];
    assert_eq!((&dropped["reason"], &dropped["lines"]), (&json!("unreadable value"), &json!([3])));
}

#[tokio::test]
async fn columns_that_nobody_can_tell_are_asked_for() {
    let app = app().await;
    let rows: String = (0..30)
        .map(|at| format!("2026-03-27 {:02}:00,{at},{}\n", at % 24, 30 - at))
        .take(24)
        .collect();
    let seen = preview(&app, "", &format!("time,a,b\n{rows}")).await;
    assert!(seen["problem"].as_str().unwrap().contains("Name them"), "{seen}");
    assert_eq!(seen["mapping"]["time_column"], "time");
    assert_eq!((&seen["would_store"], &seen["mapping"]["kind"]), (&Value::Null, &Value::Null));
    // Column a counts up from 0 to 23, so it is a counter; column b falls and is none.
    let seen = preview(&app, "&column=a", &format!("time,a,b\n{rows}")).await;
    assert_eq!(
        (&seen["mapping"]["kind"], &seen["mapping"]["unit"]),
        (&json!("counter"), &json!("kWh"))
    );
    // Twenty-four marks hold 23 hours between them.
    assert_eq!(seen["would_store"]["stored"], 23);
    let seen = preview(&app, "&column=b", &format!("time,a,b\n{rows}")).await;
    assert!(seen["problem"].as_str().unwrap().contains("names no unit"), "{seen}");
}

#[tokio::test]
async fn what_is_no_table_is_called_by_its_name() {
    let app = app().await;
    for (bytes, reason) in [
        (&b""[..], "the file is empty"),
        (b"  \n ", "the file is empty"),
        (b"<!doctype html><html></html>", "the file is a web page or XML"),
        (b"PK\x03\x04rest of an xlsx", "the file is a zip archive or a spreadsheet (.xlsx)"),
        (b"%PDF-1.7", "the file is a PDF document"),
        (b"{\"a\": 1}", "the file is JSON"),
        (b"\x1f\x8bcut off", "the gzip file cannot be unpacked"),
        (b"Zeit;kWh\n", "the file has a header ('Zeit', 'kWh') but no rows"),
    ] {
        for path in ["/api/consumption/preview", "/api/consumption"] {
            let path = format!("{path}?meter_id=house-1");
            let refused = send(&app, Role::Customer, &path, bytes).await.problem(422);
            assert_eq!(refused["type"], "/problems/unusable-file", "{refused}");
            let detail = refused["detail"].as_str().unwrap();
            // Without rows the first line could be a row as well, which has no times.
            let is_close = detail.contains(reason) || reason.ends_with("no rows");
            assert!(is_close, "{detail}");
        }
    }
    let path = "/api/consumption?meter_id=house-1";
    app.send(Role::Customer, Method::POST, path, Some(("image/png", vec![1]))).await.problem(415);
    let path = "/api/consumption/preview?meter_id=house-1";
    let token = app.token(Role::Customer).await;
    let announced = from_this_box(Method::POST, path)
        .insert_header(("authorization", format!("Bearer {token}")))
        .insert_header(("content-length", "70000000"));
    app.ask(announced).await.problem(413);
}

#[tokio::test]
async fn people_write_meters_of_their_own_and_viewers_none() {
    let app = app().await;
    for (path, new) in
        [("/api/consumption?meter_id=", "new-1"), ("/api/consumption/preview?meter_id=", "new-2")]
    {
        let theirs = format!("{path}next-door");
        send(&app, Role::Customer, &theirs, OCTOBER.as_bytes()).await.problem(404);
        send(&app, Role::Viewer, &theirs, OCTOBER.as_bytes()).await.problem(403);
        send(&app, Role::Customer, &format!("{path}nothing"), OCTOBER.as_bytes())
            .await
            .problem(404);
        send(&app, Role::Analyst, &theirs, OCTOBER.as_bytes()).await.json(200);
        let without = path.trim_end_matches("?meter_id=");
        let answer = send(&app, Role::Customer, without, OCTOBER.as_bytes()).await;
        assert_eq!(answer.wrong_field(), "meter_id");
        // A customer makes no meters, an analyst does.
        let new = format!("{path}{new}&create=true");
        send(&app, Role::Customer, &new, OCTOBER.as_bytes()).await.problem(404);
        send(&app, Role::Analyst, &new, OCTOBER.as_bytes()).await.json(200);
    }
    app.get(Role::Analyst, "/api/meters/new-1/readings").await.json(200);
    app.get(Role::Analyst, "/api/meters/new-2/readings").await.problem(404);
    total(&app, Role::Customer, "next-door", "2026-02", 1.0).await.problem(404);
    total(&app, Role::Viewer, "house-1", "2026-02", 1.0).await.problem(403);
    app.get(Role::Customer, "/api/consumption?meter_id=next-door").await.problem(404);
    app.get(Role::Viewer, "/api/consumption?meter_id=next-door").await.json(200);
}

#[tokio::test]
async fn a_total_stands_for_a_month_until_it_is_changed_or_taken_back() {
    let app = app().await;
    let entered = total(&app, Role::Customer, "house-1", "2026-02", 412.5).await.json(200);
    // February 2026 in Zürich: both midnights are an hour ahead of UTC.
    assert_eq!(
        entered["total"],
        json!({"meter_id": "house-1", "month": "2026-02", "from": "2026-01-31T23:00:00Z",
            "to": "2026-02-28T23:00:00Z", "consumption_kwh": 412.5, "production_kwh": null,
            "entered_at": "2026-03-28T12:00:00Z"})
    );
    app.clock.set("2026-03-28T13:00:00Z".parse().unwrap());
    let again = total(&app, Role::Customer, "house-1", "2026-02", 412.5).await.json(200);
    assert_eq!(again, entered);
    let rehearsed = json!({"meter_id": "house-1", "month": "2026-02", "consumption_kwh": 9.0});
    let path = "/api/consumption?dry_run=true";
    assert_eq!(app.post(Role::Customer, path, &rehearsed).await.json(200)["dry_run"], true);
    let with_roof = json!({"meter_id": "house-1", "month": "2026-01", "consumption_kwh": 500.0,
        "production_kwh": 20.0});
    app.post(Role::Customer, "/api/consumption", &with_roof).await.json(200);
    let list = "/api/consumption?meter_id=house-1";
    let listed = app.get(Role::Customer, list).await.json(200);
    let listed: Vec<_> = listed["totals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (row["month"].clone(), row["consumption_kwh"].clone(), row["production_kwh"].clone())
        })
        .collect();
    assert_eq!(
        listed,
        [
            (json!("2026-02"), json!(412.5), Value::Null),
            (json!("2026-01"), json!(500.0), json!(20.0))
        ]
    );
    // A total is no reading: nothing is spread over quarter hours.
    let path = "/api/meters/house-1/readings?resolution=day&from=2026-02-01&to=2026-02-28";
    assert_eq!(app.get(Role::Customer, path).await.json(200)["rollups"], json!([]));

    let gone = "/api/consumption/house-1/2026-02";
    assert_eq!(app.send(Role::Customer, Method::DELETE, gone, None).await.status, 204);
    app.send(Role::Customer, Method::DELETE, gone, None).await.problem(404);
    let audit = app.services.audit.list(&AuditFilter::default(), 50).await;
    let actions: Vec<String> = audit
        .unwrap()
        .into_iter()
        .map(|entry| entry.action)
        .filter(|action| action.starts_with("consumption."))
        .collect();
    let expected = ["consumption.take_back", "consumption.enter", "consumption.enter"];
    assert_eq!(actions, expected);
}

#[tokio::test]
async fn totals_that_cannot_be_are_refused_with_their_field() {
    let app = app().await;
    let wrong =
        async |body: Value| app.post(Role::Customer, "/api/consumption", &body).await.wrong_field();
    let sound = json!({"meter_id": "house-1", "month": "2026-02", "consumption_kwh": 1.0});
    for (field, value) in [
        ("month", json!("2026-03")),
        ("month", json!("2026-2")),
        ("month", json!("1999-12")),
        ("consumption_kwh", json!(-1.0)),
        ("consumption_kwh", json!(1e12)),
        ("production_kwh", json!(-0.5)),
        ("meter_id", json!("a b")),
    ] {
        let mut body = sound.clone();
        body[field] = value.clone();
        assert_eq!(wrong(body).await, field, "{value}");
    }
    let mut body = sound.clone();
    body["consumption_kwh"] = json!("1e999");
    assert_eq!(wrong(body).await, "consumption_kwh");
    let simulated = NewMeter {
        meter_id: "sim-1".to_owned(),
        site_id: None,
        name: "sim-1".to_owned(),
        role: MeterRole::House,
        time_zone: chrono_tz::Tz::Europe__Zurich,
    };
    let mut conn = app.services.db.conn().await.unwrap();
    app.services.meters.register(&mut conn, &simulated).await.unwrap();
    assert_eq!(total(&app, Role::Analyst, "sim-1", "2026-02", 1.0).await.wrong_field(), "meter_id");
}
