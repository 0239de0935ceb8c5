//! Windows over made-up outlooks, with savings worked out by hand, and over stored prices.

use chrono::{DateTime, Duration, Utc};

use super::model::{IsoDuration, WindowQuery};
use super::service::{WindowsError, find, suggest};
use super::*;
use crate::algorithms::planning::windows::Wanted;
use crate::base::ids::Product;
use crate::facts::market::Quality;
use crate::testing::{TestServices, ch, lively, utc};

/// Hourly slots from `from` on; those behind `published` hours are forecast.
fn outlook(from: &str, published: usize, prices: &[f64]) -> Outlook {
    let slot = |(index, price): (usize, &f64)| OutlookSlot {
        ts: utc(from) + Duration::hours(i64::try_from(index).unwrap()),
        interval_s: 3_600,
        price_eur_mwh: Some(*price),
        provenance: if index < published { Provenance::Published } else { Provenance::Forecast },
        quantiles_eur_mwh: None,
        quality: Quality::Ok,
    };
    Outlook {
        market: ch(),
        product: Product::DayAhead,
        slots: prices.iter().enumerate().map(slot).collect(),
        published_until: None,
        prices_known_at: None,
        source: None,
        sources: Vec::new(),
        forecast: None,
    }
}

fn wanted(hours: i64, now: DateTime<Utc>) -> Wanted {
    Wanted {
        duration_s: 3_600 * hours,
        earliest_s: Some(now.timestamp()),
        deadline_s: None,
        contiguous: true,
        count: 1,
    }
}

fn close(found: Option<f64>, wanted: f64) {
    assert!(found.is_some_and(|found| (found - wanted).abs() < 1e-9), "{found:?}, not {wanted}");
}

/// The local day 2026-03-28 (24 hours from 23:00 UTC on): 50, but 20 from 12:00 to 14:00 and 110 at 18:00.
fn day() -> Vec<f64> {
    let mut prices = vec![50.0; 24];
    (prices[12], prices[13], prices[18]) = (20.0, 20.0, 110.0);
    prices
}

#[test]
fn savings_are_against_starting_now_and_against_the_mean_of_the_day() {
    // Half past five in the evening: the next two hours cost 50 for half an hour, 110 for an hour,
    // 50 for half an hour.
    let (outlook, now) = (
        outlook("2026-03-27T23:00:00Z", 48, &[day(), day()].concat()),
        utc("2026-03-28T16:30:00Z"),
    );
    let found = &find(&outlook, &wanted(2, now), now, Some(12.0)).unwrap()[0];
    // Tomorrow has 23 hours, so what lies 12 hours behind its midnight is one o'clock.
    assert_eq!(found.from, utc("2026-03-29T11:00:00Z"));
    assert_eq!(found.to, utc("2026-03-29T13:00:00Z"));
    close(Some(found.mean_price_eur_mwh), 20.0);
    close(found.saving_vs_now_eur_mwh, 80.0 - 20.0);
    // 24 slots of 1200 EUR/MWh·h in all begin at midnight, but the day ends after 23 of them.
    let day_mean = (24.0 * 50.0 - 2.0 * 30.0 + 60.0 - 50.0) / 23.0;
    close(found.saving_vs_day_mean_eur_mwh, day_mean - 20.0);
    close(found.vs_day_mean_percent, 100.0 * (20.0 - day_mean) / day_mean);
    // 12 kWh at 60 EUR/MWh.
    close(found.saving_vs_now_eur, 0.72);
    close(found.saving_vs_day_mean_eur, (day_mean - 20.0) * 0.012);
    let unasked = &find(&outlook, &wanted(2, now), now, None).unwrap()[0];
    assert_eq!((unasked.saving_vs_now_eur, unasked.saving_vs_day_mean_eur), (None, None));
}

#[test]
fn a_day_whose_mean_is_not_positive_has_no_percentage() {
    let (outlook, now) =
        (outlook("2026-03-27T23:00:00Z", 24, &[-10.0; 24]), utc("2026-03-27T23:00:00Z"));
    let found = &find(&outlook, &wanted(1, now), now, None).unwrap()[0];
    assert_eq!(found.vs_day_mean_percent, None);
    close(found.saving_vs_day_mean_eur_mwh, 0.0);
    close(found.saving_vs_now_eur_mwh, 0.0);
}

