//! What people say numbers mean: rules, previews, the page.

use actix_web::http::Method;
use serde_json::json;

use super::*;
use crate::facts::mqtt::model::Message;
use crate::testing::Browser;

const TOPIC: &str = "tele/reader/SENSOR";
const PAYLOAD: &str = r#"{"SML":{"E_in":100.5,"Power":412,"Meter":"0a01"}}"#;

/// A box whose consumer has seen one message.
async fn app_with_a_message() -> TestApp {
    let app =
        app_at(Settings { url: Some("mqtt://127.0.0.1:1".to_owned()), ..Settings::default() })
            .await;
    let message = Message {
        topic: TOPIC.to_owned(),
        payload: PAYLOAD.into(),
        is_retained: false,
        is_again: false,
        is_owed: true,
        received_at: app.clock.now(),
    };
    let mut watch = crate::facts::mqtt::watch::Watch::default();
    watch.note(&message);
    let (topics, gone) = watch.take_changed();
    let mut conn = app.services.db.conn().await.unwrap();
    crate::facts::mqtt::store::write_topics(&mut conn, &topics, &gone).await.unwrap();
    drop(conn);
    app
}

#[tokio::test]
async fn a_mapping_that_cannot_work_is_refused_with_its_field() {
    let app = TestApp::new().await;
    let sound = json!({"topic_filter": "a/+", "meter_id": "{1}", "field": "power_kw"});
    for (field, value) in [
        ("topic_filter", json!("a/#/b")),
        ("topic_filter", json!("")),
        ("topic_filter", json!("luna/#")),
        ("value_path", json!("SML.Power")),
        ("meter_id", json!("{2}")),
        ("meter_id", json!("sim-house")),
        ("unit", json!("kWh")),
        ("interval_s", json!(7)),
        ("interval_s", json!(7200)),
        ("time_path", json!("Time")),
    ] {
        let mut says = sound.clone();
        says[field] = value.clone();
        let answer = app.post(Role::Admin, "/api/mqtt/mappings", &says).await;
        assert_eq!(answer.wrong_field(), field, "{value}");
    }
    map(&app, &sound).await;
    app.post(Role::Admin, "/api/mqtt/mappings", &sound).await.problem(409);
    let answer = app.post(Role::Admin, "/api/mqtt/mappings", &json!({"field": "power_kw"})).await;
    assert_eq!(answer.wrong_field(), "topic_filter");
}

#[tokio::test]
async fn a_meter_is_fed_by_counters_or_by_powers_of_one_length() {
    let app = TestApp::new().await;
    let counter = json!({"topic_filter": "a", "meter_id": "m", "field": "consumption_kwh_total"});
    let id = map(&app, &counter).await["mapping_id"].as_str().unwrap().to_owned();
    let power = json!({"topic_filter": "b", "meter_id": "m", "field": "power_kw"});
    let refused = app.post(Role::Admin, "/api/mqtt/mappings", &power).await;
    assert_eq!(refused.wrong_field(), "meter_id");
    assert!(refused.text().contains("fed by counters already"), "{}", refused.text());
    let path = format!("/api/mqtt/mappings/{id}");
    app.send(Role::Admin, Method::DELETE, &path, None).await;
    app.send(Role::Admin, Method::DELETE, &path, None).await.problem(404);
    map(&app, &power).await;
    let other =
        json!({"topic_filter": "c", "meter_id": "m", "field": "voltage", "interval_s": 300});
    let refused = app.post(Role::Admin, "/api/mqtt/mappings", &other).await;
    assert_eq!(refused.wrong_field(), "interval_s");
    let meters = app.get(Role::Admin, "/api/meters").await.json(200);
    assert_eq!(meters["meters"].as_array().unwrap().len(), 1, "{meters}");
}

