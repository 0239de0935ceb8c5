//! What every algorithm promises about its inputs and outputs.

use std::sync::atomic::{AtomicU32, Ordering};

use ndarray::{Array2, array};
use serde_json::json;

use super::{ROW_WISE, fitted, quick, sample};
use crate::algorithms::forecasting::table::TableError;
use crate::algorithms::forecasting::{
    Algorithm, FitError, ParamError, Params, PredictError, RowKey, Table, fit, is_price_like,
};

fn week(lag: f32, week: f32) -> Table {
    let x = Array2::from_shape_fn((7, 3), |(day, column)| match column {
        0 => lag,
        1 => week,
        #[expect(clippy::cast_precision_loss, reason = "a weekday")]
        _ => day as f32,
    });
    let features = ["lag_24h", "lag_168h", "weekday"].map(str::to_owned).to_vec();
    let groups = (0..7).map(|day| RowKey { day, slot: 0, lead_day: 1 }).collect();
    Table { features, x, y: vec![0.0; 7], groups }
}

#[test]
fn naive_takes_yesterday_from_tuesday_to_friday_and_last_week_otherwise() {
    let table = week(-3.0, 40.0);
    let forecast = |lag: &str| {
        let model = fitted(Algorithm::Naive, &json!({"lag": lag}), &table, &table);
        model.predict(&table).unwrap().mean
    };
    assert_eq!(forecast("standard"), [40.0, -3.0, -3.0, -3.0, -3.0, 40.0, 40.0]);
    assert_eq!(forecast("day"), [-3.0; 7]);
    assert_eq!(forecast("week"), [40.0; 7]);
}

#[test]
fn naive_takes_last_week_on_every_lead_day_after_the_first() {
    let mut table = week(-3.0, 40.0);
    table.features.push("lead_day".to_owned());
    for (lead, tuesday) in [(1.0_f32, -3.0), (2.0, 40.0), (7.0, 40.0)] {
        table.x = ndarray::concatenate![
            ndarray::Axis(1),
            week(-3.0, 40.0).x,
            Array2::from_elem((7, 1), lead)
        ];
        let model = fitted(Algorithm::Naive, &json!({}), &table, &table);
        let forecast = model.predict(&table).unwrap().mean;
        assert_eq!((forecast[0], forecast[1]), (40.0, tuesday), "lead day {lead}");
    }
}

#[test]
fn validation_forecasts_come_from_a_model_that_has_not_seen_them() {
    let (train, valid) = (sample(7, 63), sample(70, 28));
    for algorithm in ROW_WISE {
        let params = Params::from_value(quick(algorithm));
        let validate = |valid: &Table| {
            fit(algorithm, &params, &train, valid, &|| false, &mut |_| {}).unwrap().validation
        };
        let expected = validate(&valid);
        // Other prices on the validation days change what is learned from them, not their forecast.
        let mut other = valid.clone();
        other.y.iter_mut().for_each(|price| *price = 300.0 - *price);
        let found = validate(&other);
        assert_eq!(found.mean, expected.mean, "{algorithm}");
        assert_eq!(expected.quantiles.len(), valid.rows());
        // The bands of a half come from the other half: prices of the first half move only the second's.
        let half = valid.rows() / 2;
        let mut first = valid.clone();
        first.y[..half].iter_mut().for_each(|price| *price += 500.0);
        let moved = validate(&first).quantiles;
        assert_eq!(moved[..half], expected.quantiles[..half], "{algorithm}");
        assert!(moved[half..].iter().zip(&expected.quantiles[half..]).all(|(a, b)| a[6] > b[6]));
    }
}

#[test]
fn naive_falls_back_to_the_other_lag_and_refuses_rows_without_any() {
    let table = week(f32::NAN, 40.0);
    let model = fitted(Algorithm::Naive, &json!({"lag": "day"}), &table, &table);
    assert_eq!(model.predict(&table).unwrap().mean, [40.0; 7]);
    let mut empty = table;
    empty.x[[4, 1]] = f32::NAN;
    let refused = model.predict(&empty).unwrap_err();
    let features = "lag_24h, lag_168h".to_owned();
    assert_eq!(refused, PredictError::MissingValue { row: 4, features });
}

#[test]
fn naive_names_the_feature_it_misses() {
    let mut table = week(1.0, 2.0);
    table.features[1] = "lag_167h".to_owned();
    let refused = fit(Algorithm::Naive, &Params::default(), &table, &table, &|| false, &mut |_| {});
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("`lag_168h`") && message.contains("naive"), "{message}");
}

