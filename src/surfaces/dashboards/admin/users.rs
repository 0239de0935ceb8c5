//! `/admin/users`: who has an account, and a new one.

use actix_web::http::StatusCode;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get, post};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::desk::{Answer, Choice, Desk, Link, Place};
use super::said::Said;
use crate::access::accounts::{Accounts, AccountsError, Part, User};
use crate::access::audit::By;
use crate::platform::web::{
    AdminOnly, Cursor, Form, Page, Params, Principal, Problem, Require, Role,
};
use crate::surfaces::dashboards::format::Format;

/// Accounts that are counted for the first sentence at most.
const COUNTED_MAX: i64 = 1_000;

/// Registers the pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config.service(get_users).service(create_user);
}

/// Where in the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UsersQuery {
    cursor: Option<Cursor>,
}

/// What the form for a new account sends.
#[derive(Debug, Deserialize)]
struct NewUser {
    login: String,
    role: Role,
    password: SecretString,
}

/// What was typed into the form, and what is wrong with it.
#[derive(Debug, Default, Serialize)]
struct Typed {
    login: String,
    login_error: &'static str,
    password_error: &'static str,
}

#[derive(Debug, Serialize)]
struct UsersView {
    rows: Vec<Row>,
    pages: Vec<Link>,
    roles: Vec<Choice>,
    typed: Typed,
}

#[derive(Debug, Serialize)]
struct Row {
    href: String,
    login: String,
    role: &'static str,
    disabled: bool,
    created: String,
    is_self: bool,
}

/// A role in words.
pub(super) fn role_text(role: Role, format: &Format) -> &'static str {
    format.text(match role {
        Role::Admin => "adm_role_admin",
        Role::Analyst => "adm_role_analyst",
        Role::Viewer => "adm_role_viewer",
        Role::Customer => "adm_role_customer",
    })
}

/// Every role to choose from, the least mighty first.
pub(super) fn role_choices(chosen: Role, format: &Format) -> Vec<Choice> {
    let roles = Role::ALL.iter().rev();
    roles.map(|role| Choice::new(role.name(), role_text(*role, format), chosen.name())).collect()
}

#[get("/admin/users")]
async fn get_users(
    who: Require<AdminOnly>,
    desk: Desk,
    accounts: Data<Accounts>,
    query: Params<UsersQuery>,
) -> Result<HttpResponse, Problem> {
    show(StatusCode::OK, &who, desk, &accounts, query.0.cursor, (Role::Viewer, Typed::default()))
        .await
}

async fn show(
    status: StatusCode,
    who: &Principal,
    desk: Desk,
    accounts: &Accounts,
    cursor: Option<Cursor>,
    (role, typed): (Role, Typed),
) -> Result<HttpResponse, Problem> {
    let format = desk.format(who);
    let newest = Link::query(Place::Users, &[], format.text("adm_newest"));
    let newest = cursor.is_some().then_some(newest);
    let page = Page { cursor, ..Page::default() };
    let part = Part { user_id: None, after: page.position()?, limit: page.fetch_limit() };
    let listed = accounts.users(part).await?;
    let (rows, next) = page.cut(listed, |user| Cursor::new(user.created_at, user.user_id));
    let older = next.map(|next| {
        Link::query(Place::Users, &[("cursor", &next.encode())], format.text("adm_older"))
    });
    let all = accounts.users(Part { user_id: None, after: None, limit: COUNTED_MAX }).await?;
    let view = UsersView {
        rows: rows.into_iter().map(|user| row(user, who, &format)).collect(),
        pages: newest.into_iter().chain(older).collect(),
        roles: role_choices(role, &format),
        typed,
    };
    let answer = answer(&all, &format);
    Ok(desk.answer(status, who, (Place::Users, "admin/users.html"), &answer, &view))
}

fn row(user: User, who: &Principal, format: &Format) -> Row {
    Row {
        href: href(&user),
        role: role_text(user.role, format),
        disabled: user.disabled_at.is_some(),
        created: format.moment(user.created_at),
        is_self: user.user_id == who.user_id,
        login: user.login,
    }
}

/// The page of an account.
pub(super) fn href(user: &User) -> String {
    format!("{}/{}", Place::Users.path(), user.user_id)
}

fn answer(all: &[User], format: &Format) -> Answer {
    let count = |matches: fn(&&User) -> bool| all.iter().filter(matches).count().to_string();
    let active = count(|user| user.disabled_at.is_none());
    let admins = count(|user| user.disabled_at.is_none() && user.role == Role::Admin);
    let parts = [("n", active.as_str()), ("admins", admins.as_str())];
    let key = if active == "1" { "adm_users_one" } else { "adm_users_calm" };
    Answer::new(format.fill(key, &parts), format.text("adm_sys_calm_advice"))
}

#[post("/admin/users")]
async fn create_user(
    who: Require<AdminOnly>,
    desk: Desk,
    accounts: Data<Accounts>,
    form: Form<NewUser>,
) -> Result<HttpResponse, Problem> {
    let NewUser { login, role, password } = form.0;
    let format = desk.format(&who);
    let (login_error, password_error) =
        match accounts.create_user(&login, role, password, &By::of(&who)).await {
            Ok(account) => {
                let path = format!("{}/{}", Place::Users.path(), account.user_id);
                return Ok(Said::UserCreated.then(&path));
            }
            Err(AccountsError::BadLogin(_)) => (format.text("setup_bad_login"), ""),
            Err(AccountsError::LoginTaken(_)) => (format.text("setup_login_taken"), ""),
            Err(AccountsError::WeakPassword(_)) => ("", format.text("adm_bad_password")),
            Err(error) => return Err(error.into()),
        };
    let typed = Typed { login, login_error, password_error };
    show(StatusCode::UNPROCESSABLE_ENTITY, &who, desk, &accounts, None, (role, typed)).await
}
