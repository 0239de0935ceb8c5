//! Presets and mappings, with payloads in the forms in which the devices send them.

use serde_json::json;

use super::*;
use crate::testing::{Door, Mosquitto};

/// What the devices publish at noon, and what a quarter of an hour later.
const NOON: &[(&str, &str)] = &[
    (
        "tele/reader/SENSOR",
        r#"{"Time":"2026-03-28T13:00:02","SML":{"E_in":100.0,"E_out":50.0,"Power":-412}}"#,
    ),
    (
        "shellyplug-x/status/switch:0",
        r#"{"id":0,"source":"init","output":true,"apower":60.0,"voltage":230.1,"current":0.31,"aenergy":{"total":1000.0,"by_minute":[0.0,0.0,0.0],"minute_ts":1774699140}}"#,
    ),
    (
        "shellypro3em-ab/events/rpc",
        r#"{"src":"shellypro3em-ab","dst":"shellypro3em-ab/events","method":"NotifyStatus","params":{"ts":1774699200.00,"em:0":{"id":0,"total_act_power":-1500.0,"a_voltage":231.0}}}"#,
    ),
    ("zigbee2mqtt/pump/state", r#"{"energy":5.0,"power":812,"linkquality":91}"#),
    ("meterbox/sensor/total_energy/state", "123.4"),
    (
        "dsmr/json",
        r#"{"timestamp":"2026-03-28T13:00:00+01:00","electricity_delivered_1":"100.000","electricity_delivered_2":"200.000","electricity_returned_1":"0.000","electricity_returned_2":"0.000","electricity_currently_delivered":"0.812"}"#,
    ),
];
const LATER: &[(&str, &str)] = &[
    (
        "tele/reader/SENSOR",
        r#"{"Time":"2026-03-28T13:15:02","SML":{"E_in":100.5,"E_out":50.25,"Power":900}}"#,
    ),
    (
        "shellyplug-x/status/switch:0",
        r#"{"id":0,"apower":1000.0,"voltage":229.8,"aenergy":{"total":1250.0,"by_minute":[0.0],"minute_ts":1774700040}}"#,
    ),
    (
        "shellypro3em-ab/events/rpc",
        r#"{"src":"shellypro3em-ab","method":"NotifyStatus","params":{"ts":1774699230.00,"em:0":{"id":0,"total_act_power":500.0}}}"#,
    ),
    (
        "shellypro3em-ab/events/rpc",
        r#"{"src":"shellypro3em-ab","method":"NotifyStatus","params":{"ts":1774699245.00,"wifi":{"rssi":-60}}}"#,
    ),
    (
        "shellypro3em-ab/events/rpc",
        r#"{"src":"shellypro3em-ab","method":"NotifyStatus","params":{"ts":1774699260.00,"em:0":{"id":0,"total_act_power":0.0}}}"#,
    ),
    ("zigbee2mqtt/pump/state", r#"{"energy":5.5,"power":2000,"linkquality":90}"#),
    ("meterbox/sensor/total_energy/state", "123.9"),
    (
        "dsmr/json",
        r#"{"timestamp":"2026-03-28T13:15:00+01:00","electricity_delivered_1":"100.250","electricity_delivered_2":"200.250","electricity_returned_1":"0.000","electricity_returned_2":"0.000"}"#,
    ),
];
const ANNOUNCED: &[(&str, &str)] = &[(
    "homeassistant/sensor/pump/energy/config",
    r#"{"name":"Energy","~":"zigbee2mqtt/pump","stat_t":"~/state","unit_of_meas":"kWh","dev_cla":"energy","stat_cla":"total_increasing","val_tpl":"{{ value_json.energy }}","uniq_id":"pump_energy","dev":{"name":"Heat pump"}}"#,
)];

async fn proposals(app: &TestApp) -> Vec<Value> {
    let answer = app.get(Role::Analyst, "/api/mqtt/proposals").await.json(200);
    answer["proposals"].as_array().unwrap().clone()
}

#[tokio::test]
async fn known_devices_are_recognised_and_read_after_one_click() {
    let Some(broker) = Mosquitto::start("devices", Door::Open).await else { return };
    let app = app_at(broker.settings()).await;
    let running = Running::connected(&app).await;
    broker.keep(ANNOUNCED).await;
    broker.say(NOON).await;
    until(&app, "recognised", async |app| proposals(app).await.len() == 9).await;
    let all = proposals(&app).await;
    let told: Vec<String> = all
        .iter()
        .map(|it| {
            let says = &it["mapping"];
            let text = |key: &str| says[key].as_str().unwrap_or_default().to_owned();
            format!("{} {} {} {}", text("preset"), text("meter_id"), text("field"), it["last"])
        })
        .collect();
    assert_eq!(
        told,
        [
            "home_assistant heat-pump consumption_kwh_total null",
            "dsmr_reader dsmr consumption_kwh_total 300.0",
            "dsmr_reader dsmr production_kwh_total 0.0",
            "esphome meterbox consumption_kwh_total 123.4",
            "tasmota reader consumption_kwh_total 100.0",
            "tasmota reader production_kwh_total 50.0",
            "shelly shellyplug-x consumption_kwh_total 1000.0",
            "shelly shellypro3em-ab power_kw -1500.0",
            "shelly shellypro3em-ab voltage 231.0",
        ]
    );
    for proposal in &all {
        map(&app, &proposal["mapping"]).await;
    }
    assert_eq!(proposals(&app).await, [] as [Value; 0]);
    // The topic that was only announced is asked for from now on; saying all again does no harm.
    until(&app, "read", async |app| {
        broker.say(NOON).await;
        let marks = lines(&app.services.db, "SELECT meter_id AS line FROM meter_counters").await;
        let samples = lines(&app.services.db, "SELECT field AS line FROM mqtt_samples").await;
        (marks.len(), samples.len()) == (5, 3)
    })
    .await;
    app.clock.set(utc("2026-03-28T12:15:00Z"));
    broker.say(LATER).await;
    until_stored(
        &app,
        &[
            "dsmr 12:00:00 900 2 0 ok",
            "heat-pump 12:00:00 900 2 - ok",
            "meterbox 12:00:00 900 2 - ok",
            "reader 12:00:00 900 2 1 ok",
            "shellyplug-x 12:00:00 900 1 - ok",
            "shellypro3em-ab 12:00:00 60 0.25 0.75 ok",
        ],
    )
    .await;
    let roles =
        lines(&app.services.db, "SELECT meter_id || ' ' || role AS line FROM meters ORDER BY 1")
            .await;
    assert!(roles.contains(&"reader grid".to_owned()), "{roles:?}");
    assert!(roles.contains(&"shellyplug-x device".to_owned()), "{roles:?}");
    running.stop().await;
}

#[tokio::test]
async fn powers_become_means_over_time_also_over_a_restart() {
    let Some(broker) = Mosquitto::start("means", Door::Open).await else { return };
    let app = app_at(broker.settings()).await;
    let says = json!({"topic_filter": "home/+/power", "meter_id": "{1}", "field": "power_kw"});
    map(&app, &says).await;
    let running = Running::connected(&app).await;
    let samples = "SELECT to_char(ts AT TIME ZONE 'UTC', 'HH24:MI:SS') || ' ' || field || ' ' || value \
         AS line FROM mqtt_samples ORDER BY 1";
    broker.say(&[("home/attic/power", "1000")]).await;
    until(&app, "sampled", async |app| lines(&app.services.db, samples).await.len() == 2).await;
    app.clock.set(utc("2026-03-28T12:00:30Z"));
    broker.say(&[("home/attic/power", "3000")]).await;
    until(&app, "sampled", async |app| lines(&app.services.db, samples).await.len() == 4).await;
    running.stop().await;
    let running = Running::connected(&app).await;
    app.clock.set(utc("2026-03-28T12:01:20Z"));
    broker.say(&[("home/attic/power", "-600")]).await;
    until_stored(&app, &["attic 12:00:00 60 2 0 ok"]).await;
    app.clock.set(utc("2026-03-28T12:02:00Z"));
    broker.say(&[("home/attic/power", "nan"), ("home/attic/power", "0")]).await;
    // 3 kW for 20 s, then 0.6 kW the other way for 40 s.
    until_stored(&app, &["attic 12:00:00 60 2 0 ok", "attic 12:01:00 60 1 0.4 ok"]).await;
    running.stop().await;
    let topics = app.services.mqtt.topics("attic").await.unwrap();
    assert_eq!((topics[0].messages, topics[0].refused), (5, 0));
}

#[tokio::test]
async fn what_the_broker_kept_is_no_reading_unless_it_says_when() {
    let Some(broker) = Mosquitto::start("retained", Door::Open).await else { return };
    let app = app_at(broker.settings()).await;
    let untimed = json!({"topic_filter": "m/1", "value_path": "/p", "meter_id": "m-1",
        "field": "consumption_kw"});
    let timed = json!({"topic_filter": "m/2", "value_path": "/p", "meter_id": "m-2",
        "field": "consumption_kw", "time_path": "/t"});
    for says in [&untimed, &timed] {
        map(&app, says).await;
    }
    let payload = r#"{"p":1000,"t":"2026-03-28T11:59:00Z"}"#;
    broker.keep(&[("m/1", payload), ("m/2", payload)]).await;
    let running = Running::connected(&app).await;
    until_seen(&app, "m/1", 1).await;
    until_seen(&app, "m/2", 1).await;
    let samples = "SELECT meter_id AS line FROM mqtt_samples";
    until(&app, "sampled", async |app| lines(&app.services.db, samples).await == ["m-2"]).await;
    let topics = app.get(Role::Analyst, "/api/mqtt/topics?search=m/1").await.json(200);
    assert_eq!(topics["topics"][0]["last"][0]["is_retained"], true);
    broker.say(&[("m/1", payload)]).await;
    until(&app, "sampled", async |app| lines(&app.services.db, samples).await.len() == 2).await;
    running.stop().await;
}
