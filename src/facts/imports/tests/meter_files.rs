//! Files of one meter as utilities write them.

use chrono::{DateTime, Utc};

use crate::access::audit::By;
use crate::base::timeline::TimeRange;
use crate::facts::imports::readings::parse_readings;
use crate::facts::imports::{ReadingKind, ReadingOptions, ReadingUnit};
use crate::facts::market::Quality;
use crate::testing::TestServices;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn options() -> ReadingOptions {
    ReadingOptions { meter_id: "house-1".to_owned(), create: true, ..ReadingOptions::default() }
}

/// A utility's export: lines before the header, two tariffs, decimal commas, thousands, Windows-1252.
fn utility_file() -> Vec<u8> {
    let text = "\u{feff}Lastgang\nKunde;M\u{fc}ller\n\nZeitstempel;HT kWh;NT kWh;Status\n\
        27.03.2026 10:00;0,25;0;W\n27.03.2026 10:15;0,5;0,25;W\n27.03.2026 10:30;1'000,5;0;W\n";
    text.trim_start_matches('\u{feff}').chars().map(|letter| letter as u8).collect()
}

#[test]
fn a_utilitys_file_is_understood_without_being_told() {
    let parsed = parse_readings(&utility_file(), &options()).unwrap();
    assert_eq!((parsed.kind, parsed.interval_s, parsed.rows_read), (ReadingKind::Energy, 900, 3));
    assert_eq!(parsed.columns, ["Zeitstempel", "HT kWh", "NT kWh"]);
    // A quarter of a kilowatt hour in a quarter hour is a kilowatt; Zürich is an hour ahead.
    let read: Vec<_> = parsed.values.iter().map(|one| (one.ts, one.taken.unwrap())).collect();
    assert_eq!(
        read,
        [
            (at("2026-03-27T09:00:00Z"), 1.0),
            (at("2026-03-27T09:15:00Z"), 3.0),
            (at("2026-03-27T09:30:00Z"), 4_002.0)
        ]
    );
    assert_eq!(parsed.notes, ["3 lines before the header were passed over"]);
}

#[test]
fn the_hour_that_happens_twice_goes_by_the_order_of_rows() {
    let mut text = String::from("time,kW\n");
    for (hour, kw) in [("01", 1), ("02", 2), ("02", 3), ("03", 4)] {
        for minute in ["00", "15", "30", "45"] {
            text.extend(["2025-10-26 ", hour, ":", minute, ",", &kw.to_string(), "\n"]);
        }
    }
    let parsed = parse_readings(text.as_bytes(), &options()).unwrap();
    let hours: Vec<_> =
        parsed.values.iter().step_by(4).map(|one| (one.ts, one.taken.unwrap())).collect();
    assert_eq!(
        hours,
        [
            (at("2025-10-25T23:00:00Z"), 1.0),
            (at("2025-10-26T00:00:00Z"), 2.0),
            (at("2025-10-26T01:00:00Z"), 3.0),
            (at("2025-10-26T02:00:00Z"), 4.0)
        ]
    );
}

#[test]
fn what_cannot_be_told_is_asked_for() {
    let refusal = |text: &str, options: &ReadingOptions| {
        parse_readings(text.as_bytes(), options).unwrap_err().to_string()
    };
    let plain = options();
    let rows = "2026-03-27 10:00,1,2\n2026-03-27 10:15,1,2\n";
    assert!(refusal(&format!("time,a,b\n{rows}"), &plain).contains("Name them"));
    let named = ReadingOptions { columns: vec!["a".to_owned()], ..options() };
    assert!(refusal(&format!("time,a,b\n{rows}"), &named).contains("say kW, W, kWh or Wh"));
    let wrong = ReadingOptions {
        kind: Some(ReadingKind::Power),
        unit: Some(ReadingUnit::Kwh),
        ..named.clone()
    };
    assert!(refusal(&format!("time,a,b\n{rows}"), &wrong).contains("check kind and unit"));
    let negative = "time,kWh\n2026-03-27 10:00,-1\n2026-03-27 10:15,1\n";
    assert!(refusal(negative, &plain).contains("line 2, column 'kWh': -1 is negative"));
    let daily = "time,kWh\n2026-03-26,10\n2026-03-27,11\n";
    assert!(refusal(daily, &plain).contains("86400 s apart"));
    assert!(refusal("time,kWh\n2026-03-27 10:00,1\n", &plain).contains("single row"));
}

#[tokio::test]
async fn a_file_is_stored_once_and_a_dry_run_stores_nothing() {
    let test = TestServices::at("2026-03-28T12:00:00Z").await;
    let services = &test.services;
    let all = TimeRange::new(at("2020-01-01T00:00:00Z"), at("2030-01-01T00:00:00Z"));
    let by = By::command();
    let imports = &services.imports;
    let unknown = ReadingOptions { create: false, ..options() };
    let refusal = imports.import_readings(&utility_file(), &unknown, &by).await.unwrap_err();
    assert_eq!(refusal.to_string(), "there is no meter 'house-1'");
    let dry = ReadingOptions { dry_run: true, ..options() };
    let report = imports.import_readings(&utility_file(), &dry, &by).await.unwrap();
    assert_eq!((report.stored, report.dry_run), (3, true));
    assert!(services.meters.readings("house-1", all).await.unwrap().is_empty());
    let report = imports.import_readings(&utility_file(), &options(), &by).await.unwrap();
    assert_eq!((report.stored, report.unchanged), (3, 0));
    // 0.25 + 0.75 + 1000.5 kWh.
    assert!((report.consumption_kwh.unwrap() - 1_001.5).abs() < 1e-9);
    let report = imports.import_readings(&utility_file(), &options(), &by).await.unwrap();
    assert_eq!((report.stored, report.unchanged), (0, 3));
    // Counters once an hour: 4 kWh in four quarter hours, spread.
    let counters = "Zeit;Zählerstand\n27.03.2026 12:00;100\n27.03.2026 13:00;104\n";
    let options = ReadingOptions {
        kind: Some(ReadingKind::Counter),
        columns: vec!["Zählerstand".to_owned()],
        ..options()
    };
    let report = imports.import_readings(counters.as_bytes(), &options, &by).await.unwrap();
    assert_eq!((report.stored, report.interval_s), (1, 3_600));
    let read = services.meters.readings("house-1", all).await.unwrap();
    let last = read.last().unwrap();
    assert_eq!((last.consumption_kw, last.quality), (Some(4.0), Quality::Ok));
}
