//! Weather that is forecast anew, exchange rates, back-fills that are cut off. All values are made up.

use super::*;
use crate::base::timeline::AsOf;

/// What Open-Meteo answers for the five places of Switzerland: each `value` warmer than the one before.
fn weather(first: &str, hours: i64, value: f64) -> String {
    let start = utc(first).timestamp();
    let time: Vec<i64> = (0..hours).map(|hour| start + 3_600 * hour).collect();
    let place = |index: usize| {
        let all = |value: f64| vec![value; time.len()];
        serde_json::json!({"utc_offset_seconds": 0,
            "hourly_units": {"time": "unixtime", "temperature_2m": "°C",
                "shortwave_radiation": "W/m²", "wind_speed_10m": "m/s"},
            "hourly": {"time": time, "temperature_2m": all(value * index as f64),
                "shortwave_radiation": (0..hours).collect::<Vec<_>>(), "wind_speed_10m": all(2.0)}})
    };
    serde_json::json!((0..5).map(place).collect::<Vec<_>>()).to_string()
}

fn ask_weather() -> Ask {
    let range = range("2026-03-29", "2026-03-29");
    Ask { subject: Subject::Weather(ch()), range, at: utc("2026-03-28T12:05:00Z") }
}

async fn box_with(server: &Server) -> TestApp {
    let url = server.url.clone();
    TestApp::with(utc("2026-03-28T12:05:00Z"), move |settings| {
        settings.ingest.enabled = true;
        settings.ingest.history_days = 3;
        settings.ingest.energy_charts_url = format!("{url}/ec");
        settings.ingest.open_meteo_url = format!("{url}/weather");
        settings.ingest.open_meteo_history_url = format!("{url}/old");
        settings.ingest.ecb_url = format!("{url}/ecb");
        settings.simulation.enabled = false;
    })
    .await
}

#[test]
fn weather_is_the_mean_over_places_and_radiation_of_the_hour_before() {
    let body = weather("2026-03-28T23:00:00Z", 25, 10.0);
    let reading = source("open_meteo").read(200, body.as_bytes(), &ask_weather()).unwrap();
    let [temperature, radiation, wind] = reading.values.as_slice() else { panic!("three series") };
    // .35 · 0 + .20 · 10 + .20 · 20 + .15 · 30 + .10 · 40
    let first = temperature.points[0];
    assert_eq!((first.0, temperature.points.len()), (utc("2026-03-28T23:00:00Z"), 23));
    assert!((first.1.unwrap() - 14.5).abs() < 1e-9, "{first:?}");
    // The value at 00:00 is the mean from 23:00 on.
    assert_eq!(radiation.name, "solar_radiation:CH");
    assert_eq!((radiation.points[0].0, radiation.points.len()), (utc("2026-03-28T23:00:00Z"), 23));
    assert!((radiation.points[0].1.unwrap() - 1.0).abs() < 1e-9);
    assert_eq!((wind.unit, wind.name.as_str()), ("m/s", "wind_speed:CH"));
}

#[test]
fn odd_weather_is_refused_with_its_reason() {
    let good = weather("2026-03-28T23:00:00Z", 25, 10.0);
    let limit = r#"{"error":true,"reason":"Hourly API request limit exceeded."}"#;
    for (status, body, words) in [
        (200, "<html>".to_owned(), "a web page"),
        (200, good[..good.len() / 2].to_owned(), "cannot be read"),
        (200, good.replace("m/s", "km/h"), "values are in km/h (wind_speed_10m), not in m/s"),
        (200, good.replacen("2.0,", "", 1), "25 instants and 24 values"),
        (200, good.replacen("2.0,", "\"2.0\",", 1), "is no number"),
        (200, good.replacen("\"temperature_2m\":[", "\"t\":[", 1), "there is no temperature_2m"),
        (200, "[]".to_owned(), "asked about 5 places, got 0"),
        (200, good.replacen("1774738800", "1774738801", 1), "other instants at each place"),
        (
            400,
            r#"{"error":true,"reason":"Cannot initialize"}"#.to_owned(),
            "400: Cannot initialize",
        ),
        (429, limit.to_owned(), "less often"),
        (503, String::new(), "status 503"),
    ] {
        let read = source("open_meteo").read(status, body.as_bytes(), &ask_weather());
        let error = read.unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
    // Beyond the horizon of a model there is nothing, which is nothing odd.
    let short = good.replace("14.5", "null").replacen("2.0", "null", 1);
    let reading = source("open_meteo").read(200, short.as_bytes(), &ask_weather()).unwrap();
    assert_eq!(reading.values[2].points[0].1, None);
}

/// A year at Frankfurt as it was answered: wall-clock instants at an offset, in older names.
#[test]
fn instants_with_an_offset_are_read() {
    let place = r#"{"utc_offset_seconds":3600,"hourly_units":{"temperature_2m":"°C",
        "shortwave_radiation":"W/m²","wind_speed_10m":"m/s"},"hourly":{"time":["2026-03-29T00:00"],
        "temperature_2m":[4.0],"shortwave_radiation":[null],"wind_speed_10m":[1.0]}}"#;
    let five = format!("[{}]", [place; 5].join(","));
    let reading = source("open_meteo").read(200, five.as_bytes(), &ask_weather()).unwrap();
    assert_eq!(reading.values[0].points, [(utc("2026-03-28T23:00:00Z"), Some(4.0))]);
}

