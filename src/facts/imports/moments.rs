//! Texts and numbers that name an instant, or a time on a wall clock somewhere.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// A time as a file states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// With an offset, or on an axis without clock changes.
    Instant(DateTime<Utc>),
    /// On a clock whose zone the text does not say.
    Wall(NaiveDateTime),
}

/// The moment a text names: ISO 8601 with or without offset (`T` or a space; `-`, `/` or none
/// between the parts), `DD.MM.YYYY HH:MM`, seconds or milliseconds since 1970.
///
/// Of a range (`… - …`) the start counts. `01/02/2023` is refused: it is January to some and
/// February to others.
pub(super) fn parse_moment(text: &str) -> Option<Moment> {
    let text = text.trim();
    let text = text.split_once(" - ").map_or(text, |(start, _)| start.trim_end());
    if !text.is_ascii() || text.len() > 40 {
        return None;
    }
    if text.len() >= 10 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return digits_only(text);
    }
    let (date, rest) = leading_date(text)?;
    if rest.is_empty() {
        return Some(Moment::Wall(date.and_time(NaiveTime::MIN)));
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?.trim_start();
    let (time, offset) = leading_time(rest)?;
    let wall = date.and_time(time);
    match offset.trim() {
        "" => Some(Moment::Wall(wall)),
        "Z" | "z" | "UTC" | "GMT" => Some(Moment::Instant(wall.and_utc())),
        offset => {
            let shift = offset_minutes(offset)?;
            wall.and_utc().checked_sub_signed(Duration::minutes(shift)).map(Moment::Instant)
        }
    }
}

/// The moment a number since 1970 names; its size tells seconds from milli-, micro- and nanoseconds.
pub(super) fn moment_of_number(number: f64) -> Option<Moment> {
    let seconds = match number {
        n if (1e9..1e11).contains(&n) => n,
        n if (1e12..1e14).contains(&n) => n / 1e3,
        n if (1e15..1e17).contains(&n) => n / 1e6,
        n if (1e18..9.3e18).contains(&n) => n / 1e9,
        _ => return None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "the ranges above keep it below 1e14")]
    DateTime::from_timestamp_millis((seconds * 1e3).round() as i64).map(Moment::Instant)
}

fn digits_only(text: &str) -> Option<Moment> {
    match text.len() {
        12 | 14 => {
            let date = ymd(&text[..4], &text[4..6], &text[6..8])?;
            let second = if text.len() == 14 { number(&text[12..14])? } else { 0 };
            let time =
                NaiveTime::from_hms_opt(number(&text[8..10])?, number(&text[10..12])?, second)?;
            Some(Moment::Wall(date.and_time(time)))
        }
        10 | 13 | 16 | 19 => moment_of_number(text.parse().ok()?),
        _ => None,
    }
}

fn leading_date(text: &str) -> Option<(NaiveDate, &str)> {
    let separator_at = |at: usize| text.as_bytes().get(at).copied();
    match (separator_at(4), separator_at(7)) {
        (Some(b'-'), Some(b'-')) | (Some(b'/'), Some(b'/')) => {
            return Some((ymd(&text[..4], &text[5..7], text.get(8..10)?)?, &text[10..]));
        }
        _ => {}
    }
    if separator_at(2) == Some(b'.') && separator_at(5) == Some(b'.') {
        return Some((ymd(text.get(6..10)?, &text[3..5], &text[..2])?, &text[10..]));
    }
    if separator_at(8) == Some(b'T') {
        return Some((ymd(&text[..4], &text[4..6], &text[6..8])?, &text[8..]));
    }
    None
}

fn leading_time(text: &str) -> Option<(NaiveTime, &str)> {
    let hour = number(text.get(..2)?)?;
    let rest = &text[2..];
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    let minute = number(rest.get(..2)?)?;
    let rest = &rest[2..];
    let Some(after) = rest.strip_prefix(':') else {
        return Some((NaiveTime::from_hms_opt(hour, minute, 0)?, rest));
    };
    let second = number(after.get(..2)?)?;
    let mut rest = &after[2..];
    let mut nanos = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        let nine: String = fraction[..digits].chars().chain("000000000".chars()).take(9).collect();
        nanos = number(&nine)?;
        rest = &fraction[digits..];
    }
    Some((NaiveTime::from_hms_nano_opt(hour, minute, second, nanos)?, rest))
}

/// Minutes east of Greenwich of `+01:00`, `+0100` or `+01`.
fn offset_minutes(text: &str) -> Option<i64> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let hours = i64::from(number(digits.get(..2)?)?);
    let rest = &digits[2..];
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    let minutes = if rest.is_empty() { 0 } else { i64::from(number(rest)?) };
    (hours <= 15 && minutes < 60 && rest.len() <= 2).then_some(sign * (hours * 60 + minutes))
}

fn ymd(year: &str, month: &str, day: &str) -> Option<NaiveDate> {
    let year = i32::try_from(number(year)?).ok().filter(|year| (1900..=2200).contains(year))?;
    NaiveDate::from_ymd_opt(year, number(month)?, number(day)?)
}

fn number(digits: &str) -> Option<u32> {
    // `parse` alone would take a sign.
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall(text: &str) -> Moment {
        Moment::Wall(text.parse().unwrap())
    }

    fn instant(text: &str) -> Moment {
        Moment::Instant(text.parse().unwrap())
    }

    #[test]
    fn wall_clock_times() {
        for text in [
            "2023-03-26 02:00:00",
            "2023-03-26T02:00",
            "2023/03/26 02:00",
            "26.03.2023 02:00",
            "26.03.2023 02:00:00",
            "202303260200",
            "20230326T0200",
            "26.03.2023 02:00 - 26.03.2023 03:00",
        ] {
            assert_eq!(parse_moment(text), Some(wall("2023-03-26T02:00:00")), "{text}");
        }
        assert_eq!(parse_moment("2023-03-26"), Some(wall("2023-03-26T00:00:00")));
    }

    #[test]
    fn instants() {
        for text in [
            "2026-02-21T23:15:00Z",
            "2026-02-22T00:15:00+01:00",
            "2026-02-22 00:15:00+0100",
            "2026-02-21 23:15 UTC",
            "2026-02-21T18:15:00.000-05",
            "1771715700",
            "1771715700000",
        ] {
            assert_eq!(parse_moment(text), Some(instant("2026-02-21T23:15:00Z")), "{text}");
        }
        assert_eq!(
            moment_of_number(1_771_715_700_000_000_000.0),
            Some(instant("2026-02-21T23:15:00Z"))
        );
    }

    #[test]
    fn what_names_no_moment() {
        for text in [
            "",
            "x",
            "2023-13-01",
            "2023-02-30 00:00",
            "01/02/2023 00:00",
            "2023-01-01 25:00",
            "12.5",
            "2023-01-01 1:00",
            "2023-01-01T00:00+99:99",
            "2023-01-01 0é:00",
            "+023-01-01",
            "123",
            "9999999999999999999",
            "20230101",
        ] {
            assert_eq!(parse_moment(text), None, "{text}");
        }
    }
}
