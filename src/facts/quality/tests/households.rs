//! Readings of meters: every seeded fault is found, and real households are left alone.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Timelike, Utc};

use super::*;
use crate::base::timeline::{add_days, local_date};
use crate::facts::quality::assess::assess_stored;

/// Power of one meter by the hour or the quarter hour, in kW.
struct Meter {
    name: String,
    interval_s: i32,
    values: Pool,
}

/// A house: standby, meals, evenings, washing now and then, an empty week.
fn made_up(name: &str, interval_s: i32, seed: u64, step: f64) -> Meter {
    let (mut dice, mut values) = (Dice(seed), Pool::new());
    for ts in days_range(date("2026-02-01"), date("2026-11-30"), ZURICH).slots(interval_s) {
        let hour = f64::from(ts.with_timezone(&ZURICH).hour());
        let bump = |at: f64, width: f64| (-((hour - at) / width).powi(2)).exp();
        let away = (date("2026-04-04")..date("2026-04-11")).contains(&local_date(ts, ZURICH));
        let people =
            if away { 0.0 } else { bump(7.0, 1.5) + bump(12.0, 1.0) + 2.0 * bump(19.0, 2.0) };
        let machine = if !away && dice.roll() < 0.02 { 2.0 * dice.roll() } else { 0.0 };
        let power = 0.12 + 0.4 * people * dice.roll() + machine + 0.02 * dice.roll();
        values.insert(ts, (power / step).round() * step);
    }
    Meter { name: name.to_owned(), interval_s, values }
}

/// Every column of a real household as power by the hour: its counters never fall.
fn real(number: u32) -> Vec<Meter> {
    let path = format!("households/cossmic_DE_KN_residential{number}_60min.csv.gz");
    let Some(text) = shared(&path) else { return Vec::new() };
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let mut columns: Vec<BTreeMap<DateTime<Utc>, f64>> = vec![BTreeMap::new(); header.len()];
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let ts: DateTime<Utc> = cells[0].parse().unwrap();
        for (column, cell) in columns.iter_mut().zip(&cells).skip(1) {
            if let Ok(kwh) = cell.parse::<f64>() {
                column.insert(ts, kwh);
            }
        }
    }
    let hour = Duration::hours(1);
    let meter = |(name, column): (&&str, &BTreeMap<DateTime<Utc>, f64>)| {
        let power = column
            .iter()
            .filter_map(|(ts, kwh)| Some((*ts, (column.get(&(*ts + hour))? - kwh).max(0.0))));
        Meter { name: format!("{number} {name}"), interval_s: 3_600, values: power.collect() }
    };
    header.iter().zip(&columns).skip(1).map(meter).collect()
}

impl Meter {
    fn day(&self, day: NaiveDate) -> (Batch, Pool) {
        let range = day_range(day, ZURICH);
        let values = self.values.range(range.from..range.to);
        let batch = Batch {
            source: "meters".to_owned(),
            kind: Kind::Meter,
            values: values.map(|(ts, kw)| (*ts, Some(*kw))).collect(),
            due: Some(Due::at(1, 12, 0)),
            limit: 1e6,
            ..batch_of("load:house", self.interval_s, (day, day), |_| 0.0)
        };
        let from = range.from - Duration::days(30);
        (batch, self.values.range(from..range.from).map(|(ts, kw)| (*ts, *kw)).collect())
    }

    fn is_whole(&self, day: NaiveDate) -> bool {
        day_range(day, ZURICH).slots(self.interval_s).all(|ts| self.values.contains_key(&ts))
    }

    fn largest(&self) -> f64 {
        self.values.values().copied().fold(0.0, f64::max)
    }
}

/// Damages a day and the time before; answers with what should be said.
type Fault = fn(&mut Batch, &mut Pool, &mut Dice, f64) -> Option<Code>;

fn per_hour(batch: &Batch) -> usize {
    usize::try_from(3_600 / batch.interval_s).unwrap()
}

fn scale(batch: &mut Batch, factor: f64) {
    batch.values.iter_mut().for_each(|(_, value)| *value = value.map(|kw| kw * factor));
}

/// Whether a day is worth anything for faults that need something to be wrong about.
fn is_lively(batch: &Batch) -> bool {
    let some: Vec<f64> =
        batch.values.iter().filter_map(|(_, kw)| kw.filter(|kw| *kw > 0.0)).collect();
    let distinct: std::collections::BTreeSet<u64> = some.iter().map(|kw| kw.to_bits()).collect();
    10 * some.len() >= 9 * batch.values.len() && distinct.len() >= 12
}

