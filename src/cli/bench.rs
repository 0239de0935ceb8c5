//! Measures what was promised.

use super::arguments::BenchArguments;
use super::output::{Failure, json, progress, text};
use crate::app;
use crate::config::Settings;
use crate::operations::bench::Benchmark;

/// A missed gate is a figure like any other: a slow machine is not an error.
pub(super) async fn run(settings: &Settings, arguments: BenchArguments) -> Result<(), Failure> {
    let wanted = match arguments.names {
        names if names.is_empty() => {
            Benchmark::ALL.into_iter().filter(|benchmark| !benchmark.is_long()).collect()
        }
        names => names,
    };
    let report = app::measure(settings, &wanted, progress).await.map_err(Failure::world)?;
    if arguments.json { json(&report) } else { text(&report.table()) }
}
