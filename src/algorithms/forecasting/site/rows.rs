//! Rows of features: one per origin and quarter hour ahead, built column by column.

use ndarray::Array2;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::calendar::{Calendar, Place, SLOTS};
use super::history::{History, QUARTER_S};
use super::model::lead_group;
use super::past::{DAYS, Past, or};
use super::sun::{azimuth_deg, clear_sky_w_m2, elevation_deg};
use crate::algorithms::forecasting::table::{RowKey, Table};

/// Quarter hours that are forecast: seven days.
pub const AHEAD: i64 = 672;
/// Days before an origin that features look back to.
pub const PAST_DAYS: i64 = DAYS.cast_signed() as i64 + 1;
/// Outdoor temperature below which houses are heated, in °C (SIA 381/3 counts from 12, others to 15).
const HEATING_BELOW_C: f32 = 15.0;
/// Share of the energy below which readings at night are noise of the meter.
const NIGHT_SHARE_MAX: f64 = 0.005;

/// How much more than the best of two weeks a roof may make.
const CLEARER: f64 = 1.25;
/// Below that a scale says nothing, in kW.
const SCALE_MIN_KW: f32 = 0.01;

/// What is forecast of a meter.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Power taken.
    Load,
    /// Power made.
    Pv,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Load, Self::Pv];

    /// The name in series, tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Pv => "pv",
        }
    }

    /// The kind of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A meter with everything that its forecasts are made of.
#[derive(Debug, Clone)]
pub struct Site {
    /// What is forecast.
    pub kind: Kind,
    /// Mean power of quarter hours, in kW.
    pub power: History,
    /// Local days; those of UTC for production, which follows the sun.
    pub calendar: Calendar,
    /// Where it is.
    pub place: Place,
    /// Forecasts of the outdoor temperature, in °C.
    pub temperature: Option<History>,
    /// Forecasts of the radiation on the level ground, in W/m².
    pub radiation: Option<History>,
    /// Whether nothing is made while the sun is down.
    pub nights: bool,
}

/// Which quarter hours ahead get rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leads {
    /// Every one.
    All,
    /// Some: near ones densely, far ones thinly, others for every origin.
    Some,
}

/// Rows with what they are about.
#[derive(Debug, Clone)]
pub struct Rows {
    /// Features, targets where they are asked for, keys with groups of leads for lead days.
    pub table: Table,
    /// Quarter hour of every row.
    pub quarters: Vec<i64>,
    /// Quarter hours from the origin, 0 is the first.
    pub leads: Vec<i64>,
    /// The mean of the last days, weekday by weekday for loads.
    pub baseline: Vec<f64>,
    /// The value of a week before.
    pub week_ago: Vec<f64>,
    /// Whether the sun is down from beginning to end.
    pub dark: Vec<bool>,
    /// What powers among the features are relative to, in kW: the mean of the last weeks of a load, the
    /// highest quarter hour of the last two weeks of a roof. A level or a size that was never seen in
    /// training is then nothing new.
    pub scales: Vec<f64>,
    /// Most that can come, in kW: of a roof a quarter more than the best of two weeks at that hour.
    pub most: Vec<f64>,
}

/// Features as columns that grow.
struct Columns {
    names: Vec<&'static str>,
    values: Vec<Vec<f32>>,
    /// Of the origin whose columns are added.
    scale: f32,
}

const CALENDAR: [&str; 4] = ["slot", "weekday", "day_kind", "lead_h"];
/// Powers, relative to the scale of their origin.
const LOAD: [&str; 15] = [
    "baseline",
    "week",
    "two_weeks",
    "week_around",
    "weekday_around",
    "latest",
    "latest_around",
    "slot_7d",
    "slot_28d",
    "now",
    "mean_1h",
    "mean_3h",
    "mean_24h",
    "mean_7d",
    "rise_3h",
];
/// The same of roofs.
const PV: [&str; 10] = [
    "envelope_14d",
    "latest",
    "slot_3d",
    "slot_7d",
    "slot_14d",
    "week",
    "now",
    "mean_3h",
    "mean_24h",
    "mean_7d",
];
const SUN: [&str; 4] = ["elevation", "azimuth", "clear_sky", "clearness_3h"];
const HEAT: [&str; 2] = ["temperature", "heating_degree"];
const SKY: [&str; 3] = ["radiation", "radiation_clearness", "radiation_day"];

