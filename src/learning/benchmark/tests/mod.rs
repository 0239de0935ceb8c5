//! Files, calendars, reports of the benchmark, and the published forecasts' own scores.

mod anchors; // what others have published
mod files; // files of every kind
mod whole; // a small benchmark from file to table

use std::fmt::Write;

use chrono::{Days, NaiveDate};

/// Text of an hourly file of `days` days from 2016-01-01 with `series` exogenous columns.
fn text(days: u64, series: usize) -> String {
    let mut text = "Date,Price".to_owned();
    for index in 1..=series {
        write!(text, ", Exogenous {index}").unwrap();
    }
    text.push('\n');
    let first = NaiveDate::from_ymd_opt(2016, 1, 1).unwrap();
    for day in 0..days {
        let date = first.checked_add_days(Days::new(day)).unwrap();
        for hour in 0..24_u64 {
            let price = 30 + (hour * 7 + day * 3) % 40;
            write!(text, "{date} {hour:02}:00:00,{price}").unwrap();
            for index in 0..series as u64 {
                write!(text, ",{}", 500 + (hour * (5 + index) + day * 11) % 90).unwrap();
            }
            text.push('\n');
        }
    }
    text
}
