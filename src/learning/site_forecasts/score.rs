//! What was published held against what the meter read since.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use serde_json::json;

use super::error::SiteForecastError;
use super::load::zone_of;
use super::model::{
    PeakChance, PeakScore, SiteDetail, SiteLeadScore, SitePoint, SiteScore, kind_of,
};
use super::service::SiteForecasts;
use crate::algorithms::forecasting::site::Kind;
use crate::algorithms::forecasting::site::LEAD_HOURS;
use crate::algorithms::forecasting::site::lead_group;
use crate::base::timeline::TimeRange;
use crate::base::timeline::day_range;
use crate::learning::prediction::SeriesRun;

/// Hours behind its issue at which a run gets its first score.
const FIRST_HOURS: i64 = 25;
/// Days behind its issue at which a run is over.
const OVER_DAYS: i64 = 7;
/// Days behind its end at which a run is closed although readings are missing.
const TRUTH_WAIT_DAYS: i64 = 2;
/// Runs that are scored in one go.
const RUNS_MAX: i64 = 2_000;
/// Share of a day's quarter hours that must be read for it to count as one without a new peak.
const READ_SHARE: f64 = 0.8;

impl SiteForecasts {
    /// Scores the runs that are a day old, and again those that are over; answers how many.
    pub async fn score_due(&self) -> Result<usize, SiteForecastError> {
        let now = self.needs.clock.now();
        let first = now - Duration::hours(FIRST_HOURS);
        let last = now - Duration::days(OVER_DAYS);
        let due = self.needs.published.due(first, last, RUNS_MAX).await?;
        for run in &due {
            self.score(run, now).await?;
        }
        Ok(due.len())
    }

    async fn score(&self, run: &SeriesRun, now: DateTime<Utc>) -> Result<(), SiteForecastError> {
        let values = self.needs.published.values(run.run_id).await?;
        let given_up = now > run.issued_at + Duration::days(OVER_DAYS + TRUTH_WAIT_DAYS);
        let Some(((kind, meter_id), range)) =
            kind_of(&run.series).zip(values.first().zip(values.last()))
        else {
            let published = &self.needs.published;
            return Ok(published.put_score(run.run_id, run.score.clone(), Some(now)).await?);
        };
        let range = TimeRange::new(range.0.ts, range.1.ts + Duration::minutes(15));
        let mut truth = BTreeMap::new();
        // Of several versions the last one counts.
        for quarter in self.needs.meters.quarters(meter_id, range).await? {
            let power = match kind {
                Kind::Load => quarter.consumption_kw,
                Kind::Pv => quarter.production_kw,
            };
            truth.insert(quarter.ts, power);
        }
        let truth: BTreeMap<DateTime<Utc>, f64> =
            truth.into_iter().filter_map(|(ts, power)| Some((ts, power?))).collect();
        let point = |value: &crate::learning::prediction::SeriesValue| SitePoint {
            ts: value.ts,
            power_kw: value.mean,
            quantiles_kw: value.quantiles,
        };
        let points: Vec<SitePoint> = values.iter().map(point).collect();
        let mut score = SiteScore::of(&points, &truth);
        if let Some(score) = &mut score {
            let zone = zone_of(self.needs.meters.known(meter_id).await?.as_ref());
            let detail: Option<SiteDetail> = serde_json::from_value(run.detail.clone()).ok();
            let peaks = detail.and_then(|detail| detail.peaks);
            let days = peaks.map(|peaks| peaks.days).unwrap_or_default();
            score.peaks = peak_score(&days, range, &truth, zone);
        }
        let complete = score.as_ref().is_some_and(|score| score.n == points.len());
        let finished = (complete || given_up).then_some(now);
        let score = score.map_or_else(|| run.score.clone(), |score| Some(json!(score)));
        Ok(self.needs.published.put_score(run.run_id, score, finished).await?)
    }
}

/// Probabilities of the days that are over against what came.
fn peak_score(
    days: &[PeakChance],
    range: TimeRange,
    truth: &BTreeMap<DateTime<Utc>, f64>,
    zone: chrono_tz::Tz,
) -> Option<PeakScore> {
    let (mut n, mut events, mut squares) = (0, 0, 0.0);
    for day in days {
        let Some((threshold, probability)) = day.threshold_kw.zip(day.probability) else {
            continue;
        };
        let whole = day_range(day.date, zone);
        let ahead = TimeRange::new(whole.from.max(range.from), whole.to);
        let came: Vec<f64> = ahead.slots(900).filter_map(|ts| truth.get(&ts).copied()).collect();
        let above = came.iter().any(|power| *power > threshold);
        let all = ahead.slots(900).count();
        if !above && (all == 0 || (came.len() as f64) < READ_SHARE * all as f64) {
            continue;
        }
        n += 1;
        events += usize::from(above);
        squares += (probability - f64::from(u8::from(above))).powi(2);
    }
    (n > 0).then(|| PeakScore { n, events, brier: squares / n as f64 })
}

