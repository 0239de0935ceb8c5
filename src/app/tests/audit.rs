//! Every operation that changes something leaves a row in the audit log; holds for operations nobody
//! has written yet.

use std::collections::BTreeSet;

use actix_web::http::Method;
use actix_web::http::header::HeaderName;
use chrono::Duration;
use diesel_async::SimpleAsyncConnection;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::operation::{Operation, document};
use crate::base::timeline::day_range;
use crate::facts::changes::{Change, ChangeKind};
use crate::facts::quality::{Batch, Due, Kind, Unreadable};
use crate::learning::prediction::RefreshJob;
use crate::platform::jobs::NewJob;
use crate::platform::web::Role;
use crate::testing::{ANYBODY, Answer, TestApp};

/// Operations that may succeed without a row, and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    (
        "POST /api/auth/refresh",
        "prolongs nothing: the session was written down when it was opened, its end will be, too",
    ),
    (
        "POST /api/predict",
        "changes nothing: what was asked and answered is kept as a prediction of its own",
    ),
    ("POST /api/consumption/preview", "tells how a file would be read and stores nothing"),
    ("POST /api/rag/ask", "changes nothing: questions have a log of their own, if they may"),
    ("POST /rag/ask", "the same under its short address"),
    ("POST /api/rag/search", "finds passages and stores nothing"),
    ("POST /rag/search", "the same under its short address"),
];

/// What has been seen to leave a row.
struct Walk {
    app: TestApp,
    walked: BTreeSet<String>,
}

impl Walk {
    /// Notes that `answer` to `operation` is a success and has its row; returns the row.
    async fn saw(&mut self, operation: &str, answer: &Answer) -> Value {
        assert!(answer.status.is_success(), "{operation}: {}", answer.text());
        let request_id = answer.header(HeaderName::from_static("x-request-id")).to_owned();
        let rows = self.rows().await;
        let row = rows.iter().find(|row| row["request_id"] == *request_id);
        let row = row.unwrap_or_else(|| panic!("{operation} leaves no row: {rows:#?}"));
        assert_eq!(row["address"], "127.0.0.1", "{operation}");
        self.walked.insert(operation.to_owned());
        row.clone()
    }

    /// The newest rows, as admins read them.
    async fn rows(&self) -> Vec<Value> {
        let page = self.app.get(Role::Admin, "/api/audit?limit=200").await.json(200);
        page["entries"].as_array().unwrap().clone()
    }

    /// The answer to an admin's request without a body.
    async fn admin(&self, method: Method, path: &str) -> Answer {
        self.app.send(Role::Admin, method, path, None).await
    }
}

