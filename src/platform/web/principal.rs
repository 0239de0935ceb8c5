//! Who calls, in which role, and how a part that knows accounts tells us.

use std::fmt;
use std::pin::Pin;

use actix_web::HttpRequest;
use actix_web::http::header;
use chrono_tz::Tz;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::client::is_https;
use super::problem::Problem;

/// What an account may do: `admin` ⊃ `analyst` ⊃ `viewer`; `customer` sees the site's own data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the box: users, imports, jobs, settings.
    Admin,
    /// Trains and compares models, exports data.
    Analyst,
    /// Reads everything, changes nothing.
    Viewer,
    /// Sees the site's own data, prices, forecasts and advice.
    Customer,
}

impl Role {
    /// Every role, the mightiest first.
    pub const ALL: &'static [Self] = &[Self::Admin, Self::Analyst, Self::Viewer, Self::Customer];

    /// The name in tables, tokens and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Analyst => "analyst",
            Self::Viewer => "viewer",
            Self::Customer => "customer",
        }
    }

    /// The role of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.name() == name)
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::parse(name).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|role| role.name()).collect();
            format!("'{name}' is not a role; known are {}", known.join(", "))
        })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a key of a program may be used for; each operation needs exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Read what the key's owner may read.
    Read,
    /// Bring in prices, readings, documents.
    Ingest,
    /// Train, compare and activate models, cancel jobs.
    Train,
    /// What only admins may do.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: &'static [Self] = &[Self::Read, Self::Ingest, Self::Train, Self::Admin];

    /// The name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Ingest => "ingest",
            Self::Train => "train",
            Self::Admin => "admin",
        }
    }

    /// The scope of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scope| scope.name() == name)
    }

    /// Whether somebody in `role` could use it: a key must not promise what its owner may not do.
    pub const fn fits(self, role: Role) -> bool {
        match self {
            Self::Read => true,
            Self::Ingest | Self::Train => matches!(role, Role::Admin | Role::Analyst),
            Self::Admin => matches!(role, Role::Admin),
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::parse(name).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|scope| scope.name()).collect();
            format!("'{name}' is not a scope; known are {}", known.join(", "))
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The key with which a program acts for its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyGrant {
    /// The key.
    pub key_id: Uuid,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
}

/// Language of pages and messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// German.
    #[default]
    De,
    /// English.
    En,
}

impl Language {
    /// The language tag, e.g. for `<html lang>`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::De => "de",
            Self::En => "en",
        }
    }

    /// The language of a tag.
    pub fn parse(tag: &str) -> Option<Self> {
        [Self::De, Self::En].into_iter().find(|language| language.tag() == tag)
    }
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The account; nil for a guest.
    pub account_id: Uuid,
    /// The person behind it, as other tables know it; nil for a guest.
    pub user_id: Uuid,
    /// What they log in with; empty for a guest.
    pub login: String,
    /// What they may do.
    pub role: Role,
    /// The session the request belongs to.
    pub session_id: Option<Uuid>,
    /// The key the request came with, if a program sent it.
    pub key: Option<KeyGrant>,
    /// Whether this is an anonymous caller of a box that has no admin yet.
    pub is_setup_guest: bool,
    /// Language of their pages.
    pub language: Language,
    /// Zone in which they read the clock.
    pub time_zone: Tz,
}

impl Principal {
    /// An anonymous caller of a box that has no admin yet: may read, nothing else.
    pub fn setup_guest() -> Self {
        Self {
            account_id: Uuid::nil(),
            user_id: Uuid::nil(),
            login: String::new(),
            role: Role::Customer,
            session_id: None,
            key: None,
            is_setup_guest: true,
            language: Language::default(),
            time_zone: Tz::Europe__Zurich,
        }
    }
}

/// Header in which programs send their key.
pub const API_KEY_HEADER: &str = "x-api-key";

/// What a request brings to prove who sends it.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// Token of the header `Authorization: Bearer …`.
    pub bearer: Option<SecretString>,
    /// Key of the header `X-API-Key`.
    pub api_key: Option<SecretString>,
    /// Token of the session cookie; only looked at when there is neither token nor key.
    pub cookie: Option<SecretString>,
}

impl Credentials {
    /// Whether nothing but a cookie speaks for the request: browsers add cookies on their own.
    pub(super) const fn is_cookie_only(&self) -> bool {
        self.cookie.is_some() && self.bearer.is_none() && self.api_key.is_none()
    }

    /// What `request` brings. An `Authorization` header of another scheme is refused rather than
    /// skipped: a caller who sends credentials must not be taken for somebody else.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let bearer = match request.headers().get(header::AUTHORIZATION) {
            None => None,
            Some(value) => {
                let token = value
                    .to_str()
                    .ok()
                    .and_then(|text| text.split_once(' '))
                    .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                    .map(|(_, token)| token.trim())
                    .filter(|token| !token.is_empty());
                let refusal = "the header Authorization must be: Bearer <access token>";
                Some(token.ok_or_else(|| Problem::unauthenticated(refusal))?.into())
            }
        };
        let api_key = match request.headers().get(API_KEY_HEADER) {
            None => None,
            Some(_) if bearer.is_some() => {
                let refusal = "send either Authorization or X-API-Key, not both";
                return Err(Problem::unauthenticated(refusal));
            }
            Some(value) => Some(value.to_str().unwrap_or_default().trim().to_owned().into()),
        };
        let cookie = request
            .cookie(session_cookie_name(is_https(request)))
            .map(|cookie| cookie.value().to_owned().into());
        Ok(Self { bearer, api_key, cookie })
    }
}

/// Name of the session cookie: the `__Host-` prefix binds it to this host, but needs https.
pub const fn session_cookie_name(https: bool) -> &'static str {
    if https { "__Host-luna" } else { "luna" }
}

/// What the caller's program calls itself; empty when it does not say.
pub fn user_agent(request: &HttpRequest) -> &str {
    let value = request.headers().get(header::USER_AGENT);
    value.and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A boxed future that may move between threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Turns credentials into a principal; lives in the application's data as `Arc<dyn Authenticator>`.
pub trait Authenticator: Send + Sync {
    /// Who sends `credentials`; a problem (401, 403, 503) when that cannot be said.
    fn authenticate(&self, credentials: Credentials) -> BoxFuture<Result<Principal, Problem>>;
}
