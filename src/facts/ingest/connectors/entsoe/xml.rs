//! What all documents of the platform share: elements by local name, periods of blocks.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use roxmltree::Node;

use crate::base::timeline::TimeRange;
use crate::facts::ingest::model::ReadError;
use crate::facts::ingest::source::quoted;

/// Longest period of one series.
const PERIOD_DAYS_MAX: i64 = 400;

/// Children of this local name: the version in the namespace changes.
pub(super) fn children<'a, 'd>(
    node: Node<'a, 'd>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'd>> {
    node.children().filter(move |child| child.tag_name().name() == name)
}

/// The first child of this local name.
pub(super) fn child<'a, 'd>(node: Node<'a, 'd>, name: &'static str) -> Option<Node<'a, 'd>> {
    children(node, name).next()
}

/// Text of the first child of this local name.
pub(super) fn text<'a>(node: Node<'a, '_>, name: &'static str) -> Option<&'a str> {
    child(node, name)?.text().map(str::trim)
}

/// The same, where a document without it cannot be read.
pub(super) fn needed<'a>(node: Node<'a, '_>, name: &'static str) -> Result<&'a str, ReadError> {
    let what = || format!("a {} has no {name}", node.tag_name().name());
    text(node, name).ok_or_else(|| ReadError::Broken(what()))
}

/// Refuses a series of another zone than the one asked for.
pub(super) fn check_zone(
    series: Node<'_, '_>,
    element: &'static str,
    asked: Option<&str>,
) -> Result<(), ReadError> {
    match text(series, element) {
        Some(given) if asked != Some(given) => {
            let (asked, given) = (asked.unwrap_or("nothing"), quoted(given.as_bytes()));
            Err(ReadError::Contradiction(format!("asked for {asked}, answered for {given}")))
        }
        _ => Ok(()),
    }
}

/// Length of the steps of a period in seconds, or how the document writes one that is not read.
pub(super) fn step(period: Node<'_, '_>) -> Result<Result<i32, String>, ReadError> {
    Ok(match needed(period, "resolution")? {
        "PT60M" | "PT1H" => Ok(3_600),
        "PT30M" => Ok(1_800),
        "PT15M" => Ok(900),
        other => Err(quoted(other.as_bytes())),
    })
}

/// The blocks of one period with steps of `step_s` seconds, oldest first, their values in elements
/// `value`; in variable blocks one that is left out repeats the one before.
pub(super) fn blocks(
    period: Node<'_, '_>,
    step_s: i32,
    is_variable: bool,
    value: &'static str,
) -> Result<Vec<(DateTime<Utc>, f64)>, ReadError> {
    let range = interval(period)?;
    let length = range.length();
    if length > Duration::days(PERIOD_DAYS_MAX) || length.num_seconds() % i64::from(step_s) != 0 {
        let what = format!("a period lasts from {} to {}", range.from, range.to);
        return Err(ReadError::Contradiction(what));
    }
    let steps = usize::try_from(length.num_seconds() / i64::from(step_s)).unwrap_or_default();
    let points = points(period, steps, value)?;
    if is_variable && steps > 0 && !points.contains_key(&1) {
        return Err(ReadError::Contradiction("a period begins without a value".to_owned()));
    }
    let (mut last, mut blocks) = (None, Vec::with_capacity(steps));
    for (position, ts) in (1..).zip(range.slots(step_s)) {
        let own = points.get(&position).copied();
        last = if is_variable { own.or(last) } else { own };
        blocks.extend(last.map(|value| (ts, value)));
    }
    Ok(blocks)
}

/// What a period covers.
pub(super) fn interval(period: Node<'_, '_>) -> Result<TimeRange, ReadError> {
    let interval = child(period, "timeInterval")
        .ok_or_else(|| ReadError::Broken("a period has no timeInterval".to_owned()))?;
    let (from, to) = (instant(interval, "start")?, instant(interval, "end")?);
    Ok(TimeRange::new(from, to))
}

/// The values that a period names, by position from 1 to `steps`.
pub(super) fn points(
    period: Node<'_, '_>,
    steps: usize,
    value: &'static str,
) -> Result<BTreeMap<usize, f64>, ReadError> {
    let mut points = BTreeMap::new();
    for point in children(period, "Point") {
        let position = needed(point, "position")?;
        let number = needed(point, value)?;
        // Thousands come with a comma now and then.
        let position = match position.replace(',', "").parse() {
            Ok(position) if (1..=steps).contains(&position) => position,
            _ => {
                let what = format!("position {} of {steps}", quoted(position.as_bytes()));
                return Err(ReadError::Contradiction(what));
            }
        };
        let number =
            number.parse::<f64>().ok().filter(|number| number.is_finite()).ok_or_else(|| {
                ReadError::Broken(format!("'{}' is no number", quoted(number.as_bytes())))
            })?;
        if points.insert(position, number).is_some_and(|before| (before - number).abs() > 0.0) {
            let what = format!("position {position} has two different values");
            return Err(ReadError::Contradiction(what));
        }
    }
    Ok(points)
}

/// An instant of minutes, `2026-07-01T22:00Z`.
fn instant(node: Node<'_, '_>, name: &'static str) -> Result<DateTime<Utc>, ReadError> {
    let written = needed(node, name)?;
    let what = || ReadError::Broken(format!("'{}' is no instant", quoted(written.as_bytes())));
    let minutes = NaiveDateTime::parse_from_str(written, "%Y-%m-%dT%H:%MZ");
    minutes.map(|at| at.and_utc()).map_err(|_| what())
}
