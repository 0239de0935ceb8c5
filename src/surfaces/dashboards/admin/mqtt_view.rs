//! Topics, messages, mappings and proposals as the page of the broker shows them.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::desk::Choice;
use super::mqtt::{Filled, MappingForm};
use crate::facts::meters::MeterRole;
use crate::facts::mqtt::{
    Field, Mapping, Preset, Proposal, Standing, Topic, Unit, is_own, leaves, meant, numbers_of,
};
use crate::surfaces::dashboards::format::{Format, NBSP, number};

/// Topics that the page shows; others are found by name.
pub(super) const TOPICS_SHOWN: usize = 60;
/// Numbers of a payload that the page shows.
const VALUES_SHOWN: usize = 40;

/// The page.
#[derive(Debug, Serialize)]
pub(super) struct MqttView {
    pub(super) facts: Vec<FactRow>,
    pub(super) listens: String,
    pub(super) proposals: Vec<ProposalRow>,
    pub(super) mappings: Vec<MappingRow>,
    pub(super) form: FormView,
    pub(super) topics: Vec<TopicRow>,
    pub(super) more: usize,
    pub(super) search: String,
}

#[derive(Debug, Serialize)]
pub(super) struct FactRow {
    name: String,
    value: String,
}

#[derive(Debug, Serialize)]
pub(super) struct ProposalRow {
    title: String,
    preset: &'static str,
    topic: String,
    path: String,
    what: String,
    meter: String,
    last: String,
    /// Where it is looked at before it is accepted.
    href: String,
    /// Names and values of the form that accepts it.
    fields: Vec<(&'static str, String)>,
}

#[derive(Debug, Serialize)]
pub(super) struct MappingRow {
    id: String,
    topic: String,
    path: String,
    what: String,
    meter: String,
    readings: String,
    interval: String,
    last: String,
    kind: &'static str,
    state: String,
    is_enabled: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct TopicRow {
    topic: String,
    summary: String,
    payload: String,
    is_retained: bool,
    is_cut: bool,
    reason: String,
    refused: String,
    values: Vec<ValueRow>,
    earlier: Vec<EarlierRow>,
}

#[derive(Debug, Serialize)]
struct ValueRow {
    path: String,
    value: String,
    href: String,
    is_mapped: bool,
}

#[derive(Debug, Serialize)]
struct EarlierRow {
    at: String,
    payload: String,
}

/// The form of a mapping.
#[derive(Debug, Serialize)]
pub(super) struct FormView {
    mapping_id: String,
    preset: String,
    topic_filter: String,
    value_path: String,
    meter_id: String,
    interval_s: String,
    time_path: String,
    is_inverted: bool,
    fields: Vec<Choice>,
    units: Vec<Choice>,
    roles: Vec<Choice>,
    is_touched: bool,
    /// What is wrong, by field.
    topic_error: String,
    path_error: String,
    meter_error: String,
    unit_error: String,
    interval_error: String,
    time_error: String,
    error: String,
    preview: Option<PreviewView>,
}

#[derive(Debug, Serialize)]
struct PreviewView {
    about: String,
    values: Vec<String>,
    note: String,
}

impl FormView {
    pub(super) fn of(filled: &Filled, format: &Format) -> Self {
        let Filled { form, preview, mistakes } = filled;
        let wrong = |field: &str| {
            let found = mistakes.iter().find(|(name, _)| name == field);
            found.map(|(_, why)| why.clone()).unwrap_or_default()
        };
        let fields = Field::ALL
            .map(|field| Choice::new(field.name(), field_text(field, format), &form.field));
        let units = Unit::ALL.map(|unit| Choice::new(unit.name(), unit.name(), &form.unit));
        let role = if form.meter_role.is_empty() { "house" } else { &form.meter_role };
        let roles = MeterRole::ALL.map(|it| {
            let text = format.text(role_key(it)).to_owned();
            Choice::new(it.name(), text, role)
        });
        let interval_s = if form.interval_s.is_empty() { "60" } else { &form.interval_s };
        Self {
            mapping_id: form.mapping_id.clone(),
            preset: form.preset.clone(),
            topic_filter: form.topic_filter.clone(),
            value_path: form.value_path.clone(),
            meter_id: form.meter_id.clone(),
            interval_s: interval_s.to_owned(),
            time_path: form.time_path.clone(),
            is_inverted: form.is_inverted.is_some(),
            fields: fields.into(),
            units: units.into(),
            roles: roles.into(),
            is_touched: !form.topic_filter.is_empty(),
            topic_error: wrong("topic_filter"),
            path_error: wrong("value_path"),
            meter_error: wrong("meter_id"),
            unit_error: wrong("unit"),
            interval_error: wrong("interval_s"),
            time_error: wrong("time_path"),
            error: wrong(""),
            preview: preview.as_ref().map(|preview| PreviewView {
                about: match (&preview.topic, preview.at) {
                    (Some(topic), Some(at)) => {
                        let parts = [("topic", topic.as_str()), ("time", &format.second(at))];
                        format.fill("adm_mqtt_preview_of", &parts)
                    }
                    _ => String::new(),
                },
                values: preview
                    .values
                    .iter()
                    .map(|it| {
                        let field = Field::parse(it.field).unwrap_or(Field::PowerKw);
                        let unit = unit_of(field);
                        let value = format!("{}{NBSP}{unit}", number(it.value, 3));
                        format!("{}: {} {value}", it.meter_id, field_text(field, format))
                    })
                    .collect(),
                note: preview.note.clone().unwrap_or_default(),
            }),
        }
    }
}

/// The unit in which a field is stored.
const fn unit_of(field: Field) -> &'static str {
    match field {
        Field::ConsumptionKw | Field::ProductionKw | Field::PowerKw => "kW",
        Field::ConsumptionKwhTotal | Field::ProductionKwhTotal => "kWh",
        Field::Voltage => "V",
    }
}

fn field_text(field: Field, format: &Format) -> String {
    let key = match field {
        Field::PowerKw => "adm_mqtt_f_power",
        Field::ConsumptionKw => "adm_mqtt_f_consumption",
        Field::ProductionKw => "adm_mqtt_f_production",
        Field::ConsumptionKwhTotal => "adm_mqtt_f_import",
        Field::ProductionKwhTotal => "adm_mqtt_f_export",
        Field::Voltage => "adm_mqtt_f_voltage",
    };
    format.text(key).to_owned()
}

const fn role_key(role: MeterRole) -> &'static str {
    match role {
        MeterRole::Grid => "adm_mqtt_r_grid",
        MeterRole::Pv => "adm_mqtt_r_pv",
        MeterRole::Battery => "adm_mqtt_r_battery",
        MeterRole::Ev => "adm_mqtt_r_ev",
        MeterRole::HeatPump => "adm_mqtt_r_heat_pump",
        MeterRole::Device => "adm_mqtt_r_device",
        MeterRole::House => "adm_mqtt_r_house",
    }
}

