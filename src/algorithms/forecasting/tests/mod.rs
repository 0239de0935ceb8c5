//! Tests of the models through their public face.

mod behaviour;
mod benchmark;
mod day_scores;
pub(super) mod market;
mod numbers;
mod stored;

use ndarray::Array2;
use serde_json::{Value, json};

use super::{Algorithm, Model, Params, RowKey, Table, fit};

/// Algorithms that forecast a row from its own features alone.
const ROW_WISE: [Algorithm; 4] =
    [Algorithm::Naive, Algorithm::Linear, Algorithm::Lightgbm, Algorithm::RandomForest];

/// A fit that nobody cancels or watches.
fn fitted(algorithm: Algorithm, params: &Value, train: &Table, valid: &Table) -> Model {
    let params = Params::from_value(params.clone());
    fit(algorithm, &params, train, valid, &|| false, &mut |_| {}).unwrap().model
}

/// Parameters that make trees small and quick.
fn quick(algorithm: Algorithm) -> Value {
    match algorithm {
        Algorithm::Naive | Algorithm::Linear | Algorithm::Lear => json!({}),
        Algorithm::Ensemble => json!({"record_days": 7, "num_threads": 1}),
        Algorithm::Lightgbm => {
            json!({
                "num_iterations": 20, "num_leaves": 7, "learning_rate": 0.2, "num_threads": 1,
            })
        }
        Algorithm::RandomForest => json!({"num_iterations": 10, "num_leaves": 7, "num_threads": 1}),
    }
}

/// `days` days of hourly rows from day `first`: prices with a daily and a weekly shape, some below
/// zero, a little deterministic noise, and holes in two columns.
fn sample(first: i32, days: i32) -> Table {
    let features = ["lag_24h", "lag_168h", "weekday", "hour", "load", "anchor_mean"];
    let (mut x, mut y, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    for day in first..first + days {
        for hour in 0..24_i32 {
            let anchor = (0..24).map(|hour| price(day - 1, hour)).sum::<f64>() / 24.0;
            let load = if (day + hour) % 11 == 0 { f64::NAN } else { load(day, hour) };
            let lag = if (day + hour) % 37 == 0 { f64::NAN } else { price(day - 1, hour) };
            let weekday = f64::from(day.rem_euclid(7));
            let row = [lag, price(day - 7, hour), weekday, f64::from(hour), load, anchor];
            #[expect(clippy::cast_possible_truncation, reason = "features are f32")]
            x.extend(row.iter().map(|value| *value as f32));
            y.push(price(day, hour));
            groups.push(RowKey { day, slot: u16::try_from(hour).unwrap(), lead_day: 1 });
        }
    }
    let x = Array2::from_shape_vec((y.len(), features.len()), x).unwrap();
    Table { features: features.map(str::to_owned).to_vec(), x, y, groups }
}

fn load(day: i32, hour: i32) -> f64 {
    let weekend = if day.rem_euclid(7) >= 5 { 0.8 } else { 1.0 };
    weekend * (50.0 + 15.0 * (f64::from(hour - 6) / 24.0 * std::f64::consts::TAU).sin())
}

fn price(day: i32, hour: i32) -> f64 {
    let noise = (f64::from(day * 24 + hour) * 0.618_033_988_75).rem_euclid(1.0) - 0.5;
    1.5 * load(day, hour) - 55.0 + 10.0 * (f64::from(day) / 9.0).sin() + 6.0 * noise
}
