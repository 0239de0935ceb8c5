//! What known devices and programs publish, and the mappings that follow from it.
//!
//! Counters are offered before powers: what flowed between two marks is exact, however seldom they
//! come. A meter is fed by one or the other, so powers are offered where there is no counter.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::discovery;
use super::filter::matched;
use super::model::{Field, Kind, Mapping, NewMapping, Preset, Proposal, Topic, Unit, slug};
use super::payload::{Found, number, read};
use crate::facts::meters::MeterRole;

/// What stands at the end of a way, and what it says.
type Known = (&'static str, Field, Unit);

/// Fields of Shelly's components, by the component's name without its number.
const SHELLY: &[(&str, MeterRole, &[Known])] = &[
    (
        "emdata",
        MeterRole::Grid,
        &[
            ("/total_act", Field::ConsumptionKwhTotal, Unit::Wh),
            ("/total_act_ret", Field::ProductionKwhTotal, Unit::Wh),
        ],
    ),
    (
        "em",
        MeterRole::Grid,
        &[("/total_act_power", Field::PowerKw, Unit::W), ("/a_voltage", Field::Voltage, Unit::V)],
    ),
    (
        "em1data",
        MeterRole::Device,
        &[
            ("/total_act_energy", Field::ConsumptionKwhTotal, Unit::Wh),
            ("/total_act_ret_energy", Field::ProductionKwhTotal, Unit::Wh),
        ],
    ),
    (
        "em1",
        MeterRole::Device,
        &[("/act_power", Field::PowerKw, Unit::W), ("/voltage", Field::Voltage, Unit::V)],
    ),
    ("switch", MeterRole::Device, SWITCH),
    ("pm1", MeterRole::Device, SWITCH),
];
const SWITCH: &[Known] = &[
    ("/aenergy/total", Field::ConsumptionKwhTotal, Unit::Wh),
    ("/ret_aenergy/total", Field::ProductionKwhTotal, Unit::Wh),
    ("/apower", Field::PowerKw, Unit::W),
    ("/voltage", Field::Voltage, Unit::V),
];
/// Names of the fields of reading heads, in small letters, and what they say.
const HEADS: &[(&[&str], Field, Unit)] = &[
    (
        &[
            "e_in",
            "ein",
            "total_in",
            "energy_in",
            "import",
            "bezug",
            "1_8_0",
            "1-8-0",
            "e_total",
            "verbrauch",
        ],
        Field::ConsumptionKwhTotal,
        Unit::KWh,
    ),
    (
        &[
            "e_out",
            "eout",
            "total_out",
            "energy_out",
            "export",
            "einspeisung",
            "2_8_0",
            "2-8-0",
            "lieferung",
        ],
        Field::ProductionKwhTotal,
        Unit::KWh,
    ),
    (
        &["power", "power_curr", "watt", "p", "leistung", "16_7_0", "16-7-0", "power_total"],
        Field::PowerKw,
        Unit::W,
    ),
];
/// Topics of dsmr-reader below its prefix, where the numbers come one by one.
const DSMR: &[(&str, Field, Unit)] = &[
    ("electricity_currently_delivered", Field::ConsumptionKw, Unit::KW),
    ("electricity_currently_returned", Field::ProductionKw, Unit::KW),
    ("phase_voltage_l1", Field::Voltage, Unit::V),
];

/// A topic and what came last on it.
pub(super) struct Seen<'a> {
    pub topic: &'a str,
    pub payload: Value,
}

/// Mappings that are not there yet and follow from what was seen, counters before powers.
pub(super) fn proposals(topics: &[Topic], mappings: &[Mapping]) -> Vec<Proposal> {
    let seen: Vec<Seen> = topics.iter().filter_map(seen).collect();
    let of_topic: BTreeMap<&str, &Value> = seen.iter().map(|it| (it.topic, &it.payload)).collect();
    let (announced, states) = discovery::proposals(&seen, &of_topic);
    let mut all = announced;
    for it in &seen {
        all.extend(tasmota(it));
        all.extend(shelly(it, &of_topic));
        all.extend(dsmr(it, &of_topic));
        if !states.contains(it.topic) {
            all.extend(esphome(it));
        }
    }
    all.retain(|proposal| !is_there(&proposal.mapping, mappings));
    let is_counter = |says: &NewMapping| says.field.kind() == Kind::Counter;
    let stored = mappings.iter().map(|mapping| &mapping.says);
    let counted: BTreeSet<String> = stored
        .chain(all.iter().map(|it| &it.mapping))
        .filter(|says| is_counter(says))
        .map(|says| says.meter_id.clone())
        .collect();
    all.retain(|it| is_counter(&it.mapping) || !counted.contains(&it.mapping.meter_id));
    // A voltage alone is no reading.
    let powered: BTreeSet<String> = all
        .iter()
        .filter(|it| it.mapping.field.kind() == Kind::Power)
        .map(|it| it.mapping.meter_id.clone())
        .collect();
    all.retain(|it| {
        it.mapping.field.kind() != Kind::Voltage || powered.contains(&it.mapping.meter_id)
    });
    all.sort_by(|one, other| {
        let key =
            |it: &Proposal| (it.title.clone(), it.mapping.field, it.mapping.topic_filter.clone());
        key(one).cmp(&key(other))
    });
    all
}

