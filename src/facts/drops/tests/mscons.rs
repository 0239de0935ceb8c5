//! German messages, by values worked out by hand.

use super::documents::mscons;
use super::*;
use crate::facts::drops::formats::Direction;
use crate::facts::market::Quality;

const HEAD: &str = "LOC+172+50000000001'LIN+1'PIA+5+1-1?:1.29.0:SRW'";

fn value(quantity: &str, start: &str, end: &str) -> String {
    format!("QTY+{quantity}'DTM+163:{start}?+00:303'DTM+164:{end}?+00:303'")
}

#[test]
fn a_load_profile_is_read_with_its_creation() {
    let body = HEAD.to_owned()
        + &value("220:0.125", "202611182300", "202611182315")
        + &value("67:0.5", "202611182315", "202611182330")
        + &value("20:0", "202611182330", "202611182345")
        + &value("220:2:KWH", "202611190000", "202611190100");
    let document = read(mscons(&body).as_bytes()).unwrap();
    let (point, slots) = only(&document);
    assert_eq!(point.name(), "50000000001");
    let told: Vec<_> = slots
        .iter()
        .map(|slot| (slot.ts, slot.interval_s, slot.power_kw, slot.quality, &*slot.condition))
        .collect();
    assert_eq!(
        told,
        [
            (utc("2026-11-18T23:00:00Z"), 900, Some(0.5), Quality::Ok, "220"),
            (utc("2026-11-18T23:15:00Z"), 900, Some(2.0), Quality::Estimated, "67"),
            (utc("2026-11-18T23:30:00Z"), 900, None, Quality::Missing, "20"),
            (utc("2026-11-19T00:00:00Z"), 3_600, Some(2.0), Quality::Ok, "220"),
        ]
    );
    assert!(slots.iter().all(|slot| slot.known_at == utc("2026-11-20T06:00:00Z")));
    assert!(slots.iter().all(|slot| slot.direction == Direction::Consumption));
}

#[test]
fn several_meters_and_directions_in_one_interchange() {
    let mut body = String::new();
    for (point, code, number) in [
        ("50000000001", "1-1?:1.29.0", "1"),
        ("50000000001", "1-1?:2.29.0", "2"),
        ("DE00012345678900000000000000000X1", "1-1?:1.29.0", "3"),
    ] {
        body += &["NAD+DP'LOC+172+", point, "'LIN+1'PIA+5+", code, ":SRW'"].concat();
        body += &value(&format!("220:{number}"), "202611182300", "202611182315");
    }
    let document = read(mscons(&body).as_bytes()).unwrap();
    let told: Vec<_> = document
        .series
        .iter()
        .flat_map(|series| series.slots.iter().map(|slot| (series.point.name(), slot)))
        .map(|(name, slot)| (name, slot.direction, slot.power_kw))
        .collect();
    assert_eq!(
        told,
        [
            ("50000000001", Direction::Consumption, Some(4.0)),
            ("50000000001", Direction::Production, Some(8.0)),
            ("DE00012345678900000000000000000X1", Direction::Consumption, Some(12.0)),
        ]
    );
}

#[test]
fn separators_are_those_of_the_first_line_and_may_be_released() {
    let body = "FTX+AAI+++It?'s 5?+ degrees?? yes'".to_owned()
        + HEAD
        + &value("220:0.125", "202611182300", "202611182315");
    let text = mscons(&body);
    assert_eq!(only(&read(text.as_bytes()).unwrap()).1[0].power_kw, Some(0.5));
    let comma = text.replace("UNA:+.?", "UNA:+,?").replace("0.125", "0,125");
    assert_eq!(only(&read(comma.as_bytes()).unwrap()).1[0].power_kw, Some(0.5));
    let point_in_comma = text.replace("UNA:+.?", "UNA:+,?");
    assert!(read(point_in_comma.as_bytes()).is_ok_and(|it| only(&it).1[0].power_kw == Some(0.5)));
    let comma_in_point = text.replace("0.125", "0,125");
    assert!(refused(comma_in_point.as_bytes()).contains("'0,125' at"));
    // A plus that separates nothing needs no release.
    let others = text.replace("?+", "\u{1}").replace('+', "|").replace('\'', "~");
    let others = others.replace('?', "!").replace('\u{1}', "+");
    assert!(others.starts_with("UNA:|.! ~UNB|UNOC:3|"), "{others}");
    assert_eq!(only(&read(others.as_bytes()).unwrap()).1[0].power_kw, Some(0.5));
    // Line breaks between segments say nothing, and so does a missing UNA.
    let broken = text.replace("'DTM", "'\r\nDTM").replace("UNA:+.? '", "\r\n");
    assert_eq!(only(&read(broken.as_bytes()).unwrap()).1[0].power_kw, Some(0.5));
    let latin: Vec<u8> =
        text.replace("degrees", "Gr_d").bytes().map(|b| if b == b'_' { 0xe4 } else { b }).collect();
    assert_eq!(only(&read(&latin).unwrap()).1[0].power_kw, Some(0.5));
}

