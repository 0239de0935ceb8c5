//! Swiss documents, by values worked out by hand.

use super::documents::Sdat;
use super::*;
use crate::facts::drops::formats::Direction;
use crate::facts::market::Quality;

#[test]
fn energy_of_a_quarter_hour_becomes_mean_power() {
    let text = Sdat::new(HOUSE, &[0.125, 0.0, 1.5]).text();
    let document = read(text.as_bytes()).unwrap();
    let (point, slots) = only(&document);
    assert_eq!(point, &Point::Official(HOUSE.to_owned()));
    // 0.125 kWh in a quarter of an hour are 0.5 kW.
    let told: Vec<_> = slots.iter().map(|slot| (slot.ts, slot.power_kw)).collect();
    let expected = [
        (utc("2026-11-18T23:00:00Z"), Some(0.5)),
        (utc("2026-11-18T23:15:00Z"), Some(0.0)),
        (utc("2026-11-18T23:30:00Z"), Some(6.0)),
    ];
    assert_eq!(told, expected);
    for slot in slots {
        assert_eq!((slot.interval_s, slot.direction), (900, Direction::Consumption));
        assert_eq!(slot.known_at, utc("2026-11-20T05:10:00Z"));
        assert_eq!((slot.quality, slot.condition.as_str()), (Quality::Ok, ""));
    }
    assert!(document.notes.is_empty(), "{:?}", document.notes);
}

#[test]
fn days_on_which_the_clock_changes_have_92_and_100_quarter_hours() {
    for (start, end, count, last) in [
        ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", 92, "2026-03-29T21:45:00Z"),
        ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", 100, "2026-10-25T22:45:00Z"),
        ("2026-11-18T23:00:00Z", "2026-11-19T23:00:00Z", 96, "2026-11-19T22:45:00Z"),
    ] {
        let day = Sdat::day(start, end);
        let document = read(day.text().as_bytes()).unwrap();
        let (_, slots) = only(&document);
        assert_eq!((slots.len(), slots.last().unwrap().ts), (count, utc(last)));
        let mut longer = day;
        let beyond = u32::try_from(count + 1).unwrap();
        longer.values.push((beyond, "0.25".to_owned(), ""));
        let sentence = refused(longer.text().as_bytes());
        assert_eq!(
            sentence,
            format!("{HOUSE}: the sequence '{beyond}' is not one of the {count} of the interval")
        );
    }
}

#[test]
fn every_version_is_read_whatever_its_prefix() {
    for version in 12..=16 {
        let text = Sdat { version, ..Sdat::new(HOUSE, &[0.25]) }.text();
        for text in [text.clone(), text.replace("rsm:", "x:").replace(":rsm", ":x")] {
            assert_eq!(only(&read(text.as_bytes()).unwrap()).1[0].power_kw, Some(1.0));
        }
        let bare = text.replace("rsm:", "").replace("xmlns:rsm", "xmlns");
        assert_eq!(only(&read(bare.as_bytes()).unwrap()).1[0].power_kw, Some(1.0));
    }
}

#[test]
fn production_conditions_gaps_and_missing_volumes() {
    let mut document = Sdat::new(ROOF, &[0.1, 0.2, 0.3, 0.4]).producing();
    document.values[0].2 = "21";
    document.values[1].1 = String::new();
    document.values[1].2 = "46";
    document.values.remove(2);
    let read = read(document.text().as_bytes()).unwrap();
    let (_, slots) = only(&read);
    let told: Vec<_> = slots
        .iter()
        .map(|slot| (slot.direction, slot.power_kw, slot.quality, slot.condition.as_str()))
        .collect();
    let given = Direction::Production;
    assert_eq!(
        told,
        [
            (given, Some(0.4), Quality::Estimated, "21"),
            (given, None, Quality::Missing, "46"),
            (given, Some(1.6), Quality::Ok, ""),
        ]
    );
    assert_eq!(read.notes, [format!("{ROOF}: 1 of 4 intervals have no value")]);
}

