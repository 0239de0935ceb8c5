//! Storing what is not a price: each series as often as it says something new, with when it was known.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Datelike, Duration, NaiveTime, Utc, Weekday};
use chrono_tz::Tz;

use super::error::FetchError;
use super::model::{Ask, Finding, Kept, Publication, ReadError, VALUE_MAX, Values};
use crate::base::timeline::{AsOf, TimeRange, add_days, at_local, day_range, local_date};
use crate::facts::imports::assumed_forecast_known_at;
use crate::facts::series::{Observation, Observations, SeriesSpec};

/// Length of the intervals that are stored: finer ones are averaged, so that a series keeps its
/// resolution when its publisher changes it. The archive keeps what was sent.
const HOUR_S: i32 = 3_600;
/// Values nearer than this share of their size are the same, written differently.
const SAME_SHARE: f64 = 1e-6;
/// Length of a week, which is another one when the clock is changed.
const WEEK_S: i32 = 7 * 86_400;
/// Days after its publication within which a value that is reported with a delay may come.
const REPORTED_DAYS: i64 = 14;

/// One series that is fit to be stored, oldest value first.
pub(super) struct Fit {
    /// What it is.
    pub values: Values,
    /// Start of the interval and value.
    pub points: Vec<(DateTime<Utc>, f64)>,
}

/// The values that may be stored, and what is odd about the rest.
///
/// # Errors
///
/// [`ReadError::Broken`] and [`ReadError::Contradiction`] when a series makes no sense as a whole.
pub(super) fn sift(all: Vec<Values>, ask: &Ask) -> Result<(Vec<Fit>, Vec<Finding>), ReadError> {
    let (mut outside, mut duplicates, mut fit) = (0, 0, Vec::new());
    for values in all {
        let mut points: BTreeMap<DateTime<Utc>, f64> = BTreeMap::new();
        for (ts, value) in &values.points {
            let Some(value) = *value else { continue };
            if !value.is_finite() || value.abs() > VALUE_MAX {
                let what = format!("{} at {ts} is {value} {}", values.name, values.unit);
                return Err(ReadError::Broken(what));
            }
            if !is_on_grid(*ts, values.interval_s, ask.subject.time_zone()) {
                let what = format!("{ts} begins no interval of {} s", values.interval_s);
                return Err(ReadError::Contradiction(what));
            }
            if !ask.range.contains(*ts) {
                outside += 1;
            } else if let Some(before) = points.insert(*ts, value) {
                if !is_same(before, value) {
                    let what = format!("{} at {ts} has two different values", values.name);
                    return Err(ReadError::Contradiction(what));
                }
                duplicates += 1;
            }
        }
        if !points.is_empty() {
            fit.push(Fit { points: by_hour(points, values.interval_s), values });
        }
    }
    let mut findings = Vec::new();
    findings.extend((outside > 0).then_some(Finding::Outside(outside)));
    findings.extend((duplicates > 0).then_some(Finding::Duplicates(duplicates)));
    Ok((fit, findings))
}

/// Whether an interval begins at `ts`: days at midnight on the clocks of the zone, weeks on Monday.
fn is_on_grid(ts: DateTime<Utc>, interval_s: i32, zone: Tz) -> bool {
    if interval_s > HOUR_S {
        let day = local_date(ts, zone);
        let is_first = interval_s < WEEK_S || day.weekday() == Weekday::Mon;
        return is_first && ts == day_range(day, zone).from;
    }
    interval_s > 0 && ts.timestamp() % i64::from(interval_s) == 0
}

fn is_same(one: f64, other: f64) -> bool {
    (one - other).abs() <= SAME_SHARE * one.abs().max(other.abs())
}

/// Hourly means; an hour of which a part is missing is left out.
fn by_hour(points: BTreeMap<DateTime<Utc>, f64>, interval_s: i32) -> Vec<(DateTime<Utc>, f64)> {
    if interval_s >= HOUR_S {
        return points.into_iter().collect();
    }
    let mut hours: BTreeMap<i64, (i32, f64)> = BTreeMap::new();
    for (ts, value) in points {
        let hour = hours.entry(ts.timestamp().div_euclid(HOUR_S.into())).or_default();
        *hour = (hour.0 + 1, hour.1 + value);
    }
    let steps = HOUR_S / interval_s;
    let whole = hours.into_iter().filter(|(_, (count, _))| *count == steps);
    whole
        .filter_map(|(hour, (count, sum))| {
            let ts = DateTime::from_timestamp(hour * i64::from(HOUR_S), 0)?;
            Some((ts, sum / f64::from(count)))
        })
        .collect()
}

