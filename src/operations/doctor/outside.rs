//! Other programs that know something; each may be missing, broken or slow.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// Longest wait for a program's answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Standard output of a program that ends well in time; absent otherwise.
pub(super) async fn run(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.ok()?.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
