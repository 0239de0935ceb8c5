//! The one integration test binary: source rules, files of the project, the built program.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod architecture; // rules of the source text
mod benchmark; // price forecasts on files of the open benchmark
mod browser; // the pages in a real browser
mod clock; // a clock that leaps
mod day; // a box from its first start on
mod deploy; // compose, image, variables, recipes
mod faults; // killed in the middle of taking readings in
mod files; // a bucket that is away
mod kafka; // killed while it reads a log
mod doctor; // what the program says about its box, and about itself
mod observability; // metrics as Prometheus sees them
mod openapi; // the API's document in the repository
mod preflight; // the look before the containers start
mod processes; // several processes on one database
mod program; // the built program in a folder of its own
mod real_data; // import, training and evaluation of published prices
