//! The `[objects]` section of the settings.

use std::path::PathBuf;

use reqwest::Url;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::model::is_key;

/// Where files are kept: without a bucket in the data folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Bucket of an S3-compatible store; absent: files stay in the data folder.
    pub bucket: Option<String>,
    /// Where the store answers; absent: Amazon's, in `region`.
    pub endpoint: Option<String>,
    /// Region of the bucket; stores of one's own mostly take any.
    pub region: String,
    /// What stands before every key, so that several boxes may share a bucket.
    pub prefix: String,
    /// Whether the bucket's name stands in the path of an address, not in its host name.
    pub path_style: bool,
    /// Whether an endpoint may be asked without encryption.
    pub allow_http: bool,
    /// Certificates to trust besides those of the system, as PEM file.
    pub ca_file: Option<PathBuf>,
    /// Name of the key that opens the bucket.
    #[serde(skip)]
    pub access_key: Option<SecretString>,
    /// The key itself.
    #[serde(skip)]
    pub secret_key: Option<SecretString>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bucket: None,
            endpoint: None,
            region: "us-east-1".to_owned(),
            prefix: String::new(),
            path_style: true,
            allow_http: false,
            ca_file: None,
            access_key: None,
            secret_key: None,
        }
    }
}

impl Settings {
    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let mut all = Vec::new();
        match self.bucket.as_deref() {
            Some(bucket) => self.check_bucket(bucket, &mut all),
            None => self.check_without_bucket(&mut all),
        }
        if let Some(endpoint) = self.endpoint.as_deref() {
            all.extend(self.endpoint_mistake(endpoint).map(|why| format!("endpoint {why}")));
        }
        if self.region.trim().is_empty() {
            all.push("region is empty; most stores take us-east-1".to_owned());
        }
        if !self.prefix.is_empty() && !is_key(&self.prefix) {
            let prefix = &self.prefix;
            all.push(format!(
                "prefix = \"{prefix}\" must be plain names with / between them, like luna/box-1"
            ));
        }
        all
    }

    fn check_bucket(&self, bucket: &str, all: &mut Vec<String>) {
        let plain = bucket.chars().all(|letter| {
            letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-.".contains(letter)
        });
        if !plain || !(3..=63).contains(&bucket.len()) || bucket.starts_with(['-', '.']) {
            all.push(format!(
                "bucket = \"{bucket}\" must be 3 to 63 lower-case letters, digits, hyphens or dots"
            ));
        }
        let keys = [
            ("access_key", "S3_ACCESS_KEY", self.access_key.is_some()),
            ("secret_key", "S3_SECRET_KEY", self.secret_key.is_some()),
        ];
        for (key, variable, is_there) in keys {
            if !is_there {
                all.push(format!("{key} is missing; set {variable} for the bucket {bucket}"));
            }
        }
    }

    /// Half a configuration must not quietly mean the data folder.
    fn check_without_bucket(&self, all: &mut Vec<String>) {
        let set = [
            ("endpoint", self.endpoint.as_deref().is_some()),
            ("access_key", self.access_key.is_some()),
            ("secret_key", self.secret_key.is_some()),
        ];
        if let Some((key, _)) = set.into_iter().find(|(_, is_set)| *is_set) {
            all.push(format!(
                "{key} is set without a bucket; set S3_BUCKET, or take it away to keep files in the \
                 data folder"
            ));
        }
    }

    fn endpoint_mistake(&self, endpoint: &str) -> Option<String> {
        // What stands there may hold a password, so it is not repeated.
        let bad =
            || Some("must be an address like https://host:9000, without path or login".into());
        let Ok(url) = endpoint.parse::<Url>() else { return bad() };
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let has_login = !url.username().is_empty() || url.password().is_some();
        if !is_bare || has_login || !url.has_host() {
            return bad();
        }
        match url.scheme() {
            "https" => None,
            "http" if self.allow_http => None,
            "http" => Some(
                "begins with http://, so anybody on the way can read along; write https://, or set \
                 S3_ALLOW_HTTP=true for a store on this box or its own network"
                    .to_owned(),
            ),
            _ => bad(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Settings {
        Settings {
            bucket: Some("luna".into()),
            endpoint: Some("https://s3.example.ch:9000".into()),
            access_key: Some("name".into()),
            secret_key: Some("c4n4ry".into()),
            ..Settings::default()
        }
    }

    #[test]
    fn what_cannot_work_is_said_all_at_once_and_without_secrets() {
        assert_eq!(Settings::default().mistakes(), [""; 0]);
        assert_eq!(sound().mistakes(), [""; 0]);
        let all = Settings {
            bucket: Some("Luna".into()),
            endpoint: Some("ftp://anna:c4n4ry@host/x".into()),
            region: " ".into(),
            prefix: "../up".into(),
            secret_key: None,
            ..sound()
        };
        let mistakes = all.mistakes();
        let keys: Vec<&str> = mistakes.iter().map(|it| it.split(' ').next().unwrap()).collect();
        assert_eq!(keys, ["bucket", "secret_key", "endpoint", "region", "prefix"], "{mistakes:?}");
        assert!(
            !format!("{mistakes:?}{all:?}").replace("ftp://anna:c4n4ry", "").contains("c4n4ry")
        );
        assert!(!mistakes.join(" ").contains("c4n4ry"));
    }

    #[test]
    fn half_a_configuration_is_a_mistake_and_plain_http_is_asked_for() {
        let half = Settings { bucket: None, ..sound() };
        assert!(half.mistakes()[0].starts_with("endpoint is set without a bucket"));
        let plain = Settings { endpoint: Some("http://box:9000".into()), ..sound() };
        assert!(plain.mistakes()[0].contains("ALLOW_HTTP"), "{:?}", plain.mistakes());
        assert_eq!(Settings { allow_http: true, ..plain }.mistakes(), [""; 0]);
        for endpoint in ["host:9000", "https://h/path", "https://h?x=1", "https://u@h", "x"] {
            let bad = Settings { endpoint: Some(endpoint.into()), ..sound() };
            assert_eq!(bad.mistakes().len(), 1, "{endpoint}: {:?}", bad.mistakes());
        }
    }
}