#[test]
fn bands_hold_the_validation_prices_as_often_as_they_say() {
    let (train, valid) = (sample(7, 56), sample(63, 28));
    for algorithm in [Algorithm::Naive, Algorithm::Lightgbm] {
        let model = fitted(algorithm, &quick(algorithm), &train, &valid);
        let bands = model.predict(&valid).unwrap().quantiles;
        assert!(bands.iter().all(|band| band.is_sorted()), "{algorithm}");
        let inside = bands.iter().zip(&valid.y);
        let inside = inside.filter(|(band, y)| (band[1]..=band[5]).contains(y)).count();
        let share = inside as f64 / valid.y.len() as f64;
        assert!((0.70..=0.95).contains(&share), "{algorithm}: {share} of 0.80");
    }
}

#[test]
fn a_few_rows_are_learned_by_heart() {
    let wave = |row: usize, column: usize| ((row * 7 + column * 13) as f64 * 0.37).sin();
    #[expect(clippy::cast_possible_truncation, reason = "features are f32")]
    let x =
        Array2::from_shape_fn((12, 14), |(row, column)| 30.0 * wave(row, column * column) as f32);
    let y: Vec<f64> = (0..12).map(|row| 40.0 * wave(row * row + 1, 3) - 5.0).collect();
    let features = (0..14).map(|column| format!("column_{column}")).collect();
    let groups = (0..12).map(|day| RowKey { day, slot: 0, lead_day: 1 }).collect();
    let table = Table { features, x, y, groups };
    let model = fitted(Algorithm::Linear, &json!({"ridge": 0.0}), &table, &table);
    for (forecast, actual) in model.predict(&table).unwrap().mean.iter().zip(&table.y) {
        assert!((forecast - actual).abs() < 1e-3, "{forecast} for {actual}");
    }
}

#[test]
fn trees_learn_a_step_by_heart() {
    let x = Array2::from_shape_fn((96, 2), |(row, column)| ((row * (column + 1)) % 96) as f32);
    let y: Vec<f64> = (0..96).map(|row| if row < 40 { -20.0 } else { 65.5 }).collect();
    let groups = (0..96).map(|row| RowKey { day: row, slot: 0, lead_day: 1 }).collect();
    let table = Table { features: vec!["a".into(), "b".into()], x, y, groups };
    let params = json!({
        "num_iterations": 200, "learning_rate": 0.3, "min_data_in_leaf": 1, "objective": "l2",
        "feature_fraction": 1.0, "bagging_fraction": 1.0, "bagging_freq": 0, "num_threads": 1,
        "early_stopping_rounds": 0, "bands": "residual",
    });
    let model = fitted(Algorithm::Lightgbm, &params, &table, &table);
    for (forecast, actual) in model.predict(&table).unwrap().mean.iter().zip(&table.y) {
        assert!((forecast - actual).abs() < 0.01, "{forecast} for {actual}");
    }
    assert_eq!(model.importance()[0].0, "a");
}

#[test]
fn linear_finds_a_linear_rule_among_copies_constants_and_holes() {
    // Slots have too few rows of their own, so all share one regression.
    let mut table = sample(7, 25);
    let width = table.features.len();
    table.features.extend(["copy", "constant", "empty"].map(str::to_owned));
    let rows = table.rows();
    let mut x = Array2::from_elem((rows, width + 3), f32::NAN);
    x.slice_mut(ndarray::s![.., ..width]).assign(&table.x);
    let copy = table.x.column(1).to_owned();
    x.column_mut(width).assign(&copy);
    x.column_mut(width + 1).fill(-4.0);
    table.x = x;
    table.y = table.x.column(1).iter().map(|lag| 2.0 * f64::from(*lag) - 7.0).collect();
    let model = fitted(Algorithm::Linear, &json!({"ridge": 1e-9}), &table, &table);
    let forecast = model.predict(&table).unwrap().mean;
    let error = forecast.iter().zip(&table.y).map(|(f, a)| (f - a).abs()).sum::<f64>();
    assert!(error / (rows as f64) < 1e-3, "{}", error / rows as f64);
    let shares = model.importance();
    assert_eq!(shares[0].0, "lag_168h");
    assert!(shares.iter().filter(|(name, _)| name == "copy").all(|(_, share)| *share == 0.0));
}

