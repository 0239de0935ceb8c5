//! Weather stations: labels at the end of an hour, columns in any order, files by year and decade.

use super::*;

fn station(days: bool) -> Subject {
    let klo = StationId::parse("KLO").unwrap();
    if days { Subject::StationDays(klo) } else { Subject::Station(klo) }
}

fn read_now(body: &[u8], days: (&str, &str)) -> Result<Reading, ReadError> {
    let (range, at) = (range(days.0, days.1), utc("2026-08-07T19:05:00Z"));
    source("meteoswiss").read(200, body, &Ask { subject: station(false), range, at })
}

/// Values at the edges taken from the file by hand; the values of ten minutes end at their labels.
#[test]
fn recorded_values_of_ten_minutes_begin_before_their_labels() {
    let Some(data) = std::env::var_os("LUNA_SHARED_DIR").map(std::path::PathBuf::from) else {
        eprintln!("skipped: LUNA_SHARED_DIR is not set");
        return;
    };
    let file = data.join("data/api/meteoswiss_ogd-smn_klo_t_now_excerpt_2026-08-07.csv");
    let mut body = std::fs::read(file).unwrap();
    if !body.ends_with(b"\n") {
        body.push(b'\n');
    }
    let reading = read_now(&body, ("2026-08-07", "2026-08-07")).unwrap();
    let first = |name: &str| {
        let values = reading.values.iter().find(|values| values.name == name).unwrap();
        (values.points.len(), values.points[0], values.unit)
    };
    let from = utc("2026-08-07T18:30:00Z");
    assert_eq!(first("station_temperature:KLO"), (3, (from, Some(26.6)), "°C"));
    assert_eq!(first("station_humidity:KLO"), (3, (from, Some(37.2)), "%"));
    assert_eq!(first("station_pressure:KLO"), (3, (from, Some(968.4)), "hPa"));
    assert_eq!(first("station_radiation:KLO"), (3, (from, Some(11.0)), "W/m²"));
    assert_eq!(first("station_wind_speed:KLO"), (3, (from, Some(3.4)), "m/s"));
    // Of rain and sunshine there is no mean.
    assert_eq!(reading.values.len(), 5);
    assert!(reading.values.iter().all(|values| values.interval_s == 600 && !values.is_feature));
}

/// Hours with columns in another order, a parameter that is not measured, and a letter of Windows-1252.
const HOURS: &[u8] = b"station_abbr;REFERENCE_TS;gre000h0;tre200h0;xyz\xfch0;sre000h0\r\n\
    KLO;07.08.2026 00:00;0;14.5;1;\r\nKLO;07.08.2026 01:00;;14.1;1;\r\nKLO;07.08.2026 02:00;2;13.9;1;\r\n";

#[test]
fn hours_end_at_their_labels_and_what_is_empty_is_missing() {
    let reading = read_now(HOURS, ("2026-08-06", "2026-08-07")).unwrap();
    let found: Vec<_> = reading.values.iter().map(|it| (it.name.as_str(), it.interval_s)).collect();
    assert_eq!(found, [("station_temperature:KLO", 3_600), ("station_radiation:KLO", 3_600)]);
    let from = ["2026-08-06T23:00:00Z", "2026-08-07T00:00:00Z", "2026-08-07T01:00:00Z"].map(utc);
    let expected = |values: [Option<f64>; 3]| from.into_iter().zip(values).collect::<Vec<_>>();
    assert_eq!(reading.values[0].points, expected([Some(14.5), Some(14.1), Some(13.9)]));
    assert_eq!(reading.values[1].points, expected([Some(0.0), None, Some(2.0)]));
    // The local day begins at 22:00 UTC: nothing of the sixth was asked for here.
    let none = read_now(HOURS, ("2026-08-08", "2026-08-08")).unwrap();
    assert_eq!(none, Reading::default());
}

