//! Holidays against published calendars.

use super::*;

fn day(text: &str) -> chrono::NaiveDate {
    text.parse().unwrap()
}

#[test]
fn easter_sundays_of_sixteen_years() {
    for date in [
        "2015-04-05",
        "2016-03-27",
        "2017-04-16",
        "2018-04-01",
        "2019-04-21",
        "2020-04-12",
        "2021-04-04",
        "2022-04-17",
        "2023-04-09",
        "2024-03-31",
        "2025-04-20",
        "2026-04-05",
        "2027-03-28",
        "2028-04-16",
        "2029-04-01",
        "2030-04-21",
        "1981-04-19",
        "2000-04-23",
    ] {
        let expected = day(date);
        assert_eq!(easter(chrono::Datelike::year(&expected)), Some(expected));
    }
}

/// Public holidays of a year that are no Sundays by definition, from official calendars.
#[test]
fn whole_years_of_holidays() {
    for (country, year, dates) in [
        ("CH", 2023, "01-01 01-02 04-07 04-10 05-18 05-29 08-01 12-25 12-26"),
        ("DE", 2017, "01-01 04-14 04-17 05-01 05-25 06-05 10-03 10-31 12-25 12-26"),
        ("DE", 2024, "01-01 03-29 04-01 05-01 05-09 05-20 10-03 12-25 12-26"),
        (
            "AT",
            2022,
            "01-01 01-06 04-18 05-01 05-26 06-06 06-16 08-15 10-26 11-01 12-08 12-25 12-26",
        ),
        ("FR", 2025, "01-01 04-21 05-01 05-08 05-29 06-09 07-14 08-15 11-01 11-11 12-25"),
        ("IT", 2024, "01-01 01-06 04-01 04-25 05-01 06-02 08-15 11-01 12-08 12-25 12-26"),
        ("BE", 2016, "01-01 03-28 05-01 05-05 05-16 07-21 08-15 11-01 11-11 12-25"),
        ("NO", 2018, "01-01 03-29 03-30 04-02 05-01 05-10 05-17 05-21 12-25 12-26"),
        (
            "US",
            2022,
            "01-01 01-17 02-21 05-30 06-19 06-20 07-04 09-05 10-10 11-11 11-24 12-25 12-26",
        ),
        ("XX", 2022, ""),
    ] {
        let first = chrono::NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
        let found: Vec<String> = first
            .iter_days()
            .take_while(|date| chrono::Datelike::year(date) == year)
            .filter(|date| is_holiday(country, *date))
            .map(|date| date.format("%m-%d").to_string())
            .collect();
        assert_eq!(found.join(" "), dates, "{country} {year}");
    }
    // New Year's Day 2022 was a Saturday, so the Friday before was free as well.
    assert!(is_holiday("US", day("2021-12-31")));
    assert!(is_holiday("IT", day("2026-10-04")) && !is_holiday("IT", day("2025-10-04")));
}

#[test]
fn bridges_join_a_holiday_to_a_weekend() {
    for (date, expected) in [
        ("2023-05-18", Holiday::Public), // Ascension, a Thursday
        ("2023-05-19", Holiday::Bridge),
        ("2023-05-22", Holiday::None),
        ("2023-07-31", Holiday::Bridge), // Monday before 1 August
        ("2023-08-01", Holiday::Public),
        ("2023-08-02", Holiday::None),
        ("2023-04-06", Holiday::None), // Thursday before Good Friday
    ] {
        assert_eq!(kind("CH", day(date)), expected, "{date}");
    }
}
