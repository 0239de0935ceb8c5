//! A document: one page of its text as letters, with a passage marked, and what its prices come to.

use actix_web::http::StatusCode;
use actix_web::web::ServiceConfig;
use actix_web::{HttpResponse, get};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::room::Room;
use super::sheet::SheetView;
use super::values::{Badge, badges, whole};
use crate::algorithms::retrieval::{CharOffsets, Span};
use crate::knowledge::ask::Asker;
use crate::knowledge::documents::{Status, StoredText, Whole};
use crate::platform::web::{Params, Path, Person, Problem, Require, Role};
use crate::surfaces::dashboards::format::Format;

/// Letters that are shown of one page of a document.
const LETTERS_MAX: usize = 60_000;

/// Registers the pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config.service(get_document);
}

/// Which page, and which letters are marked.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct PlaceQuery {
    page: Option<u32>,
    start: Option<usize>,
    end: Option<usize>,
}

#[expect(clippy::struct_excessive_bools, reason = "templates ask for one thing at a time")]
#[derive(Debug, Serialize)]
struct DocumentView {
    id: Uuid,
    title: String,
    lead: String,
    soft: String,
    facts: Vec<Fact>,
    badges: Vec<Badge>,
    reason: String,
    versions: Vec<VersionRow>,
    text: Option<TextView>,
    sheet: Option<SheetView>,
    may_decide: bool,
    may_approve: bool,
    may_retry: bool,
    may_cancel: bool,
    is_busy: bool,
}

#[derive(Debug, Serialize)]
struct Fact {
    name: &'static str,
    value: String,
}

#[derive(Debug, Serialize)]
struct VersionRow {
    href: String,
    text: String,
    is_here: bool,
}

/// One page as letters.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct TextView {
    page: u32,
    pages: usize,
    title: String,
    before: String,
    hit: String,
    after: String,
    /// Whether the page is longer than what is shown.
    is_cut: bool,
    previous: Option<u32>,
    next: Option<u32>,
}

/// A document's page.
#[get("/documents/{id}")]
async fn get_document(
    who: Require<Person>,
    room: Room,
    id: Path<Uuid>,
    query: Params<PlaceQuery>,
) -> Result<HttpResponse, Problem> {
    let whole = room.documents.get(*id, who.role).await?;
    let format = room.format(&who);
    let is_ready = whole.item.status == Status::Ready;
    let (text, sheet) = if is_ready {
        let stored = room.documents.text_of(*id).await?;
        let check = room.ask.tariff_check(&Asker::from(&who.0), *id, None).await?;
        (Some(text_view(&stored, query.0, &format)), SheetView::new(&check, &format))
    } else {
        (None, None)
    };
    let is_admin = who.role == Role::Admin;
    let view = document_view(&whole, (text, sheet), is_admin, &room, &format);
    Ok(room.show(StatusCode::OK, &who, "documents_one.html", &view))
}

fn document_view(
    whole: &Whole,
    (text, sheet): (Option<TextView>, Option<SheetView>),
    is_admin: bool,
    room: &Room,
    format: &Format,
) -> DocumentView {
    let item = &whole.item;
    let needs_approval = room.documents.settings().approval_required;
    let added = format.moment(item.created_at);
    let lead = match item.status {
        Status::Ready => "doc_one_ready",
        Status::Queued | Status::Working => "doc_one_busy",
        Status::Failed => "doc_one_failed",
        Status::Cancelled => "doc_one_cancelled",
    };
    let progress = whole
        .progress
        .as_ref()
        .map(|progress| format!("{:.0}\u{a0}%", (progress.done * 100.0).clamp(0.0, 100.0)));
    let version = item.version.to_string();
    DocumentView {
        id: item.item_id,
        title: item.title.clone(),
        lead: format.text(lead).to_owned(),
        soft: progress.unwrap_or_else(|| {
            format.fill(
                "doc_origin",
                &[("version", &version), ("date", &added), ("source", &item.source)],
            )
        }),
        facts: facts(whole, format),
        badges: badges(item, needs_approval, format),
        reason: item.reason.clone().unwrap_or_default(),
        versions: versions(whole, format),
        text,
        sheet,
        may_decide: is_admin,
        may_approve: is_admin
            && needs_approval
            && item.approved_at.is_none()
            && item.status == Status::Ready,
        may_retry: is_admin && matches!(item.status, Status::Failed | Status::Cancelled),
        may_cancel: is_admin && item.status.is_open(),
        is_busy: item.status.is_open(),
    }
}

fn facts(whole: &Whole, format: &Format) -> Vec<Fact> {
    let item = &whole.item;
    let mut all = vec![Fact { name: format.text("doc_fact_file"), value: item.file_name.clone() }];
    let mut add = |key: &'static str, value: Option<String>| {
        all.extend(value.map(|value| Fact { name: format.text(key), value }));
    };
    add("doc_fact_type", item.media_type.clone());
    add("doc_fact_pages", item.pages.map(|pages| pages.to_string()));
    let language = item.language.as_ref();
    let language = language.and_then(|code| format.find(&format!("doc_lang_{code}")));
    add("doc_fact_language", language.map(str::to_owned));
    let chunks = item.chunk_count.and_then(|count| usize::try_from(count).ok());
    add("doc_fact_chunks", chunks.map(whole_number));
    add("doc_fact_method", item.method.clone());
    add("doc_fact_tags", (!item.tags.is_empty()).then(|| item.tags.join(", ")));
    add("doc_fact_sha256", Some(item.sha256.chars().take(16).collect()));
    all
}

fn whole_number(count: usize) -> String {
    whole(count)
}

