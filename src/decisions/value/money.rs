//! Days on a tariff in whole millionths of a franc, so that days add up to their sum.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::market::Day;
use super::model::{BATTERY_S, Device, TariffDay};
use crate::algorithms::planning::following::{Money, best_cycle, cheapest_start, cost_micros};
use crate::algorithms::planning::windows::Slot;
use crate::base::timeline::TimeRange;
use crate::base::timeline::at_local;
use crate::base::timeline::day_range;
use crate::facts::tariffs::TariffSlot;

/// Millionths in one.
const MICROS: f64 = 1_000_000.0;
/// Beginning of the source of prices that stand in for those that were not published.
const STAND_IN: &str = "fallback:";

/// What a day cost, in millionths of a franc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Costs {
    pub start_s: i64,
    pub best_start_s: i64,
    pub followed: i64,
    pub perfect: i64,
    pub usual: i64,
    /// At the usual start and at its own cheapest time.
    pub standard: Option<(i64, i64)>,
    pub battery: i64,
    pub battery_perfect: i64,
    pub is_stand_in: bool,
}

/// Prices of one tariff over one local day.
pub(super) struct Prices {
    money: Vec<Money>,
    is_stand_in: bool,
}

impl Prices {
    /// The prices of `range` with VAT; absent when a quarter hour has none.
    pub fn of(slots: &[TariffSlot], range: TimeRange) -> Option<Self> {
        let first = slots.partition_point(|slot| slot.ts < range.from);
        let of_day = slots[first..].iter().take_while(|slot| slot.ts < range.to);
        let mut money = Vec::with_capacity(100);
        let (mut is_stand_in, mut next) = (false, range.from);
        for slot in of_day {
            if slot.ts != next {
                return None;
            }
            next += chrono::Duration::seconds(slot.interval_s.into());
            is_stand_in |= slot.source.starts_with(STAND_IN);
            money.push(Money {
                start_s: slot.ts.timestamp(),
                interval_s: slot.interval_s,
                micros_kwh: micros(slot.total_incl_vat_chf_kwh?),
            });
        }
        (next == range.to).then_some(Self { money, is_stand_in })
    }

    /// The prices as the planner's slots; only their order and differences matter there.
    fn slots(&self) -> Vec<Slot> {
        let slot = |money: &Money| Slot {
            start_s: money.start_s,
            interval_s: money.interval_s,
            price_eur_mwh: money.micros_kwh as f64,
        };
        self.money.iter().map(slot).collect()
    }

    fn cost(&self, from_s: i64, duration_s: i64, power_w: i64) -> Option<i64> {
        cost_micros(&self.money, from_s, duration_s, power_w)
    }

    /// What a cycle that begins and ends then gains.
    fn gain(&self, (in_s, out_s): (i64, i64), power_w: i64) -> Option<i64> {
        Some(self.cost(out_s, BATTERY_S, power_w)? - self.cost(in_s, BATTERY_S, power_w)?)
    }
}

/// What `device` cost on `day`; absent when it does not fit into it.
pub(super) fn costs(
    day: &Day,
    dynamic: &Prices,
    standard: Option<&Prices>,
    device: &Device,
    zone: Tz,
) -> Option<Costs> {
    let (duration_s, power_w) = (device.duration_s(), device.power_w);
    let slots = dynamic.slots();
    let start_s = cheapest_start(&day.expected, duration_s)?;
    let best_start_s = cheapest_start(&slots, duration_s)?;
    let usual_s = at_local(day.date, device.usual_start, zone).timestamp();
    let standard = match standard {
        Some(prices) => {
            let own_s = cheapest_start(&prices.slots(), duration_s)?;
            let at_usual = prices.cost(usual_s, duration_s, power_w)?;
            Some((at_usual, prices.cost(own_s, duration_s, power_w)?))
        }
        None => None,
    };
    let gain = |slots: &[Slot]| {
        let cycle = best_cycle(slots, BATTERY_S);
        cycle.map_or(Some(0), |cycle| dynamic.gain((cycle.in_s, cycle.out_s), power_w))
    };
    Some(Costs {
        start_s,
        best_start_s,
        followed: dynamic.cost(start_s, duration_s, power_w)?,
        perfect: dynamic.cost(best_start_s, duration_s, power_w)?,
        usual: dynamic.cost(usual_s, duration_s, power_w)?,
        standard,
        battery: gain(&day.expected)?,
        battery_perfect: gain(&slots)?,
        is_stand_in: dynamic.is_stand_in,
    })
}

/// The prices of the local day of `day`.
pub(super) fn of_day(slots: &[TariffSlot], day: &Day, zone: Tz) -> Option<Prices> {
    Prices::of(slots, day_range(day.date, zone))
}

/// A day as it is answered.
pub(super) fn view(day: &Day, costs: &Costs) -> TariffDay {
    TariffDay {
        day: day.date,
        start: instant(costs.start_s),
        best_start: instant(costs.best_start_s),
        followed_chf: francs(costs.followed),
        perfect_chf: francs(costs.perfect),
        usual_chf: francs(costs.usual),
        standard_chf: costs.standard.map(|(usual, _)| francs(usual)),
        standard_best_chf: costs.standard.map(|(_, best)| francs(best)),
        battery_chf: francs(costs.battery),
        battery_perfect_chf: francs(costs.battery_perfect),
        is_stand_in: costs.is_stand_in,
    }
}

/// Millionths as francs: the nearest number to a decimal with six places.
pub(super) fn francs(micros: i64) -> f64 {
    micros as f64 / MICROS
}

#[expect(clippy::cast_possible_truncation, reason = "prices are bounded by ten francs")]
fn micros(francs: f64) -> i64 {
    (francs * MICROS).round() as i64
}

fn instant(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}
