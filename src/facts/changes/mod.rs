//! What changed and when: told in the transaction of the facts, taken by consumers at least once.
//!
//! Facts write one row per series and batch ([`record`]) and notify once per transaction. A
//! consumer keeps a cursor; it is woken by the notice and looks every half minute anyway.

mod api; // HTTP: how far consumers are, what they could not take
mod model; // values, no I/O
mod service; // one step of a consumer, letters
mod store; // SQL
mod tasks; // consumers as tasks of the program

#[cfg(test)]
mod tests;

pub use self::api::routes;
pub use self::model::{Change, ChangeKind, ConsumerState, DeadChange};
#[cfg(test)]
pub use self::service::Pace;
pub use self::service::{Changes, ChangesError, Consumer};
pub use self::store::{pending, record, record_in};