#[tokio::test]
async fn every_change_is_written_down_with_its_author_and_no_secret() {
    let app = TestApp::with("2026-03-28T12:00:00Z".parse().unwrap(), |settings| {
        settings.drops.folder = Some(settings.storage.data_dir.join("drops"));
    })
    .await;
    let code = app.services.accounts.ensure_setup_code().await.unwrap().unwrap();
    let mut walk = Walk { app, walked: BTreeSet::new() };
    let password = TestApp::PASSWORD;

    let new = json!({"login": "anna", "password": password, "setup_code": code.expose_secret()});
    let answer = walk.app.post(ANYBODY, "/api/auth/register", &new).await;
    let row = walk.saw("POST /api/auth/register", &answer).await;
    assert_eq!((&row["actor"], &row["action"]), (&json!("user"), &json!("session.open")));
    let login = json!({"login": "anna", "password": password});
    let answer = walk.app.post(ANYBODY, "/api/auth/login", &login).await;
    walk.saw("POST /api/auth/login", &answer).await;
    let tokens = answer.json(200);
    let token = tokens["access_token"].as_str().unwrap().to_owned();
    let anna = tokens["user"]["user_id"].clone();
    let patch = body(&json!({"language": "en"}));
    let answer = walk.app.send_with_token(&token, Method::PATCH, "/api/me", patch).await;
    let row = walk.saw("PATCH /api/me", &answer).await;
    assert_eq!((&row["user_id"], &row["subject_id"]), (&anna, &anna));
    assert_eq!(
        (&row["before"]["language"], &row["after"]["language"]),
        (&json!("de"), &json!("en"))
    );
    let secrets = own_account(&mut walk, &token).await;
    other_accounts(&mut walk).await;
    let answer = walk.app.send_with_token(&token, Method::POST, "/api/auth/logout", None).await;
    walk.saw("POST /api/auth/logout", &answer).await;

    facts_and_jobs(&mut walk).await;
    quality(&mut walk).await;
    mqtt(&mut walk).await;
    drops(&mut walk).await;
    documents(&mut walk).await;
    answers(&mut walk).await;
    simulation(&mut walk).await;
    models(&mut walk).await;
    settings(&mut walk).await;
    for operation in Operation::all(&document()) {
        let name = operation.name();
        let excepted = EXCEPTIONS.iter().any(|(exception, _)| *exception == name);
        if operation.method != Method::GET && !excepted {
            assert!(
                walk.walked.contains(&name),
                "{name}: nobody has seen its row in the audit log"
            );
        }
    }
    let rows = walk.rows().await;
    assert!(rows.iter().any(|row| row["actor"] == "system" && row["action"] == "model.activate"));
    let told = json!(rows).to_string();
    let tokens = ["access_token", "refresh_token"].map(|name| tokens[name].as_str().unwrap());
    for secret in ["c4n4ry", code.expose_secret(), tokens[0], tokens[1], secrets.as_str()] {
        assert!(!told.contains(secret), "{secret} is in {told}");
    }
}

/// A body of JSON.
#[expect(clippy::unnecessary_wraps, reason = "the form that requests take")]
fn body(value: &Value) -> Option<(&'static str, Vec<u8>)> {
    Some(("application/json", value.to_string().into_bytes()))
}

/// What analysts bring in and have done.
async fn facts_and_jobs(walk: &mut Walk) {
    let file = "time,price\n2026-03-20T00:00:00Z,1\n2026-03-20T01:00:00Z,2\n";
    let answer = walk.app.import("CH", file).await;
    walk.saw("POST /api/import/prices", &answer).await;
    for (path, kw) in [("/api/ingest/readings", 1.0), ("/ingest/readings", 2.0)] {
        let rows = json!([{"meter_id": "house-1", "ts": "2026-03-28T11:00:00Z",
            "consumption_kw": kw}]);
        let answer = walk.app.post(Role::Analyst, &format!("{path}?create=true"), &rows).await;
        let row = walk.saw(&format!("POST {path}"), &answer).await;
        assert_eq!(
            (&row["action"], &row["subject_id"]),
            (&json!("readings.ingest"), &json!("house-1"))
        );
    }
    let file = "time;kWh\n2026-03-27 10:00;1\n2026-03-27 10:15;2\n".as_bytes().to_vec();
    let path = "/api/import/readings?meter_id=house-1";
    let file = Some(("text/csv", file));
    let answer = walk.app.send(Role::Analyst, Method::POST, path, file).await;
    walk.saw("POST /api/import/readings", &answer).await;
    consumption(walk).await;
    let file = "time_utc,t2m_c\n2026-03-20T00:00:00Z,1\n2026-03-20T01:00:00Z,2\n";
    let file = Some(("text/csv", file.as_bytes().to_vec()));
    let path = "/api/import/weather?series=basel";
    let answer = walk.app.send(Role::Analyst, Method::POST, path, file).await;
    let row = walk.saw("POST /api/import/weather", &answer).await;
    assert_eq!((&row["action"], &row["subject_id"]), (&json!("weather.import"), &json!("basel")));
    walk.app.services.simulation.fill().await.unwrap();
    walk.app.services.jobs.enqueue(NewJob::new(RefreshJob::NAME)).await.unwrap();
    walk.app.run_jobs().await;
    let request = json!({"market": "SIM-CH", "model": "linear"});
    let answer = walk.app.post(Role::Analyst, "/api/datasets", &request).await;
    walk.saw("POST /api/datasets", &answer).await;
    let order = json!({"kind": "train", "market": "SIM-CH", "model": "naive"});
    let answer = walk.app.post(Role::Analyst, "/api/training/jobs", &order).await;
    let row = walk.saw("POST /api/training/jobs", &answer).await;
    assert_eq!(row["after"], order);
    let later =
        NewJob { run_after: Some(walk.app.clock.now() + Duration::days(1)), ..NewJob::new("x") };
    let job = walk.app.services.jobs.enqueue(later).await.unwrap().job_id;
    let answer = walk.admin(Method::POST, &format!("/api/jobs/{job}/cancel")).await;
    walk.saw("POST /api/jobs/{job_id}/cancel", &answer).await;
    let answer = walk.admin(Method::POST, &format!("/api/jobs/{job}/retry")).await;
    walk.saw("POST /api/jobs/{job_id}/retry", &answer).await;
    drop(walk.app.scheduler().await);
    let path = format!("/api/schedules/{}", RefreshJob::NAME);
    let answer =
        walk.app.send(Role::Admin, Method::PATCH, &path, body(&json!({"is_enabled": false})));
    walk.saw("PATCH /api/schedules/{name}", &answer.await).await;
    let answer = walk.admin(Method::POST, &format!("{path}/run")).await;
    walk.saw("POST /api/schedules/{name}/run", &answer).await;
}

