//! What is answered when no handler fits: 404, or 405 with the methods that would fit.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::{StatusCode, header};
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

    /// Methods that `path` answers, without doubles.
    fn methods(&self, path: &str) -> Vec<&str> {
        let mut methods: Vec<&str> = self
            .0
            .iter()
            .filter(|(pattern, _)| fits(pattern, path))
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
    let allowed = methods.join(", ");
    let detail = format!("{} answers {allowed}, not {}", request.path(), request.method());
    Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
        .with_header(header::ALLOW, &allowed))
}
