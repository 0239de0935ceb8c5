//! Retail tariffs from a server on this box: asked, archived, stored, replaced by the standard tariff
//! at midnight. All prices are made up, but for the recorded day.

use chrono_tz::Tz;
use serde_json::{Value, json};

use super::*;
use crate::base::timeline::day_range;
use crate::facts::tariffs::TariffId;
use crate::facts::tariffs::TariffSlot;

/// The instant in a parameter of a request.
fn parameter(line: &str, name: &str) -> Option<DateTime<Utc>> {
    let (_, rest) = line.split_once(&format!("{name}="))?;
    let written = rest.split(['&', ' ']).next()?.replace("%3A", ":");
    Some(written.parse().unwrap())
}

/// What an operator answers: the same price all day, for the days that are published.
fn answer(line: &str, published: (&str, &str), price: f64) -> String {
    let (from, to) =
        (parameter(line, "start_timestamp").unwrap(), parameter(line, "end_timestamp").unwrap());
    let until = day_range(day(published.0), Tz::Europe__Zurich).to;
    let slot = |ts: DateTime<Utc>| {
        json!({"start_timestamp": ts.format("%Y-%m-%dT%H:%MZ").to_string(),
            "end_timestamp": (ts + chrono::Duration::minutes(15)).format("%Y-%m-%dT%H:%MZ").to_string(),
            "integrated": [{"unit": "CHF_m", "value": 3.0}, {"unit": "CHF_kWh", "value": price}]})
    };
    let slots = TimeRange::new(from, to.min(until)).slots(900).map(slot).collect::<Vec<_>>();
    json!({"publication_timestamp": published.1, "prices": slots}).to_string()
}

/// A box that asks `server` as EKZ and Groupe E.
async fn house(now: &str, server: &Server, active: &[&str]) -> TestApp {
    let url = server.url.clone();
    let active = active.iter().map(|id| (*id).to_owned()).collect();
    TestApp::with(utc(now), move |settings| {
        settings.ingest.enabled = true;
        settings.ingest.markets = Vec::new();
        (settings.ingest.weather, settings.ingest.rates) = (false, false);
        settings.simulation.enabled = false;
        settings.tariffs.active = active;
        settings.tariffs.history_days = 2;
        settings.tariffs.urls = ["ekz", "groupe_e", "bkw"]
            .map(|code| (code.to_owned(), format!("{url}/{code}")))
            .into();
    })
    .await
}

/// Runs the job that fetches tariffs; answers what it says.
async fn run(app: &TestApp) -> Value {
    let services = &app.services;
    services.jobs.enqueue(NewJob::new(FetchJob::TARIFFS)).await.unwrap();
    let runner = Runner::new(services.jobs.clone(), services.handlers(), Tasks::new());
    runner.run_next().await.unwrap().unwrap();
    let list = app.get(Role::Admin, "/api/jobs?name=facts.fetch_tariffs&limit=1").await.json(200);
    let id = list["jobs"][0]["job_id"].as_str().unwrap().to_owned();
    app.get(Role::Admin, &format!("/api/jobs/{id}")).await.json(200)
}

async fn of_day(app: &TestApp, id: &str, of: &str) -> Vec<TariffSlot> {
    let range = day_range(day(of), Tz::Europe__Zurich);
    app.services.tariffs.prices(&TariffId::parse(id).unwrap(), range).await.unwrap()
}

fn totals(slots: &[TariffSlot]) -> Vec<f64> {
    slots.iter().filter_map(|slot| slot.total_excl_vat_chf_kwh).collect()
}

