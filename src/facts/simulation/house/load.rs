//! What a house draws, minute by minute: what never stops, what cools, lamps and screens, appliances.

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveTime, Timelike, Utc};
use chrono_tz::Tz;

use super::appliances::{Run, runs};
use super::profile::{Profile, Rhythm};
use crate::base::timeline::{TimeRange, add_days, at_local, day_range};
use crate::facts::simulation::noise::{Channel, even, hash, mix, normal, smooth};
use crate::facts::simulation::weather::{DayKind, bell, summer};

/// Minutes between two starts of a compressor.
const COMPRESSOR_CYCLE_MIN: i64 = 48;
/// How much an hour of the week differs from the same hour of other days, as a share.
const HABITS: f64 = 0.34;
/// Days in which people go on holidays, by their number in the year: July and most of August.
const HOLIDAYS: std::ops::Range<u32> = 188..230;
/// Days that an absence in the holidays lasts.
const HOLIDAY_DAYS: i32 = 7;

/// What a house draws in every minute of the local day `date`, in kW: 1380, 1440 or 1500 values.
///
/// People live by the wall clock, machines by the minute: a wash lasts as long on the day the
/// clock changes as on any other.
pub(super) fn minutes(seed: u64, profile: &Profile, date: NaiveDate, zone: Tz) -> Vec<f64> {
    let range = day_range(date, zone);
    let mut minutes = steady(seed, profile, range);
    let people = People::on(seed, profile, date);
    add_activity(&mut minutes, (seed, profile), &people, range, zone);
    if profile.rhythm == Rhythm::Home {
        for day in [add_days(date, -1), date] {
            let people = People::on(seed, profile, day);
            let number = day.num_days_from_ce().into();
            for run in runs(seed, number, profile.appliances * people.use_factor, people.rest) {
                add_run(&mut minutes, &run, day, range, zone);
            }
        }
    }
    minutes
}

/// What never stops and what cools.
fn steady(seed: u64, profile: &Profile, range: TimeRange) -> Vec<f64> {
    let first = range.from.timestamp() / 60;
    let count = range.length().num_minutes();
    (first..first + count)
        .map(|minute| {
            let level = 1.0 + 0.12 * smooth(seed, Channel::Lamps, minute as f64 / 1_440.0, 9.0);
            profile.base_load_kw * level.max(0.3) + compressor(seed, minute) * profile.cooling_kw
        })
        .collect()
}

/// 0 or the factor at which a compressor runs, 1 in the mean.
fn compressor(seed: u64, minute: i64) -> f64 {
    let cycle = minute.div_euclid(COMPRESSOR_CYCLE_MIN);
    let chance = hash(seed, Channel::Compressor, cycle);
    // Runs 14 to 22 minutes of each cycle, somewhere in it.
    let length = 14.0 + 8.0 * even(chance);
    let start = (COMPRESSOR_CYCLE_MIN as f64 - length) * even(mix(chance));
    let within = minute.rem_euclid(COMPRESSOR_CYCLE_MIN) as f64;
    if (start..start + length).contains(&within) { COMPRESSOR_CYCLE_MIN as f64 / 18.0 } else { 0.0 }
}

/// How people are on a day.
struct People {
    rest: bool,
    is_away: bool,
    summer: f64,
    /// Use against a mean working day.
    use_factor: f64,
}

impl People {
    fn on(seed: u64, profile: &Profile, date: NaiveDate) -> Self {
        let rest = !DayKind::of(date).is_working();
        let is_away = is_away(seed, profile.absence, date);
        let summer = summer(date);
        let day = f64::from(date.num_days_from_ce());
        let busy = 1.0
            + 0.08 * smooth(seed, Channel::Busy, day, 11.0)
            + 0.10 * normal(hash(seed, Channel::Busy, date.num_days_from_ce().into()));
        let season = 1.0 + profile.season_swing * (1.0 - 2.0 * summer);
        let weekend = if rest { profile.weekend_factor } else { 1.0 };
        let use_factor = if is_away { 0.0 } else { busy.max(0.3) * season * weekend };
        Self { rest, is_away, summer, use_factor }
    }
}

