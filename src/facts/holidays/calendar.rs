//! The rules of public holidays, country by country, and the days that fall between two of them.
//!
//! Only holidays of a whole country count (Switzerland: those that nearly all cantons keep, with
//! Berchtold's day on 2 January). Holidays that are Sundays by definition are left out: they are
//! Sundays already.

use chrono::{Datelike, Duration, NaiveDate, Weekday};

/// What a day is apart from its weekday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holiday {
    /// An ordinary day.
    None,
    /// A Monday before a holiday on Tuesday, or a Friday after one on Thursday: many are away.
    Bridge,
    /// A public holiday.
    Public,
}

/// Whether `date` is a public holiday in `country` (ISO 3166: CH, DE, AT, FR, IT, BE, NO, US).
///
/// Countries without rules have no holidays.
pub fn is_holiday(country: &str, date: NaiveDate) -> bool {
    let (month, day) = (date.month(), date.day());
    let easter = easter(date.year());
    let from_easter = easter.map(|easter| (date - easter).num_days());
    let moves_with = |days: &[i64]| from_easter.is_some_and(|distance| days.contains(&distance));
    match country {
        "CH" => {
            moves_with(&[GOOD_FRIDAY, EASTER_MONDAY, ASCENSION, WHIT_MONDAY])
                || matches!((month, day), (1, 1 | 2) | (8, 1) | (12, 25 | 26))
        }
        "DE" => {
            moves_with(&[GOOD_FRIDAY, EASTER_MONDAY, ASCENSION, WHIT_MONDAY])
                || matches!((month, day), (1 | 5, 1) | (10, 3) | (12, 25 | 26))
                // Five hundred years of Reformation: a holiday everywhere, once.
                || (date.year(), month, day) == (2017, 10, 31)
        }
        "AT" => {
            moves_with(&[EASTER_MONDAY, ASCENSION, WHIT_MONDAY, CORPUS_CHRISTI])
                || matches!(
                    (month, day),
                    (1, 1 | 6) | (5 | 11, 1) | (8, 15) | (10, 26) | (12, 8 | 25 | 26)
                )
        }
        "FR" => {
            moves_with(&[EASTER_MONDAY, ASCENSION, WHIT_MONDAY])
                || matches!(
                    (month, day),
                    (1, 1) | (5, 1 | 8) | (7, 14) | (8, 15) | (11, 1 | 11) | (12, 25)
                )
        }
        "IT" => {
            moves_with(&[EASTER_MONDAY])
                || matches!(
                    (month, day),
                    (1, 1 | 6) | (4, 25) | (5 | 11, 1) | (6, 2) | (8, 15) | (12, 8 | 25 | 26)
                )
                // Saint Francis, a holiday again by law 151/2025.
                || (date.year() >= 2026 && (month, day) == (10, 4))
        }
        "BE" => {
            moves_with(&[EASTER_MONDAY, ASCENSION, WHIT_MONDAY])
                || matches!((month, day), (1 | 5, 1) | (7, 21) | (8, 15) | (11, 1 | 11) | (12, 25))
        }
        "NO" => {
            moves_with(&[MAUNDY_THURSDAY, GOOD_FRIDAY, EASTER_MONDAY, ASCENSION, WHIT_MONDAY])
                || matches!((month, day), (1, 1) | (5, 1 | 17) | (12, 25 | 26))
        }
        "US" => is_federal_holiday(date),
        _ => false,
    }
}

/// Whether `date` is a holiday in `country`, or a bridge to a weekend.
pub fn kind(country: &str, date: NaiveDate) -> Holiday {
    if is_holiday(country, date) {
        return Holiday::Public;
    }
    let neighbour = match date.weekday() {
        Weekday::Mon => date.succ_opt(),
        Weekday::Fri => date.pred_opt(),
        _ => None,
    };
    if neighbour.is_some_and(|day| is_holiday(country, day)) {
        Holiday::Bridge
    } else {
        Holiday::None
    }
}

/// Distances from Easter Sunday, in days.
const MAUNDY_THURSDAY: i64 = -3;
const GOOD_FRIDAY: i64 = -2;
const EASTER_MONDAY: i64 = 1;
const ASCENSION: i64 = 39;
const WHIT_MONDAY: i64 = 50;
const CORPUS_CHRISTI: i64 = 60;

/// Easter Sunday of a Gregorian year, by the method of Meeus (Astronomical Algorithms, chapter 8).
pub fn easter(year: i32) -> Option<NaiveDate> {
    let golden = year.rem_euclid(19);
    let (century, of_century) = (year.div_euclid(100), year.rem_euclid(100));
    let correction = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - correction + 15).rem_euclid(30);
    let weekday =
        (32 + 2 * (century % 4) + 2 * (of_century / 4) - epact - of_century % 4).rem_euclid(7);
    let late = (golden + 11 * epact + 22 * weekday) / 451;
    let days = epact + weekday - 7 * late + 114;
    NaiveDate::from_ymd_opt(
        year,
        u32::try_from(days / 31).ok()?,
        u32::try_from(days % 31 + 1).ok()?,
    )
}

/// Federal holidays of the United States; those with a date move off the weekend.
fn is_federal_holiday(date: NaiveDate) -> bool {
    let nth_of_month = (date.day() - 1) / 7 + 1;
    let is_last_of_month = (date + Duration::days(7)).month() != date.month();
    let by_weekday = match (date.month(), date.weekday()) {
        (1 | 2, Weekday::Mon) => nth_of_month == 3,
        (5, Weekday::Mon) => is_last_of_month,
        (9, Weekday::Mon) => nth_of_month == 1,
        (10, Weekday::Mon) => nth_of_month == 2,
        (11, Weekday::Thu) => nth_of_month == 4,
        _ => false,
    };
    // Kept on the day itself, on the Friday before a Saturday, on the Monday after a Sunday.
    let kept_for = match date.weekday() {
        Weekday::Fri => vec![date, date + Duration::days(1)],
        Weekday::Mon => vec![date, date - Duration::days(1)],
        _ => vec![date],
    };
    by_weekday || kept_for.into_iter().any(has_federal_date)
}

fn has_federal_date(date: NaiveDate) -> bool {
    matches!((date.month(), date.day()), (1, 1) | (7, 4) | (11, 11) | (12, 25))
        || (date.year() >= 2021 && (date.month(), date.day()) == (6, 19))
}
