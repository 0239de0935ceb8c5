//! What it is worth to follow a forecast: choose by what was expected, settle at what came.
//!
//! A flexible load runs in one piece at the time that the forecast calls cheapest; a battery is charged
//! once and discharged once after that, where the forecast sees the greatest difference. Both are then
//! settled at prices that came, next to the choice of somebody who had known them. Capture is
//! (mean − paid) / (mean − cheapest), regret is paid − cheapest. No losses: prices alone are compared.

use std::collections::BTreeMap;

use super::windows::{Slot, Wanted, cheapest};

/// Differences smaller than this are none, EUR/MWh or CHF/kWh: sums in another order differ by less.
const TIE: f64 = 1e-9;
/// Watt seconds in a kilowatt hour.
const WS_PER_KWH: i128 = 3_600_000;

/// A flexible load of one day, chosen by a forecast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Followed {
    /// When it was started.
    pub start_s: i64,
    /// When it should have been.
    pub best_start_s: i64,
    /// Mean price that was paid.
    pub paid: f64,
    /// Mean price of the cheapest time.
    pub cheapest: f64,
    /// Mean price of all of the day.
    pub day_mean: f64,
}

impl Followed {
    /// What was paid beyond the cheapest.
    pub fn regret(&self) -> f64 {
        (self.paid - self.cheapest).max(0.0)
    }

    /// Whether nothing cheaper was there.
    pub fn is_best(&self) -> bool {
        self.paid - self.cheapest < TIE
    }
}

/// A battery's cycle of one day: price difference between discharge and charge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cycle {
    /// When it is charged.
    pub in_s: i64,
    /// When it is discharged.
    pub out_s: i64,
    /// Mean price of the discharge less that of the charge.
    pub spread: f64,
}

/// A price in millionths of a franc per kilowatt hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    /// Beginning, seconds since 1970 in UTC.
    pub start_s: i64,
    /// Length in seconds.
    pub interval_s: i32,
    /// Millionths of CHF/kWh.
    pub micros_kwh: i64,
}

/// Runs a load of `duration_s` at the cheapest time of `expected`, settled at `actual`, which cover the
/// same day. `None` when no such time fits or `actual` has a gap in it.
pub fn follow(expected: &[Slot], actual: &[Slot], duration_s: i64) -> Option<Followed> {
    let start_s = cheapest_start(expected, duration_s)?;
    let best_start_s = cheapest_start(actual, duration_s)?;
    let last = actual.last()?;
    Some(Followed {
        start_s,
        best_start_s,
        paid: mean(actual, start_s, duration_s)?,
        cheapest: mean(actual, best_start_s, duration_s)?,
        day_mean: mean(actual, actual[0].start_s, end(last) - actual[0].start_s)?,
    })
}

/// Start of the cheapest time of `duration_s` in one piece; of equal ones the earliest.
pub fn cheapest_start(slots: &[Slot], duration_s: i64) -> Option<i64> {
    let wanted =
        Wanted { duration_s, earliest_s: None, deadline_s: None, contiguous: true, count: 1 };
    Some(cheapest(slots, &wanted).ok()?.first()?.start_s)
}

/// The cycle with the greatest difference: `hold_s` of charge in one piece, as long a discharge in one
/// piece behind it. `None` when no difference is above zero: then the battery rests.
pub fn best_cycle(slots: &[Slot], hold_s: i64) -> Option<Cycle> {
    let starts: Vec<(i64, f64)> = slots
        .iter()
        .filter_map(|slot| Some((slot.start_s, mean(slots, slot.start_s, hold_s)?)))
        .collect();
    let mut best: Option<Cycle> = None;
    let (mut next, mut lowest) = (0, None::<(i64, f64)>);
    for (out_s, price) in &starts {
        while next < starts.len() && starts[next].0 + hold_s <= *out_s {
            if lowest.is_none_or(|(_, low)| starts[next].1 < low - TIE) {
                lowest = Some(starts[next]);
            }
            next += 1;
        }
        let Some((in_s, low)) = lowest else { continue };
        let spread = price - low;
        if spread > best.map_or(0.0, |cycle| cycle.spread) + TIE {
            best = Some(Cycle { in_s, out_s: *out_s, spread });
        }
    }
    best
}

