//! Days of prices to forecast: a made-up market, and the real ones of the open benchmark.

use std::io::Read;
use std::path::PathBuf;

use crate::algorithms::forecasting::days::{Day, DayHistory, HOURS};

/// Numbers between 0 and 1 that are the same in every run.
pub(in crate::algorithms::forecasting) struct Dice(pub u64);

impl Dice {
    pub(in crate::algorithms::forecasting) fn roll(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Owned days of a market.
#[derive(Clone)]
pub(in crate::algorithms::forecasting) struct Market {
    /// Date of every day, empty for a made-up market.
    pub dates: Vec<String>,
    pub prices: Vec<Day>,
    pub exogenous: Vec<Vec<Day>>,
    pub weekdays: Vec<u8>,
}

impl Market {
    /// `days` days whose price is a linear function of a load that is known, the weekday and chance.
    pub(in crate::algorithms::forecasting) fn invented(days: usize, noise: f64) -> Self {
        let mut dice = Dice(7);
        let mut market =
            Self { dates: vec![], prices: vec![], exogenous: vec![vec![]], weekdays: vec![] };
        let mut wave = 0.0;
        for day in 0..days {
            wave = 0.7 * wave + dice.roll() - 0.5;
            let weekday = day % 7;
            let load: Day = std::array::from_fn(|hour| {
                50.0 + 10.0 * wave + 3.0 * (hour as f64 / 4.0).sin() + 2.0 * (dice.roll() - 0.5)
            });
            let weekend = if weekday > 4 { -8.0 } else { 0.0 };
            market
                .prices
                .push(load.map(|load| load - 10.0 + weekend + noise * (dice.roll() - 0.5)));
            market.exogenous[0].push(load);
            market.weekdays.push(u8::try_from(weekday).unwrap());
        }
        market
    }

    /// A market of the open benchmark, its first day a Sunday or Monday called weekday 0.
    pub(in crate::algorithms::forecasting) fn real(name: &str) -> Option<Self> {
        let text = shared(&format!("{name}.csv.gz"))?;
        let mut market =
            Self { dates: vec![], prices: vec![], exogenous: vec![vec![]; 2], weekdays: vec![] };
        let lines: Vec<Vec<&str>> = text.lines().skip(1).map(|l| l.split(',').collect()).collect();
        for (day, hours) in lines.chunks_exact(HOURS).enumerate() {
            let column = |index: usize| -> Day {
                std::array::from_fn(|hour| hours[hour][index].parse().unwrap())
            };
            market.dates.push(hours[0][0][..10].to_owned());
            market.prices.push(column(1));
            market.exogenous[0].push(column(2));
            market.exogenous[1].push(column(3));
            market.weekdays.push(u8::try_from(day % 7).unwrap());
        }
        Some(market)
    }

    /// Calls `ask` with the days as models read them.
    pub(in crate::algorithms::forecasting) fn history<T>(
        &self,
        ask: impl FnOnce(&DayHistory<'_>) -> T,
    ) -> T {
        let exogenous: Vec<&[Day]> = self.exogenous.iter().map(Vec::as_slice).collect();
        ask(&DayHistory {
            prices_eur_mwh: &self.prices,
            exogenous: &exogenous,
            weekdays: &self.weekdays,
            flags: &[],
        })
    }
}

/// Published forecasts of the model in the column `model`, by date.
pub(in crate::algorithms::forecasting) fn published(
    market: &str,
    model: &str,
    date: &str,
) -> Option<Day> {
    let text = shared(&format!("Forecasts_{market}_DNN_LEAR_ensembles.csv.gz"))?;
    let column = text.lines().next()?.split(',').position(|name| name == model)?;
    let rows = text.lines().filter(|line| line.starts_with(date));
    let values = rows.map(|line| line.split(',').nth(column).unwrap().parse().unwrap());
    values.collect::<Vec<f64>>().try_into().ok()
}

/// Text of a file of the benchmark, if the shared data are there.
fn shared(file: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "tests find the shared data by environment")]
    let shared = std::env::var("LUNA_SHARED_DIR").map(PathBuf::from);
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let path = shared.unwrap_or(beside).join("data/epf").join(file);
    let mut text = String::new();
    let file = std::fs::File::open(path).ok()?;
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).ok()?;
    Some(text)
}
