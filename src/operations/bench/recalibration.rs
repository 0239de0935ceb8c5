//! A day of the whole pool of models, loaded from where it was stored, in processor time.

use std::time::Instant;

use super::model::{BenchError, Benchmark, Figure, Gate, Plan, Sides, even, median};
use crate::algorithms::forecasting::days::Day;
use crate::algorithms::forecasting::days::DayHistory;
use crate::algorithms::forecasting::pool::Pool;
use crate::algorithms::forecasting::pool::PoolDays;
use crate::algorithms::forecasting::pool::PoolSettings;
use crate::algorithms::forecasting::pool::Work;
use crate::learning::benchmark::cpu_seconds;
use crate::platform::runtime::CpuPool;

/// Days that the pool has learned from: six years.
const HISTORY_DAYS: usize = 2_190;
/// Days after which the stack begins, early so that it is measured too.
const STACK_AFTER_DAYS: usize = 7;
/// The promise, in seconds of processor time.
const PROMISED_CPU_S: f64 = 10.0;
const COMPARES: &str = "the dearest of consecutive days of the whole pool on six years of hourly prices \
    with two series beside them, each loaded from the stored form of the day before, in processor \
    seconds, against the promised ten";

/// Made-up days of prices and of what drives them.
struct Market {
    prices: Vec<Day>,
    exogenous: [Vec<Day>; 2],
    weekdays: Vec<u8>,
    year_days: Vec<u16>,
    flags: [Vec<f64>; 3],
}

/// Goes on with the pool day after day.
pub async fn recalibration(plan: &Plan) -> Result<Figure, BenchError> {
    let days = plan.pool_days;
    let pool = CpuPool::new(None);
    let settings =
        PoolSettings { stack_after_days: STACK_AFTER_DAYS, ..PoolSettings::day_by_day() };
    pool.run("bench.pool", move || recalibrate(settings, HISTORY_DAYS, days)).await?
}

/// Measures `days` days behind a history of so many.
pub(super) fn recalibrate(
    settings: PoolSettings,
    history: usize,
    days: usize,
) -> Result<Figure, BenchError> {
    let failed = |why: String| BenchError::Differs(format!("the pool does not go on: {why}"));
    let market = Market::of(history + days + 1);
    let exogenous: Vec<&[Day]> = market.exogenous.iter().map(Vec::as_slice).collect();
    let flags: Vec<&[f64]> = market.flags.iter().map(Vec::as_slice).collect();
    let days_of = DayHistory {
        prices_eur_mwh: &market.prices,
        exogenous: &exogenous,
        weekdays: &market.weekdays,
        flags: &flags,
    };
    let all = PoolDays { history: days_of, year_days: &market.year_days };
    let work = Work { threads: 1, cancel: &|| false, progress: &|_| {} };
    let mut pool = Pool::new(settings, history).map_err(|error| failed(error.to_string()))?;
    let (mut costs, mut loads, mut stored) = (Vec::new(), Vec::new(), Vec::new());
    for day in history..=history + days {
        let started = Cost::begin();
        if day > history {
            pool = serde_json::from_slice(&stored).map_err(|error| failed(error.to_string()))?;
        }
        loads.push(started.seconds());
        pool.extend(&all, day, work).map_err(|error| failed(error.to_string()))?;
        costs.push(started.seconds());
        stored = serde_json::to_vec(&pool).map_err(|error| failed(error.to_string()))?;
    }
    // The first day fits everything, as a training does.
    let (first, later) = (costs[0], &costs[1..]);
    let dearest = later.iter().copied().fold(0.0, f64::max);
    let sides = Sides { ours: dearest, floor: PROMISED_CPU_S };
    let about = (COMPARES, "CPU-s");
    let figure = Figure::new(Benchmark::Recalibration, about, sides, Gate::AtMost(1.0), (days, 1));
    Ok(figure
        .with("median day", "CPU-s", median(later))
        .with("a day that fits everything", "CPU-s", first)
        .with("loading", "CPU-s", median(&loads[1..]))
        .with("stored", "MB", stored.len() as f64 / 1e6))
}

/// Processor time since a moment, or time where the system does not tell.
struct Cost {
    cpu_s: Option<f64>,
    at: Instant,
}

impl Cost {
    fn begin() -> Self {
        Self { cpu_s: cpu_seconds(), at: Instant::now() }
    }

    fn seconds(&self) -> f64 {
        let used = cpu_seconds().zip(self.cpu_s).map(|(now, before)| now - before);
        used.unwrap_or_else(|| self.at.elapsed().as_secs_f64())
    }
}

impl Market {
    fn of(days: usize) -> Self {
        let turn = |hour: usize, of: f64| (hour as f64 * std::f64::consts::TAU / of).sin();
        let load = |hour: usize| 50.0 + 8.0 * turn(hour, 24.0) + 4.0 * turn(hour, 168.0);
        let wind = |hour: usize| 20.0 + 10.0 * turn(hour, 61.0) + 6.0 * even(hour as u64 / 6);
        let price = |hour: usize| {
            let noise = 12.0 * (even(hour as u64 | 1 << 40) - 0.5);
            2.0 * load(hour) - 1.5 * wind(hour) + 20.0 * turn(hour, 8_766.0) + noise
        };
        let series = |value: &dyn Fn(usize) -> f64| -> Vec<Day> {
            (0..days).map(|day| std::array::from_fn(|hour| value(day * 24 + hour))).collect()
        };
        let small = |number: usize| u16::try_from(number).unwrap_or(1);
        let flag = |every: usize| {
            (0..days).map(|day| f64::from(u8::from(day % every == 3))).collect::<Vec<f64>>()
        };
        Self {
            prices: series(&price),
            exogenous: [series(&load), series(&wind)],
            weekdays: (0..days).map(|day| u8::try_from(day % 7).unwrap_or(0)).collect(),
            year_days: (0..days).map(|day| small(day % 365 + 1)).collect(),
            flags: [flag(37), flag(91), flag(365)],
        }
    }
}
