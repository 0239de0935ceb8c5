//! What is answered when no handler fits: 404, or 405 with the methods that would fit.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::{Method, StatusCode, header};
use utoipa::openapi::OpenApi;

use super::openapi::operations;
use super::problem::Problem;

/// Which methods each path answers; lives in the application's data as `Arc<MethodTable>`.
#[derive(Debug, Clone, Default)]
pub struct MethodTable(Vec<(String, String)>);

impl MethodTable {
    /// The table of everything the OpenAPI document describes.
    pub fn of(document: &OpenApi) -> Self {
        Self(
            operations(document)
                .map(|(method, path, _)| (path.to_owned(), method.to_owned()))
                .collect(),
        )
    }

    /// Adds a path that the document does not describe, e.g. a page.
    #[must_use]
    pub fn with(mut self, path: &str, methods: &[&str]) -> Self {
        self.0.extend(methods.iter().map(|method| (path.to_owned(), (*method).to_owned())));
        self
    }

    fn is_listed(&self, path: &str) -> bool {
        self.0.iter().any(|(pattern, _)| pattern == path)
    }

    /// Methods that `path` answers, without doubles. Where it is listed itself, patterns that fit it
    /// too do not count.
    fn methods(&self, path: &str) -> Vec<&str> {
        let is_listed = self.is_listed(path);
        let mut methods: Vec<&str> = self
            .0
            .iter()
            .filter(|(pattern, _)| if is_listed { pattern == path } else { fits(pattern, path) })
            .map(|(_, method)| method.as_str())
            .collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        methods.sort_unstable();
        methods.dedup();
        methods
    }
}

/// Whether `path` has the shape of `pattern`, whose variable parts are written `{name}`.
fn fits(pattern: &str, path: &str) -> bool {
    let (mut expected, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (expected.next(), given.next()) {
            (None, None) => return true,
            (Some(part), Some(value)) => {
                let variable = part.starts_with('{') && !value.is_empty();
                if part != value && !variable {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

/// Default service: nothing here, or nothing here for this method.
pub async fn fallback(request: HttpRequest) -> Result<&'static str, Problem> {
    let table = request.app_data::<Arc<MethodTable>>();
    let methods = table.map(|table| table.methods(request.path())).unwrap_or_default();
    if methods.is_empty() || methods.contains(&request.method().as_str()) {
        let detail = format_args!("there is nothing at {}", request.path());
        return Err(Problem::not_found(detail));
    }
    Err(not_allowed(&request, &methods))
}

/// 405 for a method that `request`'s path is not for, where a pattern beside it would take it:
/// `DELETE /models/active` is not `DELETE /models/{id}`.
pub(super) fn refuse_method(request: &HttpRequest) -> Result<(), Problem> {
    let Some(table) = request.app_data::<Arc<MethodTable>>() else { return Ok(()) };
    let path = request.path();
    // A preflight is answered before; it asks about a method, it is none.
    if !table.is_listed(path) || request.method() == Method::OPTIONS {
        return Ok(());
    }
    let methods = table.methods(path);
    if methods.contains(&request.method().as_str()) {
        return Ok(());
    }
    Err(not_allowed(request, &methods))
}

fn not_allowed(request: &HttpRequest, methods: &[&str]) -> Problem {
    let allowed = methods.join(", ");
    let detail = format!("{} answers {allowed}, not {}", request.path(), request.method());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
        .with_header(header::ALLOW, &allowed)
}
