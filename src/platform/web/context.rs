//! The request's identifier, sender's address and span, reachable from anywhere inside the request.

use std::fmt;
use std::net::IpAddr;

use actix_web::HttpMessage;
use actix_web::dev::{Extensions, ServiceRequest};
use tracing::Span;
use uuid::Uuid;

/// Identifier of one request: the caller's `X-Request-Id` when it is a sane one, else a `UUIDv7`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(String);

impl RequestId {
    /// Longest identifier taken over from a caller.
    const LENGTH_MAX: usize = 64;

    /// A new identifier.
    pub fn new() -> Self {
        Self(Uuid::now_v7().to_string())
    }

    /// The caller's own identifier: 8 to 64 letters, digits, `-`, `_` or `.`, so that it can stand
    /// in a log line and in a header without doing anything there.
    pub fn from_caller(text: &str) -> Option<Self> {
        let sane = (8..=Self::LENGTH_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        sane.then(|| Self(text.to_owned()))
    }

    /// The identifier's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for RequestId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

tokio::task_local! {
    static CURRENT: (RequestId, Option<IpAddr>);
}

/// Identifier of the request that is being answered; a fresh one outside of any request.
pub fn current_request_id() -> RequestId {
    CURRENT.try_with(|(id, _)| id.clone()).unwrap_or_default()
}

/// Address of who sent the request that is being answered; absent outside of any request.
pub fn current_address() -> Option<IpAddr> {
    CURRENT.try_with(|(_, address)| *address).unwrap_or_default()
}

/// Runs `future` as part of the request `id` from `address`.
pub(super) async fn within<F: Future>(
    (id, address): (RequestId, Option<IpAddr>),
    future: F,
) -> F::Output {
    CURRENT.scope((id, address), future).await
}

/// The span of a request, kept with it so that later stages can add who calls.
#[derive(Debug, Clone)]
struct RequestSpan(Span);

/// Keeps `span` with the request.
pub(super) fn keep_span(request: &ServiceRequest, span: &Span) {
    request.extensions_mut().insert(RequestSpan(span.clone()));
}

/// Adds who calls to the request's span; every later log line of the request carries it.
pub(super) fn record_user(extensions: &Extensions, user_id: Uuid) {
    if let Some(RequestSpan(span)) = extensions.get::<RequestSpan>() {
        span.record("user_id", tracing::field::display(user_id));
    }
}
