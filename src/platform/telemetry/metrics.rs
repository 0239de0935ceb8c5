//! Names and help texts of the metrics, and their values as Prometheus text.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use metrics::{Label, counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde::Serialize;
use utoipa::ToSchema;

use super::TelemetryError;

/// Upper bounds of the buckets of a duration that a person waits for, in seconds.
const SHORT_S: &[f64] =
    &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Upper bounds of the buckets of a duration that a job takes, in seconds.
const LONG_S: &[f64] = &[0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0];

enum Kind {
    Counter,
    Gauge,
    Histogram(&'static [f64]),
}

/// A metric that exists from the start, with the label values that are known by then.
struct Metric {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    series: &'static [&'static [(&'static str, &'static str)]],
}

const fn metric(name: &'static str, kind: Kind, help: &'static str) -> Metric {
    Metric { name, kind, help, series: &[&[]] }
}

const METRICS: &[Metric] = &[
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

/// Names under which Prometheus keeps the metrics: those of a histogram have three endings.
#[cfg(test)]
pub(super) fn names() -> Vec<String> {
    METRICS
        .iter()
        .flat_map(|metric| match metric.kind {
            Kind::Counter | Kind::Gauge => vec![metric.name.to_owned()],
            Kind::Histogram(_) => ["_bucket", "_sum", "_count"]
                .map(|ending| format!("{}{ending}", metric.name))
                .into(),
        })
        .collect()
}

/// The installed recorder.
#[derive(Debug, Clone)]
pub struct Metrics(PrometheusHandle);

/// One value of one metric.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Sample {
    /// Name, e.g. `ml_predictions_total`; parts of histograms end in `_sum` and `_count`.
    pub name: String,
    /// Labels by name.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}

/// The recorder is one per process; tests start many applications in one.
static INSTALLED: Mutex<Option<Metrics>> = Mutex::new(None);

impl Metrics {
    /// Installs the process-wide recorder with every known metric at zero; later calls return it.
    pub fn install() -> Result<Self, TelemetryError> {
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metrics) = &*installed {
            return Ok(metrics.clone());
        }
        let refused = |error: &dyn std::error::Error| TelemetryError::Metrics(error.to_string());
        let handle = builder()
            .map_err(|error| refused(&error))?
            .install_recorder()
            .map_err(|error| refused(&error))?;
        register();
        let metrics = Self(handle);
        *installed = Some(metrics.clone());
        Ok(metrics)
    }

    /// All metrics in Prometheus' text form, ordered by name.
    pub fn render(&self) -> String {
        let text = self.0.render();
        // The exporter writes the families in the order of a hash map.
        let mut families: Vec<&str> = text.split("\n\n").filter(|part| !part.is_empty()).collect();
        families.sort_unstable();
        let mut sorted = families.join("\n\n");
        sorted.push('\n');
        sorted
    }

    /// Values of all counters and gauges, and sums and counts of histograms, ordered by name.
    pub fn samples(&self) -> Vec<Sample> {
        self.render().lines().filter_map(sample).collect()
    }

    /// Moves what histograms collected into their buckets; to be called every few seconds, or their
    /// memory grows until somebody asks for the metrics.
    pub fn run_upkeep(&self) {
        self.0.run_upkeep();
    }
}

fn builder() -> Result<PrometheusBuilder, metrics_exporter_prometheus::BuildError> {
    METRICS.iter().try_fold(PrometheusBuilder::new().set_buckets(SHORT_S)?, |builder, metric| {
        match metric.kind {
            Kind::Histogram(bounds) => {
                builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), bounds)
            }
            Kind::Counter | Kind::Gauge => Ok(builder),
        }
    })
}

