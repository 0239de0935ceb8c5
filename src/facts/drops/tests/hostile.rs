//! Bytes that nobody should send: whatever they are, there is an answer and no panic.

use proptest::prelude::*;

use super::documents::{Sdat, mscons};
use super::*;
use crate::facts::drops::unpack::parts;

fn valid() -> Vec<Vec<u8>> {
    let body = "LOC+172+50000000001'LIN+1'PIA+5+1-1?:1.29.0:SRW'QTY+220:0.125'\
                DTM+163:202611182300?+00:303'DTM+164:202611182315?+00:303'";
    vec![
        Sdat::new(HOUSE, &[0.25, 0.5]).text().into_bytes(),
        mscons(body).into_bytes(),
        b"Zeit;kWh\n18.11.2026 10:00;0,1\n18.11.2026 10:15;0,2\n".to_vec(),
    ]
}

/// A valid document in which some bytes were replaced, doubled or lost.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let which = prop::sample::select(valid());
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..8);
    (which, changes).prop_map(|(mut bytes, changes)| {
        for (at, byte, kind) in changes {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.drain(at..(at + usize::from(byte)).min(bytes.len()))),
            }
        }
        bytes
    })
}

fn answer(bytes: &[u8]) {
    let about = About { meter: Some("house-1".to_owned()), ..about() };
    for part in parts(bytes, 1 << 20).unwrap_or_default() {
        let Ok(bytes) = part.bytes else { continue };
        if let (_, Ok(document)) = read_document(&bytes, &about) {
            for slot in document.series.iter().flat_map(|series| &series.slots) {
                let sound = slot.power_kw.is_none_or(|power| (0.0..=100_000.0).contains(&power));
                assert!(sound, "{slot:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_have_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        answer(&bytes);
        for start in [&b"<"[..], b"UNA:+.? '", b"UNB+", b"\x1f\x8b", b"PK\x03\x04"] {
            answer(&[start, &bytes].concat());
        }
    }

    #[test]
    fn damaged_documents_have_an_answer(bytes in damaged()) {
        answer(&bytes);
    }
}

#[test]
fn deep_and_wide_documents_have_an_answer() {
    let deep = "<a>".repeat(100_000);
    assert!(read(deep.as_bytes()).is_err());
    let attributes = format!("<a {}/>", "b=\"\" ".repeat(50_000));
    assert!(read(attributes.as_bytes()).is_err());
    let text = Sdat { end: utc("2099-01-01T00:00:00Z"), ..Sdat::new(HOUSE, &[0.25]) }.text();
    assert!(refused(text.as_bytes()).contains("is not made of steps"));
    assert!(read(&vec![b'\''; 100_000]).is_err());
}
