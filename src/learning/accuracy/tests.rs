//! Published forecasts against late truth, with numbers worked out by hand.

use std::fmt::Write;

use chrono::{DateTime, NaiveDate, Timelike, Utc};
use diesel_async::SimpleAsyncConnection;
use uuid::Uuid;

use super::*;
use crate::base::ids::Product;
use crate::base::timeline::day_range;
use crate::testing::{TestServices, ch, point, utc};

const HOURLY: Product = Product::DayAhead;
/// Quantiles around the point.
const SPREAD: [f64; 7] = [-8.0, -4.0, -1.0, 0.0, 1.0, 4.0, 8.0];

/// Stores a run of CH with one price per local day, the first one lead day 1.
async fn run(
    test: &TestServices,
    product: Product,
    (issued_at, known_until): (&str, &str),
    days: &[(&str, f64)],
) -> Uuid {
    let run_id = Uuid::now_v7();
    let series = ch().price_series(product);
    let mut sql = format!(
        "INSERT INTO forecast_runs (run_id, series, market, product, model_label, issued_at,
            known_until, created_at, inputs_hash)
         VALUES ('{run_id}', '{series}', 'CH', '{}', 'by hand', '{issued_at}', '{known_until}',
            '{issued_at}', 'ba78');",
        product.name()
    );
    for (place, (day, price)) in days.iter().enumerate() {
        let range = day_range(day.parse().unwrap(), ch().time_zone());
        for ts in range.slots(product.interval_s()) {
            let quantiles = SPREAD.map(|offset| (price + offset).to_string()).join(",");
            write!(
                sql,
                "INSERT INTO forecast_values (run_id, ts, interval_s, lead_day, mean, quantiles)
                 VALUES ('{run_id}', '{ts}', {}, {}, {price}, '{{{quantiles}}}');",
                product.interval_s(),
                place + 1
            )
            .unwrap();
        }
    }
    test.services.db.conn().await.unwrap().batch_execute(&sql).await.unwrap();
    run_id
}

/// Thursday noon: today's prices are known, tomorrow's are not. Prices are one a day: 50 a week ago,
/// then 60, 70 and 80.
async fn four_days() -> TestServices {
    let test = TestServices::at("2026-01-15T11:30:00Z").await;
    test.put(HOURLY, ("2026-01-06", "2026-01-08"), |_| Some(50.0)).await;
    for (day, price) in [("2026-01-13", 60.0), ("2026-01-14", 70.0), ("2026-01-15", 80.0)] {
        test.put(HOURLY, (day, day), |_| Some(price)).await;
    }
    let at = |issued, known| (issued, known);
    let issued = [
        (
            at("2026-01-12T10:00:00Z", "2026-01-12T23:00:00Z"),
            vec![("2026-01-13", 58.0), ("2026-01-14", 75.0), ("2026-01-15", 70.0)],
        ),
        (
            at("2026-01-13T10:00:00Z", "2026-01-13T23:00:00Z"),
            vec![("2026-01-14", 66.0), ("2026-01-15", 90.0)],
        ),
        // Half an hour behind the publication of the 14th: right, and too late for it.
        (
            at("2026-01-13T12:30:00Z", "2026-01-13T23:00:00Z"),
            vec![("2026-01-14", 70.0), ("2026-01-15", 84.0)],
        ),
        (at("2026-01-14T10:00:00Z", "2026-01-14T23:00:00Z"), vec![("2026-01-15", 81.0)]),
        (at("2026-01-15T10:00:00Z", "2026-01-15T23:00:00Z"), vec![("2026-01-16", 81.0)]),
    ];
    for (when, days) in &issued {
        run(&test, HOURLY, *when, days).await;
    }
    test
}

fn asked(product: Product, days: i64) -> Asked {
    Asked::newest(ch(), product, days)
}

async fn report_of(test: &TestServices, days: i64, lead_day: i16) -> AccuracyReport {
    test.services.accuracy.report(&asked(HOURLY, days), lead_day).await.unwrap()
}

