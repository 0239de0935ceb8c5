//! Settings that admins change in the running program: kept in the database, judged by the same rules
//! as those of the files, in force at once where that can be.

mod api; // HTTP
mod model; // settings as people see them
mod service; // list, change, take back, bring up to date
mod store; // SQL

pub use self::api::routes;
pub use self::model::{Applies, Book, Setting, Stored};
pub use self::service::{SettingsError, StoredSettings, stored};
