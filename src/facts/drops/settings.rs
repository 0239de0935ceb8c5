//! The `[drops]` section.

use std::path::PathBuf;

use chrono_tz::Tz;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::facts::meters::check_meter_id;

/// Largest file that can be asked for: all of it is held while it is read.
const MAX_MB: std::ops::RangeInclusive<u32> = 1..=1_024;
/// How long a file must stay as it is.
const SETTLE_S: std::ops::RangeInclusive<u32> = 1..=3_600;
/// How long a server may take for one answer.
const TIMEOUT_S: std::ops::RangeInclusive<u32> = 1..=600;

/// Where files of grid operators come from.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The watched folder; absent: none is watched.
    pub folder: Option<PathBuf>,
    /// A file counts as complete when it stayed as it is for so long, in seconds.
    pub settle_s: u32,
    /// Largest file that is read, unpacked, in megabytes.
    pub max_mb: u32,
    /// Whether a metering point that nobody knows becomes a meter of its own.
    pub create_meters: bool,
    /// Zone of times without offset.
    pub zone: Tz,
    /// Servers that are asked.
    pub sftp: Vec<SftpServer>,
    /// Password of servers that name neither a key nor a file with a password.
    #[serde(skip)]
    pub sftp_password: Option<SecretString>,
    /// What opens key files that are locked.
    #[serde(skip)]
    pub sftp_key_passphrase: Option<SecretString>,
}

/// A server of a grid operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SftpServer {
    /// What it is called here.
    pub id: String,
    /// Its name or address.
    pub host: String,
    /// Its port.
    #[serde(default = "port")]
    pub port: u16,
    /// Login there.
    pub user: String,
    /// File with the private key, in the form of OpenSSH or PEM.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// File with the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Fingerprints of its host keys, like `SHA256:…`; one of them must be shown.
    #[serde(default)]
    pub host_keys: Vec<String>,
    /// Whether the key that it shows first is believed and remembered.
    #[serde(default)]
    pub accept_new: bool,
    /// Folder with the files.
    #[serde(default = "here")]
    pub folder: String,
    /// What becomes of files that were read.
    #[serde(default)]
    pub after: After,
    /// The meter that tables of this server are about, where they do not say.
    #[serde(default)]
    pub meter: Option<String>,
    /// Longest wait for one answer, in seconds.
    #[serde(default = "timeout_s")]
    pub timeout_s: u32,
}

/// What becomes of files on a server once they were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// They stay; Luna remembers them.
    #[default]
    Keep,
    /// They are moved to `done`, broken ones to `failed`.
    Move,
    /// They are deleted; broken ones are moved to `failed`.
    Delete,
}

const fn port() -> u16 {
    22
}

fn here() -> String {
    ".".to_owned()
}

const fn timeout_s() -> u32 {
    20
}

impl SftpServer {
    /// What the history calls the road.
    pub(super) fn road(&self) -> String {
        format!("sftp:{}", self.id)
    }

    /// Host and port.
    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn mistakes(&self) -> Vec<String> {
        let mut all = Vec::new();
        let id = &self.id;
        let inner =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        if id.is_empty() || id.len() > 40 || id.starts_with('-') || !id.chars().all(inner) {
            all.push(format!(
                "sftp has the id '{id}'; an id has 1 to 40 small letters, digits and dashes"
            ));
        }
        if self.host.is_empty() || self.user.is_empty() {
            all.push(format!("sftp gives '{id}' no host or no user"));
        }
        if self.host_keys.is_empty() && !self.accept_new {
            all.push(format!(
                "sftp gives '{id}' no host_keys; state the fingerprint (SHA256:…) that the operator \
                 tells you, or set accept_new to believe the first one"
            ));
        }
        if let Some(key) = self.host_keys.iter().find(|key| !key.starts_with("SHA256:")) {
            all.push(format!("sftp gives '{id}' the host key '{key}', which is not like SHA256:…"));
        }
        if self.key_file.is_some() && self.password_file.is_some() {
            all.push(format!("sftp gives '{id}' both a key_file and a password_file; keep one"));
        }
        if !TIMEOUT_S.contains(&self.timeout_s) {
            let (least, most) = (TIMEOUT_S.start(), TIMEOUT_S.end());
            all.push(format!("sftp gives '{id}' a timeout_s that is not {least} to {most}"));
        }
        if let Some(meter) = &self.meter
            && let Err(reason) = check_meter_id(meter)
        {
            all.push(format!("sftp gives '{id}' the meter '{meter}', which {reason}"));
        }
        all
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            folder: None,
            settle_s: 10,
            max_mb: 64,
            create_meters: false,
            zone: Tz::Europe__Zurich,
            sftp: Vec::new(),
            sftp_password: None,
            sftp_key_passphrase: None,
        }
    }
}

impl Settings {
    /// Whether any road is there.
    pub fn is_on(&self) -> bool {
        self.folder.is_some() || !self.sftp.is_empty()
    }

    /// Largest file, in bytes.
    pub(super) fn bytes_max(&self) -> u64 {
        u64::from(self.max_mb) << 20
    }

    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (key, value, range) in
            [("settle_s", self.settle_s, SETTLE_S), ("max_mb", self.max_mb, MAX_MB)]
        {
            if !range.contains(&value) {
                let (least, most) = (range.start(), range.end());
                all.push(format!("{key} = {value} is not between {least} and {most}"));
            }
        }
        if self.folder.as_ref().is_some_and(|folder| folder.as_os_str().is_empty()) {
            all.push("folder is empty; name the folder, or leave the setting out".to_owned());
        }
        for (place, server) in self.sftp.iter().enumerate() {
            all.extend(server.mistakes());
            if self.sftp[..place].iter().any(|other| other.id == server.id) {
                all.push(format!("sftp has two servers with the id '{}'", server.id));
            }
        }
        all
    }
}
