//! Separators, units, zones, Parquet.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray, TimestampNanosecondArray,
};
use chrono_tz::Tz;
use parquet::arrow::ArrowWriter;

use super::*;
use crate::facts::imports::{KnownAtRule, PriceUnit};

const WINTER: [&str; 2] = ["01-01T00:00 12.5", "01-01T01:00 -3"];

#[test]
fn separators_marks_and_encodings() {
    for text in [
        "time_utc,price\n2023-01-01 00:00,12.5\n2023-01-01 01:00,-3\n",
        "\u{feff}time_utc;price\r\n01.01.2023 00:00;12,5\r\n01.01.2023 01:00;-3,0\r\n",
        "time_utc\tPreis (€/MWh)\n2023-01-01 00:00\t12,5\n2023-01-01 01:00\t-3\n",
        "time_utc,price\n\"2023-01-01 00:00\",\"12,5\"\n\"2023-01-01 01:00\",\"-3\"\n",
        "time_utc;ct/kWh\n2023-01-01 00:00;1,25\n2023-01-01 01:00;-0,3\n",
        "time_utc,price_eur_kwh\n2023-01-01 00:00,0.0125\n2023-01-01 01:00,-0.003\n",
        ",price\n2023-01-01T00:00:00Z,12.5\n2023-01-01T01:00:00Z,-3\n",
        "timestamp,price\n1672531200,12.5\n1672534800,-3\n",
        "time_local,price\n2023-01-01 01:00,12.5\n2023-01-01 02:00,-3\n",
        "date,price\n2023-01-01 01:00:00+01:00,12.5\n2023-01-01 02:00:00+0100,-3\n",
        "time_utc_plus1,price\n2023-01-01 01:00,12.5\n2023-01-01 02:00,-3\n",
        "time_utc,de,price_ch,fr\n2023-01-01 00:00,1,12.5,2\n2023-01-01 01:00,1,-3,2\n",
    ] {
        match parse(text, "CH") {
            Ok(parsed) => assert_eq!(shown(&parsed), WINTER, "{text}"),
            Err(error) => panic!("{text}: {error}"),
        }
    }
    let latin =
        b"time_utc;Preis Z\xfcrich [\x80/kWh]\n2023-01-01 00:00;0,0125\n2023-01-01 01:00;-0,003\n";
    assert_eq!(shown(&parse_prices(latin, "x", &options("CH")).unwrap()), WINTER);
}

#[test]
fn options_win_over_the_file() {
    let text = "a,time,b,c\n2020-01-01 00:00,2023-01-01 05:30,7,1.25\n\
                2020-01-01 01:00,2023-01-01 06:30,7,-0.3\n";
    let parsed = parse_prices(
        text.as_bytes(),
        "x.csv",
        &ImportOptions {
            time_column: Some("TIME".to_owned()),
            column: Some("c".to_owned()),
            unit: Some(PriceUnit::CentPerKwh),
            zone: Some(Tz::Asia__Kolkata),
            known_at: KnownAtRule::At("2024-01-01T00:00:00Z".parse().unwrap()),
            source: Some("a friend".to_owned()),
            ..options("CH")
        },
    )
    .unwrap();
    assert_eq!(shown(&parsed), WINTER);
    assert_eq!(parsed.source, "a friend");
    assert_eq!(parsed.points[0].known_at.to_rfc3339(), "2024-01-01T00:00:00+00:00");
    assert!(!parsed.points[0].known_at_assumed);
    let missing = ImportOptions { column: Some("d".to_owned()), ..options("CH") };
    let said = parse_prices(text.as_bytes(), "x.csv", &missing).unwrap_err().to_string();
    assert_eq!(said, "there is no column 'd'; the file has 'a', 'time', 'b', 'c'");
}

#[test]
fn a_column_of_publication_times() {
    let text = "time_utc,price,published\n2023-01-01 00:00,12.5,2022-12-31T11:57:00Z\n\
                2023-01-01 01:00,-3,\n";
    let options =
        ImportOptions { known_at: KnownAtRule::Column("published".to_owned()), ..options("CH") };
    let parsed = parse_prices(text.as_bytes(), "x.csv", &options).unwrap();
    let known: Vec<_> = parsed
        .points
        .iter()
        .map(|point| (point.known_at.format("%dT%H:%M").to_string(), point.known_at_assumed))
        .collect();
    // Without an entry: 13:00 in Zürich on the day before.
    assert_eq!(known, [("31T11:57".to_owned(), false), ("31T12:00".to_owned(), true)]);
}

