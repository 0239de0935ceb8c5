//! Load, forecasts and generation of ENTSO-E. Answers here are constructed; recorded ones come from outside.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;

use super::*;

/// A document of one zone with these series.
fn document(series: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><GL_MarketDocument xmlns=\"urn:z:3:0\">{series}</GL_MarketDocument>"
    )
}

/// A series of 2026-03-29, which has 23 hours, in steps of a quarter hour.
fn quarters(direction: &str, plant: &str, points: &str) -> String {
    let plant = match plant {
        "" => String::new(),
        plant => format!("<MktPSRType><psrType>{plant}</psrType></MktPSRType>"),
    };
    format!(
        "<TimeSeries><{direction}BiddingZone_Domain.mRID>10YCH-SWISSGRIDZ</{direction}BiddingZone_Domain.mRID>\
         <quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name><curveType>A03</curveType>{plant}\
         <Period><timeInterval><start>2026-03-28T23:00Z</start><end>2026-03-29T22:00Z</end></timeInterval>\
         <resolution>PT15M</resolution>{points}</Period></TimeSeries>"
    )
}

fn points(all: &[(usize, f64)]) -> String {
    let point = |(position, value): &(usize, f64)| {
        format!("<Point><position>{position}</position><quantity>{value}</quantity></Point>")
    };
    all.iter().map(point).collect()
}

fn read(subject: Subject, body: &[u8]) -> Result<Reading, ReadError> {
    let range = range("2026-03-29", "2026-03-29");
    source("entsoe").read(200, body, &Ask { subject, range, at: utc("2026-03-28T12:05:00Z") })
}

