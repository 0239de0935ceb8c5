//! Other programs that know something; each may be missing, broken or slow.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// Longest wait for a program's answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether something accepts connections where an address `http://host:port/…` leads.
pub(super) async fn connects(address: &str) -> Result<(), String> {
    let uri = address.parse::<http::Uri>().map_err(|error| error.to_string())?;
    let host = uri.host().ok_or("it names no host")?;
    let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    let target = (host.trim_matches(['[', ']']), uri.port_u16().unwrap_or(usual));
    match tokio::time::timeout(PATIENCE, tokio::net::TcpStream::connect(target)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

/// Standard output of a program that ends well in time; absent otherwise.
pub(super) async fn run(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.ok()?.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