fn seen(topic: &Topic) -> Option<Seen<'_>> {
    let last = topic.last.first().filter(|last| last.bytes <= last.payload.len())?;
    Some(Seen { topic: &topic.topic, payload: read(last.payload.as_bytes()).ok()? })
}

/// Whether a number is mapped already, to whatever meter.
fn is_there(says: &NewMapping, mappings: &[Mapping]) -> bool {
    mappings.iter().map(|mapping| &mapping.says).any(|stored| {
        stored.value_path == says.value_path
            && matched(&stored.topic_filter, &says.topic_filter).is_some()
    })
}

/// A proposal about the number at the end of `path` in what was seen; none where there is none.
pub(super) fn proposal(
    it: &Seen<'_>,
    (title, meter_id): (&str, &str),
    (preset, role): (Preset, MeterRole),
    (path, field, unit): (&str, Field, Unit),
) -> Option<Proposal> {
    let Ok(Found::Number(last)) = number(&it.payload, path) else { return None };
    let meter_id = slug(meter_id);
    let mapping = NewMapping {
        value_path: path.to_owned(),
        unit: Some(unit),
        preset: Some(preset),
        meter_role: Some(role),
        ..NewMapping::new(it.topic, meter_id, field)
    };
    let is_sound = mapping.mistakes().is_empty();
    is_sound.then(|| Proposal { title: title.to_owned(), last: Some(last), mapping })
}

/// `tele/<device>/SENSOR`: the object `ENERGY` of plugs, objects of the user's own names of reading heads.
fn tasmota(it: &Seen<'_>) -> Vec<Proposal> {
    let levels: Vec<&str> = it.topic.split('/').collect();
    let (Some(&"SENSOR"), Some(fields)) = (levels.last(), it.payload.as_object()) else {
        return Vec::new();
    };
    let device = levels.iter().rev().skip(1).find(|level| **level != "tele").copied();
    let Some(device) = device else { return Vec::new() };
    let mut all = Vec::new();
    for (object, fields) in fields.iter().filter_map(|(name, it)| Some((name, it.as_object()?))) {
        if object == "ENERGY" {
            let known = [
                ("/ENERGY/Total", Field::ConsumptionKwhTotal, Unit::KWh),
                ("/ENERGY/Power", Field::ConsumptionKw, Unit::W),
                ("/ENERGY/Voltage", Field::Voltage, Unit::V),
            ];
            let of = (Preset::Tasmota, MeterRole::Device);
            all.extend(known.iter().filter_map(|known| proposal(it, (device, device), of, *known)));
            continue;
        }
        let role = (Preset::Tasmota, MeterRole::Grid);
        for (name, field, unit) in fields.keys().filter_map(|name| {
            let small = name.to_ascii_lowercase();
            let known = HEADS.iter().find(|(names, ..)| names.contains(&&*small))?;
            Some((name, known.1, known.2))
        }) {
            let path = format!("/{}/{}", escaped(object), escaped(name));
            all.extend(proposal(it, (device, device), role, (&path, field, unit)));
        }
    }
    all
}

/// A name as part of a way.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// `<device>/status/<component>`, or where that is not switched on, `<device>/events/rpc`.
fn shelly(it: &Seen<'_>, of_topic: &BTreeMap<&str, &Value>) -> Vec<Proposal> {
    if let Some((device, component)) = it.topic.rsplit_once("/status/") {
        return shelly_component(it, device, (component, ""));
    }
    let Some(device) = it.topic.strip_suffix("/events/rpc") else { return Vec::new() };
    let states = format!("{device}/status/");
    if of_topic.keys().any(|topic| topic.starts_with(&states)) {
        return Vec::new();
    }
    let Some(components) = it.payload.get("params").and_then(Value::as_object) else {
        return Vec::new();
    };
    let mut all: Vec<Proposal> = components
        .keys()
        .flat_map(|component| shelly_component(it, device, (component, "/params/")))
        .collect();
    for proposal in &mut all {
        proposal.mapping.time_path = Some("/params/ts".to_owned());
    }
    all
}

