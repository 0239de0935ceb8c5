//! Prices of a sheet beside the tariff in force.

use serde_json::{Value, json};

use super::{add, empty};
use crate::access::audit::By;
use crate::facts::tariffs::YearOptions;
use crate::platform::web::Role;
use crate::testing::{Browser, TestApp};

/// An operator's file: energy 12.11, grid 12.20 by day and 8.01 by night, all without VAT.
fn year() -> Vec<u8> {
    let entry = |name: &str, kind: &str, prices: Value| {
        json!({"customerVoltageLevel": 7, "tariffName": name, "tariffType": kind,
            "tariffForm": "multilevel", "startDate": "2026-01-01", "endDate": "2026-12-31",
            "customerType": "household", "prices": prices})
    };
    let price = |from: &str, to: &str, price: f64| json!({"from": from, "to": to, "price": price, "priceUnit": "CHF/kWh"});
    json!({"dsoName": "Muster EW", "dsoNumber": 10_123_012_345_u64, "tariffs": [
        entry("Blau", "electricity", json!({"energy": [price("00:00", "00:00", 0.1211)]})),
        entry("NS DT", "grid", json!({"base": {"price": 5.0, "priceUnit": "CHF/M"},
            "energy": [price("07:00", "21:00", 0.122), price("21:00", "07:00", 0.0801)]})),
        entry("Messung", "metering", json!({"base": {"price": 6.2, "priceUnit": "CHF/M"}}))]})
    .to_string()
    .into_bytes()
}

async fn house() -> TestApp {
    let app = empty(|settings| settings.tariffs.home = Some("file:home".to_owned())).await;
    let day = Some("2026-03-28".parse().unwrap());
    let options =
        YearOptions { name: "home".to_owned(), from: day, to: day, ..YearOptions::default() };
    app.services.tariffs.import_year(&year(), &options, &By::command()).await.unwrap();
    app
}

/// Item, hours, price, VAT of the sheet; low, high, VAT in force; difference; verdict.
fn row(price: &Value) -> Value {
    json!([
        price["item"],
        price["hours"],
        price["sheet"]["price_chf_kwh"],
        price["sheet"]["vat"],
        price["in_force"]["low_chf_kwh"],
        price["in_force"]["high_chf_kwh"],
        price["in_force"]["has_vat"],
        price["difference_chf_kwh"],
        price["verdict"]
    ])
}

const SHEET: &str = "Preise 2026, exkl. MWST\n\nEnergie: 12.11 Rp./kWh\n\n\
    Netznutzung Hochtarif: 13.00 Rp./kWh\n\nNetznutzung Niedertarif: 0.0801 CHF/kWh\n\n\
    Gesamtpreis inkl. MWST: 22.00 Rp./kWh\n\nGrundpreis: 11.20 CHF pro Monat\n";

#[tokio::test]
async fn prices_are_compared_part_by_part_with_their_proof() {
    let app = house().await;
    let id = add(&app, "Tarifblatt", SHEET).await;
    let path = format!("/api/documents/{id}/tariff-check");
    let check = app.get(Role::Customer, &path).await.json(200);
    assert_eq!((&check["tariff"], &check["vat_percent"]), (&json!("file:home"), &json!(8.1)));
    assert_eq!((&check["day"], &check["note"]), (&json!("2026-03-28"), &Value::Null));
    let rows: Vec<Value> = check["prices"].as_array().unwrap().iter().map(row).collect();
    // By hand: 0.1211 + 0.0801 = 0.2012 and 0.1211 + 0.1220 = 0.2431, each with 8.1 % on top.
    assert_eq!(
        rows,
        [
            json!(["energy", "any", 0.1211, "excluded", 0.1211, 0.1211, false, 0.0, "same"]),
            json!(["grid", "high", 0.13, "excluded", 0.0801, 0.122, false, 0.008, "sheet_higher"]),
            json!(["grid", "low", 0.0801, "excluded", 0.0801, 0.122, false, 0.0, "within"]),
            json!(["total", "any", 0.22, "included", 0.217_497, 0.262_791, true, 0.0, "within"]),
        ],
        "{check:#}"
    );
    assert_eq!(check["prices"][1]["difference_percent"], 6.6);
    let stored = app.services.documents.text_of(id).await.unwrap().text;
    for price in check["prices"].as_array().unwrap() {
        let quote = &price["quote"];
        let letters: Vec<char> = stored.chars().collect();
        let place = |key: &str| usize::try_from(quote[key].as_u64().unwrap()).unwrap();
        let there: String = letters[place("start")..place("end")].iter().collect();
        assert_eq!(quote["text"], there);
        assert!(there.contains(price["sheet"]["written"].as_str().unwrap()), "{price}");
    }
}

#[tokio::test]
async fn where_nothing_is_said_about_vat_the_nearer_comparison_counts() {
    let app = house().await;
    // 12.11 with 8.1 % on top is 13.09.
    let id = add(&app, "Flugblatt", "Energie nur 13.09 Rp./kWh, das ganze Jahr.").await;
    let path = format!("/api/documents/{id}/tariff-check?tariff=file:home");
    let check = app.get(Role::Customer, &path).await.json(200);
    let price = &check["prices"][0];
    assert_eq!((&price["sheet"]["vat"], &price["verdict"]), (&json!("unknown"), &json!("same")));
    assert_eq!(price["in_force"]["has_vat"], true);
}

#[tokio::test]
async fn without_a_tariff_or_a_price_that_is_said() {
    let app = empty(|_| {}).await;
    let id = add(&app, "Tarifblatt", SHEET).await;
    let path = format!("/api/documents/{id}/tariff-check");
    let check = app.get(Role::Customer, &path).await.json(200);
    assert!(check["note"].as_str().unwrap().contains("tariffs.home"), "{check:#}");
    assert_eq!(check["prices"].as_array().unwrap().len(), 4);
    assert!(check["prices"].as_array().unwrap().iter().all(|it| it["verdict"] == "not_comparable"));
    app.get(Role::Customer, &format!("{path}?tariff=file:nothing")).await.problem(404);
    assert_eq!(app.get(Role::Customer, &format!("{path}?tariff=x")).await.wrong_field(), "tariff");
    let other = add(&app, "Hausordnung", "Die Waschküche ist bis 22 Uhr offen.").await;
    let check =
        app.get(Role::Customer, &format!("/api/documents/{other}/tariff-check")).await.json(200);
    assert_eq!(check["prices"], json!([]));
    let nobody = "/api/documents/00000000-0000-4000-8000-000000000000/tariff-check";
    app.get(Role::Customer, nobody).await.problem(404);
}

#[tokio::test]
async fn the_page_of_a_sheet_shows_the_comparison() {
    let app = house().await;
    let id = add(&app, "Tarifblatt", SHEET).await;
    let browser = Browser::of(&app, Role::Customer).await;
    let page = browser.open(&format!("/documents/{id}")).await;
    let html = page.text();
    assert!(html.contains("Ihr Tarif im Vergleich"), "{html}");
    assert!(html.contains("+0.80\u{a0}Rp./kWh (+6.6\u{a0}%)"), "{html}");
    assert!(html.contains("21.75–26.28\u{a0}Rp./kWh, inkl. MWST"), "{html}");
}