#[tokio::test]
async fn tomorrow_is_fetched_after_its_publication_archived_and_stored_once() {
    let server = Server::new(|line| {
        let price = if line.contains("integrated_400ST") { 0.25 } else { 0.2037 };
        (200, answer(line, ("2026-03-29", "2026-03-28T17:50:11+01:00"), price))
    })
    .await;
    // 17:55 in Zürich, on the evening before the clock goes forward.
    let app = house("2026-03-28T16:55:00Z", &server, &["ekz:400D"]).await;
    run(&app).await;
    let found = of_day(&app, "ekz:400D", "2026-03-29").await;
    assert_eq!(totals(&found), vec![0.2037; 92]);
    assert!(found.iter().all(|slot| slot.known_at == utc("2026-03-28T16:50:11Z")));
    assert_eq!(totals(&of_day(&app, "ekz:400ST", "2026-03-29").await), vec![0.25; 92]);
    assert_eq!(totals(&of_day(&app, "ekz:400D", "2026-03-26").await), vec![0.2037; 96]);

    let asked = server.asked.lock().unwrap().clone();
    let question = |name: &str| {
        format!(
            "GET /ekz?tariff_name={name}&start_timestamp=2026-03-25T23%3A00%3A00Z&end_timestamp=2026-03-29T22%3A00%3A00Z HTTP/1.1"
        )
    };
    assert_eq!(asked, [question("integrated_400ST"), question("integrated_400D")]);
    // Everything is there: nobody is asked again before hours have passed.
    app.clock.set(utc("2026-03-28T17:05:00Z"));
    run(&app).await;
    assert_eq!(server.asked(), 2);
    // What is in the archive says nothing new.
    let (read, unusable) = app
        .services
        .ingest
        .replay(None, |_, result| {
            let stored = result.as_ref().unwrap().stored;
            assert_eq!((stored.inserted, stored.replaced), (0, 0));
        })
        .await
        .unwrap();
    assert_eq!((read, unusable), (2, 0));

    let list = app.get(Role::Viewer, "/api/sources").await.json(200);
    let all = list["sources"].as_array().unwrap();
    let ekz = all.iter().find(|source| source["name"] == "ekz").unwrap();
    assert_eq!((&ekz["is_enabled"], &ekz["what"]), (&json!(true), &json!("Retail tariff")));
    assert_eq!(ekz["subjects"][0]["subject"], "tariff:ekz:400D");
    assert_eq!(ekz["subjects"][0]["newest"], "2026-03-29T21:45:00Z");
    let ckw = all.iter().find(|source| source["name"] == "ckw").unwrap();
    assert_eq!(ckw["is_enabled"], false);
    let needs = ckw["needs"].as_str().unwrap();
    assert!(needs.starts_with("No tariff of this operator is active"), "{needs}");
}

#[tokio::test]
async fn an_operator_that_is_down_at_midnight_is_replaced_by_its_standard_tariff() {
    let server = Server::new(|line| match line {
        line if line.contains("integrated_400ST") => {
            (200, answer(line, ("2026-10-25", "2026-10-01T08:00:00+02:00"), 0.25))
        }
        line => (200, answer(line, ("2026-10-24", "2026-10-23T17:50:11+02:00"), 0.2)),
    })
    .await;
    // In the evening before the clock goes back tomorrow is not published.
    let app = house("2026-10-24T16:05:00Z", &server, &["ekz:400D"]).await;
    run(&app).await;
    assert_eq!(totals(&of_day(&app, "ekz:400D", "2026-10-24").await), vec![0.2; 96]);
    assert_eq!(of_day(&app, "ekz:400D", "2026-10-25").await, []);
    // A minute past midnight it still is not.
    app.clock.set(utc("2026-10-24T22:01:00Z"));
    let said = run(&app).await;
    let found = of_day(&app, "ekz:400D", "2026-10-25").await;
    assert_eq!(totals(&found), vec![0.25; 100], "{said}");
    assert!(found.iter().all(|slot| slot.quality == Quality::Estimated));
    assert!(found.iter().all(|slot| slot.source == "fallback:ekz:400ST"));
    // The day has no prices of its own, so it is asked for again.
    let asked = server.asked();
    app.clock.set(utc("2026-10-24T23:01:00Z"));
    run(&app).await;
    assert!(server.asked() > asked);
    assert_eq!(totals(&of_day(&app, "ekz:400D", "2026-10-25").await), vec![0.25; 100]);
}

