//! A day of real prices and weather, told by the clock: an empty box becomes live by itself.
//!
//! Somebody outside answers as the real services do, with published values of 2023; tomorrow's
//! prices are there from 12:55 on. The clock moves in steps, the schedules tick, jobs run.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, Timelike, Utc};
use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::base::ids::Product;
use crate::base::timeline::{TimeRange, WallTime, add_days, day_range, instants_of, local_date};
use crate::facts::ingest::Days;
use crate::facts::ingest::Subject;
use crate::platform::web::Role;
use crate::testing::{Server, TestApp, ch, utc};

/// Local midnight at which the box is started, and the end of its first day.
const START: &str = "2023-11-14T23:00:00Z";
const END: &str = "2023-11-15T23:00:00Z";
/// When tomorrow's prices are there, in minutes of the local day.
const PUBLISHED_MIN: u32 = 12 * 60 + 55;

type Values = BTreeMap<DateTime<Utc>, f64>;

/// What is true in this world, whoever knows it already.
struct World {
    /// Swiss prices, in EUR/MWh.
    prices: Values,
    /// Temperature where Swiss people live, in °C.
    temperature: Values,
    /// The present instant, as the box's clock shows it.
    now: Mutex<DateTime<Utc>>,
}

impl World {
    fn load(folder: &std::path::Path) -> Self {
        let rows = |file: &str| -> Vec<(String, String)> {
            let packed = std::fs::read(folder.join(file)).unwrap();
            let mut text = String::new();
            GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
            let row = |line: &str| {
                let mut cells = line.split(',');
                Some((cells.next()?.to_owned(), cells.next()?.to_owned()))
            };
            text.lines().skip(1).filter_map(row).collect()
        };
        let mut prices = Values::new();
        for (wall, price) in rows("prices/dayahead_CH_DE_AT_FR_2020_2023.csv.gz") {
            let wall = NaiveDateTime::parse_from_str(&wall, "%Y-%m-%d %H:%M:%S").unwrap();
            let Ok(price) = price.parse::<f64>() else { continue };
            // The file has 24 rows on every day: the doubled hour of autumn stands for both.
            match instants_of(wall, ch().time_zone()) {
                WallTime::Once(at) => drop(prices.insert(at, price)),
                WallTime::Twice(first, second) => prices.extend([(first, price), (second, price)]),
                WallTime::Skipped => {}
            }
        }
        let temperature = rows("weather/CH_t2m_population_weighted_2016_2023.csv.gz");
        let temperature =
            temperature.into_iter().map(|(at, value)| (utc(&at), value.parse().unwrap())).collect();
        Self { prices, temperature, now: Mutex::new(utc(START)) }
    }

    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap()
    }

    fn answer(&self, line: &str) -> (u16, String) {
        match line.split_whitespace().nth(1).unwrap() {
            path if path.starts_with("/ec/price") => self.energy_charts(path),
            path if path.starts_with("/weather/") || path.starts_with("/old/") => {
                (200, self.weather(path))
            }
            path if path.starts_with("/ecb/") => (200, self.rates()),
            _ => (404, "not here".to_owned()),
        }
    }

    /// Hourly prices of the range asked for, as far as they are published.
    fn energy_charts(&self, path: &str) -> (u16, String) {
        let at =
            |name| DateTime::from_timestamp(parameter(path, name).parse().unwrap(), 0).unwrap();
        let zone = ch().time_zone();
        let local = self.now().with_timezone(&zone);
        let is_out = local.hour() * 60 + local.minute() >= PUBLISHED_MIN;
        let last = add_days(local.date_naive(), is_out.into());
        let range = at("start")..at("end").min(day_range(last, zone).to);
        let known: Vec<(i64, f64)> =
            self.prices.range(range).map(|(ts, price)| (ts.timestamp(), *price)).collect();
        if known.is_empty() {
            return (404, json!({"detail": "no content available"}).to_string());
        }
        let (times, prices): (Vec<_>, Vec<_>) = known.into_iter().unzip();
        let body = json!({"license_info": "CC BY 4.0 from Bundesnetzagentur | SMARD.de",
            "unix_seconds": times, "price": prices, "unit": "EUR / MWh", "deprecated": false});
        (200, body.to_string())
    }

    /// The same weather at five places: what was measured stands for what was forecast.
    fn weather(&self, path: &str) -> String {
        let day = |name| parameter(path, name).parse::<NaiveDate>().unwrap();
        let from = day("start_date").and_hms_opt(0, 0, 0).unwrap().and_utc();
        let to = add_days(day("end_date"), 1).and_hms_opt(0, 0, 0).unwrap().and_utc();
        let times: Vec<DateTime<Utc>> = TimeRange::new(from, to).slots(3_600).collect();
        let temperature: Vec<Option<f64>> =
            times.iter().map(|ts| self.temperature.get(ts).copied()).collect();
        let seconds: Vec<i64> = times.iter().map(DateTime::timestamp).collect();
        let place = json!({"utc_offset_seconds": 0,
            "hourly_units": {"temperature_2m": "°C", "shortwave_radiation": "W/m²",
                "wind_speed_10m": "m/s"},
            "hourly": {"time": seconds, "temperature_2m": temperature,
                "shortwave_radiation": vec![0.0; times.len()],
                "wind_speed_10m": vec![2.5; times.len()]}});
        json!(vec![place; 5]).to_string()
    }

    /// A made-up rate for every working day whose afternoon has come.
    fn rates(&self) -> String {
        let today = local_date(self.now() - Duration::hours(15), ch().time_zone());
        let days: String = (0..60)
            .map(|back| add_days(today, -back))
            .filter(|day| chrono::Datelike::weekday(day).num_days_from_monday() < 5)
            .fold(String::new(), |all, day| {
                all + &format!("<Cube time=\"{day}\"><Cube currency=\"CHF\" rate=\"0.96\"/></Cube>")
            });
        format!("<Envelope><Cube>{days}</Cube></Envelope>")
    }
}

