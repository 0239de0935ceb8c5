//! Mappings, messages, what is known about topics, and how the road to the broker is.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{filter, payload};
use crate::facts::meters::MeterRole;
use crate::facts::meters::check_meter_id;
use crate::facts::meters::is_simulated;

/// Topic of Luna's own form: readings as JSON object, list, or one object a line.
pub(super) const CANONICAL: &str = "luna/readings";
/// The same for rehearsals: rows are about meters named `sim-…`.
pub(super) const REHEARSAL: &str = "luna/sim/readings";
/// Length of the intervals that powers become unless somebody says, in seconds.
pub(super) const POWER_S: i32 = 60;
/// Length of the intervals that counters become unless somebody says, in seconds.
pub(super) const COUNTER_S: i32 = 900;

/// What a number of a payload says about a meter.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Power taken.
    ConsumptionKw,
    /// Power given.
    ProductionKw,
    /// Power with a sign: taken above zero, given below.
    PowerKw,
    /// Energy taken since the meter was made.
    ConsumptionKwhTotal,
    /// Energy given since the meter was made.
    ProductionKwhTotal,
    /// Voltage.
    Voltage,
}

/// What a field is a matter of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Power,
    Counter,
    Voltage,
}

impl Field {
    /// Every field, in the order in which lists show them.
    pub const ALL: [Self; 6] = [
        Self::PowerKw,
        Self::ConsumptionKw,
        Self::ProductionKw,
        Self::ConsumptionKwhTotal,
        Self::ProductionKwhTotal,
        Self::Voltage,
    ];

    /// The name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConsumptionKw => "consumption_kw",
            Self::ProductionKw => "production_kw",
            Self::PowerKw => "power_kw",
            Self::ConsumptionKwhTotal => "consumption_kwh_total",
            Self::ProductionKwhTotal => "production_kwh_total",
            Self::Voltage => "voltage",
        }
    }

    /// The field of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::ConsumptionKw | Self::ProductionKw | Self::PowerKw => Kind::Power,
            Self::ConsumptionKwhTotal | Self::ProductionKwhTotal => Kind::Counter,
            Self::Voltage => Kind::Voltage,
        }
    }

    /// Units in which it may be sent, the usual one first.
    pub const fn units(self) -> &'static [Unit] {
        match self.kind() {
            Kind::Power => &[Unit::W, Unit::KW],
            Kind::Counter => &[Unit::KWh, Unit::Wh],
            Kind::Voltage => &[Unit::V],
        }
    }
}

/// Unit of a number in a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum Unit {
    /// Watt.
    W,
    /// Kilowatt.
    #[serde(rename = "kW")]
    KW,
    /// Watt hour.
    Wh,
    /// Kilowatt hour.
    #[serde(rename = "kWh")]
    KWh,
    /// Volt.
    V,
}

impl Unit {
    /// Every unit.
    pub const ALL: [Self; 5] = [Self::W, Self::KW, Self::Wh, Self::KWh, Self::V];

    /// The name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::W => "W",
            Self::KW => "kW",
            Self::Wh => "Wh",
            Self::KWh => "kWh",
            Self::V => "V",
        }
    }

    /// The unit of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.name() == name)
    }

    /// A number of this unit in kW, kWh or V.
    pub(super) fn scaled(self, number: f64) -> f64 {
        match self {
            Self::W | Self::Wh => number / 1_000.0,
            Self::KW | Self::KWh | Self::V => number,
        }
    }
}

/// Devices and programs that are recognised by what they publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Tasmota: reading heads (SML) and plugs.
    Tasmota,
    /// Shelly of the second generation and later.
    Shelly,
    /// Whatever announces itself to Home Assistant.
    HomeAssistant,
    /// `ESPHome`.
    #[serde(rename = "esphome")]
    EspHome,
    /// dsmr-reader.
    DsmrReader,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 5] =
        [Self::Tasmota, Self::Shelly, Self::HomeAssistant, Self::EspHome, Self::DsmrReader];

    /// The name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tasmota => "tasmota",
            Self::Shelly => "shelly",
            Self::HomeAssistant => "home_assistant",
            Self::EspHome => "esphome",
            Self::DsmrReader => "dsmr_reader",
        }
    }

    /// The preset of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name() == name)
    }

    /// What it is called.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Tasmota => "Tasmota",
            Self::Shelly => "Shelly",
            Self::HomeAssistant => "Home Assistant",
            Self::EspHome => "ESPHome",
            Self::DsmrReader => "dsmr-reader",
        }
    }
}

