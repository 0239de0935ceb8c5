//! Forecasts of made-up and of real days.

use crate::algorithms::forecasting::days::{Day, DaysError, HOURS, Part};
use crate::algorithms::forecasting::design::DAYS_MIN;
use crate::algorithms::forecasting::lear::forecast;
use crate::algorithms::forecasting::lear::forecast::LearForecast;
use crate::algorithms::forecasting::tests::market::{Market, published};

fn ask(market: &Market, day: usize, window: usize) -> Result<LearForecast, DaysError> {
    market.history(|history| forecast(history, day, window))
}

/// Mean absolute difference of two days.
fn distance(a: &Day, b: &Day) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>() / HOURS as f64
}

/// Stabilised, a price that is a linear function of the load is the load itself.
#[test]
fn a_linear_rule_is_learned() {
    let mut market = Market::invented(250, 0.0);
    for (price, load) in market.prices.iter_mut().zip(&market.exogenous[0]) {
        *price = load.map(|load| 2.0 * load - 30.0);
    }
    let (mut error, mut naive) = (0.0, 0.0);
    for day in 245..250 {
        let found = ask(&market, day, 240).unwrap();
        assert_eq!(found.days, 240);
        error += distance(&found.prices_eur_mwh, &market.prices[day]) / 5.0;
        naive += distance(&market.prices[day - 7], &market.prices[day]) / 5.0;
    }
    assert!(error < 0.3 && error < naive / 10.0, "{error}, last week's price {naive}");
}

#[test]
fn the_future_and_what_lies_before_the_window_are_not_read() {
    let market = Market::invented(80, 3.0);
    let mut other = market.clone();
    for day in 60..80 {
        other.prices[day] = [f64::NAN; HOURS];
        other.exogenous[0][day] =
            if day > 60 { [f64::NAN; HOURS] } else { market.exogenous[0][day] };
    }
    for day in 0..20 {
        other.prices[day] = [f64::INFINITY; HOURS];
    }
    assert_eq!(ask(&market, 60, 40), ask(&other, 60, 40));
}

#[test]
fn a_window_longer_than_the_history_takes_what_there_is() {
    let market = Market::invented(60, 3.0);
    let found = ask(&market, 50, 1_456).unwrap();
    assert_eq!(found.days, 50);
    assert_eq!(found, ask(&market, 50, 50).unwrap());
    let least = ask(&market, DAYS_MIN, 56).unwrap();
    assert!(least.prices_eur_mwh.iter().all(|price| price.is_finite()));
    let few = DaysError::FewDays { found: DAYS_MIN - 1, least: DAYS_MIN };
    assert_eq!(ask(&market, DAYS_MIN - 1, 56), Err(few.clone()));
    assert_eq!(ask(&market, 50, DAYS_MIN - 1), Err(few));
}

#[test]
fn another_currency_or_name_of_weekdays_changes_nothing_else() {
    let market = Market::invented(100, 3.0);
    let mut other = market.clone();
    for price in other.prices.iter_mut().flatten() {
        *price = 4.0 * *price - 20.0;
    }
    for load in other.exogenous[0].iter_mut().flatten() {
        *load = 1_000.0 + 0.5 * *load;
    }
    for weekday in &mut other.weekdays {
        *weekday = (*weekday + 3) % 7;
    }
    let found = ask(&market, 99, 84).unwrap().prices_eur_mwh.map(|price| 4.0 * price - 20.0);
    assert!(distance(&found, &ask(&other, 99, 84).unwrap().prices_eur_mwh) < 1e-6);
}

#[test]
fn what_never_changes_is_forecast_as_it_is() {
    let mut market = Market::invented(60, 3.0);
    market.prices.fill([42.5; HOURS]);
    let found = ask(&market, 59, 56).unwrap();
    assert_eq!((found.prices_eur_mwh, found.columns_used), ([42.5; HOURS], [0; HOURS]));
    // One price that differs: the median absolute deviation is zero, the standard deviation not.
    market.prices[40][3] = -500.0;
    assert!(ask(&market, 59, 56).unwrap().prices_eur_mwh.iter().all(|price| price.is_finite()));
}