/// A month's total is entered, changed and taken back; somebody's events are brought by an admin.
async fn consumption(walk: &mut Walk) {
    for (kwh, before) in [(400.5, Value::Null), (410.5, json!(400.5))] {
        let total = json!({"meter_id": "house-1", "month": "2026-02", "consumption_kwh": kwh});
        let answer = walk.app.post(Role::Analyst, "/api/consumption", &total).await;
        let row = walk.saw("POST /api/consumption", &answer).await;
        assert_eq!(row["action"], "consumption.enter");
        assert_eq!(
            (&row["before"]["consumption_kwh"], &row["after"]["consumption_kwh"]),
            (&before, &json!(kwh))
        );
    }
    let answer = walk.admin(Method::DELETE, "/api/consumption/house-1/2026-02").await;
    let row = walk.saw("DELETE /api/consumption/{meter_id}/{month}", &answer).await;
    assert_eq!((&row["before"]["consumption_kwh"], &row["after"]), (&json!(410.5), &Value::Null));
    walk.app.token(Role::Viewer).await;
    let viewer = walk.app.services.accounts.user_id_of("viewer@example.ch").await.unwrap();
    for path in ["/api/ingest/telemetry", "/ingest/telemetry"] {
        let events = json!([{"type": "view", "user_id": viewer, "meta": {"page": path}}]);
        let answer = walk.app.post(Role::Admin, path, &events).await;
        let row = walk.saw(&format!("POST {path}"), &answer).await;
        assert_eq!((&row["action"], &row["after"]["events"]), (&json!("events.ingest"), &json!(1)));
    }
}

