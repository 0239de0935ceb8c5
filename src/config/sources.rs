//! Where settings come from: flags, the environment, `.env`, files.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use figment::providers::{Format, Toml};
use figment::value::{Dict, Value};

use super::layers::{Entry, Layers};
use super::names::{FIXED, PREFIX, Use, fixed, key_of, nearest};
use super::yaml::read_simulation;
use crate::operations::settings::Stored;

/// Origin of what admins stored.
const DATABASE: &str = "database";

/// A setting given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// As typed, e.g. `--port`.
    pub name: &'static str,
    /// The key it sets, e.g. `server.port`.
    pub key: &'static str,
    /// Its value.
    pub value: String,
}

/// Everything settings may come from.
#[derive(Clone, Default)]
pub struct Sources {
    /// Folder of the files `*.toml`, read in alphabetical order, and of `sim.yml`; need not exist.
    pub config_dir: PathBuf,
    /// File with variables; need not exist.
    pub env_file: PathBuf,
    /// Variables of the process.
    pub environment: BTreeMap<String, String>,
    /// Settings given on the command line.
    pub flags: Vec<Flag>,
    /// What admins stored in the database, once that can be read.
    pub stored: Stored,
}

impl fmt::Debug for Sources {
    /// Without values: variables hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("config_dir", &self.config_dir).finish_non_exhaustive()
    }
}

impl Sources {
    /// The process's environment, `.env` and `config/` of the working folder (or `LUNA_CONFIG_DIR`).
    pub fn of_process(flags: Vec<Flag>) -> Self {
        // A variable that is not text cannot be a setting; the rest of the environment is not ours.
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let config_dir = environment.get("LUNA_CONFIG_DIR").map_or("config", String::as_str).into();
        Self { config_dir, env_file: ".env".into(), environment, flags, ..Self::default() }
    }

    /// Variables of the process and of the file, for those that only recipes and containers read;
    /// the process's win.
    pub fn variables(&self) -> BTreeMap<String, String> {
        let lines = dotenvy::from_path_iter(&self.env_file).into_iter().flatten();
        let mut variables: BTreeMap<String, String> = lines.filter_map(Result::ok).collect();
        variables.extend(self.environment.clone());
        variables
    }

    /// The values in all sources, the weakest first.
    pub(super) fn read(&self) -> Layers {
        let mut layers = Layers::default();
        self.read_files(&mut layers);
        self.read_stored(&mut layers);
        self.read_env_file(&mut layers);
        read_variables(&self.environment, "environment", &mut layers);
        for Flag { name, key, value } in &self.flags {
            layers.entries.push(Entry::text(key, value, format!("flag {name}")));
        }
        layers
    }

    fn read_files(&self, layers: &mut Layers) {
        let listed = match fs::read_dir(&self.config_dir) {
            Ok(listed) => listed,
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(error) => return layers.mistake(self.config_dir.display(), error),
        };
        let paths = listed.filter_map(|entry| Some(entry.ok()?.path()));
        let mut paths: Vec<PathBuf> =
            paths.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect();
        paths.sort();
        for path in paths {
            read_file(&path, layers);
        }
        read_simulation(&self.config_dir.join("sim.yml"), layers);
    }

    fn read_stored(&self, layers: &mut Layers) {
        for (key, value) in &self.stored {
            match Value::serialize(value) {
                Ok(value) => layers.entries.push(Entry {
                    path: key.clone(),
                    value,
                    origin: DATABASE.to_owned(),
                }),
                Err(error) => layers.mistake(DATABASE, error),
            }
        }
    }

    fn read_env_file(&self, layers: &mut Layers) {
        let place = self.env_file.display();
        let lines = match dotenvy::from_path_iter(&self.env_file) {
            Ok(lines) => lines,
            Err(error) if error.not_found() => return,
            Err(error) => return layers.mistake(place, error),
        };
        let mut variables = BTreeMap::new();
        for line in lines {
            match line {
                Ok((name, value)) => drop(variables.insert(name, value)),
                Err(error) => layers.mistake(&place, error),
            }
        }
        // The rest of the process's environment is not ours, but whoever writes a line here means us.
        for name in variables.keys().filter(|name| !name.starts_with(PREFIX)) {
            let meant = nearest(name, FIXED.iter().map(|(known, _)| *known));
            if let (None, Some(meant)) = (fixed(name), meant) {
                let what = format!("{name} is not known; did you mean {meant}?");
                layers.mistake(&place, what);
            }
        }
        read_variables(&variables, &place.to_string(), layers);
    }
}

fn read_file(path: &Path, layers: &mut Layers) {
    let place = path.display().to_string();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return layers.mistake(place, error),
    };
    let sections: Dict = match Toml::from_str(&text) {
        Ok(sections) => sections,
        Err(error) => return layers.mistake(place, error.to_string().trim_end()),
    };
    for (section, value) in sections {
        let Value::Dict(_, keys) = value else {
            let what = format!("{section} stands before the first [section]; it belongs into one");
            layers.mistake(&place, what);
            continue;
        };
        for (key, value) in keys {
            layers.entries.push(Entry {
                path: format!("{section}.{key}"),
                value,
                origin: place.clone(),
            });
        }
    }
}

/// Settings among `variables`; fixed names count more than `LUNA_<SECTION>__<KEY>`.
fn read_variables(variables: &BTreeMap<String, String>, place: &str, layers: &mut Layers) {
    for (name, value) in variables {
        let origin = format!("{place} {name}");
        match (fixed(name), key_of(name)) {
            (None, Some(key)) => layers.entries.push(Entry::text(&key, value, origin)),
            (None, None) if name.starts_with(PREFIX) => {
                let known = FIXED.iter().map(|(known, _)| *known);
                let hint = nearest(name, known).map(|meant| format!("; did you mean {meant}?"));
                let hint =
                    hint.unwrap_or_else(|| "; settings are LUNA_<SECTION>__<KEY>".to_owned());
                layers.mistake(place, format!("{name} is not known{hint}"));
            }
            (Some(Use::Unused(why)), _) => {
                layers.notices.push(format!("{origin} has no effect: {why}"));
            }
            (Some(Use::Setting(_) | Use::Elsewhere), _) | (None, None) => {}
        }
    }
    // Later entries win, so the list goes from its end.
    for (name, used) in FIXED.iter().rev() {
        if let (Use::Setting(key), Some(value)) = (used, variables.get(*name)) {
            layers.entries.push(Entry::text(key, value, format!("{place} {name}")));
        }
    }
}
