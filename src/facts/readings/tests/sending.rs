//! Rows of power: stored once, refused with their place, in any order the same.

use std::fmt::Write;

use chrono::Duration;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::*;
use crate::facts::readings::body::BATCH_ROWS;

fn row(ts: &str, kw: f64) -> Value {
    json!({"meter_id": "house-1", "ts": ts, "interval_s": 900, "consumption_kw": kw})
}

/// The counts of an answer in the order read, inserted, replaced, unchanged, refused, duplicates.
fn counts(answer: &Answer) -> [u64; 6] {
    let report = answer.json(200);
    ["read", "inserted", "replaced", "unchanged", "refused", "duplicates"]
        .map(|name| report[name].as_u64().unwrap())
}

#[tokio::test]
async fn each_form_of_a_body_stores_the_same_rows() {
    let csv = "\u{feff}meter_id;ts;interval_s;consumption_kw;production_kw\n\
        house-1;2026-03-28T10:00:00+01:00;900;1.5;\n\n\"house-1\";1774688400000;900;;0.25\r\n";
    let first = json!({"meter_id": "house-1", "ts": "2026-03-28T09:00:00Z", "interval_s": 900,
        "consumption_kw": 1.5});
    let second = json!({"meter_id": "house-1", "ts": 1_774_688_400_000_i64, "interval_s": 900,
        "production_kw": 0.25});
    // 1774688400 s since 1970 is 2026-03-28T09:00:00Z, so the later row of the two counts.
    let expected = ["house-1 03-28 09:00:00 900 - 0.25 ok"];
    for (media_type, text) in [
        ("text/csv; charset=utf-8", csv.to_owned()),
        ("application/x-ndjson", format!("{first}\n\n{second}")),
        ("application/json", format!(" [{first} ,\n{second}]\n")),
    ] {
        let app = TestApp::new().await;
        let answer = send_text(&app, media_type, "?create=true", text).await;
        assert_eq!(counts(&answer), [2, 1, 0, 0, 0, 1], "{media_type}");
        assert_eq!(stored(&app).await, expected, "{media_type}");
        assert_eq!(answer.json(200)["created"], json!(["house-1"]));
    }
}

#[tokio::test]
async fn rows_are_stored_once_and_later_published_values_win() {
    let app = TestApp::new().await;
    let first = json!([row("2026-03-28T09:00:00Z", 1.0), row("2026-03-28T09:15:00Z", 2.0)]);
    assert_eq!(counts(&send(&app, Role::Admin, "?create=true", &first).await), [2, 2, 0, 0, 0, 0]);
    assert_eq!(counts(&send(&app, Role::Admin, "", &first).await), [2, 0, 0, 2, 0, 0]);
    let stated = |kw, known_at: &str| {
        let mut row = row("2026-03-28T09:00:00Z", kw);
        row["known_at"] = json!(known_at);
        row
    };
    let answer = send(&app, Role::Admin, "", &json!([stated(1.5, "2026-03-28T11:00:00Z")])).await;
    assert_eq!(counts(&answer), [1, 0, 1, 0, 0, 0]);
    let answer = send(&app, Role::Admin, "", &json!([stated(1.7, "2026-03-28T10:00:00Z")])).await;
    assert_eq!(counts(&answer), [1, 0, 0, 0, 1, 0]);
    assert_eq!(answer.json(200)["refused_older"], 1);
    // A row without a length has that of its meter; one over quarter hours is left out.
    let hour = json!([{"meter_id": "house-1", "ts": "2026-03-28T09:00:00Z", "interval_s": 3600,
        "consumption_kw": 1}, {"meter_id": "house-1", "ts": "2026-03-28T09:30:00Z",
        "consumption_kw": 3}]);
    let answer = send(&app, Role::Admin, "", &hour).await;
    assert_eq!(counts(&answer), [2, 1, 0, 0, 1, 0]);
    assert_eq!(answer.json(200)["overlapping"], 1);
    let all = stored(&app).await;
    assert_eq!(
        all,
        [
            "house-1 03-28 09:00:00 900 1.5 - ok",
            "house-1 03-28 09:15:00 900 2 - ok",
            "house-1 03-28 09:30:00 900 3 - ok"
        ]
    );
}

