//! Scores of days against values worked out by hand.

use crate::algorithms::forecasting::day_scores::{
    percentile_levels, percentile_scores, value_scores,
};
use crate::algorithms::forecasting::days::{Day, HOURS};

fn near(found: Option<f64>, expected: f64) {
    let found = found.unwrap();
    assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
}

/// 100, but 10 from 2 to 5 o'clock and 200 at 18 and 19.
fn priced() -> Day {
    std::array::from_fn(|hour| match hour {
        2..=4 => 10.0,
        18 | 19 => 200.0,
        _ => 100.0,
    })
}

#[test]
fn worth_of_a_perfect_a_late_and_a_wrong_forecast() {
    let actual = priced();
    let perfect = value_scores(&[actual], &[actual]);
    near(perfect.capture_percent, 100.0);
    near(perfect.battery_percent, 100.0);
    near(perfect.spearman, 1.0);
    assert!(perfect.regret_eur_mwh.abs() < 1e-12);
    // An hour late: the block is 3 to 6 o'clock, (10 + 10 + 100) / 3 = 40; the day's mean is
    // (19 · 100 + 30 + 400) / 24 = 97.0833…; the battery still charges at 3 and 4 for 10 and sells at
    // 19 and 20 for 150.
    let late: Day = std::array::from_fn(|hour| actual[(hour + HOURS - 1) % HOURS]);
    let scores = value_scores(&[actual], &[late]);
    near(scores.capture_percent, 100.0 * (2_330.0 / 24.0 - 40.0) / (2_330.0 / 24.0 - 10.0));
    assert!((scores.regret_eur_mwh - 30.0).abs() < 1e-12);
    near(scores.battery_percent, 100.0 * 140.0 / 190.0);
    // Upside down: dear hours are taken for cheap ones.
    let wrong = actual.map(|price| -price);
    let scores = value_scores(&[actual], &[wrong]);
    near(scores.spearman, -1.0);
    assert!(scores.capture_percent.unwrap() < 0.0, "{scores:?}");
}

#[test]
fn days_count_by_what_is_at_stake() {
    // The second day is ten times as dear and forecast upside down, the first perfectly.
    let small = priced();
    let large = small.map(|price| 10.0 * price);
    let scores = value_scores(&[small, large], &[small, small]);
    near(scores.capture_percent, 100.0);
    let none = value_scores(&[[50.0; HOURS]], &[priced()]);
    assert_eq!((none.capture_percent, none.battery_percent, none.spearman), (None, None, None));
}

#[test]
fn a_falling_day_has_no_cycle() {
    let falling: Day = std::array::from_fn(|hour| 100.0 - hour as f64);
    assert_eq!(value_scores(&[falling], &[falling]).battery_percent, None);
}

#[test]
fn percentiles_by_hand() {
    // The percentile p is p: prices of 50.5 lie within all bands, one of 96 in none.
    let bands: Vec<Day> = (1..100).map(|p| [f64::from(p); HOURS]).collect();
    let inside = percentile_scores(&[[50.5; HOURS]], std::slice::from_ref(&bands)).unwrap();
    assert!((inside.coverage_50_percent - 100.0).abs() < 1e-9);
    assert!((inside.mean_width_90 - 90.0).abs() < 1e-9);
    let outside = percentile_scores(&[[96.0; HOURS]], std::slice::from_ref(&bands)).unwrap();
    assert!(outside.coverage_90_percent.abs() < 1e-9);
    // Σ (p/100)(96 − p) for p ≤ 96 plus Σ (1 − p/100)(p − 96) for 97 to 99, over 99.
    let mut expected = 0.0;
    for p in 1..100 {
        let (p, level) = (f64::from(p), f64::from(p) / 100.0);
        expected += if p <= 96.0 { level * (96.0 - p) } else { (1.0 - level) * (p - 96.0) };
    }
    assert!((outside.pinball_99 - expected / 99.0).abs() < 1e-9);
    assert_eq!(percentile_levels().len(), 99);
    assert_eq!(percentile_scores(&[[1.0; HOURS]], &[bands[..7].to_vec()]), None);
    assert_eq!(percentile_scores(&[], &[]), None);
}
