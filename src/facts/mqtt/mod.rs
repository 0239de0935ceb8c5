//! MQTT as a road for meter readings: what devices and programs publish at a broker becomes readings.
//!
//! One process at a time reads the broker, with a session that the broker keeps while it is away.
//! Nothing is acknowledged before it is committed, so what is lost on the way comes again; what
//! comes again changes nothing.

mod api; // HTTP: translates, decides nothing
mod error; // what can go wrong
mod model; // mappings, messages, how the road is
mod settings; // the `[mqtt]` section
mod filter; // topic filters
mod payload; // numbers and instants in payloads
mod presets; // what known devices publish
mod discovery; // what devices say about themselves in the manner of Home Assistant
mod look; // what pages read out of the last messages
mod means; // powers that come irregularly into intervals
mod taking; // messages into rows and samples
mod store; // SQL
mod watch; // the last messages of each topic
mod service; // mappings, proposals, and the one transaction of a batch
mod batch; // batches of messages into the database
mod broker; // the way to the broker, and why it is barred
mod consumer; // reads the broker for as long as the program runs
mod publisher; // rows to the broker, for those who rehearse

pub use self::api::routes;
pub use self::broker::probe;
pub use self::error::MqttError;
pub use self::look::{is_own, leaves, meant, numbers_of};
pub use self::model::{
    ConsumerState, Field, Mapping, NewMapping, Preset, Proposal, Standing, Topic, Unit,
};
pub use self::publisher::Publisher;
pub use self::service::{Mqtt, Needs, Preview};
pub use self::settings::Settings;

#[cfg(test)]
mod tests;
