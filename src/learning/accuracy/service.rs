//! Joins what was published with what came, and sums it up.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Duration, NaiveDate, Utc};
use uuid::Uuid;

use super::choose::{HORIZON_DAYS, Truth, Truths, choose, joined};
use super::inputs::known_input;
use super::measure::{by_hour, calibration, measure};
use super::model::{
    AccuracyReport, CaseRun, DayAccuracy, DayCase, Evidence, KnownInput, LEAD_HOUR, LeadAccuracy,
    NAIVE, RULE, Scored,
};
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::base::timeline::Clock;
use crate::base::timeline::TimeRange;
use crate::base::timeline::WallTime;
use crate::base::timeline::add_days;
use crate::base::timeline::day_range;
use crate::base::timeline::days_range;
use crate::base::timeline::instants_of;
use crate::base::timeline::local_date;
use crate::facts::market::PriceError;
use crate::facts::market::PricePoint;
use crate::facts::market::Prices;
use crate::facts::series::Observations;
use crate::facts::series::SeriesError;
use crate::learning::prediction::ForecastError;
use crate::learning::prediction::Forecasts;
use crate::learning::prediction::RunHead;

/// Days before the first one whose prices the naive forecast may need.
const NAIVE_DAYS: i64 = 15;

/// Why nothing can be said about the forecasts.
#[derive(Debug, thiserror::Error)]
pub enum AccuracyError {
    /// Prices could not be read.
    #[error("prices could not be read")]
    Prices(#[from] PriceError),
    /// Forecasts could not be read.
    #[error("forecasts could not be read")]
    Forecasts(#[from] ForecastError),
    /// Exogenous series could not be read.
    #[error("exogenous series could not be read")]
    Series(#[from] SeriesError),
}

/// What is asked about a market.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Market.
    pub market: Market,
    /// Product.
    pub product: Product,
    /// Local days of delivery.
    pub days: i64,
    /// The last of them; the newest published one unless said.
    pub last_day: Option<NaiveDate>,
}

impl Asked {
    /// The `days` local days up to the newest published one.
    pub const fn newest(market: Market, product: Product, days: i64) -> Self {
        Self { market, product, days, last_day: None }
    }
}

/// The accuracy of published forecasts.
#[derive(Clone)]
pub struct Accuracy {
    prices: Prices,
    observations: Observations,
    forecasts: Forecasts,
    clock: Clock,
}

impl Accuracy {
    /// The accuracy of these forecasts against these prices.
    pub const fn new(
        prices: Prices,
        observations: Observations,
        forecasts: Forecasts,
        clock: Clock,
    ) -> Self {
        Self { prices, observations, forecasts, clock }
    }

    /// The published forecasts of some days next to what came, of one lead day or of all.
    ///
    /// Four statements, however many runs there were: prices, their revisions, runs, values.
    pub async fn evidence(
        &self,
        asked: &Asked,
        lead_day: Option<i16>,
    ) -> Result<Evidence, AccuracyError> {
        let Asked { market, product, days, last_day } = asked;
        let (now, zone) = (self.clock.now(), market.time_zone());
        let today = local_date(now, zone);
        let end = last_day.unwrap_or_else(|| add_days(today, 1));
        let loaded = days_range(add_days(end, -days - NAIVE_DAYS), end, zone);
        let history = self.prices.history(market, *product, loaded).await?;
        let truths = truths(&history.latest, &history.revisions, now);
        let newest = truths.last_key_value().map(|(ts, _)| *ts);
        let published = || newest.map_or(today, |ts| local_date(ts, zone)).max(today);
        let last_day = last_day.unwrap_or_else(published);
        let first_day = add_days(last_day, 1 - days);
        let range = days_range(first_day, last_day, zone);
        let scored: Truths =
            truths.range(range.from..range.to).map(|(ts, it)| (*ts, *it)).collect();
        let about = TimeRange::new(range.from - Duration::days(HORIZON_DAYS), range.to);
        let issued = self.forecasts.issued_in(market, *product, about).await?;
        let chosen = choose(&issued, &scored);
        let mut counting: Vec<usize> = chosen.iter().map(|(_, run)| *run).collect();
        counting.sort_unstable();
        counting.dedup();
        let ids: Vec<Uuid> = counting.iter().map(|place| issued[*place].run_id).collect();
        let values = self.forecasts.values_of(&ids, range, lead_day).await?;
        let naive = |ts, lead_day| naive(&truths, ts, lead_day, market);
        let rows = joined((&issued, &chosen), &values, &scored, naive);
        let (runs, rows) = compact(&issued, rows);
        Ok(Evidence {
            market: market.clone(),
            product: *product,
            first_day,
            last_day,
            range,
            runs_issued: issued.len(),
            last_issued_at: issued.last().map(|run| run.issued_at),
            runs,
            rows,
            truth_until: newest.map(|ts| ts + Duration::seconds(product.interval_s().into())),
        })
    }

    /// Mean absolute error of the day-ahead forecasts; absent when none was scored.
    pub async fn day_ahead_mae(&self, asked: &Asked) -> Result<Option<f64>, AccuracyError> {
        let evidence = self.evidence(asked, Some(1)).await?;
        Ok(measure(evidence.rows.iter()).map(|measures| measures.mae))
    }

    /// Everything that is said about the forecasts; days and calibration are those of `lead_day`.
    pub async fn report(
        &self,
        asked: &Asked,
        lead_day: i16,
    ) -> Result<AccuracyReport, AccuracyError> {
        let evidence = self.evidence(asked, None).await?;
        self.report_of(&evidence, asked.days, lead_day).await
    }

    /// The same from forecasts of all lead days that were held against prices already.
    pub async fn report_of(
        &self,
        evidence: &Evidence,
        days: i64,
        lead_day: i16,
    ) -> Result<AccuracyReport, AccuracyError> {
        let mut report = report(evidence, days, lead_day);
        let whole = || {
            let days = report.daily.iter();
            days.filter_map(|day| Some((day, day.measures.as_ref()?)))
                .filter(|(day, measures)| measures.n == day.periods)
                .map(|(day, measures)| (day.day, measures.mae))
        };
        let best = whole().min_by(|a, b| a.1.total_cmp(&b.1)).map(|(day, _)| day);
        let worst = whole().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(day, _)| day);
        if let Some(day) = best {
            report.best_day = self.case(evidence, day, lead_day).await?;
        }
        if let Some(day) = worst.filter(|day| Some(*day) != best) {
            report.worst_day = self.case(evidence, day, lead_day).await?;
        }
        Ok(report)
    }

    /// A day with what its forecast stood on; absent when nothing of it was scored.
    pub async fn case(
        &self,
        evidence: &Evidence,
        day: NaiveDate,
        lead_day: i16,
    ) -> Result<Option<DayCase>, AccuracyError> {
        let range = day_range(day, evidence.market.time_zone());
        let of_day = |row: &&Scored| row.lead_day == lead_day && range.contains(row.ts);
        let rows: Vec<&Scored> = evidence.rows.iter().filter(of_day).collect();
        let Some(measures) = measure(rows.iter().copied()) else { return Ok(None) };
        let mean = |of: fn(&Scored) -> f64| {
            rows.iter().map(|row| of(row)).sum::<f64>() / rows.len() as f64
        };
        let runs = case_runs(evidence, &rows);
        let knew = match runs.first() {
            Some(run) => self.knew(&evidence.market, range, run.issued_at).await?,
            None => Vec::new(),
        };
        Ok(Some(DayCase {
            day,
            measures,
            actual_mean: mean(|row| row.actual_eur_mwh),
            forecast_mean: mean(|row| row.forecast_eur_mwh),
            runs,
            knew,
        }))
    }

    /// What models may learn from, as it was known about `range` at `issued_at`.
    async fn knew(
        &self,
        market: &Market,
        range: TimeRange,
        issued_at: DateTime<Utc>,
    ) -> Result<Vec<KnownInput>, AccuracyError> {
        let mut knew = Vec::new();
        for series in self.observations.series_of_market(market).await? {
            if series.spec.is_feature {
                let history = self.observations.history(&series.spec.name, range).await?;
                knew.push(known_input(&series.spec, &history, issued_at));
            }
        }
        Ok(knew)
    }
}

/// Prices that were published by `now`, with when each delivery period first had one.
fn truths(latest: &[PricePoint], revisions: &[PricePoint], now: DateTime<Utc>) -> Truths {
    let mut first: HashMap<DateTime<Utc>, DateTime<Utc>> = HashMap::new();
    for point in latest.iter().chain(revisions).filter(|point| point.price_eur_mwh.is_some()) {
        let known = first.entry(point.ts).or_insert(point.known_at);
        *known = point.known_at.min(*known);
    }
    let published = latest.iter().filter(|point| point.known_at <= now);
    published
        .filter_map(|point| {
            let price_eur_mwh = point.price_eur_mwh?;
            let first_known_at = *first.get(&point.ts)?;
            Some((point.ts, Truth { price_eur_mwh, first_known_at }))
        })
        .collect()
}

/// The price of the same local time as many whole weeks before as `lead_day` needs to be known.
fn naive(truths: &Truths, ts: DateTime<Utc>, lead_day: i16, market: &Market) -> Option<f64> {
    let weeks = i64::from((lead_day.max(1) + 6) / 7);
    let (zone, back) = (market.time_zone(), Duration::days(7 * weeks));
    let wall = ts.with_timezone(&zone).naive_local();
    let second = matches!(instants_of(wall, zone), WallTime::Twice(_, second) if second == ts);
    let before = match instants_of(wall - back, zone) {
        WallTime::Once(at) => at,
        WallTime::Twice(first, later) => {
            if second {
                later
            } else {
                first
            }
        }
        // The hour that did not exist that day: the instant stands for it.
        WallTime::Skipped => ts - back,
    };
    truths.get(&before).map(|truth| truth.price_eur_mwh)
}

/// The runs that count somewhere, and the rows with their places among those.
fn compact(issued: &[RunHead], mut rows: Vec<Scored>) -> (Vec<RunHead>, Vec<Scored>) {
    let mut used: Vec<usize> = rows.iter().map(|row| row.run).collect();
    used.sort_unstable();
    used.dedup();
    for row in &mut rows {
        row.run = used.partition_point(|place| *place < row.run);
    }
    (used.into_iter().map(|place| issued[place].clone()).collect(), rows)
}

fn report(evidence: &Evidence, days: i64, lead_day: i16) -> AccuracyReport {
    let Evidence { market, product, rows, .. } = evidence;
    let zone = market.time_zone();
    let mut leads: BTreeMap<i16, Vec<&Scored>> = BTreeMap::new();
    for row in rows {
        leads.entry(row.lead_day).or_default().push(row);
    }
    let of_lead = leads.get(&lead_day).map(Vec::as_slice).unwrap_or_default();
    let mut by_day: BTreeMap<NaiveDate, Vec<&Scored>> = BTreeMap::new();
    for row in of_lead {
        by_day.entry(local_date(row.ts, zone)).or_default().push(row);
    }
    let daily = evidence.days().map(|day| DayAccuracy {
        day,
        periods: day_range(day, zone).slots(product.interval_s()).count(),
        measures: by_day.get(&day).and_then(|rows| measure(rows.iter().copied())),
    });
    let lead = |(lead_day, rows): (&i16, &Vec<&Scored>)| {
        let measures = measure(rows.iter().copied())?;
        let name = if *lead_day == 1 { "day_ahead".to_owned() } else { format!("d+{lead_day}") };
        Some(LeadAccuracy { lead_day: *lead_day, name, measures })
    };
    AccuracyReport {
        series: market.price_series(*product),
        market: market.clone(),
        product: *product,
        unit: "EUR/MWh",
        simulated: market.is_simulated(),
        time_zone: zone.to_string(),
        days,
        first_day: evidence.first_day,
        last_day: evidence.last_day,
        truth_until: evidence.truth_until,
        last_issued_at: evidence.last_issued_at,
        runs_issued: evidence.runs_issued,
        runs: evidence.runs.len(),
        rule: RULE,
        naive: NAIVE,
        lead_hours: LEAD_HOUR,
        by_lead: leads.iter().filter_map(lead).collect(),
        by_hour: by_hour(rows),
        lead_day,
        calibration: calibration(lead_day, of_lead),
        daily: daily.collect(),
        best_day: None,
        worst_day: None,
    }
}

/// The runs of some rows, the one with the most first.
fn case_runs(evidence: &Evidence, rows: &[&Scored]) -> Vec<CaseRun> {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for row in rows {
        *counts.entry(row.run).or_default() += 1;
    }
    let (market, product) = (evidence.market.code(), evidence.product.name());
    let mut runs: Vec<CaseRun> = counts
        .into_iter()
        .map(|(place, n)| {
            let run = evidence.runs[place].clone();
            let as_of = run.issued_at.format("%Y-%m-%dT%H:%M:%S%.fZ");
            CaseRun {
                link: format!("/api/forecast?market={market}&product={product}&as_of={as_of}"),
                run_id: run.run_id,
                issued_at: run.issued_at,
                known_until: run.known_until,
                model_id: run.model_id,
                model_label: run.model_label,
                inputs_hash: run.inputs_hash,
                n,
            }
        })
        .collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run.n));
    runs
}
