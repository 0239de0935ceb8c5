//! HTTP of sessions and of one's own password.

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::access::accounts::records::{Part, SessionRecord};
use crate::access::accounts::service::{Accounts, AccountsError};
use crate::access::audit::By;
use crate::platform::web::{
    BadBody, Body, Cursor, Limit, NotFound, Page, Params, Path, Person, Principal, Problem,
    Refusals, Require, administers,
};

/// Whose things to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OwnerQuery {
    /// Only those of this person; only admins may name others, and see all unless they name one.
    user_id: Option<Uuid>,
    /// Rows per page.
    #[param(value_type = u16, required = false)]
    limit: Limit,
    /// Where to go on: `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

impl OwnerQuery {
    /// What to list for `who`, and the page it is cut to.
    pub(super) fn part(
        self,
        request: &HttpRequest,
        who: &Principal,
    ) -> Result<(Page, Part), Problem> {
        let user_id = match (self.user_id, administers(request, who)) {
            (asked, true) => asked,
            (None, false) => Some(who.user_id),
            (Some(asked), false) if asked == who.user_id => Some(asked),
            (Some(_), false) => {
                return Err(Problem::forbidden("only admins see what belongs to others"));
            }
        };
        let page = Page { limit: self.limit, cursor: self.cursor };
        let part = Part { user_id, after: page.position()?, limit: page.fetch_limit() };
        Ok((page, part))
    }
}

/// Whose things alone `who` may end; absent for admins.
pub(super) fn only_of(request: &HttpRequest, who: &Principal) -> Option<Uuid> {
    (!administers(request, who)).then_some(who.user_id)
}

/// Sessions, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct SessionList {
    /// Those that are alive.
    sessions: Vec<SessionEntry>,
    /// Give it as `cursor` for the next page; absent on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

/// A session as its owner or an admin sees it.
#[derive(Debug, Serialize, ToSchema)]
struct SessionEntry {
    #[serde(flatten)]
    session: SessionRecord,
    /// Whether it is the one this request belongs to.
    is_current: bool,
}

/// A new password of one's own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    /// The one in force.
    #[schema(value_type = String, format = Password)]
    current_password: SecretString,
    /// The one to be: 10 to 256 characters, none that others guess.
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 256)]
    new_password: SecretString,
}

/// List sessions that are alive: your own; for admins all
#[utoipa::path(tag = "accounts", params(OwnerQuery), responses((status = 200, body = SessionList,
    example = json!({"sessions": [session_example()], "next_cursor": null})), Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"])))]
#[get("/api/sessions")]
pub(super) async fn list_sessions(
    who: Require<Person>,
    request: HttpRequest,
    accounts: Data<Accounts>,
    query: Params<OwnerQuery>,
) -> Result<Json<SessionList>, Problem> {
    let (page, part) = query.0.part(&request, &who)?;
    let rows = accounts.sessions(part).await?;
    let (rows, next_cursor) = page.cut(rows, |row| Cursor::new(row.created_at, row.session_id));
    let sessions = rows.into_iter().map(|session| {
        let is_current = who.session_id == Some(session.session_id);
        SessionEntry { session, is_current }
    });
    Ok(Json(SessionList { sessions: sessions.collect(), next_cursor }))
}

/// End a session at once: one of your own; for admins any
#[utoipa::path(tag = "accounts",
    params(("session_id" = Uuid, Path, description = "The session")),
    responses((status = 204, description = "Ended"), Refusals, NotFound),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"])))]
#[delete("/api/sessions/{session_id}")]
pub(super) async fn end_session(
    who: Require<Person>,
    request: HttpRequest,
    accounts: Data<Accounts>,
    session_id: Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let only_of = only_of(&request, &who);
    accounts.end_session(*session_id, only_of, &By::of(&who)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Change your password
///
/// Needs the one in force, and ends all your other sessions.
#[utoipa::path(tag = "accounts", request_body(content = PasswordChange, example = json!({
        "current_password": "correct horse battery", "new_password": "staple of nine clouds"})),
    responses((status = 204, description = "Changed"), Refusals, BadBody),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"])))]
#[post("/api/me/password")]
pub(super) async fn change_password(
    who: Require<Person>,
    accounts: Data<Accounts>,
    change: Body<PasswordChange>,
) -> Result<HttpResponse, Problem> {
    let PasswordChange { current_password, new_password } = change.0;
    let by = By::of(&who);
    let changed = accounts.change_password(&who, current_password, new_password, &by).await;
    changed.map_err(|error| match error {
        AccountsError::WeakPassword(rule) => Problem::invalid("new_password", rule),
        other => other.into(),
    })?;
    Ok(HttpResponse::NoContent().finish())
}

fn session_example() -> serde_json::Value {
    json!({"session_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7e",
        "user_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "login": "anna@example.ch",
        "kind": "login", "user_agent": "Mozilla/5.0", "address": "192.168.1.20",
        "created_at": "2026-03-28T12:00:00Z", "last_seen_at": "2026-03-28T12:04:00Z",
        "expires_at": "2026-04-27T12:00:00Z", "is_current": true})
}
