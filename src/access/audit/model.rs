//! Actors, events and entries.

use std::fmt;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::facts::Facts;
use crate::platform::web::{Principal, current_address, current_request_id};

/// What kind of somebody did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A person who is logged in.
    User,
    /// A program with the API key of a person.
    Key,
    /// A command on the box.
    Command,
    /// Luna itself: a job, a schedule.
    System,
    /// Somebody who has not proved who they are.
    Nobody,
}

impl Actor {
    const ALL: [Self; 5] = [Self::User, Self::Key, Self::Command, Self::System, Self::Nobody];

    /// The name in the table and in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Key => "key",
            Self::Command => "command",
            Self::System => "system",
            Self::Nobody => "nobody",
        }
    }

    /// The actor of a name in the table.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|actor| actor.name() == name)
    }
}

/// Who does something, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    pub(super) actor: Actor,
    pub(super) user_id: Option<Uuid>,
    pub(super) key_id: Option<Uuid>,
    pub(super) address: Option<IpAddr>,
    pub(super) request_id: Option<String>,
}

impl By {
    const fn inside(actor: Actor) -> Self {
        Self { actor, user_id: None, key_id: None, address: None, request_id: None }
    }

    fn over_http(actor: Actor) -> Self {
        Self {
            address: current_address(),
            request_id: Some(current_request_id().to_string()),
            ..Self::inside(actor)
        }
    }

    /// The sender of the request that is being answered.
    pub fn of(principal: &Principal) -> Self {
        if principal.is_setup_guest {
            return Self::nobody();
        }
        let key_id = principal.key.as_ref().map(|key| key.key_id);
        let actor = if key_id.is_some() { Actor::Key } else { Actor::User };
        Self { user_id: Some(principal.user_id), key_id, ..Self::over_http(actor) }
    }

    /// What kind of somebody.
    pub const fn actor(&self) -> Actor {
        self.actor
    }

    /// The person, or the owner of the key; absent inside of the box.
    pub const fn user_id(&self) -> Option<Uuid> {
        self.user_id
    }

    /// Address the request came from; absent inside of the box.
    pub const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The sender of the request that is being answered, who has just become known as `user_id`.
    pub fn user(user_id: Uuid) -> Self {
        Self { user_id: Some(user_id), ..Self::over_http(Actor::User) }
    }

    /// The sender of the request that is being answered, who has proved nothing.
    pub fn nobody() -> Self {
        Self::over_http(Actor::Nobody)
    }

    /// Whoever runs commands on the box.
    pub const fn command() -> Self {
        Self::inside(Actor::Command)
    }

    /// Luna itself.
    pub const fn system() -> Self {
        Self::inside(Actor::System)
    }
}

/// What is done to what.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub(super) action: &'static str,
    pub(super) subject_kind: &'static str,
    pub(super) subject_id: String,
    pub(super) before: Option<Facts>,
    pub(super) after: Option<Facts>,
}

impl Event {
    /// `action` (`model.activate`) on the thing of this kind and identifier.
    pub fn new(action: &'static str, (kind, id): (&'static str, impl fmt::Display)) -> Self {
        let subject_id = id.to_string();
        Self { action, subject_kind: kind, subject_id, before: None, after: None }
    }

    /// What was.
    #[must_use]
    pub fn before(self, thing: &impl Serialize) -> Self {
        Self { before: Some(Facts::of(thing)), ..self }
    }

    /// What is now.
    #[must_use]
    pub fn after(self, thing: &impl Serialize) -> Self {
        Self { after: Some(Facts::of(thing)), ..self }
    }
}

/// A row of the log.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Entry {
    /// Identifier.
    pub audit_id: Uuid,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// Who: what kind of somebody.
    pub actor: Actor,
    /// Who: the person, or the owner of the key.
    pub user_id: Option<Uuid>,
    /// Who: the key.
    pub key_id: Option<Uuid>,
    /// What was done.
    #[schema(example = "model.activate")]
    pub action: String,
    /// Kind of the thing it was done to.
    #[schema(example = "model")]
    pub subject_kind: String,
    /// Identifier of the thing.
    pub subject_id: String,
    /// Address the request came from.
    #[schema(example = "192.168.1.20")]
    pub address: Option<String>,
    /// The request, as in `X-Request-Id` and in the log.
    pub request_id: Option<String>,
    /// What was, as far as it is worth remembering.
    #[schema(value_type = Option<Object>)]
    pub before: Option<serde_json::Value>,
    /// What is since.
    #[schema(value_type = Option<Object>)]
    pub after: Option<serde_json::Value>,
}

/// Which rows to list.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only by this kind of somebody.
    pub actor: Option<Actor>,
    /// Only by this person, or with a key of theirs.
    pub user_id: Option<Uuid>,
    /// Only this action, or all of a kind (`model.`).
    pub action: Option<String>,
    /// Only on things of this kind.
    pub subject_kind: Option<String>,
    /// Only on the thing of this identifier.
    pub subject_id: Option<String>,
    /// Only from this instant on.
    pub from: Option<DateTime<Utc>>,
    /// Only before this instant.
    pub to: Option<DateTime<Utc>>,
    /// Only rows behind this one in the list.
    pub after: Option<(DateTime<Utc>, Uuid)>,
}
