//! Constructed files in the form of the VSE with the quirks of real ones; prices laid out by hand.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::json;

use super::*;
use crate::base::timeline::day_range;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn energy(rest: &Value) -> Value {
    let mut energy = json!({"price": 0.1, "priceUnit": "CHF/kWh"});
    for (key, value) in rest.as_object().unwrap() {
        energy[key] = value.clone();
    }
    energy
}

fn entry(name: &str, kind: &str, prices: &Value) -> Value {
    json!({"customerVoltageLevel": 7, "tariffName": name, "tariffType": kind,
        "tariffForm": "multilevel", "startDate": "2027-01-01", "endDate": "2027-12-31",
        "customerType": "household", "prices": prices})
}

fn file(tariffs: &[Value]) -> Result<YearFile, YearError> {
    parse(
        json!({"dsoName": "Muster EW ", "dsoNumber": 10_123_012_345_u64, "tariffs": tariffs})
            .to_string()
            .as_bytes(),
    )
}

/// High on working days by day, low at night and at weekends, as files write it.
fn double(name: &str) -> Value {
    let week = json!(["Mo", "Tu", "We", "Th", "Fr"]);
    entry(
        name,
        "grid",
        &json!({"base": {"price": 5.0, "priceUnit": "CHF/M"}, "energy": [
            energy(&json!({"weekdays": week, "from": "07:00", "to": "19:00", "price": 0.12})),
            energy(&json!({"weekdays": week, "from": "19:00", "to": "07:00", "price": 0.08})),
            energy(&json!({"weekdays": ["Sa", "Su"], "from": "00:00", "to": "00:00", "price": 0.08}))],
            "power": [], "reactivePower": [{"price": 0.04, "priceUnit": "CHF/kVarh"}]}),
    )
}

/// The prices of a day in the order of the clock.
fn of_day(file: &YearFile, date: &str) -> Result<Vec<f64>, YearError> {
    let chosen: Vec<&YearTariff> = file.tariffs.iter().collect();
    let all = quotes(&chosen, (day(date), day(date)), Tz::Europe__Zurich)?;
    Ok(all.into_iter().map(|quote| quote.price_chf_kwh).collect())
}

#[test]
fn a_double_tariff_is_high_on_working_days_and_windows_cross_midnight() {
    let file = file(&[double(" NS DT ")]).unwrap();
    assert_eq!((file.operator.as_str(), file.tariffs[0].name.as_str()), ("Muster EW", "NS DT"));
    assert_eq!(file.tariffs[0].base_chf_month, Some(5.0));
    assert_eq!(
        file.tariffs[0].notes,
        ["NS DT: what it says about reactive power is in no price per kWh"]
    );
    // A Monday: 28 quarter hours before seven, 48 until seven in the evening, 20 after.
    let monday = [vec![0.08; 28], vec![0.12; 48], vec![0.08; 20]].concat();
    assert_eq!(of_day(&file, "2027-01-04").unwrap(), monday);
    assert_eq!(of_day(&file, "2027-01-03").unwrap(), vec![0.08; 96]);
    // Both clock changes are on Sundays.
    assert_eq!(of_day(&file, "2027-03-28").unwrap().len(), 92);
    assert_eq!(of_day(&file, "2027-10-31").unwrap().len(), 100);
    assert_eq!(of_day(&file, "2026-12-31").unwrap(), Vec::<f64>::new());
}

#[test]
fn the_hour_of_a_clock_change_has_the_price_of_its_time() {
    let file = file(&[entry(
        "x",
        "electricity",
        &json!({"energy": [
        energy(&json!({"from": "02:00", "to": "03:00", "price": 0.5})),
        energy(&json!({"from": "03:00", "to": "02:00", "price": 0.1}))]}),
    )])
    .unwrap();
    let dear = |date| of_day(&file, date).unwrap().iter().filter(|price| **price > 0.4).count();
    assert_eq!([dear("2027-03-27"), dear("2027-03-28"), dear("2027-10-31")], [4, 0, 8]);
}

#[test]
fn months_odd_ends_and_absent_lists_mean_what_files_mean() {
    let file = file(&[entry("x", "electricity", &json!({"energy": [
        energy(&json!({"months": ["Jan", "dec "], "from": "00:00", "to": "23:45", "price": 0.3})),
        energy(&json!({"months": ["Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov"],
            "from": "06:00", "to": "06:00", "price": 0.2}))]}))])
    .unwrap();
    assert_eq!(of_day(&file, "2027-01-31").unwrap(), vec![0.3; 96]);
    assert_eq!(of_day(&file, "2027-02-01").unwrap(), vec![0.2; 96]);
    let flat = entry("x", "electricity", &json!({"energy": [energy(&json!({"price": 0.25}))]}));
    assert_eq!(
        of_day(&super::tests::file(&[flat]).unwrap(), "2027-06-01").unwrap(),
        vec![0.25; 96]
    );
    // Where another window begins at 23:45, 23:45 is what it says.
    let late = super::tests::file(&[entry(
        "x",
        "electricity",
        &json!({"energy": [
        energy(&json!({"from": "00:00", "to": "23:45", "price": 0.1})),
        energy(&json!({"from": "23:45", "to": "24:00", "price": 0.2}))]}),
    )])
    .unwrap();
    assert_eq!(of_day(&late, "2027-06-01").unwrap(), [vec![0.1; 95], vec![0.2; 1]].concat());
}

