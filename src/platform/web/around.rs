//! What happens around every request: identifier, span, panics, headers, access log, metrics.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, ResponseError};
use futures_util::FutureExt;
use tracing::{Instrument, field};

use super::client::{client_address, is_https};
use super::context::{RequestId, keep_span, within};
use super::csrf::CsrfToken;
use super::fallback::refuse_method;
use super::headers::secure;
use super::problem::Problem;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Label of requests that no handler's path fits, so that callers cannot invent label values.
const NO_ROUTE: &str = "unmatched";

/// The middleware, for `App::wrap(from_fn(around))`.
pub async fn around<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let id = request
        .headers()
        .get(&X_REQUEST_ID)
        .and_then(|value| RequestId::from_caller(value.to_str().ok()?))
        .unwrap_or_default();
    let span = tracing::info_span!("request", request_id = %id, user_id = field::Empty);
    keep_span(&request, &span);
    // The answer to HEAD is the one to GET without its body, which the protocol layer leaves out.
    let method = request.method().clone();
    if method == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    let from = (id.clone(), Some(client_address(request.request())));
    within(from, answer(request, next, method, id).instrument(span)).await
}

async fn answer<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
    method: Method,
    id: RequestId,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let path = request.path().to_owned();
    let https = is_https(request.request());
    let nul = path.contains("%00").then(|| Problem::malformed("the path contains U+0000"));
    if let Some(refusal) = nul.or_else(|| refuse_method(request.request()).err()) {
        let response = request.error_response(refusal);
        return Ok(finish(response, &method, &path, https, &id, started));
    }
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(Ok(response)) => {
            Ok(finish(response.map_into_boxed_body(), &method, &path, https, &id, started))
        }
        Ok(Err(error)) => {
            let response = complete(error.error_response(), &path, https, &id);
            observe(&method, NO_ROUTE, &path, response.status().as_u16(), started.elapsed());
            Err(InternalError::from_response(error, response).into())
        }
        Err(panic) => {
            let said = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            tracing::error!(path, "A handler of {path} panicked: {said}");
            let response = complete(Problem::bug().error_response(), &path, https, &id);
            observe(&method, NO_ROUTE, &path, 500, started.elapsed());
            Err(InternalError::from_response("panic", response).into())
        }
    }
}

fn finish(
    mut response: ServiceResponse<BoxBody>,
    method: &Method,
    path: &str,
    https: bool,
    id: &RequestId,
    started: Instant,
) -> ServiceResponse<BoxBody> {
    if let Some(cookie) = CsrfToken::fresh_cookie(response.request())
        && let Ok(value) = HeaderValue::from_str(&cookie.to_string())
    {
        response.headers_mut().append(actix_web::http::header::SET_COOKIE, value);
    }
    identify(response.response_mut(), path, https, id);
    let route = response.request().match_pattern();
    let route = route.as_deref().unwrap_or(NO_ROUTE);
    observe(method, route, path, response.status().as_u16(), started.elapsed());
    response
}

fn complete(mut response: HttpResponse, path: &str, https: bool, id: &RequestId) -> HttpResponse {
    identify(&mut response, path, https, id);
    response
}

fn identify(response: &mut HttpResponse, path: &str, https: bool, id: &RequestId) {
    secure(response.headers_mut(), path, https);
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
}

/// One log line and the two metrics of a request. The query string may hold what a log must not.
fn observe(method: &Method, route: &str, path: &str, status: u16, took: Duration) {
    let label = method_label(method);
    metrics::counter!("luna_http_requests_total",
        "method" => label, "route" => route.to_owned(), "status" => status.to_string())
    .increment(1);
    metrics::histogram!("luna_http_request_duration_seconds",
        "method" => label, "route" => route.to_owned())
    .record(took.as_secs_f64());

    let duration_ms = took.as_secs_f64() * 1e3;
    // Probes and scrapes come every few seconds and would drown what people do.
    if matches!(route, "/metrics" | "/health" | "/health/live" | "/health/ready") && status < 400 {
        tracing::debug!(
            %method, route, status, duration_ms, "{method} {path} answered {status}"
        );
    } else {
        tracing::info!(
            %method, route, path, status, duration_ms, "{method} {path} answered {status}"
        );
    }
}

fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
