//! Every metric that exists from the start, with its help text.

/// Upper bounds of the buckets of a duration that a person waits for, in seconds.
pub(super) const SHORT_S: &[f64] =
    &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Upper bounds of the buckets of a duration that a job takes, in seconds.
const LONG_S: &[f64] = &[0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0];

pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram(&'static [f64]),
}

/// A metric that exists from the start, with the label values that are known by then.
pub(super) struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    pub help: &'static str,
    pub series: &'static [&'static [(&'static str, &'static str)]],
}

const fn metric(name: &'static str, kind: Kind, help: &'static str) -> Metric {
    Metric { name, kind, help, series: &[&[]] }
}

pub(super) const METRICS: &[Metric] = &[
    metric("ml_predictions_total", Kind::Counter, "Predictions made"),
    metric("ml_alerts_triggered_total", Kind::Counter, "Alerts triggered"),
    Metric {
        name: "ml_errors_total",
        kind: Kind::Counter,
        help: "Failures of the learning part, by kind",
        series: &[
            &[("kind", "database")],
            &[("kind", "features")],
            &[("kind", "import")],
            &[("kind", "model_load")],
            &[("kind", "prediction")],
            &[("kind", "timeout")],
            &[("kind", "training")],
        ],
    },
    Metric {
        name: "luna_alerts_suppressed_total",
        kind: Kind::Counter,
        help: "Predictions that would have been alerts, by why they were not",
        series: &[
            &[("reason", "ignored")],
            &[("reason", "cooling_down")],
            &[("reason", "repeated")],
        ],
    },
    Metric {
        name: "luna_alerts_evaluated_total",
        kind: Kind::Counter,
        help: "Alerts that ended, by whether they came true",
        series: &[&[("status", "success")], &[("status", "failed")], &[("status", "expired")]],
    },
    Metric {
        name: "luna_webhook_attempts_total",
        kind: Kind::Counter,
        help: "Attempts to post to webhooks, by what became of the message",
        series: &[&[("outcome", "delivered")], &[("outcome", "retry")], &[("outcome", "dead")]],
    },
    metric("ml_active_models", Kind::Gauge, "Models that are active for a series"),
    metric("ml_models_loaded", Kind::Gauge, "Models held in memory"),
    metric("ml_db_connected", Kind::Gauge, "Whether the database answers: 1 or 0"),
    metric(
        "ml_prediction_duration_seconds",
        Kind::Histogram(SHORT_S),
        "Duration of one prediction, features included",
    ),
    metric(
        "ml_feature_processing_seconds",
        Kind::Histogram(SHORT_S),
        "Duration of building the features of one prediction",
    ),
    metric(
        "ml_model_load_seconds",
        Kind::Histogram(SHORT_S),
        "Duration of loading and checking one model",
    ),
    Metric {
        name: "luna_http_requests_total",
        kind: Kind::Counter,
        help: "HTTP requests answered, by method, route and status",
        series: &[&[("method", "GET"), ("route", "/metrics"), ("status", "200")]],
    },
    Metric {
        name: "luna_http_request_duration_seconds",
        kind: Kind::Histogram(SHORT_S),
        help: "Duration of HTTP requests until the answer's head, by method and route",
        series: &[&[("method", "GET"), ("route", "/metrics")]],
    },
    Metric {
        name: "luna_rate_limited_total",
        kind: Kind::Counter,
        help: "HTTP requests refused because there were too many, by limit",
        series: &[&[("limit", "address")], &[("limit", "login")], &[("limit", "principal")]],
    },
    Metric {
        name: "luna_circuit_state",
        kind: Kind::Gauge,
        help: "Whether a host is asked: 0 as usual, 1 on trial, 2 left alone, by host",
        series: &[],
    },
    Metric {
        name: "luna_outbound_requests_total",
        kind: Kind::Counter,
        help: "Calls to other services, by host and outcome",
        series: &[],
    },
    Metric {
        name: "luna_outbound_request_duration_seconds",
        kind: Kind::Histogram(LONG_S),
        help: "Duration of calls to other services, attempts and pauses included, by host",
        series: &[],
    },
    metric(
        "luna_db_query_seconds",
        Kind::Histogram(SHORT_S),
        "Duration of database statements, as the connection sees them",
    ),
    Metric {
        name: "luna_db_rows_written_total",
        kind: Kind::Counter,
        help: "Rows of facts written to the database, by table",
        series: &[
            &[("table", "market_prices")],
            &[("table", "observations")],
            &[("table", "smart_meter_readings")],
            &[("table", "tariff_prices")],
        ],
    },
    Metric {
        name: "luna_changes_lag_rows",
        kind: Kind::Gauge,
        help: "Changes of series that a consumer has not taken yet, by consumer",
        series: &[],
    },
    Metric {
        name: "luna_changes_lag_seconds",
        kind: Kind::Gauge,
        help: "Age of the oldest change that a consumer has not taken yet, by consumer",
        series: &[],
    },
    Metric {
        name: "luna_changes_dead_letters_total",
        kind: Kind::Counter,
        help: "Changes that a consumer could not take after its last attempt, by consumer",
        series: &[],
    },
    metric("luna_jobs_queue_lag_seconds", Kind::Gauge, "Age of the oldest job that is due"),
    Metric {
        name: "luna_jobs_runs_total",
        kind: Kind::Counter,
        help: "Attempts of jobs, by job and outcome",
        series: &[],
    },
    Metric {
        name: "luna_jobs_run_duration_seconds",
        kind: Kind::Histogram(LONG_S),
        help: "Duration of one attempt of a job, by job",
        series: &[],
    },
    Metric {
        name: "luna_vector_search_seconds",
        kind: Kind::Histogram(SHORT_S),
        help: "Duration of one search among vectors",
        series: &[],
    },
    Metric {
        name: "luna_embedding_duration_seconds",
        kind: Kind::Histogram(SHORT_S),
        help: "Duration of embedding one batch of texts",
        series: &[],
    },
    metric("luna_embedding_errors_total", Kind::Counter, "Batches of texts that got no vectors"),
    metric(
        "luna_embedding_cut_total",
        Kind::Counter,
        "Texts that were longer than what the model sees",
    ),
    metric(
        "luna_embedding_text_seconds",
        Kind::Gauge,
        "Computing time of one text with the model in a folder, in the newest batch",
    ),
    Metric {
        name: "luna_questions_total",
        kind: Kind::Counter,
        help: "Questions to documents, by mode and outcome",
        series: &[],
    },
    Metric {
        name: "luna_quotes_total",
        kind: Kind::Counter,
        help: "Quotes held against the stored text, by what came of it",
        series: &[&[("outcome", "proven")], &[("outcome", "dropped")]],
    },
    Metric {
        name: "luna_answer_duration_seconds",
        kind: Kind::Histogram(LONG_S),
        help: "Duration of one answer, by mode",
        series: &[&[("mode", "extractive")], &[("mode", "written")]],
    },
    Metric {
        name: "luna_answer_step_seconds",
        kind: Kind::Histogram(SHORT_S),
        help: "Duration of one step of an answer",
        series: &[],
    },
    Metric {
        name: "luna_answer_feedback_total",
        kind: Kind::Counter,
        help: "What people think of answers",
        series: &[&[("value", "good")], &[("value", "bad")]],
    },
    metric("luna_index_damaged_total", Kind::Counter, "Versions of the index that were set aside"),
    Metric {
        name: "luna_documents_items",
        kind: Kind::Gauge,
        help: "Documents, by where they are on their way",
        series: &[
            &[("status", "queued")],
            &[("status", "working")],
            &[("status", "ready")],
            &[("status", "failed")],
            &[("status", "cancelled")],
        ],
    },
    metric("luna_documents_chunks", Kind::Gauge, "Chunks of all documents"),
    metric("luna_documents_queue", Kind::Gauge, "Documents that wait or are being read"),
    Metric {
        name: "luna_documents_stage_seconds",
        kind: Kind::Histogram(LONG_S),
        help: "Duration of one stage of taking one document in, by stage",
        series: &[&[("stage", "extract")], &[("stage", "chunk")], &[("stage", "index")]],
    },
    Metric {
        name: "luna_model_success_ratio",
        kind: Kind::Gauge,
        help: "Share of judged predictions that came true, by series",
        series: &[],
    },
    metric(
        "luna_training_duration_seconds",
        Kind::Histogram(LONG_S),
        "Duration of training one model",
    ),
    Metric {
        name: "luna_logins_total",
        kind: Kind::Counter,
        help: "Attempts to log in, by outcome",
        series: &[&[("outcome", "accepted")], &[("outcome", "refused")]],
    },
    Metric {
        name: "luna_readings_rows_total",
        kind: Kind::Counter,
        help: "Meter readings sent to Luna, by what became of them",
        series: &[
            &[("outcome", "inserted")],
            &[("outcome", "replaced")],
            &[("outcome", "unchanged")],
            &[("outcome", "refused")],
            &[("outcome", "duplicate")],
        ],
    },
    metric(
        "luna_readings_request_duration_seconds",
        Kind::Histogram(LONG_S),
        "Duration of taking one request of meter readings, from the first byte to the commit",
    ),
    metric(
        "luna_meters_refused_total",
        Kind::Counter,
        "Meters that did not become known because there were too many within a day",
    ),
    metric("luna_kafka_connected", Kind::Gauge, "Whether a Kafka broker answers: 1 or 0"),
    Metric {
        name: "luna_kafka_records_total",
        kind: Kind::Counter,
        help: "Records read from Kafka whose rows and offset are committed, by topic",
        series: &[],
    },
    Metric {
        name: "luna_kafka_rows_total",
        kind: Kind::Counter,
        help: "Rows of these records, by topic and what became of them",
        series: &[],
    },
    Metric {
        name: "luna_kafka_lag_records",
        kind: Kind::Gauge,
        help: "Records between the end of a partition and what is read of it, by topic and partition",
        series: &[],
    },
    Metric {
        name: "luna_kafka_lost_records_total",
        kind: Kind::Counter,
        help: "Records that the broker had let go before they were read, by topic",
        series: &[],
    },
    Metric {
        name: "luna_kafka_errors_total",
        kind: Kind::Counter,
        help: "Failures of reading a partition, by topic",
        series: &[],
    },
    Metric {
        name: "luna_kafka_published_rows_total",
        kind: Kind::Counter,
        help: "Rows written to Kafka that the brokers have, by topic",
        series: &[],
    },
    metric(
        "luna_kafka_batch_duration_seconds",
        Kind::Histogram(SHORT_S),
        "Duration of storing one batch of records with its offset",
    ),
    metric("luna_mqtt_connected", Kind::Gauge, "Whether this process is connected to the broker"),
    metric("luna_mqtt_messages_total", Kind::Counter, "Messages of the broker that were committed"),
    metric("luna_mqtt_rows_total", Kind::Counter, "Rows of readings that came over the broker"),
    metric(
        "luna_mqtt_refused_total",
        Kind::Counter,
        "Rows and payloads of the broker that could not be taken",
    ),
    metric(
        "luna_mqtt_batch_duration_seconds",
        Kind::Histogram(SHORT_S),
        "Duration of storing one batch of messages, up to its commit",
    ),
    Metric {
        name: "luna_build_info",
        kind: Kind::Gauge,
        help: "Always 1; the label tells the version",
        series: &[&[("version", env!("CARGO_PKG_VERSION"))]],
    },
];