impl Site {
    /// Names of the features in column order; weather only where there is any.
    pub fn features(&self) -> Vec<&'static str> {
        let mut names = CALENDAR.to_vec();
        match self.kind {
            Kind::Load => names.extend(LOAD),
            Kind::Pv => names.extend(PV.iter().chain(&SUN)),
        }
        if self.temperature.is_some() {
            names.extend(HEAT);
        }
        if self.radiation.is_some() && self.kind == Kind::Pv {
            names.extend(SKY);
        }
        names
    }

    /// Rows of `origins`, quarter hours at whose start the forecast is made. With `labels_s` the rows
    /// have targets, and only those are kept whose target was known then.
    pub fn rows(&self, origins: &[i64], leads: Leads, labels_s: Option<i64>) -> Rows {
        let pasts = origins.iter().filter_map(|origin| {
            Past::at(&self.power, &self.calendar, *origin).map(|past| (past, origin * QUARTER_S))
        });
        self.rows_of(pasts, leads, labels_s)
    }

    /// Rows of every quarter hour ahead of an instant, with what was known then.
    pub fn rows_ahead(&self, as_of_s: i64) -> Rows {
        let origin = (as_of_s + QUARTER_S - 1).div_euclid(QUARTER_S);
        let past = Past::new(&self.power, &self.calendar, origin, as_of_s);
        self.rows_of(past.map(|past| (past, as_of_s)).into_iter(), Leads::All, None)
    }

    fn rows_of(
        &self,
        pasts: impl Iterator<Item = (Past, i64)>,
        leads: Leads,
        labels_s: Option<i64>,
    ) -> Rows {
        let mut columns = Columns::new(self.features());
        let mut rows = Rows::empty();
        for (number, (past, as_of_s)) in (0_i64..).zip(pasts) {
            let mut taken: Vec<(i64, i32, usize)> = Vec::new();
            for lead in ahead(leads, number) {
                let quarter = past.origin + lead;
                let Some((day, slot)) = self.calendar.place(quarter) else { continue };
                if let Some(known_s) = labels_s {
                    let target = self.power.at(quarter, known_s);
                    if target.is_nan() {
                        continue;
                    }
                    rows.table.y.push(f64::from(target));
                }
                let lead_day = lead_group(lead);
                rows.table.groups.push(RowKey { day, slot: u16::from(slot), lead_day });
                rows.quarters.push(quarter);
                rows.leads.push(lead);
                taken.push((lead, day, usize::from(slot)));
            }
            columns.scale = self.scale(&past);
            rows.scales.extend(taken.iter().map(|_| f64::from(columns.scale)));
            self.calendar_columns(&taken, &mut columns);
            match self.kind {
                Kind::Load => self.load_columns(&past, &taken, &mut columns, &mut rows),
                Kind::Pv => self.pv_columns(&past, &taken, &mut columns, &mut rows),
            }
            self.weather_columns(&past, as_of_s, &taken, &mut columns);
        }
        columns.into_table(&mut rows.table);
        rows
    }

    /// What powers are taken relative to at an origin.
    fn scale(&self, past: &Past) -> f32 {
        let scale = match self.kind {
            Kind::Load => past.level(),
            Kind::Pv => (1..=14).map(|before| past.day_highest(before)).fold(f32::NAN, f32::max),
        };
        if scale > SCALE_MIN_KW { scale } else { 1.0 }
    }

    fn calendar_columns(&self, taken: &[(i64, i32, usize)], columns: &mut Columns) {
        let days: Vec<_> = taken.iter().map(|(_, day, _)| self.calendar.day(*day)).collect();
        columns.add("slot", taken.iter().map(|(_, _, slot)| single(*slot as f64)));
        columns.add("weekday", days.iter().map(|day| day.map_or(f32::NAN, |d| d.weekday.into())));
        columns.add("day_kind", days.iter().map(|day| day.map_or(0.0, |d| d.kind.into())));
        columns.add("lead_h", taken.iter().map(|(lead, _, _)| single(*lead as f64 / 4.0)));
    }

    fn load_columns(
        &self,
        past: &Past,
        taken: &[(i64, i32, usize)],
        columns: &mut Columns,
        rows: &mut Rows,
    ) {
        // Days before the origin's that lie `weeks` weeks before a target.
        let before = |day: i32, weeks: i32| usize::try_from(7 * weeks - (day - past.day)).ok();
        let at = |day: i32, weeks: i32, slot: usize, reach: usize| {
            before(day, weeks).map_or(f32::NAN, |days| past.mean([days], slot, reach))
        };
        let four = |day: i32| (1..=4).filter_map(move |weeks| before(day, weeks));
        let slot_means = |days: usize, reach: usize| -> Vec<f32> {
            (0..SLOTS).map(|slot| past.mean(1..=days, slot, reach)).collect()
        };
        let (slot_7d, slot_28d) = (slot_means(7, 0), slot_means(28, 1));
        let level = past.level();
        let fallback = |slot: usize| or(slot_7d[slot], or(level, 0.0));
        let baseline: Vec<f32> = taken
            .iter()
            .map(|(_, day, slot)| or(past.mean(four(*day), *slot, 0), fallback(*slot)))
            .collect();
        let week: Vec<f32> = taken.iter().map(|(_, day, slot)| at(*day, 1, *slot, 0)).collect();
        let latest = |slot: usize, reach: usize| {
            past.latest(slot).map_or(f32::NAN, |before| past.mean([before], slot, reach))
        };
        rows.baseline.extend(baseline.iter().map(|value| f64::from(*value)));
        let or_baseline =
            week.iter().zip(&baseline).map(|(week, other)| f64::from(or(*week, *other)));
        rows.week_ago.extend(or_baseline);
        rows.dark.extend(taken.iter().map(|_| false));
        rows.most.extend(taken.iter().map(|_| f64::MAX));
        columns.add("baseline", baseline.into_iter());
        columns.add("week", week.into_iter());
        columns.add("two_weeks", taken.iter().map(|(_, day, slot)| at(*day, 2, *slot, 0)));
        columns.add("week_around", taken.iter().map(|(_, day, slot)| at(*day, 1, *slot, 4)));
        let around = taken.iter().map(|(_, day, slot)| past.mean(four(*day), *slot, 2));
        columns.add("weekday_around", around);
        columns.add("latest", taken.iter().map(|(_, _, slot)| latest(*slot, 0)));
        columns.add("latest_around", taken.iter().map(|(_, _, slot)| latest(*slot, 4)));
        columns.add("slot_7d", taken.iter().map(|(_, _, slot)| slot_7d[*slot]));
        columns.add("slot_28d", taken.iter().map(|(_, _, slot)| slot_28d[*slot]));
        let usual = past.backwards(12).filter_map(|(quarter, value)| {
            let (_, slot) = self.calendar.place(quarter)?;
            Some(value - slot_28d[usize::from(slot)])
        });
        columns.constant("rise_3h", super::past::mean(usual), taken.len());
        columns.recent(past, taken.len());
        columns.constant("mean_1h", past.recent(4), taken.len());
    }

    fn pv_columns(
        &self,
        past: &Past,
        taken: &[(i64, i32, usize)],
        columns: &mut Columns,
        rows: &mut Rows,
    ) {
        let slot_means = |days: usize, reach: usize| -> Vec<f32> {
            (0..SLOTS).map(|slot| past.mean(1..=days, slot, reach)).collect()
        };
        let (slot_3d, slot_7d, slot_14d) = (slot_means(3, 0), slot_means(7, 0), slot_means(14, 1));
        let envelope: Vec<f32> = (0..SLOTS).map(|slot| past.highest(1..=14, slot, 1)).collect();
        let height = |lead: i64, part_s: i64| {
            elevation_deg((past.origin + lead) * QUARTER_S + part_s, self.place)
        };
        let middles: Vec<f64> =
            taken.iter().map(|(lead, _, _)| height(*lead, QUARTER_S / 2)).collect();
        let dark = taken.iter().zip(&middles).map(|((lead, _, _), middle)| {
            self.nights
                && *middle <= 0.0
                && height(*lead, 0) <= 0.0
                && height(*lead, QUARTER_S) <= 0.0
        });
        let dark: Vec<bool> = dark.collect();
        let base = |slot: usize| or(slot_7d[slot], or(slot_14d[slot], 0.0));
        let lit = |value: f32, dark: bool| if dark { 0.0 } else { f64::from(value) };
        let lit_base = taken.iter().zip(&dark).map(|((_, _, slot), dark)| lit(base(*slot), *dark));
        rows.baseline.extend(lit_base);
        let week = |day: i32, slot: usize| {
            let before = usize::try_from(7 - (day - past.day)).ok();
            before.map_or(f32::NAN, |before| past.value(before, slot))
        };
        let lit_week = taken
            .iter()
            .zip(&dark)
            .map(|((_, day, slot), dark)| lit(or(week(*day, *slot), base(*slot)), *dark));
        rows.week_ago.extend(lit_week);
        rows.dark.extend(dark);
        let most = |slot: usize| match past.highest(1..=14, slot, 4) {
            best if best.is_nan() => f64::MAX,
            best => CLEARER * f64::from(best),
        };
        rows.most.extend(taken.iter().map(|(_, _, slot)| most(*slot)));
        columns.add("elevation", middles.iter().map(|degrees| single(*degrees)));
        let middle_s = |lead: i64| (past.origin + lead) * QUARTER_S + QUARTER_S / 2;
        let azimuth = |lead: i64| azimuth_deg(middle_s(lead), self.place);
        columns.add("azimuth", taken.iter().map(|(lead, _, _)| single(azimuth(*lead))));
        columns.add("clear_sky", middles.iter().map(|degrees| single(clear_sky_w_m2(*degrees))));
        columns.add("envelope_14d", taken.iter().map(|(_, _, slot)| envelope[*slot]));
        let latest = |slot: usize| past.latest(slot).map_or(f32::NAN, |day| past.value(day, slot));
        columns.add("latest", taken.iter().map(|(_, _, slot)| latest(*slot)));
        columns.add("slot_3d", taken.iter().map(|(_, _, slot)| slot_3d[*slot]));
        columns.add("slot_7d", taken.iter().map(|(_, _, slot)| slot_7d[*slot]));
        columns.add("slot_14d", taken.iter().map(|(_, _, slot)| slot_14d[*slot]));
        columns.add("week", taken.iter().map(|(_, day, slot)| week(*day, *slot)));
        columns.recent(past, taken.len());
        let (mut made, mut possible) = (0.0, 0.0);
        for (quarter, value) in past.backwards(12) {
            let Some((_, slot)) = self.calendar.place(quarter) else { continue };
            let most = envelope[usize::from(slot)];
            if !value.is_nan() && !most.is_nan() {
                made += value;
                possible += most;
            }
        }
        let clearness = if possible > 0.0 { made / possible } else { f32::NAN };
        columns.constant("clearness_3h", clearness, taken.len());
    }

    fn weather_columns(
        &self,
        past: &Past,
        as_of_s: i64,
        taken: &[(i64, i32, usize)],
        columns: &mut Columns,
    ) {
        let at_s = |lead: i64| (past.origin + lead) * QUARTER_S;
        if let Some(temperature) = &self.temperature {
            let values: Vec<f32> = taken
                .iter()
                .map(|(lead, _, _)| temperature.at_instant(at_s(*lead), as_of_s))
                .collect();
            let degree = |value: &f32| {
                if value.is_nan() { f32::NAN } else { (HEATING_BELOW_C - value).max(0.0) }
            };
            columns.add("heating_degree", values.iter().map(degree));
            columns.add("temperature", values.into_iter());
        }
        let Some(radiation) = self.radiation.as_ref().filter(|_| self.kind == Kind::Pv) else {
            return;
        };
        let values: Vec<f32> =
            taken.iter().map(|(lead, _, _)| radiation.at_instant(at_s(*lead), as_of_s)).collect();
        let clear = |lead: i64| {
            single(clear_sky_w_m2(elevation_deg(at_s(lead) + QUARTER_S / 2, self.place)))
        };
        let share = taken.iter().zip(&values).map(|((lead, _, _), value)| match clear(*lead) {
            clear if clear > 20.0 => value / clear,
            _ => f32::NAN,
        });
        columns.add("radiation_clearness", share);
        let day_mean = |day: i32| {
            let quarters = self.calendar.quarters_of(day, past.origin).step_by(4);
            super::past::mean(quarters.map(|it| radiation.at_instant(it * QUARTER_S, as_of_s)))
        };
        let days: std::collections::BTreeMap<i32, f32> =
            (past.day..=past.day + 7).map(|day| (day, day_mean(day))).collect();
        let of_day = |day: &i32| days.get(day).copied().unwrap_or(f32::NAN);
        columns.add("radiation_day", taken.iter().map(|(_, day, _)| of_day(day)));
        columns.add("radiation", values.into_iter());
    }

    /// Whether what was read while the sun was down is no more than noise, in the last weeks before an
    /// instant: if not, the place is wrong or something else than a roof feeds in.
    pub fn is_dark_at_night(&self, as_of_s: i64) -> bool {
        let end = as_of_s.div_euclid(QUARTER_S);
        let (mut night, mut all) = (0.0, 0.0);
        for quarter in end - 28 * 96..end {
            let value = f64::from(self.power.at(quarter, as_of_s));
            if value.is_nan() {
                continue;
            }
            all += value;
            // A clear margin, so that a roof a little to the west is not taken for a battery.
            if elevation_deg(quarter * QUARTER_S + QUARTER_S / 2, self.place) < -8.0 {
                night += value;
            }
        }
        night <= NIGHT_SHARE_MAX * all
    }
}

