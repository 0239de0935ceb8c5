//! Names and help texts of the metrics, and their values as Prometheus text.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use metrics::{Label, counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde::Serialize;
use utoipa::ToSchema;

use super::TelemetryError;
use super::catalogue::{Kind, METRICS, SHORT_S};

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