fn near(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-9, "{value} is not {expected}");
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[tokio::test]
async fn only_what_was_published_in_time_counts_with_errors_worked_out_by_hand() {
    let test = four_days().await;
    let report = report_of(&test, 4, 1).await;
    assert_eq!((report.first_day, report.last_day), (day("2026-01-12"), day("2026-01-15")));
    assert_eq!((report.runs_issued, report.runs), (5, 4));
    assert_eq!(report.truth_until, Some(utc("2026-01-15T23:00:00Z")));
    assert_eq!(report.last_issued_at, Some(utc("2026-01-15T10:00:00Z")));
    let names: Vec<&str> = report.by_lead.iter().map(|lead| lead.name.as_str()).collect();
    assert_eq!(names, ["day_ahead", "d+2", "d+3"]);

    // Day ahead: 58 for 60, 66 for 70, 81 for 80; naive 50 each time.
    let first = &report.by_lead[0].measures;
    assert_eq!((first.n, first.n_naive), (72, 72));
    near(first.mae, 7.0 / 3.0);
    near(first.rmse, 7.0_f64.sqrt());
    near(first.bias, -5.0 / 3.0);
    near(first.naive_mae.unwrap(), 20.0);
    near(first.rmae.unwrap(), 7.0 / 60.0);
    near(first.skill_percent.unwrap(), 100.0 * (1.0 - 7.0 / 60.0));
    // Off by +2, +4 and −1: within ±1 once, within ±4 always.
    near(first.coverage_50_percent, 100.0 / 3.0);
    near(first.coverage_80_percent, 100.0);
    assert_eq!((first.width_50, first.width_80, first.width_90), (2.0, 8.0, 16.0));
    // Over the seven quantiles 4.1, 7.1 and 2.6.
    near(first.pinball, (4.1 + 7.1 + 2.6) / 21.0);
    // From 10:00 UTC to midnight are 13 hours, to the middle of the day's hours 11.5 more.
    near(first.hours_ahead, 24.5);

    // Two days ahead: 75 for 70, and 84 for 80 by the run that came in time for the 15th.
    let second = &report.by_lead[1].measures;
    assert_eq!(second.n, 48);
    near(second.mae, 4.5);
    near(report.by_lead[2].measures.mae, 10.0);

    assert_eq!(report.by_hour.len(), 72);
    let hour = |at: usize| (report.by_hour[at - 1].lead_hour, report.by_hour[at - 1].n);
    assert_eq!((hour(1), hour(25), hour(72)), ((1, 3), (25, 2), (72, 1)));
    near(report.by_hour[0].mae, 7.0 / 3.0);
    near(report.by_hour[24].mae, 4.5);
    near(report.by_hour[71].naive_mae.unwrap(), 30.0);

    let quantiles = &report.calibration.as_ref().unwrap().quantiles;
    let thirds = [0.0, 0.0, 1.0, 1.0, 1.0, 3.0, 3.0];
    for (quantile, thirds) in quantiles.iter().zip(thirds) {
        near(quantile.below_percent, thirds * 100.0 / 3.0);
        assert_eq!(quantile.n, 72);
    }
    assert_eq!((quantiles.len(), quantiles[1].level_percent), (7, 10.0));
}

