//! The program put together: services built once, routes, the OpenAPI document, start and stop.

mod book; // settings with those from the database among them
mod brokers; // where simulated readings can go
mod bench; // benchmarks on the application itself
mod clockwork; // what is done by the clock
mod doctor; // what the box needs
mod documents; // documents with what they stand on
mod events; // what other processes change
mod http; // the actix application and its document
mod serve; // start, banner, shutdown
mod services; // every service, in the order of the floors

pub(crate) use self::bench::measure;
pub(crate) use self::book::{stored_in, with_stored};
#[cfg(test)]
pub(crate) use self::clockwork::schedules;
pub(crate) use self::doctor::look_at_box;
pub(crate) use self::http::openapi;
#[cfg(test)]
pub(crate) use self::http::{application, application_data};
pub(crate) use self::serve::serve;
pub(crate) use self::services::{Services, assemble, connect};

#[cfg(test)]
mod tests;
