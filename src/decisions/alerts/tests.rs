//! From what a model says to an alert, a message, and whether it came true.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Duration, Utc};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use ring::hmac;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::model::{AlertFilter, DeliveryState, Status};
use crate::access::audit::By;
use crate::learning::registry::IgnoreWindow;
use crate::learning::registry::ModelSettings;
use crate::learning::registry::Order;
use crate::learning::registry::SendMode;
use crate::platform::telemetry::Metrics;
use crate::platform::web::Role;
use crate::testing::{TestApp, utc};

const NOW: &str = "2026-03-28T12:00:00Z";
const SERIES: &str = "price:CH:day_ahead";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Somebody who is posted to, answers with one status after the other, and keeps what came.
struct Receiver {
    port: u16,
    got: Arc<Mutex<Vec<(String, String)>>>,
    _running: JoinSet<()>,
}

impl Receiver {
    /// The last status stays.
    async fn new(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let got = Arc::new(Mutex::new(Vec::new()));
        let (kept, mut running) = (Arc::clone(&got), JoinSet::new());
        running.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
                let length = header(&head, "content-length").parse().unwrap();
                let mut body = vec![0; length];
                stream.read_exact(&mut body).await.unwrap();
                let number = {
                    let mut kept = kept.lock().unwrap();
                    kept.push((head, String::from_utf8(body).unwrap()));
                    kept.len() - 1
                };
                let status = statuses[number.min(statuses.len() - 1)];
                let answer = format!(
                    "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { port, got, _running: running }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/webhook/geheimer-pfad", self.port)
    }

    fn got(&self) -> Vec<(String, String)> {
        self.got.lock().unwrap().clone()
    }
}

fn header(head: &str, name: &str) -> String {
    let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_default().to_owned()
}

/// A box with a champion whose answers the test writes itself.
struct Place {
    app: TestApp,
    model: Uuid,
}

impl Place {
    async fn new(hosts: Vec<String>) -> Self {
        let app = TestApp::with(utc(NOW), |settings| {
            settings.alerts.webhook_hosts = hosts;
            settings.alerts.webhook_secret = Some(SecretString::from(SECRET));
        })
        .await;
        let model = Uuid::now_v7();
        let mut conn = app.services.db.conn().await.unwrap();
        conn.batch_execute(&format!(
            "INSERT INTO ml_models (model_id, name, version, model_type, target_variable, train_start,
                 train_end, features, future_minutes, status, state, created_at, artifact_key, artifact_sha256)
             VALUES ('{model}', 'evening', 1, 'linear', '{SERIES}', '2025-01-01', '2026-01-01',
                 '[\"hour\"]', 60, 'READY', 'active', '{NOW}', 'k', repeat('0', 64));
             INSERT INTO active_models (series, model_id, activated_at) VALUES ('{SERIES}', '{model}', '{NOW}')"
        ))
        .await
        .unwrap();
        drop(conn);
        Self { app, model }
    }

    async fn set(&self, change: impl FnOnce(&mut ModelSettings) + Send) {
        let by = By::system();
        let change = |_: &_, settings: &mut ModelSettings| {
            change(settings);
            Ok(())
        };
        let registry = &self.app.services.registry;
        registry
            .change_settings(self.model, "model.alert_config", Order::from(&by), change)
            .await
            .unwrap();
    }

    /// Alerts above 150, one of two minutes, and messages to `url`.
    async fn watched(&self, url: Option<String>, mode: SendMode) {
        self.set(|settings| {
            settings.alert_threshold = Some(150.0);
            settings.alert_config.enabled = true;
            settings.alert_config.cooldown_minutes = 0;
            settings.webhook.enabled = url.is_some();
            settings.webhook.webhook_url = url;
            settings.webhook.send_mode = mode;
        })
        .await;
    }

    /// Writes down that the model said `values` about the next hours.
    async fn say(&self, role: &str, values: &[f64]) {
        let now = self.app.clock.now();
        let mut conn = self.app.services.db.conn().await.unwrap();
        for (hours, value) in (1..).zip(values) {
            let (model, made, target) =
                (self.model, now.to_rfc3339(), (now + Duration::hours(hours)).to_rfc3339());
            conn.batch_execute(&format!(
                "INSERT INTO predictions (prediction_id, model_id, series, role, made_at, target_ts,
                     value, features_hash)
                 VALUES (gen_random_uuid(), '{model}', '{SERIES}', '{role}', '{made}', '{target}',
                     {value}, repeat('0', 64))"
            ))
            .await
            .unwrap();
        }
    }

    /// Writes down what came true.
    async fn come_true(&self, target: &str, value: f64) {
        let mut conn = self.app.services.db.conn().await.unwrap();
        let came = format!(
            "UPDATE predictions SET actual = {value}, scored_at = '{NOW}' WHERE target_ts = '{target}'"
        );
        conn.batch_execute(&came).await.unwrap();
    }

    fn go_on(&self, minutes: i64) {
        self.app.clock.set(self.app.clock.now() + Duration::minutes(minutes));
    }

    async fn targets(&self) -> Vec<DateTime<Utc>> {
        let filter = AlertFilter { model_id: Some(self.model), ..AlertFilter::default() };
        let alerts = self.app.services.alerts.list(&filter, None, 50).await.unwrap();
        let mut targets: Vec<_> = alerts.iter().map(|alert| alert.target_ts.unwrap()).collect();
        targets.sort();
        targets
    }

    async fn get(&self, path: &str) -> Value {
        self.app.get(Role::Viewer, path).await.json(200)
    }
}

