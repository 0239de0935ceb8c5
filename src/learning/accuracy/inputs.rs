//! What a forecast knew of the day it was about: values of exogenous series as of its issue.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::model::KnownInput;
use crate::facts::series::SeriesSpec;

/// One series on a day: as known at `issued_at`, and as known now.
pub(super) fn known_input(
    spec: &SeriesSpec,
    history: &[(DateTime<Utc>, DateTime<Utc>, f64)],
    issued_at: DateTime<Utc>,
) -> KnownInput {
    let (mut then, mut now) = (BTreeMap::new(), BTreeMap::new());
    // By instant, then as published: the later replaces the earlier.
    for (ts, known_at, value) in history {
        now.insert(*ts, *value);
        if *known_at <= issued_at {
            then.insert(*ts, (*known_at, *value));
        }
    }
    let mean = |values: &mut dyn ExactSizeIterator<Item = f64>| {
        let n = values.len();
        (n > 0).then(|| values.sum::<f64>() / n as f64)
    };
    KnownInput {
        series: spec.name.clone(),
        unit: spec.unit.clone(),
        n: then.len(),
        mean_then: mean(&mut then.values().map(|(_, value)| *value)),
        known_at: then.values().map(|(known_at, _)| *known_at).max(),
        mean_now: mean(&mut now.values().copied()),
    }
}
