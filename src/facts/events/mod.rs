//! What happened, for people and for learning: who, when, what kind; nothing that tells who
//! somebody is.

mod model; // an event, and what may stand in it
mod store; // SQL
mod service; // recorded in the transaction of what happened

pub use self::model::NewEvent;
pub use self::service::Events;

#[cfg(test)]
mod tests;
