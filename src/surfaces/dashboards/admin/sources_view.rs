//! How each source is: what it delivers, how old its newest value is, what it was asked today.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::words;
use crate::facts::archive::Answers;
use crate::facts::ingest::{SourceStatus, SubjectStatus};
use crate::surfaces::dashboards::format::{Format, NBSP, number};

/// A source as the template sees it.
#[derive(Debug, Serialize)]
pub(super) struct SourceView {
    name: String,
    badge: (&'static str, &'static str),
    what: &'static str,
    /// Why it is not asked, with the fix; the program's own words.
    needs: Option<String>,
    subjects: Vec<SubjectView>,
    /// Where it is asked at once; empty where it cannot be.
    fetch: String,
    today: String,
    attribution: &'static str,
}

#[derive(Debug, Serialize)]
struct SubjectView {
    subject: String,
    newest: String,
    success: String,
    /// When it failed last; empty when it never did.
    failure: String,
    /// Why it fails now; the program's own words.
    reason: Option<String>,
    licence: String,
}

impl SubjectView {
    fn of(status: &SubjectStatus, now: DateTime<Utc>, format: &Format) -> Self {
        let ago = |at: Option<DateTime<Utc>>| {
            at.map_or_else(
                || format.text("adm_never").to_owned(),
                |at| {
                    let parts = [("time", format.moment(at)), ("age", format.age(now - at))];
                    let parts = parts.each_ref().map(|(key, value)| (*key, value.as_str()));
                    format.fill("adm_ago", &parts)
                },
            )
        };
        let newest = match status.newest {
            // Prices are known ahead.
            Some(at) if at > now => {
                let parts = [("time", format.moment(at)), ("age", format.age(at - now))];
                let parts = parts.each_ref().map(|(key, value)| (*key, value.as_str()));
                format.fill("adm_ahead", &parts)
            }
            newest => ago(newest),
        };
        Self {
            subject: words::subject(&status.subject.to_string(), format),
            newest,
            success: ago(status.last_success_at),
            failure: status.last_failure_at.map(|at| ago(Some(at))).unwrap_or_default(),
            reason: status.failure.clone(),
            licence: status.licence.clone().unwrap_or_default(),
        }
    }
}

/// Whether asking a source fails now.
pub(super) fn fails(source: &SourceStatus) -> bool {
    source.is_enabled && source.subjects.iter().any(|subject| subject.failure.is_some())
}

impl SourceView {
    pub(super) fn of(
        source: &SourceStatus,
        answers: &[Answers],
        now: DateTime<Utc>,
        format: &Format,
    ) -> Self {
        let badge = if !source.is_enabled {
            ("off", format.text("adm_off"))
        } else if fails(source) {
            ("err", format.text("adm_src_fails"))
        } else if source.subjects.iter().all(|subject| subject.last_success_at.is_none()) {
            ("off", format.text("adm_src_unasked"))
        } else {
            ("ok", format.text("adm_src_answers"))
        };
        let today = answers.iter().find(|it| it.source == source.name);
        let (count, size) = today.map_or((0, 0), |it| (it.answers, it.bytes));
        let (count, size) = (number(f64::from(count), 0), bytes(size));
        Self {
            name: words::source(source.name, format),
            badge,
            what: format.find(&format!("adm_what_{}", source.name)).unwrap_or(source.what),
            needs: source.needs.clone(),
            subjects: source.subjects.iter().map(|it| SubjectView::of(it, now, format)).collect(),
            fetch: if source.is_enabled {
                format!("/admin/sources/{}/fetch", source.name)
            } else {
                String::new()
            },
            today: format.fill("adm_src_today", &[("n", &count), ("size", &size)]),
            attribution: source.attribution,
        }
    }
}

/// Bytes as people read them, e.g. `412 kB`.
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count}{NBSP}B"),
        1_000..1_000_000 => format!("{}{NBSP}kB", number(count as f64 / 1e3, 0)),
        _ => format!("{}{NBSP}MB", number(count as f64 / 1e6, 1)),
    }
}