#[actix_web::test]
async fn each_forecast_of_the_weather_stays_as_it_was_known() {
    let turn = Arc::new(Mutex::new(1.0));
    let value = Arc::clone(&turn);
    let server =
        Server::new(move |_| (200, weather("2026-03-28T23:00:00Z", 25, *value.lock().unwrap())))
            .await;
    let app = box_with(&server).await;
    let (ingest, weather) = (&app.services.ingest, Subject::Weather(ch()));
    let days = Days::new(day("2026-03-29"), day("2026-03-29"));
    ingest.fetch_any(&weather, days, |_, _| {}).await.unwrap();
    // The same forecast again says nothing new.
    app.clock.set(utc("2026-03-28T15:05:00Z"));
    let same = ingest.fetch_any(&weather, days, |_, _| {}).await.unwrap();
    assert_eq!((same.stored.inserted, same.stored.unchanged), (0, 69));
    *turn.lock().unwrap() = 3.0;
    app.clock.set(utc("2026-03-28T18:05:00Z"));
    let other = ingest.fetch_any(&weather, days, |_, _| {}).await.unwrap();
    assert_eq!((other.stored.inserted, other.stored.unchanged), (23, 46));
    let range = range("2026-03-29", "2026-03-29");
    for (as_of, expected) in [("2026-03-28T12:05:00Z", 1.45), ("2026-03-28T18:05:00Z", 4.35)] {
        let at = AsOf(utc(as_of));
        let known =
            app.services.observations.values_as_of("temperature:CH", range, at).await.unwrap();
        assert!((known[0].1 - expected).abs() < 1e-9, "{as_of}: {known:?}");
    }
    assert!(server.asked.lock().unwrap().iter().all(|line| line.contains("/weather/v1/forecast?")));
}

