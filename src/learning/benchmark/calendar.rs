//! What is known of the days of a market long before: weekdays, seasons, holidays.

use chrono::{Datelike, NaiveDate};

use crate::facts::holidays::Holiday;
use crate::facts::holidays::kind;

/// Calendar of consecutive days.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Calendar {
    /// 0 is Monday.
    pub weekdays: Vec<u8>,
    /// 1 to 366.
    pub year_days: Vec<u16>,
    /// Public holidays, bridge days, and the other days from Christmas Eve to New Year's Eve; none
    /// where holidays are not known.
    pub flags: Vec<Vec<f64>>,
}

impl Calendar {
    /// The calendar of `dates` in a country.
    pub fn of(dates: &[NaiveDate], country: Option<&str>) -> Self {
        let weekday = |date: &NaiveDate| u8::try_from(date.weekday().num_days_from_monday());
        let year_day = |date: &NaiveDate| u16::try_from(date.ordinal());
        let flags = country.map_or_else(Vec::new, |country| {
            let kinds: Vec<Holiday> = dates.iter().map(|date| kind(country, *date)).collect();
            let is = |wanted: Holiday| kinds.iter().map(|kind| flag(*kind == wanted)).collect();
            let days = dates.iter().zip(&kinds);
            let quiet = days.map(|(date, kind)| {
                flag(date.month() == 12 && date.day() >= 24 && *kind != Holiday::Public)
            });
            vec![is(Holiday::Public), is(Holiday::Bridge), quiet.collect()]
        });
        Self {
            weekdays: dates.iter().map(|date| weekday(date).unwrap_or_default()).collect(),
            year_days: dates.iter().map(|date| year_day(date).unwrap_or_default()).collect(),
            flags,
        }
    }
}

/// Country whose public holidays shape a market; nothing for markets that are not known.
pub(super) fn country(market: &str) -> Option<&'static str> {
    let upper = market.trim().to_ascii_uppercase().replace('_', "-");
    Some(match upper.strip_prefix("EPF-").unwrap_or(&upper) {
        "CH" => "CH",
        "DE" | "DE-LU" | "DE-AT-LU" => "DE",
        "AT" => "AT",
        "FR" => "FR",
        "IT" | "IT-NORTH" | "IT-NORD" => "IT",
        "BE" => "BE",
        "NP" | "NO" => "NO",
        "PJM" | "US" => "US",
        _ => return None,
    })
}

fn flag(set: bool) -> f64 {
    f64::from(u8::from(set))
}
