//! How likely a day's highest quarter hour lies above all of its month so far.
//!
//! Power tariffs bill the highest quarter-hour mean of a calendar month, so one new peak costs a month's
//! price. The event of a day is held against what was known of its month at the origin; of a month that
//! has not begun there is nothing to exceed.

use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::history::QUARTER_S;
use super::model::{DAYS_LEARNED, SiteError};
use super::past::{Past, mean};
use super::rows::Site;
use crate::algorithms::forecasting::errors::FitError;
use crate::algorithms::forecasting::event::fit_event;
use crate::algorithms::forecasting::foreign::ForeignTrees;
use crate::algorithms::forecasting::params::Params;
use crate::algorithms::forecasting::table::{RowKey, Table};

/// Days of readings that a probability needs: three months have had their peaks.
const DAYS_NEEDED: i64 = 90;
/// Quarter hours between two origins; a number that goes through all hours of the day.
const ORIGIN_STEP: usize = 23;
/// Tenths of the origins that probabilities are calibrated and judged on.
const HELD_TENTHS: usize = 3;
/// Share of a day's quarter hours that must be read for it to count as one without a new peak.
const READ_SHARE: f64 = 0.8;

const FEATURES: [&str; 17] = [
    "day_ahead",
    "hours_left",
    "weekday",
    "day_kind",
    "day_of_month",
    "month_days_seen",
    "threshold",
    "threshold_to_highest",
    "mean_peak_7d",
    "mean_peak_28d",
    "highest_7d",
    "share_above",
    "share_above_weekday",
    "weekday_highest",
    "peak_yesterday",
    "peak_today",
    "now",
];

/// Probabilities of new monthly peaks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeakModel {
    /// LightGBM's text, calibrated; absent where the base rate serves.
    trees: Option<String>,
    /// How it was chosen.
    pub report: PeakReport,
}

/// How the probabilities were chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PeakReport {
    /// Days of origins that were judged.
    pub n: usize,
    /// Those with a new peak.
    pub events: usize,
    /// Share of the learned days with a new peak.
    pub base_rate: f64,
    /// Mean squared distance of the probability from what came, 1 or 0; absent without trees.
    pub brier: Option<f64>,
    /// The same of the base rate as the answer to everything.
    pub brier_base_rate: f64,
    /// What was decided and why.
    pub verdict: String,
}

/// One day ahead.
#[derive(Debug, Clone, PartialEq)]
pub struct PeakDay {
    /// First quarter hour of the day that is still ahead.
    pub from: i64,
    /// Highest quarter-hour mean of its month so far, in kW; absent in a month that has not begun.
    pub threshold_kw: Option<f64>,
    /// How likely it is exceeded on that day.
    pub probability: Option<f64>,
}

/// Features of days ahead of one origin.
struct DayRow {
    from: i64,
    day: i32,
    threshold: f32,
    features: [f32; FEATURES.len()],
}

