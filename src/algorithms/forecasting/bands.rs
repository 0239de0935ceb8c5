//! Quantiles of what a model got wrong on rows it had not seen, laid around its forecasts.
//!
//! Split conformal prediction: the q-quantile of the validation residuals, added to the forecast,
//! has coverage q on rows like them. Around quantile models the same correction is conformalised
//! quantile regression (Romano, Patterson, Candès 2019), one offset per level. Residuals are kept
//! apart by lead day and, where it scores better, by time of day (a slot and its neighbours up to an
//! hour away) and by price level (residuals divided by √(1+z²), z the scaled forecast, which is the
//! slope of the asinh transform).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::scores::pinball_loss;
use super::stabiliser::Stabiliser;
use super::table::{QUANTILES, RowKey};

/// Residuals a group needs for quantiles of its own: the 5 % tail then holds at least two.
const GROUP_MIN: usize = 40;
const LEVELS: usize = QUANTILES.len();

/// Offsets per lead day and slot, ready to be added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Bands {
    scale: Option<Stabiliser>,
    leads: BTreeMap<u8, Lead>,
}

/// Offsets of one lead day: of every slot, or one for all slots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Lead {
    all: [f64; LEVELS],
    slots: Vec<[f64; LEVELS]>,
}

/// Rows to calibrate on: forecast quantiles (all equal for a point model), outcome and key.
#[derive(Debug, Clone)]
pub(super) struct Residuals {
    pub base: Vec<[f64; LEVELS]>,
    pub actual: Vec<f64>,
    pub keys: Vec<RowKey>,
    /// Whether the base has widths of its own, so that only offsets are corrected.
    pub quantile_model: bool,
}

/// What is kept apart.
#[derive(Debug, Clone, Copy)]
struct Split {
    by_slot: bool,
    scaled: bool,
}

impl Bands {
    /// Calibrates on `residuals`; how residuals are split is decided by the pinball loss of each
    /// half of them under the offsets of the other half.
    pub fn calibrate(residuals: &Residuals) -> Self {
        let splits = [(false, false), (true, false), (false, true), (true, true)];
        let splits = splits.map(|(by_slot, scaled)| Split { by_slot, scaled });
        let candidates = if residuals.quantile_model { &splits[..2] } else { &splits[..] };
        let middle = residuals.actual.len() / 2;
        let (early, late) = (residuals.part(0, middle), residuals.part(middle, usize::MAX));
        let loss = |split: &Split| {
            Self::with(&early, *split).loss(&late) + Self::with(&late, *split).loss(&early)
        };
        let losses: Vec<f64> = candidates.iter().map(loss).collect();
        let best = (0..candidates.len()).min_by(|a, b| losses[*a].total_cmp(&losses[*b]));
        Self::with(residuals, candidates[best.unwrap_or_default()])
    }

    /// Corrected quantiles of every row, from bands that have not seen its half of the residuals.
    pub fn of_other_half(residuals: &Residuals) -> Vec<[f64; LEVELS]> {
        let middle = residuals.actual.len() / 2;
        let halves = [residuals.part(0, middle), residuals.part(middle, usize::MAX)];
        let bands = halves.each_ref().map(Self::calibrate);
        let [early, late] = &halves;
        let under = |bands: &Self, rows: &Residuals| -> Vec<_> {
            rows.base.iter().zip(&rows.keys).map(|(base, key)| bands.apply(base, *key)).collect()
        };
        [under(&bands[1], early), under(&bands[0], late)].concat()
    }

    fn with(residuals: &Residuals, split: Split) -> Self {
        let forecasts = residuals.base.iter().map(|base| base[LEVELS / 2]);
        let scale = split.scaled.then(|| Stabiliser::of(forecasts));
        let mut rows_of: BTreeMap<u8, Vec<usize>> = BTreeMap::new();
        for (row, key) in residuals.keys.iter().enumerate() {
            rows_of.entry(key.lead_day).or_default().push(row);
        }
        let everything: Vec<usize> = (0..residuals.keys.len()).collect();
        let bands = Self { scale, leads: BTreeMap::new() };
        let lead = |(lead, rows): (u8, Vec<usize>)| {
            let rows = if rows.len() < GROUP_MIN { &everything } else { &rows };
            (lead, bands.lead(residuals, rows, split))
        };
        let mut leads: BTreeMap<u8, Lead> = rows_of.into_iter().map(lead).collect();
        if !residuals.quantile_model {
            widen_with_lead(&mut leads);
        }
        Self { leads, ..bands }
    }

