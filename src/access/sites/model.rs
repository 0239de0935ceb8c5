//! A site.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A place: a house, a workshop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "identifiers are named alike in tables and answers")]
pub struct Site {
    /// Identifier.
    pub site_id: Uuid,
    /// What people call it.
    #[schema(example = "Home")]
    pub name: String,
    /// Zone of its clocks, by its IANA name.
    #[schema(example = "Europe/Zurich")]
    pub time_zone: String,
    /// Whether whoever registers belongs to it.
    pub is_default: bool,
    /// Since when Luna knows it.
    pub created_at: DateTime<Utc>,
}
