//! What waits for a decision: values that are kept apart, payloads that nobody can read.

use serde::Serialize;

use super::matrix::day_href;
use super::words;
use crate::base::timeline::local_date;
use crate::facts::quality::{DeadLetter, Quarantined};
use crate::surfaces::dashboards::format::{Format, number};

/// A value that is kept apart.
#[derive(Debug, Serialize)]
pub(super) struct ApartRow {
    subject: String,
    source: String,
    day: String,
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
            subject: words::subject(&row.subject, format),
            source: words::source(&row.source, format),
            // The day of the market; readers elsewhere see their own hour beside it.
            day: day_href(
                &row.source,
                &row.subject,
                local_date(row.ts, chrono_tz::Tz::Europe__Zurich),
            ),
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