/// Stores the series of an answer that came at `came_at`; what says nothing new is not written.
pub(super) async fn put(
    observations: &Observations,
    (source, attribution): (&str, &str),
    ask: &Ask,
    (fit, came_at): (&[Fit], DateTime<Utc>),
) -> Result<Kept, FetchError> {
    let mut kept = Kept::default();
    for Fit { values, points } in fit {
        let spec = SeriesSpec {
            name: values.name.clone(),
            unit: values.unit.to_owned(),
            source: source.to_owned(),
            market: ask.market().cloned(),
            resolution_s: values.interval_s.max(HOUR_S),
            attribution: attribution.to_owned(),
            is_feature: values.is_feature,
        };
        let series_id = observations.ensure_series(&spec).await?;
        let (Some(first), Some(last)) = (points.first(), points.last()) else { continue };
        let range = TimeRange::new(first.0, last.0 + Duration::seconds(1));
        let present = observations.values_as_of(&spec.name, range, AsOf(came_at)).await?;
        let present: HashMap<DateTime<Utc>, f64> = present.into_iter().collect();
        let zone = ask.subject.time_zone();
        let news: Vec<Observation> = points
            .iter()
            .filter_map(|(ts, value)| {
                let before = present.get(ts).copied();
                observation(values, (*ts, *value), before, (zone, came_at))
            })
            .collect();
        let mut stored = Kept::from(observations.put(series_id, &news).await?);
        stored.unchanged += (points.len() - news.len()) as u64;
        kept = kept.plus(stored);
    }
    Ok(kept)
}