#[tokio::test]
async fn a_faulty_row_is_named_and_nothing_is_stored() {
    let app = TestApp::new().await;
    let good = row("2026-03-28T09:00:00Z", 1.0).to_string();
    send_text(&app, "application/json", "?create=true", format!("[{good}]")).await.json(200);
    let before = stored(&app).await;
    let with = |name: &str, value: &str| {
        let mut other = row("2026-03-28T09:15:00Z", 1.0);
        other[name] = json!("#");
        other.to_string().replace("\"#\"", value)
    };
    for (name, value) in [
        ("consumption_kw", "-0.1"),
        ("consumption_kw", "NaN"),
        ("consumption_kw", "Infinity"),
        ("consumption_kw", "1e400"),
        ("consumption_kw", "100000.1"),
        ("consumption_kw", "\"1\""),
        ("production_kw", "-1"),
        ("voltage", "[230]"),
        ("ts", "\"2026-03-28T12:06:00Z\""),
        ("ts", "\"1989-12-31T23:59:59Z\""),
        ("ts", "\"2026-03-28T12:00:00\""),
        ("ts", "1774699200"),
        ("ts", "null"),
        ("known_at", "\"2026-03-29T12:00:00Z\""),
        ("interval_s", "0"),
        ("interval_s", "3601"),
        ("interval_s", "1.5"),
        ("quality", "\"great\""),
        ("quality", "\"missing\""),
        ("quality", "\"simulated\""),
        ("meter_id", "\"sim-house\""),
        ("meter_id", "\"a b\""),
        ("meter_id", "\"a\\u0000\""),
        ("meter_id", "\"nobody\""),
        ("power", "1"),
    ] {
        let text = format!("[{good},{}]", with(name, value));
        let answer = send_text(&app, "application/json", "", text).await;
        assert_eq!(answer.wrong_field(), format!("rows[1].{name}"), "{value}");
    }
    let csv = "meter_id,ts,consumption_kw\nhouse-1,2026-03-28T09:15:00Z,";
    for cell in ["NaN", "inf", "-1", "1;5", "x"] {
        let answer = send_text(&app, "text/csv", "", format!("{csv}{cell}\n")).await;
        assert_eq!(answer.wrong_field(), "rows[0].consumption_kw", "{cell}");
    }
    let answer = send_text(&app, "text/csv", "", format!("{csv}1,2\n")).await;
    assert_eq!(answer.wrong_field(), "rows[0]");
    for (media_type, text) in [
        ("application/json", "{}".to_owned()),
        ("application/json", format!("[{good}")),
        ("application/json", format!("[{good},]")),
        ("application/json", format!("[{good}] x")),
    ] {
        let answer = send_text(&app, media_type, "", text.clone()).await;
        assert!(answer.problem(400)["detail"].is_string(), "{text}");
    }
    for (media_type, text) in [
        ("text/csv", String::new()),
        ("text/csv", "time,kw\n1,2\n".to_owned()),
        ("text/csv", "ts,consumption_kw\n1,2\n".to_owned()),
        ("application/x-ndjson", "\n\n".to_owned()),
    ] {
        let answer = send_text(&app, media_type, "", text.clone()).await;
        assert_eq!(answer.wrong_field(), "body", "{text}");
    }
    let long = format!("[{{\"meter_id\": \"{}\"}}]", "a".repeat(20_000));
    send_text(&app, "application/json", "", long).await.problem(413);
    send_text(&app, "text/plain", "", good).await.problem(415);
    assert_eq!(stored(&app).await, before);
}

