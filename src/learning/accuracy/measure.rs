//! Errors of points, coverage and width of bands, reliability of quantiles.

use std::collections::BTreeMap;

use super::model::{Calibration, HourAccuracy, Measures, QuantileReliability, Scored};
use crate::algorithms::forecasting::QUANTILES;
use crate::algorithms::forecasting::scores::pinball_loss;

/// The errors of `rows`; absent without any: no error is not an error of zero.
pub fn measure<'a>(rows: impl Iterator<Item = &'a Scored>) -> Option<Measures> {
    let rows: Vec<&Scored> = rows.collect();
    let n = rows.len();
    if n == 0 {
        return None;
    }
    let mean = |of: &dyn Fn(&Scored) -> f64| rows.iter().map(|row| of(row)).sum::<f64>() / n as f64;
    let error = |row: &Scored| row.forecast_eur_mwh - row.actual_eur_mwh;
    let inside = |low: usize, high: usize| {
        100.0
            * mean(&|row| {
                let band = row.quantiles_eur_mwh[low]..=row.quantiles_eur_mwh[high];
                f64::from(u8::from(band.contains(&row.actual_eur_mwh)))
            })
    };
    let width = |low: usize, high: usize| {
        mean(&|row| row.quantiles_eur_mwh[high] - row.quantiles_eur_mwh[low])
    };
    let against: Vec<(f64, f64)> = rows
        .iter()
        .filter_map(|row| Some((error(row).abs(), (row.naive_eur_mwh? - row.actual_eur_mwh).abs())))
        .collect();
    let n_naive = against.len();
    let (own, naive) = against.iter().fold((0.0, 0.0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
    // Prices that repeat the week before to the cent leave nothing to be better than.
    let rmae = (naive > 0.0).then(|| own / naive);
    Some(Measures {
        n,
        mae: mean(&|row| error(row).abs()),
        rmse: mean(&|row| error(row).powi(2)).sqrt(),
        bias: mean(&error),
        pinball: mean(&pinball),
        coverage_50_percent: inside(2, 4),
        coverage_80_percent: inside(1, 5),
        coverage_90_percent: inside(0, 6),
        width_50: width(2, 4),
        width_80: width(1, 5),
        width_90: width(0, 6),
        hours_ahead: mean(&|row| row.hours_ahead),
        n_naive,
        naive_mae: (n_naive > 0).then(|| naive / n_naive as f64),
        rmae,
        skill_percent: rmae.map(|rmae| 100.0 * (1.0 - rmae)),
    })
}

fn pinball(row: &Scored) -> f64 {
    let losses = QUANTILES
        .iter()
        .zip(row.quantiles_eur_mwh)
        .map(|(level, value)| pinball_loss(row.actual_eur_mwh, value, *level));
    losses.sum::<f64>() / QUANTILES.len() as f64
}

/// Errors by lead hour, nearest first.
pub(super) fn by_hour(rows: &[Scored]) -> Vec<HourAccuracy> {
    #[derive(Default)]
    struct Sum {
        n: usize,
        error: f64,
        naive: f64,
        n_naive: usize,
    }
    let mut sums: BTreeMap<i32, Sum> = BTreeMap::new();
    for row in rows {
        let sum = sums.entry(row.lead_hour).or_default();
        sum.n += 1;
        sum.error += (row.forecast_eur_mwh - row.actual_eur_mwh).abs();
        if let Some(naive) = row.naive_eur_mwh {
            sum.n_naive += 1;
            sum.naive += (naive - row.actual_eur_mwh).abs();
        }
    }
    let hour = |(lead_hour, sum): (i32, Sum)| HourAccuracy {
        lead_hour,
        n: sum.n,
        mae: sum.error / sum.n as f64,
        // A mean over other delivery periods could not be compared.
        naive_mae: (sum.n_naive == sum.n).then(|| sum.naive / sum.n as f64),
    };
    sums.into_iter().map(hour).collect()
}

/// Reliability of the quantiles of `rows`, which are of one lead day; absent without any.
pub(super) fn calibration(lead_day: i16, rows: &[&Scored]) -> Option<Calibration> {
    let n = rows.len();
    if n == 0 {
        return None;
    }
    let quantiles = QUANTILES.iter().enumerate().map(|(place, level)| {
        let below = rows.iter().filter(|row| row.actual_eur_mwh <= row.quantiles_eur_mwh[place]);
        QuantileReliability {
            level_percent: 100.0 * level,
            below_percent: 100.0 * below.count() as f64 / n as f64,
            n,
        }
    });
    Some(Calibration { lead_day, quantiles: quantiles.collect() })
}