#[tokio::test]
async fn days_are_told_one_by_one_and_the_best_and_worst_with_what_they_knew() {
    let test = four_days().await;
    test.put_load("2026-01-13", "2026-01-15").await;
    let report = report_of(&test, 4, 1).await;
    let errors: Vec<Option<f64>> =
        report.daily.iter().map(|day| day.measures.as_ref().map(|it| it.mae)).collect();
    assert_eq!(errors, [None, Some(2.0), Some(4.0), Some(1.0)]);
    assert!(report.daily.iter().all(|day| day.periods == 24));
    assert_eq!(report.best_day.as_ref().unwrap().day, day("2026-01-15"));
    let worst = report.worst_day.unwrap();
    assert_eq!(
        (worst.day, worst.actual_mean, worst.forecast_mean),
        (day("2026-01-14"), 70.0, 66.0)
    );
    assert_eq!((worst.runs.len(), worst.runs[0].n), (1, 24));
    let run = &worst.runs[0];
    assert_eq!(run.issued_at, utc("2026-01-13T10:00:00Z"));
    assert_eq!((run.model_label.as_str(), run.inputs_hash.as_str()), ("by hand", "ba78"));
    assert_eq!(run.link, "/api/forecast?market=CH&product=day_ahead&as_of=2026-01-13T10:00:00Z");
    // The load is known 48 hours ahead: at 10:00 UTC up to the 15th at 10:00.
    let load = &worst.knew[0];
    assert_eq!((load.series.as_str(), load.n, load.mean_then), ("load:CH", 24, Some(5_000.0)));
    assert_eq!(load.mean_now, Some(5_000.0));

    // Two days ahead only half as much was known of the worst one.
    let report = report_of(&test, 4, 2).await;
    let worst = report.worst_day.unwrap();
    assert_eq!(
        (worst.day, worst.runs[0].issued_at),
        (day("2026-01-14"), utc("2026-01-12T10:00:00Z"))
    );
    // From 23:00 UTC on the 13th to 10:00 on the 14th.
    assert_eq!(worst.knew[0].n, 12);
}

#[tokio::test]
async fn a_restated_price_scores_again_and_does_not_let_late_forecasts_in() {
    let test = four_days().await;
    let noon = day_range(day("2026-01-14"), ch().time_zone());
    let known = utc("2026-01-15T09:00:00Z");
    let again: Vec<_> = noon.slots(3_600).map(|ts| point(HOURLY, ts, known, 76.0)).collect();
    test.services.prices.put(&ch(), HOURLY, &again).await.unwrap();
    let report = report_of(&test, 4, 1).await;
    // 66 for 76 is off by ten; the run of 12:30 came behind the first publication still.
    near(report.by_lead[0].measures.mae, 13.0 / 3.0);
    near(report.by_lead[1].measures.mae, 2.5);
}

#[tokio::test]
async fn nothing_scored_is_absent_and_not_zero() {
    let test = TestServices::at("2026-01-15T11:30:00Z").await;
    let report = report_of(&test, 3, 1).await;
    assert_eq!((report.by_lead.len(), report.by_hour.len(), report.daily.len()), (0, 0, 3));
    assert!(report.daily.iter().all(|day| day.measures.is_none()));
    assert_eq!((report.calibration, report.best_day, report.worst_day), (None, None, None));
    assert_eq!((report.truth_until, report.last_issued_at), (None, None));
    let mae = test.services.accuracy.day_ahead_mae(&asked(HOURLY, 3)).await.unwrap();
    assert_eq!(mae, None);
    let test = four_days().await;
    let mae = test.services.accuracy.day_ahead_mae(&asked(HOURLY, 4)).await.unwrap();
    near(mae.unwrap(), 7.0 / 3.0);
}

#[tokio::test]
async fn days_of_a_clock_change_have_92_and_100_quarter_hours_and_naive_goes_by_the_wall() {
    let product = Product::DayAhead15min;
    for (now, known, before, last, periods) in [
        ("2026-03-29T10:00:00Z", "2026-03-28T23:00:00Z", "2026-03-22", "2026-03-29", 92),
        ("2026-10-25T10:00:00Z", "2026-10-24T22:00:00Z", "2026-10-18", "2026-10-25", 100),
    ] {
        let test = TestServices::at(now).await;
        // The price is the hour of the wall clock: a week before it was the same, in every quarter.
        let wall = |ts: DateTime<Utc>| Some(f64::from(ts.with_timezone(&ch().time_zone()).hour()));
        for day in [before, last] {
            test.put(product, (day, day), wall).await;
        }
        let issued = known.replace("T23", "T09").replace("T22", "T09");
        run(&test, product, (&issued, known), &[(last, 10.0)]).await;
        let asked = asked(product, 1);
        let report = test.services.accuracy.report(&asked, 1).await.unwrap();
        let day = &report.daily[0];
        assert_eq!((day.periods, day.measures.as_ref().unwrap().n), (periods, periods));
        let measures = &report.by_lead[0].measures;
        assert_eq!(
            (measures.n_naive, measures.naive_mae, measures.rmae),
            (periods, Some(0.0), None)
        );
        assert_eq!(report.by_hour.len(), periods / 4);
        assert!(report.by_hour.iter().all(|hour| hour.n == 4));
        assert_eq!(report.best_day.unwrap().day.to_string(), last);
        assert_eq!(report.worst_day, None, "one day is not the worst of itself");
    }
}