/// What admins decide about values that are kept apart, and about what nobody can read.
async fn quality(walk: &mut Walk) {
    let quality = walk.app.services.quality.clone();
    let asked = day_range("2026-03-27".parse().unwrap(), chrono_tz::Tz::Europe__Zurich);
    let batch = Batch {
        source: "energy_charts".to_owned(),
        subject: "price:CH:day_ahead".to_owned(),
        kind: Kind::Price,
        zone: chrono_tz::Tz::Europe__Zurich,
        interval_s: 3_600,
        asked,
        values: asked.slots(3_600).map(|ts| (ts, Some(0.0))).collect(),
        came_at: walk.app.clock.now(),
        due: Some(Due::at(-1, 15, 0)),
        tolerance: 0.0,
        limit: 1e5,
        is_rolling: false,
        rests_at_weekends: false,
        is_simulated: false,
    };
    quality.record(&batch, None).await.unwrap();
    let rows = walk.app.get(Role::Analyst, "/api/quality/quarantine").await.json(200);
    for (place, step) in ["release", "discard"].into_iter().enumerate() {
        let row = rows["rows"][place]["row_id"].as_str().unwrap().to_owned();
        let path = format!("/api/quality/quarantine/{row}/{step}");
        let answer = walk.admin(Method::POST, &path).await;
        let entry = walk.saw(&format!("POST /api/quality/quarantine/{{id}}/{step}"), &answer).await;
        assert_eq!((&entry["subject_id"], &entry["after"]["value"]), (&json!(row), &json!(0.0)));
    }
    let letter = Unreadable {
        source: "energy_charts",
        subject: "price:CH",
        raw_file_id: None,
        payload: b"<html>",
        reason: "the answer is a web page, not JSON",
    };
    let letter = quality.dead_letter(&letter).await.unwrap().letter_id;
    let answer = walk.admin(Method::POST, &format!("/api/dead-letters/{letter}/resolve")).await;
    walk.saw("POST /api/dead-letters/{id}/resolve", &answer).await;
    for step in ["retry", "discard"] {
        let change =
            Change { kind: ChangeKind::Price, name: "price:CH:day_ahead".into(), range: asked };
        let letter = walk.app.services.changes.bury("a test", &change, "it hurts").await.unwrap();
        let answer =
            walk.admin(Method::POST, &format!("/api/changes/dead-letters/{letter}/{step}")).await;
        let path = format!("POST /api/changes/dead-letters/{{id}}/{step}");
        let entry = walk.saw(&path, &answer).await;
        assert_eq!(entry["after"]["change"]["name"], "price:CH:day_ahead");
    }
}

/// What admins say about the messages of a broker.
async fn mqtt(walk: &mut Walk) {
    let says = json!({"topic_filter": "tele/reader/SENSOR", "value_path": "/SML/Power",
        "meter_id": "reader", "field": "power_kw"});
    let answer = walk.app.post(Role::Admin, "/api/mqtt/mappings", &says).await;
    let row = walk.saw("POST /api/mqtt/mappings", &answer).await;
    assert_eq!(row["after"]["value_path"], "/SML/Power");
    let id = answer.json(201)["mapping_id"].as_str().unwrap().to_owned();
    let path = format!("/api/mqtt/mappings/{id}");
    let says = json!({"topic_filter": "tele/+/SENSOR", "value_path": "/SML/Power",
        "meter_id": "reader", "field": "power_kw"});
    let answer = walk.app.send(Role::Admin, Method::PUT, &path, body(&says)).await;
    let row = walk.saw("PUT /api/mqtt/mappings/{id}", &answer).await;
    let filters = (&row["before"]["topic_filter"], &row["after"]["topic_filter"]);
    assert_eq!(filters, (&json!("tele/reader/SENSOR"), &json!("tele/+/SENSOR")));
    let answer = walk.admin(Method::DELETE, &path).await;
    let row = walk.saw("DELETE /api/mqtt/mappings/{id}", &answer).await;
    assert_eq!((&row["subject_id"], &row["after"]), (&json!(id), &Value::Null));
}

/// What admins do about files of grid operators.
async fn drops(walk: &mut Walk) {
    let folder = walk.app.folder().join("drops");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("a.xml"), "<a>").unwrap();
    for _ in 0..2 {
        walk.app.services.drops.scan(&|| false).await.unwrap();
        walk.app.clock.set(walk.app.clock.now() + Duration::seconds(10));
    }
    let files = walk.app.get(Role::Analyst, "/api/drops").await.json(200);
    let id = files["files"][0]["dropped_file_id"].as_str().unwrap().to_owned();
    let answer = walk.admin(Method::POST, &format!("/api/drops/{id}/retry")).await;
    let row = walk.saw("POST /api/drops/{id}/retry", &answer).await;
    assert_eq!((&row["subject_id"], &row["after"]["outcome"]), (&json!(id), &json!("failed")));
    let answer = walk.admin(Method::POST, "/api/drops/scan").await;
    walk.saw("POST /api/drops/scan", &answer).await;
    let path = "/api/drops/points/50000000001";
    let meter = body(&json!({"meter_id": "house-1"}));
    let answer = walk.app.send(Role::Admin, Method::PUT, path, meter).await;
    let row = walk.saw("PUT /api/drops/points/{key}", &answer).await;
    assert_eq!(row["after"]["meter_id"], "house-1");
    let answer = walk.admin(Method::DELETE, path).await;
    walk.saw("DELETE /api/drops/points/{key}", &answer).await;
}

