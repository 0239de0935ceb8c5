//! Feature tables against plain loops over arrays, and against pandas where it is installed.

use std::ops::Range;
use std::time::{Duration, Instant};

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::model::{BenchError, Benchmark, Figure, Gate, Plan, Sides, even, median_s};
use super::pandas::Pandas;
use crate::base::ids::Market;
use crate::base::timeline::AsOf;
use crate::base::timeline::add_days;
use crate::base::timeline::at_local;
use crate::base::timeline::days_range;
use crate::learning::features;
use crate::learning::features::FeatureSpec;
use crate::learning::features::MarketHistory;
use crate::learning::features::Origin;
use crate::learning::features::Vintages;
use crate::platform::runtime::CpuPool;

/// The columns, in their order.
const COLUMNS: [&str; 16] = [
    "hour",
    "hour_sin",
    "weekday",
    "month",
    "lag_24h",
    "lag_48h",
    "lag_168h",
    "lag_336h",
    "price_mean_24h",
    "price_mean_168h",
    "price_slot_mean_7d",
    "anchor_mean",
    "anchor_min",
    "anchor_max",
    "anchor_std",
    "price_week_ago_mean",
];
const WIDTH: usize = COLUMNS.len();
const ZONE: Tz = Tz::Europe__Zurich;
const INTERVAL_S: i32 = 900;
/// Quarter hours of an hour and of an ordinary day.
const HOUR: usize = 4;
const DAY: usize = 24 * HOUR;
/// Days before the first that is a row: the longest lag and one more.
const BEFORE: usize = 15;
/// The first day of the prices.
const FIRST: NaiveDate = NaiveDate::from_ymd_opt(1996, 1, 1).expect("it is a date");
/// How far two ways may be apart: single precision knows a price to about a hundred thousandth.
const APART_MAX: f64 = 1e-4;
/// The promises.
const LOOPS_MOST: f64 = 3.0;
const PANDAS_LEAST: f64 = 5.0;
/// Rounds of pandas, which takes seconds.
const PANDAS_ROUNDS_MAX: usize = 3;
const COMPARES: &str = "features::build of the first lead day, quarter hours with two clock changes a \
    year, each price read as it was known at the issue time, against loops over plain arrays that know \
    nothing of issue times; all ways give equal numbers";

/// The series that all ways read.
pub(super) struct Series {
    first: DateTime<Utc>,
    prices: Vec<f64>,
    /// Days that are rows.
    days: usize,
}

/// Makes the same rows by every way in turn.
pub async fn features(plan: &Plan) -> Result<Figure, BenchError> {
    let plan = *plan;
    CpuPool::new(None).run("bench.features", move || measure(&plan)).await?
}

fn measure(plan: &Plan) -> Result<Figure, BenchError> {
    let series = Series::new(plan.feature_rows.div_ceil(DAY));
    let (history, origins) = (series.history()?, series.origins());
    let spec = FeatureSpec::standard(INTERVAL_S, &[]).only(&COLUMNS);
    let ours = || features::build(&history, &spec, &origins, &(1..=1));
    let floor = || loops(&series);
    let table = ours();
    let rows = table.len();
    let x = table.table.x.as_slice().unwrap_or_default();
    let apart = check("plain loops", &spec, x, &floor())?;
    let pandas = Pandas::find();
    let peer = pandas.map(|pandas| {
        let rounds = plan.rounds.min(PANDAS_ROUNDS_MAX);
        let (times, found) = pandas.features(&series.prices, series.first, BEFORE, rounds)?;
        Ok::<_, BenchError>((times, check("pandas", &spec, x, &found)?))
    });
    let peer = peer.transpose()?;
    drop(table);

    let (mut our_times, mut floor_times) = (Vec::new(), Vec::new());
    for round in 0..=plan.rounds {
        let (our, floor) = if round % 2 == 0 {
            let our = timed(ours);
            (our, timed(floor))
        } else {
            let floor = timed(floor);
            (timed(ours), floor)
        };
        if round > 0 {
            our_times.push(our);
            floor_times.push(floor);
        }
    }
    let millis = |times: &[Duration]| median_s(times) * 1e3;
    let sides = Sides { ours: millis(&our_times), floor: millis(&floor_times) };
    let size = (rows, plan.rounds);
    let about = (COMPARES, "ms");
    let figure = Figure::new(Benchmark::Features, about, sides, Gate::AtMost(LOOPS_MOST), size)
        .with("columns", "", WIDTH as f64)
        .with("furthest from plain loops", "", apart);
    Ok(match peer {
        None => figure.noting("pandas not found: install it for the python3 in the path"),
        Some((times, apart)) => {
            let times_as_fast = millis(&times) / sides.ours;
            let mut figure = figure
                .with("pandas", "ms", millis(&times))
                .with("furthest from pandas", "", apart)
                .with("times as fast as pandas, promised 5", "", times_as_fast);
            figure.passed &= times_as_fast >= PANDAS_LEAST;
            figure
        }
    })
}

