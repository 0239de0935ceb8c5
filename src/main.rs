//! The program `luna`.

use std::process::ExitCode;

fn main() -> ExitCode {
    luna::cli::main()
}
