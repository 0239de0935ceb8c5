//! `/admin/users/{id}`: one account: its role, whether it may come in, a new password.

use actix_web::http::StatusCode;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get, post};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::desk::{Answer, Choice, Desk, Link, Place};
use super::jobs::Empty;
use super::said::Said;
use super::users::{href, role_choices, role_text};
use crate::access::accounts::{Accounts, AccountsError, User, UserChange};
use crate::access::audit::By;
use crate::platform::web::{AdminOnly, Form, Path, Principal, Problem, Require, Role};
use crate::surfaces::dashboards::format::Format;

/// Registers the pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config
        .service(get_user)
        .service(set_role)
        .service(disable_user)
        .service(enable_user)
        .service(reset_password);
}

#[derive(Debug, Serialize)]
struct UserView {
    href: String,
    login: String,
    role: &'static str,
    roles: Vec<Choice>,
    created: String,
    disabled: Option<String>,
    is_self: bool,
    password_error: &'static str,
    more: [Link; 3],
}

#[derive(Debug, Deserialize)]
struct NewRole {
    role: Role,
}

#[derive(Debug, Deserialize)]
struct NewPassword {
    password: SecretString,
}

#[get("/admin/users/{user_id}")]
async fn get_user(
    who: Require<AdminOnly>,
    desk: Desk,
    accounts: Data<Accounts>,
    user_id: Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let user = accounts.user(*user_id).await?;
    Ok(show(StatusCode::OK, &who, desk, user, ""))
}

fn show(
    status: StatusCode,
    who: &Principal,
    desk: Desk,
    user: User,
    password_error: &'static str,
) -> HttpResponse {
    let format = desk.format(who);
    let answer = answer(&user, &format);
    let view = view(user, who, password_error, &format);
    desk.answer(status, who, (Place::Users, "admin/user.html"), &answer, &view)
}

fn view(user: User, who: &Principal, password_error: &'static str, format: &Format) -> UserView {
    let id = user.user_id.to_string();
    let more = [
        (Place::Sessions, "user", "adm_user_sessions"),
        (Place::Keys, "user", "adm_user_keys"),
        (Place::Audit, "who", "adm_user_audit"),
    ];
    UserView {
        href: href(&user),
        role: role_text(user.role, format),
        roles: role_choices(user.role, format),
        created: format.moment(user.created_at),
        disabled: user.disabled_at.map(|at| format.moment(at)),
        is_self: user.user_id == who.user_id,
        password_error,
        more: more.map(|(place, name, key)| Link::query(place, &[(name, &id)], format.text(key))),
        login: user.login,
    }
}

fn answer(user: &User, format: &Format) -> Answer {
    let parts = [("login", user.login.as_str()), ("role", role_text(user.role, format))];
    if user.disabled_at.is_some() {
        let advice = format.text("adm_user_disabled_advice");
        return Answer::new(format.fill("adm_user_disabled", &parts), advice);
    }
    Answer::new(format.fill("adm_user_calm", &parts), format.text("adm_sys_calm_advice"))
}

/// What became of a change: a word about it on the page of the account.
fn told(
    changed: Result<User, AccountsError>,
    user_id: Uuid,
    said: Said,
) -> Result<HttpResponse, Problem> {
    let said = match changed {
        Ok(_) => said,
        Err(AccountsError::LastAdmin) => Said::LastAdmin,
        Err(error) => return Err(error.into()),
    };
    Ok(said.then(&format!("{}/{user_id}", Place::Users.path())))
}

#[post("/admin/users/{user_id}/role")]
async fn set_role(
    who: Require<AdminOnly>,
    accounts: Data<Accounts>,
    user_id: Path<Uuid>,
    form: Form<NewRole>,
) -> Result<HttpResponse, Problem> {
    let change = UserChange { role: Some(form.0.role), ..UserChange::default() };
    let changed = accounts.change_user(*user_id, change, &By::of(&who)).await;
    told(changed, *user_id, Said::UserChanged)
}

#[post("/admin/users/{user_id}/disable")]
async fn disable_user(
    who: Require<AdminOnly>,
    accounts: Data<Accounts>,
    user_id: Path<Uuid>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    let change = UserChange { disabled: Some(true), ..UserChange::default() };
    let changed = accounts.change_user(*user_id, change, &By::of(&who)).await;
    told(changed, *user_id, Said::UserDisabled)
}

#[post("/admin/users/{user_id}/enable")]
async fn enable_user(
    who: Require<AdminOnly>,
    accounts: Data<Accounts>,
    user_id: Path<Uuid>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    let change = UserChange { disabled: Some(false), ..UserChange::default() };
    let changed = accounts.change_user(*user_id, change, &By::of(&who)).await;
    told(changed, *user_id, Said::UserEnabled)
}

#[post("/admin/users/{user_id}/password")]
async fn reset_password(
    who: Require<AdminOnly>,
    desk: Desk,
    accounts: Data<Accounts>,
    user_id: Path<Uuid>,
    form: Form<NewPassword>,
) -> Result<HttpResponse, Problem> {
    let user = accounts.user(*user_id).await?;
    match accounts.reset_password(&user.login, form.0.password, &By::of(&who)).await {
        Ok(()) => Ok(Said::PasswordReset.then(&href(&user))),
        Err(AccountsError::WeakPassword(_)) => {
            let error = desk.format(&who).text("adm_bad_password");
            Ok(show(StatusCode::UNPROCESSABLE_ENTITY, &who, desk, user, error))
        }
        Err(error) => Err(error.into()),
    }
}