fn metric(name: &str) -> f64 {
    let samples = Metrics::install().unwrap().samples();
    samples.iter().filter(|sample| sample.name == name).map(|sample| sample.value).sum()
}

#[actix_web::test]
async fn what_crosses_is_told_once_and_silence_is_counted() {
    let test = Place::new(vec![]).await;
    let alerts = &test.app.services.alerts;
    // Nobody has asked for anything: nothing is noted.
    test.say("champion", &[500.0]).await;
    assert_eq!(alerts.waiting().await, 0);
    test.go_on(60);
    test.watched(None, SendMode::AlertsOnly).await;
    // What is said beside the champion, or on request by one that does not work, leads to nothing.
    test.say("shadow", &[500.0]).await;
    test.say("asked", &[500.0]).await;
    assert_eq!(alerts.waiting().await, 0);

    let before = metric("ml_alerts_triggered_total");
    test.say("champion", &[149.0, 151.0, 152.0]).await;
    assert_eq!(alerts.waiting().await, 3);
    // Two processes at once take turns.
    let (first, second) = futures_util::future::join(alerts.look(), alerts.look()).await;
    assert_eq!((first.unwrap() + second.unwrap(), alerts.waiting().await), (3, 0));
    assert_eq!(test.targets().await, [utc("2026-03-28T15:00:00Z"), utc("2026-03-28T16:00:00Z")]);
    assert!(metric("ml_alerts_triggered_total") >= before + 2.0);
    // The same about the same period is no second alert.
    test.say("champion", &[149.0, 155.0]).await;
    alerts.look().await.unwrap();
    assert_eq!(test.targets().await.len(), 2);
    // With a silence of an hour the second of an instant is not told.
    test.set(|settings| settings.alert_config.cooldown_minutes = 60).await;
    test.app.clock.set(utc("2026-03-28T20:00:00Z"));
    test.say("champion", &[160.0, 161.0]).await;
    alerts.look().await.unwrap();
    assert_eq!(test.targets().await.len(), 3);
    let statistics = test.get(&format!("/api/alerts/statistics?model_id={}", test.model)).await;
    assert_eq!(
        (&statistics["total"], &statistics["judged"], &statistics["precision"]),
        (&json!(3), &json!(7), &Value::Null)
    );
    assert_eq!(
        statistics["suppressed"],
        json!({"ignored": 0, "cooling_down": 1, "repeated": 1, "outdated": 0})
    );
    let other = test.get(&format!("/api/alerts/statistics?model_id={}", Uuid::now_v7())).await;
    assert_eq!((&other["total"], &other["judged"]), (&json!(0), &json!(0)));
    let page = test.get(&format!("/api/alerts?model_id={}&limit=2", test.model)).await;
    assert_eq!(page["alerts"].as_array().unwrap().len(), 2);
    assert_eq!(page["alerts"][0]["said"], json!(160.0));
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = test.get(&format!("/api/alerts?model_id={}&cursor={cursor}", test.model)).await;
    assert_eq!(rest["alerts"].as_array().unwrap().len(), 1);
    let none = test.get("/api/alerts?series=price:AT:day_ahead").await;
    assert_eq!(none["alerts"], json!([]));
}

