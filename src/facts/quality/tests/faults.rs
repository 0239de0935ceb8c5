//! A month with faults of every kind: each is found, and nothing else is said. Then whole real years
//! in which nothing is wrong: how often somebody would be called for nothing.

use std::collections::BTreeMap;

use chrono::{Duration, NaiveDateTime, Timelike};

use super::*;
use crate::base::timeline::WallTime;
use crate::base::timeline::add_days;
use crate::base::timeline::instants_of;
use crate::base::timeline::local_date;

/// Prices or loads of many days, all clean.
struct Clean {
    name: &'static str,
    subject: &'static str,
    interval_s: i32,
    values: Pool,
}

/// A level that wanders, two peaks a day, quiet weekends, noise; noons of sunny days below zero.
fn made_up(name: &'static str, subject: &'static str, interval_s: i32, seed: u64) -> Clean {
    let is_price = subject.starts_with("price");
    let (mut dice, mut level, mut values) = (Dice(seed), 0.0_f64, Pool::new());
    let mut sun = 0.0;
    for ts in days_range(date("2026-02-01"), date("2026-04-30"), ZURICH).slots(interval_s) {
        let local = ts.with_timezone(&ZURICH);
        if local.hour() == 0 && local.minute() == 0 {
            level = 0.8 * level + (dice.roll() - 0.5) * 0.5;
            sun = if dice.roll() < 0.25 { 1.6 } else { 0.3 * dice.roll() };
        }
        let hour = f64::from(local.hour()) + f64::from(local.minute()) / 60.0;
        let bump = |at: f64, width: f64| (-((hour - at) / width).powi(2)).exp();
        let weekend = matches!(
            chrono::Datelike::weekday(&local),
            chrono::Weekday::Sat | chrono::Weekday::Sun
        );
        let noise = dice.roll() - 0.5;
        let value = if is_price {
            let shape = 0.35 * bump(8.0, 2.0) + 0.5 * bump(19.0, 2.5) - sun * bump(13.0, 3.0);
            80.0 * (1.0 + 0.4 * level) * (0.85 + shape - if weekend { 0.15 } else { 0.0 })
                + 8.0 * noise
        } else {
            let shape = 0.15 * bump(11.0, 4.0) + 0.12 * bump(19.0, 2.5);
            6_500.0 * (1.0 + 0.1 * level) * (0.9 + shape - if weekend { 0.1 } else { 0.0 })
                + 120.0 * noise
        };
        values.insert(ts, (value * 100.0).round() / 100.0);
    }
    Clean { name, subject, interval_s, values }
}

/// Real hourly prices of a column; rows stand on the local clock, the doubled hour once.
fn real_prices(name: &'static str, column: usize) -> Option<Clean> {
    let text = shared("prices/dayahead_CH_DE_AT_FR_2020_2023.csv.gz")?;
    let mut values = Pool::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let Ok(value) = cells[column].parse::<f64>() else { continue };
        let wall =
            NaiveDateTime::parse_from_str(cells[0].trim_end_matches('Z'), "%Y-%m-%d %H:%M:%S")
                .or_else(|_| NaiveDateTime::parse_from_str(cells[0], "%Y-%m-%dT%H:%M"))
                .or_else(|_| NaiveDateTime::parse_from_str(cells[0], "%Y-%m-%d %H:%M"))
                .unwrap();
        match instants_of(wall, ZURICH) {
            WallTime::Once(at) => drop(values.insert(at, value)),
            WallTime::Twice(first, second) => values.extend([(first, value), (second, value)]),
            WallTime::Skipped => {}
        }
    }
    Some(Clean { name, subject: "price:CH:day_ahead", interval_s: 3_600, values })
}

/// Real hourly consumption of Switzerland, in MW.
fn real_load() -> Option<Clean> {
    let text = shared("load/CH_swissgrid_consumption_hourly_2016_2023.csv.gz")?;
    let row = |line: &str| {
        let (at, rest) = line.split_once(',')?;
        Some((at.parse().ok()?, rest.split(',').next()?.parse().ok()?))
    };
    let values = text.lines().skip(1).filter_map(row).collect();
    Some(Clean { name: "load CH", subject: "load:CH", interval_s: 3_600, values })
}

impl Clean {
    /// The batch of one day as it should be, and what was stored before it came.
    fn day(&self, day: NaiveDate) -> (Batch, Pool) {
        let range = day_range(day, ZURICH);
        let mut batch = batch_of(self.subject, self.interval_s, (day, day), |_| 0.0);
        batch.values.retain(|(ts, _)| self.values.contains_key(ts));
        for (ts, value) in &mut batch.values {
            *value = Some(self.values[ts]);
        }
        let from = range.from - Duration::days(32);
        (batch, self.values.range(from..range.from).map(|(ts, value)| (*ts, *value)).collect())
    }