#[test]
fn the_hour_that_the_clock_shows_twice_is_told_by_offset_or_by_order() {
    // 2026-10-25: 02:00 to 03:00 summer time is 00:00 to 01:00 UTC, winter time an hour later.
    let offsets = ["202610250200?+02", "202610250300?+02", "202610250200?+01", "202610250300?+01"];
    let body = HEAD.to_owned()
        + &format!("QTY+220:1'DTM+163:{}:303'DTM+164:{}:303'", offsets[0], offsets[1])
        + &format!("QTY+220:2'DTM+163:{}:303'DTM+164:{}:303'", offsets[2], offsets[3]);
    let expected = [utc("2026-10-25T00:00:00Z"), utc("2026-10-25T01:00:00Z")];
    let starts = |text: &str| -> Vec<_> {
        let document = read(text.as_bytes()).unwrap();
        assert!(document.notes.is_empty(), "{:?}", document.notes);
        only(&document).1.iter().map(|slot| slot.ts).collect()
    };
    assert_eq!(starts(&mscons(&body)), expected);
    // Without offset the end of the first is 03:00 winter time: two hours, no profile. Quarter hours
    // tell the two passes apart by their order.
    let wall = ["0200", "0215", "0230", "0245", "0200", "0215", "0230", "0245", "0300"];
    let quarters: Vec<String> = wall
        .windows(2)
        .map(|pair| {
            format!("QTY+220:1'DTM+163:20261025{}:203'DTM+164:20261025{}:203'", pair[0], pair[1])
        })
        .collect();
    let quarters = quarters.concat();
    let found = starts(&mscons(&(HEAD.to_owned() + &quarters)));
    let steps: Vec<_> =
        (0..8).map(|step| expected[0] + chrono::Duration::minutes(15 * step)).collect();
    assert_eq!(found, steps);
}

#[test]
fn what_is_no_active_energy_of_intervals_is_passed_over_and_named() {
    let slot = |quantity: &str| value(quantity, "202611182300", "202611182315");
    let line = |code: &str| format!("LIN+1'PIA+5+{code}:SRW'") + &slot("220:1");
    let body = "LOC+172+50000000001'".to_owned()
        + &line("1-1?:3.29.0")
        + &line("1-1?:1.29.1")
        + &line("7-1?:1.29.0")
        + &line("1-1?:1.8.0")
        + &slot("220:1")
        + "LIN+2'PIA+5+1-1?:1.29.0:SRW'"
        + &slot("187:1")
        + &slot("220:1:K3")
        + "QTY+220:77'DTM+7:202611182300?+00:303'"
        + &value("220:1", "202611010000", "202612010000");
    let document = read(mscons(&body).as_bytes()).unwrap();
    assert_eq!((document.series.len(), document.passed_over), (0, 9));
    let notes = document.notes.join("; ");
    for part in ["'1-1:3.29.0'", "'1-1:1.29.1'", "'7-1:1.29.0'", "'1-1:1.8.0'", "forecasts", "'K3'"]
    {
        assert!(notes.contains(part), "{part}: {notes}");
    }
    assert!(notes.contains("such as counters") && notes.contains("2592000 s"), "{notes}");
}

#[test]
fn what_was_damaged_on_the_way_is_refused_with_its_reason() {
    let body = HEAD.to_owned() + &value("220:0.125", "202611182300", "202611182315");
    let text = mscons(&body);
    for length in 4..text.len() {
        let cut = &text.as_bytes()[..length];
        assert!(read(cut).is_err(), "{length}");
    }
    for (from, to, reason) in [
        ("UNZ+1", "UNZ+2", "has 1 messages and states '2'"),
        ("LIN+1'", "", "segments and states"),
        ("UNZ+1+R1'", "", "end of the interchange (UNZ) is missing"),
        ("MSCONS:", "UTILMD:", "is 'UTILMD', not MSCONS"),
        ("BGM+7+M1+9", "BGM+7+M1+1", "cancels an earlier one"),
        ("DTM+137:202611200600?+00:303'", "FTX+AAI'", "does not say when it was created"),
        ("LOC+172+50000000001'", "LOC+107+50000000001'", "stands before its metering point"),
        ("LOC+172+50000000001'", "LOC+172+a b'", "'a b' is no metering point"),
        ("220:0.125", "220:-1", "-1 kWh is not between 0"),
        ("220:0.125", "220:1e3", "'1e3' at"),
        ("202611182315?+00", "202613182315?+00", "is no instant in the form '303'"),
        ("202611182315?+00", "202611182315?+99", "is no instant in the form '303'"),
    ] {
        let broken = text.replace(from, to);
        assert_ne!(broken, text, "{from}");
        let sentence = refused(broken.as_bytes());
        assert!(sentence.contains(reason), "{from}: {sentence}");
    }
    let endless = format!("UNB+{}", "x".repeat(10_000));
    assert!(refused(endless.as_bytes()).contains("does not end"));
}