#[actix_web::test]
async fn a_time_in_which_a_model_is_ignored_leads_to_nothing_at_all() {
    let receiver = Receiver::new(&[200]).await;
    let test = Place::new(vec!["127.0.0.1".into()]).await;
    test.watched(Some(receiver.url()), SendMode::All).await;
    test.set(|settings| {
        settings.ignore_windows = vec![IgnoreWindow {
            from: utc("2026-03-28T14:00:00Z"),
            to: utc("2026-03-28T15:00:00Z"),
            reason: "maintenance".into(),
        }];
    })
    .await;
    // About 13:00, 14:00 and 15:00; the second is ignored.
    test.say("champion", &[160.0, 161.0, 162.0]).await;
    test.app.services.alerts.look().await.unwrap();
    test.app.run_jobs().await;
    assert_eq!(test.targets().await, [utc("2026-03-28T13:00:00Z"), utc("2026-03-28T15:00:00Z")]);
    let body: Value = serde_json::from_str(&receiver.got()[0].1).unwrap();
    let told: Vec<_> = body["data"]["predictions"].as_array().unwrap().iter().collect();
    assert_eq!(
        told.iter().map(|it| it["value"].as_f64().unwrap()).collect::<Vec<_>>(),
        [160.0, 162.0]
    );
    let statistics = test.get("/api/alerts/statistics").await;
    assert_eq!(statistics["suppressed"]["ignored"], json!(1));
}

#[actix_web::test]
async fn an_alert_ends_by_what_came_true_or_when_nobody_tells() {
    let test = Place::new(vec![]).await;
    test.watched(None, SendMode::AlertsOnly).await;
    test.say("champion", &[160.0, 161.0, 162.0]).await;
    let alerts = &test.app.services.alerts;
    alerts.look().await.unwrap();
    test.come_true("2026-03-28T13:00:00Z", 150.1).await;
    test.come_true("2026-03-28T14:00:00Z", 150.0).await;
    // Their time has not come yet.
    assert_eq!(alerts.evaluate().await.unwrap(), 0);
    test.app.clock.set(utc("2026-03-28T18:00:00Z"));
    assert_eq!(alerts.evaluate().await.unwrap(), 2);
    assert_eq!(alerts.evaluate().await.unwrap(), 0);
    let of = async |status: Status| {
        let filter = AlertFilter { status: Some(status), ..AlertFilter::default() };
        let list = alerts.list(&filter, None, 9).await.unwrap();
        list.iter().map(|it| (it.target_ts.unwrap(), it.actual)).collect::<Vec<_>>()
    };
    assert_eq!(of(Status::Success).await, [(utc("2026-03-28T13:00:00Z"), Some(150.1))]);
    assert_eq!(of(Status::Failed).await, [(utc("2026-03-28T14:00:00Z"), Some(150.0))]);
    assert_eq!(of(Status::Pending).await, [(utc("2026-03-28T15:00:00Z"), None)]);
    // Seven days behind the instant it is about.
    test.app.clock.set(utc("2026-04-04T14:59:59Z"));
    assert_eq!(alerts.evaluate().await.unwrap(), 0);
    test.app.clock.set(utc("2026-04-04T15:00:00Z"));
    assert_eq!(alerts.evaluate().await.unwrap(), 1);
    assert_eq!(of(Status::Expired).await.len(), 1);
    let statistics = test.get("/api/alerts/statistics").await;
    assert_eq!(
        (
            &statistics["success"],
            &statistics["failed"],
            &statistics["expired"],
            &statistics["precision"]
        ),
        (&json!(1), &json!(1), &json!(1), &json!(0.5))
    );
}

