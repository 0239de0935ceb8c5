//! `/admin/keys`: API keys of programs; a new one is shown once, on the page that makes it.

use actix_web::http::StatusCode;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, Duration, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::desk::{Answer, Desk, Link, Place};
use super::jobs::Empty;
use super::said::Said;
use super::sessions::OwnedQuery;
use crate::access::accounts::{Accounts, AccountsError, KEY_DAYS, KeyRecord, NewKey, Part};
use crate::access::audit::By;
use crate::platform::web::{
    AdminOnly, Cursor, Form, Page, Params, Path, Principal, Problem, Require, Scope,
};
use crate::surfaces::dashboards::format::Format;

/// Days before its end from which a key asks for a successor.
const ENDING_DAYS: i64 = 14;
/// Keys that are looked through for the first sentence at most.
const COUNTED_MAX: i64 = 1_000;

/// Registers the pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config.service(get_keys).service(create_key).service(revoke_key);
}

/// What the form for a new key sends; a scope that is not ticked is not sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct KeyForm {
    name: String,
    days: String,
    read: Option<String>,
    ingest: Option<String>,
    train: Option<String>,
    admin: Option<String>,
}

impl KeyForm {
    /// The form before anybody typed: a key that reads, for a year.
    fn untouched() -> Self {
        Self { days: KEY_DAYS.to_string(), read: Some(String::new()), ..Self::default() }
    }

    fn has(&self, scope: Scope) -> bool {
        match scope {
            Scope::Read => self.read.is_some(),
            Scope::Ingest => self.ingest.is_some(),
            Scope::Train => self.train.is_some(),
            Scope::Admin => self.admin.is_some(),
        }
    }
}

#[derive(Debug, Serialize)]
struct KeysView {
    /// The key that was just made.
    made: Option<Made>,
    rows: Vec<Row>,
    only: bool,
    pages: Vec<Link>,
    name: String,
    days: String,
    scopes: Vec<Tick>,
    name_error: &'static str,
    scopes_error: &'static str,
    days_error: &'static str,
}

#[derive(Debug, Serialize)]
struct Made {
    name: String,
    key: String,
}

#[derive(Debug, Serialize)]
struct Tick {
    name: &'static str,
    text: &'static str,
    ticked: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    id: String,
    name: String,
    prefix: String,
    login: String,
    user: String,
    scopes: String,
    created: String,
    expires: String,
    used: String,
    kind: &'static str,
    state: &'static str,
    is_alive: bool,
}

fn scope_text(scope: Scope, format: &Format) -> &'static str {
    format.text(match scope {
        Scope::Read => "adm_scope_read",
        Scope::Ingest => "adm_scope_ingest",
        Scope::Train => "adm_scope_train",
        Scope::Admin => "adm_scope_admin",
    })
}

/// Whether a key is good and ends soon.
fn is_ending(key: &KeyRecord, now: DateTime<Utc>) -> bool {
    let soon = now + Duration::days(ENDING_DAYS);
    key.revoked_at.is_none() && key.expires_at > now && key.expires_at <= soon
}

impl Row {
    fn of(key: KeyRecord, now: DateTime<Utc>, format: &Format) -> Self {
        let (kind, state) = match (key.revoked_at, key.expires_at <= now) {
            (Some(_), _) => ("off", "adm_key_revoked"),
            (None, true) => ("off", "adm_key_expired"),
            (None, false) if is_ending(&key, now) => ("stale", "adm_key_ending"),
            (None, false) => ("ok", "adm_key_good"),
        };
        let scopes: Vec<_> = key.scopes.iter().map(|scope| scope_text(*scope, format)).collect();
        Self {
            id: key.key_id.to_string(),
            name: key.name,
            prefix: key.prefix,
            user: format!("{}/{}", Place::Users.path(), key.user_id),
            login: key.login,
            scopes: scopes.join(", "),
            created: format.moment(key.created_at),
            expires: format.moment(key.expires_at),
            used: key.last_used_at.map_or_else(|| "–".to_owned(), |at| format.moment(at)),
            kind,
            state: format.text(state),
            is_alive: matches!(state, "adm_key_ending" | "adm_key_good"),
        }
    }
}

/// A form as it is shown: what was typed, what is wrong with it, and the key it made.
#[derive(Default)]
struct Shown {
    form: KeyForm,
    wrong: Option<&'static str>,
    made: Option<Made>,
}

#[get("/admin/keys")]
async fn get_keys(
    who: Require<AdminOnly>,
    desk: Desk,
    accounts: Data<Accounts>,
    query: Params<OwnedQuery>,
) -> Result<HttpResponse, Problem> {
    let shown = Shown { form: KeyForm::untouched(), ..Shown::default() };
    show(StatusCode::OK, &who, desk, &accounts, (query.0, shown)).await
}

