//! Settings changed in the running program: judged, stored, in force, written down.

use actix_web::http::Method;
use diesel_async::SimpleAsyncConnection;
use serde_json::{Value, json};

use crate::app::assemble;
use crate::base::ids::Market;
use crate::config::{Sources, load};
use crate::facts::market::Choice;
use crate::platform::web::Role;
use crate::testing::{ANYBODY, Answer, TestApp, from_this_box};

async fn put(app: &TestApp, key: &str, value: Value) -> Answer {
    let body = json!({"value": value}).to_string().into_bytes();
    let path = format!("/api/settings/{key}");
    app.send(Role::Admin, Method::PUT, &path, Some(("application/json", body))).await
}

async fn take_back(app: &TestApp, key: &str) -> Answer {
    app.send(Role::Admin, Method::DELETE, &format!("/api/settings/{key}"), None).await
}

/// The setting as the list shows it.
async fn shown(app: &TestApp, key: &str) -> Value {
    let listed = app.get(Role::Admin, "/api/settings").await.json(200);
    let all = listed["settings"].as_array().unwrap();
    all.iter().find(|setting| setting["key"] == key).unwrap().clone()
}

fn austria() -> Choice {
    Choice::Fixed(Market::parse("AT").unwrap())
}

async fn register(app: &TestApp, login: &str) -> u16 {
    let body = json!({"login": login, "password": TestApp::PASSWORD});
    app.post(ANYBODY, "/api/auth/register", &body).await.status.as_u16()
}

#[tokio::test]
async fn a_change_takes_effect_at_once_and_can_be_taken_back() {
    const KEY: &str = "accounts.registration";
    let app = TestApp::new().await;
    app.token(Role::Admin).await;
    assert_eq!(register(&app, "anna").await, 403);
    let before = shown(&app, KEY).await;
    assert_eq!((&before["value"], &before["origin"]), (&json!("closed"), &json!("default")));

    let changed = put(&app, KEY, json!("open")).await.json(200);
    assert_eq!((&changed["value"], &changed["origin"]), (&json!("open"), &json!("database")));
    assert_eq!((&changed["applies"], &changed["default"]), (&json!("at_once"), &json!("closed")));
    assert_eq!(changed["stored"]["changed_at"], "2026-03-28T12:00:00Z");
    assert_eq!(changed, shown(&app, KEY).await);
    assert_eq!(register(&app, "anna").await, 201);

    let back = take_back(&app, KEY).await.json(200);
    assert_eq!(back, before);
    assert_eq!(register(&app, "berta").await, 403);
    assert_eq!(take_back(&app, KEY).await.json(200), before, "a second time changes nothing");

    let log = app.get(Role::Admin, "/api/audit?action=setting.change").await.json(200);
    let entry = &log["entries"][0];
    assert_eq!((&entry["action"], &entry["subject_id"]), (&json!("setting.change"), &json!(KEY)));
    assert_eq!((&entry["before"], &entry["after"]), (&json!(null), &json!({"value": "open"})));
    assert_eq!(entry["address"], "127.0.0.1");
}

#[tokio::test]
async fn an_allowance_can_be_changed_while_it_is_used() {
    let app = TestApp::new().await;
    put(&app, "server.logins_per_minute", json!(2)).await.json(200);
    let log_in = async || {
        let request = from_this_box(Method::POST, "/api/auth/login");
        let body = json!({"login": "anna", "password": "wrong horse"});
        app.ask(request.set_json(body)).await.status.as_u16()
    };
    assert_eq!([log_in().await, log_in().await, log_in().await], [401, 401, 429]);
    // Another change leaves the count as it is.
    put(&app, "market.default", json!("AT")).await.json(200);
    assert_eq!(log_in().await, 429);
    take_back(&app, "server.logins_per_minute").await.json(200);
    assert_eq!(log_in().await, 401, "the file says 0, which is no limit");
    let refused = put(&app, "server.admin_addresses", json!(["192.0.2.1"])).await;
    assert_eq!(refused.status, 200);
    assert_eq!(take_back(&app, "server.admin_addresses").await.status, 403, "meant is meant");
}

