//! The `[vectors]` section of the settings.

use reqwest::Url;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// Port at which Qdrant speaks REST.
const REST_PORT: u16 = 6_333;
/// Port at which it speaks gRPC, which Luna speaks.
const GRPC_PORT: u16 = 6_334;

/// Where chunks are indexed: in the data folder, unless a Qdrant server is named.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where a Qdrant server answers; absent: its engine runs in this process.
    pub qdrant_url: Option<String>,
    /// Key for it.
    #[serde(skip)]
    pub api_key: Option<SecretString>,
    /// How long one request may take, in seconds.
    pub patience_s: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self { qdrant_url: None, api_key: None, patience_s: 10 }
    }
}

impl Settings {
    /// The server's address for gRPC; absent without a server. Whoever names the port of REST means the
    /// server, so that is put right.
    pub fn server(&self) -> Option<String> {
        let text = self.qdrant_url.as_deref().map(str::trim).filter(|url| !url.is_empty())?;
        let Ok(mut url) = text.parse::<Url>() else { return Some(text.to_owned()) };
        if matches!(url.port(), None | Some(REST_PORT)) && url.scheme() == "http"
            || url.port() == Some(REST_PORT)
        {
            // An address with a host takes any port.
            let _has_host = url.set_port(Some(GRPC_PORT));
        }
        Some(url.as_str().trim_end_matches('/').to_owned())
    }

    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let mut all = Vec::new();
        let given = self.qdrant_url.as_deref().map(str::trim).filter(|url| !url.is_empty());
        let Some(text) = given else {
            if self.api_key.is_some() {
                all.push(
                    "api_key is set without a server; set QDRANT_URL, or take the key away to keep \
                     vectors in the data folder"
                        .to_owned(),
                );
            }
            return all;
        };
        // What stands there may hold a password, so it is not repeated.
        let is_bare = text.parse::<Url>().is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                && url.path() == "/"
                && url.query().is_none()
        });
        if !is_bare {
            all.push(
                "qdrant_url must be an address like http://localhost:6334, without path or login; a \
                 key goes into QDRANT_API_KEY"
                    .to_owned(),
            );
        }
        if !(1..=600).contains(&self.patience_s) {
            all.push(format!("patience_s = {} is not between 1 and 600", self.patience_s));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Settings {
        Settings { qdrant_url: Some(url.into()), ..Settings::default() }
    }

    #[test]
    fn the_port_of_rest_means_the_server() {
        for (url, expected) in [
            ("http://qdrant:6333", "http://qdrant:6334"),
            ("http://qdrant:6334/", "http://qdrant:6334"),
            ("http://qdrant", "http://qdrant:6334"),
            ("http://127.0.0.1:9999", "http://127.0.0.1:9999"),
            ("https://qdrant.example.ch", "https://qdrant.example.ch"),
            ("https://qdrant.example.ch:6333", "https://qdrant.example.ch:6334"),
        ] {
            assert_eq!(at(url).server().as_deref(), Some(expected), "{url}");
        }
        assert_eq!(at(" ").server(), None);
        assert_eq!(Settings::default().server(), None);
    }

    #[test]
    fn what_cannot_work_is_said_without_secrets() {
        assert_eq!(Settings::default().mistakes(), [""; 0]);
        assert_eq!(at("https://qdrant.example.ch:6334").mistakes(), [""; 0]);
        for url in ["qdrant:6334", "ftp://h", "http://anna:c4n4ry@h:6334", "http://h/collections"] {
            let mistakes = at(url).mistakes();
            assert_eq!(mistakes.len(), 1, "{url}: {mistakes:?}");
            assert!(!mistakes[0].contains("c4n4ry"));
        }
        let alone = Settings { api_key: Some("c4n4ry".into()), ..Settings::default() };
        assert!(alone.mistakes()[0].starts_with("api_key is set without a server"));
        assert!(
            Settings { patience_s: 0, ..at("http://h:6334") }.mistakes()[0].contains("patience_s")
        );
    }
}
