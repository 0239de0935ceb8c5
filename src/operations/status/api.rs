//! `/health`, `/metrics` and `/status/summary`, with and without the prefix `/api`.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::service::{Health, Status, StatusSummary};
use super::stats::Stats;
use crate::platform::telemetry::LogFilter;
use crate::platform::telemetry::LogLevel;
use crate::platform::telemetry::Logs;
use crate::platform::telemetry::Metrics;
use crate::platform::telemetry::Sample;
use crate::platform::web::{
    AdminOnly, Params, Problem, Public, Reader, Refusals, Require, Unavailable, optional_instant,
};

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(get_health)
        .service(get_api_health)
        .service(get_live)
        .service(get_ready)
        .service(get_metrics)
        .service(list_metrics)
        .service(list_logs)
        .service(get_stats)
        .service(get_summary)
        .service(get_api_summary);
}

/// The values of all metrics.
#[derive(Debug, Serialize, ToSchema)]
struct MetricList {
    /// One entry per series, ordered by name.
    metrics: Vec<Sample>,
}

fn answer(health: &Health) -> HttpResponse {
    if health.ready {
        HttpResponse::Ok().json(health)
    } else {
        HttpResponse::ServiceUnavailable().json(health)
    }
}

/// Get whether the box can serve; 503 while it cannot.
#[utoipa::path(tag = "operations", responses((status = 200, body = Health,
    example = json!(health_example(true))), Unavailable, (status = 503, body = Health,
    description = "The database is away", example = json!(health_example(false)))), security(()))]
#[get("/health")]
async fn get_health(_: Public, status: Data<Status>) -> HttpResponse {
    answer(&status.health().await)
}

/// Get whether the box can serve; 503 while it cannot.
#[utoipa::path(tag = "operations", responses((status = 200, body = Health,
    example = json!(health_example(true))), Unavailable, (status = 503, body = Health,
    description = "The database is away", example = json!(health_example(false)))), security(()))]
#[get("/api/health")]
async fn get_api_health(_: Public, status: Data<Status>) -> HttpResponse {
    answer(&status.health().await)
}

/// Whether the process answers at all.
#[derive(Debug, Serialize, ToSchema)]
struct Live {
    /// Always true.
    live: bool,
}

/// Get whether the process answers at all; asks nobody.
#[utoipa::path(tag = "operations", responses((status = 200, body = Live,
    example = json!({"live": true})), Unavailable), security(()))]
#[get("/health/live")]
async fn get_live(_: Public) -> Json<Live> {
    Json(Live { live: true })
}

/// Get whether requests that need the database can be served; 503 while they cannot.
#[utoipa::path(tag = "operations", responses((status = 200, body = Health,
    example = json!(health_example(true))), Unavailable, (status = 503, body = Health,
    description = "The database is away", example = json!(health_example(false)))), security(()))]
#[get("/health/ready")]
async fn get_ready(_: Public, status: Data<Status>) -> HttpResponse {
    answer(&status.health().await)
}

/// Get all metrics in Prometheus' text form.
#[utoipa::path(tag = "operations", responses((status = 200, body = String,
    content_type = "text/plain", example = "# TYPE ml_predictions_total counter\nml_predictions_total 168\n"), Unavailable), security(()))]
#[get("/metrics")]
async fn get_metrics(_: Public, metrics: Data<Metrics>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(metrics.render())
}

/// List all metrics as JSON.
#[utoipa::path(tag = "operations", responses((status = 200, body = MetricList,
    example = json!({"metrics": [{"name": "ml_predictions_total", "labels": {}, "value": 168.0}]})), Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/metrics")]
async fn list_metrics(_: Require<Reader>, metrics: Data<Metrics>) -> Json<MetricList> {
    Json(MetricList { metrics: metrics.samples() })
}

/// How many lines to return.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LogQuery {
    /// Lines, 1 to 2000; 200 unless said.
    #[param(minimum = 1, maximum = 2000)]
    lines: Option<u16>,
    /// This grave or graver: error, warn, info, debug or trace.
    #[param(example = "warn")]
    level: Option<String>,
    /// Text that the line holds, whatever its case.
    text: Option<String>,
    /// Identifier of the request, as the answer's header `x-request-id` told it.
    request_id: Option<String>,
    /// First instant.
    #[serde(deserialize_with = "optional_instant")]
    from: Option<DateTime<Utc>>,
    /// First instant after.
    #[serde(deserialize_with = "optional_instant")]
    to: Option<DateTime<Utc>>,
}

