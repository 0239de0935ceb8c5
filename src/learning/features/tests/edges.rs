//! Series that end early, have holes, are corrected, or come in other steps than the prices.

use chrono::Duration;
use chrono::Timelike;

use super::*;
use crate::learning::features::vintages::Known;

fn names(exogenous: usize) -> Vec<String> {
    (1..=exogenous).map(|n| format!("exo{n}")).collect()
}

fn spec(exogenous: usize) -> FeatureSpec {
    FeatureSpec::standard(3_600, &names(exogenous))
}

/// Hours of the day as prices, 2026-02-01 to 2026-03-20.
fn hours() -> Vec<Point> {
    let hour = |ts: DateTime<Utc>| f64::from(ts.with_timezone(&ZONE).hour());
    published(day("2026-02-01"), day("2026-03-20"), 3_600, hour)
}

#[test]
fn a_series_that_stopped_is_forecast_from_its_last_day_for_two_months() {
    let history = history(3_600, hours(), vec![]);
    for (issued, anchor) in [
        ("2026-03-19T09:00:00Z", Some("2026-03-19")),
        ("2026-03-19T13:00:00Z", Some("2026-03-20")),
        ("2026-03-25T09:00:00Z", Some("2026-03-20")),
        ("2026-05-19T09:00:00Z", Some("2026-03-20")),
        ("2026-05-20T09:00:00Z", None),
        ("2026-01-31T09:00:00Z", None),
    ] {
        let found = history.origin(AsOf(at(issued))).map(|origin| origin.anchor);
        assert_eq!(found, anchor.map(day), "{issued}");
    }
    let origin = history.origin(AsOf(at("2026-03-25T09:00:00Z"))).unwrap();
    let rows = predict_rows(&history, &spec(0), origin, &(1..=7));
    assert_eq!(rows.ts[0], at("2026-03-20T23:00:00Z"));
    assert_eq!(*rows.ts.last().unwrap(), at("2026-03-27T22:00:00Z"));
    assert_eq!(rows.len(), 7 * 24);
}

#[test]
fn a_day_of_which_the_end_is_missing_is_not_the_anchor() {
    let cut = at("2026-03-20T21:00:00Z");
    let partial: Vec<Point> = hours().into_iter().filter(|(ts, ..)| *ts < cut).collect();
    let history = history(3_600, partial, vec![]);
    let as_of = AsOf(at("2026-03-20T09:00:00Z"));
    let origin = history.origin(as_of).unwrap();
    assert_eq!(origin.anchor, day("2026-03-19"));
    assert!(history.is_published(cut - Duration::hours(1), as_of));
    assert!(!history.is_published(cut, as_of));
}

#[test]
fn a_missing_hour_leaves_out_what_is_learned_but_not_what_is_forecast() {
    let hole = at("2026-03-10T11:00:00Z");
    let holed: Vec<Point> = hours().into_iter().filter(|(ts, ..)| *ts != hole).collect();
    let history = history(3_600, holed, vec![]);
    let origin = history.origin(issue(day("2026-03-10"))).unwrap();
    let asked = predict_rows(&history, &spec(0), origin, &(1..=1));
    assert_eq!(asked.len(), 24);
    let noon = at("2026-03-11T11:00:00Z");
    assert!(value(&asked, noon, "lag_24h").is_nan());
    // 276 is the sum of the hours; 12 is missing among 24.
    assert!((value(&asked, noon, "anchor_mean") - 264.0 / 23.0).abs() < 1e-5);
    let learned = build(&history, &spec(0), &[origin], &(1..=1));
    assert_eq!(learned.len(), 23);
    assert!(!learned.ts.contains(&noon));
    // A delivery period without a price is no row to learn from either.
    let before = history.origin(issue(day("2026-03-09"))).unwrap();
    let learned = build(&history, &spec(0), &[before], &(1..=1));
    assert_eq!((learned.len(), learned.ts.contains(&hole)), (23, false));
}