/// How reading goes, in figures.
pub(super) fn facts(standing: &Standing, now: DateTime<Utc>, format: &Format) -> Vec<FactRow> {
    let ago = |at: DateTime<Utc>| {
        let (time, age) = (format.second(at), format.age(now - at));
        format.fill("adm_ago", &[("time", &time), ("age", &age)])
    };
    let never = || format.text("adm_never").to_owned();
    let count = |n: u64| number(n as f64, 0);
    let all = [
        ("adm_mqtt_broker", standing.broker.clone().unwrap_or_else(|| "–".to_owned())),
        ("adm_mqtt_session", standing.client_id.clone().unwrap_or_else(|| "–".to_owned())),
        ("adm_mqtt_since", standing.since.map_or_else(never, ago)),
        ("adm_mqtt_last", standing.last_message_at.map_or_else(never, ago)),
        ("adm_mqtt_messages", count(standing.messages)),
        ("adm_mqtt_rows", count(standing.rows_stored)),
        ("adm_mqtt_refused", count(standing.rows_refused)),
    ];
    let row = |(key, value)| FactRow { name: format.text(key).to_owned(), value };
    all.into_iter().map(row).collect()
}

/// Where a number of a topic becomes a mapping.
fn number_href(topic: &str, path: &str) -> String {
    let query = serde_urlencoded::to_string([("topic", topic), ("path", path)]);
    format!("/admin/mqtt?{}#mapping", query.unwrap_or_default())
}

