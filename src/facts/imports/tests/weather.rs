//! Files of weather: units, plausible values, clock changes, when it was known, once.

use chrono::{DateTime, Utc};

use crate::access::audit::By;
use crate::base::timeline::{AsOf, TimeRange};
use crate::facts::imports::{
    BadRow, ImportError, WeatherNature, WeatherOptions, look_at_weather, parse_weather,
};
use crate::testing::{TestServices, ch};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn options() -> WeatherOptions {
    WeatherOptions {
        place: "basel".to_owned(),
        file_name: "a/basel.csv".to_owned(),
        ..WeatherOptions::default()
    }
}

/// Four columns in four customs, the last of them none of weather.
const FILE: &str = "Basel;;;;\n\nZeit;Aussentemperatur [°F];Wind (km/h);Bewölkung (okta);Bemerkung\n\
    01.02.2026 10:00;32;36,0;8;x\n01.02.2026 11:00;50;18,0;4;\n01.02.2026 12:00;;9,0;0;\n";

#[test]
fn columns_become_series_in_their_own_units() {
    let parsed = parse_weather(FILE.as_bytes(), &options()).unwrap();
    assert_eq!((parsed.interval_s, parsed.rows_read), (3_600, 3));
    let told: Vec<_> = parsed
        .series
        .iter()
        .map(|series| {
            let values: Vec<f64> = series.rows.iter().map(|row| row.value).collect();
            (series.name.as_str(), series.read_in, values)
        })
        .collect();
    // 32 °F are 0 °C, 50 °F are 10 °C; 36 km/h are 10 m/s; 8 of 8 parts are 100 %.
    assert_eq!(
        told,
        [
            ("imported_temperature:basel", "°F", vec![0.0, 10.0]),
            ("imported_wind_speed:basel", "km/h", vec![10.0, 5.0, 2.5]),
            ("imported_cloud_cover:basel", "okta", vec![100.0, 50.0, 0.0]),
        ]
    );
    // Zürich is an hour ahead; what is measured is known when the hour is over.
    let first = parsed.series[0].rows[0];
    assert_eq!(
        (first.ts, first.known_at, first.known_at_assumed),
        (at("2026-02-01T09:00:00Z"), at("2026-02-01T10:00:00Z"), true)
    );
    assert_eq!(parsed.notes, ["2 lines before the header were passed over"]);
}

#[test]
fn the_header_says_the_zone_and_a_forecast_is_known_on_the_day_before() {
    let file = "time_utc_plus1,t2m_c\n2026-07-01T00:00,20\n2026-07-01T01:00,19\n";
    let forecast = WeatherOptions { nature: WeatherNature::Forecast, ..options() };
    let parsed = parse_weather(file.as_bytes(), &forecast).unwrap();
    let row = parsed.series[0].rows[0];
    // Half past nine on the day before, on a clock that is an hour ahead all year.
    assert_eq!((row.ts, row.known_at), (at("2026-06-30T23:00:00Z"), at("2026-06-30T08:30:00Z")));
    let file = "time_utc,t2m_c,run\n2026-07-01 00:00,20,2026-06-29 06:00\n2026-07-01 01:00,19,\n";
    let with_run = WeatherOptions { known_at_column: Some("run".to_owned()), ..options() };
    let parsed = parse_weather(file.as_bytes(), &with_run).unwrap();
    let known: Vec<_> =
        parsed.series[0].rows.iter().map(|row| (row.known_at, row.known_at_assumed)).collect();
    assert_eq!(known, [(at("2026-06-29T06:00:00Z"), false), (at("2026-07-01T02:00:00Z"), true)]);
    let ends = WeatherOptions { marks_end: true, ..options() };
    let parsed = parse_weather(file.as_bytes(), &ends).unwrap();
    assert_eq!(parsed.series[0].rows[0].ts, at("2026-06-30T23:00:00Z"));
}

