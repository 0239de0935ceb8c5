//! What tests share: a database of their own, an application around it.

mod database; // a migrated copy per test

pub use self::database::TestDb;
