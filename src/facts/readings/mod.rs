//! Readings that meters and their gateways send: read as they arrive, checked, stored once.
//!
//! Nothing of a body is held but a batch: rows go into the transaction while the rest is still on
//! its way, and a success means that it is committed.

mod api; // HTTP: translates, decides nothing
mod model; // rows, what became of them, why they are refused
mod split; // bytes into rows, whatever the format
mod table; // lines of CSV into rows
mod row; // the rules that one row must keep
mod counters; // what flowed between the marks of a counter
mod store; // SQL
mod body; // the reading side of a request
mod session; // what is known and found while rows are written
mod service; // the writing side, in one transaction
mod put; // what others have read about one meter
mod file; // files of many meters
mod deliver; // rows that adapters have read

pub use self::api::routes;
pub use self::counters::Mark;
pub use self::deliver::Delivery;
pub use self::file::FileOrder;
pub use self::model::{Finding, IngestReport, ReadingRow, ReadingsError, Stamp};
pub use self::put::Found;
pub use self::service::Readings;
pub use self::session::count;

#[cfg(test)]
mod tests;
