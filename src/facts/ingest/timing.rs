//! Which days are wanted when: often around publication, seldom when nothing is missing.

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveTime, Timelike, Utc, Weekday};
use chrono_tz::Tz;

use super::subject::{Statistic, Subject};
use crate::base::timeline::{add_days, at_local, local_date};

/// Hours and minutes on the clocks of the subject.
type Wall = (u32, u32);

/// When the last value of a day is measured and published, on the day after.
const MEASURED_BY: (i64, Wall) = (1, (6, 0));

/// The day whose values are expected next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// Tomorrow's, from the publication on.
    Tomorrow,
    /// Today's, from the publication on, but not at weekends.
    TodayOnWeekdays,
    /// None in particular: whatever there is.
    None,
}

/// How a subject is published and how often it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rhythm {
    expected: Expected,
    /// From the first to the second the source is asked at every tick while something is missing.
    publication: (Wall, Wall),
    /// Pause while something is missing at other times.
    seldom: Duration,
    /// Pause while nothing is missing.
    when_complete: Duration,
    /// Days behind today that are read again each time: sources restate.
    again_days: i64,
    /// Days ahead of today that are asked for although nobody expects them.
    ahead_days: i64,
    /// When a day that nobody expects should be there, as days after it and wall-clock time.
    measured_by: (i64, Wall),
}

impl Rhythm {
    /// When all of a local day's values should be there, as days after it and wall-clock time.
    pub const fn due(&self) -> (i64, Wall) {
        match self.expected {
            Expected::Tomorrow => (-1, self.publication.1),
            Expected::TodayOnWeekdays => (0, self.publication.1),
            // Measured: some hours after the day's end, or when it is reported.
            Expected::None => self.measured_by,
        }
    }

    /// Whether nothing is published at weekends.
    pub const fn rests_at_weekends(&self) -> bool {
        matches!(self.expected, Expected::TodayOnWeekdays)
    }

    /// Tomorrow's prices, which an auction makes at noon. Pauses are a little shorter than whole
    /// hours: the clock that asks ticks every ten minutes.
    const DAY_AHEAD: Self = Self {
        expected: Expected::Tomorrow,
        publication: ((12, 45), (15, 0)),
        seldom: Duration::minutes(55),
        when_complete: Duration::minutes(355),
        again_days: 2,
        ahead_days: 0,
        measured_by: MEASURED_BY,
    };

    /// The rhythm of a retail tariff that is published at a time of the day before.
    pub fn of_tariff(publishes_at: NaiveTime) -> Self {
        // «By six» has been ten to six; where it is late, nobody waits for it all night.
        let from = publishes_at - Duration::minutes(15);
        let to = publishes_at + Duration::hours(3);
        // Times of the day go in circles.
        let to = if to < from { NaiveTime::MIN - Duration::minutes(1) } else { to };
        Self {
            publication: ((from.hour(), from.minute()), (to.hour(), to.minute())),
            ..Self::DAY_AHEAD
        }
    }

    /// The rhythm of a subject.
    pub const fn of(subject: &Subject) -> Self {
        let day_ahead = Self::DAY_AHEAD;
        let measured = Self {
            expected: Expected::None,
            when_complete: Duration::minutes(115),
            again_days: 3,
            ..day_ahead
        };
        // Files of a whole history, which change once a day: two looks a day are enough.
        let reported = Self { when_complete: Duration::minutes(715), again_days: 21, ..measured };
        match subject {
            Subject::Prices(_) | Subject::Tariff(_) => day_ahead,
            Subject::LoadForecast(_) => Self { publication: ((9, 30), (11, 0)), ..day_ahead },
            Subject::WindSolarForecast(_) => Self { publication: ((17, 30), (19, 0)), ..day_ahead },
            Subject::Load(_) | Subject::Generation(_) => measured,
            Subject::Weather(_) => Self {
                when_complete: Duration::minutes(175),
                again_days: 0,
                ahead_days: 7,
                ..measured
            },
            Subject::Statistic(Statistic::BasePrice, _) => {
                Self { measured_by: (2, (12, 0)), ..reported }
            }
            Subject::Statistic(Statistic::Reservoirs, _) => {
                Self { measured_by: (7, (12, 0)), again_days: 35, ..reported }
            }
            // A file of a year, which grows by a month at a time, and restates the month before.
            Subject::Statistic(Statistic::Overview, _) => Self {
                measured_by: (62, (12, 0)),
                again_days: 62,
                when_complete: Duration::minutes(3 * 24 * 60 - 5),
                ..reported
            },
            // Of a week, on the third working day after it.
            Subject::Reservoirs(_) => {
                Self { measured_by: (10, (12, 0)), again_days: 35, ..reported }
            }
            // Large files that are made anew every hour: four of them a day are enough.
            Subject::LocalForecast(_) => Self {
                when_complete: Duration::minutes(355),
                again_days: 0,
                ahead_days: 8,
                ..measured
            },
            Subject::Statistic(..) | Subject::Municipality(_) => {
                Self { measured_by: (7, (12, 0)), ..reported }
            }
            Subject::Station(_) => {
                Self { when_complete: Duration::minutes(55), again_days: 0, ..measured }
            }
            // Renewed at about noon in UTC, with what was corrected during five days.
            Subject::StationDays(_) => {
                Self { measured_by: (1, (18, 0)), again_days: 6, ..reported }
            }
            Subject::Rates => Self {
                expected: Expected::TodayOnWeekdays,
                publication: ((16, 0), (17, 30)),
                again_days: 4,
                ..day_ahead
            },
        }
    }
}

