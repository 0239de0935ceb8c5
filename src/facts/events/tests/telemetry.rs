//! Events sent to the whole application on a real database.

use actix_web::http::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::access::accounts::NewKey;
use crate::access::audit::{AuditFilter, By};
use crate::platform::web::{Role, Scope};
use crate::testing::{Answer, TestApp, from_this_box};

const PATH: &str = "/api/ingest/telemetry";

async fn send(app: &TestApp, role: Role, query: &str, events: &Value) -> Answer {
    app.post(role, &format!("{PATH}{query}"), events).await
}

/// `read stored unchanged refused`.
fn counts(answer: &Answer) -> [u64; 4] {
    let report = answer.json(200);
    ["read", "stored", "unchanged", "refused"].map(|name| report[name].as_u64().unwrap())
}

async fn user_of(app: &TestApp, role: Role) -> Uuid {
    app.token(role).await;
    app.services.accounts.user_id_of(&format!("{role}@example.ch")).await.unwrap()
}

/// Everything that was sent, by instant: kind, person, meta.
async fn stored(app: &TestApp) -> Vec<(String, Option<Uuid>, Value)> {
    let all = app.services.events.list("", 1_000).await.unwrap();
    all.into_iter().rev().map(|event| (event.kind, event.user_id, event.meta)).collect()
}

fn id(number: u8) -> Uuid {
    Uuid::from_bytes([number; 16])
}

#[tokio::test]
async fn events_are_stored_once_by_their_identifier() {
    let app = TestApp::new().await;
    let me = user_of(&app, Role::Customer).await;
    let events = json!([
        {"event_id": id(1), "type": "view", "ts": "2026-03-28T11:00:00Z", "meta": {"page": "/prices", "n": 1e2}},
        {"event_id": id(2), "type": "click", "ts": 1_774_695_660_000_u64, "item_id": id(9)},
        {"event_id": id(1), "type": "view", "ts": "2026-03-28T11:00:00Z", "meta": {"page": "/prices", "n": 100}},
    ]);
    assert_eq!(counts(&send(&app, Role::Customer, "", &events).await), [3, 2, 1, 0]);
    assert_eq!(counts(&send(&app, Role::Customer, "", &events).await), [3, 0, 3, 0]);
    let all = stored(&app).await;
    assert_eq!(all[0].0, "view");
    assert_eq!(all[0].2["page"], "/prices");
    assert_eq!((all[1].0.as_str(), all[1].1), ("click", Some(me)));
    assert_eq!(all.len(), 2);

    // Neither another instant nor another word takes the place of what is stored.
    for change in [json!({"ts": "2026-03-28T11:30:00Z"}), json!({"type": "like"})] {
        let mut other = events[0].clone();
        for (name, value) in change.as_object().unwrap() {
            other[name] = value.clone();
        }
        let answer = send(&app, Role::Customer, "", &json!([other])).await;
        assert_eq!(answer.wrong_field(), "events[0].event_id");
    }
    assert_eq!(stored(&app).await, all);
}

#[tokio::test]
async fn events_without_identifier_are_told_apart_by_what_they_say() {
    let app = TestApp::new().await;
    let event = json!({"type": "solve", "ts": "2026-03-28T11:00:00Z", "meta": {"level": 3}});
    let other = json!({"type": "solve", "ts": "2026-03-28T11:00:00Z", "meta": {"level": 4}});
    let both = json!([event, other]);
    assert_eq!(counts(&send(&app, Role::Customer, "", &both).await), [2, 2, 0, 0]);
    // One event by itself is a list of one, in either form.
    assert_eq!(counts(&send(&app, Role::Customer, "", &event).await), [1, 0, 1, 0]);
    let lines = format!("{event}\n\n{}\n", json!({"type": "like"}));
    let body = Some(("application/x-ndjson", lines.into_bytes()));
    let answer = app.send(Role::Customer, Method::POST, "/ingest/telemetry", body).await;
    assert_eq!(counts(&answer), [2, 1, 1, 0]);
    // The same words of somebody else are another event.
    assert_eq!(counts(&send(&app, Role::Analyst, "", &event).await), [1, 1, 0, 0]);
}

