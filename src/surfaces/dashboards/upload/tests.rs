//! The pages about uploads, as a browser without script uses them.

use actix_web::http::{Method, header};

use crate::facts::meters::{MeterRole, NewMeter};
use crate::platform::web::Role;
use crate::testing::{Answer, Browser, TestApp};

const OCTOBER: &str = "Zeit;Bezug kWh\n26.10.2025 01:00;1,0\n26.10.2025 02:00;2,0\n\
    26.10.2025 02:00;3,0\n26.10.2025 03:00;4,0\n";

async fn app() -> TestApp {
    let app = TestApp::new().await;
    let other = app.add_site("Neighbour").await;
    let mut conn = app.services.db.conn().await.unwrap();
    for (meter_id, site_id) in [("house-1", None), ("next-door", Some(other))] {
        let meter = NewMeter {
            meter_id: meter_id.to_owned(),
            site_id,
            name: "Haus".to_owned(),
            role: MeterRole::House,
            time_zone: chrono_tz::Tz::Europe__Zurich,
        };
        app.services.meters.register(&mut conn, &meter).await.unwrap();
    }
    drop(conn);
    app
}

/// Where a sent file leads.
async fn sent(browser: &Browser<'_>, fields: &[(&str, &str)], name: &str, file: &[u8]) -> String {
    let answer = browser.send_file("/upload", fields, (name, file)).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.header(header::LOCATION).to_owned()
}

/// The hidden fields of the form that stores, and the token of the page among them.
fn fields_of(page: &str) -> Vec<(String, String)> {
    let form = page.split_once("/store\">").unwrap_or_else(|| panic!("no form: {page}")).1;
    let form = form.split_once("</form>").unwrap().0;
    let value = |tag: &str, name: &str| {
        let text = tag.split_once(&format!("{name}=\"")).unwrap().1;
        text.split_once('"').unwrap().0.replace("&quot;", "\"").replace("&amp;", "&")
    };
    form.split("<input ")
        .skip(1)
        .map(|tag| (value(tag, "name"), value(tag, "value")))
        .filter(|(name, _)| name != "csrf_token")
        .collect()
}

async fn store(browser: &Browser<'_>, path: &str, page: &Answer) -> Answer {
    let fields = fields_of(page.text());
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.submit(&format!("{path}/store"), &fields).await
}

