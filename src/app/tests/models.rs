//! The life of a model over HTTP: handed out, taken in, changed, asked, brought back.

use std::io::{Cursor, Read, Write};

use actix_web::http::{Method, header};
use diesel_async::SimpleAsyncConnection;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::access::audit::By;
use crate::algorithms::forecasting::Algorithm;
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::learning::training::TrainRequest;
use crate::learning::training::Watch;
use crate::platform::db::statements_of_this_test;
use crate::platform::web::Role;
use crate::testing::{Answer, TestApp};

const ANALYST: Role = Role::Analyst;
const SERIES: &str = "price:SIM-CH:day_ahead";

/// An application with simulated prices, a model that serves, one that never did, and a forecast.
async fn app() -> TestApp {
    let app = TestApp::new().await;
    app.services.simulation.fill().await.unwrap();
    let market = Market::parse("SIM-CH").unwrap();
    for (model, activate) in [(Algorithm::Linear, true), (Algorithm::Lightgbm, false)] {
        let small = json!({"num_iterations": 30, "num_leaves": 7, "num_threads": 1});
        let request = TrainRequest {
            market: market.clone(),
            product: Product::DayAhead,
            model,
            until: None,
            window_days: Some(120),
            regime: None,
            params: match model {
                Algorithm::Lightgbm => small.as_object().unwrap().clone(),
                _ => serde_json::Map::new(),
            },
            activate,
        };
        let watch = Watch::unseen(By::system());
        let report = app.services.training.train(&request, &watch).await.unwrap();
        assert_eq!(report.serves, activate, "{}", report.verdict);
    }
    app.services.forecasts.issue(&market, Product::DayAhead).await.unwrap();
    app
}

async fn active(app: &TestApp) -> String {
    let active = app.get(ANALYST, "/api/models/active").await.json(200);
    active["models"][0]["model_id"].as_str().unwrap().to_owned()
}

async fn bring(app: &TestApp, bundle: Vec<u8>) -> Answer {
    let body = Some(("application/zip", bundle));
    app.send(ANALYST, Method::POST, "/api/models/import", body).await
}

