//! The published files, against figures worked out apart from this code (from the text of the files,
//! by the calendar rule «last Sunday of March and October»).

use std::path::PathBuf;

use super::*;
use crate::base::ids::Product;
use crate::facts::imports::{
    ReadingKind, ReadingOptions, WeatherOptions, look_at_readings, parse_weather,
};

/// The bytes of a file of the shared data, or `None` with a line saying why the test is skipped.
fn shared(test: &str, path: &str) -> Option<Vec<u8>> {
    let root = std::env::var_os("LUNA_SHARED_DIR").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")),
        PathBuf::from,
    );
    let bytes = std::fs::read(root.join("data").join(path)).ok();
    if bytes.is_none() {
        eprintln!("skipped: {test}: the shared data are not there");
    }
    bytes
}

fn check_sum(parsed: &ParsedPrices) -> f64 {
    parsed.points.iter().map(|point| point.price_eur_mwh).sum()
}

#[test]
fn switzerland_and_neighbours_2020_to_2023() {
    let test = "switzerland_and_neighbours_2020_to_2023";
    let name = "prices/dayahead_CH_DE_AT_FR_2020_2023.csv.gz";
    let Some(bytes) = shared(test, name) else { return };
    // Two of the four Swiss rows of the missing spring hour are empty: 3407 = 35064 - 31655 - 2.
    for (market, empty, stored, sum) in [
        ("CH", 3_407, 31_657, 4_537_198.79),
        ("DE_LU", 168, 34_896, 4_000_253.13),
        ("AT", 96, 34_968, 4_391_116.34),
        ("FR", 96, 34_968, 4_488_842.34),
    ] {
        let parsed = parse_prices(&bytes, name, &options(market)).unwrap();
        assert_eq!(parsed.rows_read, 35_064, "{market}");
        assert_eq!(parsed.product, Product::DayAhead);
        assert_eq!(parsed.points.len(), stored, "{market}");
        assert!((check_sum(&parsed) - sum).abs() < 1e-3, "{market}");
        let reasons: Vec<(&str, u64)> =
            parsed.dropped.iter().map(|dropped| (dropped.reason.as_str(), dropped.rows)).collect();
        let spring = ("hour does not exist (clock change in spring)", 4);
        assert_eq!(reasons, [spring, ("no value", empty)], "{market}");
        assert_eq!(parsed.points.iter().filter(|point| point.estimated).count(), 8, "{market}");
        assert_eq!(parsed.columns.zone.as_deref(), Some(&*parsed.market.time_zone().to_string()));
    }
    let swiss = parse_prices(&bytes, name, &options("CH")).unwrap();
    let first = swiss.points.first().unwrap();
    assert_eq!(first.ts.to_rfc3339(), "2020-01-13T23:00:00+00:00");
    assert_eq!(first.known_at.to_rfc3339(), "2020-01-13T12:00:00+00:00");
    assert!(first.known_at_assumed);
    assert_eq!(swiss.points.last().unwrap().ts.to_rfc3339(), "2023-12-31T22:00:00+00:00");
    let autumn: Vec<_> = shown(&swiss).into_iter().filter(|point| point.ends_with('~')).collect();
    assert_eq!(
        autumn,
        [
            "10-25T00:00 9.02~",
            "10-25T01:00 9.02~",
            "10-31T00:00 162.33~",
            "10-31T01:00 162.33~",
            "10-30T00:00 83.175~",
            "10-30T01:00 83.175~",
            "10-29T00:00 9.58~",
            "10-29T01:00 9.58~",
        ]
    );
    let refusal = parse_prices(&bytes, name, &options("IT-NORTH")).unwrap_err().to_string();
    assert_eq!(
        refusal,
        "which column holds the prices of IT-NORTH? Name it (--column); the file has 'time_local', \
         'CH', 'DE_LU', 'AT', 'FR'"
    );
}

#[test]
fn german_quarter_hours_2026() {
    let name = "prices/DE_LU_dayahead_15min_2026_02_03.csv.gz";
    let Some(bytes) = shared("german_quarter_hours_2026", name) else { return };
    let parsed = parse_prices(&bytes, name, &options("DE-LU")).unwrap();
    assert_eq!((parsed.rows_read, parsed.points.len()), (3_644, 3_644));
    assert_eq!(parsed.product, Product::DayAhead15min);
    assert_eq!(parsed.dropped, []);
    assert_eq!(parsed.notes, [""; 0]);
    assert_eq!(parsed.columns.zone, None);
    let first = parsed.points[0];
    assert_eq!(first.ts.to_rfc3339(), "2026-02-21T23:00:00+00:00");
    assert_eq!((first.price_eur_mwh, first.interval_s), (68.03, 900));
    // The last point is of 31 March, summer time: 13:00 on the day before is 11:00 UTC.
    let last = parsed.points.last().unwrap();
    assert_eq!(last.known_at.to_rfc3339(), "2026-03-30T11:00:00+00:00");
}