/// Describes every metric and makes its known series exist, at zero.
fn register() {
    for metric in METRICS {
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, metric.help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
            Kind::Histogram(_) => metrics::describe_histogram!(metric.name, metric.help),
        }
        for series in metric.series {
            let labels: Vec<Label> =
                series.iter().map(|(name, value)| Label::from_static_parts(name, value)).collect();
            match metric.kind {
                Kind::Counter => counter!(metric.name, labels).increment(0),
                Kind::Gauge => gauge!(metric.name, labels).set(0.0),
                Kind::Histogram(_) => drop(histogram!(metric.name, labels)),
            }
        }
    }
    gauge!("luna_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// `name{label="value",…} 1.5` → its parts; comments and buckets are left out.
fn sample(line: &str) -> Option<Sample> {
    if line.starts_with('#') {
        return None;
    }
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}')?),
        None => (series, ""),
    };
    if name.ends_with("_bucket") {
        return None;
    }
    let labels = labels
        .split("\",")
        .filter_map(|pair| pair.trim_end_matches('"').split_once("=\""))
        .map(|(label, value)| (label.to_owned(), value.to_owned()))
        .collect();
    Some(Sample { name: name.to_owned(), labels, value: value.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn rendered(recorded: impl FnOnce()) -> String {
        let recorder = builder().unwrap().build_recorder();
        let metrics = Metrics(recorder.handle());
        metrics::with_local_recorder(&recorder, || {
            register();
            recorded();
        });
        metrics.render()
    }

    #[test]
    fn every_promised_metric_exists_from_the_start_with_help_and_type() {
        let text = rendered(|| {});
        for name in [
            "ml_predictions_total",
            "ml_alerts_triggered_total",
            "ml_errors_total",
            "ml_active_models",
            "ml_models_loaded",
            "ml_db_connected",
            "ml_prediction_duration_seconds",
            "ml_feature_processing_seconds",
            "ml_model_load_seconds",
            "luna_http_request_duration_seconds",
            "luna_db_query_seconds",
            "luna_db_rows_written_total",
            "luna_jobs_queue_lag_seconds",
            "luna_training_duration_seconds",
        ] {
            assert!(text.contains(&format!("# HELP {name} ")), "{name}: {text}");
            assert!(text.contains(&format!("# TYPE {name} ")), "{name}: {text}");
        }
        assert!(text.contains("ml_predictions_total 0\n"), "{text}");
        assert!(text.contains("ml_errors_total{kind=\"prediction\"} 0\n"), "{text}");
        assert!(text.contains("ml_model_load_seconds_bucket{le=\"+Inf\"} 0\n"), "{text}");
    }

    #[test]
    fn a_recorded_duration_stands_in_its_bucket() {
        let text = rendered(|| histogram!("luna_training_duration_seconds").record(70.0));
        assert!(text.contains("luna_training_duration_seconds_bucket{le=\"60\"} 0\n"), "{text}");
        assert!(text.contains("luna_training_duration_seconds_bucket{le=\"300\"} 1\n"), "{text}");
        assert!(text.contains("luna_training_duration_seconds_sum 70\n"), "{text}");
    }

    #[test]
    fn samples_carry_name_labels_and_value() {
        let parsed = sample("ml_errors_total{kind=\"a,b\",place=\"x\"} 3").unwrap();
        assert_eq!((parsed.name.as_str(), parsed.value), ("ml_errors_total", 3.0));
        assert_eq!(parsed.labels["kind"], "a,b");
        assert_eq!(parsed.labels["place"], "x");
        assert_eq!(sample("# HELP x y"), None);
        assert_eq!(sample("x_bucket{le=\"1\"} 4"), None);
    }

    #[test]
    fn prometheus_own_linter_has_no_complaint() {
        let linter = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut linter) = linter else {
            eprintln!("skipped: prometheus_own_linter_has_no_complaint: promtool is not installed");
            return;
        };
        let text = rendered(|| {
            counter!("ml_predictions_total").increment(2);
            histogram!("ml_prediction_duration_seconds").record(0.003);
        });
        std::io::Write::write_all(linter.stdin.as_mut().unwrap(), text.as_bytes()).unwrap();
        let output = linter.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.is_empty(), "{said}");
    }
}