#[test]
fn missing_and_negative_values_give_finite_forecasts_everywhere() {
    let (train, valid) = (sample(7, 63), sample(70, 14));
    assert!(train.y.iter().any(|price| *price < 0.0));
    let mut holes = sample(84, 2);
    holes.x.slice_mut(ndarray::s![..24, 4]).fill(f32::NAN);
    holes.x.slice_mut(ndarray::s![24.., 5]).fill(f32::NAN);
    holes.y.clear();
    for algorithm in ROW_WISE {
        let model = fitted(algorithm, &quick(algorithm), &train, &valid);
        let forecast = model.predict(&holes).unwrap();
        assert_eq!((forecast.mean.len(), forecast.quantiles.len()), (48, 48));
        assert!(forecast.quantiles.iter().flatten().all(|value| value.is_finite()), "{algorithm}");
        assert!(forecast.mean.iter().any(|value| *value < 0.0), "{algorithm}");
        for (row, mean) in holes.x.rows().into_iter().zip(&forecast.mean) {
            let alone = model.predict_row(row.as_slice().unwrap());
            assert_eq!(alone.to_bits(), mean.to_bits(), "{algorithm}");
        }
        assert!(model.predict_row(&[1.0]).is_nan());
    }
}

#[test]
fn the_same_rows_give_the_same_model_whatever_the_number_of_threads() {
    let (train, valid) = (sample(7, 63), sample(70, 14));
    for algorithm in ROW_WISE {
        let model = || fitted(algorithm, &quick(algorithm), &train, &valid);
        assert!(model().to_bytes() == model().to_bytes(), "{algorithm}");
    }
    let forecast = |threads: i64| {
        let params = json!({"num_iterations": 20, "num_threads": threads});
        let model = fitted(Algorithm::Lightgbm, &params, &train, &valid);
        model.predict(&valid).unwrap()
    };
    assert_eq!(forecast(1), forecast(2));
}

#[test]
fn a_level_never_seen_is_forecast_relative_to_the_last_day() {
    let (train, valid) = (sample(7, 63), sample(70, 14));
    let raise = |mut table: Table, by: f32| {
        for column in 0..6 {
            if is_price_like(&table.features[column]) {
                table.x.column_mut(column).mapv_inplace(|value| value + by);
            }
        }
        table
    };
    let params = quick(Algorithm::Lightgbm);
    let model = fitted(Algorithm::Lightgbm, &params, &train, &valid);
    let usual = model.predict(&valid).unwrap().mean;
    let crisis = model.predict(&raise(valid, 400.0)).unwrap().mean;
    let moved: Vec<f64> = usual.iter().zip(&crisis).map(|(a, b)| b - a).collect();
    let mean = moved.iter().sum::<f64>() / moved.len() as f64;
    assert!((mean - 400.0).abs() < 25.0, "moved by {mean}");
}

#[test]
fn other_features_are_refused_by_number_name_and_order() {
    let (train, valid) = (sample(7, 63), sample(70, 14));
    let model = fitted(Algorithm::Linear, &json!({}), &train, &valid);
    let mut narrow = valid.clone();
    narrow.features.pop();
    narrow.x = narrow.x.slice(ndarray::s![.., ..5]).to_owned();
    let refused = model.predict(&narrow).unwrap_err();
    assert_eq!(refused, PredictError::FeatureCount { expected: 6, found: 5 });
    let mut swapped = valid.clone();
    swapped.features.swap(0, 1);
    let refused = model.predict(&swapped).unwrap_err().to_string();
    assert_eq!(refused, "column 0 is `lag_168h`, but the model was fitted on `lag_24h` there");
    let mut renamed = valid;
    renamed.features[4] = "lead".to_owned();
    assert!(matches!(model.predict(&renamed), Err(PredictError::FeatureName { column: 4, .. })));
}

#[test]
fn tables_that_do_not_fit_together_are_refused() {
    let good = sample(7, 3);
    let refusal = |table: &Table| {
        let none = Params::default();
        match fit(Algorithm::Naive, &none, table, &good, &|| false, &mut |_| {}) {
            Err(FitError::Table { which: "training", source }) => source,
            other => panic!("{other:?}"),
        }
    };
    let mut table = good.clone();
    table.y[5] = f64::NAN;
    assert!(matches!(refusal(&table), TableError::Target { row: 5, .. }));
    let mut table = good.clone();
    table.y.pop();
    assert!(matches!(refusal(&table), TableError::Rows { what: "targets", .. }));
    let mut table = good.clone();
    table.groups.pop();
    assert!(matches!(refusal(&table), TableError::Rows { what: "keys", .. }));
    let mut table = good.clone();
    table.x[[3, 4]] = f32::INFINITY;
    assert_eq!(refusal(&table), TableError::Infinite { row: 3, feature: "load".into() });
    let mut table = good.clone();
    table.features[1] = "hour".into();
    assert_eq!(refusal(&table), TableError::Repeated("hour".into()));
    let mut table = good.clone();
    table.features.pop();
    assert_eq!(refusal(&table), TableError::Columns { names: 5, columns: 6 });
    let (x, features) = (array![[]], Vec::new());
    let table = Table { x, features, y: vec![1.0], groups: vec![good.groups[0]] };
    assert_eq!(refusal(&table), TableError::Empty);
}