/// A mapping that is suggested.
pub(super) fn proposal(proposal: &Proposal, format: &Format) -> ProposalRow {
    let says = &proposal.mapping;
    let form = MappingForm::of(says, None);
    ProposalRow {
        title: proposal.title.clone(),
        preset: says.preset.map_or("", Preset::title),
        topic: says.topic_filter.clone(),
        path: says.value_path.clone(),
        what: field_text(says.field, format),
        meter: says.meter_id.clone(),
        href: number_href(&says.topic_filter, &says.value_path),
        last: proposal.last.map_or_else(
            || "–".to_owned(),
            |last| format!("{}{NBSP}{}", number(last, 3), says.unit().name()),
        ),
        fields: vec![
            ("topic_filter", form.topic_filter),
            ("value_path", form.value_path),
            ("meter_id", form.meter_id),
            ("field", form.field),
            ("unit", form.unit),
            ("interval_s", form.interval_s),
            ("time_path", form.time_path),
            ("meter_role", form.meter_role),
            ("preset", form.preset),
        ],
    }
}

/// A mapping, with the number that came last.
pub(super) fn mapping(mapping: &Mapping, topics: &[Topic], format: &Format) -> MappingRow {
    let says = &mapping.says;
    let newest = topics.iter().filter(|it| meant(says, &it.topic)).max_by_key(|it| it.last_at);
    let last = newest.and_then(|topic| numbers_of(says, topic.last.first()?));
    let (kind, state) = match (says.is_enabled, newest) {
        (false, _) => ("off", "adm_mqtt_paused"),
        (true, None) => ("off", "adm_mqtt_silent"),
        (true, Some(topic)) if topic.reason.is_some() && last.is_none() => {
            ("err", "adm_mqtt_fails")
        }
        (true, Some(_)) => ("ok", "adm_mqtt_takes"),
    };
    MappingRow {
        id: mapping.mapping_id.to_string(),
        topic: says.topic_filter.clone(),
        path: says.value_path.clone(),
        what: field_text(says.field, format),
        meter: says.meter_id.clone(),
        readings: if says.meter_id.contains('{') {
            String::new()
        } else {
            format!("/api/meters/{}/readings?resolution=raw", says.meter_id)
        },
        interval: format!("{}{NBSP}s", says.interval_s()),
        last: last.map_or_else(
            || "–".to_owned(),
            |last| format!("{}{NBSP}{}", number(last, 3), says.unit().name()),
        ),
        kind,
        state: format.text(state).to_owned(),
        is_enabled: says.is_enabled,
    }
}

/// The topics that the page shows, those that came last first.
pub(super) fn topics(topics: &[Topic], mappings: &[Mapping], format: &Format) -> Vec<TopicRow> {
    let mut all: Vec<&Topic> = topics.iter().collect();
    all.sort_by_key(|topic| std::cmp::Reverse(topic.last_at));
    all.truncate(TOPICS_SHOWN);
    all.sort_by(|one, other| one.topic.cmp(&other.topic));
    all.into_iter().map(|it| topic(it, mappings, format)).collect()
}

fn topic(topic: &Topic, mappings: &[Mapping], format: &Format) -> TopicRow {
    let count = number(topic.messages as f64, 0);
    let time = format.second(topic.last_at);
    let last = topic.last.first();
    let of_topic: Vec<&Mapping> =
        mappings.iter().filter(|it| meant(&it.says, &topic.topic)).collect();
    let payload = last.map(|last| last.payload.clone()).unwrap_or_default();
    let value = |(path, value): (String, f64)| ValueRow {
        value: plain(value),
        href: number_href(&topic.topic, &path),
        is_mapped: of_topic.iter().any(|it| it.says.value_path.split(" + ").any(|way| way == path)),
        path: if path.is_empty() { format.text("adm_mqtt_whole").to_owned() } else { path },
    };
    TopicRow {
        topic: topic.topic.clone(),
        summary: format.fill("adm_mqtt_topic", &[("n", &count), ("time", &time)]),
        is_retained: last.is_some_and(|last| last.is_retained),
        is_cut: last.is_some_and(|last| last.bytes > last.payload.len()),
        reason: topic.reason.clone().unwrap_or_default(),
        refused: number(topic.refused as f64, 0),
        values: leaves_of(topic).into_iter().take(VALUES_SHOWN).map(value).collect(),
        earlier: topic
            .last
            .iter()
            .skip(1)
            .map(|it| EarlierRow { at: format.second(it.at), payload: it.payload.clone() })
            .collect(),
        payload,
    }
}

/// A number as a device sends it.
fn plain(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The numbers of the newest message; rows in Luna's own form name their meters themselves.
fn leaves_of(topic: &Topic) -> Vec<(String, f64)> {
    let last = topic.last.first().filter(|_| !is_own(&topic.topic));
    last.map(|last| leaves(&last.payload)).unwrap_or_default()
}