fn timed<T>(work: impl Fn() -> T) -> Duration {
    let started = Instant::now();
    let made = work();
    let elapsed = started.elapsed();
    drop(std::hint::black_box(made));
    elapsed
}

/// How far two ways are apart at most; refuses to time ways that differ.
fn check(
    who: &'static str,
    spec: &FeatureSpec,
    ours: &[f32],
    theirs: &[f32],
) -> Result<f64, BenchError> {
    if spec.names() != COLUMNS || ours.len() != theirs.len() || ours.is_empty() {
        let why = format!("{who}: {} cells, not {}", theirs.len(), ours.len());
        return Err(BenchError::Differs(why));
    }
    let mut furthest = 0.0_f64;
    for (cell, (our, their)) in ours.iter().zip(theirs).enumerate() {
        let apart = (f64::from(*our) - f64::from(*their)).abs();
        // Not «greater than», which would let NaN pass.
        if apart.is_nan() || apart > APART_MAX {
            let (row, column) = (cell / WIDTH, COLUMNS[cell % WIDTH]);
            let why = format!("{who}: {column} of row {row} is {their}, not {our}");
            return Err(BenchError::Differs(why));
        }
        furthest = furthest.max(apart);
    }
    Ok(furthest)
}

impl Series {
    fn new(days: usize) -> Self {
        let last = add_days(FIRST, whole(BEFORE + days) - 1);
        let range = days_range(FIRST, last, ZONE);
        let count = range.slots(INTERVAL_S).count();
        let turn = |place: usize, of: f64| (place as f64 * std::f64::consts::TAU / of).sin();
        let price = |place: usize| {
            60.0 + 30.0 * turn(place, 96.0) + 10.0 * turn(place, 672.0) + 20.0 * even(place as u64)
        };
        Self { first: range.from, prices: (0..count).map(price).collect(), days }
    }

    /// Every day was published at one o'clock on the day before.
    fn history(&self) -> Result<MarketHistory, BenchError> {
        let market = Market::parse("CH");
        let market = market.map_err(|error| BenchError::Differs(error.to_string()))?;
        let mut points = Vec::with_capacity(self.prices.len());
        let mut at = self.first;
        for day in 0..BEFORE + self.days {
            let date = add_days(FIRST, whole(day));
            let known_at = at_local(add_days(date, -1), clock(13), ZONE);
            let end = at_local(add_days(date, 1), NaiveTime::MIN, ZONE);
            while at < end {
                points.push((at, known_at, self.prices[points.len()]));
                at += TimeDelta::seconds(INTERVAL_S.into());
            }
        }
        let prices = Vintages::new(INTERVAL_S, points);
        Ok(MarketHistory { market, prices, exogenous: Vec::new() })
    }

    /// Forecasts are issued at ten o'clock on the day before delivery.
    fn origins(&self) -> Vec<Origin> {
        let anchors = (BEFORE - 1..BEFORE - 1 + self.days).map(|day| add_days(FIRST, whole(day)));
        let origin = |anchor: NaiveDate| Origin {
            issued_at: AsOf(at_local(anchor, clock(10), ZONE)),
            anchor,
        };
        anchors.map(origin).collect()
    }
}

/// What is needed of a day, as arrays.
struct DayTable {
    /// Place of the first price of every day, and behind the last one.
    begins: Vec<usize>,
    month: Vec<f32>,
    weekday: Vec<f32>,
    /// Prices by wall-clock slot, 96 a day.
    grid: Vec<f64>,
    mean: Vec<f64>,
    min: Vec<f64>,
    max: Vec<f64>,
    deviation: Vec<f64>,
}