    /// Whether every value of a day is there.
    fn is_whole(&self, day: NaiveDate) -> bool {
        let range = day_range(day, ZURICH);
        range.slots(self.interval_s).all(|ts| self.values.contains_key(&ts))
    }
}

/// Damages a batch; answers with what should be said, nothing where it cannot be damaged like that.
type Fault = fn(&mut Batch, &Pool, &mut Dice) -> Option<Code>;

fn per_hour(batch: &Batch) -> usize {
    usize::try_from(3_600 / batch.interval_s).unwrap()
}

fn scale(batch: &mut Batch, factor: f64) {
    batch.values.iter_mut().for_each(|(_, value)| *value = value.map(|value| value * factor));
}

const FAULTS: &[(&str, Fault)] = &[
    ("hours missing", |batch, _, dice| {
        let (at, hour) = (dice.below(20), per_hour(batch));
        batch.values.drain(at * hour..(at + 3) * hour);
        Some(Code::Missing)
    }),
    ("duplicates", |batch, _, dice| {
        let at = dice.below(batch.values.len());
        let again = batch.values[at];
        batch.values.insert(at + 1, again);
        Some(Code::Duplicates)
    }),
    ("contradictions", |batch, _, dice| {
        let at = dice.below(batch.values.len());
        let (ts, value) = batch.values[at];
        batch.values.insert(at + 1, (ts, value.map(|value| value + 5.0)));
        Some(Code::Conflicts)
    }),
    ("order", |batch, _, dice| {
        let at = dice.below(batch.values.len() - 5);
        batch.values.swap(at, at + 4);
        Some(Code::OutOfOrder)
    }),
    ("zero all day", |batch, _, _| {
        scale(batch, 0.0);
        Some(Code::AllZero)
    }),
    ("stuck for 12 h", |batch, _, dice| {
        let (from, hour) = (dice.below(11), per_hour(batch));
        let value = batch.values[from * hour].1;
        let stuck = &mut batch.values[from * hour..(from + 12) * hour];
        for (_, other) in stuck {
            *other = value;
        }
        value.filter(|value| value.abs() >= 0.1).map(|_| Code::Stuck)
    }),
    ("spike × 10", |batch, _, dice| {
        // A value near zero times ten is still nothing special: the larger half of the day.
        let mut sorted: Vec<f64> = batch.values.iter().filter_map(|(_, value)| *value).collect();
        sorted.sort_by(f64::total_cmp);
        let half = sorted[sorted.len() / 2];
        let mut at = dice.below(batch.values.len());
        while batch.values[at].1.is_none_or(|value| value < half) {
            at = (at + 1) % batch.values.len();
        }
        batch.values[at].1 = batch.values[at].1.map(|value| value * 10.0);
        (half > 20.0).then_some(Code::Spike)
    }),
    ("unit × 1000", |batch, _, _| {
        scale(batch, 1_000.0);
        Some(Code::WrongUnit)
    }),
    ("unit ÷ 1000", |batch, _, _| {
        scale(batch, 0.001);
        Some(Code::WrongUnit)
    }),
    ("no number", |batch, _, dice| {
        let at = dice.below(batch.values.len());
        batch.values[at].1 = Some(f64::NAN);
        Some(Code::NotFinite)
    }),
    ("off the grid", |batch, _, dice| {
        let at = dice.below(batch.values.len());
        batch.values[at].0 += Duration::minutes(7);
        Some(Code::OffGrid)
    }),
    ("shifted by a day", |batch, stored, _| {
        for (ts, value) in &mut batch.values {
            *value = stored.get(&(*ts - Duration::hours(24))).copied();
        }
        // On the day after a clock change an hour has no counterpart.
        Some(Code::Shifted)
    }),
];

/// How often a fault was seeded, found, and what else was said.
#[derive(Default)]
struct Tally {
    seeded: usize,
    found: usize,
    not_good: usize,
    others: BTreeMap<&'static str, usize>,
}

/// What follows from a fault and is no false alarm.
fn follows(fault: Code, code: Code) -> bool {
    matches!(
        (fault, code),
        (
            Code::Conflicts | Code::NotFinite | Code::OffGrid | Code::Shifted | Code::Missing,
            Code::Missing
        ) | (_, Code::Unusual | Code::Revised)
    ) || fault == code
}