#[tokio::test]
async fn good_rows_are_stored_without_the_faulty_ones_when_asked_to() {
    let app = TestApp::new().await;
    let good = row("2026-03-28T09:00:00Z", 1.0);
    send(&app, Role::Admin, "?create=true", &json!([good])).await.json(200);
    let mut unknown = row("2026-03-28T09:15:00Z", 1.0);
    unknown["meter_id"] = json!("other");
    let rows =
        json!([row("2026-03-28T09:15:00Z", -1.0), unknown, row("2026-03-28T09:30:00Z", 2.0)]);
    let answer = send(&app, Role::Admin, "?partial=true", &rows).await;
    assert_eq!(counts(&answer), [3, 1, 0, 0, 2, 0]);
    let findings = &answer.json(200)["findings"];
    assert_eq!(
        (&findings[0]["index"], &findings[0]["field"]),
        (&json!(0), &json!("consumption_kw"))
    );
    assert_eq!((&findings[1]["index"], &findings[1]["field"]), (&json!(1), &json!("meter_id")));
    assert_eq!(stored(&app).await.len(), 2);
}

#[tokio::test]
async fn people_write_readings_of_their_own_meters_only() {
    let app = TestApp::new().await;
    let site = app.add_site("Elsewhere").await;
    let elsewhere = crate::facts::meters::NewMeter {
        meter_id: "elsewhere".to_owned(),
        site_id: Some(site),
        name: "Elsewhere".to_owned(),
        role: crate::facts::meters::MeterRole::House,
        time_zone: chrono_tz::Tz::Europe__Zurich,
    };
    let mut conn = app.services.db.conn().await.unwrap();
    app.services.meters.register(&mut conn, &elsewhere).await.unwrap();
    let own = row("2026-03-28T09:00:00Z", 1.0);
    send(&app, Role::Analyst, "?create=true", &json!([own])).await.json(200);
    let mut foreign = own.clone();
    foreign["meter_id"] = json!("elsewhere");
    let mut new = own.clone();
    new["meter_id"] = json!("new");
    assert_eq!(counts(&send(&app, Role::Customer, "", &json!([own])).await), [1, 0, 0, 1, 0, 0]);
    for row in [&foreign, &new] {
        let answer = send(&app, Role::Customer, "?create=true", &json!([row])).await;
        assert_eq!(answer.wrong_field(), "rows[0].meter_id");
        assert!(answer.text().contains("that you may write readings of"));
    }
    let answer = send(&app, Role::Viewer, "", &json!([own])).await;
    assert_eq!(answer.wrong_field(), "rows[0].meter_id");
    assert_eq!(counts(&send(&app, Role::Analyst, "", &json!([foreign])).await), [1, 1, 0, 0, 0, 0]);
}

#[tokio::test]
async fn a_key_gives_one_answer_to_one_request_for_a_day() {
    let app = TestApp::new().await;
    let rows = json!([row("2026-03-28T09:00:00Z", 1.0)]);
    let first = send_with_key(&app, "k1", &rows).await;
    assert_eq!(counts(&first), [1, 1, 0, 0, 0, 0]);
    assert_eq!(send_with_key(&app, "k1", &rows).await.json(200), first.json(200));
    let other = json!([row("2026-03-28T09:00:00Z", 2.0)]);
    assert_eq!(send_with_key(&app, "k1", &other).await.wrong_field(), "Idempotency-Key");
    assert_eq!(counts(&send_with_key(&app, "k2", &rows).await), [1, 0, 0, 1, 0, 0]);
    app.clock.set(app.clock.now() + Duration::hours(25));
    assert_eq!(counts(&send_with_key(&app, "k1", &other).await), [1, 0, 1, 0, 0, 0]);
    assert_eq!(send_with_key(&app, &"k".repeat(201), &rows).await.wrong_field(), "Idempotency-Key");
}