#[test]
fn rows_to_learn_from_are_rows_to_forecast_with_the_truth_beside_them() {
    let history = history(3_600, hours(), vec![]);
    let origin = history.origin(issue(day("2026-03-10"))).unwrap();
    let (learned, asked) = (
        build(&history, &spec(0), &[origin], &(1..=7)),
        predict_rows(&history, &spec(0), origin, &(1..=7)),
    );
    assert_eq!(bits(&learned), bits(&asked));
    assert_eq!((&learned.ts, &learned.table.groups), (&asked.ts, &asked.table.groups));
    assert!(asked.table.y.is_empty() && asked.known_at.is_empty());
    let expected: Vec<f64> = (0..7 * 24).map(|row| f64::from(row % 24)).collect();
    assert_eq!(learned.table.y, expected);
    assert_eq!(learned.known_at[0], at("2026-03-10T12:00:00Z"));
    assert!(learned.issued_at.iter().all(|at| *at == origin.issued_at.0));
}

fn truth(series: &Vintages, ts: DateTime<Utc>) -> Option<Known> {
    series.truth(series.place(ts.timestamp()))
}

#[test]
fn values_are_read_as_they_were_known_then() {
    let (slot, first) = (at("2026-03-10T11:00:00Z"), at("2026-03-09T12:00:00Z"));
    let later = |hours: i64| first + Duration::hours(hours);
    // Corrected, then withdrawn, then given again; handed in out of order.
    let points = [
        (slot, later(2), f64::NAN),
        (slot, first, 10.0),
        (slot, later(3), 30.0),
        (slot, later(1), 20.0),
    ];
    let series = Vintages::new(3_600, points);
    let known = |hours: i64| series.at(slot, AsOf(later(hours)));
    let found = [known(-1), known(0), known(1), known(2), known(3)];
    assert_eq!(found, [None, Some(10.0), Some(20.0), None, Some(30.0)]);
    assert_eq!(truth(&series, slot).map(|truth| (truth.at, truth.value)), Some((later(3), 30.0)));
    let withdrawn = Vintages::new(3_600, points[..2].to_vec());
    assert!(truth(&withdrawn, slot).is_none());
    assert_eq!(series.at(slot - Duration::hours(1), AsOf(later(9))), None);
}

#[test]
fn exogenous_series_are_read_over_the_delivery_period_whatever_their_step() {
    let minute = |ts: DateTime<Utc>| f64::from(ts.with_timezone(&ZONE).minute());
    let hour = |ts: DateTime<Utc>| f64::from(ts.with_timezone(&ZONE).hour());
    let (first, last) = (day("2026-02-01"), day("2026-03-31"));
    let quarters = published(first, last, 900, minute);
    let whole = published(first, last, 3_600, hour);
    // Both series of the day ahead are known when prices are.
    let exogenous = vec![(900, quarters.clone()), (3_600, whole.clone())];
    let origin_at = AsOf(at("2026-03-29T13:00:00Z"));
    let hourly = history(3_600, published(first, day("2026-03-29"), 3_600, hour), exogenous);
    let origin = Origin { issued_at: origin_at, anchor: day("2026-03-29") };
    let rows = predict_rows(&hourly, &spec(2), origin, &(1..=7));
    let two = at("2026-03-30T00:00:00Z");
    for (name, wanted) in [
        // 0, 15, 30 and 45 minutes.
        ("exo1", 22.5_f32),
        ("exo1_day_mean", 22.5),
        ("exo2", 2.0),
        ("exo2_day_mean", 11.5),
        ("exo2_week_ago", 2.0),
    ] {
        assert!((value(&rows, two, name) - wanted).abs() < 1e-6, "{name}");
    }
    // A week after the day without an hour 2: the mean of the hours 1 and 3.
    let later = at("2026-04-05T00:00:00Z");
    assert!((value(&rows, later, "exo2_week_ago") - 2.0).abs() < 1e-6);
    // The day after tomorrow was not forecast yet at one o'clock.
    assert!(value(&rows, at("2026-03-31T00:00:00Z"), "exo2").is_nan());
    assert!(value(&rows, later, "exo2_day_mean").is_nan());

    let prices = published(first, day("2026-03-29"), 900, minute);
    let quarterly = history(900, prices, vec![(900, quarters), (3_600, whole)]);
    let rows = predict_rows(&quarterly, &FeatureSpec::standard(900, &names(2)), origin, &(1..=1));
    let half_past = at("2026-03-30T00:30:00Z");
    assert!((value(&rows, half_past, "exo1") - 30.0).abs() < 1e-6);
    assert!((value(&rows, half_past, "exo2") - 2.0).abs() < 1e-6);
}
