//! Which prices of an answer may be stored, and since when they were known.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;

use super::model::{Component, PRICE_CHF_KWH_MAX, Quote, SLOT_S};
use crate::base::timeline::{TimeRange, add_days, at_local, day_range, local_date};

/// How far a publication may be from its usual time and still be the one of the price.
const USUAL: Duration = Duration::days(1);
/// How far the publisher's clock may be ahead of ours.
const AHEAD: Duration = Duration::minutes(5);

/// What a publisher said about a tariff.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// Whole local days that were asked for.
    pub range: TimeRange,
    /// Every price, in any order.
    pub quotes: Vec<Quote>,
    /// When the publisher says that it published, once for the whole answer.
    pub published_at: Option<DateTime<Utc>>,
    /// When the answer came.
    pub came_at: DateTime<Utc>,
    /// Monthly fee without VAT, in CHF, where it says one.
    pub base_chf_month: Option<f64>,
}

/// The quotes that may be stored at `now`, oldest first, and what is odd about the rest.
///
/// A day whose delivery is not over comes whole or not at all, component by component, so that a
/// half-published tomorrow is never planned with. A past day with gaps stays as it is. A day that is
/// not over and on which a price that people pay is zero throughout is not published yet.
pub(super) fn whole_days(
    published: &Published,
    zone: Tz,
    now: DateTime<Utc>,
) -> (Vec<Quote>, Vec<String>) {
    let mut findings = Vec::new();
    let mut days: BTreeMap<(NaiveDate, Component), BTreeMap<DateTime<Utc>, f64>> = BTreeMap::new();
    let (mut outside, mut absurd, mut duplicates) = (0_usize, 0_usize, 0_usize);
    for Quote { ts, component, price_chf_kwh } in &published.quotes {
        if !published.range.contains(*ts) {
            outside += 1;
        } else if !(-PRICE_CHF_KWH_MAX..=PRICE_CHF_KWH_MAX).contains(price_chf_kwh) {
            absurd += 1;
        } else {
            let day = days.entry((local_date(*ts, zone), *component)).or_default();
            duplicates += usize::from(day.insert(*ts, *price_chf_kwh).is_some());
        }
    }
    let counts = [
        (outside, "prices outside of the days asked for"),
        (absurd, "prices beyond 10 CHF/kWh"),
        (duplicates, "prices that came more than once"),
    ];
    findings.extend(counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
    let mut quotes = Vec::new();
    for ((day, component), prices) in days {
        let range = day_range(day, zone);
        let (found, expected) = (prices.len(), range.slots(SLOT_S).count());
        let name = component.name();
        if range.to > now && is_paid(component) && prices.values().all(|price| *price == 0.0) {
            findings.push(format!("{day} ({name}) is zero all day and is left out"));
            continue;
        }
        if found < expected && range.to > now {
            findings
                .push(format!("{day} ({name}) has {found} of {expected} prices and is left out"));
            continue;
        }
        if found < expected {
            findings.push(format!("{day} ({name}) has {found} of {expected} prices"));
        }
        quotes.extend(prices.into_iter().map(|(ts, price_chf_kwh)| Quote {
            ts,
            component,
            price_chf_kwh,
        }));
    }
    quotes.sort_by_key(|quote| (quote.ts, quote.component));
    (quotes, findings)
}

/// Whether a whole day of zeros is not to be believed.
const fn is_paid(component: Component) -> bool {
    matches!(component, Component::Electricity | Component::Grid | Component::Integrated)
}

/// When the price of `ts` became known, and whether that is a rule's answer.
///
/// The publisher's own time, where it can be this price's: an answer about many days carries that of
/// the newest. Else the time at which the answer came, where that is near the usual publication or
/// before it. Else the usual time.
pub(super) fn known_at(
    published: &Published,
    ts: DateTime<Utc>,
    (zone, publishes_at): (Tz, NaiveTime),
) -> (DateTime<Utc>, bool) {
    let usual = at_local(add_days(local_date(ts, zone), -1), publishes_at, zone);
    let came_at = published.came_at;
    let fits = |at: &DateTime<Utc>| *at <= came_at + AHEAD && *at <= usual + USUAL;
    if let Some(at) = published.published_at.filter(fits) {
        return (at.min(came_at), false);
    }
    if came_at <= usual + USUAL { (came_at, false) } else { (usual, true) }
}

/// Whether it is certain that the price of `ts` was published before its day began.
pub(super) fn is_in_time(published: &Published, ts: DateTime<Utc>, zone: Tz) -> bool {
    let midnight = day_range(local_date(ts, zone), zone).from;
    published.came_at < midnight || published.published_at.is_some_and(|at| at < midnight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::timeline::days_range;

    const ZONE: Tz = Tz::Europe__Zurich;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn published(first: &str, last: &str, published_at: Option<&str>, came_at: &str) -> Published {
        let range = days_range(first.parse().unwrap(), last.parse().unwrap(), ZONE);
        let quote = |ts| Quote { ts, component: Component::Integrated, price_chf_kwh: 0.2 };
        Published {
            range,
            quotes: range.slots(SLOT_S).map(quote).collect(),
            published_at: published_at.map(at),
            came_at: at(came_at),
            base_chf_month: None,
        }
    }

    #[test]
    fn days_that_are_not_over_come_whole_or_not_at_all() {
        let now = at("2026-11-20T12:00:00Z");
        for (first, expected) in [("2026-03-29", 92), ("2026-10-25", 100), ("2026-11-21", 96)] {
            let all = published(first, first, None, "2026-11-20T12:00:00Z");
            assert_eq!(whole_days(&all, ZONE, now).0.len(), expected, "{first}");
            let mut short = all.clone();
            short.quotes.remove(8);
            let (quotes, findings) = whole_days(&short, ZONE, now);
            let is_over = first != "2026-11-21";
            assert_eq!(quotes.len(), if is_over { expected - 1 } else { 0 }, "{first}");
            let said = format!("has {} of {expected} prices", expected - 1);
            assert!(findings[0].contains(&said), "{findings:?}");
        }
    }

    #[test]
    fn zeros_strangers_and_absurd_prices_are_left_out_and_said() {
        let now = at("2026-11-20T12:00:00Z");
        let mut zeros = published("2026-11-21", "2026-11-21", None, "2026-11-20T12:00:00Z");
        zeros.quotes.iter_mut().for_each(|quote| quote.price_chf_kwh = 0.0);
        assert_eq!(whole_days(&zeros, ZONE, now).0, []);
        zeros.quotes.iter_mut().for_each(|quote| quote.component = Component::FeedIn);
        assert_eq!(whole_days(&zeros, ZONE, now).0.len(), 96, "nothing may be paid for feeding in");

        let mut odd = published("2026-11-19", "2026-11-19", None, "2026-11-20T12:00:00Z");
        odd.quotes[0].price_chf_kwh = 10.5;
        odd.quotes[1].price_chf_kwh = f64::NAN;
        odd.quotes[2].ts = odd.range.to;
        odd.quotes.push(odd.quotes[5]);
        let (quotes, findings) = whole_days(&odd, ZONE, now);
        assert_eq!(quotes.len(), 93);
        let expected = [
            "1 prices outside of the days asked for",
            "2 prices beyond 10 CHF/kWh",
            "1 prices that came more than once",
            "2026-11-19 (integrated) has 93 of 96 prices",
        ];
        assert_eq!(findings, expected);
    }

    #[test]
    fn the_time_of_publication_counts_where_it_can_be_that_of_the_price() {
        let six = NaiveTime::from_hms_opt(18, 0, 0).unwrap();
        let evening = Some("2026-11-19T16:50:00Z");
        for (published_at, came_at, ts, expected) in [
            // Tomorrow's price in the evening, and the same a day later.
            (
                evening,
                "2026-11-19T17:05:00Z",
                "2026-11-20T11:00:00Z",
                ("2026-11-19T16:50:00Z", false),
            ),
            (
                evening,
                "2026-11-20T09:00:00Z",
                "2026-11-20T11:00:00Z",
                ("2026-11-19T16:50:00Z", false),
            ),
            // The publication of an answer about a month is not that of its first day.
            (
                evening,
                "2026-11-19T17:05:00Z",
                "2026-10-20T11:00:00Z",
                ("2026-10-19T16:00:00Z", true),
            ),
            (None, "2026-11-19T17:05:00Z", "2026-11-20T11:00:00Z", ("2026-11-19T17:05:00Z", false)),
            (None, "2026-11-25T17:05:00Z", "2026-11-20T11:00:00Z", ("2026-11-19T17:00:00Z", true)),
            // A tariff that is published for a year was known when it came.
            (None, "2026-11-19T17:05:00Z", "2026-12-24T11:00:00Z", ("2026-11-19T17:05:00Z", false)),
            // A clock that runs ahead does not make a price known in the future.
            (
                Some("2026-11-19T17:08:00Z"),
                "2026-11-19T17:05:00Z",
                "2026-11-20T11:00:00Z",
                ("2026-11-19T17:05:00Z", false),
            ),
        ] {
            let answer = published("2026-11-20", "2026-11-20", published_at, came_at);
            let found = known_at(&answer, at(ts), (ZONE, six));
            assert_eq!(found, (at(expected.0), expected.1), "{published_at:?} {came_at} {ts}");
        }
    }
}
