//! A small benchmark from file to table.

use super::text;
use crate::algorithms::forecasting::pool::PoolSettings;
use crate::algorithms::forecasting::pool::Work;
use crate::learning::benchmark::error::BenchmarkError;
use crate::learning::benchmark::report::Report;
use crate::learning::benchmark::run::{BenchmarkRequest, run_with};

const ALONE: Work<'static> = Work { threads: 2, cancel: &|| false, progress: &|_| {} };

/// Two small members, so that this takes a second.
fn small() -> PoolSettings {
    let mut settings =
        PoolSettings { lear_windows: Vec::new(), weight_days: 20, ..PoolSettings::default() };
    settings.trees.truncate(2);
    settings.networks.clear();
    for spec in settings.trees.iter_mut().chain([&mut settings.stack]) {
        (spec.window_days, spec.refit_days, spec.trees, spec.leaves) = (90, 60, 8, 7);
    }
    settings
}

fn request(folder: &std::path::Path, days: u64) -> BenchmarkRequest {
    let data = folder.join("market.csv");
    std::fs::write(&data, text(days, 1)).unwrap();
    let (market, test_start) = ("XX".to_owned(), None);
    BenchmarkRequest {
        market,
        data,
        published: None,
        test_start,
        out: Some(folder.join("out.csv")),
    }
}

#[test]
fn a_file_becomes_a_table_and_a_csv_of_the_published_form() {
    let folder = tempfile::tempdir().unwrap();
    let mut request = request(folder.path(), 370);
    request.test_start = Some("2017-01-02".parse().unwrap());
    let report: Report = run_with(&request, small(), ALONE).unwrap();
    assert_eq!((report.test_days, report.days_forecast), (3, 370 - 182));
    let csv = std::fs::read_to_string(folder.path().join("out.csv")).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], ",Real price,Luna,Trees 1092,Trees 364,Stack");
    assert_eq!(lines.len(), 1 + 3 * 24);
    assert!(lines[1].starts_with("2017-01-02 00:00:00,"), "{}", lines[1]);
    assert!(lines[72].starts_with("2017-01-04 23:00:00,"), "{}", lines[72]);
    // What was written gives the MAE that was reported.
    let errors = lines[1..].iter().map(|line| {
        let values: Vec<f64> = line.split(',').skip(1).map(|v| v.parse().unwrap()).collect();
        (values[0] - values[1]).abs()
    });
    let mae = errors.sum::<f64>() / 72.0;
    assert!((mae - report.models[0].mae).abs() < 1e-4, "{mae} {:?}", report.models[0]);
    let table = report.table();
    for said in ["Luna", "own members", "Trees 364", "rMAE: MAE / MAE of p(t", "holidays of XX"] {
        assert!(table.contains(said), "{said}: {table}");
    }
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["models"].as_array().unwrap().len(), 4);
    assert!(json["models"][0]["pinball_99"].is_number() && json["models"][0]["mae"].is_number());
    // The forecasts of the same test once more, as published ones: Luna is as good as itself.
    request.published = request.out.take();
    let again = run_with(&request, small(), ALONE).unwrap();
    assert_eq!(again.models[0], report.models[0], "the same numbers from the same data");
    let luna = again.models.iter().find(|row| row.kind == "published").unwrap();
    assert!((luna.mae - report.models[0].mae).abs() < 1e-4, "{luna:?}");
}

#[test]
fn a_test_needs_days_before_it_and_lies_within_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut request = request(folder.path(), 400);
    let error = |request: &BenchmarkRequest| run_with(request, small(), ALONE).unwrap_err();
    let short = error(&request);
    assert!(matches!(short, BenchmarkError::ShortHistory { days: 0, .. }), "{short}");
    assert!(short.to_string().contains("a later --test-start"), "{short}");
    request.test_start = Some("2018-01-01".parse().unwrap());
    let outside = error(&request).to_string();
    assert_eq!(
        outside,
        "the test cannot begin on 2018-01-01: the file has 2016-01-01 to 2017-02-03"
    );
}
