//! Nothing that was published after the issue time may change a feature.

use chrono::Duration;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use super::*;

const HOURS: usize = 24 * 32;

/// A world: what was published of prices and of an exogenous series, and when a forecast is issued.
#[derive(Debug, Clone)]
struct World {
    prices: Vec<Point>,
    exogenous: Vec<Point>,
    issued_at: AsOf,
}

/// What happens after the issue time: other values for what was published then, and more of them.
#[derive(Debug, Clone)]
struct Aftermath {
    values: Vec<f64>,
    prices: Vec<(usize, i64, f64)>,
    exogenous: Vec<(usize, i64, f64)>,
}

impl World {
    /// The same until the issue time, another one after it.
    fn with(&self, aftermath: &Aftermath) -> Self {
        let issued_at = self.issued_at.0;
        let other = |points: &[Point], more: &[(usize, i64, f64)]| -> Vec<Point> {
            let changed = points.iter().zip(aftermath.values.iter().cycle());
            let changed = changed.map(|((ts, known_at, value), other)| {
                (*ts, *known_at, if *known_at > issued_at { *other } else { *value })
            });
            let more = more.iter().map(|(slot, seconds, value)| {
                (start(*slot), issued_at + Duration::seconds(*seconds), *value)
            });
            changed.chain(more).collect()
        };
        Self {
            prices: other(&self.prices, &aftermath.prices),
            exogenous: other(&self.exogenous, &aftermath.exogenous),
            issued_at: self.issued_at,
        }
    }

    fn history(&self) -> MarketHistory {
        history(3_600, self.prices.clone(), vec![(3_600, self.exogenous.clone())])
    }
}

/// Start of an hour of the world, which spans the clock change of spring.
fn start(hour: usize) -> DateTime<Utc> {
    at("2026-03-08T23:00:00Z") + Duration::hours(i64::try_from(hour % HOURS).unwrap())
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    proptest::collection::vec(-200.0..400.0_f64, 97)
}

/// Revisions: an hour, how long before or after its start they are published (h), the value.
fn revisions() -> impl Strategy<Value = Vec<(usize, i64, f64)>> {
    proptest::collection::vec((0..HOURS, -60..200_i64, -200.0..400.0_f64), 0..60)
}

fn later() -> impl Strategy<Value = Vec<(usize, i64, f64)>> {
    proptest::collection::vec((0..HOURS, 1..1_000_000_i64, -500.0..500.0_f64), 1..60)
}

/// Hourly values of all days, published some hours before their day, and corrections of some.
fn points() -> impl Strategy<Value = Vec<Point>> {
    (values(), revisions(), 10..40_i64).prop_map(|(values, revisions, ahead_h)| {
        let base = (0..HOURS).zip(values.into_iter().cycle()).map(move |(hour, value)| {
            (start(hour), start(hour / 24 * 24) - Duration::hours(ahead_h), value)
        });
        let revised = revisions.into_iter().map(|(hour, after_h, value)| {
            (start(hour), start(hour) + Duration::hours(after_h), value)
        });
        base.chain(revised).collect()
    })
}

fn world() -> impl Strategy<Value = World> {
    let issue =
        (18 * 24 * 60..25 * 24 * 60_i64).prop_map(|m| AsOf(start(0) + Duration::minutes(m)));
    (points(), points(), issue).prop_map(|(prices, exogenous, issued_at)| World {
        prices,
        exogenous,
        issued_at,
    })
}

fn aftermath() -> impl Strategy<Value = Aftermath> {
    (values(), later(), later()).prop_map(|(values, prices, exogenous)| Aftermath {
        values,
        prices,
        exogenous,
    })
}

/// Whether features read through `reader` are the same bits in both worlds, and so is the origin.
fn check(
    world: &World,
    aftermath: &Aftermath,
    reader: impl Fn(MarketHistory) -> MarketHistory,
) -> Result<(), TestCaseError> {
    let (here, there) = (world.history(), world.with(aftermath).history());
    let origin = here.origin(world.issued_at);
    prop_assert_eq!(origin, there.origin(world.issued_at));
    let Some(origin) = origin else { return Ok(()) };
    let spec = FeatureSpec::standard(3_600, &["exo1".to_owned()]);
    let rows = |history| predict_rows(&reader(history), &spec, origin, &(1..=7));
    let (here, there) = (rows(here), rows(there));
    prop_assert_eq!(here.ts.len(), there.ts.len());
    for (index, (here, there)) in bits(&here).into_iter().zip(bits(&there)).enumerate() {
        let name = &spec.names()[index % spec.columns.len()];
        prop_assert_eq!(here, there, "{} differs in row {}", name, index / spec.columns.len());
    }
    Ok(())
}

fn runner() -> TestRunner {
    TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() })
}

#[test]
fn what_is_published_later_changes_no_feature() {
    let checked = runner().run(&(world(), aftermath()), |(world, aftermath)| {
        check(&world, &aftermath, |history| history)
    });
    checked.unwrap();
}

#[test]
fn a_reader_that_does_not_ask_when_something_became_known_is_found_out() {
    let blind_to_prices = |history: MarketHistory| MarketHistory {
        prices: history.prices.without_publication_times(),
        ..history
    };
    let blind_to_exogenous = |history: MarketHistory| MarketHistory {
        exogenous: history.exogenous.iter().map(Vintages::without_publication_times).collect(),
        ..history
    };
    for (what, reader) in [
        ("price", &blind_to_prices as &dyn Fn(MarketHistory) -> MarketHistory),
        ("exo", &blind_to_exogenous),
    ] {
        let found = runner()
            .run(&(world(), aftermath()), |(world, aftermath)| check(&world, &aftermath, reader));
        let Err(TestError::Fail(reason, _)) = found else { panic!("{what}: {found:?}") };
        assert!(reason.message().contains("differs in row"), "{reason}");
    }
}
