//! Models of whole days against LEAR called directly, and what they may know.

use ndarray::Array2;
use serde_json::json;

use super::days::{Days, days_of};
use super::{Daily, LEAR_WINDOWS};
use crate::algorithms::forecasting::days::{Day, DayHistory};
use crate::algorithms::forecasting::lear;
use crate::algorithms::forecasting::{
    Algorithm, Model, Params, PredictError, RowKey, Table, exogenous_of, fit,
};

/// 7 January 1970, a Wednesday, as an ordinal of the common era.
const FIRST: i32 = 719_169;

fn price(day: i32, hour: i32) -> f64 {
    let noise = (f64::from(day * 24 + hour) * 0.618_033_988_75).rem_euclid(1.0) - 0.5;
    let week = if (day + 2).rem_euclid(7) >= 5 { -12.0 } else { 4.0 };
    40.0 + week + 9.0 * (f64::from(hour) / 4.0).sin() + 6.0 * (f64::from(day) / 9.0).cos() + noise
}

fn wind(day: i32, hour: i32) -> f64 {
    100.0 + 30.0 * (f64::from(day * 24 + hour) / 17.0).sin()
}

/// Rows of `slots` a day of the days from `first` on, without what `skip` says.
fn rows(first: i32, days: i32, slots: i32, skip: impl Fn(i32, i32) -> bool) -> Table {
    let features = ["is_holiday", "is_bridge_day", "wind", "wind_week_ago"];
    let (mut x, mut y, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    for day in first..first + days {
        for slot in (0..slots).filter(|slot| !skip(day, *slot)) {
            let hour = slot * 24 / slots;
            let quarter = f64::from(slot - hour * slots / 24);
            #[expect(clippy::cast_possible_truncation, reason = "features are f32")]
            x.extend([0.0, 0.0, wind(day, hour) as f32, wind(day - 7, hour) as f32]);
            y.push(price(day, hour) + if slots > 24 { quarter - 1.5 } else { 0.0 });
            groups.push(RowKey { day, slot: u16::try_from(slot).unwrap(), lead_day: 1 });
        }
    }
    let x = Array2::from_shape_vec((y.len(), features.len()), x).unwrap();
    Table { features: features.map(str::to_owned).to_vec(), x, y, groups }
}

fn hourly(first: i32, days: i32) -> Table {
    rows(first, days, 24, |_, _| false)
}

fn fitted(algorithm: Algorithm, train: &Table, valid: &Table) -> Model {
    let params = match algorithm {
        Algorithm::Ensemble => json!({"record_days": 7, "num_threads": 1}),
        _ => json!({}),
    };
    let params = Params::from_value(params);
    fit(algorithm, &params, train, valid, &|| false, &mut |_| {}).unwrap().model
}

#[expect(clippy::cast_possible_truncation, reason = "features are f32")]
fn single(value: f64) -> f32 {
    value as f32
}

/// The mean over the windows of LEAR on the made-up days before the day of index `day`.
fn reference(day: i32) -> Day {
    let of = |value: fn(i32, i32) -> f64| -> Vec<Day> {
        let one =
            |day| std::array::from_fn(|hour| value(FIRST + day, i32::try_from(hour).unwrap()));
        (0..=day).map(one).collect()
    };
    let (prices, wind) = (of(price), of(|day, hour| f64::from(single(wind(day, hour)))));
    // The first day is a Wednesday; late December is quiet.
    let weekdays: Vec<u8> = (0..=day).map(|day| u8::try_from((day + 2) % 7).unwrap()).collect();
    let none = vec![0.0; prices.len()];
    let history = DayHistory {
        prices_eur_mwh: &prices,
        exogenous: &[&wind],
        weekdays: &weekdays,
        flags: &[&none, &none, &none],
    };
    let at = usize::try_from(day).unwrap();
    let all =
        LEAR_WINDOWS.map(|window| lear::forecast(&history, at, window).unwrap().prices_eur_mwh);
    std::array::from_fn(|hour| all.iter().map(|day| day[hour]).sum::<f64>() / 4.0)
}

fn close(found: &[f64], expected: &[f64]) -> bool {
    found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9)
}