#[tokio::test]
async fn long_bodies_are_judged_like_short_ones() {
    let app = TestApp::new().await;
    let rows = BATCH_ROWS as u64 * 2 + 5;
    let start: chrono::DateTime<chrono::Utc> = "2026-03-20T00:00:00Z".parse().unwrap();
    let body = |odd: f64| {
        let mut text = String::from("meter_id,ts,interval_s,consumption_kw\n");
        for n in 0..rows {
            let ts = start + Duration::seconds(30 * i64::try_from(n / 2).unwrap());
            let (meter, kw) = if n % 2 == 0 { ("a", 1.0) } else { ("b", odd) };
            writeln!(text, "{meter},{},30,{kw}", ts.timestamp_millis()).unwrap();
        }
        // The first interval once more, and an hour over the fine readings.
        writeln!(text, "a,{},30,9", start.timestamp_millis()).unwrap();
        writeln!(text, "a,{},3600,9", start.timestamp_millis()).unwrap();
        text
    };
    let answer = send_text(&app, "text/csv", "?create=true", body(2.0)).await;
    assert_eq!(counts(&answer), [rows + 2, rows, 0, 0, 1, 1]);
    let answer = send_text(&app, "text/csv", "", body(2.0)).await;
    assert_eq!(counts(&answer), [rows + 2, 0, 0, rows, 1, 1]);
    let answer = send_text(&app, "text/csv", "", body(3.0)).await;
    assert_eq!(counts(&answer), [rows + 2, 0, rows / 2, rows.div_ceil(2), 1, 1]);
    // A faulty row at the very end takes back everything before it.
    let answer = send_text(&app, "text/csv", "", body(4.0) + "a,1774000000000,30,-1\n").await;
    assert_eq!(answer.wrong_field(), format!("rows[{}].consumption_kw", rows + 2));
    let sums = "SELECT concat_ws(' ', meter_id, count(*), sum(consumption_kw)) AS line \
        FROM smart_meter_readings GROUP BY meter_id ORDER BY 1";
    let (a, b) = (rows.div_ceil(2), rows / 2);
    assert_eq!(
        lines(&app.services.db, sums).await,
        [format!("a {a} {}", a + 8), format!("b {b} {}", b * 3)]
    );
}

#[tokio::test]
async fn the_order_of_arrival_does_not_matter() {
    let app = TestApp::new().await;
    // Four intervals, some a month old, each stated three times, the last time as at first; what
    // was published last counts.
    let values: Vec<Value> = (0..12)
        .map(|n| {
            let (slot, version) = (n % 4, n / 4);
            let ts = format!("2026-0{}-25T09:{:02}:00Z", 2 + slot % 2, 15 * slot);
            let kw = if version == 1 { 20 + slot } else { 1 + slot };
            let mut row = row(&ts, f64::from(kw));
            row["known_at"] = json!(format!("2026-03-26T1{version}:00:00Z"));
            row
        })
        .collect();
    let expected = [
        "house-1 02-25 09:00:00 900 1 - ok",
        "house-1 02-25 09:30:00 900 3 - ok",
        "house-1 03-25 09:15:00 900 2 - ok",
        "house-1 03-25 09:45:00 900 4 - ok",
    ];
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let strategy = (Just((0..12_usize).collect::<Vec<_>>()).prop_shuffle(), 1..6_usize);
    for _ in 0..12 {
        let (order, size) = strategy.new_tree(&mut runner).unwrap().current();
        let mut conn = app.services.db.conn().await.unwrap();
        let empty = "TRUNCATE smart_meter_readings, meter_reading_revisions";
        diesel_async::SimpleAsyncConnection::batch_execute(&mut conn, empty).await.unwrap();
        drop(conn);
        for part in order.chunks(size) {
            let rows: Vec<&Value> = part.iter().map(|at| &values[*at]).collect();
            send(&app, Role::Admin, "?create=true", &json!(rows)).await.json(200);
        }
        assert_eq!(stored(&app).await, expected, "{order:?} by {size}");
    }
}
