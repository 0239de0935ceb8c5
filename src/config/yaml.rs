//! `config/sim.yml`: the settings of the simulation, which go deeper than a line of TOML.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use figment::value::Value;
use serde_yaml_ng::Value as Yaml;

use super::layers::{Entry, Layers};

/// The section that the whole file is.
const SECTION: &str = "simulation";
/// Longest file: a line for each value of each meter is far shorter.
const BYTES_MAX: u64 = 1 << 20;

/// Reads the file, if it is there: every value by itself, so that every mistake is found at once.
pub(super) fn read_simulation(path: &Path, layers: &mut Layers) {
    let place = path.display().to_string();
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        Ok(found) if found.len() > BYTES_MAX => {
            return layers.mistake(place, format!("has more than {BYTES_MAX} bytes"));
        }
        _ => {}
    }
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return layers.mistake(place, error),
    };
    match serde_yaml_ng::from_str(&text) {
        Ok(Yaml::Null) => {}
        Ok(file @ Yaml::Mapping(_)) => flatten(SECTION, &file, &place, layers),
        Ok(_) => layers.mistake(place, "holds no settings; write lines of the form key: value"),
        Err(error) => layers.mistake(place, format!("YAML: {error}")),
    }
}

/// Adds the values below `path`, each under its own.
fn flatten(path: &str, value: &Yaml, place: &str, layers: &mut Layers) {
    let Yaml::Mapping(fields) = value else {
        match Value::serialize(value) {
            Ok(value) => layers.entries.push(Entry {
                path: path.to_owned(),
                value,
                origin: place.to_owned(),
            }),
            Err(error) => layers.mistake(place, format!("{path}: {error}")),
        }
        return;
    };
    for (key, value) in fields {
        match key.as_str() {
            Some(key) if !key.is_empty() && !key.contains('.') => {
                flatten(&format!("{path}.{key}"), value, place, layers);
            }
            Some(key) => layers.mistake(place, format!("{path} has '{key}', which is no name")),
            None => {
                layers
                    .mistake(place, format!("{path} has a key that is no text; put it in quotes"));
            }
        }
    }
}
