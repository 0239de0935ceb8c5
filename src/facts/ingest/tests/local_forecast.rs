//! The local forecast of MeteoSwiss: a list of files, of which each holds all places. All are constructed.

use std::fmt::Write;

use super::*;
use crate::base::timeline::AsOf;

/// 13:05 in Zürich.
const NOON: &str = "2026-03-28T12:05:00Z";

fn subject() -> Subject {
    Subject::LocalForecast("1-48,8001".parse().unwrap())
}

fn ask_forecast() -> Ask {
    Ask { subject: subject(), range: range("2026-03-28", "2026-04-05"), at: utc(NOON) }
}

fn read_forecast(status: u16, body: &str) -> Result<Reading, ReadError> {
    source("meteoswiss_forecast").read(status, body.as_bytes(), &ask_forecast())
}

/// A list with the files of some runs at `base`.
fn list(base: &str, files: &[(&str, &str)]) -> String {
    let assets: serde_json::Map<_, _> = files
        .iter()
        .map(|(run, parameter)| {
            let name = format!("vnut12.lssw.{run}.{parameter}.csv");
            let href = format!("{base}/files/{name}");
            (name, serde_json::json!({"href": href, "type": "text/csv"}))
        })
        .collect();
    serde_json::json!({"type": "FeatureCollection", "features": [
        {"id": "20260328-ch", "assets": assets}, {"id": "20260327-ch", "assets": {}}]})
    .to_string()
}

/// A table of `hours` from 09:00 UTC on for two places and one that nobody asked for.
fn table(parameter: &str, hours: i64, value: impl Fn(i64) -> String) -> String {
    let mut text = format!("point_id;point_type_id;Date;{parameter}\r\n");
    for hour in 0..hours {
        let end = utc("2026-03-28T09:00:00Z") + chrono::Duration::hours(hour + 1);
        for (number, kind) in [("48", "1"), ("48", "2"), ("800100", "2")] {
            let value = if kind == "1" { "7.5".to_owned() } else { value(hour) };
            write!(text, "{number};{kind};{};{value}\r\n", end.format("%Y%m%d%H%M")).unwrap();
        }
    }
    text
}

const ALL: [&str; 3] = ["tre200h0", "gre000h0", "fu3010h0"];

