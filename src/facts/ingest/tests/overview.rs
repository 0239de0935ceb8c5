//! The energy overview of Swissgrid, in workbooks that are made here; the numbers of one are real.

use std::fmt::Write as _;
use std::io::{Cursor, Read, Write};

use zip::write::SimpleFileOptions;

use super::*;
use crate::base::timeline::AsOf;

const NAMES: [&str; 5] = [
    "",
    "Summe endverbrauchte Energie Regelblock Schweiz\nTotal energy consumed by end users in the Swiss controlblock",
    "Summe produzierte Energie Regelblock Schweiz\nTotal energy production Swiss controlblock",
    "Summe verbrauchte Energie Regelblock Schweiz\nTotal energy consumption Swiss controlblock",
    "Verbundaustausch CH->AT\nCross Border Exchange CH->AT",
];
const UNITS: [&str; 5] = ["Zeitstempel", "kWh", "kWh", "kWh", "kWh"];

fn subject() -> Subject {
    Subject::Statistic(Statistic::Overview, ch())
}

fn ask_of(first: &str, last: &str) -> Ask {
    Ask { subject: subject(), range: range(first, last), at: utc("2026-11-20T12:00:00Z") }
}

fn read_book(body: &[u8], first: &str, last: &str) -> Result<Reading, ReadError> {
    source("swissgrid").read(200, body, &ask_of(first, last))
}

/// A row of cells: numbers as numbers, everything else as text.
fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

/// The XML of a sheet.
fn sheet(rows: &[Vec<String>]) -> String {
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>".to_owned();
    for (line, cells) in (1..).zip(rows) {
        write!(xml, "<row r=\"{line}\">").unwrap();
        for (letter, cell) in (b'A'..).map(char::from).zip(cells) {
            match cell.as_str() {
                "" => {}
                cell if cell.parse::<f64>().is_ok_and(f64::is_finite) => {
                    write!(xml, "<c r=\"{letter}{line}\"><v>{cell}</v></c>").unwrap();
                }
                cell => {
                    let cell = cell.replace('>', "&gt;");
                    write!(
                        xml,
                        "<c r=\"{letter}{line}\" t=\"inlineStr\"><is><t>{cell}</t></is></c>"
                    )
                    .unwrap();
                }
            }
        }
        xml.push_str("</row>");
    }
    xml + "</sheetData></worksheet>"
}