/// How a number in the payloads of some topics becomes readings of a meter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMapping {
    /// The topics; `+` stands for one level, `#` at the end for all that follow.
    #[schema(example = "tele/reader/SENSOR")]
    pub topic_filter: String,
    /// Way to the number as JSON Pointer, or several with ` + ` between them for their sum; empty
    /// when the payload is the number.
    #[serde(default)]
    #[schema(example = "/SML/Power")]
    pub value_path: String,
    /// The meter, made known when nobody knows it; `{1}` stands for what the first `+` stands for.
    #[schema(example = "reader")]
    pub meter_id: String,
    /// What the number says.
    pub field: Field,
    /// In which unit; the usual one of the field unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Whether the sign is the other way round.
    #[serde(default)]
    pub is_inverted: bool,
    /// Length of the intervals that it becomes, in seconds: a part of a quarter hour, a half or a
    /// whole hour; 60 for powers and 900 for counters unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 3600)]
    pub interval_s: Option<i32>,
    /// Way to the instant of the number; the time of arrival unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "/params/ts")]
    pub time_path: Option<String>,
    /// The preset that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// What a meter that nobody knows measures: `house` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter_role: Option<MeterRole>,
    /// Whether it is in force.
    #[serde(default = "yes")]
    pub is_enabled: bool,
}

const fn yes() -> bool {
    true
}

impl NewMapping {
    /// A mapping of a whole payload; the rest is as usual for its field.
    pub fn new(topic_filter: impl Into<String>, meter_id: impl Into<String>, field: Field) -> Self {
        Self {
            topic_filter: topic_filter.into(),
            value_path: String::new(),
            meter_id: meter_id.into(),
            field,
            unit: None,
            is_inverted: false,
            interval_s: None,
            time_path: None,
            preset: None,
            meter_role: None,
            is_enabled: true,
        }
    }

    /// The unit, the usual one where none is said.
    pub fn unit(&self) -> Unit {
        self.unit.unwrap_or_else(|| self.field.units()[0])
    }

    /// The length of its intervals, in seconds.
    pub fn interval_s(&self) -> i32 {
        let usual = if self.field.kind() == Kind::Counter { COUNTER_S } else { POWER_S };
        self.interval_s.unwrap_or(usual)
    }

    /// The meter that a topic is about; none when the filter does not mean the topic.
    pub(super) fn meter_of(&self, topic: &str) -> Option<String> {
        let levels = filter::matched(&self.topic_filter, topic)?;
        let mut meter_id = self.meter_id.clone();
        if meter_id.contains('{') {
            for (place, level) in (1..).zip(levels) {
                meter_id = meter_id.replace(&format!("{{{place}}}"), &plain(level));
            }
        }
        Some(meter_id)
    }

    /// What is wrong with it: the field and a sentence.
    pub(super) fn mistakes(&self) -> Vec<(&'static str, String)> {
        let mut all = Vec::new();
        let mut wrong = |field, why: String| all.push((field, why));
        let quoted = |text: &str, why: &str| format!("'{text}' {why}");
        if let Err(why) = filter::check(&self.topic_filter) {
            wrong("topic_filter", quoted(&self.topic_filter, why));
        } else if [CANONICAL, REHEARSAL]
            .iter()
            .any(|own| filter::matched(&self.topic_filter, own).is_some())
        {
            let why = "means luna/readings too, whose rows name their meters themselves";
            wrong("topic_filter", quoted(&self.topic_filter, why));
        }
        if let Err(why) = payload::check(&self.value_path) {
            wrong("value_path", quoted(&self.value_path, why));
        }
        if let Some(path) = &self.time_path
            && (path.contains(" + ") || path.is_empty() || payload::check(path).is_err())
        {
            wrong("time_path", quoted(path, "does not begin with /, like /params/ts"));
        }
        let wildcards = self.topic_filter.split('/').filter(|level| matches!(*level, "+" | "#"));
        let mut sample = self.meter_id.clone();
        for (place, _) in (1..).zip(wildcards) {
            sample = sample.replace(&format!("{{{place}}}"), "x");
        }
        if let Err(why) = check_meter_id(&sample) {
            wrong("meter_id", quoted(&self.meter_id, why));
        } else if is_simulated(&self.meter_id) {
            let why = "begins with sim-, which is for meters that Luna simulates";
            wrong("meter_id", quoted(&self.meter_id, why));
        }
        if !self.field.units().contains(&self.unit()) {
            let units: Vec<_> = self.field.units().iter().map(|unit| unit.name()).collect();
            let why = format!("is no unit of {}; choose {}", self.field.name(), units.join(" or "));
            wrong("unit", quoted(self.unit().name(), &why));
        }
        let interval_s = self.interval_s();
        let is_part = (1..=900).contains(&interval_s) && 900 % interval_s == 0;
        if !is_part && !matches!(interval_s, 1_800 | 3_600) {
            let why = "is no part of a quarter hour, nor 1800 or 3600 seconds";
            wrong("interval_s", format!("{interval_s} {why}"));
        }
        all
    }
}

