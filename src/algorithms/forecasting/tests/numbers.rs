//! Scores against values worked out by hand.

use proptest::prelude::*;

use crate::algorithms::forecasting::scores::{
    NaiveReference, ScoreError, WEEKLY_NAIVE, dm_test, mae, pinball_loss, score,
};

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found}, not {expected}");
}

#[test]
fn point_scores_are_those_worked_out_by_hand() {
    // Errors 2, 0, 6, 10 of prices 10, 0, −4, 50.
    let (actual, forecast) = ([10.0, 0.0, -4.0, 50.0], [12.0, 0.0, 2.0, 40.0]);
    let reference = NaiveReference { forecast: &[10.0, 4.0, 0.0, 50.0], definition: WEEKLY_NAIVE };
    let scores = score(&actual, &forecast, None, Some(reference)).unwrap();
    assert_eq!(scores.n, 4);
    close(scores.mae, 4.5);
    close(scores.rmse, 35.0_f64.sqrt());
    // 4/22, 0/0 counted as 0, 12/6, 20/90.
    close(scores.smape_percent, 100.0 * (4.0 / 22.0 + 2.0 + 20.0 / 90.0) / 4.0);
    close(scores.wape_percent.unwrap(), 100.0 * 18.0 / 64.0);
    let rmae = scores.rmae.unwrap();
    close(rmae.naive_mae, 2.0);
    close(rmae.value, 2.25);
    assert!(rmae.definition.contains("168"));
    let mape = scores.mape.unwrap();
    close(mape.percent, 100.0 * (0.2 + 1.5 + 0.2) / 3.0);
    assert!(mape.warning.unwrap().starts_with("50.0 % of the prices"));
    assert!(scores.bands.is_none());
}

#[test]
fn scores_that_divide_by_zero_are_absent() {
    let reference = NaiveReference { forecast: &[0.0, 0.0], definition: WEEKLY_NAIVE };
    let scores = score(&[0.0, 0.0], &[1.0, -1.0], None, Some(reference)).unwrap();
    assert_eq!((scores.mape, scores.wape_percent, scores.rmae), (None, None, None));
    close(scores.smape_percent, 200.0);
    let calm = score(&[50.0], &[40.0], None, None).unwrap();
    assert_eq!(calm.mape.unwrap().warning, None);
}

#[test]
fn band_scores_are_those_worked_out_by_hand() {
    close(pinball_loss(10.0, 8.0, 0.9), 1.8);
    close(pinball_loss(10.0, 12.0, 0.9), 0.2);
    let band = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    // Inside all three intervals, inside two, inside one, inside none.
    let scores = score(&[3.0, 4.5, 0.5, 9.0], &[3.0; 4], Some(&[band; 4]), None).unwrap();
    let bands = scores.bands.unwrap();
    close(bands.coverage_50_percent, 25.0);
    close(bands.coverage_80_percent, 50.0);
    close(bands.coverage_90_percent, 75.0);
    close(bands.mean_width_90, 6.0);
    let single = score(&[3.0], &[3.0], Some(&[band]), None).unwrap().bands.unwrap().pinball;
    // 3·.05 + 2·.1 + 1·.25 below, the same above by symmetry.
    close(single, 2.0 * (0.15 + 0.2 + 0.25) / 7.0);
}

#[test]
fn unusable_columns_are_named() {
    assert_eq!(mae(&[], &[]), Err(ScoreError::Empty));
    let lengths = ScoreError::Lengths { what: "the forecast", found: 1, rows: 2 };
    assert_eq!(mae(&[1.0, 2.0], &[1.0]), Err(lengths));
    let missing = ScoreError::NotFinite { what: "the forecast", row: 1 };
    assert_eq!(mae(&[1.0, 2.0], &[1.0, f64::NAN]), Err(missing));
    assert!(score(&[1.0], &[1.0], Some(&[]), None).is_err());
    assert!(score(&[1.0], &[1.0], Some(&[[f64::NAN; 7]]), None).is_err());
    let short = NaiveReference { forecast: &[], definition: WEEKLY_NAIVE };
    assert!(score(&[1.0], &[1.0], None, Some(short)).is_err());
    assert_eq!(dm_test(&[1.0], &[1.0], &[1.0], &[0]), Err(ScoreError::FewDays(1)));
    assert!(dm_test(&[1.0], &[1.0], &[1.0], &[]).is_err());
}

#[test]
fn the_diebold_mariano_test_agrees_with_a_worked_example() {
    // Daily loss differences 1, 3, 2, 2 (two rows a day): mean 2, variance ½, error √(½/4).
    let actual = [0.0; 8];
    let first = [1.0, 1.0, 3.0, 3.0, -2.0, 2.0, 4.0, 0.0];
    let days = [1, 1, 2, 2, 3, 3, 4, 4];
    let better = dm_test(&actual, &first, &actual, &days).unwrap();
    close(better.statistic, 2.0 / (0.5_f64 / 4.0).sqrt());
    assert!(better.p_value < 1e-7);
    let worse = dm_test(&actual, &actual, &first, &days).unwrap();
    close(worse.statistic, -better.statistic);
    assert!(worse.p_value > 0.999_999);
    let equal = dm_test(&actual, &first, &first, &days).unwrap();
    close(equal.statistic, 0.0);
    assert!((equal.p_value - 0.5).abs() < 1e-7);
    // Differences −0.5, 1.5: mean ½, error √(1/2); Φ(0.70710678) = 0.76024994.
    let mixed = dm_test(&[0.0; 2], &[0.0, 1.5], &[0.5, 0.0], &[1, 2]).unwrap();
    assert!((mixed.p_value - (1.0 - 0.760_249_94)).abs() < 1e-6, "{}", mixed.p_value);
}

proptest! {
    #[test]
    fn scores_keep_their_bounds(pairs in proptest::collection::vec((-300.0..900.0, -300.0..900.0), 1..60)) {
        let (actual, forecast): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let scores = score(&actual, &forecast, None, None).unwrap();
        prop_assert!(scores.mae <= scores.rmse * (1.0 + 1e-12));
        prop_assert!((0.0..=200.0 + 1e-9).contains(&scores.smape_percent));
        let perfect = score(&actual, &actual, None, None).unwrap();
        prop_assert_eq!((perfect.mae, perfect.rmse, perfect.smape_percent), (0.0, 0.0, 0.0));
    }
}
