//! HTTP of accounts: register, log in, refresh, log out, one's own profile.

mod keys; // API keys
mod sessions; // sessions, one's own password
mod users; // accounts, for admins

use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, get, patch, post};
use chrono_tz::Tz;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::platform::web::{
    BadBody, Body, Conflict, Language, LoggedIn, Person, Principal, Problem, Public, Refusals,
    Require, Role, Unavailable, user_agent,
};

use super::cookies::logout_cookies;
use super::model::{Account, NewTokens, Profile};
use super::service::{Accounts, AccountsError};

/// Registers the endpoints.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(register)
        .service(login)
        .service(refresh)
        .service(logout)
        .service(get_me)
        .service(update_me)
        .service(sessions::change_password)
        .service(sessions::list_sessions)
        .service(sessions::end_session)
        .service(keys::create_key)
        .service(keys::list_keys)
        .service(keys::revoke_key)
        .service(users::list_users)
        .service(users::create_user)
        .service(users::get_user)
        .service(users::update_user)
        .service(users::delete_user);
}

/// Who wants an account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// E-mail address or any other name; `email` is accepted as the field's name, too.
    #[serde(alias = "email")]
    #[schema(example = "anna@example.ch", max_length = 254)]
    pub login: String,
    /// 10 to 256 characters.
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 256)]
    pub password: SecretString,
    /// The one-time code of the first start; it makes the first account admin.
    #[schema(value_type = Option<String>, example = "ABCD-EFGH-JKLM-NPQR")]
    #[serde(default)]
    pub setup_code: Option<SecretString>,
}

/// Who wants to come in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The login of the account; `email` is accepted as the field's name, too.
    #[serde(alias = "email")]
    #[schema(example = "anna@example.ch")]
    pub login: String,
    /// The password of the account.
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
}

/// A refresh token to be exchanged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The refresh token of the last answer; it works once.
    #[schema(value_type = String)]
    pub refresh_token: SecretString,
}

/// Tokens of a session.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokensAnswer {
    /// For the header `Authorization: Bearer …`.
    #[serde(serialize_with = "expose")]
    #[schema(value_type = String)]
    pub access_token: SecretString,
    /// For `POST /api/auth/refresh`, once.
    #[serde(serialize_with = "expose")]
    #[schema(value_type = String)]
    pub refresh_token: SecretString,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Life of the access token, in seconds.
    #[schema(example = 900)]
    pub expires_in: i64,
    /// Who logged in.
    pub user: Me,
}

/// Who one is here.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// The person, as other answers name them.
    pub user_id: Uuid,
    /// The login of the account.
    #[schema(example = "anna@example.ch")]
    pub login: String,
    /// What the account may do.
    pub role: Role,
    /// Language of the pages.
    pub language: Language,
    /// Zone in which the pages show times.
    #[schema(value_type = String, example = "Europe/Zurich")]
    pub time_zone: Tz,
}

/// What to change; absent fields stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MePatch {
    /// Language of the pages.
    pub language: Option<Language>,
    /// Zone in which the pages show times, by its IANA name.
    #[schema(value_type = Option<String>, example = "Europe/Zurich")]
    pub time_zone: Option<Tz>,
}

fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

impl From<NewTokens> for TokensAnswer {
    fn from(tokens: NewTokens) -> Self {
        Self {
            access_token: tokens.access_token,
            refresh_token: tokens.refresh_token,
            token_type: "Bearer",
            expires_in: tokens.access_token_s,
            user: tokens.account.into(),
        }
    }
}

impl From<Account> for Me {
    fn from(account: Account) -> Self {
        Self {
            user_id: account.user_id,
            login: account.login,
            role: account.role,
            language: account.profile.language,
            time_zone: account.profile.time_zone,
        }
    }
}

impl From<Principal> for Me {
    fn from(principal: Principal) -> Self {
        Self {
            user_id: principal.user_id,
            login: principal.login,
            role: principal.role,
            language: principal.language,
            time_zone: principal.time_zone,
        }
    }
}

/// Create an account
///
/// With the one-time set-up code the first account becomes admin; afterwards people may register
/// as customers if the box allows it. Public on purpose.
#[utoipa::path(tag = "accounts", security(()),
    request_body(content = Register, example = json!({"login": "anna@example.ch",
        "password": "correct horse battery", "setup_code": "ABCD-EFGH-JKLM-NPQR"})),
    responses(
        (status = 201, description = "The account exists and is logged in", body = TokensAnswer,
            example = json!(tokens_example())),
        (status = 403, description = "The set-up code is refused, or registration is closed",
            body = inline(crate::platform::web::ProblemDocument),
            content_type = "application/problem+json"),
        Conflict, BadBody, Unavailable))]
#[post("/api/auth/register")]
async fn register(
    _: Public,
    accounts: Data<Accounts>,
    request: HttpRequest,
    body: Body<Register>,
) -> Result<HttpResponse, Problem> {
    let new = body.0;
    let account = accounts.register(&new.login, new.password, new.setup_code).await?;
    let tokens = accounts.open_session(account, user_agent(&request)).await?;
    Ok(HttpResponse::Created().json(TokensAnswer::from(tokens)))
}

/// Log in
///
/// Returns a short-lived access token and a refresh token. Public on purpose.
#[utoipa::path(tag = "accounts", security(()),
    request_body(content = Login,
        example = json!({"login": "anna@example.ch", "password": "correct horse battery"})),
    responses(
        (status = 200, description = "Logged in", body = TokensAnswer,
            example = json!(tokens_example())),
        (status = 401, description = "Login or password is wrong",
            body = inline(crate::platform::web::ProblemDocument),
            content_type = "application/problem+json"),
        BadBody, Unavailable))]
