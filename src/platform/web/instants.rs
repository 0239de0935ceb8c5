//! Instants in requests: only such as calendars can calculate with and the database can store.

use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::de::{Deserialize, Deserializer, Error};

use super::problem::Problem;
use crate::base::timeline::{TimeRange, add_days, day_range, days_range, local_date};

/// Years that a request may name; far outside, calendars overflow and PostgreSQL refuses.
const YEARS: RangeInclusive<i32> = 1900..=2200;

/// For `#[serde(deserialize_with)]` of an instant.
pub fn instant<'de, D: Deserializer<'de>>(input: D) -> Result<DateTime<Utc>, D::Error> {
    checked(DateTime::deserialize(input)?)
}

/// For `#[serde(default, deserialize_with)]` of an instant that may be absent.
pub fn optional_instant<'de, D: Deserializer<'de>>(
    input: D,
) -> Result<Option<DateTime<Utc>>, D::Error> {
    Option::deserialize(input)?.map(checked).transpose()
}

fn checked<E: Error>(at: DateTime<Utc>) -> Result<DateTime<Utc>, E> {
    if YEARS.contains(&at.year()) {
        return Ok(at);
    }
    let (first, last) = (YEARS.start(), YEARS.end());
    Err(E::custom(format_args!("the year {} is not between {first} and {last}", at.year())))
}

/// A local day or an instant, as ranges of prices are asked for.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(try_from = "String")]
pub enum Moment {
    /// A day on the calendar of the market or tariff.
    Day(NaiveDate),
    /// An instant.
    Instant(DateTime<Utc>),
}

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // Years of four digits: what is outside has no prices and overflows calendars.
        let sane = |year: i32| (1990..=2100).contains(&year);
        if let Ok(day) = text.parse::<NaiveDate>()
            && sane(day.year())
        {
            return Ok(Self::Day(day));
        }
        match DateTime::parse_from_rfc3339(&text) {
            Ok(at) if sane(at.year()) => Ok(Self::Instant(at.to_utc())),
            _ => Err(format!(
                "'{text}' is neither a day like 2026-03-29 nor an instant like 2026-03-29T12:00:00Z between 1990 and 2100"
            )),
        }
    }
}

impl Moment {
    /// The range from one moment to another, last day included; unless said, from yesterday at `now`
    /// to the end of the second day after the first.
    pub fn range(
        from: Option<Self>,
        to: Option<Self>,
        zone: Tz,
        now: DateTime<Utc>,
    ) -> Result<TimeRange, Problem> {
        let from = match from {
            Some(Self::Day(day)) => day_range(day, zone).from,
            Some(Self::Instant(at)) => at,
            None => day_range(add_days(local_date(now, zone), -1), zone).from,
        };
        let to = match to {
            Some(Self::Day(day)) => day_range(day, zone).to,
            Some(Self::Instant(at)) => at,
            None => {
                let first = local_date(from, zone);
                days_range(first, add_days(first, 2), zone).to
            }
        };
        if to <= from {
            return Err(Problem::invalid("to", format!("{to} is not after {from}")));
        }
        Ok(TimeRange::new(from, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Query {
        #[serde(deserialize_with = "instant")]
        from: DateTime<Utc>,
        #[serde(default, deserialize_with = "optional_instant")]
        as_of: Option<DateTime<Utc>>,
    }

    #[test]
    fn instants_that_no_calendar_holds_are_refused() {
        let read = |text| serde_urlencoded::from_str::<Query>(text);
        let query = read("from=2026-03-29T00:00:00Z&as_of=2200-12-31T23:59:59Z").unwrap();
        assert_eq!((query.from.year(), query.as_of.map(|at| at.year())), (2026, Some(2200)));
        assert_eq!(read("from=2026-03-29T00:00:00Z").unwrap().as_of, None);
        for broken in [
            "from=9999-12-31T23:59:59Z",
            "from=-262143-01-01T00:00:00Z",
            "from=2026-03-29T00:00:00Z&as_of=0001-01-01T00:00:00Z",
            "from=2026-03-29T00:00:00Z&as_of=%2B262142-12-31T23:59:59Z",
            "from=2026-03-29T00:00:00Z&as_of=",
            "as_of=2026-03-29T00:00:00Z",
        ] {
            assert!(read(broken).is_err(), "{broken}");
        }
        let error = read("from=9999-12-31T23:59:59Z").err().unwrap().to_string();
        assert_eq!(error, "the year 9999 is not between 1900 and 2200");
    }
}
