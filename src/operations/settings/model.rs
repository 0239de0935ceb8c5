//! Settings as people see them, and who knows them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// Values in the database, by key.
pub type Stored = BTreeMap<String, Value>;

/// When a change takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Applies {
    /// As soon as it is stored, in every process.
    AtOnce,
    /// When Luna starts again.
    AtNextStart,
    /// It cannot be changed here: the program needs it before it has a database, or each process has
    /// its own. Files, environment and flags can set it.
    InFilesOnly,
}

/// A setting in force.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Setting {
    /// The key, e.g. `server.port`.
    #[schema(example = "accounts.registration")]
    pub key: String,
    /// The value in force; after a change of a setting that applies at the next start, the value
    /// from then on. Secrets are masked.
    #[schema(value_type = Value)]
    pub value: Value,
    /// The value when nobody sets it.
    #[schema(value_type = Value)]
    pub default: Value,
    /// Where the value comes from: `default`, a file, `database`, a variable or a flag.
    #[schema(example = "database")]
    pub origin: String,
    /// When a change takes effect.
    pub applies: Applies,
    /// What it is for.
    pub description: String,
    /// What is stored in the database; it has no effect where a variable or a flag says otherwise.
    pub stored: Option<StoredValue>,
}

/// A value in the database.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StoredValue {
    /// The value.
    #[schema(value_type = Value)]
    pub value: Value,
    /// Who changed it last.
    pub changed_by: Uuid,
    /// When.
    pub changed_at: DateTime<Utc>,
}

/// The part of the program that knows all its settings.
pub trait Book: Send + Sync {
    /// Every setting with `stored` among the sources, or every mistake in it.
    fn read(&self, stored: &Stored) -> Result<Vec<Setting>, Vec<String>>;

    /// `stored` without what is no setting or breaks a rule, e.g. since a new version.
    fn sound(&self, stored: Stored) -> Stored;

    /// Lets take effect what can do so at once.
    fn apply(&self, stored: &Stored);
}
