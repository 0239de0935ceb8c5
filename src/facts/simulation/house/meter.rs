//! What the meters of a house say: means over their interval, nothing where they cannot be reached.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::course::{Course, House, World};
use crate::base::timeline::{TimeRange, add_days, local_date};
use crate::facts::market::Quality;
use crate::facts::meters::{MeterRole, Reading};
use crate::facts::simulation::noise::{Channel, branch, even, hash, mix, smooth};

/// How far a load wavers within a minute, as a share of it.
pub(in crate::facts::simulation) const LOAD_WAVERS: f64 = 0.12;
/// How far a roof does.
pub(in crate::facts::simulation) const PV_WAVERS: f64 = 0.05;
/// Share of the flow at the grid that either may take up, so that both together leave its direction.
pub(in crate::facts::simulation) const FLOW_SHARE: f64 = 0.45;
/// Voltage of the street, in V.
const STREET_V: f64 = 230.6;
/// What a kilowatt drawn takes off the voltage, in V; one fed in adds as much.
const SAG_V_PER_KW: f64 = 0.45;
/// What the grid code allows, in V: 230 less and more a tenth.
const VOLTAGE_V: (f64, f64) = (207.0, 253.0);
/// Seconds of a quarter hour; outages begin and end with one, so that they are the same stretches
/// at every interval.
const QUARTER_S: i64 = 900;
/// Quarter hours in which at most one outage begins.
const OUTAGE_BLOCK: i64 = 24;
/// Quarter hours of the longest outage; they last half of it and a half in the mean.
const OUTAGE_LONGEST: i64 = 8;

/// What of a house a meter measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measures {
    /// What the house draws and what its roof makes.
    House,
    /// What comes from the grid and what goes into it.
    Grid,
    /// What the roof makes.
    Pv,
}

impl Measures {
    /// The role of such a meter.
    pub const fn role(self) -> MeterRole {
        match self {
            Self::House => MeterRole::House,
            Self::Grid => MeterRole::Grid,
            Self::Pv => MeterRole::Pv,
        }
    }
}

/// A meter at a house.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedMeter {
    /// Its name, which begins with `sim-`.
    pub meter_id: String,
    /// Where it hangs.
    pub house: House,
    /// What it measures there.
    pub measures: Measures,
    /// Share of the time it cannot be reached, 0 to 0.15.
    pub outage_rate: f64,
}

/// What `meters` read in `range` at `interval_s`, a divisor of 60 or a multiple of 60 that divides
/// 900: one reading per meter and interval, by day, then by meter, then oldest first.
///
/// Intervals lie on whole multiples of their length. A reading depends on the seed and its own
/// interval only, so ranges may be made in any order and in parts.
pub fn readings(
    world: World,
    meters: &[SimulatedMeter],
    range: TimeRange,
    interval_s: i32,
) -> Vec<Reading> {
    let range = aligned(range, interval_s.into());
    let mut all = Vec::new();
    if range.length().is_zero() {
        return all;
    }
    let mut date = local_date(range.from, world.zone);
    let last = local_date(range.to - Duration::seconds(1), world.zone);
    while date <= last {
        let mut courses: Vec<(&House, Course)> = Vec::new();
        for meter in meters {
            if !courses.iter().any(|(house, _)| **house == meter.house) {
                courses.push((&meter.house, meter.house.course(world, date)));
            }
            if let Some((_, course)) = courses.iter().find(|(house, _)| **house == meter.house) {
                all.extend(of_day((world, meter), course, range, interval_s));
            }
        }
        date = next(date);
    }
    all
}

fn next(date: NaiveDate) -> NaiveDate {
    add_days(date, 1)
}

/// The whole intervals inside of a range.
pub fn aligned(range: TimeRange, interval_s: i64) -> TimeRange {
    let from = range.from.timestamp();
    let from = from + (-from).rem_euclid(interval_s);
    let to = range.to.timestamp();
    let to = (to - to.rem_euclid(interval_s)).max(from);
    let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap_or(range.from);
    TimeRange::new(at(from), at(to))
}

fn of_day<'a>(
    (world, meter): (World, &'a SimulatedMeter),
    course: &'a Course,
    range: TimeRange,
    interval_s: i32,
) -> impl Iterator<Item = Reading> + 'a {
    let range = TimeRange::new(range.from.max(course.from), range.to.min(course.to));
    let chance = branch(meter.house.seed(world), name_number(&meter.meter_id));
    range.slots(interval_s).map(move |ts| {
        let mut reading = Reading {
            meter_id: meter.meter_id.clone(),
            ts,
            interval_s,
            consumption_kw: None,
            production_kw: None,
            voltage: None,
            quality: Quality::Missing,
            known_at: ts + Duration::seconds(interval_s.into()),
        };
        if !is_out(chance, meter.outage_rate, ts) {
            let flows = Flows::over(course, meter.house.seed(world), ts, interval_s);
            let (taken, given) = match meter.measures {
                Measures::House => (flows.load_kw, flows.pv_kw),
                Measures::Grid => (flows.import_kw, flows.export_kw),
                Measures::Pv => (0.0, flows.pv_kw),
            };
            reading.consumption_kw = Some(to_milliwatt(taken));
            reading.production_kw = Some(to_milliwatt(given));
            reading.voltage = Some(voltage(world.seed, ts, flows.import_kw - flows.export_kw));
            reading.quality = Quality::Simulated;
        }
        reading
    })
}

