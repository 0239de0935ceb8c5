//! `GET /api/kafka` and what could not be stored.

use actix_web::get;
use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::model::{KafkaError, KafkaStatus, Refusal};
use super::service::Kafka;
use crate::platform::web::{Analyst, Params, Problem, Refusals, Require};

/// Most refusals that one answer lists.
const REFUSALS_MAX: u16 = 1_000;

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config.service(get_kafka).service(list_kafka_refusals);
}

fn status_example() -> Value {
    json!({"is_configured": true, "brokers": ["redpanda:9092"], "reachable": true,
        "detail": "redpanda:9092 answers with 2 topics", "consumes": true,
        "missing_topics": ["luna.sim.readings"],
        "partitions": [{"topic": "luna.readings", "partition": 0, "next_offset": 48_211,
            "high_watermark": 48_215, "lag": 4, "records_read": 48_211, "rows_taken": 48_209,
            "rows_refused": 2, "records_lost": 0, "lost_at": null,
            "last_record_at": "2026-03-28T12:04:58Z", "updated_at": "2026-03-28T12:04:59Z",
            "trouble": null, "trouble_at": null, "holder": "box:4711:9f3c01aa"}]})
}

/// Get how Kafka stands: whether the brokers answer, how far each partition is read, what keeps
/// others from being read.
#[utoipa::path(tag = "sources", responses((status = 200, body = KafkaStatus,
    example = json!(status_example())), Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[get("/api/kafka")]
async fn get_kafka(_: Require<Analyst>, kafka: Data<Kafka>) -> Result<Json<KafkaStatus>, Problem> {
    Ok(Json(kafka.status().await?))
}

/// Which refusals to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RefusalQuery {
    /// Only of this topic.
    #[param(required = false)]
    topic: Option<String>,
    /// Most of them.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: u16,
}

impl Default for RefusalQuery {
    fn default() -> Self {
        Self { topic: None, limit: 100 }
    }
}

/// What could not be stored.
#[derive(Debug, Serialize, ToSchema)]
struct RefusalList {
    /// Newest first.
    refusals: Vec<Refusal>,
}

fn refusals_example() -> Value {
    json!({"refusals": [{"topic": "luna.readings", "partition": 0, "offset": 4_711, "row": 0,
        "field": "consumption_kw", "reason": "is -1, not 0 to 100000",
        "excerpt": "{\"meter_id\":\"house-1\",\"ts\":\"2026-03-28T11:00:00Z\",\"consumption_kw\":-1}",
        "refused_at": "2026-03-28T12:05:00Z"}]})
}

/// List records, and rows of records, that could not be stored, newest first. Of each partition the
/// newest thousand are kept.
#[utoipa::path(tag = "sources", params(RefusalQuery), responses((status = 200, body = RefusalList,
    example = json!(refusals_example())), Refusals),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[get("/api/kafka/refusals")]
async fn list_kafka_refusals(
    _: Require<Analyst>,
    kafka: Data<Kafka>,
    query: Params<RefusalQuery>,
) -> Result<Json<RefusalList>, Problem> {
    let RefusalQuery { topic, limit } = query.0;
    if !(1..=REFUSALS_MAX).contains(&limit) {
        let text = format!("must be between 1 and {REFUSALS_MAX}, not {limit}");
        return Err(Problem::invalid("limit", text));
    }
    let refusals = kafka.refusals(topic.as_deref(), limit.into()).await?;
    Ok(Json(RefusalList { refusals }))
}

impl From<KafkaError> for Problem {
    fn from(error: KafkaError) -> Self {
        match error {
            KafkaError::Db(error) => error.into(),
            KafkaError::Readings(error) => error.into(),
            KafkaError::Quality(error) => error.into(),
            error => Self::internal(error),
        }
    }
}