#[test]
fn windows_say_what_they_rest_on() {
    let prices = [9.0, 1.0, 2.0, 3.0, 4.0, 9.0];
    let now = utc("2026-03-28T00:00:00Z");
    for (published, provenance) in
        [(6, Provenance::Published), (3, Provenance::Mixed), (1, Provenance::Forecast)]
    {
        let outlook = outlook("2026-03-28T00:00:00Z", published, &prices);
        let found = &find(&outlook, &wanted(4, now), now, None).unwrap()[0];
        assert_eq!((found.from, found.provenance), (now + Duration::hours(1), provenance));
    }
}

#[test]
fn earliest_start_deadline_and_gaps_are_kept() {
    let mut outlook = outlook("2026-03-28T00:00:00Z", 6, &[1.0, 9.0, 8.0, 2.0, 9.0, 1.0]);
    let now = utc("2026-03-28T00:30:00Z");
    let deadline =
        |hours: i64| Some((utc("2026-03-28T00:00:00Z") + Duration::hours(hours)).timestamp());
    let first = |outlook: &Outlook, wanted: &Wanted| {
        find(outlook, wanted, now, None).map(|found| found[0].from)
    };
    let before_five = Wanted { deadline_s: deadline(5), ..wanted(1, now) };
    assert_eq!(first(&outlook, &before_five).unwrap(), utc("2026-03-28T03:00:00Z"));
    assert_eq!(first(&outlook, &wanted(1, now)).unwrap(), utc("2026-03-28T05:00:00Z"));
    let too_soon = Wanted { deadline_s: deadline(1), ..wanted(1, now) };
    assert!(matches!(first(&outlook, &too_soon), Err(WindowsError::NoAnswer(_))));
    // A published hour without a value is a gap.
    outlook.slots[3].price_eur_mwh = None;
    let three = Wanted { deadline_s: deadline(6), ..wanted(3, now) };
    assert!(matches!(first(&outlook, &three), Err(WindowsError::NoAnswer(_))));
    let later = utc("2026-03-28T06:00:00Z");
    assert!(matches!(
        find(&outlook, &wanted(1, later), later, None),
        Err(WindowsError::NoPrices { .. })
    ));
}

#[test]
fn scattered_windows_list_their_blocks() {
    let outlook = outlook("2026-03-28T00:00:00Z", 6, &[5.0, 9.0, 1.0, 9.0, 2.0, 9.0]);
    let now = utc("2026-03-28T00:00:00Z");
    let scattered = Wanted { contiguous: false, ..wanted(3, now) };
    let found = &find(&outlook, &scattered, now, None).unwrap()[0];
    let starts: Vec<_> = found.blocks.iter().map(|block| (block.from - now).num_hours()).collect();
    assert_eq!(starts, [0, 2, 4]);
    close(Some(found.mean_price_eur_mwh), 8.0 / 3.0);
}

#[test]
fn the_doubled_hour_counts_twice_in_the_mean_of_its_day() {
    // 2026-10-25 begins at 22:00 UTC and has 25 hours; its second 02:00 costs 75 more than all others.
    let mut prices = vec![50.0; 25];
    prices[3] = 125.0;
    let (outlook, now) =
        (outlook("2026-10-24T22:00:00Z", 25, &prices), utc("2026-10-25T08:00:00Z"));
    let found = &find(&outlook, &wanted(2, now), now, None).unwrap()[0];
    close(found.saving_vs_day_mean_eur_mwh, 75.0 / 25.0);
}

/// An outlook from Monday 2026-06-01 on: `base` all day, `low` from 12:00 to 15:00 local.
fn week(days: &[(f64, f64)]) -> Outlook {
    let prices: Vec<f64> = days
        .iter()
        .flat_map(|(base, low)| {
            (0..24).map(move |h| if (12..15).contains(&h) { *low } else { *base })
        })
        .collect();
    outlook("2026-05-31T22:00:00Z", 48, &prices)
}

