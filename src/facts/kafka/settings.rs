//! The `[kafka]` section of the settings.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::mapping::Mapping;

/// Longest name of a topic.
const TOPIC_LETTERS_MAX: usize = 249;

/// How a program proves to the brokers who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Sasl {
    /// It does not.
    #[default]
    #[serde(rename = "off")]
    Off,
    /// Name and password as they are; only behind TLS.
    #[serde(rename = "plain")]
    Plain,
    /// RFC 5802 with SHA-256.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// RFC 5802 with SHA-512.
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
}

/// Brokers, topics and how they are read; without brokers nothing of it happens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Brokers as `host:port` with commas between them; absent: there is no Kafka.
    pub brokers: Option<String>,
    /// Whether topics are read; without it Luna only writes.
    pub consume: bool,
    /// Topic of readings in Luna's own form.
    pub readings_topic: String,
    /// Topic of rehearsals: rows of simulated meters, which are stored as simulated.
    pub rehearsal_topic: String,
    /// Other topics, each with where in its records the fields of a reading are.
    pub mapped: Vec<Mapping>,
    /// Whether meters that nobody has registered are made.
    pub create_meters: bool,
    /// Whether the way to the brokers is encrypted.
    pub tls: bool,
    /// Certificates to trust besides those of the system, as PEM file.
    pub ca_file: Option<PathBuf>,
    /// How Luna proves who it is.
    pub sasl: Sasl,
    /// Name for it.
    pub username: Option<String>,
    /// Password for it.
    #[serde(skip)]
    pub password: Option<SecretString>,
    /// Most bytes of one fetch, as the brokers have compressed them.
    pub fetch_bytes_max: i32,
    /// How long a broker waits for something new before it answers, in milliseconds.
    pub wait_ms: i32,
    /// How long a request may take beyond that, in seconds.
    pub patience_s: u16,
    /// How often new topics and partitions are looked for, in seconds.
    pub look_s: u16,
    /// How long a process keeps a partition without a sign of life, in seconds.
    pub lease_s: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            brokers: None,
            consume: true,
            readings_topic: "luna.readings".to_owned(),
            rehearsal_topic: "luna.sim.readings".to_owned(),
            mapped: Vec::new(),
            create_meters: true,
            tls: false,
            ca_file: None,
            sasl: Sasl::Off,
            username: None,
            password: None,
            fetch_bytes_max: 1 << 20,
            wait_ms: 500,
            patience_s: 10,
            look_s: 30,
            lease_s: 15,
        }
    }
}

impl Settings {
    /// The brokers, one by one; empty without any.
    pub fn broker_list(&self) -> Vec<String> {
        let text = self.brokers.as_deref().unwrap_or_default();
        let all = text.split(',').map(str::trim).filter(|broker| !broker.is_empty());
        all.map(str::to_owned).collect()
    }

    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let mut all = Vec::new();
        for broker in self.broker_list().iter().filter(|broker| !is_place(broker)) {
            // Somebody may have written a password there.
            let shown = broker.rsplit('@').next().unwrap_or_default();
            all.push(format!(
                "brokers holds \"{shown}\", which is not like kafka.example.ch:9092; write host:port \
                 with commas between several"
            ));
        }
        let topics = [
            ("readings_topic", self.readings_topic.as_str()),
            ("rehearsal_topic", self.rehearsal_topic.as_str()),
        ];
        let mapped = self.mapped.iter().map(|mapping| ("mapped", mapping.topic.as_str()));
        let mut names: Vec<&str> = Vec::new();
        for (key, topic) in topics.into_iter().chain(mapped) {
            if !is_topic(topic) {
                all.push(format!(
                    "{key} = \"{topic}\" is no topic: 1 to {TOPIC_LETTERS_MAX} letters, digits, dots, \
                     hyphens or underscores"
                ));
            } else if names.contains(&topic) {
                all.push(format!("{key} names the topic {topic} a second time"));
            }
            names.push(topic);
        }
        for mapping in &self.mapped {
            all.extend(mapping.mistakes().map(|why| format!("mapped: {}: {why}", mapping.topic)));
        }
        self.check_identity(&mut all);
        for (key, given, least, most) in [
            ("fetch_bytes_max", self.fetch_bytes_max, 1 << 10, 64 << 20),
            ("wait_ms", self.wait_ms, 10, 10_000),
            ("patience_s", self.patience_s.into(), 1, 120),
            ("look_s", self.look_s.into(), 1, 3_600),
            ("lease_s", self.lease_s.into(), 3, 600),
        ] {
            if !(least..=most).contains(&given) {
                all.push(format!("{key} = {given} is not between {least} and {most}"));
            }
        }
        all
    }

    fn check_identity(&self, all: &mut Vec<String>) {
        if self.sasl == Sasl::Off {
            return;
        }
        for (key, variable, is_set) in [
            ("username", "KAFKA_USERNAME", self.username.is_some()),
            ("password", "KAFKA_PASSWORD", self.password.is_some()),
        ] {
            if !is_set {
                all.push(format!("{key} is missing; set {variable}, or sasl = \"off\""));
            }
        }
        if self.sasl == Sasl::Plain && !self.tls {
            all.push(
                "sasl = \"plain\" sends the password as it is; set KAFKA_TLS=true, or sasl to \
                 scram-sha-256"
                    .to_owned(),
            );
        }
    }
}