/// Local days that a source is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// First day.
    pub first: NaiveDate,
    /// Last day, inclusive.
    pub last: NaiveDate,
    /// Whether answers of a back-fill that was cut off today are taken from the archive.
    pub resume: bool,
}

impl Days {
    /// The days `first..=last`, all asked for.
    pub const fn new(first: NaiveDate, last: NaiveDate) -> Self {
        Self { first, last, resume: false }
    }

    /// How many there are.
    pub fn count(&self) -> i64 {
        (self.last - self.first).num_days() + 1
    }

    /// Windows of at most `days_max` days, the first one last.
    pub(super) fn windows(&self, days_max: i64) -> Vec<(NaiveDate, NaiveDate)> {
        let (mut windows, mut from) = (Vec::new(), self.first);
        while from <= self.last {
            let to = add_days(from, days_max.max(1) - 1).min(self.last);
            windows.push((from, to));
            from = add_days(to, 1);
        }
        windows.reverse();
        windows
    }
}

/// What is known about a subject when it is decided whether to ask.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// The present instant.
    pub now: DateTime<Utc>,
    /// Zone of the subject.
    pub zone: Tz,
    /// How it is published.
    pub rhythm: Rhythm,
    /// When a source was asked last.
    pub asked_at: Option<DateTime<Utc>>,
    /// Local day of the newest value.
    pub newest: Option<NaiveDate>,
    /// Whether everything is there that is published by now.
    pub is_complete: bool,
}

impl Known {
    fn today(&self) -> NaiveDate {
        local_date(self.now, self.zone)
    }

    fn local(&self, (hour, minute): Wall) -> DateTime<Utc> {
        let time = NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or(NaiveTime::MIN);
        at_local(self.today(), time, self.zone)
    }

    /// Whether the next day's values should be there by now.
    pub fn expects_next(&self) -> bool {
        let is_due = self.now >= self.local(self.rhythm.publication.0);
        match self.rhythm.expected {
            Expected::Tomorrow => is_due,
            Expected::TodayOnWeekdays => {
                is_due && !matches!(self.today().weekday(), Weekday::Sat | Weekday::Sun)
            }
            Expected::None => false,
        }
    }

    /// The day whose values are expected next.
    pub fn expected(&self) -> NaiveDate {
        match self.rhythm.expected {
            Expected::Tomorrow => add_days(self.today(), 1),
            Expected::TodayOnWeekdays | Expected::None => self.today(),
        }
    }

    /// Whether a source should be asked now.
    pub fn is_due(&self) -> bool {
        let Some(asked_at) = self.asked_at else { return true };
        // A clock that was set back must not silence the sources until it has caught up.
        let since = (self.now - asked_at).abs();
        let is_near = self.expects_next() && self.now < self.local(self.rhythm.publication.1);
        match (self.is_complete, is_near) {
            (true, _) => since >= self.rhythm.when_complete,
            (false, true) => true,
            (false, false) => since >= self.rhythm.seldom,
        }
    }

