//! Each rule with values worked out by hand.

use chrono::Duration;

use super::*;

/// A price that is another one at every hour of every day.
fn price(ts: DateTime<Utc>) -> f64 {
    let hours = ts.timestamp() / 3_600;
    60.0 + 20.0 * (hours % 24) as f64 / 24.0 + (hours * 7_919 % 101) as f64 / 10.0
}

fn day_of(day: &str) -> Batch {
    batch_of("price:CH:day_ahead", 3_600, (date(day), date(day)), price)
}

fn quarters_of(day: &str) -> Batch {
    let quarter = |ts: DateTime<Utc>| price(ts) + (ts.timestamp() / 900 % 4) as f64;
    batch_of("price:CH:day_ahead_15min", 900, (date(day), date(day)), quarter)
}

/// Four weeks of prices before a day.
fn weeks_before(day: &str) -> Pool {
    let end = day_range(date(day), ZURICH).from;
    let range = TimeRange::new(end - Duration::days(29), end);
    range.slots(3_600).map(|ts| (ts, price(ts))).collect()
}

#[test]
fn days_of_92_96_and_100_quarter_hours_are_whole() {
    for (day, hours) in [("2026-03-29", 23), ("2026-03-30", 24), ("2026-10-25", 25)] {
        for (batch, expected) in [(day_of(day), hours), (quarters_of(day), 4 * hours)] {
            let report = judged(&batch, &Pool::new());
            assert_eq!(report.counts.expected, expected, "{day}");
            assert_eq!(report.counts.found, expected);
            assert_eq!((report.days[0].expected, report.days[0].found), (expected, expected));
            assert_eq!((report.verdict(), report.reasons.len()), (Verdict::Good, 0), "{day}");
            assert!(report.gaps.is_empty() && report.refused.is_empty());
        }
    }
}

#[test]
fn gaps_are_runs_with_their_length() {
    let mut batch = day_of("2026-03-30");
    // Local 03:00, 04:00 and 20:00; in summer time Zürich is two hours ahead.
    batch.values.retain(|(ts, _)| !["01", "02", "18"].contains(&&*ts.format("%H").to_string()));
    batch.values[0].1 = None;
    let report = judged(&batch, &Pool::new());
    let gaps: Vec<_> = report.gaps.iter().map(|gap| (gap.from.to_rfc3339(), gap.slots)).collect();
    assert_eq!(
        gaps,
        [
            ("2026-03-29T22:00:00+00:00".to_owned(), 1),
            ("2026-03-30T01:00:00+00:00".to_owned(), 2),
            ("2026-03-30T18:00:00+00:00".to_owned(), 1)
        ]
    );
    assert_eq!((report.counts.expected, report.counts.found), (24, 20));
    assert_eq!(report.verdict(), Verdict::Suspect);
    assert_eq!(report.reasons[0].sentence, "2026-03-30: 4 of 24 values are missing");
}

#[test]
fn what_is_not_due_is_open_and_what_is_due_is_missing() {
    let mut batch = day_of("2026-03-30");
    batch.values.clear();
    for (now, code, verdict) in [
        ("2026-03-29T12:59:00Z", Code::Open, Verdict::Good),
        ("2026-03-29T13:00:00Z", Code::Missing, Verdict::Suspect),
    ] {
        let report = assess(&batch, &Pool::new(), now.parse().unwrap());
        assert_eq!((report.reasons[0].code, report.verdict()), (code, verdict), "{now}");
    }
    batch.due = None;
    let report = assess(&batch, &Pool::new(), "2026-03-30T21:59:00Z".parse().unwrap());
    assert_eq!(report.reasons[0].code, Code::Open);
}