#[tokio::test]
async fn faulty_events_are_named_and_all_or_nothing_unless_partial() {
    let app = TestApp::new().await;
    let deep = json!({"a": {"b": {"c": {"d": {"e": 1}}}}});
    let good = json!({"type": "view", "event_id": id(1)});
    let faulty = [
        (json!({"ts": "2026-03-28T11:00:00Z"}), "type"),
        (json!({"type": "View"}), "type"),
        (json!({"type": "sim.start"}), "type"),
        (json!({"type": "view", "ts": "yesterday"}), "ts"),
        // The clock stands at 12:00.
        (json!({"type": "view", "ts": "2026-03-28T12:05:01Z"}), "ts"),
        (json!({"type": "view", "ts": "1999-12-31T00:00:00Z"}), "ts"),
        (json!({"type": "view", "event_id": "7"}), "event_id"),
        (json!({"type": "view", "event_id": Uuid::nil()}), "event_id"),
        (json!({"type": "view", "item_id": 7}), "item_id"),
        (json!({"type": "view", "meta": [1]}), "meta"),
        (json!({"type": "view", "meta": deep}), "meta.a.b.c.d"),
        (json!({"type": "view", "meta": {"Email": "x"}}), "meta.Email"),
        (json!({"type": "view", "meta": {"to": ["me", "anna@example.ch"]}}), "meta.to[1]"),
        (json!({"type": "view", "meta": {"text": "a".repeat(501)}}), "meta.text"),
        (json!({"type": "view", "meta": {"text": "a\u{0}b"}}), "meta.text"),
        (json!({"type": "view", "meta": {"many": vec![1234; 1_000]}}), "meta"),
        (json!({"type": "view", "user_id": id(7)}), "user_id"),
        (json!({"type": "view", "colour": "red"}), "colour"),
        (json!(7), ""),
    ];
    let all: Vec<Value> =
        [good.clone()].into_iter().chain(faulty.iter().map(|(event, _)| event.clone())).collect();
    let refused = send(&app, Role::Customer, "", &json!(all)).await.problem(422);
    let named: Vec<_> = refused["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap().to_owned())
        .collect();
    let expected: Vec<String> = faulty
        .iter()
        .zip(1..)
        .map(|((_, field), place)| {
            let dot = if field.is_empty() { "" } else { "." };
            format!("events[{place}]{dot}{field}")
        })
        .collect();
    assert_eq!(named, expected);
    assert_eq!(stored(&app).await, []);

    let answer = send(&app, Role::Customer, "?partial=true", &json!(all)).await;
    assert_eq!(counts(&answer), [20, 1, 0, 19]);
    let findings = answer.json(200)["findings"].as_array().unwrap().clone();
    assert_eq!((findings.len(), &findings[0]["index"]), (19, &json!(1)));
    assert_eq!(stored(&app).await.len(), 1);

    assert_eq!(send(&app, Role::Customer, "", &json!([])).await.wrong_field(), "body");
    let many: Vec<Value> = (0..10_001).map(|_| json!({"type": "view"})).collect();
    send(&app, Role::Customer, "", &json!(many)).await.problem(413);
    let lines = Some(("application/x-ndjson", b"{\"type\": \"view\"}\n{".to_vec()));
    let broken = app.send(Role::Customer, Method::POST, PATH, lines).await.problem(400);
    assert_eq!(broken["errors"][0]["field"], "line 2");
}

#[tokio::test]
async fn people_send_their_own_and_admins_and_programs_those_of_others() {
    let app = TestApp::new().await;
    let (viewer, analyst) = (user_of(&app, Role::Viewer).await, user_of(&app, Role::Analyst).await);
    let of = |user_id: Uuid| json!([{"type": "like", "user_id": user_id}]);
    assert_eq!(counts(&send(&app, Role::Viewer, "", &of(viewer)).await), [1, 1, 0, 0]);
    for role in [Role::Viewer, Role::Analyst, Role::Customer] {
        let answer = send(&app, role, "", &of(user_of(&app, Role::Admin).await)).await;
        assert_eq!(answer.wrong_field(), "events[0].user_id");
    }
    // The same words of the same person at the same instant are the same event, whoever brings it.
    assert_eq!(counts(&send(&app, Role::Admin, "", &of(viewer)).await), [1, 0, 1, 0]);
    app.clock.set("2026-03-28T12:00:01Z".parse().unwrap());
    assert_eq!(counts(&send(&app, Role::Admin, "", &of(viewer)).await), [1, 1, 0, 0]);
    // The order of names in an object is no part of what it says.
    for (body, stored) in [
        (r#"[{"type": "view", "meta": {"page": 1, "at": {"x": 1, "y": 2}}}]"#, 1),
        (r#"[{"type": "view", "meta": {"at": {"y": 2, "x": 1}, "page": 1}}]"#, 0),
    ] {
        let request = from_this_box(Method::POST, PATH)
            .insert_header(("authorization", format!("Bearer {}", app.token(Role::Viewer).await)))
            .insert_header(("content-type", "application/json"))
            .set_payload(body);
        assert_eq!(counts(&app.ask(request).await), [1, stored, 1 - stored, 0]);
    }
    let answer = send(&app, Role::Admin, "", &of(id(7))).await;
    assert_eq!(answer.wrong_field(), "events[0].user_id");

    let new = NewKey { name: "kiosk".to_owned(), scopes: vec![Scope::Ingest], days: 30 };
    let key = app.services.accounts.create_key(analyst, &new, &By::command()).await.unwrap().0;
    let body = json!([{"type": "view"}, {"type": "view", "user_id": viewer, "meta": {"n": 1}}]);
    let request = from_this_box(Method::POST, PATH)
        .insert_header(("x-api-key", key.expose_secret().to_owned()))
        .insert_header(("content-type", "application/json"))
        .set_payload(body.to_string());
    assert_eq!(counts(&app.ask(request).await), [2, 2, 0, 0]);
    let people: Vec<_> =
        stored(&app).await.into_iter().map(|(kind, user_id, _)| (kind, user_id)).collect();
    // What a program sends without a person is nobody's.
    assert!(people.contains(&("view".to_owned(), None)), "{people:?}");
    assert!(people.contains(&("view".to_owned(), Some(viewer))), "{people:?}");
    // One's own events fill no log; those of others stand in it, with their author.
    let filter = AuditFilter { action: Some("events.ingest".to_owned()), ..AuditFilter::default() };
    let logged = app.services.audit.list(&filter, 10).await.unwrap();
    assert_eq!(logged.len(), 2);
    assert_eq!(logged[0].after.as_ref().unwrap()["events"], 2);
}
