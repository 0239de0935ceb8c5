//! What devices say about themselves in the manner of Home Assistant's discovery over MQTT.
//!
//! `<prefix>/sensor/[<node>/]<object>/config` describes one sensor, `<prefix>/device/<id>/config` all
//! of a device; keys may be abbreviated, `~` stands for a base topic, an empty payload takes it back.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::model::{Field, NewMapping, Preset, Proposal, Unit, slug};
use super::payload::{Found, number};
use super::presets::{Seen, escaped, is_given};
use crate::facts::meters::MeterRole;

/// A number that somebody announces.
struct Sensor<'a> {
    config: &'a Value,
    /// What is said for all sensors of a device.
    common: &'a Value,
    device: String,
}

impl<'a> Sensor<'a> {
    /// The text under one of the names of a key.
    fn text(&self, names: [&str; 2]) -> Option<&'a str> {
        let of = |value: &'a Value| names.iter().find_map(|name| value.get(name)?.as_str());
        of(self.config).or_else(|| of(self.common))
    }

    /// A topic in which `~` stands for the base.
    fn topic(&self, names: [&str; 2]) -> Option<String> {
        let text = self.text(names)?;
        let base = self.text(["~", "~"]).unwrap_or_default();
        Some(match (text.strip_prefix('~'), text.strip_suffix('~')) {
            (Some(rest), _) => format!("{base}{rest}"),
            (None, Some(start)) => format!("{start}{base}"),
            (None, None) => text.to_owned(),
        })
    }

    /// What it says and in which unit, if it is a matter of power or energy.
    fn meaning(&self) -> Option<(Field, Unit)> {
        let class = self.text(["device_class", "dev_cla"])?;
        let unit = Unit::parse(self.text(["unit_of_measurement", "unit_of_meas"])?)?;
        let state = self.text(["state_class", "stat_cla"]).unwrap_or_default();
        let named = ["name", "unique_id", "uniq_id", "object_id", "obj_id"];
        let given = named.iter().filter_map(|key| self.config.get(key)?.as_str()).any(is_given);
        let field = match (class, given) {
            // What is only measured begins anew, or may fall.
            ("energy", _) if state == "measurement" => return None,
            ("energy", false) => Field::ConsumptionKwhTotal,
            ("energy", true) => Field::ProductionKwhTotal,
            ("power", false) => Field::PowerKw,
            ("power", true) => Field::ProductionKw,
            ("voltage", _) => Field::Voltage,
            _ => return None,
        };
        field.units().contains(&unit).then_some((field, unit))
    }
}

/// Proposals of what is announced, and the topics that are spoken for.
pub(super) fn proposals(
    seen: &[Seen<'_>],
    of_topic: &BTreeMap<&str, &Value>,
) -> (Vec<Proposal>, BTreeSet<String>) {
    let (mut all, mut states) = (Vec::new(), BTreeSet::new());
    for sensor in seen.iter().flat_map(sensors) {
        let Some(topic) = sensor.topic(["state_topic", "stat_t"]) else { continue };
        states.insert(topic.clone());
        let Some((field, unit)) = sensor.meaning() else { continue };
        let template = sensor.text(["value_template", "val_tpl"]).unwrap_or("{{ value }}");
        let Some(path) = path_of(template) else { continue };
        let last = of_topic.get(&*topic).and_then(|payload| number(payload, &path).ok());
        let mapping = NewMapping {
            value_path: path,
            unit: Some(unit),
            preset: Some(Preset::HomeAssistant),
            meter_role: Some(MeterRole::Device),
            ..NewMapping::new(topic, slug(&sensor.device), field)
        };
        if mapping.mistakes().is_empty() {
            let last = match last {
                Some(Found::Number(last)) => Some(last),
                _ => None,
            };
            all.push(Proposal { title: sensor.device, last, mapping });
        }
    }
    (all, states)
}

fn sensors<'a>(it: &'a Seen<'_>) -> Vec<Sensor<'a>> {
    let levels: Vec<&str> = it.topic.split('/').collect();
    let config = &it.payload;
    let named = |name: &str| {
        let device = config.get("device").or_else(|| config.get("dev"));
        let device = device.and_then(|it| it.get("name")?.as_str());
        device.unwrap_or(name).to_owned()
    };
    match levels.as_slice() {
        [_, "sensor", node, _, "config"] => {
            vec![Sensor { config, common: config, device: named(node) }]
        }
        [_, "sensor", object, "config"] => {
            vec![Sensor { config, common: config, device: named(object) }]
        }
        [_, "device", id, "config"] => {
            let parts = config.get("components").or_else(|| config.get("cmps"));
            let parts = parts.and_then(Value::as_object).into_iter().flatten();
            let is_sensor = |part: &Value| {
                let platform = part.get("platform").or_else(|| part.get("p"));
                platform.and_then(Value::as_str) == Some("sensor")
            };
            let parts = parts.filter(|(_, part)| is_sensor(part));
            let device = named(id);
            parts
                .map(|(_, part)| Sensor { config: part, common: config, device: device.clone() })
                .collect()
        }
        _ => Vec::new(),
    }
}

/// The way that a simple template leads: `{{ value_json.SML.Power | float }}`; none for templates
/// that compute.
fn path_of(template: &str) -> Option<String> {
    let inner = template.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let mut parts = inner.split('|').map(str::trim);
    let expression = parts.next()?;
    let only_formats = parts.all(|filter| {
        let name = filter.split('(').next().unwrap_or_default().trim();
        matches!(name, "float" | "int" | "round" | "default")
    });
    if !only_formats {
        return None;
    }
    if expression == "value" {
        return Some(String::new());
    }
    let mut rest = expression.strip_prefix("value_json")?;
    let mut path = String::new();
    while !rest.is_empty() {
        let name;
        if let Some(after) = rest.strip_prefix('.') {
            let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
            let end = after.find(|letter| !is_name(letter)).unwrap_or(after.len());
            (name, rest) = after.split_at(end);
        } else {
            let (inside, after) = rest.strip_prefix('[')?.split_once(']')?;
            (name, rest) = (inside.trim().trim_matches(['\'', '"']), after);
        }
        if name.is_empty() {
            return None;
        }
        path.push('/');
        path.push_str(&escaped(name));
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_templates_are_ways() {
        for (template, path) in [
            ("{{ value }}", Some("")),
            ("{{value|float(0)}}", Some("")),
            ("{{ value_json.SML.Power }}", Some("/SML/Power")),
            ("{{ value_json['em:0']['a/b'] | round(2) }}", Some("/em:0/a~1b")),
            ("{{ value_json.list[0] }}", Some("/list/0")),
            ("{{ value_json.a * 1000 }}", None),
            ("{{ states('sensor.x') }}", None),
            ("{% if value %}1{% endif %}", None),
            ("{{ value_json.a | multiply(3) }}", None),
        ] {
            assert_eq!(path_of(template).as_deref(), path, "{template}");
        }
    }
}
