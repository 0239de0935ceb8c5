//! What waits for a decision: values that are kept apart, payloads that nobody can read.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::Serialize;

use super::matrix::day_href;
use super::words;
use crate::base::timeline::local_date;
use crate::facts::quality::{Code, DeadLetter, Quarantined};
use crate::surfaces::dashboards::format::{Format, number};

/// A value that is kept apart.
#[derive(Debug, Serialize)]
pub(super) struct ApartRow {
    time: String,
    value: String,
    why: String,
    arrived: String,
    /// Where it is decided about.
    action: String,
    may_release: bool,
    /// What was decided; empty while nothing is.
    decision: String,
}

impl ApartRow {
    pub(super) fn of(row: &Quarantined, format: &Format) -> Self {
        let decision = match (row.decision.as_deref(), row.decided_at) {
            (Some("released"), Some(at)) => {
                format.fill("adm_apart_released", &[("time", &format.moment(at))])
            }
            (Some(_), Some(at)) => {
                format.fill("adm_apart_discarded", &[("time", &format.moment(at))])
            }
            _ => String::new(),
        };
        Self {
            time: format.moment(row.ts),
            value: row.value.map_or_else(|| "–".to_owned(), |value| number(value, 2)),
            why: words::why(row.reason, format),
            arrived: format.moment(row.arrived_at),
            action: format!("/admin/sources/quarantine/{}", row.row_id),
            may_release: row.value.is_some(),
            decision,
        }
    }
}

/// What is kept apart of one day of one subject.
#[derive(Debug, Serialize)]
pub(super) struct ApartDay {
    subject: String,
    source: String,
    day: String,
    href: String,
    count: usize,
    why: Vec<String>,
    arrived: String,
    /// Where all of it is stored; empty where the values contradict each other or are none.
    release: String,
    discard: String,
}

impl ApartDay {
    /// Values by subject and day, the last to come first.
    pub(super) fn all(rows: &[Quarantined], format: &Format) -> Vec<Self> {
        let mut days: Vec<(&Quarantined, NaiveDate, Vec<&Quarantined>)> = Vec::new();
        for row in rows {
            let day = local_date(row.ts, words::zone(&row.subject));
            let known = days.iter_mut().find(|(first, other, _)| {
                *other == day && first.source == row.source && first.subject == row.subject
            });
            match known {
                Some((_, _, all)) => all.push(row),
                None => days.push((row, day, vec![row])),
            }
        }
        days.into_iter().map(|(first, day, all)| Self::of(first, day, &all, format)).collect()
    }

    fn of(first: &Quarantined, day: NaiveDate, all: &[&Quarantined], format: &Format) -> Self {
        let href = day_href(&first.source, &first.subject, day);
        let act = |what: &str| href.replacen("/day?", &format!("/day/{what}?"), 1);
        let codes: BTreeSet<Code> = all.iter().map(|row| row.reason).collect();
        let whole = all.iter().any(|row| row.may_go_with_others());
        Self {
            subject: words::subject(&first.subject, format),
            source: words::source(&first.source, format),
            day: format.day(day),
            count: all.len(),
            why: codes.into_iter().map(|code| words::why(code, format)).collect(),
            arrived: format.moment(first.arrived_at),
            release: if whole { act("release") } else { String::new() },
            discard: act("discard"),
            href,
        }
    }
}

/// A payload that nobody can read.
#[derive(Debug, Serialize)]
pub(super) struct LetterRow {
    source: String,
    subject: String,
    reason: String,
    excerpt: String,
    /// How often it came, and since when.
    count: String,
    action: String,
}

impl LetterRow {
    pub(super) fn of(letter: &DeadLetter, format: &Format) -> Self {
        let attempts = number(f64::from(letter.attempts), 0);
        let (first, last) = (format.moment(letter.created_at), format.moment(letter.last_at));
        let count = [("n", attempts.as_str()), ("first", &first), ("last", &last)];
        Self {
            source: words::source(&letter.source, format),
            subject: letter.subject.clone(),
            reason: letter.reason.clone(),
            excerpt: letter.excerpt.clone(),
            count: format.fill("adm_letters_count", &count),
            action: format!("/admin/sources/letters/{}/resolve", letter.letter_id),
        }
    }
}