/// Documents come in under both addresses, are called off, tried again, approved and deleted.
async fn documents(walk: &mut Walk) {
    let mut items = Vec::new();
    for path in ["/api/ingest/doc", "/ingest/doc"] {
        let file = format!(
            "--XxX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n\
             c4n4ry sent to {path}\r\n--XxX--\r\n"
        );
        let form = Some(("multipart/form-data; boundary=XxX", file.into_bytes()));
        let answer = walk.app.send(Role::Analyst, Method::POST, path, form).await;
        let row = walk.saw(&format!("POST {path}"), &answer).await;
        assert_eq!(
            (&row["action"], &row["after"]["file_name"]),
            (&json!("document.add"), &json!("a.txt"))
        );
    }
    for path in ["/api/ingest/text", "/ingest/text"] {
        let text = json!({"title": path, "text": format!("c4n4ry said to {path}")});
        let answer = walk.app.post(Role::Analyst, path, &text).await;
        let row = walk.saw(&format!("POST {path}"), &answer).await;
        assert_eq!(
            (&row["action"], &row["after"]["title"]),
            (&json!("document.add"), &json!(path))
        );
        items.push(answer.json(202)["item_id"].as_str().unwrap().to_owned());
    }
    let path = format!("/api/documents/{}", items[0]);
    for (verb, action) in [
        ("approve", "document.approve"),
        ("cancel", "document.cancel"),
        ("retry", "document.retry"),
    ] {
        let answer = walk.admin(Method::POST, &format!("{path}/{verb}")).await;
        let row = walk.saw(&format!("POST /api/documents/{{id}}/{verb}"), &answer).await;
        assert_eq!((&row["action"], &row["subject_id"]), (&json!(action), &json!(items[0])));
    }
    let answer = walk.admin(Method::DELETE, &path).await;
    let row = walk.saw("DELETE /api/documents/{id}", &answer).await;
    assert_eq!((&row["before"]["version"], &row["after"]), (&json!(1), &Value::Null));
}

/// An answer is rated, and a model gets other orders.
async fn answers(walk: &mut Walk) {
    let question = json!({"question": "Is the c4n4ry alive?"});
    let answer = walk.app.post(Role::Admin, "/api/rag/ask", &question).await.json(200);
    let path = format!("/api/rag/questions/{}/feedback", answer["question_id"].as_str().unwrap());
    let answer = walk.app.post(Role::Admin, &path, &json!({"value": -1, "note": "c4n4ry"})).await;
    let row = walk.saw("POST /api/rag/questions/{id}/feedback", &answer).await;
    assert_eq!((&row["action"], &row["after"]["value"]), (&json!("question.rate"), &json!(-1.0)));
    let orders = body(&json!({"text": "Answer in one sentence."}));
    let answer = walk.app.send(Role::Admin, Method::PUT, "/api/rag/prompt", orders).await;
    let row = walk.saw("PUT /api/rag/prompt", &answer).await;
    assert_eq!((&row["action"], &row["subject_id"]), (&json!("prompt.change"), &json!("1")));
}

