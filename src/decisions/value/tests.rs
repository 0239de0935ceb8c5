//! Francs and market values of a day worked out by hand.

use std::fmt::Write;

use chrono::{DateTime, NaiveTime, Timelike, Utc};
use diesel_async::SimpleAsyncConnection;
use uuid::Uuid;

use super::*;
use crate::base::ids::Product;
use crate::base::timeline::day_range;
use crate::facts::tariffs::Component;
use crate::facts::tariffs::Published;
use crate::facts::tariffs::Quote;
use crate::facts::tariffs::SLOT_S;
use crate::facts::tariffs::TariffId;
use crate::testing::{TestServices, ch, utc};

const HOURLY: Product = Product::DayAhead;

fn hour(ts: DateTime<Utc>) -> u32 {
    ts.with_timezone(&ch().time_zone()).hour()
}

/// Market prices of 2026-01-14: cheap from 2 to 5, dear from 18 to 20.
fn actual(hour: u32) -> f64 {
    match hour {
        2 => 10.0,
        3 => 20.0,
        4 => 30.0,
        18 | 19 => 200.0,
        _ => 100.0,
    }
}

/// What was forecast for that day: cheap from 3 to 6, dear from 20 to 22.
fn expected(hour: u32) -> f64 {
    match hour {
        3..=5 => 0.0,
        20 | 21 => 300.0,
        _ => 50.0,
    }
}

/// Thursday noon behind a Wednesday that was forecast whole, on Tuesday morning.
async fn wednesday() -> TestServices {
    let test = TestServices::at("2026-01-15T11:30:00Z").await;
    test.put(HOURLY, ("2026-01-14", "2026-01-15"), |ts| Some(actual(hour(ts)))).await;
    let run_id = Uuid::now_v7();
    let mut sql = format!(
        "INSERT INTO forecast_runs (run_id, series, market, product, model_label, issued_at,
            known_until, created_at, inputs_hash)
         VALUES ('{run_id}', 'price:CH:day_ahead', 'CH', 'day_ahead', 'by hand',
            '2026-01-13T10:00:00Z', '2026-01-13T23:00:00Z', '2026-01-13T10:00:00Z', '');"
    );
    for ts in day_range("2026-01-14".parse().unwrap(), ch().time_zone()).slots(3_600) {
        let price = expected(hour(ts));
        write!(
            sql,
            "INSERT INTO forecast_values (run_id, ts, interval_s, lead_day, mean, quantiles)
             VALUES ('{run_id}', '{ts}', 3600, 1, {price}, array_fill({price}::real, ARRAY[7]));"
        )
        .unwrap();
    }
    test.services.db.conn().await.unwrap().batch_execute(&sql).await.unwrap();
    test
}

/// Stores a tariff of that day, in CHF/kWh without VAT, published the evening before.
async fn put_tariff(test: &TestServices, id: &str, price: impl Fn(u32) -> f64) {
    let range = day_range("2026-01-14".parse().unwrap(), ch().time_zone());
    let quote = |ts| Quote { ts, component: Component::Integrated, price_chf_kwh: price(hour(ts)) };
    let published = Published {
        range,
        quotes: range.slots(SLOT_S).map(quote).collect(),
        published_at: Some(utc("2026-01-13T16:50:00Z")),
        came_at: utc("2026-01-13T17:00:00Z"),
        base_chf_month: None,
    };
    let id = TariffId::parse(id).unwrap();
    let taken = test.services.tariffs.take(&id, &published).await.unwrap();
    assert_eq!(taken.stored.inserted, 96, "{:?}", taken.findings);
}

fn asked() -> Asked {
    Asked {
        market: ch(),
        product: HOURLY,
        days: 2,
        lead_day: 1,
        device: Device::default(),
        tariff: None,
        standard: None,
    }
}

fn near(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-9, "{value} is not {expected}");
}

#[tokio::test]
async fn at_market_prices_the_forecast_pays_what_came_when_it_said_cheap() {
    let test = wednesday().await;
    let value = test.services.values.value(&asked()).await.unwrap();
    assert_eq!(value.by_lead.len(), 1);
    let market = &value.by_lead[0];
    assert_eq!((market.lead_day, market.n_days), (1, 1));
    // From 3 to 6 came 20, 30 and 100; from 2 to 5 it would have been 10, 20 and 30.
    near(market.paid_eur_mwh, 50.0);
    near(market.cheapest_eur_mwh, 20.0);
    let mean = (60.0 + 400.0 + 19.0 * 100.0) / 24.0;
    near(market.day_mean_eur_mwh, mean);
    near(market.capture_percent.unwrap(), 100.0 * (mean - 50.0) / (mean - 20.0));
    assert_eq!((market.regret_eur_mwh, market.best_window_percent), (30.0, 0.0));
    // In from 3 to 5, out from 20 to 22: 100 − 25; knowing it, from 2 to 4 and from 18 to 20: 200 − 15.
    near(market.battery_percent.unwrap(), 100.0 * 75.0 / 185.0);
    // Off by 40, 20, 30, 100, twice 150, twice 200 and sixteen times 50.
    near(market.mae_eur_mwh, 1_690.0 / 24.0);
    assert!(market.spearman.is_some());
}

