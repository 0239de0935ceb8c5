//! The pool and its parts on days whose forecasts are known.

mod parts; // features, weights, bands against values worked out by hand
mod whole; // a small pool day after day

use super::boosting::{Target, TreesSpec};
use super::settings::NetworkSpec;
use super::{PoolDays, PoolError, PoolSettings, Work};
use crate::algorithms::forecasting::days::{Day, DayHistory};
use crate::algorithms::forecasting::tests::market::Market;

/// Work by one thread that nobody stops or watches.
const ALONE: Work<'static> = Work { threads: 1, cancel: &|| false, progress: &|_| {} };

/// Calls `ask` with the days of a market; the first flag is set on every tenth day.
fn with_days<T>(market: &Market, ask: impl FnOnce(&PoolDays<'_>) -> T) -> T {
    let exogenous: Vec<&[Day]> = market.exogenous.iter().map(Vec::as_slice).collect();
    let count = market.weekdays.len();
    let holidays: Vec<f64> = (0..count).map(|day| f64::from(u8::from(day % 10 == 3))).collect();
    let year_days: Vec<u16> = (1..=365).cycle().take(count).collect();
    let history = DayHistory {
        prices_eur_mwh: &market.prices,
        exogenous: &exogenous,
        weekdays: &market.weekdays,
        flags: &[&holidays],
    };
    ask(&PoolDays { history, year_days: &year_days })
}

/// Few members, small and quick, refitted on grids that do not coincide.
fn small() -> PoolSettings {
    let spec = |name: &str, target, refit_days| TreesSpec {
        name: name.to_owned(),
        target,
        window_days: 60,
        refit_days,
        trees: 12,
        leaves: 7,
        rate: 0.2,
        columns: 0.8,
        rows: 0.8,
        leaf_rows: 10,
        seed: 3,
    };
    PoolSettings {
        lear_windows: vec![28, 42],
        trees: vec![spec("relative", Target::LessYesterday, 3), spec("level", Target::Price, 5)],
        networks: vec![NetworkSpec { name: "network".to_owned(), window_days: 42, seed: 5 }],
        stack: spec("stack", Target::Price, 4),
        stack_after_days: 8,
        weight_days: 20,
        equal_share: 0.1,
        band_days: 20,
        stagger_days: 0,
    }
}

fn same(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-9, "{a} is not {b}");
}