#[test]
fn lear_as_a_model_is_lear_on_the_days_of_the_table() {
    let (train, valid) = (hourly(FIRST, 125), hourly(FIRST + 125, 2));
    let params = Params::default();
    let fit = fit(Algorithm::Lear, &params, &train, &valid, &|| false, &mut |_| {}).unwrap();
    assert!(close(&fit.validation.mean[24..], &reference(126)), "the second day knows the first");

    // Behind the fit it goes on with what it is handed, and a stored model does as well.
    let (recent, next) = (hourly(FIRST + 127, 1), hourly(FIRST + 128, 1));
    let expected = reference(128);
    let forecast =
        |model: &Model, next: &Table| model.predict_after(Some(&recent), next).unwrap().mean;
    assert!(close(&forecast(&fit.model, &next), &expected));
    let loaded = Model::from_bytes(&fit.model.to_bytes()).unwrap();
    assert_eq!(forecast(&loaded, &next), forecast(&fit.model, &next));
    // Prices of the day itself are nobody's business, its wind is.
    let mut unknown = next.clone();
    unknown.y.clear();
    assert_eq!(forecast(&loaded, &unknown), forecast(&loaded, &next));
    unknown.x.column_mut(2).mapv_inplace(|wind| wind + 40.0);
    assert_ne!(forecast(&loaded, &unknown), forecast(&loaded, &next));
    // Nobody knows the day before.
    let refused = loaded.predict(&next).unwrap_err();
    assert!(matches!(refused, PredictError::MissingValue { row: 0, .. }), "{refused}");
}

#[test]
fn the_ensemble_is_stored_and_goes_on_as_it_would_have() {
    let (train, valid) = (hourly(FIRST, 128), hourly(FIRST + 128, 2));
    let model = fitted(Algorithm::Ensemble, &train, &valid);
    let (recent, next) = (hourly(FIRST + 130, 1), hourly(FIRST + 131, 1));
    let forecast = model.predict_after(Some(&recent), &next).unwrap();
    let error = forecast.mean.iter().zip(&next.y).map(|(a, b)| (a - b).abs()).sum::<f64>() / 24.0;
    // The prices follow the clock but for noise of a quarter on average.
    assert!(error < 2.0, "{error}");
    assert!(forecast.quantiles.iter().all(|row| row.is_sorted()));
    let loaded = Model::from_bytes(&model.to_bytes()).unwrap();
    assert_eq!(loaded, model);
    assert_eq!(loaded.predict_after(Some(&recent), &next).unwrap(), forecast);
    let shares = model.importance();
    let sum: f64 = shares.iter().map(|(_, share)| share).sum();
    assert!((sum - 1.0).abs() < 1e-9 && shares[0].1 >= shares[1].1, "{shares:?}");
}

#[test]
fn what_is_kept_on_the_way_changes_no_forecast() {
    let (train, valid) = (hourly(FIRST, 128), hourly(FIRST + 128, 2));
    for algorithm in [Algorithm::Lear, Algorithm::Ensemble] {
        let model = fitted(algorithm, &train, &valid);
        let mut kept = Model::from_bytes(&model.to_bytes()).unwrap();
        for day in 0..3 {
            let recent = hourly(FIRST + 130, day);
            // A day on which the wind is not what it will have been said to be, then one more look.
            let next = hourly(FIRST + 130 + day, 1);
            let mut early = next.clone();
            early.x.column_mut(2).mapv_inplace(|wind| wind + 40.0);
            for table in [&early, &next, &next] {
                let wanted = model.predict_after(Some(&recent), table).unwrap();
                assert_eq!(kept.predict_on(&recent, table).unwrap(), wanted, "{algorithm:?} {day}");
            }
        }
        // Behind a gap nobody knows the day before, kept or not.
        let (far, next) = (hourly(FIRST + 150, 1), hourly(FIRST + 151, 1));
        for _ in 0..2 {
            assert!(kept.predict_on(&far, &next).is_err());
        }
    }
}