fn versions(whole: &Whole, format: &Format) -> Vec<VersionRow> {
    if whole.versions.len() < 2 {
        return Vec::new();
    }
    let row = |version: &crate::knowledge::documents::ItemVersion| VersionRow {
        href: format!("/documents/{}", version.item_id),
        text: format.fill(
            "doc_version_row",
            &[
                ("n", &version.version.to_string()),
                ("date", &format.date_whole(format.date_of(version.created_at))),
            ],
        ),
        is_here: version.item_id == whole.item.item_id,
    };
    whole.versions.iter().map(row).collect()
}

/// The page that is asked for, else the one with the passage, else the first; the passage as far as it
/// lies on that page.
fn text_view(stored: &StoredText, query: PlaceQuery, format: &Format) -> TextView {
    let offsets = CharOffsets::new(&stored.text);
    let hit = query.start.zip(query.end).and_then(|(start, end)| offsets.to_bytes(start, end));
    let asked =
        query.page.and_then(|number| stored.pages.iter().position(|it| it.number == number));
    let with_hit = hit.and_then(|hit| {
        let behind = stored.pages.partition_point(|page| page.span.start <= hit.start);
        behind.checked_sub(1)
    });
    let index = asked.or(with_hit).unwrap_or_default();
    let whole = Span { start: 0, end: stored.text.len() };
    let (number, span) =
        stored.pages.get(index).map_or((1, whole), |page| (page.number, page.span));
    let (shown, is_cut) = cut(&stored.text, span, hit);
    let part = |from: usize, to: usize| stored.text.get(from..to).unwrap_or_default().to_owned();
    let marked = hit.filter(|hit| hit.start < shown.end && hit.end > shown.start);
    let marked = marked.map_or(Span { start: shown.end, end: shown.end }, |hit| Span {
        start: hit.start.max(shown.start),
        end: hit.end.min(shown.end),
    });
    let number_of = |index: Option<usize>| Some(stored.pages.get(index?)?.number);
    TextView {
        page: number,
        pages: stored.pages.len().max(1),
        title: format.fill(
            "doc_page_of",
            &[("n", &number.to_string()), ("all", &stored.pages.len().max(1).to_string())],
        ),
        before: part(shown.start, marked.start),
        hit: part(marked.start, marked.end),
        after: part(marked.end, shown.end),
        is_cut,
        previous: number_of(index.checked_sub(1)),
        next: number_of(Some(index + 1)),
    }
}

/// The stretch of a long page around the passage, else its beginning.
fn cut(text: &str, page: Span, hit: Option<Span>) -> (Span, bool) {
    if page.end - page.start <= LETTERS_MAX {
        return (page, false);
    }
    let middle = hit.map_or(page.start, |hit| hit.start.clamp(page.start, page.end));
    let from = middle.saturating_sub(LETTERS_MAX / 2).max(page.start);
    let to = (from + LETTERS_MAX).min(page.end);
    // Both ends lie between letters.
    let start = (from..=page.end).find(|at| text.is_char_boundary(*at)).unwrap_or(page.end);
    let end = (start..=to).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(start);
    (Span { start, end }, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithms::retrieval::Page;
    use crate::surfaces::dashboards::catalogue::Language;

    fn stored() -> StoredText {
        let text = "Wärme 😀 eins.\nZwei für alle.".to_owned();
        let first = text.find("Zwei").unwrap();
        let pages = vec![
            Page { number: 1, span: Span { start: 0, end: first } },
            Page { number: 2, span: Span { start: first, end: text.len() } },
        ];
        StoredText { text, pages, blocks: Vec::new(), sha256: String::new() }
    }

    fn seen(page: Option<u32>, letters: Option<(usize, usize)>) -> (u32, String, String, String) {
        let query = PlaceQuery { page, start: letters.map(|it| it.0), end: letters.map(|it| it.1) };
        let format = Format::new(Language::De, chrono_tz::UTC);
        let view = text_view(&stored(), query, &format);
        (view.page, view.before, view.hit, view.after)
    }

    fn own(page: u32, parts: [&str; 3]) -> (u32, String, String, String) {
        let [before, hit, after] = parts.map(str::to_owned);
        (page, before, hit, after)
    }

    #[test]
    fn letters_are_counted_as_letters() {
        assert_eq!(seen(None, Some((6, 7))), own(1, ["Wärme ", "😀", " eins.\n"]));
        assert_eq!(seen(None, Some((19, 22))), own(2, ["Zwei ", "für", " alle."]));
    }

    #[test]
    fn a_place_that_is_not_there_marks_nothing() {
        assert_eq!(seen(None, None), own(1, ["Wärme 😀 eins.\n", "", ""]));
        assert_eq!(seen(Some(2), Some((6, 7))), own(2, ["Zwei für alle.", "", ""]));
        assert_eq!(seen(Some(9), Some((5, 900))), own(1, ["Wärme 😀 eins.\n", "", ""]));
        assert_eq!(seen(None, Some((9, 2))), own(1, ["Wärme 😀 eins.\n", "", ""]));
        // A passage that goes on over the page is marked as far as the page goes.
        assert_eq!(seen(Some(2), Some((9, 18))), own(2, ["", "Zwei", " für alle."]));
    }

    #[test]
    fn a_page_without_end_is_shown_around_the_passage() {
        let text = "ä".repeat(200_000);
        let hit = Span { start: 200_001, end: 200_003 };
        let (span, is_cut) = cut(&text, Span { start: 0, end: text.len() }, Some(hit));
        assert!(is_cut && span.start < 200_000 && span.end > 200_003);
        assert!(span.of(&text).is_some() && span.end - span.start <= LETTERS_MAX);
    }
}
