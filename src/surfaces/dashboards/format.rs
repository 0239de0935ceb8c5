//! Numbers, instants and ages as people read them: Swiss digit groups, a true minus, no-break
//! spaces before units, local wall-clock time with the doubled hour named.

use chrono::{DateTime, Datelike, Duration, NaiveDate, Offset, Timelike, Utc};
use chrono_tz::Tz;

use crate::base::timeline::{WallTime, add_days, instants_of, local_date};
use crate::surfaces::dashboards::catalogue::{Language, Messages};

/// Space that keeps a number and its unit on one line.
pub const NBSP: char = '\u{a0}';
/// The sign of negative numbers; a hyphen is shorter and lower than a plus.
pub const MINUS: char = '\u{2212}';

/// `value` with `decimals` digits, groups of three parted by `'`, e.g. `1'234.50` or `−13.95`.
pub fn number(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let digits = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let mut out = String::with_capacity(digits.len() + 8);
    if value < 0.0 && digits.bytes().any(|digit| (b'1'..=b'9').contains(&digit)) {
        out.push(MINUS);
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push('\'');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// A number that is a guess: `~6.91`, and with a narrow space before a minus, or both signs melt
/// into one: `~ −1.09`.
pub fn about(number: &str) -> String {
    let space = if number.starts_with(MINUS) { "\u{202f}" } else { "" };
    format!("~{space}{number}")
}

/// A difference in whole per cent with its sign, e.g. `−8 %`, `+12 %`, `0 %`.
pub fn signed_percent(value: f64) -> String {
    let digits = number(value, 0);
    let sign = if value > 0.0 && digits != "0" { "+" } else { "" };
    format!("{sign}{digits}{NBSP}%")
}

/// A price in the unit of its page, with two decimals, without the unit.
pub fn amount(price: f64) -> String {
    number(price, 2)
}

/// Writes instants, dates and prices in one language and one time zone.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    messages: &'static Messages,
    zone: Tz,
    /// Ends in other years than this name theirs.
    year: Option<i32>,
    /// What prices are in.
    unit: &'static str,
}

impl Format {
    /// The format of a language in a zone.
    pub fn new(language: Language, zone: Tz) -> Self {
        Self { messages: language.messages(), zone, year: None, unit: "" }
    }

    /// The format of a page whose prices are in `unit`, e.g. `ct/kWh`.
    #[must_use]
    pub fn in_unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    /// Zone of the wall clocks.
    pub const fn zone(&self) -> Tz {
        self.zone
    }

    /// What prices are in.
    pub const fn unit(&self) -> &'static str {
        self.unit
    }

    /// The format of a page read at `now`: ends in other years name their year.
    #[must_use]
    pub fn read_at(self, now: DateTime<Utc>) -> Self {
        Self { year: Some(self.date_of(now).year()), ..self }
    }

    /// Text of the catalogue.
    pub fn text(&self, key: &'static str) -> &'static str {
        self.messages.get(key)
    }

    /// Text of the catalogue under a name that comes from elsewhere, if there is one.
    pub fn find(&self, key: &str) -> Option<&'static str> {
        self.messages.find(key)
    }

    /// Text of the catalogue with placeholders filled.
    pub fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        self.messages.fill(key, values)
    }

    /// Local calendar day of an instant.
    pub fn date_of(&self, at: DateTime<Utc>) -> NaiveDate {
        local_date(at, self.zone)
    }

    /// Price in the unit of the page, with that unit, e.g. `10.51 ct/kWh`.
    pub fn price(&self, price: f64) -> String {
        format!("{}{NBSP}{}", amount(price), self.unit)
    }

    /// Short weekday, e.g. `Fr`.
    pub fn weekday(&self, date: NaiveDate) -> &'static str {
        self.messages.item("weekdays_short", date.weekday().num_days_from_monday() as usize)
    }

    /// Day and month, e.g. `27.10.`.
    pub fn date_short(&self, date: NaiveDate) -> String {
        self.date("date_short", date)
    }

    /// Day, month and year, e.g. `27.10.2023`.
    pub fn date_whole(&self, date: NaiveDate) -> String {
        self.date("date_year", date)
    }

    /// Day alone, e.g. `27.`, for narrow axes.
    pub fn date_tiny(&self, date: NaiveDate) -> String {
        self.date("date_tiny", date)
    }

    /// The whole date, e.g. `Freitag, 27. Oktober 2023`.
    pub fn date_long(&self, date: NaiveDate) -> String {
        self.date("date_long", date)
    }

    fn date(&self, key: &str, date: NaiveDate) -> String {
        let month = date.month0() as usize;
        let weekday = date.weekday().num_days_from_monday() as usize;
        self.messages.fill(
            key,
            &[
                ("weekday", self.messages.item("weekdays", weekday)),
                ("day", &date.day().to_string()),
                ("month", self.messages.item("months", month)),
                ("month_short", self.messages.item("months_short", month)),
                ("month_no", &date.month().to_string()),
                ("year", &date.year().to_string()),
            ],
        )
    }

    /// Wall-clock time; the second pass of a doubled hour is named: `02:00 (2.)`.
    pub fn time(&self, at: DateTime<Utc>) -> String {
        let local = at.with_timezone(&self.zone);
        let plain = format!("{:02}:{:02}", local.hour(), local.minute());
        if self.is_second_pass(at) {
            return self.fill("second_hour", &[("time", &plain)]);
        }
        plain
    }

    /// Wall-clock time of an end: midnight closes its day as `24:00`.
    pub fn end_time(&self, at: DateTime<Utc>) -> String {
        let text = self.time(at);
        if text == "00:00" { "24:00".to_owned() } else { text }
    }

    /// Local day that an end belongs to: midnight closes the day before.
    pub fn end_date(&self, at: DateTime<Utc>) -> NaiveDate {
        let date = self.date_of(at);
        if self.time(at) == "00:00" { add_days(date, -1) } else { date }
    }

    /// Whether the clock shows this time for the second time that day.
    pub fn is_second_pass(&self, at: DateTime<Utc>) -> bool {
        let wall = at.with_timezone(&self.zone).naive_local();
        matches!(instants_of(wall, self.zone), WallTime::Twice(_, second) if second == at)
    }

    /// Weekday, date and span, e.g. `Fr 27.10. 14:00–15:00`.
    pub fn span(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> String {
        format!("{} {}", self.day(self.date_of(from)), self.hours(from, to))
    }

    /// Span of hours, with the weekday of the end where it is another day: `22:00–Sa 06:00`.
    pub fn hours(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> String {
        let last = self.end_date(to);
        if last == self.date_of(from) {
            format!("{}–{}", self.time(from), self.end_time(to))
        } else {
            format!("{}–{} {}", self.time(from), self.weekday(last), self.end_time(to))
        }
    }

    /// Weekday and date, e.g. `Fr 27.10.`.
    pub fn day(&self, date: NaiveDate) -> String {
        format!("{} {}", self.weekday(date), self.date_short(date))
    }

    /// An end with its day, e.g. `Sa 28.10. 24:00`, in another year `Sa 28.10.2023 24:00`.
    pub fn end(&self, at: DateTime<Utc>) -> String {
        format!("{} {}", self.day_of_any_year(self.end_date(at)), self.end_time(at))
    }

    /// An instant with its day, e.g. `Sa 28.10. 13:05`, in another year `Sa 28.10.2023 13:05`.
    pub fn moment(&self, at: DateTime<Utc>) -> String {
        format!("{} {}", self.day_of_any_year(self.date_of(at)), self.time(at))
    }

    /// An instant to the second, e.g. `Sa 28.10. 13:05:09`.
    pub fn second(&self, at: DateTime<Utc>) -> String {
        let seconds = at.with_timezone(&self.zone).second();
        format!("{}:{seconds:02}", self.moment(at))
    }

    /// Weekday and date, in another year with that year.
    pub fn day_of_any_year(&self, date: NaiveDate) -> String {
        match self.year {
            Some(year) if year != date.year() => {
                format!("{} {}", self.weekday(date), self.date("date_year", date))
            }
            _ => self.day(date),
        }
    }

    /// Offset from UTC, e.g. `UTC+2` or `UTC−4:30`.
    pub fn offset(&self, at: DateTime<Utc>) -> String {
        let seconds = at.with_timezone(&self.zone).offset().fix().local_minus_utc();
        let sign = if seconds < 0 { MINUS } else { '+' };
        let (hours, minutes) = (seconds.abs() / 3_600, seconds.abs() / 60 % 60);
        if minutes == 0 {
            format!("UTC{sign}{hours}")
        } else {
            format!("UTC{sign}{hours}:{minutes:02}")
        }
    }

    /// Age of something, coarser the older it is: `38 min`, `1 h 17 min`, `9 h`, `3 Tage`.
    pub fn age(&self, age: Duration) -> String {
        let minutes = age.num_minutes().max(0);
        let (key, n, m) = match minutes {
            0..60 => ("age_minutes", minutes, 0),
            60..360 if minutes % 60 != 0 => ("age_hours_minutes", minutes / 60, minutes % 60),
            60..2_880 => ("age_hours", minutes / 60, 0),
            2_880..1_051_200 => ("age_days", minutes / 1_440, 0),
            _ => ("age_years", minutes / 525_600, 0),
        };
        self.fill(key, &[("n", &n.to_string()), ("m", &m.to_string())])
            .replace(' ', &NBSP.to_string())
    }
}

/// How long something took: `0.4 s`, `52 s`, `14 min 06 s`, `3 h 05 min`.
pub fn duration(took: Duration) -> String {
    let milliseconds = took.num_milliseconds().max(0);
    let seconds = milliseconds / 1_000;
    match seconds {
        0..10 => format!("{}{NBSP}s", number(milliseconds as f64 / 1_000.0, 1)),
        10..60 => format!("{seconds}{NBSP}s"),
        60..3_600 => format!("{}{NBSP}min {:02}{NBSP}s", seconds / 60, seconds % 60),
        _ => format!("{}{NBSP}h {:02}{NBSP}min", seconds / 3_600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn german() -> Format {
        Format::new(Language::De, Tz::Europe__Zurich)
    }

    #[test]
    fn a_guess_keeps_its_minus_apart() {
        assert_eq!(about("6.91"), "~6.91");
        assert_eq!(about("−1.09"), "~\u{202f}−1.09");
    }

    #[test]
    fn numbers_are_swiss() {
        for (value, decimals, text) in [
            (1_234.5, 2, "1'234.50"),
            (-13.95, 2, "−13.95"),
            (1_234_567.0, 0, "1'234'567"),
            (-0.001, 2, "0.00"),
            (0.0, 1, "0.0"),
            (999.999, 2, "1'000.00"),
            (f64::NAN, 2, "–"),
            (f64::INFINITY, 0, "–"),
        ] {
            assert_eq!(number(value, decimals), text);
        }
        assert_eq!(signed_percent(-8.2), "−8\u{a0}%");
        assert_eq!(signed_percent(12.0), "+12\u{a0}%");
        assert_eq!(signed_percent(0.3), "0\u{a0}%");
        assert_eq!(amount(10.506), "10.51");
        assert_eq!(german().in_unit("ct/kWh").price(-0.5), "−0.50\u{a0}ct/kWh");
    }

    #[test]
    fn dates_follow_the_language() {
        let date = at("2023-10-27T12:00:00Z").date_naive();
        assert_eq!(german().date_long(date), "Freitag, 27. Oktober 2023");
        assert_eq!(german().day(date), "Fr 27.10.");
        let english = Format::new(Language::En, Tz::Europe__Zurich);
        assert_eq!(english.date_long(date), "Friday, 27 October 2023");
        assert_eq!(english.day(date), "Fri 27 Oct");
    }

    #[test]
    fn the_doubled_hour_is_named_and_the_offset_changes() {
        let (first, second) = (at("2023-10-29T00:00:00Z"), at("2023-10-29T01:00:00Z"));
        assert_eq!(german().time(first), "02:00");
        assert_eq!(german().time(second), "02:00 (2.)");
        assert_eq!(
            (german().offset(first), german().offset(second)),
            ("UTC+2".into(), "UTC+1".into())
        );
        let newfoundland = Format::new(Language::De, Tz::America__St_Johns);
        assert_eq!(newfoundland.offset(at("2023-01-01T00:00:00Z")), "UTC−3:30");
    }

    #[test]
    fn midnight_closes_its_day() {
        let (from, to) = (at("2023-10-27T20:00:00Z"), at("2023-10-27T22:00:00Z"));
        assert_eq!(german().span(from, to), "Fr 27.10. 22:00–24:00");
        assert_eq!(german().end(to), "Fr 27.10. 24:00");
        assert_eq!(german().read_at(to).end(to), "Fr 27.10. 24:00");
        let years_later = german().read_at(at("2026-01-01T00:00:00Z"));
        assert_eq!(years_later.end(to), "Fr 27.10.2023 24:00");
        assert_eq!(german().hours(from, at("2023-10-28T04:00:00Z")), "22:00–Sa 06:00");
    }

    #[test]
    fn ages_get_coarser() {
        for (minutes, text) in [
            (-5, "0 min"),
            (38, "38 min"),
            (77, "1 h 17 min"),
            (60, "1 h"),
            (545, "9 h"),
            (2_879, "47 h"),
            (4_400, "3 Tage"),
            (1_051_199, "729 Tage"),
            (1_051_200, "2 Jahre"),
        ] {
            let bound = text.replace(' ', "\u{a0}");
            assert_eq!(german().age(Duration::minutes(minutes)), bound);
        }
    }
}
