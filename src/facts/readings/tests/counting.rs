//! Counters: what flowed between marks, whatever their order.

use chrono::{DateTime, Duration, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::base::timeline::TimeRange;
use crate::facts::market::Quality;
use crate::facts::readings::counters::{Mark, intervals};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn mark(minute: i64, kwh: f64) -> Mark {
    let ts = at("2026-03-28T08:00:00Z") + Duration::minutes(minute);
    Mark {
        meter_id: "house-1".to_owned(),
        ts,
        interval_s: 900,
        consumption_kwh_total: Some(kwh),
        production_kwh_total: None,
        known_at: ts,
    }
}

fn told(marks: &[Mark]) -> Vec<(i64, Option<f64>, Quality)> {
    let start = at("2026-03-28T08:00:00Z");
    let all = TimeRange::new(start - Duration::days(400), start + Duration::days(400));
    intervals(marks, 900, 1_000.0, all)
        .into_iter()
        .map(|one| ((one.ts - start).num_minutes(), one.consumption_kw, one.quality))
        .collect()
}

#[test]
fn energy_between_marks_becomes_mean_power() {
    // 0.5 kWh in a quarter hour is 2 kW.
    assert_eq!(told(&[mark(0, 100.0), mark(15, 100.5)]), [(0, Some(2.0), Quality::Ok)]);
    // Finer marks add up; half a quarter hour at the end says nothing yet.
    let fine = [mark(0, 1.0), mark(5, 1.25), mark(15, 1.75), mark(22, 2.0)];
    assert_eq!(told(&fine), [(0, Some(3.0), Quality::Ok)]);
    // An hour without a mark is spread: 2 kWh over four quarter hours.
    let coarse = told(&[mark(0, 1.0), mark(60, 3.0)]);
    assert_eq!(coarse.len(), 4);
    assert!(coarse.iter().all(|one| *one == (one.0, Some(2.0), Quality::Estimated)), "{coarse:?}");
    // Beyond a month nobody knows when it flowed.
    assert_eq!(told(&[mark(0, 1.0), mark(60 * 24 * 32, 3.0)]), []);
}

#[test]
fn counters_that_go_back_never_give_energy_back() {
    let one = |from: f64, to: f64| {
        let all = told(&[mark(0, from), mark(15, to)]);
        assert_eq!(all.len(), 1);
        (all[0].1, all[0].2)
    };
    // The counter of the test goes on at 0 behind 1000 kWh: 0.5 + 0.5 kWh in a quarter hour.
    assert_eq!(one(999.5, 0.5), (Some(4.0), Quality::Suspect));
    // Began again: at least what it shows now.
    assert_eq!(one(500.0, 1.0), (Some(4.0), Quality::Suspect));
    // Another meter, which stood at 300 already: nobody can tell.
    assert_eq!(one(500.0, 300.0), (None, Quality::Missing));
    // Rounding.
    assert_eq!(one(500.005, 500.0), (Some(0.0), Quality::Suspect));
    // 200 MW in a house is no measurement.
    assert_eq!(one(0.0, 50_000.0), (None, Quality::Missing));
}

proptest! {
    #[test]
    fn no_power_is_negative_and_no_energy_is_made(
        steps in prop::collection::vec((1..90_i64, 0.0..5.0_f64), 2..40),
    ) {
        let (mut minute, mut kwh, mut marks) = (0, 50.0, vec![mark(0, 50.0)]);
        for (wait, more) in steps {
            minute += wait;
            kwh += more;
            marks.push(mark(minute, kwh));
        }
        let all = told(&marks);
        prop_assert!(all.iter().all(|one| one.1.is_some_and(|kw| kw >= 0.0)), "{:?}", all);
        prop_assert_eq!(i64::try_from(all.len()), Ok(minute / 15));
        let sum: f64 = all.iter().filter_map(|one| one.1).sum::<f64>() / 4.0;
        prop_assert!(sum <= kwh - 50.0 + 1e-9, "{} of {}", sum, kwh - 50.0);
    }
}

fn row(minute: i64, kwh: f64) -> Value {
    json!({"meter_id": "house-1", "ts": mark(minute, kwh).ts, "consumption_kwh_total": kwh,
        "production_kwh_total": 7.0})
}

#[tokio::test]
async fn counters_in_any_order_leave_the_same_readings() {
    let rows =
        [row(0, 1.0), row(15, 1.5), row(30, 2.5), row(90, 4.5), row(105, 4.75), row(120, 0.25)];
    let expected = [
        "house-1 03-28 08:00:00 900 2 0 ok",
        "house-1 03-28 08:15:00 900 4 0 ok",
        "house-1 03-28 08:30:00 900 2 0 estimated",
        "house-1 03-28 08:45:00 900 2 0 estimated",
        "house-1 03-28 09:00:00 900 2 0 estimated",
        "house-1 03-28 09:15:00 900 2 0 estimated",
        "house-1 03-28 09:30:00 900 1 0 ok",
        "house-1 03-28 09:45:00 900 1 0 suspect",
    ];
    for order in [vec![0, 1, 2, 3, 4, 5], vec![5, 4, 3, 2, 1, 0], vec![0, 5, 3, 1, 4, 2]] {
        for size in [1, 2, 6] {
            let app = TestApp::new().await;
            for part in order.chunks(size) {
                let part: Vec<&Value> = part.iter().map(|at| &rows[*at]).collect();
                let answer = send(&app, Role::Admin, "?create=true", &json!(part)).await;
                assert_eq!(answer.json(200)["counters"], part.len());
            }
            // 4.75 to 0.25 kWh: it began again, and at least 0.25 kWh flowed.
            assert_eq!(stored(&app).await, expected, "{order:?} by {size}");
        }
    }
}
