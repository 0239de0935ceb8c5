//! Documents of reservoirs: the energy in a zone's water, one value a week.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use roxmltree::Node;

use super::xml::{check_zone, children, interval, needed, points, text};
use super::zone;
use crate::base::timeline::{add_days, day_range, local_date};
use crate::facts::ingest::model::{
    Ask, Finding, Publication, ReadError, Reading, VALUE_MAX, Values,
};
use crate::facts::ingest::source::quoted;

/// How the platform writes a week.
const WEEK: &str = "P7D";
const WEEK_S: i32 = 7 * 86_400;
/// Weeks in the longest period that is read.
const WEEKS_MAX: i64 = 60;
/// Days after the Monday of a week at whose end it is published: on the third working day after it.
const REPORTED_DAYS: i64 = 10;

/// Mondays and values.
type Weeks = Vec<(DateTime<Utc>, Option<f64>)>;

/// The series of a document, by the week from Monday on; a period of anything else is left out.
pub(super) fn read(root: Node<'_, '_>, ask: &Ask) -> Result<Reading, ReadError> {
    let mut reading = Reading::default();
    let Some(market) = ask.market() else { return Ok(reading) };
    let (asked, zone_of_days) = (zone(&ask.subject), ask.subject.time_zone());
    let mut all = Vec::new();
    for series in children(root, "TimeSeries") {
        check_zone(series, "inBiddingZone_Domain.mRID", asked)?;
        check_zone(series, "outBiddingZone_Domain.mRID", asked)?;
        let unit = text(series, "quantity_Measure_Unit.name").unwrap_or("no unit");
        if unit != "MWH" {
            let given = quoted(unit.as_bytes());
            return Err(ReadError::WrongUnit { given, expected: "MWh" });
        }
        let is_variable = text(series, "curveType") == Some("A03");
        for period in children(series, "Period") {
            let resolution = needed(period, "resolution")?;
            if resolution != WEEK {
                let why = format!("its resolution is {}", quoted(resolution.as_bytes()));
                reading.findings.push(Finding::OtherSeries(why));
                continue;
            }
            let weeks = weeks(period, is_variable, zone_of_days)?;
            // Weeks at the edges touch the days asked for, which is nothing odd.
            all.extend(weeks.into_iter().filter(|(monday, _)| ask.range.contains(*monday)));
        }
    }
    if !all.is_empty() {
        reading.values.push(Values {
            name: format!("water_reservoirs:{market}"),
            unit: "MWh",
            interval_s: WEEK_S,
            publication: Publication::Reported(REPORTED_DAYS),
            is_feature: false,
            limit: VALUE_MAX,
            points: all,
        });
    }
    Ok(reading)
}

/// The weeks of one period: seven days of the calendar each, of which one has an hour less or more when
/// the clock is changed.
fn weeks(period: Node<'_, '_>, is_variable: bool, zone: Tz) -> Result<Weeks, ReadError> {
    let range = interval(period)?;
    let (first, end) = (local_date(range.from, zone), local_date(range.to, zone));
    let days = (end - first).num_days();
    let is_whole = day_range(first, zone).from == range.from
        && day_range(end, zone).from == range.to
        && days % 7 == 0;
    if !is_whole || !(0..=7 * WEEKS_MAX).contains(&days) {
        let what = format!("a period of weeks lasts from {} to {}", range.from, range.to);
        return Err(ReadError::Contradiction(what));
    }
    let count = usize::try_from(days / 7).unwrap_or_default();
    let points = points(period, count, "quantity")?;
    if is_variable && count > 0 && !points.contains_key(&1) {
        return Err(ReadError::Contradiction("a period begins without a value".to_owned()));
    }
    let (mut last, mut weeks) = (None, Vec::with_capacity(count));
    for (position, week) in (1..=count).zip(0..) {
        let own = points.get(&position).copied();
        last = if is_variable { own.or(last) } else { own };
        let monday = day_range(add_days(first, 7 * week), zone).from;
        weeks.extend(last.map(|value| (monday, Some(value))));
    }
    Ok(weeks)
}