#[test]
fn local_clocks_change_as_in_files_of_prices() {
    // True days: the hour from two to three stands twice in autumn and not at all in spring.
    let autumn = "Zeit;temp\n2025-10-26 01:00;1\n2025-10-26 02:00;2\n2025-10-26 02:00;3\n\
                  2025-10-26 03:00;4\n";
    let parsed = parse_weather(autumn.as_bytes(), &options()).unwrap();
    let told: Vec<_> = parsed.series[0].rows.iter().map(|row| (row.ts, row.value)).collect();
    assert_eq!(
        told,
        [
            (at("2025-10-25T23:00:00Z"), 1.0),
            (at("2025-10-26T00:00:00Z"), 2.0),
            (at("2025-10-26T01:00:00Z"), 3.0),
            (at("2025-10-26T02:00:00Z"), 4.0)
        ]
    );
    let spring = "Zeit;temp\n2026-03-29 01:00;1\n2026-03-29 02:00;2\n2026-03-29 03:00;3\n";
    let parsed = parse_weather(spring.as_bytes(), &options()).unwrap();
    assert_eq!(parsed.series[0].rows.len(), 2);
    assert_eq!(parsed.dropped[0].reason, "hour does not exist (clock change in spring)");
}

#[test]
fn what_cannot_be_is_refused_with_its_line() {
    let refusal = |text: &str, options: &WeatherOptions| {
        parse_weather(text.as_bytes(), options).unwrap_err().to_string()
    };
    // Kelvin in a column that is said to hold degrees Celsius.
    let kelvin =
        "time_utc,t2m_c\n2026-02-01 10:00,273.15\n2026-02-01 11:00,3\n2026-02-01 11:00,4\n";
    let Err(ImportError::BadRows { first, total }) = parse_weather(kelvin.as_bytes(), &options())
    else {
        panic!("is read");
    };
    let lines: Vec<u64> = first.iter().map(|BadRow { line, .. }| *line).collect();
    assert_eq!((lines, total), (vec![2, 4], 2));
    assert_eq!(
        first[0].reason,
        "273.15 °C is no temperature, which lies between -70 and 60; check the unit of the column"
    );
    assert!(first[1].reason.starts_with("other values than in line 3"), "{}", first[1].reason);
    let wind = "time_utc,windspeed_10m\n2026-02-01 10:00,5.6\n2026-02-01 11:00,6.1\n";
    assert!(refusal(wind, &options()).contains("names no unit; say m/s, km/h, kn or mph"));
    let asked = WeatherOptions {
        columns: vec!["wind_speed:km/h:windspeed_10m".parse().unwrap()],
        ..options()
    };
    let parsed = parse_weather(wind.as_bytes(), &asked).unwrap();
    // 5.6 divided by 3.6, to a millionth.
    let values: Vec<f64> = parsed.series[0].rows.iter().map(|row| row.value).collect();
    assert_eq!(values, [1.555_556, 1.694_444]);
    assert!(refusal("time_utc,x\n2026-02-01 10:00,1\n", &options()).contains("hold the weather?"));
    assert!(refusal("x,t2m_c\n1,1\n", &options()).contains("no column holds times"));
    let odd = "time_utc,t2m_c\n2026-02-01 10:00,1\n2026-02-01 10:07,1\n";
    assert!(refusal(odd, &options()).contains("420 s apart"));
    let nowhere = WeatherOptions { place: "Zürich".to_owned(), ..options() };
    assert!(refusal(FILE, &nowhere).contains("the place 'Zürich' is not 1 to 40 letters"));
}