fn parameter<'a>(path: &'a str, name: &str) -> &'a str {
    let rest = path.split_once(&format!("{name}=")).unwrap().1;
    rest.split('&').next().unwrap()
}

/// An empty box in this world, its first schedules not yet due.
async fn app(server: &Server) -> TestApp {
    let url = server.url.clone();
    TestApp::with(utc(START), move |settings| {
        settings.ingest.enabled = true;
        settings.ingest.history_days = 150;
        settings.ingest.energy_charts_url = format!("{url}/ec");
        settings.ingest.open_meteo_url = format!("{url}/weather");
        settings.ingest.open_meteo_history_url = format!("{url}/old");
        settings.ingest.ecb_url = format!("{url}/ecb");
        settings.simulation.enabled = false;
    })
    .await
}

#[actix_web::test]
async fn an_empty_box_is_live_and_its_forecast_scored_after_a_day() {
    let Some(shared) = std::env::var_os("LUNA_SHARED_DIR").map(PathBuf::from) else {
        eprintln!("skipped: LUNA_SHARED_DIR is not set");
        return;
    };
    let world = Arc::new(World::load(&shared.join("data")));
    let outside = Arc::clone(&world);
    let server = Server::new(move |line| outside.answer(line)).await;
    let app = app(&server).await;
    let scheduler = app.scheduler().await;
    let mut asked_for_prices = Vec::new();
    let mut now = utc(START);
    while now <= utc(END) {
        *world.now.lock().unwrap() = now;
        app.clock.set(now);
        let before = asked(&server, "/ec/");
        scheduler.tick().await.unwrap();
        app.run_jobs().await;
        if asked(&server, "/ec/") > before {
            asked_for_prices.push(now);
        }
        // Around publication every tick counts, else a few an hour.
        let local = now.with_timezone(&ch().time_zone());
        let is_near = (12..15).contains(&local.hour());
        now += Duration::minutes(if is_near { 5 } else { 15 });
    }
    prices_are_those_of_the_publisher(&app, &world).await;
    polling_stopped_once_tomorrow_was_there(&asked_for_prices);
    // While nobody is admin the page is there for everybody.
    the_page_says_whose_prices_they_are(&app).await;
    the_first_forecast_is_scored(&app, &world).await;
    everything_happened_as_jobs(&app).await;
}

