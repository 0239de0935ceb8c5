//! True and levelled local days, hourly and by quarter hour.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::base::timeline::days_range;

fn file(rows: &[(&str, &str)]) -> String {
    rows.iter().fold("time_local,price\n".to_owned(), |mut text, (time, price)| {
        writeln!(text, "{time},{price}").unwrap();
        text
    })
}

#[test]
fn a_levelled_spring_day_loses_the_hour_that_does_not_exist() {
    let parsed = parse(
        &file(&[
            ("2023-03-26 00:00", "1"),
            ("2023-03-26 01:00", "2"),
            ("2023-03-26 02:00", "2"),
            ("2023-03-26 03:00", "4"),
        ]),
        "CH",
    )
    .unwrap();
    assert_eq!(shown(&parsed), ["03-25T23:00 1", "03-26T00:00 2", "03-26T01:00 4"]);
    assert_eq!(
        dropped(&parsed.dropped),
        [("hour does not exist (clock change in spring)", 1, vec![4])]
    );
}

#[test]
fn a_levelled_autumn_hour_stands_for_both() {
    let rows = [("2023-10-29 01:00", "1"), ("2023-10-29 02:00", "2"), ("2023-10-29 03:00", "3")];
    let parsed = parse(&file(&rows), "CH").unwrap();
    let expected = ["10-28T23:00 1", "10-29T00:00 2~", "10-29T01:00 2~", "10-29T02:00 3"];
    assert_eq!(shown(&parsed), expected);
    assert_eq!(parsed.dropped, []);
}

#[test]
fn a_true_autumn_day_reads_summer_time_first() {
    let mut rows = [
        ("2023-10-29 01:00", "1"),
        ("2023-10-29 02:00", "2"),
        ("2023-10-29 02:00", "5"),
        ("2023-10-29 03:00", "3"),
    ];
    let expected = ["10-28T23:00 1", "10-29T00:00 2", "10-29T01:00 5", "10-29T02:00 3"];
    assert_eq!(shown(&parse(&file(&rows), "CH").unwrap()), expected);
    // The same file written from new to old.
    rows.reverse();
    assert_eq!(shown(&parse(&file(&rows), "CH").unwrap()), expected);
    // Two hours of one price are two hours, not a duplicate.
    for row in &mut rows {
        row.1 = "7";
    }
    assert_eq!(parse(&file(&rows), "CH").unwrap().points.len(), 4);
    // One of the two without a value: the other keeps its own hour.
    rows[1].1 = "";
    let parsed = parse(&file(&rows), "CH").unwrap();
    assert_eq!(shown(&parsed), ["10-28T23:00 7", "10-29T00:00 7", "10-29T02:00 7"]);
}

#[test]
fn a_time_that_stands_three_times_is_refused() {
    let rows = [("2023-10-29 02:00", "1"); 3];
    let refusal = parse(&file(&rows), "CH").unwrap_err().to_string();
    assert!(refusal.contains("line 2, column 'time_local'"), "{refusal}");
    assert!(refusal.contains("stands 3 times"), "{refusal}");
}

#[test]
fn quarter_hours_of_a_true_day_are_doubled_block_by_block() {
    let times = ["02:00", "02:15", "02:30", "02:45", "02:00", "02:15", "02:30", "02:45", "03:00"];
    let text = times.iter().enumerate().fold("date,price\n".to_owned(), |mut text, (at, time)| {
        writeln!(text, "2026-10-25 {time},{at}").unwrap();
        text
    });
    let parsed = parse(&text, "CH").unwrap();
    assert_eq!(parsed.product.name(), "day_ahead_15min");
    let prices: Vec<f64> = parsed.points.iter().map(|point| point.price_eur_mwh).collect();
    assert_eq!(prices, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    assert!(parsed.points.iter().all(|point| !point.estimated));
}

/// A local history written both ways: what a true file holds is the truth, the levelled one is made
/// of it as the publishers do.
fn histories(first: &str, days: i64, step_s: i32) -> (String, String) {
    let zone = chrono_tz::Tz::Europe__Zurich;
    let first: chrono::NaiveDate = first.parse().unwrap();
    let last = first + chrono::Duration::days(days - 1);
    let mut truth = "date,price\n".to_owned();
    let mut levelled: BTreeMap<chrono::NaiveDateTime, f64> = BTreeMap::new();
    for (at, ts) in days_range(first, last, zone).slots(step_s).enumerate() {
        let wall = ts.with_timezone(&zone).naive_local();
        let price = f64::from(u32::try_from(at).unwrap());
        writeln!(truth, "{wall},{price}").unwrap();
        levelled.insert(wall, price);
    }
    let slots = i64::from(86_400 / step_s) * days;
    let midnight = first.and_time(chrono::NaiveTime::MIN);
    let mut text = "date,price\n".to_owned();
    for slot in 0..slots {
        let wall = midnight + chrono::Duration::seconds(i64::from(step_s) * slot);
        writeln!(text, "{wall},{}", levelled.get(&wall).unwrap_or(&-1.0)).unwrap();
    }
    (truth, text)
}

#[test]
fn both_customs_fill_every_interval_of_a_year() {
    for (first, days) in [("2023-01-01", 365), ("2026-03-29", 1), ("2026-10-25", 1)] {
        for step_s in [3_600, 900] {
            let (truth, levelled) = histories(first, days, step_s);
            let truth = parse(&truth, "CH").unwrap();
            let levelled = parse(&levelled, "CH").unwrap();
            let first: chrono::NaiveDate = first.parse().unwrap();
            let last = first + chrono::Duration::days(days - 1);
            let slots: Vec<_> =
                days_range(first, last, chrono_tz::Tz::Europe__Zurich).slots(step_s).collect();
            for parsed in [&truth, &levelled] {
                let instants: Vec<_> = parsed.points.iter().map(|point| point.ts).collect();
                assert_eq!(instants, slots, "{first} {step_s}");
            }
            for (known, guessed) in truth.points.iter().zip(&levelled.points) {
                let same = (known.price_eur_mwh - guessed.price_eur_mwh).abs() < 1e-9;
                assert!(same || guessed.estimated, "{}", known.ts);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Every row of a file is counted once: dropped, or behind one point, or behind two.
    #[test]
    fn no_row_is_lost(
        start in 0_i64..(3 * 8_760),
        rows in proptest::collection::vec((0_i64..400, 0_u8..6), 2..300),
    ) {
        let base: chrono::NaiveDateTime = "2022-01-01T00:00:00".parse().unwrap();
        let text = rows.iter().fold("date,price\n".to_owned(), |mut text, (hour, price)| {
            let wall = base + chrono::Duration::hours(start + hour);
            let price = if *price == 0 { String::new() } else { price.to_string() };
            writeln!(text, "{wall},{price}").unwrap();
            text
        });
        let mut options = options("CH");
        options.skip_bad_rows = true;
        options.product = Some(crate::base::ids::Product::DayAhead);
        if let Ok(parsed) = parse_prices(text.as_bytes(), "x.csv", &options) {
            let dropped: u64 = parsed.dropped.iter().map(|entry| entry.rows).sum();
            let paired = parsed.points.iter().filter(|point| point.estimated).count();
            let used = u64::try_from(parsed.points.len() - paired / 2).unwrap();
            prop_assert_eq!(parsed.rows_read, dropped + used);
            prop_assert!(parsed.points.windows(2).all(|pair| pair[0].ts < pair[1].ts));
        }
    }
}
