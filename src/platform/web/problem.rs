//! Problem documents (RFC 9457): the one form in which a request is refused.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::platform::db::DbError;

use super::context::current_request_id;

/// Seconds after which a caller may try again when something Luna needs is away.
const RETRY_AFTER_S: u64 = 5;

/// Every kind of problem there is; `/problems/{kind}` explains each.
pub const PROBLEM_KINDS: [&str; 15] = [
    "invalid-input",
    "malformed-request",
    "not-logged-in",
    "not-allowed",
    "not-found",
    "method-not-allowed",
    "conflict",
    "body-too-large",
    "unsupported-media-type",
    "unusable-file",
    "no-history",
    "no-window",
    "too-many-requests",
    "unavailable",
    "internal-error",
];

/// A refusal on its way out.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    slug: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Path of the field in the request, e.g. `items[3].price`.
    #[schema(example = "items[3].price")]
    pub field: String,
    /// What would be right.
    #[schema(example = "invalid type: string \"x\", expected f64")]
    pub message: String,
}

/// The document as it is sent, content type `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// Kind of the problem; the page at this address explains it.
    #[serde(rename = "type")]
    #[schema(example = "/problems/invalid-input")]
    pub kind: String,
    /// The kind in words.
    #[schema(example = "Invalid input")]
    pub title: String,
    /// The HTTP status again.
    #[schema(example = 422)]
    pub status: u16,
    /// What is wrong this time.
    #[schema(example = "limit: 0 is not between 1 and 200")]
    pub detail: String,
    /// Identifier of the request, as in `X-Request-Id` and in the log.
    #[schema(example = "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d")]
    pub instance: String,
    /// The fields that are wrong; absent when the problem is not about fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl Problem {
    /// A refusal whose `detail` the caller may read; `slug` is one of [`PROBLEM_KINDS`].
    pub fn new(status: StatusCode, slug: &'static str, detail: impl fmt::Display) -> Self {
        Self { status, slug, detail: detail.to_string(), errors: Vec::new(), headers: Vec::new() }
    }

    /// Names one more field that is wrong.
    #[must_use]
    pub fn with_field(mut self, path: impl Into<String>, message: impl fmt::Display) -> Self {
        self.errors.push(FieldError { field: path.into(), message: message.to_string() });
        self
    }

    /// Sends one more header; a value that cannot stand in a header is left out.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// 422: readable, but `field` breaks a rule.
    pub fn invalid(field: impl Into<String>, message: impl fmt::Display) -> Self {
        let field = field.into();
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid-input",
            format_args!("{field}: {message}"),
        )
        .with_field(field, message)
    }

    /// 400: cannot be read at all.
    pub fn malformed(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed-request", detail)
    }

    /// 401: who are you?
    pub fn unauthenticated(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not-logged-in", detail)
            .with_header(header::WWW_AUTHENTICATE, "Bearer realm=\"luna\"")
    }

    /// 403: you may not.
    pub fn forbidden(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::FORBIDDEN, "not-allowed", detail)
    }

    /// 404: absent, or not yours to know about.
    pub fn not_found(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// 409: contradicts what is stored.
    pub fn conflict(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    /// 503: something Luna needs is away; the chain of causes goes to the log, not to the caller.
    pub fn unavailable(error: impl std::error::Error) -> Self {
        tracing::warn!(error = %Chain(&error), "Answered 503, because {error}");
        Self::busy("Luna cannot do this at the moment; try again shortly")
    }

    /// 503 with a reason the caller may read, e.g. that the database is away or a queue is full.
    pub fn busy(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
            .with_header(header::RETRY_AFTER, &RETRY_AFTER_S.to_string())
    }

    /// 500: our bug; the chain of causes goes to the log, the caller gets the request's identifier.
    pub fn internal(error: impl std::error::Error) -> Self {
        tracing::error!(error = %Chain(&error), "Answered 500, because {error}");
        Self::bug()
    }

    /// 500 whose cause has been logged already.
    pub(super) fn bug() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal-error",
            "Luna failed at this request; the log has the details under its identifier",
        )
    }

    /// The kind, e.g. `invalid-input`.
    pub const fn slug(&self) -> &'static str {
        self.slug
    }

    /// What is wrong, in words.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The document, with the identifier of the request that is being answered.
    pub fn document(&self) -> ProblemDocument {
        ProblemDocument {
            kind: format!("/problems/{}", self.slug),
            title: title(self.slug),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            instance: current_request_id().to_string(),
            errors: self.errors.clone(),
        }
    }
}

/// `invalid-input` → `Invalid input`.
fn title(slug: &str) -> String {
    let mut words = slug.replace('-', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        for (name, value) in &self.headers {
            response.insert_header((name.clone(), value.clone()));
        }
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        // `json` would set `application/json`, which RFC 9457 clients do not take for a problem.
        response.content_type("application/problem+json");
        match serde_json::to_vec(&self.document()) {
            Ok(body) => response.body(body),
            Err(_) => response.finish(),
        }
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        if error.is_passing() { Self::unavailable(error) } else { Self::internal(error) }
    }
}

/// An error with its causes, `outer: inner: innermost`; a cause already said is not repeated.
struct Chain<'e>(&'e dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !said.contains(&text) {
                write!(f, ": {text}")?;
            }
            said = text;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Adds every `StatusCode::…, "kind"` of the Rust files below `folder`.
    fn add_kinds(folder: &Path, kinds: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add_kinds(&path, kinds);
                continue;
            }
            if path.ends_with("tests.rs") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for after in text.split("StatusCode::").skip(1) {
                let name = after.trim_start_matches(|c: char| c.is_ascii_uppercase() || c == '_');
                let Some(argument) = name.strip_prefix(',') else { continue };
                let Some(kind) = argument.trim_start().strip_prefix('"') else { continue };
                kinds.extend(kind.split_once('"').map(|(kind, _)| kind.to_owned()));
            }
        }
    }

    #[test]
    fn the_list_of_kinds_is_complete() {
        let mut used = BTreeSet::new();
        add_kinds(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut used);
        used.retain(|kind| kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
        assert!(used.len() > 10, "{used:?}");
        let known: BTreeSet<String> = PROBLEM_KINDS.iter().map(|&kind| kind.to_owned()).collect();
        let unknown: Vec<_> = used.difference(&known).collect();
        assert!(unknown.is_empty(), "no page explains these: {unknown:?}");
    }
}