#[test]
fn other_currencies_are_refused() {
    let text = "time,price_chf_mwh\n2023-01-01 00:00,1\n2023-01-01 01:00,1\n";
    let said = parse(text, "CH").unwrap_err().to_string();
    assert!(
        said.starts_with("column 'price_chf_mwh' cannot be read: 'CHF/MWH' is not a unit"),
        "{said}"
    );
    assert!(PriceUnit::parse("Rp./kWh").is_err());
    assert_eq!(PriceUnit::parse("€ / MWh"), Ok(PriceUnit::EurPerMwh));
}

#[test]
fn equal_duplicates_are_dropped_and_disorder_is_sorted() {
    let text = "time_utc,CH\n2023-01-01 01:00,-3\n2023-01-01 00:00,12.5\n2023-01-01 01:00,-3.0\n\
                2023-01-01 02:00,n/e\n2023-01-01 03:00,6000\n2023-01-01 04:00,1\n";
    let parsed = parse(text, "CH").unwrap();
    assert_eq!(shown(&parsed)[..2], WINTER);
    assert_eq!(
        dropped(&parsed.dropped),
        [("no value", 1, vec![5]), ("repeats an earlier row", 1, vec![4])]
    );
    assert_eq!(
        parsed.notes,
        [
            "the rows were not in order of time and were sorted",
            "1 hours between the first and the last have no price, the first of them after \
             2023-01-01T01:00Z",
            "1 prices lie beyond the auction's limits of -500 and 5000 EUR/MWh, the first of them \
             in line 6; they were kept",
        ]
    );
}

fn parquet_of(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn parquet_of_many_types() {
    const START_MS: i64 = 1_672_531_200_000;
    let hours = [0, 1, 1].map(|hour| START_MS + hour * 3_600_000);
    let prices: ArrayRef = Arc::new(Float64Array::from(vec![Some(12.5), None, Some(-3.0)]));
    let cents: ArrayRef = Arc::new(
        Decimal128Array::from(vec![Some(125), None, Some(-30)])
            .with_precision_and_scale(9, 2)
            .unwrap(),
    );
    let naive_local: Vec<i64> = hours.iter().map(|at| (at + 3_600_000) * 1_000_000).collect();
    let texts = vec!["2023-01-01T00:00Z", "2023-01-01T01:00Z", "2023-01-01T01:00Z"];
    for (name, times) in [
        (
            "ts",
            Arc::new(TimestampMillisecondArray::from(hours.to_vec()).with_timezone("UTC"))
                as ArrayRef,
        ),
        (
            "ts",
            Arc::new(
                TimestampMillisecondArray::from(hours.to_vec()).with_timezone("Europe/Zurich"),
            ),
        ),
        ("time_utc", Arc::new(TimestampMillisecondArray::from(hours.to_vec()))),
        ("__index_level_0__", Arc::new(TimestampNanosecondArray::from(naive_local))),
        ("ts", Arc::new(StringArray::from(texts))),
        ("ts", Arc::new(Int64Array::from(hours.to_vec()))),
    ] {
        for (price, values) in [("price", &prices), ("price_ct_kwh", &cents)] {
            let bytes = parquet_of(vec![(price, values.clone()), (name, times.clone())]);
            let parsed = parse_prices(&bytes, "x.parquet", &options("CH")).unwrap();
            assert_eq!(shown(&parsed), WINTER, "{name} {times:?}");
            assert_eq!(dropped(&parsed.dropped), [("no value", 1, vec![2])]);
        }
    }
}

#[test]
fn damaged_parquet_is_refused() {
    let times: ArrayRef = Arc::new(Int64Array::from(vec![1_672_531_200, 1_672_534_800]));
    let prices: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
    let whole = parquet_of(vec![("ts", times), ("price", prices)]);
    assert!(parse_prices(&whole, "x", &options("CH")).is_ok());
    for at in 4..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        // Flipped bits of values go unnoticed; what matters is that reading comes to an end.
        drop(parse_prices(&damaged, "x", &options("CH")));
    }
    for end in 0..whole.len() {
        assert!(parse_prices(&whole[..end], "x", &options("CH")).is_err(), "{end}");
    }
}