#[test]
fn wrong_parameters_are_named() {
    let check = |algorithm, params| Params::from_value(params).check(algorithm).unwrap_err();
    let unknown = check(Algorithm::Lightgbm, json!({"num_leafs": 3}));
    assert!(matches!(unknown, ParamError::Unknown { nearest: "num_leaves", .. }), "{unknown}");
    let range = check(Algorithm::Lightgbm, json!({"learning_rate": 1.5})).to_string();
    assert_eq!(
        range,
        "parameter `learning_rate` of lightgbm must be a number from 0.0001 to 1, not 1.5"
    );
    let kind = check(Algorithm::RandomForest, json!({"num_iterations": 1.5})).to_string();
    assert!(kind.contains("`num_iterations`") && kind.contains("1.5"), "{kind}");
    let word = check(Algorithm::Naive, json!({"lag": "month"})).to_string();
    assert!(word.contains("standard, day, week") && word.contains("month"), "{word}");
    for algorithm in Algorithm::ALL {
        assert_eq!(Params::default().check(algorithm), Ok(()));
        assert_eq!(algorithm.name().parse(), Ok(algorithm));
        assert_eq!(serde_json::to_value(algorithm).unwrap(), algorithm.name());
    }
    assert!("arima".parse::<Algorithm>().is_err());
}

#[test]
fn a_fit_tells_its_progress_and_stops_when_cancelled() {
    let (train, valid) = (sample(7, 63), sample(70, 14));
    for algorithm in ROW_WISE {
        let params = Params::from_value(quick(algorithm));
        let mut shares = Vec::new();
        fit(algorithm, &params, &train, &valid, &|| false, &mut |share| shares.push(share))
            .unwrap();
        assert!(shares.is_sorted() && shares.last() == Some(&1.0), "{algorithm}: {shares:?}");
        let asked = AtomicU32::new(0);
        let cancel = || asked.fetch_add(1, Ordering::Relaxed) > 0;
        let stopped = fit(algorithm, &params, &train, &valid, &cancel, &mut |_| {});
        assert!(matches!(stopped, Err(FitError::Cancelled)), "{algorithm}");
    }
}

#[test]
fn price_levels_are_told_by_their_names() {
    for name in ["lag_24h", "price_mean_7d", "anchor_mean"] {
        assert!(is_price_like(name), "{name}");
    }
    for name in ["load_lag_24h", "price_std", "lag_24h_diff", "hour", "renewables"] {
        assert!(!is_price_like(name), "{name}");
    }
}

#[test]
fn early_stopping_keeps_fewer_trees() {
    let (train, valid) = (sample(7, 63), sample(70, 14));
    let size = |rounds: i64| {
        let params = json!({
            "num_iterations": 200, "learning_rate": 0.3, "num_leaves": 7, "num_threads": 1,
            "early_stopping_rounds": rounds, "bands": "residual",
        });
        fitted(Algorithm::Lightgbm, &params, &train, &valid).to_bytes().len()
    };
    assert!(size(3) < size(0) / 2);
}

#[test]
fn a_price_that_never_changes_is_forecast() {
    let constant = |mut table: Table| {
        table.features[5] = "level".to_owned();
        table.y.fill(-7.5);
        table
    };
    let (train, valid) = (constant(sample(7, 63)), constant(sample(70, 14)));
    for algorithm in [Algorithm::Linear, Algorithm::Lightgbm, Algorithm::RandomForest] {
        let model = fitted(algorithm, &quick(algorithm), &train, &valid);
        let forecast = model.predict(&valid).unwrap();
        let all = forecast.mean.iter().chain(forecast.quantiles.as_flattened());
        let worst = all.map(|value| (value + 7.5).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-5, "{algorithm}: {worst}, {:?}", forecast.mean.first());
    }
}
