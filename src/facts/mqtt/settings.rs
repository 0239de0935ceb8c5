//! The `[mqtt]` section of the settings.

use std::path::PathBuf;

use reqwest::Url;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::filter;

/// Topics of known devices in the form in which they publish unless told otherwise.
const TOPICS: [&str; 8] = [
    "tele/+/SENSOR",
    "+/status/+",
    "+/events/rpc",
    "+/sensor/+/state",
    "homeassistant/+/+/config",
    "homeassistant/+/+/+/config",
    "dsmr/json",
    "dsmr/reading/+",
];

/// The broker to read; without one nothing is read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the broker answers: `mqtt://host:1883`, or `mqtts://host:8883` with TLS.
    pub url: Option<String>,
    /// Name to log in with.
    pub user: Option<String>,
    /// Password to log in with.
    #[serde(skip)]
    pub password: Option<SecretString>,
    /// Certificates to trust besides those of the system, as PEM file.
    pub ca_file: Option<PathBuf>,
    /// Name of Luna's session at the broker; absent: one is made once and kept in the database.
    pub client_id: Option<String>,
    /// Topics to listen to besides `luna/readings` and those of mappings.
    pub topics: Vec<String>,
    /// Whether rows about meters that nobody knows make them known.
    pub create_meters: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: None,
            user: None,
            password: None,
            ca_file: None,
            client_id: None,
            topics: TOPICS.map(str::to_owned).to_vec(),
            create_meters: true,
        }
    }
}

/// Where a broker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub host: String,
    pub port: u16,
    pub has_tls: bool,
}

impl Address {
    /// The broker as it is named in sentences, e.g. `mqtt://localhost:1883`.
    pub fn name(&self) -> String {
        let scheme = if self.has_tls { "mqtts" } else { "mqtt" };
        format!("{scheme}://{}:{}", self.host, self.port)
    }
}

impl Settings {
    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let mut all = Vec::new();
        // What stands there may hold a password, so it is not repeated.
        if self.url.is_some() && self.address().is_none() {
            all.push(
                "url must be like mqtt://host:1883 or mqtts://host:8883, without path or login; \
                 name and password go to MQTT_USER and MQTT_PASSWORD"
                    .to_owned(),
            );
        }
        if self.url.is_none() {
            let set = [("user", self.user.is_some()), ("password", self.password.is_some())];
            if let Some((key, _)) = set.into_iter().find(|(_, is_set)| *is_set) {
                all.push(format!("{key} is set without a broker; set MQTT_URL, or take it away"));
            }
        }
        if self.password.is_some() && self.user.is_none() {
            all.push("password is set without a name; set MQTT_USER".to_owned());
        }
        if self.ca_file.is_some() && self.address().is_some_and(|address| !address.has_tls) {
            all.push("ca_file is for mqtts://; with mqtt:// nothing is encrypted".to_owned());
        }
        let is_fit = |id: &String| {
            (1..=64).contains(&id.len()) && id.chars().all(|it| it.is_ascii_graphic())
        };
        if self.client_id.as_ref().is_some_and(|id| !is_fit(id)) {
            all.push("client_id must be 1 to 64 printable ASCII characters".to_owned());
        }
        let faulty =
            self.topics.iter().filter_map(|topic| Some((topic, filter::check(topic).err()?)));
        all.extend(faulty.map(|(topic, why)| format!("topics: '{topic}' {why}")));
        all
    }

    /// Where the broker is; absent when none is set, or none that could be found.
    pub(super) fn address(&self) -> Option<Address> {
        let url: Url = self.url.as_deref()?.parse().ok()?;
        let has_tls = match url.scheme() {
            "mqtt" | "tcp" => false,
            "mqtts" | "ssl" => true,
            _ => return None,
        };
        let is_bare = matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let host = url.host_str().filter(|host| is_bare && !host.is_empty())?.to_owned();
        let port = url.port().unwrap_or(if has_tls { 8_883 } else { 1_883 });
        Some(Address { host, port, has_tls })
    }

    /// The broker as it is named in sentences; absent when none is set.
    pub fn broker(&self) -> Option<String> {
        self.address().map(|address| address.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Settings {
        Settings { url: Some(url.to_owned()), ..Settings::default() }
    }

    #[test]
    fn a_broker_has_a_host_a_port_and_perhaps_tls() {
        for (url, name) in [
            ("mqtt://broker", "mqtt://broker:1883"),
            ("mqtts://broker/", "mqtts://broker:8883"),
            ("mqtt://[::1]:1884", "mqtt://[::1]:1884"),
        ] {
            assert_eq!(at(url).broker().as_deref(), Some(name), "{url}");
            assert!(at(url).mistakes().is_empty(), "{url}");
        }
        for url in
            ["broker:1883", "http://broker", "mqtt://me:c4n4ry@broker", "mqtt://broker/x", ""]
        {
            let mistakes = at(url).mistakes();
            assert_eq!(mistakes.len(), 1, "{url}");
            assert!(mistakes[0].contains("MQTT_USER") && !mistakes[0].contains("c4n4ry"), "{url}");
        }
    }

    #[test]
    fn half_a_configuration_is_none() {
        assert!(Settings::default().mistakes().is_empty());
        let alone = Settings { user: Some("luna".to_owned()), ..Settings::default() };
        assert!(alone.mistakes()[0].contains("MQTT_URL"));
        let nameless = Settings { password: Some("c4n4ry".into()), ..at("mqtt://broker") };
        assert!(nameless.mistakes()[0].contains("MQTT_USER"));
        let plain = Settings { ca_file: Some("ca.pem".into()), ..at("mqtt://broker") };
        assert!(plain.mistakes()[0].contains("mqtts://"));
        let odd = Settings { topics: vec!["a/#/b".to_owned()], ..at("mqtt://broker") };
        assert!(odd.mistakes()[0].contains("a/#/b"), "{:?}", odd.mistakes());
    }
}
