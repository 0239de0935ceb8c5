//! The page of prices and its file over HTTP: who may see them, what they hold, what is refused.

use actix_web::http::header;
use chrono::Duration;

use crate::facts::series::Observation;
use crate::facts::series::SeriesSpec;
use crate::platform::web::Role;
use crate::testing::{Browser, TestApp};

/// 84 EUR/MWh on every hour of 28 March 2026, which the app's clock stands in.
fn file() -> String {
    let hour = |hour: i64| {
        let midnight: chrono::DateTime<chrono::Utc> = "2026-03-27T23:00:00Z".parse().unwrap();
        format!("{},84\n", (midnight + Duration::hours(hour)).to_rfc3339())
    };
    (0..24).map(hour).fold("time,price\n".to_owned(), |file, row| file + &row)
}

/// Francs for a euro on 27 March.
async fn store_rate(app: &TestApp, value: f64) {
    let spec = SeriesSpec {
        name: "fx:EUR:CHF".into(),
        unit: "CHF/EUR".into(),
        source: "ecb".into(),
        market: None,
        resolution_s: 86_400,
        attribution: "European Central Bank".into(),
        is_feature: false,
    };
    let series = app.services.observations.ensure_series(&spec).await.unwrap();
    let ts = "2026-03-27T00:00:00Z".parse().unwrap();
    let known_at = ts + Duration::hours(15);
    let rate = Observation { ts, known_at, known_at_assumed: false, value };
    app.services.observations.put(series, &[rate]).await.unwrap();
}

#[tokio::test]
async fn the_page_is_open_until_there_is_an_admin_and_leads_back_after_the_log_in() {
    let app = TestApp::new().await;
    app.services.simulation.fill().await.unwrap();
    for path in
        ["/prices", "/prices?market=SIM-CH&product=day_ahead&from=2026-02-01", "/prices.csv"]
    {
        assert_eq!(app.page(path, "").await.status, 200, "{path}");
    }
    app.token(Role::Admin).await;
    let led = app.page("/prices?market=SIM-CH", "").await;
    assert_eq!(led.status, 303);
    assert_eq!(led.header(header::LOCATION), "/login?next=%2Fprices%3Fmarket%3DSIM-CH");
    // A program is told so in its own words.
    app.get(None, "/prices.csv").await.problem(401);
    for role in [Role::Customer, Role::Viewer, Role::Analyst, Role::Admin] {
        assert_eq!(app.get(role, "/prices").await.status, 200, "{role}");
        assert_eq!(app.get(role, "/prices.csv").await.status, 200, "{role}");
    }
}

#[tokio::test]
async fn what_cannot_be_shown_is_refused_with_its_field() {
    let app = TestApp::new().await;
    let viewer = Role::Viewer;
    for (query, field) in [
        ("market=XX", "market"),
        ("product=weekly", "product"),
        ("from=yesterday", "from"),
        ("from=0001-01-01", "from"),
        ("from=2026-03-01&to=2026-02-01", "to"),
        ("from=2024-01-01&to=2026-02-01", "to"),
        ("unit=gold", "unit"),
        ("unit=rp", "unit"),
        ("colour=red", "colour"),
    ] {
        let answer = app.get(viewer, &format!("/prices.csv?{query}")).await;
        assert_eq!(answer.wrong_field(), field, "{query}");
    }
    let browser = Browser::of(&app, viewer).await;
    for query in ["market=XX", "from=9999-12-31", "from=1000-01-01"] {
        assert_eq!(browser.open(&format!("/prices?{query}")).await.status, 422, "{query}");
    }
}

#[tokio::test]
async fn the_unit_is_remembered_and_holds_on_both_pages() {
    let app = TestApp::new().await;
    app.import("CH", &file()).await.json(200);
    let browser = Browser::of(&app, Role::Viewer).await;
    // Without a rate the Swiss see cents; francs are not on offer.
    let page = browser.open("/prices").await;
    assert!(page.text().contains("8.40 <small>ct/kWh</small>"), "{}", page.text());
    assert!(!page.text().contains("unit=rp"));
    store_rate(&app, 0.95).await;
    // 84 EUR/MWh × 0.95 = 7.98 Rp./kWh.
    let page = browser.open("/prices").await;
    assert!(page.text().contains("7.98 <small>Rp./kWh</small>"), "{}", page.text());
    assert!(page.text().contains("1 EUR = 0.9500 CHF") && page.text().contains("27.3.2026"));
    assert!(page.text().contains("European Central Bank"));
    let today = browser.open("/").await;
    assert!(today.text().contains("7.98<small>Rp./kWh</small>"), "{}", today.text());
    assert!(today.text().contains("1 EUR = 0.9500 CHF"));

    let chosen = browser.open("/preferences?unit=eur&back=%2Fprices").await;
    let page = browser.follow(&chosen).await;
    assert!(page.text().contains("84.00 <small>EUR/MWh</small>"), "{}", page.text());
    assert!(browser.open("/").await.text().contains("84.00<small>EUR/MWh</small>"));
    // What is no unit changes nothing.
    browser.open("/preferences?unit=gold&back=%2F").await;
    assert!(browser.open("/").await.text().contains("84.00<small>EUR/MWh</small>"));
}

#[tokio::test]
async fn the_file_holds_the_day_and_is_offered_for_saving() {
    let app = TestApp::new().await;
    app.import("CH", &file()).await.json(200);
    store_rate(&app, 0.95).await;
    let path = "/prices.csv?market=CH&from=2026-03-28&to=2026-03-28&unit=rp";
    let answer = app.get(Role::Viewer, path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.header(header::CONTENT_TYPE).starts_with("text/csv"));
    assert_eq!(
        answer.header(header::CONTENT_DISPOSITION),
        "attachment; filename=\"luna-prices-CH-day_ahead-2026-03-28-2026-03-28.csv\""
    );
    let mut reader = csv::Reader::from_reader(answer.text().as_bytes());
    let head = reader.headers().unwrap().clone();
    let column = |name: &str| head.iter().position(|column| column == name).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 24);
    for row in &rows {
        assert_eq!((&row[column("price_rp_kwh")], &row[column("chf_per_eur")]), ("7.98", "0.95"));
        assert_eq!(&row[column("provenance")], "published");
        assert!(row[column("source")].starts_with("import"), "{row:?}");
    }
    assert_eq!(&rows[0][column("time_local")], "2026-03-28T00:00:00+01:00");
    assert_eq!(&rows[23][column("time_utc")], "2026-03-28T22:00:00Z");
}

#[tokio::test]
async fn prices_that_ended_long_ago_are_shown_where_they_are() {
    let app = TestApp::at("2026-06-20T12:00:00Z".parse().unwrap()).await;
    app.import("CH", &file()).await.json(200);
    let page = app.page("/prices?market=CH", "luna_lang=en").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("No current prices"), "{}", page.text());
    assert!(page.text().contains("Sat 14 Mar – Sat 28 Mar"), "{}", page.text());
    assert!(page.text().contains("id=\"chart-data\""), "the last prices are not drawn");
}
