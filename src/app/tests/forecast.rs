//! Forecasts judged over HTTP and on their pages: answers, refusals, who may ask.

use std::fmt::Write;

use actix_web::http::header;
use chrono::{DateTime, Timelike, Utc};
use diesel_async::SimpleAsyncConnection;
use serde_json::{Value, json};

use crate::base::ids::Product;
use crate::base::timeline::day_range;
use crate::platform::web::Role;
use crate::testing::{Answer, Browser, TestApp, ch, point, utc};

const ACCURACY: &str = "/api/forecast/accuracy";

/// A Thursday noon: Wednesday was forecast on Tuesday morning, by 10 too high in its first half, right
/// in its second; a week ago it was 30 less.
async fn with_forecasts() -> TestApp {
    let app = TestApp::at(utc("2026-01-15T11:30:00Z")).await;
    let zone = ch().time_zone();
    let hour = |ts: DateTime<Utc>| ts.with_timezone(&zone).hour();
    let mut points = Vec::new();
    for (day, price, known) in [
        ("2026-01-07", 70.0, "2026-01-06T12:00:00Z"),
        ("2026-01-14", 100.0, "2026-01-13T12:00:00Z"),
    ] {
        let range = day_range(day.parse().unwrap(), zone);
        let of_day = range.slots(3_600).map(|ts| {
            let price = price + f64::from(hour(ts)) / 8.0;
            point(Product::DayAhead, ts, utc(known), price)
        });
        points.extend(of_day);
    }
    app.services.prices.put(&ch(), Product::DayAhead, &points).await.unwrap();
    let mut sql = "INSERT INTO forecast_runs (run_id, series, market, product, model_label,
            issued_at, known_until, created_at, inputs_hash)
         VALUES ('0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d', 'price:CH:day_ahead', 'CH', 'day_ahead',
            'lear v3', '2026-01-13T10:00:00Z', '2026-01-13T23:00:00Z', '2026-01-13T10:00:00Z',
            'ba7816bf8f01cfea');"
        .to_owned();
    for ts in day_range("2026-01-14".parse().unwrap(), zone).slots(3_600) {
        let off = if hour(ts) < 12 { 10.0 } else { 0.0 };
        let mean = 100.0 + f64::from(hour(ts)) / 8.0 + off;
        write!(
            sql,
            "INSERT INTO forecast_values (run_id, ts, interval_s, lead_day, mean, quantiles)
             SELECT '0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d', '{ts}', 3600, 1, {mean},
                array_agg(({mean} + o)::real) FROM unnest('{{-15,-12,-4,0,4,12,15}}'::real[]) AS o;"
        )
        .unwrap();
    }
    app.services.db.conn().await.unwrap().batch_execute(&sql).await.unwrap();
    app
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[tokio::test]
async fn errors_are_answered_by_series_or_by_market_and_product() {
    let app = with_forecasts().await;
    let path = format!("{ACCURACY}?series=price:CH:day_ahead&days=2");
    let answer = app.get(Role::Customer, &path).await.json(200);
    let lead = &answer["by_lead"][0];
    assert_eq!(
        (&lead["name"], &lead["n"], &lead["mae"]),
        (&json!("day_ahead"), &json!(24), &json!(5.0))
    );
    assert_eq!((&lead["naive_mae"], &lead["bias"]), (&json!(30.0), &json!(5.0)));
    assert!((number(&lead["rmae"]) - 1.0 / 6.0).abs() < 1e-12);
    // Off by ten lies within ±12 and outside ±4.
    assert_eq!(
        (&lead["coverage_50_percent"], &lead["coverage_80_percent"]),
        (&json!(50.0), &json!(100.0))
    );
    assert_eq!(answer["daily"][0]["measures"]["n"], 24);
    assert_eq!(answer["daily"][1]["measures"], json!(null));
    let best = &answer["best_day"];
    assert_eq!(
        (&best["day"], &best["runs"][0]["model_label"]),
        (&json!("2026-01-14"), &json!("lear v3"))
    );
    assert_eq!(answer["worst_day"], json!(null));
    // The link leads to the forecast as it was.
    let replay = app.get(Role::Customer, best["runs"][0]["link"].as_str().unwrap()).await.json(200);
    assert_eq!(
        (&replay["run_id"], &replay["points"][0]["price_eur_mwh"]),
        (&best["runs"][0]["run_id"], &json!(110.0))
    );
    let same = format!("{ACCURACY}?market=CH&product=day_ahead&days=2");
    assert_eq!(app.get(Role::Customer, &same).await.json(200), answer);
    let worth = app.get(Role::Customer, "/api/forecast/value?market=CH&days=2").await.json(200);
    // The forecast sees it cheapest from 12 to 15, at 101.625; from midnight to 3 it was 100.125.
    assert!((number(&worth["by_lead"][0]["regret_eur_mwh"]) - 1.5).abs() < 1e-9, "{worth}");
    assert_eq!(worth["tariff"], json!(null));
    assert!(worth["tariff_missing"].as_str().unwrap().contains("tariffs.active"));
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_with_its_field() {
    let app = with_forecasts().await;
    for (path, field) in [
        (format!("{ACCURACY}?days=0"), "days"),
        (format!("{ACCURACY}?days=401"), "days"),
        (format!("{ACCURACY}?lead_day=15"), "lead_day"),
        (format!("{ACCURACY}?series=load:house"), "series"),
        (format!("{ACCURACY}?series=price:CH:day_ahead&market=CH"), "series"),
        ("/api/forecast/value?lead_day=8".to_owned(), "lead_day"),
        ("/api/forecast/value?hours=13".to_owned(), "hours"),
        ("/api/forecast/value?power_kw=0".to_owned(), "power_kw"),
        ("/api/forecast/value?usual_start=noon".to_owned(), "usual_start"),
        ("/api/forecast/value?usual_start=22:00".to_owned(), "usual_start"),
        ("/api/forecast/value?tariff=ekz".to_owned(), "tariff"),
        ("/api/forecast?market=CH&as_of=yesterday".to_owned(), "as_of"),
    ] {
        let problem = app.get(Role::Viewer, &path).await.problem(422);
        assert!(problem.to_string().contains(field), "{path}: {problem}");
    }
    app.get(Role::Viewer, "/api/forecast/value?market=CH&tariff=ekz:400X").await.problem(404);
    let early = "/api/forecast?market=CH&product=day_ahead&as_of=2026-01-13T09:59:59Z";
    app.get(Role::Viewer, early).await.problem(404);
}

/// What every page must keep.
fn check(page: &Answer, path: &str) {
    assert_eq!(page.status, 200, "{path}: {}", page.text());
    let html = page.text();
    assert!(!html.contains(" style=") && !html.contains("<style"), "{path}");
    for text in ["fc_", "NaN"] {
        assert!(!html.contains(text), "{path} has {text}: {html}");
    }
}

#[tokio::test]
async fn the_page_answers_first_and_leads_to_the_day() {
    let app = with_forecasts().await;
    let viewer = Browser::of(&app, Role::Viewer).await;
    let page = viewer.open("/forecast?market=CH").await;
    check(&page, "/forecast");
    let html = page.text();
    assert!(
        html.contains(
            "lag an einem Tag im Mittel 5.0\u{a0}EUR/MWh daneben, 83\u{a0}% weniger als naiv."
        ),
        "{html}"
    );
    assert!(html.contains("ekz:400D") && html.contains("lear v3"), "{html}");
    let day = "/forecast/day?market=CH&product=day_ahead&lead=1&date=2026-01-14";
    assert!(html.contains(&day.replace('&', "&amp;")), "{html}");
    let page = viewer.open(day).await;
    check(&page, day);
    assert!(page.text().contains("24 von 24 Preisen lagen im 80-%-Band."), "{}", page.text());
    for path in ["/forecast/day?market=CH&date=2026-01-02", "/forecast?market=CH&lead=7&days=365"] {
        check(&viewer.open(path).await, path);
    }
    for path in [
        "/forecast?lead=9",
        "/forecast?days=0",
        "/forecast/day?date=0001-01-01",
        "/forecast/day?date=x",
    ] {
        assert_eq!(viewer.open(path).await.status, 422, "{path}");
    }
    // Once somebody may log in, whoever did not is led there.
    app.get(Role::Admin, "/api/me").await.json(200);
    let led = app.page("/forecast?market=CH", "").await;
    assert_eq!(led.header(header::LOCATION), "/login?next=%2Fforecast%3Fmarket%3DCH");
}

#[tokio::test]
async fn a_box_without_forecasts_says_what_it_waits_for_in_both_languages() {
    let app = TestApp::new().await;
    for (cookie, words) in [
        ("luna_lang=de", "Noch keine Prognose wurde an Preisen gemessen."),
        ("luna_lang=en", "No forecast has been held against prices yet."),
    ] {
        for path in ["/forecast", "/forecast/day"] {
            check(&app.page(path, cookie).await, path);
        }
        let page = app.page("/forecast", cookie).await;
        assert!(page.text().contains(words), "{}", page.text());
    }
    app.services.simulation.fill().await.unwrap();
    let page = app.page("/forecast?market=SIM-CH", "luna_lang=en").await;
    check(&page, "simulated");
    assert!(page.text().contains("Nothing was forecast in this period."), "{}", page.text());
}