#[test]
fn days_have_no_gaps() {
    let table = rows(FIRST, 20, 24, |day, hour| {
        // A short day, a day that is not there, a day of which little is.
        (day == FIRST + 8 && hour == 2) || day == FIRST + 10 || (day == FIRST + 12 && hour > 5)
    });
    let exogenous = exogenous_of(&table.features);
    assert_eq!(exogenous, ["wind"]);
    let mut days = Days::new(FIRST, 1);
    assert!(days.append(&days_of(&table, &exogenous), FIRST + 20));
    let prices = days.with(|days| days.history.prices_eur_mwh.to_vec());
    assert_eq!(prices.len(), 20);
    let beside = f64::midpoint(price(FIRST + 8, 1), price(FIRST + 8, 3));
    assert_eq!((prices[8][2], prices[8][3]), (beside, price(FIRST + 8, 3)));
    assert_eq!((prices[10], prices[12]), (prices[3], prices[5]), "as a week before");
    let mut long = Days::new(FIRST, 1);
    let holey = rows(FIRST, 30, 24, |day, _| (FIRST + 10..FIRST + 18).contains(&day));
    assert!(!long.append(&days_of(&holey, &exogenous), FIRST + 30), "a week and a day");
    assert_eq!(long.len(), 17);
}

#[test]
fn a_doubled_hour_counts_once_and_quarters_average_to_their_hour() {
    let mut table = hourly(FIRST, 1);
    table.x =
        ndarray::concatenate![ndarray::Axis(0), table.x, table.x.select(ndarray::Axis(0), &[2])];
    table.y.push(price(FIRST, 2) + 10.0);
    table.groups.push(table.groups[2]);
    let mut days = Days::new(FIRST, 1);
    assert!(days.append(&days_of(&table, &["wind".to_owned()]), FIRST + 1));
    let prices = days.with(|days| days.history.prices_eur_mwh[0]);
    assert!((prices[2] - price(FIRST, 2) - 5.0).abs() < 1e-12);

    let (train, valid) =
        (rows(FIRST, 125, 96, |_, _| false), rows(FIRST + 125, 1, 96, |_, _| false));
    let params = Params::default();
    let fit = fit(Algorithm::Lear, &params, &train, &valid, &|| false, &mut |_| {}).unwrap();
    let expected = reference(125);
    for (hour, quarters) in fit.validation.mean.chunks(4).enumerate() {
        let mean = quarters.iter().sum::<f64>() / 4.0;
        assert!((mean - expected[hour]).abs() < 1e-9, "{hour}");
        // The made-up course within the hour.
        assert!((quarters[3] - quarters[0] - 3.0).abs() < 1e-9, "{quarters:?}");
    }
}

#[test]
fn a_short_history_and_a_cancelled_fit_are_refused() {
    let (train, valid) = (hourly(FIRST, 60), hourly(FIRST + 60, 5));
    let params = Params::default();
    let short = fit(Algorithm::Ensemble, &params, &train, &valid, &|| false, &mut |_| {});
    assert_eq!(
        short.unwrap_err().to_string(),
        "algorithm ensemble needs 120 days without gaps of a week, there are 60"
    );
    let (train, valid) = (hourly(FIRST, 125), hourly(FIRST + 125, 1));
    let resolved = params.resolve(Algorithm::Lear).unwrap();
    let cancelled = Daily::fit(Algorithm::Lear, &resolved, (&train, &valid), &|| true, &mut |_| {});
    assert_eq!(cancelled.unwrap_err().to_string(), "the fit was cancelled");
}