fn asked(server: &Server, path: &str) -> usize {
    server.asked.lock().unwrap().iter().filter(|line| line.contains(path)).count()
}

async fn prices_are_those_of_the_publisher(app: &TestApp, world: &World) {
    let zone = ch().time_zone();
    let (first, last) =
        (add_days(local_date(utc(START), zone), -150), "2023-11-16".parse().unwrap());
    let range = TimeRange::new(day_range(first, zone).from, day_range(last, zone).to);
    let stored = app.services.prices.prices(&ch(), Product::DayAhead, range).await.unwrap();
    let stored: Values = stored.iter().map(|it| (it.ts, it.price_eur_mwh.unwrap())).collect();
    let published: Values =
        world.prices.range(range.from..range.to).map(|(ts, price)| (*ts, *price)).collect();
    // 152 days, the 29th of October with 25 hours.
    assert_eq!(published.len(), 152 * 24 + 1);
    assert_eq!(stored, published);
}

/// A fresh box asks at once; from 12:45 on at every tick, until 13:05; then not for six hours.
fn polling_stopped_once_tomorrow_was_there(asked: &[DateTime<Utc>]) {
    let minutes: Vec<i64> = asked.iter().map(|at| (*at - utc(START)).num_minutes()).collect();
    let around: Vec<i64> =
        minutes.iter().copied().filter(|at| (12 * 60 + 30..19 * 60).contains(at)).collect();
    assert_eq!(around, [12 * 60 + 45, 12 * 60 + 55], "{minutes:?}");
    assert!(minutes.len() <= 8, "{minutes:?}");
}

async fn the_first_forecast_is_scored(app: &TestApp, world: &World) {
    let runs = app.get(Role::Viewer, "/api/forecast/runs?market=CH&limit=200").await.json(200);
    let runs = runs["runs"].as_array().unwrap();
    // The first one begins behind the 15th: nothing of the 16th was known.
    let first = runs.iter().rfind(|run| run["known_until"] == "2023-11-15T23:00:00Z").unwrap();
    assert_eq!((&first["is_stale"], &first["score"]["n"]), (&json!(false), &json!(24)), "{first}");
    let run_id = first["run_id"].as_str().unwrap();
    let mut conn = app.services.db.conn().await.unwrap();
    let values = values_of(&mut conn, run_id).await;
    drop(conn);
    let errors: Vec<f64> = values
        .iter()
        .filter(|(ts, _)| *ts < utc("2023-11-16T23:00:00Z"))
        .map(|(ts, mean)| (mean - world.prices[ts]).abs())
        .collect();
    assert_eq!(errors.len(), 24);
    let mae = errors.iter().sum::<f64>() / 24.0;
    let stated = first["score"]["mae"].as_f64().unwrap();
    assert!((stated - mae).abs() < 1e-6, "stated {stated}, worked out {mae}");
    println!("forecast {} of 2023-11-16 by {}: MAE {mae:.2} EUR/MWh", run_id, first["model_label"]);
    // Behind the prices of the 16th a trained model serves by now.
    let newest = &runs[0];
    assert_eq!(newest["known_until"], "2023-11-16T23:00:00Z");
    assert!(newest["model_id"].is_string(), "{newest}");
}

/// Values of a run, as instant and mean.
async fn values_of(
    conn: &mut crate::platform::db::Conn,
    run_id: &str,
) -> Vec<(DateTime<Utc>, f64)> {
    use diesel::prelude::*;
    use diesel_async::RunQueryDsl;

    use crate::platform::db::schema::forecast_values;
    forecast_values::table
        .filter(forecast_values::run_id.eq(run_id.parse::<uuid::Uuid>().unwrap()))
        .order(forecast_values::ts)
        .select((forecast_values::ts, forecast_values::mean))
        .load(conn)
        .await
        .unwrap()
}

