//! Rolling origins on what a meter read: models fitted anew every so many days, each forecast made with
//! what was known at its origin, and held against what came.

use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::Serialize;

use super::error::SiteForecastError;
use super::load::{Loaded, zone_of};
use super::model::series_of;
use super::service::SiteForecasts;
use crate::algorithms::forecasting::site::AHEAD;
use crate::algorithms::forecasting::site::Kind;
use crate::algorithms::forecasting::site::Leads;
use crate::algorithms::forecasting::site::Place;
use crate::algorithms::forecasting::site::QUARTER_S;
use crate::algorithms::forecasting::site::Rows;
use crate::algorithms::forecasting::site::Site;
use crate::algorithms::forecasting::site::SiteError;
use crate::algorithms::forecasting::site::SiteModel;
use crate::base::timeline::day_range;
use crate::facts::meters::Meter;

/// Quarter hours between two origins: three and three quarter hours, so that all hours of the day come.
const ORIGIN_STEP: usize = 15;
/// Longest stretch of origins, in days.
const DAYS_MAX: i64 = 366;

/// Which meter to evaluate, and when.
#[derive(Debug, Clone)]
pub struct MeterEvaluationRequest {
    /// The meter.
    pub meter: Meter,
    /// Load or production.
    pub kind: Kind,
    /// First local day with origins.
    pub from: NaiveDate,
    /// Last local day with origins.
    pub to: NaiveDate,
    /// Days after which models are fitted anew.
    pub refit_days: u16,
}

/// Errors of one way to forecast at one lead.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeterErrors {
    /// `week_ago`, `baseline`, `lightgbm` or `serves`, what the gate let serve.
    pub model: &'static str,
    /// `1 h`, `24 h`, `7 d` (the hour that ends then) or `all`.
    pub lead: &'static str,
    /// Quarter hours.
    pub n: usize,
    /// Mean absolute error, in kW.
    pub mae_kw: f64,
    /// Sum of absolute errors as a share of the energy, in percent.
    pub wape_percent: f64,
    /// Mean of forecast less what came, in kW.
    pub bias_kw: f64,
    /// Share within the 80 % band, in percent; absent for rules without a band.
    pub coverage_80_percent: Option<f64>,
}

/// How new monthly peaks were foreseen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PeakErrors {
    /// Days ahead that were judged.
    pub n: usize,
    /// Those with a new peak.
    pub events: usize,
    /// Brier score of the probabilities that would have been published.
    pub brier: f64,
    /// Brier score of the base rate of the days learned from.
    pub brier_base_rate: f64,
}

/// What rolling origins say about a meter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeterEvaluation {
    /// Series.
    pub series: String,
    /// First local day with origins.
    pub from: NaiveDate,
    /// Last local day with origins.
    pub to: NaiveDate,
    /// Number of origins.
    pub origins: usize,
    /// Models that were fitted, and how many of them let trees serve.
    pub fits: usize,
    /// Of them those in which trees serve.
    pub fits_by_trees: usize,
    /// Seconds of one fit with the forecasts made by it, on average.
    pub fit_s: f64,
    /// Errors, lead by lead.
    pub errors: Vec<MeterErrors>,
    /// New monthly peaks; of loads with enough history.
    pub peaks: Option<PeakErrors>,
}

/// Leads whose errors are told: the hour that ends so many quarter hours ahead.
const LEADS: [(&str, i64, i64); 4] =
    [("1 h", 0, 4), ("24 h", 92, 96), ("7 d", AHEAD - 4, AHEAD), ("all", 0, AHEAD)];
const MODELS: [&str; 4] = ["week_ago", "baseline", "lightgbm", "serves"];

/// Sums of errors of one way at one lead.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    n: usize,
    off: f64,
    over: f64,
    energy: f64,
    inside: usize,
}

#[derive(Default)]
struct Totals {
    sums: [[Sums; LEADS.len()]; MODELS.len()],
    origins: usize,
    fits: usize,
    fits_by_trees: usize,
    peak_days: usize,
    peak_events: usize,
    peak_squares: [f64; 2],
}