/// Whether nobody is there: a week of the summer's holidays, a weekend in between.
fn is_away(seed: u64, absence: f64, date: NaiveDate) -> bool {
    let day = date.num_days_from_ce();
    if HOLIDAYS.contains(&date.ordinal()) {
        let week = day.div_euclid(HOLIDAY_DAYS);
        return even(hash(seed, Channel::Absence, week.into())) < absence;
    }
    let weekday = date.weekday().num_days_from_monday();
    let week = i64::from(day - weekday.cast_signed());
    weekday >= 5 && even(hash(seed, Channel::Absence, -week)) < absence / 3.0
}

/// Lamps, screens and machines in use: by the wall clock, with the mood of the hour.
fn add_activity(
    minutes: &mut [f64],
    (seed, profile): (u64, &Profile),
    people: &People,
    range: TimeRange,
    zone: Tz,
) {
    if people.is_away {
        return;
    }
    let mut at = range.from;
    for minute in minutes {
        let local = at.with_timezone(&zone);
        let hour = f64::from(local.num_seconds_from_midnight()) / 3_600.0;
        let t = at.timestamp() as f64 / 3_600.0;
        let mood = (0.66 * smooth(seed, Channel::Lamps, t + 1e6, 2.6)).exp() * 0.8;
        let course = match profile.rhythm {
            Rhythm::Home => at_home(hour, people),
            Rhythm::Work => at_work(hour),
        };
        let week_h = f64::from(local.weekday().num_days_from_monday()) * 24.0 + hour;
        let habit = 1.0 + HABITS * smooth(seed, Channel::Habit, week_h, 2.5);
        let use_kwh = profile.activity_kwh * people.use_factor * habit.max(0.2);
        *minute += use_kwh / 24.0 * mood * course;
        at += Duration::minutes(1);
    }
}

/// Course of a day at home around 1: a trough at night, a hump in the morning, a higher one in the
/// evening that begins with the dark.
fn at_home(hour: f64, people: &People) -> f64 {
    let rest = if people.rest { 1.0 } else { 0.0 };
    let winter = 1.0 - people.summer;
    0.42 + (0.6 + 0.35 * winter) * bell(hour, 7.9 + 1.3 * rest, 1.6)
        + (0.5 + 0.45 * rest) * bell(hour, 13.2, 2.3)
        + (1.2 + 0.5 * winter) * bell(hour, 20.6 - 0.6 * winter, 2.9)
}

/// Course of a day at work around 1: up at seven, a dip at noon, over at six.
fn at_work(hour: f64) -> f64 {
    let rise = |at: f64| 0.5 + 0.5 * ((hour - at) / 0.5).tanh();
    0.1 + 2.1 * rise(7.2) * (1.0 - rise(17.8)) * (1.0 - 0.3 * bell(hour, 12.4, 0.5))
}

/// Adds a run that began on `day` where it falls into `range`.
fn add_run(minutes: &mut [f64], run: &Run, day: NaiveDate, range: TimeRange, zone: Tz) {
    let mut at = (start_of(run, day, zone) - range.from).num_minutes();
    for (length, kw) in run.phases {
        for _ in 0..*length {
            if let Some(minute) = usize::try_from(at).ok().and_then(|at| minutes.get_mut(at)) {
                *minute += kw * run.strength;
            }
            at += 1;
        }
    }
}

/// The instant at which the wall clock shows the start of a run.
fn start_of(run: &Run, day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let day = add_days(day, run.start_min.div_euclid(1_440));
    let minute = u32::try_from(run.start_min.rem_euclid(1_440)).unwrap_or_default();
    let time = NaiveTime::from_hms_opt(minute / 60, minute % 60, 0).unwrap_or(NaiveTime::MIN);
    at_local(day, time, zone)
}