#[test]
fn parts_of_the_total_are_passed_over_and_units_are_turned() {
    let text = Sdat::new(HOUSE, &[0.25, 0.5]).text();
    let part = text.replace("8716867000030", "2404050010123");
    let document = read(part.as_bytes()).unwrap();
    assert_eq!((document.series.len(), document.passed_over), (0, 2));
    assert!(document.notes[0].contains("'2404050010123'"), "{:?}", document.notes);
    for (unit, power_kw) in [("MWH", 1_000.0), ("WHR", 0.001), ("KWT", 0.25)] {
        let text = text.replace("KWH", unit);
        assert_eq!(only(&read(text.as_bytes()).unwrap()).1[0].power_kw, Some(power_kw), "{unit}");
    }
    assert!(refused(text.replace("KWH", "KVR").as_bytes()).contains("the unit 'KVR' is not"));
}

#[test]
fn two_values_of_one_interval_are_refused_unless_they_agree() {
    let mut document = Sdat::new(HOUSE, &[0.25, 0.5]);
    document.values.push((2, "0.5".to_owned(), ""));
    assert_eq!(only(&read(document.text().as_bytes()).unwrap()).1.len(), 2);
    document.values.push((2, "0.75".to_owned(), ""));
    assert_eq!(
        refused(document.text().as_bytes()),
        format!("{HOUSE}: the interval at 2026-11-18T23:15:00Z has two values")
    );
}

#[test]
fn what_is_no_document_of_readings_is_refused_with_its_reason() {
    let text = Sdat::new(HOUSE, &[0.25]).text();
    for (from, to, reason) in [
        ("http://www.strom.ch", "http://example.org", "namespace 'http://example.org', not of"),
        ("ValidatedMeteredData_14", "AggregatedMeteredData_14", "totals of a grid area"),
        ("ValidatedMeteredData_14", "InvoiceData_14", "the root is 'InvoiceData_14'"),
        (">E66<", ">E31<", "the document type is 'E31'"),
        ("<rsm:Status><rsm:ebIXCode>9", "<rsm:Status><rsm:ebIXCode>1", "cancels an earlier one"),
        ("2026-11-20T05:10:00Z", "yesterday", "Creation is 'yesterday'"),
        (HOUSE, "CH101", "the metering point 'CH101' has not 33 characters"),
        (">15<", ">7<", "the resolution is '7' 'MIN'"),
        (">MIN<", ">MON<", "the resolution is '15' 'MON'"),
        (">0.25<", ">-0.25<", "sequence 1: -0.25 kWh is not between 0"),
        (">0.25<", ">NaN<", "sequence 1: NaN kWh is not between 0"),
        (">0.25<", ">0,25<", "the volume '0,25' is no number"),
        (">1<", ">0<", "the sequence '0' is not one of the 1"),
        ("Interval>", "Span>", "there is no Interval"),
        ("ConsumptionMeteringPoint", "Place", "neither a ConsumptionMeteringPoint nor"),
    ] {
        let broken = text.replace(from, to);
        assert_ne!(broken, text, "{from}");
        let sentence = refused(broken.as_bytes());
        assert!(sentence.contains(reason), "{from}: {sentence}");
    }
}

#[test]
fn a_document_that_is_cut_off_is_refused_wherever_it_is_cut() {
    let text = Sdat::new(HOUSE, &[0.25, 0.5]).text();
    for length in 1..text.trim_end().len() {
        assert!(read(&text.as_bytes()[..length]).is_err(), "{length}");
    }
}

#[test]
fn entities_and_other_encodings() {
    let laughs = "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]>";
    let text = Sdat::new(HOUSE, &[0.25]).text();
    let bomb = text.replacen("?>\n", &format!("?>\n{laughs}\n"), 1);
    assert!(refused(bomb.as_bytes()).contains("declares a document type"));
    let outside = text.replacen("?>\n", "?>\n<!DOCTYPE l SYSTEM \"file:///etc/passwd\">\n", 1);
    assert!(refused(outside.as_bytes()).contains("declares a document type"));
    let mut latin = text.replace("DOC-1", "Z_rich").into_bytes();
    let at = latin.windows(6).position(|six| six == b"Z_rich").unwrap();
    latin[at + 1] = 0xfc;
    assert!(refused(&latin).contains("is not UTF-8"));
    let head = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>".to_vec();
    let rest = latin.iter().position(|byte| *byte == b'\n').unwrap();
    let declared = [head, latin[rest..].to_vec()].concat();
    assert_eq!(only(&read(&declared).unwrap()).1[0].power_kw, Some(1.0));
    let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.bytes().flat_map(|b| [b, 0])).collect();
    assert!(refused(&wide).contains("UTF-16"));
}
