//! Columns are, bit by bit, what the definition says cell by cell, whatever was published when.

use chrono::Duration;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::*;

const DAYS: i64 = 44;

/// What was published, on which grid, around which clock change, and when forecasts are issued.
#[derive(Debug, Clone)]
struct World {
    interval_s: i32,
    prices: Vec<Point>,
    exogenous: Vec<(i32, Vec<Point>)>,
    issued_at: Vec<AsOf>,
}

/// What happens to a series: a slot as a share of all, hours from its start to a publication, and the
/// value; NaN withdraws what was said before.
type Event = (f64, i64, f64);

fn price() -> impl Strategy<Value = f64> {
    prop_oneof![8 => -200.0..400.0_f64, 1 => Just(-0.0), 1 => Just(0.0), 1 => Just(f64::NAN)]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    proptest::collection::vec((0.0..1.0_f64, -90..400_i64, price()), 0..60)
}

/// Holes: a slot as a share of all, and how many slots are missing from there.
fn holes() -> impl Strategy<Value = Vec<(f64, usize)>> {
    proptest::collection::vec((0.0..1.0_f64, 1..40_usize), 0..4)
}

/// Values of all days of a series, each published on the day before, some later, some never.
fn points(
    (first, step): (NaiveDate, i32),
    values: &[f64],
    events: &[Event],
    holes: &[(f64, usize)],
) -> Vec<Point> {
    let last = add_days(first, DAYS - 1);
    let mut all = published(first, last, step, |_| 0.0);
    for (point, value) in all.iter_mut().zip(values.iter().cycle()) {
        point.2 = *value;
    }
    let count = all.len();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share")]
    let place = |share: f64| ((count as f64 * share) as usize).min(count - 1);
    let later = events.iter().map(|(share, hours, value)| {
        let ts = all[place(*share)].0;
        (ts, ts + Duration::hours(*hours), *value)
    });
    let later: Vec<Point> = later.collect();
    let is_hole = |at: usize| {
        holes.iter().any(|(share, length)| (place(*share)..place(*share) + length).contains(&at))
    };
    let kept = all.into_iter().enumerate().filter(|(at, _)| !is_hole(*at)).map(|(_, point)| point);
    kept.chain(later).collect()
}

fn world() -> impl Strategy<Value = World> {
    let series = || (proptest::collection::vec(price(), 53), events(), holes());
    let issues = proptest::collection::vec(12 * 24 * 60..DAYS * 24 * 60, 1..5);
    let shape = (prop_oneof![Just(3_600), Just(900)], any::<bool>());
    (shape, series(), series(), series(), issues).prop_map(
        |((interval_s, is_spring), prices, quarters, hours, issues)| {
            let first = day(if is_spring { "2026-03-01" } else { "2026-10-01" });
            let of =
                |step: i32, (values, events, holes): (Vec<f64>, Vec<Event>, Vec<(f64, usize)>)| {
                    points((first, step), &values, &events, &holes)
                };
            let start = at_local(first, NaiveTime::MIN, ZONE);
            World {
                interval_s,
                prices: of(interval_s, prices),
                exogenous: vec![(900, of(900, quarters)), (3_600, of(3_600, hours))],
                issued_at: issues.iter().map(|m| AsOf(start + Duration::minutes(*m))).collect(),
            }
        },
    )
}

/// Everything about a table that can differ.
fn told(rows: &FeatureTable) -> impl PartialEq + std::fmt::Debug + use<'_> {
    let y: Vec<u64> = rows.table.y.iter().map(|y| y.to_bits()).collect();
    let of_rows = (&rows.ts, &rows.issued_at, &rows.known_at, rows.interval_s);
    (of_rows, y, &rows.table.groups, &rows.table.features)
}

fn check(found: &FeatureTable, wanted: &FeatureTable) -> Result<(), TestCaseError> {
    prop_assert_eq!(told(found), told(wanted));
    let width = wanted.table.features.len();
    for (index, (found, wanted)) in bits(found).into_iter().zip(bits(wanted)).enumerate() {
        let (row, column) = (index / width, index % width);
        let values = [found, wanted].map(f32::from_bits);
        prop_assert_eq!(found, wanted, "column {} of row {}: {:?}", column, row, values);
    }
    Ok(())
}

#[test]
fn columns_are_what_the_definition_says_cell_by_cell() {
    let config = Config { cases: 96, failure_persistence: None, ..Config::default() };
    let seen = std::cell::Cell::new((0, 0));
    let checked = TestRunner::new(config).run(&world(), |world| {
        let history = history(world.interval_s, world.prices, world.exogenous);
        let spec = FeatureSpec::standard(world.interval_s, &["a".to_owned(), "b".to_owned()]);
        let origins: Vec<Origin> =
            world.issued_at.iter().filter_map(|at| history.origin(*at)).collect();
        let leads = 1..=9;
        let learned = build(&history, &spec, &origins, &leads);
        check(&learned, &reference::rows(&history, &spec, &origins, &leads, true))?;
        for origin in &origins {
            let asked = predict_rows(&history, &spec, *origin, &leads);
            check(&asked, &reference::rows(&history, &spec, &[*origin], &leads, false))?;
            seen.set((seen.get().0 + asked.len(), seen.get().1 + learned.len()));
        }
        Ok(())
    });
    checked.unwrap();
    let (asked, learned) = seen.get();
    assert!(asked > 10_000 && learned > 1_000, "{asked} and {learned} rows were compared");
}

#[test]
fn a_subset_of_the_features_has_their_values() {
    let hour = |ts: DateTime<Utc>| f64::from(chrono::Timelike::hour(&ts));
    let history =
        history(3_600, published(day("2026-03-01"), day("2026-03-31"), 3_600, hour), vec![]);
    let origin = history.origin(issue(day("2026-03-28"))).unwrap();
    let all = FeatureSpec::standard(3_600, &[]);
    let some = all.clone().only(&["price_mean_24h", "hour", "lag_48h"]);
    assert_eq!(some.names(), ["hour", "lag_48h", "price_mean_24h"]);
    let (few, whole) = (
        predict_rows(&history, &some, origin, &(1..=2)),
        predict_rows(&history, &all, origin, &(1..=2)),
    );
    for name in some.names() {
        for ts in &whole.ts {
            let (found, wanted) = (value(&few, *ts, &name), value(&whole, *ts, &name));
            assert_eq!(found.to_bits(), wanted.to_bits(), "{name} of {ts}");
        }
    }
}