#[test]
fn duplicates_contradictions_order_and_strangers_are_told_apart() {
    let mut batch = day_of("2026-03-30");
    let (first, second) = (batch.values[0], batch.values[1]);
    batch.values.push(first);
    batch.values.push((second.0, second.1.map(|value| value + 1.0)));
    batch.values.push((first.0 - Duration::hours(1), Some(1.0)));
    batch.values.push((first.0 + Duration::minutes(7), Some(1.0)));
    batch.values.push((batch.values[5].0, Some(f64::NAN)));
    let report = judged(&batch, &Pool::new());
    let counts = report.counts;
    assert_eq!((counts.duplicates, counts.conflicts), (1, 2));
    assert_eq!((counts.outside, counts.off_grid, counts.not_finite), (1, 1, 1));
    // Behind the last of the day: the repeated first, the second, the three strangers.
    assert_eq!(counts.out_of_order, 5);
    assert_eq!(counts.found, 23, "the contradicted instant has no value");
    let apart: Vec<_> = report.refused.iter().map(|row| (row.ts, row.code)).collect();
    assert_eq!(apart.iter().filter(|row| **row == (second.0, Code::Conflicts)).count(), 2);
    assert_eq!(apart.len(), 4);
    assert!(report.accepted.iter().all(|(ts, value)| *ts != second.0 && value.is_finite()));
    assert_eq!(report.verdict(), Verdict::Suspect);
}

#[test]
fn a_day_of_zeros_and_a_copy_of_another_day_are_kept_apart() {
    let stored = weeks_before("2026-02-10");
    let zeros =
        batch_of("price:CH:day_ahead", 3_600, (date("2026-02-10"), date("2026-02-11")), |ts| {
            if ts < day_range(date("2026-02-11"), ZURICH).from { 0.0 } else { price(ts) }
        });
    let report = judged(&zeros, &stored);
    assert_eq!(alarms(&report), [Code::AllZero]);
    assert_eq!((report.accepted.len(), report.refused.len()), (24, 24));
    assert_eq!(report.verdict(), Verdict::Suspect);
    assert_eq!(report.days[0].verdict, Verdict::Refused);
    assert_eq!((report.days[0].found, report.days[1].found), (0, 24));
    assert_eq!(report.reasons[0].sentence, "2026-02-10: all 24 values are zero");

    let copy =
        batch_of("price:CH:day_ahead", 3_600, (date("2026-02-10"), date("2026-02-10")), |ts| {
            price(ts - Duration::hours(24))
        });
    let report = judged(&copy, &stored);
    assert_eq!((alarms(&report), report.verdict()), (vec![Code::Shifted], Verdict::Refused));
    assert_eq!(report.reasons[0].figure, Some(24.0));

    let mut shifted = stored.clone();
    let day = day_range(date("2026-02-10"), ZURICH);
    shifted.extend(day.slots(3_600).map(|ts| (ts, price(ts + Duration::hours(1)))));
    let report = judged(&day_of("2026-02-10"), &shifted);
    assert_eq!((alarms(&report), report.verdict()), (vec![Code::Shifted], Verdict::Suspect));
    assert_eq!(report.counts.revised, 24);
    assert_eq!(report.accepted.len(), 24, "what is right now takes the place of what was wrong");
}

#[test]
fn another_unit_is_seen_by_its_power_of_ten() {
    let stored = weeks_before("2026-02-10");
    for (factor, verdict) in [
        (1_000.0, Verdict::Refused),
        (0.001, Verdict::Refused),
        (100.0, Verdict::Refused),
        (10.0, Verdict::Suspect),
        (0.1, Verdict::Suspect),
        (1.9, Verdict::Good),
        (0.6, Verdict::Good),
    ] {
        let days = (date("2026-02-10"), date("2026-02-10"));
        let batch = batch_of("price:CH:day_ahead", 3_600, days, |ts| factor * price(ts));
        let report = judged(&batch, &stored);
        assert_eq!(report.verdict(), verdict, "{factor}: {:?}", report.reasons);
        if verdict > Verdict::Good {
            assert_eq!(
                (report.reasons[0].code, report.reasons[0].figure),
                (Code::WrongUnit, Some(factor))
            );
        }
    }
}

#[test]
fn a_load_may_not_rest_a_price_may_rest_at_zero_and_the_sun_at_night() {
    let from = |hour: i64| day_range(date("2026-02-10"), ZURICH).from + Duration::hours(hour);
    for (subject, hours, value, is_stuck) in [
        ("price:CH:day_ahead", 8, 41.0, false),
        ("price:CH:day_ahead", 9, 41.0, true),
        ("price:CH:day_ahead", 12, 0.0, false),
        ("price:CH:day_ahead", 12, -0.01, false),
        ("load:CH", 4, 5_000.0, false),
        ("load:CH", 5, 5_000.0, true),
        ("solar:CH", 16, 0.0, false),
        ("solar:CH", 5, 300.0, true),
        ("tariff:ekz", 24, 0.21, false),
        ("weather:zurich:snow", 20, 0.0, false),
        ("weather:zurich:temperature", 13, 3.5, true),
    ] {
        let day = (date("2026-02-10"), date("2026-02-10"));
        let rests = |ts: DateTime<Utc>| (from(2)..from(2 + hours)).contains(&ts);
        let value_at = |ts| if rests(ts) { value } else { price(ts) };
        let report = judged(&batch_of(subject, 3_600, day, value_at), &Pool::new());
        let expected: &[Code] = if is_stuck { &[Code::Stuck] } else { &[] };
        assert_eq!(alarms(&report), expected, "{subject} {hours} h of {value}");
    }
}

