//! What happened, for people and for learning: who, when, what kind; nothing that tells who
//! somebody is.

mod api; // HTTP: translates, decides nothing
mod model; // an event, and what may stand in it
mod store; // SQL
mod service; // recorded in the transaction of what happened
mod telemetry; // sent by people and programs

pub use self::api::routes;
pub use self::model::NewEvent;
pub use self::service::Events;
pub use self::telemetry::Telemetry;

#[cfg(test)]
mod tests;
