//! Speed as ratios to a floor measured in the same run.
//!
//! Times depend on the machine; how much is added to what the work costs anyhow does not. Every
//! benchmark therefore measures a floor beside Luna's own way: the same rows, the same query or the
//! same trees by the shortest way there is. Both take turns, and medians are compared.

mod busy; // one row over HTTP while trees are fitted
mod client; // HTTP/1.1 over kept connections, for load
mod features; // feature tables against plain loops and pandas
mod ingest; // readings over HTTP against COPY and INSERT
mod lists; // lists of very many models
mod model; // names, figures, report
mod mqtt; // readings over MQTT against HTTP
mod pandas; // a peer where it is installed
mod pgcopy; // rows as PostgreSQL's COPY reads them
mod predict; // predictions over HTTP at a steady rate
mod read; // one row over HTTP against a bare handler
mod recalibration; // a day of the pool in processor time
mod search; // many chunks searched by words and by meaning
mod store; // a database that exists for one run, and SQL of the floors
mod trees; // one forecast against LightGBM's own fastest call
mod upsert; // many rows against COPY and INSERT
#[cfg(test)]
mod tests;

pub use self::busy::read_while_training;
pub use self::features::features;
pub use self::ingest::{import_csv, ingest_growth, ingest_http};
pub use self::lists::model_lists;
pub use self::model::{BenchError, Benchmark, Figure, Plan, Report};
pub use self::mqtt::{Broker, ingest_mqtt};
pub use self::predict::{predict, prepare_predict};
pub use self::read::{Served, prepare_read, single_row_read};
pub use self::recalibration::recalibration;
pub use self::search::search;
pub use self::store::Scratch;
pub use self::trees::lightgbm_row;
pub use self::upsert::bulk_upsert;
