//! What may stand in a file, and what is said when it does not.

use std::io::Write;

use super::text;
use crate::learning::benchmark::calendar::{Calendar, country};
use crate::learning::benchmark::market_file::HourlyFile;

fn parse(text: &str) -> Result<HourlyFile, String> {
    HourlyFile::parse("m.csv".to_owned(), text.as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn days_columns_and_blanks() {
    let file = parse(&text(3, 2)).unwrap();
    assert_eq!((file.dates.len(), file.left_out), (3, 0));
    assert_eq!(file.names, ["Price", "Exogenous 1", "Exogenous 2"], "blanks are no part of a name");
    let (prices, exogenous) = file.prices_and_exogenous().unwrap();
    assert_eq!((prices.len(), exogenous.len()), (3, 2));
    // Day 1, hour 2: 30 + (14 + 3) mod 40, and 500 + (12 + 11) mod 90.
    assert!((prices[1][2] - 47.0).abs() < 1e-12 && (exogenous[1][1][2] - 523.0).abs() < 1e-12);
    assert!(parse(&text(2, 0)).unwrap().prices_and_exogenous().unwrap().1.is_empty());
}

#[test]
fn incomplete_days_at_the_ends_are_left_out() {
    let whole = text(4, 1);
    let mut lines: Vec<&str> = whole.lines().collect();
    drop(lines.drain(1..3));
    lines.pop();
    let file = parse(&lines.join("\n")).unwrap();
    assert_eq!((file.dates.len(), file.left_out), (2, 22 + 23));
    assert_eq!(file.dates[0].to_string(), "2016-01-02");
    assert!(file.columns.iter().all(|column| column.len() == 2));
}

#[test]
fn gzipped_and_plain_files_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, packed) = (folder.path().join("m.csv"), folder.path().join("m.csv.gz"));
    std::fs::write(&plain, text(2, 1)).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text(2, 1).as_bytes()).unwrap();
    std::fs::write(&packed, encoder.finish().unwrap()).unwrap();
    let read = |path: &std::path::Path| HourlyFile::read(path).unwrap();
    assert_eq!(read(&plain).columns, read(&packed).columns);
    let missing = HourlyFile::read(&folder.path().join("none.csv")).unwrap_err();
    assert!(missing.to_string().starts_with("cannot read "), "{missing}");
}

#[test]
fn each_mistake_has_its_sentence() {
    let good = text(3, 1);
    let line = |number: usize| good.lines().nth(number - 1).unwrap();
    let without = |number: usize| good.replace(&format!("{}\n", line(number)), "");
    let twice = good.replace(line(30), &format!("{0}\n{0}", line(30)));
    for (broken, said) in [
        (
            good.replace("Date,", "When,"),
            "no column `Date`; its header is `When,Price,Exogenous 1`",
        ),
        (without(30), "line 30: 2016-01-02 05:00:00 comes after 2016-01-02 03:00:00"),
        (twice, "line 31: 2016-01-02 04:00:00 comes after 2016-01-02 04:00:00"),
        (good.replace(line(9), "2016-01-01 07:00:00,NaN,1"), "line 9: `NaN` in column `Price`"),
        (good.replace(line(9), "2016-01-01 07:00:00,1,"), "line 9: `` in column `Exogenous 1`"),
        (good.replace(line(9), "yesterday,1,1"), "line 9: `yesterday` in column `Date`"),
        (good.replace(line(9), "2016-01-01 07:15:00,1,1"), "the start of an hour such as"),
        (good.replace(line(9), "2016-01-01 07:00:00,1"), "is not a CSV file"),
        (good.lines().take(20).collect::<Vec<_>>().join("\n"), "no complete day"),
        (String::new(), "no complete day"),
    ] {
        let message = parse(&broken).unwrap_err();
        assert!(message.contains(said), "{message} should say: {said}");
        assert!(!message.contains('\n'), "one sentence: {message}");
    }
    let file = parse(&good.replace("Price", "Cost")).unwrap();
    let message = file.prices_and_exogenous().unwrap_err().to_string();
    assert!(
        message.contains("no column `Price`; its header is `Date,Cost,Exogenous 1`"),
        "{message}"
    );
    let file = parse(&good.replace("Date,Price", ",Real price")).unwrap();
    let message = file.prices_and_exogenous().unwrap_err().to_string();
    assert!(message.contains("--published"), "{message}");
}

#[test]
fn known_markets_have_holidays_and_others_none() {
    for (market, expected) in [
        ("DE", Some("DE")),
        ("epf-be", Some("BE")),
        ("NP", Some("NO")),
        ("PJM", Some("US")),
        ("DE_LU", Some("DE")),
        ("XX", None),
    ] {
        assert_eq!(country(market), expected, "{market}");
    }
    let dates: Vec<chrono::NaiveDate> =
        ["2017-05-25", "2017-05-26", "2017-12-24", "2017-12-25", "2017-12-29", "2016-12-31"]
            .map(|date| date.parse().unwrap())
            .to_vec();
    let calendar = Calendar::of(&dates, Some("DE"));
    assert_eq!(calendar.weekdays, [3, 4, 6, 0, 4, 5]);
    assert_eq!(calendar.year_days, [145, 146, 358, 359, 363, 366]);
    // Ascension, the Friday after it, Christmas Eve, Christmas, the days between the years.
    let flags = [
        [1.0, 0.0, 0.0, 1.0, 0.0, 0.0],
        [0.0, 1.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 0.0, 1.0, 1.0],
    ];
    assert_eq!(calendar.flags, flags);
    assert!(Calendar::of(&dates, None).flags.is_empty());
}
