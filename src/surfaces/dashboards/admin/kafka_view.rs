//! The brokers on the page of the sources: whether they answer, how far each partition is read.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::facts::kafka::{KafkaStatus, PartitionState};
use crate::surfaces::dashboards::format::{Format, number};

/// Brokers and what is read from them.
#[derive(Debug, Serialize)]
pub(super) struct KafkaView {
    badge: (&'static str, &'static str),
    brokers: String,
    /// Why they do not answer; empty when they do.
    trouble: String,
    /// Topics that are not there yet; empty when all are.
    missing: String,
    partitions: Vec<PartitionRow>,
}

#[derive(Debug, Serialize)]
struct PartitionRow {
    topic: String,
    partition: i32,
    badge: (&'static str, &'static str),
    /// Records that wait.
    lag: String,
    next: String,
    rows: String,
    refused: String,
    lost: String,
    last: String,
    trouble: String,
}

impl KafkaView {
    /// Nothing where no brokers are set up.
    pub(super) fn of(status: &KafkaStatus, now: DateTime<Utc>, format: &Format) -> Option<Self> {
        let answers = status.reachable?;
        let badge = match (answers, status.partitions.iter().any(|it| it.trouble.is_some())) {
            (true, false) => ("ok", format.text("adm_src_answers")),
            _ => ("err", format.text("adm_src_fails")),
        };
        Some(Self {
            badge,
            brokers: status.brokers.join(", "),
            trouble: if answers { String::new() } else { status.detail.clone() },
            missing: status.missing_topics.join(", "),
            partitions: status.partitions.iter().map(|it| row(it, now, format)).collect(),
        })
    }
}

fn row(state: &PartitionState, now: DateTime<Utc>, format: &Format) -> PartitionRow {
    let count = |value: i64| number(value as f64, 0);
    let dash = |value: Option<i64>| value.map_or_else(|| "–".to_owned(), count);
    let badge = if state.trouble.is_some() {
        ("err", format.text("adm_kafka_stuck"))
    } else if state.holder.is_some() {
        ("ok", format.text("adm_kafka_read"))
    } else {
        ("off", format.text("adm_kafka_unread"))
    };
    PartitionRow {
        topic: state.topic.clone(),
        partition: state.partition,
        badge,
        lag: dash(state.lag),
        next: dash(state.next_offset),
        rows: count(state.rows_taken),
        refused: count(state.rows_refused),
        lost: count(state.records_lost),
        last: state.last_record_at.map_or_else(
            || "–".to_owned(),
            |at| format.fill("adm_kafka_ago", &[("age", &format.age(now - at))]),
        ),
        trouble: state.trouble.clone().unwrap_or_default(),
    }
}
