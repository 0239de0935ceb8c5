//! Luna: an energy management system in one process, one binary, one database pool.
//!
//! Each floor may use only the floors listed above it; inside a floor the same rule holds for its
//! areas, in the order of its `mod.rs`. `tests/architecture.rs` enforces that one sentence.

mod base; // values without I/O: units, timeline, ids
mod algorithms; // pure: numbers in, numbers out
mod platform; // knows no business: telemetry, runtime, db, web, jobs
mod access; // who may do what: accounts, sessions, roles
mod facts; // what is known: market prices, imports, simulation
mod learning; // features, datasets, registry, training, prediction
mod decisions; // what to do: cheap windows
mod knowledge; // documents and the answers that quote them
mod operations; // health, status, bench
mod surfaces; // pages
mod config; // the sections of the settings put together
pub mod app; // services built once, routes, OpenAPI
pub mod cli; // commands
#[cfg(fuzzing)]
pub mod fuzzing; // doors for the fuzzer
#[cfg(test)]
mod testing; // TestApp, TestDb
