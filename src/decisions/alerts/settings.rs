//! The `[alerts]` section.

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::platform::outbound::Reach;

/// Shortest secret: what 128 bits take in hexadecimal digits.
const SECRET_MIN: usize = 32;

/// When alerts end, and where what models say is sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Days after the predicted instant at which an alert ends although nobody told what came.
    pub expire_after_days: u16,
    /// Receiver for models that name none of their own.
    pub webhook_url: Option<String>,
    /// What deliveries are signed with; absent: they are not.
    #[serde(skip)]
    pub webhook_secret: Option<SecretString>,
    /// Receivers in this network or on this box, as host or host:port; others are reached on the internet only.
    pub webhook_hosts: Vec<String>,
    /// How long a receiver may take, in seconds.
    pub webhook_timeout_s: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            expire_after_days: 7,
            webhook_url: None,
            webhook_secret: None,
            webhook_hosts: Vec::new(),
            webhook_timeout_s: 5,
        }
    }
}

impl Settings {
    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let mut all = Vec::new();
        if !(1..=366).contains(&self.expire_after_days) {
            let days = self.expire_after_days;
            all.push(format!("expire_after_days = {days} is not between 1 and 366"));
        }
        if !(1..=60).contains(&self.webhook_timeout_s) {
            let seconds = self.webhook_timeout_s;
            all.push(format!("webhook_timeout_s = {seconds} is not between 1 and 60"));
        }
        // The address may hold a token: it is not repeated.
        if self.webhook_url.as_deref().is_some_and(|url| parts(url).is_none()) {
            all.push(
                "webhook_url must be an address like https://host/path, without login and password"
                    .to_owned(),
            );
        }
        if self.webhook_secret.as_ref().is_some_and(|it| it.expose_secret().len() < SECRET_MIN) {
            all.push(format!("webhook_secret is shorter than {SECRET_MIN} letters"));
        }
        for host in self.webhook_hosts.iter().filter(|host| !is_host(host)) {
            all.push(format!("webhook_hosts: '{host}' is not a host, or host:port"));
        }
        all
    }

    /// How far a delivery to `url` may go: into this network, or to this box, only where its host is
    /// listed or is that of the installation's own receiver.
    pub(super) fn reach(&self, url: &str) -> Reach {
        let Some((host, port)) = parts(url) else { return Reach::Public };
        let with_port = format!("{host}:{port}");
        let own = self.webhook_url.as_deref().and_then(parts);
        let is_listed = own == Some((host.clone(), port))
            || self
                .webhook_hosts
                .iter()
                .any(|it| it.eq_ignore_ascii_case(&host) || it.eq_ignore_ascii_case(&with_port));
        let is_here = host == "localhost" || host == "[::1]" || host.starts_with("127.");
        match (is_listed, is_here) {
            (false, _) => Reach::Public,
            (true, false) => Reach::Network,
            (true, true) => Reach::Host,
        }
    }
}

/// Host and port of an address that can be posted to.
fn parts(url: &str) -> Option<(String, u16)> {
    let url: Url = url.parse().ok()?;
    let is_plain = url.username().is_empty() && url.password().is_none();
    let is_web = matches!(url.scheme(), "http" | "https");
    let host = url.host_str().filter(|_| is_plain && is_web)?;
    Some((host.to_owned(), url.port_or_known_default()?))
}

/// The host of an address, for people.
pub(super) fn host_of(url: &str) -> String {
    parts(url).map_or_else(String::new, |(host, _)| host)
}

fn is_host(text: &str) -> bool {
    let is_sound = |text: &str| {
        let url: Result<Url, _> = format!("http://{text}/").parse();
        url.is_ok_and(|url| url.path() == "/" && url.username().is_empty() && url.query().is_none())
    };
    !text.is_empty() && !text.contains(['/', '?', '#', '@']) && is_sound(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_receivers_may_be_near() {
        let settings = Settings {
            webhook_hosts: vec!["n8n.lan".into(), "127.0.0.1:5678".into()],
            webhook_url: Some("http://localhost:9/hook".into()),
            ..Settings::default()
        };
        assert_eq!(settings.mistakes(), [""; 0]);
        for (url, reach) in [
            ("https://n8n.lan/webhook/x", Reach::Network),
            ("http://N8N.lan:8080/x", Reach::Network),
            ("https://n8n.lan.evil.example/x", Reach::Public),
            ("http://127.0.0.1:5678/x", Reach::Host),
            ("http://127.0.0.1:5679/x", Reach::Public),
            ("http://localhost:9/other", Reach::Host),
            ("http://localhost/other", Reach::Public),
            ("https://n8n.lan@evil.example/x", Reach::Public),
            ("nonsense", Reach::Public),
        ] {
            assert_eq!(settings.reach(url), reach, "{url}");
        }
        assert_eq!(host_of("https://n8n.example.ch/webhook/secret"), "n8n.example.ch");
    }

    #[test]
    fn mistakes_are_all_named_and_repeat_no_secret() {
        let wrong = Settings {
            expire_after_days: 0,
            webhook_url: Some("https://a:geheim@x/".into()),
            webhook_secret: Some("geheim".into()),
            webhook_hosts: vec!["http://x".into(), String::new()],
            webhook_timeout_s: 0,
        };
        let told = wrong.mistakes();
        assert_eq!(told.len(), 6, "{told:?}");
        assert!(!told.concat().contains("geheim"), "{told:?}");
    }
}
