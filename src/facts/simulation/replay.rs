//! A file of prices played over and over as the simulated market.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;

use super::prices::SimulatedPrice;
use crate::base::ids::Product;
use crate::base::timeline::{add_days, days_range, local_date};

/// Days after which weekdays and seasons fall together again, nearly: 52 weeks.
const YEAR_DAYS: i64 = 364;
/// How far back a price is looked for where the file has a hole.
const HOLE_MAX: Duration = Duration::days(8);

/// The prices of a file by the wall clock, to be played over and over.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Replay {
    by_wall_clock: BTreeMap<NaiveDateTime, f64>,
    first: NaiveDate,
    /// Days after which it begins again: whole years, else whole weeks, else what there is.
    length_days: i64,
}

impl Replay {
    /// A replay of prices, oldest first, by the clock of `zone`; none of fewer than one whole day.
    pub fn of(prices: impl Iterator<Item = (DateTime<Utc>, f64)>, zone: Tz) -> Option<Self> {
        let by_wall_clock: BTreeMap<NaiveDateTime, f64> =
            prices.map(|(ts, price)| (ts.with_timezone(&zone).naive_local(), price)).collect();
        let (start, _) = by_wall_clock.first_key_value()?;
        let (end, _) = by_wall_clock.last_key_value()?;
        // A day that begins late is not whole.
        let first = if start.time() <= NaiveTime::from_hms_opt(1, 0, 0)? {
            start.date()
        } else {
            add_days(start.date(), 1)
        };
        let days = (end.date() - first).num_days()
            + i64::from(end.time() >= NaiveTime::from_hms_opt(22, 0, 0)?);
        let length_days = match days {
            ..1 => return None,
            1..7 => days,
            7..YEAR_DAYS => days / 7 * 7,
            _ => days / YEAR_DAYS * YEAR_DAYS,
        };
        Some(Self { by_wall_clock, first, length_days })
    }

    /// Prices of the local days `first..=last`, as [`super::prices::simulate_prices`] makes them:
    /// the file's price of the same wall-clock time, on the same weekday where it is long enough.
    /// An hour is the mean of its quarter hours, a quarter hour has its hour's price.
    pub fn prices(
        &self,
        product: Product,
        first: NaiveDate,
        last: NaiveDate,
        zone: Tz,
    ) -> Vec<SimulatedPrice> {
        let interval_s = product.interval_s();
        let quarters = interval_s / 900;
        let price = |ts: DateTime<Utc>| {
            let parts: Vec<f64> = (0..quarters)
                .filter_map(|quarter| {
                    self.price(ts + Duration::seconds((quarter * 900).into()), zone)
                })
                .collect();
            if parts.is_empty() {
                return None;
            }
            let mean = parts.iter().sum::<f64>() / parts.len() as f64;
            Some(SimulatedPrice { ts, interval_s, price_eur_mwh: (mean * 100.0).round() / 100.0 })
        };
        days_range(first, last, zone).slots(interval_s).filter_map(price).collect()
    }

    /// The file's price at the wall-clock time of `ts`, or the one before it.
    fn price(&self, ts: DateTime<Utc>, zone: Tz) -> Option<f64> {
        let date = local_date(ts, zone);
        // The file's weekdays meet the calendar's: both begin on the same one, whole weeks apart.
        let days = (date - self.first).num_days().rem_euclid(self.length_days);
        let wall = add_days(self.first, days).and_time(ts.with_timezone(&zone).time());
        let (at, price) = self.by_wall_clock.range(..=wall).next_back()?;
        (wall - *at <= HOLE_MAX).then_some(*price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::timeline::day_range;

    const ZONE: Tz = Tz::Europe__Zurich;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// Hours of the days from the first on, priced as day * 100 + hour of the wall clock.
    fn file(first: &str, days: i64) -> Replay {
        let first = day(first);
        let range = days_range(first, add_days(first, days - 1), ZONE);
        let price = |ts: DateTime<Utc>| {
            let local = ts.with_timezone(&ZONE).naive_local();
            let hour = f64::from(chrono::Timelike::hour(&local));
            (ts, (local.date() - first).num_days() as f64 * 100.0 + hour)
        };
        Replay::of(range.slots(3_600).map(price), ZONE).unwrap()
    }

    #[test]
    fn ten_days_are_played_by_the_week() {
        let replay = file("2025-06-02", 10);
        // A Monday eight weeks later is the file's first Monday, its Sunday the seventh day.
        let monday = replay.prices(Product::DayAhead, day("2025-07-28"), day("2025-07-28"), ZONE);
        assert_eq!(
            monday.iter().map(|p| p.price_eur_mwh).collect::<Vec<_>>(),
            (0..24).map(f64::from).collect::<Vec<_>>()
        );
        let sunday = replay.prices(Product::DayAhead, day("2025-05-25"), day("2025-05-25"), ZONE);
        assert!((sunday[3].price_eur_mwh - 603.0).abs() < 1e-9, "{:?}", sunday[3]);
    }

    #[test]
    fn both_days_of_the_clock_change_are_whole() {
        let replay = file("2025-06-02", 400);
        for (date, hours) in [("2026-03-29", 23), ("2026-10-25", 25)] {
            let prices = replay.prices(Product::DayAhead15min, day(date), day(date), ZONE);
            assert_eq!(prices.len(), hours * 4);
            assert_eq!(prices[0].ts, day_range(day(date), ZONE).from);
            // Four quarter hours have their hour's price.
            assert!(prices.chunks(4).all(|hour| {
                hour.iter().all(|p| (p.price_eur_mwh - hour[0].price_eur_mwh).abs() < 1e-9)
            }));
        }
        // 364 days later it begins again, on the same weekday.
        let at =
            |date| replay.prices(Product::DayAhead, day(date), day(date), ZONE)[5].price_eur_mwh;
        assert!((at("2025-06-03") - at("2026-06-02")).abs() < 1e-9);
    }

    #[test]
    fn less_than_a_day_is_nothing_to_play() {
        let start: DateTime<Utc> = "2025-06-02T10:00:00Z".parse().unwrap();
        let hours = (0..12).map(|hour| (start + Duration::hours(hour), 1.0));
        assert_eq!(Replay::of(hours, ZONE), None);
        assert_eq!(Replay::of(std::iter::empty(), ZONE), None);
    }
}