/// Seeds every fault into every day of a month of `clean`; prints and answers with what came of it.
fn confusion(clean: &Clean, (first, last): (&str, &str)) -> BTreeMap<&'static str, Tally> {
    let (mut dice, mut all) = (Dice(7), BTreeMap::new());
    let days = date(first).iter_days().take_while(|day| *day <= date(last));
    for day in days.filter(|day| clean.is_whole(*day)) {
        for (name, fault) in FAULTS {
            let (mut batch, stored) = clean.day(day);
            let Some(expected) = fault(&mut batch, &stored, &mut dice) else { continue };
            let report = judged(&batch, &stored);
            let tally: &mut Tally = all.entry(*name).or_default();
            tally.seeded += 1;
            let codes: Vec<Code> = report.reasons.iter().map(|reason| reason.code).collect();
            tally.found += usize::from(codes.contains(&expected));
            tally.not_good += usize::from(report.verdict() != Verdict::Good);
            for code in codes.iter().filter(|code| !follows(expected, **code)) {
                *tally.others.entry(code.name()).or_default() += 1;
            }
        }
    }
    println!("{}: {first} to {last}", clean.name);
    println!("{:<18} {:>6} {:>6} {:>8}  also said", "fault", "seeded", "found", "not good");
    for (name, tally) in &all {
        let Tally { seeded, found, not_good, others } = tally;
        println!("{name:<18} {seeded:>6} {found:>6} {not_good:>8}  {others:?}");
    }
    all
}

/// Everything that is certain is found each time, and takes nothing else with it.
fn check(all: &BTreeMap<&'static str, Tally>) {
    assert_eq!(all.len(), FAULTS.len());
    for (name, tally) in all {
        assert!(tally.seeded >= 10, "{name}: seeded {} times", tally.seeded);
        assert_eq!(tally.found, tally.seeded, "{name}");
        let others: usize = tally.others.values().sum();
        assert!(10 * others <= tally.seeded, "{name}: {:?}", tally.others);
    }
}

#[test]
fn every_seeded_fault_is_found_in_made_up_months() {
    for clean in [
        made_up("made-up hourly prices", "price:CH:day_ahead", 3_600, 1),
        made_up("made-up prices per quarter hour", "price:CH:day_ahead_15min", 900, 2),
        made_up("made-up load per quarter hour", "load:CH", 900, 3),
    ] {
        let below_zero = clean.values.values().filter(|value| **value < 0.0).count();
        assert!(below_zero > 20 || clean.subject == "load:CH", "{below_zero}");
        check(&confusion(&clean, ("2026-03-10", "2026-04-10")));
        // The clean months, with the day of 92 quarter hours and all that is below zero.
        let days = date("2026-02-15").iter_days().take(70);
        let alarmed: Vec<_> = days
            .filter_map(|day| {
                let (batch, stored) = clean.day(day);
                let report = judged(&batch, &stored);
                (report.verdict() != Verdict::Good).then_some((day, report.reasons))
            })
            .collect();
        assert!(alarmed.is_empty(), "{}: {alarmed:#?}", clean.name);
    }
}

#[test]
fn every_seeded_fault_is_found_in_a_real_month() {
    let Some(clean) = real_prices("prices CH", 1) else {
        println!("skipped: the shared data are not there");
        return;
    };
    check(&confusion(&clean, ("2023-03-01", "2023-03-31")));
    let load = real_load().unwrap();
    check(&confusion(&load, ("2023-03-01", "2023-03-31")));
}

#[test]
fn two_real_years_of_crisis_call_for_somebody_on_few_days_for_nothing() {
    let sets = [real_prices("prices CH", 1), real_prices("prices DE-LU", 2), real_load()];
    if sets[0].is_none() {
        println!("skipped: the shared data are not there");
        return;
    }
    for clean in sets.into_iter().flatten() {
        let (mut whole, mut alarmed, mut refused) = (0, Vec::new(), 0);
        let mut unusual = 0;
        let mut day = date("2022-01-01");
        while day <= date("2023-12-31") {
            if clean.is_whole(day) {
                whole += 1;
                let (batch, stored) = clean.day(day);
                let report = judged(&batch, &stored);
                refused += usize::from(!report.refused.is_empty());
                unusual += usize::from(report.reasons.iter().any(|it| it.code == Code::Unusual));
                if report.verdict() != Verdict::Good {
                    let said: Vec<String> = report
                        .reasons
                        .iter()
                        .filter(|reason| reason.weight >= Weight::Suspect)
                        .map(|reason| reason.sentence.clone())
                        .collect();
                    alarmed.push(said.join("; "));
                }
            }
            day = add_days(day, 1);
        }
        let below_zero = clean
            .values
            .iter()
            .filter(|(ts, value)| **value < 0.0 && local_date(**ts, ZURICH) >= date("2022-01-01"));
        println!(
            "{}: {} of {whole} whole days of 2022 and 2023 not good ({:.2} %), {refused} with values kept \
             apart, {unusual} said to be unusual; {} hours below zero",
            clean.name,
            alarmed.len(),
            100.0 * alarmed.len() as f64 / f64::from(whole),
            below_zero.count(),
        );
        for said in &alarmed {
            println!("  {said}");
        }
        assert!(whole > 500, "{}: {whole}", clean.name);
        assert_eq!(refused, 0, "{}: real values are kept apart", clean.name);
        assert!(alarmed.len() as f64 <= 0.02 * f64::from(whole), "{}: {alarmed:#?}", clean.name);
    }
}