/// The difference that a cycle made at other prices.
pub fn settled(cycle: Cycle, slots: &[Slot], hold_s: i64) -> Option<f64> {
    Some(mean(slots, cycle.out_s, hold_s)? - mean(slots, cycle.in_s, hold_s)?)
}

/// Time-weighted mean price over `duration_s` from `from_s` on; `None` when `slots` do not cover it.
pub fn mean(slots: &[Slot], from_s: i64, duration_s: i64) -> Option<f64> {
    let to_s = from_s + duration_s;
    let (mut sum, mut covered) = (0.0, 0);
    for slot in slots {
        let used = end(slot).min(to_s) - slot.start_s.max(from_s);
        if used > 0 {
            sum += slot.price_eur_mwh * used as f64;
            covered += used;
        }
    }
    (covered == duration_s && duration_s > 0).then(|| sum / duration_s as f64)
}

/// What `power_w` costs over `duration_s` from `from_s` on, in millionths of a franc, rounded once and
/// half away from zero; `None` when `slots` do not cover it.
pub fn cost_micros(slots: &[Money], from_s: i64, duration_s: i64, power_w: i64) -> Option<i64> {
    let to_s = from_s + duration_s;
    let (mut sum, mut covered) = (0_i128, 0);
    for slot in slots {
        let slot_end = slot.start_s + i64::from(slot.interval_s);
        let used = slot_end.min(to_s) - slot.start_s.max(from_s);
        if used > 0 {
            sum += i128::from(slot.micros_kwh) * i128::from(used) * i128::from(power_w);
            covered += used;
        }
    }
    let half = if sum < 0 { -WS_PER_KWH / 2 } else { WS_PER_KWH / 2 };
    let rounded = i64::try_from((sum + half) / WS_PER_KWH).ok()?;
    (covered == duration_s && duration_s > 0).then_some(rounded)
}

/// Spearman's correlation of ranks, equal values sharing their mean rank; `None` for fewer than two
/// pairs or when one side does not vary.
pub fn spearman(first: &[f64], second: &[f64]) -> Option<f64> {
    if first.len() != second.len() || first.len() < 2 {
        return None;
    }
    let (first, second) = (ranks(first), ranks(second));
    let middle = f64::midpoint(1.0, first.len() as f64);
    let (mut both, mut one, mut other) = (0.0, 0.0, 0.0);
    for (a, b) in first.iter().zip(&second) {
        both += (a - middle) * (b - middle);
        one += (a - middle).powi(2);
        other += (b - middle).powi(2);
    }
    (one > 0.0 && other > 0.0).then(|| both / (one * other).sqrt())
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut places: Vec<usize> = (0..values.len()).collect();
    places.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks: BTreeMap<usize, f64> = BTreeMap::new();
    let mut at = 0;
    while at < places.len() {
        let equal = places[at..].iter().take_while(|place| {
            values[**place].total_cmp(&values[places[at]]) == std::cmp::Ordering::Equal
        });
        let count = equal.count();
        // Ranks at + 1 … at + count share their mean.
        let rank = at as f64 + f64::midpoint(1.0, count as f64);
        ranks.extend(places[at..at + count].iter().map(|place| (*place, rank)));
        at += count;
    }
    ranks.into_values().collect()
}

