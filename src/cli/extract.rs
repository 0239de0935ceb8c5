//! `luna extract`: the child process that reads one file; started by Luna itself.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use super::output::Failure;
use crate::knowledge::extract::Limits;
use crate::knowledge::extract::Task;
use crate::knowledge::extract::{extract, probe};

/// Read the file on standard input and print its text as JSON
///
/// The process first takes its own rights away: memory, time, files, programs, network.
#[derive(Debug, Parser)]
#[command(name = "luna extract")]
struct ExtractArguments {
    /// Extension of the file's name
    #[arg(long, default_value = "")]
    extension: String,
    /// Memory beyond what the program takes
    #[arg(long, default_value_t = 512)]
    address_space_mb: u64,
    /// Time of the processor
    #[arg(long, default_value_t = 60)]
    cpu_s: u64,
    /// Longest text
    #[arg(long, default_value_t = 32)]
    output_mb: usize,
    /// What the parts of the file may unpack to
    #[arg(long, default_value_t = 256)]
    unpacked_mb: u64,
    /// Pages, sheets or slides
    #[arg(long, default_value_t = 10_000)]
    pages_max: u32,
    /// Read nothing, but try what must not be possible and say what came of it
    #[arg(long)]
    probe: bool,
}

/// Whether the command line asks for this, which is done before anything else is set up: no settings, no
/// log, no threads.
pub(super) fn is_asked(arguments: &[OsString]) -> bool {
    arguments.get(1).is_some_and(|first| first == "extract")
}

pub(super) fn run(arguments: &[OsString]) -> ExitCode {
    let asked = match ExtractArguments::try_parse_from(&arguments[1..]) {
        Ok(asked) => asked,
        Err(message) => {
            let code = if message.use_stderr() { 2 } else { 0 };
            drop(message.print());
            return ExitCode::from(code);
        }
    };
    let limits = Limits {
        output_bytes: asked.output_mb << 20,
        unpacked_bytes: asked.unpacked_mb << 20,
        pages_max: asked.pages_max,
        ..Limits::default()
    };
    let task = Task {
        extension: asked.extension,
        limits,
        address_space_bytes: asked.address_space_mb << 20,
        cpu_s: asked.cpu_s,
    };
    let done = if asked.probe { probe(&task) } else { extract(&task) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => Failure::world(anyhow::anyhow!(reason)).report(),
    }
}
