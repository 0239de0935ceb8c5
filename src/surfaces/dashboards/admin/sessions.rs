//! `/admin/sessions`: who is logged in, from where; ends what should not be.

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::desk::{Answer, Desk, Link, Place};
use super::jobs::Empty;
use super::said::Said;
use crate::access::accounts::{Accounts, AccountsError, Part, SessionRecord};
use crate::access::audit::By;
use crate::platform::web::{
    AdminOnly, Cursor, Form, Page, Params, Path, Principal, Problem, Require,
};
use crate::surfaces::dashboards::format::Format;

/// Registers the pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config.service(get_sessions).service(end_session);
}

/// Whose, and where in the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OwnedQuery {
    pub(super) user: Option<Uuid>,
    pub(super) cursor: Option<Cursor>,
}

#[derive(Debug, Serialize)]
struct SessionsView {
    rows: Vec<Row>,
    only: bool,
    pages: Vec<Link>,
}

/// A session on a page.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    id: String,
    login: String,
    user: String,
    agent: String,
    address: String,
    created: String,
    seen: String,
    expires: String,
    is_current: bool,
}

impl Row {
    pub(super) fn of(session: SessionRecord, who: &Principal, format: &Format) -> Self {
        let agent = match session.kind.as_str() {
            "command_line" => format.text("adm_session_command").to_owned(),
            _ if session.user_agent.is_empty() => "–".to_owned(),
            _ => session.user_agent,
        };
        Self {
            id: session.session_id.to_string(),
            user: format!("{}/{}", Place::Users.path(), session.user_id),
            login: session.login,
            agent,
            address: session.address.unwrap_or_else(|| "–".to_owned()),
            created: format.moment(session.created_at),
            seen: format.moment(session.last_seen_at),
            expires: format.moment(session.expires_at),
            is_current: who.session_id == Some(session.session_id),
        }
    }
}

#[get("/admin/sessions")]
async fn get_sessions(
    who: Require<AdminOnly>,
    desk: Desk,
    accounts: Data<Accounts>,
    query: Params<OwnedQuery>,
) -> Result<HttpResponse, Problem> {
    let format = desk.format(&who);
    let OwnedQuery { user, cursor } = query.0;
    let id = user.map(|id| id.to_string()).unwrap_or_default();
    let link = |cursor: &str, key| {
        Link::query(Place::Sessions, &[("user", &id), ("cursor", cursor)], format.text(key))
    };
    let newest = cursor.is_some().then(|| link("", "adm_newest"));
    let page = Page { cursor, ..Page::default() };
    let part = Part { user_id: user, after: page.position()?, limit: page.fetch_limit() };
    let listed = accounts.sessions(part).await?;
    let (rows, next) = page.cut(listed, |row| Cursor::new(row.created_at, row.session_id));
    let older = next.map(|next| link(&next.encode(), "adm_older"));
    let count = rows.len().to_string();
    let key = if rows.len() == 1 { "adm_sessions_one" } else { "adm_sessions_calm" };
    let lead = format.fill(key, &[("n", &count)]);
    let answer = Answer::new(lead, format.text("adm_sessions_advice"));
    let view = SessionsView {
        rows: rows.into_iter().map(|row| Row::of(row, &who, &format)).collect(),
        only: user.is_some(),
        pages: newest.into_iter().chain(older).collect(),
    };
    Ok(desk.show(&who, (Place::Sessions, "admin/sessions.html"), &answer, &view))
}

/// Ends a session (of `only_of`, when given) and leads to `path`.
pub(super) async fn end(
    accounts: &Accounts,
    session_id: Uuid,
    only_of: Option<Uuid>,
    who: &Principal,
    path: &str,
) -> Result<HttpResponse, Problem> {
    let said = match accounts.end_session(session_id, only_of, &By::of(who)).await {
        Ok(()) => Said::SessionEnded,
        // It may have ended while the page was looked at.
        Err(AccountsError::UnknownSession(_)) => Said::SessionGone,
        Err(error) => return Err(error.into()),
    };
    Ok(said.then(path))
}

#[post("/admin/sessions/{session_id}/end")]
async fn end_session(
    who: Require<AdminOnly>,
    accounts: Data<Accounts>,
    session_id: Path<Uuid>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    end(&accounts, *session_id, None, &who, Place::Sessions.path()).await
}
