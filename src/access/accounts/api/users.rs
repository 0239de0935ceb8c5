//! HTTP of accounts, for admins.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, patch, post};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::accounts::records::{Part, User, UserChange};
use crate::access::accounts::service::Accounts;
use crate::access::audit::By;
use crate::platform::web::{
    AdminOnly, BadBody, Body, Conflict, Cursor, Language, NotFound, Page, Params, Path, Problem,
    Refusals, Require, Role,
};

/// Accounts, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct UserList {
    /// The accounts.
    users: Vec<User>,
    /// Give it as `cursor` for the next page; absent on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

/// Somebody to be given an account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUser {
    /// E-mail address or any other name.
    #[schema(example = "bert@example.ch", max_length = 254)]
    login: String,
    /// What they may do.
    role: Role,
    /// Their first password, 10 to 256 characters.
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 256)]
    password: SecretString,
}

/// What to change; absent fields stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserPatch {
    /// What they may do from now on.
    role: Option<Role>,
    /// Whether they may not log in any more; ends their sessions and keys.
    disabled: Option<bool>,
    /// Language of their pages.
    language: Option<Language>,
}

/// List accounts, newest first.
#[utoipa::path(tag = "users", params(Page), responses((status = 200, body = UserList,
    example = json!({"users": [user_example()], "next_cursor": null})), Refusals),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[get("/api/users")]
pub(super) async fn list_users(
    _: Require<AdminOnly>,
    accounts: Data<Accounts>,
    page: Params<Page>,
) -> Result<Json<UserList>, Problem> {
    let part = Part { user_id: None, after: page.0.position()?, limit: page.0.fetch_limit() };
    let rows = accounts.users(part).await?;
    let (users, next_cursor) = page.0.cut(rows, |user| Cursor::new(user.created_at, user.user_id));
    Ok(Json(UserList { users, next_cursor }))
}

/// Give somebody an account.
#[utoipa::path(tag = "users", request_body(content = NewUser, example = json!({
        "login": "bert@example.ch", "role": "viewer", "password": "correct horse battery"})),
    responses((status = 201, description = "The account exists", body = User,
        example = json!(user_example())), Refusals, BadBody, Conflict),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[post("/api/users")]
pub(super) async fn create_user(
    who: Require<AdminOnly>,
    accounts: Data<Accounts>,
    new: Body<NewUser>,
) -> Result<HttpResponse, Problem> {
    let NewUser { login, role, password } = new.0;
    let account = accounts.create_user(&login, role, password, &By::of(&who)).await?;
    Ok(HttpResponse::Created().json(accounts.user(account.user_id).await?))
}

/// Get one account.
#[utoipa::path(tag = "users", params(("user_id" = Uuid, Path, description = "The person")),
    responses((status = 200, body = User, example = json!(user_example())), Refusals, NotFound),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[get("/api/users/{user_id}")]
pub(super) async fn get_user(
    _: Require<AdminOnly>,
    accounts: Data<Accounts>,
    user_id: Path<Uuid>,
) -> Result<Json<User>, Problem> {
    Ok(Json(accounts.user(*user_id).await?))
}

/// Change role, language or state of an account
///
/// The last admin can neither be disabled nor get another role.
#[utoipa::path(tag = "users", params(("user_id" = Uuid, Path, description = "The person")),
    request_body(content = UserPatch, example = json!({"role": "analyst"})),
    responses((status = 200, body = User, description = "The account after the change",
        example = json!(user_example())), Refusals, NotFound, BadBody, Conflict),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[patch("/api/users/{user_id}")]
pub(super) async fn update_user(
    who: Require<AdminOnly>,
    accounts: Data<Accounts>,
    user_id: Path<Uuid>,
    patch: Body<UserPatch>,
) -> Result<Json<User>, Problem> {
    let UserPatch { role, disabled, language } = patch.0;
    let change = UserChange { role, disabled, language };
    Ok(Json(accounts.change_user(*user_id, change, &By::of(&who)).await?))
}

/// Remove an account with its sessions and keys
///
/// What the person has done stays, under an identifier that names nobody. The last admin stays.
#[utoipa::path(tag = "users", params(("user_id" = Uuid, Path, description = "The person")),
    responses((status = 204, description = "Removed"), Refusals, NotFound, Conflict),
    security(("bearer" = ["admin"]), ("cookie" = ["admin"]), ("api_key" = ["admin"])))]
#[delete("/api/users/{user_id}")]
pub(super) async fn delete_user(
    who: Require<AdminOnly>,
    accounts: Data<Accounts>,
    user_id: Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    accounts.delete_user(*user_id, &By::of(&who)).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn user_example() -> serde_json::Value {
    json!({"user_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "login": "bert@example.ch",
        "role": "viewer", "language": "de", "time_zone": "Europe/Zurich", "disabled_at": null,
        "created_at": "2026-03-28T12:00:00Z"})
}