#[test]
fn benchmark_markets() {
    for (market, code, sum, first, exo1) in [
        ("EPF-DE", "EPF-DE", 1_817_596.46, "2012-01-08T23:00:00+00:00", 16_382.0),
        ("DE", "EPF-DE", 1_817_596.46, "2012-01-08T23:00:00+00:00", 16_382.0),
        ("EPF-BE", "EPF-BE", 2_321_415.56, "2011-01-08T23:00:00+00:00", 63_065.0),
    ] {
        let name = format!("epf/{}.csv.gz", &code[4..]);
        let Some(bytes) = shared("benchmark_markets", &name) else { return };
        let parsed = parse_prices(&bytes, &name, &options(market)).unwrap();
        assert_eq!(parsed.market.code(), code);
        assert_eq!(parsed.rows_read, 52_416);
        // Six springs lose a row, six autumns make two of one.
        assert_eq!(parsed.points.len(), 52_416);
        assert_eq!(
            dropped(&parsed.dropped).iter().map(|entry| entry.1).collect::<Vec<_>>(),
            [6],
            "{:?}",
            parsed.dropped
        );
        assert!((check_sum(&parsed) - sum).abs() < 1e-3, "{market}");
        assert_eq!(parsed.points[0].ts.to_rfc3339(), first);
        let names: Vec<_> = parsed.exogenous.iter().map(|series| series.name.as_str()).collect();
        assert_eq!(names, [format!("exo1:{code}"), format!("exo2:{code}")]);
        let series = &parsed.exogenous[0];
        assert_eq!((series.header.as_str(), series.rows.len()), ("Exogenous 1", 52_416));
        assert!((series.rows[0].value - exo1).abs() < 1e-9);
        assert_eq!(&series.rows[0].known_at.to_rfc3339()[10..], "T08:30:00+00:00");
        let renamed = parsed.notes.iter().any(|note| note.contains("benchmark file"));
        assert_eq!(renamed, market == "DE", "{:?}", parsed.notes);
    }
}

#[test]
fn published_forecasts_are_refused() {
    let name = "epf/Forecasts_DE_DNN_LEAR_ensembles.csv.gz";
    let Some(bytes) = shared("published_forecasts_are_refused", name) else { return };
    let refusal = parse_prices(&bytes, name, &options("EPF-DE")).unwrap_err().to_string();
    assert!(refusal.contains("luna evaluate epf"), "{refusal}");
}

#[test]
fn german_prices_with_forecasts_beside_them() {
    let name = "epf_like/DE_2015_2023H1.csv.gz";
    let Some(bytes) = shared("german_prices_with_forecasts_beside_them", name) else { return };
    let parsed = parse_prices(&bytes, name, &options("DE")).unwrap();
    // Nine springs, eight autumns.
    assert_eq!((parsed.rows_read, parsed.points.len()), (74_447, 74_446));
    assert_eq!(parsed.market.code(), "DE-LU");
    assert_eq!(parsed.exogenous, []);
}

#[test]
fn a_column_of_many() {
    let name = "load/DE_opsd_60min_2018.csv.gz";
    let Some(bytes) = shared("a_column_of_many", name) else { return };
    let parsed = parse_prices(&bytes, name, &options("DE-LU")).unwrap();
    assert_eq!(parsed.columns.time, "utc_timestamp");
    assert_eq!(parsed.columns.price, "DE_LU_price_day_ahead");
    assert_eq!(parsed.rows_read, 8_784);
    assert_eq!(parsed.points[0].ts.to_rfc3339(), "2018-09-30T23:00:00+00:00");
    assert_eq!(parsed.points.len(), 2_232);
    assert!((check_sum(&parsed) - 116_022.24).abs() < 1e-3);
}

#[test]
fn a_year_of_a_station_is_read_without_being_told() {
    let test = "a_year_of_a_station_is_read_without_being_told";
    let name = "weather/Basel_Binningen_MeteoSwiss_hourly_2017.csv.gz";
    let Some(bytes) = shared(test, name) else { return };
    let utc = WeatherOptions {
        place: "basel".to_owned(),
        zone: Some(chrono_tz::Tz::UTC),
        ..WeatherOptions::default()
    };
    let parsed = parse_weather(&bytes, &utc).unwrap();
    assert_eq!((parsed.rows_read, parsed.interval_s), (8_760, 3_600));
    let told: Vec<_> = parsed
        .series
        .iter()
        .map(|series| (series.variable.name(), series.header.as_str(), series.rows.len()))
        .collect();
    // The columns of lowest and highest temperature are left alone; 111 hours have a dash as wind.
    assert_eq!(
        told,
        [
            ("temperature", "tre200h0", 8_760),
            ("precipitation", "rre150h0", 8_760),
            ("sunshine", "sre000h0", 8_760),
            ("wind_speed", "fkl010h0", 8_649)
        ]
    );
    let sum = |at: usize| parsed.series[at].rows.iter().map(|row| row.value).sum::<f64>();
    for (at, expected) in [(0, 99_965.8), (1, 762.9), (2, 110_607.0), (3, 16_445.5)] {
        assert!((sum(at) - expected).abs() < 1e-6, "{at}: {}", sum(at));
    }
}

#[test]
fn a_households_counter_is_taken_for_one() {
    let test = "a_households_counter_is_taken_for_one";
    let name = "households/cossmic_DE_KN_residential5_60min.csv.gz";
    let Some(bytes) = shared(test, name) else { return };
    let asked = ReadingOptions { meter_id: "flat-5".to_owned(), ..ReadingOptions::default() };
    let looked = look_at_readings(&bytes, &asked).unwrap();
    assert_eq!(looked.options.columns, ["DE_KN_residential5_grid_import"]);
    assert_eq!(looked.options.kind, Some(ReadingKind::Counter));
    assert_eq!(looked.options.zone, Some(chrono_tz::Tz::UTC));
    let parsed = looked.parsed.unwrap();
    assert_eq!((parsed.rows_read, parsed.interval_s), (30_804, 3_600));
    let marks: Vec<f64> = parsed.values.iter().filter_map(|value| value.taken).collect();
    let (first, last) = (marks[0], marks[marks.len() - 1]);
    assert!((last - first - 8_773.755).abs() < 1e-6, "{first} {last}");
}