#[test]
fn a_value_that_stays_over_midnight_is_one_run() {
    let last = day_range(date("2026-02-10"), ZURICH).from;
    let rests = |ts: DateTime<Utc>| (ts - last).num_hours().abs() < 6;
    let value = |ts| if rests(ts) { 41.0 } else { price(ts) };
    let mut stored = weeks_before("2026-02-10");
    for (ts, stored) in &mut stored {
        *stored = value(*ts);
    }
    let day = (date("2026-02-10"), date("2026-02-10"));
    let report = judged(&batch_of("price:CH:day_ahead", 3_600, day, value), &stored);
    // Five hours before midnight, six from it on.
    assert_eq!((alarms(&report), report.longest_equal_s), (vec![Code::Stuck], 11 * 3_600));
}

#[test]
fn a_day_that_comes_in_parts_counts_what_came_before() {
    let day = day_range(date("2026-02-10"), ZURICH);
    let mut stored = weeks_before("2026-02-10");
    stored.extend(
        TimeRange::new(day.from, day.from + Duration::hours(20))
            .slots(3_600)
            .map(|ts| (ts, price(ts))),
    );
    let mut batch = day_of("2026-02-10");
    batch.asked = TimeRange::new(day.from + Duration::hours(18), day.to);
    batch.values.retain(|(ts, _)| batch.asked.contains(*ts));
    let report = judged(&batch, &stored);
    assert_eq!((report.counts.expected, report.counts.found), (6, 6));
    assert_eq!((report.days[0].expected, report.days[0].found), (24, 24));
}

#[test]
fn hostile_batches_bring_nothing_down() {
    let mut batch = day_of("2026-02-10");
    for value in [f64::MAX, f64::MIN, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 5e-324, -0.0] {
        for (_, stored) in &mut batch.values {
            *stored = Some(value);
        }
        let report = judged(&batch, &weeks_before("2026-02-10"));
        assert!(report.accepted.iter().all(|(_, value)| value.is_finite()), "{value}");
        assert!(report.outlier_score.is_none_or(|score| !score.is_nan()), "{value}");
    }
    batch.values =
        vec![(DateTime::<Utc>::MIN_UTC, Some(1.0)), (DateTime::<Utc>::MAX_UTC, Some(1.0))];
    let report = judged(&batch, &Pool::new());
    assert_eq!((report.counts.outside, report.counts.found), (2, 0));
    batch.interval_s = 0;
    batch.values.clear();
    batch.asked = TimeRange::new(batch.asked.from, batch.asked.from + Duration::seconds(1));
    judged(&batch, &Pool::new());
}

#[test]
fn a_day_in_another_unit_is_kept_apart_whole_also_when_a_part_of_it_is_impossible() {
    let stored = weeks_before("2026-02-10");
    let days = (date("2026-02-10"), date("2026-02-10"));
    // A thousand times 60 to 90: more than half beyond the limit of this batch, the rest below it.
    let mut batch = batch_of("price:CH:day_ahead", 3_600, days, |ts| 1_000.0 * price(ts));
    batch.limit = 75_000.0;
    let report = judged(&batch, &stored);
    assert_eq!((alarms(&report), report.verdict()), (vec![Code::WrongUnit], Verdict::Refused));
    assert_eq!((report.accepted.len(), report.refused.len()), (0, 24));
    let mut batch = day_of("2026-02-10");
    batch.values[3].1 = Some(200_000.0);
    let report = judged(&batch, &stored);
    assert_eq!((report.accepted.len(), report.refused.len()), (23, 1));
    assert_eq!(report.refused[0].code, Code::Impossible);
}
