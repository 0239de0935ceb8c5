//! The models on the German series of the open benchmark (Lago et al. 2021), when it is at hand.

use std::io::Read;
use std::path::PathBuf;

use ndarray::Array2;

use super::fitted;
use crate::algorithms::forecasting::scores::{NaiveReference, WEEKLY_NAIVE, score};
use crate::algorithms::forecasting::{Algorithm, RowKey, Table};

/// Hourly columns, 24 values a day; the first day is Monday 2012-01-09.
pub(super) struct Series {
    price: Vec<f64>,
    load: Vec<f64>,
    renewables: Vec<f64>,
}

/// Day of the series that is 2017-12-31.
const LAST_DAY: usize = 2_183;

impl Series {
    pub(super) fn read() -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "tests find the shared data by environment")]
        let shared = std::env::var("LUNA_SHARED_DIR").map(PathBuf::from);
        let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
        let path = shared.unwrap_or(beside).join("data/epf/DE.csv.gz");
        let file = std::fs::File::open(path).ok()?;
        let mut text = String::new();
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).ok()?;
        let mut series = Self { price: Vec::new(), load: Vec::new(), renewables: Vec::new() };
        for line in text.lines().skip(1) {
            let mut values = line.split(',').skip(1).map(|value| value.parse::<f64>().unwrap());
            series.price.push(values.next().unwrap());
            series.load.push(values.next().unwrap());
            series.renewables.push(values.next().unwrap());
        }
        Some(series)
    }

    /// Features of the days `from..to`, known before the auction of their day.
    pub(super) fn table(&self, from: usize, to: usize) -> Table {
        let mut features: Vec<String> = Vec::new();
        let (mut x, mut y, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        for day in from..to {
            for hour in 0..24 {
                let row = self.row(day, hour);
                if features.is_empty() {
                    features = row.iter().map(|(name, _)| (*name).to_owned()).collect();
                }
                #[expect(clippy::cast_possible_truncation, reason = "features are f32")]
                x.extend(row.iter().map(|(_, value)| *value as f32));
                y.push(self.price[24 * day + hour]);
                let (day, slot) = (i32::try_from(day).unwrap(), u16::try_from(hour).unwrap());
                groups.push(RowKey { day, slot, lead_day: 1 });
            }
        }
        let x = Array2::from_shape_vec((y.len(), features.len()), x).unwrap();
        Table { features, x, y, groups }
    }

    fn row(&self, day: usize, hour: usize) -> Vec<(&'static str, f64)> {
        let at = 24 * day + hour;
        let yesterday = &self.price[24 * (day - 1)..24 * day];
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let low = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let today = 24 * day..24 * (day + 1);
        let (load, renewables) = (&self.load, &self.renewables);
        let next = (at + 1).min(24 * day + 23);
        let before = (at - 1).max(24 * day);
        let week: f64 = (1..=7).map(|days| self.price[at - 24 * days]).sum::<f64>() / 7.0;
        let year_day = (day + 8) as f64 % 365.25;
        vec![
            ("hour", hour as f64),
            ("weekday", (day % 7) as f64),
            ("day_of_year", year_day),
            ("lag_24h", self.price[at - 24]),
            ("lag_48h", self.price[at - 48]),
            ("lag_72h", self.price[at - 72]),
            ("lag_168h", self.price[at - 168]),
            ("price_hour_before", yesterday[hour.saturating_sub(1)]),
            ("price_hour_after", yesterday[(hour + 1).min(23)]),
            ("price_last", yesterday[23]),
            ("price_last_but_one", yesterday[22]),
            ("price_week_mean", week),
            ("price_min", low(yesterday)),
            ("price_max", high(yesterday)),
            ("anchor_mean", mean(yesterday)),
            ("load", load[at]),
            ("load_before", load[before]),
            ("load_after", load[next]),
            ("load_mean", mean(&load[today.clone()])),
            ("load_max", high(&load[today.clone()])),
            ("load_min", low(&load[today.clone()])),
            ("load_yesterday", load[at - 24]),
            ("load_week_ago", load[at - 168]),
            ("renewables", renewables[at]),
            ("renewables_before", renewables[before]),
            ("renewables_after", renewables[next]),
            ("renewables_mean", mean(&renewables[today.clone()])),
            ("renewables_max", high(&renewables[today.clone()])),
            ("renewables_min", low(&renewables[today])),
            ("renewables_yesterday", renewables[at - 24]),
            ("renewables_week_ago", renewables[at - 168]),
            ("renewables_mean_yesterday", mean(&renewables[24 * (day - 1)..24 * day])),
            ("residual", load[at] - renewables[at] / 2.0),
            ("renewables_change", renewables[at] - renewables[at - 24]),
            ("load_change", load[at] - load[at - 24]),
        ]
    }
}

/// A year of training, 56 days of calibration, the last 60 days of 2017: better than three quarters
/// of the weekly naive forecast's error, with bands that hold.
#[test]
fn models_beat_the_weekly_naive_forecast_on_real_prices() {
    let Some(series) = Series::read() else {
        eprintln!("skipped: models_beat_the_weekly_naive_forecast: no shared benchmark data");
        return;
    };
    let first = LAST_DAY + 1 - 60;
    let train = series.table(first - 420, first - 56);
    let (valid, test) = (series.table(first - 56, first), series.table(first, LAST_DAY + 1));
    let week = test.column("lag_168h").unwrap();
    let naive: Vec<f64> = test.x.column(week).iter().map(|value| f64::from(*value)).collect();
    let boosted =
        serde_json::json!({"num_iterations": 100, "learning_rate": 0.1, "num_leaves": 15});
    for (algorithm, params) in
        [(Algorithm::Linear, serde_json::json!({})), (Algorithm::Lightgbm, boosted)]
    {
        let model = fitted(algorithm, &params, &train, &valid);
        let forecast = model.predict(&test).unwrap();
        let reference = NaiveReference { forecast: &naive, definition: WEEKLY_NAIVE };
        let quantiles = Some(forecast.quantiles.as_slice());
        let scores = score(&test.y, &forecast.mean, quantiles, Some(reference)).unwrap();
        let (rmae, bands) = (scores.rmae.unwrap(), scores.bands.unwrap());
        eprintln!("{algorithm}: MAE {:.3}, rMAE {:.3}, {bands:?}", scores.mae, rmae.value);
        assert!(rmae.value < 0.75, "{algorithm}: {}", rmae.value);
        assert!((60.0..=95.0).contains(&bands.coverage_80_percent), "{algorithm}: {bands:?}");
        assert!(bands.pinball < scores.mae / 2.0, "{algorithm}: {bands:?}");
    }
}
