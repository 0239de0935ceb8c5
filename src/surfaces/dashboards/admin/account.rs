//! `/account`: one's own sessions, password and language, for everybody with an account.

use actix_web::http::StatusCode;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get, post};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::desk::{Answer, Choice, Desk, Link, Place};
use super::jobs::Empty;
use super::said::Said;
use super::sessions::{self, OwnedQuery};
use super::users::role_text;
use crate::access::accounts::{Accounts, AccountsError, Part, Profile};
use crate::access::audit::By;
use crate::platform::web::{
    Cursor, Form, Language, Page, Params, Path, Person, Principal, Problem, Require,
};
use crate::surfaces::dashboards::api::kept;
use crate::surfaces::dashboards::pages::Preferences;

/// Registers the pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config
        .service(get_account)
        .service(change_password)
        .service(change_language)
        .service(end_session);
}

#[derive(Debug, Serialize)]
struct AccountView {
    login: String,
    role: &'static str,
    rows: Vec<sessions::Row>,
    pages: Vec<Link>,
    languages: [Choice; 2],
    current_error: &'static str,
    new_error: &'static str,
}

/// What is wrong with each of the two passwords; empty where nothing is.
type Wrong = (&'static str, &'static str);

#[derive(Debug, Deserialize)]
struct PasswordForm {
    current_password: SecretString,
    new_password: SecretString,
}

#[derive(Debug, Deserialize)]
struct LanguageForm {
    language: Language,
}

#[get("/account")]
async fn get_account(
    who: Require<Person>,
    desk: Desk,
    accounts: Data<Accounts>,
    query: Params<OwnedQuery>,
) -> Result<HttpResponse, Problem> {
    show(StatusCode::OK, &who, desk, &accounts, (query.0.cursor, ("", ""))).await
}

async fn show(
    status: StatusCode,
    who: &Principal,
    desk: Desk,
    accounts: &Accounts,
    (cursor, (current_error, new_error)): (Option<Cursor>, Wrong),
) -> Result<HttpResponse, Problem> {
    let format = desk.format(who);
    let newest = Link::query(Place::Account, &[], format.text("adm_newest"));
    let newest = cursor.is_some().then_some(newest);
    let page = Page { cursor, ..Page::default() };
    let user_id = Some(who.user_id);
    let part = Part { user_id, after: page.position()?, limit: page.fetch_limit() };
    let listed = accounts.sessions(part).await?;
    let (rows, next) = page.cut(listed, |row| Cursor::new(row.created_at, row.session_id));
    let older = next.map(|next| {
        Link::query(Place::Account, &[("cursor", &next.encode())], format.text("adm_older"))
    });
    let count = rows.len().to_string();
    let key = if rows.len() == 1 { "adm_account_one" } else { "adm_account_calm" };
    let answer = Answer::new(format.fill(key, &[("n", &count)]), format.text("adm_account_advice"));
    let language = who.language.tag();
    let view = AccountView {
        login: who.login.clone(),
        role: role_text(who.role, &format),
        rows: rows.into_iter().map(|row| sessions::Row::of(row, who, &format)).collect(),
        pages: newest.into_iter().chain(older).collect(),
        languages: [Choice::new("de", "Deutsch", language), Choice::new("en", "English", language)],
        current_error,
        new_error,
    };
    Ok(desk.answer(status, who, (Place::Account, "admin/account.html"), &answer, &view))
}

#[post("/account/password")]
async fn change_password(
    who: Require<Person>,
    desk: Desk,
    accounts: Data<Accounts>,
    form: Form<PasswordForm>,
) -> Result<HttpResponse, Problem> {
    let PasswordForm { current_password, new_password } = form.0;
    let by = By::of(&who);
    let format = desk.format(&who);
    let wrong = match accounts.change_password(&who, current_password, new_password, &by).await {
        Ok(()) => return Ok(Said::PasswordChanged.then(Place::Account.path())),
        Err(AccountsError::WrongPassword) => (format.text("adm_account_wrong"), ""),
        Err(AccountsError::WeakPassword(_)) => ("", format.text("adm_bad_password")),
        Err(error) => return Err(error.into()),
    };
    show(StatusCode::UNPROCESSABLE_ENTITY, &who, desk, &accounts, (None, wrong)).await
}

#[post("/account/language")]
async fn change_language(
    who: Require<Person>,
    accounts: Data<Accounts>,
    form: Form<LanguageForm>,
) -> Result<HttpResponse, Problem> {
    let language = form.0.language;
    let profile = Profile { language, time_zone: who.time_zone };
    accounts.set_profile(&who, profile).await?;
    let mut response = Said::UserChanged.then(Place::Account.path());
    let cookie = kept(Preferences::LANGUAGE_COOKIE, language.tag());
    response.add_cookie(&cookie).map_err(Problem::internal)?;
    Ok(response)
}

#[post("/account/sessions/{session_id}/end")]
async fn end_session(
    who: Require<Person>,
    accounts: Data<Accounts>,
    session_id: Path<Uuid>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    let path = Place::Account.path();
    sessions::end(&accounts, *session_id, Some(who.user_id), &who, path).await
}