    /// First and last day to ask for: from the newest known day on, on a fresh box the history.
    pub fn days(&self, history_days: u16) -> Days {
        let today = self.today();
        let history = add_days(today, -i64::from(history_days));
        let again = add_days(today, -self.rhythm.again_days);
        let first = self.newest.unwrap_or(history).clamp(history.min(again), again);
        let last = if self.expects_next() { self.expected() } else { today };
        Days::new(first, last.max(add_days(today, self.rhythm.ahead_days)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(now: &str, asked_at: Option<&str>, has: bool) -> Known {
        let now: DateTime<Utc> = now.parse().unwrap();
        let zone = Tz::Europe__Zurich;
        Known {
            now,
            zone,
            asked_at: asked_at.map(|at| at.parse().unwrap()),
            newest: Some(local_date(now, zone)),
            rhythm: Rhythm::of(&Subject::Prices(crate::testing::ch())),
            is_complete: has,
        }
    }

    #[test]
    fn sources_are_asked_often_only_around_publication_and_only_until_tomorrow_is_there() {
        // 11:45 UTC is 12:45 in Zürich in winter.
        for (now, asked_at, has, due) in [
            ("2026-01-10T09:00:00Z", None, true, true),
            ("2026-01-10T11:35:00Z", Some("2026-01-10T11:25:00Z"), true, false),
            ("2026-01-10T11:45:00Z", Some("2026-01-10T11:35:00Z"), false, true),
            ("2026-01-10T11:55:00Z", Some("2026-01-10T11:45:00Z"), false, true),
            ("2026-01-10T12:05:00Z", Some("2026-01-10T11:55:00Z"), true, false),
            ("2026-01-10T14:05:00Z", Some("2026-01-10T13:55:00Z"), false, false),
            ("2026-01-10T14:55:00Z", Some("2026-01-10T13:55:00Z"), false, true),
            ("2026-01-10T18:05:00Z", Some("2026-01-10T12:05:00Z"), true, true),
            // In the morning tomorrow is not expected, but today is.
            ("2026-01-10T08:05:00Z", Some("2026-01-10T07:55:00Z"), false, false),
            ("2026-01-10T08:55:00Z", Some("2026-01-10T07:55:00Z"), false, true),
            // In summer publication is an hour earlier in UTC.
            ("2026-07-10T10:45:00Z", Some("2026-07-10T10:35:00Z"), false, true),
        ] {
            assert_eq!(known(now, asked_at, has).is_due(), due, "{now} {asked_at:?} {has:?}");
        }
    }

    #[test]
    fn a_fresh_box_asks_for_history_and_one_that_was_away_for_what_it_missed() {
        let at = |now, newest: Option<&str>| {
            let days = Known { newest: newest.map(day), ..known(now, None, false) }.days(400);
            (days.first, days.last)
        };
        let (morning, noon) = ("2026-03-28T08:00:00Z", "2026-03-28T12:00:00Z");
        assert_eq!(at(morning, None), (day("2025-02-21"), day("2026-03-28")));
        assert_eq!(at(noon, None), (day("2025-02-21"), day("2026-03-29")));
        assert_eq!(at(noon, Some("2026-03-28")), (day("2026-03-26"), day("2026-03-29")));
        assert_eq!(at(noon, Some("2026-03-10")), (day("2026-03-10"), day("2026-03-29")));
        assert_eq!(at(noon, Some("2020-01-01")), (day("2025-02-21"), day("2026-03-29")));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_silence_the_sources() {
        let asked_at = Some("2026-01-10T20:00:00Z");
        assert!(known("2026-01-10T10:00:00Z", asked_at, true).is_due());
    }

    #[test]
    fn rates_are_expected_in_the_afternoon_of_working_days_and_weather_a_week_ahead() {
        let rates = |now| Known { rhythm: Rhythm::of(&Subject::Rates), ..known(now, None, true) };
        // A Friday, before and after 16:00 local time, and the Saturday after it.
        for (now, expects) in [
            ("2026-01-09T14:55:00Z", false),
            ("2026-01-09T15:00:00Z", true),
            ("2026-01-10T15:00:00Z", false),
        ] {
            assert_eq!(rates(now).expects_next(), expects, "{now}");
        }
        let weather = Rhythm::of(&Subject::Weather(crate::testing::ch()));
        let days = Known { rhythm: weather, ..known("2026-01-09T14:55:00Z", None, true) }.days(400);
        assert_eq!((days.first, days.last), (day("2026-01-09"), day("2026-01-16")));
    }

    #[test]
    fn a_long_range_is_asked_for_in_windows_first_days_first() {
        let days = Days::new(day("2026-01-01"), day("2026-01-07"));
        let windows: Vec<_> = days.windows(3).into_iter().rev().collect();
        let expected = [("2026-01-01", "2026-01-03"), ("2026-01-04", "2026-01-06")];
        let expected = expected.into_iter().chain([("2026-01-07", "2026-01-07")]);
        assert_eq!(windows, expected.map(|(a, b)| (day(a), day(b))).collect::<Vec<_>>());
        assert_eq!(days.count(), 7);
    }

    #[test]
    fn a_tariff_is_asked_for_often_from_shortly_before_its_publication_on() {
        let tariff = |now, asked_at, publishes_at: &str| Known {
            rhythm: Rhythm::of_tariff(publishes_at.parse().unwrap()),
            ..known(now, Some(asked_at), false)
        };
        for (now, asked_at, publishes_at, due) in [
            ("2026-01-10T16:35:00Z", "2026-01-10T16:25:00Z", "18:00:00", false),
            ("2026-01-10T16:45:00Z", "2026-01-10T16:35:00Z", "18:00:00", true),
            ("2026-01-10T19:55:00Z", "2026-01-10T19:45:00Z", "18:00:00", true),
            ("2026-01-10T20:05:00Z", "2026-01-10T19:55:00Z", "18:00:00", false),
            ("2026-01-10T20:55:00Z", "2026-01-10T19:55:00Z", "18:00:00", true),
            ("2026-01-10T10:45:00Z", "2026-01-10T10:35:00Z", "12:00:00", true),
            ("2026-01-10T22:45:00Z", "2026-01-10T22:35:00Z", "23:00:00", true),
        ] {
            assert_eq!(tariff(now, asked_at, publishes_at).is_due(), due, "{now} {publishes_at}");
        }
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }
}