async fn show(
    status: StatusCode,
    who: &Principal,
    desk: Desk,
    accounts: &Accounts,
    (query, shown): (OwnedQuery, Shown),
) -> Result<HttpResponse, Problem> {
    let (format, now) = (desk.format(who), desk.now());
    let OwnedQuery { user, cursor } = query;
    let id = user.map(|id| id.to_string()).unwrap_or_default();
    let link = |cursor: &str, key| {
        Link::query(Place::Keys, &[("user", &id), ("cursor", cursor)], format.text(key))
    };
    let newest = cursor.is_some().then(|| link("", "adm_newest"));
    let page = Page { cursor, ..Page::default() };
    let part = Part { user_id: user, after: page.position()?, limit: page.fetch_limit() };
    let listed = accounts.keys(part).await?;
    let (rows, next) = page.cut(listed, |row| Cursor::new(row.created_at, row.key_id));
    let older = next.map(|next| link(&next.encode(), "adm_older"));
    let all = accounts.keys(Part { user_id: None, after: None, limit: COUNTED_MAX }).await?;
    let answer = answer(&all, now, &format);
    let Shown { form, wrong, made } = shown;
    let error = |field, key| if wrong == Some(field) { format.text(key) } else { "" };
    let scopes = Scope::ALL.iter().map(|scope| Tick {
        name: scope.name(),
        text: scope_text(*scope, &format),
        ticked: form.has(*scope),
    });
    let view = KeysView {
        made,
        rows: rows.into_iter().map(|key| Row::of(key, now, &format)).collect(),
        only: user.is_some(),
        pages: newest.into_iter().chain(older).collect(),
        scopes: scopes.collect(),
        name_error: error("name", "adm_key_bad_name"),
        scopes_error: error("scopes", "adm_key_bad_scopes"),
        days_error: error("expires_in_days", "adm_key_bad_days"),
        name: form.name,
        days: form.days,
    };
    Ok(desk.answer(status, who, (Place::Keys, "admin/keys.html"), &answer, &view))
}

fn answer(all: &[KeyRecord], now: DateTime<Utc>, format: &Format) -> Answer {
    let good = all.iter().filter(|key| key.revoked_at.is_none() && key.expires_at > now).count();
    let good = good.to_string();
    match all.iter().filter(|key| is_ending(key, now)).count() {
        0 => {
            let key = match good.as_str() {
                "0" => "adm_keys_none",
                "1" => "adm_keys_one",
                _ => "adm_keys_calm",
            };
            let advice = format.text("adm_sys_calm_advice");
            Answer::new(format.fill(key, &[("n", &good)]), advice)
        }
        n => {
            let lead = format.fill("adm_keys_ending", &[("n", &n.to_string())]);
            Answer::new(lead, format.text("adm_keys_advice"))
        }
    }
}

#[post("/admin/keys")]
async fn create_key(
    who: Require<AdminOnly>,
    desk: Desk,
    accounts: Data<Accounts>,
    form: Form<KeyForm>,
) -> Result<HttpResponse, Problem> {
    let form = form.0;
    let scopes = Scope::ALL.iter().copied().filter(|scope| form.has(*scope)).collect();
    // What is no number of days is none that a key may have.
    let days = form.days.trim().parse().unwrap_or(0);
    let new = NewKey { name: form.name.clone(), scopes, days };
    let (status, shown) = match accounts.create_key(who.user_id, &new, &By::of(&who)).await {
        Ok((key, record)) => (StatusCode::CREATED, made(&key, record)),
        Err(AccountsError::BadKey { field, .. }) => {
            let shown = Shown { form, wrong: Some(field), made: None };
            (StatusCode::UNPROCESSABLE_ENTITY, shown)
        }
        Err(error) => return Err(error.into()),
    };
    show(status, &who, desk, &accounts, (OwnedQuery::default(), shown)).await
}

fn made(key: &SecretString, record: KeyRecord) -> Shown {
    let made = Made { name: record.name, key: key.expose_secret().to_owned() };
    Shown { form: KeyForm::untouched(), wrong: None, made: Some(made) }
}

#[post("/admin/keys/{key_id}/revoke")]
async fn revoke_key(
    who: Require<AdminOnly>,
    accounts: Data<Accounts>,
    key_id: Path<Uuid>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    accounts.revoke_key(*key_id, None, &By::of(&who)).await?;
    Ok(Said::KeyRevoked.then(Place::Keys.path()))
}
