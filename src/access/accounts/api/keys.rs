//! HTTP of API keys.

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::expose;
use super::sessions::{OwnerQuery, only_of};
use crate::access::accounts::keys::KEY_DAYS;
use crate::access::accounts::records::{KeyRecord, NewKey};
use crate::access::accounts::service::Accounts;
use crate::access::audit::By;
use crate::platform::web::{
    BadBody, Body, Cursor, NotFound, Params, Path, Person, Problem, Refusals, Require, Scope,
};

/// Keys, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct KeyList {
    /// The keys, ended ones too.
    keys: Vec<KeyRecord>,
    /// Give it as `cursor` for the next page; absent on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

/// A key to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KeyRequest {
    /// What to call it, 1 to 100 characters.
    #[schema(example = "heat pump", min_length = 1, max_length = 100)]
    name: String,
    /// What it may be used for; not more than your role may do.
    scopes: Vec<Scope>,
    /// Days until it ends, 1 to 730; 365 unless said.
    #[schema(minimum = 1, maximum = 730)]
    expires_in_days: Option<u16>,
}

/// A key that was just made.
#[derive(Debug, Serialize, ToSchema)]
struct NewKeyAnswer {
    /// For the header `X-API-Key`. It is shown here and never again.
    #[serde(serialize_with = "expose")]
    #[schema(value_type = String)]
    api_key: SecretString,
    #[serde(flatten)]
    key: KeyRecord,
}

/// Make an API key for a program
///
/// The key acts for you, within its scopes, and never beyond your role at the time.
#[utoipa::path(tag = "keys", request_body(content = KeyRequest,
        example = json!({"name": "heat pump", "scopes": ["read"], "expires_in_days": 365})),
    responses((status = 201, description = "The key, shown once", body = NewKeyAnswer,
        example = json!(new_key_example())), Refusals, BadBody),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"])))]
#[post("/api/keys")]
pub(super) async fn create_key(
    who: Require<Person>,
    accounts: Data<Accounts>,
    new: Body<KeyRequest>,
) -> Result<HttpResponse, Problem> {
    let KeyRequest { name, scopes, expires_in_days } = new.0;
    let new = NewKey { name, scopes, days: expires_in_days.unwrap_or(KEY_DAYS) };
    let (api_key, key) = accounts.create_key(who.user_id, &new, &By::of(&who)).await?;
    Ok(HttpResponse::Created().json(NewKeyAnswer { api_key, key }))
}

/// List API keys: your own; for admins all
#[utoipa::path(tag = "keys", params(OwnerQuery), responses((status = 200, body = KeyList,
    example = json!({"keys": [key_example()], "next_cursor": null})), Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"])))]
#[get("/api/keys")]
pub(super) async fn list_keys(
    who: Require<Person>,
    request: HttpRequest,
    accounts: Data<Accounts>,
    query: Params<OwnerQuery>,
) -> Result<Json<KeyList>, Problem> {
    let (page, part) = query.0.part(&request, &who)?;
    let rows = accounts.keys(part).await?;
    let (keys, next_cursor) = page.cut(rows, |row| Cursor::new(row.created_at, row.key_id));
    Ok(Json(KeyList { keys, next_cursor }))
}

/// End an API key at once: one of your own; for admins any
#[utoipa::path(tag = "keys", params(("key_id" = Uuid, Path, description = "The key")),
    responses((status = 204, description = "Ended"), Refusals, NotFound),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"])))]
#[delete("/api/keys/{key_id}")]
pub(super) async fn revoke_key(
    who: Require<Person>,
    request: HttpRequest,
    accounts: Data<Accounts>,
    key_id: Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    accounts.revoke_key(*key_id, only_of(&request, &who), &By::of(&who)).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn key_example() -> serde_json::Value {
    json!({"key_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7e",
        "user_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "login": "anna@example.ch",
        "name": "heat pump", "prefix": "luna_5f3a4f1c", "scopes": ["read"],
        "created_at": "2026-03-28T12:00:00Z", "expires_at": "2027-03-28T12:00:00Z",
        "last_used_at": null, "revoked_at": null})
}

fn new_key_example() -> serde_json::Value {
    let mut example = key_example();
    example["api_key"] = json!("luna_5f3a4f1c_AZnA3noQfGGPDl86TxwrfQ9ZVgX0…");
    example
}
