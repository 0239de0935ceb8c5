//! Which published forecast of a delivery period counts.
//!
//! Runs that stand on the same published prices are of one lead. Of those the last one counts that was
//! issued before the price of the delivery period was published, and before its delivery began: what a
//! reader could act on. A run that was issued later knew, or could have known, what came.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use super::model::Scored;
use crate::learning::prediction::ForecastValue;
use crate::learning::prediction::RunHead;

/// Days that a run may look ahead of its issue, and one for clock changes.
pub(super) const HORIZON_DAYS: i64 = 9;

/// A price with when it was first published.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Truth {
    /// The price as it is known now.
    pub price_eur_mwh: f64,
    /// When the first price of the delivery period became known.
    pub first_known_at: DateTime<Utc>,
}

/// Prices by start of delivery.
pub(super) type Truths = BTreeMap<DateTime<Utc>, Truth>;

/// The pairs of delivery period and run that count, as places in `runs`; `runs` come as issued.
pub(super) fn choose(runs: &[RunHead], truths: &Truths) -> HashSet<(DateTime<Utc>, usize)> {
    let mut groups: BTreeMap<DateTime<Utc>, Vec<usize>> = BTreeMap::new();
    for (place, run) in runs.iter().enumerate() {
        groups.entry(run.known_until).or_default().push(place);
    }
    let mut chosen = HashSet::new();
    for (known_until, places) in groups {
        let Some(last) = places.last() else { continue };
        let end = runs[*last].issued_at + Duration::days(HORIZON_DAYS);
        for (ts, truth) in truths.range(known_until..end.max(known_until)) {
            let before = truth.first_known_at.min(*ts);
            let in_time = places.partition_point(|place| runs[*place].issued_at < before);
            if let Some(last) = in_time.checked_sub(1) {
                chosen.insert((*ts, places[last]));
            }
        }
    }
    chosen
}

/// The chosen values next to what came, by delivery and lead day: of two runs with the same lead day
/// the one issued later.
pub(super) fn joined(
    (runs, chosen): (&[RunHead], &HashSet<(DateTime<Utc>, usize)>),
    values: &[(Uuid, ForecastValue)],
    truths: &Truths,
    naive: impl Fn(DateTime<Utc>, i16) -> Option<f64>,
) -> Vec<Scored> {
    let places: HashMap<Uuid, usize> =
        runs.iter().enumerate().map(|(place, run)| (run.run_id, place)).collect();
    let mut best: BTreeMap<(DateTime<Utc>, i16), Scored> = BTreeMap::new();
    for (run_id, value) in values {
        let (Some(run), Some(truth)) = (places.get(run_id).copied(), truths.get(&value.ts)) else {
            continue;
        };
        if !chosen.contains(&(value.ts, run)) {
            continue;
        }
        let key = (value.ts, value.lead_day);
        if best.get(&key).is_some_and(|other| other.run > run) {
            continue;
        }
        let head = &runs[run];
        let behind_s = (value.ts - head.known_until).num_seconds();
        let row = Scored {
            ts: value.ts,
            lead_day: value.lead_day,
            run,
            lead_hour: i32::try_from(behind_s / 3_600 + 1).unwrap_or(i32::MAX),
            hours_ahead: (value.ts - head.issued_at).num_seconds() as f64 / 3_600.0,
            forecast_eur_mwh: value.price_eur_mwh,
            quantiles_eur_mwh: value.quantiles_eur_mwh.map(f64::from),
            actual_eur_mwh: truth.price_eur_mwh,
            naive_eur_mwh: naive(value.ts, value.lead_day),
        };
        best.insert(key, row);
    }
    best.into_values().collect()
}
