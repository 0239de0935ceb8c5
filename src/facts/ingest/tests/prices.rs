//! Day-ahead prices: well-behaved, hostile, away, restated.

use std::io::Read;

use diesel_async::SimpleAsyncConnection;
use flate2::read::GzDecoder;

use super::*;

/// What may come in place of prices of 2026-03-29, and the words of the refusal.
fn hostile() -> Vec<(u16, String, &'static str)> {
    let range = range("2026-03-29", "2026-03-29");
    let good = first_form(range, 3_600, |_| Some(1.0));
    let half_past = TimeRange::new(range.from + chrono::Duration::minutes(10), range.to);
    vec![
        (200, "<!DOCTYPE html><html>Maintenance</html>".to_owned(), "a web page"),
        (200, String::new(), "empty"),
        (200, good[..good.len() / 2].to_owned(), "cannot be read"),
        (200, good.replace("1.0", "NaN"), "cannot be read"),
        (200, good.replace("1.0", "1e999"), "cannot be read"),
        (200, good.replace("1.0", "\"1,0\""), "cannot be read"),
        (200, good.replace("EUR / MWh", "EUR / kWh"), "not in EUR/MWh"),
        (200, good.replace("1.0", "200000.0"), "beyond what is possible"),
        (200, good.replacen("1.0,", "", 1), "23 instants and 22 prices"),
        (200, first_form(half_past, 3_600, |_| Some(1.0)), "begin where no interval begins"),
        (200, first_form(range, 1_800, |_| Some(1.0)), "neither hourly nor quarter-hourly"),
        (200, "[]".to_owned(), "cannot be read"),
        (200, r#"{"data": 7}"#.to_owned(), "cannot be read"),
        (200, "[".repeat(100_000), "cannot be read"),
        (
            200,
            r#"{"unix_seconds": [9223372036854775807], "price": [1], "unit": "EUR/MWh"}"#
                .to_owned(),
            "no instant",
        ),
        (404, "not found".to_owned(), "refuses with status 404: not found"),
        (422, r#"{"detail": "bzn"}"#.to_owned(), "refuses with status 422"),
        (429, "slow down".to_owned(), "less often"),
        (500, "<html>oh</html>".to_owned(), "answers with status 500"),
    ]
}

#[actix_web::test]
async fn what_is_not_prices_is_archived_and_stores_nothing() {
    let cases = hostile();
    let bodies: Vec<(u16, String)> = cases.iter().map(|(s, b, _)| (*s, b.clone())).collect();
    let turn = Arc::new(Mutex::new(0));
    let at = Arc::clone(&turn);
    let server = Server::new(move |_| bodies[*at.lock().unwrap()].clone()).await;
    let app = app(&server).await;
    let (ingest, tomorrow) = (&app.services.ingest, day("2026-03-29"));
    for (index, (status, body, words)) in cases.iter().enumerate() {
        *turn.lock().unwrap() = index;
        let result = ingest
            .fetch("energy_charts", &prices_of_ch(), Days::new(tomorrow, tomorrow), |_, _| {})
            .await;
        let error = result.unwrap_err();
        let shown: String = body.chars().take(80).collect();
        assert!(error.to_string().contains(words), "{status} {shown}: {error}");
        assert!(error.is_of_source(), "{error}");
        let state = &ingest.sources().await.unwrap()[0].subjects[0];
        assert_eq!(state.failure.as_deref(), Some(error.to_string().as_str()));
        assert_eq!((state.last_success_at, state.newest), (None, None));
    }
    assert_eq!(stored(&app).await, []);
    // What came and makes no sense is listed; refusals are not: there is nothing to read in them.
    let letters = app.services.quality.dead_letters(&Filter::default(), 50).await.unwrap();
    assert!(
        letters.iter().any(|letter| letter.excerpt == "<!DOCTYPE html><html>Maintenance</html>")
    );
    assert!(
        letters.iter().all(|letter| letter.subject == "price:CH" && letter.raw_file_id.is_some())
    );
    let told: Vec<&str> = letters.iter().map(|letter| letter.reason.as_str()).collect();
    assert!(!told.iter().any(|reason| reason.contains("status") || reason.contains("less often")));
    // Every payload is kept, with what became of it.
    assert_eq!(ingest.replay(None, |_, _| {}).await.unwrap(), (0, cases.len()));
}

#[actix_web::test]
async fn what_contradicts_itself_is_kept_apart_and_the_rest_is_stored() {
    let past = range("2026-03-20", "2026-03-20");
    let server = Server::new(move |_| {
        let good =
            first_form(past, 3_600, |hour| Some(f64::from(u8::try_from(hour).unwrap()) + 0.5));
        let instant = past.from.timestamp() + 3 * 3_600;
        let again =
            good.replacen("\"unix_seconds\":[", &format!("\"unix_seconds\":[{instant},"), 1);
        (200, again.replacen("\"price\":[", "\"price\":[77.25,", 1))
    })
    .await;
    let app = app(&server).await;
    let days = Days::new(day("2026-03-20"), day("2026-03-20"));
    let report = app.services.ingest.fetch("energy_charts", &prices_of_ch(), days, |_, _| {}).await;
    let report = report.unwrap();
    assert_eq!((report.values, report.stored.inserted), (23, 23), "{report:?}");
    assert!(report.findings.iter().any(|said| said.contains("contradict")), "{report:?}");
    let quality = &app.services.quality;
    let rows =
        quality.quarantine(&Filter { is_open: true, ..Filter::default() }, 10).await.unwrap();
    let mut values: Vec<f64> = rows.iter().map(|row| row.value.unwrap()).collect();
    values.sort_by(f64::total_cmp);
    assert_eq!(values, [3.5, 77.25]);
    assert!(
        rows.iter().all(|row| row.subject == "price:CH:day_ahead" && row.raw_file_id.is_some())
    );
    let cell =
        quality.day(("energy_charts", "price:CH:day_ahead"), day("2026-03-20")).await.unwrap();
    assert_eq!(cell.map(|cell| (cell.found, cell.expected)), Some((23, 24)));
    let used = app.services.archive.answers_today().await.unwrap();
    assert_eq!(
        used.iter().map(|it| (it.source.as_str(), it.answers)).collect::<Vec<_>>(),
        [("energy_charts", 1)]
    );
}

#[actix_web::test]
async fn odd_days_are_left_out_whole_and_named() {
    let (today, tomorrow) = (range("2026-03-28", "2026-03-28"), range("2026-03-29", "2026-03-29"));
    let now = utc("2026-03-28T12:05:00Z");
    let both = TimeRange::new(today.from, tomorrow.to);
    let sifted = |body: String, range: TimeRange| {
        let reading = read("energy_charts", 200, &body, range).unwrap();
        let (sifted, findings) = sift(&reading.quotes, &ask(range), now).unwrap();
        let said: Vec<String> = findings.iter().map(ToString::to_string).collect();
        (sifted.values().map(Vec::len).sum::<usize>(), said.join("; "))
    };
    // Of 24 + 23 prices the last two are not published yet.
    let body = first_form(both, 3_600, |hour| (hour < 45).then_some(-2.5));
    assert_eq!(
        sifted(body, both),
        (24, "2026-03-29 (day_ahead) has 21 of 23 prices and is left out".to_owned())
    );
    let zeros = first_form(tomorrow, 3_600, |_| Some(0.0));
    assert_eq!(
        sifted(zeros, tomorrow),
        (0, "2026-03-29 is zero all day and is left out".to_owned())
    );
    // One zero is a price like any other.
    let zero = first_form(tomorrow, 3_600, |hour| Some(if hour == 3 { 0.0 } else { -1.0 }));
    assert_eq!(sifted(zero, tomorrow), (23, String::new()));
    let shifted = first_form(today, 3_600, |_| Some(1.0));
    assert_eq!(
        sifted(shifted, tomorrow),
        (0, "24 values outside of the days asked for".to_owned())
    );
    // What is past and has a gap stays as it is: it will not be filled.
    let past = range("2022-10-30", "2022-10-30");
    let gap = first_form(past, 3_600, |hour| (hour != 2).then_some(5.0));
    assert_eq!(sifted(gap, past), (24, "2022-10-30 (day_ahead) has 24 of 25 prices".to_owned()));
    // The market time unit may change between two days.
    let quarters = first_form(range("2025-10-01", "2025-10-01"), 900, |_| Some(1.0));
    assert_eq!(sifted(quarters, range("2025-10-01", "2025-10-01")), (96, String::new()));
    assert_eq!(
        sifted(r#"{"unix_seconds": [], "price": [], "unit": "EUR/MWh"}"#.to_owned(), today),
        (0, String::new())
    );
}

#[test]
fn both_forms_of_energy_charts_say_the_same() {
    let range = range("2026-10-25", "2026-10-25");
    let first = first_form(range, 3_600, |hour| Some(hour as f64));
    let rows: Vec<_> = range
        .slots(3_600)
        .enumerate()
        .map(|(hour, ts)| {
            let local = ts.with_timezone(&ch().time_zone()).to_rfc3339();
            serde_json::json!({"timestamp": local, "values": {"day_ahead_price": hour as f64}})
        })
        .collect();
    let second = |zone: &str, licence: serde_json::Value| {
        serde_json::json!({"schema_version": "2.0", "bidding_zone": zone, "unit": "EUR/MWh",
            "resolution": "PT60M", "data": rows, "license": licence})
        .to_string()
    };
    let first = read("energy_charts", 200, &first, range).unwrap();
    assert_eq!((first.quotes.len(), first.licence.as_deref()), (25, Some("CC BY 4.0")));
    for licence in ["CC BY 4.0".into(), serde_json::json!({"name": "x"})] {
        let second = read("energy_charts", 200, &second("CH", licence), range).unwrap();
        assert_eq!(second.quotes, first.quotes);
        assert!(second.licence.is_some());
    }
    let other = read("energy_charts", 200, &second("AT", "x".into()), range).unwrap_err();
    assert_eq!(
        other.to_string(),
        "the answer contradicts itself: asked for price:CH, answered for AT"
    );
    let nothing = read("energy_charts", 404, "{\"detail\": \"no content available\"}", range);
    assert_eq!(nothing.unwrap(), Reading::default());
}

#[test]
fn entsoe_carries_forward_within_a_period_and_leaves_other_auctions_out() {
    let range = range("2026-03-29", "2026-03-29");
    let answer = |body: &str| read("entsoe", 200, body, range);
    let some = points(&[("1", "92.10"), ("2", "-8.4"), ("4", "0")]);
    let prices = |reading: Reading| -> Vec<f64> {
        reading.quotes.iter().map(|quote| quote.price.unwrap()).collect()
    };
    let expected = [vec![92.1, -8.4, -8.4], vec![0.0; 20]].concat();
    assert_eq!(prices(answer(&entsoe(&some, "A03", "")).unwrap()), expected);
    // In fixed blocks nothing is carried: what is missing is missing.
    assert_eq!(prices(answer(&entsoe(&some, "A01", "")).unwrap()), [92.1, -8.4, 0.0]);
    let second = "<classificationSequence_AttributeInstanceComponent.position>2</classificationSequence_AttributeInstanceComponent.position>";
    let other = answer(&entsoe(&some, "A03", second)).unwrap();
    assert_eq!((other.quotes.len(), other.findings.len()), (0, 1));

    let acknowledged = |code: &str, text: &str| {
        format!(
            "<Acknowledgement_MarketDocument xmlns=\"urn:y\"><Reason><code>{code}</code><text>{text}</text></Reason></Acknowledgement_MarketDocument>"
        )
    };
    let nothing = acknowledged("999", "No matching data found for Data item Day-ahead Prices");
    for status in [200, 400] {
        assert_eq!(read("entsoe", status, &nothing, range).unwrap(), Reading::default());
    }
    let whole = entsoe(&some, "A03", "");
    for (status, body, words) in [
        (400, acknowledged("999", "Range too long"), "refuses with status 400: Range too long"),
        (401, "<html>Unauthorized".to_owned(), "refuses with status 401"),
        (503, "down".to_owned(), "answers with status 503"),
        (200, "PK\u{3}\u{4}".to_owned(), "the archive cannot be opened"),
        (200, "{}".to_owned(), "JSON"),
        (200, whole[..whole.len() - 40].to_owned(), "cannot be read"),
        (200, "<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>".to_owned(), "cannot be read"),
        (200, "<GL_MarketDocument/>".to_owned(), "another document"),
        (200, entsoe(&points(&[("2", "1")]), "A03", ""), "begins without a value"),
        (200, entsoe(&points(&[("1", "1"), ("24", "1")]), "A03", ""), "position 24 of 23"),
        (200, entsoe(&points(&[("0", "1")]), "A03", ""), "position 0 of 23"),
        (200, entsoe(&points(&[("1", "NaN")]), "A03", ""), "'NaN' is no number"),
        (200, entsoe(&points(&[("1", "1"), ("1", "2")]), "A03", ""), "two different values"),
        (200, whole.replace("EUR", "GBP"), "in GBP/MWH, not in EUR/MWh"),
        (
            200,
            whole.replace("10YCH-SWISSGRIDZ", "10YFR-RTE------C"),
            "asked for 10YCH-SWISSGRIDZ, answered for 10YFR-RTE------C",
        ),
        (200, whole.replace("2026-03-28T23:00Z", "1026-03-28T23:00Z"), "a period lasts"),
        (200, whole.replace("2026-03-28T23:00Z", "yesterday"), "'yesterday' is no instant"),
    ] {
        let error = read("entsoe", status, &body, range).unwrap_err();
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
}

/// Recorded answers; counts taken from the files, values of France from another publisher's table.
#[test]
fn recorded_answers_of_entsoe_are_read() {
    let Some(data) = std::env::var_os("LUNA_SHARED_DIR").map(std::path::PathBuf::from) else {
        return;
    };
    let recorded = |file: &str, market: &str| {
        let body = std::fs::read(data.join("data/api").join(file)).ok()?;
        let all = TimeRange::new(utc("2020-01-01T00:00:00Z"), utc("2027-01-01T00:00:00Z"));
        let market = Market::parse(market).unwrap();
        Some(source("entsoe").read(
            200,
            &body,
            &Ask { subject: Subject::Prices(market), range: all, at: utc("2026-03-28T12:05:00Z") },
        ))
    };
    if let Some(reading) = recorded("entsoe_A44_DE_60and15min_A03_2024-10.xml", "DE-LU") {
        let reading = reading.unwrap();
        assert_eq!(reading.quotes.len(), 48);
        assert!(reading.quotes.iter().all(|quote| quote.product == Product::DayAhead));
        assert_eq!(reading.findings.len(), 1);
    }
    let Some(reading) = recorded("entsoe_A44_FR_60min_A01_2023-05.xml", "FR") else { return };
    let reading = reading.unwrap();
    assert_eq!(reading.quotes.len(), 48);
    let table = data.join("data/prices/dayahead_CH_DE_AT_FR_2020_2023.csv.gz");
    let Ok(packed) = std::fs::read(table) else { return };
    let mut table = String::new();
    GzDecoder::new(packed.as_slice()).read_to_string(&mut table).unwrap();
    let france: Vec<f64> = table
        .lines()
        .filter(|line| line.starts_with("2023-05-07") || line.starts_with("2023-05-08"))
        .map(|line| line.rsplit(',').next().unwrap().parse().unwrap())
        .collect();
    let read: Vec<f64> = reading.quotes.iter().map(|quote| quote.price.unwrap()).collect();
    assert_eq!(read, france);
}

#[actix_web::test]
async fn a_fresh_box_fetches_its_history_once_and_asks_for_a_forecast() {
    let server = Server::new(|line| (200, energy_charts(line))).await;
    let app = app(&server).await;
    let services = &app.services;
    let runner = Runner::new(services.jobs.clone(), services.handlers(), Tasks::new());
    let fetch = async || {
        services.jobs.enqueue(NewJob::new(FetchJob::PRICES)).await.unwrap();
        runner.run_next().await.unwrap()
    };
    fetch().await;
    // 25 to 28 March with 24 hours each, the 29th with 23.
    let first = stored(&app).await;
    assert_eq!(first.len(), 4 * 24 + 23);
    let zone = ch().time_zone();
    let all = range("2026-03-25", "2026-03-29");
    let points = services.prices.prices(&ch(), Product::DayAhead, all).await.unwrap();
    for point in &points {
        // The 28th was published at 13:00 on the 27th, a day and five minutes ago.
        let is_fresh = point.ts >= range("2026-03-29", "2026-03-29").from;
        assert_eq!(point.known_at_assumed, !is_fresh, "{point:?}");
        let local = point.ts.with_timezone(&zone).date_naive().pred_opt().unwrap();
        let known_at =
            if is_fresh { app.clock.now() } else { local.and_hms_opt(12, 0, 0).unwrap().and_utc() };
        assert_eq!(point.known_at, known_at, "{point:?}");
    }
    app.run_changes().await;
    let jobs = app.get(Role::Admin, "/api/jobs?name=learning.refresh").await.json(200);
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 1, "{jobs}");

    // Tomorrow is complete: nobody is asked again for hours.
    app.run_jobs().await;
    for now in ["2026-03-28T12:15:00Z", "2026-03-28T16:05:00Z"] {
        app.clock.set(utc(now));
        fetch().await;
        assert_eq!(server.asked(), 1, "{now}");
    }
    app.clock.set(utc("2026-03-28T18:05:00Z"));
    fetch().await;
    assert_eq!(server.asked(), 2);
    assert_eq!(stored(&app).await.len(), first.len());
}

#[actix_web::test]
async fn the_next_source_steps_in_and_what_was_archived_replays() {
    let all: Vec<(String, String)> =
        (1..=23).map(|hour| (hour.to_string(), format!("{hour}.25"))).collect();
    let all: Vec<(&str, &str)> = all.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let body = entsoe(&points(&all), "A01", "");
    let server = Server::new(move |line| {
        if line.contains("/entsoe?") {
            let repeated = format!("<mRID>{TOKEN}</mRID><TimeSeries>");
            return (200, body.replace("<TimeSeries>", &repeated));
        }
        (500, "away".to_owned())
    })
    .await;
    let app = app(&server).await;
    let ingest = &app.services.ingest;
    let tomorrow = Days::new(day("2026-03-29"), day("2026-03-29"));
    let report = ingest.fetch_any(&prices_of_ch(), tomorrow, |_, _| {}).await.unwrap();
    assert_eq!((report.source, report.values, report.stored.inserted), ("entsoe", 23, 23));
    let again = ingest.fetch_any(&prices_of_ch(), tomorrow, |_, _| {}).await.unwrap();
    assert_eq!((again.stored.inserted, again.stored.unchanged), (0, 23));
    let prices = stored(&app).await;
    assert_eq!((prices[0], prices[22].1), ((utc("2026-03-28T23:00:00Z"), 1.25), 23.25));

    // The token went to the source and nowhere else.
    assert!(server.asked.lock().unwrap().iter().any(|line| line.contains(TOKEN)));
    let seen = Mutex::new(String::new());
    ingest
        .replay(None, |raw, result| {
            seen.lock().unwrap().extend([format!("{raw:?}"), format!("{result:?}")]);
        })
        .await
        .unwrap();
    let list = app.get(Role::Viewer, "/api/sources").await.json(200);
    assert!(!seen.lock().unwrap().contains(TOKEN) && !list.to_string().contains(TOKEN));
    let mut kept = String::new();
    for file in std::fs::read_dir(app.folder().join("raw/entsoe/2026-03")).unwrap() {
        let packed = std::fs::read(file.unwrap().path()).unwrap();
        GzDecoder::new(packed.as_slice()).read_to_string(&mut kept).unwrap();
    }
    assert!(kept.contains("<mRID>***</mRID>") && !kept.contains(TOKEN), "{kept}");

    let failing = &list["sources"][0]["subjects"][0];
    assert_eq!(failing["failure"], "the source answers with status 500");
    assert_eq!(list["sources"][1]["subjects"][0]["newest"], "2026-03-29T21:00:00Z");
    app.get(Role::Customer, "/api/sources").await.problem(403);

    let mut conn = app.services.db.conn().await.unwrap();
    conn.batch_execute("TRUNCATE market_prices").await.unwrap();
    drop(conn);
    assert_eq!(ingest.replay(None, |_, _| {}).await.unwrap(), (1, 1));
    assert_eq!(stored(&app).await, prices);
}

#[actix_web::test]
async fn a_restated_price_replaces_the_old_one_however_old_it_is() {
    let turn = Arc::new(Mutex::new(1.0));
    let price = Arc::clone(&turn);
    let past = range("2026-03-20", "2026-03-20");
    let server = Server::new(move |_| {
        let price = *price.lock().unwrap();
        (200, first_form(past, 3_600, |hour| Some(if hour == 5 { price } else { 9.0 })))
    })
    .await;
    let app = app(&server).await;
    let (ingest, days) = (&app.services.ingest, Days::new(day("2026-03-20"), day("2026-03-20")));
    ingest.fetch_any(&prices_of_ch(), days, |_, _| {}).await.unwrap();
    *turn.lock().unwrap() = 2.0;
    let report = ingest.fetch_any(&prices_of_ch(), days, |_, _| {}).await.unwrap();
    assert_eq!((report.stored.replaced, report.stored.unchanged), (1, 23));
    let stored = app.services.prices.prices(&ch(), Product::DayAhead, past).await.unwrap();
    let restated = &stored[5];
    assert_eq!((restated.price_eur_mwh, restated.quality), (Some(2.0), Quality::Restated));
    assert_eq!((restated.known_at, restated.known_at_assumed), (app.clock.now(), false));
}

#[actix_web::test]
async fn switched_off_sources_are_not_asked() {
    let server = Server::new(|line| (200, energy_charts(line))).await;
    let url = server.url.clone();
    let app = TestApp::with(utc("2026-03-28T12:05:00Z"), move |settings| {
        settings.ingest.energy_charts_url = url;
        settings.simulation.enabled = false;
    })
    .await;
    app.services.jobs.enqueue(NewJob::new(FetchJob::PRICES)).await.unwrap();
    app.run_jobs().await;
    let days = Days::new(day("2026-03-29"), day("2026-03-29"));
    let refusal =
        app.services.ingest.fetch("energy_charts", &prices_of_ch(), days, |_, _| {}).await;
    assert!(matches!(refusal, Err(FetchError::Disabled)));
    assert_eq!(server.asked(), 0);
}
