//! Which days are wanted when: often around publication, seldom when nothing is missing.

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;

use crate::base::timeline::{add_days, at_local, local_date};

/// When sources publish tomorrow's prices, on the clocks of the market: from here on they are asked
/// often,
const FROM: (u32, u32) = (12, 45);
/// until here.
const TO: (u32, u32) = (15, 0);
/// A little less than an hour and than six: the clock that asks ticks every ten minutes.
const SELDOM: Duration = Duration::minutes(55);
const WHEN_COMPLETE: Duration = Duration::minutes(355);
/// Days behind today that are read again each time: sources restate.
const AGAIN_DAYS: i64 = 2;

/// What is known about a market when it is decided whether to ask.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// The present instant.
    pub now: DateTime<Utc>,
    /// Zone of the market.
    pub zone: Tz,
    /// When a source was asked last.
    pub asked_at: Option<DateTime<Utc>>,
    /// Local day of the newest price.
    pub newest: Option<NaiveDate>,
    /// Whether all of today's prices are there.
    pub has_today: bool,
    /// Whether all of tomorrow's are.
    pub has_tomorrow: bool,
}

impl Known {
    fn local(&self, (hour, minute): (u32, u32)) -> DateTime<Utc> {
        let time = NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or(NaiveTime::MIN);
        at_local(local_date(self.now, self.zone), time, self.zone)
    }

    fn expects_tomorrow(&self) -> bool {
        self.now >= self.local(FROM)
    }

    /// Whether a source should be asked now.
    pub fn is_due(&self) -> bool {
        let Some(asked_at) = self.asked_at else { return true };
        let since = self.now - asked_at;
        let is_complete = self.has_today && (self.has_tomorrow || !self.expects_tomorrow());
        let is_near = self.expects_tomorrow() && self.now < self.local(TO);
        match (is_complete, is_near) {
            (true, _) => since >= WHEN_COMPLETE,
            (false, true) => true,
            (false, false) => since >= SELDOM,
        }
    }

    /// First and last day to ask for: from the newest known day on, on a fresh box the history.
    pub fn days(&self, history_days: u16) -> (NaiveDate, NaiveDate) {
        let today = local_date(self.now, self.zone);
        let history = add_days(today, -i64::from(history_days));
        let again = add_days(today, -AGAIN_DAYS);
        let first = self.newest.unwrap_or(history).clamp(history.min(again), again);
        (first, if self.expects_tomorrow() { add_days(today, 1) } else { today })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(now: &str, asked_at: Option<&str>, has: (bool, bool)) -> Known {
        let now: DateTime<Utc> = now.parse().unwrap();
        let zone = Tz::Europe__Zurich;
        Known {
            now,
            zone,
            asked_at: asked_at.map(|at| at.parse().unwrap()),
            newest: Some(local_date(now, zone)),
            has_today: has.0,
            has_tomorrow: has.1,
        }
    }

    #[test]
    fn sources_are_asked_often_only_around_publication_and_only_until_tomorrow_is_there() {
        // 11:45 UTC is 12:45 in Zürich in winter.
        for (now, asked_at, has, due) in [
            ("2026-01-10T09:00:00Z", None, (true, false), true),
            ("2026-01-10T11:35:00Z", Some("2026-01-10T11:25:00Z"), (true, false), false),
            ("2026-01-10T11:45:00Z", Some("2026-01-10T11:35:00Z"), (true, false), true),
            ("2026-01-10T11:55:00Z", Some("2026-01-10T11:45:00Z"), (true, false), true),
            ("2026-01-10T12:05:00Z", Some("2026-01-10T11:55:00Z"), (true, true), false),
            ("2026-01-10T14:05:00Z", Some("2026-01-10T13:55:00Z"), (true, false), false),
            ("2026-01-10T14:55:00Z", Some("2026-01-10T13:55:00Z"), (true, false), true),
            ("2026-01-10T18:05:00Z", Some("2026-01-10T12:05:00Z"), (true, true), true),
            // In the morning tomorrow is not expected, but today is.
            ("2026-01-10T08:05:00Z", Some("2026-01-10T07:55:00Z"), (false, false), false),
            ("2026-01-10T08:55:00Z", Some("2026-01-10T07:55:00Z"), (false, false), true),
            // In summer publication is an hour earlier in UTC.
            ("2026-07-10T10:45:00Z", Some("2026-07-10T10:35:00Z"), (true, false), true),
        ] {
            assert_eq!(known(now, asked_at, has).is_due(), due, "{now} {asked_at:?} {has:?}");
        }
    }

    #[test]
    fn a_fresh_box_asks_for_history_and_one_that_was_away_for_what_it_missed() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let at = |now, newest: Option<&str>| {
            Known { newest: newest.map(day), ..known(now, None, (false, false)) }.days(400)
        };
        let (morning, noon) = ("2026-03-28T08:00:00Z", "2026-03-28T12:00:00Z");
        assert_eq!(at(morning, None), (day("2025-02-21"), day("2026-03-28")));
        assert_eq!(at(noon, None), (day("2025-02-21"), day("2026-03-29")));
        assert_eq!(at(noon, Some("2026-03-28")), (day("2026-03-26"), day("2026-03-29")));
        assert_eq!(at(noon, Some("2026-03-10")), (day("2026-03-10"), day("2026-03-29")));
        assert_eq!(at(noon, Some("2020-01-01")), (day("2025-02-21"), day("2026-03-29")));
    }
}
