//! Meters, readings, what readings add up to, and the rules that one reading must keep.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::facts::market::Quality;

/// Longest interval of a reading, in seconds.
const INTERVAL_S_MAX: i32 = 3_600;
/// Greatest power or voltage that is stored; a nuclear power station is within it.
const VALUE_MAX: f64 = 1_000_000.0;
/// What the names of simulated meters begin with, and no others.
const SIMULATED_PREFIX: &str = "sim-";
/// Longest name that programs use for a meter.
const METER_ID_CHARS_MAX: usize = 64;

/// What a meter measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MeterRole {
    /// The connection to the grid: consumption is drawn from it, production fed into it.
    Grid,
    /// A roof.
    Pv,
    /// A battery: consumption charges, production discharges.
    Battery,
    /// A charging point.
    Ev,
    /// A heat pump.
    HeatPump,
    /// One device.
    Device,
    /// The whole house behind the connection: what it uses and what it makes.
    House,
}

impl MeterRole {
    /// Every role.
    pub const ALL: [Self; 7] =
        [Self::Grid, Self::Pv, Self::Battery, Self::Ev, Self::HeatPump, Self::Device, Self::House];

    /// The name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::Pv => "pv",
            Self::Battery => "battery",
            Self::Ev => "ev",
            Self::HeatPump => "heat_pump",
            Self::Device => "device",
            Self::House => "house",
        }
    }

    /// The role of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// A meter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "identifiers are named alike in tables and answers")]
pub struct Meter {
    /// What programs call it.
    #[schema(example = "house-1")]
    pub meter_id: String,
    /// The site it belongs to.
    pub site_id: Uuid,
    /// What people call it.
    #[schema(example = "Main meter")]
    pub name: String,
    /// What it measures.
    pub role: MeterRole,
    /// Whether Luna makes its readings up.
    pub is_simulated: bool,
    /// Zone of its days, by its IANA name.
    #[schema(example = "Europe/Zurich")]
    pub time_zone: String,
    /// Since when Luna knows it.
    pub created_at: DateTime<Utc>,
}

/// A meter to be known from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMeter {
    /// What programs call it; simulated ones, and only those, begin with `sim-`.
    pub meter_id: String,
    /// The site it belongs to; the default one unless said.
    pub site_id: Option<Uuid>,
    /// What people call it.
    pub name: String,
    /// What it measures.
    pub role: MeterRole,
    /// Zone of its days, by its IANA name.
    pub time_zone: chrono_tz::Tz,
}

/// Whether readings of a meter of this name are made up.
pub fn is_simulated(meter_id: &str) -> bool {
    meter_id.starts_with(SIMULATED_PREFIX)
}

/// Why a text cannot be the name of a meter.
pub fn check_meter_id(meter_id: &str) -> Result<(), &'static str> {
    let inner = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    let begins = meter_id.starts_with(|letter: char| letter.is_ascii_alphanumeric());
    if !begins || !meter_id.chars().all(inner) || meter_id.len() > METER_ID_CHARS_MAX {
        return Err(
            "is not 1 to 64 letters, digits, dots, dashes or underscores, the first a letter or a digit",
        );
    }
    Ok(())
}

/// Mean power of one interval of one meter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Reading {
    /// The meter.
    pub meter_id: String,
    /// Start of the interval.
    pub ts: DateTime<Utc>,
    /// Length of the interval, in seconds.
    pub interval_s: i32,
    /// Mean power taken, in kW; null when the quality is `missing` or the meter does not say.
    pub consumption_kw: Option<f64>,
    /// Mean power given, in kW.
    pub production_kw: Option<f64>,
    /// Mean voltage, in V.
    pub voltage: Option<f64>,
    /// How far to trust it.
    pub quality: Quality,
    /// When it became known.
    pub known_at: DateTime<Utc>,
}

/// A reading that may not be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the reading of {meter_id} at {ts} {reason}")]
pub struct BadReading {
    /// Its place in the batch, from 0.
    pub place: usize,
    /// Its meter.
    pub meter_id: String,
    /// Start of its interval.
    pub ts: DateTime<Utc>,
    /// What is wrong with it.
    pub reason: String,
}

impl Reading {
    /// Whether the reading may be stored; the reason where it may not.
    pub fn check(&self) -> Result<(), String> {
        let values = [
            ("consumption", self.consumption_kw, "kW"),
            ("production", self.production_kw, "kW"),
            ("voltage", self.voltage, "V"),
        ];
        for (what, value, unit) in values {
            if let Some(value) = value
                && !(0.0..=VALUE_MAX).contains(&value)
            {
                return Err(format!("has a {what} of {value} {unit}, not 0 to {VALUE_MAX}"));
            }
        }
        if !(1..=INTERVAL_S_MAX).contains(&self.interval_s) {
            return Err(format!("lasts {} s, not 1 to {INTERVAL_S_MAX}", self.interval_s));
        }
        let power = self.consumption_kw.or(self.production_kw);
        match (self.quality, power) {
            (Quality::Missing, None) if self.voltage.is_none() => Ok(()),
            (Quality::Missing, _) => Err("is called missing and has a value".to_owned()),
            (_, None) => Err("has no power and is not called missing".to_owned()),
            (quality, Some(_)) if (quality == Quality::Simulated) != is_simulated(&self.meter_id) => {
                Err("mixes simulated and measured: meters whose name begins with sim- are simulated, others are not".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// What a write did; the counts add up to the readings given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Stored {
    /// New intervals.
    pub inserted: u64,
    /// Replaced a value, which is now a revision.
    pub replaced: u64,
    /// Said what was stored already.
    pub unchanged: u64,
    /// Known earlier than the stored value, and different.
    pub refused_older: u64,
    /// Outranked by another reading for the same interval in the same batch.
    pub duplicates: u64,
    /// Left out because a reading of another length covers that time already.
    pub overlapping: u64,
}

impl Stored {
    /// Whether readers see something else than before.
    pub const fn changed(&self) -> bool {
        self.inserted + self.replaced > 0
    }

    /// Both counted together.
    pub const fn add(&mut self, other: &Self) {
        self.inserted += other.inserted;
        self.replaced += other.replaced;
        self.unchanged += other.unchanged;
        self.refused_older += other.refused_older;
        self.duplicates += other.duplicates;
        self.overlapping += other.overlapping;
    }
}

/// How finely readings are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// As they were read.
    Raw,
    /// Quarter hours.
    #[serde(rename = "15min")]
    Quarter,
    /// Hours.
    Hour,
    /// Local days of the meter: 23, 24 or 25 hours.
    Day,
}

/// What the readings of a stretch of time add up to.
///
/// What is missing is not counted as nothing: energies are those of the time that is covered.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Rollup {
    /// Start of the stretch.
    pub ts: DateTime<Utc>,
    /// Length of the stretch, in seconds; a local day has 82800, 86400 or 90000.
    pub interval_s: i32,
    /// Mean power taken over the time covered, in kW; null when nothing is covered.
    pub consumption_kw: Option<f64>,
    /// Energy taken in the time covered, in kWh.
    pub consumption_kwh: Option<f64>,
    /// Mean power given over the time covered, in kW.
    pub production_kw: Option<f64>,
    /// Energy given in the time covered, in kWh.
    pub production_kwh: Option<f64>,
    /// Seconds with a value, of `interval_s`.
    pub covered_s: i64,
    /// Seconds that a row says are missing; the rest has no row.
    pub missing_s: i64,
}
