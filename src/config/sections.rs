//! The sections of the settings put together: those of the areas and the few that belong to none.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::layers::{ConfigError, Effective, Layers};
use super::sources::Sources;
use crate::platform::{db, jobs, telemetry};

/// The `[server]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address to listen on; `0.0.0.0` is reachable from the local network.
    pub host: String,
    /// Port to listen on.
    pub port: u16,
    /// Whether the start brings the database to this version.
    pub apply_migrations: bool,
    /// How long a stop waits for what is being done, in seconds.
    pub stop_patience_s: u32,
}

impl Default for Server {
    fn default() -> Self {
        Self { host: "0.0.0.0".to_owned(), port: 8001, apply_migrations: true, stop_patience_s: 20 }
    }
}

impl Server {
    fn mistakes(&self) -> Vec<String> {
        let Self { host, port, .. } = self;
        let mut found = Vec::new();
        if host.parse::<std::net::IpAddr>().is_err() {
            found.push(format!("host = \"{host}\" is not an address; write e.g. 0.0.0.0 or ::"));
        }
        if *port == 0 {
            found.push("port = 0 would be another one at every start; write e.g. 8001".to_owned());
        }
        found
    }
}

/// The `[storage]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Storage {
    /// Folder of the private database, datasets and models.
    pub data_dir: PathBuf,
}

impl Default for Storage {
    fn default() -> Self {
        Self { data_dir: "data".into() }
    }
}