const FAULTS: &[(&str, Fault)] = &[
    ("hours missing", |batch, _, dice, _| {
        let (at, hour) = (dice.below(19), per_hour(batch));
        batch.values.drain(at * hour..(at + 3) * hour);
        Some(Code::Missing)
    }),
    ("one missing", |batch, _, dice, _| {
        batch.values.remove(dice.below(batch.values.len()));
        Some(Code::Missing)
    }),
    ("stuck for 28 h", |batch, before, dice, _| {
        let kw = 0.1 + dice.roll();
        let from = batch.asked.from - Duration::hours(4);
        before.range_mut(from..).for_each(|(_, value)| *value = kw);
        batch.values.iter_mut().for_each(|(_, value)| *value = Some(kw));
        (before.range(from..).count() == 4 * per_hour(batch)).then_some(Code::Stuck)
    }),
    ("spike", |batch, _, dice, largest| {
        let at = dice.below(batch.values.len());
        batch.values[at].1 = Some((20.0 * largest).max(50.0));
        Some(Code::Spike)
    }),
    ("spike of 10^6 W", |batch, _, dice, _| {
        let at = dice.below(batch.values.len());
        batch.values[at].1 = Some(1_000.0);
        Some(Code::Spike)
    }),
    ("unit × 1000", |batch, _, _, _| {
        scale(batch, 1_000.0);
        is_lively(batch).then_some(Code::WrongUnit)
    }),
    ("unit ÷ 1000", |batch, _, _, _| {
        scale(batch, 0.001);
        is_lively(batch).then_some(Code::WrongUnit)
    }),
    ("the day before again", |batch, before, _, _| {
        for (ts, value) in &mut batch.values {
            *value = before.get(&(*ts - Duration::hours(24))).copied();
        }
        is_lively(batch).then_some(Code::Shifted)
    }),
];

/// Seeds each fault into the days of a meter; prints what came of it.
fn confusion(
    meter: &Meter,
    days: impl Iterator<Item = NaiveDate>,
) -> BTreeMap<&'static str, (usize, usize)> {
    let (mut dice, mut all) = (Dice(11), BTreeMap::<&str, (usize, usize)>::new());
    for day in days.filter(|day| meter.is_whole(*day)) {
        for (name, fault) in FAULTS {
            let (mut batch, mut before) = meter.day(day);
            let Some(expected) = fault(&mut batch, &mut before, &mut dice, meter.largest()) else {
                continue;
            };
            // Without a week to compare with, nobody knows what is usual.
            let needs_past = matches!(expected, Code::Spike | Code::WrongUnit);
            if needs_past && past_days(&before, day) < 7 {
                continue;
            }
            // What was off for weeks may be switched on: only the absurd is a spike then.
            let was_off = before.values().all(|value| *value == 0.0);
            if was_off && expected == Code::Spike && *name == "spike" {
                continue;
            }
            let report = judged_stored(&batch, &before);
            let found = report.reasons.iter().any(|reason| reason.code == expected);
            let tally = all.entry(*name).or_default();
            tally.0 += 1;
            tally.1 += usize::from(found && report.verdict() == Verdict::Suspect);
        }
    }
    for (name, (seeded, found)) in &all {
        println!("{:<30} {name:<22} {seeded:>5} {found:>5}", meter.name);
    }
    all
}

/// Local days with values in the four weeks before a day.
fn past_days(before: &Pool, day: NaiveDate) -> usize {
    let from = day_range(add_days(day, -28), ZURICH).from;
    let days: std::collections::BTreeSet<NaiveDate> =
        before.range(from..).map(|(ts, _)| local_date(*ts, ZURICH)).collect();
    days.len()
}

fn judged_stored(batch: &Batch, before: &Pool) -> Report {
    assess_stored(batch, before, batch.asked.to + Duration::days(3))
}

#[test]
fn every_seeded_fault_is_found_in_houses_that_do_not_exist() {
    for meter in [
        made_up("hourly", 3_600, 1, 0.001),
        made_up("per quarter hour", 900, 2, 0.001),
        made_up("whole tenths of a kW", 900, 3, 0.1),
    ] {
        let days = date("2026-03-15").iter_days().take(20);
        let all = confusion(&meter, days);
        for (name, (seeded, found)) in &all {
            assert_eq!(seeded, found, "{}: {name}", meter.name);
        }
        assert!(all.len() >= FAULTS.len() - 3, "{all:?}");
        let mut alarmed = Vec::new();
        for day in date("2026-03-20").iter_days().take(60) {
            let (batch, before) = meter.day(day);
            let mut report = judged_stored(&batch, &before);
            // Whole tenths stay the same for a week while nobody is at home, as a broken meter's do.
            let is_away = (date("2026-04-04")..=date("2026-04-11")).contains(&day);
            let is_coarse = meter.name.starts_with("whole");
            report.reasons.retain(|it| !(is_away && is_coarse && it.code == Code::Stuck));
            if report.verdict() != Verdict::Good {
                alarmed.push((day, report.reasons));
            }
        }
        assert!(alarmed.is_empty(), "{}: {alarmed:#?}", meter.name);
    }
}