/// Mean flows of an interval, in kW; import less export is load less roof.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "power carries its unit in its name")]
struct Flows {
    load_kw: f64,
    pv_kw: f64,
    import_kw: f64,
    export_kw: f64,
}

impl Flows {
    fn over(course: &Course, seed: u64, ts: DateTime<Utc>, interval_s: i32) -> Self {
        let offset_s = (ts - course.from).num_seconds();
        let mut sum = Self::default();
        if interval_s < 60 {
            for second in offset_s..offset_s + i64::from(interval_s) {
                sum.add(second_of(course, seed, second));
            }
            return sum.divided(interval_s.into());
        }
        let minutes = i64::from(interval_s / 60);
        for minute in offset_s / 60..offset_s / 60 + minutes {
            sum.add(minute_of(course, minute));
        }
        sum.divided(minutes as f64)
    }

    /// Adds what flows while the house draws and the roof makes so much.
    fn add(&mut self, (load_kw, pv_kw): (f64, f64)) {
        let net = load_kw - pv_kw;
        self.load_kw += load_kw;
        self.pv_kw += pv_kw;
        self.import_kw += net.max(0.0);
        self.export_kw += (-net).max(0.0);
    }

    fn divided(self, by: f64) -> Self {
        Self {
            load_kw: self.load_kw / by,
            pv_kw: self.pv_kw / by,
            import_kw: self.import_kw / by,
            export_kw: self.export_kw / by,
        }
    }
}

fn minute_of(course: &Course, minute: i64) -> (f64, f64) {
    let at = |values: &[f64]| usize::try_from(minute).ok().and_then(|at| values.get(at).copied());
    (at(&course.load_kw).unwrap_or_default(), at(&course.pv_kw).unwrap_or_default())
}

/// Load and roof in one second: the means of its minute and how they waver.
fn second_of(course: &Course, seed: u64, second: i64) -> (f64, f64) {
    let (load, pv) = minute_of(course, second / 60);
    let room = FLOW_SHARE * (load - pv).abs();
    let at = course.from.timestamp() + second;
    (
        load + (LOAD_WAVERS * load).min(room) * wave(seed, at),
        pv + (PV_WAVERS * pv).min(room) * wave(mix(seed), at),
    )
}

/// Between -1 and 1; what the first half minute has, the second takes back.
pub(in crate::facts::simulation) fn wave(seed: u64, second: i64) -> f64 {
    let (half, within) = (second.div_euclid(30), second.rem_euclid(30));
    let minute = half.div_euclid(2);
    let place = minute * 64 + within;
    let swing = |place| 2.0 * even(hash(seed, Channel::Second, place)) - 1.0;
    let value = 0.7 * swing(minute * 64 + 32 + within / 5) + 0.3 * swing(place);
    if half.rem_euclid(2) == 0 { value } else { -value }
}

/// Whether a meter cannot be reached in the quarter hour of `ts`.
pub(in crate::facts::simulation) fn is_out(chance: u64, rate: f64, ts: DateTime<Utc>) -> bool {
    let quarter = ts.timestamp().div_euclid(QUARTER_S);
    let block = quarter.div_euclid(OUTAGE_BLOCK);
    let mean_length = (1 + OUTAGE_LONGEST) as f64 / 2.0;
    let likely = rate * OUTAGE_BLOCK as f64 / mean_length;
    [block - 1, block].into_iter().any(|block| {
        let bits = hash(chance, Channel::Outage, block);
        if even(bits) >= likely {
            return false;
        }
        let place = |bits: u64, of: i64| (mix(bits) >> 1).cast_signed() % of;
        let start = block * OUTAGE_BLOCK + place(bits, OUTAGE_BLOCK);
        let length = 1 + place(mix(bits), OUTAGE_LONGEST);
        (start..start + length).contains(&quarter)
    })
}

/// Mean voltage of an interval: the street's, less what the house pulls it down, to 0.1 V.
pub(in crate::facts::simulation) fn voltage(seed: u64, ts: DateTime<Utc>, net_kw: f64) -> f64 {
    let street = 1.3 * smooth(seed, Channel::Street, ts.timestamp() as f64 / 3_600.0, 3.0);
    let volts = STREET_V + street - SAG_V_PER_KW * net_kw;
    (volts.clamp(VOLTAGE_V.0, VOLTAGE_V.1) * 10.0).round() / 10.0
}

pub(in crate::facts::simulation) fn to_milliwatt(kw: f64) -> f64 {
    (kw * 1e6).round() / 1e6
}

/// A number for a name (FNV-1a), so that meters of one house fail apart from each other.
pub(in crate::facts::simulation) fn name_number(name: &str) -> u64 {
    let step = |number: u64, byte: u8| (number ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    name.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}
