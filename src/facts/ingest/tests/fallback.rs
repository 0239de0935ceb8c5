//! aWATTar, which is asked for prices when the others have none. All prices are made up.

use super::*;

fn at() -> Market {
    Market::parse("AT").unwrap()
}

fn ask_at() -> Ask {
    let range = range("2026-03-29", "2026-03-29");
    Ask { subject: Subject::Prices(at()), range, at: utc("2026-03-28T12:05:00Z") }
}

/// The hours of 2026-03-29 in Austria, of which there are 23.
fn hours(country: &str) -> String {
    let slots = range("2026-03-29", "2026-03-29").slots(3_600).enumerate();
    let rows = slots.map(|(hour, ts)| {
        let start = ts.timestamp_millis();
        serde_json::json!({"start_timestamp": start, "end_timestamp": start + 3_600_000,
            "marketprice": hour as f64 - 2.5, "unit": "Eur/MWh"})
    });
    let rows: Vec<_> = rows.collect();
    serde_json::json!({"object": "list", "data": rows, "url": format!("/{country}/v1/marketdata")})
        .to_string()
}

#[test]
fn hours_are_read_and_nothing_is_nothing_yet() {
    let read = |body: &str| source("awattar").read(200, body.as_bytes(), &ask_at());
    for body in [hours("at"), hours("at").replace("Eur/MWh", "EUR/MWH")] {
        let quotes = read(&body).unwrap().quotes;
        assert_eq!((quotes.len(), quotes[0].ts), (23, utc("2026-03-28T23:00:00Z")));
        assert_eq!((quotes[0].price, quotes[22].price), (Some(-2.5), Some(19.5)));
        assert!(quotes.iter().all(|quote| quote.product == Product::DayAhead));
    }
    // Tomorrow is not out yet.
    let nothing = read(r#"{"object":"list","data":[],"url":"/at/v1/marketdata"}"#).unwrap();
    assert_eq!(nothing, Reading::default());
}

#[test]
fn odd_answers_are_refused_with_their_reason() {
    let good = hours("at");
    for (status, body, words) in [
        (200, "<!DOCTYPE html><html>".to_owned(), "a web page, not JSON"),
        (200, String::new(), "empty, not JSON"),
        (200, good[..good.len() / 2].to_owned(), "cannot be read"),
        (200, good.replacen("-2.5", "NaN", 1), "cannot be read"),
        (200, good.replacen("\"data\"", "\"date\"", 1), "missing field `data`"),
        (200, good.replace("Eur/MWh", "Cent/kWh"), "values are in Cent/kWh, not in EUR/MWh"),
        (200, good.replacen("1774742400000", "1774740600000", 1), "is not of an hour"),
        (200, good.replacen("1774738800000", "9223372036854775807", 1), "is no instant"),
        (200, hours("de"), "asked for price:AT, answered for de"),
        (429, String::new(), "less often"),
        (503, String::new(), "status 503"),
    ] {
        let error = source("awattar").read(status, body.as_bytes(), &ask_at()).unwrap_err();
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
}

#[actix_web::test]
async fn it_is_asked_when_the_others_have_nothing_and_only_then() {
    let is_down = Arc::new(Mutex::new(true));
    let down = Arc::clone(&is_down);
    let server = Server::new(move |line| match line {
        line if line.contains("/at/v1/marketdata?start=1774738800000&end=1774821600000") => {
            (200, hours("at"))
        }
        line if line.contains("/ec/") && !*down.lock().unwrap() => (200, energy_charts(line)),
        _ => (500, String::new()),
    })
    .await;
    let url = server.url.clone();
    let app = TestApp::with(utc("2026-03-28T12:05:00Z"), move |settings| {
        settings.ingest.enabled = true;
        settings.ingest.markets = vec![at()];
        settings.ingest.energy_charts_url = format!("{url}/ec");
        settings.ingest.awattar_at_url = format!("{url}/at");
        settings.simulation.enabled = false;
    })
    .await;
    let (ingest, prices) = (&app.services.ingest, Subject::Prices(at()));
    let days = Days::new(day("2026-03-29"), day("2026-03-29"));
    let report = ingest.fetch_any(&prices, days, |_, _| {}).await.unwrap();
    assert_eq!((report.source, report.values, report.stored.inserted), ("awattar", 23, 23));
    // The same again is nothing new.
    let again = ingest.fetch("awattar", &prices, days, |_, _| {}).await.unwrap();
    assert_eq!((again.stored.inserted, again.stored.unchanged), (0, 23));
    *is_down.lock().unwrap() = false;
    let asked = server.asked();
    let report = ingest.fetch_any(&prices, days, |_, _| {}).await.unwrap();
    assert_eq!((report.source, server.asked()), ("energy_charts", asked + 1));
    // Where it knows nothing it is not asked, and when it is switched off nobody is told that it is.
    let swiss = ingest.fetch("awattar", &prices_of_ch(), days, |_, _| {}).await.unwrap_err();
    assert_eq!(swiss.to_string(), "awattar knows nothing of price:CH");
    let settings = Settings { awattar: false, ..Settings::default() };
    assert_eq!(source("awattar").needs(&settings).unwrap(), "Set sources.awattar = true.");
}
