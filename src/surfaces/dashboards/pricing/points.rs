//! Slots made ready for every part of the page: one per instant, in order, finite, with a level.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};

use super::model::{PriceInput, Quality, Slot, SlotKind};
use super::money::Money;
use crate::surfaces::dashboards::format::{about, amount};
use crate::surfaces::dashboards::levels::Level;

/// A forecast older than this says too little to recommend anything by.
const FORECAST_TOO_OLD: Duration = Duration::hours(48);

/// One price that is there.
#[derive(Debug, Clone)]
pub struct Point {
    /// Start.
    pub from: DateTime<Utc>,
    /// End, exclusive.
    pub to: DateTime<Utc>,
    /// Price in EUR/MWh: what levels and advice go by, in whatever unit it is shown.
    pub price: f64,
    /// Price in the unit of the page.
    pub shown: f64,
    /// Against the mean of the last 7 days.
    pub level: Level,
    /// Known or guessed.
    pub kind: SlotKind,
    /// Quantiles of a forecast, ascending, in the unit of the page.
    pub quantiles: Option<[f64; 7]>,
    /// Mark of the value.
    pub quality: Quality,
}

impl Point {
    /// Whether it is a forecast.
    pub fn is_forecast(&self) -> bool {
        self.kind == SlotKind::Forecast
    }

    /// The price as people read it, with a `~` before a forecast.
    pub fn written(&self) -> String {
        let price = amount(self.shown);
        if self.is_forecast() { about(&price) } else { price }
    }

    /// Whether `at` lies inside.
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        self.from <= at && at < self.to
    }
}

/// What the data allow to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Situation {
    /// A published price covers the present.
    Published,
    /// Only a forecast covers the present.
    ForecastOnly,
    /// Only a forecast covers the present, and it is old.
    ForecastOld {
        /// How old.
        age: Duration,
    },
    /// Every value lies in the past; the last one ended here.
    Past {
        /// End of the last value.
        until: DateTime<Utc>,
    },
    /// There is no value at all.
    Empty,
}

impl Situation {
    /// Whether times may be recommended.
    pub const fn may_advise(self) -> bool {
        matches!(self, Self::Published | Self::ForecastOnly)
    }
}

/// The points of the page and what they are measured against.
#[derive(Debug, Clone)]
pub struct Points {
    /// Oldest first, never two at one start.
    pub all: Vec<Point>,
    /// Mean the levels compare with, in EUR/MWh.
    pub reference: f64,
    /// What prices are shown in.
    pub money: Money,
    /// What may be said.
    pub situation: Situation,
}

impl Points {
    /// Sorts, checks and levels the slots of `input`.
    pub fn new(input: &PriceInput, now: DateTime<Utc>) -> Self {
        let mut chosen: BTreeMap<DateTime<Utc>, (&Slot, f64)> = BTreeMap::new();
        for slot in input.slots.iter().filter(|slot| slot.interval_s > 0) {
            // A price that cannot be shown in the unit is none.
            let shown = |price: f64| price * input.money.factor(slot.ts);
            let Some(price) = slot.price_eur_mwh.filter(|price| shown(*price).is_finite()) else {
                continue;
            };
            let kept = chosen.entry(slot.ts).or_insert((slot, price));
            if kept.0.kind == SlotKind::Forecast && slot.kind == SlotKind::Published {
                *kept = (slot, price);
            }
        }
        let reference = input
            .reference_mean_eur_mwh
            .filter(|mean| mean.is_finite())
            .unwrap_or_else(|| mean(chosen.values().map(|(_, price)| *price)));
        let all: Vec<Point> =
            chosen.values().map(|(slot, price)| point(slot, *price, reference, input)).collect();
        let situation = match input.state.published_until {
            // The newest price may lie further back than the page reaches.
            Some(until) if all.is_empty() && until <= now => Situation::Past { until },
            _ => situation(&all, input.state.forecast_issued_at, now),
        };
        Self { all, reference, money: input.money.clone(), situation }
    }

    /// The point that covers `at`.
    pub fn at(&self, at: DateTime<Utc>) -> Option<&Point> {
        self.all.iter().find(|point| point.contains(at))
    }

    /// Points that touch `[from, to)`.
    pub fn within(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> impl Iterator<Item = &Point> + Clone {
        self.all.iter().filter(move |point| point.to > from && point.from < to)
    }

    /// Mean price of `[from, to)` in the unit of the page, weighted by time; `None` without any.
    pub fn mean_shown(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<f64> {
        let (mut cost, mut seconds) = (0.0, 0.0);
        for point in self.within(from, to) {
            let length_s = (point.to.min(to) - point.from.max(from)).num_seconds() as f64;
            cost += point.shown * length_s;
            seconds += length_s;
        }
        (seconds > 0.0).then(|| cost / seconds)
    }

    /// Start of the first forecast behind the last published point.
    pub fn seam(&self) -> Option<DateTime<Utc>> {
        let last = self.all.iter().rposition(|point| !point.is_forecast())?;
        self.all.get(last + 1).map(|point| point.from)
    }

    /// End of the last published point.
    pub fn published_until(&self) -> Option<DateTime<Utc>> {
        self.all.iter().rev().find(|point| !point.is_forecast()).map(|point| point.to)
    }
}

fn point(slot: &Slot, price: f64, reference: f64, input: &PriceInput) -> Point {
    let factor = input.money.factor(slot.ts);
    let quantiles = slot.quantiles.map(|given| given.map(|value| f64::from(value) * factor));
    Point {
        from: slot.ts,
        to: slot.ts + Duration::seconds(slot.interval_s.into()),
        price,
        shown: price * factor,
        level: Level::of(price, reference),
        kind: slot.kind,
        quantiles: quantiles.filter(|q| {
            slot.kind == SlotKind::Forecast
                && q.iter().all(|value| value.is_finite())
                && q.is_sorted()
        }),
        quality: slot.quality,
    }
}

fn situation(all: &[Point], issued: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Situation {
    let Some(until) = all.iter().map(|point| point.to).max() else {
        return Situation::Empty;
    };
    match all.iter().find(|point| point.contains(now)) {
        Some(point) if !point.is_forecast() => Situation::Published,
        Some(_) => match issued.map(|issued| now - issued) {
            Some(age) if age > FORECAST_TOO_OLD => Situation::ForecastOld { age },
            _ => Situation::ForecastOnly,
        },
        None if until <= now => Situation::Past { until },
        // A gap at the present: whatever comes next decides how sure the page may sound.
        None if all.iter().any(|point| point.from > now && !point.is_forecast()) => {
            Situation::Published
        }
        None => Situation::ForecastOnly,
    }
}

/// Mean of some numbers; zero when there are none.
pub fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { 0.0 } else { sum / f64::from(count) }
}
