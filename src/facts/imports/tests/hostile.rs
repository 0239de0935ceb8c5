//! Bytes that are no table, tables that are no prices.

use std::io::Write as _;

use proptest::prelude::*;

use super::*;

fn refusal(bytes: &[u8]) -> String {
    parse_prices(bytes, "x", &options("CH")).unwrap_err().to_string()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn what_is_no_table_is_named() {
    let cut_off = {
        let whole = gzipped(b"time,price\n2023-01-01 00:00,1\n2023-01-01 01:00,2\n");
        whole[..whole.len() / 2].to_vec()
    };
    let long = format!("time,price\n{}", "x".repeat(2 << 20));
    let wide = format!("{}\n1\n", vec!["c"; 10_000].join(","));
    for (bytes, expected) in [
        (b"".as_slice(), "the file is empty"),
        (b" \n\n ", "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (&gzipped(b""), "the file is empty"),
        (b"time,price\n", "the file has a header ('time', 'price') but no rows"),
        (b"<!doctype html><html>", "the file is a web page or XML"),
        (b"{\"a\": 1}", "the file is JSON"),
        (b"PK\x03\x04rest", "the file is a zip archive"),
        (b"time,price\n\x00\x01\x02", "the file is binary data"),
        (b"\xff\xfet\x00i\x00", "the file is text in UTF-16"),
        (&cut_off, "the gzip file cannot be unpacked"),
        (b"\x1f\x8bxxxx", "the gzip file cannot be unpacked"),
        (b"PAR1", "the file cannot be read as Parquet"),
        (b"PAR1xxxxxxxxxxxxxxxxxxxxxxxPAR1", "the file cannot be read as Parquet"),
        (long.as_bytes(), "line 2 is 2097152 bytes long"),
        (wide.as_bytes(), "the file has 10000 columns"),
        (
            b"2023-01-01 00:00,5\n2023-01-01 01:00,5\n",
            "the first line is data ('2023-01-01 00:00')",
        ),
        (b"hello\nworld\n", "the header 'hello' has a single column"),
        (b"a,b\nx,y\n", "no column holds times; the file has 'a', 'b'"),
        (b"time,a,b\n2023-01-01,1,2\n", "which column holds the prices of CH?"),
        (b"time,FR\n2023-01-01,1\n2023-01-02,1\n", "which column holds the prices of CH?"),
        (b"time,price\n2023-01-01 00:00,\n", "column 'price' has no value in any row"),
        (b"time,price\n2023-01-01 00:00,5\n", "a single row does not show"),
    ] {
        let said = refusal(bytes);
        assert!(said.starts_with(expected), "{said}");
    }
}

#[test]
fn a_gzip_bomb_is_cut_short() {
    let bomb = gzipped(&vec![b'0'; 300 << 20]);
    assert!(bomb.len() < 4 << 20);
    assert_eq!(refusal(&bomb), "the file holds more than 256 MB once unpacked; split it");
}

#[test]
fn more_rows_than_anyone_has_are_refused() {
    let text = format!("time,CH\n2023-01-01,1\n{}", "1,\n".repeat(2_000_000));
    assert_eq!(refusal(text.as_bytes()), "the file has more than 2000000 rows; split it");
}

#[test]
fn bad_rows_are_named_by_line_and_nothing_comes_of_the_file() {
    let text = "time,CH\n2023-01-01 00:00,1\nyesterday,2\n2023-01-01 02:00,abc\n\
                2023-01-01 03:00,NaN\n2023-01-01 04:00\n2023-01-01 05:00,1e6\n\
                2023-01-01 06:00,3\n2023-01-01 07:30,3\n2023-01-01 06:00,4\n2023-01-01 07:00,3\n\
                2023-01-01 08:00,3\n2023-01-01 09:00,3\n2023-01-01 10:00,3\n2023-01-01 11:00,3\n";
    let Err(ImportError::BadRows { first, total }) = parse(text, "CH") else {
        panic!("the file was read");
    };
    let said: Vec<String> = first.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "line 3, column 'time': 'yesterday' is not a time; expected is e.g. 2023-03-26 02:00 or \
             2023-03-26T01:00:00Z",
            "line 4, column 'CH': 'abc' is not a number",
            "line 5, column 'CH': 'NaN' is not a finite number",
            "line 6, column 'time': has 1 fields, the header names 2",
            "line 7, column 'CH': 1000000 EUR/MWh is beyond every price a market knows",
            "line 8, column 'CH': another value than in line 10 for the same instant \
             2023-01-01 05:00:00 UTC",
            "line 9, column 'time': 2023-01-01 06:30:00 UTC does not start an interval of 3600 s",
            "line 10, column 'CH': another value than in line 8 for the same instant \
             2023-01-01 05:00:00 UTC",
        ]
    );
    assert_eq!(total, 8);

    let mut options = options("CH");
    options.skip_bad_rows = true;
    let parsed = parse_prices(text.as_bytes(), "x.csv", &options).unwrap();
    assert_eq!((parsed.rows_read, parsed.points.len()), (14, 6));
    assert_eq!(
        dropped(&parsed.dropped),
        [
            ("unreadable time", 1, vec![3]),
            ("unreadable value", 2, vec![4, 5]),
            ("wrong number of fields", 1, vec![6]),
            ("price out of range", 1, vec![7]),
            ("contradicting values for one instant", 2, vec![8, 10]),
            ("not at the start of an interval", 1, vec![9]),
        ]
    );
}

