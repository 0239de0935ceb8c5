//! What records hold, in every form, and what is wrong with those that hold nothing.

use super::*;
use crate::facts::kafka::mapping::Mapping;
use crate::facts::kafka::records::{Batch, ROWS_MAX, WHOLE};

fn batch(form: &Form, records: Vec<RecordAndOffset>) -> Batch {
    let mut all = batches(form, records);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn one(key: Option<&str>, value: &[u8]) -> Batch {
    batch(&Form::Readings, vec![record(5, key, value)])
}

fn meters(batch: &Batch) -> Vec<(&str, i32)> {
    let pairs = batch.rows.iter().zip(&batch.origins);
    pairs.map(|(row, origin)| (row.meter_id.as_str(), origin.row)).collect()
}

fn refusals(batch: &Batch) -> Vec<(i32, &str, &str)> {
    batch.refused.iter().map(|it| (it.row, it.field.as_str(), it.reason.as_str())).collect()
}

#[test]
fn a_record_is_an_object_a_list_or_one_object_a_line() {
    let (a, b) = (row("a", 0, 1.5), row("b", 15, 2.0));
    let pretty = serde_json::to_string_pretty(&a).unwrap();
    for (text, expected) in [
        (a.to_string(), vec![("a", 0)]),
        (pretty.clone(), vec![("a", 0)]),
        (format!("\u{feff} {a}\n"), vec![("a", 0)]),
        (json!([a, b]).to_string(), vec![("a", 0), ("b", 1)]),
        (format!("{a}\n{b}\n"), vec![("a", 0), ("b", 1)]),
        (format!("{a}\r\n\r\n{b}"), vec![("a", 0), ("b", 1)]),
        (format!("{pretty}\n{b}"), vec![("a", 0), ("b", 1)]),
        ("[]".to_owned(), vec![]),
    ] {
        let batch = one(None, text.as_bytes());
        assert_eq!((meters(&batch), batch.refused.len()), (expected, 0), "{text}");
        assert_eq!(batch.next_offset(), Some(6));
    }
    let mut tombstone = record(5, Some("a"), b"");
    tombstone.record.value = None;
    let batch = batch(&Form::Readings, vec![tombstone]);
    assert_eq!((batch.rows.len(), batch.refused.len(), batch.next_offset()), (0, 0, Some(6)));
}

#[test]
fn the_key_names_the_meter_where_the_row_does_not() {
    let mut nameless = row("", 0, 1.0);
    nameless.as_object_mut().unwrap().remove("meter_id");
    let text = json!([nameless, row("own", 15, 1.0)]).to_string();
    assert_eq!(meters(&one(Some("keyed"), text.as_bytes())), [("keyed", 0), ("own", 1)]);
    let batch = one(None, text.as_bytes());
    assert_eq!(meters(&batch), [("own", 1)]);
    assert_eq!(refusals(&batch), [(0, "meter_id", "missing field `meter_id`")]);
    let mut odd = record(5, None, text.as_bytes());
    odd.record.key = Some(vec![0xff, 0xfe]);
    assert_eq!(batches(&Form::Readings, vec![odd])[0].rows.len(), 1);
}

#[test]
fn what_is_no_reading_is_named_with_its_place_and_stops_nothing() {
    let good = row("a", 0, 1.0);
    let of = |value: &[u8]| {
        let batch = one(None, value);
        let refused = batch.refused.iter();
        let faults: Vec<_> =
            refused.map(|it| (it.row, it.field.clone(), it.reason.clone())).collect();
        (batch.rows.len(), faults)
    };
    for poison in [
        b"".as_slice(),
        b"  ",
        b"not json",
        b"\xff\xfe\x00",
        b"{\"meter_id\": \"a\"",
        b"[{\"meter_id\": \"a\"}",
        "[".repeat(10_000).as_bytes(),
        "{\"a\":".repeat(10_000).as_bytes(),
    ] {
        let (rows, faults) = of(poison);
        assert_eq!((rows, faults.len()), (0, 1), "{faults:?}");
        assert_eq!((faults[0].0, faults[0].1.as_str()), (WHOLE, ""));
        assert!(faults[0].2.starts_with("the record is"), "{faults:?}");
    }
    for (bad, field) in [
        (json!({"meter_id": "a", "ts": "yesterday", "consumption_kw": 1}), "ts"),
        (json!({"meter_id": "a", "ts": NOW, "consumption_kw": "1"}), "consumption_kw"),
        (json!({"meter_id": "a", "ts": NOW, "colour": 1}), "colour"),
        (json!({"meter_id": 7, "ts": NOW}), "meter_id"),
        (json!(7), ""),
        (json!(null), ""),
    ] {
        let (rows, faults) = of(json!([good, bad, good]).to_string().as_bytes());
        assert_eq!(rows, 2, "{bad}");
        assert_eq!((faults[0].0, faults[0].1.as_str()), (1, field), "{bad}");
    }
    let (rows, faults) = of(format!("{good}\n{{\"cut\": \n{good}").as_bytes());
    assert_eq!((rows, faults.len(), faults[0].0), (2, 1, 1));
    assert!(faults[0].2.starts_with("the line is no JSON"), "{faults:?}");
    // What cannot be stored as text does not get that far.
    let (_, faults) = of(b"{\"meter_id\":\"a\",\"nul\\u0000\\n\":1}");
    assert_eq!(faults[0].1, "nul", "{faults:?}");
}

#[test]
fn a_transaction_has_a_limit_and_a_record_is_never_cut() {
    let list = |offset: i64, rows: usize| {
        let rows: Vec<Value> = (0..rows).map(|_| row("a", 0, 1.0)).collect();
        record(offset, None, json!(rows).to_string().as_bytes())
    };
    let sizes = |records| -> Vec<(usize, Option<i64>)> {
        let all = batches(&Form::Readings, records);
        all.iter().map(|batch| (batch.rows.len(), batch.next_offset())).collect()
    };
    let most = ROWS_MAX;
    assert_eq!(
        sizes(vec![list(0, most - 1), list(1, 1), list(2, 1), list(7, most)]),
        [(most, Some(2)), (1, Some(3)), (most, Some(8))]
    );
    let long = batches(&Form::Readings, vec![list(0, most + 1), list(1, 1)]);
    assert_eq!((long.len(), long[0].rows.len(), long[0].refused.len()), (1, 1, 1));
    assert!(long[0].refused[0].reason.contains("10001 rows"), "{:?}", long[0].refused);
    let large = one(None, &vec![b' '; (4 << 20) + 1]);
    assert!(large.refused[0].reason.contains("bytes"), "{:?}", large.refused);
}

#[test]
fn records_of_others_are_read_by_their_mapping() {
    let mapping = Mapping {
        topic: "plant.raw".into(),
        ts: "at".into(),
        consumption_kw: "w * 0.001".into(),
        ..Mapping::default()
    };
    let text = json!([{"at": NOW, "w": 250}, {"w": 1}, {"at": NOW, "w": []}]).to_string();
    let records = vec![record(5, Some("roof"), text.as_bytes())];
    let batch = batch(&Form::Mapped(mapping), records);
    assert_eq!(meters(&batch), [("roof", 0)]);
    assert_eq!(batch.rows[0].consumption_kw, Some(0.25));
    assert_eq!(refusals(&batch)[0], (1, "ts", "is absent: nothing is at at"));
    assert_eq!(refusals(&batch)[1].1, "consumption_kw");
}
