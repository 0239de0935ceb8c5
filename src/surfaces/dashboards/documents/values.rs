//! What the templates of these pages show.

use serde::Serialize;
use serde_json::Value;

use crate::knowledge::ask::{Quote, Unsupported};
use crate::knowledge::documents::{ItemRecord, Status};
use crate::surfaces::dashboards::format::{Format, number};

/// A word with a border.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Badge {
    /// Which border: empty, `ok`, `stale`, `err`.
    pub kind: &'static str,
    pub text: String,
}

impl Badge {
    pub fn new(kind: &'static str, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}

/// Something that stands in a document, with the way to it.
#[derive(Debug, Serialize)]
pub(super) struct QuoteView {
    pub id: u32,
    pub title: String,
    pub place: Vec<String>,
    pub origin: String,
    pub before: String,
    pub text: String,
    pub after: String,
    pub href: String,
    pub badges: Vec<Badge>,
    pub section: String,
}

impl QuoteView {
    pub fn new(quote: &Quote, format: &Format) -> Self {
        let origin = &quote.origin;
        let letters = format!("{}–{}", whole(quote.start), whole(quote.end));
        let file = origin.file_name.clone().filter(|name| *name != origin.title);
        let page = format.fill("doc_page", &[("n", &quote.page.to_string())]);
        let mut badges = Vec::new();
        if quote.is_instruction_like {
            badges.push(Badge::new("stale", format.text("doc_instruction_like")));
        }
        if origin.is_superseded {
            badges.push(Badge::new("stale", format.text("doc_superseded")));
        }
        let version = origin.version.to_string();
        let added = format.date_whole(format.date_of(origin.added_at));
        Self {
            id: quote.id,
            title: origin.title.clone(),
            place: file
                .into_iter()
                .chain([page, format.fill("doc_letters", &[("range", &letters)])])
                .collect(),
            origin: format.fill(
                "doc_origin",
                &[("version", &version), ("date", &added), ("source", &origin.source)],
            ),
            before: quote.before.clone(),
            text: quote.text.clone(),
            after: quote.after.clone(),
            href: place_of(quote),
            badges,
            section: quote.section.join(" › "),
        }
    }
}

/// Where a quote is looked at.
pub(super) fn place_of(quote: &Quote) -> String {
    format!(
        "/documents/{}?page={}&start={}&end={}#hit",
        quote.origin.document_id, quote.page, quote.start, quote.end
    )
}

/// A whole number.
pub(super) fn whole(value: usize) -> String {
    number(value as f64, 0)
}

/// How far a document is, and what was noticed while it was read.
pub(super) fn badges(item: &ItemRecord, needs_approval: bool, format: &Format) -> Vec<Badge> {
    let mut all = Vec::new();
    match item.status {
        Status::Queued => all.push(Badge::new("", format.text("doc_queued"))),
        Status::Working => all.push(Badge::new("", format.text("doc_working"))),
        Status::Failed => all.push(Badge::new("err", format.text("doc_failed"))),
        Status::Cancelled => all.push(Badge::new("stale", format.text("doc_cancelled"))),
        Status::Ready => {}
    }
    if item.superseded_at.is_some() {
        all.push(Badge::new("stale", format.text("doc_superseded")));
    }
    if needs_approval && item.approved_at.is_none() && item.status == Status::Ready {
        all.push(Badge::new("stale", format.text("doc_unapproved")));
    }
    for finding in item.findings.as_array().into_iter().flatten() {
        all.extend(finding_badge(finding, format));
    }
    all
}

/// A finding of the extraction in words: its kind, how often, and on which pages.
fn finding_badge(finding: &Value, format: &Format) -> Option<Badge> {
    let kind = finding.get("kind").and_then(Value::as_str)?;
    let text = format.find(&format!("doc_finding_{kind}"))?;
    let pages: Vec<String> = finding
        .get("pages")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|page| page.as_u64().map(|page| page.to_string()))
        .collect();
    let is_grave = matches!(kind, "scanned_pages" | "cut");
    let kind = if is_grave { "stale" } else { "" };
    if pages.is_empty() || pages.len() > 5 {
        return Some(Badge::new(kind, text));
    }
    let pages = format.fill("doc_pages_short", &[("pages", &pages.join(", "))]);
    Some(Badge::new(kind, format!("{text}, {pages}")))
}

/// Why a sentence does not count as supported, in words.
pub(super) fn why(unsupported: &Unsupported, format: &Format) -> String {
    match unsupported {
        Unsupported::NoQuote => format.text("doc_why_no_quote").to_owned(),
        Unsupported::UnknownQuote { quote } => {
            format.fill("doc_why_unknown", &[("n", &quote.to_string())])
        }
        Unsupported::Number { written } => format.fill("doc_why_number", &[("n", written)]),
        Unsupported::Words => format.text("doc_why_words").to_owned(),
        Unsupported::Negation => format.text("doc_why_negation").to_owned(),
        Unsupported::Unproven => format.text("doc_why_unproven").to_owned(),
    }
}