#[tokio::test]
async fn a_customer_brings_a_file_sees_how_it_is_read_and_stores_it_once() {
    let app = app().await;
    let browser = Browser::of(&app, Role::Customer).await;
    let start = browser.open("/upload").await;
    assert_eq!(start.status, 200, "{}", start.text());
    let page = start.text();
    assert!(page.contains("Bringen Sie Ihre Daten") && page.contains("house-1"), "{page}");
    assert!(!page.contains("next-door") && !page.contains("name=\"place\""), "{page}");

    let fields = [("kind", "readings"), ("meter", "house-1")];
    let path = sent(&browser, &fields, "C:\\x\\last<b>gang.csv", OCTOBER.as_bytes()).await;
    let check = browser.open(&path).await;
    assert_eq!(check.status, 200, "{}", check.text());
    let page = check.text();
    assert!(page.contains("4 Werte würden gespeichert."), "{page}");
    assert!(page.contains("last&lt;b&gt;gang.csv") && !page.contains("C:\\x"), "{page}");
    // Two in the morning, on both of its ways through the clock.
    assert!(page.contains("→ 26.10.2025 02:00 / 26.10.2025 02:00 (2.)"), "{page}");
    assert_eq!(
        fields_of(page),
        [
            ("as.Zeit", "time"),
            ("as.Bezug kWh", "taken"),
            ("kind", "energy"),
            ("unit", "kWh"),
            ("zone", "Europe/Zurich")
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    let done = store(&browser, &path, &check).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(done.text().contains("4 Werte gespeichert, 0 unverändert."), "{}", done.text());
    assert!(
        done.text().contains("/api/meters/house-1/readings?from=2025-10-13"),
        "{}",
        done.text()
    );
    // Ten kilowatt hours in a day of 25 hours, of which four are measured.
    assert!(done.text().contains("10.0") && done.text().contains("16\u{a0}%"), "{}", done.text());

    let again = store(&browser, &path, &check).await;
    assert!(again.text().contains("Nichts zu tun: 4 Werte"), "{}", again.text());
    let check = browser.open(&path).await;
    assert!(check.text().contains("Alle Werte sind schon gespeichert."), "{}", check.text());
}

#[tokio::test]
async fn a_file_is_nobody_elses_business() {
    let app = app().await;
    let anna = Browser::of(&app, Role::Customer).await;
    let path =
        sent(&anna, &[("kind", "readings"), ("meter", "house-1")], "a.csv", OCTOBER.as_bytes())
            .await;
    for role in [Role::Admin, Role::Analyst, Role::Viewer] {
        let other = Browser::of(&app, role).await;
        assert_eq!(other.open(&path).await.status, 404, "{role}");
        other.open("/upload").await;
        assert_eq!(other.submit(&format!("{path}/store"), &[]).await.status, 404, "{role}");
    }
    // Another's meter is not there, and other kinds are for analysts.
    for (fields, status) in [
        ([("kind", "readings"), ("meter", "next-door")], 404),
        ([("kind", "prices"), ("market", "CH")], 403),
        ([("kind", "weather"), ("place", "basel")], 403),
    ] {
        let answer = anna.send_file("/upload", &fields, ("a.csv", OCTOBER.as_bytes())).await;
        assert_eq!(answer.status.as_u16(), status, "{fields:?}");
    }
    let viewer = Browser::of(&app, Role::Viewer).await;
    let page = viewer.open("/upload").await;
    assert!(page.text().contains("Ihre Rolle liest nur") && !page.text().contains("type=\"file\""));
    let fields = [("kind", "readings"), ("meter", "house-1")];
    let answer = viewer.send_file("/upload", &fields, ("a.csv", OCTOBER.as_bytes())).await;
    assert_eq!(answer.status, 403);
    // Whoever is not logged in is asked to, and a form of another page is refused.
    assert_eq!(Browser::new(&app).open("/upload").await.status, 303);
    let forged = anna.forge_file("/upload", &fields, ("a.csv", OCTOBER.as_bytes())).await;
    assert_eq!(forged.status, 403);
    app.clock.set("2026-03-28T13:00:01Z".parse().unwrap());
    let late = Browser::of(&app, Role::Customer).await;
    let page = late.open(&path).await;
    assert_eq!(page.status, 404);
    assert!(page.text().contains("send it again"), "{}", page.text());
}

#[tokio::test]
async fn what_is_wrong_with_a_file_stands_on_the_page() {
    let app = app().await;
    let browser = Browser::of(&app, Role::Analyst).await;
    browser.open("/upload").await;
    let meter = [("kind", "readings"), ("meter", "house-1")];
    let empty = browser.send_file("/upload", &meter, ("a.csv", b"")).await;
    assert_eq!(empty.status, 422);
    assert!(empty.text().contains("Die Datei ist leer."), "{}", empty.text());
    let nameless = [("kind", "weather"), ("place", "Bad Ragaz!")];
    let refused = browser.send_file("/upload", &nameless, ("a.csv", b"x")).await;
    assert!(refused.text().contains("href=\"#place\"") && refused.text().contains("Bad Ragaz!"));
    for (bytes, reason) in [
        (&b"<html>"[..], "the file is a web page or XML, not CSV"),
        (b"PK\x03\x04", "a zip archive or a spreadsheet (.xlsx)"),
    ] {
        let page = browser.open(&sent(&browser, &meter, "a.csv", bytes).await).await;
        assert_eq!(page.status, 422);
        assert!(page.text().contains("Diese Datei ist keine Tabelle."), "{}", page.text());
        assert!(page.text().contains(reason) && !page.text().contains("/store"), "{}", page.text());
    }
    let faulty = "time,a,b\n2026-03-27 10:00,1,x\n2026-03-27 10:15,2,1\n2026-03-27 10:30,2,1\n2026-03-27 10:45,2,1\n";
    let path = sent(&browser, &meter, "a.csv", faulty.as_bytes()).await;
    let page = browser.open(&path).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("Sagen Sie unten, welche Spalte was ist."), "{}", page.text());
    let chosen = format!("{path}?as.time=time&as.b=taken&unit=kW&kind=&zone=");
    let page = browser.open(&chosen).await;
    let text = page.text();
    assert!(
        text.contains("Nicht lesbare Zeilen: 1.") && text.contains("is not a number"),
        "{text}"
    );
    assert!(!text.contains("/store"), "{text}");
    let page = browser.open(&format!("{chosen}&skip=true")).await;
    assert!(page.text().contains("3 Werte würden gespeichert."), "{}", page.text());
    let done = store(&browser, &path, &page).await;
    assert!(done.text().contains("3 Werte gespeichert"), "{}", done.text());
    let bad = browser.open(&format!("{path}?as.time=time&as.b=taken&unit=MW")).await;
    assert_eq!(bad.status, 422);
}

#[tokio::test]
async fn an_analyst_brings_prices_weather_and_a_first_meter() {
    let app = app().await;
    let browser = Browser::of(&app, Role::Analyst).await;
    browser.open("/upload").await;
    let prices = "time_utc,CH\n2026-03-26T23:00:00Z,71.3\n2026-03-27T00:00:00Z,-2.5\n";
    let market = [("kind", "prices"), ("market", "CH")];
    let path = sent(&browser, &market, "p.csv", prices.as_bytes()).await;
    let page = browser.open(&path).await;
    let done = store(&browser, &path, &page).await;
    assert!(done.text().contains("2 Werte gespeichert"), "{}", done.text());
    let way = "/prices?market=CH&amp;product=day_ahead&amp;from=2026-03-27";
    assert!(done.text().contains(way), "{}", done.text());
    assert_eq!(browser.open(&way.replace("&amp;", "&")).await.status, 200);

    let weather = "time_utc,windspeed_10m\n2026-03-27 00:00,36\n2026-03-27 01:00,18\n";
    let place = [("kind", "weather"), ("place", "Basel")];
    let path = sent(&browser, &place, "w.csv", weather.as_bytes()).await;
    let page = browser.open(&path).await;
    assert!(page.text().contains("names no unit"), "{}", page.text());
    let page = browser.open(&format!("{path}?as.windspeed_10m=wind_speed:km/h")).await;
    let done = store(&browser, &path, &page).await;
    assert!(done.text().contains("imported_wind_speed:basel"), "{}", done.text());
    assert!(done.text().contains("5.0 bis 10.0 m/s"), "{}", done.text());

    let fields = [("kind", "readings"), ("meter", ""), ("new_meter", "flat-7")];
    let path = sent(&browser, &fields, "r.csv", OCTOBER.as_bytes()).await;
    let page = browser.open(&path).await;
    assert!(store(&browser, &path, &page).await.text().contains("4 Werte gespeichert"));
    app.get(Role::Analyst, "/api/meters/flat-7/readings").await.json(200);
}

#[tokio::test]
async fn a_monthly_total_is_entered_listed_and_taken_back() {
    let app = app().await;
    let browser = Browser::of(&app, Role::Customer).await;
    browser.open("/upload").await;
    let form = [("meter", "house-1"), ("month", "2026-02"), ("consumption_kwh", "1'412,5")];
    let entered = browser.submit("/upload/total", &form).await;
    let page = browser.follow(&entered).await;
    assert!(page.text().contains("Der Monatswert ist gespeichert."), "{}", page.text());
    assert!(
        page.text().contains("02/2026") && page.text().contains("1&#39;412.5"),
        "{}",
        page.text()
    );
    for (field, value, told) in [
        ("month", "2026-03", "noch nicht vorbei"),
        ("month", "Februar", "z. B. 2026-02"),
        ("consumption_kwh", "viel", "eine Zahl von 0"),
        ("consumption_kwh", "-1", "eine Zahl von 0"),
    ] {
        let form = form.map(|(name, old)| (name, if name == field { value } else { old }));
        let refused = browser.submit("/upload/total", &form).await;
        assert_eq!(refused.status, 422, "{value}");
        assert!(refused.text().contains(told), "{value}: {}", refused.text());
    }
    let theirs = form.map(|(name, old)| (name, if name == "meter" { "next-door" } else { old }));
    assert_eq!(browser.submit("/upload/total", &theirs).await.status, 404);
    for _ in 0..2 {
        let gone = [("meter", "house-1"), ("month", "2026-02")];
        let page = browser.follow(&browser.submit("/upload/total/delete", &gone).await).await;
        assert!(page.text().contains("Der Monatswert ist gelöscht."), "{}", page.text());
        assert!(!page.text().contains("1&#39;412.5"), "{}", page.text());
    }
    assert_eq!(app.send(Role::Customer, Method::DELETE, "/upload", None).await.status, 405);
}
