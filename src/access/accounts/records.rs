//! What owners and admins see of accounts, sessions and keys.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::platform::web::{Language, Role, Scope};

/// Somebody with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "identifiers are named alike in tables and answers")]
pub struct User {
    /// The person, as other answers name them.
    pub user_id: Uuid,
    /// What they log in with.
    #[schema(example = "anna@example.ch")]
    pub login: String,
    /// What they may do.
    pub role: Role,
    /// Language of their pages.
    pub language: Language,
    /// Zone in which they read the clock.
    #[schema(value_type = String, example = "Europe/Zurich")]
    pub time_zone: Tz,
    /// Since when they may not log in any more.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Since when they have the account.
    pub created_at: DateTime<Utc>,
}

/// What to change of an account; absent fields stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UserChange {
    /// What they may do from now on.
    pub role: Option<Role>,
    /// Whether they may not log in any more; ends their sessions and keys.
    pub disabled: Option<bool>,
    /// Language of their pages.
    pub language: Option<Language>,
}

/// A session that is alive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SessionRecord {
    /// Identifier.
    pub session_id: Uuid,
    /// Whose.
    pub user_id: Uuid,
    /// What they log in with.
    #[schema(example = "anna@example.ch")]
    pub login: String,
    /// `login`, or `command_line` for a token that was printed on the box.
    #[schema(example = "login")]
    pub kind: String,
    /// What the browser or program called itself.
    pub user_agent: String,
    /// Address it was opened from.
    #[schema(example = "192.168.1.20")]
    pub address: Option<String>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When it was used, to the minute.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// A key of a program. The key itself is shown once, when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeyRecord {
    /// Identifier.
    pub key_id: Uuid,
    /// Whose.
    pub user_id: Uuid,
    /// What they log in with.
    #[schema(example = "anna@example.ch")]
    pub login: String,
    /// What it is called.
    #[schema(example = "heat pump")]
    pub name: String,
    /// How it begins, to tell it from others.
    #[schema(example = "luna_5f3a4f1c")]
    pub prefix: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// Since when it exists.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// When it was used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When somebody ended it.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A key to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// What to call it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// Days until it ends.
    pub days: u16,
}

/// Which part of a list to return: whose, behind which row, how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Only what belongs to this person.
    pub user_id: Option<Uuid>,
    /// Only rows behind this one in the list.
    pub after: Option<(DateTime<Utc>, Uuid)>,
    /// Most rows.
    pub limit: i64,
}
