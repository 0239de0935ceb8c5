//! The road itself: what goes wrong on it costs time, never a row.

use diesel_async::SimpleAsyncConnection;

use super::*;
use crate::facts::mqtt::Publisher;
use crate::facts::mqtt::probe;
use crate::facts::readings::ReadingRow;
use crate::testing::{Door, Mosquitto};

fn row(meter_id: &str, second: i64, kw: f64) -> ReadingRow {
    let ts = utc("2026-03-28T08:00:00Z") + chrono::Duration::seconds(second);
    ReadingRow { interval_s: Some(1), consumption_kw: Some(kw), ..ReadingRow::new(meter_id, ts) }
}

fn json(rows: &[ReadingRow]) -> String {
    serde_json::to_string(rows).unwrap()
}

#[tokio::test]
async fn rows_on_lunas_own_topics_become_readings_and_faulty_ones_are_named() {
    let Some(broker) = Mosquitto::start("own topics", Door::Open).await else { return };
    let app = app_at(broker.settings()).await;
    let running = Running::connected(&app).await;
    let good = json(&[row("house-1", 0, 1.5), row("house-1", 1, -2.0)]);
    let simulated = json(&[row("sim-a", 0, 2.0), row("house-1", 5, 2.0)]);
    broker
        .say(&[
            ("luna/readings", "hello"),
            ("luna/readings", &good),
            ("luna/sim/readings", &simulated),
            ("luna/readings", &good),
        ])
        .await;
    until_stored(&app, &["house-1 08:00:00 1 1.5 - ok", "sim-a 08:00:00 1 2 - simulated"]).await;
    until_seen(&app, "luna/readings", 3).await;
    until(&app, "named", async |app| {
        let topics = app.services.mqtt.topics("luna").await.unwrap();
        topics.iter().all(|topic| topic.reason.is_some())
    })
    .await;
    let topics = app.services.mqtt.topics("luna").await.unwrap();
    let reasons: Vec<&str> = topics.iter().filter_map(|it| it.reason.as_deref()).collect();
    assert!(reasons[0].starts_with("consumption_kw is -2"), "{reasons:?}");
    assert!(reasons[1].contains("does not begin with sim-"), "{reasons:?}");
    let letters = "SELECT subject || ': ' || reason AS line FROM dead_letters ORDER BY 1";
    let letters = lines(&app.services.db, letters).await;
    assert_eq!(letters.len(), 2, "{letters:?}");
    until(&app, "counted", async |app| {
        let standing = app.services.mqtt.standing().await.unwrap();
        (standing.messages, standing.rows_stored, standing.rows_refused) == (4, 2, 4)
    })
    .await;
    running.stop().await;
    let standing = app.services.mqtt.standing().await.unwrap();
    assert_eq!((standing.state, standing.messages), (ConsumerState::Unattended, 4));
}

#[tokio::test]
async fn a_broker_that_restarts_mid_stream_loses_nothing() {
    let Some(mut broker) = Mosquitto::start("restart", Door::Open).await else { return };
    let app = app_at(broker.settings()).await;
    let running = Running::connected(&app).await;
    let publisher = Publisher::new(broker.settings());
    for round in 0..30 {
        let rows: Vec<ReadingRow> =
            (0..20).map(|n| row("sim-house", round * 20 + n, 1.0)).collect();
        if round == 10 || round == 20 {
            broker.stop();
            let away = publisher.publish(&rows).await.unwrap_err();
            assert!(away.contains("start the broker") || away.contains("failed"), "{away}");
            broker.restart().await;
        }
        publisher.publish(&rows).await.unwrap();
    }
    until(&app, "all stored", async |app| count(app).await == 600).await;
    running.stop().await;
}

#[tokio::test]
async fn what_comes_while_nobody_reads_comes_when_somebody_does() {
    let Some(broker) = Mosquitto::start("absence", Door::Open).await else { return };
    let app = app_at(broker.settings()).await;
    Running::connected(&app).await.stop().await;
    broker.say(&[("luna/readings", &json(&[row("house-1", 0, 1.0)]))]).await;
    assert_eq!(count(&app).await, 0);
    let running = Running::connected(&app).await;
    until_stored(&app, &["house-1 08:00:00 1 1 - ok"]).await;
    running.stop().await;
}

#[tokio::test]
async fn a_burst_of_five_thousand_messages_is_stored_whole() {
    let Some(broker) = Mosquitto::start("burst", Door::Open).await else { return };
    let app = app_at(broker.settings()).await;
    let running = Running::connected(&app).await;
    let messages: Vec<String> = (0..5_000).map(|n| json(&[row("house-1", n, 1.0)])).collect();
    let messages: Vec<(&str, &str)> =
        messages.iter().map(|payload| ("luna/readings", payload.as_str())).collect();
    broker.say(&messages).await;
    until(&app, "all stored", async |app| count(app).await == 5_000).await;
    until_seen(&app, "luna/readings", 5_000).await;
    running.stop().await;
}