#[tokio::test]
async fn what_is_unsound_is_refused_and_nothing_is_stored() {
    let app = TestApp::new().await;
    for (key, value, told) in [
        ("accounts.registration", json!("perhaps"), "unknown variant"),
        ("accounts.registration", json!(null), "invalid type"),
        ("accounts.access_token_minutes", json!(0), "is not between 1 and 1440"),
        ("server.requests_per_minute", json!(-1), "invalid value"),
        ("server.trusted_proxies", json!(["10.0.0.0/33"]), "is not an address or network"),
        ("server.cors_origins", json!(["*"]), "is not an origin"),
        ("market.default", json!("Atlantis"), "Atlantis"),
        ("jobs.renew_s", json!(50), "half of lease_s = 60"),
    ] {
        let refusal = put(&app, key, value).await;
        assert_eq!(refusal.wrong_field(), "value", "{key}");
        let detail = refusal.problem(422)["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(key) && detail.contains(told), "{key}: {detail}");
        assert_eq!(shown(&app, key).await["stored"], Value::Null, "{key}");
    }
    for key in ["server.colour", "nothing", "server.port.x", "Server.host"] {
        put(&app, key, json!(1)).await.problem(404);
        take_back(&app, key).await.problem(404);
    }
    for key in ["server.port", "storage.data_dir", "database.url", "telemetry.level"] {
        let refusal = put(&app, key, json!("x")).await.problem(409);
        assert!(refusal["detail"].as_str().unwrap().contains("config/*.toml"), "{refusal}");
    }
    // A change may need another one to stand.
    put(&app, "jobs.lease_s", json!(200)).await.json(200);
    let changed = put(&app, "jobs.renew_s", json!(50)).await.json(200);
    assert_eq!(changed["applies"], "at_next_start");
    assert_eq!(take_back(&app, "jobs.lease_s").await.wrong_field(), "value");
    assert_eq!(shown(&app, "jobs.lease_s").await["value"], 200);
}

#[tokio::test]
async fn another_process_and_the_next_start_see_what_was_stored() {
    let app = TestApp::new().await;
    app.token(Role::Admin).await;
    let sources = Sources::default();
    let settings = load(&sources).unwrap().settings;
    let db = app.database().db();
    let other = assemble(&settings, db.clone(), app.clock.clone());
    put(&app, "market.default", json!("AT")).await.json(200);
    // Either would break a rule without the other.
    put(&app, "jobs.lease_s", json!(200)).await.json(200);
    put(&app, "jobs.renew_s", json!(50)).await.json(200);
    assert_ne!(other.shown.settings().default, austria());
    other.settings.refresh().await.unwrap();
    assert_eq!(other.shown.settings().default, austria());

    let next = crate::app::with_stored(&settings, db).await;
    assert_eq!((next.jobs.lease_s, next.jobs.renew_s), (200, 50));
    assert_eq!(next.market.default, austria());
}

#[tokio::test]
async fn a_row_that_a_new_version_does_not_know_stops_nothing() {
    let app = TestApp::new().await;
    put(&app, "jobs.workers", json!(7)).await.json(200);
    let rows = "INSERT INTO settings VALUES ('jobs.colour', '\"red\"', gen_random_uuid(), now()),
        ('jobs.poll_s', '-5', gen_random_uuid(), now())";
    app.database().db().conn().await.unwrap().batch_execute(rows).await.unwrap();
    assert_eq!(shown(&app, "jobs.workers").await["value"], 7);
    assert_eq!(shown(&app, "jobs.poll_s").await["origin"], "default");
    put(&app, "jobs.workers", json!(8)).await.json(200);
    assert_eq!(put(&app, "jobs.poll_s", json!(3)).await.json(200)["value"], 3);
}