/// Sums of errors.
#[derive(Default)]
struct Sums {
    n: usize,
    off: f64,
    over: f64,
    energy: f64,
    inside: usize,
}

impl Sums {
    fn add(&mut self, point: &SitePoint, truth: f64) {
        let over = point.power_kw - truth;
        let [low, high] = [point.quantiles_kw[1], point.quantiles_kw[5]].map(f64::from);
        self.n += 1;
        self.off += over.abs();
        self.over += over;
        self.energy += truth;
        // What was stored in single precision is compared with as much of it.
        self.inside += usize::from((low - 1e-6..=high + 1e-6).contains(&truth));
    }

    fn share_inside(&self) -> f64 {
        100.0 * self.inside as f64 / self.n.max(1) as f64
    }
}

impl SiteScore {
    /// Errors of one run; absent while nothing came.
    pub(super) fn of(points: &[SitePoint], truth: &BTreeMap<DateTime<Utc>, f64>) -> Option<Self> {
        let (mut all, mut leads) = (Sums::default(), BTreeMap::<u8, Sums>::new());
        for (lead, point) in (0_i64..).zip(points) {
            let Some(came) = truth.get(&point.ts) else { continue };
            all.add(point, *came);
            leads.entry(lead_group(lead)).or_default().add(point, *came);
        }
        let n = all.n as f64;
        let lead = |(group, sums): (u8, Sums)| SiteLeadScore {
            to_h: LEAD_HOURS[usize::from(group - 1)],
            n: sums.n,
            mae_kw: sums.off / sums.n as f64,
            coverage_80_percent: sums.share_inside(),
        };
        (all.n > 0).then(|| Self {
            runs: 1,
            n: all.n,
            mae_kw: all.off / n,
            bias_kw: all.over / n,
            wape_percent: (all.energy > 0.0).then(|| 100.0 * all.off / all.energy),
            coverage_80_percent: all.share_inside(),
            mean_kw: all.energy / n,
            by_lead: leads.into_iter().map(lead).collect(),
            peaks: None,
        })
    }

    /// Errors of several runs, every quarter hour counted alike; absent for none.
    pub(super) fn of_all(scores: impl Iterator<Item = Self>) -> Option<Self> {
        let (mut runs, mut all) = (0, [0.0; 5]);
        let mut leads: BTreeMap<i64, [f64; 3]> = BTreeMap::new();
        let mut peaks = (0, 0, 0.0);
        for score in scores {
            let n = score.n as f64;
            runs += score.runs;
            let of_run =
                [1.0, score.mae_kw, score.bias_kw, score.mean_kw, score.coverage_80_percent];
            all.iter_mut().zip(of_run).for_each(|(sum, value)| *sum += n * value);
            for lead in score.by_lead {
                let n = lead.n as f64;
                let of_lead = [1.0, lead.mae_kw, lead.coverage_80_percent];
                let sums = leads.entry(lead.to_h).or_default();
                sums.iter_mut().zip(of_lead).for_each(|(sum, value)| *sum += n * value);
            }
            if let Some(it) = score.peaks {
                peaks = (peaks.0 + it.n, peaks.1 + it.events, peaks.2 + it.brier * it.n as f64);
            }
        }
        let [n, off, over, energy, inside] = all;
        let lead = |(to_h, [n, off, inside]): (i64, [f64; 3])| SiteLeadScore {
            to_h,
            n: count(n),
            mae_kw: off / n,
            coverage_80_percent: inside / n,
        };
        (runs > 0).then(|| Self {
            runs,
            n: count(n),
            mae_kw: off / n,
            bias_kw: over / n,
            wape_percent: (energy > 0.0).then(|| 100.0 * off / energy),
            coverage_80_percent: inside / n,
            mean_kw: energy / n,
            by_lead: leads.into_iter().map(lead).collect(),
            peaks: (peaks.0 > 0).then(|| PeakScore {
                n: peaks.0,
                events: peaks.1,
                brier: peaks.2 / peaks.0 as f64,
            }),
        })
    }
}

/// A sum of whole numbers as one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a sum of counts is no negative number"
)]
const fn count(sum: f64) -> usize {
    sum.round() as usize
}