/// The simulation is started, used and stopped, under both of its addresses.
async fn simulation(walk: &mut Walk) {
    let day = json!({"from": "2026-03-01", "to": "2026-03-01", "interval_s": 900});
    let days = json!({"from": "2026-03-01", "to": "2026-03-02"});
    for prefix in ["/api/sim", "/sim"] {
        for (path, order, action) in [
            ("start", json!({"market": false}), "simulation.start"),
            ("meter/generate", day.clone(), "simulation.generate"),
            ("market/generate", days.clone(), "simulation.generate"),
            ("stop", json!({"market": false}), "simulation.stop"),
        ] {
            let path = format!("{prefix}/{path}");
            let answer = walk.app.post(Role::Analyst, &path, &order).await;
            let row = walk.saw(&format!("POST {path}"), &answer).await;
            assert_eq!(row["action"], action, "{path}");
        }
    }
}

/// What analysts do to models.
async fn models(walk: &mut Walk) {
    walk.app.run_jobs().await;
    let active = walk.app.get(Role::Admin, "/api/models/active").await.json(200);
    let model = active["models"][0]["model_id"].as_str().unwrap().to_owned();
    let idle = "/api/models?target=price:SIM-CH:day_ahead&state=validated&model_type=naive";
    let idle = walk.app.get(Role::Admin, idle).await.json(200);
    let rival = idle["models"][0]["model_id"].as_str().unwrap().to_owned();
    let import = json!({"model_id": rival});
    let answer = walk.app.post(Role::Admin, "/api/models/import?reason=again", &import).await;
    let row = walk.saw("POST /api/models/import", &answer).await;
    assert_eq!(row["after"]["reason"], "again");
    for (verb, change) in [
        ("rename", json!({"name": "rival"})),
        ("alert-threshold", json!({"alert_threshold": 150.0})),
        ("n8n-settings", json!({"enabled": true, "webhook_url": null, "send_mode": "all"})),
        ("alert-config", json!({"enabled": true})),
        ("ignore-settings", json!({"windows": []})),
    ] {
        let path = format!("/api/models/{rival}/{verb}");
        let answer = walk.app.send(Role::Admin, Method::PATCH, &path, body(&change)).await;
        walk.saw(&format!("PATCH /api/models/{{id}}/{verb}"), &answer).await;
    }
    let answer = walk.admin(Method::POST, &format!("/api/models/{rival}/shadow")).await;
    walk.saw("POST /api/models/{id}/shadow", &answer).await;
    // Three weeks in which it was right and the champion was not.
    let weeks = format!(
        "INSERT INTO predictions (prediction_id, model_id, series, role, made_at, target_ts, value,
             features_hash, inputs_hash, actual, scored_at)
         SELECT gen_random_uuid(), m.id, 'price:SIM-CH:day_ahead', 'champion',
             timestamptz '2026-03-01 11:00Z' + n * interval '1 day',
             timestamptz '2026-03-02 09:00Z' + n * interval '1 day',
             m.said, repeat('0', 64), repeat('0', 64), 50, timestamptz '2026-03-28 11:00Z'
         FROM generate_series(0, 20) AS n,
             (VALUES ('{model}'::uuid, 40), ('{rival}'::uuid, 50)) AS m (id, said)"
    );
    walk.app.services.db.conn().await.unwrap().batch_execute(&weeks).await.unwrap();
    let answer = walk.admin(Method::POST, &format!("/api/models/{rival}/promote")).await;
    walk.saw("POST /api/models/{id}/promote", &answer).await;
    let answer = walk.admin(Method::POST, &format!("/api/models/{rival}/rollback")).await;
    let row = walk.saw("POST /api/models/{id}/rollback", &answer).await;
    assert_eq!(row["subject_id"], json!(model));
    for step in ["deactivate", "activate", "deactivate"] {
        let answer = walk.admin(Method::POST, &format!("/api/models/{model}/{step}")).await;
        walk.saw(&format!("POST /api/models/{{id}}/{step}"), &answer).await;
    }
    let answer = walk.admin(Method::DELETE, &format!("/api/models/{model}")).await;
    walk.saw("DELETE /api/models/{id}", &answer).await;
}