#[test]
fn the_newest_complete_run_is_chosen() {
    let of = |run: &'static str, names: &[&'static str]| {
        names.iter().map(|name| (run, *name)).collect::<Vec<_>>()
    };
    let files = [
        of("202603281000", &ALL),
        of("202603281100", &["tre200h0", "gre000h0", "fu3010h0", "rre150h0"]),
        // Not complete yet, of tomorrow, of no instant.
        of("202603281200", &ALL[..2]),
        of("202603291200", &ALL),
        of("2026032812", &ALL),
    ];
    let next = read_forecast(200, &list("https://host", &files.concat())).unwrap().next;
    let expected = ["fu3010h0", "gre000h0", "tre200h0"]
        .map(|name| format!("https://host/files/vnut12.lssw.202603281100.{name}.csv"));
    assert_eq!(next, expected);
    let made_at = source("meteoswiss_forecast").made_at(&next[0]);
    assert_eq!(made_at, Some(utc("2026-03-28T11:00:00Z")));
    assert_eq!(source("meteoswiss_forecast").made_at("https://host/items"), None);
    let good = list("https://host", &of("202603281000", &ALL));
    for (body, words) in [
        (list("https://host", &files[2]), "a list without one, not a list with a complete run"),
        (r#"{"features":[]}"#.to_owned(), "a list without one"),
        // Where the address tells another instant than the name, nobody knows which is right.
        (
            good.replace("files/vnut12.lssw.202603281000", "files/vnut12.lssw.202603280900"),
            "without one",
        ),
        (good[..good.len() / 2].to_owned(), "cannot be read"),
        ("<html>".to_owned(), "a web page, not a table of text"),
    ] {
        let error = read_forecast(200, &body).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn hours_end_at_their_labels_and_wind_is_in_metres_a_second() {
    let body =
        table("fu3010h0", 3, |hour| ["36", "", "18"][usize::try_from(hour).unwrap()].to_owned());
    let reading = read_forecast(200, &body).unwrap();
    let names: Vec<_> = reading.values.iter().map(|it| (it.name.as_str(), it.unit)).collect();
    assert_eq!(names, [("wind_speed:1-48", "m/s"), ("wind_speed:8001", "m/s")]);
    let hours = ["2026-03-28T09:00:00Z", "2026-03-28T10:00:00Z", "2026-03-28T11:00:00Z"].map(utc);
    let speeds: Vec<_> =
        reading.values[1].points.iter().map(|(ts, v)| (*ts, v.map(f64::round))).collect();
    assert_eq!(speeds, [(hours[0], Some(10.0)), (hours[1], None), (hours[2], Some(5.0))]);
    assert!(reading.findings.is_empty() && !reading.values[0].is_feature);
    // Whole days: an hour of the local day before is nobody's question.
    let early = body.replace("202603281000", "202603272300");
    assert_eq!(read_forecast(200, &early).unwrap().values[1].points.len(), 2);
}

#[test]
fn odd_tables_are_refused_and_odd_rows_left_out() {
    let good = table("tre200h0", 3, |hour| format!("{}.5", 4 + hour));
    for (status, body, words) in [
        (200, String::new(), "the answer is empty"),
        (200, "<!DOCTYPE html><html></html>".to_owned(), "a web page"),
        (200, good.replace("point_type_id", "type"), "a table with other columns"),
        (200, good.replace("tre200h0", "tre200hx"), "a table with other columns"),
        (200, good.replace(";Date;", ";Day;"), "a table with other columns"),
        (
            200,
            good.replace("800100;2", "300100;2").replace("48;1", "49;1"),
            "nothing is forecast for 1-48, 8001",
        ),
        (200, "point_id;point_type_id;Date;tre200h0\r\n".to_owned(), "nothing is forecast for"),
        (200, good.replace(";20260328", ";28.3.2026"), "is no instant"),
        (404, "<html>".to_owned(), "refuses with status 404"),
        (429, String::new(), "less often"),
        (503, String::new(), "status 503"),
    ] {
        let error = read_forecast(status, &body).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
    for (body, words, left) in [
        (good.replace("5.5", "warm"), "line 7: 'warm' is no number", 2),
        (good.trim_end().to_owned(), "the last line has no end, perhaps it was cut off", 2),
        (good.replace("48;1", "47;1"), "nothing is forecast for 1-48", 3),
        (good.replacen("800100;2;", "800100;2", 1), "line 4: 3 fields under 4 columns", 2),
    ] {
        let reading = read_forecast(200, &body).unwrap();
        let said: Vec<_> = reading.findings.iter().map(ToString::to_string).collect();
        assert!(said.join("; ").contains(words), "{words}: {said:?}");
        let own = reading.values.iter().find(|it| it.name == "temperature:8001").unwrap();
        assert_eq!(own.points.len(), left, "{words}");
    }
}

async fn app_with(server: &Server) -> TestApp {
    let url = server.url.clone();
    TestApp::with(utc(NOON), move |settings| {
        settings.ingest.enabled = true;
        settings.ingest.markets = Vec::new();
        settings.ingest.rates = false;
        settings.ingest.meteoswiss_points = vec!["8001".parse().unwrap(), "1-48".parse().unwrap()];
        settings.ingest.meteoswiss_forecast_url = format!("{url}/stac");
        settings.simulation.enabled = false;
    })
    .await
}

/// A table of all places of the country for nine days, as long as the real one.
fn whole_country() -> String {
    let mut text = table("tre200h0", 216, |hour| format!("{:.1}", hour as f64 / 10.0));
    for hour in 0..216 {
        let end = utc("2026-03-28T09:00:00Z") + chrono::Duration::hours(hour + 1);
        let end = end.format("%Y%m%d%H%M").to_string();
        for place in 0..6_000 {
            writeln!(text, "{};2;{end};12.3\r", 100_000 + place).unwrap();
        }
    }
    text
}

#[actix_web::test]
async fn of_a_file_of_the_whole_country_the_rows_of_the_places_are_kept() {
    let (address, runs) =
        (Arc::new(Mutex::new(String::new())), Arc::new(Mutex::new("202603281100")));
    let (base, run) = (Arc::clone(&address), Arc::clone(&runs));
    let (long, whole) = (whole_country(), Arc::new(Mutex::new(0)));
    assert!(long.len() > 32 << 20, "{}", long.len());
    let sent = Arc::clone(&whole);
    let server = Server::new(move |line| {
        let run = *run.lock().unwrap();
        let cloudy = run.ends_with("1700");
        let body = match line {
            line if line.contains("/stac/items") => {
                list(&base.lock().unwrap(), &ALL.map(|name| (run, name)))
            }
            line if line.contains("tre200h0") => long.clone(),
            line if line.contains("gre000h0") => {
                table("gre000h0", 216, |hour| if cloudy { 1 } else { hour + 2 }.to_string())
            }
            _ => table("fu3010h0", 216, |_| "36".to_owned()),
        };
        *sent.lock().unwrap() += body.len();
        (200, body)
    })
    .await;
    *address.lock().unwrap() = server.url.clone();
    let app = app_with(&server).await;
    let ingest = &app.services.ingest;
    assert_eq!(ingest.subjects(None).unwrap(), [subject()]);
    let days = ingest.due(&subject()).await.unwrap().unwrap();
    assert_eq!((days.first, days.last), (day("2026-03-28"), day("2026-04-05")));
    let report = ingest.fetch_any(&subject(), days, |_, _| {}).await.unwrap();
    // Of nine days 215 hours less the ten that are over, two places and three parameters; the ninth day
    // ends in the summer, at 22:00 UTC, before the last hour of the run does.
    let expected = 2 * 3 * 205;
    assert_eq!(
        (report.values, report.stored.inserted, &*report.findings),
        (expected, expected as u64, &[][..])
    );
    assert_eq!(server.asked(), 4);
    // What came was thirty-three million bytes, and is counted; what was kept of them is archived.
    let answers = app.services.archive.answers_today().await.unwrap();
    assert_eq!(answers[0].bytes, *whole.lock().unwrap() as u64);
    assert!(answers[0].bytes > 32 << 20, "{answers:?}");
    let files = app.services.archive.next(Some("meteoswiss_forecast"), None).await.unwrap();
    let kept: Vec<_> =
        files.iter().map(|file| file.arrival.content_type.contains("filtered=rows")).collect();
    assert_eq!(kept, [false, true, true, true]);
    assert!(files.iter().all(|file| file.size_bytes < 16 << 10), "{files:?}");
    // Known when the run was made, not when it came.
    let observations = &app.services.observations;
    let range = TimeRange::new(utc("2026-03-28T15:00:00Z"), utc("2026-03-28T16:00:00Z"));
    let known = async |name: &str, at: &str| {
        let known = observations.values_as_of(name, range, AsOf(utc(at))).await.unwrap();
        known.first().map(|(_, value)| *value)
    };
    assert_eq!(known("temperature:8001", "2026-03-28T10:59:59Z").await, None);
    assert_eq!(known("temperature:8001", "2026-03-28T11:00:00Z").await, Some(0.6));
    assert_eq!(known("temperature:1-48", "2026-03-28T11:00:00Z").await, Some(7.5));
    assert!((known("wind_speed:8001", "2026-03-28T11:00:00Z").await.unwrap() - 10.0).abs() < 1e-9);
    // The same run again says nothing new; a later one what it says otherwise.
    app.clock.set(utc("2026-03-28T18:05:00Z"));
    let days = ingest.due(&subject()).await.unwrap().unwrap();
    let same = ingest.fetch_any(&subject(), days, |_, _| {}).await.unwrap();
    assert_eq!((same.stored.inserted, same.stored.replaced), (0, 0));
    *runs.lock().unwrap() = "202603281700";
    ingest.fetch_any(&subject(), days, |_, _| {}).await.unwrap();
    assert_eq!(known("solar_radiation:8001", "2026-03-28T16:59:59Z").await, Some(8.0));
    let spec = observations.spec("temperature:8001").await.unwrap().unwrap();
    assert_eq!((spec.attribution.as_str(), spec.market), ("Source: MeteoSwiss", None));
    // A replay of the archive, which holds what was kept, says the same.
    let (read, unusable) = ingest.replay(Some("meteoswiss_forecast"), |_, _| {}).await.unwrap();
    assert_eq!((read, unusable), (8, 0));
    assert_eq!(known("temperature:8001", "2026-03-28T11:00:00Z").await, Some(0.6));
}

#[actix_web::test]
async fn a_list_that_leads_elsewhere_or_nowhere_is_a_failure_that_shows() {
    let files = ALL.map(|name| ("202603281100", name));
    let answers = Arc::new(Mutex::new((200, String::new())));
    let turn = Arc::clone(&answers);
    let server = Server::new(move |_| turn.lock().unwrap().clone()).await;
    let app = app_with(&server).await;
    let ingest = &app.services.ingest;
    let days = ingest.days(&subject()).await.unwrap();
    for (answer, words, asked) in [
        ((200, list("http://127.0.0.1:1", &files)), "it names a file at another host", 1),
        ((200, "<html>maintenance</html>".to_owned()), "a web page", 1),
        ((503, String::new()), "status 503", 3),
        // The list is there, the files are the list again.
        ((200, list(&server.url, &files)), "a file that it names is a list again", 2),
    ] {
        let before = server.asked();
        *answers.lock().unwrap() = answer;
        let result = ingest.fetch_any(&subject(), days, |_, _| {}).await;
        let error = result.unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
        assert_eq!(server.asked() - before, asked, "{words}");
        let states = ingest.sources().await.unwrap();
        let state = states.iter().find(|it| it.name == "meteoswiss_forecast").unwrap();
        assert!(state.subjects[0].failure.as_deref().unwrap().contains(words));
    }
}