impl SiteForecasts {
    /// Holds the rules and the trees against what came; `progress` hears shares from 0 to 1.
    ///
    /// # Errors
    /// A range that makes no sense, or too few readings before it.
    pub async fn evaluate(
        &self,
        request: &MeterEvaluationRequest,
        progress: &(dyn Fn(f64, &str) + Sync),
    ) -> Result<MeterEvaluation, SiteForecastError> {
        let days = (request.to - request.from).num_days() + 1;
        if !(1..=DAYS_MAX).contains(&days) {
            let what = format!("{} to {} is not 1 to {DAYS_MAX} days", request.from, request.to);
            return Err(SiteForecastError::BadRange(what));
        }
        let zone = zone_of(Some(&request.meter));
        let (first, last) = (day_range(request.from, zone).from, day_range(request.to, zone).to);
        let loaded = Arc::new(self.loaded(request.meter.clone(), first, last).await?);
        let refit = Duration::days(request.refit_days.max(1).into());
        let (kind, place) = (request.kind, self.place());
        let (mut totals, mut at, mut fit_s) = (Totals::default(), first, 0.0);
        while at < last {
            let share = (at - first).num_seconds() as f64 / (last - first).num_seconds() as f64;
            progress(share, "fitting and forecasting");
            let (of, to) = (Arc::clone(&loaded), (at + refit).min(last));
            let started = self.needs.clock.elapsed();
            let work = move || stretch(&of, (kind, place), at, to, totals);
            let done = self.needs.pool.run("evaluate_meter", work).await?;
            totals =
                done.map_err(|error| SiteForecastError::of(error, &request.meter.meter_id, kind))?;
            fit_s += self.needs.clock.elapsed().saturating_sub(started).as_secs_f64();
            at = to;
        }
        progress(1.0, "done");
        Ok(totals.report(request, fit_s))
    }
}

/// Fits at `from` and forecasts from origins up to `to`.
fn stretch(
    loaded: &Loaded,
    (kind, place): (Kind, Place),
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    mut totals: Totals,
) -> Result<Totals, SiteError> {
    let site = loaded.site(kind, place, from);
    let model = SiteModel::fit(&site, from.timestamp(), &|| false)?;
    totals.fits += 1;
    totals.fits_by_trees += usize::from(model.serves_trees());
    let (from, to) = (from.timestamp() / QUARTER_S, to.timestamp() / QUARTER_S);
    let origins: Vec<i64> = (from..to).step_by(ORIGIN_STEP).collect();
    // The truth is what is known today.
    for some in origins.chunks(32) {
        totals.add(&site.rows(some, Leads::All, Some(i64::MAX - 1)), &model)?;
    }
    totals.origins += origins.len();
    for origin in origins.iter().step_by(4) {
        totals.add_peaks(&site, &model, *origin);
    }
    Ok(totals)
}

impl Totals {
    fn add(&mut self, rows: &Rows, model: &SiteModel) -> Result<(), SiteError> {
        let baseline = model.predict(rows, false)?;
        let trees = model.predict(rows, true)?;
        let serves = if model.serves_trees() { &trees } else { &baseline };
        let points = [&rows.week_ago, &baseline.mean, &trees.mean, &serves.mean];
        let bands = [None, Some(&baseline), Some(&trees), Some(serves)];
        for (row, truth) in rows.table.y.iter().enumerate() {
            for (place, (_, from, to)) in LEADS.iter().enumerate() {
                if !(*from..*to).contains(&rows.leads[row]) {
                    continue;
                }
                for (way, (points, band)) in points.iter().zip(bands).enumerate() {
                    let (sums, over) = (&mut self.sums[way][place], points[row] - truth);
                    sums.n += 1;
                    sums.off += over.abs();
                    sums.over += over;
                    sums.energy += truth;
                    let inside = band.is_some_and(|band| {
                        let band = &band.quantiles[row];
                        (band[1]..=band[5]).contains(truth)
                    });
                    sums.inside += usize::from(inside);
                }
            }
        }
        Ok(())
    }

    fn add_peaks(&mut self, site: &Site, model: &SiteModel, origin: i64) {
        let Some(peaks) = &model.peaks else { return };
        for (probability, came) in peaks.judged(site, origin) {
            let came = f64::from(u8::from(came));
            self.peak_days += 1;
            self.peak_events += usize::from(came > 0.5);
            self.peak_squares[0] += (probability - came).powi(2);
            self.peak_squares[1] += (peaks.report.base_rate - came).powi(2);
        }
    }

    fn report(self, request: &MeterEvaluationRequest, fit_s: f64) -> MeterEvaluation {
        let mut errors = Vec::new();
        for (place, (lead, ..)) in LEADS.iter().enumerate() {
            for (way, model) in MODELS.iter().enumerate() {
                let sums = self.sums[way][place];
                let n = sums.n.max(1) as f64;
                errors.push(MeterErrors {
                    model,
                    lead,
                    n: sums.n,
                    mae_kw: sums.off / n,
                    wape_percent: 100.0 * sums.off / sums.energy.max(f64::MIN_POSITIVE),
                    bias_kw: sums.over / n,
                    coverage_80_percent: (way > 0).then(|| 100.0 * sums.inside as f64 / n),
                });
            }
        }
        let n = self.peak_days as f64;
        MeterEvaluation {
            series: series_of(request.kind, &request.meter.meter_id),
            from: request.from,
            to: request.to,
            origins: self.origins,
            fits: self.fits,
            fits_by_trees: self.fits_by_trees,
            fit_s: fit_s / self.fits.max(1) as f64,
            errors,
            peaks: (self.peak_days > 0).then(|| PeakErrors {
                n: self.peak_days,
                events: self.peak_events,
                brier: self.peak_squares[0] / n,
                brier_base_rate: self.peak_squares[1] / n,
            }),
        }
    }
}