/// The newest log lines.
#[derive(Debug, Serialize, ToSchema)]
struct LogLines {
    /// Lines, oldest first; each is a JSON object.
    lines: Vec<String>,
}

/// List the newest log lines of this process.
#[utoipa::path(tag = "operations", params(LogQuery), responses((status = 200, body = LogLines,
    example = json!({"lines": ["{\"level\":\"INFO\",\"message\":\"Stopping\"}"]})), Refusals),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[get("/api/logs")]
async fn list_logs(
    _: Require<AdminOnly>,
    logs: Data<Logs>,
    query: Params<LogQuery>,
) -> Result<Json<LogLines>, Problem> {
    let query = query.0;
    let lines = query.lines.unwrap_or(200);
    if !(1..=2_000).contains(&lines) {
        return Err(Problem::invalid("lines", format!("{lines} is not between 1 and 2000")));
    }
    let level = query.level.as_deref().map(|name| {
        let known = LogLevel::NAMES.join(", ");
        LogLevel::parse(name)
            .ok_or_else(|| Problem::invalid("level", format!("'{name}' is none of {known}")))
    });
    let filter = LogFilter {
        level: level.transpose()?,
        text: query.text,
        request_id: query.request_id,
        from: query.from,
        to: query.to,
    };
    Ok(Json(LogLines { lines: logs.find(&filter, lines.into()) }))
}

/// Get figures of the process, its disk and its work.
#[utoipa::path(tag = "operations", responses((status = 200, body = Stats,
    example = json!(stats_example())), Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/stats")]
async fn get_stats(
    _: Require<Reader>,
    status: Data<Status>,
    metrics: Data<Metrics>,
) -> Json<Stats> {
    Json(status.stats(&metrics).await)
}

/// Get reachability and counts of everything.
#[utoipa::path(tag = "operations", responses((status = 200, body = StatusSummary,
    example = json!(summary_example())), Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/status/summary")]
async fn get_summary(_: Require<Reader>, status: Data<Status>) -> Json<StatusSummary> {
    Json(status.summary().await)
}

/// Get reachability and counts of everything.
#[utoipa::path(tag = "operations", responses((status = 200, body = StatusSummary,
    example = json!(summary_example())), Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/status/summary")]
async fn get_api_summary(_: Require<Reader>, status: Data<Status>) -> Json<StatusSummary> {
    Json(status.summary().await)
}

fn health_example(ready: bool) -> serde_json::Value {
    let (status, detail) = if ready {
        ("ok", "answers at private PostgreSQL")
    } else {
        ("down", "the database is away")
    };
    serde_json::json!({"status": status, "live": true, "ready": ready, "checks": [
        {"name": "database", "ok": ready, "detail": detail},
        {"name": "schema", "ok": true, "detail": "is this program's"},
        {"name": "disk", "ok": true, "detail": "40.0 GiB are free"},
        {"name": "object_store", "ok": true, "detail": "data folder"},
        {"name": "model_store", "ok": true, "detail": "holds the file of every serving model"},
    ]})
}

fn stats_example() -> serde_json::Value {
    serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"), "started_at": "2026-03-28T06:00:00Z",
        "uptime_s": 21_600,
        "process": {"resident_bytes": 62_914_560, "threads": 12, "open_files": 41},
        "disk": {"free_bytes": 42_949_672_960_u64, "total_bytes": 107_374_182_400_u64},
        "http_requests": 1_204.0, "predictions": 168.0, "learning_errors": 0.0, "job_runs": 25.0,
        "queue_lag_s": 0.0,
        "counts": {"market_prices": 8_760, "models": 3, "forecast_runs": 29, "items": 14,
            "chunks": 812},
    })
}

fn summary_example() -> serde_json::Value {
    serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"), "now": "2026-03-28T12:00:00Z",
        "health": health_example(true),
        "components": [{"role": "object_store", "active": "data folder", "reachable": true}],
        "counts": {"market_prices": 8_760, "models": 3, "forecast_runs": 29, "items": 14,
            "chunks": 812},
        "markets": [{"market": "CH", "product": "day_ahead", "first": "2023-01-01T23:00:00Z",
            "last": "2023-12-31T22:00:00Z", "rows": 8_760,
            "newest_known_at": "2023-12-30T12:00:00Z"}],
    })
}
