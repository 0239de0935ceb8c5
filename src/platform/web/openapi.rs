//! What every operation of the OpenAPI document shares: refusals, security schemes, roles.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, Object, OpenApi, Ref, RefOr, Response, ResponseBuilder, ResponsesBuilder,
    Schema,
};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use super::principal::session_cookie_name;
use super::problem::{FieldError, ProblemDocument};

/// Name of the security scheme of the header `Authorization: Bearer …`.
const BEARER: &str = "bearer";
/// Name of the security scheme of the session cookie.
const COOKIE: &str = "cookie";
/// Name of the security scheme of the header `X-API-Key`.
const API_KEY: &str = "api_key";

/// Answers that every operation with a guard shares.
#[derive(Debug)]
pub struct Refusals;

/// Further answers of operations that read a body.
#[derive(Debug)]
pub struct BadBody;

/// Further answer of operations on one thing by its identifier.
#[derive(Debug)]
pub struct NotFound;

/// Further answer of operations that may contradict what is stored.
#[derive(Debug)]
pub struct Conflict;

/// Answers that operations without a guard share.
#[derive(Debug)]
pub struct Unavailable;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut all = responses(&[
            (401, "not-logged-in", "Nobody is logged in", "log in first"),
            (
                403,
                "not-allowed",
                "The role does not allow it",
                "your role is viewer; this needs admin",
            ),
        ]);
        all.extend(Unavailable::responses());
        all
    }
}

impl IntoResponses for Unavailable {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        responses(&[
            (400, "malformed-request", "The request cannot be read", "the path contains U+0000"),
            (
                422,
                "invalid-input",
                "A value breaks a rule",
                "limit: invalid value: string \"0\", expected a number between 1 and 200",
            ),
            (
                429,
                "too-many-requests",
                "Too many requests; `Retry-After` says when to go on",
                "more than 3000 requests a minute; go on in 2 s",
            ),
            (
                500,
                "internal-error",
                "A bug of Luna's",
                "Luna failed at this request; the log has the details under its identifier",
            ),
            (
                503,
                "unavailable",
                "Something Luna needs is away; `Retry-After` says when to go on",
                "Luna cannot do this at the moment; try again shortly",
            ),
        ])
    }
}

impl IntoResponses for BadBody {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        responses(&[
            (
                413,
                "body-too-large",
                "The body is too long",
                "the body is longer than 2097152 bytes",
            ),
            (
                415,
                "unsupported-media-type",
                "The body is of another type",
                "the content type must be application/json, not 'text/plain'",
            ),
        ])
    }
}

impl IntoResponses for NotFound {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        responses(&[(
            404,
            "not-found",
            "There is no such thing, or it is not yours to know about",
            "there is no model 0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d",
        )])
    }
}

impl IntoResponses for Conflict {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        responses(&[(
            409,
            "conflict",
            "It contradicts what is stored",
            "the login 'anna' is taken",
        )])
    }
}

fn responses(kinds: &[(u16, &str, &str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    kinds
        .iter()
        .fold(ResponsesBuilder::new(), |all, (status, slug, description, detail)| {
            all.response(status.to_string(), response(*status, slug, description, detail))
        })
        .build()
        .into()
}

fn response(status: u16, slug: &str, description: &str, detail: &str) -> Response {
    let words = slug.replace('-', " ");
    let title = format!("{}{}", words[..1].to_uppercase(), &words[1..]);
    let example = json!({
        "type": format!("/problems/{slug}"),
        "title": title,
        "status": status,
        "detail": detail,
        "instance": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d",
    });
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .example(Some(example))
        .build();
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
        .build()
}

/// Adds to `document` what the operations refer to: the problem's schema and the security schemes.
pub fn describe(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    close_tagged(&mut components.schemas);
    components.schemas.insert("Problem".to_owned(), ProblemDocument::schema());
    components.schemas.insert(FieldError::name().into_owned(), FieldError::schema());
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("Access token of `POST /api/auth/login`; roles are listed per operation"))
        .build();
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer));
    let cookie = ApiKeyValue::with_description(
        session_cookie_name(false),
        "Session cookie of the login page; over https its name is `__Host-luna`",
    );
    components.add_security_scheme(COOKIE, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    let key = ApiKeyValue::with_description(
        "X-API-Key",
        "Key of `POST /api/keys`; the scope it needs is listed per operation. A key may do what its \
         owner may do at the time, and nothing outside of its scopes",
    );
    components.add_security_scheme(API_KEY, SecurityScheme::ApiKey(ApiKey::Header(key)));
}

