//! The `[server]` section.

use std::net::IpAddr;

use actix_web::http::Uri;
use serde::{Deserialize, Serialize};

use super::networks::Networks;
use crate::platform::runtime::Roles;

/// The `[server]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Address to listen on; `0.0.0.0` is reachable from the local network.
    pub host: String,
    /// Port to listen on.
    pub port: u16,
    /// Whether the start brings the database to this version.
    pub apply_migrations: bool,
    /// How long a stop waits for what is being done, in seconds.
    pub stop_patience_s: u32,
    /// What this process does, e.g. `web,worker`; several processes may share a database.
    pub roles: Roles,
    /// Proxies that are believed when they say for whom they ask, and whether over https.
    pub trusted_proxies: Networks,
    /// Addresses that admin pages and endpoints answer to.
    pub admin_addresses: Networks,
    /// Other origins whose pages may read the API, e.g. `https://panel.example.ch`.
    pub cors_origins: Vec<Origin>,
    /// Requests that one address, and one account, may make in a minute; 0 is no limit.
    pub requests_per_minute: u32,
    /// Attempts to log in or to register that one address may make in a minute; 0 is no limit.
    pub logins_per_minute: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host: "0.0.0.0".to_owned(),
            port: 8001,
            apply_migrations: true,
            stop_patience_s: 10,
            roles: Roles::default(),
            trusted_proxies: Networks::default(),
            admin_addresses: Networks::local(),
            cors_origins: Vec::new(),
            requests_per_minute: 3000,
            logins_per_minute: 20,
        }
    }
}

impl Settings {
    /// What is wrong with the section as a whole; each sentence begins with its key.
    pub fn mistakes(&self) -> Vec<String> {
        let Self { host, port, .. } = self;
        let mut found = Vec::new();
        if host.parse::<IpAddr>().is_err() {
            found.push(format!("host = \"{host}\" is not an address; write e.g. 0.0.0.0 or ::"));
        }
        if *port == 0 {
            found.push("port = 0 would be another one at every start; write e.g. 8001".to_owned());
        }
        found
    }
}

/// Where a page comes from, as browsers write it: scheme, host, and a port that is not the usual one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(String);

impl Origin {
    /// The origin as browsers write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Origin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_origin = || {
            let (scheme, rest) = text.split_once("://")?;
            let uri: Uri = text.parse().ok()?;
            let host = uri.host()?;
            let plain = !rest.contains(['/', '@', '?', '#', '*']) && !host.is_empty();
            let usual =
                matches!((scheme, uri.port_u16()), ("http", Some(80)) | ("https", Some(443)));
            let sound =
                matches!(scheme, "http" | "https") && !usual && *text == text.to_lowercase();
            (plain && sound).then_some(())
        };
        let refusal = format!(
            "'{text}' is not an origin as browsers send it; write e.g. https://panel.example.ch"
        );
        is_origin().ok_or(refusal)?;
        Ok(Self(text))
    }
}

impl From<Origin> for String {
    fn from(Origin(text): Origin) -> Self {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_would_send() {
        for (text, sound) in [
            ("https://panel.example.ch", true),
            ("http://192.168.1.4:3000", true),
            ("http://[::1]:3000", true),
            ("*", false),
            ("https://*.example.ch", false),
            ("https://panel.example.ch/", false),
            ("https://panel.example.ch/app", false),
            ("https://Panel.example.ch", false),
            ("https://panel.example.ch:443", false),
            ("https://anna@panel.example.ch", false),
            ("panel.example.ch", false),
            ("file://", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(Origin::try_from(text.to_owned()).is_ok(), sound, "{text}");
        }
    }
}
