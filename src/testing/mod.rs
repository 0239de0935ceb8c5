//! What tests share: a database of their own, an application around it.

mod app; // the whole application without a port
mod database; // a migrated copy per test

pub use self::app::{ANYBODY, Answer, TestApp};
pub use self::database::TestDb;