/// What people do to their own account; returns the key that was made.
async fn own_account(walk: &mut Walk, token: &str) -> String {
    let new = body(&json!({"name": "pump", "scopes": ["read", "ingest"]}));
    let answer = walk.app.send_with_token(token, Method::POST, "/api/keys", new).await;
    let row = walk.saw("POST /api/keys", &answer).await;
    let key = answer.json(201);
    assert_eq!(row["after"]["scopes"], json!(["ingest", "read"]));
    let path = format!("/api/keys/{}", key["key_id"].as_str().unwrap());
    let answer = walk.app.send_with_token(token, Method::DELETE, &path, None).await;
    walk.saw("DELETE /api/keys/{key_id}", &answer).await;
    let sessions = walk.app.send_with_token(token, Method::GET, "/api/sessions", None).await;
    let sessions = sessions.json(200)["sessions"].as_array().unwrap().clone();
    let other = sessions.iter().find(|session| session["is_current"] == false).unwrap();
    let path = format!("/api/sessions/{}", other["session_id"].as_str().unwrap());
    let answer = walk.app.send_with_token(token, Method::DELETE, &path, None).await;
    walk.saw("DELETE /api/sessions/{session_id}", &answer).await;
    let new = "c4n4ry staple of clouds";
    let change = body(&json!({"current_password": TestApp::PASSWORD, "new_password": new}));
    let answer = walk.app.send_with_token(token, Method::POST, "/api/me/password", change).await;
    walk.saw("POST /api/me/password", &answer).await;
    key["api_key"].as_str().unwrap().to_owned()
}

/// A setting is changed, and the change taken back.
async fn settings(walk: &mut Walk) {
    let path = "/api/settings/accounts.registration";
    let open = json!({"value": "open"});
    let answer = walk.app.send(Role::Admin, Method::PUT, path, body(&open)).await;
    let row = walk.saw("PUT /api/settings/{key}", &answer).await;
    assert_eq!((&row["before"], &row["after"]), (&Value::Null, &open));
    let answer = walk.admin(Method::DELETE, path).await;
    let row = walk.saw("DELETE /api/settings/{key}", &answer).await;
    assert_eq!((&row["before"], &row["after"]), (&open, &Value::Null));
}

/// What admins do to accounts of others.
async fn other_accounts(walk: &mut Walk) {
    let new = json!({"login": "bert", "role": "customer", "password": TestApp::PASSWORD});
    let answer = walk.app.post(Role::Admin, "/api/users", &new).await;
    walk.saw("POST /api/users", &answer).await;
    let bert = answer.json(201)["user_id"].as_str().unwrap().to_owned();
    let path = format!("/api/users/{bert}");
    let patch = body(&json!({"role": "viewer"}));
    let answer = walk.app.send(Role::Admin, Method::PATCH, &path, patch).await;
    let row = walk.saw("PATCH /api/users/{user_id}", &answer).await;
    let roles = (&row["before"]["role"], &row["after"]["role"], &row["subject_id"]);
    assert_eq!(roles, (&json!("customer"), &json!("viewer"), &json!(bert)));
    let answer = walk.admin(Method::DELETE, &path).await;
    walk.saw("DELETE /api/users/{user_id}", &answer).await;
}

#[tokio::test]
async fn a_refused_login_is_written_down_without_what_was_typed() {
    let app = TestApp::new().await;
    app.token(Role::Admin).await;
    for login in ["admin@example.ch", "my-c4n4ry-password"] {
        let wrong = json!({"login": login, "password": "c4n4ry wrong one"});
        app.post(ANYBODY, "/api/auth/login", &wrong).await.problem(401);
    }
    let rows = app.get(Role::Admin, "/api/audit?action=session.refuse").await.json(200);
    let rows = rows["entries"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0]["actor"], &rows[0]["subject_id"]), (&json!("nobody"), &json!("unknown")));
    assert_ne!(rows[1]["subject_id"], "unknown");
    assert!(!json!(rows).to_string().contains("c4n4ry"));
}
