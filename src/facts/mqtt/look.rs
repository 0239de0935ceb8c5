//! What pages read out of the last messages, and the mapping that a click on a number begins.

use super::filter::matched;
use super::model::{CANONICAL, Field, NewMapping, REHEARSAL, Shown, slug};
use super::payload::{self, Found, number, read};
use super::presets::told_by_name;
use crate::facts::meters::MeterRole;

/// Whether a topic is Luna's own, whose rows name their meters themselves.
pub fn is_own(topic: &str) -> bool {
    matches!(topic, CANONICAL | REHEARSAL)
}

/// Whether a mapping means a topic.
pub fn meant(says: &NewMapping, topic: &str) -> bool {
    matched(&says.topic_filter, topic).is_some()
}

/// The numbers of a payload with the ways that lead to them, in order.
pub fn leaves(payload: &str) -> Vec<(String, f64)> {
    read(payload.as_bytes()).map(|payload| payload::leaves(&payload)).unwrap_or_default()
}

/// The number of a message that a mapping is about, in the mapping's unit.
pub fn numbers_of(says: &NewMapping, message: &Shown) -> Option<f64> {
    let payload = read(message.payload.as_bytes()).ok()?;
    match number(&payload, &says.value_path) {
        Ok(Found::Number(number)) => Some(number),
        _ => None,
    }
}

/// A mapping of a number as its name suggests it: to be looked at, not to be believed.
pub(super) fn draft(topic: &str, path: &str) -> NewMapping {
    let name = path.rsplit('/').next().filter(|name| !name.is_empty());
    let name = name.or_else(|| topic.rsplit('/').find(|level| *level != "state"));
    let name = name.unwrap_or_default();
    let (field, unit) =
        told_by_name(name).map_or((Field::PowerKw, None), |(field, unit)| (field, Some(unit)));
    let field = if name.to_ascii_lowercase().contains("volt") { Field::Voltage } else { field };
    let unit = unit.filter(|unit| field.units().contains(unit));
    let levels: Vec<&str> = topic.split('/').collect();
    let device = match levels.as_slice() {
        ["tele" | "stat", device, ..]
        | [device, "status" | "events" | "sensor" | "tele" | "stat", ..]
        | [device] => (*device).to_owned(),
        _ => topic.to_owned(),
    };
    NewMapping {
        value_path: path.to_owned(),
        unit,
        meter_role: Some(MeterRole::Device),
        ..NewMapping::new(topic, slug(&device), field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::mqtt::model::Unit;

    #[test]
    fn a_click_on_a_number_begins_a_mapping_that_keeps_the_rules() {
        for (topic, path, meter, field, unit) in [
            ("tele/Reader/SENSOR", "/SML/Power", "reader", Field::PowerKw, Unit::W),
            ("pump/sensor/total_energy/state", "", "pump", Field::ConsumptionKwhTotal, Unit::KWh),
            ("em/status/em:0", "/a_voltage", "em", Field::Voltage, Unit::V),
            ("my home/attic/box", "/x", "my-home-attic-box", Field::PowerKw, Unit::W),
            ("roof/sensor/pv_power/state", "", "roof", Field::ProductionKw, Unit::W),
        ] {
            let says = draft(topic, path);
            assert_eq!(says.mistakes(), [], "{topic}");
            let found = (says.meter_id.as_str(), says.field, says.unit());
            assert_eq!(found, (meter, field, unit), "{topic} {path}");
            assert!(meant(&says, topic));
        }
    }
}
