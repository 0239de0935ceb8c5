//! The program put together: services built once, routes, the OpenAPI document, start and stop.

mod book; // settings with those from the database among them
mod bench; // benchmarks on the application itself
mod connect; // the database, brokers
mod doctor; // what the box needs
mod documents; // documents with what they stand on
mod events; // what other processes change
mod http; // the actix application and its document
mod serve; // start, banner, shutdown
mod schedules; // what it does by the clock
mod services; // every service, in the order of the floors

pub(crate) use self::bench::measure;
pub(crate) use self::book::{stored_in, with_stored};
pub(crate) use self::connect::connect;
pub(crate) use self::doctor::look_at_box;
pub(crate) use self::http::openapi;
#[cfg(test)]
pub(crate) use self::http::{application, application_data};
#[cfg(test)]
pub(crate) use self::schedules::schedules;
pub(crate) use self::serve::serve;
pub(crate) use self::services::{Services, assemble};

#[cfg(test)]
mod tests;