#[test]
fn odd_files_of_stations_are_refused_and_odd_rows_left_out() {
    let good = String::from_utf8_lossy(HOURS).into_owned();
    let days = ("2026-08-06", "2026-08-07");
    for (body, words) in [
        ("<html>".to_owned(), "a web page, not a table of text"),
        (good.replace("station_abbr", "station"), "a table with other columns"),
        (good.replace("REFERENCE_TS", "time"), "a table with other columns"),
        (
            good.replace("tre200h0", "a").replace("gre000h0", "b").replace("sre000h0", "c"),
            "other columns",
        ),
        (good.replace("KLO;", "SMA;"), "asked for KLO, answered for SMA"),
        (good.replace("2026 0", "2026-0"), "line 2: '07.08.2026-00:00' is no instant"),
    ] {
        let error = read_now(body.as_bytes(), days).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
    for (body, words, left) in [
        (good.replace("14.1", "warm"), "line 3: 'warm' is no number", 2),
        (good.trim_end().to_owned(), "line 4: the last line has no end", 2),
        (good.replace(";14.1;1;", ";14.1"), "line 3: 4 fields under 6 columns", 2),
    ] {
        let reading = read_now(body.as_bytes(), days).unwrap();
        let said = reading.findings[0].to_string();
        assert!(said.contains(words), "{words}: {said}");
        assert_eq!(reading.values[0].points.len(), left, "{words}");
    }
}

#[test]
fn days_behind_are_in_the_file_of_their_year_or_decade() {
    let mistake = serde_json::from_str::<StationId>("\"../x\"").unwrap_err().to_string();
    assert!(mistake.contains("names no weather station"), "{mistake}");
    let stations = vec![StationId::parse(" klo").unwrap()];
    let settings = Settings { meteoswiss_stations: stations, ..Settings::default() };
    let meteoswiss = source("meteoswiss");
    assert!(meteoswiss.needs(&Settings::default()).unwrap().contains("meteoswiss_stations"));
    assert_eq!(meteoswiss.subjects(&settings), [station(false), station(true)]);
    let file = |days, first, last, at| {
        let ask = Ask { subject: station(days), range: range(first, last), at: utc(at) };
        let url = meteoswiss.request(&settings, &ask).unwrap().url;
        let file = url.strip_prefix("https://data.geo.admin.ch/ch.meteoschweiz.ogd-smn/klo/");
        (file.unwrap().to_owned(), meteoswiss.is_one_request(&ask))
    };
    let noon = "2026-08-07T12:00:00Z";
    for (days, first, last, at, expected, is_one) in [
        (false, "2026-08-07", "2026-08-07", noon, "ogd-smn_klo_h_now.csv", true),
        (true, "2026-01-01", "2026-08-07", noon, "ogd-smn_klo_h_recent.csv", true),
        (true, "2025-12-31", "2026-01-01", noon, "ogd-smn_klo_h_recent.csv", false),
        (true, "2020-01-01", "2025-12-31", noon, "ogd-smn_klo_h_historical_2020-2029.csv", true),
        (true, "2019-01-01", "2020-12-31", noon, "ogd-smn_klo_h_historical_2020-2029.csv", false),
        (true, "2019-01-01", "2019-12-31", noon, "ogd-smn_klo_h_historical_2010-2019.csv", true),
        (
            true,
            "2025-12-26",
            "2026-01-01",
            "2026-01-01T12:00:00Z",
            "ogd-smn_klo_h_recent.csv",
            true,
        ),
    ] {
        assert_eq!(file(days, first, last, at), (expected.to_owned(), is_one), "{first} {last}");
    }
}

#[actix_web::test]
async fn corrections_of_past_days_replace_what_came_first() {
    let body = |value: &str| String::from_utf8_lossy(HOURS).replace("14.1", value);
    let server = Server::new(move |line| match line {
        line if line.contains("/klo/ogd-smn_klo_h_now.csv") => (200, body("14.1")),
        line if line.contains("/klo/ogd-smn_klo_h_recent.csv") => (200, body("13.3")),
        _ => (404, String::new()),
    })
    .await;
    let url = server.url.clone();
    let app = TestApp::with(utc("2026-08-07T02:25:00Z"), move |settings| {
        settings.ingest.enabled = true;
        settings.ingest.markets = Vec::new();
        settings.ingest.history_days = 3;
        settings.ingest.rates = false;
        settings.ingest.meteoswiss_stations = vec![StationId::parse("KLO").unwrap()];
        settings.ingest.meteoswiss_url = url;
        settings.simulation.enabled = false;
    })
    .await;
    let ingest = &app.services.ingest;
    assert_eq!(ingest.subjects(None).unwrap(), [station(false), station(true)]);
    // A fresh box asks for today; what was before is in the other file.
    let days = ingest.due(&station(false)).await.unwrap().unwrap();
    assert_eq!((days.first, days.last), (day("2026-08-07"), day("2026-08-07")));
    let report = ingest.fetch_any(&station(false), days, |_, _| {}).await.unwrap();
    assert_eq!((report.values, report.stored.inserted), (5, 5));
    app.clock.set(utc("2026-08-08T13:00:00Z"));
    let days = ingest.due(&station(true)).await.unwrap().unwrap();
    assert_eq!((days.first, days.last), (day("2026-08-02"), day("2026-08-08")));
    let report = ingest.fetch_any(&station(true), days, |_, _| {}).await.unwrap();
    assert_eq!((report.stored.inserted, report.stored.unchanged), (1, 4));
    let spec = app.services.observations.spec("station_temperature:KLO").await.unwrap().unwrap();
    assert_eq!((spec.attribution.as_str(), spec.is_feature), ("Source: MeteoSwiss", false));
}