#[test]
fn only_the_first_bad_rows_are_listed() {
    let rows = "2023-01-01 00:00,x\n".repeat(50);
    let Err(ImportError::BadRows { first, total }) = parse(&format!("time,CH\n{rows}"), "CH")
    else {
        panic!("the file was read");
    };
    assert_eq!((first.len(), total), (20, 50));
}

#[test]
fn resolutions_that_are_no_product_are_refused() {
    let spaced = |minutes: &[i64]| {
        let start: chrono::NaiveDateTime = "2023-01-01T00:00:00".parse().unwrap();
        let rows: Vec<String> = minutes
            .iter()
            .map(|minute| format!("{},1", start + chrono::Duration::minutes(*minute)))
            .collect();
        parse(&format!("time,CH\n{}\n", rows.join("\n")), "CH").unwrap_err().to_string()
    };
    assert!(spaced(&[0, 30, 60, 90]).starts_with("the rows are 1800 s apart"));
    assert!(spaced(&[0, 1440, 2880]).starts_with("the rows are 86400 s apart"));
    let mixed = spaced(&[0, 60, 120, 180, 240, 300, 315, 330, 345, 360]);
    assert!(
        mixed.starts_with("the file mixes steps of 3600 s and 900 s (from line 10 on)"),
        "{mixed}"
    );
}

#[test]
fn a_gap_is_noted_and_the_product_asked_for_must_fit() {
    let text = "time,CH\n2023-01-01 00:00,1\n2023-01-01 01:00,2\n2023-01-01 04:00,3\n";
    let parsed = parse(text, "CH").unwrap();
    let note = "2 hours between the first and the last have no price, the first of them after \
                2023-01-01T00:00Z";
    assert_eq!(parsed.notes, [note]);
    let mut options = options("CH");
    options.product = Some(crate::base::ids::Product::DayAhead15min);
    let said = parse_prices(text.as_bytes(), "x", &options).unwrap_err().to_string();
    assert_eq!(said, "the rows are 3600 s apart, which is not day_ahead_15min");
}

#[test]
fn simulated_and_foreign_markets_take_no_benchmark() {
    let text = "time,Price,Exogenous 1,Exogenous 2\n2023-01-01 00:00,1,2,3\n";
    assert!(parse(text, "SIM-CH").unwrap_err().to_string().starts_with("SIM-CH holds simulated"));
    assert!(parse(text, "CH").unwrap_err().to_string().ends_with("not to CH"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        drop(parse_prices(&bytes, "x", &options("CH")));
        drop(parse_prices(&gzipped(&bytes), "x", &options("EPF-DE")));
    }

    #[test]
    fn random_tables_never_panic(
        rows in proptest::collection::vec("[-0-9TZ:.,;\" é+]{0,30}", 0..12),
        header in "(time|Date|ts)[,;](CH|price|Exogenous 1)([,;]x)?",
    ) {
        let text = format!("{header}\n{}", rows.join("\n"));
        for skip_bad_rows in [false, true] {
            let options = ImportOptions { skip_bad_rows, ..options("DE") };
            drop(parse_prices(text.as_bytes(), "x", &options));
        }
    }
}
