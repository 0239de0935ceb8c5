//! Turns histories into feature tables, one issue time after the other.

use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, Duration, NaiveDate, TimeDelta, Utc};
use ndarray::Array2;

use super::columns::{Target, View};
use super::days::Days;
use super::spec::{FeatureSpec, Kind};
use super::vintages::Vintages;
use crate::algorithms::forecasting::RowKey;
use crate::algorithms::forecasting::Table;
use crate::base::ids::Market;
use crate::base::timeline::AsOf;
use crate::base::timeline::add_days;
use crate::base::timeline::day_range;
use crate::base::timeline::local_date;

/// A stale series is still forecast from its last published day if that was not longer ago than this.
const ANCHOR_AGE_DAYS_MAX: i64 = 60;

/// Lead days that models learn from; a day further ahead of old prices looks like the last of them.
pub const LEAD_DAYS_LEARNED: u8 = 7;

/// Everything a market's features are made of.
#[derive(Debug, Clone)]
pub struct MarketHistory {
    /// The market; gives time zone and holidays.
    pub market: Market,
    /// Day-ahead prices in EUR/MWh.
    pub prices: Vintages,
    /// Exogenous series in the order of the feature list, in their own units.
    pub exogenous: Vec<Vintages>,
}

/// An issue time and what it stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// When the forecast is issued.
    pub issued_at: AsOf,
    /// The last local day whose prices were known then.
    pub anchor: NaiveDate,
}

/// Feature rows with their target, ordered by issue time, then delivery period.
#[derive(Debug, Clone)]
pub struct FeatureTable {
    /// Start of the delivery period, per row.
    pub ts: Vec<DateTime<Utc>>,
    /// Issue time, per row.
    pub issued_at: Vec<DateTime<Utc>>,
    /// When the target became known, per row; empty where the truth is not asked for.
    pub known_at: Vec<DateTime<Utc>>,
    /// Length of a delivery period in seconds.
    pub interval_s: i32,
    /// Features `[rows × columns]`; `y` in EUR/MWh, empty where the truth is not asked for.
    pub table: Table,
}

impl FeatureTable {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.ts.len()
    }

    /// The rows for which `keep(row)` holds, in their order.
    pub fn filtered(&self, keep: impl Fn(usize) -> bool) -> Self {
        let rows: Vec<usize> = (0..self.len()).filter(|row| keep(*row)).collect();
        Self {
            ts: picked(&self.ts, &rows),
            issued_at: picked(&self.issued_at, &rows),
            known_at: picked(&self.known_at, &rows),
            interval_s: self.interval_s,
            table: Table {
                features: self.table.features.clone(),
                x: self.table.x.select(ndarray::Axis(0), &rows),
                y: picked(&self.table.y, &rows),
                groups: picked(&self.table.groups, &rows),
            },
        }
    }
}

/// The values of `rows`; none where there is no value per row.
fn picked<T: Copy>(values: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().filter_map(|row| values.get(*row).copied()).collect()
}

impl MarketHistory {
    /// The origin of a forecast issued at `issued_at`; `None` when too little was known then.
    ///
    /// A day counts as published when more than half of it was known, and its last period: behind
    /// that the forecast begins.
    pub fn origin(&self, issued_at: AsOf) -> Option<Origin> {
        let zone = self.market.time_zone();
        let today = local_date(issued_at.0, zone);
        let newest =
            local_date(self.prices.end() - Duration::seconds(1), zone).min(add_days(today, 2));
        std::iter::successors(Some(newest), |day| Some(add_days(*day, -1)))
            .take_while(|day| *day >= add_days(today, -ANCHOR_AGE_DAYS_MAX))
            .find(|day| {
                let slots = day_range(*day, zone).slots(self.interval_s());
                let known: Vec<bool> =
                    slots.map(|ts| self.prices.at(ts, issued_at).is_some()).collect();
                let count = known.iter().filter(|known| **known).count();
                2 * count > known.len() && known.last() == Some(&true)
            })
            .map(|anchor| Origin { issued_at, anchor })
    }

    /// Whether the price of the period from `ts` on was published at `as_of`.
    pub fn is_published(&self, ts: DateTime<Utc>, as_of: AsOf) -> bool {
        self.prices.at(ts, as_of).is_some()
    }

    /// Length of a delivery period in seconds.
    pub fn interval_s(&self) -> i32 {
        i32::try_from(self.prices.interval_s()).unwrap_or(3_600)
    }
}