#[test]
fn every_quarter_hour_has_one_price_or_the_file_is_refused() {
    let refused = |energies: &[Value]| {
        let file = file(&[entry("x", "electricity", &json!({ "energy": energies }))]).unwrap();
        of_day(&file, "2027-01-04").unwrap_err().to_string()
    };
    let gap = refused(&[energy(&json!({"from": "00:00", "to": "12:00"}))]);
    assert_eq!(gap, "x: it has no price at 2027-01-04 (Mon) 12:00");
    let two = refused(&[
        energy(&json!({})),
        energy(&json!({"weekdays": ["Mo"], "from": "10:00", "to": "11:00", "price": 0.2})),
    ]);
    assert_eq!(two, "x: it has two prices at 2027-01-04 (Mon) 10:00");
    let both =
        file(&[double("a"), entry("b", "grid", &json!({"energy": [energy(&json!({}))]}))]).unwrap();
    let error = of_day(&both, "2027-01-04").unwrap_err().to_string();
    assert_eq!(error, "b: a has another price for grid at 2027-01-03 23:00:00 UTC; choose one");
}

#[test]
fn odd_files_are_refused_with_the_place() {
    for (text, said) in [
        ("", "the file is no yearly file of tariffs: EOF"),
        ("<html>", "the file is no yearly file of tariffs: expected value"),
        ("{\"dsoName\": \"x\"}", "missing field `tariffs`"),
        ("{\"dsoName\": \"x\", \"tariffs\": []}", "it lists no tariffs"),
    ] {
        let error = parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
    for (rest, said) in [
        (json!({"priceUnit": "Rp/kWh"}), "x, price 1: its unit is 'Rp/kWh', not CHF/kWh"),
        (json!({"price": 12.0}), "x, price 1: 12 CHF/kWh is not to be believed"),
        (json!({"from": "25:00"}), "x, price 1: '25:00' is no time like 07:00"),
        (json!({"to": "noon"}), "x, price 1: 'noon' is no time like 07:00"),
        (json!({"from": "07:10"}), "x, price 1: it does not begin and end at quarter hours"),
        (json!({"months": ["Januar"]}), "x, price 1: 'Januar' is no month"),
        (json!({"weekdays": ["Mon"]}), "x, price 1: 'Mon' is no weekday"),
    ] {
        let odd = entry("x", "grid", &json!({"energy": [energy(&rest)]}));
        assert_eq!(file(&[odd]).unwrap_err().to_string(), said);
    }
    let mut odd = double("x");
    odd["tariffType"] = json!("gas");
    assert_eq!(file(&[odd]).unwrap_err().to_string(), "x: its type 'gas' is not known");
    let mut odd = double("x");
    odd["endDate"] = json!("2026-12-31");
    assert_eq!(file(&[odd]).unwrap_err().to_string(), "x: it holds from 2027-01-01 to 2026-12-31");
    let mut odd = entry("x", "grid", &json!({}));
    odd["tariffForm"] = json!("dynamic");
    assert_eq!(
        file(&[odd]).unwrap_err().to_string(),
        "x: it is dynamic: its prices are fetched, not in the file"
    );
    let odd = entry("x", "grid", &json!({"base": {"price": 60.0, "priceUnit": "CHF/Y"}}));
    assert_eq!(file(&[odd]).unwrap_err().to_string(), "x, base: its unit is 'CHF/Y', not CHF/M");
}

#[test]
fn tariffs_are_chosen_by_name_or_because_there_is_no_other_for_homes() {
    let flat = json!({"energy": [energy(&json!({}))]});
    let mut business = entry("Profi", "grid", &flat);
    business["customerType"] = json!("business");
    let metering =
        entry("Messung", "metering", &json!({"base": {"price": 6.2, "priceUnit": "CHF_M"}}));
    let all =
        file(&[double("NS DT"), business, entry("Blau", "electricity", &flat), metering]).unwrap();
    let names = |chosen: Vec<&YearTariff>| {
        chosen.iter().map(|one| one.name.clone()).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(names(all.choose(&[]).unwrap()), "Blau, NS DT, Messung");
    assert_eq!(
        names(all.choose(&["profi ".to_owned(), "Blau".to_owned()]).unwrap()),
        "Profi, Blau"
    );
    let error = all.choose(&["NS-DT".to_owned()]).unwrap_err().to_string();
    assert_eq!(
        error,
        "the file has no tariff 'NS-DT'; did you mean NS DT?; it has Blau, Messung, NS DT, Profi"
    );
    let two = file(&[double("NS DT"), double("NS ET")]).unwrap();
    let error = two.choose(&[]).unwrap_err().to_string();
    assert_eq!(error, "the file has several tariffs for grid; choose with --tariff: NS DT, NS ET");
}

#[test]
fn a_year_has_as_many_quarter_hours_as_its_days() {
    let file = file(&[double("NS DT")]).unwrap();
    let chosen: Vec<&YearTariff> = file.tariffs.iter().collect();
    let days = (day("2027-01-01"), day("2027-12-31"));
    let all = quotes(&chosen, days, Tz::Europe__Zurich).unwrap();
    assert_eq!(all.len(), 365 * 96);
    let first: DateTime<Utc> = day_range(days.0, Tz::Europe__Zurich).from;
    assert_eq!(all[0].ts, first);
}