/// What is to be stored for a value that came at `came_at`; nothing when it says what is `before`.
///
/// A value that came within a day of its publication became known when it came, an older one when
/// the rule says so. One that differs from what is stored is news from when it came, however old.
fn observation(
    values: &Values,
    (ts, value): (DateTime<Utc>, f64),
    before: Option<f64>,
    (zone, came_at): (Tz, DateTime<Utc>),
) -> Option<Observation> {
    if before.is_some_and(|before| is_same(before, value)) {
        return None;
    }
    let published = match values.publication {
        Publication::Measured => ts + Duration::seconds(values.interval_s.max(HOUR_S).into()),
        Publication::Afternoon => {
            at_local(local_date(ts, zone), NaiveTime::from_hms_opt(16, 0, 0)?, zone)
        }
        Publication::Reported(days) => day_range(add_days(local_date(ts, zone), days), zone).from,
        // What is ahead is forecast now; what is past was forecast the day before at the latest.
        Publication::Rolling if ts >= came_at => came_at,
        Publication::Rolling if before.is_some() => return None,
        Publication::DayAhead | Publication::Rolling => assumed_forecast_known_at(ts, zone),
    };
    let patience_days =
        if matches!(values.publication, Publication::Reported(_)) { REPORTED_DAYS } else { 1 };
    // Nothing becomes known after it has come, however early that was.
    let is_fresh = came_at - published <= Duration::days(patience_days);
    let is_news = before.is_some() || is_fresh || ts >= came_at;
    Some(Observation {
        ts,
        known_at: if is_news { came_at } else { published },
        known_at_assumed: !is_news,
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Market;
    use crate::facts::ingest::Subject;
    use crate::testing::utc;

    fn values(interval_s: i32, publication: Publication, points: &[(&str, f64)]) -> Values {
        Values {
            name: "load_forecast:CH".to_owned(),
            unit: "MW",
            interval_s,
            publication,
            is_feature: true,
            limit: VALUE_MAX,
            points: points.iter().map(|(ts, value)| (utc(ts), Some(*value))).collect(),
        }
    }

    fn ask() -> Ask {
        Ask {
            subject: Subject::LoadForecast(Market::parse("CH").unwrap()),
            range: TimeRange::new(utc("2026-03-28T23:00:00Z"), utc("2026-03-29T22:00:00Z")),
            at: utc("2026-03-28T12:00:00Z"),
        }
    }

    #[test]
    fn quarters_become_hours_and_a_part_of_an_hour_nothing() {
        let quarters = values(
            900,
            Publication::DayAhead,
            &[
                ("2026-03-28T23:00:00Z", 1.0),
                ("2026-03-28T23:15:00Z", 2.0),
                ("2026-03-28T23:45:00Z", 6.0),
                ("2026-03-28T23:30:00Z", 3.0),
                ("2026-03-29T00:00:00Z", 9.0),
                ("2026-03-29T22:00:00Z", 9.0),
                ("2026-03-29T00:00:00Z", 9.0),
            ],
        );
        let (fit, findings) = sift(vec![quarters], &ask()).unwrap();
        assert_eq!(fit[0].points, [(utc("2026-03-28T23:00:00Z"), 3.0)]);
        assert_eq!(findings, [Finding::Outside(1), Finding::Duplicates(1)]);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_place() {
        let at = "2026-03-29T00:00:00Z";
        for (points, words) in [
            (vec![(at, f64::NAN)], "is NaN MW"),
            (vec![(at, 1e9)], "is 1000000000 MW"),
            (vec![("2026-03-29T00:20:00Z", 1.0)], "begins no interval of 3600 s"),
            (vec![(at, 1.0), (at, 2.0)], "has two different values"),
        ] {
            let error = sift(vec![values(3_600, Publication::DayAhead, &points)], &ask());
            let error = error.err().unwrap().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_value_is_known_when_it_came_or_when_the_rule_says() {
        let zone = Tz::Europe__Zurich;
        let ts = "2026-03-29T10:00:00Z";
        for (publication, came_at, before, known_at) in [
            // Published at 09:30 local on the 28th, 08:30 in UTC.
            (Publication::DayAhead, "2026-03-28T12:00:00Z", None, Some("2026-03-28T12:00:00Z")),
            (Publication::DayAhead, "2026-05-01T12:00:00Z", None, Some("2026-03-28T08:30:00Z")),
            (Publication::DayAhead, "2026-05-01T12:00:00Z", Some(1.0), None),
            (
                Publication::DayAhead,
                "2026-05-01T12:00:00Z",
                Some(2.0),
                Some("2026-05-01T12:00:00Z"),
            ),
            (Publication::Measured, "2026-03-29T11:30:00Z", None, Some("2026-03-29T11:30:00Z")),
            (Publication::Measured, "2026-04-09T11:30:00Z", None, Some("2026-03-29T11:00:00Z")),
            // Reported at midnight four days later, 22:00 in UTC; for two weeks it may come late.
            (Publication::Reported(4), "2026-04-03T07:00:00Z", None, Some("2026-04-03T07:00:00Z")),
            (Publication::Reported(4), "2026-05-01T07:00:00Z", None, Some("2026-04-01T22:00:00Z")),
            (Publication::Rolling, "2026-03-25T06:00:00Z", None, Some("2026-03-25T06:00:00Z")),
            (Publication::Rolling, "2026-03-25T06:00:00Z", Some(2.0), Some("2026-03-25T06:00:00Z")),
            (Publication::Rolling, "2026-03-29T12:00:00Z", Some(2.0), None),
            (Publication::Rolling, "2026-05-01T12:00:00Z", None, Some("2026-03-28T08:30:00Z")),
        ] {
            let values = values(3_600, publication, &[]);
            let row = observation(&values, (utc(ts), 1.0), before, (zone, utc(came_at)));
            assert_eq!(row.map(|row| row.known_at), known_at.map(utc), "{publication:?} {came_at}");
        }
    }

    #[test]
    fn days_begin_at_midnight_and_weeks_on_monday() {
        let zone = Tz::Europe__Zurich;
        for (ts, day, week) in [
            // The Sunday on which the clock goes forward, the Monday after it, and an hour later.
            ("2026-03-28T23:00:00Z", true, false),
            ("2026-03-29T22:00:00Z", true, true),
            ("2026-03-29T23:00:00Z", false, false),
        ] {
            assert_eq!(is_on_grid(utc(ts), 86_400, zone), day, "{ts}");
            assert_eq!(is_on_grid(utc(ts), WEEK_S, zone), week, "{ts}");
        }
    }
}