fn shelly_component(
    it: &Seen<'_>,
    device: &str,
    (component, prefix): (&str, &str),
) -> Vec<Proposal> {
    let Some((name, place)) = component.split_once(':') else { return Vec::new() };
    let Some((_, role, fields)) = SHELLY.iter().find(|(known, ..)| *known == name) else {
        return Vec::new();
    };
    let device = device.rsplit('/').next().unwrap_or(device);
    // The first channel has the device's name; further ones are meters of their own.
    let meter = if place == "0" { device.to_owned() } else { format!("{device}-{place}") };
    let found = fields.iter().filter_map(|(field_path, field, unit)| {
        let path = if prefix.is_empty() {
            (*field_path).to_owned()
        } else {
            format!("{prefix}{}{field_path}", escaped(component))
        };
        proposal(it, (&meter, &meter), (Preset::Shelly, *role), (&path, *field, *unit))
    });
    found.collect()
}

/// `dsmr/json`, or `dsmr/reading/<field>` where that is not switched on.
fn dsmr(it: &Seen<'_>, of_topic: &BTreeMap<&str, &Value>) -> Vec<Proposal> {
    let of = (Preset::DsmrReader, MeterRole::Grid);
    if it.payload.get("electricity_delivered_1").is_some() {
        let known = [
            ("/electricity_delivered_1 + /electricity_delivered_2", Field::ConsumptionKwhTotal),
            ("/electricity_returned_1 + /electricity_returned_2", Field::ProductionKwhTotal),
        ];
        let found = known.iter().filter_map(|(path, field)| {
            proposal(it, ("dsmr-reader", "dsmr"), of, (path, *field, Unit::KWh))
        });
        let timed = |mut it: Proposal| {
            it.mapping.time_path = Some("/timestamp".to_owned());
            it
        };
        return found.map(timed).collect();
    }
    let Some((prefix, name)) = it.topic.rsplit_once("/reading/") else { return Vec::new() };
    let json = format!("{prefix}/json");
    let known = DSMR.iter().find(|(known, ..)| *known == name);
    let Some((_, field, unit)) = known.filter(|_| !of_topic.contains_key(&*json)) else {
        return Vec::new();
    };
    proposal(it, ("dsmr-reader", "dsmr"), of, ("", *field, *unit)).into_iter().collect()
}

/// `<node>/sensor/<name>/state`: a plain number whose unit only its name tells.
fn esphome(it: &Seen<'_>) -> Vec<Proposal> {
    let levels: Vec<&str> = it.topic.split('/').collect();
    let [.., node, "sensor", name, "state"] = levels.as_slice() else { return Vec::new() };
    let Some((field, unit)) = told_by_name(name) else { return Vec::new() };
    let of = (Preset::EspHome, MeterRole::Device);
    proposal(it, (node, node), of, ("", field, unit)).into_iter().collect()
}

/// What a sensor's name tells about its number.
pub(super) fn told_by_name(name: &str) -> Option<(Field, Unit)> {
    let name = name.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    // What begins anew every day is no counter.
    if has(&["daily", "today", "tages"]) {
        return None;
    }
    if has(&["energy", "kwh", "energie", "consumed", "produced", "zaehler"]) {
        let unit = if has(&["_wh"]) { Unit::Wh } else { Unit::KWh };
        let field =
            if is_given(&name) { Field::ProductionKwhTotal } else { Field::ConsumptionKwhTotal };
        return Some((field, unit));
    }
    if has(&["power", "watt", "leistung"]) && !has(&["factor", "faktor"]) {
        let unit = if has(&["_kw"]) { Unit::KW } else { Unit::W };
        return Some((if is_given(&name) { Field::ProductionKw } else { Field::PowerKw }, unit));
    }
    None
}

/// Whether a name speaks of what is given, not taken.
pub(super) fn is_given(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words = [
        "export",
        "return",
        "produc",
        "solar",
        "feed",
        "einspeis",
        "lieferung",
        "generat",
        "yield",
        "_pv",
        "pv_",
        "pv-",
    ];
    name == "pv" || words.iter().any(|word| name.contains(word))
}