#[test]
fn any_number_of_series_and_flags_may_be_given() {
    let market = Market::invented(120, 3.0);
    let holidays: Vec<f64> = (0..120).map(|day| f64::from(u8::from(day % 30 == 29))).collect();
    let ones = vec![1.0; 120];
    let day: &[Day] = &market.exogenous[0];
    let constant = vec![[7.0; HOURS]; 120];
    let mut lone = market.clone();
    lone.exogenous.clear();
    let without = ask(&lone, 119, 84).unwrap();
    let error = |found: &LearForecast| distance(&found.prices_eur_mwh, &market.prices[119]);
    let with = market.history(|history| {
        let exogenous = [day, day, &constant];
        let flags: [&[f64]; 2] = [&holidays, &ones];
        forecast(
            &crate::algorithms::forecasting::days::DayHistory {
                exogenous: &exogenous,
                flags: &flags,
                ..*history
            },
            119,
            84,
        )
    });
    let with = with.unwrap();
    assert!(error(&with) < error(&without), "{} {}", error(&with), error(&without));
    // A copy of a series and constants say nothing new.
    let plain = ask(&market, 119, 84).unwrap();
    assert!(distance(&with.prices_eur_mwh, &plain.prices_eur_mwh) < 1.0);
}

#[test]
fn a_flag_explains_the_days_it_marks() {
    let mut market = Market::invented(400, 1.0);
    let holiday = |day: usize| day % 20 == 19;
    for day in (0..400).filter(|day| holiday(*day)) {
        market.prices[day] = market.prices[day].map(|price| price - 25.0);
    }
    let flag: Vec<f64> = (0..400).map(|day| f64::from(u8::from(holiday(day)))).collect();
    let flags: [&[f64]; 1] = [&flag];
    let plain = ask(&market, 399, 390).unwrap();
    let flagged = market.history(|history| {
        let with = crate::algorithms::forecasting::days::DayHistory { flags: &flags, ..*history };
        forecast(&with, 399, 390).unwrap()
    });
    let error = |found: &LearForecast| distance(&found.prices_eur_mwh, &market.prices[399]);
    assert!(error(&flagged) < error(&plain) / 3.0, "{} {}", error(&flagged), error(&plain));
}

#[test]
fn unusable_days_are_named() {
    let market = Market::invented(60, 3.0);
    let mut hole = market.clone();
    hole.prices[30][5] = f64::NAN;
    let what = Part::Prices;
    assert_eq!(ask(&hole, 59, 40), Err(DaysError::NotFinite { what, day: 30, hour: 5 }));
    let mut hole = market.clone();
    hole.exogenous[0][59][23] = f64::INFINITY;
    let found = ask(&hole, 59, 40);
    let what = Part::Exogenous(0);
    assert_eq!(found, Err(DaysError::NotFinite { what, day: 59, hour: 23 }));
    assert_eq!(
        found.unwrap_err().to_string(),
        "exogenous series 0 is not finite on day 59, hour 23"
    );
    let mut short = market.clone();
    short.exogenous[0].truncate(59);
    let ends = DaysError::Ends { what, found: 59, needed: 60, day: 59 };
    assert_eq!(ask(&short, 59, 40), Err(ends));
    let mut eighth = market.clone();
    eighth.weekdays[50] = 7;
    assert_eq!(ask(&eighth, 59, 40), Err(DaysError::Weekday { day: 50, found: 7 }));
    let ends = DaysError::Ends { what: Part::Prices, found: 60, needed: 61, day: 61 };
    assert_eq!(ask(&market, 61, 40), Err(ends));
}

#[test]
fn published_forecasts_are_reproduced() {
    let Some(market) = Market::real("DE") else {
        eprintln!("skipped: published_forecasts_are_reproduced: no shared benchmark data");
        return;
    };
    for (date, window) in [("2016-03-09", 1_456), ("2017-08-20", 1_092)] {
        let day = market.dates.iter().position(|other| other == date).unwrap();
        let model = format!("LEAR {window}");
        let Some(published) = published("DE", &model, date) else {
            eprintln!("skipped: published_forecasts_are_reproduced: no published forecasts");
            return;
        };
        let found = ask(&market, day, window).unwrap();
        let difference = distance(&found.prices_eur_mwh, &published);
        assert!(difference < 0.05, "{model} of {date} differs by {difference} EUR/MWh");
    }
}
