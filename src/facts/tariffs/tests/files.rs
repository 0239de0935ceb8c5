//! A yearly file becomes a tariff: once, with its author, and as a total.

use serde_json::json;

use super::*;
use crate::access::audit::By;

/// Constructed: energy and grid of a double tariff, metering by the month.
fn year(grid_high: f64) -> Vec<u8> {
    let entry = |name: &str, kind: &str, prices: serde_json::Value| {
        json!({"customerVoltageLevel": 7, "tariffName": name, "tariffType": kind,
            "tariffForm": "multilevel", "startDate": "2027-01-01", "endDate": "2027-12-31",
            "customerType": "household", "prices": prices})
    };
    let price = |from: &str, to: &str, price: f64| json!({"from": from, "to": to, "price": price, "priceUnit": "CHF/kWh"});
    json!({"dsoName": "Muster EW", "dsoNumber": 10_123_012_345_u64, "tariffs": [
        entry("Blau", "electricity", json!({"energy": [price("00:00", "00:00", 0.1211)]})),
        entry("NS DT", "grid", json!({"base": {"price": 5.0, "priceUnit": "CHF/M"},
            "energy": [price("07:00", "21:00", grid_high), price("21:00", "07:00", 0.0801)]})),
        entry("Messung", "metering", json!({"base": {"price": 6.2, "priceUnit": "CHF/M"}}))]})
    .to_string()
    .into_bytes()
}

#[actix_web::test]
async fn a_yearly_file_is_imported_once_and_read_as_a_total() {
    let it = House::new("2026-11-20T08:00:00Z", &[]).await;
    let by = By::command();
    let options = YearOptions { name: "home".to_owned(), ..YearOptions::default() };
    let dry = YearOptions { dry_run: true, ..options.clone() };
    let planned = it.tariffs.import_year(&year(0.122), &dry, &by).await.unwrap();
    assert_eq!((planned.prices, planned.stored), (2 * 365 * 96, 0));
    assert!(it.tariffs.tariff(&id("file:home")).await.is_err(), "nothing is stored");

    let first = it.tariffs.import_year(&year(0.122), &options, &by).await.unwrap();
    assert_eq!((first.stored, first.unchanged), (2 * 365 * 96, 0));
    assert_eq!((first.base_chf_month, first.notes), (Some(11.2), vec![]));
    let again = it.tariffs.import_year(&year(0.122), &options, &by).await.unwrap();
    assert_eq!((again.stored, again.unchanged), (0, 2 * 365 * 96));
    let slots = it.day("file:home", "2027-03-28").await;
    // 0.1211 + 0.0801 until seven, which is 24 quarter hours on the day without two o'clock.
    let expected = [vec![0.2012; 24], vec![0.2431; 56], vec![0.2012; 12]].concat();
    assert_eq!(totals(&slots), expected);
    assert_eq!(slots[0].known_at, at("2026-08-30T22:00:00Z"));
    assert_eq!(slots[0].source, "file:home");
    let tariff = it.tariffs.tariff(&id("file:home")).await.unwrap();
    assert_eq!((tariff.operator.as_str(), tariff.base_chf_month), ("Muster EW", Some(11.2)));

    // A corrected file replaces what differs.
    let days = (Some(day("2027-03-28")), Some(day("2027-03-28")));
    let part = YearOptions { from: days.0, to: days.1, ..options };
    let corrected = it.tariffs.import_year(&year(0.2), &part, &by).await.unwrap();
    assert_eq!((corrected.stored, corrected.unchanged), (56, 2 * 92 - 56));
    assert_eq!(it.revisions("file:home", "2027-03-28").await.len(), 56);
    let home = Settings { home: Some("file:home".to_owned()), ..Settings::default() };
    let audit = Audit::new(it.test.db().clone(), it.clock.clone());
    let tariffs = Tariffs::new(it.test.db().clone(), audit, it.clock.clone(), home);
    assert_eq!(tariffs.home().await.unwrap().unwrap().id, id("file:home"));
}

#[actix_web::test]
async fn a_file_without_energy_has_no_total_and_says_so() {
    let it = House::new("2026-11-20T08:00:00Z", &[]).await;
    let options = YearOptions {
        name: "grid".to_owned(),
        tariffs: vec!["ns dt".to_owned()],
        from: Some(day("2027-01-04")),
        to: Some(day("2027-01-04")),
        dry_run: false,
    };
    let report = it.tariffs.import_year(&year(0.122), &options, &By::command()).await.unwrap();
    assert_eq!(report.notes, ["without a price for electricity there is no total"]);
    let slots = it.day("file:grid", "2027-01-04").await;
    assert_eq!((slots.len(), totals(&slots).len()), (96, 0));
    assert_eq!(slots[0].missing, [Component::Electricity]);
    let odd = YearOptions { name: "a b".to_owned(), ..options };
    let error = it.tariffs.import_year(&year(0.1), &odd, &By::command()).await.unwrap_err();
    assert!(error.to_string().starts_with("'a b' cannot be the name of a tariff"), "{error}");
}