/// The columns by loops over arrays.
fn loops(series: &Series) -> Vec<f32> {
    let prices = series.prices.as_slice();
    let days = day_table(series);
    let mut sums = Vec::with_capacity(prices.len() + 1);
    let mut sum = 0.0;
    sums.push(sum);
    for price in prices {
        sum += price;
        sums.push(sum);
    }
    let sines: [f64; DAY] =
        std::array::from_fn(|slot| (slot as f64 / DAY as f64 * std::f64::consts::TAU).sin());
    let rows = days.begins[BEFORE + series.days] - days.begins[BEFORE];
    let mut x = Vec::with_capacity(rows * WIDTH);
    for day in BEFORE..BEFORE + series.days {
        let (anchor, end) = (day - 1, days.begins[day]);
        let mean_24h = (sums[end] - sums[end - DAY]) / DAY as f64;
        let mean_168h = (sums[end] - sums[end - 7 * DAY]) / (7 * DAY) as f64;
        let mut week = [0.0; DAY];
        for back in 0..7 {
            let of_day = &days.grid[(anchor - back) * DAY..][..DAY];
            for slot in 0..DAY {
                week[slot] += of_day[slot];
            }
        }
        for slot in slots(days.begins[day + 1] - days.begins[day]) {
            x.extend_from_slice(&[
                (slot / HOUR) as f32,
                single(sines[slot]),
                days.weekday[day],
                days.month[day],
                single(days.grid[anchor * DAY + slot]),
                single(days.grid[(anchor - 1) * DAY + slot]),
                single(days.grid[(day - 7) * DAY + slot]),
                single(days.grid[(day - 14) * DAY + slot]),
                single(mean_24h),
                single(mean_168h),
                single(week[slot] / 7.0),
                single(days.mean[anchor]),
                single(days.min[anchor]),
                single(days.max[anchor]),
                single(days.deviation[anchor]),
                single(days.mean[day - 7]),
            ]);
        }
    }
    x
}

fn day_table(series: &Series) -> DayTable {
    let (prices, count) = (series.prices.as_slice(), BEFORE + series.days);
    let mut days = DayTable {
        begins: Vec::with_capacity(count + 1),
        month: Vec::with_capacity(count),
        weekday: Vec::with_capacity(count),
        grid: vec![0.0; count * DAY],
        mean: Vec::with_capacity(count),
        min: Vec::with_capacity(count),
        max: Vec::with_capacity(count),
        deviation: Vec::with_capacity(count),
    };
    for day in 0..=count {
        let date = add_days(FIRST, whole(day));
        let passed = at_local(date, NaiveTime::MIN, ZONE) - series.first;
        let begin = passed.num_seconds() / i64::from(INTERVAL_S);
        days.begins.push(usize::try_from(begin).unwrap_or(0));
        days.month.push(date.month() as f32);
        days.weekday.push(date.weekday().num_days_from_monday() as f32);
    }
    for day in 0..count {
        let of_day = &prices[days.begins[day]..days.begins[day + 1]];
        let into = &mut days.grid[day * DAY..(day + 1) * DAY];
        by_slot(of_day, into);
        let (mut sum, mut min, mut max) = (0.0, f64::INFINITY, f64::NEG_INFINITY);
        for price in of_day {
            sum += price;
            min = price.min(min);
            max = price.max(max);
        }
        let mean = sum / of_day.len() as f64;
        let mut squares = 0.0;
        for price in of_day {
            squares += (price - mean) * (price - mean);
        }
        days.mean.push(mean);
        days.min.push(min);
        days.max.push(max);
        days.deviation.push((squares / of_day.len() as f64).sqrt());
    }
    days
}

/// The hour from two to three, which the clock skips in spring and doubles in autumn.
const CHANGE: Range<usize> = 2 * HOUR..3 * HOUR;

/// Wall-clock slots of a day of so many quarter hours.
fn slots(count: usize) -> impl Iterator<Item = usize> {
    let (skipped, doubled) = (DAY.saturating_sub(count), count.saturating_sub(DAY));
    (0..CHANGE.start).chain(CHANGE.skip(skipped)).chain(CHANGE.take(doubled)).chain(CHANGE.end..DAY)
}

fn by_slot(of_day: &[f64], into: &mut [f64]) {
    if of_day.len() == DAY {
        into.copy_from_slice(of_day);
        return;
    }
    let is_short = of_day.len() < DAY;
    for slot in 0..DAY {
        into[slot] = if slot < CHANGE.start {
            of_day[slot]
        } else if CHANGE.contains(&slot) {
            if is_short {
                f64::midpoint(of_day[slot - HOUR], of_day[slot])
            } else {
                f64::midpoint(of_day[slot], of_day[slot + HOUR])
            }
        } else if is_short {
            of_day[slot - HOUR]
        } else {
            of_day[slot + HOUR]
        };
    }
}

fn clock(hour: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or_default()
}

fn whole(days: usize) -> i64 {
    i64::try_from(days).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "features are in single precision")]
const fn single(value: f64) -> f32 {
    value as f32
}