#[post("/api/auth/login")]
async fn login(
    _: Public,
    accounts: Data<Accounts>,
    request: HttpRequest,
    body: Body<Login>,
) -> Result<Json<TokensAnswer>, Problem> {
    let given = body.0;
    let tokens = accounts.login(&given.login, given.password, user_agent(&request)).await?;
    Ok(Json(tokens.into()))
}

/// Exchange a refresh token for new tokens
///
/// Each refresh token works once. One that comes a second time ends its session. Public on
/// purpose: the refresh token is what proves who asks.
#[utoipa::path(tag = "accounts", security(()),
    request_body(content = Refresh,
        example = json!({"refresh_token": "AZnA3noQfGGPDl86TxwrfQ9ZVgX0…"})),
    responses(
        (status = 200, description = "New tokens", body = TokensAnswer,
            example = json!(tokens_example())),
        (status = 401, description = "The session has ended",
            body = inline(crate::platform::web::ProblemDocument),
            content_type = "application/problem+json"),
        BadBody, Unavailable))]
#[post("/api/auth/refresh")]
async fn refresh(
    _: Public,
    accounts: Data<Accounts>,
    body: Body<Refresh>,
) -> Result<Json<TokensAnswer>, Problem> {
    Ok(Json(accounts.refresh(&body.0.refresh_token).await?.into()))
}

/// Log out
///
/// Ends the session at once: its access, refresh and cookie tokens stop working.
#[utoipa::path(tag = "accounts", security(("bearer" = ["customer"]), ("cookie" = ["customer"])),
    responses((status = 204, description = "Logged out"), Refusals))]
#[post("/api/auth/logout")]
async fn logout(who: Require<Person>, accounts: Data<Accounts>) -> Result<HttpResponse, Problem> {
    accounts.logout(&who).await?;
    let mut response = HttpResponse::build(StatusCode::NO_CONTENT);
    for cookie in logout_cookies() {
        response.cookie(cookie);
    }
    Ok(response.finish())
}

/// Who am I
#[utoipa::path(tag = "accounts", security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])),
    responses((status = 200, description = "The account of the caller", body = Me,
        example = json!(me_example())), Refusals))]
#[get("/api/me")]
async fn get_me(who: Require<LoggedIn>) -> Json<Me> {
    Json(who.into_principal().into())
}

/// Change language or time zone
#[utoipa::path(tag = "accounts", security(("bearer" = ["customer"]), ("cookie" = ["customer"])),
    request_body(content = MePatch, example = json!({"language": "en"})),
    responses((status = 200, description = "The account after the change", body = Me,
        example = json!(me_example())), BadBody, Refusals))]
#[patch("/api/me")]
async fn update_me(
    who: Require<Person>,
    accounts: Data<Accounts>,
    body: Body<MePatch>,
) -> Result<Json<Me>, Problem> {
    let profile = Profile {
        language: body.0.language.unwrap_or(who.language),
        time_zone: body.0.time_zone.unwrap_or(who.time_zone),
    };
    Ok(Json(accounts.set_profile(&who, profile).await?.into()))
}

fn me_example() -> serde_json::Value {
    json!({"user_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "login": "anna@example.ch",
        "role": "admin", "language": "de", "time_zone": "Europe/Zurich"})
}

fn tokens_example() -> serde_json::Value {
    json!({"access_token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9…",
        "refresh_token": "AZnA3noQfGGPDl86TxwrfQ9ZVgX0…", "token_type": "Bearer",
        "expires_in": 900, "user": me_example()})
}

impl From<AccountsError> for Problem {
    fn from(error: AccountsError) -> Self {
        match error {
            AccountsError::BadLogin(rule) => Self::invalid("login", rule),
            AccountsError::WeakPassword(rule) => Self::invalid("password", rule),
            AccountsError::LoginTaken(_) => Self::conflict(&error).with_field("login", &error),
            AccountsError::WrongCredentials(_) | AccountsError::UnknownLogin(_) => {
                Self::unauthenticated("login or password is wrong")
            }
            AccountsError::TooManyTries { wait } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", &error)
                    .with_header(header::RETRY_AFTER, &(wait.num_seconds() + 1).to_string())
            }
            AccountsError::WrongPassword => Self::invalid("current_password", &error),
            AccountsError::UnknownUser(_)
            | AccountsError::UnknownSession(_)
            | AccountsError::UnknownKey(_) => Self::not_found(&error),
            AccountsError::LastAdmin => Self::conflict(&error),
            AccountsError::BadKey { field, rule } => Self::invalid(field, rule),
            AccountsError::SetupCode => Self::forbidden(&error).with_field("setup_code", &error),
            AccountsError::SetupFirst | AccountsError::RegistrationClosed => {
                Self::forbidden(&error)
            }
            AccountsError::SessionEnded | AccountsError::KeyRefused => {
                Self::unauthenticated(&error)
            }
            AccountsError::BadToken(ref cause) => {
                tracing::debug!("Refused a token: {cause}");
                Self::unauthenticated(&error)
            }
            AccountsError::Busy => Self::busy(&error),
            AccountsError::Crypto(_) => Self::internal(error),
            AccountsError::Database(error) => error.into(),
        }
    }
}
