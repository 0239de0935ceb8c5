//! Which of two forecasters is better, and whether one has changed: a paired block bootstrap by day
//! and the population stability index.

/// Resamples of a bootstrap.
const RESAMPLES: usize = 2_000;
/// Share of resamples below the bound: one-sided 95 %.
const LEVEL: f64 = 0.05;
/// Bins of the index.
const BINS: usize = 10;
/// Values of an hour that are enough to know what is usual then.
const HOUR_VALUES_MIN: usize = 5;

/// How much better one is than the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gain {
    /// Mean of the differences over all values.
    pub mean: f64,
    /// What the mean exceeds with 95 % confidence.
    pub lower_95: f64,
}

/// The mean gain over days, and its lower bound by resampling whole days with replacement: errors
/// within a day hang together, those of different days hardly do (a block bootstrap with the day as
/// block, Künsch 1989). Each day brings the sum of its differences and their number. The same days
/// give the same bound; none of no days.
pub fn gain_by_days(days: &[(f64, usize)]) -> Option<Gain> {
    let mean_of = |sum: f64, count: usize| sum / count as f64;
    let count: usize = days.iter().map(|day| day.1).sum();
    if count == 0 {
        return None;
    }
    let mean = mean_of(days.iter().map(|day| day.0).sum(), count);
    let mut state = days.len() as u64;
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let (mut sum, mut count) = (0.0, 0);
            for _ in days {
                let day = days[below(&mut state, days.len())];
                sum += day.0;
                count += day.1;
            }
            if count == 0 { mean } else { mean_of(sum, count) }
        })
        .collect();
    means.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a small number"
    )]
    let place = (LEVEL * RESAMPLES as f64) as usize;
    Some(Gain { mean, lower_95: means[place] })
}

/// The next number below `most` of a sequence (`SplitMix64`, Steele et al. 2014).
fn below(state: &mut u64, most: usize) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let wide = u128::from(z ^ (z >> 31)) * most as u128;
    usize::try_from(wide >> 64).unwrap_or(0)
}

/// Population stability index of residuals, `Σ (a − e) · ln(a / e)` over ten bins that hold the same
/// number of reference residuals each. Residuals are taken relative to what was usual at their hour
/// of day in the reference: otherwise every change of season or of the day's shape would alarm.
///
/// Below 0.1 nothing has changed, up to 0.25 something has, above much has. `None` where there is
/// too little to compare.
pub fn stability_by_hour(reference: &[(u32, f64)], recent: &[(u32, f64)]) -> Option<f64> {
    let usual: Vec<Option<(f64, f64)>> = (0..24)
        .map(|hour| {
            let of_hour = reference.iter().filter(|row| row.0 == hour).map(|row| row.1);
            usual(of_hour.collect())
        })
        .collect();
    let relative = |rows: &[(u32, f64)]| -> Vec<f64> {
        let known = rows.iter().filter_map(|(hour, residual)| {
            let (middle, spread) = (*usual.get(*hour as usize)?)?;
            Some((residual - middle) / spread)
        });
        known.collect()
    };
    let (mut expected, actual) = (relative(reference), relative(recent));
    if expected.len() < 10 * BINS || actual.len() < 5 * BINS {
        return None;
    }
    expected.sort_by(f64::total_cmp);
    let edges: Vec<f64> =
        (1..BINS).map(|bin| expected[bin * expected.len() / BINS]).collect();
    let shares = |values: &[f64]| -> Vec<f64> {
        let mut counts = [0.5; BINS];
        for value in values {
            counts[edges.partition_point(|edge| edge <= value)] += 1.0;
        }
        // Half a value in each bin keeps an empty one from weighing infinitely much.
        let all = values.len() as f64 + 0.5 * BINS as f64;
        counts.iter().map(|count| count / all).collect()
    };
    let pairs = shares(&actual).into_iter().zip(shares(&expected));
    Some(pairs.map(|(a, e)| (a - e) * (a / e).ln()).sum())
}

/// Median and mean absolute deviation from it; `None` of too few values.
fn usual(mut values: Vec<f64>) -> Option<(f64, f64)> {
    if values.len() < HOUR_VALUES_MIN {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let middle = values[values.len() / 2];
    let spread = values.iter().map(|value| (value - middle).abs()).sum::<f64>() / values.len() as f64;
    Some((middle, spread.max(1e-9)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gain_on_every_day_is_certain_and_one_on_few_days_is_not() {
        // 24 values a day, each better by 2: every resample has that mean.
        let same = vec![(48.0, 24); 20];
        assert_eq!(gain_by_days(&same), Some(Gain { mean: 2.0, lower_95: 2.0 }));
        // One day brings all of the gain: resamples without it have none, and 0.95^20 = 36 % do.
        let mut lucky = vec![(-2.4, 24); 20];
        lucky[7] = (480.0, 24);
        let gain = gain_by_days(&lucky).unwrap();
        assert!((gain.mean - (480.0 - 19.0 * 2.4) / 480.0).abs() < 1e-12 && gain.mean > 0.9);
        assert!((gain.lower_95 + 0.1).abs() < 1e-12, "{gain:?}");
        // Days alternate between −1 and 3: the mean of 40 has a standard error of 2/√40 = 0.316, so
        // that the bound is near 1 − 1.645 · 0.316 = 0.48.
        let mixed: Vec<(f64, usize)> =
            (0..40).map(|day| (if day % 2 == 0 { -1.0 } else { 3.0 }, 1)).collect();
        let gain = gain_by_days(&mixed).unwrap();
        assert!(gain.mean == 1.0 && (gain.lower_95 - 0.48).abs() < 0.1, "{gain:?}");
        assert_eq!(gain_by_days(&mixed), Some(gain));
        assert_eq!(gain_by_days(&[]), None);
    }

    /// Residuals of `days` days: a shape by hour, and a spread that takes all values in turn.
    fn residuals(days: u32, shift: f64, spread: f64) -> Vec<(u32, f64)> {
        let all = (0..days).flat_map(|day| (0..24).map(move |hour| (day, hour)));
        all.map(|(day, hour)| {
            let turn = f64::from((day * 7 + hour * 5) % 29) / 14.0 - 1.0;
            (hour, f64::from(hour) * 3.0 + shift + spread * turn)
        })
        .collect()
    }

    #[test]
    fn residuals_that_move_are_noticed_and_the_shape_of_the_day_is_not() {
        let reference = residuals(58, 0.0, 5.0);
        let same = stability_by_hour(&reference, &residuals(29, 0.0, 5.0)).unwrap();
        assert!(same < 0.02, "{same}");
        let moved = stability_by_hour(&reference, &residuals(29, 4.0, 5.0)).unwrap();
        assert!(moved > 0.25, "{moved}");
        let wider = stability_by_hour(&reference, &residuals(29, 0.0, 10.0)).unwrap();
        assert!(wider > 0.25, "{wider}");
        // Only nights: other hours than the reference as a whole, and yet nothing has changed.
        let nights: Vec<_> =
            residuals(58, 0.0, 5.0).into_iter().filter(|row| row.0 < 6).collect();
        assert!(stability_by_hour(&reference, &nights).unwrap() < 0.05);
        assert_eq!(stability_by_hour(&reference, &reference[..20]), None);
        assert_eq!(stability_by_hour(&reference[..48], &reference), None);
    }
}
