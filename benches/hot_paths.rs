//! `cargo bench [-- NAME…]`: runs the built program's `luna bench` and prints the ratios.
//!
//! The benchmarks are part of the program, because they measure what is private to it and because a
//! box should be able to tell how fast it is.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints what it measured")]

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, ExitCode, Stdio};

use serde_json::Value;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` starts this too, without the flag: a measurement is no test.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let names = arguments.iter().filter(|argument| !argument.starts_with("--"));
    // The private database may belong to another user, who has to reach its folder.
    let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir();
    let folder = folder.expect("a folder for the measurement");
    let bench = Command::new(env!("CARGO_BIN_EXE_luna"))
        .args(["bench", "--json", "--data-dir"])
        .arg(folder.path())
        .args(names)
        .stderr(Stdio::inherit())
        .output();
    let bench = bench.expect("the program was built");
    let report: Value = match serde_json::from_slice(&bench.stdout) {
        Ok(report) if bench.status.success() => report,
        _ => {
            eprintln!("luna bench ended with {} and without a report", bench.status);
            return ExitCode::FAILURE;
        }
    };
    println!("machine {}", report["machine"]);
    for figure in report["figures"].as_array().into_iter().flatten() {
        let verdict = if figure["passed"] == true { "pass" } else { "fail" };
        println!(
            "{:<16} ratio {:.3}, gate {}, {verdict}",
            figure["name"].as_str().unwrap_or_default(),
            figure["ratio"].as_f64().unwrap_or(f64::NAN),
            figure["gate"],
        );
    }
    ExitCode::SUCCESS
}
