//! The `[database]` section of the settings.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Size of the pool, limits of waiting, encryption. The connection string itself is a secret of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Connections that stay open when nothing happens.
    pub pool_min: usize,
    /// Connections that are open at most.
    pub pool_max: usize,
    /// Longest time one statement may run, in seconds.
    pub statement_timeout_s: u64,
    /// Longest wait for a connection, in seconds.
    pub acquire_timeout_s: u64,
    /// Encryption; absent: what `sslmode` in the connection string says.
    pub tls: Option<TlsMode>,
    /// Whether a certificate that nobody vouches for is good enough, e.g. one the server made itself.
    pub tls_accept_self_signed: bool,
    /// Certificates to trust besides those of the system, as PEM file.
    pub tls_ca_file: Option<PathBuf>,
    /// Folder of `initdb` and `postgres` for the private database; absent: searched for.
    pub postgres_bin: Option<PathBuf>,
}

/// How much encryption a connection to the server needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsMode {
    /// None.
    Off,
    /// Encrypted when the server offers it, without a look at its certificate.
    Prefer,
    /// Encrypted, with a trusted certificate unless `tls_accept_self_signed`.
    Require,
    /// Encrypted, with a trusted certificate in any case.
    Verify,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pool_min: 1,
            pool_max: 10,
            statement_timeout_s: 60,
            acquire_timeout_s: 4,
            tls: None,
            tls_accept_self_signed: false,
            tls_ca_file: None,
            postgres_bin: None,
        }
    }
}

impl Settings {
    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut range = |key: &str, value: u64, min: u64, max: u64| {
            if !(min..=max).contains(&value) {
                found.push(format!("{key} = {value} is outside {min} to {max}"));
            }
        };
        range("pool_max", self.pool_max as u64, 1, 100);
        range("statement_timeout_s", self.statement_timeout_s, 1, 60);
        range("acquire_timeout_s", self.acquire_timeout_s, 1, 60);
        if self.pool_min > self.pool_max {
            let (min, max) = (self.pool_min, self.pool_max);
            found.push(format!("pool_min = {min} is greater than pool_max = {max}"));
        }
        if self.tls == Some(TlsMode::Verify) && self.tls_accept_self_signed {
            found.push(
                "tls = \"verify\" and tls_accept_self_signed = true contradict each other"
                    .to_owned(),
            );
        }
        found
    }
}