fn end(slot: &Slot) -> i64 {
    slot.start_s + i64::from(slot.interval_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(prices: &[f64]) -> Vec<Slot> {
        let slot = |(hour, price): (usize, &f64)| Slot {
            start_s: 3_600 * i64::try_from(hour).unwrap(),
            interval_s: 3_600,
            price_eur_mwh: *price,
        };
        prices.iter().enumerate().map(slot).collect()
    }

    #[test]
    fn a_load_pays_what_came_at_the_time_the_forecast_chose() {
        // Forecast: cheapest two hours are 2 and 3. Actual: 20 and 40 there, but 10 and 20 at 1 and 2.
        let expected = hours(&[50.0, 40.0, 10.0, 10.0, 60.0]);
        let actual = hours(&[60.0, 10.0, 20.0, 40.0, 70.0]);
        let followed = follow(&expected, &actual, 7_200).unwrap();
        assert_eq!((followed.start_s, followed.best_start_s), (7_200, 3_600));
        assert_eq!((followed.paid, followed.cheapest, followed.day_mean), (30.0, 15.0, 40.0));
        assert_eq!((followed.regret(), followed.is_best()), (15.0, false));
        let known = follow(&actual, &actual, 7_200).unwrap();
        assert_eq!((known.regret(), known.is_best()), (0.0, true));
        assert_eq!(follow(&expected[..1], &actual, 7_200), None);
        let gap = [actual[0], actual[1], actual[3], actual[4]];
        assert_eq!(follow(&expected, &gap, 7_200), None);
    }

    #[test]
    fn a_battery_charges_before_it_discharges_or_rests() {
        // One hour each way: in at 20 (hour 1), out at 90 (hour 3); the 5 of hour 4 comes too late.
        let slots = hours(&[30.0, 20.0, 40.0, 90.0, 5.0]);
        let cycle = best_cycle(&slots, 3_600).unwrap();
        assert_eq!(cycle, Cycle { in_s: 3_600, out_s: 10_800, spread: 70.0 });
        // Two hours each way: in at (30 + 20) / 2 = 25, out at (40 + 90) / 2 = 65; later only at 47.5.
        let cycle = best_cycle(&slots, 7_200).unwrap();
        assert_eq!(cycle, Cycle { in_s: 0, out_s: 7_200, spread: 40.0 });
        // At other prices: (10 + 30) / 2 − (40 + 20) / 2 = −10.
        let other = hours(&[40.0, 20.0, 10.0, 30.0, 0.0]);
        assert_eq!(settled(cycle, &other, 7_200), Some(-10.0));
        assert_eq!(best_cycle(&hours(&[50.0, 40.0, 30.0, 20.0]), 3_600), None);
        assert_eq!(best_cycle(&hours(&[50.0]), 3_600), None);
    }

    #[test]
    fn money_is_rounded_once_and_half_away_from_zero() {
        let quarter = |at: i64, micros_kwh: i64| Money { start_s: 900 * at, interval_s: 900, micros_kwh };
        // 2 kW over 30 minutes: 0.5 kWh at 0.250001 and 0.5 kWh at 0.2 are 0.2250005, so 0.225001.
        let slots = [quarter(0, 250_001), quarter(1, 200_000)];
        assert_eq!(cost_micros(&slots, 0, 1_800, 2_000), Some(225_001));
        let below = slots.map(|slot| Money { micros_kwh: -slot.micros_kwh, ..slot });
        assert_eq!(cost_micros(&below, 0, 1_800, 2_000), Some(-225_001));
        // The last five minutes of the first and the first ten of the second: (1/6 + 1/3) kWh.
        let third = [quarter(0, 300_000), quarter(1, 600_000)];
        assert_eq!(cost_micros(&third, 600, 900, 2_000), Some(250_000));
        assert_eq!(cost_micros(&slots, 900, 1_800, 2_000), None);
    }

    #[test]
    fn ranks_decide_and_ties_share_theirs() {
        let rho = |a: &[f64], b: &[f64]| spearman(a, b);
        assert_eq!(rho(&[1.0, 2.0, 3.0], &[10.0, 500.0, 501.0]), Some(1.0));
        assert_eq!(rho(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), Some(-1.0));
        // Ranks 1 2 3 4 against 1.5 1.5 3 4: covariance 4.5, variances 5 and 4.5.
        let tied = rho(&[1.0, 2.0, 3.0, 4.0], &[7.0, 7.0, 8.0, 9.0]).unwrap();
        assert!((tied - 4.5 / 22.5_f64.sqrt()).abs() < 1e-12, "{tied}");
        assert_eq!(rho(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(rho(&[1.0], &[1.0]), None);
    }
}
