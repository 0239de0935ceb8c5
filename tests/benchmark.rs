//! The open benchmark's command as a person types it: what it says about files that are not right.

use std::fmt::Write;

use crate::program::Home;

/// The first `days` days of January 2016.
fn file(days: u32) -> String {
    let mut text = "Date,Price\n".to_owned();
    for day in 0..days {
        for hour in 0..24 {
            writeln!(text, "2016-01-{:02} {hour:02}:00:00,{}", day + 1, 30 + hour).unwrap();
        }
    }
    text
}

#[test]
fn a_benchmark_that_cannot_be_says_why_in_one_sentence() {
    let home = Home::new();
    home.write("short.csv", &file(20));
    home.write("gap.csv", &file(20).replace("2016-01-07 05:00:00,35\n", ""));
    home.write("columns.csv", &file(20).replace("Price", "Cost"));
    for (arguments, said) in [
        (vec!["--data", "none.csv"], "error: cannot read none.csv: "),
        (vec!["--data", "columns.csv"], "error: columns.csv has no column `Price`"),
        (vec!["--data", "gap.csv"], "error: gap.csv, line 151: 2016-01-07 06:00:00 comes after"),
        (vec!["--data", "short.csv"], "are too few to learn from; 364 are needed"),
        (
            vec!["--data", "short.csv", "--test-start", "2017-01-01"],
            "error: the test cannot begin on 2017-01-01: the file has 2016-01-01 to 2016-01-20",
        ),
    ] {
        let ran = home.run(&[vec!["evaluate", "epf", "--market", "XX"], arguments].concat());
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains(said), "{said}: {ran:?}");
        assert!(ran.stdout.is_empty(), "{ran:?}");
        assert!(!home.data("postgres").exists(), "no database is needed, none is made");
    }
    // The other form of the command is as it was.
    let ran = home.run(&["evaluate", "--market", "CH"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("--from"), "{ran:?}");
}