impl PeakModel {
    /// Learns from the last year; nothing where fewer than 90 days were read.
    pub(super) fn fit(
        site: &Site,
        as_of_s: i64,
        cancel: &dyn Fn() -> bool,
    ) -> Result<Option<Self>, SiteError> {
        let end = site.power.known_end(as_of_s).unwrap_or_default();
        let first = site.power.first().max(end - DAYS_LEARNED * 96);
        if end - first < DAYS_NEEDED * 96 {
            return Ok(None);
        }
        let origins: Vec<i64> = (first + 28 * 96..end).step_by(ORIGIN_STEP).collect();
        let split = origins.len() - origins.len() * HELD_TENTHS / 10;
        let border = origins.get(split).copied().unwrap_or(end);
        // What is learned from must have ended before what is judged begins.
        let (train, valid) = origins.split_at(split);
        let train = table(site, train, as_of_s, border);
        let valid = table(site, valid, as_of_s, end);
        if train.y.is_empty() || valid.y.is_empty() {
            return Ok(None);
        }
        let base_rate = train.y.iter().sum::<f64>() / train.y.len() as f64;
        let brier = |of: &dyn Fn(usize) -> f64| {
            let off = valid.y.iter().enumerate().map(|(row, y)| (of(row) - y).powi(2));
            off.sum::<f64>() / valid.y.len() as f64
        };
        let by_base_rate = brier(&|_| base_rate);
        let mut report = PeakReport {
            n: valid.y.len(),
            events: valid.y.iter().filter(|y| **y > 0.5).count(),
            base_rate,
            brier: None,
            brier_base_rate: by_base_rate,
            verdict: String::new(),
        };
        let trees = match fit_event(&params(), (&train, &valid), &|y| y > 0.5, cancel) {
            Ok(fit) => {
                let own = brier(&|row| fit.validation[row]);
                report.brier = Some(own);
                let serves = own < by_base_rate;
                let who = if serves { "LightGBM answers" } else { "The base rate answers" };
                report.verdict = format!(
                    "{who}: Brier score {own:.4} of LightGBM against {by_base_rate:.4} of the base rate on {} days ahead with {} new peaks.",
                    report.n, report.events
                );
                serves.then_some(fit.text)
            }
            Err(error @ FitError::RareEvent { .. }) => {
                report.verdict = format!("The base rate answers: {error}.");
                None
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Some(Self { trees, report }))
    }

    /// Whether trees answer, not the base rate.
    pub const fn serves_trees(&self) -> bool {
        self.trees.is_some()
    }

    /// The rest of the origin's day and the six days behind it.
    pub fn days(&self, site: &Site, as_of_s: i64) -> Vec<PeakDay> {
        let trees = self.parsed();
        let day = |row: DayRow| {
            let known = !row.threshold.is_nan();
            PeakDay {
                from: row.from,
                threshold_kw: known.then(|| f64::from(row.threshold)),
                probability: known.then(|| self.probability(trees.as_ref(), &row)),
            }
        };
        let origin = (as_of_s + QUARTER_S - 1).div_euclid(QUARTER_S);
        day_rows(site, origin, as_of_s).into_iter().map(day).collect()
    }

    /// Probabilities of the days ahead of an origin, with whether they brought a new peak, of those
    /// days of which that is known by now.
    pub fn judged(&self, site: &Site, origin: i64) -> Vec<(f64, bool)> {
        let trees = self.parsed();
        let rows = day_rows(site, origin, origin * QUARTER_S);
        let judged = |row: DayRow| {
            let came = came(site, &row, i64::MAX - 1, i64::MAX)?;
            Some((self.probability(trees.as_ref(), &row), came))
        };
        rows.into_iter().filter_map(judged).collect()
    }

    fn parsed(&self) -> Option<ForeignTrees> {
        self.trees.as_deref().and_then(|text| ForeignTrees::parse(text).ok())
    }

    fn probability(&self, trees: Option<&ForeignTrees>, row: &DayRow) -> f64 {
        trees.map_or(self.report.base_rate, |trees| {
            trees.predict_row(Array1::from(row.features.to_vec()).view())
        })
    }
}

fn params() -> Params {
    Params::from_value(json!({
        "num_iterations": 120, "num_leaves": 7, "learning_rate": 0.05, "min_data_in_leaf": 40,
        "feature_fraction": 0.7, "num_threads": 1,
    }))
}

/// Days ahead of `origins` with whether they brought a new peak, as far as they ended before `border`.
fn table(site: &Site, origins: &[i64], as_of_s: i64, border: i64) -> Table {
    let (mut x, mut y, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    for origin in origins {
        for row in day_rows(site, *origin, origin * QUARTER_S) {
            let Some(came) = came(site, &row, as_of_s, border) else { continue };
            x.extend(row.features);
            y.push(if came { 1.0 } else { 0.0 });
            groups.push(RowKey { day: row.day, slot: 0, lead_day: 1 });
        }
    }
    Table {
        features: FEATURES.map(str::to_owned).to_vec(),
        x: Array2::from_shape_vec((y.len(), FEATURES.len()), x).unwrap_or_default(),
        y,
        groups,
    }
}

/// Whether a day brought a new peak; absent while that is open.
fn came(site: &Site, row: &DayRow, as_of_s: i64, border: i64) -> Option<bool> {
    if row.threshold.is_nan() {
        return None;
    }
    let (mut read, mut all, mut above) = (0.0, 0.0, false);
    for quarter in site.calendar.quarters_of(row.day, row.from) {
        if quarter >= border {
            return None;
        }
        let value = site.power.at(quarter, as_of_s);
        all += 1.0;
        read += f64::from(u8::from(!value.is_nan()));
        above |= value > row.threshold;
    }
    (above || read >= READ_SHARE * all).then_some(above)
}

fn day_rows(site: &Site, origin: i64, as_of_s: i64) -> Vec<DayRow> {
    let Some(past) = Past::new(&site.power, &site.calendar, origin, as_of_s) else {
        return Vec::new();
    };
    let Some(today) = site.calendar.day(past.day) else { return Vec::new() };
    let (so_far, seen) = month_so_far(&past, today.in_month, site, (origin, as_of_s));
    let peaks: Vec<f32> = (0..=28).map(|before| past.day_highest(before)).collect();
    let known = |days: std::ops::RangeInclusive<usize>| peaks[days].iter().copied();
    let highest = |values: &mut dyn Iterator<Item = f32>| values.fold(f32::NAN, f32::max);
    let above = |days: &mut dyn Iterator<Item = f32>| {
        mean(days.map(|peak| if peak.is_nan() { f32::NAN } else { f32::from(peak > so_far) }))
    };
    let row = |ahead: i32| {
        let day = past.day + ahead;
        let calendar = site.calendar.day(day)?;
        let mut quarters = site.calendar.quarters_of(day, origin);
        let from = quarters.next()?;
        let left = quarters.count() + 1;
        let threshold = if calendar.month == today.month { so_far } else { f32::NAN };
        let same = (1..=4).filter_map(|weeks| usize::try_from(7 * weeks - ahead).ok());
        let same: Vec<f32> = same.map(|before| past.day_highest(before)).collect();
        let features = [
            f32::from(i16::try_from(ahead).unwrap_or_default()),
            f32::from(u16::try_from(left).unwrap_or_default()) / 4.0,
            calendar.weekday.into(),
            calendar.kind.into(),
            calendar.in_month.into(),
            seen,
            threshold,
            threshold / highest(&mut known(1..=28)),
            mean(known(1..=7)),
            mean(known(1..=28)),
            highest(&mut known(1..=7)),
            above(&mut known(1..=28)),
            above(&mut same.iter().copied()),
            highest(&mut same.iter().copied()),
            peaks[1],
            peaks[0],
            past.newest(),
        ];
        let features = features.map(|value| if value.is_infinite() { f32::NAN } else { value });
        Some(DayRow { from, day, threshold, features })
    };
    (0..7).filter_map(row).collect()
}

/// The highest known quarter hour of the month up to the origin, and days of the month with readings.
fn month_so_far(
    past: &Past,
    day_of_month: u8,
    site: &Site,
    (origin, as_of_s): (i64, i64),
) -> (f32, f32) {
    let (mut highest, mut seen) = (f32::NAN, 0.0);
    for before in 0..i32::from(day_of_month) {
        let quarters = site.calendar.quarters_of(past.day - before, i64::MIN);
        let values = quarters.take_while(|it| *it < origin).map(|it| site.power.at(it, as_of_s));
        let of_day = values.fold(f32::NAN, f32::max);
        if !of_day.is_nan() {
            highest = highest.max(of_day);
            seen += 1.0;
        }
    }
    (highest, seen)
}
