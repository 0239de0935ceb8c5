//! Exports of portals: the meter is found out, the October hour is told by the order of its rows.

use super::*;

/// An export like that of a portal, in local wall time without offset.
fn export(rows: &[(&str, &str, &str)]) -> String {
    let rows: Vec<String> = rows.iter().map(|(at, ht, nt)| format!("{at};{ht};{nt}\n")).collect();
    let rows = rows.concat();
    format!("sep=;\nZeitraum;HT [kWh];NT [kWh]\n{rows}")
}

fn in_folder_of(meter: &str) -> About {
    About { meter: Some(meter.to_owned()), ..about() }
}

#[test]
fn the_october_hour_is_told_by_the_order_of_the_rows() {
    let wall =
        ["01:45", "02:00", "02:15", "02:30", "02:45", "02:00", "02:15", "02:30", "02:45", "03:00"];
    let rows: Vec<(String, String)> = (1..)
        .zip(wall)
        .map(|(at, wall): (u32, _)| (format!("25.10.2026 {wall}"), format!("0,{at:02}")))
        .collect();
    let rows: Vec<(&str, &str, &str)> =
        rows.iter().map(|(at, energy)| (at.as_str(), "", energy.as_str())).collect();
    let (format, document) = read_document(export(&rows).as_bytes(), &in_folder_of("house-1"));
    let document = document.unwrap();
    let (point, slots) = only(&document);
    assert_eq!((format, point), ("table", &Point::Meter("house-1".to_owned())));
    // 01:45 summer time is 23:45 UTC; ten quarter hours follow each other without a gap.
    let first = utc("2026-10-24T23:45:00Z");
    for (at, slot) in (0..10).zip(slots) {
        assert_eq!(slot.ts, first + Duration::minutes(15 * at));
        let power_kw = f64::from(i32::try_from(at + 1).unwrap()) / 100.0 * 4.0;
        assert!((slot.power_kw.unwrap() - power_kw).abs() < 1e-12, "{slot:?}");
        assert_eq!(slot.known_at, slot.ts + Duration::minutes(15));
    }
    assert_eq!(slots.len(), 10);
}

#[test]
fn the_meter_is_that_of_the_folder_or_the_one_that_the_table_names() {
    let rows = [("18.11.2026 10:00", "0,25", ""), ("18.11.2026 10:15", "0,5", "")];
    let table = export(&rows);
    assert!(refused(table.as_bytes()).contains("does not say which meter it is about"));
    let named = table.replace("sep=;\n", &format!("Messpunkt: {HOUSE}\n"));
    assert_eq!(only(&read(named.as_bytes()).unwrap()).0, &Point::Official(HOUSE.to_owned()));
    let two = table.replace("sep=;\n", &format!("Messpunkte: {HOUSE}, {ROOF}\n"));
    assert!(refused(two.as_bytes()).contains("does not say which meter it is about"));
    let (_, document) = read_document(named.as_bytes(), &in_folder_of("house-1"));
    assert_eq!(only(&document.unwrap()).0, &Point::Meter("house-1".to_owned()));
}

#[test]
fn a_table_without_rows_says_nothing_and_one_that_makes_no_sense_is_refused() {
    for empty in ["Zeitraum;HT [kWh];NT [kWh]\n", "sep=;\r\nZeitraum;HT [kWh]\r\n"] {
        assert!(read(empty.as_bytes()).unwrap().series.is_empty(), "{empty}");
    }
    let table = "Zeitraum;HT [kWh]\n18.11.2026 10:00;0,1\n18.11.2026 10:15;x\n";
    let (_, document) = read_document(table.as_bytes(), &in_folder_of("house-1"));
    let sentence = document.unwrap_err().to_string();
    assert!(sentence.contains("line 3"), "{sentence}");
}