/// A workbook with one sheet of this XML, and further files.
fn book(sheet: &str, more: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    let parts = [
        (
            "[Content_Types].xml",
            "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>"
                .to_owned(),
        ),
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{package}\"><Relationship Id=\"rId1\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{package}\"><Relationship Id=\"rId1\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" xmlns:r=\"{office}\"><sheets><sheet name=\"Zeitreihen0h15\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
            ),
        ),
        ("xl/worksheets/sheet1.xml", sheet.to_owned()),
    ];
    let parts = parts.iter().map(|(name, text)| (*name, text.as_bytes()));
    for (name, bytes) in parts.chain(more.iter().copied()) {
        archive.start_file(name, SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A workbook of quarter hours with these labels: the first has 1 `MWh` consumed by end users, the next 2.
fn labelled(labels: &[&str]) -> Vec<u8> {
    book(&sheet(&rows_of(labels)), &[])
}

fn rows_of(labels: &[&str]) -> Vec<Vec<String>> {
    let head = [row(&NAMES), row(&UNITS)];
    let rows = (1..).zip(labels).map(|(number, label)| {
        row(&[label, &format!("{number}000"), "2000000", "2100000.5", "25000"])
    });
    head.into_iter().chain(rows).collect()
}

/// Instants and values of one series, in MW.
fn series(reading: &Reading, name: &str) -> Vec<(DateTime<Utc>, f64)> {
    let own = reading.values.iter().find(|values| values.name == name).unwrap();
    own.points.iter().map(|(ts, value)| (*ts, value.unwrap())).collect()
}

/// The values are real, the workbook is not: what is read of it is what others made of the same year.
#[test]
fn a_real_year_of_labels_at_the_end_agrees_with_its_hours_in_utc() {
    let Some(data) = std::env::var_os("LUNA_SHARED_DIR").map(std::path::PathBuf::from) else {
        eprintln!("skipped: LUNA_SHARED_DIR is not set");
        return;
    };
    let text = |name: &str| {
        let file = std::fs::File::open(data.join("data/load").join(name)).unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
        text
    };
    let quarters = text("CH_swissgrid_enduser_15min_2019_2020.tsv.gz");
    let mut rows = vec![row(&NAMES[..4]), row(&UNITS[..4])];
    for line in quarters.lines().skip(1).take_while(|line| !line.starts_with("01.01.2020 00:15")) {
        let (label, kwh) = line.split_once('\t').unwrap();
        rows.push(row(&[label, kwh, kwh, kwh]));
    }
    let reading = read_book(&book(&sheet(&rows), &[]), "2019-01-01", "2019-12-31").unwrap();
    let found = series(&reading, "grid_end_consumption:CH");
    assert_eq!((found.len(), reading.findings.len()), (8_760 * 4, 1), "{:?}", reading.findings);
    let mut hours: std::collections::BTreeMap<i64, (usize, f64)> =
        std::collections::BTreeMap::new();
    for (ts, mw) in found {
        let hour = hours.entry(ts.timestamp() / 3_600).or_default();
        *hour = (hour.0 + 1, hour.1 + mw / 4.0);
    }
    let mut off: Vec<f64> = Vec::new();
    for line in text("CH_swissgrid_consumption_hourly_2016_2023.csv.gz").lines().skip(1) {
        let fields: Vec<_> = line.split(',').collect();
        let Some((count, mean)) = hours.get(&(utc(fields[0]).timestamp() / 3_600)) else {
            continue;
        };
        let expected: f64 = fields[2].parse().unwrap();
        assert_eq!(*count, 4, "{line}");
        off.push((mean / expected - 1.0).abs());
        // Some values were restated between the two.
        assert!(off.last().unwrap() < &0.01, "{line}: {mean}");
    }
    off.sort_by(f64::total_cmp);
    assert_eq!(off.len(), 8_760);
    // A quarter hour too early or too late would be off by sixty times as much.
    assert!(off[off.len() / 2] < 2e-4, "{}", off[off.len() / 2]);
}

#[test]
fn labels_mark_ends_before_2025_and_beginnings_from_then_on() {
    // Both clock changes as they are written: the end is the beginning and a quarter hour.
    let labels = [
        "01.01.2024 00:15",
        "31.03.2024 01:45",
        "31.03.2024 03:00",
        "31.03.2024 03:15",
        "27.10.2024 02:00",
        "27.10.2024 02:15",
        "27.10.2024 03:00",
        "27.10.2024 02:15",
        "27.10.2024 03:00",
        "27.10.2024 03:15",
        "01.01.2025 00:00",
    ];
    let reading = read_book(&labelled(&labels), "2024-01-01", "2024-12-31").unwrap();
    let expected = [
        "2023-12-31T23:00:00Z",
        "2024-03-31T00:30:00Z",
        "2024-03-31T00:45:00Z",
        "2024-03-31T01:00:00Z",
        "2024-10-26T23:45:00Z",
        "2024-10-27T00:00:00Z",
        "2024-10-27T00:45:00Z",
        "2024-10-27T01:00:00Z",
        "2024-10-27T01:45:00Z",
        "2024-10-27T02:00:00Z",
        "2024-12-31T22:45:00Z",
    ];
    let expected: Vec<_> =
        (1..).zip(expected).map(|(mw, ts)| (utc(ts), f64::from(mw) * 4.0)).collect();
    assert_eq!(series(&reading, "grid_end_consumption:CH"), expected);
    let first = expected[0].0;
    assert_eq!(series(&reading, "grid_consumption:CH")[0], (first, 8_400.002));
    assert_eq!(series(&reading, "grid_exports:CH:AT")[0], (first, 100.0));
    assert!(
        reading.findings[0].to_string().starts_with("there is no column Verbundaustausch AT->CH")
    );
}

#[test]
fn labels_are_read_as_the_clock_shows_them() {
    // The end as the clock shows it: 02:00 to 02:45 twice.
    let shown = [
        "01.01.2024 00:15",
        "27.10.2024 01:45",
        "27.10.2024 02:00",
        "27.10.2024 02:45",
        "27.10.2024 02:00",
        "27.10.2024 02:45",
        "27.10.2024 03:00",
    ];
    let reading = read_book(&labelled(&shown), "2024-10-27", "2024-10-27").unwrap();
    let found: Vec<_> = series(&reading, "grid_production:CH").iter().map(|(ts, _)| *ts).collect();
    let expected = [
        "2024-10-26T23:30:00Z",
        "2024-10-26T23:45:00Z",
        "2024-10-27T00:30:00Z",
        "2024-10-27T00:45:00Z",
        "2024-10-27T01:30:00Z",
        "2024-10-27T01:45:00Z",
    ];
    assert_eq!(found, expected.map(utc));
    // Beginnings, as days since 1899: 46110 is 2026-03-29.
    let starts = [
        "01.01.2026 00:00",
        "46110.0729166667",
        "46110.125",
        "25.10.2026 02:00",
        "25.10.2026 02:45",
        "25.10.2026 02:00",
        "25.10.2026 02:45",
        "25.10.2026 03:00",
    ];
    let reading = read_book(&labelled(&starts), "2026-01-01", "2026-12-31").unwrap();
    let found: Vec<_> = series(&reading, "grid_production:CH").iter().map(|(ts, _)| *ts).collect();
    let expected = [
        "2025-12-31T23:00:00Z",
        "2026-03-29T00:45:00Z",
        "2026-03-29T01:00:00Z",
        "2026-10-25T00:00:00Z",
        "2026-10-25T00:45:00Z",
        "2026-10-25T01:00:00Z",
        "2026-10-25T01:45:00Z",
        "2026-10-25T02:00:00Z",
    ];
    assert_eq!(found, expected.map(utc));
}

#[test]
fn odd_workbooks_are_refused_with_their_reason() {
    let rows = rows_of(&["01.01.2026 00:00", "01.01.2026 00:15"]);
    let good = sheet(&rows);
    let whole = book(&good, &[]);
    let with = |from: &str, to: &str| book(&good.replace(from, to), &[]);
    let far = book(&good.replace("r=\"B4\"", "r=\"ZZZZZZZZZZ9999999999999\""), &[]);
    let texts = |count: &str| {
        let xml = format!("<sst xmlns=\"x\" uniqueCount = '{count}'></sst>");
        book(&good, &[("xl/sharedStrings.xml", xml.as_bytes())])
    };
    let bomb = vec![b' '; 257 << 20];
    let others: Vec<(String, &[u8])> = (0..210).map(|at| (format!("x{at}"), &b""[..])).collect();
    let others: Vec<_> = others.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    for (body, words) in [
        (b"<html>moved</html>".to_vec(), "a web page, not a workbook"),
        (Vec::new(), "empty, not a workbook"),
        (whole[..whole.len() / 2].to_vec(), "the workbook cannot be opened"),
        (b"PK\x03\x04".to_vec(), "the workbook cannot be opened"),
        (book(&good[..good.len() - 60], &[]), "the workbook cannot be opened"),
        (book(&good, &[("xl/bomb.bin", &bomb)]), "unpacks to more than"),
        (book(&good, &others), "it holds 215 files"),
        (texts("99999999999999999999999"), "it announces 99999999999999999999999 texts"),
        (texts("3000000000"), "it announces 3000000000 texts"),
        (far, "the workbook cannot be opened"),
        (with(">kWh<", ">MWh<"), "values are in MWh (Summe endverbrauchte Energie), not in kWh"),
        (with("Summe produzierte", "Summe importierte"), "a sheet with other columns"),
        (
            with("Summe produzierte", "Summe verbrauchte"),
            "two columns are called Summe verbrauchte Energie",
        ),
        (with("01.01.2026 00:00", "01.02.2026 00:00"), "nobody knows whether labels mark"),
        (with("01.01.2026", "01.01.2025"), "is of another year"),
        (book(&sheet(&rows[..1]), &[]), "a sheet with other columns"),
        (book(&sheet(&[]), &[]), "a sheet with other columns"),
        (book(&good, &[]), ""),
    ] {
        let read = read_book(&body, "2026-01-01", "2026-12-31");
        if words.is_empty() {
            assert!(read.is_ok());
            continue;
        }
        let error = read.unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
    // Another sheet only.
    let other = whole.clone();
    let error =
        source("swissgrid").read(503, &other, &ask_of("2026-01-01", "2026-01-01")).unwrap_err();
    assert_eq!(error, ReadError::Failing(503));
    // In spring the file of the year may not be there yet; in November it must be.
    let gone = |at: &str| {
        let ask = Ask { at: utc(at), ..ask_of("2026-01-01", "2026-01-01") };
        source("swissgrid").read(404, b"<html>", &ask)
    };
    assert_eq!(gone("2026-02-10T12:00:00Z"), Ok(Reading::default()));
    assert!(gone("2026-11-10T12:00:00Z").is_err());
}

#[test]
fn odd_cells_are_left_out_and_ten_years_in_one_file_are_one() {
    let labels: Vec<String> = (2017..=2026)
        .flat_map(|year| ["00:00", "00:15"].map(|time| format!("01.01.{year} {time}")))
        .collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let reading = read_book(&labelled(&labels), "2026-01-01", "2026-12-31").unwrap();
    assert_eq!(series(&reading, "grid_production:CH").len(), 2);
    let said: Vec<_> = reading.findings.iter().map(ToString::to_string).collect();
    assert!(
        said.join("; ").contains("18 rows or cells cannot be used, the first in row 3"),
        "{said:?}"
    );
    let mut rows = rows_of(&["01.01.2026 00:00", "01.01.2026 00:15", "soon", "01.01.2026 00:30"]);
    rows[3][1] = "viel".to_owned();
    rows[5][2] = String::new();
    let reading = read_book(&book(&sheet(&rows), &[]), "2026-01-01", "2026-01-01").unwrap();
    let said: Vec<_> = reading.findings.iter().map(ToString::to_string).collect();
    assert!(
        said.join("; ").contains("2 rows or cells cannot be used, the first in row 4"),
        "{said:?}"
    );
    let own = |name: &str| reading.values.iter().find(|it| it.name == name).unwrap().points.clone();
    assert_eq!(own("grid_end_consumption:CH").len(), 2);
    assert_eq!(own("grid_production:CH")[2].1, None);
}

#[test]
fn texts_that_cells_share_are_read() {
    let xml = sheet(&rows_of(&["01.01.2026 00:00"]));
    let xml = xml.replace("t=\"inlineStr\"><is><t>01.01.2026 00:00</t></is>", "t=\"s\"><v>0</v>");
    let texts = b"<sst xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" count=\"1\" uniqueCount=\"1\"><si><t>01.01.2026 00:00</t></si></sst>";
    let body = book(&xml, &[("xl/sharedStrings.xml", texts)]);
    let reading = read_book(&body, "2026-01-01", "2026-01-01").unwrap();
    assert_eq!(series(&reading, "grid_production:CH"), [(utc("2025-12-31T23:00:00Z"), 8_000.0)]);
}

#[test]
fn years_are_in_files_of_their_own() {
    let swissgrid = source("swissgrid");
    let asked = |first: &str, last: &str| {
        let ask = ask_of(first, last);
        let url = swissgrid.request(&Settings::default(), &ask).map(|it| it.url);
        (url, swissgrid.is_one_request(&ask))
    };
    let url = |year: i32| {
        Some(format!(
            "https://www.swissgrid.ch/dam/dataimport/energy-statistic/EnergieUebersichtCH-{year}.xlsx"
        ))
    };
    assert_eq!(asked("2026-01-01", "2026-11-20"), (url(2026), true));
    assert_eq!(asked("2025-12-31", "2025-12-31"), (url(2025), true));
    assert_eq!(asked("2025-12-31", "2026-01-01"), (url(2026), false));
    assert_eq!(asked("2019-12-31", "2019-12-31"), (None, true));
    let off = Settings { swissgrid: false, ..Settings::default() };
    assert!(swissgrid.needs(&off).unwrap().contains("sources.swissgrid"));
    assert_eq!(swissgrid.subjects(&Settings::default()), [subject()]);
}

/// Quarter hours of the first two hours of a year.
fn begin(year: i32, kwh: &str) -> Vec<u8> {
    let labels: Vec<String> =
        (0..8).map(|at| format!("01.01.{year} {:02}:{:02}", at / 4, at % 4 * 15)).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let mut rows = rows_of(&labels);
    rows[2][1] = kwh.to_owned();
    book(&sheet(&rows), &[])
}

#[actix_web::test]
async fn a_box_asks_each_year_once_and_a_restated_hour_is_news() {
    let newest = Arc::new(Mutex::new("1000"));
    let turn = Arc::clone(&newest);
    let server = Server::new(move |line| match line {
        line if line.contains("CH-2026.xlsx") => (200, begin(2026, *turn.lock().unwrap())),
        line if line.contains("CH-2025.xlsx") => (200, begin(2025, "1000")),
        _ => (404, b"<html>".to_vec()),
    })
    .await;
    let url = server.url.clone();
    let app = TestApp::with(utc("2026-03-28T12:05:00Z"), move |settings| {
        settings.ingest.enabled = true;
        settings.ingest.history_days = 400;
        (settings.ingest.weather, settings.ingest.rates) = (false, false);
        settings.ingest.swissgrid = true;
        settings.ingest.swissgrid_url = url;
        settings.simulation.enabled = false;
    })
    .await;
    let ingest = &app.services.ingest;
    assert_eq!(ingest.subjects(Some("swissgrid")).unwrap(), [subject()]);
    let days = ingest.due(&subject()).await.unwrap().unwrap();
    assert_eq!((days.first, days.last), (day("2025-02-21"), day("2026-03-28")));
    let days = Days { resume: true, ..Days::new(day("2025-01-01"), days.last) };
    let report = ingest.fetch_any(&subject(), days, |_, _| {}).await.unwrap();
    // Two hours a year of four series.
    assert_eq!((report.values, report.stored.inserted, server.asked()), (16, 16, 2));
    // A back-fill that is begun anew takes the year behind from the archive.
    let again = ingest.fetch_any(&subject(), days, |_, _| {}).await.unwrap();
    assert_eq!((again.resumed, again.stored.unchanged, server.asked()), (1, 16, 3));
    *newest.lock().unwrap() = "5000";
    app.clock.set(utc("2026-04-02T12:05:00Z"));
    let other =
        ingest.fetch_any(&subject(), Days { resume: false, ..days }, |_, _| {}).await.unwrap();
    assert_eq!((other.stored.inserted, other.stored.unchanged), (1, 15));
    let range = TimeRange::new(utc("2025-12-31T23:00:00Z"), utc("2026-01-01T00:00:00Z"));
    // Mean of four quarter hours of 1, 2, 3 and 4 MWh; then 5 MWh instead of the first.
    for (as_of, expected) in [
        // Nobody knows it before it is published.
        ("2026-02-14T22:59:59Z", None),
        ("2026-02-14T23:00:00Z", Some(10.0)),
        ("2026-04-02T12:05:00Z", Some(14.0)),
    ] {
        let known = &app.services.observations;
        let known =
            known.values_as_of("grid_end_consumption:CH", range, AsOf(utc(as_of))).await.unwrap();
        assert_eq!(known.first().map(|(_, value)| *value), expected, "{as_of}");
    }
    let states = ingest.sources().await.unwrap();
    let state = states.iter().find(|source| source.name == "swissgrid").unwrap();
    assert_eq!(state.subjects[0].newest, Some(utc("2026-01-01T00:00:00Z")));
    assert_eq!(state.attribution, "Quelle: Swissgrid AG");
}