#[actix_web::test]
async fn a_message_is_signed_tried_again_and_its_outcome_kept() {
    let receiver = Receiver::new(&[500, 204]).await;
    let test = Place::new(vec![format!("127.0.0.1:{}", receiver.port)]).await;
    test.watched(Some(receiver.url()), SendMode::AlertsOnly).await;
    test.say("champion", &[140.0, 160.0]).await;
    test.app.services.alerts.look().await.unwrap();
    test.app.run_jobs().await;
    let deliveries = async || test.get("/api/webhooks/deliveries").await["deliveries"].clone();
    let first = deliveries().await[0].clone();
    assert_eq!(
        (&first["state"], &first["attempts"], &first["last_status"], &first["last_error"]),
        (&json!("retry"), &json!(1), &json!(500), &json!("the receiver answered 500"))
    );
    test.go_on(1);
    test.app.run_jobs().await;
    let second = deliveries().await[0].clone();
    assert_eq!(
        (&second["state"], &second["attempts"], &second["last_status"], &second["last_error"]),
        (&json!("delivered"), &json!(2), &json!(204), &Value::Null)
    );
    assert_eq!((&second["host"], &second["alerts"]), (&json!("127.0.0.1"), &json!(1)));

    let got = receiver.got();
    assert_eq!(got.len(), 2);
    // The identifier and the body stay over attempts, the instant does not.
    let id = header(&got[0].0, "webhook-id");
    assert_eq!((id.clone(), &got[0].1), (header(&got[1].0, "webhook-id"), &got[1].1));
    for (head, body) in &got {
        assert!(head.starts_with("post /webhook/geheimer-pfad "), "{head}");
        let timestamp = header(head, "webhook-timestamp");
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        let signed = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
        // The head was lowered, which changes letters of Base64.
        let expected = format!("v1,{}", STANDARD.encode(signed)).to_ascii_lowercase();
        assert_eq!(header(head, "webhook-signature"), expected);
    }
    assert_ne!(header(&got[0].0, "webhook-timestamp"), header(&got[1].0, "webhook-timestamp"));
    let body: Value = serde_json::from_str(&got[0].1).unwrap();
    assert_eq!(
        (&body["type"], &body["data"]["model"]),
        (&json!("model.alert"), &json!("evening v1"))
    );
    let told = &body["data"]["predictions"];
    assert_eq!(told.as_array().unwrap().len(), 1);
    assert_eq!((&told[0]["value"], &told[0]["threshold"]), (&json!(160.0), &json!(150.0)));
    assert_eq!(told[0]["target_ts"], "2026-03-28T14:00:00Z");
    // Neither the address nor what signs is told to anybody who reads lists or the audit log.
    let audit = test.app.get(Role::Admin, "/api/audit?limit=200").await.json(200).to_string();
    let shown = format!("{}{audit}", deliveries().await);
    assert!(!shown.contains(SECRET), "{shown}");
    assert!(!deliveries().await.to_string().contains("geheimer-pfad"));
    let settings = test.app.get(Role::Admin, "/api/settings").await.json(200).to_string();
    assert!(settings.contains("alerts.webhook_secret") && !settings.contains(SECRET));
}

#[actix_web::test]
async fn a_receiver_that_may_not_be_reached_or_wants_nothing_is_given_up() {
    let receiver = Receiver::new(&[410]).await;
    let near = Place::new(vec!["127.0.0.1".into()]).await;
    let far = Place::new(vec!["n8n.lan".into()]).await;
    for (test, words) in [(&near, "410"), (&far, "alerts.webhook_hosts")] {
        test.watched(Some(receiver.url()), SendMode::All).await;
        test.say("champion", &[140.0]).await;
        test.app.services.alerts.look().await.unwrap();
        test.app.run_jobs().await;
        let deliveries = test.app.services.alerts.deliveries((None, None), None, 9).await.unwrap();
        assert_eq!((deliveries.len(), deliveries[0].state), (1, DeliveryState::Dead));
        let error = deliveries[0].last_error.as_ref().unwrap();
        assert!(error.contains(words) && !error.contains("geheimer-pfad"), "{error}");
    }
    // Only the one that was allowed was asked.
    assert_eq!(receiver.got().len(), 1);
    // The address may point to the installation's own network only where an admin has listed it.
    near.watched(Some("http://10.0.0.1/x".into()), SendMode::All).await;
    near.go_on(60);
    near.say("champion", &[140.0]).await;
    near.app.services.alerts.look().await.unwrap();
    near.app.run_jobs().await;
    let dead = (None, Some(DeliveryState::Dead));
    assert_eq!(near.app.services.alerts.deliveries(dead, None, 9).await.unwrap().len(), 2);
}

#[actix_web::test]
async fn a_model_that_is_gone_has_nothing_to_tell() {
    let test = Place::new(vec![]).await;
    test.watched(None, SendMode::AlertsOnly).await;
    test.say("champion", &[160.0]).await;
    // Nobody looked: whoever starts next finds it.
    assert_eq!(test.app.services.alerts.waiting().await, 1);
    // A model that is deleted in between has nothing to tell.
    let mut conn = test.app.services.db.conn().await.unwrap();
    conn.batch_execute("DELETE FROM active_models; UPDATE ml_models SET is_deleted = true")
        .await
        .unwrap();
    drop(conn);
    assert_eq!(test.app.services.alerts.look().await.unwrap(), 1);
    assert_eq!((test.app.services.alerts.waiting().await, test.targets().await.len()), (0, 0));
}

