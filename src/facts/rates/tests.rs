//! Which rate counts on which day, by hand, and what is read from a real database.

use chrono::{Duration, NaiveDate};

use super::model::Rate;
use super::*;
use crate::facts::market;
use crate::facts::series::Observation;
use crate::facts::series::SeriesSpec;
use crate::testing::TestApp;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn ecb() -> Origin {
    Origin::Published { source: "ecb".into(), attribution: "European Central Bank".into() }
}

#[test]
fn a_day_without_a_rate_takes_the_last_one_before() {
    // Friday, Monday and Tuesday; in any order, and the second word for Monday counts.
    let rates = [
        (day("2026-03-30"), 0.95),
        (day("2026-03-27"), 0.94),
        (day("2026-03-31"), 0.96),
        (day("2026-03-30"), 0.955),
    ];
    let table = RateTable::published(ecb(), &rates).unwrap();
    for (asked, fixed, rate) in [
        ("2026-03-27", "2026-03-27", 0.94),
        ("2026-03-28", "2026-03-27", 0.94),
        ("2026-03-29", "2026-03-27", 0.94),
        ("2026-03-30", "2026-03-30", 0.955),
        ("2026-03-31", "2026-03-31", 0.96),
        ("2026-04-06", "2026-03-31", 0.96),
    ] {
        let expected = Rate { day: Some(day(fixed)), chf_per_eur: rate };
        assert_eq!(table.on(day(asked)), Some(expected), "{asked}");
    }
    assert_eq!(table.on(day("2026-03-26")), None);
    assert_eq!(table.newest(), Rate { day: Some(day("2026-03-31")), chf_per_eur: 0.96 });
}

#[test]
fn what_is_no_rate_is_left_out() {
    let monday = day("2026-03-30");
    for nothing in [f64::NAN, f64::INFINITY, 0.0, -0.9] {
        assert_eq!(RateTable::published(ecb(), &[(monday, nothing)]), None, "{nothing}");
    }
    let manual = RateTable::manual(0.93);
    assert_eq!(manual.on(day("1999-01-04")), Some(Rate { day: None, chf_per_eur: 0.93 }));
    assert_eq!(manual.origin(), &Origin::Manual);
}

fn rates(app: &TestApp, eur_chf_manual: Option<f64>) -> Rates {
    let settings = market::Settings { eur_chf_manual, ..market::Settings::default() };
    Rates::new(app.services.observations.clone(), settings, app.clock.clone())
}

/// Stores rates as (day, rate), each known at 15:00 UTC of its day.
async fn store(app: &TestApp, rates: &[(&str, f64)]) {
    let spec = SeriesSpec {
        name: "fx:EUR:CHF".into(),
        unit: "CHF/EUR".into(),
        source: "ecb".into(),
        market: None,
        resolution_s: 86_400,
        attribution: "European Central Bank".into(),
        is_feature: false,
    };
    let observations = &app.services.observations;
    let series = observations.ensure_series(&spec).await.unwrap();
    let rows: Vec<Observation> = rates
        .iter()
        .map(|(day, value)| {
            let ts = format!("{day}T00:00:00Z").parse().unwrap();
            let known_at = ts + Duration::hours(15);
            Observation { ts, known_at, known_at_assumed: false, value: *value }
        })
        .collect();
    observations.put(series, &rows).await.unwrap();
}

#[actix_web::test]
async fn stored_rates_are_found_and_those_to_come_are_not() {
    let app = TestApp::new().await; // 2026-03-28, 12:00 UTC
    let days = (day("2026-03-21"), day("2026-04-04"));
    assert_eq!(rates(&app, None).eur_chf(days).await.unwrap(), None);
    // The rate of the 28th is stored, but becomes known at 15:00 only.
    store(&app, &[("2026-03-20", 0.94), ("2026-03-27", 0.95), ("2026-03-28", 9.0)]).await;
    let table = rates(&app, None).eur_chf(days).await.unwrap().unwrap();
    let rate = |fixed, chf_per_eur| Some(Rate { day: Some(day(fixed)), chf_per_eur });
    assert_eq!(table.on(days.0), rate("2026-03-20", 0.94));
    assert_eq!(table.on(days.1), rate("2026-03-27", 0.95));
    assert_eq!(table.origin(), &ecb());
    // A stretch that ended before sees nothing that was fixed later.
    let before = (day("2026-03-21"), day("2026-03-26"));
    let table = rates(&app, None).eur_chf(before).await.unwrap().unwrap();
    assert_eq!(table.newest(), Rate { day: Some(day("2026-03-20")), chf_per_eur: 0.94 });
}

#[actix_web::test]
async fn a_rate_set_by_hand_wins() {
    let app = TestApp::new().await;
    store(&app, &[("2026-03-27", 0.95)]).await;
    let days = (day("2026-03-21"), day("2026-04-04"));
    let table = rates(&app, Some(0.91)).eur_chf(days).await.unwrap().unwrap();
    assert_eq!(table, RateTable::manual(0.91));
}