#[tokio::test]
async fn weather_is_stored_once_under_names_of_its_own() {
    let test = TestServices::at("2026-03-28T12:00:00Z").await;
    let imports = &test.services.imports;
    let (by, dry) = (By::command(), WeatherOptions { dry_run: true, ..options() });
    let report = imports.import_weather(FILE.as_bytes(), &dry, &by).await.unwrap();
    assert_eq!((report.stored, report.unchanged, report.dry_run), (8, 0, true));
    let observations = &test.services.observations;
    assert_eq!(observations.id_of("imported_temperature:basel").await.unwrap(), None);
    for (stored, unchanged) in [(8, 0), (0, 8)] {
        let report = imports.import_weather(FILE.as_bytes(), &options(), &by).await.unwrap();
        assert_eq!((report.stored, report.unchanged), (stored, unchanged));
    }
    let report = imports.import_weather(FILE.as_bytes(), &dry, &by).await.unwrap();
    assert_eq!((report.stored, report.unchanged), (0, 8));
    let changed = FILE.replace(";50;", ";59;");
    let report = imports.import_weather(changed.as_bytes(), &dry, &by).await.unwrap();
    assert_eq!((report.stored, report.unchanged), (1, 7));
    let report = imports.import_weather(changed.as_bytes(), &options(), &by).await.unwrap();
    assert_eq!((report.stored, report.unchanged), (1, 7));
    let day = TimeRange::new(at("2026-02-01T00:00:00Z"), at("2026-02-02T00:00:00Z"));
    let read = async |known: &str| {
        let as_of = AsOf(at(known));
        observations.values_as_of("imported_temperature:basel", day, as_of).await.unwrap()
    };
    let (ten, eleven) = (at("2026-02-01T09:00:00Z"), at("2026-02-01T10:00:00Z"));
    assert_eq!(read("2026-03-01T00:00:00Z").await, [(ten, 0.0), (eleven, 15.0)]);
    // Before the second hour is over, nobody knows how warm it was.
    assert_eq!(read("2026-02-01T10:59:59Z").await, [(ten, 0.0)]);
    let spec = observations.spec("imported_temperature:basel").await.unwrap().unwrap();
    assert_eq!((spec.unit.as_str(), spec.source.as_str()), ("°C", "import:basel.csv"));
    assert!(!spec.is_feature && spec.market.is_none());
}

#[tokio::test]
async fn models_learn_from_forecasts_of_a_market_and_not_from_measurements() {
    let test = TestServices::at("2026-03-28T12:00:00Z").await;
    let imports = &test.services.imports;
    let tomorrow = "time_utc,t2m_c\n2026-03-29 00:00,5\n2026-03-29 01:00,6\n";
    let refusal = imports
        .import_weather(tomorrow.as_bytes(), &options(), &By::command())
        .await
        .unwrap_err()
        .to_string();
    assert!(refusal.contains("2026-03-29 00:00:00 UTC, which has not come yet"), "{refusal}");
    let forecast = WeatherOptions {
        nature: WeatherNature::Forecast,
        market: Some(ch()),
        place: "ch-model".to_owned(),
        ..options()
    };
    imports.import_weather(tomorrow.as_bytes(), &forecast, &By::command()).await.unwrap();
    let measured = WeatherOptions { market: Some(ch()), ..options() };
    imports.import_weather(FILE.as_bytes(), &measured, &By::command()).await.unwrap();
    let all = test.services.observations.series_of_market(&ch()).await.unwrap();
    let features: Vec<_> = all
        .iter()
        .filter(|series| series.spec.is_feature)
        .map(|series| series.spec.name.as_str())
        .collect();
    assert_eq!((all.len(), features), (4, vec!["imported_temperature:ch-model"]));
}

#[test]
fn a_preview_says_what_each_column_is_taken_for() {
    let looked = look_at_weather(FILE.as_bytes(), &options()).unwrap();
    assert_eq!(looked.table.separator, Some(';'));
    let asks: Vec<_> = looked
        .options
        .columns
        .iter()
        .map(|ask| (ask.variable.name(), ask.unit.as_deref().unwrap(), ask.header.as_str()))
        .collect();
    assert_eq!(
        asks,
        [
            ("temperature", "°F", "Aussentemperatur [°F]"),
            ("wind_speed", "km/h", "Wind (km/h)"),
            ("cloud_cover", "okta", "Bewölkung (okta)")
        ]
    );
    assert_eq!(looked.options.zone, Some(chrono_tz::Tz::Europe__Zurich));
    assert_eq!(looked.rows[0].cells[2].number, Some(36.0));
    assert_eq!(looked.parsed.unwrap().series.len(), 3);
}
