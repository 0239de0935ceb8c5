//! The published ensembles' scores as others have computed them from the same files.

use std::path::PathBuf;

use crate::learning::benchmark::market_file::HourlyFile;
use crate::learning::benchmark::published::Published;
use crate::learning::benchmark::report::{Forecasts, Report};

/// MAE, rMAE with history, rMAE within the test, sMAPE, RMSE.
type Anchor = [f64; 5];

fn shared(name: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "tests find the shared data by environment")]
    let shared = std::env::var("LUNA_SHARED_DIR").map(PathBuf::from);
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let path = shared.unwrap_or(beside).join("data/epf").join(name);
    path.exists().then_some(path)
}

#[test]
fn published_ensembles_score_as_published() {
    let anchors: [(&str, &str, Anchor); 4] = [
        ("DE", "LEAR Ensemble", [3.6091, 0.3960, 0.3954, 14.744, 6.5083]),
        ("DE", "DNN Ensemble", [3.4135, 0.3745, 0.3740, 14.078, 5.9272]),
        ("BE", "LEAR Ensemble", [6.1401, 0.6067, 0.6044, 14.546, 15.9738]),
        ("BE", "DNN Ensemble", [5.8699, 0.5800, 0.5778, 13.446, 15.9663]),
    ];
    for (market, model, anchor) in anchors {
        let data = shared(&format!("{market}.csv.gz"));
        let forecasts = shared(&format!("Forecasts_{market}_DNN_LEAR_ensembles.csv.gz"));
        let (Some(data), Some(forecasts)) = (data, forecasts) else {
            eprintln!("skipped: published_ensembles_score_as_published: no shared data");
            return;
        };
        let file = HourlyFile::read(&data).unwrap();
        let (prices, _) = file.prices_and_exogenous().unwrap();
        let start = file.dates.len() - 728;
        let (dates, actual) = (&file.dates[start..], &prices[start..]);
        let published = Published::read(&forecasts, dates, actual).unwrap();
        assert_eq!((published.models.len(), published.different_prices), (10, 0));
        let best = published.models.iter().find(|(name, _)| name == "DNN Ensemble").unwrap();
        let forecasts = Forecasts {
            dates,
            actual,
            before: &prices[..start],
            luna: best.1.clone(),
            percentiles: Vec::new(),
            members: Vec::new(),
        };
        let report = Report::of(market, &forecasts, Some(&published)).unwrap();
        let row = report.models.iter().find(|row| row.model == model).unwrap();
        let found = [row.mae, row.rmae.unwrap(), row.rmae_in_test.unwrap(), row.smape, row.rmse];
        for ((found, expected), tolerance) in
            found.iter().zip(anchor).zip([5e-5, 5e-5, 5e-5, 5e-4, 5e-5])
        {
            assert!(
                (found - expected).abs() <= 1.02 * tolerance,
                "{market} {model}: {found} {expected}"
            );
        }
        if (market, model) == ("DE", "LEAR Ensemble") {
            // Worth by the same definitions, and the DNN's lead of p = 0.0007.
            let worth = row.value;
            assert!((worth.capture_percent.unwrap() - 91.9).abs() < 0.06, "{worth:?}");
            assert!((worth.regret_eur_mwh - 0.93).abs() < 0.01, "{worth:?}");
            assert!((worth.spearman.unwrap() - 0.911).abs() < 0.001, "{worth:?}");
            assert!((worth.battery_percent.unwrap() - 93.0).abs() < 0.6, "{worth:?}");
            assert!((row.dm_p_luna_better.unwrap() - 0.0007).abs() < 6e-5, "{row:?}");
        }
    }
}

#[test]
fn published_forecasts_must_cover_the_test() {
    let Some(path) = shared("Forecasts_DE_DNN_LEAR_ensembles.csv.gz") else {
        eprintln!("skipped: published_forecasts_must_cover_the_test: no shared data");
        return;
    };
    let dates = ["2015-12-31".parse().unwrap(), "2016-01-01".parse().unwrap()];
    let message = Published::read(&path, &dates, &[[0.0; 24]; 2]).unwrap_err().to_string();
    let expected =
        "has forecasts of 2016-01-04 to 2017-12-31, the test is from 2015-12-31 to 2016-01-01";
    assert!(message.ends_with(expected), "{message}");
}