#[actix_web::test]
async fn rates_are_of_their_day_and_wait_for_the_afternoon() {
    let body = r#"<gesmes:Envelope xmlns:gesmes="http://x"><Cube>
        <Cube time="2026-03-27"><Cube currency="USD" rate="1.08"/><Cube currency="CHF" rate="0.9512"/></Cube>
        <Cube time="2026-03-26"><Cube currency="CHF" rate="0.9498"/></Cube>
        <Cube time="2025-12-01"><Cube currency="CHF" rate="0.93"/></Cube></Cube></gesmes:Envelope>"#;
    let server = Server::new(move |line| {
        if line.contains("/ecb/eurofxref-hist-90d.xml") {
            (200, body.to_owned())
        } else {
            (404, "other".to_owned())
        }
    })
    .await;
    let app = box_with(&server).await;
    let ingest = &app.services.ingest;
    let days = Days::new(day("2026-03-25"), day("2026-03-28"));
    let report = ingest.fetch_any(&Subject::Rates, days, |_, _| {}).await.unwrap();
    assert_eq!((report.values, report.findings.len()), (2, 0));
    let range = TimeRange::new(utc("2026-03-20T00:00:00Z"), utc("2026-03-30T00:00:00Z"));
    let known =
        |at: &str| app.services.observations.values_as_of("fx:EUR:CHF", range, AsOf(utc(at)));
    // The 26th was known from 16:00 in Frankfurt on, a rule's answer; the 27th from when it came.
    assert_eq!(known("2026-03-26T14:59:00Z").await.unwrap(), []);
    let thursday = (utc("2026-03-25T23:00:00Z"), 0.9498);
    assert_eq!(known("2026-03-26T15:00:00Z").await.unwrap(), [thursday]);
    let friday = (utc("2026-03-26T23:00:00Z"), 0.9512);
    assert_eq!(known("2026-03-28T12:05:00Z").await.unwrap(), [thursday, friday]);
    for (body, words) in [
        ("<html>".to_owned(), "a web page"),
        (body.replace("0.9512", "9512"), "'9512' is no rate of CHF"),
        (body.replace("2026-03-27", "27.3.2026"), "'27.3.2026' is no day"),
        ("<Envelope/>".to_owned(), "another document, not a document of rates"),
        (body[..200].to_owned(), "cannot be read"),
    ] {
        let ask = Ask { subject: Subject::Rates, range, at: app.clock.now() };
        let error = source("ecb").read(200, body.as_bytes(), &ask).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[actix_web::test]
async fn a_back_fill_that_was_cut_off_goes_on_where_it_was() {
    let is_away = Arc::new(Mutex::new(false));
    let away = Arc::clone(&is_away);
    let server = Server::new(move |line| {
        let from = line.split_once("start_date=").unwrap().1;
        if *away.lock().unwrap() && !from.starts_with("2025-09-30") {
            return (500, "away".to_owned());
        }
        (200, weather(&format!("{}T00:00:00Z", &from[..10]), 24, 1.0))
    })
    .await;
    let app = box_with(&server).await;
    let (ingest, weather) = (&app.services.ingest, Subject::Weather(ch()));
    // 100 days are two windows; the second fails, three times.
    let days = Days { resume: true, ..Days::new(day("2025-10-01"), day("2026-01-08")) };
    *is_away.lock().unwrap() = true;
    ingest.fetch_any(&weather, days, |_, _| {}).await.unwrap_err();
    let asked = server.asked();
    *is_away.lock().unwrap() = false;
    let resumed = ingest.fetch_any(&weather, days, |_, _| {}).await.unwrap();
    assert_eq!((resumed.resumed, server.asked()), (1, asked + 1));
    let again = Days { resume: false, ..days };
    let anew = ingest.fetch_any(&weather, again, |_, _| {}).await.unwrap();
    assert_eq!((anew.resumed, server.asked()), (0, asked + 3));
    // What is a day old is asked for again: it may have been restated.
    app.clock.set(utc("2026-03-29T12:06:00Z"));
    let later = ingest.fetch_any(&weather, days, |_, _| {}).await.unwrap();
    assert_eq!((later.resumed, server.asked()), (0, asked + 5));
}

#[actix_web::test]
async fn everything_is_fetched_by_itself_and_prices_do_not_wait_for_it() {
    let server = Server::new(|line| match line {
        line if line.contains("/ec/") => (200, energy_charts(line)),
        line if line.contains("/weather/") || line.contains("/old/") => {
            (200, weather("2026-03-28T00:00:00Z", 48, 1.0))
        }
        _ => (500, "away".to_owned()),
    })
    .await;
    let app = box_with(&server).await;
    let services = &app.services;
    let runner = Runner::new(services.jobs.clone(), services.handlers(), Tasks::new());
    services.jobs.enqueue(NewJob::new(FetchJob::PRICES)).await.unwrap();
    runner.run_next().await.unwrap();
    assert_eq!(server.asked(), 1);
    services.jobs.enqueue(NewJob::new(FetchJob::VALUES)).await.unwrap();
    app.run_jobs().await;
    let states = services.ingest.sources().await.unwrap();
    let state = |name: &str| {
        let source = states.iter().find(|source| source.name == name).unwrap();
        source.subjects[0].clone()
    };
    assert_eq!(state("open_meteo").subject.to_string(), "weather:CH");
    assert_eq!(state("open_meteo").newest, Some(utc("2026-03-29T23:00:00Z")));
    // A source that is away costs nobody anything but its own values.
    assert_eq!(state("ecb").failure.as_deref(), Some("the source answers with status 500"));
    assert_eq!(state("energy_charts").failure, None);
}