#[tokio::test]
async fn a_preview_says_what_the_last_message_would_become() {
    let app = Box::pin(app_with_a_message()).await;
    let ask = async |query: &str| {
        let path = format!("/api/mqtt/preview?meter_id=m&{query}");
        app.get(Role::Analyst, &path).await.json(200)
    };
    let power = ask("topic_filter=tele/%2B/SENSOR&value_path=/SML/Power&field=power_kw").await;
    assert_eq!(power["topic"], TOPIC);
    assert_eq!(power["values"][0]["value"], 0.412);
    assert_eq!(
        (&power["values"][0]["field"], &power["note"]),
        (&json!("consumption_kw"), &Value::Null)
    );
    let nothing = ask("topic_filter=tele/%2B/SENSOR&value_path=/SML/Watt&field=power_kw").await;
    assert_eq!(nothing["note"], "nothing stands at /SML/Watt in the last message");
    let text = ask("topic_filter=tele/%23&value_path=/SML/Meter&field=power_kw").await;
    assert_eq!(text["note"], "/SML/Meter is no number");
    let silent = ask("topic_filter=other&field=power_kw").await;
    assert_eq!((&silent["topic"], silent["values"].as_array().unwrap().len()), (&Value::Null, 0));
}

#[tokio::test]
async fn a_click_on_a_number_leads_to_a_mapping() {
    let app = Box::pin(app_with_a_message()).await;
    let admin = Browser::of(&app, Role::Admin).await;
    admin.open("/preferences?lang=en").await;
    let page = admin.open("/admin/mqtt").await;
    let html = page.text();
    let link = "/admin/mqtt?topic=tele%2Freader%2FSENSOR&amp;path=%2FSML%2FPower#mapping";
    assert!(html.contains(link), "{html}");
    assert!(html.contains("Recognised devices"), "{html}");
    let link = link.replace("&amp;", "&");
    let page = admin.open(link.trim_end_matches("#mapping")).await;
    let html = page.text();
    assert!(html.contains("value=\"/SML/Power\"") && html.contains("0.412"), "{html}");
    let fields = [
        ("topic_filter", TOPIC),
        ("value_path", "/SML/Power"),
        ("meter_id", "reader"),
        ("field", "power_kw"),
        ("unit", "kW"),
        ("interval_s", "60"),
    ];
    let previewed = admin.submit("/admin/mqtt/preview", &fields).await;
    assert!(previewed.status == 200 && previewed.text().contains("412"), "{}", previewed.text());
    let mut wrong = fields;
    wrong[5].1 = "7";
    let refused = admin.submit("/admin/mqtt/mappings", &wrong).await;
    assert!(refused.status == 422 && refused.text().contains("no part of a quarter hour"));
    let saved = admin.submit("/admin/mqtt/mappings", &fields).await;
    let page = admin.follow(&saved).await;
    assert!(page.text().contains("The mapping holds from now on."), "{}", page.text());
    let id = app.services.mqtt.mappings().await.unwrap()[0].mapping_id;
    for (step, enabled) in [("toggle", false), ("toggle", true)] {
        admin.submit(&format!("/admin/mqtt/mappings/{id}/{step}"), &[]).await;
        let all = app.services.mqtt.mappings().await.unwrap();
        assert_eq!(all[0].says.is_enabled, enabled);
    }
    let page = admin.open(&format!("/admin/mqtt?mapping={id}")).await;
    assert!(page.text().contains("Change the mapping"), "{}", page.text());
    admin.submit(&format!("/admin/mqtt/mappings/{id}/delete"), &[]).await;
    assert!(app.services.mqtt.mappings().await.unwrap().is_empty());
}

#[tokio::test]
async fn hostile_topics_and_payloads_stay_texts() {
    let app = Box::pin(app_with_a_message()).await;
    let hostile = "</pre><script>alert(1)</script>";
    let message = Message {
        topic: format!("x/{hostile}"),
        payload: format!("{{\"{hostile}\":1}}").into(),
        is_retained: false,
        is_again: false,
        is_owed: true,
        received_at: app.clock.now(),
    };
    let mut watch = crate::facts::mqtt::watch::Watch::default();
    watch.note(&message);
    watch.refuse(&message.topic, hostile, app.clock.now());
    let (topics, gone) = watch.take_changed();
    let mut conn = app.services.db.conn().await.unwrap();
    crate::facts::mqtt::store::write_topics(&mut conn, &topics, &gone).await.unwrap();
    drop(conn);
    let admin = Browser::of(&app, Role::Admin).await;
    let query =
        serde_urlencoded::to_string([("topic", &message.topic), ("path", &"/x".to_owned())]);
    for path in ["/admin/mqtt".to_owned(), format!("/admin/mqtt?{}", query.unwrap())] {
        let page = admin.open(&path).await;
        let html = page.text();
        assert!(!html.contains("<script>alert"), "{html}");
        assert!(html.contains("&lt;script&gt;"), "{html}");
    }
}