#[tokio::test]
async fn an_operator_that_fails_is_said_and_stops_no_other() {
    let server = Server::new(|line| match line {
        line if line.contains("/ekz") => (200, "<html>Wartung</html>".to_owned()),
        line => (200, answer(line, ("2026-03-29", "2026-03-28T14:48:46+01:00"), 0.2)),
    })
    .await;
    let app = house("2026-03-28T17:05:00Z", &server, &["ekz:400D", "groupe_e:Vario"]).await;
    run(&app).await;
    assert_eq!(totals(&of_day(&app, "groupe_e:Vario", "2026-03-29").await), vec![0.2; 92]);
    let list = app.get(Role::Viewer, "/api/sources").await.json(200);
    let all = list["sources"].as_array().unwrap();
    let ekz = all.iter().find(|source| source["name"] == "ekz").unwrap();
    assert_eq!(ekz["subjects"][0]["failure"], "the answer is a web page, not JSON");
}

#[tokio::test]
async fn an_operator_that_takes_no_range_is_asked_once_for_what_is_current() {
    let server = Server::new(|_| {
        let slot = |hour: i64| {
            let at =
                |hour| (utc("2026-03-28T10:00:00Z") + chrono::Duration::hours(hour)).to_rfc3339();
            json!({"start_timestamp": at(hour), "end_timestamp": at(hour + 1),
                "feed_in": [{"unit": "CHF_kWh", "value": -0.01 * hour as f64}]})
        };
        (200, json!({"prices": (0..24).map(slot).collect::<Vec<_>>()}).to_string())
    })
    .await;
    let app = house("2026-03-28T17:05:00Z", &server, &["bkw:feed_in"]).await;
    run(&app).await;
    assert_eq!(*server.asked.lock().unwrap(), ["GET /bkw HTTP/1.1"]);
    let found = of_day(&app, "bkw:feed_in", "2026-03-28").await;
    assert_eq!((found.len(), found[4].feed_in_chf_kwh), (13 * 4, Some(-0.01)));
    assert_eq!(of_day(&app, "bkw:feed_in", "2026-03-29").await.len(), 11 * 4);
    assert_eq!(found[4].total_excl_vat_chf_kwh, None);
}

#[tokio::test]
async fn the_recorded_day_of_groupe_e_goes_all_the_way() {
    let folder = std::env::var_os("LUNA_SHARED_DIR").map(std::path::PathBuf::from);
    let name = "data/api/groupe_e_v2_tariffs_2026-09-11.json";
    let Some(body) = folder.and_then(|folder| std::fs::read_to_string(folder.join(name)).ok())
    else {
        println!("skipped: {name} is not there");
        return;
    };
    let recorded: Value = serde_json::from_str(&body).unwrap();
    let server = Server::new(move |_| (200, body.clone())).await;
    let app = house("2026-09-10T13:05:00Z", &server, &["groupe_e:Vario"]).await;
    run(&app).await;
    let path = "/api/tariffs/groupe_e:Vario/prices?from=2026-09-11&to=2026-09-11";
    let answer = app.get(Role::Viewer, path).await.json(200);
    let slots = answer["slots"].as_array().unwrap();
    assert_eq!(slots.len(), 96);
    for (slot, recorded) in slots.iter().zip(recorded["prices"].as_array().unwrap()) {
        let written = |name: &str| recorded[name][0]["value"].as_f64().unwrap();
        let told = |value: &Value| value.as_f64().unwrap();
        assert_eq!(slot["total_excl_vat_chf_kwh"], recorded["integrated"][0]["value"]);
        assert_eq!(slot["components"]["grid"], recorded["grid"][0]["value"]);
        // To a ten-thousandth of a centime.
        let with_vat = written("integrated") * 1.081;
        assert!((told(&slot["total_incl_vat_chf_kwh"]) - with_vat).abs() <= 0.5e-6 + 1e-12);
        let parts: f64 =
            slot["parts"].as_array().unwrap().iter().map(|part| told(&part["price_chf_kwh"])).sum();
        assert!((parts - told(&slot["total_incl_vat_chf_kwh"])).abs() < 1e-9);
        assert_eq!(slot["known_at"], "2026-09-10T12:48:46Z");
    }
}