#[test]
fn hours_that_do_not_exist_are_told_on_the_days_of_the_clock() {
    for interval_s in [900, 1_800, 3_600] {
        let meter = made_up("clock", interval_s, 4, 0.001);
        let hour = usize::try_from(3_600 / interval_s).unwrap();
        // Of the hour that comes twice one is missing; the hour that was skipped is another's.
        for (day, first) in [
            ("2026-10-25", 2),
            ("2026-10-25", 3),
            ("2026-10-25", 24),
            ("2026-03-29", 2),
            ("2026-03-29", 22),
        ] {
            let (mut batch, before) = meter.day(date(day));
            batch.values.drain(first * hour..(first + 1) * hour);
            let report = judged_stored(&batch, &before);
            let told = report.reasons.iter().find(|reason| reason.code == Code::Dst);
            let told = told.unwrap_or_else(|| panic!("{interval_s} {day} {first}: {report:?}"));
            assert_eq!((told.count, told.day), (hour, Some(date(day))));
            assert_eq!(report.verdict(), Verdict::Suspect);
        }
        let (mut batch, before) = meter.day(date("2026-10-26"));
        batch.values.drain(2 * hour..3 * hour);
        let report = judged_stored(&batch, &before);
        assert!(report.reasons.iter().all(|reason| reason.code != Code::Dst), "{report:?}");
    }
}

#[test]
fn every_seeded_fault_is_found_in_real_households_which_are_left_alone() {
    let meters: Vec<Meter> = [1, 2, 3, 5].into_iter().flat_map(real).collect();
    if meters.is_empty() {
        println!("skipped: the shared data are not there");
        return;
    }
    let (mut days, mut alarmed) = (0, Vec::new());
    for meter in &meters {
        let first = local_date(*meter.values.keys().next().unwrap(), ZURICH);
        let last = local_date(*meter.values.keys().last().unwrap(), ZURICH);
        let all: Vec<NaiveDate> = first.iter_days().take_while(|day| *day <= last).collect();
        let seeded = all.iter().copied().skip(60).step_by(61);
        for (name, (seeded, found)) in confusion(meter, seeded) {
            // A unit shows in a device that is off most of the day only now and then.
            assert_eq!(seeded, found, "{}: {name}", meter.name);
        }
        for day in all.iter().copied().step_by(3).filter(|day| meter.is_whole(*day)) {
            let (batch, before) = meter.day(day);
            let report = judged_stored(&batch, &before);
            days += 1;
            if report.verdict() != Verdict::Good {
                let said: Vec<&str> = report
                    .reasons
                    .iter()
                    .filter(|reason| reason.weight >= Weight::Suspect)
                    .map(|reason| &*reason.sentence)
                    .collect();
                alarmed.push(format!("{}: {}", meter.name, said.join("; ")));
            }
        }
    }
    println!(
        "{} meters of 4 households: {} of {days} whole days not good",
        meters.len(),
        alarmed.len()
    );
    for said in &alarmed {
        println!("  {said}");
    }
    assert!(days > 3_000, "{days}");
    assert!(100 * alarmed.len() <= 2 * days, "{} of {days}", alarmed.len());
}

#[test]
fn measured_values_of_tomorrow_are_flagged() {
    let meter = made_up("future", 900, 5, 0.001);
    let (batch, before) = meter.day(date("2026-05-05"));
    let noon = day_range(date("2026-05-05"), ZURICH).from + Duration::hours(12);
    let report = assess_stored(&batch, &before, noon);
    let told = report.reasons.iter().find(|reason| reason.code == Code::Future).unwrap();
    // The quarter hour that begins now has not been told in the future.
    assert_eq!((told.count, told.at), (47, Some(noon + Duration::minutes(15))));
    let ahead = Batch { due: Some(Due::at(-1, 15, 0)), ..batch };
    let report = assess_stored(&ahead, &before, noon);
    assert!(report.reasons.iter().all(|reason| reason.code != Code::Future));
}