#[actix_web::test]
async fn the_database_refuses_what_makes_no_sense() {
    let test = Place::new(vec![]).await;
    test.watched(Some("http://127.0.0.1:1/x".into()), SendMode::All).await;
    test.say("champion", &[160.0]).await;
    test.say("champion", &[161.0]).await;
    let mut conn = test.app.services.db.conn().await.unwrap();
    let twice = format!(
        "INSERT INTO prediction_notices (prediction_id, made_at, model_id) \
         VALUES (gen_random_uuid(), '{NOW}', '{}')",
        test.model
    );
    let refused = conn.batch_execute(&twice).await.unwrap_err().to_string();
    assert!(refused.contains("say_one_thing"), "{refused}");
    drop(conn);
    test.app.services.alerts.look().await.unwrap();
    let mut conn = test.app.services.db.conn().await.unwrap();
    for change in [
        "alerts SET status = 'dreamt'",
        "alerts SET status = 'success'",
        "alerts SET status = 'success', evaluated_at = created_at",
        "alerts SET actual = 1",
        "alerts SET evaluated_at = created_at",
        "alerts SET direction = 'beside'",
        "alerts SET severity = 'fatal'",
        "alerts SET consecutive = 0",
        "alerts SET consecutive = 101",
        "alerts SET series = ''",
        "alerts SET purpose = 'event:beside:1'",
        "alerts SET expires_at = created_at",
        "alert_watch SET streak = -1",
        "alert_watch SET judged = -1",
        "webhook_deliveries SET url = 'ftp://x'",
        "webhook_deliveries SET state = 'lost'",
        "webhook_deliveries SET attempts = -1",
        "webhook_deliveries SET attempts = 1",
        "webhook_deliveries SET predictions = 0",
        "webhook_deliveries SET alerts = 9",
        "webhook_deliveries SET last_status = 7",
    ] {
        let refused = conn.batch_execute(&format!("UPDATE {change}")).await;
        let refused = refused.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused.contains("violates check constraint"), "{change}: {refused}");
    }
}

#[derive(diesel::QueryableByName)]
struct Scans {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    whole: i64,
}

#[actix_web::test]
async fn lists_of_many_alerts_read_no_table_from_end_to_end() {
    let test = Place::new(vec![]).await;
    let model = test.model;
    let mut conn = test.app.services.db.conn().await.unwrap();
    conn.batch_execute(&format!(
        "INSERT INTO alerts (alert_id, model_id, series, purpose, prediction_id, made_at, target_ts, said,
             threshold, direction, severity, consecutive, created_at, expires_at)
         SELECT gen_random_uuid(), '{model}', 'price:S' || n % 300 || ':day_ahead', 'value',
             gen_random_uuid(), at, at, 1, 0, 'above', 'info', 1, at, at + interval '1 year'
         FROM generate_series(1, 12000) AS n, LATERAL (SELECT timestamptz '2026-01-01' + n * interval '1 minute' AS at) AS t;
         INSERT INTO webhook_deliveries (delivery_id, model_id, url, body, predictions, alerts, created_at)
         SELECT gen_random_uuid(), '{model}', 'https://x/', '{{}}', 1, 0,
             timestamptz '2026-01-01' + n * interval '1 minute' FROM generate_series(1, 12000) AS n;
         ANALYZE alerts; ANALYZE webhook_deliveries"
    ))
    .await
    .unwrap();
    let scans = async |conn: &mut crate::platform::db::Conn| {
        conn.batch_execute("SELECT pg_stat_force_next_flush()").await.unwrap();
        let query = "SELECT sum(seq_scan)::bigint AS whole FROM pg_stat_user_tables \
             WHERE relname IN ('alerts', 'webhook_deliveries')";
        let row: Scans = diesel::sql_query(query).get_result(conn).await.unwrap();
        row.whole
    };
    let before = scans(&mut conn).await;
    let position = Some((utc("2026-01-05T00:00:00Z"), Uuid::now_v7()));
    let series = Some("price:S7:day_ahead".to_owned());
    for filter in [
        AlertFilter::default(),
        AlertFilter { model_id: Some(model), ..AlertFilter::default() },
        AlertFilter { series, ..AlertFilter::default() },
        AlertFilter { status: Some(Status::Pending), ..AlertFilter::default() },
    ] {
        for position in [None, position] {
            let rows = super::store::list(&mut conn, &filter, position, 21).await.unwrap();
            assert!(rows.len() >= 15, "{filter:?}: {}", rows.len());
        }
    }
    for which in [(None, None), (Some(model), None)] {
        let rows = super::store::deliveries(&mut conn, which, position, 21).await.unwrap();
        assert_eq!(rows.len(), 21);
    }
    super::store::due(&mut conn, utc(NOW), 100).await.unwrap();
    assert_eq!(scans(&mut conn).await, before, "a table was read from end to end");
}
