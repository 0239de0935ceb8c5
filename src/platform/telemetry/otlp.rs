//! Spans to a collector over OTLP, where one is set: protobuf over HTTP, secrets masked on the way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry::trace::{Status, TracerProvider};
use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanExporter};
use tokio::runtime::Handle;

use super::TelemetryError;
use super::redact::{is_secret_name, redact};

/// Longest wait for the collector, for one batch of spans and for the last one.
const PATIENCE: Duration = Duration::from_secs(5);

/// The provider of this process, so that its end can send what is left.
static PROVIDER: Mutex<Option<SdkTracerProvider>> = Mutex::new(None);

/// A tracer whose spans go to the collector at `endpoint`, e.g. `http://127.0.0.1:4318`.
///
/// Must be called inside a tokio runtime, on which the sending happens.
pub(super) fn tracer(endpoint: &str) -> Result<SdkTracer, TelemetryError> {
    let refused = |error: &dyn std::error::Error| TelemetryError::Collector {
        endpoint: endpoint.to_owned(),
        why: error.to_string(),
    };
    let client = reqwest::Client::builder().timeout(PATIENCE).build();
    let client = client.map_err(|error| refused(&error))?;
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(Client { client, runtime: Handle::current() })
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .with_timeout(PATIENCE)
        .build()
        .map_err(|error| refused(&error))?;
    let resource = Resource::builder_empty()
        .with_service_name("luna")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(Masking { exporter, is_away: AtomicBool::new(false) })
        .with_resource(resource)
        .build();
    let tracer = provider.tracer("luna");
    *PROVIDER.lock().unwrap_or_else(PoisonError::into_inner) = Some(provider);
    Ok(tracer)
}

/// Sends what has not been sent yet; blocks for some seconds at most. Nothing to do without a collector.
pub fn flush() {
    let provider = PROVIDER.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(provider) = provider
        && let Err(error) = provider.shutdown_with_timeout(PATIENCE)
    {
        tracing::warn!(%error, "The last spans did not reach the collector: {error}");
    }
}

/// The program's own HTTP client, for the thread of the exporter, which has no runtime.
#[derive(Debug)]
struct Client {
    client: reqwest::Client,
    runtime: Handle,
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let request = reqwest::Request::try_from(request)?;
            let answer = client.execute(request).await?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = answer.bytes().await?;
            let mut response = Response::new(body);
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            Ok::<_, HttpError>(response)
        });
        sent.await?
    }
}

/// Masks secrets in spans before they leave, and says once when the collector is away.
#[derive(Debug)]
struct Masking<E> {
    exporter: E,
    is_away: AtomicBool,
}

impl<E: SpanExporter> SpanExporter for Masking<E> {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        batch.iter_mut().for_each(mask_span);
        let count = batch.len();
        let sent = self.exporter.export(batch).await;
        let was_away = self.is_away.swap(sent.is_err(), Ordering::Relaxed);
        match &sent {
            Err(error) if !was_away => {
                tracing::warn!(%error, spans = count, "The collector does not take spans: {error}");
            }
            Ok(()) if was_away => tracing::info!("The collector takes spans again"),
            _ => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

fn mask_span(span: &mut SpanData) {
    span.attributes.iter_mut().for_each(mask);
    for event in &mut span.events.events {
        event.name = redact(&event.name).into_owned().into();
        event.attributes.iter_mut().for_each(mask);
    }
    if let Status::Error { description } = &mut span.status {
        *description = redact(description).into_owned().into();
    }
}

fn mask(pair: &mut KeyValue) {
    let masked = |text: &StringValue| StringValue::from(redact(text.as_str()).into_owned());
    pair.value = match &pair.value {
        _ if is_secret_name(pair.key.as_str()) => Value::from("***"),
        Value::String(text) => Value::String(masked(text)),
        Value::Array(Array::String(texts)) => {
            Value::Array(Array::String(texts.iter().map(masked).collect()))
        }
        other => other.clone(),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_lose_their_secrets() {
        let masked = |name: &'static str, value: &'static str| {
            let mut pair = KeyValue::new(name, value);
            mask(&mut pair);
            pair.value.as_str().into_owned()
        };
        assert_eq!(masked("path", "/api/prices"), "/api/prices");
        assert_eq!(masked("password", "c4n4ry"), "***");
        assert_eq!(masked("url", "postgres://luna:c4n4ry@db/luna"), "postgres://luna:***@db/luna");
        let mut list = KeyValue::new(
            "seen",
            Value::Array(Array::String(vec!["token=c4n4ry".into(), "24 prices".into()])),
        );
        mask(&mut list);
        assert_eq!(list.value.as_str(), "[\"token=***\",\"24 prices\"]");
    }
}
