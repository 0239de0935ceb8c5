//! Records, offsets and rows: in memory, on a database, and from a broker made of air.

mod broker; // with librdkafka's mock cluster
mod cuts; // any cut of a stream into fetches
mod reading; // what records hold
mod storing; // rows and offset in one transaction

use std::collections::BTreeMap;

use diesel_async::SimpleAsyncConnection;
use rskafka::record::{Record, RecordAndOffset};
use serde_json::{Value, json};

use super::model::{Claim, KafkaError, Place, Taken};
use super::records::{Form, batches};
use super::*;
use crate::platform::db::Db;
use crate::testing::{TestApp, lines, utc};

/// The instant of the tests.
const NOW: &str = "2026-03-28T12:00:00Z";
const TOPIC: &str = "luna.readings";

async fn execute(db: &Db, statement: &str) {
    db.conn().await.unwrap().batch_execute(statement).await.unwrap();
}

/// What is stored of all meters: name, minutes since midnight, power and quality.
async fn stored(db: &Db) -> Vec<String> {
    lines(
        db,
        "SELECT format('%s %s %s %s', meter_id, extract(epoch FROM ts - '2026-03-28T00:00Z')::int / 60,
             consumption_kw, quality) AS line
         FROM smart_meter_readings ORDER BY meter_id, ts",
    )
    .await
}

/// How far the partitions are read: place, next offset, records, rows taken, rows refused.
async fn offsets(db: &Db) -> Vec<String> {
    lines(
        db,
        "SELECT format('%s/%s %s %s %s %s', topic, partition, next_offset, records_read, rows_taken,
             rows_refused) AS line
         FROM kafka_offsets ORDER BY topic, partition",
    )
    .await
}

async fn app(settings: Settings) -> TestApp {
    TestApp::with(utc(NOW), |all| all.kafka = settings).await
}

/// Another process on the same database.
fn beside(app: &TestApp, settings: &Settings) -> Kafka {
    let services = &app.services;
    let parts = (services.readings.clone(), services.quality.clone());
    Kafka::new(settings, services.db.clone(), parts, services.clock.clone())
}

fn place(partition: i32) -> Place {
    Place { topic: TOPIC.to_owned(), partition }
}

/// A reading of a quarter hour, `minute` minutes after midnight UTC.
fn row(meter: &str, minute: i64, consumption_kw: f64) -> Value {
    let ts = utc("2026-03-28T00:00:00Z") + chrono::Duration::minutes(minute);
    json!({"meter_id": meter, "ts": ts, "interval_s": 900, "consumption_kw": consumption_kw})
}

/// A record as a broker hands it out.
fn record(offset: i64, key: Option<&str>, value: &[u8]) -> RecordAndOffset {
    RecordAndOffset {
        offset,
        record: Record {
            key: key.map(|key| key.as_bytes().to_vec()),
            value: Some(value.to_vec()),
            headers: BTreeMap::new(),
            timestamp: utc("2026-03-28T11:59:00Z"),
        },
    }
}

/// Records of these values, from offset 0 on.
fn records(values: &[Value]) -> Vec<RecordAndOffset> {
    let values = (0_i64..).zip(values);
    values.map(|(offset, value)| record(offset, None, value.to_string().as_bytes())).collect()
}

/// Takes records as one fetch.
async fn take(
    kafka: &Kafka,
    claim: &mut Claim,
    records: Vec<RecordAndOffset>,
) -> Result<Taken, KafkaError> {
    let end = records.last().map_or(0, |last| last.offset + 1);
    let mut taken = Taken::default();
    for batch in batches(&Form::Readings, records) {
        taken.add(kafka.take(claim, &Form::Readings, batch, end).await?);
    }
    Ok(taken)
}

/// A claim that begins at 0.
async fn begun(kafka: &Kafka, place: &Place) -> Claim {
    let mut claim = kafka.claim(place).await.unwrap().expect("nobody else reads it");
    if claim.next_offset.is_none() {
        kafka.jump(&mut claim, (0, 0)).await.unwrap();
    }
    claim
}