/// The bundle with another manifest and other golden rows.
fn changed(bundle: &[u8], change: &dyn Fn(&mut Value, &mut Value)) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(bundle)).unwrap();
    let mut part = |name: &str| {
        let mut bytes = Vec::new();
        archive.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    };
    let [manifest, golden, model] = ["manifest.json", "golden.json", "model.bin"].map(&mut part);
    let mut manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let mut golden: Value = serde_json::from_slice(&golden).unwrap();
    change(&mut manifest, &mut golden);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in [
        ("manifest.json", manifest.to_string().into_bytes()),
        ("golden.json", golden.to_string().into_bytes()),
        ("model.bin", model),
    ] {
        archive.start_file(name, SimpleFileOptions::default()).unwrap();
        archive.write_all(&bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[tokio::test]
async fn a_model_travels_and_what_is_wrong_with_it_is_named_before_the_database_is_asked() {
    let app = app().await;
    let model = active(&app).await;
    let handed = app.get(Role::Viewer, &format!("/api/models/{model}/bundle")).await;
    assert_eq!(handed.status, 200);
    assert_eq!(handed.header(header::CONTENT_TYPE), "application/zip");
    assert!(handed.header(header::CONTENT_DISPOSITION).contains("price-SIM-CH-day_ahead-"));
    let bundle = handed.body.to_vec();
    // The CHECKs of the table, each refused before it with the field's path.
    let cases: [(&str, &str, Value); 6] = [
        ("future_minutes", "manifest.future_minutes", json!(-5)),
        ("features", "manifest.features", json!([])),
        ("train_end", "manifest.train_end", json!("2000-01-01T00:00:00Z")),
        ("model_type", "manifest.model_type", json!("arima")),
        ("task", "manifest.task", json!("dream")),
        ("format", "manifest.format", json!("onnx")),
    ];
    for (name, field, value) in cases {
        let spoiled = changed(&bundle, &|manifest, _| manifest[name] = value.clone());
        assert_eq!(bring(&app, spoiled).await.wrong_field(), field);
    }
    let spoiled = changed(&bundle, &|manifest, golden| {
        // Under its own name the same bytes would be known.
        manifest["name"] = json!("spoiled");
        golden[0]["expected"] = json!(1.5);
    });
    assert_eq!(bring(&app, spoiled).await.wrong_field(), "golden[0].expected");
    assert_eq!(bring(&app, b"no archive".to_vec()).await.wrong_field(), "file");
    let failed = app.get(ANALYST, "/api/models?state=failed").await.json(200);
    assert_eq!(failed["models"].as_array().unwrap().len(), 1);

    let copy = changed(&bundle, &|manifest, _| manifest["name"] = json!("copy"));
    let taken = bring(&app, copy.clone()).await.json(200);
    assert_eq!((&taken["is_new"], &taken["model"]["state"]), (&json!(true), &json!("validated")));
    assert_eq!(
        (&taken["model"]["origin"], &taken["model"]["version"]),
        (&json!("file"), &json!(1))
    );
    assert_eq!(bring(&app, copy).await.json(200)["is_new"], json!(false));
    let available = app.get(Role::Customer, "/api/models/available").await.json(200);
    assert!(available["models"].as_array().unwrap().iter().any(|it| it["name"] == "copy"));
    for (order, field) in [
        (json!({}), "model_id"),
        (json!({"url": "http://127.0.0.1:1/x"}), "url"),
        (json!({"model_id": "7"}), "model_id"),
        (json!({"model_id": model, "url": "x"}), "model_id"),
    ] {
        let answer = app.post(ANALYST, "/api/models/import", &order).await;
        assert_eq!(answer.wrong_field(), field, "{order}");
    }
}

#[tokio::test]
async fn verbs_lead_from_state_to_state_and_leave_their_trace() {
    let app = app().await;
    let first = active(&app).await;
    let all = app.get(ANALYST, &format!("/api/models?target={SERIES}")).await.json(200);
    let second = all["models"].as_array().unwrap().iter();
    let second = second.map(|it| it["model_id"].as_str().unwrap()).find(|id| *id != first);
    let second = second.unwrap().to_owned();
    let post = async |id: &str, verb: &str| {
        let path = format!("/api/models/{id}/{verb}?reason=because");
        app.post(ANALYST, &path, &Value::Null).await
    };
    let state = async |id: &str| {
        let model = app.get(ANALYST, &format!("/api/models/{id}")).await.json(200);
        model["state"].as_str().unwrap().to_owned()
    };
    // Nothing served before, nothing stands in the shadow.
    post(&first, "rollback").await.problem(409);
    post(&second, "promote").await.problem(409);
    app.get(ANALYST, &format!("/api/models/{first}/contest")).await.problem(409);
    post(&first, "shadow").await.problem(409);
    let shadow = post(&second, "shadow").await.json(200);
    assert_eq!((&shadow["state"], &shadow["is_active"]), (&json!("shadow"), &json!(false)));
    let contest = app.get(ANALYST, &format!("/api/models/{second}/contest")).await.json(200);
    assert_eq!(contest["verdict"], "too_few_days");
    let path = format!("/api/models/{second}");
    app.send(Role::Admin, Method::DELETE, &path, None).await.problem(409);
    app.clock.set("2026-03-28T13:00:00Z".parse().unwrap());
    assert_eq!(post(&second, "activate").await.json(200)["state"], "active");
    assert_eq!(state(&first).await, "retired");
    app.clock.set("2026-03-28T14:00:00Z".parse().unwrap());
    let back = post(&second, "rollback").await.json(200);
    assert_eq!(back["model_id"], json!(first));
    assert_eq!((state(&first).await, state(&second).await), ("active".into(), "retired".into()));

    // Who served when, by name.
    let name = |id: &str| {
        let all = all["models"].as_array().unwrap().iter();
        all.clone().find(|it| it["model_id"] == *id).unwrap()["name"].as_str().unwrap().to_owned()
    };
    for (name, t, served) in [
        (name(&first), "2026-03-28T12:30:00Z", true),
        (name(&first), "2026-03-28T13:30:00Z", false),
        (name(&second), "2026-03-28T13:30:00Z", true),
        (name(&second), "2026-03-28T14:30:00Z", false),
        (name(&first), "2026-03-28T14:30:00Z", true),
    ] {
        let at = app.get(ANALYST, &format!("/api/models/{name}/at?t={t}")).await.json(200);
        assert_eq!(at["served"], json!(served), "{name} {t}: {at}");
    }
    let early = format!("/api/models/{}/at?t=2026-01-01T00:00:00Z", name(&first));
    assert_eq!(app.get(ANALYST, &early).await.json(200)["model_id"], Value::Null);
    app.get(ANALYST, "/api/models/nobody/at?t=2026-03-28T12:30:00Z").await.problem(404);

    let history = format!("/api/models/{second}/history?limit=2");
    let page = app.get(ANALYST, &history).await.json(200);
    let newest = &page["history"][0];
    assert_eq!(
        (&newest["action"], &newest["from_state"], &newest["to_state"], &newest["actor"]),
        (&json!("retire"), &json!("active"), &json!("retired"), &json!("user"))
    );
    let path = format!("{history}&cursor={}", page["next_cursor"].as_str().unwrap());
    let rest = app.get(ANALYST, &path).await.json(200);
    assert_eq!(rest["history"][0]["reason"], "because");
    let long = format!("/api/models/{second}/shadow?reason={}", "x".repeat(501));
    assert_eq!(app.post(ANALYST, &long, &Value::Null).await.wrong_field(), "reason");
}

#[tokio::test]
async fn settings_are_checked_field_by_field_and_go_to_the_successor() {
    let app = app().await;
    let model = active(&app).await;
    let patch = async |verb: &str, change: Value| {
        let path = format!("/api/models/{model}/{verb}");
        let body = Some(("application/json", change.to_string().into_bytes()));
        app.send(ANALYST, Method::PATCH, &path, body).await
    };
    let windows = |from: &str, to: &str| json!({"windows": [{"from": from, "to": to}]});
    for (verb, change, field) in [
        ("rename", json!({"name": ""}), "name"),
        ("rename", json!({"name": "two words"}), "name"),
        ("n8n-settings", json!({"enabled": true, "send_mode": "some"}), "send_mode"),
        (
            "n8n-settings",
            json!({"enabled": true, "send_mode": "all", "webhook_url": "ftp://x"}),
            "webhook_url",
        ),
        (
            "n8n-settings",
            json!({"enabled": true, "send_mode": "all", "webhook_url": "https://a:b@x/"}),
            "webhook_url",
        ),
        ("alert-config", json!({"consecutive": 0}), "consecutive"),
        ("alert-config", json!({"cooldown_minutes": 10_081}), "cooldown_minutes"),
        ("alert-config", json!({"severity": "fatal"}), "severity"),
        (
            "ignore-settings",
            windows("2026-03-29T00:00:00Z", "2026-03-28T00:00:00Z"),
            "windows[0].to",
        ),
        ("alert-threshold", json!({"alert_threshold": "high"}), "alert_threshold"),
    ] {
        assert_eq!(patch(verb, change.clone()).await.wrong_field(), field, "{change}");
    }
    patch("alert-threshold", json!({"alert_threshold": 150.0})).await.json(200);
    let window = windows("2026-03-28T00:00:00Z", "2026-03-29T00:00:00Z");
    let settings = patch("ignore-settings", window).await.json(200);
    assert_eq!(settings["alert_threshold"], json!(150.0));
    assert_eq!(settings["ignore_windows"][0]["reason"], "");
    let renamed = patch("rename", json!({"name": "winter"})).await.json(200);
    assert_eq!((&renamed["name"], &renamed["version"]), (&json!("winter"), &json!(1)));
    assert_eq!(renamed["is_active"], json!(true));
    // Whoever takes its place answers to the same settings.
    let idle = format!("/api/models?target={SERIES}&state=validated");
    let idle = app.get(ANALYST, &idle).await.json(200);
    let other = idle["models"][0]["model_id"].as_str().unwrap();
    app.post(ANALYST, &format!("/api/models/{other}/activate"), &Value::Null).await.json(200);
    let inherited = app.get(ANALYST, &format!("/api/models/{other}/settings")).await.json(200);
    assert_eq!(inherited["alert_threshold"], json!(150.0));
    assert_eq!(inherited["ignore_windows"], settings["ignore_windows"]);
}

#[tokio::test]
async fn a_prediction_is_answered_and_kept() {
    let app = app().await;
    let model = active(&app).await;
    let forecast = app.get(Role::Customer, "/api/forecast?market=SIM-CH").await.json(200);
    let point = &forecast["points"][5];
    let request = json!({"series": SERIES, "target_ts": point["ts"]});
    let answer = app.post(Role::Customer, "/api/predict", &request).await.json(200);
    assert_eq!((&answer["value"], &answer["model_id"]), (&point["price_eur_mwh"], &json!(model)));
    assert_eq!((&answer["prediction"], &answer["failed"]), (&Value::Null, &json!([])));
    assert_eq!(answer["quantiles"]["0.50"], point["quantiles_eur_mwh"][3]);
    let path = format!("/api/predictions?model_id={model}");
    let kept = app.get(Role::Customer, &path).await.json(200);
    assert_eq!(kept["predictions"][0]["prediction_id"], answer["prediction_id"]);
    let latest = app.get(Role::Customer, &format!("/api/predictions/latest/{SERIES}")).await;
    assert_eq!(latest.json(200)["predictions"][0]["value"], answer["value"]);
    for (request, field) in [
        (json!({}), "model"),
        (json!({"series": SERIES}), "target_ts"),
        (json!({"series": SERIES, "features": {"moon": 1.0}}), "features.moon"),
        (json!({"series": SERIES, "features": {"hour": "x"}}), "features.hour"),
        (json!({"series": SERIES, "target_ts": "soon"}), "target_ts"),
    ] {
        let answer = app.post(Role::Customer, "/api/predict", &request).await;
        assert_eq!(answer.wrong_field(), field, "{request}");
    }
    let nobody = json!({"model": "nobody", "target_ts": point["ts"]});
    app.post(Role::Customer, "/api/predict", &nobody).await.problem(404);
}

#[tokio::test]
async fn a_longer_list_takes_no_more_statements() {
    let app = app().await;
    let model = active(&app).await;
    let mut conn = app.services.db.conn().await.unwrap();
    conn.batch_execute(&format!(
        "INSERT INTO ml_models (model_id, name, version, model_type, target_variable, train_start,
             train_end, features, future_minutes, status, state, created_at, artifact_key, artifact_sha256)
         SELECT gen_random_uuid(), 'many', n, 'linear', '{SERIES}', '2025-01-01', '2026-01-01',
             '[\"hour\"]', 60, 'READY', 'validated', timestamptz '2026-01-01' + n * interval '1 minute',
             'k', repeat('0', 64) FROM generate_series(1, 60) AS n;
         INSERT INTO predictions (prediction_id, model_id, series, role, made_at, value, features_hash)
         SELECT gen_random_uuid(), '{model}', '{SERIES}', 'champion',
             timestamptz '2026-01-01' + n * interval '1 minute', n, repeat('0', 64)
         FROM generate_series(1, 60) AS n;
         INSERT INTO alerts (alert_id, model_id, series, purpose, prediction_id, made_at, target_ts, said,
             threshold, direction, severity, consecutive, created_at, expires_at)
         SELECT gen_random_uuid(), '{model}', '{SERIES}', 'value', gen_random_uuid(), at, at, 1, 0,
             'above', 'info', 1, at, at + interval '1 year'
         FROM generate_series(1, 60) AS n, LATERAL (SELECT timestamptz '2026-01-01' + n * interval '1 minute' AS at) AS t;
         INSERT INTO webhook_deliveries (delivery_id, model_id, url, body, predictions, alerts, created_at)
         SELECT gen_random_uuid(), '{model}', 'https://x/', '{{}}', 1, 0,
             timestamptz '2026-01-01' + n * interval '1 minute' FROM generate_series(1, 60) AS n;
         INSERT INTO model_history (history_id, at, model_id, name, series, purpose, action, from_state, to_state, actor)
         SELECT gen_random_uuid(), timestamptz '2026-01-01' + n * interval '1 minute', '{model}', 'many',
             '{SERIES}', 'value', 'validate', 'imported', 'validated', 'system' FROM generate_series(1, 60) AS n"
    ))
    .await
    .unwrap();
    drop(conn);
    let token = app.token(ANALYST).await;
    for (path, list) in [
        ("/api/models", "models"),
        (&format!("/api/models?target={SERIES}"), "models"),
        ("/api/predictions", "predictions"),
        (&format!("/api/predictions?model_id={model}"), "predictions"),
        ("/api/alerts", "alerts"),
        ("/api/webhooks/deliveries", "deliveries"),
        (&format!("/api/models/{model}/history"), "history"),
    ] {
        let statements = async |limit: usize| {
            let mark = if path.contains('?') { '&' } else { '?' };
            let path = format!("{path}{mark}limit={limit}");
            let before = statements_of_this_test();
            let answer = app.send_with_token(&token, Method::GET, &path, None).await.json(200);
            let statements = statements_of_this_test() - before;
            assert_eq!(answer[list].as_array().unwrap().len(), limit, "{path}");
            statements
        };
        // The first look may fill what is kept in memory.
        statements(1).await;
        let (one, many) = (statements(1).await, statements(50).await);
        assert!(one == many && (1..=6).contains(&one), "{path}: {one} against {many}");
    }
}

#[tokio::test]
async fn phases_are_asked_for_by_name_and_told_with_the_model() {
    let app = TestApp::new().await;
    let order = |regime: Value| json!({"kind": "train", "market": "CH", "model": "linear", "regime": regime});
    for (regime, field) in [
        (json!("winter"), "regime"),
        (json!({"season": "winter"}), "regime.season"),
        (json!({"season": ["monsoon"]}), "regime.season[0]"),
        (json!({"crisis": "perhaps"}), "regime.crisis"),
        (json!({"moon": "full"}), "regime.moon"),
    ] {
        let answer = app.post(ANALYST, "/api/training/jobs", &order(regime.clone())).await;
        assert_eq!(answer.wrong_field(), field, "{regime}");
    }
    let daily =
        json!({"kind": "train", "market": "CH", "model": "lear", "regime": {"season": ["winter"]}});
    assert_eq!(app.post(ANALYST, "/api/training/jobs", &daily).await.wrong_field(), "regime");
    let sound = order(json!({"season": ["winter", "autumn"], "crisis": "without"}));
    let queued = app.post(ANALYST, "/api/training/jobs", &sound).await.json(202);
    let job = format!("/api/training/jobs/{}", queued["job_id"].as_str().unwrap());
    assert_eq!(app.get(ANALYST, &job).await.json(200)["payload"]["regime"]["crisis"], "without");
}
