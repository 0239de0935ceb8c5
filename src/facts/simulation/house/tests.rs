//! Houses and their meters: determinism, the clock changes, energy, outages, likeness to each other.

use chrono::{DateTime, Duration, NaiveDate, Timelike, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;
use crate::base::timeline::{TimeRange, day_range, days_range};
use crate::facts::market::Quality;
use crate::facts::meters::Reading;
use crate::facts::simulation::Settings;
use crate::facts::simulation::weather::sunshine;

const INTERVALS: [i32; 8] = [1, 2, 5, 12, 60, 180, 300, 900];

fn world(seed: u64) -> World {
    World { seed, ..Settings::default().world() }
}

fn house() -> House {
    House { number: 1, profile: Profile::household_pv() }
}

fn meter(meter_id: &str, measures: Measures, outage_rate: f64) -> SimulatedMeter {
    SimulatedMeter { meter_id: meter_id.to_owned(), house: house(), measures, outage_rate }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn zone() -> Tz {
    Settings::default().world().zone
}

fn energy(readings: &[Reading], of: impl Fn(&Reading) -> Option<f64>) -> f64 {
    let parts = readings.iter().map(|one| of(one).unwrap() * f64::from(one.interval_s) / 3_600.0);
    parts.sum()
}

#[test]
fn both_days_of_the_clock_change_are_whole_and_follow_the_wall_clock() {
    for (date, quarters) in [("2026-03-29", 92), ("2026-03-30", 96), ("2026-10-25", 100)] {
        let range = day_range(day(date), zone());
        let read = readings(world(7), &[meter("sim-a", Measures::House, 0.0)], range, 900);
        assert_eq!(read.len(), quarters, "{date}");
        assert_eq!((read[0].ts, read[quarters - 1].known_at), (range.from, range.to), "{date}");
        assert_eq!(house().course(world(7), day(date)).load_kw.len(), quarters * 15);
    }
    // The evening's hump comes at the same time of the wall clock before and after the change,
    // which is another hour of UTC: averaged over a fortnight on each side.
    let hump = |first: &str| {
        let mut by_hour = [0.0; 24];
        for offset in 0..14 {
            let course = house().course(world(7), day(first) + Duration::days(offset));
            for (minute, kw) in (0..).zip(&course.load_kw) {
                let at = course.from + Duration::minutes(minute);
                by_hour[at.with_timezone(&zone()).hour() as usize] += kw;
            }
        }
        let evening: f64 = by_hour[18..22].iter().sum();
        let night: f64 = by_hour[2..6].iter().sum();
        evening / night
    };
    for first in ["2026-03-15", "2026-03-30"] {
        assert!(hump(first) > 2.0, "{first}: {}", hump(first));
    }
}

#[test]
fn another_seed_and_another_house_are_others() {
    let date = day("2026-02-03");
    let course = house().course(world(1), date);
    assert_eq!(course, house().course(world(1), date));
    let neighbour = House { number: 2, ..house() };
    for other in [house().course(world(2), date), neighbour.course(world(1), date)] {
        let same = course
            .load_kw
            .iter()
            .zip(&other.load_kw)
            .filter(|(a, b)| a.to_bits() == b.to_bits())
            .count();
        assert!(same < 100, "{same} of 1440 minutes are the same");
    }
    // They stand under the same sky.
    assert_eq!(course.pv_kw, neighbour.course(world(1), date).pv_kw);
}

#[test]
fn the_first_simulated_readings_stay_what_they_are() {
    // A change here changes every stored simulation: readers would see a jump.
    let from: DateTime<Utc> = "2026-06-01T10:00:00Z".parse().unwrap();
    let range = TimeRange::new(from, from + Duration::minutes(45));
    let read = readings(world(42), &[meter("sim-house", Measures::House, 0.0)], range, 900);
    let shown: Vec<_> = read
        .iter()
        .map(|one| {
            let watt = |kw: Option<f64>| format!("{:.0}", kw.unwrap() * 1_000.0);
            format!(
                "{} W {} W {} V",
                watt(one.consumption_kw),
                watt(one.production_kw),
                one.voltage.unwrap()
            )
        })
        .collect();
    assert_eq!(shown, FIRST);
}

/// Drawn, made, voltage.
const FIRST: [&str; 3] = ["267 W 1389 W 233.3 V", "244 W 737 W 232.5 V", "285 W 818 W 231.8 V"];

#[test]
fn outages_say_nothing_and_are_the_same_stretches_at_every_interval() {
    let rate = 0.05;
    let out = meter("sim-a", Measures::House, rate);
    let range = days_range(day("2026-01-01"), day("2026-12-31"), zone());
    let read = readings(world(3), std::slice::from_ref(&out), range, 900);
    let missing: Vec<&Reading> =
        read.iter().filter(|one| one.quality == Quality::Missing).collect();
    for one in &missing {
        assert_eq!((one.consumption_kw, one.production_kw, one.voltage), (None, None, None));
    }
    let share = missing.len() as f64 / read.len() as f64;
    assert!((share - rate).abs() < 0.012, "{share}");
    assert!(read.iter().all(|one| one.check().is_ok()));
    // An outage and the hour about it, second by second.
    let at = missing[0].ts;
    let near = TimeRange::new(at - Duration::minutes(30), at + Duration::minutes(30));
    let fine = readings(world(3), std::slice::from_ref(&out), near, 5);
    let coarse = readings(world(3), &[out], near, 900);
    for one in fine {
        let whole = coarse.iter().find(|it| it.ts <= one.ts && one.ts < it.known_at).unwrap();
        assert_eq!(one.quality, whole.quality, "{}", one.ts);
    }
    // Another meter at the same house fails at other times.
    let other = readings(world(3), &[meter("sim-b", Measures::House, rate)], range, 900);
    let both = other
        .iter()
        .zip(&read)
        .filter(|(a, b)| a.quality == Quality::Missing && b.quality == Quality::Missing);
    assert!(both.count() < missing.len() / 2);
}

#[test]
fn a_sunny_day_of_the_market_is_a_sunny_day_on_the_roof() {
    let dates: Vec<NaiveDate> = (0..92).map(|n| day("2026-06-01") + Duration::days(n)).collect();
    let made = |date: NaiveDate| house().course(world(5), date).pv_kw.iter().sum::<f64>() / 60.0;
    let pairs: Vec<(f64, f64)> =
        dates.iter().map(|date| (sunshine(5, *date), made(*date))).collect();
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / 92.0;
    let (sun, pv) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let sums = pairs.iter().fold((0.0, 0.0, 0.0), |sums, (a, b)| {
        let (a, b) = (a - sun, b - pv);
        (sums.0 + a * b, sums.1 + a * a, sums.2 + b * b)
    });
    let correlation = sums.0 / (sums.1 * sums.2).sqrt();
    assert!(correlation > 0.85, "{correlation}");
    // A roof of 6 kW makes 10 to 45 kWh on a summer's day here, and never more than it can.
    assert!((10.0..45.0).contains(&pv), "{pv}");
    let peak = dates.iter().flat_map(|date| house().course(world(5), *date).pv_kw);
    assert!(peak.fold(0.0, f64::max) < 6.0);
    let night = house().course(world(5), day("2026-06-21")).pv_kw[..240].iter().sum::<f64>();
    assert!(night.abs() < 1e-12, "the sun shone before four: {night}");
}

#[test]
fn the_voltage_sags_with_the_load() {
    let range = days_range(day("2026-01-10"), day("2026-02-10"), zone());
    let read = readings(world(9), &[meter("sim-grid", Measures::Grid, 0.0)], range, 60);
    let mean_of = |keep: &dyn Fn(f64) -> bool| {
        let kept: Vec<f64> = read
            .iter()
            .filter(|one| keep(one.consumption_kw.unwrap()))
            .map(|one| one.voltage.unwrap())
            .collect();
        kept.iter().sum::<f64>() / kept.len() as f64
    };
    let (idle, busy) = (mean_of(&|kw| kw < 0.3), mean_of(&|kw| kw > 2.0));
    assert!(idle - busy > 0.6, "{idle} V, {busy} V");
    assert!(read.iter().all(|one| (207.0..=253.0).contains(&one.voltage.unwrap())));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// What a part is made of does not depend on what it is made with, nor on the order.
    #[test]
    fn a_part_is_what_it_is_in_the_whole(
        seed: u64,
        start in 0_i64..12_000,
        at_min in 0_i64..2_800,
        length_min in 1_i64..300,
        interval in 0_usize..INTERVALS.len(),
    ) {
        let interval_s = INTERVALS[interval];
        let first = day("2000-01-01") + Duration::days(start);
        let whole = days_range(first, first + Duration::days(2), zone());
        let from = whole.from + Duration::minutes(at_min);
        let part = TimeRange::new(from, from + Duration::minutes(length_min));
        let meters = [meter("sim-a", Measures::House, 0.1), meter("sim-b", Measures::Grid, 0.1)];
        let alone = readings(world(seed), &meters, part, interval_s);
        let padded = TimeRange::new(part.from - Duration::minutes(37), part.to + Duration::minutes(37));
        let cut: Vec<Reading> = readings(world(seed), &meters, padded, interval_s)
            .into_iter()
            .filter(|one| part.from <= one.ts && one.known_at <= part.to)
            .collect();
        let order = |mut all: Vec<Reading>| {
            all.sort_by(|a, b| (&a.meter_id, a.ts).cmp(&(&b.meter_id, b.ts)));
            all
        };
        prop_assert_eq!(order(alone), order(cut));
    }

    /// At every step, at every interval: what comes less what goes is what is drawn less what is
    /// made; and a quarter hour's energy is the same however finely it is read.
    #[test]
    fn energy_is_neither_made_nor_lost(seed: u64, start in 0_i64..12_000, quarter in 0_i64..92) {
        let range = day_range(day("2000-01-01") + Duration::days(start), zone());
        let from = range.from + Duration::minutes(15 * quarter);
        let range = TimeRange::new(from, from + Duration::minutes(15));
        let mut by_interval = Vec::new();
        for interval_s in INTERVALS {
            let house = readings(world(seed), &[meter("sim-a", Measures::House, 0.0)], range, interval_s);
            let grid = readings(world(seed), &[meter("sim-b", Measures::Grid, 0.0)], range, interval_s);
            prop_assert_eq!(house.len(), usize::try_from(900 / interval_s).unwrap());
            for (at_house, at_grid) in house.iter().zip(&grid) {
                let net = at_house.consumption_kw.unwrap() - at_house.production_kw.unwrap();
                let flow = at_grid.consumption_kw.unwrap() - at_grid.production_kw.unwrap();
                prop_assert!((net - flow).abs() < 3e-6, "{}: {} {}", at_house.ts, net, flow);
                prop_assert!(at_house.check().is_ok() && at_grid.check().is_ok());
            }
            by_interval.push([
                energy(&house, |one| one.consumption_kw),
                energy(&house, |one| one.production_kw),
                energy(&grid, |one| one.consumption_kw),
                energy(&grid, |one| one.production_kw),
            ]);
        }
        for other in &by_interval[1..] {
            for (a, b) in by_interval[0].iter().zip(other) {
                prop_assert!((a - b).abs() < 1e-6, "{by_interval:?}");
            }
        }
    }
}

#[test]
fn a_day_has_the_same_energy_at_every_interval() {
    let range = day_range(day("2026-03-29"), zone());
    let of = |interval_s| {
        let read = readings(world(11), &[meter("sim-a", Measures::Grid, 0.0)], range, interval_s);
        (energy(&read, |one| one.consumption_kw), energy(&read, |one| one.production_kw))
    };
    let (import, export) = of(900);
    for interval_s in [5, 60, 300] {
        let other = of(interval_s);
        assert!((other.0 - import).abs() < 1e-5 && (other.1 - export).abs() < 1e-5, "{interval_s}");
    }
}

#[test]
fn a_workshop_rests_when_people_do() {
    let sme = House { number: 1, profile: Profile::sme() };
    let drawn = |date| sme.course(world(1), day(date)).load_kw.iter().sum::<f64>() / 60.0;
    let (tuesday, sunday, holiday) =
        (drawn("2026-06-02"), drawn("2026-06-07"), drawn("2026-08-01"));
    assert!(tuesday > 1.8 * sunday && tuesday > 1.8 * holiday, "{tuesday} {sunday} {holiday}");
    let course = sme.course(world(1), day("2026-06-02"));
    let hour = |hour: usize| course.load_kw[hour * 60..hour * 60 + 60].iter().sum::<f64>() / 60.0;
    assert!(hour(10) > 2.5 * hour(3), "{} {}", hour(10), hour(3));
}
