//! Logs with the Kafka API: readings come in from topics, simulated ones can be written to one.
//!
//! How far a partition is read stands in the database and moves in the transaction that stores the
//! rows: whatever breaks off when, no row is lost and none is taken twice. The brokers keep no
//! offsets for Luna.

mod mapping; // where in a foreign record the fields are
mod settings; // the `[kafka]` section
mod model; // partitions, refusals, errors
mod records; // records into rows
mod store; // SQL
mod cluster; // the brokers
mod service; // rows and offset in one transaction
mod standing; // how all of it stands
mod consumer; // partitions followed
mod publisher; // rows into a topic
mod api; // HTTP: translates, decides nothing

pub use self::api::routes;
pub use self::cluster::Cluster;
pub use self::model::{KafkaError, KafkaStatus, PartitionState};

pub use self::service::Kafka;
pub use self::settings::Settings;

#[cfg(test)]
mod tests;