#[tokio::test]
async fn on_the_tariff_every_franc_is_right_to_the_last_digit() {
    let test = wednesday().await;
    put_tariff(&test, "ekz:400D", |hour| match hour {
        3 => 0.10,
        4 | 5 => 0.15,
        12..=14 => 0.08,
        18..=20 => 0.30,
        _ => 0.20,
    })
    .await;
    put_tariff(&test, "ekz:400ST", |hour| if (6..22).contains(&hour) { 0.25 } else { 0.22 }).await;
    let value = test.services.values.value(&asked()).await.unwrap();
    let tariff = value.tariff.unwrap();
    assert_eq!(value.tariff_missing, None);
    assert_eq!(
        (tariff.tariff.as_str(), tariff.standard.unwrap().as_str()),
        ("ekz:400D", "ekz:400ST")
    );
    assert_eq!(
        (tariff.n_days, tariff.days_without_forecast, tariff.days_without_prices),
        (1, 1, 0)
    );
    // 2 kW with 8.1 % VAT: 2 · (0.10 + 0.15 + 0.15) · 1.081, 2 · 3 · 0.08 · 1.081 and so on.
    assert_eq!((tariff.followed_chf, tariff.perfect_chf), (0.8648, 0.51888));
    assert_eq!((tariff.usual_chf, tariff.saved_vs_usual_chf), (1.9458, 1.081));
    assert_eq!(tariff.standard_chf, Some(1.6215));
    assert_eq!(tariff.standard_best_chf, Some(1.42692));
    assert_eq!(tariff.saved_vs_standard_chf, Some(0.7567));
    near(tariff.missed_chf, 0.34592);
    // In from 3 to 5 for 0.5405, out from 20 to 22 for 1.081; at best 4 · (0.30 − 0.08) · 1.081.
    assert_eq!((tariff.battery_chf, tariff.battery_perfect_chf), (0.5405, 0.95128));
    near(tariff.mae_eur_mwh, 1_690.0 / 24.0);
    let day = &tariff.days[0];
    assert_eq!(
        (day.start, day.best_start),
        (utc("2026-01-14T02:00:00Z"), utc("2026-01-14T11:00:00Z"))
    );
    assert_eq!((day.followed_chf, day.is_stand_in), (0.8648, false));
    assert_eq!((value.device.energy_kwh, value.device.usual_start.as_str()), (6.0, "18:00"));

    // Another device: 1.5 kW for an hour, at noon by habit: the forecast says 3, when it is 0.10.
    let noon = NaiveTime::from_hms_opt(12, 0, 0).unwrap();
    let device = Device { power_w: 1_500, hours: 1, usual_start: noon };
    let value = test.services.values.value(&Asked { device, ..asked() }).await.unwrap();
    let tariff = value.tariff.unwrap();
    assert_eq!((tariff.followed_chf, tariff.usual_chf), (0.16215, 0.12972));
    // Following may cost more, and then says so.
    near(tariff.saved_vs_usual_chf, -0.03243);
}

#[tokio::test]
async fn without_a_standard_tariff_the_rest_is_told_and_without_any_what_to_set() {
    let test = wednesday().await;
    let value = test.services.values.value(&asked()).await.unwrap();
    assert_eq!(value.tariff, None);
    let why = value.tariff_missing.unwrap();
    assert!(why.contains("tariffs.active = [\"ekz:400D\", \"ekz:400ST\"]"), "{why}");

    put_tariff(&test, "ekz:400D", |_| 0.2).await;
    let value = test.services.values.value(&asked()).await.unwrap();
    let tariff = value.tariff.unwrap();
    assert_eq!(
        (tariff.standard, tariff.standard_chf, tariff.saved_vs_standard_chf),
        (None, None, None)
    );
    // Flat: nothing to win, nothing to lose, and the battery rests.
    assert_eq!((tariff.followed_chf, tariff.missed_chf), (1.2972, 0.0));
    near(tariff.battery_perfect_chf, 0.0);
    let one_day = Asked { days: 1, ..asked() };
    let value = test.services.values.value(&one_day).await.unwrap();
    assert_eq!((value.tariff, value.by_lead.len()), (None, 0));
    assert!(value.tariff_missing.is_some());
    let unknown = Asked { tariff: Some(TariffId::parse("ekz:400X").unwrap()), ..asked() };
    assert!(test.services.values.value(&unknown).await.is_err());
}
