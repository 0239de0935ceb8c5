//! A running Luna as Prometheus sees it, and every promised metric when its event happens.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::program::{Home, skipped, tool, until};

/// Longest wait for what happens by itself: two trainings in a debug build, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A Prometheus that reads one Luna every second; ended when dropped.
struct Prometheus {
    child: Child,
    port: u16,
}

impl Prometheus {
    fn start(home: &Home) -> Option<Self> {
        let program = tool("prometheus")?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let settings = format!(
            "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: luna\n    \
             static_configs:\n      - targets: [\"127.0.0.1:{}\"]\n",
            home.port
        );
        let settings = home.write("prometheus.yml", &settings);
        let child = Command::new(program)
            .arg(format!("--config.file={}", settings.display()))
            .arg(format!("--storage.tsdb.path={}", home.path("prometheus").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--log.level=error"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { child, port })
    }

    /// What a query finds; absent while Prometheus does not answer yet.
    async fn query(&self, query: &str) -> Option<Value> {
        let address = format!("http://127.0.0.1:{}/api/v1/query", self.port);
        let asked = serde_urlencoded::to_string([("query", query)]).unwrap();
        let answer = Client::new().get(format!("{address}?{asked}")).send().await.ok()?;
        answer.json().await.ok()
    }

    /// The first value of a query, once `good` says so.
    async fn value(&self, query: &str, good: impl Fn(f64) -> bool) -> f64 {
        let end = Instant::now() + PATIENCE;
        loop {
            let found = self.query(query).await.unwrap_or_default();
            let value = found["data"]["result"][0]["value"][1].as_str();
            if let Some(value) = value.and_then(|value| value.parse().ok())
                && good(value)
            {
                return value;
            }
            assert!(Instant::now() < end, "{query}: {found}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Every metric of a running Luna by name, its series summed.
async fn metrics(home: &Home) -> BTreeMap<String, f64> {
    let text = Client::new().get(home.url("/metrics")).send().await.unwrap().text().await.unwrap();
    let mut sums = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.contains("_bucket")) {
        let Some((series, value)) = line.rsplit_once(' ') else { continue };
        let name = series.split('{').next().unwrap().to_owned();
        *sums.entry(name).or_insert(0.0) += value.parse::<f64>().unwrap();
    }
    sums
}

/// Waits until each of these is above what it was before.
async fn moves(home: &Home, before: &BTreeMap<String, f64>, names: &[&str]) {
    let end = Instant::now() + PATIENCE;
    loop {
        let now = metrics(home).await;
        let value =
            |sums: &BTreeMap<String, f64>, name: &str| sums.get(name).copied().unwrap_or(0.0);
        let still: Vec<_> =
            names.iter().filter(|name| value(&now, name) <= value(before, name)).collect();
        if still.is_empty() {
            return;
        }
        assert!(Instant::now() < end, "did not move: {still:?}\n{}", home.log());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_reads_a_running_luna_and_every_metric_moves_with_its_event() {
    let home = Home::new();
    let _served = home.serve().await;
    // A first start simulates, trains two models, lets one serve and forecasts, all by itself.
    let nothing = BTreeMap::new();
    moves(
        &home,
        &nothing,
        &[
            "ml_predictions_total",
            "ml_active_models",
            "ml_models_loaded",
            "ml_db_connected",
            "ml_prediction_duration_seconds_count",
            "ml_feature_processing_seconds_count",
            "ml_model_load_seconds_count",
            "luna_training_duration_seconds_count",
            "luna_db_query_seconds_count",
            "luna_db_rows_written_total",
            "luna_jobs_runs_total",
            "luna_jobs_run_duration_seconds_count",
            "luna_http_requests_total",
            "luna_http_request_duration_seconds_count",
        ],
    )
    .await;

    let before = metrics(&home).await;
    let wrong = json!({"login": "nobody", "password": "not the right one"});
    let address = home.url("/api/auth/login");
    let refused = Client::new().post(&address).json(&wrong).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    moves(&home, &before, &["luna_logins_total", "luna_http_requests_total"]).await;

    let Some(prometheus) = Prometheus::start(&home) else {
        return skipped("prometheus_reads_a_running_luna…", "prometheus is not installed");
    };
    prometheus.value("up{job=\"luna\"}", |value| value > 0.5).await;
    prometheus.value("ml_db_connected", |value| value > 0.5).await;
    let told = metrics(&home).await["ml_predictions_total"];
    assert!(prometheus.value("ml_predictions_total", |value| value >= told).await >= 24.0);
    prometheus
        .value("sum(luna_http_requests_total{route=\"/metrics\"})", |value| value > 1.0)
        .await;
    // What the dashboards and alerts ask is understood.
    let mut asked = 0;
    for query in dashboard_queries() {
        let query = query.replace("$__rate_interval", "1m");
        let answer = prometheus.query(&query).await.unwrap();
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        asked += 1;
    }
    assert!(asked > 20, "{asked} queries");
}

/// Expressions that dashboards send to Prometheus.
fn dashboard_queries() -> Vec<String> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("config/observability/grafana/dashboards/luna.json");
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let asks = panels.filter(|panel| panel["datasource"]["uid"] == "prometheus");
    asks.flat_map(|panel| panel["targets"].as_array().unwrap().clone())
        .map(|target| target["expr"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_is_counted() {
    let home = Home::new();
    let log = fs::File::create(home.path("away.log")).unwrap();
    let mut command = home.command(&["serve"]);
    command.env("DATABASE_URL", "postgres://luna:x@127.0.0.1:9/luna");
    let mut child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let end = Instant::now() + PATIENCE;
    let client = Client::new();
    while client.get(home.url("/health/live")).send().await.is_err() && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let health = client.get(home.url("/health"));
    until(health, |status, _| status == StatusCode::SERVICE_UNAVAILABLE).await;
    let told = metrics(&home).await;
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(child.id().cast_signed()),
        nix::sys::signal::Signal::SIGTERM,
    )
    .unwrap();
    drop(child.wait());
    assert!(told["ml_db_connected"] < 0.5, "{told:?}");
    assert!(told["ml_errors_total"] >= 1.0, "{told:?}");
}

#[test]
fn the_files_prometheus_reads_are_accepted_by_its_own_checker() {
    let Some(checker) = tool("promtool") else {
        return skipped("the_files_prometheus_reads…", "promtool is not installed");
    };
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/observability");
    for (what, file) in [("config", "prometheus.yml"), ("rules", "rules.yml")] {
        let run =
            Command::new(&checker).args(["check", what]).arg(root.join(file)).output().unwrap();
        let said = String::from_utf8_lossy(&run.stdout).into_owned();
        assert!(run.status.success() && said.contains("SUCCESS"), "{file}: {said}");
    }
}

/// What a collector was sent, until `enough` says so: bodies of `POST /v1/traces`.
fn collect(listener: &TcpListener, enough: impl Fn(&[Span]) -> bool) -> Vec<Span> {
    listener.set_nonblocking(true).unwrap();
    let (end, mut spans) = (Instant::now() + PATIENCE, Vec::new());
    while !enough(&spans) {
        assert!(Instant::now() < end, "{} spans so far: {spans:?}", spans.len());
        let Ok((mut stream, _)) = listener.accept() else {
            std::thread::sleep(Duration::from_millis(20));
            continue;
        };
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let (head, body) = request(&mut stream);
        assert!(head.starts_with("POST /v1/traces "), "{head}");
        assert!(head.to_lowercase().contains("content-type: application/x-protobuf"), "{head}");
        let batch = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
        for resource in batch.resource_spans {
            let of = resource.resource.unwrap().attributes;
            assert!(of.iter().any(|pair| text(pair) == ("service.name", "luna")), "{of:?}");
            spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .unwrap();
    }
    spans
}

/// Head and body of a request with a length.
fn request(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 65_536]);
    loop {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "the request breaks off");
        bytes.extend_from_slice(&buffer[..count]);
        let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..at].to_vec()).unwrap();
        let lower = head.to_lowercase();
        let length = lower.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.unwrap().trim().parse().unwrap();
        if bytes.len() >= at + 4 + length {
            return (head, bytes[at + 4..].to_vec());
        }
    }
}

/// Name and text of an attribute; other kinds of values are empty.
fn text(pair: &KeyValue) -> (&str, &str) {
    let value = pair.value.as_ref().and_then(|value| value.value.as_ref());
    let Some(any_value::Value::StringValue(value)) = value else { return (&pair.key, "") };
    (&pair.key, value)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_the_spans_of_requests_and_no_secret() {
    const CANARY: &str = "c4n4ry-7f3e";
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let home = Home::new();
    fs::create_dir(home.path("config")).unwrap();
    home.write(
        "config/luna.toml",
        &format!("[telemetry]\notlp_endpoint = \"http://127.0.0.1:{port}\"\nlevel = \"debug\"\n"),
    );
    let served = home.serve().await;
    let wrong = json!({"login": "anna", "password": CANARY});
    let refused = Client::new()
        .post(home.url("/api/auth/login?token=c4n4ry-7f3e"))
        .header("x-request-id", "asked-by-the-test")
        .bearer_auth(CANARY)
        .json(&wrong)
        .send()
        .await
        .unwrap();
    assert!(refused.status().is_client_error());
    let is_ours = |span: &Span| {
        span.attributes.iter().any(|pair| text(pair) == ("request_id", "asked-by-the-test"))
    };
    let spans =
        tokio::task::spawn_blocking(move || collect(&listener, |spans| spans.iter().any(is_ours)));
    let spans = spans.await.unwrap();
    let ours = spans.iter().find(|span| is_ours(span)).unwrap();
    assert!(ours.end_time_unix_nano > ours.start_time_unix_nano && ours.trace_id.len() == 16);
    let everything = format!("{spans:?}");
    assert!(!everything.contains(CANARY), "a secret left the box: {everything}");
    // The collector is gone: Luna goes on, says so once, and stops in time.
    let again = Client::new().get(home.url("/api/markets")).send().await.unwrap();
    assert!(again.status().is_success());
    served.end(nix::sys::signal::Signal::SIGTERM, Duration::from_secs(20));
    let complaints = home.log().matches("spans").count();
    assert!((1..=4).contains(&complaints), "{complaints}: {}", home.log());
}