#[tokio::test]
async fn while_the_database_is_away_nothing_is_acknowledged() {
    let Some(broker) = Mosquitto::start("no database", Door::Open).await else { return };
    let app = app_at(broker.settings()).await;
    let running = Running::connected(&app).await;
    app.database().close().await;
    broker.say(&[("luna/readings", &json(&[row("house-1", 0, 1.0)]))]).await;
    // The first consumer has it and cannot store it; it ends without an acknowledgement.
    running.stop().await;
    app.database().open().await;
    assert_eq!(count(&app).await, 0);
    let running = Running::connected(&app).await;
    until_stored(&app, &["house-1 08:00:00 1 1 - ok"]).await;

    // One that goes on stores it as soon as the database is back.
    app.database().close().await;
    broker.say(&[("luna/readings", &json(&[row("house-1", 1, 2.0)]))]).await;
    app.database().open().await;
    until_stored(&app, &["house-1 08:00:00 1 1 - ok", "house-1 08:00:01 1 2 - ok"]).await;
    running.stop().await;
}

#[tokio::test]
async fn a_message_that_the_database_refuses_does_not_hold_up_the_others() {
    let Some(broker) = Mosquitto::start("poison", Door::Open).await else { return };
    let app = app_at(broker.settings()).await;
    let mut conn = app.services.db.conn().await.unwrap();
    conn.batch_execute("ALTER TABLE smart_meter_readings ADD CHECK (consumption_kw <> 13)")
        .await
        .unwrap();
    drop(conn);
    let running = Running::connected(&app).await;
    let payloads: Vec<String> =
        [1.0, 13.0, 3.0].iter().zip(0..).map(|(kw, n)| json(&[row("house-1", n, *kw)])).collect();
    let messages: Vec<(&str, &str)> =
        payloads.iter().map(|payload| ("luna/readings", payload.as_str())).collect();
    broker.say(&messages).await;
    until_stored(&app, &["house-1 08:00:00 1 1 - ok", "house-1 08:00:02 1 3 - ok"]).await;
    until(&app, "put down", async |app| {
        let query = "SELECT reason AS line FROM dead_letters WHERE source = 'mqtt'";
        lines(&app.services.db, query).await.len() == 1
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn one_process_reads_and_another_takes_over() {
    let Some(broker) = Mosquitto::start("two processes", Door::Open).await else { return };
    let app = app_at(broker.settings()).await;
    let first = Running::connected(&app).await;
    let second = Running::start(&app);
    broker.say(&[("luna/readings", &json(&[row("house-1", 0, 1.0)]))]).await;
    until_stored(&app, &["house-1 08:00:00 1 1 - ok"]).await;
    first.stop().await;
    broker.say(&[("luna/readings", &json(&[row("house-1", 1, 1.0)]))]).await;
    until(&app, "taken over", async |app| count(app).await == 2).await;
    second.stop().await;
}

#[tokio::test]
async fn a_login_and_a_certificate_of_ones_own_let_luna_in_and_wrong_ones_say_why() {
    let Some(broker) = Mosquitto::start("login", Door::Encrypted).await else { return };
    let good = broker.settings();
    assert!(probe(&good).await.unwrap().ends_with("lets 'luna' in"));
    let wrong = Settings { password: Some("c4n4ry-wrong".into()), ..good.clone() };
    let why = probe(&wrong).await.unwrap_err();
    assert!(why.contains("refuses the login of 'luna'") && why.contains("MQTT_PASSWORD"), "{why}");
    let nobody = Settings { user: None, password: None, ..good.clone() };
    let why = probe(&nobody).await.unwrap_err();
    assert!(why.contains("wants a login"), "{why}");
    let stranger = Settings { ca_file: None, ..good.clone() };
    let why = probe(&stranger).await.unwrap_err();
    assert!(why.contains("no encrypted connection") && why.contains("ca_file"), "{why}");
    let absent = Settings { ca_file: Some("/nowhere/ca.pem".into()), ..good.clone() };
    let why = probe(&absent).await.unwrap_err();
    assert!(why.contains("/nowhere/ca.pem cannot be used"), "{why}");
    for why in [&wrong, &nobody, &stranger] {
        assert!(!format!("{why:?}").contains("c4n4ry"), "{why:?}");
    }

    let app = app_at(good.clone()).await;
    let running = Running::connected(&app).await;
    Publisher::new(good).publish(&[row("house-1", 0, 1.0)]).await.unwrap();
    until_stored(&app, &["house-1 08:00:00 1 1 - ok"]).await;
    running.stop().await;
    let app = app_at(wrong).await;
    let running = Running::start(&app);
    until(&app, "refused", async |app| {
        let standing = app.services.mqtt.standing().await.unwrap();
        standing.state == ConsumerState::Disconnected && standing.detail.contains("MQTT_PASSWORD")
    })
    .await;
    running.stop().await;
}
