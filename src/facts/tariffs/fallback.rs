//! The standard tariff of a day whose own prices were not published before it began.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Utc, Weekday};
use chrono_tz::Tz;

use super::compose::compose;
use super::model::{FALLBACK, SLOT_S, TariffId, TariffPrice};
use crate::base::timeline::{day_range, local_date};
use crate::facts::market::Quality;

/// Days before a day in which a day like it is looked for.
pub(super) const LOOK_BACK_DAYS: i64 = 35;

/// The quarter hours of `day` that have no total in `prices`.
pub(super) fn missing(day: NaiveDate, zone: Tz, prices: &[TariffPrice]) -> Vec<DateTime<Utc>> {
    let known: Vec<DateTime<Utc>> = compose(prices, 0.0)
        .into_iter()
        .filter_map(|slot| slot.total_excl_vat_chf_kwh.map(|_| slot.ts))
        .collect();
    day_range(day, zone).slots(SLOT_S).filter(|ts| known.binary_search(ts).is_err()).collect()
}

/// What the `standard` tariff asks for the quarter hours `wanted` of `day`, as known at its midnight.
///
/// Its own prices of the day where they are stored. Else those of the newest complete day before that
/// is like it: of the same year, since tariffs are set by the year, and a working day, a Saturday or a
/// Sunday as it is. They are taken by the time on the clock, so that a day of 23 or 25 hours gets the
/// prices of the hours it has. Empty when there is neither.
pub(super) fn stand_in(
    (day, zone): (NaiveDate, Tz),
    wanted: &[DateTime<Utc>],
    (standard, stored): (&TariffId, &[TariffPrice]),
) -> Vec<TariffPrice> {
    let mut days: BTreeMap<NaiveDate, Vec<TariffPrice>> = BTreeMap::new();
    for price in stored {
        days.entry(local_date(price.ts, zone)).or_default().push(price.clone());
    }
    let is_complete = |of: NaiveDate, prices: &[TariffPrice]| missing(of, zone, prices).is_empty();
    let own = days.get(&day).filter(|prices| is_complete(day, prices));
    let (prices, source) = if let Some(own) = own {
        (own, format!("{FALLBACK}{standard}"))
    } else {
        // A day of 24 hours has every time on the clock once.
        let like = |other: &NaiveDate| {
            *other < day
                && other.year() == day.year()
                && class(*other) == class(day)
                && day_range(*other, zone).slots(SLOT_S).count() == 96
        };
        let mut earlier = days.iter().rev().filter(|(other, _)| like(other));
        let found = earlier.find(|(other, prices)| is_complete(**other, prices));
        let Some((other, prices)) = found else { return Vec::new() };
        (prices, format!("{FALLBACK}{standard} as on {other}"))
    };
    let mut by_time: BTreeMap<(NaiveTime, i32), Vec<&TariffPrice>> = BTreeMap::new();
    let is_own = own.is_some();
    // Its own prices are taken by the instant, which tells the two hours of autumn apart.
    let key = |ts: DateTime<Utc>| {
        let local = ts.with_timezone(&zone).naive_local();
        let offset = (local - ts.naive_utc()).num_seconds();
        (local.time(), if is_own { i32::try_from(offset).unwrap_or_default() } else { 0 })
    };
    for price in prices {
        by_time.entry(key(price.ts)).or_default().push(price);
    }
    let midnight = day_range(day, zone).from;
    let of_slot = |ts: &DateTime<Utc>| {
        let found = by_time.get(&key(*ts)).map_or(&[][..], Vec::as_slice);
        let put = |price: &&TariffPrice| TariffPrice {
            ts: *ts,
            quality: Quality::Estimated,
            known_at: midnight,
            known_at_assumed: true,
            source: source.clone(),
            is_in_time: false,
            ..TariffPrice::clone(price)
        };
        found.iter().map(put).collect::<Vec<_>>()
    };
    wanted.iter().flat_map(of_slot).collect()
}

/// Days that are billed alike.
fn class(day: NaiveDate) -> u8 {
    match day.weekday() {
        Weekday::Sat => 1,
        Weekday::Sun => 2,
        _ => 0,
    }
}