    fn lead(&self, residuals: &Residuals, rows: &[usize], split: Split) -> Lead {
        let all = self.offsets(residuals, rows);
        if !split.by_slot {
            return Lead { all, slots: Vec::new() };
        }
        let slots = 1 + rows.iter().map(|&row| residuals.keys[row].slot).max().unwrap_or_default();
        let slots = usize::from(slots);
        let reach = (slots / 24).max(1);
        let mut rows_of: Vec<Vec<usize>> = vec![Vec::new(); slots];
        for &row in rows {
            rows_of[usize::from(residuals.keys[row].slot)].push(row);
        }
        let near = |slot: usize| -> Vec<usize> {
            // Around midnight the neighbours are on the other end of the day.
            let span = (slots + slot).saturating_sub(reach)..=slots + slot + reach;
            let mut around: Vec<usize> = span.map(|at| at % slots).collect();
            around.sort_unstable();
            around.dedup();
            around.into_iter().flat_map(|at| rows_of[at].iter().copied()).collect()
        };
        let own = |slot: usize| match near(slot) {
            rows if rows.len() < GROUP_MIN => all,
            rows => self.offsets(residuals, &rows),
        };
        Lead { all, slots: (0..slots).map(own).collect() }
    }

    /// Quantile of the scaled residuals at each level.
    fn offsets(&self, r: &Residuals, rows: &[usize]) -> [f64; LEVELS] {
        let at_level = |level: usize| {
            let residual = |row: &usize| {
                let base = &r.base[*row];
                (r.actual[*row] - base[level]) / self.unit(base[LEVELS / 2])
            };
            let mut sample: Vec<f64> = rows.iter().map(residual).collect();
            sample.sort_by(f64::total_cmp);
            quantile(&sample, QUANTILES[level])
        };
        std::array::from_fn(at_level)
    }

    /// Size of a typical residual around `forecast`, relative to the middle of the price range.
    fn unit(&self, forecast: f64) -> f64 {
        let z = |scale: Stabiliser| (forecast - scale.median) / scale.spread;
        self.scale.map_or(1.0, |scale| 1.0f64.hypot(z(scale)))
    }

    /// The forecast quantiles of a row, corrected and ascending.
    pub fn apply(&self, base: &[f64; LEVELS], key: RowKey) -> [f64; LEVELS] {
        // A lead day that was never calibrated takes the last one before it, else the first.
        let before = self.leads.range(..=key.lead_day).next_back();
        let lead = before.or_else(|| self.leads.first_key_value()).map(|(_, lead)| lead);
        let offsets = lead.map(|lead| lead.slots.get(usize::from(key.slot)).unwrap_or(&lead.all));
        let unit = self.unit(base[LEVELS / 2]);
        let mut corrected = *base;
        if let Some(offsets) = offsets {
            for (value, offset) in corrected.iter_mut().zip(offsets) {
                *value += offset * unit;
            }
        }
        corrected.sort_by(f64::total_cmp);
        corrected
    }

    fn loss(&self, residuals: &Residuals) -> f64 {
        let rows = residuals.base.iter().zip(&residuals.keys).zip(&residuals.actual);
        rows.map(|((base, key), actual)| {
            let forecast = self.apply(base, *key);
            let levels = forecast.iter().zip(QUANTILES);
            levels.map(|(value, level)| pinball_loss(*actual, *value, level)).sum::<f64>()
        })
        .sum()
    }

    /// Whether every offset is a number.
    pub fn is_finite(&self) -> bool {
        let rows = self.leads.values().flat_map(|lead| lead.slots.iter().chain([&lead.all]));
        let spread = self.scale.is_none_or(|scale| scale.spread > 0.0);
        spread && rows.flatten().all(|offset| offset.is_finite())
    }
}

impl Residuals {
    fn part(&self, from: usize, to: usize) -> Self {
        let to = to.min(self.actual.len());
        Self {
            base: self.base[from..to].to_vec(),
            actual: self.actual[from..to].to_vec(),
            keys: self.keys[from..to].to_vec(),
            quantile_model: self.quantile_model,
        }
    }
}

/// A later day is never surer than an earlier one: chance in small samples is levelled out.
fn widen_with_lead(leads: &mut BTreeMap<u8, Lead>) {
    let mut previous: Option<Lead> = None;
    for lead in leads.values_mut() {
        if let Some(previous) = &previous {
            let slots = lead.slots.len().max(previous.slots.len());
            for slot in 0..slots.min(lead.slots.len()) {
                let before = previous.slots.get(slot).unwrap_or(&previous.all);
                widen(&mut lead.slots[slot], before);
            }
            widen(&mut lead.all, &previous.all);
        }
        previous = Some(lead.clone());
    }
}