/// A level of a topic as part of a meter's name.
fn plain(level: &str) -> String {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    level.chars().map(|letter| if fits(letter) { letter } else { '-' }).collect()
}

/// A text as a meter's name: what does not fit becomes a dash.
pub(super) fn slug(text: &str) -> String {
    let mut name = plain(&text.to_ascii_lowercase());
    while name.contains("--") {
        name = name.replace("--", "-");
    }
    let name = name.trim_matches(['-', '.', '_']);
    let name: String = name.chars().take(64).collect();
    if name.starts_with("sim-") { format!("mqtt-{name}").chars().take(64).collect() } else { name }
}

/// A mapping that is stored.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "identifiers are named alike in tables and answers")]
pub struct Mapping {
    /// Identifier.
    pub mapping_id: Uuid,
    /// What it says, in fields of its own; its schema alone would forbid the others.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub says: NewMapping,
    /// Since when it is there.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// A mapping that what was seen suggests.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Proposal {
    /// What the device calls itself.
    #[schema(example = "reader")]
    pub title: String,
    /// The number as it came last, in the unit of the mapping; absent when none has come yet.
    pub last: Option<f64>,
    /// The mapping; create it to accept.
    pub mapping: NewMapping,
}

/// A message of the broker.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Message {
    pub topic: String,
    pub payload: Bytes,
    /// It was kept by the broker, for whoever subscribes.
    pub is_retained: bool,
    /// It may have been sent before.
    pub is_again: bool,
    /// The broker sends it again until it is acknowledged.
    pub is_owed: bool,
    pub received_at: DateTime<Utc>,
}

/// A message as the page of topics shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Shown {
    /// When it came.
    pub at: DateTime<Utc>,
    /// Its payload, cut where it is long.
    #[schema(example = "{\"SML\":{\"Power\":412}}")]
    pub payload: String,
    /// Length of the whole payload.
    pub bytes: usize,
    /// Whether the broker had kept it for whoever subscribes.
    pub is_retained: bool,
}

/// What is known about a topic.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "identifiers are named alike in tables and answers")]
pub struct Topic {
    /// The topic.
    #[schema(example = "tele/reader/SENSOR")]
    pub topic: String,
    /// When the last message came.
    pub last_at: DateTime<Utc>,
    /// Messages since Luna listens to it.
    pub messages: u64,
    /// Messages of which something could not be taken.
    pub refused: u64,
    /// The last messages, the newest first.
    pub last: Vec<Shown>,
    /// Why something could not be taken, the last time.
    pub reason: Option<String>,
    /// When that was.
    pub refused_at: Option<DateTime<Utc>>,
}

/// How the road to the broker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MqttState)]
pub enum ConsumerState {
    /// No broker is set.
    Off,
    /// Nobody reads the broker: no process of the role `events` runs.
    Unattended,
    /// A process is just logging in.
    Connecting,
    /// Messages come.
    Connected,
    /// The broker is away or refuses.
    Disconnected,
}

impl ConsumerState {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Unattended => "unattended",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
        }
    }

    pub(super) fn parse(name: &str) -> Self {
        match name {
            "connected" => Self::Connected,
            "disconnected" => Self::Disconnected,
            _ => Self::Connecting,
        }
    }
}

/// How reading the broker goes, in whatever process does it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Standing {
    /// How it is.
    pub state: ConsumerState,
    /// The same as a sentence, with what to do about it.
    #[schema(example = "connected to mqtt://broker:1883 as luna")]
    pub detail: String,
    /// The broker; absent when none is set.
    #[schema(example = "mqtt://broker:1883")]
    pub broker: Option<String>,
    /// Name of the session at the broker.
    #[schema(example = "luna-5f3a4f1c")]
    pub client_id: Option<String>,
    /// Since when it is so.
    pub since: Option<DateTime<Utc>>,
    /// Messages that came.
    pub messages: u64,
    /// Rows that were new or changed something.
    pub rows_stored: u64,
    /// Rows and payloads that could not be taken.
    pub rows_refused: u64,
    /// When the last message came.
    pub last_message_at: Option<DateTime<Utc>>,
    /// Topics that are listened to.
    pub subscriptions: Vec<String>,
}