async fn everything_happened_as_jobs(app: &TestApp) {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let page = app.get(Role::Admin, &format!("/api/jobs?limit=200{cursor}")).await.json(200);
        for job in page["jobs"].as_array().unwrap() {
            let text = |key: &str| job[key].as_str().unwrap().to_owned();
            *counts.entry((text("name"), text("state"))).or_default() += 1;
        }
        match &page["next_cursor"] {
            Value::String(next) => cursor = format!("&cursor={next}"),
            _ => break,
        }
    }
    println!("jobs of the day: {counts:?}");
    let failed: Vec<_> = counts.keys().filter(|(_, state)| state != "done").collect();
    assert_eq!(failed, Vec::<&(String, String)>::new());
    for name in [
        "facts.fetch_prices",
        "facts.fetch_values",
        "learning.refresh",
        "learning.score",
        "learning.export",
        "learning.retrain",
    ] {
        assert!(counts.contains_key(&(name.to_owned(), "done".to_owned())), "{name}: {counts:?}");
    }
    // The weather of the week ahead and the rate of the day are there, each with its source.
    let sources = app.get(Role::Viewer, "/api/sources").await.json(200);
    let newest = |name: &str| {
        let all = sources["sources"].as_array().unwrap();
        let source = all.iter().find(|source| source["name"] == name).unwrap();
        assert_eq!(source["subjects"][0]["failure"], Value::Null, "{source}");
        source["subjects"][0]["newest"].as_str().unwrap().to_owned()
    };
    assert_eq!(newest("ecb"), "2023-11-14T23:00:00Z");
    assert!(newest("open_meteo").as_str() >= "2023-11-22T22:00:00Z");
}

async fn the_page_says_whose_prices_they_are(app: &TestApp) {
    let page = app.page("/", "").await;
    let text = page.text();
    assert!(page.status.is_success() && text.contains("energy-charts.info"), "{text}");
    assert!(!text.contains("SIM-CH"), "{text}");
}

/// Real documents of the platform in a box: asked for by name, they take the same road as live ones.
#[actix_web::test]
async fn recorded_documents_become_prices_with_their_publisher() {
    let Some(shared) = std::env::var_os("LUNA_SHARED_DIR").map(PathBuf::from) else {
        eprintln!("skipped: LUNA_SHARED_DIR is not set");
        return;
    };
    let document =
        |name: &str| std::fs::read_to_string(shared.join("data/api").join(name)).unwrap();
    let germany = document("entsoe_A44_DE_60and15min_A03_2024-10.xml");
    let france = document("entsoe_A44_FR_60min_A01_2023-05.xml");
    let server = Server::new(move |line| match line {
        line if line.contains("10Y1001A1001A82H") => (200, germany.clone()),
        line if line.contains("10YFR-RTE------C") => (200, france.clone()),
        _ => (503, "down".to_owned()),
    })
    .await;
    let url = server.url.clone();
    let app = TestApp::with(utc("2026-03-28T12:05:00Z"), move |settings| {
        settings.ingest.enabled = true;
        settings.ingest.energy_charts_url = format!("{url}/ec");
        settings.ingest.entsoe_url = format!("{url}/entsoe");
        settings.ingest.entsoe_token = Some("token".into());
    })
    .await;
    for (market, first, last) in
        [("DE-LU", "2024-10-06", "2024-10-07"), ("FR", "2023-05-07", "2023-05-08")]
    {
        let subject = Subject::Prices(market.parse().unwrap());
        let days = Days::new(first.parse().unwrap(), last.parse().unwrap());
        let report = app.services.ingest.fetch_any(&subject, days, |_, _| {}).await.unwrap();
        assert_eq!((report.source, report.stored.inserted), ("entsoe", 48), "{report:?}");
    }
    let prices = app.get(Role::Viewer, "/api/prices?market=FR&from=2023-05-07&to=2023-05-08").await;
    assert_eq!(prices.json(200)["points"].as_array().unwrap().len(), 48);
}