/// Makes tagged choices satisfiable: an object that allows no fields but its own, together with the
/// field that tells which one it is, becomes one object with both.
fn close_tagged(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    let known = schemas.clone();
    for schema in schemas.values_mut() {
        let RefOr::T(Schema::OneOf(choice)) = schema else { continue };
        for item in &mut choice.items {
            if let RefOr::T(Schema::AllOf(parts)) = item
                && let Some(whole) = merged(&parts.items, &known)
            {
                *item = RefOr::T(Schema::Object(whole));
            }
        }
    }
}

/// The one object that `parts` describe together; absent where one of them is no object.
fn merged(parts: &[RefOr<Schema>], known: &BTreeMap<String, RefOr<Schema>>) -> Option<Object> {
    let mut whole: Option<Object> = None;
    for part in parts {
        let part = match part {
            RefOr::Ref(reference) => known.get(reference.ref_location.rsplit('/').next()?)?,
            part @ RefOr::T(_) => part,
        };
        let RefOr::T(Schema::Object(part)) = part else { return None };
        match &mut whole {
            None => whole = Some(part.clone()),
            Some(whole) => {
                whole.properties.extend(part.properties.clone());
                whole.required.extend(part.required.clone());
            }
        }
    }
    whole
}

/// What an operation of the document says about who may call it.
#[cfg(test)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeclaredAccess {
    /// `security(())`: public on purpose.
    Public,
    /// `security(("bearer" = ["analyst"]), …)`: the least role that may call.
    Roles(Vec<String>),
    /// Nothing: someone forgot to decide.
    Undeclared,
}

/// Method, path and declared access of every operation.
#[cfg(test)]
pub fn declared_access(document: &OpenApi) -> Vec<(String, String, DeclaredAccess)> {
    operations(document)
        .map(|(method, path, operation)| (method.to_owned(), path.to_owned(), access(operation)))
        .collect()
}

#[cfg(test)]
fn access(operation: &Operation) -> DeclaredAccess {
    let Some(requirements) = operation.security.as_deref().filter(|all| !all.is_empty()) else {
        return DeclaredAccess::Undeclared;
    };
    // A requirement's fields are private to its crate; its JSON form is the standard's.
    let scopes = |requirement: &utoipa::openapi::security::SecurityRequirement| {
        let json = serde_json::to_value(requirement).unwrap_or_default();
        let roles = json.get(BEARER)?.as_array()?.clone();
        Some(roles.iter().filter_map(|role| role.as_str().map(str::to_owned)).collect::<Vec<_>>())
    };
    let roles: Vec<String> = requirements.iter().filter_map(scopes).flatten().collect();
    let open = requirements
        .iter()
        .any(|one| serde_json::to_value(one).is_ok_and(|json| json == json!({})));
    match (open, roles.is_empty()) {
        (true, _) => DeclaredAccess::Public,
        (false, false) => DeclaredAccess::Roles(roles),
        (false, true) => DeclaredAccess::Undeclared,
    }
}

/// Every operation with its method and path, in the order of the document.
pub(super) fn operations(
    document: &OpenApi,
) -> impl Iterator<Item = (&'static str, &str, &Operation)> {
    document.paths.paths.iter().flat_map(|(path, item)| {
        [
            ("GET", &item.get),
            ("PUT", &item.put),
            ("POST", &item.post),
            ("DELETE", &item.delete),
            ("PATCH", &item.patch),
        ]
        .into_iter()
        .filter_map(move |(method, operation)| Some((method, path.as_str(), operation.as_ref()?)))
    })
}