/// Quarter hours ahead that get rows of the origin of this number.
fn ahead(leads: Leads, number: i64) -> impl Iterator<Item = i64> {
    (0..AHEAD).filter(move |lead| {
        leads == Leads::All
            || match lead {
                0..=15 => (lead + number) % 2 == 0,
                16..=95 => (lead + number) % 4 == 0,
                _ => (lead + number) % 8 == 0,
            }
    })
}

impl Columns {
    fn new(names: Vec<&'static str>) -> Self {
        Self { values: vec![Vec::new(); names.len()], names, scale: 1.0 }
    }

    fn add(&mut self, name: &'static str, values: impl Iterator<Item = f32>) {
        let Some(place) = self.names.iter().position(|known| *known == name) else { return };
        let is_power = LOAD.contains(&name) || PV.contains(&name);
        let scale = if is_power { self.scale } else { 1.0 };
        self.values[place].extend(values.map(|value| value / scale));
    }

    fn constant(&mut self, name: &'static str, value: f32, rows: usize) {
        self.add(name, std::iter::repeat_n(value, rows));
    }

    /// Means of the last hours and days.
    fn recent(&mut self, past: &Past, rows: usize) {
        self.constant("now", past.newest(), rows);
        self.constant("mean_3h", past.recent(12), rows);
        self.constant("mean_24h", past.recent(96), rows);
        self.constant("mean_7d", past.recent(672), rows);
    }

    /// Lays the columns beside each other, row by row as models read them.
    fn into_table(self, table: &mut Table) {
        let (rows, width) = (table.groups.len(), self.names.len());
        table.features = self.names.into_iter().map(str::to_owned).collect();
        let mut cells = vec![f32::NAN; rows * width];
        for (place, column) in self.values.iter().enumerate() {
            let places = cells.iter_mut().skip(place).step_by(width.max(1));
            places.zip(column).for_each(|(cell, value)| *cell = *value);
        }
        table.x = Array2::from_shape_vec((rows, width), cells).unwrap_or_default();
    }
}

impl Rows {
    fn empty() -> Self {
        Self {
            table: Table {
                features: Vec::new(),
                x: Array2::zeros((0, 0)),
                y: Vec::new(),
                groups: Vec::new(),
            },
            quarters: Vec::new(),
            leads: Vec::new(),
            baseline: Vec::new(),
            week_ago: Vec::new(),
            dark: Vec::new(),
            scales: Vec::new(),
            most: Vec::new(),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "features are single precision")]
const fn single(value: f64) -> f32 {
    value as f32
}