/// Training rows: for every origin the days `leads` after its anchor whose truth is known today.
///
/// Rows without `lag_24h`, `lag_168h` or anchor mean are left out; other gaps are NaN.
pub fn build(
    history: &MarketHistory,
    spec: &FeatureSpec,
    origins: &[Origin],
    leads: &RangeInclusive<u8>,
) -> FeatureTable {
    rows(history, spec, origins, leads, true)
}

/// Rows to predict on: every delivery period of the days `leads` after the anchor.
pub fn predict_rows(
    history: &MarketHistory,
    spec: &FeatureSpec,
    origin: Origin,
    leads: &RangeInclusive<u8>,
) -> FeatureTable {
    rows(history, spec, &[origin], leads, false)
}

fn rows(
    history: &MarketHistory,
    spec: &FeatureSpec,
    origins: &[Origin],
    leads: &RangeInclusive<u8>,
    training: bool,
) -> FeatureTable {
    let days = Days::new(history, spec, origins, leads);
    let per_day = usize::try_from(days.slots_per_day).unwrap_or(0);
    let mut rows = Rows::new(spec, training, origins.len() * leads.clone().count() * per_day);
    for origin in origins {
        let view = View::new(&days, *origin);
        for lead in leads.clone() {
            let date = add_days(origin.anchor, i64::from(lead));
            if let Some(local) = days.local(date) {
                rows.append(&view, Target { local, lead });
            }
        }
    }
    rows.into_table(spec, history.interval_s())
}

/// Rows that grow by the delivery periods of one day at a time.
struct Rows {
    kinds: Vec<Kind>,
    /// Columns without which nothing is learned from a row.
    needed: Vec<usize>,
    training: bool,
    ts: Vec<DateTime<Utc>>,
    issued_at: Vec<DateTime<Utc>>,
    known_at: Vec<DateTime<Utc>>,
    y: Vec<f64>,
    groups: Vec<RowKey>,
    x: Vec<f32>,
}

impl Rows {
    fn new(spec: &FeatureSpec, training: bool, expected: usize) -> Self {
        let kinds: Vec<Kind> = spec.columns.iter().map(|(_, kind)| *kind).collect();
        let is_needed = |name: &str| ["lag_24h", "lag_168h", "anchor_mean"].contains(&name);
        let needed = spec.columns.iter().enumerate().filter(|(_, (name, _))| is_needed(name));
        let truths = if training { expected } else { 0 };
        Self {
            needed: needed.map(|(column, _)| column).collect(),
            training,
            ts: Vec::with_capacity(expected),
            issued_at: Vec::with_capacity(expected),
            known_at: Vec::with_capacity(truths),
            y: Vec::with_capacity(truths),
            groups: Vec::with_capacity(expected),
            x: Vec::with_capacity(expected * kinds.len()),
            kinds,
        }
    }

    /// Adds the periods of a day: all of them, or in training those with truth and what is needed.
    fn append(&mut self, view: &View<'_>, target: Target<'_>) {
        let (local, width, start) = (target.local, self.kinds.len(), self.x.len());
        let prices = &view.days.history.prices;
        let first = prices.place(local.from.timestamp());
        let truths = || (first..).take(local.count).map(|place| prices.truth(place));
        if self.training && truths().all(|truth| truth.is_none()) {
            return;
        }
        self.x.resize(start + local.count * width, 0.0);
        view.fill(&self.kinds, target, &mut self.x[start..]);
        let (day, mut kept) = (local.date.num_days_from_ce(), 0);
        let step = TimeDelta::seconds(view.days.interval_s);
        let mut next = local.from;
        for (period, slot) in local.walls.slots.iter().enumerate() {
            let (at, row) = (next, start + period * width);
            next += step;
            if self.training {
                let lacks = self.needed.iter().any(|column| self.x[row + column].is_nan());
                let truth = i64::try_from(period).ok().and_then(|at| prices.truth(first + at));
                let Some(truth) = truth.filter(|_| !lacks) else { continue };
                self.y.push(truth.value);
                self.known_at.push(truth.at);
            }
            if kept < period {
                self.x.copy_within(row..row + width, start + kept * width);
            }
            kept += 1;
            self.ts.push(at);
            self.issued_at.push(view.origin.issued_at.0);
            self.groups.push(RowKey { day, slot: *slot, lead_day: target.lead });
        }
        self.x.truncate(start + kept * width);
    }

    fn into_table(self, spec: &FeatureSpec, interval_s: i32) -> FeatureTable {
        let Self { ts, issued_at, known_at, y, groups, x, kinds, .. } = self;
        let x = Array2::from_shape_vec((ts.len(), kinds.len()), x);
        let x = x.expect("every row has one value a column");
        let table = Table { features: spec.names(), x, y, groups };
        FeatureTable { ts, issued_at, known_at, interval_s, table }
    }
}