fn is_place(broker: &str) -> bool {
    let Some((host, port)) = broker.rsplit_once(':') else { return false };
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
    !host.is_empty() && host.chars().all(fits) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_topic(name: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
    (1..=TOPIC_LETTERS_MAX).contains(&name.len())
        && name.chars().all(fits)
        && !matches!(name, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_said_all_at_once_and_without_passwords() {
        assert_eq!(Settings::default().mistakes(), [""; 0]);
        let all = Settings {
            brokers: Some("box:9092, [::1]:9092,anna:c4n4ry@host,plain".into()),
            readings_topic: "a b".into(),
            rehearsal_topic: String::new(),
            sasl: Sasl::ScramSha512,
            username: Some("anna".into()),
            wait_ms: 0,
            lease_s: 1,
            ..Settings::default()
        };
        let mistakes = all.mistakes();
        let keys: Vec<&str> = mistakes.iter().map(|it| it.split(' ').next().unwrap()).collect();
        let expected = [
            "brokers",
            "brokers",
            "brokers",
            "readings_topic",
            "rehearsal_topic",
            "password",
            "wait_ms",
            "lease_s",
        ];
        assert_eq!(keys, expected, "{mistakes:?}");
        assert!(!mistakes.join(" ").contains("c4n4ry"));
    }

    #[test]
    fn brokers_are_told_apart_by_commas_and_a_password_wants_company() {
        let named = |text: &str| Settings { brokers: Some(text.into()), ..Settings::default() };
        assert_eq!(named(" a:1 ,, b-2.example:9092 ").broker_list(), ["a:1", "b-2.example:9092"]);
        assert!(named("").broker_list().is_empty() && Settings::default().broker_list().is_empty());
        let half = Settings { sasl: Sasl::ScramSha256, ..named("a:1") };
        assert_eq!(half.mistakes().len(), 2, "{:?}", half.mistakes());
        let open = Settings {
            sasl: Sasl::Plain,
            username: Some("anna".into()),
            password: Some("c4n4ry".into()),
            ..named("a:1")
        };
        assert!(open.mistakes()[0].contains("KAFKA_TLS"), "{:?}", open.mistakes());
        assert!(!format!("{open:?}").contains("c4n4ry"));
        assert_eq!(Settings { tls: true, ..open }.mistakes(), [""; 0]);
        let twice = Settings { rehearsal_topic: "luna.readings".into(), ..named("a:1") };
        assert!(twice.mistakes()[0].contains("a second time"), "{:?}", twice.mistakes());
    }
}
