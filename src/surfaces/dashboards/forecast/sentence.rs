//! The one sentence on top: how far off the forecasts were, and against what.

use chrono::{DateTime, Duration, Utc};

use super::model::{ForecastInput, UNIT};
use crate::learning::accuracy::Measures;
use crate::surfaces::dashboards::format::{Format, NBSP, number};
use crate::surfaces::dashboards::pricing::{Note, Status};

/// A forecast older than this is stale: prices come once a day.
const STALE: Duration = Duration::hours(26);

/// An error with its unit.
pub(super) fn error(value: f64) -> String {
    format!("{}{NBSP}{UNIT}", number(value, 1))
}

/// A share with its sign.
pub(super) fn percent(value: f64) -> String {
    format!("{}{NBSP}%", number(value, 0))
}

/// The lead day in words.
pub(super) fn lead_words(lead_day: i16, format: &Format) -> String {
    if lead_day == 1 {
        return format.text("fc_lead_first").to_owned();
    }
    format.fill("fc_lead_nth", &[("n", &lead_day.to_string())])
}

/// How much less or more than naive; empty where there is nothing to compare with.
pub(super) fn against(measures: &Measures, format: &Format) -> String {
    match measures.skill_percent {
        Some(skill) if skill >= 0.0 => {
            format.fill("fc_less", &[("percent", &percent(skill))])
        }
        Some(skill) => format.fill("fc_more", &[("percent", &percent(-skill))]),
        None => String::new(),
    }
}

/// The errors of the lead day that is shown.
pub(super) fn shown(input: &ForecastInput) -> Option<&Measures> {
    let report = &input.report;
    let lead = report.by_lead.iter().find(|lead| lead.lead_day == report.lead_day)?;
    Some(&lead.measures)
}

/// The sentence.
pub(super) fn status(input: &ForecastInput, format: &Format) -> Status {
    let report = &input.report;
    let Some(measures) = shown(input) else {
        let (lead, advice) = (format.text("fc_none"), format.text("fc_none_do"));
        return Status { lead: lead.to_owned(), advice: Some(advice.to_owned()) };
    };
    let days = report.daily.iter().filter(|day| day.measures.is_some()).count();
    let key = if days == 1 { "fc_say_one" } else { "fc_say" };
    let lead = format.fill(
        key,
        &[
            ("days", &days.to_string()),
            ("lead", &lead_words(report.lead_day, format)),
            ("error", &error(measures.mae)),
            ("against", &against(measures, format)),
        ],
    );
    let lead =
        if report.simulated { format.fill("say_simulated", &[("text", &lead)]) } else { lead };
    let advice = match &input.value.tariff {
        Some(tariff) if tariff.saved_vs_standard_chf.is_some() => None,
        _ => input.value.by_lead.iter().find(|it| it.lead_day == report.lead_day),
    };
    let capture = advice.and_then(|value| value.capture_percent);
    let advice = capture.map(|it| format.fill("fc_say_capture", &[("percent", &percent(it))]));
    Status { lead, advice }
}

/// What a reader must know before trusting the page.
pub(super) fn notes(input: &ForecastInput, format: &Format, now: DateTime<Utc>) -> Vec<Note> {
    let report = &input.report;
    let mut notes = Vec::new();
    let stale = report.last_issued_at.map(|at| now - at).filter(|age| *age > STALE);
    let mut note = |kind, title: String, text: &str| {
        notes.push(Note { kind, title, text: text.to_owned(), command: None, link: None });
    };
    if let Some(age) = stale {
        let title = format.fill("note_old_title", &[("age", &format.age(age))]);
        note("stale", title, format.text("fc_note_old"));
    } else if report.last_issued_at.is_none() && report.truth_until.is_some() {
        note("stale", format.text("fc_note_idle_title").to_owned(), format.text("fc_note_idle"));
    }
    if let Some(until) = report.truth_until.filter(|until| *until < now) {
        let title = format.fill("fc_note_truth_title", &[("until", &format.end(until))]);
        note("stale", title, format.text("fc_note_truth"));
    }
    notes
}