#[tokio::test]
async fn a_day_whose_prices_are_overdue_counts_what_was_forecast_before_each_hour_began() {
    // The price of the 14th was published in the afternoon of that day; meanwhile hours passed.
    let test = TestServices::at("2026-01-15T11:30:00Z").await;
    let today = day_range(day("2026-01-14"), ch().time_zone());
    let late = utc("2026-01-14T15:00:00Z");
    let prices: Vec<_> = today.slots(3_600).map(|ts| point(HOURLY, ts, late, 70.0)).collect();
    test.services.prices.put(&ch(), HOURLY, &prices).await.unwrap();
    let known = "2026-01-13T23:00:00Z";
    run(&test, HOURLY, ("2026-01-13T10:00:00Z", known), &[("2026-01-14", 60.0)]).await;
    run(&test, HOURLY, ("2026-01-14T10:30:00Z", known), &[("2026-01-14", 69.0)]).await;
    let report = report_of(&test, 2, 1).await;
    // Twelve hours had begun by 10:30 UTC (from 23:00 to 10:00), the other twelve had not.
    near(report.by_lead[0].measures.mae, (12.0 * 10.0 + 12.0) / 24.0);
    let best = report.best_day.unwrap();
    assert_eq!(best.runs.iter().map(|run| run.n).collect::<Vec<_>>(), [12, 12]);
}

#[tokio::test]
async fn the_forecast_that_was_valid_at_an_instant_comes_back_as_it_was_published() {
    let test = four_days().await;
    let at = async |instant: &str| {
        let forecasts = &test.services.forecasts;
        forecasts.valid_at(&ch(), HOURLY, utc(instant)).await.unwrap()
    };
    assert!(at("2026-01-12T09:59:59Z").await.is_none());
    for (instant, issued, first) in [
        ("2026-01-12T10:00:00Z", "2026-01-12T10:00:00Z", 58.0),
        ("2026-01-13T12:29:59Z", "2026-01-13T10:00:00Z", 66.0),
        ("2026-01-13T12:30:00Z", "2026-01-13T12:30:00Z", 70.0),
        ("2027-01-01T00:00:00Z", "2026-01-15T10:00:00Z", 81.0),
    ] {
        let forecast = at(instant).await.unwrap();
        assert_eq!(
            (forecast.run.issued_at, forecast.values[0].price_eur_mwh),
            (utc(issued), first)
        );
    }
    // One that the program issued itself, bit for bit, although prices came since.
    test.put(HOURLY, ("2025-11-01", "2026-01-05"), |ts| Some(crate::testing::lively(ts))).await;
    test.put(HOURLY, ("2026-01-09", "2026-01-12"), |ts| Some(crate::testing::lively(ts))).await;
    let issued = test.services.forecasts.issue(&ch(), HOURLY).await.unwrap();
    test.put(HOURLY, ("2026-01-16", "2026-01-20"), |_| Some(500.0)).await;
    test.set("2026-01-20T12:00:00Z");
    let next = test.services.forecasts.issue(&ch(), HOURLY).await.unwrap();
    assert_ne!(next.run.run_id, issued.run.run_id);
    let replayed = at("2026-01-16T10:00:00Z").await.unwrap();
    assert_eq!(replayed.run.run_id, issued.run.run_id);
    let bits = |forecast: &crate::learning::prediction::ForecastValue| {
        (
            forecast.ts,
            forecast.price_eur_mwh.to_bits(),
            forecast.quantiles_eur_mwh.map(f32::to_bits),
        )
    };
    assert_eq!(
        replayed.values.iter().map(bits).collect::<Vec<_>>(),
        issued.values.iter().map(bits).collect::<Vec<_>>()
    );
}