fn widen(offsets: &mut [f64; LEVELS], before: &[f64; LEVELS]) {
    for level in 0..LEVELS {
        if QUANTILES[level] < 0.5 {
            offsets[level] = offsets[level].min(before[level]);
        } else if QUANTILES[level] > 0.5 {
            offsets[level] = offsets[level].max(before[level]);
        }
    }
}

/// Quantile of an ascending sample at plotting position i/(n+1), which covers a new value with
/// probability `level`; the ends of the sample beyond that, 0 for no sample.
fn quantile(ascending: &[f64], level: f64) -> f64 {
    let Some(last) = ascending.len().checked_sub(1) else { return 0.0 };
    let position = (level * (ascending.len() + 1) as f64 - 1.0).clamp(0.0, last as f64);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped between 0 and the last index"
    )]
    let below = position.floor() as usize;
    let share = position - below as f64;
    let (low, high) = (ascending[below], ascending[(below + 1).min(last)]);
    low + share * (high - low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_sit_at_i_over_n_plus_one() {
        let sample: Vec<f64> = (1..=9).map(f64::from).collect();
        for (level, expected) in [(0.1, 1.0), (0.25, 2.5), (0.5, 5.0), (0.9, 9.0), (0.01, 1.0)] {
            assert!((quantile(&sample, level) - expected).abs() < 1e-12, "{level}");
        }
        assert!(quantile(&[], 0.5).abs() < 1e-12);
    }

    fn normalish(rows: i32, spread: impl Fn(RowKey) -> f64) -> Residuals {
        // Probabilities of a linear congruential generator through the logistic quantile function.
        let mut state = 1_u32;
        let mut probability = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (f64::from(state) / f64::from(u32::MAX)).clamp(0.001, 0.999)
        };
        let keys: Vec<RowKey> = (0..rows)
            .map(|row| RowKey {
                day: row / 48,
                slot: u16::try_from(row % 24).unwrap(),
                lead_day: u8::try_from(1 + row / 24 % 2).unwrap(),
            })
            .collect();
        let actual = keys.iter().map(|key| {
            let probability = probability();
            50.0 + spread(*key) * (probability / (1.0 - probability)).ln()
        });
        let actual = actual.collect();
        let base = vec![[50.0; LEVELS]; keys.len()];
        Residuals { base, actual, keys, quantile_model: false }
    }

    #[test]
    fn bands_cover_what_they_promise_and_widen_with_the_lead_day() {
        let residuals = normalish(4_800, |key| f64::from(key.lead_day));
        let bands = Bands::calibrate(&residuals);
        for (level, probability) in QUANTILES.iter().enumerate() {
            let below = residuals.keys.iter().zip(&residuals.actual);
            let below = below
                .filter(|(key, actual)| **actual <= bands.apply(&[50.0; LEVELS], **key)[level]);
            let share = below.count() as f64 / residuals.keys.len() as f64;
            assert!((share - probability).abs() < 0.01, "level {probability}: {share}");
        }
        let width = |lead_day| {
            let band = bands.apply(&[50.0; LEVELS], RowKey { day: 0, slot: 3, lead_day });
            band[6] - band[0]
        };
        assert!((width(2) / width(1) - 2.0).abs() < 0.2);
        assert!((width(9) - width(2)).abs() < 1e-12, "unknown lead days take the last known");
    }

    #[test]
    fn hours_of_different_spread_get_bands_of_their_own() {
        let residuals = normalish(4_800, |key| if (8..16).contains(&key.slot) { 9.0 } else { 1.0 });
        let bands = Bands::calibrate(&residuals);
        let width = |slot| {
            let band = bands.apply(&[50.0; LEVELS], RowKey { day: 0, slot, lead_day: 1 });
            band[6] - band[0]
        };
        assert!(width(12) > 5.0 * width(2), "{} and {}", width(12), width(2));
    }

    #[test]
    fn applied_quantiles_never_cross() {
        let bands = Bands::calibrate(&normalish(480, |_| 1.0));
        let crossing = [9.0, 3.0, 5.0, 4.0, 8.0, -2.0, 1.0];
        let band = bands.apply(&crossing, RowKey { day: 0, slot: 0, lead_day: 1 });
        assert!(band.is_sorted());
    }
}
