//! The `[extraction]` section of the settings.

use serde::{Deserialize, Serialize};

#[cfg(test)]
use super::reading::Limits;

/// Who reads files, and how much a file may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// An Apache Tika server, like `http://localhost:9998`; without it Luna reads files itself.
    pub tika_url: Option<String>,
    /// How long that server may take for one file, in seconds.
    pub tika_patience_s: u16,
    /// Files that are read at the same time, each in a process of its own.
    pub processes: u16,
    /// Memory that such a process may ask for beyond what the program itself takes, in MB.
    pub address_space_mb: u32,
    /// Time of the processor for one file, in seconds.
    pub cpu_s: u16,
    /// Time by the clock for one file, in seconds.
    pub wall_s: u16,
    /// Longest text with the places of its parts, in MB; what is longer is cut, and that is said.
    pub output_mb: u32,
    /// What the parts of a file may unpack to, in MB.
    pub unpacked_mb: u32,
    /// Pages, sheets or slides of one file.
    pub pages_max: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tika_url: None,
            tika_patience_s: 120,
            processes: 2,
            address_space_mb: 512,
            cpu_s: 60,
            wall_s: 120,
            output_mb: 32,
            unpacked_mb: 256,
            pages_max: 10_000,
        }
    }
}

impl Settings {
    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let mut all = Vec::new();
        if let Some(url) = self.tika_url.as_deref() {
            let place = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
            if place.is_none_or(|place| place.is_empty() || place.contains(['@', '?', '#', ' '])) {
                all.push("tika_url is not like http://localhost:9998".to_owned());
            }
        }
        for (key, given, least, most) in [
            ("tika_patience_s", self.tika_patience_s.into(), 1, 3_600),
            ("processes", self.processes.into(), 1, 64),
            ("address_space_mb", self.address_space_mb, 64, 65_536),
            ("cpu_s", self.cpu_s.into(), 1, 3_600),
            ("wall_s", self.wall_s.into(), 1, 3_600),
            ("output_mb", self.output_mb, 1, 256),
            ("unpacked_mb", self.unpacked_mb, 1, 4_096),
            ("pages_max", self.pages_max, 1, 1_000_000),
        ] {
            if !(least..=most).contains(&given) {
                all.push(format!("{key} = {given} is not between {least} and {most}"));
            }
        }
        all
    }

    /// The limits that reading keeps by itself; a child learns them from its arguments.
    #[cfg(test)]
    pub(super) fn limits(&self) -> Limits {
        Limits {
            output_bytes: (self.output_mb as usize) << 20,
            unpacked_bytes: u64::from(self.unpacked_mb) << 20,
            pages_max: self.pages_max,
            ..Limits::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_said() {
        assert_eq!(Settings::default().mistakes(), Vec::<String>::new());
        let settings = Settings {
            tika_url: Some("localhost:9998".to_owned()),
            processes: 0,
            output_mb: 1_000,
            ..Settings::default()
        };
        let all = settings.mistakes();
        let first: Vec<_> = all.iter().filter_map(|it| it.split(' ').next()).collect();
        assert_eq!(first, ["tika_url", "processes", "output_mb"]);
    }
}
