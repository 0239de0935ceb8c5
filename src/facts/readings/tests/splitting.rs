//! Rows are the same whatever pieces a body comes in.

use proptest::prelude::*;

use crate::facts::readings::split::{Format, Splitter};

fn read(format: Format, text: &[u8], sizes: &[usize]) -> Result<Vec<String>, String> {
    let (mut splitter, mut rows, mut rest) = (Splitter::new(format), Vec::new(), text);
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let size = sizes.next().copied().unwrap_or(1).clamp(1, rest.len());
        splitter.push(&rest[..size], &mut rows).map_err(|error| error.to_string())?;
        rest = &rest[size..];
    }
    splitter.finish(&mut rows).map_err(|error| error.to_string())?;
    Ok(rows.into_iter().map(|row| format!("{row:?}")).collect())
}

proptest! {
    #[test]
    fn pieces_do_not_matter(
        sizes in prop::collection::vec(1..40_usize, 1..8),
        names in prop::collection::vec("[a-z\"\\\\\\]},{é]{0,8}", 0..5),
    ) {
        let rows: Vec<String> = names
            .iter()
            .map(|name| serde_json::json!({"meter_id": name, "ts": 1_774_688_400_000_i64}).to_string())
            .collect();
        for (format, text) in [
            (Format::Json, format!("[{}]", rows.join(" , "))),
            (Format::Lines, format!("{}\n", rows.join("\r\n"))),
            (Format::Csv, format!("meter_id,ts\n{}", rows.join("\n"))),
        ] {
            let whole = read(format, text.as_bytes(), &[text.len().max(1)]);
            prop_assert_eq!(&whole, &read(format, text.as_bytes(), &sizes), "{}", text);
            if format == Format::Json {
                let whole = whole.unwrap();
                prop_assert_eq!(whole.len(), names.len());
                prop_assert!(whole.iter().all(|row| row.starts_with("Ok")), "{:?}", whole);
            }
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for format in [Format::Json, Format::Lines, Format::Csv] {
            drop(read(format, &bytes, &[7]));
        }
    }
}