/// Days after Monday of the suggested windows.
fn suggested(outlook: &Outlook, now: &str) -> Vec<i64> {
    let now = utc(now);
    let windows = suggest(outlook, now);
    assert!(windows.iter().all(|window| window.to - window.from == Duration::hours(3)));
    assert!(windows.is_sorted_by_key(|window| window.from));
    windows.iter().map(|window| (window.from - utc("2026-05-31T22:00:00Z")).num_days()).collect()
}

#[test]
fn today_and_tomorrow_are_suggested_although_later_days_are_cheaper() {
    let days =
        [(100.0, 70.0), (100.0, 80.0), (60.0, 30.0), (60.0, 10.0), (60.0, 40.0), (60.0, 20.0)];
    assert_eq!(suggested(&week(&days), "2026-06-01T06:00:00Z"), [0, 1, 3, 5]);
    // In the evening nothing of today is cheap any more: its place goes to another day.
    assert_eq!(suggested(&week(&days), "2026-06-01T15:00:00Z"), [1, 2, 3, 5]);
}

#[test]
fn days_that_are_hardly_cheaper_than_their_mean_are_not_suggested() {
    // 3 of 24 hours at 94: the mean is 99.25 and the saving just above 5, but not a tenth of it.
    let flat = [(100.0, 94.0), (100.0, 80.0), (100.0, 98.0), (150.0, 150.0)];
    // Wednesday's lies below the mean of all that is ahead, Thursday's does not.
    assert_eq!(suggested(&week(&flat), "2026-06-01T06:00:00Z"), [1, 2]);
    // Cheap days: a tenth of 20 would be 2, but half a cent is not worth a thought.
    let cheap = [(20.0, 16.0), (20.0, 10.0)];
    assert_eq!(suggested(&week(&cheap), "2026-06-01T06:00:00Z"), [1]);
    let now = utc("2026-06-01T06:00:00Z");
    assert!(suggest(&outlook("2026-05-31T22:00:00Z", 0, &[]), now).is_empty());
}

#[test]
fn prices_below_zero_are_compared_by_their_size() {
    let negative = [(-10.0, -60.0), (-10.0, -12.0)];
    assert_eq!(suggested(&week(&negative), "2026-06-01T06:00:00Z"), [0]);
}

#[actix_web::test]
async fn stored_prices_and_the_forecast_behind_them_make_one_outlook() {
    let test = TestServices::at("2026-03-27T12:05:00Z").await;
    test.put(Product::DayAhead, ("2025-12-01", "2026-03-28"), |ts| Some(lively(ts))).await;
    let windows = &test.services.windows;
    let ask = |duration: &str, deadline: &str| WindowQuery {
        market: Some(ch()),
        duration: Some(IsoDuration::try_from(duration.to_owned()).unwrap()),
        earliest: Some(utc("2026-03-27T13:00:00Z")),
        deadline: Some(utc(deadline)),
        count: Some(1),
        ..WindowQuery::default()
    };
    let (outlook, found) = windows.cheapest(&ask("PT2H", "2026-03-28T22:00:00Z")).await.unwrap();
    assert_eq!(outlook.published_until, Some(utc("2026-03-28T23:00:00Z")));
    assert!(outlook.forecast.is_none());
    assert_eq!(found[0].provenance, Provenance::Published);
    // The same by looking at every start.
    let starts = (0..32).map(|hour| utc("2026-03-27T13:00:00Z") + Duration::hours(hour));
    let pair = |at: DateTime<Utc>| f64::midpoint(lively(at), lively(at + Duration::hours(1)));
    let best = starts.map(pair).fold(f64::INFINITY, f64::min);
    assert!((found[0].mean_price_eur_mwh - best).abs() < 1e-9);

    test.services.forecasts.issue(&ch(), Product::DayAhead).await.unwrap();
    let (outlook, found) = windows.cheapest(&ask("P3D", "2026-04-01T22:00:00Z")).await.unwrap();
    assert_eq!(found[0].provenance, Provenance::Mixed);
    // No gap and no overlap at the seam, over the day of 23 hours.
    let gapless =
        outlook.slots.windows(2).all(|pair| pair[1].ts - pair[0].ts == Duration::hours(1));
    assert!(gapless);
    let ahead = outlook.slots.iter().filter(|slot| slot.provenance == Provenance::Forecast);
    assert_eq!(ahead.count(), 23 + 6 * 24);
    assert!(!windows.suggestions(&outlook).is_empty());
}