fn packed(files: &[&str]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (index, text) in files.iter().enumerate() {
        archive.start_file(format!("{index}.xml"), SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn series_are_named_after_zone_plant_and_direction() {
    let one = points(&[(1, 5.0), (5, 7.0)]);
    let body = document(
        &[quarters("in", "B16", &one), quarters("in", "B10", &one), quarters("out", "B10", &one)]
            .concat(),
    );
    let reading = read(Subject::Generation(ch()), body.as_bytes()).unwrap();
    let names: Vec<&str> = reading.values.iter().map(|values| values.name.as_str()).collect();
    let expected =
        ["generation:CH:solar", "generation:CH:pumped_storage", "consumption:CH:pumped_storage"];
    assert_eq!(names, expected);
    // 23 hours of quarters; the fifth one's value holds to the end.
    let solar = &reading.values[0];
    assert_eq!(
        (solar.points.len(), solar.points[3].1, solar.points[91].1),
        (92, Some(5.0), Some(7.0))
    );
    assert!(!solar.is_feature);
    let forecast = read(Subject::WindSolarForecast(ch()), body.as_bytes()).unwrap();
    assert_eq!(forecast.values[0].name, "solar_forecast:CH");
    assert!(forecast.values[0].is_feature);
}

#[test]
fn an_archive_of_documents_is_read_whole_or_refused() {
    let one = document(&quarters("out", "", &points(&[(1, 5.0)])));
    let two = document(&quarters("in", "B19", &points(&[(1, 3.0)])));
    let reading =
        read(Subject::Generation(ch()), &packed(&[&two, &two.replace("B19", "B18")])).unwrap();
    assert_eq!(reading.values.len(), 2);
    let load = read(Subject::Load(ch()), &packed(&[&one])).unwrap();
    assert_eq!((load.values[0].name.as_str(), load.values[0].points.len()), ("load:CH", 92));

    let whole = packed(&[&one]);
    let bomb = packed(&[&" ".repeat(70 << 20)]);
    assert!(bomb.len() < 1 << 20, "it is small while it is packed");
    for (body, words) in [
        (whole[..whole.len() / 2].to_vec(), "the archive cannot be opened"),
        (bomb, "unpacks to more than"),
        (packed(&vec![one.as_str(); 201]), "the archive holds 201 files"),
        (packed(&["<html>"]), "cannot be read"),
        (one.replace("MAW", "MWH").into_bytes(), "in MWH, not in MW"),
        (one.replace("SWISSGRIDZ", "SWISSGRIDX").into_bytes(), "answered for 10YCH-SWISSGRIDX"),
        (b"<Publication_MarketDocument/>".to_vec(), "another document, not a document of the grid"),
    ] {
        let error = read(Subject::Load(ch()), &body).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}

/// Counts of steps and values at the edges, taken from the files by hand.
#[test]
fn recorded_answers_are_read() {
    let Some(data) = std::env::var_os("LUNA_SHARED_DIR").map(std::path::PathBuf::from) else {
        eprintln!("skipped: LUNA_SHARED_DIR is not set");
        return;
    };
    let all = TimeRange::new(utc("2020-01-01T00:00:00Z"), utc("2027-01-01T00:00:00Z"));
    let recorded = |file: &str, zone: &str, subject: Subject| {
        let text = std::fs::read_to_string(data.join("data/api").join(file)).unwrap();
        // The zones of the recordings are not among Luna's markets.
        let text = text.replace(zone, "10YCH-SWISSGRIDZ");
        let at = utc("2026-03-28T12:05:00Z");
        source("entsoe").read(200, text.as_bytes(), &Ask { subject, range: all, at }).unwrap()
    };
    let load = recorded(
        "entsoe_A65_A16_DK1_load_actual_2023-12.xml",
        "10YDK-1--------W",
        Subject::Load(ch()),
    );
    let points = &load.values[0].points;
    assert_eq!((points.len(), points[0].0), (47, utc("2023-12-28T15:00:00Z")));
    let forecast = recorded(
        "entsoe_A69_A01_FI_wind_solar_dayahead_2024-02.xml",
        "10YFI-1--------U",
        Subject::WindSolarForecast(ch()),
    );
    let names: Vec<_> =
        forecast.values.iter().map(|it| (it.name.as_str(), it.points.len())).collect();
    assert_eq!(names, [("solar_forecast:CH", 288), ("wind_onshore_forecast:CH", 288)]);
    let generation = recorded(
        "entsoe_A75_A16_FI_generation_15min_A03_2025-10.xml",
        "10YFI-1--------U",
        Subject::Generation(ch()),
    );
    assert_eq!(generation.values.len(), 12);
    // Three days of quarter hours each, most of them carried forward from the one before.
    assert!(generation.values.iter().all(|values| values.points.len() == 288));
    let biomass = &generation.values[0];
    assert_eq!(
        (biomass.name.as_str(), biomass.points[1].1),
        ("generation:CH:biomass", Some(737.97))
    );
}

#[actix_web::test]
async fn too_many_days_at_once_are_asked_for_in_halves() {
    let too_much = "<Acknowledgement_MarketDocument><Reason><code>999</code><text>The amount of \
        requested data exceeds allowed limit</text></Reason></Acknowledgement_MarketDocument>";
    let server = Server::new(move |line| {
        // Periods are asked for with a day more on both sides: three days are the most.
        let day = |name: &str| {
            let at = line.split_once(name).unwrap().1;
            at[6..8].parse::<i32>().unwrap()
        };
        if day("periodEnd=") - day("periodStart=") > 3 {
            return (400, too_much.to_owned());
        }
        (200, document(&quarters("out", "", &points(&[(1, 5.0)]))))
    })
    .await;
    let app = app(&server).await;
    let days = Days::new(day("2026-03-27"), day("2026-03-29"));
    let load = Subject::Load(ch());
    let report = app.services.ingest.fetch("entsoe", &load, days, |_, _| {}).await.unwrap();
    // Three days are too much, two of the halves are too, single days are not.
    assert_eq!(server.asked(), 5);
    assert_eq!((report.values, report.stored.inserted), (23, 23));
}
