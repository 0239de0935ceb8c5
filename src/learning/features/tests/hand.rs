//! Tables made by hand over the days on which the clock changes, and proof that they bite.
//!
//! Made-up prices name their place: 100,000 per day of the month, and the square of the slot of the
//! day (hour or quarter hour by the wall clock); the second pass of a doubled hour adds 100. Squares
//! tell a neighbour and a mean of neighbours from the slot itself.

use chrono::{Datelike, Timelike};

use super::*;
use crate::learning::features::spec::Kind;

const DAY: f64 = 100_000.0;

/// The price of `ts`, see above.
fn price(interval_s: i32, ts: DateTime<Utc>) -> f64 {
    let local = ts.with_timezone(&ZONE);
    let slot = f64::from(local.num_seconds_from_midnight()) / f64::from(interval_s);
    let hour_before = (ts - chrono::Duration::hours(1)).with_timezone(&ZONE);
    let is_second_pass = hour_before.time() == local.time();
    DAY * f64::from(local.day()) + slot * slot + if is_second_pass { 100.0 } else { 0.0 }
}

/// One row, by anchor and start of delivery, with what some columns must hold.
struct Row {
    interval_s: i32,
    anchor: &'static str,
    ts: &'static str,
    columns: Vec<(&'static str, f64)>,
}

fn row(
    interval_s: i32,
    anchor: &'static str,
    ts: &'static str,
    columns: &[(&'static str, f64)],
) -> Row {
    Row { interval_s, anchor, ts, columns: columns.to_vec() }
}

/// The last Sunday of March has no hour 2: for it stands the mean of the hours 1 and 3.
#[expect(clippy::too_many_lines, reason = "a table written out by hand")]
fn spring_hourly() -> Vec<Row> {
    // Squares of the hours 0 to 23 add up to 4324; without hour 2 to 4320.
    let mean = 29.0 * DAY + 4_320.0 / 23.0;
    vec![
        // Monday 02:00 seen from Sunday.
        row(
            3_600,
            "2026-03-29",
            "2026-03-30T00:00:00Z",
            &[
                ("hour", 2.0),
                ("weekday", 0.0),
                ("is_weekend", 0.0),
                ("month", 3.0),
                ("lead_day", 1.0),
                ("lag_24h", 29.0 * DAY + f64::midpoint(1.0, 9.0)),
                ("lag_24h_slot_before", 29.0 * DAY + 1.0),
                ("lag_24h_slot_after", 29.0 * DAY + 9.0),
                ("lag_48h", 28.0 * DAY + 4.0),
                ("lag_72h", 27.0 * DAY + 4.0),
                ("lag_168h", 23.0 * DAY + 4.0),
                ("lag_336h", 16.0 * DAY + 4.0),
                ("price_mean_1h", 29.0 * DAY + 529.0),
                ("price_mean_6h", 29.0 * DAY + f64::from(324 + 361 + 400 + 441 + 484 + 529) / 6.0),
                // 23 hours of Sunday and the last of Saturday.
                ("price_mean_24h", (23.0 * mean + 28.0 * DAY + 529.0) / 24.0),
                ("price_slot_mean_7d", 26.0 * DAY + (6.0 * 4.0 + 5.0) / 7.0),
                ("anchor_mean", mean),
                ("anchor_min", 29.0 * DAY),
                ("anchor_max", 29.0 * DAY + 529.0),
                ("price_day_before_anchor_mean", 28.0 * DAY + 4_324.0 / 24.0),
                ("price_week_ago_mean", 23.0 * DAY + 4_324.0 / 24.0),
            ],
        ),
        // Monday 23:00: the slot after the last lies on a day that is not published yet.
        row(
            3_600,
            "2026-03-29",
            "2026-03-30T21:00:00Z",
            &[
                ("hour", 23.0),
                ("lag_24h", 29.0 * DAY + 529.0),
                ("lag_24h_slot_before", 29.0 * DAY + 484.0),
                ("lag_24h_slot_after", f64::NAN),
            ],
        ),
        // Monday 00:00: the slot before the first is Saturday's last.
        row(
            3_600,
            "2026-03-29",
            "2026-03-29T22:00:00Z",
            &[("hour", 0.0), ("lag_24h", 29.0 * DAY), ("lag_24h_slot_before", 28.0 * DAY + 529.0)],
        ),
        // Sunday itself, 03:00 right behind the jump and 01:00 before it, seen from Saturday.
        row(
            3_600,
            "2026-03-28",
            "2026-03-29T01:00:00Z",
            &[
                ("hour", 3.0),
                ("weekday", 6.0),
                ("is_weekend", 1.0),
                ("lag_24h", 28.0 * DAY + 9.0),
                ("lag_168h", 22.0 * DAY + 9.0),
                ("anchor_mean", 28.0 * DAY + 4_324.0 / 24.0),
            ],
        ),
        row(
            3_600,
            "2026-03-28",
            "2026-03-29T00:00:00Z",
            &[("hour", 1.0), ("lag_24h", 28.0 * DAY + 1.0)],
        ),
        // Sunday seven days ahead, and Sunday a week later, whose last week is the short day.
        row(
            3_600,
            "2026-03-22",
            "2026-03-29T01:00:00Z",
            &[
                ("lead_day", 7.0),
                ("lag_24h", 22.0 * DAY + 9.0),
                ("lag_48h", 21.0 * DAY + 9.0),
                ("lag_168h", 22.0 * DAY + 9.0),
                ("lag_336h", 15.0 * DAY + 9.0),
            ],
        ),
        row(
            3_600,
            "2026-03-29",
            "2026-04-05T00:00:00Z",
            &[
                ("lead_day", 7.0),
                ("month", 4.0),
                ("lag_24h", 29.0 * DAY + 5.0),
                ("lag_168h", 29.0 * DAY + 5.0),
                ("lag_336h", 22.0 * DAY + 4.0),
                ("price_week_ago_mean", mean),
            ],
        ),
    ]
}

/// The last Sunday of October has hour 2 twice, 4 and 104: for it stands their mean, 54.
fn autumn_hourly() -> Vec<Row> {
    let mean = 25.0 * DAY + 4_428.0 / 25.0;
    vec![
        row(
            3_600,
            "2026-10-25",
            "2026-10-26T01:00:00Z",
            &[
                ("hour", 2.0),
                ("lead_day", 1.0),
                ("lag_24h", 25.0 * DAY + 54.0),
                ("lag_24h_slot_before", 25.0 * DAY + 1.0),
                ("lag_24h_slot_after", 25.0 * DAY + 9.0),
                ("lag_48h", 24.0 * DAY + 4.0),
                ("lag_72h", 23.0 * DAY + 4.0),
                ("lag_168h", 19.0 * DAY + 4.0),
                ("lag_336h", 12.0 * DAY + 4.0),
                // The last 24 of 25 hours: all but the first, which is 0 above the day.
                ("price_mean_24h", 25.0 * DAY + 4_428.0 / 24.0),
                ("price_slot_mean_7d", 22.0 * DAY + (6.0 * 4.0 + 54.0) / 7.0),
                ("anchor_mean", mean),
                ("anchor_max", 25.0 * DAY + 529.0),
            ],
        ),
        // Both passes of Sunday's hour 2 seen from Saturday look back at the same hour.
        row(
            3_600,
            "2026-10-24",
            "2026-10-25T00:00:00Z",
            &[("hour", 2.0), ("lag_24h", 24.0 * DAY + 4.0), ("lag_168h", 18.0 * DAY + 4.0)],
        ),
        row(
            3_600,
            "2026-10-24",
            "2026-10-25T01:00:00Z",
            &[("hour", 2.0), ("lag_24h", 24.0 * DAY + 4.0), ("lag_168h", 18.0 * DAY + 4.0)],
        ),
        row(
            3_600,
            "2026-10-24",
            "2026-10-25T02:00:00Z",
            &[("hour", 3.0), ("lag_24h", 24.0 * DAY + 9.0)],
        ),
        row(
            3_600,
            "2026-10-25",
            "2026-11-01T01:00:00Z",
            &[("lead_day", 7.0), ("lag_168h", 25.0 * DAY + 54.0), ("price_week_ago_mean", mean)],
        ),
    ]
}

/// Quarter hours: 02:15 is slot 9, an hour before it lies slot 5, an hour after it slot 13.
fn quarter_hourly() -> Vec<Row> {
    vec![
        row(
            900,
            "2026-03-29",
            "2026-03-30T00:15:00Z",
            &[
                ("hour", 2.0),
                ("quarter", 1.0),
                ("lag_24h", 29.0 * DAY + f64::midpoint(25.0, 169.0)),
                ("lag_24h_slot_before", 29.0 * DAY + f64::midpoint(16.0, 144.0)),
                ("lag_24h_slot_after", 29.0 * DAY + f64::midpoint(36.0, 196.0)),
                ("lag_48h", 28.0 * DAY + 81.0),
                ("lag_72h", 27.0 * DAY + 81.0),
                ("lag_168h", 23.0 * DAY + 81.0),
                ("lag_336h", 16.0 * DAY + 81.0),
                (
                    "price_mean_1h",
                    29.0 * DAY + f64::from(92 * 92 + 93 * 93 + 94 * 94 + 95 * 95) / 4.0,
                ),
            ],
        ),
        row(
            900,
            "2026-03-29",
            "2026-04-05T00:15:00Z",
            &[("lead_day", 7.0), ("lag_168h", 29.0 * DAY + 97.0)],
        ),
        row(
            900,
            "2026-10-25",
            "2026-10-26T01:15:00Z",
            &[
                ("lag_24h", 25.0 * DAY + 81.0 + 50.0),
                ("lag_24h_slot_before", 25.0 * DAY + 64.0 + 50.0),
                ("lag_168h", 19.0 * DAY + 81.0),
            ],
        ),
        row(
            900,
            "2026-10-24",
            "2026-10-25T01:30:00Z",
            &[("hour", 2.0), ("quarter", 2.0), ("lag_24h", 24.0 * DAY + 100.0)],
        ),
    ]
}

/// The feature code under test, with everything that a row of it can see.
fn rows_of(spec: &FeatureSpec, interval_s: i32, anchor: NaiveDate) -> FeatureTable {
    let first = add_days(anchor, -24);
    let prices = published(first, add_days(anchor, 10), interval_s, |ts| price(interval_s, ts));
    let history = history(interval_s, prices, vec![]);
    let origin = history.origin(issue(anchor)).unwrap();
    assert_eq!(origin.anchor, anchor);
    predict_rows(&history, spec, origin, &(1..=7))
}

/// What columns of `table` differ from what they must hold under `spec`.
fn faults(spec: impl Fn(i32) -> FeatureSpec, table: &[Row]) -> Vec<String> {
    let mut faults = Vec::new();
    for expected in table {
        let spec = spec(expected.interval_s);
        let rows = rows_of(&spec, expected.interval_s, day(expected.anchor));
        for (name, wanted) in &expected.columns {
            let found = value(&rows, at(expected.ts), name);
            #[expect(clippy::cast_possible_truncation, reason = "features are f32")]
            let wanted = *wanted as f32;
            let equal = found.to_bits() == wanted.to_bits() || found.is_nan() && wanted.is_nan();
            if !equal && (found - wanted).abs() > wanted.abs() * 1e-7 {
                faults.push(format!("{name} of {} is {found}, not {wanted}", expected.ts));
            }
            if found.is_nan() != wanted.is_nan() {
                faults.push(format!("{name} of {} is {found}, not {wanted}", expected.ts));
            }
        }
    }
    faults
}

fn all() -> Vec<Row> {
    [spring_hourly(), autumn_hourly(), quarter_hourly()].into_iter().flatten().collect()
}

fn standard(interval_s: i32) -> FeatureSpec {
    FeatureSpec::standard(interval_s, &[])
}

#[test]
fn features_are_as_computed_by_hand_over_both_clock_changes() {
    assert_eq!(faults(standard, &all()), Vec::<String>::new());
}

#[test]
fn the_spread_of_the_anchor_counts_its_real_hours() {
    let rows = rows_of(&standard(3_600), 3_600, day("2026-03-29"));
    let hours: Vec<f64> =
        (0..24).filter(|hour| *hour != 2).map(|hour| f64::from(hour * hour)).collect();
    let mean = hours.iter().sum::<f64>() / 23.0;
    let deviation = (hours.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 23.0).sqrt();
    let found = value(&rows, at("2026-03-30T00:00:00Z"), "anchor_std");
    assert!((f64::from(found) - deviation).abs() < 1e-3, "{found} and {deviation}");
}

#[test]
fn a_lag_that_is_an_hour_off_is_found_out() {
    for interval_s in [3_600, 900] {
        let table: Vec<Row> =
            all().into_iter().filter(|row| row.interval_s == interval_s).collect();
        let lags: Vec<usize> = (0..standard(interval_s).columns.len())
            .filter(|index| matches!(standard(interval_s).columns[*index].1, Kind::Lag { .. }))
            .collect();
        assert_eq!(lags.len(), 7);
        for column in lags {
            for hours in [-1, 1] {
                let shifted = |interval_s: i32| {
                    let mut spec = standard(interval_s);
                    if let Kind::Lag { shift_slots, .. } = &mut spec.columns[column].1 {
                        *shift_slots += hours * 3_600 / interval_s;
                    }
                    spec
                };
                let name = &standard(interval_s).columns[column].0;
                let found = faults(shifted, &table);
                assert!(!found.is_empty(), "{name} {hours} h off goes unnoticed");
                assert!(found.iter().all(|fault| fault.starts_with(name)), "{found:?}");
            }
        }
    }
}

#[test]
fn days_of_23_and_25_hours_have_as_many_rows() {
    for (interval_s, per_hour) in [(3_600, 1), (900, 4)] {
        for (date, hours) in [("2026-03-29", 23), ("2026-10-25", 25), ("2026-03-31", 24)] {
            for lead in [1_i64, 4, 7] {
                let target = day(date);
                let rows = rows_of(&standard(interval_s), interval_s, add_days(target, -lead));
                let keys = rows.table.groups.iter().zip(&rows.ts).filter(|(key, _)| {
                    i64::from(key.lead_day) == lead && key.day == target.num_days_from_ce()
                });
                let starts: Vec<DateTime<Utc>> = keys.map(|(_, ts)| *ts).collect();
                let expected: Vec<_> = day_range(target, ZONE).slots(interval_s).collect();
                assert_eq!(starts, expected, "{date}, lead {lead}");
                assert_eq!(starts.len(), hours * per_hour);
            }
        }
    }
}

#[test]
fn calendar_columns_tell_holidays_and_the_circle_of_day_and_year() {
    let rows = rows_of(&standard(3_600), 3_600, day("2026-12-24"));
    let noon = at("2026-12-25T11:00:00Z");
    for (name, wanted) in [
        ("hour", 12.0),
        ("hour_sin", 0.0),
        ("hour_cos", -1.0),
        ("weekday", 4.0),
        ("is_holiday", 1.0),
        ("is_bridge_day", 0.0),
        // 25 December is the 359th day of 2026.
        ("year_sin", (std::f64::consts::TAU * 358.0 / 365.25).sin()),
    ] {
        let found = f64::from(value(&rows, noon, name));
        assert!((found - wanted).abs() < 1e-6, "{name} is {found}, not {wanted}");
    }
    let ordinary = value(&rows, at("2026-12-28T11:00:00Z"), "is_holiday");
    assert!(ordinary.abs() < 1e-9);
}
